"""reindex: read every source again, and bring the index up to date."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import asdict

import click

from index.errors import SchemaOutdated
from index.jobs.reindex import Report
from index.jobs.reindex import reindex as run_reindex
from index.models import lazy_encoder, other_encoder
from index.records.catalogue import Catalogue, Changes
from index.search.rerank import reranker_for
from index.search.text_evidence import text_reader_for
from index.workers.opening import is_workers, open_workers
from index.workspace import Workspace
from service.app.audit import Audit
from service.app.gate import PUBLISHED_THRESHOLD, gate_of
from service.app.publications import publication_record
from service.app.upgrade import upgrade_workspace
from service.cli.exit_status import SOME_REFUSED, list_refused
from service.cli.progress import progress_for_stderr
from service.cli.streams import say
from service.reports.night import reported_run
from service.reports.run_history import RunHistory
from service.tables import open_service_database


@click.command()
@click.option("--full", is_flag=True, help="Read every feed, build and publish even when nothing changed.")
@click.option("--model", default="", help="Move to another model: embed everything anew, then publish.")
@click.option(
    "--accept",
    multiple=True,
    metavar="SOURCE",
    help="Take what the feed of SOURCE names today as all of it, though it lost much, or does not end as it should.",
)
@click.option(
    "--workers",
    default="",
    metavar="WHERE",
    help="Compute copies, embeddings, local features and text by Ray: ray://HOST:PORT is a cluster's client port, a "
    "number so many processes of this machine.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
@click.pass_context
def reindex(
    context: click.Context, full: bool, model: str, accept: tuple[str, ...], workers: str, as_json: bool
) -> None:
    """Read every source again, embed what is new, and publish a generation if anything changed."""
    if workers and not is_workers(workers):
        raise click.UsageError(f"--workers {workers}: ray://HOST:PORT or a number of processes is needed")
    workspace = Workspace.open(context.obj)
    if accept:
        _require_sources(workspace, accept)
    other = other_encoder(model) if model else None

    def run() -> Report:
        upgrade_workspace(workspace, say)
        # Loaded within the run, so that a missing model or gate is recorded and reported as a failed run.
        pinned, encoder = (workspace, other) if other else lazy_encoder(workspace, say)
        with (
            closing(open_service_database(pinned)) as database,
            open_workers(workers, pinned.objects, say) as computing,
        ):
            return run_reindex(
                pinned,
                encoder,
                progress_for_stderr(),
                reranker_for(pinned),
                full=full,
                gate=gate_of(pinned, PUBLISHED_THRESHOLD),
                accept=frozenset(accept),
                text_reader=text_reader_for(pinned),
                # A model that is compiled here is not on the workers.
                may_compile=not workers,
                workers=computing,
                record_publication=publication_record(Audit(database), "reindex"),
            )

    report = reported_run(workspace, run, say)
    for name, changes in report.changes.items():
        say(f"{name}: {summary(changes)}")
    for failure in report.failed:
        say(f"failed: {failure}")
    if report.withheld:
        say(f"not published: {report.withheld}")
    for note in report.notes:
        say(note)
    for warning in report.warnings:
        say(f"warning: {warning}")
    if report.alerts:
        say(f"new alerts: {len(report.alerts)}; see traceobject alerts, or {RunHistory.of(workspace).report}")
    if as_json:
        click.echo(json.dumps(asdict(report)))
    else:
        done = f"generation {report.generation} published" if report.published else "nothing changed"
        live = "" if report.published else f"; generation {report.generation} stays live"
        click.echo(f"{done}{live}; {report.embedded} pictures embedded with {report.model}")
    context.exit(list_refused(report.refused) or (SOME_REFUSED if report.failed or report.withheld else 0))


def _require_sources(workspace: Workspace, names: tuple[str, ...]) -> None:
    """Refuse a name that no source has, before the run begins."""
    try:
        with Catalogue.open(workspace.database_url) as catalogue:
            known = [source.name for source in catalogue.sources()]
    except SchemaOutdated:
        return  # the run upgrades it first
    for name in names:
        if name not in known:
            raise click.UsageError(f"--accept {name}: no source is called so; there are {', '.join(known) or 'none'}")


def summary(changes: Changes) -> str:
    """The changes of one reading of a source, in words."""
    left = f", {changes.expired} left for good" if changes.expired else ""
    return f"{changes.added} added, {changes.changed} changed, {changes.gone} gone, {changes.unchanged} unchanged{left}"
