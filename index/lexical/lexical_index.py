"""A lexical index, open for searching: which entries carry the words of a query, and how much that says.

A word of the query matches words of the vocabulary that share most of its trigrams, so a misread letter or a word cut
by the picture's edge still counts, only less. What a match says is its inverse document frequency in nats,
log(entries / entries that carry such a word): the log of how much likelier it makes an entry than another one
(Robertson, "Understanding inverse document frequency", 2004). A word that all entries carry says nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors import safe_open

from index.lexical.building import FULL_WEIGHT
from index.lexical.words import fingerprint, is_exact, trigrams

Floats = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int64]

# At most so many distinct words of a query are looked for, the surest first, and so many words of the vocabulary taken
# for each. A word that more than this number of documents carry tells next to nothing, and would take long.
MAX_TERMS = 48
MAX_VARIANTS = 24
MAX_POSTINGS = 60_000
# Two words match from this share of common trigrams on (Dice, 1945), or where the shorter one, of at least so many
# trigrams, is almost wholly contained in the longer one: a word was cut.
MIN_SIMILARITY = 0.5
MIN_CONTAINED, CONTAINED_DISCOUNT, MIN_CONTAINED_TRIGRAMS = 0.8, 0.7, 4
# A trigram of more words than this is not followed if the query's word has rarer ones.
_COMMON_TRIGRAM = 4_000


@dataclass(frozen=True)
class _Arrays:
    """What the file holds. v words, p postings, g trigrams, d documents, n entries, m images.

    A word is a place among `fingerprints` uint64 [v], rising. Its documents are posting_documents int32 [p] with
    posting_weights uint8 [p] from posting_starts int64 [v + 1] on; the words of a trigram (trigrams uint64 [g], rising)
    likewise; trigram_counts uint8 [v] are how many trigrams each word has. document_entries int32 [d] are places among
    `entries` int64 [n], rising; document_images int32 [d] among `images` uint8 [m, 32], -1 for an entry's record.
    """

    fingerprints: npt.NDArray[np.uint64]
    posting_starts: Numbers
    posting_documents: npt.NDArray[np.int32]
    posting_weights: npt.NDArray[np.uint8]
    trigrams: npt.NDArray[np.uint64]
    trigram_starts: Numbers
    trigram_words: npt.NDArray[np.int32]
    trigram_counts: npt.NDArray[np.uint8]
    entries: Numbers
    document_entries: npt.NDArray[np.int32]
    images: npt.NDArray[np.uint8]
    document_images: npt.NDArray[np.int32]


class LexicalIndex:
    """The words of one collection. Thread-safe; it stays usable after its file is deleted."""

    def __init__(self, path: Path) -> None:
        """Open a file that `write_lexical_index` wrote and the caller has verified.

        Raises:
            OSError, ValueError: it cannot be read.
        """
        try:
            with safe_open(path, framework="numpy") as file:
                self._arrays = _Arrays(**{name: file.get_tensor(name) for name in _Arrays.__dataclass_fields__})
        except Exception as error:
            raise ValueError(f"{path} cannot be read ({error})") from error

    @property
    def entries(self) -> Numbers:
        """The numbers of the entries that have any word, int64 [n], rising."""
        return self._arrays.entries

    def weigh(self, terms: Mapping[str, float], without_images: Collection[str] = ()) -> tuple[Floats, float]:
        """What the words of a query say for each entry.

        Args:
            terms: words as `words` gives them, each with how sure it is, 0 to 1.
            without_images: images, by SHA-256, whose text does not count.

        Returns:
            nats float32 [n], by place among `entries`; and the most that an entry with all the words could have.
        """
        total = np.zeros(len(self._arrays.entries), np.float32)
        most = 0.0
        excluded = self._places(without_images)
        surest = sorted(terms, key=lambda word: -terms[word])[:MAX_TERMS]
        for term in surest:
            words, similarities = self._variants(term)
            nats = self._nats(words, similarities)
            entries, best = self._entries_of(words, nats * similarities**2, excluded)
            total[entries] += np.float32(terms[term]) * best
            most += terms[term] * float(nats.max(initial=0.0) if len(words) else np.log(max(len(total), 1)))
        return total, most

    def _variants(self, term: str) -> tuple[npt.NDArray[np.int32], Floats]:
        """The words of the vocabulary that a word may be, as places, and how similar they are to it, 0 to 1."""
        arrays, grams = self._arrays, trigrams(term)
        if is_exact(term):
            place = int(np.searchsorted(arrays.fingerprints, np.uint64(fingerprint(term))))
            found = place < len(arrays.fingerprints) and int(arrays.fingerprints[place]) == fingerprint(term)
            return np.array([place] if found else [], np.int32), np.ones(int(found), np.float32)
        if not len(arrays.trigrams):
            return np.empty(0, np.int32), np.empty(0, np.float32)
        keys = np.array(grams, np.uint64)
        at = np.searchsorted(arrays.trigrams, keys)
        known = at[(at < len(arrays.trigrams)) & (arrays.trigrams[np.minimum(at, len(arrays.trigrams) - 1)] == keys)]
        starts, ends = arrays.trigram_starts[known], arrays.trigram_starts[known + 1]
        rare = ends - starts <= _COMMON_TRIGRAM
        followed = np.flatnonzero(rare) if rare.sum() >= (len(grams) + 1) // 2 else np.argsort(ends - starts)
        parts = [arrays.trigram_words[starts[index] : ends[index]] for index in followed.tolist()]
        if not parts:
            return np.empty(0, np.int32), np.empty(0, np.float32)
        counted = np.bincount(np.concatenate(parts))
        # Sharing one trigram of several is too little for either kind of match.
        words = np.flatnonzero(counted >= min(2, len(parts))).astype(np.int32)
        shared = counted[words]
        # Trigrams that were not followed may be shared, too: their share is assumed to be that of the others.
        count = shared * (len(known) / max(len(parts), 1))
        lengths = arrays.trigram_counts[words].astype(np.float32)
        similarity = 2 * count / (lengths + len(grams))
        shorter = np.minimum(lengths, len(grams))
        contained = (count >= MIN_CONTAINED * (shorter - 1)) & (shorter >= MIN_CONTAINED_TRIGRAMS)
        similarity = np.maximum(similarity, np.where(contained, CONTAINED_DISCOUNT, 0.0))
        best = np.flatnonzero(similarity >= MIN_SIMILARITY)
        best = best[np.argsort(-similarity[best], kind="stable")][:MAX_VARIANTS]
        return words[best], np.minimum(similarity[best], 1.0).astype(np.float32)

    def _nats(self, words: npt.NDArray[np.int32], similarities: Floats) -> Floats:
        """What each of the words that a query's word may be says, float32 [m], 0 or more.

        An entry that carries it is one of those that carry it or one as similar: the exact word says most.
        """
        carrying = self._arrays.posting_starts[words + 1] - self._arrays.posting_starts[words]
        as_similar = (similarities[None, :] >= similarities[:, None]) @ carrying
        nats = np.log(max(len(self._arrays.entries), 1) / np.maximum(as_similar, 1))
        # Those of too many would take long, and tell next to nothing.
        return np.where(as_similar > MAX_POSTINGS, 0, np.maximum(nats, 0)).astype(np.float32)

    def _entries_of(
        self, words: npt.NDArray[np.int32], worth: Floats, excluded: npt.NDArray[np.int32]
    ) -> tuple[Numbers, Floats]:
        """The entries that carry any of some words of some worth: places, rising, each with the best of them."""
        arrays = self._arrays
        telling = worth > 0
        words, worth = words[telling], worth[telling]
        if not len(words):
            return np.empty(0, np.int64), np.empty(0, np.float32)
        starts, ends = arrays.posting_starts[words], arrays.posting_starts[words + 1]
        spans = [slice(int(start), int(end)) for start, end in zip(starts, ends, strict=True)]
        documents = np.concatenate([arrays.posting_documents[span] for span in spans])
        weights = np.concatenate([arrays.posting_weights[span] for span in spans]).astype(np.float32) / FULL_WEIGHT
        weights *= np.repeat(worth, ends - starts)
        if len(excluded):
            kept = ~np.isin(arrays.document_images[documents], excluded)
            documents, weights = documents[kept], weights[kept]
        entries, owner = np.unique(arrays.document_entries[documents], return_inverse=True)
        best = np.zeros(len(entries), np.float32)
        np.maximum.at(best, owner, weights)
        return entries.astype(np.int64), best

    def _places(self, images: Collection[str]) -> npt.NDArray[np.int32]:
        """The places of images that this index has."""
        names = [bytes.fromhex(image) for image in images]
        starts = np.ascontiguousarray(self._arrays.images[:, :8]).view(">u8")[:, 0]
        at = np.searchsorted(starts, np.array([int.from_bytes(name[:8], "big") for name in names], np.uint64))
        found = [(place, name) for place, name in zip(at.tolist(), names, strict=True) if place < len(starts)]
        return np.array([place for place, name in found if self._arrays.images[place].tobytes() == name], np.int32)


def top(weights: Floats, count: int, among: Sequence[int] | npt.NDArray[np.bool_]) -> Numbers:
    """The places of the highest positive weights, best first, `count` at most, where `among` bool [n] is True."""
    candidates = np.flatnonzero((weights > 0) & np.asarray(among, bool))
    if len(candidates) > count:
        candidates = candidates[np.argpartition(-weights[candidates], count - 1)[:count]]
    return candidates[np.lexsort((candidates, -weights[candidates]))].astype(np.int64)
