"""The capacity plan agrees with what was measured, and its nights with a simulation of each event."""

from __future__ import annotations

import re

import pytest

pytest.importorskip("ray", reason="the extra `ray` is not installed")

from benchmarks import capacity
from benchmarks.capacity import PARTITIONS, RATES, Machine, night_seconds, plan, simulate
from index.jobs.embed import Embedding
from index.jobs.make_features import Features
from index.jobs.read_text import ReadingText
from index.sources.copying import Copying
from tests.paths import ROOT

MEASURED = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")


def rows(first_title):
    """The rows of the tables of docs/benchmarks.md that begin with a title, as numbers and texts."""
    found = []
    for table in re.findall(rf"^\| {first_title} \|.*\n\|[-|]+\n((?:\|.*\n)+)", MEASURED, re.MULTILINE):
        found += [[cell.strip(" `*") for cell in line.strip("|\n").split("|")] for line in table.splitlines()]
    return found


def chosen():
    """Each engine that was measured: vectors, engine, build seconds on two cores, bytes a vector."""
    found = {}
    for row in rows("vectors"):
        engine = next((cell for cell in row if cell.startswith(("HNSW", "IVF"))), "")
        if engine and len(row) >= 10:
            count = int(row[0].replace(",", ""))
            found[count, engine[:3]] = float(row[-4].replace(",", "")), float(row[-3].replace(",", ""))
    return found


def test_the_memory_and_building_of_the_index_are_as_measured():
    measured = chosen()
    assert {(100_000, "HNS"), (1_000_000, "HNS"), (1_000_000, "IVF"), (10_000_000, "IVF")} <= set(measured)
    for (count, kind), (seconds, size) in measured.items():
        planned = plan(count, 512)
        graph = kind == "HNS"
        assert (planned.graph if graph else planned.codes) / count == pytest.approx(size, rel=0.05)
        hours = planned.graph_build_hours if graph else planned.codes_build_hours
        # Two cores built them.
        assert hours * 3600 / 2 == pytest.approx(seconds, rel=0.45)


def test_the_disk_of_local_features_is_as_measured():
    (row,) = [row for row in rows("local features") if row[0] == "bytes a picture, with its key"]
    planned = plan(1_000_000, 512).disk["local features"] / 1_000_000
    assert planned == pytest.approx(float(row[1].replace(",", "")), rel=0.001)


def test_a_night_on_which_nothing_changed_is_as_measured():
    (row,) = [row for row in rows("pictures") if len(row) == 6]
    planned = plan(int(row[0].replace(",", "")), 512).unchanged_hours * 3600
    assert planned == pytest.approx(float(row[1]), rel=0.05)


def test_partitions_are_those_of_the_stages():
    assert {
        "copies": Copying(None, None).partition,
        "embeddings": Embedding(None, None).partition,
        "local features": Features(None).partition,
        "text": ReadingText(None, None).partition,
    } == PARTITIONS
    assert set(RATES["seconds"]) == set(PARTITIONS)


@pytest.mark.parametrize("stage", PARTITIONS)
@pytest.mark.parametrize("processors", [1, 16, 256, 4096])
def test_a_simulated_night_takes_what_is_planned(stage, processors):
    pictures = 400 * processors * PARTITIONS[stage] // (16 if processors > 16 else 1)
    simulated = simulate(pictures, PARTITIONS[stage], RATES["seconds"][stage], RATES["partition seconds"], processors)
    planned = night_seconds(stage, pictures, processors)
    assert planned <= simulated * 1.001
    assert simulated == pytest.approx(planned, rel=0.15)


def test_more_machines_help_until_the_committer_is_what_they_wait_for():
    stage, pictures = "copies", 2_000_000
    times = [night_seconds(stage, pictures, processors) for processors in (1, 10, 100, 100_000)]
    assert times[0] == pytest.approx(10 * times[1])
    assert times[-1] == pytest.approx(pictures / PARTITIONS[stage] * RATES["partition seconds"])
    assert sorted(times, reverse=True) == times


def test_machines_are_rounded_up():
    planned = plan(100_000_000, 1280)
    machine = Machine()
    assert planned.machines_for_index(machine, codes=True) * machine.index_memory >= planned.codes
    assert (planned.machines_for_index(machine, codes=True) - 1) * machine.index_memory < planned.codes
    assert planned.machines_for_night(machine, 24) * 24 * machine.cores >= planned.night_hours


def test_the_page_has_the_plan():
    page = (ROOT / "docs" / "scaling.md").read_text(encoding="utf-8")
    assert "\n".join(capacity.report()) in page, "run: python -m benchmarks.capacity --report docs/scaling.md"
