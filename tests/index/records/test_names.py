"""Names of brands and retailers: one identity for every spelling, and the curators' aliases."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.errors import WorkspaceError
from index.records.names import Names, name_key


@pytest.mark.parametrize(
    "spellings",
    [
        ("Tommy Hilfiger", "TOMMY HILFIGER ®", "tommy-hilfiger", "Tommy  Hilfiger™"),
        ("H&M", "H & M", "h&m"),
        ("Citroën", "Citroe\u0308n", "CITROEN"),
        ("Straße 7", "STRASSE 7"),
        ("𝔸cme", "acme"),
    ],
)
def test_spellings_of_one_name_are_one(spellings):
    assert len({name_key(name) for name in spellings}) == 1


@pytest.mark.parametrize(("one", "other"), [("Nike", "Nika"), ("Zara", "Zara Home"), ("7 Up", "Up"), ("***", "+++")])
def test_other_names_are_not(one, other):
    assert name_key(one) != name_key(other)


@given(st.text(min_size=1))
def test_any_text_has_a_key_that_is_its_own(name):
    assert name_key(name_key(name)) == name_key(name)


def test_aliases_join_what_no_rule_could(tmp_path):
    path = tmp_path / "aliases.toml"
    path.write_text('[brands]\n"H&M" = ["Hennes & Mauritz"]\n', encoding="utf-8")
    names = Names.read(path)
    assert names.name("brands", "HENNES & MAURITZ®") == "H&M"
    assert names.key("brands", "hennes mauritz") == names.key("brands", "H & M")
    assert names.name("retailers", "Hennes & Mauritz") == "Hennes & Mauritz"


def test_without_a_file_there_are_none(tmp_path):
    assert Names.read(tmp_path / "aliases.toml") == Names()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[brands", "cannot be read"),
        ("[brand]\n", "no table is called 'brand'"),
        ('[brands]\nNike = "NIKE"\n', "must be a list of texts"),
        ("brands = 3\n", "must be a table"),
        ('[brands]\nNike = ["Swoosh"]\nAdidas = ["swoosh"]\n', "'swoosh' belongs to 'Nike' already"),
    ],
)
def test_a_file_with_a_mistake_is_refused(tmp_path, text, why):
    path = tmp_path / "aliases.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(WorkspaceError, match=why):
        Names.read(path)
