"""Fields of an entry: several values in one, and digests that an upgrade leaves alone."""

import hashlib
import json

from hypothesis import given
from hypothesis import strategies as st

from index.generations.content import content_digest
from index.records.entries import ADDED, SEVERAL, Entry, EntryFields, join_values, split_values

VALUES = st.lists(st.text(max_size=12), max_size=8)


class TestSeveralValuesInOneField:
    @given(VALUES)
    def test_come_out_as_they_went_in_each_once(self, values):
        wanted = []
        for value in "|".join(values).split("|"):
            if value.strip() and value.strip() not in wanted:
                wanted.append(value.strip())
        assert list(split_values(join_values(values))) == wanted

    @given(st.lists(st.text(st.characters(exclude_characters="|"), min_size=1).filter(str.strip), max_size=8))
    def test_are_as_many_as_there_are_values_without_a_bar(self, values):
        assert split_values(join_values(values)) == tuple(dict.fromkeys(value.strip() for value in values))

    @given(st.text())
    def test_joining_what_was_split_changes_nothing_more(self, text):
        once = join_values([text])
        assert join_values(split_values(once)) == once == join_values([once])
        assert not any("|" in value or value != value.strip() or not value for value in split_values(text))

    def test_are_told_by_a_field(self):
        fields = EntryFields("1", brand="Luma | Nova", country="NL", made_in="")
        assert [fields.several(name) for name in ("brand", "country", "made_in")] == [("Luma", "Nova"), ("NL",), ()]
        assert set(SEVERAL) <= set(EntryFields.__dataclass_fields__)


class TestADigest:
    def test_is_what_it_was_before_there_were_more_fields(self):
        fields = EntryFields("1", title="Mug", brand="", price="3 EUR")
        former = {name: value for name, value in vars(fields).items() if name not in ADDED}
        assert fields.digest() == hashlib.sha256(json.dumps(former, sort_keys=True).encode()).hexdigest()
        entry = (7, "shop", *former.values(), ("a",))
        expected = hashlib.sha256(f"m w {content_digest.__globals__['CATALOGUE_VIEWS']}".encode())
        expected.update(repr(entry).encode() + repr([]).encode())
        assert content_digest("m", "w", [Entry(7, "catalogue", "shop", fields, ("a",))], ()) == expected.hexdigest()

    @given(st.fixed_dictionaries(dict.fromkeys(ADDED, st.sampled_from(["", "x", "y"]))), st.sampled_from(ADDED))
    def test_differs_as_soon_as_one_field_does(self, added, name):
        one = EntryFields("1", **added)
        other = EntryFields("1", **{**added, name: added[name] + "z"})
        assert one.digest() == EntryFields("1", **added).digest() != other.digest()
        first, second = (content_digest("m", "w", [Entry(1, "catalogue", "s", it, ())], ()) for it in (one, other))
        assert first != second

    def test_tells_two_fields_with_the_same_value_apart(self):
        one, other = EntryFields("1", made_in="PT"), EntryFields("1", region="PT")
        assert one.digest() != other.digest()
        first, second = (content_digest("m", "w", [Entry(1, "catalogue", "s", it, ())], ()) for it in (one, other))
        assert first != second
