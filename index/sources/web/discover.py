"""What lies at an address: a feed, a shop of a known kind, any shop, a dump, a page, a bucket."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from urllib.parse import urlsplit

from index.errors import FeedError
from index.records.catalogue import Source
from index.records.source_options import SourceOptions
from index.sources.feeds import text
from index.sources.fetching.outcomes import Failure, Reason, shown
from index.sources.remote_address import is_bucket
from index.sources.web import shopify_shop, woocommerce_shop
from index.sources.web.client import Document, WebClient
from index.sources.web.json_pages import whole_list
from index.sources.web.probe import Probe, probe
from index.sources.web.sitemap import is_sitemap, sitemaps_of

WEB_FORMATS = {"shopify": "shopify", "woocommerce": "woocommerce", "sitemap": "shop", "openfacts": "openfacts"}
"""The formats that name what lies at an address, and the kind of source that each is."""

_HTML = ("html", "head", "body", "script", "!doctype")
_FACTS = re.compile(rb'"code"\s*:.{0,60000}?"(?:countries_tags|images)"\s*:', re.DOTALL)
# A site that cannot be reached stays unreachable whatever is asked for; these say that this address is not there.
_ABSENT = frozenset({Reason.NOT_FOUND, Reason.FORBIDDEN, Reason.STATUS_UNEXPECTED, Reason.ROBOTS_DISALLOWED})


def kind_of(source: Source, options: SourceOptions, client: WebClient) -> str:
    """The kind of a source, by what it was named as or else by what its address answers.

    Raises:
        Failure: the address cannot be asked.
        FeedError: nothing that is known here lies there.
    """
    url = source.location
    if is_bucket(url):
        return "bucket"
    if options.reader:
        return "page"
    if source.format in WEB_FORMATS:
        return WEB_FORMATS[source.format]
    if source.format != "auto":
        return "file"
    if urlsplit(url).path.endswith(f"/{shopify_shop.LIST}"):
        return "shopify"
    if woocommerce_shop.ENDPOINT in urlsplit(url).path:
        return "woocommerce"
    found = probe(client, url)
    if text.root_element(text.head_text(found.head)) in _HTML:
        return _site(source, client)
    if is_sitemap(found.head):
        return "shop"
    return "openfacts" if _is_facts(found) else "file"


def _site(source: Source, client: WebClient) -> str:
    """The kind of a shop by its address."""
    url = source.location
    if source.collection == "objects":
        raise FeedError(
            f"{shown(url)}: is a web page. Say with --reader FILE.toml what on it is an object: see docs/sources.md."
        )
    if _answers(client, f"{shopify_shop.products_address(url)}?limit=1", shopify_shop.find_products):
        return "shopify"
    if _answers(client, f"{woocommerce_shop.products_address(url)}?per_page=1", whole_list):
        return "woocommerce"
    if sitemaps_of(url, client):
        return "shop"
    raise FeedError(
        f"{shown(url)}: is a web page. It is neither a feed nor a Shopify or WooCommerce shop, and the site names no "
        "sitemap. Give the address of its feed or of its sitemap."
    )


def _answers(client: WebClient, url: str, find: Callable[[object], list[object] | None]) -> bool:
    """Whether an address answers with a list of products."""
    try:
        answer = client.get(url)
        return isinstance(answer, Document) and bool(find(json.loads(answer.data)))
    except Failure as failure:
        if failure.reason in _ABSENT:
            return False
        raise
    except (ValueError, RecursionError):
        return False


def _is_facts(found: Probe) -> bool:
    """Whether a dump begins as those of Open Food Facts and its sisters do."""
    return found.head.lstrip().startswith(b"{") and _FACTS.search(found.head) is not None
