"""Where a row's pictures are: which columns name them, how one cell names several, what each becomes."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from index.sources.feeds.text import SURROGATE
from index.sources.remote_address import is_bucket

# One picture a cell; the first filled one is the row's picture.
_SINGULAR = (
    *("path", "image_path", "picture_path", "file_path", "file", "filename", "file_name", "image_file"),
    *("image_link", "image", "image_url", "image_src", "main_image", "base_image", "picture", "picture_url"),
    *("picture_link", "photo", "photo_url", "img", "img_url", "img_src", "variant_image", "crop", "crop_url"),
)
# Several pictures a cell; they add to it.
_PLURAL = (
    *("additional_image_link", "additional_image_links", "additional_image", "additional_images"),
    *("additional_image_urls", "image_links", "images", "image_urls", "image_paths", "pictures", "picture_urls"),
    *("photos", "photo_urls", "paths", "files", "crops", "gallery", "media_gallery"),
)
PICTURE_COLUMNS = (*_SINGULAR, *_PLURAL)
_NUMBERED = re.compile(r"^(.+?)_?(\d+)$")
# Column names are untrusted, so what the cache keeps of them is bounded.
_NAME_LIMIT = 200
_NEXT_URL = re.compile(r"[\s,;|]+(?=(?:https?|file)://)", re.IGNORECASE)
_WEB = re.compile(r"https?://[^\s\x00-\x1f\x7f/?#]+[^\s\x00-\x1f\x7f]*", re.IGNORECASE)
_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]+):")


def normal_name(column: str) -> str:
    """Return a column's name in the one spelling that synonyms are looked up in: `Image Link` -> `image_link`."""
    return _normal(column[:_NAME_LIMIT])


@lru_cache(maxsize=4096)
def _normal(column: str) -> str:
    name = re.sub(r"[\s\-./]+", "_", column.strip().strip("\ufeff").casefold()).strip("_")
    return name.removeprefix("g:")


@lru_cache(maxsize=4096)
def _role(column: str) -> tuple[str, str] | None:
    """Return how a column names pictures, ("one" | "more" | "many", its plain name), or None."""
    name = normal_name(column)
    if name in _SINGULAR:
        return "one", name
    if name in _PLURAL:
        return "many", name
    numbered = _NUMBERED.match(name)
    if numbered and numbered[1] in PICTURE_COLUMNS:
        return ("many" if numbered[1] in _PLURAL else "more"), numbered[1]
    return None


def names_pictures(column: str) -> bool:
    """Whether a column holds picture references."""
    return _role(column[:_NAME_LIMIT]) is not None


def split_references(cell: str) -> list[str]:
    """Return the references of a cell that may hold several.

    URLs may contain commas, so between URLs a separator counts only before the next scheme; between plain paths each
    comma, semicolon, bar or line break separates.
    """
    parts = _NEXT_URL.split(cell) if "://" in cell else re.split(r"[,;|\r\n]", cell)
    return [part.strip(" \t\r\n,;|") for part in parts if part.strip(" \t\r\n,;|")]


def references(cells: Mapping[str, str | Sequence[str]]) -> tuple[str, ...]:
    """Return a row's picture references as written, each once: its main picture, then the others in column order.

    Singular columns (path, image_link, image ...) are synonyms: the first filled one counts, and only `|` separates
    in it. Numbered (image_2) and plural ones (additional_image_link, images) add to it. A cell that is a sequence is
    already taken apart.
    """
    main: dict[str, list[str]] = {}
    others: list[str] = []
    for column, cell in cells.items():
        role = _role(column[:_NAME_LIMIT])
        if role is None or not cell:
            continue
        if not isinstance(cell, str):
            parts = list(cell)
        else:
            parts = split_references(cell) if role[0] == "many" else cell.split("|")
        if role[0] == "one":
            if any(part.strip() for part in parts):
                main.setdefault(role[1], parts)
        else:
            others.extend(parts)
    first = next((main[name] for name in _SINGULAR if name in main), [])
    return tuple(dict.fromkeys(part.strip() for part in [*first, *others] if part.strip()))


def is_web_address(text: str) -> bool:
    """Whether a text is an http(s) URL with a host. Whether the host may be contacted is decided by the fetcher."""
    if not _WEB.fullmatch(text):
        return False
    if text.isascii() and "[" not in text:
        return True
    try:
        return bool(urlsplit(text).hostname)  # numbers in brackets and letters that only look like a slash
    except ValueError:
        return False


def resolve(reference: str, base: Path) -> str:
    """Return the absolute path or http(s) URL that a reference as written means.

    A relative path is taken from `base`, the feed's own folder; absolute paths and file:// are the operator's own.
    Nothing is looked up on disk. Raises ValueError with what is wrong.
    """
    if "\0" in reference:
        raise ValueError("it contains a NUL character")
    if len(reference) > 4096:
        raise ValueError(f"it has {len(reference)} characters, 4096 are allowed")
    if not reference.isascii() and SURROGATE.search(reference):
        raise ValueError("it is not valid Unicode")
    if reference.startswith("//"):
        reference = "https:" + reference
    scheme = _SCHEME.match(reference)
    if scheme is None:
        if reference.startswith("/"):
            return reference  # as it stands: a shard's member follows `#`, and is no path to be shortened
        # Feeds written on Windows separate with backslashes.
        return os.path.normpath(base.absolute() / reference.replace("\\", "/"))
    kind = scheme[1].casefold()
    if kind in ("http", "https"):
        if not is_web_address(reference):
            raise ValueError("it is not a complete URL")
        return reference
    if kind == "file":
        parts = urlsplit(reference)
        if parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
            raise ValueError("a file URL is file:///absolute/path")
        return os.path.normpath(unquote(parts.path))
    if is_bucket(reference):
        return reference  # whether this source may read it is decided where pictures are acquired
    raise ValueError(f"{kind}: is not fetched; give a path, a file:// or an http(s) URL")
