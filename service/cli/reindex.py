"""reindex: every source is read again, and the index brought up to date."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from index.jobs.reindex import Report
from index.jobs.reindex import reindex as run_reindex
from index.models import late_encoder, other_encoder
from index.records.catalogue import Changes
from index.search.rerank import reranker_for
from index.workspace import Workspace
from service.app.gate import PUBLISHED, gate_of
from service.app.upgrade import upgrade_workspace
from service.cli.exit_status import SOME_REFUSED, list_refused
from service.cli.progress import progress_for_stderr, say
from service.reports.kept import Nights
from service.reports.night import night


@click.command()
@click.option("--full", is_flag=True, help="Read every feed, build and publish even when nothing changed.")
@click.option("--model", default="", help="Move to another model: embed everything anew, publish when all is done.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
@click.pass_context
def reindex(context: click.Context, full: bool, model: str, as_json: bool) -> None:
    """Read every source again, embed what is new, and publish a generation if anything changed."""
    workspace = Workspace.open(context.obj)
    other = other_encoder(model) if model else None

    def run() -> Report:
        upgrade_workspace(workspace, say)
        # A model or a gate that cannot be had is a night that failed, and somebody is told.
        pinned, encoder = (workspace, other) if other else late_encoder(workspace, say)
        gate = gate_of(pinned, PUBLISHED)
        return run_reindex(pinned, encoder, progress_for_stderr(), reranker_for(pinned), full=full, gate=gate)

    report = night(workspace, run, say)
    for name, changes in report.changes.items():
        say(f"{name}: {told(changes)}")
    for failure in report.failed:
        say(f"not read: {failure}")
    if report.withheld:
        say(f"not published: {report.withheld}")
    for note in report.notes:
        say(note)
    for warning in report.warnings:
        say(f"warning: {warning}")
    if report.alerts:
        say(f"new alerts: {len(report.alerts)}; see traceobject alerts, or {Nights.of(workspace).report}")
    if as_json:
        click.echo(json.dumps(asdict(report)))
    else:
        done = f"generation {report.generation} published" if report.published else "nothing changed"
        live = "" if report.published else f"; generation {report.generation} stays live"
        click.echo(f"{done}{live}; {report.embedded} pictures embedded with {report.model}")
    context.exit(list_refused(report.refused) or (SOME_REFUSED if report.failed or report.withheld else 0))


def told(changes: Changes) -> str:
    """What a reading changed, in words."""
    left = f", {changes.expired} left for good" if changes.expired else ""
    return f"{changes.added} added, {changes.changed} changed, {changes.gone} gone, {changes.unchanged} unchanged{left}"
