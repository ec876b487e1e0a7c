"""What a server holds: many clients at once, slow and huge uploads beside them, and what HTTP costs one query.

    python -m benchmarks.serving PICTURES [--workspace DIR | --data FEED] [--clients 16] [--seconds 60]

PICTURES is a folder of photographs that are asked for. `traceobject serve` runs in a process of its own, on a workspace
of yours, or on one that is made here of a catalogue FEED; nothing of yours is changed. The references are taken in the
same run: the bare encoder and index one picture at a time, and the bare encoder on full batches.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np

from embedding.decode import decode
from embedding.preprocess import prepare
from index.answer import Query, QueryImage
from index.catalogue import Catalogue
from index.generations import open_live
from index.models import workspace_encoder
from index.progress import Unwatched
from index.reindex import reindex
from index.rerank import closer_for
from index.search import search
from index.workspace import Workspace

SETTLE = 10
SINGLE = 60
HUGE = 400_000_000
_PICTURES = {".jpg", ".jpeg", ".png", ".webp"}


@dataclass
class Answers:
    """Seconds of the answers by status, and what went wrong otherwise."""

    seconds: dict[int, list[float]] = field(default_factory=dict)
    failures: Counter[str] = field(default_factory=Counter)
    without_retry_after: int = 0

    def told(self, elapsed: float) -> dict[str, object]:
        right = np.array(self.seconds.get(200, [0.0]))
        p50, p99 = np.quantile(right, (0.5, 0.99))
        return {
            "answers": {status: len(seconds) for status, seconds in sorted(self.seconds.items())},
            "failures": dict(self.failures),
            "503 without Retry-After": self.without_retry_after,
            "p50_s": round(float(p50), 3),
            "p99_s": round(float(p99), 3),
            "a_second": round(len(right) / elapsed, 2),
        }


@contextlib.contextmanager
def serving(workspace: Path) -> Iterator[tuple[int, str]]:
    """`traceobject serve` on a free port; gives its process id and address."""
    command = [sys.executable, "-m", "service.cli", "--workspace", str(workspace), "serve", "--port", "0"]
    with tempfile.TemporaryFile() as log, subprocess.Popen(command, stderr=log) as process:
        try:
            while True:
                log.seek(0)
                found = re.search(rb"listening on (http://\S+)", log.read())
                if found and _is_ready(found[1].decode()):
                    break
                if process.poll() is not None:
                    log.seek(0)
                    raise SystemExit(log.read().decode())
                time.sleep(0.02)
            yield process.pid, found[1].decode()
        finally:
            process.send_signal(signal.SIGTERM)


def _resident(process: int) -> int:
    """Bytes of memory."""
    pages = Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def _is_ready(address: str) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(f"{address}/readyz").status_code == 200
    return False


async def ask(client: httpx.AsyncClient, data: bytes, answers: Answers) -> None:
    started = time.perf_counter()
    try:
        answer = await client.post("/v1/search", files={"image": ("photo", data)})
    except httpx.HTTPError as error:
        answers.failures[type(error).__name__] += 1
        return
    answers.seconds.setdefault(answer.status_code, []).append(time.perf_counter() - started)
    if answer.status_code == 503:
        wait = answer.headers.get("retry-after")
        answers.without_retry_after += wait is None
        await asyncio.sleep(float(wait or 1))


async def load(address: str, pictures: Sequence[bytes], clients: int, seconds: float) -> Answers:
    """So many clients, each asking again as soon as it is answered."""
    answers, end = Answers(), time.monotonic() + seconds

    async def client(number: int) -> None:
        async with httpx.AsyncClient(base_url=address, timeout=120) as own:
            turn = number
            while time.monotonic() < end:
                await ask(own, pictures[turn % len(pictures)], answers)
                turn += clients

    await asyncio.gather(*(client(number) for number in range(clients)))
    return answers


async def beside_bad_uploads(address: str, pictures: Sequence[bytes], seconds: float) -> Answers:
    """One client that asks, while another sends one byte a second and a third far too many."""
    bad = [asyncio.create_task(_drip(address)), asyncio.create_task(_flood(address))]
    await asyncio.sleep(0.5)
    answers = await load(address, pictures, 1, seconds)
    for task in bad:
        task.cancel()
    await asyncio.gather(*bad, return_exceptions=True)
    return answers


async def _drip(address: str) -> None:
    async def body() -> AsyncIterator[bytes]:
        while True:
            yield b"-"
            await asyncio.sleep(1)

    async with httpx.AsyncClient(base_url=address, timeout=None) as client:
        while True:
            with contextlib.suppress(httpx.HTTPError):
                await client.post("/v1/search", content=body(), headers=_FORM)
            await asyncio.sleep(0.1)


async def _flood(address: str) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="image"; filename="x"\r\n\r\n'
        for _ in range(HUGE // 65_536):
            yield bytes(65_536)

    async with httpx.AsyncClient(base_url=address, timeout=None) as client:
        while True:
            with contextlib.suppress(httpx.HTTPError):
                await client.post("/v1/search", content=body(), headers=_FORM)
            await asyncio.sleep(0.1)


_FORM = {"content-type": "multipart/form-data; boundary=x"}


def _unsaid(_: str) -> None:
    """Which model it is has been told before."""


def bare(workspace: Workspace, pictures: Sequence[bytes]) -> tuple[float, float, float]:
    """Median seconds of one picture through encoder and index alone, pictures a second in full batches, and median
    seconds of a whole search in this process."""
    workspace, encoder = workspace_encoder(workspace, _unsaid)
    engine = open_live(workspace).engine("catalogue")
    ready = np.stack([prepare(decode(data), encoder.card.preprocess) for data in pictures])
    taken = []
    for turn in range(SINGLE + SETTLE):
        started = time.perf_counter()
        engine.search(encoder.encode_images(ready[turn % len(ready)][None]), 50)
        taken.append(time.perf_counter() - started)
    batch = np.concatenate([ready] * -(-32 // len(ready)))[:32]
    rates = []
    for _ in range(8):
        started = time.perf_counter()
        encoder.encode_images(batch)
        rates.append(len(batch) / (time.perf_counter() - started))
    generation, closer = open_live(workspace), closer_for(workspace)
    searched = []
    for data in (*pictures[:SETTLE], *pictures[:SETTLE]):
        started = time.perf_counter()
        search(Query((QueryImage(decode(data)),)), generation, encoder, closer)
        searched.append(time.perf_counter() - started)
    return statistics.median(taken[SETTLE:]), statistics.median(rates), statistics.median(searched[SETTLE:])


def copy_of(workspace: Path, folder: Path) -> Path:
    """The workspace without accounts and without a limit on searches, so that the machine is the only one."""
    shutil.copytree(workspace, folder, symlinks=True, ignore=shutil.ignore_patterns("service.sqlite*"))
    settings = folder / "traceobject.toml"
    text = re.sub(r"(?m)^searches_a_minute = .*\n", "", settings.read_text(encoding="utf-8"))
    settings.write_text(f"searches_a_minute = 0\n{text}", encoding="utf-8")
    return folder


def made_of(feed: Path, folder: Path) -> Path:
    workspace = Workspace.create(folder, "starter")
    with Catalogue.open(workspace.database_url) as catalogue:
        catalogue.add_source("shop", "catalogue", str(feed.resolve()), "auto")
    workspace, encoder = workspace_encoder(workspace, _unsaid)
    reindex(workspace, encoder, Unwatched(), closer_for(workspace))
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", type=Path)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--workspace", type=Path)
    source.add_argument("--data", type=Path, help="A catalogue to make a workspace of.")
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=60)
    given = parser.parse_args()
    files = sorted(path for path in given.pictures.rglob("*") if path.suffix.lower() in _PICTURES)
    pictures = [path.read_bytes() for path in files[:: max(1, len(files) // 32)][:32]]
    with tempfile.TemporaryDirectory() as temporary:
        made = given.workspace or made_of(given.data, Path(temporary) / "made")
        folder = copy_of(made, Path(temporary) / "workspace")
        forward, batched, whole = bare(Workspace.open(folder), pictures)
        started = time.perf_counter()
        with serving(folder) as (process, address):
            told: dict[str, object] = {"ready_s": round(time.perf_counter() - started, 2), "cores": os.cpu_count()}
            # The first searches read the features of the catalogue's pictures, or compute them.
            asyncio.run(load(address, pictures, 2, SETTLE))
            single = statistics.median(asyncio.run(load(address, pictures, 1, SETTLE)).seconds[200])
            told |= {
                "bare_forward_and_index_s": round(forward, 4),
                "search_in_process_s": round(whole, 4),
                "search_over_http_s": round(single, 4),
                "times_in_process": round(single / whole, 2),
                "bare_batched_a_second": round(batched, 1),
            }
            before = _resident(process)
            told["full_search_many_clients"] = asyncio.run(load(address, pictures, given.clients, given.seconds)).told(
                given.seconds
            )
            told["memory_mb"] = [round(before / 1e6), round(_resident(process) / 1e6)]
            told["alone"] = asyncio.run(load(address, pictures, 1, SETTLE)).told(SETTLE)
            told["beside_bad_uploads"] = asyncio.run(beside_bad_uploads(address, pictures, SETTLE)).told(SETTLE)
    sys.stdout.write(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
