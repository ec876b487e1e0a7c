"""How many photos of the public a server compares with the published objects.

    python -m benchmarks.comparisons PICTURES --workspace DIR [--objects 500] [--clients 16] [--report PAGE]

The middles of so many catalogue pictures of a workspace, which is copied, are published as objects, and the photographs
below PICTURES are sent to the page /recognise, by one client and by many. No text is read. The reference is the same
comparison in this process, without HTTP and without the queue that lets investigators go first, one after the other;
clients run on the same cores.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import httpx
import numpy as np

from benchmarks.report import machine, page_for, table, write_part
from benchmarks.serving import SETTLE, copy_of, photographs, serving
from benchmarks.serving_figures import Answers
from benchmarks.surge import processor_seconds
from embedding.image.decode import decode
from embedding.image.regions import Region
from index.generations.generations import open_live
from index.jobs.reindex import reindex
from index.models import workspace_encoder
from index.progress import Unwatched
from index.records.catalogue import Catalogue
from index.search.answer import Query, QueryImage
from index.search.rerank import reranker_for
from index.search.search import search
from index.stores.images import ImageStore
from index.workspace import Workspace
from service.app.gate import UPLOAD_THRESHOLD, gate_of, pictures_with_faces

CROP = Region(0.1, 0.1, 0.9, 0.9)


def publish(workspace: Workspace, folder: Path, count: int) -> None:
    """Publish the middles of so many catalogue pictures, taken evenly, as objects, and index them."""
    generation, images = open_live(workspace), ImageStore(workspace.objects)
    names = [entry.images[0] for entry in generation.records.entries("catalogue") if entry.images]
    chosen = [names[place] for place in np.linspace(0, len(names) - 1, count).astype(int)]
    feed = folder / "objects.csv"
    with feed.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "object_id"])
        for number, name in enumerate(chosen):
            path = folder / f"{number}.png"
            cv2.imwrite(str(path), CROP.of(images.pixels(name))[..., ::-1])
            writer.writerow([path.name, f"object-{number}"])
    with Catalogue.open(workspace.database_url) as catalogue:
        catalogue.add_source("published", "objects", str(feed.resolve()), "csv")
    workspace, encoder = workspace_encoder(workspace, lambda _: None)
    assert reindex(workspace, encoder, Unwatched(), reranker_for(workspace)).published


def in_process(workspace: Workspace, photos: Sequence[bytes]) -> list[float]:
    """Seconds of each comparison in this process, with the gate; each is done once before."""
    workspace, encoder = workspace_encoder(workspace, lambda _: None)
    generation, reranker, gate = open_live(workspace), reranker_for(workspace), gate_of(workspace, UPLOAD_THRESHOLD)
    seconds = []
    for data in [*photos, *photos]:
        started = time.perf_counter()
        photo = decode(data)
        if not pictures_with_faces([photo], gate):
            search(Query((QueryImage(photo),), collection="objects"), generation, encoder, reranker)
        seconds.append(time.perf_counter() - started)
    return seconds[len(photos) :]


async def load(address: str, photos: Sequence[bytes], clients: int, seconds: float) -> Answers:
    """Clients that compare photos without a pause."""
    answers, end = Answers(seconds), time.monotonic() + seconds

    async def client(number: int) -> None:
        async with httpx.AsyncClient(base_url=address, timeout=120) as own:
            turn = number
            while time.monotonic() < end:
                started = time.perf_counter()
                answer = await own.post("/recognise", files={"image": ("photo", photos[turn % len(photos)])})
                answers.seconds.setdefault(answer.status_code, []).append(time.perf_counter() - started)
                turn += clients

    await asyncio.gather(*(client(number) for number in range(clients)))
    return answers


def row(name: str, answers: Answers, processor: float) -> tuple[str, ...]:
    """Comparisons that were answered, other answers, p50, p90, comparisons a second, processor time of each."""
    p50, p90 = np.quantile(answers.right or [float("nan")], (0.5, 0.9))
    other = sum(map(len, answers.seconds.values())) - len(answers.right)
    each = 1000 * processor / max(1, len(answers.right) + other)
    return name, str(len(answers.right)), str(other), f"{p50:.3f}", f"{p90:.3f}", f"{answers.rate:.2f}", f"{each:.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--objects", type=int, default=500)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--report", type=page_for("comparisons"), help="a page to write the table into")
    given = parser.parse_args()
    photos = photographs(given.pictures)
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = copy_of(given.workspace, Path(temporary) / "copy")
        publish(Workspace.open(folder), Path(temporary), given.objects)
        alone = in_process(Workspace.open(folder), photos)
        with serving(folder) as (process, address):
            asyncio.run(load(address, photos, 2, SETTLE))
            for name, clients, seconds in (
                ("one client", 1, SETTLE),
                (f"{given.clients} clients", given.clients, given.seconds),
            ):
                before = processor_seconds(process)
                answers = asyncio.run(load(address, photos, clients, seconds))
                rows.append(row(name, answers, processor_seconds(process) - before))
    p50, p90 = np.quantile(alone, (0.5, 0.9))
    rows.append(
        ("in process", str(len(alone)), "0", f"{p50:.3f}", f"{p90:.3f}", f"{1 / statistics.mean(alone):.2f}", "")
    )
    titles = ("clients", "compared", "other answers", "p50, s", "p90, s", "a second", "processor ms each")
    head = f"Machine: {machine('fastapi', 'uvicorn', 'openvino')}. {given.objects} objects, {len(photos)} photographs."
    write_part(given.report, "comparisons", [head, "", *table(titles, rows)])


if __name__ == "__main__":
    main()
