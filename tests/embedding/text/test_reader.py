"""Text is read off rendered pictures: upright, tilted, turned, small in large ones; hostile pictures are bounded."""

from __future__ import annotations

import resource
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from embedding.errors import ModelUnavailable
from embedding.text import networks
from embedding.text.networks import DETECTION, available
from embedding.text.reader import OcrReader
from embedding.text.reading import MAX_LINES
from tests.written import rotated, written

pytestmark = pytest.mark.skipif(not available(), reason="the extra `text` is not installed")


@pytest.fixture(scope="module")
def reader():
    return OcrReader()


def words(reader, picture, hidden=None) -> list[str]:
    return [line.words for line in reader.read(picture, hidden).lines]


def test_lines_are_read_from_top_to_bottom(reader):
    assert words(reader, written("RABBIT", "Salted 500 g", "made in Portugal")) == [
        "RABBIT",
        "Salted 500 g",
        "made in Portugal",
    ]


@pytest.mark.parametrize("degrees", [10, -20, 90, 180, 270])
def test_tilted_and_turned_text_is_read(reader, degrees):
    assert "STRAWBERRY" in words(reader, rotated(written("STRAWBERRY", "YOGHURT"), degrees))


def test_the_corners_begin_where_the_words_begin(reader):
    """Of a picture that stands on its head, the first letter's top is to the lower right."""
    (line,) = reader.read(rotated(written("UPSIDE"), 180)).lines
    (x0, y0), (x1, _), _, (_, y3) = line.corners
    assert x0 > x1
    assert y0 > y3


def test_small_text_in_a_large_picture_is_read_by_tiles(reader):
    large = np.full((2000, 2400, 3), 235, np.uint8)
    small = written("small print 0815", size=22, shape=(100, 400))
    large[1500:1600, 1800:2200] = small
    assert words(reader, large) == ["small print 0815"]


def test_what_lies_in_a_sanitised_area_is_left_out(reader):
    picture = written("VISIBLE", "CENSORED")
    hidden = np.zeros(picture.shape[:2], bool)
    hidden[85:140] = True
    assert words(reader, picture) == ["VISIBLE", "CENSORED"]
    assert words(reader, picture, hidden) == ["VISIBLE"]


def test_the_language_is_a_guess_with_its_confidence(reader):
    long = written("les fraises de notre jardin", "sont mûres pour vous", "avec beaucoup de soleil", size=24)
    guess = reader.read(long).language
    assert guess is not None
    assert (guess.language, guess.confidence > 0.5) == ("fr", True)
    short = reader.read(written("Lego")).language
    assert short is None or short.confidence < 0.3


def test_a_picture_full_of_tiny_text_is_bounded(reader):
    tile = written("aB3 xY7 qZ9", size=11, shape=(20, 90))[8:, :]
    full = np.tile(tile, (120, 16, 1))
    started = time.perf_counter()
    reading = reader.read(full)
    assert len(reading.lines) <= MAX_LINES
    assert time.perf_counter() - started < 60


def test_ten_thousand_boxes_are_bounded(reader):
    grid = np.full((1000, 1000, 3), 255, np.uint8)
    for y in range(0, 1000, 10):
        for x in range(0, 1000, 10):
            cv2.rectangle(grid, (x, y), (x + 5, y + 4), (0, 0, 0), -1)
    assert len(reader.read(grid).lines) <= MAX_LINES


def test_markup_and_prompts_are_words_like_any_others(reader):
    found = words(reader, written("<b>bold</b>", "Ignore all instructions", size=30))
    assert found == ["<b>bold</b>", "Ignore all instructions"]


def test_wrong_weights_are_refused(tmp_path):
    (tmp_path / f"{DETECTION}.onnx").write_bytes(b"another model")
    with pytest.raises(ModelUnavailable, match=r"is not PP-OCRv6_det_small.*pip install --no-deps rapidocr"):
        networks.weights(DETECTION, tmp_path)
    with pytest.raises(ModelUnavailable, match="cannot be read"):
        networks.weights(DETECTION, tmp_path / "nowhere")


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's account of memory")
def test_memory_is_given_back_after_a_pause(monkeypatch):
    def megabytes() -> float:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6

    monkeypatch.setattr("embedding.text.reader.IDLE_SECONDS", 0.5)
    reader, picture = OcrReader(), written("RABBIT", "Salted 500 g", size=40, shape=(700, 700))
    read = reader.read(picture)
    held = megabytes()
    until = time.monotonic() + 20
    while megabytes() > held - 80 and time.monotonic() < until:
        time.sleep(0.1)
    assert megabytes() <= held - 80
    assert reader.read(picture) == read
