"""What happens to a picture before it is published: cropped, blurred, hidden in part, saved badly, saved small."""

from __future__ import annotations

import io

import cv2
import numpy as np
from PIL import Image

from sample.noise import fractal, grain
from sample.pixels import (
    Field,
    Mask,
    Pixels,
    blur,
    codes,
    field,
    film,
    mix,
    resize_field,
    resize_pixels,
    to_srgb,
)
from sample.rooms import Scene


def expose(light: Field, rng: np.random.Generator, dark: float, noise: float) -> Pixels:
    """A camera's own doing: exposure (`dark` 0 good .. 1 poor), tint, falling-off corners and sensor noise."""
    height, width = light.shape[:2]
    middle = float(np.quantile(light.mean(axis=-1), 0.93)) + 1e-3
    gain = 0.76 / middle * float(rng.uniform(0.85, 1.1)) * (1 - 0.6 * dark)
    tint = field(1 + rng.normal(0, 0.05, 3))
    y, x = np.mgrid[:height, :width]
    radius = ((x / width - 0.5) ** 2 + (y / height - 0.5) ** 2).astype(np.float32)
    corner = 1 - 0.55 * radius
    lit = light * gain * tint * corner[..., None]
    shot = lit + np.sqrt(np.maximum(lit, 0.002))[..., None].squeeze(-1) * noise * np.stack(
        [grain(height, width, rng) for _ in range(3)], -1
    )
    return to_srgb(film(field(shot), 0.75))


def crop_box(product: Mask, rng: np.random.Generator, tight: float) -> tuple[int, int, int, int]:
    """A box around the product: `tight` 1 touches it, under 1 cuts into it, over 1 leaves room. x0, y0, x1, y1."""
    rows, columns = np.flatnonzero(product.any(axis=1)), np.flatnonzero(product.any(axis=0))
    height, width = product.shape
    if not rows.size:
        return 0, 0, width, height
    cy, cx = (rows[0] + rows[-1]) / 2, (columns[0] + columns[-1]) / 2
    h, w = (rows[-1] - rows[0]) * tight, (columns[-1] - columns[0]) * tight
    cy, cx = cy + rng.uniform(-0.08, 0.08) * h, cx + rng.uniform(-0.08, 0.08) * w
    x0, x1 = max(int(cx - w / 2), 0), min(int(cx + w / 2), width)
    y0, y1 = max(int(cy - h / 2), 0), min(int(cy + h / 2), height)
    return x0, y0, max(x1, x0 + 48), max(y1, y0 + 48)


def shaken(light: Field, rng: np.random.Generator, strength: float) -> Field:
    """Blur: out of focus, or moved during the exposure."""
    if strength <= 0:
        return light
    if rng.uniform() < 0.5:
        return blur(light, strength)
    length = max(int(strength * 4), 3)
    kernel = np.zeros((length, length), np.float32)
    angle = rng.uniform(0, np.pi)
    middle = (length - 1) / 2
    for t in np.linspace(-middle, middle, 4 * length):
        kernel[round(middle + t * np.sin(angle)), round(middle + t * np.cos(angle))] = 1
    return field(cv2.filter2D(light, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT))


def rough_outline(product: Mask, rng: np.random.Generator) -> Field:
    """The product cut out by an unsteady hand, float32 [h, w]."""
    height, width = product.shape
    side = max(height, width)
    grown = blur(product.astype(np.float32), side * 0.014)
    wobble = resize_field(fractal(256, 7, rng, 2), width, height) * 0.22
    return blur(field((grown + wobble > 0.4).astype(np.float32)), 0.8)


def hide(picture: Pixels, product: Mask, rng: np.random.Generator, how: str) -> Pixels:
    """Hides a part: "bar" blackens a box, "shape" a rounded outline, "mosaic" coarsens, "smear" blurs a part."""
    height, width = picture.shape[:2]
    out = picture.copy()
    rows, columns = np.nonzero(product)
    if not rows.size:
        return out
    anchor = int(rng.integers(rows.size))
    cy, cx = int(rows[anchor]), int(columns[anchor])
    reach = float(np.sqrt(rows.size)) * float(rng.uniform(0.20, 0.30))
    region = np.zeros((height, width), np.uint8)
    if how == "bar":
        tall, wide = reach * float(rng.uniform(0.5, 1.0)), reach * float(rng.uniform(0.9, 1.5))
        cv2.rectangle(region, (int(cx - wide), int(cy - tall)), (int(cx + wide), int(cy + tall)), 255, -1)
    else:
        angle = np.linspace(0, 2 * np.pi, 14, endpoint=False)
        radius = reach * rng.uniform(0.75, 1.25, 14)
        outline = np.stack([cx + radius * np.cos(angle) * 1.15, cy + radius * np.sin(angle)], -1)
        cv2.fillPoly(region, [np.rint(outline).astype(np.int32)], 255, cv2.LINE_AA)
    if how in ("bar", "shape"):
        cover: Pixels = np.zeros_like(picture)
    elif how == "mosaic":
        small = resize_pixels(picture, max(width // 22, 2), max(height // 22, 2))
        cover = np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8)
    else:
        cover = np.asarray(cv2.GaussianBlur(picture, (0, 0), max(reach * 0.28, 4)), np.uint8)
    weight = field(region[..., None] / 255)
    return codes(mix(out.astype(np.float32), cover.astype(np.float32), weight))


def spoil_bytes(picture: Pixels, quality: int, rounds: int = 1) -> Pixels:
    """Saved as JPEG `rounds` times."""
    for _ in range(rounds):
        buffer = io.BytesIO()
        Image.fromarray(picture).save(buffer, "JPEG", quality=quality)
        picture = np.asarray(Image.open(buffer).convert("RGB"))
    return picture


def published_crop(scene: Scene, rng: np.random.Generator) -> Pixels:
    """A crop as an authority publishes it: cut from a poor picture, parts hidden, saved small and badly."""
    x0, y0, x1, y1 = crop_box(scene.product, rng, float(rng.uniform(0.92, 1.3)))
    light, product = scene.light[y0:y1, x0:x1], scene.product[y0:y1, x0:x1]
    light = shaken(light, rng, float(rng.choice([0.0, 0.6, 1.1, 1.8])))
    picture = expose(light, rng, float(rng.choice([0.0, 0.2, 0.5, 0.75])), float(rng.choice([0.008, 0.02, 0.04])))
    ground = str(rng.choice(["room", "room", "room", "black", "white", "grey", "blurred"]))
    if ground != "room":
        outline = rough_outline(product, rng)[..., None]
        tone: Field = field({"black": 4, "white": 252, "grey": 128}.get(ground, 0))
        behind = np.broadcast_to(tone, picture.shape)
        if ground == "blurred":
            behind = blur(picture.astype(np.float32), picture.shape[1] * 0.045)
        picture = codes(mix(field(behind), picture.astype(np.float32), outline))
    if rng.uniform() < 0.4:
        picture = hide(picture, product, rng, str(rng.choice(["bar", "shape", "mosaic", "smear"])))
    longest = int(rng.choice([240, 320, 420, 520]))
    scale = longest / max(picture.shape[:2])
    if scale < 1:
        picture = resize_pixels(picture, round(picture.shape[1] * scale), round(picture.shape[0] * scale))
    return spoil_bytes(picture, int(rng.choice([30, 45, 60, 75])))


def phone_photo(scene: Scene, rng: np.random.Generator) -> Pixels:
    """A photo that someone takes of the thing at home: whole, a little soft, in the room's light."""
    light = shaken(scene.light, rng, float(rng.choice([0.0, 0.0, 0.5, 0.9])))
    return expose(light, rng, float(rng.choice([0.0, 0.0, 0.2, 0.4])), float(rng.choice([0.006, 0.012, 0.02])))
