"""A search run step by step, to measure what each step gains and costs."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from embedding.encoders.protocol import Encoder, Vectors
from embedding.local import (
    QUERY_PLAN,
    GeometricMatch,
    LocalFeatures,
    align_and_compare,
    cosine_score,
    extract,
    score,
)
from embedding.query_views import CENTRE, QueryViews, embed_views, query_views
from embedding.text.reader import text_reader
from embedding.text.reading import TextReader
from index.generations.generations import Generation, open_live
from index.models import workspace_encoder
from index.records.entries import Entry
from index.search.answer import Query, QueryImage
from index.search.first_stage import CandidateSet, first_stage
from index.search.group import group_by_entry
from index.search.likelihood import apply_likelihood
from index.search.neighbours import EngineNeighbours, neighbours_of
from index.search.orientation import choose_orientation, correct_rotation
from index.search.rerank import ImageMatch, Reranker, RerankResult, nearest_images, rerank, reranker_for, verify
from index.search.text_evidence import TextScores, read_query, weigh_text
from index.stores.features import FeatureStore
from index.stores.objects.folder import FolderObjects
from index.workspace import Workspace

Image = npt.NDArray[np.uint8]


@dataclass
class Clock:
    """Seconds spent by step in each query; the time of a nested step counts for the inner one alone."""

    queries: list[dict[str, float]] = field(default_factory=list)
    _nested: list[float] = field(default_factory=lambda: [0.0])

    def begin(self) -> None:
        """Begin the next query."""
        self.queries.append({})

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        self._nested.append(0.0)
        started = time.perf_counter()
        yield
        taken = time.perf_counter() - started
        self.queries[-1][name] = self.queries[-1].get(name, 0.0) + taken - self._nested.pop()
        self._nested[-1] += taken

    def arrays(self) -> dict[str, npt.NDArray[np.float64]]:
        """Seconds by step, [n] each."""
        names = dict.fromkeys(name for query in self.queries for name in query)
        return {name: np.array([query.get(name, 0.0) for query in self.queries]) for name in names}


class _TimedFeatures(FeatureStore):
    """A feature store whose time is measured separately."""

    def __init__(self, store: FeatureStore, clock: Clock) -> None:
        super().__init__(store.objects, store.images)
        self.clock = clock

    def get(self, images: Sequence[str]) -> list[LocalFeatures]:
        with self.clock.step("features of the catalogue's pictures"):
            return super().get(images)


@dataclass(frozen=True)
class Bench:
    """A generation to search. `halves`: by set, products to be left out, one half at a time."""

    generation: Generation
    encoder: Encoder
    reranker: Reranker
    halves: Mapping[str, tuple[frozenset[str], ...]]
    entries: Mapping[int, Entry]
    text_reader: TextReader | None = None

    @classmethod
    def of(cls, workspace: Workspace, halves: Mapping[str, tuple[frozenset[str], ...]]) -> Bench:
        """The live generation of a workspace."""
        workspace, encoder = workspace_encoder(workspace, print)
        reranker, generation = reranker_for(workspace), open_live(workspace)
        assert reranker is not None, "quality is measured with re-ranking: install the extra `clip`"
        entries = {entry.id: entry for entry in generation.records.entries("catalogue")}
        return cls(generation, encoder, reranker, halves, entries, text_reader())

    def steps(
        self, image: Image, name: str, right: frozenset[str]
    ) -> tuple[dict[str, float], dict[str, tuple[float, bool]]]:
        """The rank of the right product after each step, and the first candidate when half of the products is left out.

        Of the first candidate, its likelihood and whether it is right, by case: "padded <n>" among all galleries,
        "alone <n>" in the query's own.
        """
        whole = QueryViews(image, (image,), None)
        views = query_views(image)
        by_whole = self._first_stage([whole], image)
        by_views = self._first_stage([views], image)
        verified, aligned = self._rerank(views, by_views)
        _, chosen = self._orient(views, aligned)
        ranks = {
            "cosine of the whole picture": self._rank(_by_cosine(by_whole), right),
            "+ views": self._rank(_by_cosine(by_views), right),
            "+ keypoints and colours": self._rank(verified, right),
            "+ aligned surfaces": self._rank(aligned, right),
            "+ orientation": self._rank(chosen, right),
            **self._with_text(views, image, right),
        }
        judged = {}
        for number, out in enumerate(self.halves.get(name, ())):
            for case, source in (("padded", None), ("alone", name)):
                if (outcome := self._first_candidate(chosen, right, out, source)) is not None:
                    judged[f"{case} {number}"] = outcome
        return ranks, judged

    def _with_text(self, views: QueryViews, image: Image, right: frozenset[str]) -> dict[str, float]:
        """The rank with the words on the object as a step over the score, and with them as a first list, too."""
        query = Query((QueryImage(image),), limit=50)
        scores = weigh_text(read_query(query, [views], self.text_reader), query, self.generation)
        if scores is None:
            plain = self.rank([views], right)
            return {"+ text": plain, "+ text first list": plain}
        return {
            "+ text": self.rank([views], right, replace(scores, candidates=())),
            "+ text first list": self.rank([views], right, scores),
        }

    def concealed(self, image: Image, hidden: Image, right: frozenset[str]) -> dict[str, float]:
        """The rank of the right product for a query that was sanitised: with that ignored, and handled."""
        handled = query_views(hidden)
        # What a search does that ignores sanitised areas: the whole and, of a scene, its centre.
        centre = [CENTRE.of(hidden)] if len(query_views(image).views) > 1 else []
        ignored = QueryViews(hidden, (hidden, *centre), None)
        ranks = {}
        for name, views in (("ignored", ignored), ("handled", handled)):
            candidate_set = self._first_stage([views], hidden)
            ranks[f"{name}, cosine"] = self._rank(_by_cosine(candidate_set), right)
            reranked = self._orient(views, self._rerank(views, candidate_set)[1])[1]
            ranks[f"{name}, re-ranked"] = self._rank(reranked, right)
        ranks["handled, with text"] = self._with_text(handled, hidden, right)["+ text first list"]
        return ranks

    def rotated(self, image: Image, right: frozenset[str]) -> dict[str, float]:
        """The rank of the right product for a rotated photo: as taken, and with its orientation corrected."""
        views = query_views(image)
        as_taken = self._rerank(views, self._first_stage([views], image))[1]
        corrected = self._orient(views, as_taken)[1]
        return {"as taken": self._rank(as_taken, right), "orientation corrected": self._rank(corrected, right)}

    def rank(self, views: Sequence[QueryViews], right: frozenset[str], text: TextScores | None = None) -> float:
        """The rank of the right product for several pictures of one object; `text`: what the words on it say."""
        reranked = rerank(self._first_stage(views, views[0].image, text), views, self.reranker)
        if (rotated := self._correct_rotation(views, reranked)) is not None:
            candidate_set = self._first_stage(rotated, views[0].image, text)
            reranked = choose_orientation(reranked, rerank(candidate_set, rotated, self.reranker))
        return self._rank(reranked, right)

    def timed(self, image: Image, clock: Clock) -> None:
        """One search, each step on the clock."""
        store = self.reranker.features
        reranker = Reranker(_TimedFeatures(store, clock))
        clock.begin()
        with clock.step("views and sanitised areas"):
            views = query_views(image)
        with clock.step("embedding"):
            image_embeddings = embed_views([views], self.encoder)
        query = Query((QueryImage(image),))
        with clock.step("first stage"):
            candidate_set = first_stage(
                query, image_embeddings, None, self.generation, neighbours_of(query, self.generation)
            )
        images, cosines = _nearest(candidate_set)
        with clock.step("query features"):
            query_features = extract(views.image, QUERY_PLAN, views.hidden)
        features = reranker.features.get(images)
        with clock.step("matching and verification"):
            matches = verify(query_features, features, cosines)
        with clock.step("alignment and scores"):
            scores = score(cosines, query_features, features, matches)
            matches = align_and_compare(query_features, features, matches, scores)
            scores = score(cosines, query_features, features, matches)
        reranked = _result(candidate_set, images, matches, scores)
        with clock.step("orientation"):
            neighbours = neighbours_of(query, self.generation)
            correct_rotation([views], image_embeddings, reranked, self.encoder, neighbours)
        with clock.step("grouping, likelihood"):
            candidates = group_by_entry(reranked, self.generation.records, query)
            apply_likelihood(candidates, self.generation.likelihood)

    def with_features_in(self, folder: Path) -> Bench:
        """The same, with another folder for the features of catalogue pictures."""
        return replace(self, reranker=Reranker(FeatureStore(FolderObjects(folder), self.reranker.features.images)))

    def _first_stage(self, views: Sequence[QueryViews], image: Image, text: TextScores | None = None) -> CandidateSet:
        query = Query((QueryImage(image),), limit=50)
        neighbours = neighbours_of(query, self.generation)
        return first_stage(query, embed_views(views, self.encoder), None, self.generation, neighbours, text)

    def _rerank(self, views: QueryViews, candidate_set: CandidateSet) -> tuple[RerankResult, RerankResult]:
        """Re-ranked by keypoints and colours, and by aligned surfaces too."""
        images, cosines = _nearest(candidate_set)
        query_features = extract(views.image, QUERY_PLAN, views.hidden)
        features = self.reranker.features.get(images)
        matches = verify(query_features, features, cosines)
        verified = score(cosines, query_features, features, matches)
        with_agreement = align_and_compare(query_features, features, matches, verified)
        aligned = score(cosines, query_features, features, with_agreement)
        return _result(candidate_set, images, matches, verified), _result(candidate_set, images, matches, aligned)

    def _orient(self, views: QueryViews, reranked: RerankResult) -> tuple[QueryViews, RerankResult]:
        """A query picture and its result as `search` leaves them: rotated where that scores clearly higher."""
        rotated_views = self._correct_rotation([views], reranked)
        if rotated_views is None:
            return views, reranked
        rotated = self._rerank(rotated_views[0], self._first_stage(rotated_views, views.image))[1]
        return (rotated_views[0], rotated) if choose_orientation(reranked, rotated) is rotated else (views, reranked)

    def _correct_rotation(self, views: Sequence[QueryViews], reranked: RerankResult) -> Sequence[QueryViews] | None:
        image_embeddings = embed_views(views, self.encoder)
        neighbours = EngineNeighbours(self.generation.engine("catalogue"), None)
        rotated = correct_rotation(views, image_embeddings, reranked, self.encoder, neighbours)
        return rotated and rotated[0]

    def _rank(self, reranked: RerankResult, right: frozenset[str]) -> float:
        """The rank of the right product among entries, as `group_by_entry` ranks them."""
        best: dict[int, float] = {}
        for number, scores in zip(reranked.candidate_set.entries, reranked.scores.tolist(), strict=True):
            best[number] = max(best.get(number, -np.inf), sum(scores))
        ranked = sorted(best, key=lambda number: (-best[number], number))
        places = (n for n, number in enumerate(ranked, start=1) if self.entries[number].fields.entry_id in right)
        return float(next(places, np.inf))

    def _first_candidate(
        self, reranked: RerankResult, right: frozenset[str], out: frozenset[str], source: str | None
    ) -> tuple[float, bool] | None:
        """The likelihood of the first candidate without the products `out`, and whether it is right."""
        candidate_set = reranked.candidate_set
        left = [
            place
            for place, entry in enumerate(self.entries[number] for number in candidate_set.entries)
            if entry.fields.entry_id not in out and source in (None, entry.source)
        ]
        if not left:
            return None
        shorter = CandidateSet(
            tuple(candidate_set.entries[place] for place in left),
            tuple(candidate_set.images[place] for place in left),
            tuple(candidate_set.regions[place] for place in left),
            candidate_set.image_cosines[left],
            candidate_set.standard_cosines[left],
            None,
        )
        result = RerankResult(shorter, reranked.scores[left], reranked.image_matches)
        candidates = group_by_entry(result, self.generation.records, _query(2))
        candidates = apply_likelihood(candidates, self.generation.likelihood)
        return float(candidates[0].likelihood or 0.0), candidates[0].entry.fields.entry_id in right


def _query(limit: int) -> Query:
    """A query of any picture: grouping uses only its limit and its collection."""
    return Query((QueryImage(np.zeros((1, 1, 3), np.uint8)),), limit=limit)


def _by_cosine(candidate_set: CandidateSet) -> RerankResult:
    return RerankResult(candidate_set, candidate_set.image_cosines, ())


def _result(
    candidate_set: CandidateSet, images: Sequence[str], matches: Sequence[GeometricMatch], scores: Vectors
) -> RerankResult:
    """The result of one query picture of which some images were re-ranked; the others are scored by their cosine."""
    image_match = ImageMatch(dict(zip(images, matches, strict=True)), dict(zip(images, scores.tolist(), strict=True)))
    base = cosine_score(candidate_set.standard_cosines[:, 0]).tolist()
    combined = [image_match.scores.get(image, alone) for image, alone in zip(candidate_set.images, base, strict=True)]
    return RerankResult(candidate_set, np.array(combined, np.float32)[:, None], (image_match,))


def _nearest(candidate_set: CandidateSet) -> tuple[list[str], Vectors]:
    """The images that may be re-ranked for one query picture, nearest first, and their standard cosines [n]."""
    images, cosines = nearest_images(candidate_set)
    return images, cosines[:, 0]
