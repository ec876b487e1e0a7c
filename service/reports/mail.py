"""The e-mail about a re-index that has something to report."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Sequence
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

from service.reports.run_record import RunRecord

TIMEOUT = 20.0
MAX_LISTED = 50
"""Alerts listed in the text, as many as in the attached report; `traceobject alerts` lists all."""
_PORTS = {"smtp": 587, "smtps": 465}


def compose(record: RunRecord, sender: str, to: Sequence[str], report: str) -> EmailMessage:
    """A plain-text summary, with the HTML report as an attachment.

    Raises:
        ValueError: an address is not valid in a header.
    """
    mail = EmailMessage()
    mail["Subject"] = _line(f"traceobject: {record.summary()}")[:200]
    mail["From"], mail["To"] = sender, ", ".join(to)
    lines = [record.summary(), ""]
    for alert in record.alerts[:MAX_LISTED]:
        product = ", ".join(filter(None, [alert.product_id, alert.title, alert.brand, alert.retailer, alert.link]))
        lines.append(f"{alert.likelihood:.2f} {alert.object_source} {alert.object_id}: {product}")
    if len(record.alerts) > MAX_LISTED:
        lines.append(f"and {len(record.alerts) - MAX_LISTED} more: traceobject alerts")
    lines += [f"failed: {failure}" for failure in record.failed]
    lines += [f"warning: {warning}" for warning in record.warnings]
    mail.set_content("\n".join(map(_line, lines)) + "\n")
    mail.add_attachment(report.encode(), maintype="text", subtype="html", filename="night.html")
    return mail


def send(server: str, password: str, mail: EmailMessage) -> str:
    """Send a mail through smtp://[user@]host[:port], with STARTTLS, or smtps://: "" if accepted, else the error.

    STARTTLS is skipped for a server on loopback. Never raises.
    """
    try:
        url = urlsplit(server)
        host, port = url.hostname or "", url.port or _PORTS[url.scheme]
        user = unquote(url.username or "")
        context = ssl.create_default_context()
        if url.scheme == "smtps":
            connection: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=TIMEOUT, context=context)
        else:
            connection = smtplib.SMTP(host, port, timeout=TIMEOUT)
        with connection:
            if url.scheme == "smtp" and host not in ("localhost", "127.0.0.1", "::1"):
                connection.starttls(context=context)
            if user:
                connection.login(user, password)
            connection.send_message(mail)
    except KeyError:
        return f"{server!r} is no mail server: write smtp://host or smtps://host"
    except (OSError, ValueError, smtplib.SMTPException) as error:
        return _line(f"{type(error).__name__}: {error}")
    return ""


def _line(text: str) -> str:
    """Untrusted text as one line, so that a title can inject neither a header nor a line."""
    return " ".join(text.encode(errors="backslashreplace").decode().split())
