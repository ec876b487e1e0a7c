"""Pictures whose copy is not in the image store: refused by every stage that needs it, with one reason."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from embedding.errors import ImageRefused
from index.errors import UnknownEntry


@contextmanager
def lost_copy_refused() -> Iterator[None]:
    """Raise ImageRefused where the image store raises UnknownEntry."""
    try:
        yield
    except UnknownEntry as error:
        raise ImageRefused("copy-lost", f"{error}; it is made again once its source can be read") from error
