"""What every problem must be."""

from __future__ import annotations

import uuid
from typing import Any

from service.problems import KINDS


def problem_of(answer: Any, status: int, name: str) -> dict[str, Any]:
    """The problem that an answer tells, after checking that it is whole and is the one expected."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told: dict[str, Any] = answer.json()
    assert told["type"] == f"/problems/{name}"
    assert told["title"] == KINDS[name].title
    assert told["status"] == status
    assert told["detail"]
    uuid.UUID(told["instance"].removeprefix("urn:uuid:"))
    return told
