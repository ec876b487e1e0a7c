"""How much faster a 12-megapixel JPEG is decoded when only a small picture is needed, and how the result differs.

    python -m benchmarks.decode [--side 384] [--rounds 15] [--quality 85] [--folder PICTURES] [PICTURE.jpg ...]

For each picture: the medians of full and of reduced decoding, measured in turn in one run (processor time, so that
other work on the machine matters less), their ratio, and how much the model's input made from the reduced picture
differs from that made from the full one. Without a picture, two are made: a product on a plain ground, with the bits
per pixel of real catalogue pictures, and a scene that fills the frame with detail. With a folder, its pictures are
combined into one of 12 megapixels. Reduced decoding saves the transform and the colours but still has to read every
coefficient, so the ratio rises with the bytes of the file, whatever its size in pixels: a half at 4 MB.
"""

from __future__ import annotations

import argparse
import io
import itertools
import statistics
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image

from embedding.image.decode import DecodeLimits, decode
from embedding.image.preprocess import Preprocess, prepare

WIDTH, HEIGHT = 4000, 3000


def scene(seed: int = 0, contrast: float = 42) -> Image.Image:
    """Noise with the statistics of a photograph: amplitude falls as 1/f, and a lens takes 80 % of the finest detail.

    Colour differences have a third of the contrast and are four times as soft, as a sensor's colour filter leaves them.
    """
    random = np.random.default_rng(seed)
    frequency = np.hypot(np.fft.fftfreq(HEIGHT)[:, None], np.fft.rfftfreq(WIDTH)[None])
    frequency[0, 0] = 1
    planes = []
    for deviation, softness in ((contrast, 1), (contrast / 3, 4), (contrast / 3, 4)):
        spectrum = np.fft.rfft2(random.standard_normal((HEIGHT, WIDTH))) / frequency
        spectrum *= 0.2 ** (softness * (frequency / 0.5) ** 2)
        spectrum[0, 0] = 0
        plane = np.fft.irfft2(spectrum, (HEIGHT, WIDTH))
        planes.append((128 + deviation * plane / plane.std()).clip(0, 255).astype(np.uint8))
    return Image.fromarray(np.stack(planes, 2), "YCbCr").convert("RGB")


def product(seed: int = 0) -> Image.Image:
    """A softer texture as an object over two fifths of the frame, on a light ground with a sensor's faint noise."""
    random = np.random.default_rng(seed + 1)
    ground = 243 + random.standard_normal((HEIGHT, WIDTH, 1)) + np.zeros(3)
    y, x = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
    inside = (abs(x / 0.7) ** 4 + abs(y / 0.7) ** 4 < 1)[..., None]
    return Image.fromarray(np.where(inside, np.asarray(scene(seed, contrast=16)), ground.clip(0, 255).astype(np.uint8)))


def mosaic(folder: Path) -> Image.Image:
    """The pictures of a folder in rows, in their original size, until the frame is full."""
    paths = sorted(folder.glob("*.jpg"))
    if not paths:
        sys.exit(f"{folder} has no .jpg: name a folder of pictures")
    frame = Image.new("RGB", (WIDTH, HEIGHT))
    left = top = tallest = 0
    for path in itertools.cycle(paths):
        if left >= WIDTH:
            left, top, tallest = 0, top + tallest, 0
        if top >= HEIGHT:
            return frame
        picture = Image.fromarray(decode(path.read_bytes()))
        frame.paste(picture, (left, top))
        left, tallest = left + picture.width, max(tallest, picture.height)
    raise AssertionError("cycle() has no end")


def as_jpeg(picture: Image.Image, quality: int) -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=quality)
    return out.getvalue()


def medians(data: bytes, small_side: int, rounds: int) -> tuple[float, float]:
    """Processor seconds of a full and of a reduced decode, the two measured in turn."""
    full: list[float] = []
    reduced: list[float] = []
    limits = DecodeLimits(bytes=len(data))
    for _ in range(rounds):
        for times, side in ((full, None), (reduced, small_side)):
            begin = time.thread_time()
            decode(data, limits=limits, small_side=side)
            times.append(time.thread_time() - begin)
    return statistics.median(full), statistics.median(reduced)


def report(name: str, data: bytes, side: int, rounds: int) -> str:
    limits = DecodeLimits(bytes=len(data))
    whole, small = decode(data, limits=limits), decode(data, limits=limits, small_side=side)
    full, reduced = medians(data, side, rounds)
    config = Preprocess(size=side, fit="squash", mean=(0, 0, 0), std=(1, 1, 1))
    difference = np.abs(prepare(whole, config).astype(float) - prepare(small, config))
    return (
        f"{name}: {whole.shape[1]} x {whole.shape[0]}, {len(data) / 1e6:.1f} MB: full {full * 1000:.1f} ms, "
        f"reduced to {small.shape[1]} x {small.shape[0]} {reduced * 1000:.1f} ms, ratio {reduced / full:.3f}; "
        f"input of {side} x {side} off by {difference.mean():.2f} of 255 on average, {difference.max():.0f} at most"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Full and reduced decoding of large JPEGs.")
    parser.add_argument("pictures", nargs="*", type=Path)
    parser.add_argument("--side", type=int, default=384, help="the short side that is needed, in pixels")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--quality", type=int, default=85, help="of the pictures that are made")
    parser.add_argument("--folder", type=Path, help="make the picture of those in this folder")
    options = parser.parse_args()
    if options.pictures:
        pictures = {path.name: path.read_bytes() for path in options.pictures}
    elif options.folder:
        pictures = {f"mosaic of {options.folder.name}": as_jpeg(mosaic(options.folder), options.quality)}
    else:
        pictures = {"product": as_jpeg(product(), options.quality), "scene": as_jpeg(scene(), options.quality)}
    for name, data in pictures.items():
        sys.stdout.write(report(name, data, options.side, options.rounds) + "\n")


if __name__ == "__main__":
    main()
