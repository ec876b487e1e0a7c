"""The bytes of a file that somebody names as a picture: no more of them than are decoded."""

from __future__ import annotations

from pathlib import Path

from embedding.errors import ImageRefused
from embedding.image.decode import DEFAULT_LIMITS, DecodeLimits


def read_picture_file(path: Path, limits: DecodeLimits = DEFAULT_LIMITS) -> bytes:
    """The bytes of a file or pipe; of more than `limits` allow only so many that `decode` refuses them.

    Raises:
        ImageRefused: "missing", "not-a-file" (a folder) or "unreadable".
    """
    try:
        with path.open("rb") as file:
            return file.read(limits.bytes + 1)
    except FileNotFoundError as error:
        raise ImageRefused("missing", "there is no such file: check its name") from error
    except IsADirectoryError as error:
        raise ImageRefused("not-a-file", "this is a folder: name the pictures in it") from error
    except OSError as error:
        raise ImageRefused("unreadable", f"cannot be read: {error.strerror or error}") from error
