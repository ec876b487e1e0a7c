"""How many products a generation is tested with is a setting of the workspace."""

import pytest

from index.jobs.reindex import reindex
from index.jobs.self_test import MIN_PRODUCTS
from index.progress import Unwatched
from index.workspace import Workspace
from tests.fakes import ColourEncoder, add_feed, write_feed


@pytest.mark.parametrize(
    ("wanted", "tested"),
    [(MIN_PRODUCTS, MIN_PRODUCTS), pytest.param(100, 34, marks=pytest.mark.slow), (MIN_PRODUCTS - 1, None)],
)
def test_a_generation_is_tested_with_as_many_products_as_the_settings_say(tmp_path, wanted, tested):
    workspace = Workspace.create(tmp_path / "workspace", "colour-64", self_test_products=wanted)
    rows = [{"product_id": f"p{seed}", "title": f"Thing {seed}"} for seed in range(34)]
    add_feed(workspace, "shop", "catalogue", write_feed(tmp_path / "shop", rows, range(34)))
    # As a later command opens it.
    report = reindex(Workspace.open(workspace.root), ColourEncoder(), Unwatched())
    assert report.published
    assert (report.self_test and report.self_test.products) == tested
