"""The preview picture of a shared link (Open Graph): the crop and the question, or that it is no longer asked."""

from __future__ import annotations

import io

from PIL import Image, ImageDraw, ImageFont

from service.rendering.fonts import picture_font

CARD_WIDTH, CARD_HEIGHT = 1200, 630
_MARGIN, _CROP_WIDTH = 40, 600
_BACKGROUND, _MAT, _INK, _QUIET = (255, 255, 255), (233, 236, 239), (27, 36, 48), (82, 93, 106)
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def share_card(crop: bytes, over: str, headline: str, text: str, foot: str) -> bytes:
    """A card, JPEG bytes: the crop (JPEG bytes; empty for none) on the left, and four texts, each cut to its lines."""
    sheet = Image.new("RGB", (CARD_WIDTH, CARD_HEIGHT), _BACKGROUND)
    left = _MARGIN
    if crop:
        left += _CROP_WIDTH
        _paste_crop(sheet, crop)
    draw, room = ImageDraw.Draw(sheet), CARD_WIDTH - left - _MARGIN
    y = float(_MARGIN)
    for words, size, bold, lines, colour in (
        (over, 26, False, 2, _QUIET), (headline, 44, True, 5, _INK), (text, 32, False, 4, _INK),
    ):  # fmt: skip
        font = picture_font(size, bold=bold)
        for line in wrapped(words, font, room, lines):
            draw.text((left, y), line, colour, font)
            y += 1.25 * size
        y += 18
    font = picture_font(24)
    for line in wrapped(foot, font, room, 1):
        draw.text((left, CARD_HEIGHT - _MARGIN - 24), line, _QUIET, font)
    file = io.BytesIO()
    sheet.save(file, "JPEG", quality=86)
    return file.getvalue()


def wrapped(text: str, font: Font, width: float, most: int) -> list[str]:
    """A text as lines of at most `width` pixels; the last of `most` lines ends with … where something is left out."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    lines = [line for line in lines if line]
    cut = [*lines[: most - 1], *([f"{lines[most - 1]} …"] if len(lines) > most else lines[most - 1 : most])]
    return [_fitting(line, font, width) for line in cut]


def _fitting(line: str, font: Font, width: float) -> str:
    """A line as it is, or cut within a word that is longer than the line."""
    while len(line) > 1 and font.getlength(line) > width:
        line = f"{line[:-2]}…"
    return line


def _paste_crop(sheet: Image.Image, jpeg: bytes) -> None:
    with Image.open(io.BytesIO(jpeg)) as opened:
        crop = opened.convert("RGB")
    room = _CROP_WIDTH - _MARGIN, CARD_HEIGHT
    scale = min(room[0] / crop.width, room[1] / crop.height)
    size = max(1, round(crop.width * scale)), max(1, round(crop.height * scale))
    sheet.paste(_MAT, (0, 0, *room))
    sheet.paste(crop.resize(size, Image.Resampling.LANCZOS), ((room[0] - size[0]) // 2, (room[1] - size[1]) // 2))
