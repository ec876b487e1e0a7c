"""The mail after a night with something to tell."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Sequence
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

from service.reports.account import Account

TIMEOUT = 20.0
LISTED = 50
"""Alerts written out in the text; the attached report shows as many, the command `alerts` lists all."""
_PORTS = {"smtp": 587, "smtps": 465}


def compose(account: Account, sender: str, to: Sequence[str], report: str) -> EmailMessage:
    """A plain text that says it all in short, and the report as an attachment.

    Raises:
        ValueError: an address cannot stand in a header.
    """
    mail = EmailMessage()
    mail["Subject"] = _line(f"traceobject: {account.summary()}")[:200]
    mail["From"], mail["To"] = sender, ", ".join(to)
    lines = [account.summary(), ""]
    for alert in account.alerts[:LISTED]:
        product = ", ".join(filter(None, [alert.product_id, alert.title, alert.brand, alert.retailer, alert.link]))
        lines.append(f"{alert.likelihood:.2f} {alert.object_source} {alert.object_id}: {product}")
    if len(account.alerts) > LISTED:
        lines.append(f"and {len(account.alerts) - LISTED} more: traceobject alerts")
    lines += [f"failed: {failure}" for failure in account.failed]
    lines += [f"warning: {warning}" for warning in account.warnings]
    mail.set_content("\n".join(map(_line, lines)) + "\n")
    mail.add_attachment(report.encode(), maintype="text", subtype="html", filename="night.html")
    return mail


def send(server: str, password: str, mail: EmailMessage) -> str:
    """Hand a mail to a server, smtp://[user@]host[:port] with STARTTLS or smtps://: "" if taken, else why not.

    A server on this very machine is not asked for TLS. Never raises.
    """
    try:
        told = urlsplit(server)
        host, port = told.hostname or "", told.port or _PORTS[told.scheme]
        user = unquote(told.username or "")
        context = ssl.create_default_context()
        if told.scheme == "smtps":
            connection: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=TIMEOUT, context=context)
        else:
            connection = smtplib.SMTP(host, port, timeout=TIMEOUT)
        with connection:
            if told.scheme == "smtp" and host not in ("localhost", "127.0.0.1", "::1"):
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
    """Text from outside as one line: a title must not become a header, nor a line of its own."""
    return " ".join(text.encode(errors="backslashreplace").decode().split())
