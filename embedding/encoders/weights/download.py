"""One file of a model hub, whole or not at all: huggingface_hub asks, resumes and retries; its SHA-256 is checked."""

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
from embedding.encoders.weights.not_fetched import GIVE_UP_SECONDS, NotFetched, NotThere
from embedding.errors import ModelUnavailable

_SHA256 = re.compile(r"[0-9a-f]{64}")
_REFUSED = {
    401: "is not there, or not for everybody",
    403: "is not there, or not for everybody",
    404: "is not there",
    410: "is not there any more",
}


def download(url: str, target: Path, sha256: str | None = None, give_up: float = GIVE_UP_SECONDS) -> str:
    """Fetch a file, with a progress bar on stderr; returns its SHA-256.

    What has come so far is kept beside the target as .part, and a later call goes on from there if it can check the
    whole. The target appears only when it is whole. (hf_hub_download of huggingface_hub 2 resumes within one call
    alone, hence its parts.)

    Args:
        sha256: what the file must be; None takes what the hub says of it, where it says (it does, for large files).
        give_up: seconds to wait for the hub's answer, name look-up and redirects included.

    Raises:
        NotThere: the hub has no such file, or does not give it to everybody.
        NotFetched: it does not answer, breaks off repeatedly, or what it sends is not the file; or HF_HUB_OFFLINE is
            set.
        ModelUnavailable: the file cannot be written here.
    """
    part = target.with_name(target.name + ".part")
    with _errors_in_words(url, part):
        metadata = _metadata(url, give_up)
        wanted = sha256 or (metadata.etag if _SHA256.fullmatch(metadata.etag or "") else None)
        for _ in range(2):
            resumed = _beginning(part, metadata.size, wanted)
            _fetch(metadata, part)
            found = store.digest(part)
            if wanted in (None, found):
                part.replace(target)
                return found
            part.unlink()
            if not resumed:
                break  # Even a fresh copy is wrong; after an old beginning, a fresh copy is worth one more try.
    raise NotFetched(f"what {url} sent is not the file: its SHA-256 is {found}, not {wanted}; nothing of it was kept")


def _metadata(url: str, give_up: float) -> HfFileMetadata:
    """What the hub says of a file, in no more than `give_up` seconds in all.

    In a thread of its own, because no timeout of a socket bounds the look-up of a name or a chain of redirects.
    """
    outcome: list[HfFileMetadata | Exception] = []

    def ask() -> None:
        try:
            # No token, though one may lie on this machine: the hub need not know who fetches a public model.
            outcome.append(get_hf_file_metadata(url, token=False, timeout=give_up))
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, RuntimeError, ValueError) as error:
            outcome.append(error)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(give_up)
    if not outcome or isinstance(outcome[0], httpx2.TimeoutException):
        raise NotFetched(f"no answer from {urlsplit(url).hostname} in {give_up:g} s ({url})")
    if isinstance(outcome[0], Exception):
        raise outcome[0]
    return outcome[0]


def _beginning(part: Path, size: int | None, wanted: str | None) -> bool:
    """Whether a .part is there to go on from; one that could not be checked, or is too long, is deleted."""
    if part.is_file() and (wanted is None or size is None or part.stat().st_size > size):
        part.unlink()
    return part.is_file()


def _fetch(metadata: HfFileMetadata, part: Path) -> None:
    """Fetch what is missing of a file onto its .part."""
    part.parent.mkdir(parents=True, exist_ok=True)
    while True:
        have = _size(part)
        try:
            with part.open("r+b" if have else "wb") as file:
                file.seek(have)
                http_get(
                    metadata.location,
                    file,
                    resume_size=have,
                    expected_size=metadata.size,
                    headers={"Accept-Encoding": "identity"},
                    displayed_filename=part.name.removesuffix(".part"),
                    tqdm_class=tqdm,
                )
            return
        except httpx2.ReadError:
            # A connection that was reset is the one that http_get itself does not make again.
            if _size(part) <= have:
                raise


@contextmanager
def _errors_in_words(url: str, part: Path) -> Iterator[None]:
    try:
        yield
    except OfflineModeIsEnabled as error:
        raise NotFetched(f"HF_HUB_OFFLINE is set, so {url} was not asked for: unset it to fetch") from error
    except HfHubHTTPError as error:
        status = error.response.status_code
        if status in _REFUSED:
            raise NotThere(f"{url} {_REFUSED[status]} (HTTP {status})") from error
        raise NotFetched(f"{url} answered HTTP {status}{_kept(part)}") from error
    except (httpx2.HTTPError, httpx2.InvalidURL, RuntimeError, ValueError) as error:
        raise NotFetched(f"{error or type(error).__name__} ({url}){_kept(part)}") from error
    except OSError as error:
        if error.errno is None:  # http_get's own, for a body of another length than was announced.
            raise NotFetched(f"it sent another length than it announced ({url}){_kept(part)}") from error
        raise ModelUnavailable(f"{part} cannot be written: {error.strerror or error}") from error


def _kept(part: Path) -> str:
    return f"; {_size(part):,} bytes are kept and the next pull goes on from there" if _size(part) else ""


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
