"""audit: list and verify the audit records, and replay a recorded search."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import click

from embedding.image.picture_file import read_picture_file
from index.models import workspace_encoder
from index.search.rerank import reranker_for
from index.search.text_evidence import text_reader_for
from index.workspace import Workspace
from service.app.audit import Audit
from service.app.recorded_search import replay as replay_search
from service.app.recorded_search import sha256_of
from service.app.replay_differences import explanation
from service.cli.exit_status import FAILED
from service.cli.streams import print_json, say
from service.tables import open_service_database


@click.group()
def audit() -> None:
    """Read and check the records of searches, dossiers, leads and sign-ins; replay a search."""


@audit.command()
@click.pass_obj
def verify(root: Path) -> None:
    """Find changed, missing or truncated records. Keep the head it prints elsewhere, and compare it later."""
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
                if as_json:
                    print_json(record)
                else:
                    click.echo(_line(record))


@audit.command()
@click.argument("search", metavar="SEARCH")
@click.option(
    "--image",
    "images",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A picture that was uploaded for the search; uploads are not kept. Repeat for several.",
)
@click.pass_context
def replay(context: click.Context, search: str, images: tuple[Path, ...]) -> None:
    """Run SEARCH, a record's number or a query id, again on its generation, and compare the rankings.

    Says why it cannot be replayed exactly where the model, the search parameters, the generation or the program have
    changed since.

    Exit status 0: the same ranking; 1: another, or none.
    """
    workspace = Workspace.open(context.obj)
    with closing(open_service_database(workspace)) as database:
        record = Audit(database).search(search)
    uploads = {sha256_of(data): data for data in map(read_picture_file, images)}
    _, encoder = workspace_encoder(workspace, say)
    result = replay_search(record, workspace, encoder, reranker_for(workspace), uploads, text_reader_for(workspace))
    where = f"generation {record['generation']}, {record['model']}"
    if result.differences:
        click.echo(explanation(result.differences))
    if not result.has_digests:
        click.echo(
            "this record is of an earlier version and carries no digest of what decided its ranking: changes of the "
            "search parameters and of the generation's files cannot be detected"
        )
    if result.is_same:
        count, apart = len(result.replayed), result.max_score_difference
        click.echo(f"the same ranking of {count} candidates ({where}); scores differ by {apart:.1g}")
        return
    click.echo(f"another ranking ({where}): recorded, then found now")
    for was, now in zip(result.recorded, result.replayed, strict=False):
        click.echo(f"{_ranked(was)}  |  {_ranked(now)}{'' if was[:2] == now[:2] else '  <- differs'}")
    if len(result.recorded) != len(result.replayed):
        click.echo(f"{len(result.recorded)} candidates were recorded, {len(result.replayed)} are found now")
    context.exit(FAILED)


def _ranked(candidate: tuple[str, str, float]) -> str:
    source, entry_id, score = candidate
    return f"{source} {entry_id} {score:.4f}"


def _line(record: dict[str, Any]) -> str:
    """A record as one line: number, time, who and kind, then the most important members of its kind."""
    head = f"{record['number']}  {record['at']}  {record['who']}  {record['kind']}"
    object_key = record.get("object")
    details = [" ".join(filter(None, object_key))] if object_key else []
    details += [
        str(record[name]) for name in ("account", "change", "form", "state", "verdict", "query_id") if name in record
    ]
    return "  ".join([head, *filter(None, details)])
