"""A search: boxes, several pictures, text, filters."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedding.image.regions import Region
from index.errors import FilterInvalid, GenerationError, QueryInvalid
from index.generations.generations import open_live
from index.jobs.reindex import reindex
from index.jobs.self_test import MIN_PRODUCTS
from index.progress import Unwatched
from index.records.filters import KEYS, Filter
from index.search.answer import MAX_IMAGES, Query, QueryImage
from index.search.likelihood import MIN_FILTERED, VERDICT_THRESHOLD
from index.search.search import search
from index.workspace import Workspace
from service.app.responses import answer_response
from tests.fakes import ColourEncoder, add_feed, render, write_feed

BRANDS = ("Luma", "Nord", "Été")


class TextEncoder(ColourEncoder):
    """Understands the text "like 7": the vector of the picture with that seed."""

    def encode_texts(self, texts):
        return self.encode_images(np.stack([render(int(text.split()[-1]), 32) for text in texts]))


@pytest.fixture(scope="module")
def generation(tmp_path_factory):
    folder = tmp_path_factory.mktemp("search")
    workspace = Workspace.create(folder / "workspace", "colour-64", self_test_products=MIN_PRODUCTS)
    rows = [
        {
            "product_id": f"p{seed}",
            "title": f"Thing {seed}",
            "brand": BRANDS[seed % 3],
            "category": ("Bags", "Bags/Backpacks", "Bags > Totes", "Bagsy")[seed % 4],
            "retailer": "Corner shop",
            "country": ("FR", "DE")[seed % 2],
            "link": f"https://example.org/{seed}",
            "first_seen": f"20{10 + seed % 10}-01-01",
        }
        for seed in range(400)
    ]
    add_feed(workspace, "shop", "catalogue", write_feed(folder / "shop", rows, list(range(400))))
    reindex(workspace, ColourEncoder(), Unwatched())
    return open_live(workspace)


def run_search(generation, *pictures, encoder=None, **query):
    images = tuple(QueryImage(picture) for picture in pictures)
    return search(Query(images, **query), generation, encoder or ColourEncoder())


def ids(answer):
    return [candidate.entry.fields.entry_id for candidate in answer.candidates]


def test_the_answer_is_stamped_and_ranked(generation):
    answer = run_search(generation, render(5), limit=7)
    assert ids(answer)[0] == "p5"
    assert [candidate.rank for candidate in answer.candidates] == list(range(1, 8))
    scores = [candidate.score for candidate in answer.candidates]
    assert scores == sorted(scores, reverse=True)
    assert (answer.generation, answer.model) == (1, "colour-64")


def test_the_verdict_follows_the_best_likelihood(generation):
    likelihoods = [candidate.likelihood for candidate in run_search(generation, render(5)).candidates]
    assert all(0 < likelihood < 1 for likelihood in likelihoods)
    assert likelihoods[0] == max(likelihoods)
    for seed in range(20):
        answer = run_search(generation, render(seed))
        best = max(candidate.likelihood for candidate in answer.candidates)
        assert answer.verdict == ("candidates" if best >= VERDICT_THRESHOLD else "no good match")


def test_the_likelihood_does_not_depend_on_how_many_candidates_are_asked_for(generation):
    # Alone, the first candidate would seem far ahead of any other.
    for seed in range(5):
        first, whole = (run_search(generation, render(seed), limit=limit) for limit in (1, 7))
        assert first.candidates[0].likelihood == whole.candidates[0].likelihood
        assert first.verdict == whole.verdict


def test_filters_that_leave_no_rivals_leave_no_likelihood(generation):
    narrow = map(Filter.parse, ("brand=Luma", "country=DE", "category=Bags/Backpacks", "seen_before=2011-06-01"))
    few = run_search(generation, render(21), filters=tuple(narrow))
    assert 0 < len(few.candidates) < MIN_FILTERED
    assert {candidate.likelihood for candidate in few.candidates} == {None}
    many = run_search(generation, render(5), filters=(Filter("brand", "Luma"),))
    assert None not in {candidate.likelihood for candidate in many.candidates}


def test_answers_of_another_kind_than_the_calibration_was_fitted_on_have_no_likelihood(generation, monkeypatch):
    assert {one.likelihood for one in run_search(generation, text="like 7", encoder=TextEncoder()).candidates} == {None}
    monkeypatch.setattr(generation, "likelihood", replace(generation.likelihood, reranked=True))
    answer = run_search(generation, render(5))
    assert {one.likelihood for one in answer.candidates} == {None}
    assert answer.verdict == "candidates"


def test_the_self_test_is_in_the_manifest(generation):
    self_test = generation.manifest.self_test
    assert self_test.products == MIN_PRODUCTS
    assert 0 <= self_test.recall_at_1 <= self_test.recall_at_5 <= self_test.recall_at_10 <= 1


def test_the_json_keeps_its_contract(generation):
    response = answer_response(run_search(generation, render(5), limit=1)).model_dump()
    assert {"query_id", "verdict", "generation", "model", "candidates"} <= set(response)
    contract = ("rank", "product_id", "title", "brand", "retailer", "link", "score", "likelihood", "image", "evidence")
    assert tuple(response["candidates"][0])[: len(contract)] == contract
    assert response["candidates"][0]["link"] == "https://example.org/5"


def test_the_same_question_gives_the_same_bytes(generation):
    one, two = (answer_response(run_search(generation, render(9), render(11), limit=50)).model_dump() for _ in range(2))
    assert one.pop("query_id") != two.pop("query_id")
    assert one == two


def test_a_box_restricts_the_search_to_the_object(generation):
    cluttered = np.concatenate([render(5), render(900), render(901)], axis=1)
    boxed = Query((QueryImage(cluttered, Region(0, 0, 1 / 3, 1)),))
    assert ids(search(boxed, generation, ColourEncoder()))[0] == "p5"


def test_several_pictures_of_one_object_are_searched_together(generation):
    random = np.random.default_rng(0)
    noisy = [
        np.clip(render(5).astype(int) + random.integers(-110, 110, (96, 96, 3)), 0, 255).astype(np.uint8)
        for _ in range(8)
    ]
    assert ids(run_search(generation, *noisy))[0] == "p5"


def test_text_alone_and_text_with_a_picture(generation):
    assert ids(run_search(generation, text="like 7", encoder=TextEncoder()))[0] == "p7"
    both = run_search(generation, render(5), text="like 7", encoder=TextEncoder(), limit=20)
    assert {"p5", "p7"} <= set(ids(both)[:3])
    assert both.candidates[0].evidence.text_similarity is not None


def test_words_are_found_in_records_by_a_model_without_a_text_side(generation):
    assert ids(run_search(generation, text="thing 217"))[0] == "p217"


@pytest.mark.parametrize(
    ("filters", "right"),
    [
        (["brand=luma"], lambda seed: seed % 3 == 0),
        (["brand=Luma", "brand=été"], lambda seed: seed % 3 in (0, 2)),
        (["brand=Luma", "country=de"], lambda seed: seed % 3 == 0 and seed % 2 == 1),
        (["category=bags"], lambda seed: seed % 4 != 3),
        (["category=Bags/Backpacks"], lambda seed: seed % 4 == 1),
        (["seen_before=2012-06-01"], lambda seed: seed % 10 <= 2),
        (["retailer=Corner shop", "source=shop", "status=current"], lambda seed: True),
        (["seen_after=2030-01-01"], lambda seed: True),
    ],
)
def test_a_filter_never_empties_a_list_that_has_matches(generation, filters, right):
    answer = run_search(generation, render(1000), filters=tuple(map(Filter.parse, filters)), limit=200)
    expected = [seed for seed in range(400) if right(seed)]
    assert len(answer.candidates) == min(200, len(expected))
    assert {int(name[1:]) for name in ids(answer)} <= set(expected)


def test_a_filter_without_matches_gives_no_good_match(generation):
    answer = run_search(generation, render(5), filters=(Filter("brand", "Nobody"),))
    assert (answer.verdict, answer.candidates) == ("no good match", ())


def test_an_image_can_be_left_out(generation):
    itself = run_search(generation, render(5)).candidates[0].image
    again = run_search(generation, render(5), without_images=(itself,))
    assert "p5" not in ids(again)
    assert len(again.candidates) == 10


def test_a_generation_of_another_model_is_refused(generation):
    with pytest.raises(GenerationError, match="re-index"):
        run_search(generation, render(5), encoder=ColourEncoder("another"))


@pytest.mark.parametrize("text", ["brand", "brand=", "colour=red", "seen_before=yesterday", "=x", ""])
def test_an_invalid_filter_is_refused_with_what_is_valid(text):
    with pytest.raises(FilterInvalid, match=r"KEY=VALUE|there are|such as"):
        Filter.parse(text)


@given(st.sampled_from([key for key in KEYS if not key.startswith("seen")]), st.text(min_size=1, max_size=30))
def test_no_filter_value_reaches_the_query_language(generation, key, value):
    """Quotes, percent signs and SQL are plain characters of a brand that no product has; a GTIN has digits alone."""
    if key == "gtin" and not value.strip("0123456789 -|"):
        return
    if key == "gtin":
        with pytest.raises(FilterInvalid, match="no GTIN"):
            Filter(key, value)
        return
    answer = run_search(generation, render(5), filters=(Filter(key, value),), limit=3)
    assert all(value.casefold() in str(candidate.entry).casefold() for candidate in answer.candidates)


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"text": "   "},
        {"images": tuple(QueryImage(render(1)) for _ in range(MAX_IMAGES + 1))},
        {"text": "x", "limit": 0},
        {"text": "x", "limit": 10_000},
        {"text": "x" * 2000},
    ],
)
def test_an_empty_query_or_one_over_the_limits_is_refused(query):
    with pytest.raises(QueryInvalid):
        Query(**query)
