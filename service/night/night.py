"""One night, told to people: the re-index, then its account, report, metrics and messages."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from embedding.errors import TraceObjectError
from index.alerts import Alert, list_alerts, mark_reported
from index.catalogue import Catalogue
from index.durable import write_file
from index.errors import WorkspaceBusy
from index.generations import now
from index.images import ImageStore
from index.reindex import Report
from index.workspace import Workspace
from service.night.account import Account
from service.night.kept import Nights
from service.night.mail import compose, send
from service.night.metrics import write_metrics
from service.night.report import render
from service.night.webhook import post

WEBHOOK_SECRET = "TRACEOBJECT_WEBHOOK_SECRET"
SMTP_PASSWORD = "TRACEOBJECT_SMTP_PASSWORD"


def night(workspace: Workspace, run: Callable[[], Report], say: Callable[[str], None]) -> Report:
    """Run a re-index and tell of it, also of one that fails. What cannot be told is a warning: it fails no night.

    Raises:
        TraceObjectError: what the re-index raised; one that found the workspace busy is no night and is not told.
    """
    started, clock = now(), time.monotonic()
    try:
        report = run()
    except WorkspaceBusy:
        raise
    except TraceObjectError as error:
        seconds = round(time.monotonic() - clock, 3)
        tell(workspace, Account(started, now(), seconds, "failed", error=str(error)), say)
        raise
    alerts = _untold(workspace)
    tell(workspace, Account.of(report, alerts, started, now(), time.monotonic() - clock), say)
    return report


def tell(workspace: Workspace, account: Account, say: Callable[[str], None]) -> None:
    """Keep an account and send it where the settings say."""
    nights, settings = Nights.of(workspace), workspace.settings
    try:
        kept = nights.keep(account)
        page = render(account, ImageStore(workspace.images))
        write_file(nights.report, page.encode())
    except OSError as error:
        say(f"warning: the account of this night could not be kept: {error.strerror or error}")
        return
    if account.alerts:
        with Catalogue.open(workspace.database_url) as catalogue:
            mark_reported(catalogue.database, account.alerts, account.finished)
    if settings.metrics_file and (why := write_metrics(account, Path(settings.metrics_file))):
        say(f"warning: metrics were not written: {why}")
    if settings.webhook:
        _send_all(nights, settings.webhook, kept if account.worth_a_mail() else None, say)
    if settings.smtp and settings.mail_to and account.worth_a_mail():
        mail = compose(account, settings.mail_from or settings.mail_to[0], settings.mail_to, page)
        if why := send(settings.smtp, os.environ.get(SMTP_PASSWORD, ""), mail):
            say(f"warning: the mail was not sent: {why}")


def _send_all(nights: Nights, url: str, kept: Path | None, say: Callable[[str], None]) -> None:
    """Post what an earlier night could not, and this one's account; what fails again waits for the next night."""
    if kept is not None:
        nights.note_unsent(kept)
    for note, account in nights.unsent():
        if why := post(url, os.environ.get(WEBHOOK_SECRET, ""), account):
            say(f"warning: the webhook was not reached and is tried again next time: {why}")
            return
        note.unlink(missing_ok=True)


def _untold(workspace: Workspace) -> tuple[Alert, ...]:
    """Alerts that no account told of yet: this run's, and those of a run that was killed before it could."""
    with Catalogue.open(workspace.database_url) as catalogue:
        return tuple(replace(alert) for alert in list_alerts(catalogue.database, unreported=True))
