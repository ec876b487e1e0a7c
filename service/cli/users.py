"""users: the accounts that may sign in, and their API tokens."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import click

from index.records.database import Database
from index.workspace import Workspace
from service.accounts.accounts import Accounts
from service.accounts.roles import ACCOUNT_ROLES, SCOPES, Role
from service.app.audit import COMMAND_LINE, Audit
from service.app.upgrade import open_for_writing
from service.cli.streams import say
from service.tables import open_service_database

# How long an API token is valid where the command names no days.
TOKEN_DAYS = 90

_PASSWORD = click.password_option(help="Asked for, twice, when it is not given.")


@click.group()
def users() -> None:
    """Manage accounts and API tokens."""


@users.command()
@click.argument("name")
@click.option("--role", type=click.Choice(ACCOUNT_ROLES), default="investigator", show_default=True)
@click.option("--password", help="Asked for, twice, when it is not given.")
@click.option("--without-password", is_flag=True, help="For people who sign in through the organisation (oidc_issuer).")
@click.pass_obj
def add(root: Path, name: str, role: str, password: str | None, without_password: bool) -> None:
    """Add the account NAME. The first account ends single-user mode."""
    if password is not None and without_password:
        raise click.UsageError("--password and --without-password exclude each other")
    if password is None and not without_password:
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    with closing(open_service_database(open_for_writing(root, say))) as database:
        Accounts(database).add(name, Role[role.upper()], password)
        _record(database, name, f"added as {role}")
    click.echo(f"{name} may sign in as {role}")


@users.command("list")
@click.pass_obj
def list_(root: Path) -> None:
    """List the accounts and their roles."""
    with closing(open_service_database(Workspace.open(root))) as database:
        for user in Accounts(database).all():
            click.echo(f"{user.name}  {user.role.word}{'  disabled' if user.disabled else ''}")


@users.command()
@click.argument("name")
@click.pass_obj
def disable(root: Path, name: str) -> None:
    """Disable the account NAME: its sessions end, its tokens are revoked."""
    with closing(open_service_database(open_for_writing(root, say))) as database:
        Accounts(database).disable(name)
        _record(database, name, "disabled")
    click.echo(f"{name} may no longer sign in")


@users.command()
@click.argument("name")
@_PASSWORD
@click.pass_obj
def password(root: Path, name: str, password: str) -> None:
    """Change NAME's password; its sessions end."""
    with closing(open_service_database(open_for_writing(root, say))) as database:
        Accounts(database).set_password(name, password)
        _record(database, name, "another password")
    click.echo(f"{name} has a new password")


@users.command()
@click.argument("name")
@click.option("--scope", "scopes", type=click.Choice(SCOPES), multiple=True, required=True, help="Repeat for several.")
@click.option(
    "--days", type=click.IntRange(1, 3650), default=TOKEN_DAYS, show_default=True, help="How long it is valid."
)
@click.pass_obj
def token(root: Path, name: str, scopes: tuple[str, ...], days: int) -> None:
    """Issue an API token for NAME and print it; it cannot be shown again."""
    with closing(open_service_database(open_for_writing(root, say))) as database:
        issued, secret = Accounts(database).issue(name, scopes, days)
        _record(database, name, f"token {issued.id} for {', '.join(issued.scopes)} until {_day(issued.expires)}")
    say(f"token {issued.id}, valid until {_day(issued.expires)}:")
    click.echo(secret)


@users.command()
@click.pass_obj
def tokens(root: Path) -> None:
    """List the API tokens, without their secrets, which are not stored."""
    with closing(open_service_database(Workspace.open(root))) as database:
        for item in Accounts(database).tokens():
            click.echo(f"{item.id}  {item.user}  {','.join(item.scopes)}  until {_day(item.expires)}")


@users.command()
@click.argument("token_id", metavar="ID")
@click.pass_obj
def revoke(root: Path, token_id: str) -> None:
    """Revoke the API token ID."""
    with closing(open_service_database(open_for_writing(root, say))) as database:
        revoked = Accounts(database).revoke(token_id)
        _record(database, revoked.user, f"token {token_id} revoked")
    click.echo(f"token {token_id} is revoked")


def _record(database: Database, account: str, change: str) -> None:
    Audit(database).append("account", COMMAND_LINE, account=account, change=change)


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()
