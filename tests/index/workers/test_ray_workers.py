"""Workers that are lost, of another version, of another folder, or gone; what was staged is used by the next run."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("ray", reason="the extra `ray` is not installed")

from ray.exceptions import NodeDiedError, RaySystemError, WorkerCrashedError

from embedding.encoders.openvino import inference
from index.errors import WorkersUnavailable
from index.stores.objects.folder import FolderObjects
from index.workers import ray_job, ray_task
from index.workers.opening import is_workers, open_workers
from index.workers.protocol import WORKER_LOST
from index.workers.staging import STAGING, Staging
from tests.fake_ray import FakeRay, imitate
from tests.paths import ROOT
from tests.stages import DEADLY, Doubling, comparable, expected

ITEMS = list(range(1, 31))


@pytest.fixture
def night(tmp_path, monkeypatch):
    """A stage over an imitated Ray: `night.run(items)`; `night.fake` can lose workers."""

    class Night:
        def __init__(self):
            self.objects = FolderObjects(tmp_path / "objects")
            self.fake, self.said = FakeRay(), []
            (tmp_path / "log").mkdir()
            self.stage = Doubling(tmp_path / "log")
            self.workers = imitate(self.fake, monkeypatch, Staging(self.objects), self.said.append)

        def batches(self, items=ITEMS):
            return self.workers.run(self.stage, items)

        def run(self, items=ITEMS):
            return comparable(self.batches(items))

        def staged(self):
            return sorted(info.key for info in self.objects.list_objects(STAGING))

    return Night()


def test_a_worker_runs_networks_on_the_processors_that_its_partition_has(night):
    night.run(ITEMS[:4])
    assert inference.cores() == night.fake.options[0]["num_cpus"] == 1


def test_an_item_that_no_worker_survives_is_refused_and_all_others_are_computed(night):
    night.fake.lost = lambda arguments: WorkerCrashedError() if DEADLY in arguments[2] else None
    items = [*ITEMS[:6], DEADLY, *ITEMS[6:]]
    done = night.run(items)
    ((item, (reason, message)),) = [pair for pair in done if pair not in expected(ITEMS)]
    assert (item, reason) == (DEADLY, WORKER_LOST)
    assert "no worker survives it" in message
    assert [pair for pair in done if pair[0] != DEADLY] == expected(ITEMS)
    assert night.staged() == []
    assert night.stage.computed() == dict.fromkeys(ITEMS, 1)


def test_a_node_that_is_lost_costs_one_more_try(night):
    losses = iter([NodeDiedError("a node died"), None, NodeDiedError("another")])
    night.fake.lost = lambda _: next(losses, None)
    assert night.run() == expected(ITEMS)
    assert night.stage.computed() == dict.fromkeys(ITEMS, 1)


def test_what_was_staged_and_not_stored_is_used_by_the_next_run(night):
    batches = night.batches()
    stored = [*next(batches), *next(batches)]
    next(batches)
    batches.close()  # this batch was not stored
    assert len(night.staged()) == 1
    # Workers of the run that was killed finish two partitions more.
    for some in (ITEMS[20:24], ITEMS[26:28]):
        Staging(night.objects).write(night.stage, [pair for each in night.stage.compute(some) for pair in each])
    before = night.stage.computed()
    assert set(before) == {*ITEMS[:12], *ITEMS[20:24], *ITEMS[26:28]}
    rest = [item for item in ITEMS if item not in dict(stored)]
    assert night.run(rest) == expected(rest)
    assert night.stage.computed() == dict.fromkeys(ITEMS, 1)
    assert night.staged() == []


def test_what_was_staged_for_items_that_nobody_asks_for_is_deleted(night):
    Staging(night.objects).write(night.stage, [(99, 198)])
    assert night.run([1]) == expected([1])
    assert night.staged() == []


def test_the_results_of_another_stage_are_left_alone(night):
    other = Doubling(night.stage.log, name="of-another-model")
    shard = Staging(night.objects).write(other, [(1, 198)])
    assert night.run([1]) == expected([1])
    assert night.staged() == [shard]


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: b"", lambda data: b"[" + data])
def test_a_damaged_shard_is_computed_again(night, damage):
    shard = Staging(night.objects).write(night.stage, [(1, 2), (2, 4)])
    path = night.objects.path(shard)
    path.write_bytes(damage(path.read_bytes()))
    assert night.run(ITEMS) == expected(ITEMS)


def test_a_shard_that_is_lost_before_it_is_read_is_computed_again_and_at_last_an_error(night, monkeypatch):
    real, lost = Staging.write, []

    def losing(staging, stage, batch):
        shard = real(staging, stage, batch)
        if len(lost) < 1:
            lost.append(shard)
            staging.objects.delete([shard])
        return shard

    monkeypatch.setattr(Staging, "write", losing)
    assert night.run() == expected(ITEMS)
    assert lost
    monkeypatch.setattr(Staging, "write", lambda staging, *_: f"{STAGING}/doubled/{'0' * 64}")
    with pytest.raises(WorkersUnavailable, match="cannot be read back"):
        night.run()


def test_a_worker_of_another_version_is_named(night, monkeypatch):
    monkeypatch.setattr(ray_task, "code_digest", lambda: "other")
    with pytest.raises(
        WorkersUnavailable, match=r"the worker on \S+ cannot compute: its traceobject .* differs .*install"
    ):
        night.run()
    assert night.stage.computed() == {}


def test_a_worker_with_another_folder_is_named_before_it_computes(night, monkeypatch):
    """It would find no picture, and all would seem to be lost."""
    real = ray_task.compute_partition

    def elsewhere(digest, sent, items):
        night.objects.delete([key for key in night.staged() if key.count("/") == 1])
        return real(digest, sent, items)

    monkeypatch.setattr(ray_job, "compute_partition", elsewhere)
    with pytest.raises(WorkersUnavailable, match=r"does not see the job's .*mount the same folder"):
        night.run()
    assert night.stage.computed() == {}


def test_a_head_that_is_lost_is_an_error_and_the_next_run_resumes(night):
    def gone(arguments):
        night.fake.disconnected = True
        raise ConnectionError("Client is shutting down.")

    night.fake.lost = lambda arguments: gone(arguments) if 13 in arguments[2] else None
    stored = []
    with pytest.raises(WorkersUnavailable, match=r"is lost: Client is shutting down.* run again: it resumes"):
        stored.extend(pair for batch in night.batches() for pair in batch)
    assert comparable([stored]) == expected(ITEMS[:12])
    night.fake.disconnected = False
    night.fake.lost = lambda _: RaySystemError("broken")
    with pytest.raises(WorkersUnavailable, match=r"is lost: .*broken"):
        night.run()


def test_without_workers_it_waits_says_so_and_gives_up(night, monkeypatch):
    monkeypatch.setattr(ray_job, "PATIENCE_SECONDS", 0.1)
    night.fake.processors = 0
    with pytest.raises(WorkersUnavailable, match="has had no workers"):
        night.run()
    assert night.said == ["waiting for workers to join Ray at ray://imitated:1"]


def test_cuda_devices_take_what_belongs_on_them_in_larger_partitions(night):
    night.fake.gpus = 1
    night.stage = Doubling(night.stage.log, on_gpu=True)
    assert night.run(list(range(1, 101))) == expected(range(1, 101))
    assert [len(arguments[2]) for arguments in night.fake.sent] == [32, 32, 32, 4]
    assert night.fake.options[-1]["num_gpus"] == 1
    night.stage = Doubling(night.stage.log)
    night.run([1])
    assert night.fake.options[-1]["num_gpus"] == 0


def test_no_more_partitions_are_sent_than_twice_the_processors(night):
    batches = night.batches(list(range(1, 101)))
    next(batches)
    assert len(night.fake.sent) == 4
    batches.close()
    assert len(night.fake.cancelled) == 3


@pytest.mark.parametrize("where", ["ray://head:10001", "ray://192.0.2.7:6", "1", "64"])
def test_what_names_workers(where):
    assert is_workers(where)


@pytest.mark.parametrize(
    "where", ["", "0", "-1", "1.5", "head:10001", "ray://head", "http://head:1", "ray://a b:1", "auto"]
)
def test_what_does_not(where):
    assert not is_workers(where)


def test_a_cluster_that_cannot_be_reached_is_an_error(tmp_path, monkeypatch):
    from index.workers import ray_workers

    def refuse(**options):
        raise ConnectionError("ray client connection timeout\nwith more lines")

    monkeypatch.setattr(ray_workers.ray, "init", refuse)
    with (
        pytest.raises(
            WorkersUnavailable, match=r"\(ray://nowhere:1\): ray client connection timeout. Its head has to run"
        ),
        open_workers("ray://nowhere:1", FolderObjects(tmp_path), print),
    ):
        pass


def test_without_ray_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, "index.workers.ray_workers", raising=False)
    monkeypatch.setitem(sys.modules, "ray", None)
    with (
        pytest.raises(WorkersUnavailable, match=r"pip install 'traceobject\[ray\]'"),
        open_workers("2", FolderObjects(tmp_path), print),
    ):
        pass


def test_nobody_else_imports_ray():
    program = (
        "import sys, service.cli.reindex, service.application, index.jobs.reindex\n"
        "from index.workers.opening import open_workers\n"
        "with open_workers('', None, print): pass\n"
        "assert not [name for name in sys.modules if name.partition('.')[0] == 'ray'], 'ray was imported'"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT, timeout=120)
