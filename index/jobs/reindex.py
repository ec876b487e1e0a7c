"""The nightly job: feeds to catalogue, pictures to embeddings, embeddings to a published generation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import chain

from embedding.encoders.protocol import Encoder
from embedding.text.reading import TextReader
from index.coordination.protocol import PublicationRecord, unrecorded
from index.errors import GenerationError
from index.generations import generations
from index.generations.content import content_digest
from index.generations.generations import open_generation
from index.generations.manifest import Manifest, SelfTest
from index.jobs.alerts import Alert
from index.jobs.build import Built, build
from index.jobs.compile_model import compile_at_first
from index.jobs.compute import Computed, compute_missing, repair_embeddings
from index.jobs.context import JobContext
from index.jobs.forget import Forgot, complete_forgetting
from index.jobs.lost_records import require_records
from index.jobs.retention import expire
from index.jobs.sweep import sweep
from index.jobs.watch import is_watched, watch
from index.progress import Progress, Timed
from index.records.catalogue import Catalogue, Changes
from index.records.feed_records import COLLECTIONS, Refusal
from index.records.names import Names, read_aliases
from index.search.ranking_digest import search_parameters_digest
from index.search.rerank import Reranker
from index.search.search import search
from index.sources.gate import Gate
from index.sources.read_sources import ReadContext, polite_fetch, read_sources, web_of
from index.stores.disk_faults import disk_faults
from index.stores.images import images_for_job
from index.workers.in_process import InProcess
from index.workers.protocol import Workers
from index.workspace import Workspace

IN_PROCESS = InProcess()
# A note of the report.
REFITTED = "this version ranks otherwise than the one that built the former generation: likelihoods were fitted anew"


@dataclass(frozen=True)
class Report:
    """The result of a re-index. `generation` is the live one afterwards; `published` says whether it is new.

    `withheld` says why what was built was not published; `failed` are sources that could not be read, or not to their
    end, or whose reading was withheld, `warnings` what was damaged and repaired, `alerts` the new alerts, `seconds` the
    time that each step took. `notes` say what of a source on the web is left for another night, what was compiled, and
    that likelihoods were fitted anew.
    """

    generation: int | None
    published: bool
    model: str
    changes: dict[str, Changes]
    new_images: int
    embedded: int
    refused: tuple[Refusal, ...]
    failed: tuple[str, ...]
    warnings: tuple[str, ...]
    seconds: dict[str, float]
    self_test: SelfTest | None = None
    alerts: tuple[Alert, ...] = ()
    withheld: str = ""
    notes: tuple[str, ...] = ()


def reindex(
    workspace: Workspace,
    encoder: Encoder,
    progress: Progress,
    reranker: Reranker | None = None,
    *,
    full: bool = False,
    today: date | None = None,
    gate: Gate | None = None,
    accept: frozenset[str] = frozenset(),
    text_reader: TextReader | None = None,
    may_compile: bool = False,
    record_publication: PublicationRecord = unrecorded,
    workers: Workers = IN_PROCESS,
) -> Report:
    """Bring catalogue and index up to date with every source, and publish if anything changed.

    So does a program that ranks otherwise than the one that built the live generation, whose likelihood was fitted to
    other scores. `full` reads every feed, builds and publishes even when nothing changed. An image that was embedded
    under this model is never embedded again. A feed that cannot be read, or not to its end, is reported in `failed`,
    and none of its entries is taken as gone; so is one that lost too much at once (the setting `max_fall`), unless its
    source is in `accept`. `gate` checks the pictures of published objects; `text_reader` reads what is written on
    pictures; `record_publication` records that a generation is live. With `may_compile` the first generation may be
    made with a compiled form of the model: see compile_at_first. `workers` compute what each picture needs: copy,
    embedding, local features, text.

    Raises:
        WorkspaceError: another job is writing here, the disk is full or faulty, or the records of a live generation are
            lost; the live generation is untouched, and the next run resumes where this one stopped.
    """
    timed, today = Timed(progress), today or datetime.now(UTC).date()
    with (
        disk_faults(workspace.root),
        workspace.lock("reindex"),
        Catalogue.open(workspace.database_url) as catalogue,
    ):
        generations.clear_unfinished(workspace)
        forgot = complete_forgetting(workspace, catalogue)
        require_records(workspace, catalogue)
        # A file with a mistake stops the job here, before anything is fetched.
        Names.read(workspace.aliases)
        aliases = read_aliases(workspace.aliases)

        settings = workspace.settings
        images = images_for_job(workspace.objects, sum(catalogue.counts().values()))
        read = read_sources(
            catalogue.sources(),
            ReadContext(
                catalogue,
                images,
                polite_fetch(settings),
                today,
                timed,
                gate,
                full=full,
                max_fall=settings.max_fall,
                accept=accept,
                web=web_of(workspace),
                workers=workers,
            ),
        )
        expired = expire(catalogue, today, settings.retention_days)

        context = JobContext(
            workspace, catalogue, images, encoder, reranker, timed, text_reader, record_publication, workers
        )
        context, compiled = compile_at_first(context) if may_compile else (context, ())
        computed = compute_missing(context)

        live, unreadable = _live(workspace)
        refit = live is not None and live.search_parameters != search_parameters_digest()
        built = Built(None, live.self_test if live else None)
        content = _content(context, computed, aliases)
        if full or refit or live is None or live.content != content:
            if repaired := repair_embeddings(context, computed):
                computed, content = repaired, _content(context, repaired, aliases)
            built = _build(context, computed, content, live, anew=full)
            if not built.refused:
                sweep(workspace, catalogue)

        number = built.generation or (live.generation if live else None)
        alerts, unwatched = _watch(context, number)
        refused = (*catalogue.refusals(), *computed.refused)
    return Report(
        generation=number,
        published=built.generation is not None,
        model=context.encoder.card.name,
        changes=_with_expired(read.changes, expired),
        new_images=read.new_images,
        embedded=computed.embedded,
        refused=refused,
        failed=read.failed,
        warnings=(*unreadable, *_deleted(forgot), *computed.warnings, *unwatched),
        notes=(*read.notes, *compiled, *((REFITTED,) if refit and built.generation else ())),
        seconds=timed.seconds,
        self_test=built.self_test,
        alerts=tuple(alerts),
        withheld=built.refused,
    )


def content_of(
    catalogue: Catalogue,
    encoder: Encoder,
    damaged: Iterable[Refusal],
    aliases: bytes = b"",
    text: tuple[str, ...] = (),
) -> str:
    """A SHA-256 over everything that a generation would be built from; `damaged` images have no embedding."""
    card = encoder.card
    entries = chain.from_iterable(catalogue.entries(collection) for collection in COLLECTIONS)
    not_embedded = (refusal.where for refusal in damaged)
    return content_digest(card.name, card.sha256 or "", entries, not_embedded, aliases, text)


def _content(context: JobContext, computed: Computed, aliases: bytes) -> str:
    return content_of(context.catalogue, context.encoder, computed.refused, aliases, computed.text.content)


def _build(context: JobContext, computed: Computed, content: str, live: Manifest | None, *, anew: bool) -> Built:
    """Build and publish; a failed build is deleted at once, because the disk may be full."""
    try:
        return build(context, computed.vectors, computed.text, content, live, anew=anew)
    except Exception:
        generations.clear_unfinished(context.workspace)
        raise


def _watch(context: JobContext, number: int | None) -> tuple[list[Alert], tuple[str, ...]]:
    """Search for the open objects, unless that was completed for the live generation before."""
    if number is None or is_watched(context.catalogue.database, number):
        return [], ()
    with closing(open_generation(context.workspace, number)) as generation:
        return watch(
            generation,
            lambda query: search(query, generation, context.encoder, context.reranker, text_reader=context.text_reader),
            context.catalogue.database,
            context.images,
            context.workspace.settings.alert_likelihood,
            generations.now(),
            context.progress,
        )


def _live(workspace: Workspace) -> tuple[Manifest | None, tuple[str, ...]]:
    """The live generation's manifest, if it verifies, and else a warning."""
    try:
        number = generations.live_number(workspace)
        if number is None:
            return None, ()
        folder = generations.folder_of(workspace, number)
        manifest = Manifest.read(folder)
        manifest.verify(folder)
    except GenerationError as error:
        return None, (f"the live generation was damaged and is built anew: {error}",)
    return manifest, ()


def _deleted(forgot: Forgot | None) -> tuple[str, ...]:
    """Warnings of the generations that the completion of an interrupted `forget` had to delete."""
    return tuple(f"it could not be read, so it was deleted: {one}" for one in forgot.unreadable) if forgot else ()


def _with_expired(changes: Mapping[str, Changes], expired: Mapping[str, int]) -> dict[str, Changes]:
    """The changes of each source, with the entries whose retention ended."""
    found = dict(changes)
    for source, count in expired.items():
        found[source] = found.get(source, Changes()) + Changes(expired=count)
    return found
