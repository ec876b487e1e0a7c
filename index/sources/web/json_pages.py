"""A shop's products that come as pages of JSON: each product once, also where it moves between pages meanwhile."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from urllib.parse import urljoin

from index.errors import FeedError
from index.sources.fetching.outcomes import shown
from index.sources.web.client import Document
from index.sources.web.documents import FOLDER, KeptDocuments
from index.sources.web.job import WebJob
from index.stores.durable import write_file

# More products than any shop of this kind has.
MOST_PAGES = 20_000
_IDS = "ids.json"
_NEXT = re.compile(r"""<([^<>]+)>\s*;[^,]*\brel\s*=\s*"?next"?""", re.IGNORECASE)
_BEGINNING = 60

Product = dict[str, object]


@dataclass
class JsonPages:
    """The pages of a shop. `address` gives the address of page 1, 2, ...; `products` finds the list in a page."""

    job: WebJob
    address: Callable[[int], str]
    products: Callable[[object], list[object] | None]
    _seen: set[str] = field(default_factory=set)

    def __iter__(self) -> Iterator[Product]:
        """Every product once.

        Pages move while they are read: a product that is added pushes another one onto the next page, and one that is
        removed pulls one onto a page that was read already. So where a product came twice, or one that was there the
        night before did not come, all pages are read once more.

        Raises:
            Failure, FeedError: a page cannot be had, or is none.
        """
        former = self._former()
        twice = yield from self._pass()
        if twice or former - self._seen:
            yield from self._pass()
        write_file(self.job.folder / _IDS, json.dumps(sorted(self._seen)).encode())

    def _pass(self) -> Generator[Product, None, bool]:
        """The products that were not seen before; returns whether one came twice within this pass."""
        documents = KeptDocuments(self.job.folder / FOLDER, self.job.client)
        here: set[str] = set()
        twice = False
        url = self.address(1)
        for number in range(1, MOST_PAGES + 1):
            document = documents.get(url)
            listed = self._listed(document)
            fresh = False
            for product in listed:
                if not isinstance(product, dict) or not isinstance(product.get("id"), int | str):
                    continue
                identity = str(product["id"])
                twice = twice or identity in here
                fresh = fresh or identity not in here
                here.add(identity)
                if identity not in self._seen:
                    self._seen.add(identity)
                    yield product
            following = _NEXT.search(document.headers.get("link", ""))
            # A shop that shows the same page under every number has no more.
            if not fresh or not (following or self._may_follow(document, number)):
                documents.sweep()
                return twice
            url = urljoin(document.url, following[1]) if following else self.address(number + 1)
        raise FeedError(f"{shown(self.job.url)}: more than {MOST_PAGES:,} pages of products: this shop does not end.")

    def _may_follow(self, document: Document, number: int) -> bool:
        """Whether there may be a page after this one: the shop says how many there are, or it does not."""
        total = document.headers.get("x-wp-totalpages", "")
        return number < int(total) if total.isdecimal() else True

    def _listed(self, document: Document) -> list[object]:
        try:
            listed = self.products(json.loads(document.data))
        except (ValueError, RecursionError):
            listed = None
        if listed is None:
            begins = document.data[:_BEGINNING].decode("utf-8", "replace")
            raise FeedError(f"{shown(document.url)}: answered with no page of products: it begins with {begins!r}.")
        return listed

    def _former(self) -> set[str]:
        try:
            return set(json.loads((self.job.folder / _IDS).read_bytes()))
        except (OSError, ValueError, TypeError):
            return set()


def listed_under(name: str) -> Callable[[object], list[object] | None]:
    """Finds the list that a page's object has under a name."""

    def find(page: object) -> list[object] | None:
        found = page.get(name) if isinstance(page, dict) else None
        return found if isinstance(found, list) else None

    return find


def whole_list(page: object) -> list[object] | None:
    """The page itself, where it is a list."""
    return page if isinstance(page, list) else None


def shop_address(url: str) -> str:
    """A shop's address as it was given, without query and closing slash."""
    return url.partition("#")[0].partition("?")[0].rstrip("/")
