"""Decoding: every file gives the right picture or a refusal, whatever its bytes are."""

import contextlib
import io
import warnings
from concurrent.futures import ThreadPoolExecutor
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageFile, ImageOps

from embedding.errors import ImageRefused
from embedding.image.containers.sniff import bare_picture
from embedding.image.decode import DecodeLimits, decode
from tests.embedding.image.hostile import CASES, CODED, SCENE, middles
from tests.embedding.image.picture_bytes import saved, scene
from tests.embedding.image.picture_cases import jpeg, jpeg_of_size, png_of_size
from tests.paths import SHARED

PLAIN = sorted(name for name in CASES if name.startswith("plain_"))


@pytest.mark.parametrize("name", sorted(CASES))
@pytest.mark.filterwarnings("error")
def test_each_file_gives_its_picture_or_its_refusal(name):
    case = CASES[name]()
    if isinstance(case.outcome, str):
        with pytest.raises(ImageRefused) as refused:
            decode(case.data)
        assert refused.value.reason == case.outcome, str(refused.value)
        assert len(str(refused.value)) > 30
        assert "\n" not in str(refused.value)
        return
    image = decode(case.data)
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous
    assert image.flags.writeable
    assert image.shape == case.outcome.shape
    got, wanted = image.astype(float), np.asarray(case.outcome, float)
    if case.tolerance >= CODED and min(image.shape[:2]) > 8:
        got, wanted = middles(got), middles(wanted)
    assert np.abs(got - wanted).max() <= case.tolerance


def test_there_are_over_thirty_hostile_files_and_each_reason_occurs():
    outcomes = [maker().outcome for maker in CASES.values()]
    reasons = {outcome for outcome in outcomes if isinstance(outcome, str)}
    assert len(outcomes) > 250
    assert reasons == {
        *("empty", "too_large_bytes", "unknown_format", "too_long_side", "too_many_pixels", "too_much_memory"),
        *("truncated", "unsupported", "broken"),
    }


# Limits


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (DecodeLimits(bytes=50), "too_large_bytes"),
        (DecodeLimits(pixels=48 * 32 - 1), "too_many_pixels"),
        (DecodeLimits(side=47), "too_long_side"),
        (DecodeLimits(memory=48 * 32 * 7), "too_much_memory"),
    ],
)
@pytest.mark.parametrize("name", PLAIN)
def test_limits_hold_for_every_format(name, limits, reason):
    with pytest.raises(ImageRefused) as refused:
        decode(CASES[name]().data, limits=limits)
    assert refused.value.reason == reason


def test_limits_are_inclusive():
    data = saved(SCENE, "PNG")
    assert decode(data, limits=DecodeLimits(bytes=len(data), pixels=48 * 32, side=48)).shape == (32, 48, 3)


@pytest.mark.parametrize("small_side", [1, 100])
def test_a_reduced_decode_does_not_bypass_the_limits(small_side):
    with pytest.raises(ImageRefused) as refused:
        decode(jpeg_of_size(20_000, 20_000), small_side=small_side)
    assert refused.value.reason == "too_many_pixels"


def test_limits_are_checked_before_decoding(monkeypatch):
    """Without any decoder, what is too large is still refused for its size."""
    monkeypatch.setattr("embedding.image.decode._DECODERS", {})
    for data in (png_of_size(30_000, 30_000), jpeg_of_size(60_000, 60_000)):
        with pytest.raises(ImageRefused) as refused:
            decode(data)
        assert refused.value.reason.startswith("too_")


@pytest.mark.parametrize("name", PLAIN)
def test_pillows_own_limit_neither_warns_nor_refuses(name, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    case = CASES[name]()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert decode(case.data).shape == SCENE.shape


# Reduced decoding


@given(
    width=st.integers(1, 700),
    height=st.integers(1, 700),
    small_side=st.integers(1, 400),
    grey=st.booleans(),
    progressive=st.booleans(),
)
@settings(max_examples=60)
def test_a_reduced_jpeg_is_as_large_as_is_needed(width, height, small_side, grey, progressive):
    picture = Image.fromarray(scene(width, height)).convert("L" if grey else "RGB")
    data = saved(picture, "JPEG", progressive=progressive)
    reduced = decode(data, small_side=small_side)
    short = min(width, height)
    assert min(reduced.shape[:2]) >= min(short, small_side)
    # An eighth is the least that the format offers; a half is taken wherever it is enough (its size rounds up).
    assert min(reduced.shape[:2]) <= 2 * small_side or reduced.shape[:2] in (
        (height, width),
        (-(-height // 8), -(-width // 8)),
    )
    assert abs(reduced.shape[0] * width - reduced.shape[1] * height) <= 8 * max(width, height)


def test_a_reduced_jpeg_is_the_same_picture():
    y, x = np.mgrid[0:800, 0:1200] / 60.0
    image = np.stack([128 + 100 * np.sin(x), 128 + 100 * np.cos(y), 128 + 80 * np.sin(x + y)], 2).astype(np.uint8)
    data = saved(image, "JPEG", quality=92)
    reduced = decode(data, small_side=200)
    assert reduced.shape == (200, 300, 3)
    box = decode(data).reshape(200, 4, 300, 4, 3).mean((1, 3))
    assert np.abs(reduced - box).mean() < 1.5


@pytest.mark.parametrize("name", [name for name in PLAIN if "jpeg" not in name or "tiff" in name])
def test_other_formats_come_in_full_size(name):
    assert decode(CASES[name]().data, small_side=4).shape == SCENE.shape


def test_a_rotated_reduced_jpeg_is_upright():
    stored = np.ascontiguousarray(np.rot90(scene(480, 320), 1))
    data = saved(stored, "JPEG", quality=95, exif=b"Exif\0\0MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0")
    reduced = decode(data, small_side=32)
    assert reduced.shape == (40, 60, 3)
    assert np.abs(middles(reduced).astype(int) - middles(SCENE)).max() <= CODED


# Pictures that end too early


@pytest.mark.parametrize("name", [n for n in sorted(CASES) if n.startswith("cut_") and "_at_" in n])
def test_the_first_part_of_a_cut_picture_is_decoded_if_allowed(name):
    data = CASES[name]().data
    if any(word in name for word in ("webp", "avif", "heic", "deflated_tiff")):
        # These decoders return nothing, and this TIFF has lost its directory.
        with pytest.raises(ImageRefused) as refused:
            decode(data, allow_truncated=True)
        assert refused.value.reason == "truncated"
    else:
        assert decode(data, allow_truncated=True).shape == (64, 64, 3)


@pytest.mark.parametrize(
    ("format_", "options"), [("JPEG", {"quality": 95}), ("PNG", {}), ("GIF", {}), ("BMP", {}), ("TIFF", {})]
)
def test_the_part_before_the_cut_is_right(format_, options):
    y, x = np.mgrid[0:160, 0:160]
    image = np.stack([x, y, (x * 7 + y * 13) % 256], 2).astype(np.uint8) // 32 * 32
    data = saved(image, format_, **options)
    whole = decode(data)
    data = data[: int(len(data) * 0.7)]
    with pytest.raises(ImageRefused) as refused:
        decode(data)
    assert refused.value.reason == "truncated"
    part = decode(data, allow_truncated=True)
    assert part.shape == whole.shape
    rows = slice(130, 160) if format_ == "BMP" else slice(0, 30)
    assert np.array_equal(part[rows], whole[rows])
    assert not np.array_equal(part, whole)


def test_threads_do_not_disturb_each_other():
    """Cut pictures are allowed in some threads and refused in others, at the same time."""
    whole = CASES["plain_png"]().data
    cut = CASES["cut_png_at_0.5"]().data
    cut_jpeg = CASES["cut_jpeg_at_0.5"]().data

    def job(number):
        if number % 4 == 0:
            return decode(cut, allow_truncated=True).sum()
        if number % 4 == 1:
            with pytest.raises(ImageRefused, match="ends before"):
                decode(cut)
            return 0
        if number % 4 == 2:
            with pytest.raises(ImageRefused, match="ends before"):
                decode(cut_jpeg)
            return decode(cut_jpeg, allow_truncated=True).sum()
        return decode(whole).sum()

    alone = [job(number) for number in range(4)]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(job, range(400)))
    assert together == alone * 100
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


# Whatever the bytes are


def _harmless(data):
    """Decode with and without allow_truncated; anything but a picture or a refusal is a failure.

    The container is read by itself too: decode would call anything that its reader raises a refusal.
    """
    with contextlib.suppress(ImageRefused):
        bare_picture(data)
    for allow_truncated in (False, True):
        for small_side in (None, 8):
            with contextlib.suppress(ImageRefused):
                image = decode(data, allow_truncated=allow_truncated, small_side=small_side)
                assert image.dtype == np.uint8
                assert image.ndim == 3
                assert image.shape[2] == 3
                assert min(image.shape) > 0


SEEDS = sorted(
    name
    for name, maker in CASES.items()
    if isinstance(maker().outcome, np.ndarray)
    and len(maker().data) < 20_000
    and not name.startswith(("odd_shape", "way_up_2", "way_up_3", "way_up_4", "way_up_5", "way_up_7"))
)


@given(name=st.sampled_from(SEEDS), part=st.floats(0, 1))
@settings(max_examples=100)
@pytest.mark.filterwarnings("error")
def test_a_picture_cut_anywhere_is_harmless(name, part):
    data = CASES[name]().data
    _harmless(data[: int(len(data) * part)])


@given(
    name=st.sampled_from(SEEDS),
    flips=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), min_size=1, max_size=6),
    only_the_beginning=st.booleans(),
)
@settings(max_examples=120)
@pytest.mark.filterwarnings("error")
def test_a_picture_with_flipped_bits_is_harmless(name, flips, only_the_beginning):
    data = bytearray(CASES[name]().data)
    reach = min(len(data), 200) if only_the_beginning else len(data)
    for place, bits in flips:
        data[int(place * reach)] ^= bits
    _harmless(bytes(data))


@given(name=st.sampled_from(SEEDS), at=st.floats(0, 1), piece=st.binary(max_size=40), size=st.integers(0, 40))
@settings(max_examples=80)
@pytest.mark.filterwarnings("error")
def test_a_picture_with_bytes_inserted_or_removed_is_harmless(name, at, piece, size):
    data = CASES[name]().data
    place = int(at * len(data))
    _harmless(data[:place] + piece + data[place + size :])


SIGNATURES = [
    *(b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF\xff\0\0\0WEBPVP8X", b"BM"),
    *(b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b"II+\0\x08\0\0\0"),
    *(b"\0\0\0\x18ftypavif", b"\0\0\0\x18ftypheic"),
]


@given(
    start=st.sampled_from(SIGNATURES),
    rest=st.binary(max_size=400),
)
@settings(max_examples=200)
@pytest.mark.filterwarnings("error")
def test_noise_behind_any_signature_is_harmless(start, rest):
    _harmless(start + rest)


_NUMBERS = (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\xff\xff", b"\x80\0\0\0")


def _mutated(data, random):
    """One to ten changes, half of them near the beginning, where the headers are."""
    data = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 4, 10))):
        at = random.randrange(1 + (len(data) if random.random() < 0.5 else min(len(data), 300)))
        match random.randrange(5):
            case 0:
                data[at : at + 1] = bytes(byte ^ 1 << random.randrange(8) for byte in data[at : at + 1])
            case 1:
                data[at : at + 4] = random.choice(_NUMBERS)
            case 2:
                del data[at : at + random.randrange(1, 40)]
            case 3:
                start = random.randrange(len(data) + 1)
                data[at:at] = data[start : start + random.randrange(1, 200)]
            case _:
                data[at:at] = random.randbytes(random.randrange(1, 20))
    return bytes(data)


@pytest.mark.slow
@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("seed", range(4))
def test_ten_thousand_mutated_files_are_harmless(seed):
    random = Random(seed)
    files = [maker().data for maker in CASES.values() if len(maker().data) < 60_000]
    for _ in range(2_500):
        _harmless(_mutated(random.choice(files), random))


@pytest.mark.parametrize("folder", ["grocery/store", "grocery/catalogue", "magento/catalogue", "clothing/photos"])
def test_real_pictures_equal_pillows(folder):
    paths = sorted((SHARED / "data" / folder).glob("*.jpg"))
    if not paths:
        pytest.skip(f"the pictures of {folder} are not here")
    for path in paths[:: max(1, len(paths) // 15)]:
        picture = Image.open(path)
        profile = picture.info.get("icc_profile")
        upright = ImageOps.exif_transpose(picture).convert("RGB")
        if profile:
            device = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            upright = ImageCms.profileToProfile(upright, device, ImageCms.createProfile("sRGB"), outputMode="RGB")
        image = decode(path.read_bytes()).astype(int)
        assert image.shape == np.asarray(upright).shape
        # A profile that is sRGB to within a level is left out.
        assert np.abs(image - np.asarray(upright)).max() <= (1 if profile else 0)


def test_the_same_bytes_give_the_same_picture():
    data = jpeg()
    assert np.array_equal(decode(data), decode(data))
