"""The local features of one picture: plain arrays, and a record of fixed size in which they are kept.

A record is coded: descriptors in two bits a number (the four levels of a uniform quantiser, near those of Max,
"Quantizing for minimum distortion", 1960, for a Gaussian), the preview as WebP. On the photographs of docs/quality.md
two bits rank products as 8 bits do, and one bit clearly worse.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from embedding.errors import TraceObjectError

DESCRIPTOR_SIZE = 64
PALETTE_SIZE = 500
# In the last channel of a preview: the plain background of a studio picture. 0 is hidden, 255 the object.
BACKGROUND = 64
# The bytes of a record.
RECORD_BYTES = 16_000
# Raised with every change of what a record means, or of how features are extracted.
RECORD_VERSION = 6
_MAX_SCALES = 4
# Keypoints of each scale, width, height, plainness, bytes of the preview.
_HEADER = struct.Struct(f"<{_MAX_SCALES}HIIfH")
_KEYPOINT_BYTES = 2 * 2 + DESCRIPTOR_SIZE // 4
_FRACTION_STEPS = 65535
# From this magnitude on a number of a descriptor is of the outer level: near a standard deviation of 1 / 8.
_OUTER_LEVEL = 15 / 127
# The four levels by code, and those of the four codes in a byte, as one number: it is looked up eight times as fast.
_LEVELS = np.array([-3, -1, 1, 3], np.int8)
_UNPACKED = _LEVELS[(np.arange(256)[:, None] >> np.array([0, 2, 4, 6])) & 3].view(np.uint32)[:, 0]
_PREVIEW_QUALITIES = (85, 60, 30, 1)  # of WebP: the first that leaves room for the keypoints


class FeaturesInvalid(TraceObjectError):
    """Bytes that are not a record of local features, or arrays that do not fit together."""


class Preview:
    """A thumbnail, from its pixels or as WebP; decoded when it is first asked for, since few are ever looked at."""

    def __init__(self, pixels: npt.NDArray[np.uint8] | None = None, coded: npt.NDArray[np.uint8] | None = None) -> None:
        self._pixels, self._coded = pixels, coded
        self._halves: list[npt.NDArray[np.uint8]] = []

    @property
    def pixels(self) -> npt.NDArray[np.uint8]:
        """uint8 [h, w, 4]: RGB, and 0 where something is hidden, BACKGROUND in the plain background of a studio
        picture, 255 elsewhere.

        Raises:
            FeaturesInvalid: it was coded as something else.
        """
        if self._pixels is None:
            self._pixels = _decoded_preview(self._coded)
        return self._pixels

    def halved(self, scale: float) -> npt.NDArray[np.uint8]:
        """The pixels [h, w, 4] halved as often as leaves them no smaller than by a scale of up to 1, to be scaled on.

        Kept, since a query is scaled for each of its candidates. Raises as `pixels` does.
        """
        halves = [self.pixels, *self._halves]
        while 0.5 ** len(halves) >= scale:
            height, width = halves[-1].shape[:2]
            half = (max(1, (width + 1) // 2), max(1, (height + 1) // 2))
            halves.append(np.asarray(cv2.resize(halves[-1], half, interpolation=cv2.INTER_AREA), np.uint8))
        self._halves = halves[1:]
        return halves[max(0, math.floor(-math.log2(scale)))]


@dataclass(frozen=True, eq=False)
class LocalFeatures:
    """Keypoints of one upright picture, scale after scale, strongest first within each scale.

    `size`: width and height in pixels, so that fractions can become a plane with square units.
    `keypoints`: float32 [m, 2], x and y in fractions.
    `descriptors`: int8 [m, 64], in any unit: only their direction counts.
    `scales`: how many of the keypoints are of each scale.
    `palette`: uint8 [500], which colours the picture's object has: see embedding.local.palette.
    `plainness`: share of the picture's border that is of one colour, 0..1.
    `preview`: see Preview.

    Raises:
        FeaturesInvalid: the arrays do not fit together.
    """

    size: tuple[int, int]
    keypoints: npt.NDArray[np.float32]
    descriptors: npt.NDArray[np.int8]
    palette: npt.NDArray[np.uint8]
    plainness: float
    preview: Preview
    scales: tuple[int, ...]

    def __post_init__(self) -> None:
        count = len(self.keypoints)
        shapes = (self.keypoints.shape, self.descriptors.shape)
        expected = ((count, 2), (count, DESCRIPTOR_SIZE))
        if shapes != expected or self.palette.shape != (PALETTE_SIZE,) or min(self.size) < 1:
            raise FeaturesInvalid(
                f"local features of shapes {shapes} for a picture of {self.size} with a palette of "
                f"{self.palette.shape}: needs [m, 2], [m, 64] and [{PALETTE_SIZE}]"
            )
        if sum(self.scales) != count or len(self.scales) > _MAX_SCALES:
            raise FeaturesInvalid(f"{count} keypoints are not those of scales of {self.scales}")

    def __len__(self) -> int:
        return len(self.keypoints)

    def strongest(self, most: int) -> LocalFeatures:
        """The same with at most about `most` keypoints, of every scale the same share of its strongest."""
        if len(self) <= most:
            return self
        counts, kept = _strongest(self.scales, most)
        return replace(self, keypoints=self.keypoints[kept], descriptors=self.descriptors[kept], scales=counts)

    def to_record(self) -> npt.NDArray[np.uint8]:
        """The features as uint8 [RECORD_BYTES], the same for the same features; the rest is zeros.

        Keypoints are rounded to 1/65535 of the picture. Where they are too many for a record the last ones are left
        out.

        Raises:
            FeaturesInvalid: the preview alone does not fit.
        """
        preview = self._coded_preview()
        at = _HEADER.size + PALETTE_SIZE + len(preview)
        if at > RECORD_BYTES:
            raise FeaturesInvalid(f"a preview of {len(preview)} bytes is too large for a record of {RECORD_BYTES}")
        count = min(len(self), (RECORD_BYTES - at) // _KEYPOINT_BYTES)
        ends = np.minimum(np.cumsum([*self.scales, *[0] * (_MAX_SCALES - len(self.scales))]), count)
        keypoints = np.round(np.clip(self.keypoints[:count], 0, 1) * _FRACTION_STEPS).astype("<u2")
        header = _HEADER.pack(*np.diff(ends, prepend=0), *self.size, self.plainness, len(preview))
        coded = _packed(self.descriptors[:count])
        data = b"".join([header, self.palette.tobytes(), preview, keypoints.tobytes(), coded.tobytes()])
        return np.frombuffer(data.ljust(RECORD_BYTES, b"\0"), np.uint8)

    @classmethod
    def from_record(cls, record: npt.NDArray[np.uint8]) -> LocalFeatures:
        """The inverse of `to_record`, but for its rounding; descriptors become -3, -1, 1 or 3.

        Raises:
            FeaturesInvalid: this is not a record.
        """
        data = record.tobytes()
        if len(data) != RECORD_BYTES:
            raise FeaturesInvalid(f"{len(data)} bytes are not a record of local features: compute them again")
        *scales, wide, high, plainness, preview_bytes = _HEADER.unpack_from(data)
        count = sum(scales)
        start = _HEADER.size + PALETTE_SIZE + preview_bytes
        end = start + count * _KEYPOINT_BYTES
        if end > RECORD_BYTES or min(wide, high) < 1:
            raise FeaturesInvalid(f"a record of {count} keypoints is damaged: compute the local features again")
        points = np.frombuffer(data, "<u2", 2 * count, start).reshape(count, 2)
        coded = record[start + points.nbytes : end].reshape(count, DESCRIPTOR_SIZE // 4)
        return cls(
            size=(wide, high),
            keypoints=points.astype(np.float32) / np.float32(_FRACTION_STEPS),
            # Clipped, because a check of the codes would take as long again, and a byte is never out of range.
            descriptors=_UNPACKED.take(coded, mode="clip").view(np.int8),
            palette=record[_HEADER.size : _HEADER.size + PALETTE_SIZE],
            plainness=plainness,
            preview=Preview(coded=record[start - preview_bytes : start]),
            scales=tuple(scales),
        )

    def _coded_preview(self) -> bytes:
        """The preview as WebP: its colours with loss, its last channel in the three values that are compared."""
        pixels = self.preview.pixels
        alpha = pixels[..., 3]
        levels = np.select([alpha == 0, alpha < (BACKGROUND + 255) / 2], [0, BACKGROUND], 255).astype(np.uint8)
        picture = np.dstack([pixels[..., 2::-1], levels])
        room = RECORD_BYTES - _HEADER.size - PALETTE_SIZE - len(self) * _KEYPOINT_BYTES
        for quality in _PREVIEW_QUALITIES:
            coded = cv2.imencode(".webp", picture, [cv2.IMWRITE_WEBP_QUALITY, quality])[1].tobytes()
            if len(coded) <= room:
                break
        return coded


@lru_cache(256)
def _strongest(scales: tuple[int, ...], most: int) -> tuple[tuple[int, ...], npt.NDArray[np.intp]]:
    """How many keypoints of each scale are kept, and their places [about `most`]; most pictures have as many."""
    counts = tuple(round(count * most / sum(scales)) for count in scales)
    starts = np.cumsum([0, *scales[:-1]])
    return counts, np.concatenate(
        [np.arange(start, start + count) for start, count in zip(starts, counts, strict=True)]
    )


def _packed(descriptors: npt.NDArray[np.int8]) -> npt.NDArray[np.uint8]:
    """Descriptors int8 [m, 64] as codes of two bits, uint8 [m, 16]."""
    values = descriptors.astype(np.float32)
    values /= np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1)
    codes = (np.searchsorted([-_OUTER_LEVEL, 0, _OUTER_LEVEL], values, side="right")).astype(np.uint8)
    quads = codes.reshape(len(descriptors), DESCRIPTOR_SIZE // 4, 4)
    return np.asarray((quads << np.array([0, 2, 4, 6], np.uint8)).sum(axis=2), np.uint8)


def _decoded_preview(coded: npt.NDArray[np.uint8] | None) -> npt.NDArray[np.uint8]:
    """A preview [h, w, 4] from WebP.

    Raises:
        FeaturesInvalid: it is something else.
    """
    picture = None if coded is None or not len(coded) else cv2.imdecode(coded, cv2.IMREAD_UNCHANGED)
    if picture is None or picture.ndim != 3 or picture.dtype != np.uint8:
        raise FeaturesInvalid("a record's preview is damaged: compute the local features again")
    if picture.shape[2] == 3:  # nothing is hidden, and there is no background
        picture = np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)])
    return np.ascontiguousarray(picture[..., [2, 1, 0, 3]], np.uint8)
