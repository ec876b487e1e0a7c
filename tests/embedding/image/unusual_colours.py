"""Depths, colour modes, profiles and transparency."""

import io
import random
import struct

import numpy as np
import pillow_heif
from PIL import Image

from tests.embedding.image.picture_bytes import (
    GREY,
    GREY_ALPHA,
    PALETTE,
    TRUECOLOUR,
    TRUECOLOUR_ALPHA,
    as_lab,
    grey_cyan_profile,
    jpeg_segment,
    linear_grey_profile,
    p3_as_srgb,
    p3_profile,
    png,
    png_chunk,
    png_rows,
    saved,
    tiff,
    tiff_tags,
    with_segments,
    without_segments,
)
from tests.embedding.image.picture_cases import (
    CODED,
    RAMP,
    RAMP_8,
    SCENE,
    Case,
    Cases,
    cases,
    flat_rows,
    four_colours,
    jpeg,
)

CASES: Cases = {}

_BITS = (np.indices((32, 48)).sum(0) // 5 % 2 * 255).astype(np.uint8)
_BITS_RGB = np.repeat(_BITS[..., None], 3, axis=2)


def _deep_rgb() -> np.ndarray:
    return np.stack([RAMP, RAMP[::-1], RAMP[:, ::-1]], 2)


def _tiff_16(order: str, photometric: int = 1, values: np.ndarray = RAMP) -> bytes:
    return tiff(
        tiff_tags(48, 32, (16,), photometric, values.nbytes), values.astype(order + "u2").tobytes(), order=order
    )


def _tiff_12() -> Case:
    """Two 12-bit samples in three bytes."""
    first, second = (RAMP.reshape(-1, 2) >> 4).astype(np.uint32).T
    packed = np.stack([first >> 4, (first & 15) << 4 | second >> 8, second & 255], 1).astype(np.uint8)
    expected = np.repeat(np.round((RAMP >> 4) / 4095 * 255).astype(np.uint8)[..., None], 3, axis=2)
    return Case(tiff(tiff_tags(48, 32, (12,), 1, packed.size), packed.tobytes()), expected)


CASES |= cases(
    "depth",
    {
        "16_bit_grey_png": lambda: Case(png(48, 32, 16, GREY, png_rows(RAMP)), RAMP_8),
        "16_bit_rgb_png": lambda: Case(
            png(48, 32, 16, TRUECOLOUR, png_rows(_deep_rgb().reshape(32, -1))), (_deep_rgb() / 257.0).round(), 1
        ),
        "16_bit_tiff_little": lambda: Case(_tiff_16("<"), RAMP_8),
        "16_bit_tiff_big": lambda: Case(_tiff_16(">"), RAMP_8),
        "16_bit_tiff_black_is_white": lambda: Case(_tiff_16("<", 0), 255 - RAMP_8),
        "16_bit_tiff_deflated": lambda: Case(
            saved(Image.fromarray(RAMP), "TIFF", compression="tiff_adobe_deflate"), RAMP_8
        ),
        "16_bit_rgb_tiff": lambda: Case(
            tiff(tiff_tags(48, 32, (16, 16, 16), 2, 9216), _deep_rgb().astype("<u2").tobytes()),
            (_deep_rgb() / 257.0).round(),
            1,
        ),
        "12_bit_tiff": _tiff_12,
        "10_bit_heic": lambda: Case(_deep_heic(), (_deep_rgb() / 257.0).round(), CODED),
        "32_bit_tiff": lambda: Case(saved(Image.fromarray(RAMP.astype(np.int32)), "TIFF"), "unsupported"),
        "float_tiff": lambda: Case(saved(Image.fromarray(RAMP.astype(np.float32)), "TIFF"), "unsupported"),
        "1_bit_png": lambda: Case(saved(Image.fromarray(_BITS).convert("1"), "PNG"), _BITS_RGB),
        "1_bit_tiff_group4": lambda: Case(
            saved(Image.fromarray(_BITS).convert("1"), "TIFF", compression="group4"), _BITS_RGB
        ),
        "1_bit_bmp": lambda: Case(saved(Image.fromarray(_BITS).convert("1"), "BMP"), _BITS_RGB),
        "grey_png": lambda: Case(saved(Image.fromarray(_BITS), "PNG"), _BITS_RGB),
        "palette_png": lambda: Case(saved(four_colours(), "PNG", bits=2), SCENE),
        "palette_tiff": lambda: Case(saved(four_colours(), "TIFF"), SCENE),
        "palette_bmp": lambda: Case(saved(four_colours(), "BMP"), SCENE),
        "12_bit_jpeg": lambda: Case(jpeg().replace(b"\xff\xc0\0\x11\x08", b"\xff\xc0\0\x11\x0c"), "unsupported"),
    },
)


def _deep_heic() -> bytes:
    out = io.BytesIO()
    pillow_heif.encode("RGB;16", (48, 32), _deep_rgb().astype("<u2").tobytes(), out, quality=98, chroma=444)
    return out.getvalue()


def _inks() -> tuple[Image.Image, np.ndarray]:
    """The scene in CMYK with some black in it, and what that is in RGB: (1 - ink) (1 - black)."""
    inks = np.dstack([255 - SCENE, np.full(SCENE.shape[:2], 40, np.uint8)])
    rgb = SCENE.astype(float) * (255 - 40) / 255
    return Image.fromarray(inks, "CMYK"), rgb


def _lab_tiff() -> Case:
    samples = as_lab(SCENE)
    return Case(tiff(tiff_tags(48, 32, (8, 8, 8), 8, samples.size), samples.tobytes()), SCENE, 5)


def _ycbcr_tiff(**more: tuple[int, int, tuple[int, ...]]) -> bytes:
    samples = _as_ycbcr(SCENE)
    return tiff(tiff_tags(48, 32, (8, 8, 8), 6, samples.size, **more), samples.tobytes())


CASES |= cases(
    "colour",
    {
        "cmyk_jpeg": lambda: Case(saved(_inks()[0], "JPEG", quality=98), _inks()[1], CODED),
        "cmyk_tiff": lambda: Case(saved(_inks()[0], "TIFF"), _inks()[1], 2),
        "cmyk_jpeg_without_adobe_marker": lambda: Case(
            without_segments(saved(_inks()[0], "JPEG", quality=98), 0xEE), _inks()[1], CODED
        ),
        "cmyk_progressive_jpeg": lambda: Case(
            saved(_inks()[0], "JPEG", quality=98, progressive=True), _inks()[1], CODED
        ),
        "cut_adobe_marker": lambda: Case(with_segments(jpeg(), jpeg_segment(0xEE, b"Adobe\0")), SCENE, CODED),
        "wrong_adobe_marker_says_rgb": lambda: Case(_wrong_adobe(0), _as_ycbcr(SCENE), CODED),
        "adobe_marker_of_an_unknown_transform": lambda: Case(_wrong_adobe(9), SCENE, CODED),
        "lab_tiff": _lab_tiff,
        "ycbcr_tiff": lambda: Case(_ycbcr_tiff(sampling=(530, 3, (1, 1))), SCENE, 2),
        "ycbcr_tiff_at_half_size": lambda: Case(_ycbcr_tiff(), "unsupported"),
        "p3_jpeg": lambda: Case(jpeg(icc_profile=p3_profile()), p3_as_srgb(SCENE), 8),
        "p3_png": lambda: Case(saved(SCENE, "PNG", icc_profile=p3_profile()), p3_as_srgb(SCENE), 1),
        "p3_webp": lambda: Case(saved(SCENE, "WEBP", lossless=True, icc_profile=p3_profile()), p3_as_srgb(SCENE), 1),
        "p3_tiff": lambda: Case(saved(SCENE, "TIFF", icc_profile=p3_profile()), p3_as_srgb(SCENE), 1),
        "p3_avif": lambda: Case(saved(SCENE, "AVIF", quality=100, icc_profile=p3_profile()), p3_as_srgb(SCENE), 8),
        "p3_palette_png": lambda: Case(saved(four_colours(), "PNG", icc_profile=p3_profile()), p3_as_srgb(SCENE), 1),
        "p3_in_many_segments": lambda: Case(_profile_in_pieces(), p3_as_srgb(SCENE), 8),
        "grey_profile": lambda: Case(
            saved(Image.fromarray(np.full((4, 4), 55, np.uint8)), "PNG", icc_profile=linear_grey_profile()),
            np.full((4, 4, 3), 128),
            1,
        ),
        "16_bit_grey_profile": lambda: Case(
            saved(Image.fromarray(np.full((4, 4), 55 * 257, np.uint16)), "PNG", icc_profile=linear_grey_profile()),
            np.full((4, 4, 3), 128),
            1,
        ),
        "cmyk_profile": lambda: Case(
            saved(Image.new("CMYK", (8, 8), (255, 0, 0, 0)), "JPEG", icc_profile=grey_cyan_profile()),
            np.full((8, 8, 3), 119),
            2,
        ),
        "profile_of_noise": lambda: Case(saved(SCENE, "PNG", icc_profile=random.Random(3).randbytes(4000)), SCENE),
        "profile_cut": lambda: Case(saved(SCENE, "PNG", icc_profile=p3_profile()[:200]), SCENE),
        "profile_cut_in_jpeg": lambda: Case(jpeg(icc_profile=p3_profile()[:200]), SCENE, CODED),
        "profile_for_another_mode": lambda: Case(saved(SCENE, "PNG", icc_profile=grey_cyan_profile()), SCENE),
        "profile_segment_without_content": lambda: Case(
            with_segments(jpeg(), jpeg_segment(0xE2, b"ICC_PROFILE\0")), SCENE, CODED
        ),
    },
)


def _wrong_adobe(transform: int) -> bytes:
    return with_segments(
        without_segments(jpeg(), 0xE0), jpeg_segment(0xEE, b"Adobe\0\x64\0\0\0\0" + bytes((transform,)))
    )


def _as_ycbcr(image: np.ndarray) -> np.ndarray:
    """Luma and colour differences as they are in the file: the pixels of a file that labels them RGB."""
    return np.asarray(Image.fromarray(image).convert("YCbCr"))


def _profile_in_pieces() -> bytes:
    profile = p3_profile()
    pieces = [profile[at : at + 100] for at in range(0, len(profile), 100)]
    segments = [
        jpeg_segment(0xE2, b"ICC_PROFILE\0" + bytes((number + 1, len(pieces))) + piece)
        for number, piece in enumerate(pieces)
    ]
    return with_segments(jpeg(), *reversed(segments))


_ALPHA = np.repeat(np.linspace(0, 255, 48).astype(np.uint8)[None], 32, axis=0)


def _over_white(image: np.ndarray, alpha: np.ndarray = _ALPHA) -> np.ndarray:
    part = alpha[..., None] / 255.0
    return image * part + 255 * (1 - part)


def _rgba(image: np.ndarray = SCENE, alpha: np.ndarray = _ALPHA) -> Image.Image:
    return Image.fromarray(np.dstack([image, alpha]))


def _keyed(depth: int, colour: int, rows: bytes, key: bytes) -> bytes:
    return png(48, 32, depth, colour, rows, before=png_chunk(b"tRNS", key))


def _white_where(image: np.ndarray, there: np.ndarray) -> np.ndarray:
    return np.where(there[..., None], 255, image)


def _two_bit_key() -> Case:
    """Grey of two bits, of which the value 1 (a third of white) is transparent."""
    values = (np.indices((32, 48))[1] // 12).astype(np.uint8)
    packed = (values.reshape(32, 12, 4) << np.array([6, 4, 2, 0], np.uint8)).sum(2).astype(np.uint8)
    grey = np.repeat((values * 85)[..., None], 3, axis=2)
    return Case(_keyed(2, GREY, png_rows(packed), b"\0\1"), _white_where(grey, values == 1))


def _transparent_gif() -> bytes:
    return saved(four_colours(), "GIF", transparency=four_colours().getpixel((0, 0)))


def _palette_alpha_png() -> Case:
    palette = bytes((200, 0, 0, 0, 200, 0))
    rows = png_rows(np.repeat(np.arange(48, dtype=np.uint8)[None] % 2, 32, axis=0))
    data = png(48, 32, 8, PALETTE, rows, before=png_chunk(b"PLTE", palette) + png_chunk(b"tRNS", bytes((51, 204))))
    expected = np.empty((32, 48, 3))
    expected[:, ::2], expected[:, 1::2] = (244, 204, 204), (51, 244 - 0, 51)
    expected[:, 1::2] = (51, 211, 51)
    return Case(data, expected, 1)


def _premultiplied_tiff(grey: bool) -> Case:
    image = SCENE[..., [1, 1, 1]] if grey else SCENE
    stored = np.round(image * (_ALPHA[..., None] / 255.0)).astype(np.uint8)
    samples = np.dstack([stored[..., :1] if grey else stored, _ALPHA])
    bits = (8,) * samples.shape[2]
    tags = tiff_tags(48, 32, bits, 1 if grey else 2, samples.size, alpha=(338, 3, (1,)))
    return Case(tiff(tags, samples.tobytes()), _over_white(image), 3)


_QUARTER = np.zeros((32, 48), bool)
_QUARTER[:16, :24] = True
CASES |= cases(
    "alpha",
    {
        "rgba_png": lambda: Case(saved(_rgba(), "PNG"), _over_white(SCENE), 1),
        "rgba_16_bit_png": lambda: Case(
            png(48, 32, 16, TRUECOLOUR_ALPHA, png_rows(_sixteen(np.dstack([SCENE, _ALPHA])))), _over_white(SCENE), 1
        ),
        "grey_alpha_png": lambda: Case(
            png(48, 32, 8, GREY_ALPHA, png_rows(np.dstack([SCENE[..., 1], _ALPHA]).reshape(32, -1))),
            _over_white(SCENE[..., [1, 1, 1]]),
            1,
        ),
        "palette_png": _palette_alpha_png,
        "colour_key_png": lambda: Case(
            _keyed(8, TRUECOLOUR, flat_rows(SCENE), struct.pack(">HHH", 200, 40, 40)), _white_where(SCENE, _QUARTER)
        ),
        "16_bit_colour_key_png": lambda: Case(
            _keyed(16, TRUECOLOUR, png_rows(_sixteen(SCENE)), struct.pack(">HHH", *(v * 257 for v in (200, 40, 40)))),
            _white_where(SCENE, _QUARTER),
        ),
        "grey_key_png": lambda: Case(
            _keyed(8, GREY, png_rows(SCENE[..., 0].copy()), struct.pack(">H", 200)),
            _white_where(SCENE[..., [0, 0, 0]], _QUARTER),
        ),
        "2_bit_grey_key_png": _two_bit_key,
        "16_bit_grey_key_png": lambda: Case(
            _keyed(16, GREY, png_rows(RAMP), struct.pack(">H", int(RAMP[3, 3]))),
            _white_where(RAMP_8, RAMP[3, 3] == RAMP),
        ),
        "p3_rgba_png": lambda: Case(saved(_rgba(), "PNG", icc_profile=p3_profile()), _over_white(p3_as_srgb(SCENE)), 2),
        "webp": lambda: Case(saved(_rgba(), "WEBP", lossless=True, exact=True), _over_white(SCENE), 1),
        "avif": lambda: Case(saved(_rgba(), "AVIF", quality=100), _over_white(SCENE), CODED + 6),
        "gif": lambda: Case(_transparent_gif(), _white_where(SCENE, _QUARTER)),
        "tiff": lambda: Case(saved(_rgba(), "TIFF"), _over_white(SCENE), 1),
        "premultiplied_tiff": lambda: _premultiplied_tiff(grey=False),
        "premultiplied_grey_tiff": lambda: _premultiplied_tiff(grey=True),
    },
)


def _sixteen(image: np.ndarray) -> np.ndarray:
    return (image.astype(np.uint16) * 257).reshape(image.shape[0], -1)
