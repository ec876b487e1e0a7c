"""schema.org products in web pages: the JSON-LD of one saved HTML file or of a folder of them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

from index.errors import FeedError
from index.records.feed_records import FeedRow, Refusal
from index.sources.feeds import json_items, json_ld, text
from index.sources.feeds.folder import is_picture_name
from index.sources.feeds.pages import Page, read_page

_ENDINGS = (".html", ".htm", ".xhtml")
_ROOTS = ("html", "head", "body", "script")
_WRAPPING = re.compile(r"^\s*(?:(?://|/\*)?\s*<!\[CDATA\[(?:\s*\*/)?|<!--)|(?:(?://|/\*)?\s*\]\]>(?:\s*\*/)?|-->)\s*$")


class SchemaOrgReader:
    """Reads a page, or every page of a folder in sorted order; a Product is a row."""

    format = "schemaorg"

    def recognises(self, path: Path, head: bytes) -> bool:
        """Tell HTML by its first element, a folder by pages with no pictures beside them."""
        if path.is_dir():
            names = [entry.name for entry in path.iterdir()]
            return any(map(_is_page, names)) and not any(map(is_picture_name, names))
        return text.root_element(text.head_text(head)) in _ROOTS

    def columns(self, path: Path) -> tuple[str, ...] | None:  # noqa: ARG002
        """Return None: each product names its own."""
        return None

    def rows(self, path: Path) -> Iterator[FeedRow | Refusal]:
        """Stream the products by ordinal over all pages. A page without any is refused, the others go on."""
        number = 0
        found = False
        for file in _pages(path) if path.is_dir() else [path]:
            found = True
            try:
                page = read_page(file)
            except OSError as error:
                yield Refusal(str(file), "unreadable", f"the page cannot be read: {error.strerror}")
                continue
            if page.too_long:
                yield Refusal(str(file), "page-too-long", "the page or a script in it is too long and was left off")
            found_product = False
            for product in _products(page, file):
                found_product = True
                if isinstance(product, Refusal):
                    yield product
                    continue
                number += 1
                fields = {name: value for name, value in product.items() if isinstance(value, str)}
                pictures, lost = _pictures(product["image"], page, file)
                if lost and not pictures:
                    message = f"picture {lost[:80]!r} is relative to a page whose own address is not known"
                    yield Refusal(str(file), "bad-picture", message)
                else:
                    fields["id"] = fields["id"] or page.address or file.stem
                    fields["source_page"] = _absolute(page.address, page)
                    fields["link"] = _absolute(fields["link"], page) or fields["source_page"]
                    yield FeedRow(number, fields, pictures, str(file))
            if not found_product and not page.too_long:
                yield Refusal(str(file), "no-product", "the page has no schema.org Product in JSON-LD")
        if not found:
            raise FeedError(f"{path}: no web pages in this folder. Their names end in {' '.join(_ENDINGS)}.")


def _products(page: Page, file: Path) -> Iterator[json_ld.ProductFields | Refusal]:
    """Yield the products in the page's scripts; a script that is not JSON is refused, the others are read."""
    documents = []
    for script in page.scripts:
        # Some shops wrap scripts in comments or CDATA, as browsers without scripts once needed.
        script = _WRAPPING.sub("", script).strip().rstrip(";")
        try:
            documents.append(json_items.decode(script, strict=False))
        except ValueError as error:
            yield Refusal(str(file), "bad-json", f"a JSON-LD script is not JSON: {error}")
    yield from json_ld.products(documents)


def _pictures(references: Sequence[str], page: Page, file: Path) -> tuple[tuple[str, ...], str]:
    """Return the references as URLs or as files in the page's folder, and one that is neither.

    A page is untrusted: a file outside its own folder is never read on its behalf.
    """
    pictures = []
    lost = ""
    for reference in references:
        url = _absolute(reference, page)
        beside = file.parent.absolute() / unquote(reference)
        if url:
            pictures.append(url)
        elif "\0" not in reference and beside.resolve().is_relative_to(file.parent.resolve()) and beside.is_file():
            pictures.append(str(beside))
        else:
            lost = lost or reference
    return tuple(dict.fromkeys(pictures)), lost


def _absolute(reference: str, page: Page) -> str:
    """Return the http(s) URL that a reference on the page means, or nothing."""
    if not reference:
        return ""
    try:
        url = urljoin(urljoin(page.address, page.base), reference)
        parts = urlsplit(url)
    except ValueError:
        return ""
    return url if parts.scheme in ("http", "https") and parts.hostname else ""


def _is_page(name: str) -> bool:
    return name.casefold().endswith(_ENDINGS) and not name.startswith(".")


def _pages(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if _is_page(name):
                yield Path(parent, name)
