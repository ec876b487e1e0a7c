"""tdmrep.json: which paths it reserves."""

from __future__ import annotations

import fnmatch
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.sources.fetching.reservations import Reservations, reserved_by_header


def reserved(path: str, *rules: tuple[str, object]) -> bool:
    listed = [{"location": location, "tdm-reservation": value} for location, value in rules]
    return Reservations.parse(json.dumps(listed).encode()).reserve(path)


@pytest.mark.parametrize(
    ("location", "path", "expected"),
    [
        ("/", "/anything?a=1", True),
        ("/images", "/images/1.jpg", True),
        ("/images", "/other/images", False),
        ("/images/*.jpg$", "/images/a/1.jpg", True),
        ("/images/*.jpg$", "/images/a/1.jpg?x", False),
        ("/a$", "/a", True),
        ("/a$", "/ab", False),
        ("/a*", "/a", True),
        ("/caf%C3%A9", "/café", True),
        ("/caf%C3%A9", "/caf%C3%A9/1", True),
    ],
)
def test_a_location_is_a_pattern_of_paths(location: str, path: str, expected: bool) -> None:
    assert reserved(path, (location, 1)) is expected


def test_the_first_rule_that_fits_counts() -> None:
    rules = (("/public", 0), ("/", 1))
    assert not reserved("/public/1", *rules)
    assert reserved("/private", *rules)


@pytest.mark.parametrize("content", [b"<html>", b"{}", b"[1, {}]", b"\xff", b'[{"location": 3}]', b"[" * 100_000])
def test_what_is_no_tdmrep_reserves_nothing(content: bytes) -> None:
    assert not Reservations.parse(content).reserve("/")


@pytest.mark.parametrize(("value", "expected"), [("1", True), (" 1 ", True), ("0", False), ("", False), ("yes", False)])
def test_a_header_reserves_with_1(value: str, expected: bool) -> None:
    assert reserved_by_header(value) is expected


@given(st.text("ab*", max_size=8), st.text("ab", max_size=8), st.booleans())
def test_stars_stand_for_anything(pattern: str, path: str, anchored: bool) -> None:
    """fnmatch reads stars alike; where no `$` ends the pattern, anything may follow."""
    expected = fnmatch.fnmatchcase(f"/{path}", f"/{pattern}" + ("" if anchored else "*"))
    assert reserved(f"/{path}", (f"/{pattern}" + ("$" if anchored else ""), 1)) is expected


def test_many_stars_take_no_time() -> None:
    began = time.perf_counter()
    assert not reserved("/" + "a" * 4000, ("/" + "*a" * 200 + "*b$", 1))
    assert time.perf_counter() - began < 1
