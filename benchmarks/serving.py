"""The load that a server sustains: many clients, slow and huge uploads, and the overhead of HTTP for one query.

    python -m benchmarks.serving PICTURES {--workspace DIR | --data FEED} [--clients 16] [--seconds 60] [--report PAGE]

PICTURES is a folder of photographs that are searched for. `traceobject serve` runs in a process of its own, on a
workspace of yours, which is not changed, or on one for each model that is made of a catalogue FEED. The
references are taken in the same run: the bare encoder and index on the views of one picture at a time, the bare encoder
on full batches, and searches without HTTP, but with the gate, one after the other and as many at a time as there are
cores. All is measured with re-ranking, and by embeddings alone. The first searches after a start take memory; it is
reported for each quarter of the time of many clients. The clients run on the same cores. No text is read: docs/text.md
says how long that takes.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np

from benchmarks.encoders import RANDOM, random_clip
from benchmarks.report import page_for
from benchmarks.serving_figures import Answers, Bare, Served
from benchmarks.serving_report import write_report
from embedding.encoders.protocol import Encoder
from embedding.errors import CompiledRefused
from embedding.image.decode import decode
from embedding.image.preprocess import prepare
from embedding.query_views import query_views
from index.generations.generations import open_live
from index.jobs.compile_model import compile_for
from index.jobs.reindex import reindex
from index.models import lazy_encoder, workspace_encoder
from index.progress import Unwatched
from index.records.catalogue import Catalogue
from index.search.answer import Query, QueryImage
from index.search.first_stage import MIN_ROWS
from index.search.rerank import Reranker, reranker_for
from index.search.search import search
from index.workspace import Workspace
from service.app.batching import BatchingEncoder
from service.app.gate import UPLOAD_THRESHOLD, gate_of, pictures_with_faces

SETTLE = 10
SINGLE = 60
HUGE = 400_000_000
_PICTURES = {".jpg", ".jpeg", ".png", ".webp"}


@contextlib.contextmanager
def serving(workspace: Path) -> Iterator[tuple[int, str]]:
    """`traceobject serve` on a free port; gives its process id and address."""
    command = [sys.executable, "-m", "service.cli.main", "--workspace", str(workspace), "serve", "--port", "0"]
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


def has_torch(process: int) -> bool:
    return "libtorch" in Path(f"/proc/{process}/maps").read_text(encoding="utf-8")


async def with_memory(work: Awaitable[Answers], process: int) -> tuple[Answers, list[int]]:
    """The result of work, and meanwhile the memory of a process in MB, every second."""
    memory: list[int] = []

    async def sample() -> None:
        while True:
            memory.append(_resident(process) // 1_000_000)
            await asyncio.sleep(1)

    sampling = asyncio.create_task(sample())
    answers = await work
    sampling.cancel()
    return answers, memory


def _is_ready(address: str) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(f"{address}/readyz").status_code == 200
    return False


async def search_once(client: httpx.AsyncClient, data: bytes, answers: Answers, rerank: bool) -> None:
    form = {} if rerank else {"rerank": "false"}
    started = time.perf_counter()
    try:
        answer = await client.post("/v1/search", files={"image": ("photo", data)}, data=form)
    except httpx.HTTPError as error:
        answers.failures[type(error).__name__] += 1
        return
    answers.seconds.setdefault(answer.status_code, []).append(time.perf_counter() - started)
    if answer.status_code == 503:
        wait = answer.headers.get("retry-after")
        answers.without_retry_after += wait is None
        await asyncio.sleep(float(wait or 1))


async def load(
    address: str, pictures: Sequence[bytes], clients: int, seconds: float, *, rerank: bool = True
) -> Answers:
    """Concurrent clients, each of which searches again as soon as it is answered."""
    answers, end = Answers(seconds), time.monotonic() + seconds

    async def client(number: int) -> None:
        async with httpx.AsyncClient(base_url=address, timeout=120) as own:
            turn = number
            while time.monotonic() < end:
                await search_once(own, pictures[turn % len(pictures)], answers, rerank)
                turn += clients

    await asyncio.gather(*(client(number) for number in range(clients)))
    return answers


async def beside_bad_uploads(address: str, pictures: Sequence[bytes], seconds: float) -> Answers:
    """One client that searches, while another sends one byte a second and a third far too many."""
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


def _ignore(_: str) -> None:
    """For messages about the model, which is known."""


def bare(workspace: Workspace, pictures: Sequence[bytes], seconds: float) -> Bare:
    """Measure the references, the last of them for so many seconds."""
    workspace, encoder = workspace_encoder(workspace, _ignore)
    engine = open_live(workspace).engine("catalogue")
    views_of_pictures = [query_views(decode(data)).views for data in pictures]
    ready, took = [], []
    for data, views in zip(pictures, views_of_pictures, strict=True):
        started = time.perf_counter()
        decode(data)
        ready.append(np.stack([prepare(view, encoder.card.preprocess) for view in views]))
        took.append(time.perf_counter() - started)
    taken = []
    for turn in range(SINGLE + SETTLE):
        started = time.perf_counter()
        engine.search(encoder.encode_images(ready[turn % len(ready)]), MIN_ROWS)
        taken.append(time.perf_counter() - started)
    batch = np.concatenate(ready)[:32]
    rates = []
    for _ in range(8):
        started = time.perf_counter()
        encoder.encode_images(batch)
        rates.append(len(batch) / (time.perf_counter() - started))
    whole, together = _searches(workspace, encoder, reranker_for(workspace), pictures, seconds)
    whole_alone, together_alone = _searches(workspace, encoder, None, pictures, seconds)
    views_each = float(np.mean([len(one) for one in ready]))
    return Bare(
        views_each,
        statistics.median(took),
        statistics.median(taken[SETTLE:]),
        statistics.median(rates),
        whole,
        together,
        whole_alone,
        together_alone,
    )


def _searches(
    workspace: Workspace, encoder: Encoder, reranker: Reranker | None, pictures: Sequence[bytes], seconds: float
) -> tuple[float, float]:
    """Median seconds of a search in this process, and searches a second, as many at a time as there are cores."""
    generation, batched, gate = open_live(workspace), BatchingEncoder(encoder), gate_of(workspace, UPLOAD_THRESHOLD)

    def one(turn: int) -> float:
        started = time.perf_counter()
        picture = decode(pictures[turn % len(pictures)])
        pictures_with_faces([picture], gate)
        search(Query((QueryImage(picture),)), generation, batched, reranker)
        return time.perf_counter() - started

    # The first round reads the features of the catalogue's pictures, or computes them.
    for turn in range(len(pictures)):
        one(turn)
    searched = [one(turn) for turn in range(len(pictures))]
    began, count = time.perf_counter(), 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        while time.perf_counter() - began < seconds:
            count += len(list(pool.map(one, range(count, count + len(pictures)))))
    return statistics.median(searched), count / (time.perf_counter() - began)


def photographs(folder: Path) -> list[bytes]:
    """Thirty-two of the picture files below a folder, taken evenly, or all where there are fewer."""
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _PICTURES)
    return [path.read_bytes() for path in files[:: max(1, len(files) // 32)][:32]]


def copy_of(workspace: Path, folder: Path) -> Path:
    """A copy of the workspace without accounts, without a limit on searches, and without reading text."""
    shutil.copytree(workspace, folder, symlinks=True, ignore=shutil.ignore_patterns("service.sqlite*"))
    settings = folder / "traceobject.toml"
    text = re.sub(r"(?m)^(searches_a_minute|text) = .*\n", "", settings.read_text(encoding="utf-8"))
    settings.write_text(f'searches_a_minute = 0\ntext = "off"\n{text}', encoding="utf-8")
    return folder


def made_of(feed: Path, folder: Path, model: str) -> Path:
    """A workspace of a catalogue, its model compiled for it: to single precision where 8 bits are refused."""
    workspace = Workspace.create(folder, random_clip(folder.parent).name if model == RANDOM else model)
    with Catalogue.open(workspace.database_url) as catalogue:
        catalogue.add_source("shop", "catalogue", str(feed.resolve()), "auto")
    _index(workspace)
    try:
        compile_for(workspace, workspace.settings.model, "int8", Unwatched())
    except CompiledRefused:
        compile_for(workspace, workspace.settings.model, "fp32", Unwatched())
    # A second time, to move the workspace to the compiled form.
    _index(Workspace.open(folder))
    return folder


def _index(workspace: Workspace) -> None:
    workspace, encoder = lazy_encoder(workspace, _ignore)
    reindex(workspace, encoder, Unwatched(), reranker_for(workspace))


def measure(folder: Path, pictures: Sequence[bytes], clients: int, seconds: float) -> Served:
    """Measure the references, then serve a workspace and search it."""
    reference = bare(Workspace.open(folder), pictures, seconds / 2)
    started = time.perf_counter()
    with serving(folder) as (process, address):
        ready, at_ready, torch = time.perf_counter() - started, _resident(process), has_torch(process)

        def run_load(clients: int, seconds: float, *, rerank: bool = True) -> Answers:
            return asyncio.run(load(address, pictures, clients, seconds, rerank=rerank))

        # The first searches read the features of the catalogue's pictures, or compute them.
        run_load(2, 2 * SETTLE)
        single, single_alone = run_load(1, SETTLE), run_load(1, SETTLE, rerank=False)
        run_load(clients, SETTLE)
        many, memory = asyncio.run(with_memory(load(address, pictures, clients, seconds), process))
        many_alone = run_load(clients, seconds, rerank=False)
        with_bad_uploads = asyncio.run(beside_bad_uploads(address, pictures, SETTLE))
    model = Workspace.open(folder).settings.model
    return Served(
        model, clients, reference, ready, at_ready, torch, single, single_alone, with_bad_uploads, many, many_alone,
        memory,
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", type=Path)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--workspace", type=Path)
    source.add_argument("--data", type=Path, help="A catalogue to make workspaces of, one for each model.")
    parser.add_argument("--models", nargs="+", default=["starter", RANDOM], choices=["starter", RANDOM])
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--report", type=page_for("serving"), help="a page to write the tables into")
    given = parser.parse_args()
    pictures = photographs(given.pictures)
    with tempfile.TemporaryDirectory() as temporary:
        if given.workspace:
            made = [given.workspace]
        else:
            os.environ["TRACEOBJECT_MODELS"] = str(Path(temporary) / "models")
            made = [made_of(given.data, Path(temporary) / model, model) for model in given.models]
        folders = [copy_of(one, Path(temporary) / f"copy-{number}") for number, one in enumerate(made)]
        measured = [measure(folder, pictures, given.clients, given.seconds) for folder in folders]
    write_report(given.report, measured, len(pictures))


if __name__ == "__main__":
    main()
