"""Brands and retailers of an answer."""

import pytest

from embedding.image.regions import WHOLE
from index.generations.choice_model import ChoiceModel
from index.generations.families import Availability
from index.generations.generations import open_live
from index.jobs.reindex import reindex
from index.jobs.self_test import MIN_PRODUCTS
from index.progress import Unwatched
from index.records.entries import Entry, EntryFields
from index.records.names import Names
from index.search.answer import Candidate, Evidence, Query, QueryImage
from index.search.attribution import SIGNALS, attribute, support
from index.search.search import search
from index.workspace import Workspace
from tests.fakes import ColourEncoder, add_feed, render, write_feed


def candidate(rank, brand, score=0.5, retailers=(), collection="catalogue"):
    entry = Entry(rank, collection, "shop", EntryFields(str(rank), brand=brand), ())
    sold = Availability(1, tuple(retailers), (), "", "")
    return Candidate(rank, entry, score, None, "", Evidence((score,), None, WHOLE), sold)


# Only the best score counts: 0.9 is likely, 0.5 is not.
BY_SCORE = ChoiceModel(SIGNALS, (0.0,) * 3, (1.0,) * 3, (4.0, 0.0, 0.0), 1.0)


def test_spellings_of_one_brand_are_one_with_all_its_ranks():
    found = attribute(
        [candidate(1, "Tommy Hilfiger", 0.9), candidate(2, "Nord"), candidate(3, "TOMMY-HILFIGER ®", 0.4)],
        "brands",
        Names(),
        BY_SCORE,
    )
    assert [(one.name, one.ranks) for one in found] == [("Tommy Hilfiger", (1, 3)), ("Nord", (2,))]
    assert found[0].likelihood > 0.5
    assert found[1].likelihood < 0.1


def test_a_product_of_two_brands_speaks_for_both():
    found = attribute([candidate(1, "Lego | Disney", 0.9)], "brands", Names(), None)
    assert {one.name for one in found} == {"Lego", "Disney"}
    assert {one.likelihood for one in found} == {None}


def test_retailers_are_those_of_the_family():
    found = support([candidate(1, "Nord", retailers=("Corner shop", "CORNER SHOP", "Mall"))], "retailers", Names())
    assert sorted(found.names) == ["Corner shop", "Mall"]


def test_likelihoods_of_one_kind_never_exceed_one_together():
    everything_is_sure = ChoiceModel(SIGNALS, (0.0,) * 3, (1.0,) * 3, (0.0,) * 3, 5.0)
    found = attribute([candidate(n, f"brand {n}") for n in range(1, 5)], "brands", Names(), everything_is_sure)
    assert sum(one.likelihood for one in found) == pytest.approx(1, abs=0.01)


def test_objects_speak_for_none():
    assert attribute([candidate(1, "Nord", collection="objects")], "brands", Names(), BY_SCORE) == ()
    assert attribute([], "brands", Names(), BY_SCORE) == ()


def test_a_calibration_of_a_former_version_is_not_applied():
    former = ChoiceModel((*SIGNALS, "share"), (0.0,) * 4, (1.0,) * 4, (4.0, 0.0, 0.0, 9.0), 1.0)
    found = attribute([candidate(1, "Nord", 0.9), candidate(2, "Luma", 0.5)], "brands", Names(), former)
    assert [(one.name, one.likelihood) for one in found] == [("Nord", None), ("Luma", None)]


def test_many_products_are_no_evidence():
    few = support([candidate(1, "A"), candidate(2, "B"), candidate(3, "C")], "brands", Names())
    many = support([candidate(1, "A"), candidate(2, "B"), candidate(3, "A")], "brands", Names())
    assert many.signals[0].tolist() == few.signals[0].tolist()


def indexed(folder, brands):
    """A workspace with 90 products of one shop, of some brands in turn."""
    made = Workspace.create(folder / "workspace", "colour-64", self_test_products=MIN_PRODUCTS)
    rows = [{"product_id": f"p{n}", "title": f"Thing {n}", "brand": brands[n % len(brands)]} for n in range(90)]
    add_feed(made, "shop", "catalogue", write_feed(folder / "shop", rows, list(range(90))))
    return made


def test_a_product_without_a_brand_that_fits_better_speaks_against_all_brands():
    ahead = support([candidate(1, "Luma", 0.9), candidate(2, "", 0.5)], "brands", Names())
    behind = support([candidate(1, "", 0.9), candidate(2, "Luma", 0.5)], "brands", Names())
    margin = SIGNALS.index("margin to all others")
    assert ahead.signals[0, margin] > 0 > behind.signals[0, margin]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    made = indexed(tmp_path_factory.mktemp("brands"), ("Luma", "Nord", "Hennes & Mauritz"))
    made.aliases.write_text('[brands]\n"H&M" = ["Hennes & Mauritz"]\n', encoding="utf-8")
    reindex(made, ColourEncoder(), Unwatched())
    return made


def test_an_answer_names_the_brand_by_its_alias(workspace):
    answer = search(Query((QueryImage(render(5)),)), open_live(workspace), ColourEncoder())
    of_first = next(brand for brand in answer.brands if 1 in brand.ranks)
    assert of_first.name == "H&M"
    assert 0 < of_first.likelihood < 1


def test_what_all_products_have_in_common_has_no_likelihood(workspace, tmp_path):
    # Whatever is searched for, nothing but this brand and this shop can be found.
    answer = search(Query((QueryImage(render(5)),)), open_live(workspace), ColourEncoder())
    assert [(one.name, one.likelihood) for one in answer.retailers] == [("shop", None)]
    of_one_brand = indexed(tmp_path, ("Luma",))
    reindex(of_one_brand, ColourEncoder(), Unwatched())
    answer = search(Query((QueryImage(render(5)),)), open_live(of_one_brand), ColourEncoder())
    assert [(one.name, one.likelihood) for one in answer.brands] == [("Luma", None)]


def test_products_without_a_brand_show_when_the_only_brand_is_not_right(tmp_path):
    mixed = indexed(tmp_path, ("Luma", ""))
    reindex(mixed, ColourEncoder(), Unwatched())
    (luma,) = search(Query((QueryImage(render(5)),)), open_live(mixed), ColourEncoder()).brands
    assert 0 < luma.likelihood < 0.99


def test_a_changed_alias_is_a_new_generation_and_an_unchanged_one_is_not(workspace):
    assert not reindex(workspace, ColourEncoder(), Unwatched()).published
    workspace.aliases.write_text('[brands]\n"HM" = ["Hennes & Mauritz"]\n', encoding="utf-8")
    assert reindex(workspace, ColourEncoder(), Unwatched()).published
    answer = search(Query((QueryImage(render(5)),)), open_live(workspace), ColourEncoder())
    assert "HM" in {brand.name for brand in answer.brands}
