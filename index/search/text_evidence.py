"""What is written on the object that is searched for: which entries carry those words, and how much that says.

Text is a first stage of its own beside the embeddings', and one small step over the score of re-ranking: what agrees
adds to it, what does not takes nothing away.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from embedding.encoders.protocol import Vectors
from embedding.query_views import QueryViews
from embedding.text.reader import OcrReader, text_reader
from embedding.text.reading import Reading, TextLine, TextReader
from index.engines.protocol import Rows
from index.generations.generations import Generation
from index.generations.text import gtin_or_none, gtins, reading_words
from index.lexical.lexical_index import top
from index.lexical.words import gtin_word, words
from index.search.answer import Query
from index.workspace import Workspace

# What the same words are worth in cosine: TEXT_WEIGHT * log(1 + nats / TEXT_SCALE). Nats are the log of how much
# likelier these words are on this entry than on any other: a word of one entry among a million says 14.
TEXT_WEIGHT = 0.2
TEXT_SCALE = 8.0
# A line in the corner of a photo counts less by this share: people put what they photograph in the middle.
EDGE_DISCOUNT = 0.6
# A barcode's number that the entry has is decisive: no picture says more.
GTIN_BONUS = 5.0
# How many entries the text alone brings into the first stage, each of which says at least so many nats.
TEXT_CANDIDATES = 40
MIN_NATS = 2.0


@dataclass(frozen=True)
class QueryText:
    """The text of a query.

    `readings`: what was read off each of its pictures, empty where text was not read. `terms`: all words, those that
    a person wrote among them, each with how sure it is, 0 to 1. `gtins`: numbers of barcodes.
    """

    readings: tuple[Reading, ...] = ()
    terms: Mapping[str, float] = field(default_factory=dict)
    gtins: tuple[str, ...] = ()


@dataclass(frozen=True)
class TextScores:
    """What a query's text says for each entry that has any: nats float32 [n] by number int64 [n], rising.

    `most`: the nats of an entry with all the words. `decisive`: entries that have the number of its barcode.
    `candidates`: entries that the text alone brings into the first stage, best first.
    """

    entries: npt.NDArray[np.int64]
    nats: Vectors
    most: float
    decisive: frozenset[int]
    candidates: tuple[int, ...]

    def nats_of(self, entries: Sequence[int]) -> Vectors:
        """The nats of some entries, float32 [m]."""
        if not len(self.entries):
            return np.zeros(len(entries), np.float32)
        wanted = np.array(entries, np.int64)
        place = np.minimum(np.searchsorted(self.entries, wanted), len(self.entries) - 1)
        return np.where(self.entries[place] == wanted, self.nats[place], np.float32(0))

    def bonus(self, entries: Sequence[int]) -> Vectors:
        """What the text adds to the scores of some entries, float32 [m], 0 or more."""
        worth = TEXT_WEIGHT * np.log1p(self.nats_of(entries) / TEXT_SCALE)
        decisive = np.array([GTIN_BONUS * (entry in self.decisive) for entry in entries], np.float32)
        return np.asarray(worth + decisive, np.float32)

    def share(self, entries: Sequence[int]) -> Vectors:
        """How much of what the text says some entries carry, float32 [m], 0 to 1."""
        return np.asarray(self.nats_of(entries) / max(self.most, 1e-6), np.float32)


def text_reader_for(workspace: Workspace) -> OcrReader | None:
    """The reader of a workspace, or None where its settings turn text off or the packages are not installed."""
    return None if workspace.settings.text == "off" else text_reader()


def read_query(query: Query, views: Sequence[QueryViews], reader: TextReader | None) -> QueryText:
    """The text of a query: what a person says is written on the object, or else what is read off its pictures.

    Raises:
        ModelUnavailable: the reader's models cannot be loaded on this machine.
    """
    readings: tuple[Reading, ...] = ()
    if query.written is None and reader is not None:
        readings = tuple(reader.read(each.image, each.hidden) for each in views)
    terms: dict[str, float] = {}
    for reading in readings:
        for word, weight in reading_words(reading, line_weights(reading)).items():
            terms[word] = max(weight, terms.get(word, 0.0))
    given = [query.text, *(query.written or ())]
    terms |= {word: 1.0 for text in given for word in words(text)}
    numbers = [number for reading in readings for number in gtins(reading)]
    numbers += [number for text in given for part in text.split() if (number := gtin_or_none(part))]
    terms |= {gtin_word(number): 1.0 for number in numbers}
    return QueryText(readings, terms, tuple(dict.fromkeys(numbers)))


def line_weights(reading: Reading) -> list[float]:
    """How much each line of a photo counts, 0 to 1: how sure it is, and how likely it is the object's own.

    What is written on other things beside it is smaller, or further from the middle.
    """
    heights = [math.dist(line.corners[0], line.corners[3]) for line in reading.lines]
    tallest = max(heights, default=1.0) or 1.0
    return [
        line.confidence * math.sqrt(height / tallest) * (1 - EDGE_DISCOUNT * _eccentricity(line))
        for line, height in zip(reading.lines, heights, strict=True)
    ]


def _eccentricity(line: TextLine) -> float:
    """How far from the middle of the picture a line is, 0 to 1 in a corner."""
    x, y = (sum(side) / 4 for side in zip(*line.corners, strict=True))
    return min(1.0, math.dist((x, y), (0.5, 0.5)) / math.dist((0, 0), (0.5, 0.5)))


def weigh_text(text: QueryText, query: Query, generation: Generation) -> TextScores | None:
    """What the text says for each entry that may answer; None where there is no text, or the generation has none."""
    if not text.terms or generation.text is None:
        return None
    index = generation.text.index(query.collection)
    nats, most = index.weigh(text.terms, query.without_images)
    allowed = _among(index.entries, generation.records.allowed_entries(query.collection, query.filters))
    numbers = {gtin_word(number): 1.0 for number in text.gtins}
    known = (index.weigh(numbers, query.without_images)[0] > 0) & allowed if numbers else np.zeros(len(nats), bool)
    best = top(nats, TEXT_CANDIDATES, allowed & ((nats >= MIN_NATS) | known))
    return TextScores(
        index.entries, nats, most, frozenset(index.entries[known].tolist()), tuple(index.entries[best].tolist())
    )


def _among(entries: npt.NDArray[np.int64], allowed: Rows | None) -> npt.NDArray[np.bool_]:
    return np.ones(len(entries), bool) if allowed is None else np.isin(entries, allowed, assume_unique=True)
