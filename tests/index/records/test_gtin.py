"""GTINs in one form, their check digits verified."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.records.gtin import check_digit, normal_gtin

# Published examples: GS1's own, ISBN 978-3-16-148410-0, a UPC-A, an EAN-8, a GTIN-14 of a pack.
KNOWN = {
    "6291041500213": "6291041500213",
    "978-3-16-148410-0": "9783161484100",
    "036000291452": "0036000291452",
    "0036000291452": "0036000291452",
    "00036000291452": "0036000291452",
    "73513537": "73513537",
    "00000073513537": "73513537",
    "15400141288763": "15400141288763",
    " 4006381333931 ": "4006381333931",
    "'4006381333931": "4006381333931",
    "4006381333931.0": "4006381333931",
    "4 006381 333931": "4006381333931",
}
BODIES = st.integers(7, 13).filter(lambda n: n in (7, 11, 12, 13)).flatmap(
    lambda n: st.text("0123456789", min_size=n, max_size=n)
)  # fmt: skip


@pytest.mark.parametrize(("written", "normal"), KNOWN.items())
def test_known_numbers(written, normal):
    assert normal_gtin(written) == normal


@given(BODIES.filter(lambda body: body.strip("0")))
def test_one_with_its_check_digit_is_taken_and_its_form_stays(body):
    number = body + check_digit(body)
    normal = normal_gtin(number)
    assert normal == normal_gtin(normal) == normal_gtin(number.zfill(14))
    assert int(normal) == int(number)
    assert len(normal) in (8, 13, 14)


@given(BODIES.filter(lambda body: body.strip("0")), st.integers(0, 12), st.integers(1, 9))
def test_a_wrong_digit_is_seen(body, place, by):
    number = list(body + check_digit(body))
    place %= len(number)
    number[place] = str((int(number[place]) + by) % 10)
    with pytest.raises(ValueError, match=r"check digit should be|all zeros"):
        normal_gtin("".join(number))


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("", "digits only"),
        ("ABC", "digits only"),
        ("4006381333931x", "digits only"),
        ("٤٠٠٦٣٨١٣٣٣٩٣١", "digits only"),
        ("4.00638E+12", "digits only"),
        ("400638133393", "check digit"),
        ("40063813339", "not 11"),
        ("400638133393100", "not 15"),
        ("0000000000000", "all zeros"),
        ("4006381333932", "should be 1"),
    ],
)
def test_what_is_none_says_why(written, why):
    with pytest.raises(ValueError, match=why):
        normal_gtin(written)


@given(st.text())
def test_any_text_is_a_number_or_refused(text):
    with suppress(ValueError):
        normal = normal_gtin(text)
        assert normal.isascii()
        assert normal.isdecimal()
        assert check_digit(normal[:-1]) == normal[-1]
