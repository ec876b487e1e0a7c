"""Where and when things were sold: of one object, and of a series."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.search.provenance import COVERAGE, EXPONENT, MAX_CERTAINTY, Clue, ObjectClues, exclusive, provenance

PRIOR = {"NL": 0.25, "BE": 0.25, "DE": 0.25, "FR": 0.25}


def clue(weight, *countries, shop="", made_in=(), years=None, kind="product"):
    return Clue(kind, "", weight, countries, tuple(made_in), years, frozenset({f"shop:{shop}"} if shop else ()))


def of(*clues, further=()):
    return ObjectClues("", exclusive(clues), tuple(further))


def test_one_object_is_the_mixture_of_its_candidates():
    found = provenance([of(clue(0.2, "NL", "BE"), clue(0.7, "NL"))], PRIOR).sold
    assert dict(found.values) == pytest.approx({"NL": COVERAGE * 0.8, "BE": COVERAGE * 0.1})
    assert found.unknown == pytest.approx(1 - COVERAGE * 0.9)
    assert found.told == "NL"


def test_what_a_person_decided_counts_in_full_alone_and_in_a_series():
    decided = ObjectClues("", (clue(0.95, "NL", kind="decision"),))
    assert dict(provenance([decided], PRIOR).sold.values) == pytest.approx({"NL": 0.95})
    # The others speak for nothing in particular.
    vague = [of(clue(0.1, *PRIOR, shop=shop)) for shop in "ab"]
    assert dict(provenance([decided, *vague], PRIOR).sold.values)["NL"] == pytest.approx(0.95, abs=0.01)


def test_a_series_is_less_sure_than_if_its_objects_were_independent():
    objects = [of(clue(0.4, "NL", shop=shop)) for shop in "abc"]
    pooled, independent = (provenance(objects, PRIOR, exponent).sold for exponent in (EXPONENT, 1.0))
    assert 0.4 < pooled.values[0][1] < independent.values[0][1]
    assert pooled.unknown > independent.unknown


def test_an_object_without_clues_changes_nothing_in_a_series():
    one = of(clue(0.6, "NL", shop="a"), clue(0.2, "DE", shop="b"))
    assert provenance([one, of(), of()], PRIOR) == provenance([one], PRIOR)


def test_without_evidence_everything_is_unknown():
    assert provenance([of(), of(clue(0.9))], PRIOR).sold.unknown == 1


def test_where_a_thing_is_made_is_kept_apart():
    found = provenance([of(clue(0.8, "NL", made_in=["CN"]))], PRIOR)
    assert found.sold.told == "NL"
    assert found.made.told == "CN"


def test_objects_that_agree_say_more_together():
    one = of(clue(0.35, "NL", shop="a"), clue(0.2, "DE", shop="b"))
    other = of(clue(0.35, "NL", shop="c"), clue(0.2, "FR", shop="d"))
    assert provenance([one], PRIOR).sold.told == ""
    together = provenance([one, other], PRIOR).sold
    assert together.values[0][0] == "NL"
    assert together.values[0][1] > provenance([one], PRIOR).sold.values[0][1]


def test_a_country_with_most_of_the_catalogue_gains_less_by_agreement():
    objects = [of(clue(0.4, "NL", shop="a")), of(clue(0.4, "NL", shop="b"))]
    rare, common = (provenance(objects, {"NL": share, "DE": 1 - share}).sold.values[0][1] for share in (0.05, 0.8))
    assert rare > common


def test_the_same_shop_counts_once():
    one, same = of(clue(0.45, "NL", shop="a")), of(clue(0.4, "NL", shop="a"))
    together = provenance([one, same], PRIOR)
    assert together.sold == provenance([one], PRIOR).sold
    assert [left.weight for left in together.left_out] == [0.4]
    assert provenance([one, of(clue(0.4, "NL", shop="b"))], PRIOR).sold.values[0][1] > 0.45


def test_one_objects_own_candidates_may_share_a_shop():
    assert provenance([of(clue(0.5, "NL", shop="a"), clue(0.3, "NL", shop="a"))], PRIOR).left_out == ()


def test_further_clues_multiply_with_candidates():
    barcode = Clue("barcode", "", 0.4, ("NL",))
    with_it = provenance([of(clue(0.4, "NL"), further=[barcode])], PRIOR).sold
    assert with_it.values[0][1] > provenance([of(clue(0.4, "NL"))], PRIOR).sold.values[0][1]


def test_contradictions_are_unknown_or_undecided_and_never_an_error():
    sure = [of(clue(1.0, "NL", kind="decision", shop="a")), of(clue(1.0, "DE", kind="decision", shop="b"))]
    assert provenance(sure, PRIOR).sold.unknown == 1


def test_everything_on_sale_by_a_year():
    one = of(clue(0.8, "NL", years=(2012, 2015)))
    other = of(clue(0.5, "NL", years=(2014, 2020)), clue(0.3, "NL", years=(2010, 2011)))
    found = dict(provenance([one, other], PRIOR).on_sale_by)
    assert found == pytest.approx({2010: 0, 2012: 0.8 * 0.3, 2014: 0.8 * 0.8})


COUNTRIES = st.lists(st.sampled_from(["NL", "BE", "DE", "FR", "JP"]), max_size=3, unique=True).map(tuple)
CLUES = st.builds(lambda weight, countries: clue(weight, *countries), st.floats(0, 1), COUNTRIES)


@given(st.lists(st.lists(CLUES, max_size=4), max_size=4))
def test_it_is_a_distribution_and_never_certain(objects):
    found = provenance([of(*clues) for clues in objects], PRIOR).sold
    shares = [share for _, share in found.values]
    assert sum(shares) + found.unknown == pytest.approx(1)
    assert all(share > 0 for share in shares)
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) <= MAX_CERTAINTY + 1e-9


@given(st.lists(CLUES, min_size=1, max_size=4))
def test_one_object_is_never_more_certain_than_its_evidence(clues):
    found = provenance([of(*clues)], PRIOR).sold
    evidence = sum(one.weight for one in exclusive(clues) if one.countries)
    assert sum(share for _, share in found.values) <= evidence + 1e-9
