"""Pictures of high dynamic range: what is no brighter than an ordinary picture's white looks as that does."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
import pillow_heif
import pytest
from PIL import Image

from embedding.image.decode import decode
from embedding.image.hdr import BT2020, DISPLAY_P3, HLG, PQ, HighDynamicRange, to_sdr
from tests.fakes import render
from tests.paths import SHARED

# Linear light of BT.709 in BT.2020 (ITU-R BT.2087).
_TO_BT2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])


def light(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """The linear light of an sRGB picture, 0 to 1."""
    level = picture / 255
    return np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4)


def pq(nits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """SMPTE ST 2084, the inverse EOTF, written down from the standard."""
    power = (np.maximum(nits, 0) / 10_000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375


def hlg(nits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """ITU-R BT.2100: display light on a display of 1000 cd/m2 to the signal."""
    luminance = np.maximum(nits @ np.array([0.2627, 0.6780, 0.0593]), 1e-9)[..., None] / 1000
    scene = np.maximum(nits, 0) / 1000 * luminance ** (1 / 1.2 - 1)
    return np.where(
        scene <= 1 / 12, np.sqrt(3 * scene), 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    )


CODES = {PQ: pq, HLG: hlg}


def coded(picture: npt.NDArray[np.uint8], transfer: int, white: float = 203.0) -> npt.NDArray[np.uint16]:
    """A picture as a camera writes it: BT.2020, its white at `white` cd/m2, 16 bits."""
    nits = light(picture) @ _TO_BT2020.T * white
    return np.rint(np.clip(CODES[transfer](nits), 0, 1) * 65_535).astype(np.uint16)


def heic(samples: npt.NDArray[np.uint16], transfer: int) -> bytes:
    out = io.BytesIO()
    height, width = samples.shape[:2]
    pillow_heif.encode(
        "RGB;16", (width, height), samples.tobytes(), out, quality=95, chroma=444,
        color_primaries=BT2020, transfer_characteristics=transfer, matrix_coefficients=9, full_range_flag=1,
    )  # fmt: skip
    return out.getvalue()


def difference(one: npt.NDArray[np.uint8], two: npt.NDArray[np.uint8]) -> float:
    return float(np.abs(one.astype(float) - two).mean())


@pytest.mark.parametrize("transfer", [PQ, HLG])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_is_no_brighter_than_white_looks_as_in_srgb(transfer: int, seed: int) -> None:
    picture = render(seed)
    mapped = to_sdr(coded(picture, transfer), HighDynamicRange(transfer, BT2020))
    assert np.abs(mapped.astype(int) - picture).max() <= 3


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_eight_bits_do_too(transfer: int) -> None:
    picture = render(4)
    shallow = (coded(picture, transfer) >> 8).astype(np.uint8)
    assert difference(to_sdr(shallow, HighDynamicRange(transfer, BT2020)), picture) < 3


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_highlights_are_compressed_and_nothing_turns_over(transfer: int) -> None:
    """A ramp up to 900 cd/m2 stays a ramp, in which the shadows are as they were."""
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    mapped = to_sdr(coded(np.repeat(ramp, 8, axis=0), transfer, white=900.0), HighDynamicRange(transfer, BT2020))[4]
    assert (np.diff(mapped[:, 1].astype(int)) >= 0).all()
    assert 245 <= mapped[-1].min() <= mapped[-1].max() <= 255
    dark = light(ramp[0])[:, 1] * 900 < 40
    plain = np.rint(255 * np.interp(light(ramp[0])[:, 1] * 900 / 203, light(ramp[0])[:, 1], np.arange(256) / 255))
    assert np.abs(mapped[dark, 1] - plain[dark]).max() <= 2


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_a_heic_is_read_with_all_its_bits(transfer: int) -> None:
    picture = render(5, 128)
    assert difference(decode(heic(coded(picture, transfer), transfer)), picture) < 3


def test_a_deep_heic_of_ordinary_range_is_read_as_ever() -> None:
    picture = render(6, 128)
    out = io.BytesIO()
    samples = picture.astype(np.uint16) * 257
    pillow_heif.encode("RGB;16", (128, 128), samples.tobytes(), out, quality=95, chroma=444)
    assert difference(decode(out.getvalue()), picture) < 3


def test_other_primaries() -> None:
    grey = np.full((8, 8, 3), 128, np.uint8)
    # Grey is grey in all of them.
    for primaries in (1, BT2020, DISPLAY_P3):
        mapped = to_sdr(coded(grey, PQ), HighDynamicRange(PQ, primaries))
        assert np.abs(mapped.astype(int) - 128).max() <= 2


def test_an_avif_is_tone_mapped_too() -> None:
    picture = render(7, 128)
    out = io.BytesIO()
    Image.fromarray((coded(picture, PQ) >> 8).astype(np.uint8)).save(out, "AVIF", quality=95, subsampling="4:4:4")
    plain = out.getvalue()
    # The colour box that the encoder writes: BT.709 or unspecified, sRGB; here made BT.2020 and PQ.
    at = plain.index(b"colrnclx") + 8
    data = plain[:at] + (9).to_bytes(2, "big") + (16).to_bytes(2, "big") + plain[at + 4 :]
    assert difference(decode(data), picture) < 8
    assert difference(decode(plain), picture) > 40


def test_the_case() -> None:
    folder = SHARED / "cases" / "17-hdr-heic"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not here")
    sdr, hdr = (decode((folder / name).read_bytes()) for name in ("sdr.jpg", "hdr.heic"))
    assert difference(hdr, sdr) < 2.5
