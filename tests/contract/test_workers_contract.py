"""What computes stages: this process, Ray as far as it can be imitated in this process, and Ray."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from itertools import count

import pytest

from embedding.errors import ImageRefused, TraceObjectError
from index.stores.objects.folder import FolderObjects
from index.workers.in_process import InProcess
from index.workers.opening import open_workers
from index.workers.staging import Staging
from tests.fake_ray import FakeRay, imitate
from tests.paths import ROOT
from tests.stages import BROKEN, Doubling, comparable, expected

pytest.importorskip("ray", reason="the extra `ray` is not installed")


class Case:
    """Workers over a folder of their own."""

    def __init__(self, workers, folder):
        self.workers, self.folder = workers, folder
        (folder / "log").mkdir()
        self.stage = Doubling(folder / "log")

    def run(self, items):
        return comparable(self.workers.run(self.stage, items))

    def staged(self):
        return [info.key for info in FolderObjects(self.folder / "objects").list_objects()]


@contextmanager
def workers_of(kind, folder, monkeypatch):
    objects = FolderObjects(folder / "objects")
    if kind == "in process":
        yield InProcess()
    elif kind == "imitated":
        yield imitate(FakeRay(), monkeypatch, Staging(objects))
    else:
        # Ray's processes import the tests' stages, too.
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
        from tests.ray_cluster import patiently

        with ExitStack() as stack:
            yield patiently(lambda: stack.enter_context(open_workers("2", objects, print)))


@pytest.fixture(params=["in process", "imitated", pytest.param("ray", marks=pytest.mark.slow)])
def case(request, tmp_path, monkeypatch):
    with workers_of(request.param, tmp_path, monkeypatch) as workers:
        yield Case(workers, tmp_path)


def test_every_item_is_computed_once_in_order_with_its_refusal(case):
    items = list(range(1, 51))
    assert case.run(items) == expected(items)
    assert case.stage.computed() == dict.fromkeys(items, 1)
    assert case.staged() == []
    assert case.run([]) == []


def test_a_second_run_computes_anew(case):
    assert case.run([1, 2]) == case.run([1, 2]) == expected([1, 2])
    assert case.stage.computed() == {1: 2, 2: 2}


def test_items_with_one_key_are_all_answered(case):
    items = [3, 5, 3, 5, 3, 5, 7, 7, 3]
    assert case.run(items) == expected(items)


def test_a_run_that_is_closed_takes_and_computes_few_more_items(case):
    taken = []

    def endless():
        for item in count(1):
            taken.append(item)
            yield item

    run = case.workers.run(case.stage, endless())
    first = next(run)
    run.close()
    assert comparable([first]) == expected(range(1, 1 + len(first)))
    assert len(taken) <= 40
    assert len(case.stage.computed()) <= 40


def test_the_error_of_a_stage_is_an_error_of_the_job(case):
    seen = []
    with pytest.raises(TraceObjectError, match="the disk is full"):
        seen.extend(pair for batch in case.workers.run(case.stage, [*range(1, 21), BROKEN]) for pair in batch)
    assert comparable([seen]) == expected(range(1, 1 + len(seen)))


def test_a_refusal_keeps_its_reason_and_message(case):
    ((_, refused),) = [pair for batch in case.workers.run(case.stage, [7]) for pair in batch]
    assert isinstance(refused, ImageRefused)
    assert (refused.reason, str(refused)) == ("unlucky", "7 is refused\ud800")
