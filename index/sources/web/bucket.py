"""A folder of pictures, or a feed, in a bucket: listed and read by its fsspec URL, without a copy of the pictures."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from index.errors import FeedError
from index.records.revisits import ask_again
from index.sources.feeds.folder import PRODUCT_PICTURES, is_picture_name
from index.sources.fetching.outcomes import Fetched, FetchRefused, NotModified, Outcome, Reason, Request, shown
from index.sources.web.bucket_client import open_bucket
from index.sources.web.download import FILE
from index.sources.web.feed_writer import write_rows
from index.sources.web.job import Delivery, WebJob
from index.stores.durable import write_file

_LISTING = "listing.json"
_COPY_BYTES = 1_048_576


def deliver_bucket(job: WebJob, allow_hosts: frozenset[str]) -> Delivery:
    """The pictures of a bucket's folder as rows, by the rule of a folder on disk; a feed file is brought here.

    Raises:
        FeedError: the bucket cannot be listed, or holds no pictures.
    """
    bucket = open_bucket(job.url, allow_hosts)
    try:
        if bucket.files.isfile(bucket.root):
            copy = _copied(bucket.files, bucket.root, job.folder / FILE)
            return Delivery(copy, job.source.format, job.options.encoding)
        listing: dict[str, str] = {}
        path = write_rows(_rows(bucket.files, bucket.root, bucket.scheme, listing), job.folder)
    except (OSError, ValueError, RuntimeError) as error:
        raise FeedError(
            f"{shown(job.url)}: the bucket cannot be listed: {shown(str(error)) or type(error).__name__}."
        ) from None
    if not listing:
        raise FeedError(f"{shown(job.url)}: no pictures lie there.")
    former = _read(job.folder / _LISTING)
    ask_again(job.database, [name for name, version in listing.items() if former.get(name, version) != version])
    write_file(job.folder / _LISTING, json.dumps(listing).encode())
    return Delivery(path, "jsonl")


@dataclass(frozen=True)
class BucketFetch:
    """Reads the pictures of one bucket's folder; references that lead elsewhere go to `others`."""

    url: str
    allow_hosts: frozenset[str]
    others: Callable[[Iterable[Request]], Iterator[Outcome]]

    def __call__(self, requests: Iterable[Request]) -> Iterator[Outcome]:
        """One outcome for each request; see fetch_all."""
        bucket = open_bucket(self.url, self.allow_hosts)
        inside = f"{bucket.scheme}://{bucket.root}/"
        elsewhere = []
        for request in requests:
            if request.url.startswith(inside):
                yield _fetched(bucket.files, request, request.url.partition("://")[2])
            else:
                elsewhere.append(request)
        yield from self.others(elsewhere)


def _fetched(files: Any, request: Request, name: str) -> Outcome:
    try:
        version = _version(files.info(name))
        if request.etag and version == request.etag:
            return NotModified(request)
        return Fetched(request, files.cat_file(name), etag=version)
    except FileNotFoundError:
        return FetchRefused(request, Reason.NOT_FOUND, f"{shown(request.url)}: is not in the bucket", transient=False)
    except (OSError, ValueError, RuntimeError) as error:
        message = f"{shown(request.url)}: cannot be read from the bucket ({shown(str(error))})"
        return FetchRefused(request, Reason.CONNECTION_FAILED, message, transient=True)


def _rows(files: Any, root: str, scheme: str, listing: dict[str, str]) -> Iterator[dict[str, object]]:
    """One row for each product; `listing` takes the version of each picture by its address."""
    for place, subfolders, found in files.walk(root, detail=True):
        folder = place.strip("/")
        names = sorted(name for name in found if is_picture_name(name))
        for name in names:
            listing[f"{scheme}://{folder}/{name}"] = _version(found[name])
        inside = PurePosixPath(folder).relative_to(root)
        addresses = [f"{scheme}://{folder}/{name}" for name in names]
        if inside != PurePosixPath() and names and not subfolders and len(names) <= PRODUCT_PICTURES:
            yield _row(inside, inside.name, addresses)
        else:
            for name, address in zip(names, addresses, strict=True):
                yield _row(inside / name, PurePosixPath(name).stem, [address])


def _row(name: PurePosixPath, title: str, addresses: list[str]) -> dict[str, object]:
    category = "" if name.parent == PurePosixPath() else str(name.parent)
    plain = title.replace("_", " ").replace("-", " ")
    return {"id": str(name), "title": plain, "category": category, "image_link": addresses}


def _version(about: Mapping[str, object]) -> str:
    """What tells one version of an object from another: its ETag, or else size and time."""
    for name in ("ETag", "etag", "md5Hash", "content_md5"):
        if about.get(name):
            return str(about[name]).strip('"')
    return " ".join(
        str(about.get(name, "")) for name in ("size", "LastModified", "mtime", "updated", "last_modified", "created")
    )


def _copied(files: Any, name: str, path: Path) -> Path:
    part = path.with_name(f"{path.name}.part")
    with files.open(name, "rb") as source, part.open("wb") as target:
        while chunk := source.read(_COPY_BYTES):
            target.write(chunk)
    part.replace(path)
    return path


def _read(path: Path) -> dict[str, str]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
