"""The webhook: an account posted as JSON, signed, and tried again."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import asdict

import anyio
import httpx

from service.reports.account import Account

ATTEMPTS = 3
TIMEOUT = 10.0
PAUSES = (1.0, 4.0)
_LATER = frozenset({408, 425, 429, 500, 502, 503, 504})


def message(account: Account) -> bytes:
    """What is posted: what came of the night, its counts, and the alerts in full."""
    told = {
        "started": account.started,
        "finished": account.finished,
        "outcome": account.outcome,
        "summary": account.summary(),
        "generation": account.generation,
        "model": account.model,
        **account.totals(),
        "refused": account.refused_inputs(),
        "failed": account.failed,
        "warnings": account.warnings,
        "alerts": [asdict(alert) for alert in account.alerts],
    }
    return json.dumps(told, ensure_ascii=False).encode(errors="backslashreplace")


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """HMAC-SHA256 over "<timestamp>.<body>", in hexadecimal: the time is signed too, against replays."""
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def post(url: str, secret: str, account: Account, pause: Callable[[float], None] = time.sleep) -> str:
    """Post an account: "" if it was taken, otherwise why not. Never raises.

    An answer that promises better later (429, 5xx) and a broken connection are tried again, ATTEMPTS times in all,
    each for TIMEOUT seconds at most. Redirects are not followed.
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
            status = anyio.run(_exchange, url, headers, body)
        except TimeoutError:
            told = f"it took longer than {TIMEOUT:.0f} s"
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            told = f"{type(error).__name__}: {error}"
        else:
            if 200 <= status < 300:
                return ""
            told = f"it answered {status}"
            if status not in _LATER:
                break
    return told


async def _exchange(url: str, headers: dict[str, str], body: bytes) -> int:
    """The status of the answer; its body, however long, is not read. TimeoutError after TIMEOUT seconds in all."""
    with anyio.fail_after(TIMEOUT):
        async with (
            httpx.AsyncClient(timeout=TIMEOUT, follow_redirects=False) as client,
            client.stream("POST", url, content=body, headers=headers) as answer,
        ):
            return answer.status_code
