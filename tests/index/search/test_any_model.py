"""A ranking does not depend on how a model's cosines are spread: only on their order and their distances."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedding.image.regions import WHOLE
from embedding.local import GeometricMatch, LocalFeatures, SurfaceAgreement, score
from embedding.local.features import DESCRIPTOR_SIZE, PALETTE_SIZE, Preview
from index.generations.snapshot import IndexedView
from index.generations.spread import CosineSpread
from index.search.first_stage import compare_rows
from index.search.rerank import nearest_images

COUNT, DIMENSION = 40, 24
# Cosines of a model of scale s are s times those of a model of scale 1, and 1 - s more: 0.15 to 2.5 times REFERENCE.
REFERENCE = 0.4
SCALES = (0.15, 0.25, 0.6, 1.0, 1.7, 2.5)


def model_of(scale, vectors):
    """Unit vectors [n, d] as a model of narrower cosines gives them: a constant component is added."""
    narrow = np.hstack([np.sqrt(scale) * vectors, np.full((len(vectors), 1), np.sqrt(1 - scale))])
    return narrow.astype(np.float32)


def features(random):
    """A picture of random colours without keypoints."""
    palette = np.zeros(PALETTE_SIZE)
    palette[random.integers(0, PALETTE_SIZE, 6)] = random.random(6)
    return LocalFeatures(
        size=(96, 96),
        keypoints=np.empty((0, 2), np.float32),
        descriptors=np.empty((0, DESCRIPTOR_SIZE), np.int8),
        palette=np.round(255 * np.sqrt(palette / palette.sum())).astype(np.uint8),
        plainness=float(random.random()),
        preview=Preview(np.full((96, 96, 4), 255, np.uint8)),
        scales=(),
    )


def matched(random):
    """Some shared keypoints, or none; of some the surfaces were compared."""
    pairs = random.random((int(random.integers(0, 60)) if random.random() < 0.3 else 0, 4)).astype(np.float32)
    agreement = SurfaceAgreement(float(random.random()), float(30 * random.random())) if len(pairs) > 8 else None
    return GeometricMatch(pairs, agreement)


def ranking(scale, seed):
    """The places of the candidates of one query, best first, and their scores."""
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(COUNT, DIMENSION)) + 0.3
    query = vectors[:1] + 0.8 * random.normal(size=(2, DIMENSION))
    vectors, query = (values / np.linalg.norm(values, axis=1, keepdims=True) for values in (vectors, query))
    gallery, views = model_of(scale, vectors), model_of(scale, query)
    spread = CosineSpread.of(gallery, range(COUNT))
    rows = [IndexedView(row, row, f"{row:02}", WHOLE) for row in range(COUNT)]
    found = compare_rows(rows, gallery, [views], None, spread)
    images, standard = nearest_images(found)
    candidates = {f"{row:02}": (features(random), matched(random)) for row in range(COUNT)}
    pictures, matches = zip(*(candidates[image] for image in images), strict=True)
    scores = score(standard[:, 0], features(random), pictures, matches)
    order = np.argsort(-scores, kind="stable")
    return [images[place] for place in order.tolist()], scores[order]


@pytest.mark.parametrize("scale", SCALES)
@given(seed=st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_cosines_scaled_and_shifted_leave_every_ranking_as_it_is(scale, seed):
    order, scores = ranking(REFERENCE, seed)
    found, found_scores = ranking(scale * REFERENCE, seed)
    assert np.allclose(found_scores, scores, atol=1e-4)
    # Candidates that are closer to each other than the rounding of float32 may change places.
    firm = np.flatnonzero(-np.diff(scores) > 2e-4) + 1
    for upper, lower in zip([0, *firm.tolist()], [*firm.tolist(), COUNT], strict=True):
        assert set(found[upper:lower]) == set(order[upper:lower])
