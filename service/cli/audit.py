"""audit: what was done on the server, whether the record of it is whole, and the same search again."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from index.models import workspace_encoder
from index.search.rerank import reranker_for
from index.workspace import Workspace
from service.app.audit import Audit
from service.app.recorded_search import replay as replay_search
from service.app.recorded_search import sha256_of
from service.app.replay_differences import because
from service.cli.exit_status import FAILED
from service.cli.progress import say
from service.tables import open_service_database


@click.group()
def audit() -> None:
    """Read and check the record of searches, dossiers, leads and sign-ins; repeat a search."""


@audit.command()
@click.pass_obj
def verify(root: Path) -> None:
    """Find a changed, missing or cut-off record. Keep the head it prints elsewhere, and compare it later."""
    with closing(open_service_database(Workspace.open(root))) as database:
        count, head = Audit(database).verify()
    click.echo(f"{count} records, none changed; head {head}")


@audit.command("list")
@click.option("--who", default="", help="Only what this account did.")
@click.option("--kind", default="", help="Only records of this kind: search, dossier, lead, sign-in and others.")
@click.option("--after", default=0, help="Only records after this number.")
@click.option("--json", "as_json", is_flag=True, help="Print whole records, one a line, as JSON.")
@click.pass_obj
def list_(root: Path, who: str, kind: str, after: int, as_json: bool) -> None:
    """List the records, oldest first."""
    with closing(open_service_database(Workspace.open(root))) as database:
        for record in Audit(database).records(after):
            if who in ("", record.get("who")) and kind in ("", record.get("kind")):
                click.echo(json.dumps(record, ensure_ascii=False) if as_json else _line(record))


@audit.command()
@click.argument("search", metavar="SEARCH")
@click.option(
    "--image",
    "images",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A picture that was sent; those that were are not kept. Repeat for several.",
)
@click.pass_context
def replay(context: click.Context, search: str, images: tuple[Path, ...]) -> None:
    """Run SEARCH, a record's number or a query id, again on its generation, and compare the rankings.

    Says why it cannot be replayed exactly where the model, the search parameters, the generation or the program are
    not what they were.

    Exit status 0: the same ranking; 1: another, or none.
    """
    workspace = Workspace.open(context.obj)
    with closing(open_service_database(workspace)) as database:
        record = Audit(database).search(search)
    given = {sha256_of(data): data for data in (path.read_bytes() for path in images)}
    _, encoder = workspace_encoder(workspace, say)
    told = replay_search(record, workspace, encoder, reranker_for(workspace), given)
    where = f"generation {record['generation']}, {record['model']}"
    if told.differences:
        click.echo(because(told.differences))
    if not told.digested:
        click.echo(
            "this record is of an earlier version and carries no digest of what decided its ranking: whether search "
            "parameters and files of the generation are what they were cannot be told"
        )
    if told.same:
        click.echo(f"the same ranking of {len(told.found)} candidates ({where}); scores differ by {told.apart:.1g}")
        return
    click.echo(f"another ranking ({where}): recorded, then found now")
    for was, now in zip(told.recorded, told.found, strict=False):
        click.echo(f"{_ranked(was)}  |  {_ranked(now)}{'' if was[:2] == now[:2] else '  <- differs'}")
    if len(told.recorded) != len(told.found):
        click.echo(f"{len(told.recorded)} candidates were recorded, {len(told.found)} are found now")
    context.exit(FAILED)


def _ranked(candidate: tuple[str, str, float]) -> str:
    source, entry_id, score = candidate
    return f"{source} {entry_id} {score:.4f}"


def _line(record: dict[str, Any]) -> str:
    """The record's head, then what tells most of each kind."""
    head = f"{record['number']}  {record['at']}  {record['who']}  {record['kind']}"
    about = record.get("object")
    told = [" ".join(filter(None, about))] if about else []
    told += [
        str(record[name]) for name in ("account", "change", "form", "state", "verdict", "query_id") if name in record
    ]
    return "  ".join([head, *filter(None, told)])
