"""Draws evidence: the query beside a candidate's picture, with lines between the shared keypoints."""

from __future__ import annotations

import colorsys
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from index.search.answer import MAX_PAIRS, Answer, Candidate, Matched, Query
from index.stores.images import ImageStore

HEIGHT = 480
GAP = 16
MARGIN = 16
CAPTION = 44
_PAPER, _INK, _QUIET = (250, 250, 248), (28, 32, 38), (96, 102, 110)


def draw_evidence(answer: Answer, query: Query, images: ImageStore, folder: Path) -> list[Path]:
    """Write one PNG for each pair of candidate and query picture into `folder`, named by rank; returns their paths.

    Raises:
        UnknownEntry: a candidate's picture is no longer in the image store.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for candidate in answer.candidates:
        shown = images.pixels(candidate.image)
        for number, image in enumerate(query.images, start=1):
            matched = candidate.evidence.matched[number - 1] if candidate.evidence.matched else None
            path = folder / f"{candidate.rank:03d}-{number}.png"
            side_by_side(image.region.of(image.pixels), shown, matched, _caption(candidate)).save(path)
            written.append(path)
    return written


def side_by_side(
    query: npt.NDArray[np.uint8], shown: npt.NDArray[np.uint8], matched: Matched | None, caption: str
) -> Image.Image:
    """The query's box on the left, the candidate's picture on the right, and a line for each shared keypoint.

    Args:
        query, shown: uint8 [h, w, 3].
    """
    left, right = _scaled(query), _scaled(shown)
    width = 2 * MARGIN + left.width + GAP + right.width
    sheet = Image.new("RGB", (width, 2 * MARGIN + HEIGHT + CAPTION), _PAPER)
    at_left = (MARGIN, MARGIN + (HEIGHT - left.height) // 2)
    at_right = (MARGIN + left.width + GAP, MARGIN + (HEIGHT - right.height) // 2)
    sheet.paste(left, at_left)
    sheet.paste(right, at_right)
    inliers = matched.inliers if matched else 0
    if matched:
        _join(sheet, matched.pairs[:MAX_PAIRS], (left.size, at_left), (right.size, at_right))
    draw = ImageDraw.Draw(sheet)
    line = HEIGHT + MARGIN + 12
    draw.text((MARGIN, line), caption, _INK, ImageFont.load_default(17))
    draw.text((MARGIN, line + 24), _inliers_text(inliers), _QUIET, ImageFont.load_default(14))
    return sheet


def _join(
    sheet: Image.Image,
    pairs: npt.NDArray[np.float32],
    left: tuple[tuple[int, int], tuple[int, int]],
    right: tuple[tuple[int, int], tuple[int, int]],
) -> None:
    """Draw pairs [i, 4] over the sheet, each in a hue of its own, at twice the resolution so that lines are smooth."""
    lines = Image.new("RGBA", (2 * sheet.width, 2 * sheet.height))
    draw = ImageDraw.Draw(lines)
    for number, (x0, y0, x1, y1) in enumerate(pairs.tolist()):
        red, green, blue = (round(255 * part) for part in colorsys.hsv_to_rgb(number * 0.618 % 1, 0.85, 0.9))
        start = tuple(2 * (at + part * side) for at, part, side in zip(left[1], (x0, y0), left[0], strict=True))
        end = tuple(2 * (at + part * side) for at, part, side in zip(right[1], (x1, y1), right[0], strict=True))
        draw.line([*start, *end], (red, green, blue, 150), 3)
        for x, y in (start, end):
            draw.ellipse([x - 6, y - 6, x + 6, y + 6], (red, green, blue, 255), (255, 255, 255, 255), 2)
    smooth = lines.resize(sheet.size, Image.Resampling.LANCZOS)
    sheet.paste(smooth, (0, 0), smooth)


def _scaled(picture: npt.NDArray[np.uint8]) -> Image.Image:
    image = Image.fromarray(picture)
    scale = min(HEIGHT / image.height, 1.6 * HEIGHT / image.width)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.LANCZOS)


def _caption(candidate: Candidate) -> str:
    fields = candidate.entry.fields
    parts = (fields.title or fields.entry_id, fields.brand, fields.retailer or fields.authority)
    return f"{candidate.rank}. {' · '.join(filter(None, parts))}"


def _inliers_text(inliers: int) -> str:
    if not inliers:
        return "no keypoints shared on one plane: ranked by overall similarity"
    return f"{inliers} keypoint{'s' * (inliers > 1)} shared on one plane"
