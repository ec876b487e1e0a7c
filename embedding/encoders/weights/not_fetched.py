"""The errors of fetching a model. They are apart from the download, whose libraries few commands need."""

from __future__ import annotations

from embedding.errors import ModelUnavailable

HUB_TIMEOUT_SECONDS = 10.0
ADVICE = "check the network, name a mirror in HF_ENDPOINT, or bring the file and use `traceobject models import`"


class NotFetched(ModelUnavailable):
    """A file could not be fetched; `reason` says why, the message also what to do."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"{reason}; {ADVICE}")
        self.reason = reason


class NotOnHub(NotFetched):
    """The server answered that it has no such file."""
