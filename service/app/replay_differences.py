"""What has changed since a recorded search was answered: why it cannot be replayed exactly, or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from embedding.encoders.card import ModelCard
from embedding.text.reading import TextReader
from index.generations.manifest import Manifest
from index.search.ranking_digest import RankingDigests, ranking_digests
from index.search.rerank import FINALISTS, RERANK_DEPTH, Reranker


@dataclass(frozen=True)
class Difference:
    """One change since the search was recorded. `prevents`: it makes a replay impossible."""

    what: str
    prevents: bool = False


def program_version() -> str:
    """The version of the installed program."""
    return version("traceobject")


def rerank_depths(reranker: Reranker | None) -> list[int]:
    """How many pictures a search compares closely, and coarsely; empty without re-ranking."""
    return [FINALISTS, RERANK_DEPTH] if reranker else []


def differences(
    record: Mapping[str, Any],
    card: ModelCard,
    manifest: Manifest | None,
    reranker: Reranker | None,
    text_reader: TextReader | None,
) -> tuple[Difference, ...]:
    """The differences between a search's audit record and the installation that would replay it.

    Args:
        card: of the model in use.
        manifest: of the recorded generation, None where it is no longer kept.
        reranker: the installed re-ranker, whether the recorded search used one or not; None where there is none.
        text_reader: the installed reader of text, likewise.
    """
    return (
        *_of_model(record, card),
        *_of_generation(record, manifest),
        *_of_reranking(record, reranker),
        *_of_text(record, text_reader),
        *(() if manifest is None else _of_digests(record, card, manifest)),
        *_of_version(record),
    )


def explanation(found: Sequence[Difference]) -> str:
    """The differences as a sentence."""
    return f"cannot be replayed exactly, because {'; '.join(difference.what for difference in found)}"


def _of_model(record: Mapping[str, Any], card: ModelCard) -> tuple[Difference, ...]:
    then, now = (record["model"], record["model_sha256"]), (card.name, card.sha256 or "")
    if then == now:
        return ()
    (was, weights), (name, sha256) = then, now
    return (
        Difference(
            f"the model is another: {was} (weights {weights[:12]}) answered then, {name} (weights {sha256[:12]}) is in "
            "use now",
            prevents=True,
        ),
    )


def _of_generation(record: Mapping[str, Any], manifest: Manifest | None) -> tuple[Difference, ...]:
    number = record["generation"]
    if manifest is None:
        kept = "the setting keep_generations says how many are"
        return (Difference(f"generation {number} is no longer kept ({kept})", prevents=True),)
    if manifest.content != record["content"]:
        return (
            Difference(f"generation {number} was rebuilt since, without something that was forgotten", prevents=True),
        )
    return ()


def _of_reranking(record: Mapping[str, Any], reranker: Reranker | None) -> tuple[Difference, ...]:
    then = record["parameters"]["closer_look"]
    if not then or then == rerank_depths(reranker):
        return ()
    if reranker is None:
        return (
            Difference("it was re-ranked, for which libraries are missing here: pip install 'traceobject[clip]'", True),
        )
    return (Difference(f"re-ranking compared {then} pictures then, and compares {rerank_depths(reranker)} now"),)


def _of_text(record: Mapping[str, Any], text_reader: TextReader | None) -> tuple[Difference, ...]:
    then = record["parameters"].get("text_reader")
    if then is None or (text_reader is not None and text_reader.version == then):
        return ()
    if text_reader is None:
        return (Difference("text was read, for which packages or the setting `text` are missing here", prevents=True),)
    return (Difference(f"text was read by {then} then, and is by {text_reader.version} now"),)


def _of_digests(record: Mapping[str, Any], card: ModelCard, manifest: Manifest) -> tuple[Difference, ...]:
    if "digests" not in record:
        return ()
    then, now = RankingDigests(**record["digests"]), ranking_digests(card, manifest)
    return tuple(
        Difference(f"{what} (digest {was[:12]} then, {found[:12]} now)")
        for what, was, found in (
            (f"the model {card.name} is described otherwise", then.model, now.model),
            ("the search parameters differ", then.search_parameters, now.search_parameters),
            (f"generation {manifest.generation} has other files", then.generation, now.generation),
        )
        if was != found
    )


def _of_version(record: Mapping[str, Any]) -> tuple[Difference, ...]:
    then, now = record["parameters"].get("version"), program_version()
    if then in (None, now):
        return ()
    return (Difference(f"the program is another version: {then} answered then, {now} is installed now"),)
