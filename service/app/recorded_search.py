"""What the audit holds of a search, and the same search again on its generation."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Any

from embedding.encoders.card import ModelCard
from embedding.encoders.protocol import Encoder
from embedding.errors import TraceObjectError
from embedding.image.decode import decode
from embedding.image.regions import Region
from index.generations.generations import Generation
from index.records.filters import Filter
from index.search.answer import Answer, Query, QueryImage
from index.search.ranking_digest import ranking_digests
from index.search.rerank import Reranker
from index.search.search import search
from index.stores.images import ImageStore
from index.workspace import Workspace
from service.app.question import Question
from service.app.replay_differences import Difference, because, differences, program_version, rerank_depths

# Scores of one search differ by less where an encoder ran it alone, or together with others.
SAME = 1e-3


class ReplayImpossible(TraceObjectError):
    """A search cannot be run again: what it ran on is gone, or a picture is not given."""


@dataclass(frozen=True)
class Replay:
    """The ranking that was recorded and the one found now, as (source, id, score), best first.

    `differences`: what decides a ranking and is not what it was. `digested`: whether the record has digests of that;
    those of earlier versions have none, and what is not named in them cannot be compared.
    """

    recorded: tuple[tuple[str, str, float], ...]
    found: tuple[tuple[str, str, float], ...]
    differences: tuple[Difference, ...] = ()
    digested: bool = True

    @property
    def same(self) -> bool:
        """Whether the same entries come in the same order, with the same scores but for rounding."""
        return [ranked[:2] for ranked in self.recorded] == [ranked[:2] for ranked in self.found] and self.apart < SAME

    @property
    def apart(self) -> float:
        """How far the scores of one rank differ at most."""
        return max((abs(was[2] - now[2]) for was, now in zip(self.recorded, self.found, strict=False)), default=0.0)


def search_told(
    question: Question,
    without: Sequence[str],
    generation: Generation,
    card: ModelCard,
    reranker: Reranker | None,
    answer: Answer,
) -> dict[str, Any]:
    """A search as plain data: what it takes to run it again, and what it answered. Pictures by SHA-256 alone.

    Args:
        card: the model's; closer: what re-ranked, None where nothing did.
    """
    names = question.named or ("",) * len(question.pictures)
    return {
        "query_id": answer.query_id,
        "collection": question.collection,
        "pictures": [
            {
                "sha256": name or sha256_of(data),
                "from": "index" if name else "sent",
                "box": [region.x0, region.y0, region.x1, region.y1],
            }
            for data, name, region in zip(question.pictures, names, question.regions, strict=True)
        ],
        "text": question.text,
        "filters": [[wanted.key, wanted.value] for wanted in question.filters],
        "limit": question.limit,
        "without": list(without),
        "generation": generation.number,
        "content": generation.manifest.content,
        "model": generation.manifest.model,
        "model_sha256": generation.manifest.model_sha256,
        "parameters": {"closer_look": rerank_depths(reranker), "version": program_version()},
        "digests": asdict(ranking_digests(card, generation.manifest)),
        "verdict": answer.verdict,
        "ranked": [
            [candidate.entry.source, candidate.entry.fields.entry_id, float(candidate.score), candidate.likelihood]
            for candidate in answer.candidates
        ],
    }


def replay(
    record: Mapping[str, Any],
    workspace: Workspace,
    encoder: Encoder,
    reranker: Reranker | None,
    given: Mapping[str, bytes],
) -> Replay:
    """Run a recorded search again, on the generation that answered it, and compare what decides its ranking.

    Args:
        closer: the re-ranker that is at hand; a search that was not re-ranked is run without it.
        given: pictures that were sent, by the SHA-256 of their bytes; those of the index are there already.

    Raises:
        ReplayImpossible: the generation is no longer kept or was rebuilt, another model is in use, re-ranking is not
            installed, or a picture lacks.
        GenerationError: the generation does not verify.
    """
    folder = workspace.generations / str(record["generation"])
    if not folder.is_dir():
        raise ReplayImpossible(because(differences(record, encoder.card, None, reranker)))
    with closing(Generation(folder)) as generation:
        differing = differences(record, encoder.card, generation.manifest, reranker)
        if any(difference.prevents for difference in differing):
            raise ReplayImpossible(because(differing))
        query = _query(record, ImageStore(workspace.images), given)
        answer = search(query, generation, encoder, reranker if record["parameters"]["closer_look"] else None)
    return Replay(
        tuple((source, entry_id, score) for source, entry_id, score, _ in record["ranked"]),
        tuple((one.entry.source, one.entry.fields.entry_id, one.score) for one in answer.candidates),
        differing,
        "digests" in record,
    )


def _query(record: Mapping[str, Any], images: ImageStore, given: Mapping[str, bytes]) -> Query:
    return Query(
        tuple(_picture(told, images, given) for told in record["pictures"]),
        record["text"],
        record["collection"],
        tuple(Filter(key, value) for key, value in record["filters"]),
        record["limit"],
        tuple(record["without"]),
    )


def sha256_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _picture(told: Mapping[str, Any], images: ImageStore, given: Mapping[str, bytes]) -> QueryImage:
    if told["from"] == "index":
        data: bytes | None = images.read(told["sha256"])
    else:
        data = given.get(told["sha256"])
    if data is None:
        raise ReplayImpossible(f"pictures that were sent are not kept: give the one with SHA-256 {told['sha256']}")
    return QueryImage(decode(data), Region(*told["box"]))
