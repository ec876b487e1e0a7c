"""Words on an object: a first list of their own, a step of ranking, evidence; a known barcode decides."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from embedding.errors import TextUnsupported
from embedding.query_views import embed_views, query_views
from embedding.text.reading import MAX_CHARACTERS, Reading
from index.errors import QueryInvalid
from index.generations.generations import open_live
from index.jobs.reindex import reindex
from index.progress import Unwatched
from index.records.filters import Filter
from index.search.answer import MAX_WRITTEN, Query, QueryImage
from index.search.first_stage import first_stage
from index.search.likelihood import DECISIVE_LIKELIHOOD
from index.search.neighbours import neighbours_of
from index.search.search import search
from index.search.text_evidence import TextScores, read_query, weigh_text
from index.workspace import Workspace
from tests.fakes import LIKELY, ColourEncoder, add_feed, render, write_feed
from tests.index.search.test_search import TextEncoder
from tests.written import FakeReader, code, line

EAN = "7310865004703"
COUNT = 300


@pytest.fixture(scope="module")
def generation(tmp_path_factory):
    folder = tmp_path_factory.mktemp("text")
    workspace = Workspace.create(folder / "workspace", "colour-64")
    rows = [
        {
            "product_id": f"p{seed}",
            "title": "Red striped mug" if seed == 40 else f"Thing {chr(97 + seed % 26)}{chr(97 + seed // 26)}lot",
            "brand": "Luma" if seed % 2 else "Nordisk",
            "gtin": EAN if seed == 250 else "",
        }
        for seed in range(COUNT)
    ]
    add_feed(workspace, "shop", "catalogue", write_feed(folder / "shop", rows, list(range(COUNT))))
    reader = FakeReader()
    reader.write(render(7), Reading((line("ZEBRAFINK", 0.95, (0.2, 0.3, 0.8, 0.5)),)))
    reader.write(render(8), Reading((line("500 g"),)))
    reindex(workspace, ColourEncoder(), Unwatched(), text_reader=reader)
    return open_live(workspace)


def reads(*lines, codes=()):
    """A reader of photo 999 alone: what is written there."""
    reader = FakeReader()
    reader.write(render(999), Reading(tuple(lines), tuple(codes)))
    return reader


def ask(generation, reader=None, picture=999, encoder=None, **query):
    images = () if picture is None else (QueryImage(render(picture)),)
    return search(Query(images, **query), generation, encoder or ColourEncoder(), text_reader=reader)


def ids(answer):
    return [candidate.entry.fields.entry_id for candidate in answer.candidates]


def test_what_is_read_brings_in_what_the_picture_does_not(generation):
    query, views = Query((QueryImage(render(999)),)), [query_views(render(999))]
    embeddings = embed_views(views, ColourEncoder())
    without = first_stage(query, embeddings, None, generation, neighbours_of(query, generation))
    missed = next(entry for entry in generation.records.entries("catalogue") if entry.id not in without.entries)
    scores = scores_of(generation, line(missed.fields.title, 0.9))
    found = first_stage(query, embeddings, None, generation, neighbours_of(query, generation), scores)
    assert missed.id in found.entries
    assert len(found) > len(without)
    place = found.entries.index(missed.id)
    assert found.text_bonus is not None
    assert found.text_bonus[place] == found.text_bonus.max() > 0


def test_a_misread_word_still_lifts_its_product(generation):
    without, found = (ids(ask(generation, reader, limit=200)) for reader in (None, reads(line("ZEBRAF1NK", 0.9))))
    assert found.index("p7") < without.index("p7")


def test_text_only_ever_adds_to_a_score(generation):
    before = {c.entry.id: c.score for c in ask(generation, limit=200).candidates}
    after = {c.entry.id: c.score for c in ask(generation, reads(line("ZEBRAFINK Luma")), limit=200).candidates}
    assert all(after[entry] >= before[entry] - 1e-6 for entry in before.keys() & after.keys())
    assert any(after[entry] > before[entry] + 1e-3 for entry in before.keys() & after.keys())


def test_a_word_of_one_product_says_more_than_one_of_half_of_them(generation):
    scores = scores_of(generation, line("ZEBRAFINK Luma"))
    seven, nine, eight = entry(generation, "p7"), entry(generation, "p9"), entry(generation, "p8")
    rare, common, none = scores.bonus([seven, nine, eight]).tolist()
    assert rare > 3 * common > none == 0
    assert np.all(np.diff(np.sort(scores.bonus(list(range(1, COUNT))))) >= 0)


def test_more_agreement_never_adds_less():
    scores = TextScores(np.arange(5, dtype=np.int64), np.array([0, 1, 4, 9, 30], np.float32), 30.0, frozenset(), ())
    bonus = scores.bonus(list(range(5)))
    assert bonus[0] == 0
    assert (np.diff(bonus) > 0).all()
    assert scores.share([4, 9]).tolist() == [1.0, 0.0]


@pytest.mark.parametrize("written", [None, (EAN,), (f"EAN {EAN}",)])
def test_a_barcode_that_is_known_decides(generation, written):
    generation = calibrated(generation)
    answer = ask(generation, reads(codes=[code(EAN)]), written=written)
    best = answer.candidates[0]
    assert best.entry.fields.entry_id == "p250"
    assert best.likelihood >= DECISIVE_LIKELIHOOD
    assert answer.verdict == "candidates"
    assert [(match.word, match.field) for match in best.evidence.words] == [(EAN, "gtin")]


def test_a_barcode_that_nobody_has_changes_nothing(generation):
    answer, without = ask(generation, reads(codes=[code("4006381333931")])), ask(generation)
    assert [c.score for c in answer.candidates] == [c.score for c in without.candidates]


def test_what_a_person_wrote_replaces_what_is_read(generation):
    reader = reads(line("WRONG"))
    answer = ask(generation, reader, written=("zebrafink",), limit=50)
    assert "p7" in ids(answer)
    assert answer.readings == ()
    assert reader.count == 0
    nothing = ask(generation, reader, written=())
    assert reader.count == 0
    assert [c.score for c in nothing.candidates] == [c.score for c in ask(generation).candidates]


def test_words_find_products_with_a_model_that_knows_none(generation):
    answer = ask(generation, picture=None, text="red stripd mug")
    assert ids(answer)[0] == "p40"
    assert 0.6 < answer.candidates[0].score <= 1
    assert answer.candidates[0].evidence.text_similarity == pytest.approx(answer.candidates[0].score)
    assert answer.verdict == "candidates"
    assert ids(ask(generation, picture=None, text="no such words qqqq")) == []
    assert ask(generation, picture=None, text="no such words qqqq").verdict == "no good match"


def test_words_and_embeddings_are_fused_where_the_model_knows_words(generation):
    """The model takes "like 7" for picture 7; the index finds the mug. Both are among the first."""
    assert set(ids(ask(generation, picture=None, text="red striped mug like 7", encoder=TextEncoder()))[:2]) == {
        "p40",
        "p7",
    }


def test_without_an_index_of_words_the_model_has_to_know_them(generation):
    older = calibrated(generation)
    older.text = None
    with pytest.raises(TextUnsupported):
        ask(older, picture=None, text="red mug")
    assert len(ask(older, reads(line("ZEBRAFINK"))).candidates) == 10


def test_filters_hold_for_what_text_brings_in(generation):
    only = {"filters": (Filter("brand", "Nordisk"),), "limit": 200}
    assert "p7" not in ids(ask(generation, reads(line("ZEBRAFINK")), **only))
    assert "p40" in ids(ask(generation, picture=None, text="mug", **only))
    (image,) = [c.image for c in ask(generation, picture=7, limit=1).candidates]
    assert "p7" not in ids(ask(generation, reads(line("ZEBRAFINK")), without_images=(image,), limit=200))


def test_evidence_tells_which_words_agree_and_where(generation):
    answer = ask(generation, reads(line("the ZEBRAFNK", 0.9, (0.1, 0.1, 0.6, 0.3)), line("LUMA")), limit=50)
    (seven,) = [c for c in answer.candidates if c.entry.fields.entry_id == "p7"]
    found = {match.word: match for match in seven.evidence.words}
    assert found["ZEBRAFNK"].found == "ZEBRAFINK"
    assert (found["ZEBRAFNK"].picture, str(found["ZEBRAFNK"].region_query)) == (0, "0.1,0.1,0.6,0.3")
    assert str(found["ZEBRAFNK"].region_image) == "0.2,0.3,0.8,0.5"
    assert (found["LUMA"].found, found["LUMA"].field, found["LUMA"].region_image) == ("Luma", "brand", None)
    assert "the" not in found


def test_lines_beyond_the_limits_are_refused():
    with pytest.raises(QueryInvalid, match="lines of text"):
        Query((QueryImage(render(1)),), written=("x",) * (MAX_WRITTEN + 1))
    with pytest.raises(QueryInvalid, match="lines of text"):
        Query((QueryImage(render(1)),), written=("x" * (MAX_CHARACTERS + 1),))


def scores_of(generation, *lines):
    query = Query((QueryImage(render(999)),))
    text = read_query(query, [query_views(render(999))], reads(*lines))
    scores = weigh_text(text, query, generation)
    assert scores is not None
    return scores


def entry(generation, entry_id):
    return generation.records.find("catalogue", entry_id)[0].id


def calibrated(generation):
    """The same generation with a calibration."""
    copy = object.__new__(type(generation))
    copy.__dict__.update(generation.__dict__, likelihood=replace(LIKELY))
    return copy
