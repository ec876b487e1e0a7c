"""A lexical index is built: documents to words, and words to documents, as arrays in one file."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save_file

from index.lexical.words import fingerprint, trigrams

Array = npt.NDArray[np.generic]
FULL_WEIGHT = 255


@dataclass(frozen=True)
class Document:
    """Words of one entry: of its record, or (with `image`, a SHA-256) read off one of its images.

    `weights`: how much each word counts, above 0 and up to 1: how sure it was read, how much the field tells.
    """

    entry: int
    weights: Mapping[str, float]
    image: str = ""


@dataclass
class _Postings:
    """The documents of each word while an index is built: places in the vocabulary, documents and weights, flat."""

    vocabulary: dict[str, int] = field(default_factory=dict)
    words: array[int] = field(default_factory=lambda: array("i"))
    documents: array[int] = field(default_factory=lambda: array("i"))
    weights: array[int] = field(default_factory=lambda: array("B"))


def write_lexical_index(path: Path, documents: Iterable[Document]) -> None:
    """Write the index of some documents, in any order, to a file."""
    postings, entries, images = _Postings(), array("q"), list[str]()
    vocabulary = postings.vocabulary
    for number, document in enumerate(documents):
        entries.append(document.entry)
        images.append(document.image)
        for word, weight in document.weights.items():
            postings.words.append(vocabulary.setdefault(word, len(vocabulary)))
            postings.documents.append(number)
            postings.weights.append(max(1, min(FULL_WEIGHT, round(weight * FULL_WEIGHT))))
    save_file(dict(_arrays(postings, np.frombuffer(entries, np.int64), images)), path)


def _arrays(postings: _Postings, entries: npt.NDArray[np.int64], images: list[str]) -> Iterable[tuple[str, Array]]:
    """The arrays of the file, by name; LexicalIndex says what each is."""
    vocabulary = list(postings.vocabulary)
    prints = np.array([fingerprint(word) for word in vocabulary], np.uint64)
    order = np.argsort(prints)
    place = np.empty(len(order), np.int32)
    place[order] = np.arange(len(order), dtype=np.int32)
    yield "fingerprints", prints[order]

    word = place[np.frombuffer(postings.words, np.int32)] if len(postings.words) else np.empty(0, np.int32)
    by_word = np.argsort(word, kind="stable")
    yield "posting_starts", _starts(word, len(vocabulary))
    yield "posting_documents", np.frombuffer(postings.documents, np.int32)[by_word]
    yield "posting_weights", np.frombuffer(postings.weights, np.uint8)[by_word]

    grams = [trigrams(vocabulary[index]) for index in order.tolist()]
    counts = np.array([len(each) for each in grams], np.int64)
    flat = np.fromiter((gram for each in grams for gram in each), np.uint64, int(counts.sum()))
    of_word = np.repeat(np.arange(len(grams), dtype=np.int32), counts)
    keys, of_key = np.unique(flat, return_inverse=True)
    by_gram = np.argsort(of_key, kind="stable")
    yield "trigrams", keys
    yield "trigram_starts", _starts(of_key, len(keys))
    yield "trigram_words", of_word[by_gram]
    yield "trigram_counts", counts.astype(np.uint8)

    numbers, of_document = np.unique(entries, return_inverse=True)
    yield "entries", numbers
    yield "document_entries", of_document.astype(np.int32)
    names = sorted(set(images) - {""})
    yield "images", np.frombuffer(bytes.fromhex("".join(names)), np.uint8).reshape(-1, 32)
    at = {name: index for index, name in enumerate(names)} | {"": -1}
    yield "document_images", np.array([at[image] for image in images], np.int32)


def _starts(owner: npt.NDArray[np.integer], count: int) -> npt.NDArray[np.int64]:
    """Where the items of each of `count` owners start once they are sorted by owner; and, last, their number."""
    return np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=count))]).astype(np.int64)
