"""A file of a model hub, complete or not at all: huggingface_hub resumes and retries; the SHA-256 is checked."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
from huggingface_hub import HfFileMetadata, get_hf_file_metadata
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled
from huggingface_hub.file_download import http_get
from tqdm import tqdm

from embedding.encoders import model_store as store
from embedding.encoders.weights.not_fetched import HUB_TIMEOUT_SECONDS, NotFetched, NotOnHub
from embedding.errors import ModelUnavailable

_SHA256 = re.compile(r"[0-9a-f]{64}")
_REFUSALS = {
    401: "is not there, or not for everybody",
    403: "is not there, or not for everybody",
    404: "is not there",
    410: "is not there any more",
}


def download(url: str, target: Path, sha256: str | None = None, timeout: float = HUB_TIMEOUT_SECONDS) -> str:
    """Fetch a file, with a progress bar on stderr; returns its SHA-256.

    What was received so far is kept beside the target as .part, and a later call resumes it if the whole can be
    checked. The target appears only when it is complete. (hf_hub_download of huggingface_hub 2 resumes within one call
    only, so its functions are used here.)

    Args:
        sha256: expected; None takes the one that the hub states, if it does (it does for large files).
        timeout: seconds to wait for the hub's answer, name look-up and redirects included.

    Raises:
        NotOnHub: the hub has no such file, or it is not public.
        NotFetched: the hub does not answer, the connection fails repeatedly, what it sends is not the file, or
            HF_HUB_OFFLINE is set.
        ModelUnavailable: the file cannot be written here.
    """
    part = target.with_name(target.name + ".part")
    with _translate_errors(url, part):
        metadata = _metadata(url, timeout)
        expected = sha256 or (metadata.etag if _SHA256.fullmatch(metadata.etag or "") else None)
        for _ in range(2):
            resumed = _can_resume(part, metadata.size, expected)
            _fetch(metadata, part)
            found = store.digest(part)
            if expected in (None, found):
                part.replace(target)
                return found
            part.unlink()
            if not resumed:
                break  # A fresh copy was wrong; only after a resumed one is a fresh copy worth another try.
    raise NotFetched(f"what {url} sent is not the file: its SHA-256 is {found}, not {expected}; nothing of it was kept")


def _metadata(url: str, timeout: float) -> HfFileMetadata:
    """The hub's metadata of a file, in no more than `timeout` seconds in all.

    In a thread of its own, because no timeout of a socket bounds the look-up of a name or a chain of redirects.
    """
    outcome: list[HfFileMetadata | Exception] = []

    def request() -> None:
        try:
            # Without the user's token: the hub need not know who fetches a public model.
            outcome.append(get_hf_file_metadata(url, token=False, timeout=timeout))
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, RuntimeError, ValueError) as error:
            outcome.append(error)

    thread = threading.Thread(target=request, daemon=True)
    thread.start()
    thread.join(timeout)
    if not outcome or isinstance(outcome[0], httpx2.TimeoutException):
        raise NotFetched(f"no answer from {urlsplit(url).hostname} in {timeout:g} s ({url})")
    if isinstance(outcome[0], Exception):
        raise outcome[0]
    return outcome[0]


def _can_resume(part: Path, size: int | None, expected: str | None) -> bool:
    """Whether there is a .part to resume; one that could not be checked, or is too long, is deleted."""
    if part.is_file() and (expected is None or size is None or part.stat().st_size > size):
        part.unlink()
    return part.is_file()


def _fetch(metadata: HfFileMetadata, part: Path) -> None:
    """Append what is missing of a file to its .part."""
    part.parent.mkdir(parents=True, exist_ok=True)
    while True:
        received = _size(part)
        try:
            with part.open("r+b" if received else "wb") as file:
                file.seek(received)
                http_get(
                    metadata.location,
                    file,
                    resume_size=received,
                    expected_size=metadata.size,
                    headers={"Accept-Encoding": "identity"},
                    displayed_filename=part.name.removesuffix(".part"),
                    tqdm_class=tqdm,
                )
            return
        except httpx2.ReadError:
            # http_get retries other errors itself, but not a connection that was reset.
            if _size(part) <= received:
                raise


@contextmanager
def _translate_errors(url: str, part: Path) -> Iterator[None]:
    """Raise NotFetched or ModelUnavailable for the errors of HTTP, huggingface_hub and the disk."""
    try:
        yield
    except OfflineModeIsEnabled as error:
        raise NotFetched(f"HF_HUB_OFFLINE is set, so {url} was not requested: unset it to fetch") from error
    except HfHubHTTPError as error:
        status = error.response.status_code
        if status in _REFUSALS:
            raise NotOnHub(f"{url} {_REFUSALS[status]} (HTTP {status})") from error
        raise NotFetched(f"{url} answered HTTP {status}{_kept(part)}") from error
    except (httpx2.HTTPError, httpx2.InvalidURL, RuntimeError, ValueError) as error:
        raise NotFetched(f"{error or type(error).__name__} ({url}){_kept(part)}") from error
    except OSError as error:
        if error.errno is None:  # Raised by http_get for a body of another length than announced.
            raise NotFetched(f"it sent another length than it announced ({url}){_kept(part)}") from error
        raise ModelUnavailable(f"{part} cannot be written: {error.strerror or error}") from error


def _kept(part: Path) -> str:
    return f"; {_size(part):,} bytes are kept and the next pull goes on from there" if _size(part) else ""


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
