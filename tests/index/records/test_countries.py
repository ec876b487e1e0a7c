"""Countries by their ISO codes."""

import pytest
from babel import Locale
from hypothesis import given
from hypothesis import strategies as st

from index.records.countries import country_code, country_name


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("NL", "NL"), ("nl", "NL"), ("Netherlands", "NL"), ("Pays-Bas", "NL"), ("Nederland", "NL"), ("UK", "GB"),
        ("United Kingdom", "GB"), ("Deutschland", "DE"), ("日本", "JP"), ("Česko", "CZ"), (" fr ", "FR"), ("USA", "US"),
    ],
)  # fmt: skip
def test_names_and_codes_are_codes(written, code):
    assert country_code(written) == code


@pytest.mark.parametrize("written", ["Benelux", "EU", "", "Atlantis"])
def test_what_is_no_country_stays_as_it_is(written):
    assert country_code(written) == written


@given(st.sampled_from(["en", "fr", "de"]), st.sampled_from(["NL", "BE", "JP", "XK", "CI", "GB"]))
def test_a_name_leads_back_to_its_code(language, code):
    assert country_code(country_name(code, language)) == code
    assert country_name(code, language) == Locale(language).territories[code]
