"""The lexical index finds entries by words: misread, cut, common or rare."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.lexical.building import Document, write_lexical_index
from index.lexical.lexical_index import LexicalIndex, top
from index.lexical.words import fingerprint, gtin_word, is_exact, trigrams, words

FILLER = [f"filler{chr(97 + n % 26)}{chr(97 + n // 26)}word" for n in range(300)]


def index_of(tmp_path, documents) -> LexicalIndex:
    write_lexical_index(tmp_path / "some.words", documents)
    return LexicalIndex(tmp_path / "some.words")


def ranked(index: LexicalIndex, terms, **options) -> list[int]:
    nats, _ = index.weigh(terms if isinstance(terms, dict) else dict.fromkeys(terms, 1.0), **options)
    return index.entries[top(nats, 10, np.ones(len(nats), bool))].tolist()


@pytest.fixture
def shop(tmp_path):
    """Entry 7 carries "sommarmjölk"; all carry "milk"; 3 and 7 carry "arla"."""
    documents = [Document(n, {FILLER[n]: 1.0, "milk": 1.0}) for n in range(300)]
    documents += [Document(7, {"sommarmjolk": 1.0, "arla": 1.0}, "07" * 32), Document(3, {"arla": 1.0}, "03" * 32)]
    documents.append(Document(5, {gtin_word("7310865004703"): 1.0, "500": 0.5}))
    return index_of(tmp_path, documents)


def test_the_rarest_word_decides(shop):
    assert ranked(shop, ["arla", "milk"])[:2] == [3, 7]
    assert ranked(shop, ["arla", "sommarmjolk"])[:2] == [7, 3]


def test_a_word_that_all_entries_carry_says_nothing(shop):
    nats, most = shop.weigh({"milk": 1.0})
    assert nats.max() == 0
    assert most == 0


@pytest.mark.parametrize(
    "misread", ["sommarmiolk", "sonmarmjolk", "sommarmj0lk", "sommarmjo", "marmjolk", "sommarmjolken"]
)
def test_a_word_that_was_misread_or_cut_still_counts_but_less(shop, misread):
    exact, _ = shop.weigh({"sommarmjolk": 1.0})
    nats, _ = shop.weigh({misread: 1.0})
    place = int(np.searchsorted(shop.entries, 7))
    assert 0 < nats[place] < exact[place]
    assert ranked(shop, [misread]) == [7]


def test_numbers_are_found_only_as_they_are(shop):
    assert ranked(shop, ["500"]) == [5]
    assert ranked(shop, ["501"]) == []
    assert ranked(shop, [gtin_word("7310865004703")]) == [5]
    assert ranked(shop, [gtin_word("7310865004704")]) == []


def test_an_unsure_word_counts_less(shop):
    sure, _ = shop.weigh({"arla": 1.0})
    unsure, _ = shop.weigh({"arla": 0.5})
    assert np.allclose(unsure, sure / 2)


def test_text_of_an_image_that_may_not_answer_does_not_count(shop):
    assert ranked(shop, ["arla"]) == [3, 7]
    assert ranked(shop, ["arla"], without_images=["07" * 32]) == [3]
    assert ranked(shop, ["arla"], without_images=["07" * 32, "ff" * 32, "00" * 32]) == [3]


def test_only_allowed_places_are_on_top(shop):
    nats, _ = shop.weigh({"arla": 1.0})
    assert shop.entries[top(nats, 10, shop.entries == 7)].tolist() == [7]
    assert len(top(nats, 1, np.ones(len(nats), bool))) == 1


def test_an_empty_index_finds_nothing(tmp_path):
    index = index_of(tmp_path, [])
    assert len(index.entries) == 0
    assert index.weigh({"arla": 1.0, "12": 1.0})[1] == 0


def test_a_damaged_file_is_no_index(tmp_path):
    (tmp_path / "some.words").write_bytes(b"junk")
    with pytest.raises(ValueError, match="cannot be read"):
        LexicalIndex(tmp_path / "some.words")


def test_words_are_folded_and_split():
    assert list(words("Crème BRÛLÉE, 500g – I ❤ New-York")) == ["creme", "brulee", "500g", "new", "york"]
    assert list(words("Softly℠ 𝐋𝐔𝐌𝐀")) == ["softlysm", "luma"]
    assert list(words("<b>牛奶</b> мыло עִבְרִית")) == ["牛奶", "мыло", "עברית"]


@given(st.text(max_size=60))
def test_any_text_has_words_that_are_their_own(text):
    for word in words(text):
        assert list(words(word)) in ([word], []) or not word.isascii()
        assert is_exact(word) or len(trigrams(word)) >= 1
        assert 0 <= fingerprint(word) < 2**64


@given(st.lists(st.dictionaries(st.text("abcdé", min_size=3, max_size=8), st.floats(0.01, 1)), max_size=8))
def test_every_entry_is_found_by_its_words(tmp_path_factory, documents):
    """Whatever the documents: an entry's own words never say less of it than of one without any of them."""
    path = tmp_path_factory.mktemp("words") / "any.words"
    write_lexical_index(path, [Document(n, weights) for n, weights in enumerate(documents)])
    index = LexicalIndex(path)
    for weights in documents:
        nats, most = index.weigh(dict.fromkeys(weights, 1.0))
        assert len(nats) == len(index.entries)
        assert (nats >= 0).all()
        assert nats.max(initial=0) <= most + 1e-4
