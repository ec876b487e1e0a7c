"""Small documents that are asked for every night, kept so that an unchanged one is not loaded again."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from index.sources.web.client import Document, Unchanged, WebClient
from index.stores.durable import write_file

FOLDER = "documents"


@dataclass
class KeptDocuments:
    """A folder of documents by URL, each with what its next conditional request needs.

    `sweep` at the end of a complete pass deletes what was not asked for in it.
    """

    folder: Path
    client: WebClient

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._asked: set[str] = set()

    def get(self, url: str, known: str = "") -> Document:
        """The document under a URL. `known`: its version as something else tells it; the same is not asked for again.

        Raises:
            Failure: it cannot be had.
        """
        name = hashlib.sha256(url.encode()).hexdigest()
        self._asked.add(name)
        kept, version = self._kept(name)
        if kept and known and version == known:
            return kept
        answer = self.client.get(url, kept.etag, kept.last_modified) if kept else self.client.get(url)
        if isinstance(answer, Unchanged):
            assert kept is not None, "only what is kept is asked for conditionally"
            if version != known:
                self._keep(name, kept, known)
            return kept
        self._keep(name, answer, known)
        return answer

    def sweep(self) -> None:
        """Delete the documents that were not asked for."""
        for path in self.folder.iterdir():
            if path.name not in self._asked:
                path.unlink()

    def _kept(self, name: str) -> tuple[Document | None, str]:
        try:
            head, _, data = (self.folder / name).read_bytes().partition(b"\n")
            about = json.loads(head)
            if hashlib.sha256(data).hexdigest() != about["sha256"]:
                return None, ""
            return Document(about["url"], data, about["headers"]), about["version"]
        except (OSError, ValueError, KeyError, TypeError):
            return None, ""

    def _keep(self, name: str, document: Document, version: str) -> None:
        about = {
            "url": document.url,
            "headers": dict(document.headers),
            "version": version,
            "sha256": hashlib.sha256(document.data).hexdigest(),
        }
        # A folder entry that a power cut loses is asked for again.
        write_file(self.folder / name, json.dumps(about).encode() + b"\n" + document.data, name_too=False)
