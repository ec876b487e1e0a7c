"""The digest of the content that a generation is built from: equal content needs no new generation."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from embedding.views import CATALOGUE_VIEWS
from index.records.entries import ADDED, Entry


def content_digest(
    model: str,
    model_sha256: str,
    entries: Iterable[Entry],
    not_embedded: Iterable[str],
    aliases: bytes = b"",
    text: Sequence[str] = (),
) -> str:
    """A SHA-256 over a model, every entry (products, then objects, each by id), the images without embedding, aliases.

    `text`: the version of the reader of text, and the images that it read, rising. Without aliases and text it is what
    versions that knew none computed.
    """
    digest = hashlib.sha256(f"{model} {model_sha256} {CATALOGUE_VIEWS}".encode())
    for entry in entries:
        fields = entry.fields.counted()
        added = (name for name in ADDED if name in fields)
        digest.update(repr((entry.id, entry.source, *fields.values(), entry.images, *added)).encode())
    digest.update(repr(sorted(set(not_embedded))).encode())
    digest.update(aliases)
    if text:
        digest.update(repr(tuple(text)).encode())
    return digest.hexdigest()
