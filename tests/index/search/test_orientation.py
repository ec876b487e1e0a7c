"""Which way up a query is: decided by its nearest neighbours, where re-ranking left doubt."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

import numpy as np
import pytest
from PIL import Image

from embedding.local import GeometricMatch
from embedding.query_views import QueryViews, embed_rotated, embed_views
from index.generations.generations import open_live
from index.jobs.reindex import reindex
from index.progress import Unwatched
from index.records.filters import Filter
from index.search.answer import Query, QueryImage
from index.search.first_stage import CandidateSet
from index.search.neighbours import EngineNeighbours
from index.search.orientation import MAX_DOUBTFUL_INLIERS, MIN_SCORE_GAIN, choose_orientation, correct_rotation
from index.search.rerank import ImageMatch, RerankResult
from index.search.search import search
from index.workspace import Workspace
from tests.fakes import ColourEncoder, add_feed, render, write_feed

NO_CANDIDATES = CandidateSet((), (), (), np.empty((0, 1), np.float32), np.empty((0, 1), np.float32), None)


@pytest.fixture(scope="module")
def generation(tmp_path_factory):
    """Twelve upright pictures; p7, of another brand, is there rotated and darker, too, as "on its side"."""
    folder = tmp_path_factory.mktemp("orientation")
    workspace = Workspace.create(folder / "workspace", "colour-64")
    rows = [{"product_id": f"p{seed}", "brand": "Luma" if seed == 7 else "Nova"} for seed in range(12)]
    feed = write_feed(folder / "shop", [*rows, {"product_id": "on its side", "brand": "Nova"}], range(13))
    dark = (np.rot90(render(7), -1) * 0.8).astype(np.uint8)
    Image.fromarray(dark).save(folder / "shop" / "pictures" / "12.png")
    add_feed(workspace, "shop", "catalogue", feed)
    reindex(workspace, ColourEncoder(), Unwatched())
    with closing(open_live(workspace)) as opened:
        yield opened


@pytest.fixture(scope="module")
def engine(generation):
    return generation.engine("catalogue")


def query(seed, quarters=0):
    """The views of a catalogue picture, rotated clockwise by so many quarters."""
    image = np.ascontiguousarray(np.rot90(render(seed), -quarters))
    return QueryViews(image, (image,), None)


def reranked(*inliers):
    """A re-ranking result in which each query picture shares so many keypoints with one image."""
    pairs = (np.zeros((count, 4), np.float32) for count in inliers)
    return RerankResult(
        NO_CANDIDATES,
        NO_CANDIDATES.image_cosines,
        tuple(ImageMatch({"a": GeometricMatch(each)}, {"a": 0.0}) for each in pairs),
    )


def corrected(engine, views, result, encoder=None, allowed=None):
    embeddings = embed_views(views, ColourEncoder())
    return correct_rotation(views, embeddings, result, encoder or ColourEncoder(), EngineNeighbours(engine, allowed))


@pytest.mark.parametrize("quarters", [1, 2, 3])
@pytest.mark.parametrize("seed", [0, 5, 11])
def test_a_rotated_picture_is_corrected(engine, seed, quarters):
    views, embeddings = corrected(engine, [query(seed, quarters)], reranked(MAX_DOUBTFUL_INLIERS))
    assert views[0].turn == quarters
    np.testing.assert_array_equal(views[0].image, render(seed))
    np.testing.assert_array_equal(embeddings[0], embed_views([query(seed)], ColourEncoder())[0])


@pytest.mark.parametrize("seed", range(4))
def test_rotated_inputs_of_the_model_have_about_the_embeddings_of_rotated_pictures(seed):
    whole = np.ascontiguousarray(render(seed, 300)[:200])
    views = QueryViews(whole, (whole, whole[30:170, 40:260]), None)
    rotated = embed_rotated(views, ColourEncoder())
    exact = embed_views([views.rotated(quarters) for quarters in (1, 2, 3)], ColourEncoder())
    assert [each.shape for each in rotated] == [each.shape for each in exact]
    for found, expected in zip(rotated, exact, strict=True):
        assert (found * expected).sum(axis=1).min() > 0.98
    # Two quarters are another picture than one.
    assert (rotated[0] * rotated[1]).sum(axis=1).min() < 0.98


def test_an_upright_picture_is_left_as_it_is(engine):
    assert corrected(engine, [query(3)], reranked(0)) is None


def test_only_doubtful_pictures_are_tried_in_other_rotations(engine):
    class Never(ColourEncoder):
        def encode_images(self, images):
            raise AssertionError("nothing should be embedded")

    assert corrected(engine, [query(3, 1)], reranked(MAX_DOUBTFUL_INLIERS + 1), Never()) is None
    assert corrected(engine, [query(3, 1)], reranked(), Never()) is None, "without re-ranking no picture is in doubt"


def test_each_picture_is_rotated_by_itself(engine):
    originals = [query(1, 2), query(2), query(4, 3), query(6, 1)]
    views, embeddings = corrected(engine, originals, reranked(0, 0, 0, MAX_DOUBTFUL_INLIERS + 1))
    assert [one.turn for one in views] == [2, 0, 3, 0]
    assert views[1] is originals[1]
    assert views[3] is originals[3]
    assert len(embeddings) == 4
    for rows, one in zip(embeddings, views, strict=True):
        np.testing.assert_array_equal(rows, embed_views([one], ColourEncoder())[0])


def scoring(*scores):
    """The result for two query pictures, of candidates with these scores for both."""
    return RerankResult(NO_CANDIDATES, np.repeat(np.array(scores, np.float32)[:, None], 2, axis=1), ())


def test_the_rotated_result_is_chosen_only_where_it_scores_clearly_higher():
    original = scoring(0.5, 0.8)
    clearly, hardly = scoring(0.1, 0.81 + MIN_SCORE_GAIN), scoring(0.79 + MIN_SCORE_GAIN)
    assert choose_orientation(original, clearly) is clearly
    assert choose_orientation(original, hardly) is original
    assert choose_orientation(original, scoring()) is original


def test_only_allowed_pictures_decide_a_rotation(generation, engine):
    """Neither what a filter excludes nor a hidden query picture decides."""
    (p7,) = generation.records.find("catalogue", "p7")
    on_its_side = [query(7, 1)]
    ((views,), _) = corrected(engine, on_its_side, reranked(0))
    assert views.turn == 1
    for filters, without in ([(Filter("brand", "Nova"),), ()], [(), p7.images]):
        allowed = generation.records.allowed("catalogue", filters, without)
        assert corrected(engine, on_its_side, reranked(0), allowed=allowed) is None
    assert corrected(engine, on_its_side, reranked(0), allowed=np.empty(0, np.int64)) is None


@dataclass
class DoubtfulReranker:
    """A re-ranker that finds no keypoints, and counts how often it was called."""

    calls: int = 0

    def match_image(self, query, images, cosines):
        self.calls += 1
        return ImageMatch({}, dict(zip(images, cosines.tolist(), strict=True)), query.turn)


@pytest.mark.parametrize(
    ("restriction", "calls"),
    [({}, 2), ({"filters": (Filter("brand", "Nova"),)}, 1), ({"without_images": "p7"}, 1)],
    ids=["anything may answer", "a filter", "a hidden picture"],
)
def test_a_search_rotates_its_picture_only_for_what_may_answer(generation, restriction, calls):
    if "without_images" in restriction:
        restriction = {"without_images": generation.records.find("catalogue", "p7")[0].images}
    reranker = DoubtfulReranker()
    search(Query((QueryImage(query(7, 1).image),), **restriction), generation, ColourEncoder(), reranker)
    assert reranker.calls == calls
