"""What a terminal shows of an answer."""

from embedding.image.regions import WHOLE
from index.records.entries import Entry, EntryFields
from index.search.answer import Answer, Attribution, Candidate, Evidence
from service.cli.search import answer_table


def answer(verdict, likelihood, *brands):
    entry = Entry(1, "catalogue", "shop", EntryFields("p1", title="Mug", brand="Luma"), ())
    candidate = Candidate(1, entry, 1.5, likelihood, "", Evidence((0.5,), None, WHOLE))
    return Answer("id", verdict, 3, "starter", "catalogue", (candidate,), brands)


def test_likelihoods_stand_beside_scores():
    lines = answer_table(answer("candidates", 0.62, Attribution("Luma", 0.8, (1,))), {}).splitlines()
    assert lines == ["candidates (generation 3, starter)", "  1  1.500  62 %  p1  Mug  Luma", "brands: Luma 80 %"]


def test_the_verdict_brand_says_which():
    named = (Attribution("Luma", 0.8, (1,)), Attribution("Nord", 0.1, (2,)))
    lines = answer_table(answer("brand", 0.3, *named), {}).splitlines()
    assert lines[0] == "brand Luma 80 % (generation 3, starter)"
    assert lines[-1] == "brands: Luma 80 %, Nord 10 %"


def test_what_was_not_calibrated_has_no_likelihood():
    lines = answer_table(answer("candidates", None, Attribution("Luma", None, (1,))), {}).splitlines()
    assert lines[1:] == ["  1  1.500  p1  Mug  Luma", "brands: Luma"]
