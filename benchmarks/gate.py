"""How often the face gate stops pictures of each kind, by threshold, and the time of a check.

    python -m benchmarks.gate DATA [--most 150] [--sample FOLDER]

DATA has the folders magento, clothing, grocery and minifigures. The name of a magento picture says what it shows: on
`main` pictures of tops a person looks into the camera, on `back` ones a head is turned away; trousers and shorts are
shown without heads, and the numbered pictures are objects. FOLDER is what `python -m sample FOLDER` rendered, or
service/demo/pictures. Of each kind at most --most pictures are checked, spread evenly over the names. Smaller
faces are made by scaling the picture down, rotated ones by rotating it. The detector runs in OpenVINO where a model
was compiled, else in OpenCV.
"""

from __future__ import annotations

import argparse
import re
import statistics
import time
from collections.abc import Mapping
from pathlib import Path

import click
import cv2
import numpy as np
import numpy.typing as npt

from embedding.faces.detector import FaceDetector
from embedding.faces.network import SIDE
from embedding.image.decode import decode
from service.app.gate import PUBLISHED_THRESHOLD, UPLOAD_THRESHOLD

Image = npt.NDArray[np.uint8]

THRESHOLDS = (0.3, 0.4, PUBLISHED_THRESHOLD, 0.6, UPLOAD_THRESHOLD, 0.8)
_TOPS = r"(m[hjt]|w[hjt]|[mw]s)\d"
_BOTTOMS = r"([mw]p|[mw]sh)\d"
_SMALLER = (240, 120, 60)
_ROTATIONS = {"turned to the left": 1, "upside down": 2, "turned to the right": 3}


def kinds(data: Path, sample: Path | None) -> Mapping[str, tuple[bool, list[Path]]]:
    """Pictures by what they show, and whether that is a face."""
    shop = sorted((data / "magento").rglob("*.jpg"))

    def named(pattern: str) -> list[Path]:
        return [path for path in shop if re.match(pattern, path.name)]

    found = {
        "people, faces to the camera": (True, named(rf"{_TOPS}.*_main")),
        "people, heads turned away": (True, named(rf"{_TOPS}.*_back")),
        "people without heads": (False, named(rf"{_BOTTOMS}.*_(main|back)")),
        "things": (False, named(r".*-0\.jpg")),
        "clothes": (False, _pictures(data / "clothing")),
        "packages": (False, _pictures(data / "grocery")),
        "toy figures with faces": (False, _pictures(data / "minifigures")),
    }
    if sample is not None:
        found |= {f"rendered: {name}": (False, _pictures(sample / name)) for name in ("objects", "photos", "catalogue")}
    return found


def smaller(picture: Image, side: int) -> Image:
    """The same with this long side."""
    shrunk = side / max(picture.shape)
    return np.asarray(cv2.resize(picture, None, fx=shrunk, fy=shrunk, interpolation=cv2.INTER_AREA), np.uint8)


def cost(detector: FaceDetector, rounds: int = 21) -> float:
    """Median milliseconds of processor time, of all cores, for a picture of 640 x 640 pixels that shows no face."""
    picture: Image = np.random.default_rng(0).integers(0, 256, (640, 640, 3), np.uint8)
    taken = []
    for _ in range(rounds):
        started = time.process_time()
        detector.confidence(picture)
        taken.append(1000 * (time.process_time() - started))
    return statistics.median(taken)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--most", type=int, default=150)
    parser.add_argument("--sample", type=Path)
    given = parser.parse_args()
    detector = FaceDetector()
    click.echo(f"{'share stopped at':40}{'pictures':>9}" + "".join(f"{least:8.2f}" for least in THRESHOLDS))
    for kind, (has_faces, paths) in kinds(given.data, given.sample).items():
        some = paths[:: max(1, -(-len(paths) // given.most))]
        pictures = [decode(path.read_bytes(), small_side=SIDE) for path in some]
        variants = {kind: pictures}
        for side in _SMALLER if has_faces and "camera" in kind else ():
            variants[f"  the same, {side} px high"] = [smaller(picture, side) for picture in pictures]
        for rotation, quarters in _ROTATIONS.items() if has_faces else ():
            variants[f"  the same, {rotation}"] = [np.rot90(picture, quarters) for picture in pictures]
        for name, variant in variants.items():
            found = np.array([detector.confidence(picture) for picture in variant])
            shares = "".join(f"{(found >= least).mean():8.3f}" for least in THRESHOLDS)
            click.echo(f"{name:40}{len(variant):9}{shares}")
    click.echo(f"one check of 640 x 640 pixels: {cost(detector):.0f} ms of processor time")


def _pictures(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp"))


if __name__ == "__main__":
    main()
