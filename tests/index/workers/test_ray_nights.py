"""Nights on a real Ray of two nodes, which lose nodes, workers, the head and the committer."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing

import numpy as np
import pytest

pytest.importorskip("ray", reason="the extra `ray` is not installed")

from datetime import date

from embedding.image.regions import WHOLE
from index.generations.generations import open_live
from index.jobs.reindex import reindex
from index.progress import Unwatched
from index.records.catalogue import Catalogue
from index.stores.vectors import VectorStore
from index.workspace import Workspace
from tests.fakes import add_feed, write_feed
from tests.index.workers.ray_night import FAILED, LoggedEncoder, say
from tests.paths import ROOT
from tests.ray_cluster import LocalCluster

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("TRACEOBJECT_KILLS", "6"))
SEED = 4711


@pytest.fixture(scope="module")
def cluster():
    cluster = LocalCluster()
    yield cluster
    cluster.stop()


class Nights:
    """A workspace, and re-indexes of it in processes of their own."""

    def __init__(self, folder, cluster, seconds=0.0):
        self.folder, self.cluster, self.seconds = folder, cluster, seconds
        self.workspace = Workspace.create(folder / "workspace", "colour-64", self_test_products=0)
        self.log = folder / "log"
        self.log.mkdir()

    def deliver(self, seeds):
        rows = [{"product_id": f"p{seed}"} for seed in seeds]
        add_feed(
            self.workspace, f"shop {seeds[0]}", "catalogue", write_feed(self.folder / f"shop{seeds[0]}", rows, seeds)
        )

    def start(self, **environment):
        arguments = [str(self.workspace.root), self.cluster.address, str(self.log), str(self.seconds)]
        return subprocess.Popen(
            [sys.executable, "-m", "tests.index.workers.ray_night", *arguments],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            text=True,
        )

    def report(self, process):
        out, _ = process.communicate(timeout=500)
        assert process.returncode == 0, out
        return json.loads(out.splitlines()[-1])

    def vectors(self):
        """The embedding of each image, by its SHA-256, and how many rows the store has."""
        store = VectorStore.open(self.workspace.objects, LoggedEncoder("").card)
        with Catalogue.open(self.workspace.database_url) as catalogue:
            images = catalogue.images()
        rows = store.rows_of(images, WHOLE)
        assert (rows >= 0).all()
        assert store.damaged() == []
        return dict(zip(images, store.get(rows), strict=True)), len(store)

    def embedded(self):
        """How often each picture was embedded, by any process."""
        return Counter(line for path in self.log.glob("*") for line in path.read_text().splitlines())

    def staged(self):
        return [path for path in (self.workspace.root / "staging").rglob("*") if path.is_file()]


def in_one_process(folder, deliveries):
    """The same deliveries without Ray."""
    nights = Nights(folder, None)
    for seeds in deliveries:
        nights.deliver(seeds)
    return nights, reindex(nights.workspace, LoggedEncoder(str(nights.log)), Unwatched(), today=date(2026, 1, 5))


def assert_same(nights, reference):
    found, rows = nights.vectors()
    wanted, _ = reference.vectors()
    assert list(found) == list(wanted)
    assert rows == len(found), "each picture is kept once"
    assert all(np.array_equal(found[image], wanted[image]) for image in found)
    with closing(open_live(nights.workspace)) as one, closing(open_live(reference.workspace)) as other:
        assert one.manifest.content == other.manifest.content
    assert nights.staged() == []


def test_a_node_killed_in_the_middle_changes_nothing(tmp_path, cluster):
    seeds = list(range(3000))
    for name in ("ray", "one"):
        (tmp_path / name).mkdir()
    nights = Nights(tmp_path / "ray", cluster, seconds=0.005)
    nights.deliver(seeds)
    process = nights.start()
    while sum(nights.embedded().values()) < 1000:
        assert process.poll() is None
        time.sleep(0.1)
    cluster.kill_node()
    report = nights.report(process)
    cluster.add_node()
    reference, one = in_one_process(tmp_path / "one", [seeds])
    assert (report["embedded"], report["new_images"]) == (one.embedded, one.new_images) == (3000, 3000)
    assert report["refused"] == []
    assert_same(nights, reference)
    again = sum(nights.embedded().values()) - 3000
    say(f"3000 pictures, one of two nodes killed: {again} embedded again, {len(nights.vectors()[0])} kept, each once")
    assert again <= 3 * 256


def test_nights_survive_kills_of_worker_node_committer_and_head(tmp_path, cluster):
    for name in ("ray", "one"):
        (tmp_path / name).mkdir()
    nights, chance = Nights(tmp_path / "ray", cluster, seconds=0.02), random.Random(SEED)
    deliveries: list[list[int]] = []
    killed: Counter[str] = Counter()
    process = None
    while killed.total() < KILLS or process is not None:
        if process is None:
            deliveries.append(list(range(800 * len(deliveries), 800 * (len(deliveries) + 1))))
            nights.deliver(deliveries[-1])
            process = nights.start()
        before = nights.embedded().total()
        wanted = before + chance.randint(1, 200)
        while process.poll() is None and (killed.total() >= KILLS or nights.embedded().total() < wanted):
            time.sleep(0.05)
        if process.poll() == FAILED:
            # A head that was started just now, on a busy machine, may not be ready in time.
            out, _ = process.communicate()
            assert "Ray cannot be reached or started" in out, out
            say(out)
            process = nights.start()
            continue
        if process.poll() is not None:
            nights.report(process)
            process = None
            continue
        victim = chance.choices(["worker", "node", "committer", "head"], [5, 2, 3, 2])[0]
        killed[victim] += 1
        say(f"{killed.total()}: {victim} after {nights.embedded().total()} embeddings, night {len(deliveries)}")
        if victim == "worker":
            for pid in cluster.workers():
                os.kill(pid, signal.SIGKILL)
        elif victim == "node":
            cluster.kill_node(chance.randrange(2))
            cluster.add_node()
        elif victim == "committer":
            process.kill()
            process.wait()
            process = nights.start()
        else:
            cluster.kill_head()
            out, _ = process.communicate(timeout=300)
            assert process.returncode == FAILED, out
            assert "run again: it resumes" in out or "Ray cannot be reached or started" in out, out
            cluster.start()
            process = nights.start()
    reference, _ = in_one_process(tmp_path / "one", deliveries)
    assert_same(nights, reference)
    total = sum(map(len, deliveries))
    again = nights.embedded().total() - total
    say(f"{killed.total()} kills {dict(killed)}: {total} pictures in {len(deliveries)} nights, {again} embedded again")
    # What a worker had not staged, or what the committer had staged before its folder was read: never all of it.
    assert again <= killed.total() * 2 * 256


def test_without_its_token_a_cluster_refuses(tmp_path, cluster):
    nights = Nights(tmp_path, cluster)
    nights.deliver([1, 2])
    process = nights.start(RAY_AUTH_TOKEN="0" * 64)
    out, _ = process.communicate(timeout=300)
    assert process.returncode == FAILED, out
    assert "Ray cannot be reached or started" in out
    assert nights.report(nights.start())["embedded"] == 2
