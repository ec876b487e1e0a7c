"""How well text and barcodes are read by size, tilt, blur and turn, and how fast; how fast words are searched for.

    python -m benchmarks.text [--pictures 12] [--entries 1000000] [--report docs/text.md]

Pictures are rendered, so that what is written on them is known. Times are of one picture after another on all cores.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.report import machine, page_for, write_part
from embedding.text.barcodes import read_codes
from embedding.text.reader import OcrReader
from index.lexical.building import Document, write_lexical_index
from index.lexical.lexical_index import LexicalIndex
from index.records.gtin import check_digit
from tests.written import barcode, rotated, written

Image = npt.NDArray[np.uint8]
WORDS = (
    *("lantern", "biscuit", "harbour", "meadow", "velvet", "copper"),
    *("walnut", "thimble", "saffron", "pebble", "marble", "ribbon"),
)
SIZES, TILTS, BLURS, TURNS = (10, 14, 20, 32), (5, 15, 30), (1.0, 2.0), (90, 180, 270)
WIDTHS = (100, 120, 160, 240)
_ONSETS = (*"bcdfghklmnprstvwz", "br", "dr", "fl", "pl", "st", "tr")
_VOWELS = (*"aeiou", "ou")
_SYLLABLES = [onset + vowel for onset in _ONSETS for vowel in _VOWELS]
_VOCABULARY, _WORDS_OF_ENTRY, _QUERIES = 300_000, 10, 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=12)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--report", type=page_for("measured"))
    options = parser.parse_args()
    reader, generator = OcrReader(), np.random.default_rng(0)
    reader.warm()
    seconds: list[float] = []
    lines = [f"{options.pictures} rendered pictures for each figure; {machine()}.", ""]
    lines += ["| text, pixels high | changed by | character error rate |", "|---|---|---|"]
    for size in SIZES:
        for name, change in _changes(generator):
            errors = [_error(reader, size, change, generator, seconds) for _ in range(options.pictures)]
            lines.append(f"| {size} | {name} | {np.mean(errors):.3f} |")
    lines += ["", "| EAN-13, pixels wide | changed by | read | misread |", "|---|---|---|---|"]
    for width in WIDTHS:
        for name, change in _changes(generator):
            outcomes = [_code(width, change, generator) for _ in range(options.pictures)]
            read, wrong = np.mean(outcomes, axis=0)
            lines.append(f"| {width} | {name} | {read:.2f} | {wrong:.2f} |")
    lines += ["", f"Reading one such picture took {np.median(seconds):.2f} s (median)."]
    if options.entries:
        median, slow = _searched(options.entries, generator)
        lines.append(
            f"Ten words, four of them misread, among {options.entries} entries of ten words each: {median:.0f} ms "
            f"(median) and {slow:.0f} ms (90th percentile) of one thread's processor time."
        )
    write_part(options.report, "measured", [*lines, ""])


def _changes(generator: np.random.Generator) -> Iterator[tuple[str, Callable[[Image], Image]]]:
    """What happens to a picture, one change at a time; noise and JPEG always."""

    def photographed(picture: Image) -> Image:
        noisy = np.clip(30 + 0.75 * picture + generator.normal(0, 3, picture.shape), 0, 255).astype(np.uint8)
        return np.asarray(cv2.imdecode(cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, 85])[1], 1), np.uint8)

    def turned(degrees: float) -> Callable[[Image], Image]:
        return lambda picture: photographed(rotated(picture, degrees))

    def blurred(pixels: float) -> Callable[[Image], Image]:
        return lambda picture: photographed(np.asarray(cv2.GaussianBlur(picture, (0, 0), pixels), np.uint8))

    yield "nothing", photographed
    yield from ((f"tilt {tilt}°", turned(tilt)) for tilt in TILTS)
    yield from ((f"blur {blur:g} px", blurred(blur)) for blur in BLURS)
    yield from ((f"turn {turn}°", turned(turn)) for turn in TURNS)


def _error(
    reader: OcrReader, size: int, change: Callable[[Image], Image], generator: np.random.Generator, seconds: list[float]
) -> float:
    """The share of characters of three words that are wrong; what is missing is all wrong."""
    words = generator.choice(WORDS, 3, replace=False).tolist()
    picture = change(written(*words, size=size, shape=(max(120, 6 * size), max(200, 9 * size))))
    started = time.perf_counter()
    found = [line.words for line in reader.read(picture).lines]
    seconds.append(time.perf_counter() - started)
    wrong = sum(min([len(word), *(_distance(word, other) for other in found)]) for word in words)
    return wrong / sum(map(len, words))


def _code(width: int, change: Callable[[Image], Image], generator: np.random.Generator) -> tuple[bool, bool]:
    """Whether a barcode is read, and whether another number is."""
    digits = "".join(str(digit) for digit in (7, 3, *generator.integers(0, 10, 10).tolist()))
    number = digits + check_digit(digits)
    found = {code.content for code in read_codes(change(barcode(number, width)))}
    return number in found, bool(found - {number})


def _distance(one: str, other: str) -> int:
    """The edit distance (Levenshtein, 1966)."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, start=1):
        before, row[0] = row[0], i
        for j, b in enumerate(other, start=1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return row[-1]


def _searched(entries: int, generator: np.random.Generator) -> tuple[float, float]:
    """Milliseconds of processor time of a search, median and 90th percentile; words are as frequent as in a text."""
    vocabulary = ["".join(generator.choice(_SYLLABLES, generator.integers(2, 5))) for _ in range(_VOCABULARY)]
    # Zipf's law: the n-th commonest word is 1 / n as frequent as the commonest.
    share = np.cumsum(1 / np.arange(1, _VOCABULARY + 1))

    def drawn() -> list[str]:
        return [vocabulary[place] for place in np.searchsorted(share, generator.random(_WORDS_OF_ENTRY) * share[-1])]

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "catalogue.words"
        write_lexical_index(path, (Document(n, dict.fromkeys(drawn(), 1.0)) for n in range(entries)))
        index = LexicalIndex(path)
        taken = []
        for _ in range(_QUERIES):
            asked = [f"{word[:2]}x{word[3:]}" if n < 4 else word for n, word in enumerate(drawn())]
            started = time.process_time()
            index.weigh(dict.fromkeys(asked, 1.0))
            taken.append(1000 * (time.process_time() - started))
    return float(np.median(taken)), float(np.percentile(taken, 90))


if __name__ == "__main__":
    main()
