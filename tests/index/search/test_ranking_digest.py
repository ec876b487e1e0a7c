"""The digests cover everything that decides a ranking, so that a replay notices a change of any of it."""

from __future__ import annotations

import ast
import importlib
from dataclasses import replace
from pathlib import Path

import pytest

from embedding.encoders.openvino import inference
from index.generations.manifest import CollectionPart, Manifest
from index.search import attribution
from index.search.ranking_digest import (
    generation_digest,
    model_digest,
    ranking_digests,
    search_parameters,
    search_parameters_digest,
)
from index.stores.checksums import FileChecksum
from tests.fakes import ColourEncoder
from tests.paths import ROOT

# Modules used by a search whose constants decide no ranking, by any part of their dotted name.
EXCLUDED_MODULES = {
    # How the bytes of a file become pixels.
    "containers", "hdr", "decode", "colour", "upright",
    # The model: in the digest of its card and weights.
    "encoders",
    # The generation, built before the search: in the digest of its files.
    "generations", "checksums", "durable", "workspace", "settings", "faiss_engine", "coordination",
    # The limits of a query, and where pictures and features are stored.
    "answer", "records", "regions", "images", "shards", "objects", "packed", "row_keys",
    # The guess of a language is shown; and which words agree.
    "language", "agreeing_words",
    # An engine on a server: its specs are in the generation's digest, and the lists that it found in the record.
    "milvus", "row_fields", "neighbours",
    # They decide how fast a search is, not its result.
    "exact_scan", "faiss_library", "xfeat_torch", "protocol",
    # Brands and retailers are drawn from a ranking, and decide none.
    "attribution", "names",
}  # fmt: skip
# Constants of other modules that decide no ranking.
NOT_DECIDING = {
    # The format of a record of features; a change of what it means changes RECORD_VERSION.
    "features._MAX_SCALES", "features._HEADER", "features._FRACTION_STEPS", "features._KEYPOINT_BYTES",
    "features._LEVELS", "features._UNPACKED",
    # What follows from another constant.
    "score_scale.NO_RIVAL",
    # How many threads.
    "xfeat_network.STREAMS",
    # How many features are computed at once, and kept in memory.
    "features.MAX_COMPUTED", "features.WORKERS",
    # The folder that they are stored in.
    "features.FOLDER",
    # Where the networks that read text are, by names whose content is in networks.SHA256; and how much is cached.
    "networks.PACKAGE", "networks.REMEDY", "networks.DETECTION", "networks.RECOGNITION", "networks.DIRECTION",
    "networks._SETTINGS", "reader.IDLE_SECONDS",
    # The store of readings.
    "text._TABLE", "text._AT_ONCE",
    # How an engine is chosen and built: its spec is in the generation's digest.
    "choice.EXACT_BELOW", "choice.EXACT", "choice.EXACT_HALF", "choice.EXACT_BFLOAT16", "choice._HNSW_LINKS",
    "choice._LISTS_PER_ROOT", "choice._VECTORS_PER_LIST",
}  # fmt: skip


def source_of(module: str) -> Path | None:
    path = ROOT.joinpath(*module.split("."))
    found = [file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()]
    return found[0] if found else None


def constants_used_by(module: str, found: dict[str, list[str]]) -> dict[str, list[str]]:
    """The modules of embedding and index that one imports, itself among them, each with the constants it defines."""
    path = source_of(module)
    if path is None or module in found:
        return found
    tree = ast.parse(path.read_text(encoding="utf-8"))
    targets = [
        target
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
    ]
    names = [name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)]
    found[module] = [name for name in names if name.strip("_").isupper()]
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in ("embedding", "index"):
            constants_used_by(node.module, found)
            for alias in node.names:
                constants_used_by(f"{node.module}.{alias.name}", found)
    return found


SEARCH_CONSTANTS = {
    (module, name)
    for module, names in constants_used_by("index.search.search", {}).items()
    if not EXCLUDED_MODULES & set(module.split("."))
    for name in names
    if f"{module.rpartition('.')[2]}.{name}" not in NOT_DECIDING
}


def test_all_modules_of_a_search_are_walked():
    assert len(SEARCH_CONSTANTS) > 100
    assert {"rerank", "scoring", "plane", "masks", "first_stage"} <= {m.rpartition(".")[2] for m, _ in SEARCH_CONSTANTS}


@pytest.mark.parametrize(("module", "name"), sorted(SEARCH_CONSTANTS))
def test_any_constant_used_by_a_search_changes_the_digest(module, name, monkeypatch):
    card = ColourEncoder().card
    monkeypatch.setattr("embedding.local.xfeat_network.query_precision", lambda: inference.SINGLE)
    before = ranking_digests(card, MANIFEST)
    monkeypatch.setattr(importlib.import_module(module), name, "another value")
    after = ranking_digests(card, MANIFEST)
    assert after.search_parameters != before.search_parameters, f"name {name} in index/search/ranking_digest.py"
    assert replace(after, search_parameters=before.search_parameters) == before


def test_the_precision_in_which_a_processor_computes_queries_changes_the_digest(monkeypatch):
    digests = set()
    for precision in (inference.SINGLE, inference.HALF):
        monkeypatch.setattr("embedding.local.xfeat_network.query_precision", lambda precision=precision: precision)
        digests.add(ranking_digests(ColourEncoder().card, MANIFEST).search_parameters)
    assert len(digests) == 2


@pytest.mark.parametrize(("name", "value"), [("SIGNALS", ("score",)), ("DEPTH", 7), ("MIN_WITHOUT_NAME", 3)])
def test_brands_drawn_otherwise_are_fitted_anew_and_the_ranking_is_replayed(name, value, monkeypatch):
    fitted, ranked = search_parameters_digest(), ranking_digests(ColourEncoder().card, MANIFEST)
    monkeypatch.setattr(attribution, name, value)
    assert search_parameters_digest() != fitted
    assert ranking_digests(ColourEncoder().card, MANIFEST) == ranked


def test_every_listed_constant_is_used_by_a_search():
    assert set(search_parameters()) == {f"{module.rpartition('.')[2]}.{name}" for module, name in SEARCH_CONSTANTS}


MANIFEST = Manifest(
    7, "2026-01-05T02:00:00+00:00", "colour-64", "ab" * 32, 64, "cd" * 32,
    {"catalogue": CollectionPart(2, 2, 2, "Flat"), "objects": CollectionPart(0, 0, 0, "Flat")},
    {"catalogue.index": FileChecksum(10, "01" * 32), "records.sqlite": FileChecksum(20, "23" * 32)},
)  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        {"model": "colour-65"},
        {"model_sha256": "ef" * 32},
        {"files": {**MANIFEST.files, "records.sqlite": FileChecksum(20, "45" * 32)}},
        {"files": {**MANIFEST.files, "likelihood.json": FileChecksum(20, "45" * 32)}},
        {"collections": {**MANIFEST.collections, "catalogue": CollectionPart(2, 2, 2, "HNSW32;efSearch=16")}},
        {"collections": {**MANIFEST.collections, "catalogue": CollectionPart(2, 2, 2, "Flat", base=1)}},
    ],
)
def test_a_generation_of_other_files_or_engines_has_another_digest(change):
    assert generation_digest(replace(MANIFEST, **change)) != generation_digest(MANIFEST)


def test_when_a_generation_was_made_decides_nothing():
    later = replace(MANIFEST, generation=8, created="2026-02-01T02:00:00+00:00")
    assert generation_digest(later) == generation_digest(MANIFEST)


def test_a_model_is_its_weights_and_its_way_of_preparing_pictures():
    card = ColourEncoder().card
    for change in ({"sha256": "0" * 64}, {"name": "other"}, {"preprocess": replace(card.preprocess, fill=0)}):
        assert model_digest(replace(card, **change)) != model_digest(card)
    assert model_digest(replace(card, note="slow", licence="MIT")) == model_digest(card)
