"""Re-ranking by keypoints, from the picture to the candidates, with a stand-in for the network alone: fast enough for
every run. tests/index/search/test_rerank.py has the same with the real network."""

from __future__ import annotations

from contextlib import closing

import cv2
import numpy as np
import pytest
from PIL import Image

from embedding.local import extract, match, match_coarsely, xfeat
from index.generations.generations import open_live
from index.jobs.reindex import reindex
from index.progress import Unwatched
from index.search import rerank
from index.search.answer import Query, QueryImage
from index.search.rerank import Reranker, verify
from index.search.search import search
from index.stores.features import FeatureStore
from index.stores.images import ImageStore
from index.workspace import Workspace
from tests.fakes import ColourEncoder, add_feed, write_feed

SIDE, LABEL, CELL, GREY = 320, 192, 8, 150
# Multiples of a cell, so that the stand-in's descriptors are the same at both places.
ON_PRODUCT, ON_QUERY = (64, 64), (88, 48)
# A rotation, after which the numbers of a descriptor are all about as large, as those of a network are.
ROTATION = np.linalg.qr(np.random.default_rng(3).normal(size=(64, 64)))[0].astype(np.float32)


def corners_and_cells(grey):
    """In place of the network: the pixels of each cell as its descriptor, and heat where there are corners."""
    high, wide = grey.shape[0] // CELL, grey.shape[1] // CELL
    cells = grey.reshape(high, CELL, wide, CELL).transpose(1, 3, 0, 2).reshape(CELL * CELL, high, wide)
    cells = cells - cells.mean(axis=0)
    # A cell of one colour has no direction of its own.
    cells[0] += np.float32(0.1)
    cells = np.einsum("ij,jhw->ihw", ROTATION, cells / np.linalg.norm(cells, axis=0))
    heat = cv2.cornerMinEigenVal(grey, 5)
    return cells, (heat / heat.max()).astype(np.float32), np.ones((high, wide), np.float32)


def label(seed):
    """Patches of all greys, uint8 [LABEL, LABEL, 3]: full of corners, and alike in what an embedding sees of it."""
    random = np.random.default_rng(seed)
    patches = random.integers(0, 200, (16, 16)).astype(np.uint8)
    return np.repeat(cv2.resize(patches, (LABEL, LABEL), interpolation=cv2.INTER_NEAREST)[..., None], 3, axis=2)


def shuffled(picture):
    """The same picture in shuffled pieces: it keeps its keypoints, but they do not lie on one plane."""
    rows = [np.split(row, 4, axis=1) for row in np.split(picture, 4)]
    pieces = [rows[place // 4][place % 4] for place in np.random.default_rng(5).permutation(16)]
    return np.vstack([np.hstack(pieces[start : start + 4]) for start in range(0, 16, 4)])


def shown(surface, at, background):
    """A label before a plain background, its upper left corner at x, y."""
    picture = np.full((SIDE, SIDE, 3), background, np.uint8)
    x, y = at
    picture[y : y + LABEL, x : x + LABEL] = surface
    return picture


PRODUCTS = {
    "right": shown(label(0), ON_PRODUCT, 255),
    # On the query's own background, so that their embeddings are nearer to it.
    "in pieces": shown(shuffled(label(0)), ON_QUERY, GREY),
    "other": shown(label(1), ON_QUERY, GREY),
    "another": shown(label(2), ON_QUERY, GREY),
}
QUERY = Query((QueryImage(shown(label(0), ON_QUERY, GREY)),))


@pytest.fixture(scope="module")
def network():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(xfeat, "network", lambda *_: corners_and_cells)
        yield


@pytest.fixture(scope="module")
def place(tmp_path_factory, network):
    """A generation of PRODUCTS, and the re-ranker over its pictures."""
    folder = tmp_path_factory.mktemp("verification")
    workspace = Workspace.create(folder / "workspace", "colour-64")
    feed = write_feed(folder / "shop", [{"product_id": name} for name in PRODUCTS], range(len(PRODUCTS)))
    for number, picture in enumerate(PRODUCTS.values()):
        Image.fromarray(picture).save(folder / "shop" / "pictures" / f"{number}.png")
    add_feed(workspace, "shop", "catalogue", feed)
    reindex(workspace, ColourEncoder(), Unwatched())
    with closing(open_live(workspace)) as generation:
        yield generation, Reranker(FeatureStore(workspace.objects, ImageStore(workspace.objects)))


def run_search(place, reranker):
    candidates = search(QUERY, place[0], ColourEncoder(), reranker).candidates
    return [(candidate.entry.fields.entry_id, candidate) for candidate in candidates]


def test_the_right_product_comes_first_though_its_embedding_is_the_farthest(place):
    by_cosine, verified = run_search(place, None), run_search(place, place[1])
    assert by_cosine[-1][0] == "right"
    assert verified[0][0] == "right"
    assert len(verified) == len(PRODUCTS)


def test_only_keypoints_on_one_plane_are_evidence(place):
    found = {name: candidate.evidence.matched[0] for name, candidate in run_search(place, place[1])}
    assert found["right"].inliers > 80
    assert max(found[name].inliers for name in ("in pieces", "other", "another")) < 30
    offsets = (found["right"].pairs[:, :2] - found["right"].pairs[:, 2:]) * SIDE
    assert np.median(np.abs(offsets - np.subtract(ON_QUERY, ON_PRODUCT))) < 0.5


def test_those_that_score_best_by_a_coarse_comparison_are_compared_closely(place, monkeypatch):
    generation, reranker = place
    monkeypatch.setattr(rerank, "FINALISTS", 1)
    images = [entry.images[0] for entry in generation.records.entries("catalogue")]
    query = extract(QUERY.images[0].pixels, xfeat.QUERY_PLAN)
    features = reranker.features.get(images)
    matches = verify(query, features, np.zeros(len(images), np.float32))
    coarse, close = match_coarsely(query, features), match(query, features)
    right = [entry.fields.entry_id for entry in generation.records.entries("catalogue")].index("right")
    assert [found.inliers for found in matches] == [
        close[place].inliers if place == right else coarse[place].inliers for place in range(len(images))
    ]
    assert close[right].inliers > coarse[right].inliers > 20
