"""Sanitised areas: how often a natural photo is taken for a sanitised one, and how often a hidden third is found.

    python -m benchmarks.redaction PICTURES... [--every 1] [--report docs/quality.md]

PICTURES are folders of natural photos, one row each. Every tenth photo is also searched with a third of it hidden, by
each method in turn and saved as JPEG, which counts as found where the areas overlap by half (intersection over union).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from benchmarks.report import page_for, table, write_part
from embedding.image.decode import decode
from embedding.redaction.conceal import METHODS, conceal, random_box
from embedding.redaction.masks import mask

CONCEALED_EVERY = 10
MIN_OVERLAP = 0.5
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
Image = npt.NDArray[np.uint8]


def figures_of(folder: Path, every: int) -> tuple[int, int, dict[str, list[bool]]]:
    """Photos, false alarms among them, and by method whether each hidden third was found."""
    alarms = 0
    found: dict[str, list[bool]] = {method: [] for method in METHODS}
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)[::every]
    for number, path in enumerate(tqdm(files, mininterval=10)):
        photo = decode(path.read_bytes())
        alarms += bool(mask(photo).any())
        if number % CONCEALED_EVERY == 0:
            generator = np.random.default_rng(number)
            method = METHODS[(number // CONCEALED_EVERY) % len(METHODS)]
            hidden, true = conceal(photo, random_box(generator), method, float(generator.uniform(0.06, 0.2)))
            areas = mask(_saved(hidden, int(generator.integers(70, 95))))
            found[method].append(float((areas & true).sum() / (areas | true).sum()) >= MIN_OVERLAP)
    return len(files), alarms, found


def _saved(image: Image, quality: int) -> Image:
    """A picture [h, w, 3] after it was saved as JPEG."""
    _, data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.ascontiguousarray(np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)[..., ::-1])


def rows(folders: Sequence[Path], every: int) -> Iterator[list[str]]:
    total, all_alarms = 0, 0
    for folder in folders:
        photos, alarms, found = figures_of(folder, every)
        total, all_alarms = total + photos, all_alarms + alarms
        shares = [f"{sum(hits)} of {len(hits)}" for hits in found.values()]
        yield [f"{folder.parent.name}/{folder.name}", str(photos), f"{alarms} ({alarms / photos:.2%})", *shares]
    yield ["all", str(total), f"{all_alarms} ({all_alarms / total:.2%})", *("" for _ in METHODS)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", type=Path, nargs="+")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--report", type=page_for("redaction"))
    options = parser.parse_args()
    cv2.setNumThreads(1)
    titles = ["photos of", "photos", "taken for sanitised", *(f"{method}: found" for method in METHODS)]
    lines = table(titles, rows(options.pictures, options.every))
    command = f"`python -m benchmarks.redaction ... --every {options.every}`"
    write_part(options.report, "redaction", [command, "", *lines])


if __name__ == "__main__":
    main()
