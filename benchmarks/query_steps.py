"""The steps of a search taken apart, so that each one's worth and cost can be told."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from embedding.encoders.protocol import Encoder, Vectors
from embedding.local import QUERY, Evidence, LocalFeatures, align_and_compare, extract, match, score
from embedding.query_views import CENTRE, QueryViews, embed_views, query_views
from index.generations.generations import Generation, open_live
from index.models import workspace_encoder
from index.records.entries import Entry
from index.search.answer import Query, QueryImage
from index.search.first_stage import CandidateSet, first_list
from index.search.group import group
from index.search.likelihood import judge
from index.search.orientation import choose_orientation, correct_rotation
from index.search.rerank import RERANK_DEPTHS, ImageMatch, Reranker, RerankResult, rerank, reranker_for
from index.stores.features import FeatureStore
from index.workspace import Workspace

Image = npt.NDArray[np.uint8]


@dataclass
class Clock:
    """Seconds spent by step in each query; what a step does within another counts for the inner one alone."""

    queries: list[dict[str, float]] = field(default_factory=list)
    _within: list[float] = field(default_factory=lambda: [0.0])

    def begin(self) -> None:
        """From now on it is the next query."""
        self.queries.append({})

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        self._within.append(0.0)
        started = time.perf_counter()
        yield
        taken = time.perf_counter() - started
        self.queries[-1][name] = self.queries[-1].get(name, 0.0) + taken - self._within.pop()
        self._within[-1] += taken

    def arrays(self) -> dict[str, npt.NDArray[np.float64]]:
        """Seconds by step, [n] each."""
        names = dict.fromkeys(name for query in self.queries for name in query)
        return {name: np.array([query.get(name, 0.0) for query in self.queries]) for name in names}


@dataclass(frozen=True)
class _TimedFeatures(FeatureStore):
    """A feature store whose time is told apart."""

    clock: Clock = field(default_factory=Clock)

    def get(self, images: Sequence[str]) -> list[LocalFeatures]:
        with self.clock.step("features of the catalogue's pictures"):
            return super().get(images)


@dataclass(frozen=True)
class Bench:
    """A generation to ask. `halves`: by set, products to be taken out, one half at a time."""

    generation: Generation
    encoder: Encoder
    reranker: Reranker
    halves: Mapping[str, tuple[frozenset[str], ...]]
    entries: Mapping[int, Entry]

    @classmethod
    def of(cls, workspace: Workspace, halves: Mapping[str, tuple[frozenset[str], ...]]) -> Bench:
        """The live generation of a workspace."""
        workspace, encoder = workspace_encoder(workspace, print)
        reranker, generation = reranker_for(workspace), open_live(workspace)
        assert reranker is not None, "quality is measured with the closer look: install the extra `clip`"
        entries = {entry.id: entry for entry in generation.records.entries("catalogue")}
        return cls(generation, encoder, reranker, halves, entries)

    def steps(
        self, image: Image, name: str, right: frozenset[str]
    ) -> tuple[dict[str, float], dict[str, tuple[float, bool]]]:
        """The rank of the right product after each step, and the likelihood of the first answer, half the products out.

        Cases of the likelihood: "padded <n>" among all galleries, "alone <n>" in the query's own.
        """
        whole = QueryViews(image, (image,), None)
        seen = query_views(image)
        plain = self._first([whole], image)
        first = self._first([seen], image)
        before, after = self._looked(seen, first)
        standing, upright = self._stood(seen, after)
        # Without the right product, which may have ended the closer look, the search goes on.
        ended = len(upright.looks[0].evidence) < len(_nearest(upright.first)[0])
        longer = self._looked(standing, upright.first, everything=True)[1] if ended else upright
        ranks = {
            "cosine of the whole picture": self._rank(RerankResult(plain, plain.pictures, ()), right),
            "+ views": self._rank(RerankResult(first, first.pictures, ()), right),
            "+ keypoints and colours": self._rank(before, right),
            "+ laid over one another": self._rank(after, right),
            "+ stood upright": self._rank(upright, right),
        }
        judged = {}
        for number, out in enumerate(self.halves.get(name, ())):
            for case, source in (("padded", None), ("alone", name)):
                looked = longer if right & out else upright
                if (told := self._judged(looked, right, out, source)) is not None:
                    judged[f"{case} {number}"] = told
        return ranks, judged

    def concealed(self, image: Image, hidden: Image, right: frozenset[str]) -> dict[str, float]:
        """The rank of the right product for a query that was sanitised: with that ignored, and handled."""
        handled = query_views(hidden)
        # One who does not know that something was hidden looks at the whole and, in a scene, at its middle.
        middle = [CENTRE.of(hidden)] if len(query_views(image).pictures) > 1 else []
        ignored = QueryViews(hidden, (hidden, *middle), None)
        ranks = {}
        for name, seen in (("ignored", ignored), ("handled", handled)):
            first = self._first([seen], hidden)
            ranks[f"{name}, cosine"] = self._rank(RerankResult(first, first.pictures, ()), right)
            ranks[f"{name}, looked closer"] = self._rank(self._stood(seen, self._looked(seen, first)[1])[1], right)
        return ranks

    def turned(self, image: Image, right: frozenset[str]) -> dict[str, float]:
        """The rank of the right product for a query that was taken turned: as it lies, and stood upright."""
        seen = query_views(image)
        lying = self._looked(seen, self._first([seen], image))[1]
        upright = self._stood(seen, lying)[1]
        return {"as it lies": self._rank(lying, right), "stood upright": self._rank(upright, right)}

    def rank(self, seen: Sequence[QueryViews], right: frozenset[str]) -> float:
        """The rank of the right product for several pictures of one thing."""
        examined = rerank(self._first(seen, seen[0].image), seen, self.reranker)
        if (upright := self._upright(seen, examined)) is not None:
            examined = choose_orientation(examined, rerank(self._first(upright, seen[0].image), upright, self.reranker))
        return self._rank(examined, right)

    def timed(self, image: Image, clock: Clock) -> None:
        """One search, each step on the clock."""
        features = self.reranker.features
        reranker = Reranker(_TimedFeatures(features.root, features.images, features.largest, clock=clock))
        clock.begin()
        with clock.step("views and sanitised areas"):
            seen = query_views(image)
        with clock.step("embedding"):
            pictures = embed_views([seen], self.encoder)
        query = Query((QueryImage(image),))
        with clock.step("first list"):
            first = first_list(query, pictures, None, self.generation, None)
        images, cosines = _nearest(first)
        with clock.step("query features"):
            asked = extract(seen.image, QUERY, seen.hidden)
        with clock.step("matching and planes"):
            kept, evidence = reranker.compare(asked, images)
        images, cosines = images[: len(kept)], cosines[: len(kept)]
        with clock.step("laying over and scores"):
            evidence = align_and_compare(asked, kept, evidence, score(cosines, asked, kept, evidence))
            scores = score(cosines, asked, kept, evidence)
        examined = _examined(first, images, evidence, scores)
        with clock.step("which way up"):
            correct_rotation([seen], pictures, examined, self.encoder, self.generation.engine("catalogue"), None)
        with clock.step("grouping, likelihood"):
            judge(group(examined, self.generation.records, query), self.generation.likelihood)

    def forgetful(self, folder: Path) -> Bench:
        """The same, with an empty folder to keep features of catalogue pictures in."""
        return replace(self, reranker=replace(self.reranker, features=replace(self.reranker.features, root=folder)))

    def _first(self, seen: Sequence[QueryViews], image: Image) -> CandidateSet:
        query = Query((QueryImage(image),), limit=50)
        return first_list(query, embed_views(seen, self.encoder), None, self.generation, None)

    def _looked(
        self, seen: QueryViews, first: CandidateSet, everything: bool = False
    ) -> tuple[RerankResult, RerankResult]:
        """What keypoints and colours tell, and what laying over tells on top; `everything`: doubt or not."""
        images, cosines = _nearest(first)
        asked = extract(seen.image, QUERY, seen.hidden)
        if everything:
            kept = self.reranker.features.get(images)
            evidence = match(asked, kept)
        else:
            kept, evidence = self.reranker.compare(asked, images)
        images, cosines = images[: len(kept)], cosines[: len(kept)]
        before = score(cosines, asked, kept, evidence)
        after = score(cosines, asked, kept, align_and_compare(asked, kept, evidence, before))
        return _examined(first, images, evidence, before), _examined(first, images, evidence, after)

    def _stood(self, seen: QueryViews, looked: RerankResult) -> tuple[QueryViews, RerankResult]:
        """A query picture and what came of it, as `search` leaves them: turned where it stands better so."""
        upright = self._upright([seen], looked)
        if upright is None:
            return seen, looked
        turned = self._looked(upright[0], self._first(upright, seen.image))[1]
        return (upright[0], turned) if choose_orientation(looked, turned) is turned else (seen, looked)

    def _upright(self, seen: Sequence[QueryViews], examined: RerankResult) -> Sequence[QueryViews] | None:
        pictures, engine = embed_views(seen, self.encoder), self.generation.engine("catalogue")
        upright = correct_rotation(seen, pictures, examined, self.encoder, engine, None)
        return upright and upright[0]

    def _rank(self, examined: RerankResult, right: frozenset[str]) -> float:
        """As `group` ranks entries, without all that it tells of each."""
        best: dict[int, float] = {}
        for number, scores in zip(examined.first.entries, examined.scores.tolist(), strict=True):
            best[number] = max(best.get(number, -np.inf), sum(scores))
        ranked = sorted(best, key=lambda number: (-best[number], number))
        places = (n for n, number in enumerate(ranked, start=1) if self.entries[number].fields.entry_id in right)
        return float(next(places, np.inf))

    def _judged(
        self, examined: RerankResult, right: frozenset[str], out: frozenset[str], source: str | None
    ) -> tuple[float, bool] | None:
        """The likelihood of the first answer without some products, and whether it is right; of one source or all."""
        first = examined.first
        left = [
            place
            for place, entry in enumerate(self.entries[number] for number in first.entries)
            if entry.fields.entry_id not in out and source in (None, entry.source)
        ]
        if not left:
            return None
        shorter = CandidateSet(
            tuple(first.entries[place] for place in left),
            tuple(first.images[place] for place in left),
            tuple(first.regions[place] for place in left),
            first.pictures[left],
            None,
        )
        found = group(RerankResult(shorter, examined.scores[left], examined.looks), self.generation.records, _query(2))
        _, judged = judge(found, self.generation.likelihood)
        return float(judged[0].likelihood or 0.0), judged[0].entry.fields.entry_id in right


def _query(limit: int) -> Query:
    """Grouping asks a query only for how many answers it wants and of what."""
    return Query((QueryImage(np.zeros((1, 1, 3), np.uint8)),), limit=limit)


def _examined(
    first: CandidateSet, images: Sequence[str], evidence: Sequence[Evidence], scores: Vectors
) -> RerankResult:
    look = ImageMatch(dict(zip(images, evidence, strict=True)), dict(zip(images, scores.tolist(), strict=True)))
    both = [look.scores.get(image, float(c[0])) for image, c in zip(first.images, first.pictures, strict=True)]
    return RerankResult(first, np.array(both, np.float32)[:, None], (look,))


def _nearest(first: CandidateSet) -> tuple[list[str], Vectors]:
    """The images that may be looked at closer, nearest first, and their cosines [n]."""
    order = np.argsort(-first.pictures.max(axis=1), kind="stable").tolist()
    place = {first.images[index]: index for index in reversed(order)}
    images = list(dict.fromkeys(first.images[index] for index in order))[: max(RERANK_DEPTHS)]
    return images, first.pictures[[place[image] for image in images], 0]
