"""Small, long and thin pictures, plain ones of every format, and the eight orientations."""

import io

import numpy as np
import pillow_heif
from PIL import Image

from tests.embedding.image.picture_bytes import (
    TRUECOLOUR,
    exif_block,
    jpeg_segment,
    png,
    png_chunk,
    saved,
    tiff,
    tiff_tags,
    with_segments,
)
from tests.embedding.image.picture_cases import (
    CODED,
    SCENE,
    Case,
    Cases,
    bmp,
    cases,
    flat_rows,
    heic,
    jpeg,
    jpeg_of_size,
    of_size,
    orientations,
    png_of_size,
)

CASES: Cases = {}

CASES |= cases(
    "odd_shape",
    {
        f"{width}x{height}_{name.lower()}": lambda width=width, height=height, name=name: Case(
            saved(np.full((height, width, 3), (10, 200, 90), np.uint8), name),
            np.full((height, width, 3), (10, 200, 90), np.uint8),
            CODED,
        )
        for width, height in ((1, 1), (1, 20_000), (20_000, 1), (3, 7))
        for name in ("PNG", "JPEG", "BMP", "TIFF", "GIF")
    }
    | {
        "1x1_webp": lambda: Case(saved(SCENE[:1, :1], "WEBP", lossless=True), SCENE[:1, :1]),
        "1x1_avif": lambda: Case(saved(SCENE[:1, :1], "AVIF", quality=100), SCENE[:1, :1], CODED),
        "1x1_heic": lambda: Case(heic(SCENE[:1, :1]), SCENE[:1, :1], CODED),
        "no_pixels_png": of_size(png_of_size, 0, 5, "broken"),
        "no_pixels_jpeg": of_size(jpeg_of_size, 48, 0, "broken"),
        "no_pixels_bmp": of_size(bmp, 0, 0, "broken"),
    },
)


CASES |= cases(
    "plain",
    {
        "jpeg": lambda: Case(jpeg(), SCENE, CODED),
        "progressive_jpeg": lambda: Case(jpeg(progressive=True), SCENE, CODED),
        "grey_jpeg": lambda: Case(
            saved(Image.fromarray(SCENE[..., 1]), "JPEG", quality=95), SCENE[..., [1, 1, 1]], CODED
        ),
        "png": lambda: Case(saved(SCENE, "PNG"), SCENE),
        "webp": lambda: Case(saved(SCENE, "WEBP", lossless=True), SCENE),
        "lossy_webp": lambda: Case(saved(SCENE, "WEBP", quality=95), SCENE, CODED),
        "gif": lambda: Case(saved(SCENE, "GIF"), SCENE),
        "bmp": lambda: Case(saved(SCENE, "BMP"), SCENE),
        "avif": lambda: Case(saved(SCENE, "AVIF", quality=95), SCENE, CODED),
        "heic": lambda: Case(heic(), SCENE, CODED),
        **{
            f"tiff_{compression}": lambda compression=compression: Case(
                saved(SCENE, "TIFF", compression=compression), SCENE
            )
            for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits")
        },
        "tiff_jpeg": lambda: Case(saved(SCENE, "TIFF", compression="jpeg", quality=95), SCENE, CODED),
    },
)
CASES |= cases(
    "way_up",
    {
        **{
            f"{n}_jpeg": lambda n=n, image=image: Case(
                with_segments(saved(image, "JPEG", quality=95), jpeg_segment(0xE1, b"Exif\0\0" + exif_block(n))),
                SCENE,
                CODED,
            )
            for n, image in orientations().items()
        },
        **{
            f"{n}_png": lambda n=n, image=image: Case(
                png(
                    *image.shape[1::-1], 8, TRUECOLOUR, flat_rows(image), before=png_chunk(b"eXIf", exif_block(n, ">"))
                ),
                SCENE,
            )
            for n, image in orientations().items()
        },
        **{
            f"{n}_tiff": lambda n=n, image=image: Case(
                tiff(
                    tiff_tags(*image.shape[1::-1], (8, 8, 8), 2, SCENE.size, up=(274, 3, (n,))),
                    np.ascontiguousarray(image).tobytes(),
                ),
                SCENE,
            )
            for n, image in orientations().items()
        },
        **{
            f"{n}_{name.lower()}": lambda n=n, name=name, image=image: Case(
                saved(np.ascontiguousarray(image), name, exif=b"Exif\0\0" + exif_block(n), quality=95), SCENE, CODED
            )
            for n, image in orientations().items()
            for name in ("WEBP", "AVIF")
        },
        "6_heic": lambda: Case(_turned_heic(), SCENE, CODED),
    },
)


def _turned_heic() -> bytes:
    out = io.BytesIO()
    stored = Image.fromarray(np.ascontiguousarray(np.rot90(SCENE, 1)))
    stored.info["exif"] = b"Exif\0\0" + exif_block(6)
    pillow_heif.register_heif_opener()
    stored.save(out, "HEIF", quality=95, chroma=444)
    return out.getvalue()
