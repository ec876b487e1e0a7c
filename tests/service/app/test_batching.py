"""Concurrent callers share passes of the encoder; each gets its own rows, or its own error."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from service.app.batching import BatchingEncoder
from tests.fakes import ColourEncoder, render

SIZE = 32


class Slow(ColourEncoder):
    """Notes how many pictures each pass has; passes block until `go` is set."""

    def __init__(self):
        super().__init__()
        self.passes, self.begun, self.go, self.at_once = [], threading.Event(), threading.Event(), 0

    def encode_images(self, images):
        self.at_once += 1
        assert self.at_once == 1
        self.passes.append(len(images))
        self.begun.set()
        assert self.go.wait(10)
        try:
            if (images[:, 0, 0] == 13).all(axis=1).any():
                raise ValueError("thirteen")
            return super().encode_images(images)
        finally:
            self.at_once -= 1


def pictures(seed, count):
    return np.stack([render(100 * seed + number, SIZE) for number in range(count)])


def encode_at_once(slow, batched, given):
    """The result of each caller; all but the first arrive while the first one's pass runs."""

    def call(images):
        try:
            return batched.encode_images(images)
        except ValueError as error:
            return error

    with ThreadPoolExecutor(len(given)) as pool:
        first = pool.submit(call, given[0])
        assert slow.begun.wait(10)
        others = [pool.submit(call, images) for images in given[1:]]
        while batched.waiting < len(others):
            pass
        slow.go.set()
        return [first.result(10), *(other.result(10) for other in others)]


def test_all_who_come_during_a_pass_go_into_the_next():
    slow = Slow()
    given = [pictures(seed, count) for seed, count in enumerate([1, 3, 2, 5])]
    found = encode_at_once(slow, BatchingEncoder(slow), given)
    assert slow.passes == [1, 10]
    for images, rows in zip(given, found, strict=True):
        np.testing.assert_allclose(rows, ColourEncoder().encode_images(images), atol=1e-6)


def test_a_pass_is_bounded():
    slow = Slow()
    found = encode_at_once(slow, BatchingEncoder(slow, max_batch=4), [pictures(seed, 3) for seed in range(4)])
    assert slow.passes == [3, 3, 3, 3]
    assert len(found) == 4


def test_more_than_a_pass_may_have_is_a_pass_of_its_own():
    slow = Slow()
    slow.go.set()
    assert BatchingEncoder(slow, max_batch=2).encode_images(pictures(0, 5)).shape == (5, 64)
    assert slow.passes == [5]


def test_bytes_and_fractions_are_not_mixed():
    slow = Slow()
    fractions = pictures(1, 2).astype(np.float32) / 255
    _, one, two = encode_at_once(slow, BatchingEncoder(slow), [pictures(0, 1), pictures(1, 2), fractions])
    assert slow.passes == [1, 2, 2]
    np.testing.assert_allclose(one, two, atol=1e-6)


def test_one_callers_error_is_nobody_elses():
    slow = Slow()
    bad = np.full((1, SIZE, SIZE, 3), 13, np.uint8)
    found = encode_at_once(slow, BatchingEncoder(slow), [pictures(0, 1), pictures(1, 2), bad, pictures(2, 2)])
    assert [type(rows) for rows in found] == [np.ndarray, np.ndarray, ValueError, np.ndarray]
    assert slow.passes == [1, 5, 2, 1, 2]


@pytest.mark.parametrize("threads", [8])
def test_many_callers_get_their_own_rows(threads):
    batched, plain = BatchingEncoder(ColourEncoder()), ColourEncoder()

    def call(seed):
        images = pictures(seed, 1 + seed % 3)
        np.testing.assert_allclose(batched.encode_images(images), plain.encode_images(images), atol=1e-6)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(call, range(100)))
    assert batched.waiting == 0
