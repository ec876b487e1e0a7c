"""demo: a rendered sample is indexed and searched in both directions, and shown as a picture sheet."""

from __future__ import annotations

import secrets
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from embedding.encoders.protocol import Encoder
from embedding.image.decode import decode
from index.errors import WorkspaceError
from index.generations.generations import Generation, open_live
from index.jobs.reindex import reindex
from index.models import workspace_encoder
from index.records.catalogue import Catalogue
from index.records.feed_records import COLLECTIONS, Collection
from index.search.answer import Query, QueryImage
from index.search.rerank import Reranker, reranker_for
from index.search.search import search
from index.stores.images import ImageStore
from index.workspace import SETTINGS, Workspace
from service.accounts.accounts import Accounts
from service.accounts.roles import Role
from service.app.upgrade import open_for_writing
from service.cli.progress import progress_for_stderr, say
from service.reports.sheet import SheetCandidate, SheetRow, write_html, write_png
from service.tables import open_service_database

if TYPE_CHECKING:
    from sample.write import Query as SampleQuery

DEMO_USER, SIGN_IN = "demo", "sign-in.txt"
SHOWN = 5
SHEET_ROWS = 12


@click.command()
@click.option("--seed", default=7, show_default=True, help="Another seed renders another sample.")
@click.pass_obj
def demo(root: Path, seed: int) -> None:
    """Render a sample catalogue and published crops, index them, search, and draw the picture sheet."""
    # What draws the sample is large, and no other command wants it.
    from sample.write import render_sample

    workspace = _workspace(root)
    progress = progress_for_stderr()
    with progress.step("rendering") as tick:
        sample = render_sample(root / "sample", seed, lambda _done, _total: tick(1))
    with Catalogue.open(workspace.database_url) as records:
        records.add_source("sample shops", "catalogue", str(sample.catalogue.absolute()), "csv")
        records.add_source("sample authorities", "objects", str(sample.objects.absolute()), "csv")
    workspace, encoder = workspace_encoder(workspace, say)
    reranker = reranker_for(workspace)
    reindex(workspace, encoder, progress, reranker)
    generation = open_live(workspace)
    rows: dict[Collection, list[SheetRow]] = {collection: [] for collection in COLLECTIONS}
    with progress.step("searching", len(sample.queries)) as tick:
        for query in sample.queries:
            found = _ask(query, generation, encoder, reranker, ImageStore(workspace.images))
            rows[query.collection].append(found)
            tick(1)
    told = [f"{_direction(collection)}: {_recall(asked)}" for collection, asked in rows.items()]
    for line in told:
        click.echo(line)
    heading = f"{sum(map(len, rows.values()))} sample searches with {encoder.card.name}"
    shown = _choose(rows)
    write_png(shown, root / "sheet.png", heading, "   ·   ".join(told))
    write_html(shown, root / "sheet.html", heading, " · ".join(told))
    click.echo(f"the picture sheet: {root / 'sheet.png'} and {root / 'sheet.html'}")
    name, password = _sign_in(workspace)
    click.echo(f"look around: traceobject --workspace {root} serve")
    click.echo(f"sign in at /workbench as {name}, password {password}; it is in {root / SIGN_IN} too")


def _workspace(root: Path) -> Workspace:
    """The demo's own workspace; a real one is never mixed with rendered pictures."""
    if (root / SETTINGS).exists():
        if not (root / "sample").is_dir():
            raise WorkspaceError(f"{root} is a workspace of yours: name another, traceobject --workspace DIR demo")
        return open_for_writing(root, say)
    workspace = Workspace.create(root)
    (root / "sample").mkdir()
    return workspace


def _sign_in(workspace: Workspace) -> tuple[str, str]:
    """An account of the demo's own workspace, with another password for each run: name and password."""
    password = secrets.token_urlsafe(9)
    with closing(open_service_database(workspace)) as database:
        accounts = Accounts(database)
        if accounts.known(DEMO_USER):
            accounts.set_password(DEMO_USER, password)
        else:
            accounts.add(DEMO_USER, Role.INVESTIGATOR, password)
    path = workspace.root / SIGN_IN
    path.touch(mode=0o600)
    path.write_text(f"{DEMO_USER}\n{password}\n", encoding="utf-8")
    return DEMO_USER, password


def _ask(
    query: SampleQuery, generation: Generation, encoder: Encoder, reranker: Reranker | None, store: ImageStore
) -> SheetRow:
    image = decode(query.path.read_bytes())
    answer = search(
        Query((QueryImage(image),), collection=query.collection, limit=SHOWN), generation, encoder, reranker
    )
    candidates = tuple(
        SheetCandidate(
            image=store.pixels(candidate.image),
            title=candidate.entry.fields.title,
            subtitle=candidate.entry.fields.brand or candidate.entry.fields.authority,
            score=candidate.score,
            right=candidate.entry.fields.entry_id == query.right_id,
        )
        for candidate in answer.candidates
    )
    return SheetRow(image, query.path.stem, candidates)


def _recall(rows: list[SheetRow]) -> str:
    first = sum(row.candidates[0].right for row in rows if row.candidates)
    among = sum(any(candidate.right for candidate in row.candidates) for row in rows)
    return f"right first {first / len(rows):.0%}, among the first {SHOWN} {among / len(rows):.0%} of {len(rows)}"


def _direction(collection: Collection) -> str:
    return "published crop to product" if collection == "catalogue" else "volunteer's photo to published object"


def _choose(rows: dict[Collection, list[SheetRow]]) -> list[SheetRow]:
    """Rows for the sheet, evenly from both directions, in the sample's order: hits and misses as they come."""
    chosen: list[SheetRow] = []
    for asked in rows.values():
        wanted = SHEET_ROWS // len(rows)
        chosen += asked[:: max(1, len(asked) // wanted)][:wanted]
    return chosen
