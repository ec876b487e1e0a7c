"""Products of one source that share an image: one candidate with its variants, and room for others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from index.generations.generations import open_live
from index.jobs.reindex import reindex
from index.progress import Unwatched
from index.search.answer import Answer, Query, QueryImage
from index.search.search import search
from index.workspace import Workspace
from tests.fakes import ColourEncoder, add_feed, render, write_feed

SIZES = ["XXS", "XS", "S", "M", "L", "XL", "XXL", "3XL", "4XL", "5XL", "6XL", "7XL"]


def found(answer: Answer) -> list[tuple[str, list[str]]]:
    return [
        (one.entry.fields.entry_id, [variant.fields.entry_id for variant in one.variants]) for one in answer.candidates
    ]


@pytest.fixture
def ask(tmp_path: Path) -> Callable[..., Answer]:
    """Twelve sizes of a shirt in one picture, and others: a function that searches them."""
    workspace = Workspace.create(tmp_path / "workspace", "colour-64")
    rows = [{"product_id": f"TEE-{size}", "title": f"Tee {size}"} for size in SIZES]
    rows += [{"product_id": f"O{number}", "title": f"Other {number}"} for number in range(1, 8)]
    add_feed(workspace, "shop", "catalogue", write_feed(tmp_path / "shop", rows, [0] * 12 + list(range(1, 8))))
    add_feed(workspace, "rival", "catalogue", write_feed(tmp_path / "rival", [{"product_id": "R"}], [0]))
    for name in ("one", "two"):
        add_feed(workspace, name, "objects", write_feed(tmp_path / name, [{"object_id": name}], [0]))
    reindex(workspace, ColourEncoder(), Unwatched())

    def call(seed: int = 0, **options: object) -> Answer:
        query = Query((QueryImage(render(seed)),), **options)  # type: ignore[arg-type]
        return search(query, open_live(workspace), ColourEncoder())

    return call


def test_sizes_are_one_candidate_that_lists_them(ask: Callable[..., Answer]) -> None:
    answer = ask(limit=10)
    first, second = found(answer)[:2]
    assert first == ("TEE-XXS", [f"TEE-{size}" for size in SIZES[1:]])
    # Another source's is an offer of its own.
    assert second == ("R", [])
    assert sorted(name for name, _ in found(answer)[2:]) == [f"O{number}" for number in range(1, 8)]
    assert [one.rank for one in answer.candidates] == list(range(1, 10))


def test_a_small_list_still_lists_all_variants(ask: Callable[..., Answer]) -> None:
    assert found(ask(limit=1)) == [("TEE-XXS", [f"TEE-{size}" for size in SIZES[1:]])]


def test_objects_are_never_variants_of_one_another(ask: Callable[..., Answer]) -> None:
    assert found(ask(collection="objects")) == [("one", []), ("two", [])]


def test_an_image_that_hundreds_share_leaves_room_for_others(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "workspace", "colour-64")
    rows = [{"product_id": f"p{number:03}"} for number in range(300)] + [{"product_id": "other"}]
    add_feed(workspace, "shop", "catalogue", write_feed(tmp_path / "shop", rows, [0] * 300 + [1]))
    reindex(workspace, ColourEncoder(), Unwatched())
    answer = search(Query((QueryImage(render(0)),), limit=2), open_live(workspace), ColourEncoder())
    assert [name for name, _ in found(answer)] == ["p000", "other"]
    assert len(found(answer)[0][1]) == 100
