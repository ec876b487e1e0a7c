"""The contract of TextReader, run over every implementation."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from embedding.text.networks import available
from embedding.text.reader import OcrReader
from embedding.text.reading import MAX_CHARACTERS, MAX_CODES, MAX_LINES, Reading, TextReader, bounding_region
from index.stores.reading_format import from_bytes, to_bytes
from tests.written import FakeReader, corners, line, written

NOTHING = np.full((200, 300, 3), 200, np.uint8)
WORDS = written("HELLO 42")


@pytest.fixture(
    scope="module",
    params=[
        "fake",
        pytest.param("ocr", marks=pytest.mark.skipif(not available(), reason="the extra `text` is not installed")),
    ],
)
def reader(request) -> TextReader:
    if request.param == "ocr":
        return OcrReader()
    fake = FakeReader()
    fake.write(WORDS, Reading((line("HELLO 42"),)))
    return fake


def test_it_has_a_version_that_can_name_a_file(reader):
    assert reader.version
    assert reader.version.replace("-", "").replace(".", "").isalnum()


def test_a_picture_without_text_has_an_empty_reading(reader):
    assert reader.read(NOTHING) == Reading()
    assert not reader.read(NOTHING)


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 500, 3), (500, 1, 3), (33, 20, 3)])
def test_a_picture_of_any_size_is_read(reader, shape):
    assert isinstance(reader.read(np.full(shape, 255, np.uint8)), Reading)


def test_a_reading_is_bounded_plain_and_within_the_picture(reader):
    reading = reader.read(WORDS)
    assert [one.words.replace(" ", "") for one in reading.lines] == ["HELLO42"]
    assert len(reading.lines) <= MAX_LINES
    assert len(reading.codes) <= MAX_CODES
    for one in reading.lines:
        assert 0 < len(one.words) <= MAX_CHARACTERS
        assert 0 <= one.confidence <= 1
        assert len(one.corners) == 4
        assert all(-0.1 <= x <= 1.1 and -0.1 <= y <= 1.1 for x, y in one.corners)


def test_the_same_picture_is_read_alike_from_any_thread(reader):
    with ThreadPoolExecutor(4) as pool:
        readings = list(pool.map(lambda _: reader.read(WORDS), range(4)))
    assert readings == [readings[0]] * 4


def test_a_reading_is_the_same_after_it_was_stored(reader):
    reading = reader.read(WORDS)
    assert from_bytes(to_bytes(reading)) == reading


@pytest.mark.parametrize(
    "box", [(0.5, 0.5, 0.5, 0.5), (-0.1, -0.2, 1.2, 1.3), (1.0, 0.2, 1.1, 0.3), (-0.2, 0.1, -0.1, 0.1)]
)
def test_the_region_of_any_corners_is_within_the_picture(box):
    region = bounding_region(corners(box))
    assert 0 <= region.x0 < region.x1 <= 1
    assert 0 <= region.y0 < region.y1 <= 1
