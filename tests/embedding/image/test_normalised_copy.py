"""The image store's copies: bounded in size, faithful, and without metadata."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from embedding.image.decode import decode
from embedding.image.normalised_copy import normalised_copy
from tests.embedding.image.picture_bytes import exif_block, p3_profile, saved, scene
from tests.embedding.image.picture_cases import CODED, middles


def segments(jpeg):
    """The markers before the first scan."""
    at, markers = 2, []
    while jpeg[at + 1] != 0xDA:
        markers.append(jpeg[at + 1])
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
    return markers


@given(width=st.integers(1, 400), height=st.integers(1, 400), long_side=st.integers(1, 300))
@settings(max_examples=60)
def test_the_long_side_is_bounded_and_nothing_is_enlarged(width, height, long_side):
    copy = decode(normalised_copy(scene(width, height), long_side))
    longest = max(width, height)
    if longest <= long_side:
        assert copy.shape == (height, width, 3)
    else:
        assert max(copy.shape[:2]) == long_side
        assert abs(copy.shape[0] - height * long_side / longest) <= 1
        assert abs(copy.shape[1] - width * long_side / longest) <= 1


def test_it_is_the_same_picture():
    copy = decode(normalised_copy(scene(2000, 1500)))
    assert copy.shape == (768, 1024, 3)
    assert np.abs(middles(copy).astype(int) - middles(scene())).max() <= CODED


def test_it_has_nothing_of_the_original_but_its_pixels():
    original = saved(
        scene(),
        "JPEG",
        exif=b"Exif\0\0" + exif_block(6),
        icc_profile=p3_profile(),
        comment=b"taken at home",
        quality=95,
    )
    copy = normalised_copy(decode(original))
    # JFIF, quantisation, frame and Huffman tables.
    assert set(segments(copy)) <= {0xE0, 0xDB, 0xC0, 0xC4}
    for word in (b"Exif", b"ICC_PROFILE", b"taken", b"http", b"Adobe"):
        assert word not in copy
    picture = Image.open(io.BytesIO(copy))
    assert picture.mode == "RGB"
    assert not set(picture.info) & {"exif", "icc_profile", "comment", "xmp"}


def test_the_same_picture_gives_the_same_bytes():
    assert normalised_copy(scene(300, 200)) == normalised_copy(scene(300, 200))


@pytest.mark.parametrize(("width", "height"), [(1, 20_000), (20_000, 1), (1, 1)])
def test_very_thin_pictures_keep_at_least_a_pixel(width, height):
    copy = decode(normalised_copy(np.full((height, width, 3), 90, np.uint8)))
    assert min(copy.shape[:2]) == 1
    assert max(copy.shape[:2]) == min(1024, max(width, height))
    assert np.abs(copy.astype(int) - 90).max() <= 2


def test_a_higher_quality_is_closer_to_the_original():
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    far, near = (np.abs(decode(normalised_copy(image, quality=q)).astype(int) - image).mean() for q in (50, 95))
    assert near < far
