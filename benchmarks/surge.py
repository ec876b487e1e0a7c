"""A call on the evening news: how many public pages a server answers, and what the public costs the workbench.

    python -m benchmarks.surge [--seconds 60] [--clients 200] [--report PAGE]

A part of the demo's sample is indexed with the starter model in a temporary folder and served by `traceobject serve`.
wrk, which has to be installed, asks for the front page and for an object's page as fast as it is answered, over 16
connections. The reference is the same server's answer to /recognise/wait, which is made anew each time. Then searches
of the workbench are timed one after the other, alone and while so many clients compare photos without a pause. All of
it runs on the same cores.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import httpx

from benchmarks.report import machine, page_for, table, write_part
from benchmarks.serving import serving
from embedding.encoders.registry import STARTER
from index.jobs.reindex import reindex
from index.models import workspace_encoder
from index.progress import Unwatched
from index.records.catalogue import Catalogue
from index.search.rerank import reranker_for
from index.workspace import Workspace
from service.demo.sample import Sample, copy_sample

CONNECTIONS = 16
SEARCHES = 12
PRODUCTS = 60


def processor_seconds(process: int) -> float:
    """Processor time that a process used so far."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def pages_row(name: str, address: str, process: int, seconds: float) -> tuple[str, ...]:
    """What wrk says of one address: requests a second, 99th percentile, faults; and processor time of a request."""
    before = processor_seconds(process)
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:.0f}s", "--latency", address]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    used = processor_seconds(process) - before
    count = int(_found(r"(\d+) requests in", said))
    faults = re.findall(r"(Socket errors:.*|Non-2xx.*)", said)
    rate, p99 = _found(r"Requests/sec:\s+(\S+)", said), _found(r"99%\s+(\S+)", said)
    return name, f"{float(rate):,.0f}", p99, "; ".join(faults) or "none", f"{1000 * used / count:.2f}"


def _found(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    assert found, text
    return found[1]


async def searches(address: str, pictures: list[bytes]) -> list[float]:
    """Seconds of each of SEARCHES searches of the workbench, one after the other."""
    taken = []
    async with httpx.AsyncClient(base_url=address, timeout=300) as client:
        for turn in range(SEARCHES):
            started = time.perf_counter()
            answer = await client.post("/workbench/search", files={"image": ("crop", pictures[turn % len(pictures)])})
            answer.raise_for_status()
            taken.append(time.perf_counter() - started)
    return taken


async def beside_the_public(
    address: str, pictures: list[bytes], photos: list[bytes], clients: int
) -> tuple[list[float], Counter[int]]:
    """The same searches while clients compare photos; and the statuses that these got."""
    statuses: Counter[int] = Counter()

    async def compare(number: int) -> None:
        async with httpx.AsyncClient(base_url=address, timeout=600) as client:
            while True:
                answer = await client.post("/recognise", files={"image": ("photo", photos[number % len(photos)])})
                statuses[answer.status_code] += 1
                await asyncio.sleep(float(answer.headers.get("retry-after", 0)))

    public = [asyncio.create_task(compare(number)) for number in range(clients)]
    await asyncio.sleep(5)
    taken = await searches(address, pictures)
    for task in public:
        task.cancel()
    await asyncio.gather(*public, return_exceptions=True)
    return taken, statuses


def make_workspace(folder: Path) -> tuple[Workspace, Sample]:
    sample = copy_sample(folder / "sample", PRODUCTS)
    workspace, encoder = workspace_encoder(Workspace.create(folder / "workspace", STARTER), lambda _: None)
    with Catalogue.open(workspace.database_url) as catalogue:
        catalogue.add_source("shops", "catalogue", str(sample.catalogue), "csv")
        catalogue.add_source("authorities", "objects", str(sample.objects), "csv")
    assert reindex(workspace, encoder, Unwatched(), reranker_for(workspace)).published
    return workspace, sample


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--report", type=page_for("surge"), help="a page to write the tables into")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        workspace, sample = make_workspace(Path(folder))
        crops, photos = (
            [query.path.read_bytes() for query in sample.queries if query.collection == collection]
            for collection in ("catalogue", "objects")
        )
        load = os.getloadavg()[0]
        with serving(workspace.root) as (process, address):
            listed = httpx.get(f"{address}/v1/objects", params={"status": "open"}).json()["objects"]
            rows = [
                pages_row(name, f"{address}{path}", process, given.seconds)
                for name, path in (
                    ("front page", "/"),
                    ("an object's page", f"/objects/{listed[0]['object_id']}"),
                    ("made anew", "/recognise/wait"),
                )
            ]
            sys.stderr.write(f"{rows}\n")
            asyncio.run(searches(address, crops))
            alone = asyncio.run(searches(address, crops))
            beside, statuses = asyncio.run(beside_the_public(address, crops, photos, given.clients))
            again = asyncio.run(searches(address, crops))
    reference = statistics.median([*alone, *again])
    said = ", ".join(f"{count} × {status}" for status, count in sorted(statuses.items()))
    write_part(
        given.report,
        "surge",
        [
            f"Machine: {machine('uvicorn', 'fastapi')}. Other work on it: load average {load:.1f} before the start.",
            "",
            *table(("page", "requests a second", "p99", "errors", "processor ms a request"), rows),
            *table(
                ("workbench's search", "median, s", "slowest, s", "times alone"),
                [
                    ("alone", f"{reference:.2f}", f"{max(*alone, *again):.2f}", "1.00"),
                    (
                        f"beside {given.clients} clients that compare",
                        f"{statistics.median(beside):.2f}",
                        f"{max(beside):.2f}",
                        f"{statistics.median(beside) / reference:.2f}",
                    ),
                ],
            ),
            f"The clients were answered meanwhile: {said or 'none yet, all waited'}.",
        ],
    )


if __name__ == "__main__":
    main()
