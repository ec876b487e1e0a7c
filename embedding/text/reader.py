"""The reader of text: PP-OCR's networks in OpenVINO for lines, zxing-cpp for codes, CLD2 for the language."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from embedding.text.barcodes import corners_of, read_codes
from embedding.text.detection import SIDE, TextBox, detect
from embedding.text.language import guess_language
from embedding.text.networks import Networks, available, networks
from embedding.text.reading import MAX_CHARACTERS, MAX_LINES, Corners, Image, Mask, Reading, TextLine
from embedding.text.recognition import RecognisedLine, recognise
from embedding.text.tiles import tiles

# Lines read with less confidence are noise: leaves, stitches, shelves.
MIN_CONFIDENCE = 0.5
# After a pause of so many seconds the memory of the last runs is given back: one burst of readings allocates it once.
IDLE_SECONDS = 10.0
# A line that lies in a sanitised area by more than this share was written by whoever sanitised it.
_MAX_HIDDEN_SHARE = 0.3
# Two boxes that overlap by more than this share of the smaller one are one line.
_MAX_OVERLAP = 0.5
_FILL_LEVEL = 127


@dataclass(frozen=True)
class OcrReader:
    """A TextReader. The networks are loaded at first use; one picture is read at a time, on all cores.

    What they compute with, 200 MB, is given back once nothing has been read for IDLE_SECONDS. Pickled it is a new
    reader, whose networks are those that its process has loaded.
    """

    lock: threading.Lock = field(default_factory=threading.Lock)
    version: str = "ppocr6-small-1"
    # The timer that runs; locked like the networks.
    _waiting: list[threading.Timer] = field(default_factory=list, repr=False)

    def __reduce__(self) -> tuple[type[OcrReader], tuple[()]]:
        return OcrReader, ()

    def read(self, picture: Image, hidden: Mask | None = None) -> Reading:
        """Read an upright picture, as TextReader says."""
        if hidden is not None and hidden.any():
            picture = picture.copy()
            picture[hidden] = _FILL_LEVEL
        with self.lock:
            loaded = networks()
            lines = recognise(picture, _boxes(picture, loaded), loaded)
            self._release_when_idle()
        height, width = picture.shape[:2]
        read = [_line(line, width, height) for line in lines if line.confidence >= MIN_CONFIDENCE]
        visible = [line for line in read if line.words and not _is_hidden(line.corners, hidden)]
        visible.sort(key=lambda line: (min(y for _, y in line.corners), min(x for x, _ in line.corners)))
        codes = [code for code in read_codes(picture) if not _is_hidden(code.corners, hidden)]
        return Reading(tuple(visible), tuple(codes), guess_language(visible))

    def _release_when_idle(self) -> None:
        for former in self._waiting:
            former.cancel()
        self._waiting[:] = [timer := threading.Timer(IDLE_SECONDS, self._release)]
        timer.daemon = True
        timer.start()

    def _release(self) -> None:
        with self.lock:
            networks().release_memory()

    def warm(self) -> None:
        """Read an empty picture, so that the first one is read as fast as the second."""
        self.read(np.zeros((SIDE, SIDE, 3), np.uint8))


def text_reader() -> OcrReader | None:
    """The reader of this machine, or None where the packages that it needs are not installed."""
    return OcrReader() if available() else None


def _boxes(picture: Image, loaded: Networks) -> list[TextBox]:
    """The boxes of a picture: those of the tiles in which it shows small text, and of the whole, largest first."""
    whole = detect(picture, loaded.detection, MAX_LINES)
    found: list[TextBox] = []
    for tile in tiles(picture.shape[0], picture.shape[1], whole):
        part = picture[tile.top : tile.bottom, tile.left : tile.right]
        offset = np.array([tile.left, tile.top], np.float32)
        within = detect(part, loaded.detection, MAX_LINES)
        moved = [replace(box, corners=box.corners + offset) for box in within]
        # What a tile's edge cuts is whole in the next one, or in the picture; and the overlap is in both.
        uncut = [box for box in moved if not tile.cuts(box)]
        seen = list(found)
        found += [box for box in uncut if not any(_overlap(box, other) > _MAX_OVERLAP for other in seen)]
    seen = list(found)
    found += [box for box in whole if not any(_overlap(box, other) > _MAX_OVERLAP for other in seen)]
    readable = [box for box in found if not box.is_trace]
    return sorted(readable, key=lambda box: box.width * box.height, reverse=True)[:MAX_LINES]


def _line(line: RecognisedLine, width: int, height: int) -> TextLine:
    """A line in fractions of the picture; letters that cannot be printed are left out."""
    printable = "".join(letter for letter in line.words if letter.isprintable()).strip()
    return TextLine(printable[:MAX_CHARACTERS], round(line.confidence, 3), corners_of(line.corners, width, height))


def _is_hidden(corners: Corners, hidden: Mask | None) -> bool:
    """Whether too much of what lies between four corners is hidden, bool [h, w]."""
    if hidden is None:
        return False
    within = np.zeros(hidden.shape, np.uint8)
    points = np.array(corners) * [hidden.shape[1], hidden.shape[0]]
    cv2.fillPoly(within, [points.round().astype(np.int32)], 1)
    area = int(within.sum())
    return area > 0 and int((within & hidden).sum()) > _MAX_HIDDEN_SHARE * area


def _overlap(one: TextBox, other: TextBox) -> float:
    """The area that the upright bounds of two boxes share, by that of the smaller."""
    low = np.maximum(one.corners.min(axis=0), other.corners.min(axis=0))
    high = np.minimum(one.corners.max(axis=0), other.corners.max(axis=0))
    shared = float(np.prod(np.maximum(high - low, 0)))
    areas = [float(np.prod(np.ptp(box.corners, axis=0))) for box in (one, other)]
    return shared / max(min(areas), 1e-6)
