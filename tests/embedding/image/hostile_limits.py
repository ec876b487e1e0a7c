"""Files that are no picture, that end too early, or that are too large."""

import random
import struct
import zlib

import numpy as np

from tests.embedding.image.picture_bytes import PNG_SIGNATURE, saved, scene, tiff, tiff_tags
from tests.embedding.image.picture_cases import (
    PDF,
    SCENE,
    Case,
    Cases,
    bmp,
    cases,
    heic,
    jpeg,
    jpeg_of_size,
    of_size,
    png_of_size,
    webp_of_size,
    with_box_size,
    zip_file,
)

CASES: Cases = {}

_SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'
_EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(reached) (w) file closefile showpage\n%%EOF\n"
_ICO = b"\0\0\1\0\1\0" + struct.pack("<BBBBHHII", 8, 8, 0, 0, 1, 32, 100, 22) + saved(SCENE, "PNG")
_PSD = b"8BPS\0\1" + b"\0" * 6 + struct.pack(">HIIHH", 3, 8, 8, 8, 3) + b"\0" * 300
_MP4 = struct.pack(">I4s4sI4s", 24, b"ftyp", b"isom", 0, b"mp42") + b"\0\0\0\0" + struct.pack(">I4s", 8, b"mdat")
CASES |= cases(
    "not_a_picture",
    {
        "nothing": lambda: Case(b"", "empty"),
        "text_named_jpg": lambda: Case(b"This is no picture, whatever its name is.\n", "unknown_format"),
        "html": lambda: Case(b"<!doctype html><title>404</title>", "unknown_format"),
        "svg": lambda: Case(_SVG, "unknown_format"),
        "eps": lambda: Case(_EPS, "unknown_format"),
        "pdf": lambda: Case(PDF, "unknown_format"),
        "ico": lambda: Case(_ICO, "unknown_format"),
        "psd": lambda: Case(_PSD, "unknown_format"),
        "mp4": lambda: Case(_MP4, "unknown_format"),
        "zip": lambda: Case(zip_file(), "unknown_format"),
        "zip_before_a_jpeg": lambda: Case(zip_file() + jpeg(), "unknown_format"),
        "zeros": lambda: Case(bytes(10_000), "unknown_format"),
        "noise": lambda: Case(random.Random(1).randbytes(10_000), "unknown_format"),
        "one_byte": lambda: Case(b"\xff", "unknown_format"),
        "text_that_begins_like_bmp": lambda: Case(
            b"BMW is a maker of cars, and of nothing that is a picture.", "broken"
        ),
        **{
            f"{name.lower()}_of_pillow": lambda name=name: Case(saved(SCENE, name), "unknown_format")
            for name in ("PPM", "TGA", "PCX", "JPEG2000", "SGI", "DDS", "QOI", "ICNS", "PDF", "EPS")
        },
    },
)


def too_large_bytes() -> Case:
    return Case(jpeg() + bytes(25_000_001), "too_large_bytes")


_NOISE = np.frombuffer(random.Random(2).randbytes(64 * 64 * 3), np.uint8).reshape(64, 64, 3)
_WHOLE = {
    "jpeg": lambda: saved(_NOISE, "JPEG"),
    "progressive": lambda: saved(_NOISE, "JPEG", progressive=True),
    "png": lambda: saved(_NOISE, "PNG"),
    "webp": lambda: saved(_NOISE, "WEBP", lossless=True),
    "gif": lambda: saved(_NOISE, "GIF"),
    "bmp": lambda: saved(_NOISE, "BMP"),
    "tiff": lambda: saved(_NOISE, "TIFF"),
    "deflated_tiff": lambda: saved(_NOISE, "TIFF", compression="tiff_adobe_deflate"),
    "avif": lambda: saved(_NOISE, "AVIF"),
    "heic": lambda: heic(_NOISE),
}


def _cut(name: str, part: float) -> Case:
    data = _WHOLE[name]()
    return Case(data[: int(len(data) * part)], "truncated")


CASES |= cases(
    "cut",
    {f"{name}_at_{part}": lambda name=name, part=part: _cut(name, part) for name in _WHOLE for part in (0.5, 0.9)}
    | {
        "jpeg_of_three_bytes": lambda: Case(b"\xff\xd8\xff", "truncated"),
        "jpeg_without_its_last_forty_bytes": lambda: Case(jpeg()[:-40], "truncated"),
        "png_signature_alone": lambda: Case(PNG_SIGNATURE, "truncated"),
        "png_without_its_end": lambda: Case(saved(SCENE, "PNG")[:-24], "truncated"),
        "gif_signature_alone": lambda: Case(b"GIF89a", "truncated"),
        "bmp_signature_alone": lambda: Case(b"BM", "truncated"),
        "tiff_signature_alone": lambda: Case(b"II*\0", "truncated"),
        "webp_signature_alone": lambda: Case(b"RIFF\0\0\0\0WEBP", "truncated"),
        "tiff_strip": lambda: Case(
            tiff(tiff_tags(48, 32, (8, 8, 8), 2, 10**6, rows=(278, 4, (32,))), SCENE.tobytes()), "truncated"
        ),
    },
)


def _gif_screen(width: int, height: int) -> bytes:
    data = saved(SCENE, "GIF")
    return data[:6] + struct.pack("<HH", width, height) + data[10:]


def _tiff_of_size(width: int, height: int) -> bytes:
    return tiff(tiff_tags(width, height, (8, 8, 8), 2, 4608), SCENE.tobytes())


CASES |= cases(
    "too_large",
    {
        "png_30000_square": of_size(png_of_size, 30_000, 30_000, "too_many_pixels"),
        "png_long": of_size(png_of_size, 2_000_000_000, 1, "too_long_side"),
        "png_longest": of_size(png_of_size, 2**32 - 1, 2**32 - 1, "too_long_side"),
        "webp": of_size(webp_of_size, 16_000, 16_000, "too_many_pixels"),
        "webp_for_memory": of_size(webp_of_size, 9_000, 9_000, "too_much_memory"),
        "webp_longest": of_size(webp_of_size, 2**24, 2**24, "too_long_side"),
        "bmp": of_size(bmp, 29_000, 29_000, "too_many_pixels"),
        "bmp_tall": of_size(bmp, 10, 2**31 - 1, "too_long_side"),
        "bmp_tall_the_other_way": of_size(bmp, 10, -(2**31), "too_long_side"),
        "jpeg": of_size(jpeg_of_size, 60_000, 60_000, "too_long_side"),
        "jpeg_in_all": of_size(jpeg_of_size, 20_000, 20_000, "too_many_pixels"),
        "gif_screen": of_size(_gif_screen, 65_535, 65_535, "too_long_side"),
        "gif_screen_in_all": of_size(_gif_screen, 20_000, 20_000, "too_many_pixels"),
        "tiff": of_size(_tiff_of_size, 20_000, 20_000, "too_many_pixels"),
        "tiff_wide": of_size(_tiff_of_size, 2**32 - 1, 1, "too_long_side"),
        "heic": lambda: Case(with_box_size(heic(scene(64, 64)), 20_000, 20_000), "too_many_pixels"),
        "heic_that_shows_a_small_part": lambda: Case(with_box_size(heic(), 20_000, 20_000), "too_much_memory"),
        "avif": lambda: Case(with_box_size(saved(SCENE, "AVIF"), 12_000, 12_000), "too_many_pixels"),
    },
)


def gif_frame_far_outside_its_screen() -> Case:
    data = saved(SCENE, "GIF")
    at = data.index(b"\x2c\0\0\0\0")
    return Case(data[: at + 1] + struct.pack("<HH", 65_000, 65_000) + data[at + 5 :], "too_long_side")


def avif_whose_frames_are_larger_than_it_says() -> Case:
    """The sequence header's size fields, all ones: 65,536 x 65,536 pixels inside a file that declares 48 x 32."""
    data = saved(SCENE, "AVIF")
    at = data.index(b"mdat") + 4
    at = data.index(b"\x0a", at)
    header = int.from_bytes(data[at + 2 : at + 10], "big")
    assert header >> 59 & 1, "a reduced still picture header"
    header |= ((1 << 40) - 1) << (64 - 10 - 40)
    return Case(data[: at + 2] + header.to_bytes(8, "big") + data[at + 10 :], "too_much_memory")


def heic_whose_frames_are_larger_than_it_says() -> Case:
    return Case(with_box_size(heic(scene(640, 480)), 48, 32), "broken")


def tiff_tile_of_a_gigabyte() -> Case:
    tile = {"w": (322, 4, (32_768,)), "h": (323, 4, (32_768,)), "o": (324, 4, (0,)), "n": (325, 4, (11,))}
    return Case(
        tiff(tiff_tags(48, 32, (8,), 1, 99, c=(259, 3, (8,)), **tile), zlib.compress(bytes(99))), "too_much_memory"
    )


def tiff_strips_beside_a_gigabyte_tile() -> Case:
    size = {"w": (322, 4, (32_768,)), "h": (323, 4, (32_768,)), "l": (325, 4, (99,))}
    pixels = zlib.compress(SCENE.tobytes())
    return Case(tiff(tiff_tags(48, 32, (8, 8, 8), 2, len(pixels), c=(259, 3, (8,)), **size), pixels), SCENE)


def bmp_run_lengths_of_90_megapixels() -> Case:
    return Case(bmp(30_000, 3_000, b"\0\1", 8, 1, bytes(1024)), "unsupported")


CASES |= cases(
    "over_a_limit",
    {
        "too_large_bytes": too_large_bytes,
        "gif_frame_far_outside_its_screen": gif_frame_far_outside_its_screen,
        "avif_whose_frames_are_larger_than_it_says": avif_whose_frames_are_larger_than_it_says,
        "heic_whose_frames_are_larger_than_it_says": heic_whose_frames_are_larger_than_it_says,
        "tiff_tile_of_a_gigabyte": tiff_tile_of_a_gigabyte,
        "tiff_strips_beside_a_gigabyte_tile": tiff_strips_beside_a_gigabyte_tile,
        "bmp_run_lengths_of_90_megapixels": bmp_run_lengths_of_90_megapixels,
    },
)
