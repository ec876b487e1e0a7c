"""What decides a ranking besides the question, in three SHA-256: the model, the search parameters, the generation.

A ranking can be repeated exactly only where all three are what they were.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, is_dataclass
from types import ModuleType
from typing import Any

import numpy as np

from embedding import query_views
from embedding.encoders.card import ModelCard
from embedding.image import foreground, preprocess
from embedding.local import features, matching, overlay, palette, plane, scoring, xfeat, xfeat_network
from embedding.redaction import blurred_boxes, boxes, masks, painted_boxes, pixelated_boxes
from index.engines import choice
from index.generations.generations import Manifest
from index.search import first_stage, likelihood, orientation, rerank

# The constants that decide a ranking once the generation is built, by module. tests/index/search/test_ranking_digest.py
# refuses a constant on the way of a query that is neither here nor named there as one that decides nothing.
_DECIDING: tuple[tuple[ModuleType, str], ...] = (
    (query_views, "CENTRE _PLAIN SAME"),
    (masks, "_SIDE _SMALLEST _EVEN _DRAWN _LEAST_REST _GREY"),
    (boxes, "CELLS _BACKGROUND _PLAIN"),
    (painted_boxes, "_BLACK _WHITE _CELL_SHARE _LEAST_AREA _MOST_BOXES _EVEN _RIM _GAP _STRIP _OTHER"),
    (
        blurred_boxes,
        "_GRAIN _CELL_SHARE _LEAST_AREA _MOST_BOXES _LINE _STRIP _RIM _MOST_CUT _CUT_COST _SIDES _SIDES_BY_AREA _EMPTY",
    ),
    (
        pixelated_boxes,
        "_WINDOW _STEP _STRONGEST _STEEP _LEAST_STEPS _GRID _LEAST_AREA _NO_GRAIN _LINE _LINE_SHARE _NEAR _LAST_BLOCK "
        "_SCALES",
    ),
    (foreground, "_BORDER _PLAIN _LEAST_OBJECT"),
    (preprocess, "_FILTER _SUPPORT _LONGEST_SCALED"),
    (xfeat, "_CELL _STEP _NEIGHBOURHOOD _LEAST_HEAT _SHARP _COLOUR_SIDE CATALOGUE QUERY"),
    (xfeat_network, "_COMPILED"),
    (features, "DESCRIPTOR PALETTE BACKGROUND _VERSION"),
    (matching, "LEAST_SIMILARITY"),
    (plane, "PLANE _TOLERANCE _ITERATIONS _CONFIDENCE LEAST_PAIRS _WORST_SQUEEZE _WORST_SHRINKING"),
    (overlay, "LAID_OVER _LEAST_PAIRS _LEAST_SEEN _OBJECT _WINDOW _REACH _SHIFTS _AROUND _NOISE _TEXTURED"),
    (palette, "_SIDE _BINS _LIGHT _CHROMA _SOFTNESS _PLAIN _CENTRE"),
    (
        scoring,
        "SHARED CHANCE MANY COLOUR_IN_SCENE COLOUR_BEFORE_PLAIN COLOURWAY STRUCTURE COLOUR_APART UNKNOWN _PLAIN_FROM "
        "_PLAIN_TO _HIDDEN",
    ),
    (first_stage, "WIDTH"),
    (rerank, "RERANK_DEPTHS MIN_CONFIDENT_INLIERS"),
    (orientation, "MAX_DOUBTFUL_INLIERS MIN_SCORE_GAIN _NEAREST"),
    (likelihood, "SIGNALS THRESHOLD LEAST_SCORE"),
    (choice, "_ROWS_PER_STEP _ROWS_PER_CODE FILTER_OVERFETCH BREADTH PROBED FACTOR"),
)


@dataclass(frozen=True)
class RankingDigests:
    """SHA-256 of the model, of the search parameters, and of the generation that a ranking came from."""

    model: str
    search_parameters: str
    generation: str


def ranking_digests(card: ModelCard, manifest: Manifest) -> RankingDigests:
    """The digests of a search of this generation with this model, by the program as it is."""
    return RankingDigests(model_digest(card), _digest(search_parameters()), generation_digest(manifest))


def search_parameters() -> dict[str, object]:
    """The constants that decide a ranking, by module and name."""
    return {
        f"{module.__name__.rpartition('.')[2]}.{name}": getattr(module, name)
        for module, names in _DECIDING
        for name in names.split()
    }


def model_digest(card: ModelCard) -> str:
    """SHA-256 of what decides a model's embeddings: its weights, and how pictures are prepared for it."""
    return _digest({
        "name": card.name,
        "family": card.family,
        "architecture": card.architecture,
        "weights": card.sha256,
        "dimension": card.dimension,
        "preprocess": card.preprocess,
    })  # fmt: skip


def generation_digest(manifest: Manifest) -> str:
    """SHA-256 of what decides a generation's answers: its files, and how its engines are opened."""
    return _digest({
        "model": [manifest.model, manifest.model_sha256, manifest.dimension],
        "engines": {name: [part.spec, part.base] for name, part in manifest.collections.items()},
        "files": {name: expected.sha256 for name, expected in manifest.files.items()},
    })  # fmt: skip


def _digest(values: Mapping[str, object]) -> str:
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> object:
    """What JSON has no word for, as plain data."""
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"{value!r}: a search parameter is a number, text, a collection, an array or a dataclass")
