"""Barcodes and QR codes are read off rendered pictures; what is not read twice is not believed."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from embedding.text.barcodes import read_codes
from embedding.text.gs1 import registered_with
from tests.written import barcode, rotated

pytest.importorskip("zxingcpp")


@pytest.mark.parametrize(
    ("kind", "content", "width", "named"),
    [
        ("EAN13", "7310865004703", 240, "EAN-13"),
        ("EAN8", "96385074", 160, "EAN-8"),
        ("UPCA", "036000291452", 240, "UPC-A"),
        ("Code128", "SKU-0815", 260, "Code 128"),
        ("QRCode", "https://example.org/p/1", 160, "QR"),
    ],
)
@pytest.mark.parametrize("degrees", [0, 33, 90, 180])
def test_each_kind_is_read_in_any_position(kind, content, width, named, degrees):
    codes = read_codes(rotated(barcode(content, width, kind), degrees))
    # A UPC-A is an EAN-13 that begins with a zero.
    found = {(code.kind, code.content.lstrip("0")) for code in codes}
    assert found & {(named, content.lstrip("0")), ("EAN-13", content.lstrip("0"))}


def test_a_small_barcode_is_read_nearly_always():
    generator = np.random.default_rng(0)
    read = wrong = 0
    for _ in range(40):
        number = _ean(generator)
        picture = rotated(barcode(number, 120), float(generator.uniform(-15, 15)))
        noisy = np.clip(40 + 0.7 * picture + generator.normal(0, 3, picture.shape), 0, 255).astype(np.uint8)
        jpeg = cv2.imdecode(cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, 90])[1], cv2.IMREAD_COLOR)
        contents = {code.content for code in read_codes(np.asarray(jpeg, np.uint8))}
        read += number in contents
        wrong += bool(contents - {number})
    assert read >= 38
    assert wrong == 0


def test_a_picture_without_a_code_has_none():
    noise = np.random.default_rng(0).integers(0, 256, (800, 800, 3), np.uint8)
    assert read_codes(noise) == ()
    assert read_codes(np.full((3, 2, 3), 255, np.uint8)) == ()


def test_the_prefix_tells_where_a_company_registered():
    assert registered_with("7310865004703") == "GS1 Sweden"
    assert registered_with("3017620422003") == "GS1 France"
    assert registered_with("0036000291452") == "GS1 US"
    # For use within a shop; a book; an EAN-8; no number.
    assert [registered_with(n) for n in ("2000000000008", "9783161484100", "96385074", "")] == ["", "", "", ""]


def _ean(generator: np.random.Generator) -> str:
    digits = "73" + "".join(str(int(digit)) for digit in generator.integers(0, 10, 10))
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits))
    return digits + str(-total % 10)
