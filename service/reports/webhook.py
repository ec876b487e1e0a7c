"""The webhook: a record posted as JSON, signed, with retries."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import asdict

import anyio
import httpx

from service.reports.run_record import RunRecord

ATTEMPTS = 3
TIMEOUT = 10.0
PAUSES = (1.0, 4.0)
_RETRY_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})


def message(record: RunRecord) -> bytes:
    """The posted JSON: the outcome of the run, its counts, and the alerts in full."""
    payload = {
        "started": record.started,
        "finished": record.finished,
        "outcome": record.outcome,
        "summary": record.summary(),
        "generation": record.generation,
        "model": record.model,
        **record.totals(),
        "refused": record.refused_inputs(),
        "failed": record.failed,
        "warnings": record.warnings,
        "alerts": [asdict(alert) for alert in record.alerts],
    }
    return json.dumps(payload, ensure_ascii=False).encode(errors="backslashreplace")


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """HMAC-SHA256 over "<timestamp>.<body>", in hexadecimal; the timestamp is signed too, against replay attacks."""
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def post(url: str, secret: str, record: RunRecord, pause: Callable[[float], None] = time.sleep) -> str:
    """Post a record: "" if it was accepted, otherwise the error. Never raises.

    Temporary errors (_RETRY_STATUSES, connection errors) are retried, ATTEMPTS times in all, each for TIMEOUT seconds
    at most. Redirects are not followed.
    """
    body, why = message(record), ""
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
            why = f"it took longer than {TIMEOUT:.0f} s"
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            why = f"{type(error).__name__}: {error}"
        else:
            if 200 <= status < 300:
                return ""
            why = f"it answered {status}"
            if status not in _RETRY_STATUSES:
                break
    return why


async def _exchange(url: str, headers: dict[str, str], body: bytes) -> int:
    """The status of the response; its body is not read. Raises TimeoutError after TIMEOUT seconds in all."""
    with anyio.fail_after(TIMEOUT):
        async with (
            httpx.AsyncClient(timeout=TIMEOUT, follow_redirects=False) as client,
            client.stream("POST", url, content=body, headers=headers) as answer,
        ):
            return answer.status_code
