"""Which way up a query is: told by the nearest picture, where a closer look left a doubt."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

import numpy as np
import pytest
from PIL import Image

from embedding.local import Evidence
from embedding.query_views import QueryViews, embed_views
from index.generations.generations import open_live
from index.jobs.reindex import reindex
from index.progress import Unwatched
from index.records.filters import Filter
from index.search.answer import Query, QueryImage
from index.search.first_stage import CandidateSet
from index.search.orientation import MAX_DOUBTFUL_INLIERS, MIN_SCORE_GAIN, choose_orientation, correct_rotation
from index.search.rerank import ImageMatch, RerankResult
from index.search.search import search
from index.workspace import Workspace
from tests.fakes import ColourEncoder, add_feed, render, write_feed

NOBODY = CandidateSet((), (), (), np.empty((0, 1), np.float32), None)


@pytest.fixture(scope="module")
def generation(tmp_path_factory):
    """Twelve pictures as they stand; p7, of another brand, also as it lies and in less light, as "on its side"."""
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


def lying(seed, quarters=0):
    """A picture of the catalogue, turned clockwise by so many quarters."""
    image = np.ascontiguousarray(np.rot90(render(seed), -quarters))
    return QueryViews(image, (image,), None)


def looked(*shared):
    """What a closer look left: so many keypoints shared by each picture."""
    pairs = (np.zeros((count, 4), np.float32) for count in shared)
    return RerankResult(
        NOBODY,
        NOBODY.pictures,
        tuple(ImageMatch({"a": Evidence(each, len(each), 0.0, 0.0, 0.0)}, {"a": 0.0}) for each in pairs),
    )


def stood(engine, seen, examined, encoder=None, allowed=None):
    return correct_rotation(
        seen, embed_views(seen, ColourEncoder()), examined, encoder or ColourEncoder(), engine, allowed
    )


@pytest.mark.parametrize("quarters", [1, 2, 3])
@pytest.mark.parametrize("seed", [0, 5, 11])
def test_a_picture_that_lies_is_stood_upright(engine, seed, quarters):
    seen, pictures = stood(engine, [lying(seed, quarters)], looked(MAX_DOUBTFUL_INLIERS))
    assert seen[0].turn == quarters
    np.testing.assert_array_equal(seen[0].image, render(seed))
    np.testing.assert_array_equal(pictures[0], embed_views([lying(seed)], ColourEncoder())[0])


def test_a_picture_that_stands_stays(engine):
    assert stood(engine, [lying(3)], looked(0)) is None


def test_only_pictures_in_doubt_are_tried(engine):
    class Never(ColourEncoder):
        def encode_images(self, images):
            raise AssertionError("nothing had to be embedded")

    assert stood(engine, [lying(3, 1)], looked(MAX_DOUBTFUL_INLIERS + 1), Never()) is None
    assert stood(engine, [lying(3, 1)], looked(), Never()) is None, "by embeddings alone, no picture was looked at"


def test_each_picture_has_a_turn_of_its_own(engine):
    given = [lying(1, 2), lying(2), lying(4, 3), lying(6, 1)]
    seen, pictures = stood(engine, given, looked(0, 0, 0, MAX_DOUBTFUL_INLIERS + 1))
    assert [one.turn for one in seen] == [2, 0, 3, 0]
    assert seen[1] is given[1]
    assert seen[3] is given[3]
    assert len(pictures) == 4
    for rows, one in zip(pictures, seen, strict=True):
        np.testing.assert_array_equal(rows, embed_views([one], ColourEncoder())[0])


def scoring(*scores):
    """What came of two query pictures, of candidates with these scores for both."""
    return RerankResult(NOBODY, np.repeat(np.array(scores, np.float32)[:, None], 2, axis=1), ())


def test_a_turn_is_believed_only_where_it_scores_clearly_higher():
    given = scoring(0.5, 0.8)
    clearly, hardly = scoring(0.1, 0.81 + MIN_SCORE_GAIN), scoring(0.79 + MIN_SCORE_GAIN)
    assert choose_orientation(given, clearly) is clearly
    assert choose_orientation(given, hardly) is given
    assert choose_orientation(given, scoring()) is given


def test_only_pictures_that_may_answer_decide_a_turn(generation, engine):
    """What a filter excludes, or the asked picture itself where it is hidden, is not looked at."""
    (p7,) = generation.records.find("catalogue", "p7")
    asked = [lying(7, 1)]
    ((stands,), _) = stood(engine, asked, looked(0))
    assert stands.turn == 1
    for filters, without in ([(Filter("brand", "Nova"),), ()], [(), p7.images]):
        allowed = generation.records.allowed("catalogue", filters, without)
        assert stood(engine, asked, looked(0), allowed=allowed) is None
    assert stood(engine, asked, looked(0), allowed=np.empty(0, np.int64)) is None


@dataclass
class Unsure:
    """A re-ranker that finds nothing, and counts how often it was asked."""

    asked: int = 0

    def examine(self, seen, images, cosines):
        self.asked += 1
        return ImageMatch({}, dict(zip(images, cosines.tolist(), strict=True)), seen.turn)


@pytest.mark.parametrize(
    ("restricted", "tried"),
    [({}, 2), ({"filters": (Filter("brand", "Nova"),)}, 1), ({"without_images": "p7"}, 1)],
    ids=["anything may answer", "a filter", "a hidden picture"],
)
def test_a_search_turns_its_picture_only_for_what_may_answer(generation, restricted, tried):
    if "without_images" in restricted:
        restricted = {"without_images": generation.records.find("catalogue", "p7")[0].images}
    reranker = Unsure()
    search(Query((QueryImage(lying(7, 1).image),), **restricted), generation, ColourEncoder(), reranker)
    assert reranker.asked == tried
