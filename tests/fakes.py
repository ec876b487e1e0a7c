"""A small encoder without weights, rendered pictures, and feeds of them."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from embedding.encoders.card import ModelCard
from embedding.encoders.protocol import Vectors
from embedding.errors import TextUnsupported
from embedding.image.preprocess import Preprocess
from index.generations.calibration import Likelihood
from index.records.catalogue import Catalogue
from index.records.feed_records import Collection
from index.workspace import Workspace

# A calibration for catalogues too small to have one: a cosine of 1 is likely, one of 0.95 unlikely.
LIKELY = Likelihood(("score", "margin", "inliers"), (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), (60.0, 0.0, 0.0), 3.0, False)
_GRID = 4
_DIMENSION = 64


class ColourEncoder:
    """Mean colours of a 4 x 4 grid (48 numbers) and the energy of edges in it (16), as one unit vector."""

    def __init__(self, name: str = "colour-64") -> None:
        sha256 = hashlib.sha256(name.encode()).hexdigest()
        preprocess = Preprocess(size=32, fit="longest", mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
        self.card = ModelCard(
            name, "onnx", "colour-grid", "package:none", sha256, "none", _DIMENSION, preprocess, False
        )

    def encode_images(self, images: npt.NDArray[np.uint8] | npt.NDArray[np.float32]) -> Vectors:
        scale = np.float32(255.0 if images.dtype == np.uint8 else 1.0)
        pixels = images.astype(np.float32) / scale
        count, size = len(pixels), pixels.shape[1] // _GRID
        cells = pixels.reshape(count, _GRID, size, _GRID, size, 3)
        colours = cells.mean(axis=(2, 4)).reshape(count, -1) - np.float32(0.5)
        grey = pixels.mean(axis=3)
        edges = np.abs(np.gradient(grey, axis=1)) + np.abs(np.gradient(grey, axis=2)) if count else grey
        energy = edges.reshape(count, _GRID, size, _GRID, size).mean(axis=(2, 4)).reshape(count, -1)
        vectors = np.concatenate([colours, energy], axis=1).astype(np.float32)
        # So that the vector of a grey picture without edges is not zero.
        vectors[:, 0] += np.float32(1e-6)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        raise TextUnsupported(f"{self.card.name} has no text side: search by a picture")


def render(seed: int, size: int = 96) -> npt.NDArray[np.uint8]:
    """A picture of coloured patches on white, uint8 [size, size, 3], different for each seed."""
    random = np.random.default_rng(seed)
    picture = np.full((size, size, 3), 255, np.uint8)
    for _ in range(6):
        left, top = random.integers(0, size * 3 // 4, 2)
        width, height = random.integers(size // 6, size // 2, 2)
        picture[top : top + height, left : left + width] = random.integers(0, 256, 3)
    return picture


def render_file(path: Path, seed: int, size: int = 96) -> Path:
    """Write a rendered picture, in the format of the file's suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(render(seed, size)).save(path)
    return path


def write_feed(folder: Path, rows: Sequence[dict[str, str]], seeds: Sequence[int]) -> Path:
    """A CSV feed: one row and one rendered picture for each seed; `path` is added to the rows."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [render_file(folder / "pictures" / f"{seed}.png", seed).relative_to(folder) for seed in seeds]
    feed = folder / "feed.csv"
    with feed.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["path", *rows[0]])
        writer.writeheader()
        writer.writerows({"path": str(path), **row} for path, row in zip(paths, rows, strict=True))
    return feed


def add_feed(workspace: Workspace, name: str, collection: Collection, feed: Path) -> None:
    """Add a CSV feed as a source of a workspace."""
    with Catalogue.open(workspace.database_url) as catalogue:
        catalogue.add_source(name, collection, str(feed), "csv")
