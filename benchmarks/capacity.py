"""A capacity plan for a million to a billion pictures, from measured rates, and a simulation of a night that checks it.

    python -m benchmarks.capacity [--report docs/scaling.md]

Stages, bytes and the committer's cost of a partition are those that benchmarks/stage_rates.py measured; the index's are
the points of docs/benchmarks.md. tests/test_capacity.py compares both with the formulas here.
"""

from __future__ import annotations

import argparse
import heapq
import json
import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.report import page_for, table, write_part
from index.workers.ray_workers import AHEAD

RATES: dict[str, Any] = json.loads((Path(__file__).parent / "stage_rates.json").read_text(encoding="utf-8"))
COUNTS = (1_000_000, 10_000_000, 100_000_000, 1_000_000_000)
# How many items a worker computes at once, as the stages say.
PARTITIONS = {"copies": 32, "embeddings": 256, "local features": 128, "text": 64}
# A row's key and checksum in a shard.
KEY_BYTES = 44
# Bytes of a product with one picture: its records, in the database and in a generation, with the index of words.
RECORD_BYTES = RATES["record bytes"]
KEPT_GENERATIONS = 3
# A night on which nothing changed takes so long for each picture: feeds are read, files looked at (docs/benchmarks.md).
UNCHANGED_SECONDS = 94e-6
# A graph has its vectors in half precision, and 32 neighbours; codes an eighth of a byte for each number.
GRAPH_LINKS, CODE_EXTRA = 272, 20
# What 1,000,000 vectors of 512 numbers took, in processor seconds, and how that grows.
GRAPH_BUILD, CODES_BUILD, CODES_GROWTH = 2 * 487.0, 2 * 39.0, 1.37


@dataclass(frozen=True)
class Machine:
    """A machine to plan with. Half of its memory is the index's, as the setting index_memory_mb has it."""

    cores: int = 16
    memory: float = 128e9

    @property
    def index_memory(self) -> float:
        return self.memory / 2


@dataclass(frozen=True)
class Plan:
    """What so many pictures need: bytes by what is kept, memory of the index in bytes, and processor hours.

    `committer_hours`: how long the first night takes at least, however many machines compute.
    """

    pictures: int
    disk: dict[str, float]
    graph: float
    codes: float
    night_hours: float
    committer_hours: float
    unchanged_hours: float
    graph_build_hours: float
    codes_build_hours: float

    def machines_for_night(self, machine: Machine, hours: float) -> int:
        """How many machines compute everything for every picture within some hours, if the committer can."""
        return max(1, math.ceil(self.night_hours / hours / machine.cores))

    def machines_for_index(self, machine: Machine, *, codes: bool) -> int:
        """How many machines hold the index in half of their memory."""
        return max(1, math.ceil((self.codes if codes else self.graph) / machine.index_memory))


def plan(pictures: int, dimension: int) -> Plan:
    """The plan for so many pictures, one for each product, under a model of so many dimensions."""
    kept = RATES["bytes"]
    disk = {
        "copies": pictures * kept["copies"],
        "embeddings": pictures * (2.0 * dimension + KEY_BYTES),
        "local features": pictures * (kept["local features"] + KEY_BYTES),
        "text": pictures * kept["text"],
        "records": pictures * RECORD_BYTES["database"],
        "generations": KEPT_GENERATIONS * pictures * (RECORD_BYTES["generation"] + graph_bytes(dimension)),
    }
    return Plan(
        pictures,
        disk,
        pictures * graph_bytes(dimension),
        pictures * codes_bytes(dimension),
        sum(night_seconds(stage, pictures, 1) for stage in PARTITIONS) / 3600,
        sum(committer_seconds(stage, pictures) for stage in PARTITIONS) / 3600,
        pictures * UNCHANGED_SECONDS / 3600,
        graph_build_seconds(pictures, dimension) / 3600,
        codes_build_seconds(pictures, dimension) / 3600,
    )


def graph_bytes(dimension: int) -> float:
    """Memory of a vector in a graph, HNSW32 over bfloat16."""
    return 2.0 * dimension + GRAPH_LINKS


def codes_bytes(dimension: int) -> float:
    """Memory of a vector as RaBitQ's code in an inverted file."""
    return dimension / 8 + CODE_EXTRA


def graph_build_seconds(pictures: int, dimension: int) -> float:
    """Processor seconds to build a graph: each vector is searched for among those before it."""
    million = 1e6 * math.log2(1e6)
    return GRAPH_BUILD * pictures * math.log2(max(2, pictures)) / million * dimension / 512


def codes_build_seconds(pictures: int, dimension: int) -> float:
    """Processor seconds to cluster and code vectors: with more of them there are more clusters to compare with."""
    return CODES_BUILD * math.pow(pictures / 1e6, CODES_GROWTH) * dimension / 512


def night_seconds(stage: str, pictures: int, processors: int) -> float:
    """How long a stage takes on Ray: workers compute at once, the committer takes partitions one after the other."""
    computing = pictures * float(RATES["seconds"][stage]) / processors
    return max(computing, committer_seconds(stage, pictures))


def committer_seconds(stage: str, pictures: int) -> float:
    """How long the committer takes for a stage's partitions."""
    return pictures / PARTITIONS[stage] * float(RATES["partition seconds"])


def simulate(pictures: int, partition: int, seconds: float, commit: float, processors: int) -> float:
    """How long a stage takes when each event is followed, as index/workers/ray_workers.py sends and takes partitions.

    Args:
        seconds: processor time of a picture.
        commit: the committer's time for a partition.
        processors: how many partitions are computed at once; AHEAD times as many are sent.
    """
    free = [0.0] * processors
    heapq.heapify(free)
    window: deque[float] = deque()
    clock = 0.0
    for size in _sizes(pictures, partition):
        if len(window) == AHEAD * processors:
            clock = max(clock, window.popleft()) + commit
        begun = max(clock, heapq.heappop(free))
        heapq.heappush(free, begun + size * seconds)
        window.append(begun + size * seconds)
    for done in window:
        clock = max(clock, done) + commit
    return clock


def _sizes(pictures: int, partition: int) -> Iterator[int]:
    for start in range(0, pictures, partition):
        yield min(partition, pictures - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--report", type=page_for("capacity"))
    options = parser.parse_args()
    write_part(options.report, "capacity", report())


def report() -> list[str]:
    """The plan as tables."""
    machine, dimension = Machine(), RATES["dimension"]
    plans = [plan(pictures, dimension) for pictures in COUNTS]
    seconds = RATES["seconds"]
    return [
        f"Measured on {RATES['machine']}, with {RATES['model']} ({dimension} numbers) and {RATES['pictures']} "
        "photographs:",
        "",
        *table(
            ["stage", "processor ms a picture", "bytes kept a picture"],
            [(name, f"{1000 * seconds[name]:.0f}", f"{RATES['bytes'][name]:,.0f}") for name in seconds],
        ),
        f"A partition costs the committer {1000 * RATES['partition seconds']:.1f} ms. Machines have {machine.cores} "
        f"cores and {machine.memory / 1e9:.0f} GB, half of it for the index.",
        "",
        *table(
            ["pictures", "disk, TB", "of it copies", "features", "generations", "index in memory, GB: graph", "codes"],
            [
                (
                    f"{each.pictures:,}",
                    f"{sum(each.disk.values()) / 1e12:.2f}",
                    *(f"{each.disk[name] / 1e12:.2f}" for name in ("copies", "local features", "generations")),
                    f"{each.graph / 1e9:,.1f}",
                    f"{each.codes / 1e9:,.1f}",
                )
                for each in plans
            ],
        ),
        *table(
            [
                "pictures",
                "first night, processor hours",
                "machines to do it in 24 hours",
                "the committer's part, hours",
                "a night with 1 % new, hours on 1 machine",
                "of feeds and files, hours",
                "machines for the index: graph",
                "codes",
                "building it, processor hours: graph",
                "codes",
            ],
            [
                (
                    f"{each.pictures:,}",
                    f"{each.night_hours:,.0f}",
                    each.machines_for_night(machine, 24),
                    f"{each.committer_hours:,.1f}",
                    f"{each.night_hours / 100 / machine.cores + each.unchanged_hours:,.1f}",
                    f"{each.unchanged_hours:,.1f}",
                    each.machines_for_index(machine, codes=False),
                    each.machines_for_index(machine, codes=True),
                    f"{each.graph_build_hours:,.1f}",
                    f"{each.codes_build_hours:,.1f}",
                )
                for each in plans
            ],
        ),
    ]


if __name__ == "__main__":
    main()
