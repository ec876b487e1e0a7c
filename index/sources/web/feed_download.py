"""A feed of any known format by http(s): downloaded as it is, refused where a web page is sent in its place."""

from __future__ import annotations

import re

from index.errors import FeedError
from index.sources.feeds import text
from index.sources.feeds.feed_file import FeedFile
from index.sources.fetching.outcomes import shown
from index.sources.web.download import FILE, content_type, download, forget
from index.sources.web.job import Delivery, WebJob
from index.sources.web.probe import load_beginning

_TITLE = re.compile(r"<title[^>]*>\s*([^<]{1,200})", re.IGNORECASE)
_PAGES = ("html", "head", "body", "script")


def deliver_file(job: WebJob) -> Delivery:
    """The feed under the source's address. One that has not changed is not loaded again.

    Raises:
        Failure: it cannot be had.
        FeedError: what lies there is a web page, or nothing.
    """
    if job.enough:
        path, cut = load_beginning(job.client, job.url, job.folder)
        if wrong := _wrong(job):
            raise FeedError(wrong)
        return Delivery(path, job.source.format, job.options.encoding, cut=cut)
    former = job.folder / f"{FILE}.former"
    path = job.folder / FILE
    if path.exists():
        # A second name for the same bytes: an error page must not cost the feed that was here.
        former.unlink(missing_ok=True)
        former.hardlink_to(path)
    download(job.client, job.url, job.folder)
    wrong = _wrong(job)
    if wrong:
        forget(job.folder)
        if former.exists():
            former.replace(path)
        raise FeedError(wrong)
    former.unlink(missing_ok=True)
    return Delivery(path, job.source.format, job.options.encoding)


def _wrong(job: WebJob) -> str:
    """Why what was downloaded cannot be the feed; empty where it may be."""
    head = FeedFile(job.folder / FILE).head()
    place = shown(job.url)
    if not head:
        return f"{place}: the server sent nothing."
    begins = text.head_text(head, job.options.encoding)
    if job.source.format == "schemaorg" or text.root_element(begins) not in _PAGES:
        return ""
    title = _TITLE.search(begins)
    kind = content_type(job.folder) or "a web page"
    named = f" titled {title[1].strip()!r}" if title else ""
    return f"{place}: the server sent a web page{named} ({kind}) in place of the feed."
