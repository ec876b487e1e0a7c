"""The webhook: an account posted as JSON, signed, and tried again."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import asdict

import httpx

from service.night.account import Account

ATTEMPTS = 3
TIMEOUT = 10.0
PAUSES = (1.0, 4.0)
_LATER = frozenset({408, 425, 429, 500, 502, 503, 504})


def message(account: Account) -> bytes:
    """What is posted: what came of the night, its counts, and the alerts in full."""
    return json.dumps(
        {
            "started": account.started,
            "finished": account.finished,
            "outcome": account.outcome,
            "summary": account.summary(),
            "generation": account.generation,
            "model": account.model,
            **account.totals(),
            "refused": len(account.refused),
            "failed": account.failed,
            "warnings": account.warnings,
            "alerts": [asdict(alert) for alert in account.alerts],
        },
        ensure_ascii=False,
    ).encode()


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """HMAC-SHA256 over "<timestamp>.<body>", in hexadecimal: the time is signed too, against replays."""
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def post(url: str, secret: str, account: Account, pause: Callable[[float], None] = time.sleep) -> str:
    """Post an account: "" if it was taken, otherwise why not. Never raises.

    An answer that promises better later (429, 5xx) and a broken connection are tried again, ATTEMPTS times in all.
    """
    body, told = message(account), ""
    for attempt in range(ATTEMPTS):
        if attempt:
            pause(PAUSES[attempt - 1])
        timestamp = str(int(time.time()))
        headers = {"Content-Type": "application/json", "X-Traceobject-Timestamp": timestamp}
        if secret:
            headers["X-Traceobject-Signature"] = f"sha256={signature(secret, timestamp, body)}"
        try:
            answer = httpx.post(url, content=body, headers=headers, timeout=TIMEOUT, follow_redirects=False)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            told = f"{type(error).__name__}: {error}"
            continue
        if answer.is_success:
            return ""
        told = f"it answered {answer.status_code}"
        if answer.status_code not in _LATER:
            break
    return told
