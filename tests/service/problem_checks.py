"""A check of problem responses."""

from __future__ import annotations

import uuid
from typing import Any

from service.problems import KINDS


def problem_of(answer: Any, status: int, name: str) -> dict[str, Any]:
    """The problem of a response, after checking that it is complete and of the expected kind."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["type"] == f"/problems/{name}"
    assert problem["title"] == KINDS[name].title
    assert problem["status"] == status
    assert problem["detail"]
    uuid.UUID(problem["instance"].removeprefix("urn:uuid:"))
    return problem
