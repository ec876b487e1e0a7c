"""One file by HTTP, whole or not at all: resumed where it was cut, checked by SHA-256, no silent server waited for."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
from tqdm import tqdm

from embedding.encoders import model_store as store
from embedding.encoders.weights.not_fetched import GIVE_UP_SECONDS, NotFetched, NotThere
from embedding.errors import ModelUnavailable

_TRIES = 5
_SHA256 = re.compile(r"[0-9a-f]{64}")
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")


class _Cut(Exception):
    """The body ended before its announced length."""


@dataclass(frozen=True)
class _Answer:
    """An answer that has begun: its head, the first bytes of its body, and the rest."""

    head: httpx.Response
    first: bytes
    rest: Iterator[bytes]


def download(url: str, target: Path, sha256: str | None = None, give_up: float = GIVE_UP_SECONDS) -> str:
    """Fetch a file, with a progress bar on stderr; returns its SHA-256.

    What has come so far is kept beside the target as .part, and a later call goes on from there. The target appears
    only when it is whole.

    Args:
        sha256: what the file must be; None takes what the server says of it, where it says (the hub does, in
            X-Linked-ETag, for its large files).
        give_up: seconds to wait for the first byte, name look-up and redirects included, and then for each next one.

    Raises:
        NotThere: the server has no such file.
        NotFetched: it does not answer, breaks off repeatedly, or what it sends is not the file.
        ModelUnavailable: the file cannot be written here.
    """
    part = target.with_name(target.name + ".part")
    try:
        with httpx.Client(timeout=give_up, follow_redirects=True, headers={"Accept-Encoding": "identity"}) as client:
            return _complete(client, url, part, target, sha256, give_up)
    except OSError as error:
        raise ModelUnavailable(f"{part} cannot be written: {error.strerror or error}") from error


def _complete(client: httpx.Client, url: str, part: Path, target: Path, sha256: str | None, give_up: float) -> str:
    found = wanted = None
    for attempt in range(_TRIES):
        before = _size(part)
        try:
            wanted = _append(client, url, part, sha256, give_up)
        except (httpx.HTTPError, _Cut) as error:
            if _size(part) > before and attempt + 1 < _TRIES:
                continue  # It came some way: go on from there at once.
            raise _broken(url, part, error) from error
        found = store.digest(part)
        if wanted is None or found == wanted:
            part.replace(target)
            return found
        part.unlink()
        if before == 0:
            break  # Even a fresh copy was wrong; after an old beginning, a fresh copy is worth one more try.
    raise NotFetched(f"what {url} sent is not the file: its SHA-256 is {found}, not {wanted}; nothing of it was kept")


def _append(client: httpx.Client, url: str, part: Path, sha256: str | None, give_up: float) -> str | None:
    """Fetch what is missing of a file onto its .part; returns the SHA-256 that the whole should have, if it is told."""
    have = _size(part)
    request = client.build_request("GET", url, headers={"Range": f"bytes={have}-"} if have else {})
    answer = _begin(client, request, give_up)
    try:
        wanted = sha256 or _announced_sha256(answer.head)
        if answer.head.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE and have:
            return wanted or ""  # The .part has the file's length or more: its checksum decides, without one it goes.
        start, total = _span(answer.head, have)
        part.parent.mkdir(parents=True, exist_ok=True)
        with part.open("r+b" if start else "wb") as file, _bar(part, start, total) as bar:
            file.seek(start)
            bar.update(file.write(answer.first))
            for piece in answer.rest:
                bar.update(file.write(piece))
            end = file.tell()
        if total is not None and end != total:
            raise _Cut(f"it ended after {end:,} of {total:,} bytes")
        return wanted
    finally:
        answer.head.close()


def _begin(client: httpx.Client, request: httpx.Request, give_up: float) -> _Answer:
    """Send a request and wait for the first byte, but no longer than `give_up` seconds in all.

    In a thread of its own, because no timeout of a socket bounds the look-up of a name or a chain of redirects.
    """
    outcome: list[_Answer | httpx.HTTPError] = []

    def work() -> None:
        try:
            head = client.send(request, stream=True)
            rest = head.iter_raw()
            outcome.append(_Answer(head, next(rest, b""), rest))
        except httpx.HTTPError as error:
            outcome.append(error)
        except (OSError, RuntimeError, ValueError, httpx.InvalidURL) as error:
            outcome.append(httpx.TransportError(str(error)))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(give_up)
    if not outcome or isinstance(outcome[0], httpx.TimeoutException):
        raise NotFetched(f"no answer from {request.url.host} in {give_up:g} s ({request.url})")
    if isinstance(outcome[0], httpx.HTTPError):
        raise outcome[0]
    return outcome[0]


def _announced_sha256(head: httpx.Response) -> str | None:
    """What the hub says of a large file, on its redirect or its last answer. A small file's ETag is no SHA-256."""
    for answer in (*head.history, head):
        for header in ("X-Linked-ETag", "ETag"):
            tag: str = answer.headers.get(header, "").removeprefix("W/").strip('"')
            if _SHA256.fullmatch(tag):
                return tag
    return None


def _span(head: httpx.Response, have: int) -> tuple[int, int | None]:
    """Where in the file the body starts, and the whole file's length where it is told.

    Raises:
        NotThere, NotFetched: the answer holds no file.
    """
    if head.status_code in (401, 403, 404, 410):
        raise NotThere(f"{head.url} is not there (HTTP {head.status_code})")
    told = _RANGE.fullmatch(head.headers.get("Content-Range", ""))
    if head.status_code == httpx.codes.PARTIAL_CONTENT and told and int(told[1]) == have:
        return have, int(told[2])
    if head.status_code != httpx.codes.OK:
        raise NotFetched(f"{head.url} answered HTTP {head.status_code}")
    # All of it, from a server that was asked for all of it or ignores Range.
    length = head.headers.get("Content-Length", "")
    return 0, int(length) if length.isdigit() else None


def _bar(part: Path, start: int, total: int | None) -> tqdm[None]:
    name = part.name.removesuffix(".part")
    return tqdm(desc=name, initial=start, total=total, unit="B", unit_scale=True, mininterval=0.5)


def _broken(url: str, part: Path, error: Exception) -> NotFetched:
    reason = str(error) or type(error).__name__
    kept = f"; {_size(part):,} bytes are kept and the next pull goes on from there" if _size(part) else ""
    return NotFetched(f"{reason} ({url}){kept}")


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
