"""Pictures whose end is missing: read where every pixel is there, refused where one is not."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from embedding.errors import ImageRefused
from embedding.image.decode import decode
from tests.fakes import render
from tests.paths import SHARED

PICTURE = render(3, 96)


def written(kind: str = "JPEG", **options: object) -> bytes:
    out = io.BytesIO()
    Image.fromarray(PICTURE).save(out, kind, **options)
    return out.getvalue()


JPEGS = {
    "baseline": written(quality=85),
    "progressive": written(quality=85, progressive=True),
    "full colour": written(quality=90, subsampling=0),
    "restarts": written(quality=85, restart_marker_rows=1),
    "grey": (lambda out: (Image.fromarray(PICTURE).convert("L").save(out, "JPEG"), out.getvalue())[1])(io.BytesIO()),
}
ENDS = {
    "no end marker": lambda data: data[:-2],
    "half of it": lambda data: data[:-1],
    "zeros instead": lambda data: data[:-2] + bytes(512),
    "zeros after half of it": lambda data: data[:-1] + bytes(300),
    "another picture behind": lambda data: data[:-2] + JPEGS["grey"],
    "ones instead": lambda data: data[:-2] + b"\xff" * 40,
}


@pytest.mark.parametrize("kind", JPEGS)
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("small_side", [None, 40])
def test_a_jpeg_without_its_end_marker_is_read_as_it_is(kind: str, end: str, small_side: int | None) -> None:
    whole = decode(JPEGS[kind], small_side=small_side)
    np.testing.assert_array_equal(decode(ENDS[end](JPEGS[kind]), small_side=small_side), whole)


@given(kind=st.sampled_from(list(JPEGS)), share=st.floats(0.35, 0.97), filled=st.sampled_from([0, 1, 600, 40_000]))
def test_a_jpeg_that_lacks_pixels_is_refused(kind: str, share: float, filled: int) -> None:
    """Also where a broken download left zeros for what it did not get."""
    data = JPEGS[kind]
    with pytest.raises(ImageRefused) as refused:
        decode(data[: int(share * len(data))] + bytes(filled))
    # Zeros in the place of the header's tables are no tables.
    assert refused.value.reason in ("truncated", "broken")


def test_a_progressive_jpeg_without_its_last_scan_is_refused() -> None:
    data = JPEGS["progressive"]
    last = data.rindex(b"\xff\xda")
    for end in (b"", b"\xff"):
        with pytest.raises(ImageRefused) as refused:
            decode(data[:last] + end)
        assert refused.value.reason == "truncated"


def test_a_png_without_its_last_chunk_is_read_as_it_is() -> None:
    data = written("PNG")
    end = data.rindex(b"IEND") - 4
    for cut in range(end, len(data)):
        np.testing.assert_array_equal(decode(data[:cut]), PICTURE)


@given(missing=st.integers(8, 2000))
def test_a_png_that_lacks_pixels_is_refused(missing: int) -> None:
    data = written("PNG")
    end = data.rindex(b"IEND") - 4
    with pytest.raises(ImageRefused) as refused:
        decode(data[: max(100, end - missing)])
    assert refused.value.reason == "truncated"


@pytest.mark.parametrize("name", ["half-eoi", "no-eoi", "progressive-no-eoi", "zeros"])
def test_the_case(name: str) -> None:
    path = SHARED / "cases" / "16-jpeg-without-end" / "feed" / f"{name}.jpg"
    if not path.is_file():
        pytest.skip(f"{path} is not here")
    data = path.read_bytes()
    # What every viewer shows: libjpeg takes an end for granted where one is put there.
    shown = np.asarray(Image.open(io.BytesIO(data.rstrip(b"\0").removesuffix(b"\xff") + b"\xff\xd9")).convert("RGB"))
    np.testing.assert_array_equal(decode(data), shown)
