"""demo: index the sample, search it in both directions, and write the picture sheet."""

from __future__ import annotations

import os
import secrets
from contextlib import closing
from pathlib import Path

import click
import cv2

from embedding.encoders.protocol import Encoder
from embedding.encoders.registry import STARTER
from embedding.image.decode import decode
from embedding.text.reading import TextReader
from index.errors import WorkspaceError
from index.generations.generations import Generation, open_live
from index.jobs.reindex import reindex
from index.models import workspace_encoder
from index.records.catalogue import Catalogue
from index.records.feed_records import COLLECTIONS, Collection
from index.search.answer import Answer, Query, QueryImage
from index.search.rerank import Reranker, reranker_for
from index.search.search import search
from index.search.text_evidence import text_reader_for
from index.stores.images import ImageStore
from index.workspace import SETTINGS, Workspace
from service.accounts.accounts import Accounts
from service.accounts.roles import Role
from service.app.upgrade import open_for_writing
from service.cli.progress import progress_for_stderr
from service.cli.streams import say
from service.demo.sample import SampleQuery, copy_sample
from service.reports.sheet import SheetCandidate, SheetRow, write_html
from service.tables import open_service_database

DEMO_USER, SIGN_IN = "demo", "sign-in.txt"
CANDIDATES = 5
SHEET_ROWS = 12
SELF_TEST_PRODUCTS = 32
"""Fewer than by default, but enough to calibrate likelihoods: the self-test takes most of the demo's time."""


@click.command()
@click.pass_obj
def demo(root: Path) -> None:
    """Index a sample catalogue and published crops, search them both ways, and write the picture sheet."""
    # A search uses two threads already. The libraries' own beside them wait for one another, and spin while they do:
    # an eighth more processor time. torch reads the variable when it is loaded.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    cv2.setNumThreads(1)
    workspace = _workspace(root)
    progress = progress_for_stderr()
    sample = copy_sample(root / "sample")
    with Catalogue.open(workspace.database_url) as records:
        records.add_source("sample shops", "catalogue", str(sample.catalogue.absolute()), "csv")
        records.add_source("sample authorities", "objects", str(sample.objects.absolute()), "csv")
    with progress.step("loading the model", 1) as tick:
        workspace, encoder = workspace_encoder(workspace, say)
        tick(1)
    reranker, text_reader = reranker_for(workspace), text_reader_for(workspace)
    reindex(workspace, encoder, progress, reranker, text_reader=text_reader)
    generation = open_live(workspace)
    rows: dict[Collection, list[SheetRow]] = {collection: [] for collection in COLLECTIONS}
    with progress.step("searching", len(sample.queries)) as tick:
        for query in sample.queries:
            answer = _answer(query, generation, encoder, reranker, text_reader)
            rows[query.collection].append(_row(query, answer, ImageStore(workspace.objects)))
            tick(1)
    figures = [f"{_direction(collection)}: {_recall(found)}" for collection, found in rows.items()]
    for line in figures:
        click.echo(line)
    heading = f"{sum(map(len, rows.values()))} sample searches with {encoder.card.name}"
    write_html(_sheet_rows(rows), root / "sheet.html", heading, " · ".join(figures))
    click.echo(f"the picture sheet: {root / 'sheet.html'}")
    name, password = _sign_in(workspace)
    click.echo(f"look around: traceobject --workspace {root} serve")
    click.echo(f"sign in at /workbench as {name}, password {password}; it is in {root / SIGN_IN} too")


def _workspace(root: Path) -> Workspace:
    """The demo's workspace. Raises WorkspaceError where `root` is a workspace that the demo did not make."""
    if (root / SETTINGS).exists():
        if not (root / "sample").is_dir():
            raise WorkspaceError(f"{root} is a workspace of yours: name another, traceobject --workspace DIR demo")
        return open_for_writing(root, say)
    # The starter model is installed with the package; others may have to be fetched, and be slow without CUDA.
    workspace = Workspace.create(root, STARTER, self_test_products=SELF_TEST_PRODUCTS)
    (root / "sample").mkdir()
    return workspace


def _sign_in(workspace: Workspace) -> tuple[str, str]:
    """Make the demo's account, or give it a new password; name and password."""
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


def _answer(
    sample: SampleQuery,
    generation: Generation,
    encoder: Encoder,
    reranker: Reranker | None,
    text_reader: TextReader | None,
) -> Answer:
    image = QueryImage(decode(sample.path.read_bytes()))
    query = Query((image,), collection=sample.collection, limit=CANDIDATES)
    return search(query, generation, encoder, reranker, text_reader=text_reader)


def _row(query: SampleQuery, answer: Answer, store: ImageStore) -> SheetRow:
    image = decode(query.path.read_bytes())
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
    return f"right first {first / len(rows):.0%}, among the first {CANDIDATES} {among / len(rows):.0%} of {len(rows)}"


def _direction(collection: Collection) -> str:
    return "published crop to product" if collection == "catalogue" else "volunteer's photo to published object"


def _sheet_rows(rows: dict[Collection, list[SheetRow]]) -> list[SheetRow]:
    """Evenly spaced rows of both directions in the sample's order, regardless of whether they are right."""
    chosen: list[SheetRow] = []
    for found in rows.values():
        count = SHEET_ROWS // len(rows)
        chosen += found[:: max(1, len(found) // count)][:count]
    return chosen
