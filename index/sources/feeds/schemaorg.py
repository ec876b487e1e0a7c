"""schema.org products in web pages: JSON-LD, microdata or Open Graph of a saved HTML file or of a folder of them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import unquote, urljoin

from index.errors import FeedError, FeedIncomplete
from index.records.feed_records import FeedRow, Refusal, RefusedRow
from index.sources.feeds import json_items, json_ld, lenient_json, text
from index.sources.feeds.feed_file import FeedFile
from index.sources.feeds.folder import is_picture_name
from index.sources.feeds.json_ld import ProductFields
from index.sources.feeds.microdata import microdata
from index.sources.feeds.open_graph import open_graph
from index.sources.feeds.pages import Page, read_page, read_text
from index.sources.web_address import is_web_address, web_address

_ENDINGS = (".html", ".htm", ".xhtml")
_ROOTS = ("html", "head", "body", "script")


class SchemaOrgReader:
    """Reads a page, or every page of a folder in sorted order; a Product is a row."""

    format = "schemaorg"

    def recognises(self, feed: FeedFile, head: bytes) -> bool:
        """Whether a file's first element is HTML's, a folder has pages with no pictures beside them."""
        if feed.is_folder:
            names = [entry.name for entry in feed.path.iterdir()]
            return any(map(_is_page, names)) and not any(map(is_picture_name, names))
        return text.root_element(text.head_text(head, feed.encoding)) in _ROOTS

    def columns(self, feed: FeedFile) -> tuple[str, ...] | None:  # noqa: ARG002
        """Return None: each product names its own."""
        return None

    def rows(self, feed: FeedFile) -> Iterator[FeedRow | Refusal]:
        """Stream the products by ordinal over all pages. A page without any is refused, the others go on.

        Raises:
            FeedError: there are no pages.
            FeedIncomplete: after the products: a page or a folder cannot be read, or a page is cut short.
        """
        number = 0
        missing: list[Refusal] = []
        found = False
        for file in _pages(feed.path, missing) if feed.is_folder else [feed.path]:
            found = True
            for row in _of_page(FeedFile(file, feed.encoding), number, missing):
                number = row.number if isinstance(row, FeedRow) else number
                yield row
        yield from missing
        if missing:
            raise FeedIncomplete(f"{missing[0].where}: {missing[0].message}: get it again.")
        if not found:
            raise FeedError(f"{feed}: no web pages in this folder. Their names end in {' '.join(_ENDINGS)}.")


def _of_page(file: FeedFile, number: int, missing: list[Refusal]) -> Iterator[FeedRow | Refusal]:
    """The rows of one page, numbered after `number`; to `missing` is added what hides others."""
    try:
        page = read_page(file)
        broken = list(_broken(page, file))
        products = list(_products(page, file))
    except (FeedError, OSError) as error:
        missing.append(Refusal(str(file), "unreadable", f"the page cannot be read: {error}"))
        return
    yield from broken
    if page.too_long:
        missing.append(
            Refusal(str(file), "page-too-long", "the page or a script in it is too long and was not read to its end")
        )
    elif not page.whole:
        missing.append(Refusal(str(file), "cut-short", "the page ends in the middle"))
    for product, identity in zip(products, _identities(products, page, file), strict=True):
        number += 1
        fields = {name: value for name, value in product.items() if isinstance(value, str)}
        fields["id"] = identity
        fields["variant_group"] = _on_page(product["variant_group"], page, file)
        fields["source_page"] = _absolute(page.address, page)
        fields["link"] = _absolute(fields["link"], page) or fields["source_page"]
        pictures, lost = _pictures(product["image"], page, file.path)
        if lost and not pictures:
            message = f"picture {lost[:80]!r} is relative to a page whose own address is not known"
            yield RefusedRow(str(file), "bad-picture", message, (("id", identity),))
        else:
            yield FeedRow(number, fields, pictures, str(file))
    if not products and not broken and page.whole and not page.too_long:
        yield Refusal(str(file), "no-product", "the page has no schema.org Product in JSON-LD, microdata or Open Graph")


def _broken(page: Page, file: FeedFile) -> Iterator[RefusedRow]:
    """The page's scripts that are not JSON, not even leniently read."""
    for script in page.scripts:
        _, wrong = lenient_json.documents(script)
        if wrong:
            cells = json_items.pairs(script)
            ids = tuple(("id", value) for name, value in cells if name in json_ld.IDENTIFIERS)
            yield RefusedRow(str(file), "bad-json", f"a JSON-LD script is not JSON: {wrong}", ids)


def _products(page: Page, file: FeedFile) -> Iterator[ProductFields]:
    """The page's products: those of its JSON-LD, or else of its microdata, or else of its Open Graph."""
    documents = [one for script in page.scripts for one in lenient_json.documents(script)[0]]
    found = list(json_ld.products(documents))
    if not found and page.has_items:
        found = list(json_ld.products(microdata(read_text(file), page.address)))
    if not found:
        found = list(open_graph(page.properties))
    yield from found


def _identities(products: Sequence[ProductFields], page: Page, file: FeedFile) -> Iterator[str]:
    """The identifier of each product of a page: its own, or the page's address, of several with the name."""
    base = page.address or file.path.stem
    nameless = {product["name"] for product in products if not product["id"]}
    for product in products:
        if product["id"]:
            yield _on_page(product["id"], page, file)
        elif len(nameless) < 2:
            yield base
        else:
            yield f"{product['variant_group'] or base}#{product['name']}"


def _on_page(name: str, page: Page, file: FeedFile) -> str:
    """A name that no other page's has, too: one that begins with # is meant within its page."""
    return f"{page.address or file.path.stem}{name}" if name.startswith("#") else name


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
        return web_address(
            reference if is_web_address(reference) else urljoin(urljoin(page.address, page.base), reference)
        )
    except ValueError:
        return ""


def _is_page(name: str) -> bool:
    return name.casefold().endswith(_ENDINGS) and not name.startswith(".")


def _pages(folder: Path, missing: list[Refusal]) -> Iterator[Path]:
    def lost(error: OSError) -> None:
        missing.append(Refusal(str(error.filename), "unreadable", f"the folder cannot be listed: {error.strerror}"))

    for parent, folders, files in os.walk(folder, onerror=lost):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if _is_page(name):
                yield Path(parent, name)
