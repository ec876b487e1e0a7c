"""A generation whose self-test is much worse than the live one's is not published, and is deleted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from index.generations import generations
from index.generations.generations import open_live
from index.generations.manifest import SelfTest
from index.jobs.reindex import reindex
from index.progress import Unwatched
from index.workspace import Workspace
from tests.fakes import LIKELY, ColourEncoder, add_feed, write_feed

GOOD = SelfTest(30, 0.8, 0.9, 0.95, 0.0, 1.0)
# The default of the setting `self_test_margin`.
MARGIN = 0.1


@pytest.fixture
def night(tmp_path, monkeypatch):
    """A re-index after which the self-test gives the figures that it is called with."""
    workspace = Workspace.create(tmp_path / "workspace", "colour-64")

    def run(measured: SelfTest, *seeds: int, encoder: ColourEncoder | None = None):
        rows = [{"product_id": f"p{seed}"} for seed in seeds]
        add_feed(workspace, "shop", "catalogue", write_feed(tmp_path / "shop", rows, seeds))
        monkeypatch.setattr("index.jobs.build.self_test", lambda *_: (measured, LIKELY, {}))
        return workspace, reindex(workspace, encoder or ColourEncoder(), Unwatched())

    return run


@pytest.mark.parametrize(
    ("recall", "name"),
    [("recall_at_1", "recall@1"), ("recall_at_10", "recall@10")],
)
def test_a_regression_beyond_the_margin_is_withheld(night, recall, name):
    night(GOOD, 1, 2)
    before = getattr(GOOD, recall)
    now = before - MARGIN - 0.01
    workspace, report = night(replace(GOOD, **{recall: now}), 1, 2, 3)
    assert (report.published, report.generation) == (False, 1)
    assert report.withheld.startswith(f"its self-test {name} is {now:.2f}, generation 1 had {before:.2f}")
    assert generations.numbers(workspace) == [1]
    assert list(workspace.generations.glob(".*")) == []
    assert len(list(open_live(workspace).records.entries("catalogue"))) == 2


@pytest.mark.parametrize("recall", ["recall_at_1", "recall_at_10"])
def test_a_regression_within_the_margin_is_published(night, recall):
    night(GOOD, 1, 2)
    _, report = night(replace(GOOD, **{recall: getattr(GOOD, recall) - MARGIN + 0.01}), 1, 2, 3)
    assert (report.published, report.generation, report.withheld) == (True, 2, "")


def test_another_model_is_not_compared_with_the_former(night):
    night(GOOD, 1, 2)
    _, report = night(SelfTest(30, 0.0, 0.0, 0.0, 0.0, 0.5), 1, 2, encoder=ColourEncoder("colour-65"))
    assert (report.published, report.model) == (True, "colour-65")
