"""How much faster concurrent searches are served when the encoder embeds their pictures in common batches.

    python -m benchmarks.batching [--model starter] [--views 3] [--rounds 15]

Several callers embed the views of one picture each at the same time; both ways are measured in turn in one run, and the
ratio of their medians is printed, so that other work on the machine matters less.
"""

from __future__ import annotations

import argparse
import statistics
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import click
import numpy as np
import numpy.typing as npt

from embedding.encoders.choose import load
from embedding.encoders.protocol import Vectors
from service.app.batching import BatchingEncoder

CALLERS = (1, 2, 4, 8)

Encode = Callable[[npt.NDArray[np.uint8]], Vectors]


def seconds(encode: Encode, callers: int, images: npt.NDArray[np.uint8]) -> float:
    """Seconds until all callers have their rows."""
    barrier = threading.Barrier(callers + 1)

    def call() -> None:
        barrier.wait()
        encode(images)

    with ThreadPoolExecutor(callers) as pool:
        calls = [pool.submit(call) for _ in range(callers)]
        barrier.wait()
        started = time.perf_counter()
        for submitted in calls:
            submitted.result()
        return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="starter")
    parser.add_argument("--views", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=15)
    given = parser.parse_args()
    encoder = load(given.model)
    batched, lock = BatchingEncoder(encoder), threading.Lock()

    def alone(images: npt.NDArray[np.uint8]) -> Vectors:
        with lock:
            return encoder.encode_images(images)

    size = encoder.card.preprocess.size
    images = np.random.default_rng(0).integers(0, 256, (given.views, size, size, 3), np.uint8)
    click.echo(f"{encoder.card.name}, {given.views} views each; ms until all have their rows, median of {given.rounds}")
    click.echo(f"{'callers':>8}{'one at a time':>15}{'batched':>10}{'ratio':>8}")
    for callers in CALLERS:
        taken: dict[str, list[float]] = {"alone": [], "batched": []}
        for _ in range(given.rounds):
            taken["alone"].append(1000 * seconds(alone, callers, images))
            taken["batched"].append(1000 * seconds(batched.encode_images, callers, images))
        one, many = statistics.median(taken["alone"]), statistics.median(taken["batched"])
        click.echo(f"{callers:8}{one:15.1f}{many:10.1f}{one / many:8.2f}")


if __name__ == "__main__":
    main()
