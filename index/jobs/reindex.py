"""The nightly job: feeds to catalogue, pictures to embeddings, embeddings to a published generation."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, replace
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
from index.jobs.context import JobContext
from index.jobs.embed import embed_missing
from index.jobs.forget import Forgot, complete_forgetting
from index.jobs.lost_records import require_records
from index.jobs.make_features import make_missing
from index.jobs.read_text import ReadText, read_missing
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
from index.stores.vectors import VectorStore
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
        store = images_for_job(workspace.objects, sum(catalogue.counts().values()))
        context = JobContext(
            workspace, catalogue, store, encoder, reranker, timed, text_reader, record_publication, workers
        )
        settings = workspace.settings
        # A file with a mistake stops the job here, before anything is fetched.
        Names.read(workspace.aliases)
        aliases = read_aliases(workspace.aliases)
        reading = ReadContext(
            catalogue,
            store,
            polite_fetch(settings),
            today,
            timed,
            gate,
            full=full,
            max_fall=settings.max_fall,
            accept=accept,
            web=web_of(workspace),
            workers=workers,
        )
        read = read_sources(catalogue.sources(), reading)
        changes = dict(read.changes)
        for name, expired in expire(catalogue, today, settings.retention_days).items():
            changes[name] = changes.get(name, Changes()) + Changes(expired=expired)
        encoder, compiled = compile_at_first(context) if may_compile else (encoder, ())
        context = replace(context, encoder=encoder)
        vectors = VectorStore.open(workspace.objects, encoder.card)
        embedded, damaged = embed_missing(context, vectors)
        without_features = make_missing(context)
        text = read_missing(context)
        live, warnings = _live(workspace)
        warnings += _deleted(forgot) + without_features + text.warnings
        content = content_of(catalogue, encoder, damaged, aliases, text.content)
        number = live.generation if live else None
        built = Built(None, live.self_test if live else None)
        refit = live is not None and live.search_parameters != search_parameters_digest()
        if full or refit or live is None or live.content != content:
            if repaired := _discard_damaged(vectors):
                warnings += repaired
                embedded_again, damaged = embed_missing(context, vectors)
                embedded += embedded_again
                content = content_of(catalogue, encoder, damaged, aliases, text.content)
            built = _build(context, vectors, text, content, live, anew=full)
            if not built.refused:
                sweep(workspace, catalogue)
        number = built.generation or number
        alerts, unwatched = _watch(context, number)
        refused = (*catalogue.refusals(), *damaged)
    return Report(
        generation=number,
        published=built.generation is not None,
        model=encoder.card.name,
        changes=changes,
        new_images=read.new_images,
        embedded=embedded,
        refused=refused,
        failed=read.failed,
        warnings=(*warnings, *unwatched),
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


def _build(
    context: JobContext, vectors: VectorStore, text: ReadText, content: str, live: Manifest | None, *, anew: bool
) -> Built:
    """Build and publish; a failed build is deleted at once, because the disk may be full."""
    try:
        return build(context, vectors, text, content, live, anew=anew)
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


def _discard_damaged(vectors: VectorStore) -> tuple[str, ...]:
    """Discard damaged embeddings, so that they are computed again; returns a warning."""
    damaged = vectors.damaged()
    if not damaged:
        return ()
    vectors.discard(damaged)
    return (f"{len(damaged)} stored embeddings were damaged and are computed again: check that disk",)
