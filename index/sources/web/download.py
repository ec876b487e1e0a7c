"""A file by URL onto the disk: asked for conditionally, streamed, and resumed where it broke off."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

import anyio
import httpx

from index.errors import FeedError
from index.sources.fetching.answers import Redirect, redirect_of, validator
from index.sources.fetching.body import drain
from index.sources.fetching.outcomes import Failure, Reason, shown
from index.sources.web.client import WebClient
from index.stores.durable import sync_folder, write_file

FILE, PART, STATE, PART_STATE = "feed", "feed.part", "feed.json", "feed.part.json"
_MOST_BYTES = 200_000_000_000
_SECONDS = 12 * 3600.0
# A server that says nothing for so long has broken off.
_SILENCE = 60.0
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
# Left free on the disk for everything else.
_SPARE_BYTES = 500_000_000


@dataclass(frozen=True)
class Downloaded:
    """A file that was fetched before, and what came with it. `size`: its bytes; -1 where not known yet."""

    url: str
    etag: str = ""
    last_modified: str = ""
    content_type: str = ""
    size: int = -1

    @property
    def resumable(self) -> str:
        """The validator that a rest may be asked for by (RFC 9110, 13.1.5): a strong ETag, or the date."""
        return self.etag if self.etag and not self.etag.startswith("W/") else self.last_modified


def download(client: WebClient, url: str, folder: Path) -> Path:
    """Bring the file under a URL to `folder/feed`; one that has not changed is not loaded again.

    What was loaded of a file that broke off is kept, and the rest asked for by the next attempt or the next call.

    Raises:
        Failure: it cannot be had.
        FeedError: it does not fit on the disk.
    """
    file = folder / FILE
    known = _known(folder / STATE, url)
    if known and not (file.exists() and file.stat().st_size == known.size):
        known = None
    part = _Part(folder, url)

    def headers() -> Mapping[str, str]:
        plain = {"Accept": "*/*"}
        begun = part.begun()
        if begun and begun.resumable:
            return {**plain, "Range": f"bytes={part.size()}-", "If-Range": begun.resumable}
        if known:
            conditional = {"If-None-Match": known.etag, "If-Modified-Since": known.last_modified}
            return {**plain, **{name: value for name, value in conditional.items() if value}}
        return plain

    async def read(response: httpx.Response) -> Downloaded | Redirect | None:
        if redirect := await redirect_of(response):
            return redirect
        client.check(response)
        if response.status_code == 304 and known:
            await drain(response)
            return None
        if response.status_code == 206 and part.continues(response):
            return await part.take(client, response, append=True)
        if response.status_code == 200:
            return await part.take(client, response, append=False)
        await drain(response)
        if response.status_code in (206, 416):
            part.discard()
            raise Failure(Reason.ANSWER_BROKEN, f"{shown(url)}: another part was sent than was asked for", again=True)
        raise client.refused(response)

    loaded = client.run(url, _SECONDS, read, headers)
    if loaded is not None:
        part.finish(file, loaded)
    return file


def content_type(folder: Path) -> str:
    """What the server called the file that was downloaded into a folder, such as "text/csv"; "" if it did not say."""
    try:
        raw = json.loads((folder / STATE).read_bytes())
    except (OSError, ValueError):
        return ""
    return str(raw.get("content_type", "")).partition(";")[0].strip().casefold()


class _Part:
    """The file while it is loaded."""

    def __init__(self, folder: Path, url: str) -> None:
        self._file, self._state, self._url = folder / PART, folder / PART_STATE, url

    def begun(self) -> Downloaded | None:
        return _known(self._state, self._url) if self.size() else None

    def size(self) -> int:
        try:
            return self._file.stat().st_size
        except OSError:
            return 0

    def continues(self, response: httpx.Response) -> bool:
        """Whether a partial answer begins where the file ends, and is of the same version."""
        found = _RANGE.fullmatch(response.headers.get("content-range", "").strip())
        begun = self.begun()
        etag = validator(response.headers.get("etag", ""))
        same = begun is not None and (not etag or etag == begun.etag)
        return same and found is not None and int(found[1]) == self.size()

    async def take(self, client: WebClient, response: httpx.Response, *, append: bool) -> Downloaded:
        encoding = response.headers.get("content-encoding", "").strip().lower()
        # A compressed file is stored as it is, whatever the server calls it: its content tells how to unpack it.
        if encoding not in ("", "identity", "gzip", "x-gzip"):
            raise Failure(
                Reason.ENCODING_REFUSED, f"{shown(self._url)}: sent as {shown(encoding)!r}, which is not read"
            )
        about = Downloaded(
            self._url,
            validator(response.headers.get("etag", "")),
            validator(response.headers.get("last-modified", "")),
            response.headers.get("content-type", "")[:200],
        )
        self._check_size(response, self.size() if append else 0)
        if not append:
            self.discard()
            write_file(self._state, json.dumps(asdict(about)).encode())
        with self._file.open("ab") as file:
            await self._write(client, response, file)
            file.flush()
            os.fsync(file.fileno())
        return Downloaded(about.url, about.etag, about.last_modified, about.content_type, self.size())

    async def _write(self, client: WebClient, response: httpx.Response, file: BinaryIO) -> None:
        size = file.tell()
        chunks = response.aiter_raw()
        while True:
            with anyio.move_on_after(_SILENCE) as silence:
                chunk = await anext(chunks, b"")
            if silence.cancelled_caught:
                raise Failure(
                    Reason.TOO_SLOW, f"{shown(self._url)}: the server sent nothing for {_SILENCE:g} s", again=True
                )
            if not chunk:
                return
            size += len(chunk)
            client.loaded += len(chunk)
            if size > _MOST_BYTES:
                raise Failure(Reason.TOO_LARGE, f"{shown(self._url)}: more than {_MOST_BYTES:,} bytes")
            file.write(chunk)

    def _check_size(self, response: httpx.Response, have: int) -> None:
        length = response.headers.get("content-length", "")
        needed = int(length) if length.isdecimal() else 0
        free = shutil.disk_usage(self._file.parent).free
        if needed + _SPARE_BYTES > free:
            raise FeedError(
                f"{shown(self._url)}: {needed:,} bytes more do not fit on the disk, which has {free:,} left: free some"
            )
        if have + needed > _MOST_BYTES:
            raise Failure(Reason.TOO_LARGE, f"{shown(self._url)}: more than {_MOST_BYTES:,} bytes")

    def finish(self, file: Path, loaded: Downloaded) -> None:
        # The state is written last: a crash before it means that the file is loaded again.
        (file.parent / STATE).unlink(missing_ok=True)
        if not self._file.exists():
            self._file.touch()
        self._file.replace(file)
        sync_folder(file.parent)
        write_file(file.parent / STATE, json.dumps(asdict(loaded)).encode())
        self._state.unlink(missing_ok=True)

    def discard(self) -> None:
        self._state.unlink(missing_ok=True)
        self._file.unlink(missing_ok=True)


def _known(state: Path, url: str) -> Downloaded | None:
    try:
        about = Downloaded(**json.loads(state.read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
    return about if about.url == url else None


def forget(folder: Path) -> None:
    """Delete a downloaded file, so that it is loaded again."""
    for name in (STATE, PART_STATE, PART, FILE):
        (folder / name).unlink(missing_ok=True)
