"""The public's comparisons: a few at a time, in order, behind the investigators' searches; their wait is told."""

from __future__ import annotations

import threading
import time
from typing import Any

import anyio
import pytest

from service.app.comparison_queue import ComparisonQueue
from service.app.limits import SearchQueue
from service.problems import Problem

SOON = 0.02


def run(steps: Any) -> None:
    anyio.run(steps)


@pytest.mark.parametrize("at_once", [1, 2])
def test_no_more_at_a_time_than_are_allowed_in_order_of_arrival(at_once):
    async def steps() -> None:
        queue = ComparisonQueue(SearchQueue(2, 32), 100, at_once=at_once)
        begun, running, most = [], set(), 0

        def work(number: int) -> None:
            nonlocal most
            running.add(number)
            begun.append(number)
            most = max(most, len(running))
            time.sleep(0.005)
            running.remove(number)

        async with anyio.create_task_group() as group:
            for number in range(20):
                group.start_soon(queue.run, lambda number=number: work(number))
                await anyio.sleep(0)
        assert most == at_once
        assert max(abs(number - place) for place, number in enumerate(begun)) < at_once
        assert queue.queued == 0

    run(steps)


def test_none_begins_while_a_search_runs_or_waits():
    async def steps() -> None:
        searches = SearchQueue(1, 32)
        queue, order, release = ComparisonQueue(searches, 100), [], threading.Event()

        async def search(name: str) -> None:
            await searches.run(lambda: (release.wait(), order.append(name)))

        async def compare() -> None:
            await queue.run(lambda: order.append("comparison"))

        async with anyio.create_task_group() as group:
            group.start_soon(search, "first")
            group.start_soon(search, "second")
            await anyio.sleep(SOON)
            group.start_soon(compare)
            await anyio.sleep(10 * SOON)
            assert order == []
            release.set()
        assert order == ["first", "second", "comparison"]

    run(steps)


def test_searches_do_not_stop_the_public_for_ever():
    async def steps() -> None:
        searches, release = SearchQueue(1, 32), threading.Event()
        queue = ComparisonQueue(searches, 100, max_yield_seconds=5 * SOON)
        async with anyio.create_task_group() as group:
            group.start_soon(searches.run, release.wait)
            await anyio.sleep(SOON)
            assert await queue.run(lambda: "compared") == "compared"
            release.set()

    run(steps)


# Six rounds of one, or three of two, of four seconds each.
@pytest.mark.parametrize(("at_once", "wait"), [(1, 24), (2, 12)])
def test_the_wait_is_that_of_those_before(at_once, wait):
    async def steps() -> None:
        seconds = iter(range(0, 1000, 4))
        queue = ComparisonQueue(SearchQueue(1, 32), 100, clock=lambda: next(seconds), at_once=at_once)
        release = threading.Event()
        for _ in range(30):
            await queue.run(lambda: None)
        # Each took four seconds.
        assert queue.wait_seconds == 4
        async with anyio.create_task_group() as group:
            for _ in range(5):
                group.start_soon(queue.run, release.wait)
            await anyio.sleep(SOON)
            assert (queue.queued, queue.wait_seconds) == (5, wait)
            release.set()

    run(steps)


def test_one_too_many_is_told_when_to_come_again():
    async def steps() -> None:
        queue, release = ComparisonQueue(SearchQueue(1, 32), 3), threading.Event()
        async with anyio.create_task_group() as group:
            for _ in range(4):
                group.start_soon(queue.run, release.wait)
            await anyio.sleep(SOON)
            with pytest.raises(Problem) as refused:
                await queue.run(lambda: None)
            assert refused.value.headers["Retry-After"] == str(refused.value.members["wait"])
            assert "4 comparisons are waiting" in refused.value.detail
            release.set()
        assert await queue.run(lambda: "again") == "again"

    run(steps)


def test_a_failure_lets_the_next_one_begin():
    async def steps() -> None:
        queue = ComparisonQueue(SearchQueue(1, 32), 3)
        with pytest.raises(ZeroDivisionError):
            await queue.run(lambda: 1 // 0)
        assert await queue.run(lambda: "next") == "next"

    run(steps)
