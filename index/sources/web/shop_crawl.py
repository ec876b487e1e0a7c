"""Any shop: its sitemaps, then the pages that are new or changed, within a budget of pages a night."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

from index.errors import FeedError
from index.records.pages import PageRecord, Pages, PageStatus
from index.sources.fetching.outcomes import Failure, Reason, shown
from index.sources.web.client import Answer, Unchanged, origin_of
from index.sources.web.documents import FOLDER, KeptDocuments
from index.sources.web.feed_writer import write_rows
from index.sources.web.job import Delivery, LeftOut, WebJob
from index.sources.web.page_products import findings
from index.sources.web.sitemap import sitemaps_of
from index.sources.web.sitemap_walk import Listing, walk

SCRATCH = "page.html"
# Stands for the lastmod of a page that left the sitemaps and was asked for since.
UNLISTED = "-"
# A page of which no sitemap says when it changed is asked again, conditionally, after so long; one that shows no
# product, that reserves its use or is gone, later.
ASK_AGAIN, ASK_OTHERS_AGAIN = timedelta(days=7), timedelta(days=28)
# Sites say in such words of an address that it shows a product: those pages come first.
_PRODUCT_LIKE = re.compile(
    r"/(?:products?|produits?|produkte?|producten|prodotti|productos?|items?|articles?|p|dp|art)[/_-]", re.IGNORECASE
)
_SITEMAP = re.compile(r"\.(?:xml|xml\.gz|txt)$|sitemap[^/]*$", re.IGNORECASE)
# What ends a crawl for the night: the host does not want, or is not able, to be asked further.
_ENDING = frozenset({Reason.HOST_GIVEN_UP, Reason.RATE_LIMITED, Reason.ROBOTS_UNAVAILABLE})
_REFUSED = frozenset({Reason.OPTED_OUT, Reason.ROBOTS_DISALLOWED})


@dataclass(frozen=True)
class _Due:
    """What is to be asked for today: in this order, each page with what is known of it."""

    pages: dict[str, PageRecord]
    left: int


def deliver_shop(job: WebJob) -> Delivery:
    """Bring what is known of the shop's pages up to date; the products of all of them as rows.

    A page is asked for once a day at most, and what it showed is kept at once: a crawl that was killed goes on where
    it was. A page that left the sitemaps, or shows no product any more, is asked itself before its products go.

    Raises:
        Failure, FeedError: no sitemap can be had.
    """
    pages, left_out = Pages(job.database, job.source), LeftOut()
    listing = _listing(job, left_out)
    if not listing.pages and not left_out.counts:
        raise FeedError(f"{shown(job.url)}: the sitemap of this site lists no pages.")
    known = pages.all()
    due = _due(listing, known, job.today, max(0, job.pages_a_night - pages.checked(job.today)))
    stopped = _ask(job, due, listing, pages, left_out)
    for page in pages.all().values():
        if page.status == PageStatus.RESERVED and page.url not in due.pages:
            left_out.add(
                shown(page.url), str(Reason.OPTED_OUT), f"{shown(page.url)}: its publisher opts out of such use"
            )
    if stopped and not known:
        raise FeedError(f"{shown(job.url)}: nothing could be read: {stopped}")
    path = write_rows(_rows(pages), job.folder)
    notes = []
    if due.left:
        notes.append(f"{job.source.name}: {due.left:,} pages are left for the following nights")
    if stopped:
        notes.append(f"{job.source.name}: the crawl stopped before its end: {stopped}")
    return Delivery(path, "jsonl", left_out=left_out.refusals(), notes=tuple(notes))


def _listing(job: WebJob, left_out: LeftOut) -> Listing:
    documents = KeptDocuments(job.folder / FOLDER, job.client)
    named = _SITEMAP.search(job.url.partition("?")[0])
    roots = [job.url] if named else sitemaps_of(job.url, job.client, documents)
    if not roots:
        raise FeedError(
            f"{shown(job.url)}: this site names no sitemap. Give the address of its feed or of its sitemap."
        )
    listing = walk(roots, origin_of(job.url), documents, left_out, enough=job.enough)
    if listing.complete:
        documents.sweep()
    return listing


def _due(listing: Listing, known: dict[str, PageRecord], today: date, budget: int) -> _Due:
    """The pages to ask for today: new ones that look like products, other new ones, changed ones, those that left."""
    fresh = [PageRecord(url) for url in listing.pages if url not in known]
    fresh.sort(key=lambda page: _PRODUCT_LIKE.search(page.url) is None)
    changed = [page for url, page in known.items() if url in listing.pages and _is_due(page, listing.pages[url], today)]
    # The longest unasked first, so that a small budget comes round to all of them.
    changed.sort(key=lambda page: page.checked_on)
    gone: list[PageRecord] = []
    if listing.complete:
        shows = (PageStatus.PRODUCT, PageStatus.DOUBTFUL, PageStatus.FAILED)
        absent = (page for url, page in known.items() if url not in listing.pages and page.status in shows)
        gone = [page for page in absent if page.lastmod != UNLISTED or _is_due(page, "", today)]
    wanted = [page for page in (*changed, *gone, *fresh) if page.checked_on != today.isoformat()]
    return _Due({page.url: page for page in wanted[:budget]}, max(0, len(wanted) - budget))


def _is_due(page: PageRecord, lastmod: str, today: date) -> bool:
    if page.status in (PageStatus.FAILED, PageStatus.DOUBTFUL) or (lastmod and lastmod != page.lastmod):
        return True
    age = today - date.fromisoformat(page.checked_on)
    if page.status == PageStatus.PRODUCT:
        return not lastmod and age >= ASK_AGAIN
    return age >= ASK_OTHERS_AGAIN


def _ask(job: WebJob, due: _Due, listing: Listing, pages: Pages, left_out: LeftOut) -> str:
    """Ask for the pages that are due and keep what each showed; why it ended before the last one, if it did."""
    answers = job.client.get_all((page.url, page.etag, page.last_modified) for page in due.pages.values())
    try:
        with job.progress.step(f"pages of {job.source.name}", len(due.pages)) as tick:
            for url, answer in answers:
                if isinstance(answer, Failure) and answer.reason in _ENDING:
                    return str(answer)
                before = replace(due.pages[url], checked_on=job.today.isoformat())
                _keep(job, before, listing.pages.get(url, UNLISTED), answer, pages, left_out)
                tick(1)
    finally:
        answers.close()
        (job.folder / SCRATCH).unlink(missing_ok=True)
    return ""


def _keep(
    job: WebJob, page: PageRecord, lastmod: str, answer: Answer | Failure, pages: Pages, left_out: LeftOut
) -> None:
    """Keep what a page was today. A failure that another day may mend leaves what it showed before."""
    if isinstance(answer, Failure):
        _keep_failure(page, lastmod, answer, pages, left_out)
    elif isinstance(answer, Unchanged):
        pages.keep(replace(page, lastmod=lastmod), rows=False)
    else:
        found = findings(answer, job.client.token, job.folder / SCRATCH, job.options.encoding)
        now = replace(page, lastmod=lastmod, etag=answer.etag, last_modified=answer.last_modified)
        if found.status == PageStatus.RESERVED:
            message = f"{shown(page.url)}: its publisher opts out of such use ({found.why})"
            left_out.add(shown(page.url), str(Reason.OPTED_OUT), message)
        if found.status == PageStatus.FAILED:
            left_out.add(shown(page.url), "cut-short", found.why)
            pages.keep(replace(page, etag="", last_modified="", status=PageStatus.FAILED), rows=False)
        elif found.status == PageStatus.NO_PRODUCT and page.status == PageStatus.PRODUCT:
            # An error page may be sent as if it were the page: another day has to confirm it. Asked for in full then.
            pages.keep(replace(page, etag="", last_modified="", status=PageStatus.DOUBTFUL), rows=False)
        else:
            pages.keep(replace(now, status=found.status, rows=found.rows))


def _keep_failure(page: PageRecord, lastmod: str, failure: Failure, pages: Pages, left_out: LeftOut) -> None:
    if failure.reason == Reason.NOT_FOUND:
        pages.keep(replace(page, lastmod=lastmod, etag="", last_modified="", status=PageStatus.GONE))
    elif failure.reason in _REFUSED:
        left_out.fail(shown(page.url), failure)
        pages.keep(replace(page, lastmod=lastmod, etag="", last_modified="", status=PageStatus.RESERVED))
    else:
        left_out.fail(shown(page.url), failure)
        # The next request is for all of it: an answer "not modified" would not tell what it shows.
        pages.keep(replace(page, etag="", last_modified="", status=PageStatus.FAILED), rows=False)


def _rows(pages: Pages) -> Iterator[dict[str, object]]:
    for _, rows in pages.rows():
        yield from json.loads(rows)
