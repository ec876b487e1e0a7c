"""Nights that are killed anywhere, or whose disk is full: the live generation answers, and the next night completes."""

import os
import random
import shutil
import signal
import subprocess
import tempfile
from collections import Counter
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from index.generations import generations
from index.generations.generations import open_live
from index.jobs.reindex import reindex
from index.progress import Unwatched
from index.search.answer import Query, QueryImage
from index.search.search import search
from index.stores.vectors import VectorStore
from index.workspace import Workspace
from tests.fakes import ColourEncoder, render
from tests.index.jobs.killed_night import (
    BATCH,
    DONE,
    FAILED,
    FIRST,
    POINTS,
    LoggingEncoder,
    Nights,
    batches,
    deliver,
    products,
    settings,
)

KILLS = 64
SEED = 4711


def answers(workspace: Workspace, newest: int) -> int | None:
    """The live generation's number, after a search in it; it must be of the night `newest` or the one before."""
    if generations.live_number(workspace) is None:
        return None
    live = open_live(workspace)
    listed = [entry.fields for entry in live.records.entries("catalogue")]
    night = max(int(fields.title.rpartition(" ")[2]) for fields in listed)
    assert night in (newest, newest - 1)
    product = next(fields.entry_id for fields in listed if fields.title.endswith(f" {night}"))
    answer = search(Query((QueryImage(render(products(night)[product])),)), live, ColourEncoder())
    assert answer.candidates[0].entry.fields.entry_id == product
    live.close()
    return live.number


def uninterrupted(tmp_path: Path, nights: int) -> tuple[Workspace, list[set[str]]]:
    """The same nights without interruption, and which pictures each embedded."""
    workspace = settings(Workspace.create(tmp_path / "uninterrupted", "colour-64"))
    embedded = []
    for number in range(nights):
        deliver(workspace, tmp_path, number)
        log = tmp_path / f"uninterrupted-{number}.log"
        reindex(workspace, LoggingEncoder(log), Unwatched(), today=FIRST + timedelta(number))
        embedded.append({picture for batch in batches(log) for picture in batch})
    return workspace, embedded


def same(one: Workspace, two: Workspace) -> None:
    """The live generations have the same entries under the same numbers, the same rows and the same vectors."""
    first, second = open_live(one), open_live(two)
    for collection in ("catalogue", "objects"):
        assert list(first.records.entries(collection)) == list(second.records.entries(collection))
        assert list(first.records.all_views(collection)) == list(second.records.all_views(collection))
        rows = np.arange(first.manifest.collections[collection].rows)
        assert np.array_equal(first.engine(collection).vectors(rows), second.engine(collection).vectors(rows))
    assert len(first.records.images()) > 10
    assert first.manifest.content == second.manifest.content
    for workspace in (one, two):
        assert all(store.damaged() == [] for store in VectorStore.all(workspace.objects))
        assert not list(workspace.generations.glob(".*"))


@pytest.fixture
def place(tmp_path):
    """A folder in memory if possible: these tests kill processes, and do not depend on the disk."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


@pytest.mark.slow
def test_a_night_killed_at_random_times_loses_nothing(place):
    """Kills alternate between a random time and a random one of the points where a disk is written."""
    workspace = settings(Workspace.create(place / "workspace", "colour-64"))
    nights, chance = Nights(place), random.Random(SEED)
    where: Counter[str] = Counter()
    night = kills = 0
    seconds = 0.5
    repeated: list[tuple[int, list[str]]] = []
    while kills < KILLS:
        deliver(workspace, place, night)
        finished = False
        while not finished:
            before = nights.embedded()
            if kills >= KILLS:
                process = nights.start(workspace.root, night)
                process.join()
            elif kills % 2:
                point = chance.choice(sorted(set(POINTS.values())))
                process = nights.start(workspace.root, night, die_in=(point, chance.randint(1, 8)))
                process.join()
            else:
                process = nights.start(workspace.root, night)
                nights.kill_after(process, chance.uniform(0.0, seconds))
            finished = process.exitcode == DONE
            assert finished or process.exitcode == -signal.SIGKILL
            answers(workspace, night)
            kept = {picture for batch in before for picture in batch}
            since = nights.embedded()[len(before) :]
            repeated.append((night, [picture for batch in since for picture in batch if picture in kept]))
            if not finished:
                kills += 1
                where[nights.stage] += 1
        night += 1
    assert len(where) >= 7, where
    assert {"pictures", "append", "build"} <= set(where), where
    assert {"seal", "publish"} & set(where), where
    reference, embedded = uninterrupted(place, night)
    same(workspace, reference)
    for number, again in repeated:
        # A picture that was deleted with its product and is sold again is embedded again by any night.
        returning = embedded[number] & set().union(*embedded[:number])
        assert len([picture for picture in again if picture not in returning]) <= BATCH


@pytest.mark.slow
def test_a_night_killed_at_every_point_of_its_end_loses_nothing(place):
    """Every third event from the build of a generation to the deletion of the last old file."""
    nights = Nights(place)
    workspace = settings(Workspace.create(place / "workspace", "colour-64"))
    deliver(workspace, place, 0)
    nights.start(workspace.root, 0, pause=0.0).join()
    deliver(workspace, place, 1)
    nights.start(workspace.root, 1, pause=0.0).join()
    last = int(nights.outcome.read_text())
    killed = 0
    for number in range(2, 22):
        deliver(workspace, place, number)
        process = nights.start(workspace.root, number, pause=0.0, die_in=("", max(1, last - 3 * (number - 2))))
        process.join()
        assert process.exitcode in (DONE, -signal.SIGKILL)
        killed += process.exitcode != DONE
        answers(workspace, number)
        nights.start(workspace.root, number, pause=0.0).join()
    assert killed >= 15
    same(workspace, uninterrupted(place, 22)[0])


@pytest.fixture
def small_disk(tmp_path):
    """A memory disk, and a function that sets its size in KB."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def resize(kilobytes: int, options: str = "remount,") -> bool:
        command = ["mount", "-t", "tmpfs", "-o", f"{options}size={kilobytes}k", "tmpfs", str(folder)]
        return subprocess.run(command, capture_output=True).returncode == 0

    if shutil.which("mount") is None or not resize(4000, ""):
        pytest.skip("mounting a small memory disk is not allowed here")
    yield folder, resize
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.slow
def test_a_full_disk_stops_the_night_and_loses_nothing(small_disk, tmp_path):
    """The disk grows a little after every failure, so that it is full at another point each time."""
    folder, resize = small_disk
    workspace = settings(Workspace.create(folder / "workspace", "colour-64"))
    nights = Nights(tmp_path)
    failures: list[str] = []
    where: Counter[str] = Counter()
    for number in range(3):
        assert resize(4000)
        deliver(workspace, tmp_path, number)
        size = shutil.disk_usage(folder).used // 1024
        while True:
            assert resize(size)
            process = nights.start(workspace.root, number, pause=0.0)
            process.join()
            assert process.exitcode in (DONE, FAILED), "no signal, no stack trace"
            answers(workspace, number)
            if process.exitcode == DONE:
                break
            failures.append(nights.outcome.read_text())
            where[nights.stage] += 1
            size += 16
    assert len(failures) >= 15
    assert len(where) >= 3, where
    assert all("free some space" in failure for failure in failures), failures
    same(workspace, uninterrupted(tmp_path, 3)[0])


@pytest.mark.slow
def test_a_limit_on_file_sizes_stops_the_night_and_loses_nothing(place):
    """Like a quota, for where no disk can be mounted: the limit is raised a little after every failure."""
    workspace = settings(Workspace.create(place / "workspace", "colour-64"))
    nights = Nights(place)
    where: Counter[str] = Counter()
    largest = 32_768
    for number in range(3):
        deliver(workspace, place, number)
        while True:
            process = nights.start(workspace.root, number, pause=0.0, largest=largest)
            process.join()
            assert process.exitcode in (DONE, FAILED), "no signal, no stack trace"
            answers(workspace, number)
            if process.exitcode == DONE:
                break
            assert "free some space" in nights.outcome.read_text()
            where[nights.stage] += 1
            largest += 4096
    assert where.total() >= 5
    same(workspace, uninterrupted(place, 3)[0])
