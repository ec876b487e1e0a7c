"""search: pictures, words or both, to candidates."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

import click
import sqlalchemy as sa

from embedding.errors import ImageRefused, TraceObjectError
from embedding.image.decode import DEFAULT_LIMITS, decode
from embedding.image.picture_file import read_picture_file
from embedding.image.regions import Region
from index.generations.generations import Generation, open_live
from index.models import workspace_encoder
from index.records.feed_records import COLLECTIONS, Collection, Refusal
from index.records.filters import KEYS, Filter
from index.search.answer import Answer, Query, QueryImage
from index.search.rerank import reranker_for
from index.search.search import search as run_search
from index.search.text_evidence import text_reader_for
from index.stores.images import ImageStore
from index.workspace import Workspace
from service.app.audit import Audit
from service.app.elimination import EarlierDecision, earlier_decisions
from service.app.evidence import draw_evidence
from service.app.leads import Leads
from service.app.search_request import regions_of, written_lines
from service.cli.exit_status import list_refused
from service.cli.streams import print_json, say
from service.tables import open_service_database, service_database_url

STANDARD_INPUT = Path("-")
_SHOWN_WORDS = 5


@click.command()
@click.argument("images", nargs=-1, type=click.Path(path_type=Path), metavar="IMAGE...")
@click.option(
    "--in",
    "collection",
    type=click.Choice(COLLECTIONS),
    default="catalogue",
    show_default=True,
    help="What to search: products for a published crop, or published objects for a photo.",
)
@click.option(
    "--box",
    "boxes",
    multiple=True,
    metavar="X0,Y0,X1,Y1",
    help="The thing in the picture, in fractions of its width and height; once, or once per picture.",
)
@click.option("--text", default="", help="Words to search by, alone or with the pictures.")
@click.option(
    "--written",
    multiple=True,
    metavar="LINE",
    help="A line that is written on the thing, such as its brand or the number of its barcode; then none is read off "
    "the pictures.",
)
@click.option("--filter", "filters", multiple=True, metavar="KEY=VALUE", help=f"Only entries with: {', '.join(KEYS)}.")
@click.option("--limit", default=10, show_default=True, help="How many candidates.")
@click.option(
    "--evidence",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write a picture for each candidate into this folder: the query beside it, shared keypoints joined.",
)
@click.option("--no-rerank", is_flag=True, help="Rank by embeddings alone, without re-ranking by local features.")
@click.option("--no-text", is_flag=True, help="Do not read what is written on the pictures.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
@click.pass_context
def search(
    context: click.Context,
    images: tuple[Path, ...],
    collection: Collection,
    boxes: tuple[str, ...],
    text: str,
    written: tuple[str, ...],
    filters: tuple[str, ...],
    limit: int,
    evidence: Path | None,
    no_rerank: bool,
    no_text: bool,
    as_json: bool,
) -> None:
    """Find what resembles the thing in IMAGE; several pictures must show one and the same thing.

    `-` is a picture from standard input.
    """
    if evidence is not None and no_rerank:
        raise click.UsageError("--evidence shows the keypoints that re-ranking matched: leave --no-rerank out")
    if images.count(STANDARD_INPUT) > 1:
        raise click.UsageError("standard input has one picture: name - once")
    regions = regions_of(boxes, len(images))
    conditions = tuple(Filter.parse(text) for text in filters)
    loaded, refused = _load(images, regions)
    status = list_refused(refused, all_else_done=bool(loaded))
    if refused and not loaded:
        raise click.ClickException("none of the pictures could be read")
    query = Query(loaded, text, collection, conditions, limit, written=written_lines(written, not no_text))
    workspace = Workspace.open(context.obj)
    generation = open_live(workspace)
    _, encoder = workspace_encoder(workspace, say)
    reranker = None if no_rerank else reranker_for(workspace)
    answer = run_search(query, generation, encoder, reranker, text_reader=text_reader_for(workspace))
    if evidence is not None:
        drawn = draw_evidence(answer, query, ImageStore(workspace.objects), evidence)
        say(f"{len(drawn)} pictures of the evidence: {evidence}")
    earlier = _earlier_decisions(answer, generation, workspace)
    if as_json:
        # Imported here, because the import adds 0.1 s to a command that does not print JSON.
        from service.app.responses import answer_response

        print_json(answer_response(answer, earlier=earlier).model_dump(exclude={"faces"}))
    else:
        click.echo(answer_table(answer, earlier))
    context.exit(status)


def _earlier_decisions(
    answer: Answer, generation: Generation, workspace: Workspace
) -> Mapping[int, tuple[EarlierDecision, ...]]:
    """What investigators decided on the candidates' families, by rank; a workspace without leads has none."""
    address = sa.make_url(service_database_url(workspace))
    is_made = address.get_backend_name() != "sqlite" or Path(address.database or "").exists()
    if answer.collection != "catalogue" or not is_made:
        return {}
    try:
        with closing(open_service_database(workspace)) as database:
            return earlier_decisions(answer, generation, Leads(database, Audit(database)))
    except TraceObjectError as error:
        # The answer itself needs no leads.
        say(f"earlier decisions are not shown: {error}")
        return {}


def _load(images: tuple[Path, ...], regions: Sequence[Region]) -> tuple[tuple[QueryImage, ...], list[Refusal]]:
    loaded: list[QueryImage] = []
    refused: list[Refusal] = []
    for path, region in zip(images, regions, strict=True):
        try:
            loaded.append(QueryImage(decode(_read(path)), region))
        except ImageRefused as error:
            refused.append(Refusal(_name(path), error.reason, str(error)))
    return tuple(loaded), refused


def _read(path: Path) -> bytes:
    if path == STANDARD_INPUT:
        return sys.stdin.buffer.read(DEFAULT_LIMITS.bytes + 1)
    return read_picture_file(path)


def _name(path: Path) -> str:
    return "standard input" if path == STANDARD_INPUT else str(path)


def answer_table(answer: Answer, earlier: Mapping[int, tuple[EarlierDecision, ...]]) -> str:
    """An answer as lines for a terminal; `earlier`: decisions on the candidates' families, by rank."""
    from service.rendering.environment import EARLIER_WORDS, attribution_text, percent
    from service.rendering.language import words_in

    t = words_in("en")

    told = f"brand {attribution_text(answer.brands[:1])}" if answer.verdict == "brand" else answer.verdict
    lines = [f"{told} (generation {answer.generation}, {answer.model})"]
    for candidate in answer.candidates:
        fields = candidate.entry.fields
        columns = [fields.entry_id, fields.title, fields.brand, fields.retailer or fields.authority, fields.link]
        if candidate.evidence.words:
            columns.append(
                f"also written: {', '.join(match.found for match in candidate.evidence.words[:_SHOWN_WORDS])}"
            )
        if candidate.variants:
            columns.append(f"and {', '.join(variant.fields.entry_id for variant in candidate.variants)}")
        columns += [
            t(EARLIER_WORDS[one.state], object=one.object_id, who=one.who, day=one.at[:10])
            for one in earlier.get(candidate.rank, ())
        ]
        likely = "" if candidate.likelihood is None else f"{percent(candidate.likelihood):>4}  "
        lines.append(f"{candidate.rank:3d}  {candidate.score:.3f}  {likely}" + "  ".join(filter(None, columns)))
    named = (("brands", answer.brands), ("retailers", answer.retailers))
    lines += [f"{label}: {attribution_text(found)}" for label, found in named if found]
    return "\n".join(lines)
