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
from index.sources.web_address import is_web_address, web_address

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
_NEXT_URL = re.compile(r"[\s,;|]+(?=(?:(?:https?|file):)?//)", re.IGNORECASE)
# `Image URLs (x,y,z...)`, `Name *`: what a column holds, or that it is required, is no part of its name.
_REMARK = re.compile(r"\s*(?:\([^()]*\)|[*#:?])\s*$")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]+):")


def normal_name(column: str) -> str:
    """Return a column's name in the one spelling that synonyms are looked up in.

    `Image Link`, `imageLink`, `g:image_link` and `Image link *` are all `image_link`.
    """
    return _normal(column[:_NAME_LIMIT])


@lru_cache(maxsize=4096)
def _normal(column: str) -> str:
    name = column.strip().strip("\ufeff")
    while (shorter := _REMARK.sub("", name)) and shorter != name:
        name = shorter
    name = re.sub(r"[\s\-./]+", "_", _CAMEL.sub("_", name).casefold()).strip("_")
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
    parts = _NEXT_URL.split(cell) if "//" in cell else re.split(r"[,;|\r\n]", cell)
    return [part.strip(" \t\r\n,;|") for part in parts if part.strip(" \t\r\n,;|")]


def references(cells: Mapping[str, str | Sequence[str]]) -> tuple[str, ...]:
    """Return a row's picture references as written, each once: its main picture, then the others in column order.

    Singular columns (path, image_link, image ...) are synonyms: the first filled one counts; `|` separates in it, and
    what separates URLs. Numbered (image_2) and plural ones (additional_image_link, images) add to it. A cell that is a
    sequence is already taken apart.
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
            parts = split_references(cell) if role[0] == "many" else _alternatives(cell)
        if role[0] == "one":
            if any(part.strip() for part in parts):
                main.setdefault(role[1], parts)
        else:
            others.extend(parts)
    first = next((main[name] for name in _SINGULAR if name in main), [])
    return tuple(dict.fromkeys(part.strip() for part in [*first, *others] if part.strip()))


def _alternatives(cell: str) -> list[str]:
    """The references of a cell that should hold one: a path may have commas, a URL ends before the next."""
    parts = cell.split("|")
    return [url for part in parts for url in (_NEXT_URL.split(part) if "//" in part else (part,))]


def resolve(reference: str, base: Path) -> str:
    """Return the absolute path or http(s) URL that a reference as written means.

    A relative path is taken from `base`, the feed's own folder; absolute paths and file:// are the operator's own. An
    absolute path that is not there, but is below `base`, is taken from there too. Raises ValueError with what is wrong.
    """
    if "\0" in reference:
        raise ValueError("it contains a NUL character")
    if len(reference) > 4096:
        raise ValueError(f"it has {len(reference)} characters, 4096 are allowed")
    if not reference.isascii() and SURROGATE.search(reference):
        raise ValueError("it is not valid Unicode")
    if is_web_address(reference):
        return web_address(reference)
    scheme = _SCHEME.match(reference)
    if scheme is None:
        if reference.startswith("/"):
            # Shops' exports name pictures from the root of their own media folder, here that of the feed.
            beside = f"{base.absolute()}{reference}"
            if not os.path.exists(reference) and os.path.exists(beside):  # noqa: PTH110
                return os.path.normpath(beside)
            return reference  # as it stands: a shard's member follows `#`, and is no path to be shortened
        # Feeds written on Windows separate with backslashes.
        return os.path.normpath(base.absolute() / reference.replace("\\", "/"))
    kind = scheme[1].casefold()
    if kind in ("http", "https"):
        raise ValueError("it is not a complete URL")
    if kind == "file":
        parts = urlsplit(reference)
        if parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
            raise ValueError("a file URL is file:///absolute/path")
        return os.path.normpath(unquote(parts.path))
    if is_bucket(reference):
        return reference  # whether this source may read it is decided where pictures are acquired
    raise ValueError(f"{kind}: is not fetched; give a path, a file:// or an http(s) URL")
