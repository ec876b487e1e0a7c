"""The preview picture of a shared link (Open Graph)."""

from __future__ import annotations

import io

from PIL import Image

CARD_WIDTH, CARD_HEIGHT = 1200, 630
_MARGIN = 30
_BACKGROUND = (233, 236, 239)


def preview_card(jpeg: bytes) -> bytes:
    """A crop on a plain background in Open Graph's aspect ratio; JPEG bytes to JPEG bytes."""
    with Image.open(io.BytesIO(jpeg)) as opened:
        crop = opened.convert("RGB")
    scale = min((CARD_WIDTH - 2 * _MARGIN) / crop.width, (CARD_HEIGHT - 2 * _MARGIN) / crop.height)
    size = (max(1, round(crop.width * scale)), max(1, round(crop.height * scale)))
    sheet = Image.new("RGB", (CARD_WIDTH, CARD_HEIGHT), _BACKGROUND)
    sheet.paste(
        crop.resize(size, Image.Resampling.LANCZOS), ((CARD_WIDTH - size[0]) // 2, (CARD_HEIGHT - size[1]) // 2)
    )
    file = io.BytesIO()
    sheet.save(file, "JPEG", quality=86)
    return file.getvalue()
