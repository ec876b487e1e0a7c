"""When a model counts as not fetched, and why. The download itself is apart: few commands need its libraries."""

from __future__ import annotations

from embedding.errors import ModelUnavailable

GIVE_UP_SECONDS = 10.0
ADVICE = "check the network, name a mirror in HF_ENDPOINT, or bring the file and use `traceobject models import`"


class NotFetched(ModelUnavailable):
    """A file could not be had; `reason` says why, the message also what to do."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"{reason}; {ADVICE}")
        self.reason = reason


class NotThere(NotFetched):
    """The server answered that it has no such file."""
