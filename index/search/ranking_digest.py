"""What decides a ranking besides the question, in three SHA-256: the model, the search parameters, the generation.

A ranking can be repeated exactly only where all three are unchanged.
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
from embedding.local import alignment, features, matching, palette, plane, scoring, xfeat, xfeat_network
from embedding.redaction import blurred_boxes, boxes, masks, painted_boxes, pixelated_boxes
from embedding.text import barcodes, detection, networks, reader, reading, recognition, tiles
from index.engines import choice
from index.generations.manifest import Manifest
from index.lexical import building, lexical_index, words
from index.search import attribution, first_stage, likelihood, orientation, rerank, score_scale, text_evidence

# The constants that decide a ranking once the generation is built, by module. tests/index/search/test_ranking_digest.py
# fails for a constant of a module used by a search that is neither here nor listed there as one that decides nothing.
_DECIDING: tuple[tuple[ModuleType, str], ...] = (
    (query_views, "CENTRE _MIN_PLAIN_BORDER NEAR_IDENTICAL"),
    (masks, "_MAX_SIDE _MIN_SIDE _FLAT_RANGE _MAX_FLAT_SHARE _MIN_REST_SHARE _FILL_LEVEL"),
    (boxes, "GRID_CELLS _BACKGROUND_TOLERANCE _MIN_PLAIN_BORDER"),
    (
        painted_boxes,
        "_MAX_BLACK _MIN_WHITE _MIN_CELL_SHARE _MIN_AREA _MAX_BOXES _MAX_DEVIATION _MAX_DEVIATION_IMPURE _PURE "
        "_RIM _GAP _STRIP _MIN_CONTRAST_SHARE",
    ),
    (
        blurred_boxes,
        "_MIN_GRAIN _MIN_CELL_SHARE _MIN_AREA _MAX_BOXES _SCRATCH_WIDTH _STRIP _RIM _MAX_TRIM _TRIM_COST "
        "_MIN_SHARP_SHARE _COARSE_SIGMA _JITTER _CONTENT_WEIGHT _EDGE_WEIGHT _SIDE_WEIGHT _BIAS _MIN_EVIDENCE "
        "_MAX_SIDES _MIN_CLOSED _MEAN_CLOSED "
        "_MAX_PAINTED _PAINTED_AS _MAX_GRAIN_SHARE",
    ),
    (
        pixelated_boxes,
        "_WINDOW _STRIDE _STRONGEST_LINES _MAX_STEP _MIN_MEAN_STEP _MIN_GRIDNESS _MIN_AREA _MIN_SIDE _MIN_GRAIN "
        "_MIN_LINE _MIN_LINE_SHARE _EDGE_TOLERANCE _MAX_LAST_BLOCK _SCALES",
    ),
    (foreground, "_BORDER_TOLERANCE _MIN_PLAIN_BORDER _MIN_OBJECT_SHARE"),
    (preprocess, "_FILTER _SUPPORT _MAX_SCALED_ASPECT"),
    (
        xfeat,
        "_CELL _SIDE_MULTIPLE _NEIGHBOURHOOD _MIN_HEAT _CUBIC_COEFFICIENT CATALOGUE_PLAN QUERY_PLAN",
    ),
    (xfeat_network, "_COMPILED"),
    (features, "DESCRIPTOR_SIZE PALETTE_SIZE BACKGROUND RECORD_BYTES RECORD_VERSION _OUTER_LEVEL _PREVIEW_QUALITIES"),
    (matching, "MIN_DESCRIPTOR_SIMILARITY COARSE_QUERY_KEYPOINTS COARSE_CANDIDATE_KEYPOINTS"),
    (
        plane,
        "PLANE_SIDE _INLIER_TOLERANCE _MAX_ITERATIONS _CONFIDENCE MIN_INLIERS _MAX_ANISOTROPY _MAX_SCALE_CHANGE "
        "_SIMILARITY_TOLERANCE _SIMILARITY_ITERATIONS _SIMILARITY_CONFIDENCE",
    ),
    (
        alignment,
        "MAX_ALIGNED _MIN_PAIRS _MIN_VISIBLE_PIXELS _MIN_FOREGROUND _WINDOW_SIGMA _WINDOW_RADIUS _STEP _SHIFTS "
        "_LIGHT_RADIUS _NOISE_VARIANCE _MIN_TEXTURE_VARIANCE",
    ),
    (palette, "_LONG_SIDE _BINS _LIGHTNESS_STEP _CHROMA_STEP _BLUR_SIGMA _MIN_PLAIN_BORDER _CENTRE_SPREAD"),
    (
        scoring,
        "COSINE_LEVEL COSINE_WEIGHT INLIER_WEIGHT CHANCE_INLIERS INLIER_SCALE SCENE_COLOUR_WEIGHT "
        "PLAIN_COLOUR_WEIGHT COLOURWAY_EXPONENT RIVAL_SHARE FULL_CORRELATION COLOUR_DIFFERENCE_SCALE "
        "SURFACE_EXPONENT DEFAULT_AGREEMENT _MIN_PLAINNESS _FULL_PLAINNESS _MAX_HIDDEN_SHARE",
    ),
    (detection, "SIDE MAX_ENLARGEMENT _MULTIPLE _MIN_PROBABILITY _MIN_CONFIDENCE _ENLARGEMENT _MIN_HEIGHT _MIN_TRACE"),
    (tiles, "_LARGE _SMALL_HEIGHT _TILES _OVERLAP _EDGE"),
    (
        recognition,
        "_HEIGHT _MIN_WIDTH _MAX_WIDTH _WIDTH_STEP _BATCH_WIDTH _DIRECTION_SHAPE _SURE_UPRIGHT _SURE_UPSIDE_DOWN "
        "_MIN_CERTAIN _ON_ITS_SIDE",
    ),
    (reader, "MIN_CONFIDENCE _MAX_HIDDEN_SHARE _MAX_OVERLAP _FILL_LEVEL"),
    (reading, "MAX_LINES MAX_CODES MAX_CHARACTERS _MIN_SIDE"),
    (networks, "SHA256"),
    (
        barcodes,
        "_MAX_SIDE _MAX_LOCATED _MAX_CONTENT _PLAIN_WIDTH _MIN_WIDTH _MAX_WIDTH _ENLARGEMENT _QUIET_SHARE _BAND "
        "_AVERAGED_ROWS _SHARPENINGS _MIN_VOTES _KINDS",
    ),
    (words, "_WORD MAX_WORD _GTIN_MARK _BITS"),
    (building, "FULL_WEIGHT"),
    (
        lexical_index,
        "MAX_TERMS MAX_VARIANTS MAX_POSTINGS MIN_SIMILARITY MIN_CONTAINED CONTAINED_DISCOUNT MIN_CONTAINED_TRIGRAMS "
        "_COMMON_TRIGRAM",
    ),
    (text_evidence, "TEXT_WEIGHT TEXT_SCALE EDGE_DISCOUNT GTIN_BONUS TEXT_CANDIDATES MIN_NATS"),
    (first_stage, "MIN_ROWS MAX_ROWS"),
    (rerank, "RERANK_DEPTH FINALISTS"),
    (orientation, "MAX_DOUBTFUL_INLIERS MIN_SCORE_GAIN _NEIGHBOURS"),
    (likelihood, "SIGNALS VERDICT_THRESHOLD MIN_FILTERED DECISIVE_LIKELIHOOD"),
    (score_scale, "SCORE_UNIT"),
    (choice, "_ROWS_PER_STEP _ROWS_PER_CODE FILTER_OVERFETCH DEFAULT_EF_SEARCH DEFAULT_NPROBE DEFAULT_K_FACTOR"),
)


@dataclass(frozen=True)
class RankingDigests:
    """SHA-256 of the model, of the search parameters, and of the generation that a ranking came from."""

    model: str
    search_parameters: str
    generation: str


def ranking_digests(card: ModelCard, manifest: Manifest) -> RankingDigests:
    """The digests of a search of this generation with this model, by the program as it is."""
    # Another processor may compute the features of queries in another precision.
    searched = {**search_parameters(), "precision": xfeat_network.query_precision()}
    return RankingDigests(model_digest(card), _digest(searched), generation_digest(manifest))


def search_parameters_digest() -> str:
    """SHA-256 of the constants that likelihoods are fitted under: those of a ranking, and of brands drawn from it."""
    drawn = [attribution.SIGNALS, attribution.DEPTH, attribution.MIN_WITHOUT_NAME]
    return _digest({**search_parameters(), "attribution": drawn})


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
    """SHA-256 of what decides a generation's answers: its files, and the specs that its engines are opened with."""
    spreads = {name: part.spread for name, part in manifest.collections.items() if part.spread}
    return _digest({
        "model": [manifest.model, manifest.model_sha256, manifest.dimension],
        "engines": {name: [part.spec, part.base] for name, part in manifest.collections.items()},
        # Generations of former versions have none, and keep their digest.
        **({"spreads": spreads} if spreads else {}),
        "files": {name: expected.sha256 for name, expected in manifest.files.items()},
    })  # fmt: skip


def _digest(values: Mapping[str, object]) -> str:
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), default=_to_json)
    return hashlib.sha256(text.encode()).hexdigest()


def _to_json(value: Any) -> object:
    """A value of a type that JSON lacks, as one that it has."""
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"{value!r}: a search parameter is a number, text, a collection, an array or a dataclass")
