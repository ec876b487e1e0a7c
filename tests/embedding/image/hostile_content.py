"""Several pictures in one file, files in files, hostile metadata, and damage."""

import random
import struct
import warnings
import zlib
from functools import cache

import numpy as np
from PIL import Image

from tests.embedding.image.picture_bytes import (
    PALETTE,
    PNG_SIGNATURE,
    TRUECOLOUR,
    exif_block,
    jpeg_segment,
    png,
    png_chunk,
    saved,
    tiff,
    tiff_tags,
    with_segments,
    without_segments,
)
from tests.embedding.image.picture_cases import (
    CODED,
    PDF,
    SCENE,
    Case,
    Cases,
    bmp,
    cases,
    flat_rows,
    heic,
    jpeg,
    png_with,
    webp_of_size,
    zip_file,
)

CASES: Cases = {}

_OTHER = Image.new("RGB", (48, 32), (1, 2, 3))


def _moving(format_: str, **options: object) -> bytes:
    return saved(SCENE, format_, save_all=True, append_images=[_OTHER, _OTHER], duration=50, **options)


def _gif_frame_within_its_screen() -> Case:
    data = saved(SCENE, "GIF")
    at = data.index(b"\x2c\0\0\0\0")
    data = data[:6] + struct.pack("<HH", 60, 50) + data[10 : at + 1] + struct.pack("<HH", 10, 9) + data[at + 5 :]
    expected = np.full((50, 60, 3), 255, np.uint8)
    expected[9:41, 10:58] = SCENE
    return Case(data, expected)


def _gif_frame_beyond_its_screen() -> Case:
    data = saved(SCENE, "GIF")
    at = data.index(b"\x2c\0\0\0\0")
    data = data[:6] + struct.pack("<HH", 5, 5) + data[10 : at + 1] + struct.pack("<HH", 3, 0) + data[at + 5 :]
    expected = np.full((32, 51, 3), 255, np.uint8)
    expected[:, 3:] = SCENE
    return Case(data, expected)


CASES |= cases(
    "several",
    {
        "animated_gif": lambda: Case(_moving("GIF"), SCENE),
        "animated_png": lambda: Case(_moving("PNG"), SCENE),
        "animated_webp": lambda: Case(_moving("WEBP", lossless=True), SCENE),
        "animated_avif": lambda: Case(_moving("AVIF", quality=95), SCENE, CODED),
        "gif_frame_within_its_screen": _gif_frame_within_its_screen,
        "gif_frame_beyond_its_screen": _gif_frame_beyond_its_screen,
        "tiff_pages": lambda: Case(saved(SCENE, "TIFF", save_all=True, append_images=[_OTHER]), SCENE),
        "tiff_page_that_follows_itself": lambda: Case(
            tiff(tiff_tags(48, 32, (8, 8, 8), 2, SCENE.size), SCENE.tobytes(), following=8 + SCENE.size), SCENE
        ),
        "jpeg_pair": lambda: Case(saved(SCENE, "MPO", save_all=True, append_images=[_OTHER], quality=95), SCENE, CODED),
        "jpeg_then_zip": lambda: Case(jpeg() + zip_file(), SCENE, CODED),
        "jpeg_then_jpeg": lambda: Case(jpeg() + saved(_OTHER, "JPEG"), SCENE, CODED),
        "jpeg_then_megabytes_of_noise": lambda: Case(jpeg() + random.Random(4).randbytes(3_000_000), SCENE, CODED),
        "png_then_html": lambda: Case(saved(SCENE, "PNG") + b"<script>alert(1)</script>", SCENE),
        "gif_then_script": lambda: Case(saved(SCENE, "GIF") + b"*/=1;alert(1)", SCENE),
        "bmp_then_zip": lambda: Case(saved(SCENE, "BMP") + zip_file(), SCENE),
        "jpeg_with_html_in_it": lambda: Case(
            with_segments(jpeg(), jpeg_segment(0xFE, b"<html><script>")), SCENE, CODED
        ),
        "jpeg_with_pdf_in_it": lambda: Case(with_segments(jpeg(), jpeg_segment(0xE5, PDF)), SCENE, CODED),
    },
)


@cache
def _bomb(megabytes: int) -> bytes:
    return zlib.compress(bytes(megabytes << 20), 9)


def _exif_of_many_tags(size: int) -> bytes:
    """Five thousand tags that each claim all the bytes there are: read one by one, they are gigabytes."""
    count = 5_000
    entries = b"".join(struct.pack("<HHLL", 0x8000 + n, 7, size - 8, 8) for n in range(count))
    return (b"II*\0" + struct.pack("<LH", 8, count) + entries).ljust(size, b"\0")


def _jpeg_exif_bomb() -> bytes:
    block = _exif_of_many_tags(5_000_000)
    pieces = [block[at : at + 65_000] for at in range(0, len(block), 65_000)]
    return with_segments(jpeg(), *(jpeg_segment(0xE1, b"Exif\0\0" + piece) for piece in pieces))


def _tiff_of_many_tags() -> Case:
    plain = tiff_tags(48, 32, (8, 8, 8), 2, SCENE.size)
    entries = 12 * (len(plain) + 60_000)
    made = tiff(plain, SCENE.tobytes())
    at = int.from_bytes(made[4:8], "little")
    claims = b"".join(struct.pack("<HHLL", 1000 + n, 7, len(made) + entries - 1000, 8) for n in range(60_000))
    directory = struct.pack("<H", len(plain) + 60_000) + made[at + 2 : at + 2 + 12 * len(plain)] + claims
    return Case(made[:at] + directory + bytes(4), SCENE)


def _tiff_with(*replaced: tuple[int, int, tuple[int, ...]]) -> bytes:
    more = {str(entry[0]): entry for entry in replaced}
    return tiff(tiff_tags(48, 32, (8, 8, 8), 2, SCENE.size, **more), SCENE.tobytes())


def _offset_count(count: int) -> bytes:
    """The count of the strip offsets, changed to one that the file cannot hold."""
    data = _tiff_with()
    at = data.index(struct.pack("<HHL", 273, 4, 1))
    return data[: at + 4] + struct.pack("<L", count) + data[at + 8 :]


def _avif_exif() -> Case:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        noise = b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + bytes(50)
        return Case(saved(SCENE, "AVIF", quality=95, exif=noise), SCENE, CODED)


def _webp_exif() -> Case:
    return Case(saved(SCENE, "WEBP", lossless=True, exif=b"Exif\0\0" + _exif_of_many_tags(400_000)), SCENE)


CASES |= cases(
    "metadata",
    {
        "png_text_bomb": lambda: Case(
            png_with(png_chunk(b"zTXt", b"Comment\0\0" + _bomb(100)), png_chunk(b"iTXt", b"a\0\1\0\0\0" + _bomb(100))),
            SCENE,
        ),
        "png_text_bomb_at_the_end": lambda: Case(
            png(48, 32, 8, TRUECOLOUR, flat_rows(SCENE), after=png_chunk(b"zTXt", b"Comment\0\0" + _bomb(100))), SCENE
        ),
        "png_profile_bomb": lambda: Case(png_with(png_chunk(b"iCCP", b"a\0\0" + _bomb(100))), SCENE),
        "png_profile_not_packed": lambda: Case(png_with(png_chunk(b"iCCP", b"a\0\0nothing packed")), SCENE),
        "png_profile_empty": lambda: Case(png_with(png_chunk(b"iCCP", b"")), SCENE),
        "png_many_chunks": lambda: Case(png_with(png_chunk(b"prVt", b"") * 300_000), "broken"),
        "png_exif_bomb": lambda: Case(png_with(png_chunk(b"eXIf", _exif_of_many_tags(2_000_000))), SCENE),
        "jpeg_exif_bomb": lambda: Case(_jpeg_exif_bomb(), SCENE, CODED),
        "jpeg_exif_orientation_99": lambda: Case(_jpeg_exif(exif_block(99)), SCENE, CODED),
        "jpeg_exif_of_noise": lambda: Case(_jpeg_exif(random.Random(5).randbytes(2000)), SCENE, CODED),
        "jpeg_exif_cut": lambda: Case(_jpeg_exif(exif_block(6)[:14]), SCENE, CODED),
        "jpeg_exif_far_away": lambda: Case(_jpeg_exif(b"MM\0*\xff\xff\xff\xff"), SCENE, CODED),
        "jpeg_many_segments": lambda: Case(with_segments(jpeg(), jpeg_segment(0xFE, b"") * 20_000), "broken"),
        "webp_exif_bomb": _webp_exif,
        "avif_exif_of_noise": _avif_exif,
        "gif_comments": lambda: Case(_gif_comments(50_000), SCENE),
        "gif_endless_comments": lambda: Case(_gif_comments(300_000), "broken"),
        "tiff_many_tags": _tiff_of_many_tags,
        "tiff_strip_outside": lambda: Case(_tiff_with((273, 4, (2**31,))), "truncated"),
        "tiff_strips_without_number": lambda: Case(_offset_count(2**32 - 1), "truncated"),
        "tiff_more_strips_than_rows": lambda: Case(_tiff_with((273, 4, (8,) * 1000), (279, 4, (4608,) * 1000)), SCENE),
        "tiff_too_few_strips": lambda: Case(_tiff_with((278, 4, (1,))), "broken"),
        "tiff_no_rows_in_a_strip": lambda: Case(_tiff_with((278, 4, (0,))), "broken"),
        "tiff_all_rows_in_a_strip": lambda: Case(_tiff_with((278, 4, (2**32 - 1,))), SCENE),
        "tiff_a_thousand_samples": lambda: Case(_tiff_with((277, 3, (1000,))), "unsupported"),
        "tiff_unknown_compression": lambda: Case(_tiff_with((259, 3, (50_000,))), "unsupported"),
        "tiff_unknown_photometric": lambda: Case(_tiff_with((262, 3, (77,))), "broken"),
        "tiff_directory_outside": lambda: Case(b"II*\0" + struct.pack("<L", 2**31), "truncated"),
        "tiff_directory_of_text": lambda: Case(b"II*\0" + b"\x08\0\0\0" + b"lorem ipsum " * 9000, "truncated"),
        "big_tiff": lambda: Case(saved(SCENE, "TIFF", big_tiff=True), SCENE),
    },
)


def _jpeg_exif(block: bytes) -> bytes:
    return with_segments(jpeg(), jpeg_segment(0xE1, b"Exif\0\0" + block))


def _gif_comments(blocks: int) -> bytes:
    data = saved(SCENE, "GIF")
    at = data.index(b"\x2c\0\0\0\0")
    return data[:at] + b"\x21\xfe" + b"\1 " * blocks + b"\0" + data[at:]


def _scans(count: int) -> Case:
    """A progressive JPEG with its last scan over and over."""
    data = jpeg(progressive=True)
    last = data.rindex(b"\xff\xda")
    return Case(data[:-2] + data[last:-2] * count + data[-2:], "broken")


def _large_and_many_scans() -> Case:
    """Twenty-one scans of a hundred megapixels; only their header says so."""
    data = jpeg(progressive=True)
    at = data.index(b"\xff\xc2")
    last = data.rindex(b"\xff\xda")
    data = data[:-2] + data[last:-2] * (21 - data.count(b"\xff\xda")) + data[-2:]
    return Case(data[: at + 5] + struct.pack(">HH", 9_999, 10_000) + data[at + 9 :], "unsupported")


def _second_frame() -> Case:
    data = jpeg()
    at = data.index(b"\xff\xc0")
    return Case(data[:at] + data[at : at + 19] + data[at:], "broken")


def _flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes((data[at] ^ 0xFF,)) + data[at + 1 :]


CASES |= cases(
    "damaged",
    {
        "jpeg_of_a_thousand_scans": lambda: _scans(1000),
        "jpeg_of_many_scans_of_many_pixels": _large_and_many_scans,
        "jpeg_of_two_frames": _second_frame,
        "jpeg_without_a_frame": lambda: Case(without_segments(jpeg(), 0xC0), "broken"),
        "jpeg_without_tables": lambda: Case(without_segments(jpeg(), 0xC4, 0xDB), "broken"),
        "jpeg_of_start_and_end": lambda: Case(b"\xff\xd8\xff\xd9", "broken"),
        "jpeg_of_ff": lambda: Case(b"\xff\xd8" + b"\xff" * 1_000_000, "truncated"),
        "jpeg_segment_of_no_length": lambda: Case(b"\xff\xd8\xff\xe0\0\0" + jpeg()[2:], "broken"),
        "png_header_sum": lambda: Case(_flipped(saved(SCENE, "PNG"), 19), "broken"),
        "png_pixels": lambda: Case(_flipped(saved(SCENE, "PNG"), 45), "broken"),
        "png_without_pixels": lambda: Case(
            PNG_SIGNATURE + png_chunk(b"IHDR", struct.pack(">IIBBBBB", 5, 5, 8, 2, 0, 0, 0)) + png_chunk(b"IEND", b""),
            "broken",
        ),
        "png_without_header": lambda: Case(PNG_SIGNATURE + png_chunk(b"IDAT", b"") + png_chunk(b"IEND", b""), "broken"),
        "png_without_palette": lambda: Case(png(4, 4, 3, PALETTE, bytes(20)), "broken"),
        "png_with_too_few_pixels": lambda: Case(png(48, 32, 8, TRUECOLOUR, bytes(99)), "truncated"),
        "webp_of_an_unknown_kind": lambda: Case(saved(SCENE, "WEBP").replace(b"VP8 ", b"VP9 "), "broken"),
        "webp_without_frames": lambda: Case(webp_of_size(48, 32), "broken"),
        "webp_frame_of_noise": lambda: Case(_noise_after(saved(SCENE, "WEBP"), 40), "broken"),
        "gif_without_frame": lambda: Case(b"GIF89a" + struct.pack("<HHBBB", 5, 5, 0, 0, 0) + b";", "broken"),
        "gif_of_an_empty_frame": lambda: Case(_empty_gif_frame(), "broken"),
        "bmp_header_of_unknown_size": lambda: Case(bmp(48, 32)[:14] + b"\x29" + bmp(48, 32)[15:] + bytes(99), "broken"),
        "bmp_of_7_bits": lambda: Case(bmp(48, 32, bytes(5000), 7), "broken"),
        "bmp_that_counts_colours_to_four_thousand_million": lambda: Case(_bmp_colours(), "broken"),
        "heic_of_boxes_without_picture": lambda: Case(heic()[: heic().index(b"meta") - 4], "unsupported"),
        "heic_of_noise": lambda: Case(_noise_after(heic(), heic().index(b"mdat") + 8), "broken"),
        "heic_of_a_box_of_no_size": lambda: Case(_after_first_box(heic(), b"\0\0\0\4free"), "broken"),
        "avif_of_noise": lambda: Case(
            _noise_after(saved(SCENE, "AVIF"), saved(SCENE, "AVIF").index(b"mdat") + 4), "broken"
        ),
        "avif_of_many_boxes": lambda: Case(saved(SCENE, "AVIF") + struct.pack(">I4s", 8, b"free") * 30_000, "broken"),
    },
)
CASES |= cases(
    "bmp",
    {
        "from_the_top": lambda: Case(bmp(48, -32, SCENE[..., ::-1].tobytes()), SCENE),
        "from_the_bottom": lambda: Case(bmp(48, 32, SCENE[::-1, :, ::-1].tobytes()), SCENE),
        "run_lengths": lambda: Case(
            bmp(4, 2, b"\4\0\0\0\4\1\0\1", 8, 1, bytes((10, 20, 30, 0, 40, 50, 60, 0)) + bytes(1016)),
            np.array([[(60, 50, 40)] * 4, [(30, 20, 10)] * 4]),
        ),
    },
)


def _noise_after(data: bytes, at: int) -> bytes:
    return data[:at] + random.Random(6).randbytes(len(data) - at)


def _after_first_box(data: bytes, box: bytes) -> bytes:
    end = int.from_bytes(data[:4], "big")
    return data[:end] + box + data[end:]


def _empty_gif_frame() -> bytes:
    data = saved(SCENE, "GIF")
    at = data.index(b"\x2c\0\0\0\0")
    return data[: at + 5] + bytes(4) + data[at + 9 :]


def _bmp_colours() -> bytes:
    data = bytearray(bmp(48, 32, bytes(1536), 8, 0, bytes(1024)))
    data[46:50] = b"\xff\xff\xff\xff"
    return bytes(data)
