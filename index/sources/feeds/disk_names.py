"""Names of files: letters with accents may be written composed or decomposed, and mean the same file."""

from __future__ import annotations

import os
from functools import lru_cache

from index.spelling import composed, spellings


def as_on_disk(path: str) -> str:
    """Return the absolute path under which a file lies, its name composed or decomposed; else the path itself."""
    if path.isascii() or _exists(path):
        return path
    for other in spellings(path):
        if _exists(other):
            return other
    # Some folder of the path in one form, some in the other.
    found = "/"
    for part in path.split("/")[1:]:
        here = os.path.join(found, part)  # noqa: PTH118 - text from a feed
        if not _exists(here):
            name = _names(found).get(composed(part))
            if name is None:
                return path
            here = os.path.join(found, name)  # noqa: PTH118
        found = here
    return found


def _exists(path: str) -> bool:
    try:
        return os.path.exists(path)  # noqa: PTH110
    except ValueError:
        return False


def _names(folder: str) -> dict[str, str]:
    """The names in a folder, by their composed form."""
    try:
        return _listed(folder, os.stat(folder).st_mtime_ns)  # noqa: PTH116
    except OSError:
        return {}


@lru_cache(maxsize=8)
def _listed(folder: str, modified: int) -> dict[str, str]:  # noqa: ARG001 - a changed folder is another key
    return {composed(name): name for name in os.listdir(folder) if not name.isascii()}  # noqa: PTH208
