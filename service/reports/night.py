"""The nightly run: the re-index, then its record, HTML report, metrics and messages."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from embedding.errors import TraceObjectError
from index.errors import WorkspaceBusy
from index.generations import generations
from index.jobs.alerts import Alert, list_alerts, mark_reported
from index.jobs.reindex import Report
from index.records.catalogue import Catalogue
from index.settings import Settings
from index.stores.durable import write_file
from index.stores.images import ImageStore
from index.workspace import Workspace
from service.reports.mail import compose, send
from service.reports.metrics import write_metrics
from service.reports.report import render
from service.reports.run_history import RunHistory
from service.reports.run_record import RunRecord
from service.reports.webhook import post

WEBHOOK_SECRET = "TRACEOBJECT_WEBHOOK_SECRET"
SMTP_PASSWORD = "TRACEOBJECT_SMTP_PASSWORD"
RESEND_SECONDS = 120.0
"""Time limit for sending records of earlier runs again: a receiver that is down must not delay the run's end."""

Say = Callable[[str], None]
Deliver = Callable[[RunRecord], str]
"""Sends a record to a receiver: "" if it was accepted, otherwise the error."""


def reported_run(workspace: Workspace, run: Callable[[], Report], say: Say) -> Report:
    """Run a re-index and report it, also if it fails. Errors of reporting are warnings and never fail the run.

    Raises:
        TraceObjectError: raised by the re-index. A run that found the workspace busy is not recorded.
    """
    started, clock = generations.now(), time.monotonic()
    try:
        report = run()
    except WorkspaceBusy:
        raise
    except Exception as error:
        known = isinstance(error, TraceObjectError | OSError)
        message = str(error) if known else f"{type(error).__name__}: {error}"
        seconds = round(time.monotonic() - clock, 3)
        live = _live_number(workspace)
        record = RunRecord(started, generations.now(), seconds, "failed", generation=live, error=message)
        report_run(workspace, record, say)
        raise
    alerts = _unreported_alerts(workspace, report, say)
    record = RunRecord.of(report, alerts, started, generations.now(), time.monotonic() - clock)
    report_run(workspace, record, say)
    return report


def report_run(workspace: Workspace, record: RunRecord, say: Say) -> None:
    """Keep a record, and send it where the settings say. Each step that fails is a warning; the others are still done.

    A record that could not be sent is sent by a later run, unless it could not be written either.
    """
    history, settings = RunHistory.of(workspace), workspace.settings
    page = render(record, ImageStore(workspace.objects))
    path: Path | None = None
    try:
        path = history.add(record)
        if record.alerts:
            with Catalogue.open(workspace.database_url) as catalogue:
                mark_reported(catalogue.database, record.alerts, record.finished)
        write_file(history.report, page.encode(errors="backslashreplace"))
    except (OSError, TraceObjectError) as error:
        say(f"warning: the record of this run could not be kept whole: {error}")
    if settings.metrics_file and (why := write_metrics(record, Path(settings.metrics_file))):
        say(f"warning: metrics were not written: {why}")
    for channel, deliver in _channels(settings, ImageStore(workspace.objects)).items():
        _send(history, channel, deliver, path, record if record.worth_a_message() else None, say)


def _channels(settings: Settings, images: ImageStore) -> dict[str, Deliver]:
    """The configured receivers, by name."""
    channels: dict[str, Deliver] = {}
    if settings.webhook:
        channels["webhook"] = lambda record: post(settings.webhook, os.environ.get(WEBHOOK_SECRET, ""), record)
    if settings.smtp and settings.mail_to:

        def mail(record: RunRecord) -> str:
            sender = settings.mail_from or settings.mail_to[0]
            try:
                composed = compose(record, sender, settings.mail_to, render(record, images))
            except ValueError as error:
                return f"mail_to or mail_from is no address: {error}"
            return send(settings.smtp, os.environ.get(SMTP_PASSWORD, ""), composed)

        channels["mail"] = mail
    return channels


def _send(
    history: RunHistory, channel: str, deliver: Deliver, path: Path | None, record: RunRecord | None, say: Say
) -> None:
    """Send this run's record, None if it needs no message, and those of earlier runs that could not be sent.

    Args:
        path: where the record was written; None if that failed.
    """
    if record is not None and path is None:
        if why := deliver(record):
            say(f"warning: the {channel} did not take the record of this run: {why}")
        return
    try:
        if record is not None and path is not None:
            history.mark_unsent(path, channel)
        clock, failed, why = time.monotonic(), 0, ""
        for marker, unsent in history.unsent(channel):
            late = time.monotonic() - clock > RESEND_SECONDS
            if not late and not (now := deliver(unsent)):
                marker.unlink(missing_ok=True)
            else:
                failed, why = failed + 1, why if late else now
    except OSError as error:
        failed, why = 1, str(error)
    if failed:
        say(f"warning: the {channel} did not take {failed} accounts of re-indexes, which are sent again later: {why}")


def _unreported_alerts(workspace: Workspace, report: Report, say: Say) -> tuple[Alert, ...]:
    """Alerts that no record has yet: of this run, and of runs that were killed before reporting them."""
    try:
        with Catalogue.open(workspace.database_url) as catalogue:
            return tuple(list_alerts(catalogue.database, unreported=True))
    except TraceObjectError as error:
        say(f"warning: alerts of earlier runs cannot be read: {error}")
        return report.alerts


def _live_number(workspace: Workspace) -> int | None:
    try:
        return generations.live_number(workspace)
    except (TraceObjectError, OSError):
        return None
