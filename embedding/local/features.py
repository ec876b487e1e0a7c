"""The local features of one picture: plain arrays, and their format on disk."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from embedding.errors import TraceObjectError

DESCRIPTOR_SIZE = 64
PALETTE_SIZE = 500
# In the last channel of a preview: the plain background of a studio picture. 0 is hidden, 255 the object.
BACKGROUND = 64
_MAGIC = b"TOLF"
_VERSION = 5
_HEADER = struct.Struct("<4sHHIIIfHH")
_FRACTION_STEPS = 65535
_Layout = tuple[tuple[str, str, int], ...]
_LAYOUT: _Layout = (("keypoints", "<u2", 2), ("descriptors", "i1", DESCRIPTOR_SIZE))
# Version 4, which can still be read, ends with a colour for each keypoint, which nothing uses.
_READABLE: dict[int, _Layout] = {4: (*_LAYOUT, ("colours", "u1", 3)), _VERSION: _LAYOUT}


class FeaturesInvalid(TraceObjectError):
    """Bytes that are not local features of this version, or arrays that do not fit together."""


@dataclass(frozen=True, eq=False)
class LocalFeatures:
    """Keypoints of one upright picture, strongest first within each scale.

    `size`: width and height in pixels, so that fractions can become a plane with square units.
    `keypoints`: float32 [m, 2], x and y in fractions.
    `descriptors`: int8 [m, 64], unit vectors times 127.
    `palette`: uint8 [500], which colours the picture's object has: see embedding.local.palette.
    `plainness`: share of the picture's border that is of one colour, 0..1.
    `preview`: uint8 [h, w, 4], a thumbnail: RGB, and 0 where something is hidden, BACKGROUND in the plain background of
        a studio picture, 255 elsewhere.

    Raises:
        FeaturesInvalid: the arrays do not fit together.
    """

    size: tuple[int, int]
    keypoints: npt.NDArray[np.float32]
    descriptors: npt.NDArray[np.int8]
    palette: npt.NDArray[np.uint8]
    plainness: float
    preview: npt.NDArray[np.uint8]

    def __post_init__(self) -> None:
        count = len(self.keypoints)
        shapes = (self.keypoints.shape, self.descriptors.shape)
        expected = ((count, 2), (count, DESCRIPTOR_SIZE))
        bad_preview = self.preview.ndim != 3 or self.preview.shape[2] != 4 or not self.preview.size
        if shapes != expected or self.palette.shape != (PALETTE_SIZE,) or min(self.size) < 1 or bad_preview:
            raise FeaturesInvalid(
                f"local features of shapes {shapes} for a picture of {self.size} with a palette of "
                f"{self.palette.shape} and a preview of {self.preview.shape}: needs [m, 2] and [m, 64], "
                f"[{PALETTE_SIZE}] and [h, w, 4]"
            )

    def __len__(self) -> int:
        return len(self.keypoints)

    @property
    def nbytes(self) -> int:
        """How many bytes `to_bytes` gives."""
        keypoints = len(self) * sum(np.dtype(kind).itemsize * width for _, kind, width in _LAYOUT)
        return _HEADER.size + PALETTE_SIZE + self.preview.size + keypoints

    def to_bytes(self) -> bytes:
        """Header, palette, preview and arrays one after the other, little-endian; the same on every machine.

        68 bytes a keypoint. Keypoints are rounded to 1/65535 of the picture.
        """
        arrays = {
            "keypoints": np.round(np.clip(self.keypoints, 0, 1) * _FRACTION_STEPS),
            "descriptors": self.descriptors,
        }
        header = _HEADER.pack(
            _MAGIC, _VERSION, DESCRIPTOR_SIZE, len(self), *self.size, self.plainness, *self.preview.shape[:2]
        )
        return (
            header
            + self.palette.tobytes()
            + self.preview.tobytes()
            + b"".join(np.ascontiguousarray(arrays[name], kind).tobytes() for name, kind, _ in _LAYOUT)
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> LocalFeatures:
        """The inverse of `to_bytes`, but for the rounding.

        Raises:
            FeaturesInvalid: these bytes are cut short, of another version, or something else altogether.
        """
        if len(data) < _HEADER.size:
            raise FeaturesInvalid(f"{len(data)} bytes are too few for local features: compute them again")
        magic, version, width, count, wide, high, plainness, rows, columns = _HEADER.unpack_from(data)
        layout = _READABLE.get(version, _LAYOUT)
        preview_size = rows * columns * 4
        needed = _HEADER.size + PALETTE_SIZE + preview_size
        needed += count * sum(np.dtype(kind).itemsize * numbers for _, kind, numbers in layout)
        if version not in _READABLE or (magic, width, needed) != (_MAGIC, DESCRIPTOR_SIZE, len(data)):
            versions = " or ".join(map(str, _READABLE))
            raise FeaturesInvalid(
                f"{len(data)} bytes that begin with {data[:6]!r} are not local features of version {versions}: "
                "compute them again"
            )
        read, at = {}, _HEADER.size + PALETTE_SIZE + preview_size
        for name, kind, numbers in layout:
            read[name] = np.frombuffer(data, kind, count * numbers, at).reshape(count, numbers)
            at += read[name].nbytes
        return cls(
            size=(wide, high),
            keypoints=(read["keypoints"].astype(np.float32) / np.float32(_FRACTION_STEPS)),
            descriptors=read["descriptors"],
            palette=np.frombuffer(data, np.uint8, PALETTE_SIZE, _HEADER.size),
            plainness=plainness,
            preview=np.frombuffer(data, np.uint8, preview_size, _HEADER.size + PALETTE_SIZE).reshape(rows, columns, 4),
        )
