"""What the container readers find out about a file without decoding it, and what they keep of it."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from embedding.image.containers.exif import orientation
from embedding.image.containers.sniff import bare_picture
from tests.embedding.image.hostile import CASES
from tests.embedding.image.picture_bytes import exif_block, saved, scene, tiff, tiff_tags
from tests.embedding.image.picture_cases import heic, jpeg, png_with


@pytest.mark.parametrize(
    ("mode", "options", "needed"),
    [
        ("RGB", {"subsampling": 0}, 4),
        ("RGB", {"progressive": True, "subsampling": 0}, 4 + 6),
        ("RGB", {"progressive": True, "subsampling": 2}, 4 + 3),
        ("L", {"progressive": True}, 4 + 2),
        ("CMYK", {"progressive": True}, 4 + 8),
    ],
)
def test_a_progressive_jpeg_needs_memory_for_its_coefficients(mode, options, needed):
    bare = bare_picture(saved(Image.fromarray(scene()).convert(mode), "JPEG", **options))
    assert bare.decoding_bytes == needed
    assert bare.size == (48, 32)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (48, 32), (64, 64), (65, 300), (1000, 17)])
@pytest.mark.parametrize("alpha", [False, True])
def test_the_size_of_av1_frames_is_read_from_the_frames(width, height, alpha):
    picture = Image.new("RGBA" if alpha else "RGB", (width, height), (1, 2, 3, 100)[: 3 + alpha])
    bare = bare_picture(saved(picture, "AVIF", speed=10))
    assert bare.extra_bytes == 8 * width * height * (1 + alpha)


def test_moving_av1_counts_at_least_its_frames():
    frames = [Image.new("RGB", (100, 60), (shade, 0, 0)) for shade in (10, 200)]
    bare = bare_picture(saved(frames[0], "AVIF", save_all=True, append_images=frames[1:], duration=50))
    assert bare.data[8:12] == b"avif"
    # With a full sequence header a frame may be as large as its bits allow: up to twice each side.
    assert 8 * 100 * 60 <= bare.extra_bytes <= 8 * 200 * 120


def test_a_heic_is_measured_by_its_coded_size():
    """48 x 32 pixels are coded as a square of 64 and cut: the square is what decoding costs."""
    assert bare_picture(heic(scene(64, 64))).extra_bytes == 64 * 64 * 10
    assert bare_picture(heic(scene(48, 32))).extra_bytes >= 48 * 32 * 10
    assert bare_picture(CASES["depth_10_bit_heic"]().data).extra_bytes >= 48 * 32 * 16


# Pillow does not parse the metadata of WebP, and a refused file reaches no decoder.
WITH_METADATA = [
    name
    for name, maker in CASES.items()
    if name.startswith(("way_up", "metadata", "colour_p3"))
    and "webp" not in name
    and not isinstance(maker().outcome, str)
]


@pytest.mark.parametrize("name", WITH_METADATA)
def test_the_decoder_gets_no_metadata(name):
    bare = bare_picture(CASES[name]().data)
    if bare.format in ("AVIF", "HEIC"):
        # The items stay in place, but their type is no longer that of metadata.
        assert not re.search(rb"infe.{8}(Exif|mime)", bare.data, re.DOTALL)
    elif bare.format != "TIFF":
        for word in (b"Exif", b"eXIf", b"zTXt", b"iTXt", b"iCCP", b"ICC_PROFILE"):
            assert word not in bare.data


def test_what_follows_a_picture_is_cut_off():
    tail = b"PK\3\4 and so on"
    for data in (jpeg(), png_with(), saved(scene(), "WEBP")):
        assert bare_picture(data).data == bare_picture(data + tail).data


def test_a_tiff_keeps_the_tags_of_its_pixels_and_no_others():
    tags = tiff_tags(
        48, 32, (8, 8, 8), 2, 4608, make=(271, 3, (1, 2, 3, 4)), exif=(34665, 4, (8,)), gps=(34853, 4, (8,))
    )
    bare = bare_picture(tiff(tags, scene().tobytes(), following=8))
    at = int.from_bytes(bare.data[4:8], "little")
    count = int.from_bytes(bare.data[at : at + 2], "little")
    kept = [int.from_bytes(bare.data[at + 2 + 12 * n :][:2], "little") for n in range(count)]
    assert kept == [256, 257, 258, 259, 262, 273, 277, 278, 279]
    assert bare.data[at + 2 + 12 * count :][:4] == bytes(4)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("value", range(12))
@pytest.mark.parametrize("prefix", [b"", b"Exif\0\0", b"Exif\0\0Exif\0\0"])
def test_the_orientation_is_read(order, value, prefix):
    assert orientation(prefix + exif_block(value, order)) == (value if 1 <= value <= 8 else 1)


@given(block=st.binary(max_size=200), start=st.sampled_from([b"", b"II*\0", b"MM\0*", b"Exif\0\0II*\0\x08\0\0\0"]))
@settings(max_examples=200)
def test_any_exif_has_an_orientation(block, start):
    assert 1 <= orientation(start + block) <= 8


def test_every_plain_picture_has_its_size_or_leaves_it_to_the_decoder():
    for name in (name for name in CASES if name.startswith("plain")):
        bare = bare_picture(CASES[name]().data)
        assert bare.size == ((48, 32) if bare.format not in ("AVIF", "HEIC") else None)
        assert not bare.truncated
