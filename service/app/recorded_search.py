"""The audit record of a search, and its replay on the generation that answered it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Any

from embedding.encoders.card import ModelCard
from embedding.encoders.protocol import Encoder
from embedding.errors import TraceObjectError
from embedding.image.decode import decode
from embedding.image.regions import Region
from embedding.text.reading import TextReader
from index.generations.generations import JOB_PATIENCE, Generation, numbers, open_generation
from index.records.filters import Filter
from index.search.answer import Answer, Query, QueryImage
from index.search.ranking_digest import ranking_digests
from index.search.rerank import Reranker
from index.search.search import search
from index.stores.images import ImageStore
from index.workspace import Workspace
from service.app.replay_differences import Difference, differences, explanation, program_version, rerank_depths
from service.app.search_request import SearchRequest

# Scores of one search differ by less than this, whatever other pictures shared its encoder batch.
SCORE_TOLERANCE = 1e-3


class ReplayImpossible(TraceObjectError):
    """A search cannot be run again: its generation or model is gone, or an uploaded picture was not given."""


@dataclass(frozen=True)
class Replay:
    """The recorded ranking and the replayed one, as (source, id, score), best first.

    `differences`: what decides a ranking and has changed since. `has_digests`: whether the record has digests to
    compare; records of earlier versions have none, so that some changes cannot be detected.
    """

    recorded: tuple[tuple[str, str, float], ...]
    replayed: tuple[tuple[str, str, float], ...]
    differences: tuple[Difference, ...] = ()
    has_digests: bool = True

    @property
    def is_same(self) -> bool:
        """Whether the same entries come in the same order, with equal scores within SCORE_TOLERANCE."""
        recorded, replayed = ([entry[:2] for entry in ranking] for ranking in (self.recorded, self.replayed))
        return recorded == replayed and self.max_score_difference < SCORE_TOLERANCE

    @property
    def max_score_difference(self) -> float:
        """The largest difference between the two scores of one rank."""
        return max((abs(was[2] - now[2]) for was, now in zip(self.recorded, self.replayed, strict=False)), default=0.0)


def search_record(
    request: SearchRequest,
    query: Query,
    generation: Generation,
    card: ModelCard,
    reranker: Reranker | None,
    answer: Answer,
    text_reader: TextReader | None = None,
) -> dict[str, Any]:
    """A search as plain data: all that is needed to run it again, and its answer. Pictures by SHA-256 only.

    Args:
        query: the request's, with the images of the index that were not to answer.
        card: of the model that embedded the query.
        reranker: what re-ranked the candidates; None where nothing did.
        text_reader: what read the pictures, unless a person wrote what is on them.
    """
    names = request.index_images or ("",) * len(request.pictures)
    return {
        "query_id": answer.query_id,
        "collection": request.collection,
        "pictures": [
            {
                "sha256": name or sha256_of(data),
                "from": "index" if name else "sent",
                "box": [region.x0, region.y0, region.x1, region.y1],
            }
            for data, name, region in zip(request.pictures, names, request.regions, strict=True)
        ],
        "text": request.text,
        "written": None if query.written is None else list(query.written),
        "read": [[line.words for line in reading.lines] for reading in answer.readings],
        "codes": [[code.content for code in reading.codes] for reading in answer.readings],
        "filters": [[condition.key, condition.value] for condition in request.filters],
        "limit": request.limit,
        "without": list(query.without_images),
        "generation": generation.number,
        "content": generation.manifest.content,
        "model": generation.manifest.model,
        "model_sha256": generation.manifest.model_sha256,
        "parameters": {
            "closer_look": rerank_depths(reranker),
            "text_reader": text_reader.version if text_reader and query.written is None else None,
            "version": program_version(),
        },
        "digests": asdict(ranking_digests(card, generation.manifest)),
        # Only of engines whose lists may differ another day: a replay compares the same rows again.
        **({"first_lists": [list(rows) for rows in answer.first_lists]} if answer.first_lists else {}),
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
    uploads: Mapping[str, bytes],
    text_reader: TextReader | None = None,
) -> Replay:
    """Run a recorded search again on the generation that answered it, and compare the rankings.

    Args:
        reranker: the installed re-ranker; it is not used for a search that was not re-ranked.
        text_reader: the installed reader of text; it is not used for a search that read none.
        uploads: the pictures that were uploaded, by the SHA-256 of their bytes; those of the index are read from it.

    Raises:
        ReplayImpossible: the generation is no longer kept or was rebuilt, another model is in use, the libraries for
            re-ranking are not installed, or an uploaded picture is missing.
        GenerationError: the generation does not verify.
        EngineUnavailable: its vectors are on a server that is not ready.
    """
    if record["generation"] not in numbers(workspace):
        raise ReplayImpossible(explanation(differences(record, encoder.card, None, reranker, text_reader)))
    with closing(open_generation(workspace, int(record["generation"]), JOB_PATIENCE)) as generation:
        differing = differences(record, encoder.card, generation.manifest, reranker, text_reader)
        if any(difference.prevents for difference in differing):
            raise ReplayImpossible(explanation(differing))
        query = _query(record, ImageStore(workspace.objects), uploads)
        parameters = record["parameters"]
        answer = search(
            query,
            generation,
            encoder,
            reranker if parameters["closer_look"] else None,
            text_reader=text_reader if parameters.get("text_reader") else None,
            recorded=tuple(tuple(rows) for rows in record.get("first_lists", ())),
        )
    return Replay(
        tuple((source, entry_id, score) for source, entry_id, score, _ in record["ranked"]),
        tuple((one.entry.source, one.entry.fields.entry_id, one.score) for one in answer.candidates),
        differing,
        "digests" in record,
    )


def _query(record: Mapping[str, Any], images: ImageStore, uploads: Mapping[str, bytes]) -> Query:
    return Query(
        tuple(_picture(picture, images, uploads) for picture in record["pictures"]),
        record["text"],
        record["collection"],
        tuple(Filter(key, value) for key, value in record["filters"]),
        record["limit"],
        tuple(record["without"]),
        None if record.get("written") is None else tuple(record["written"]),
    )


def sha256_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _picture(picture: Mapping[str, Any], images: ImageStore, uploads: Mapping[str, bytes]) -> QueryImage:
    if picture["from"] == "index":
        data: bytes | None = images.read(picture["sha256"])
    else:
        data = uploads.get(picture["sha256"])
    if data is None:
        raise ReplayImpossible(f"uploaded pictures are not kept: give the one with SHA-256 {picture['sha256']}")
    return QueryImage(decode(data), Region(*picture["box"]))
