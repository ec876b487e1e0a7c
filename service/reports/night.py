"""One night, told to people: the re-index, then its account, report, metrics and messages."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from embedding.errors import TraceObjectError
from index.errors import GenerationError, WorkspaceBusy
from index.generations import generations
from index.jobs.alerts import Alert, list_alerts, mark_reported
from index.jobs.reindex import Report
from index.records.catalogue import Catalogue
from index.settings import Settings
from index.stores.durable import write_file
from index.stores.images import ImageStore
from index.workspace import Workspace
from service.reports.account import Account
from service.reports.kept import Nights
from service.reports.mail import compose, send
from service.reports.metrics import write_metrics
from service.reports.report import render
from service.reports.webhook import post

WEBHOOK_SECRET = "TRACEOBJECT_WEBHOOK_SECRET"
SMTP_PASSWORD = "TRACEOBJECT_SMTP_PASSWORD"
PATIENCE = 120.0
"""Seconds for what earlier nights could not send: a receiver that is down must not keep the night from ending."""

Say = Callable[[str], None]
Deliver = Callable[[Account], str]
"""Sends an account somewhere: "" if it was taken, otherwise why not."""


def night(workspace: Workspace, run: Callable[[], Report], say: Say) -> Report:
    """Run a re-index and tell of it, also of one that fails. What cannot be told is a warning: it fails no night.

    Raises:
        TraceObjectError: what the re-index raised; one that found the workspace busy is no night and is not told.
    """
    started, clock = generations.now(), time.monotonic()
    try:
        report = run()
    except WorkspaceBusy:
        raise
    except Exception as error:
        known = isinstance(error, TraceObjectError | OSError)
        told = str(error) if known else f"{type(error).__name__}: {error}"
        seconds = round(time.monotonic() - clock, 3)
        live = _live_number(workspace)
        tell(workspace, Account(started, generations.now(), seconds, "failed", generation=live, error=told), say)
        raise
    alerts = _untold(workspace, report, say)
    tell(workspace, Account.of(report, alerts, started, generations.now(), time.monotonic() - clock), say)
    return report


def tell(workspace: Workspace, account: Account, say: Say) -> None:
    """Keep an account, and send it where the settings say. What fails is said, and keeps nothing else from being done.

    An account that could not be sent is sent by a later night; one that could not be kept is sent now or never.
    """
    nights, settings = Nights.of(workspace), workspace.settings
    page = render(account, ImageStore(workspace.images))
    kept: Path | None = None
    try:
        kept = nights.keep(account)
        if account.alerts:
            with Catalogue.open(workspace.database_url) as catalogue:
                mark_reported(catalogue.database, account.alerts, account.finished)
        write_file(nights.report, page.encode(errors="backslashreplace"))
    except (OSError, TraceObjectError) as error:
        say(f"warning: the account of this night could not be kept whole: {error}")
    if settings.metrics_file and (why := write_metrics(account, Path(settings.metrics_file))):
        say(f"warning: metrics were not written: {why}")
    for channel, deliver in _channels(settings, ImageStore(workspace.images)).items():
        _send(nights, channel, deliver, kept, account if account.worth_a_message() else None, say)


def _channels(settings: Settings, images: ImageStore) -> dict[str, Deliver]:
    """Where accounts are sent, by name."""
    channels: dict[str, Deliver] = {}
    if settings.webhook:
        channels["webhook"] = lambda account: post(settings.webhook, os.environ.get(WEBHOOK_SECRET, ""), account)
    if settings.smtp and settings.mail_to:

        def mail(account: Account) -> str:
            sender = settings.mail_from or settings.mail_to[0]
            try:
                composed = compose(account, sender, settings.mail_to, render(account, images))
            except ValueError as error:
                return f"mail_to or mail_from is no address: {error}"
            return send(settings.smtp, os.environ.get(SMTP_PASSWORD, ""), composed)

        channels["mail"] = mail
    return channels


def _send(nights: Nights, channel: str, deliver: Deliver, kept: Path | None, told: Account | None, say: Say) -> None:
    """Send this night's account, if it is worth it, and what earlier nights could not; what fails waits for another."""
    if told is not None and kept is None:
        if why := deliver(told):
            say(f"warning: the {channel} did not take this night's account: {why}")
        return
    try:
        if told is not None and kept is not None:
            nights.note_unsent(kept, channel)
        clock, failed, why = time.monotonic(), 0, ""
        for note, account in nights.unsent(channel):
            late = time.monotonic() - clock > PATIENCE
            if not late and not (now := deliver(account)):
                note.unlink(missing_ok=True)
            else:
                failed, why = failed + 1, why if late else now
    except OSError as error:
        failed, why = 1, str(error)
    if failed:
        say(f"warning: the {channel} did not take {failed} accounts, which are sent again next time: {why}")


def _untold(workspace: Workspace, report: Report, say: Say) -> tuple[Alert, ...]:
    """Alerts that no account told of yet: this run's, and those of a run that was killed before it could."""
    try:
        with Catalogue.open(workspace.database_url) as catalogue:
            return tuple(list_alerts(catalogue.database, unreported=True))
    except TraceObjectError as error:
        say(f"warning: alerts of earlier nights cannot be read: {error}")
        return report.alerts


def _live_number(workspace: Workspace) -> int | None:
    try:
        return generations.live_number(workspace)
    except (GenerationError, OSError):
        return None
