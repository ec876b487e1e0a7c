"""All pages that a site's sitemaps list: indexes followed some levels deep, within bounds that an endless one meets."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from index.errors import FeedError
from index.sources.fetching.outcomes import Failure, shown
from index.sources.web.documents import KeptDocuments
from index.sources.web.job import LeftOut
from index.sources.web.sitemap import parse

MOST_LEVELS = 5
MOST_SITEMAPS = 1000
MOST_PAGES = 1_000_000


@dataclass
class Listing:
    """What sitemaps list: each page's lastmod by its address. `complete`: every sitemap was read to its end."""

    pages: dict[str, str] = field(default_factory=dict)
    complete: bool = True


def walk(roots: list[str], site: str, documents: KeptDocuments, left_out: LeftOut, *, enough: int = 0) -> Listing:
    """Read sitemaps and those that they lead to; what is left out, and why, is added to `left_out`.

    `enough`: after so many pages the rest is left; 0 reads all.
    Pages of another host than `site`'s are left out: a shop speaks for itself alone.

    Raises:
        Failure, FeedError: not one of `roots` can be read.
    """
    listing = Listing()
    waiting = deque((url, "", 1) for url in roots)
    seen = set(roots)
    read = 0
    first: Failure | FeedError | None = None
    while waiting:
        url, version, level = waiting.popleft()
        if read >= MOST_SITEMAPS:
            _stop(listing, left_out, url, f"the site has more than {MOST_SITEMAPS:,} sitemaps")
            break
        try:
            sitemap = parse(documents.get(url, version))
        except (Failure, FeedError) as error:
            first = first or error
            listing.complete = False
            reason = str(error.reason) if isinstance(error, Failure) else "bad-sitemap"
            left_out.add(shown(url), reason, f"a sitemap could not be read: {error}")
            continue
        read += 1
        if sitemap.cut:
            _stop(listing, left_out, url, "it has more entries than a sitemap may have")
        if not sitemap.is_index:
            _take(sitemap.links, site, listing, left_out)
            if len(listing.pages) >= MOST_PAGES:
                _stop(listing, left_out, url, f"the site lists more than {MOST_PAGES:,} pages")
                break
            if enough and len(listing.pages) >= enough:
                listing.complete = False
                break
            continue
        if level >= MOST_LEVELS:
            _stop(listing, left_out, url, f"its sitemaps are nested more than {MOST_LEVELS} levels deep")
            continue
        for link, lastmod in sitemap.links:
            if link not in seen:
                seen.add(link)
                waiting.append((link, lastmod, level + 1))
    if not read and first:
        raise first
    return listing


def _take(links: tuple[tuple[str, str], ...], site: str, listing: Listing, left_out: LeftOut) -> None:
    here = _host(site)
    for link, lastmod in links:
        if _host(link) == here:
            listing.pages.setdefault(link.partition("#")[0], lastmod)
        else:
            left_out.add(
                shown(link), "other-site", f"{shown(link)}: the sitemap of {here} lists a page of another host"
            )


def _stop(listing: Listing, left_out: LeftOut, url: str, why: str) -> None:
    listing.complete = False
    left_out.add(shown(url), "endless-sitemap", f"{shown(url)}: {why}; the rest is left out")


def _host(url: str) -> str:
    """The host with its port, without the `www.` that shops put before it or leave off."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2].casefold().removeprefix("www.")
    except ValueError:
        return ""
