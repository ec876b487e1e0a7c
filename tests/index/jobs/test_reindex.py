"""The re-index, from feeds to a published generation, with a small encoder."""

import json
from pathlib import Path

import numpy as np
import pytest

from embedding.local import scoring
from index.errors import GenerationError, WorkspaceError
from index.generations import generations
from index.generations.generations import Generation, open_live
from index.generations.manifest import Manifest
from index.jobs.reindex import REFITTED, reindex
from index.progress import Unwatched
from index.records.catalogue import Catalogue
from index.search.answer import Query, QueryImage
from index.search.search import search
from index.stores.checksums import VERIFIED_FILE
from index.workspace import Workspace
from tests.fakes import ColourEncoder, add_feed, render, render_file, write_feed

pytestmark = pytest.mark.databases("sqlite", "postgres", slow=True)


class CountingEncoder(ColourEncoder):
    """An encoder that counts its pictures."""

    count = 0

    def encode_images(self, images):
        self.count += len(images)
        return super().encode_images(images)


@pytest.fixture
def workspace(tmp_path):
    return Workspace.create(tmp_path / "workspace", "colour-64")


def shop(workspace: Workspace, folder: Path, products: dict[str, int], name: str = "shop") -> Path:
    feed = write_feed(folder, [{"product_id": product} for product in products], list(products.values()))
    add_feed(workspace, name, "catalogue", feed)
    return feed


def ids(workspace: Workspace, seed: int, limit: int = 10) -> list[str]:
    query = Query((QueryImage(render(seed)),), limit=limit)
    answer = search(query, open_live(workspace), ColourEncoder())
    return [candidate.entry.fields.entry_id for candidate in answer.candidates]


def run(workspace, encoder=None, **options):
    return reindex(workspace, encoder or ColourEncoder(), Unwatched(), **options)


def test_a_feed_becomes_a_searchable_generation(workspace, tmp_path):
    shop(workspace, tmp_path / "shop", {f"p{seed}": seed for seed in range(20)})
    report = run(workspace)
    assert (report.generation, report.published, report.embedded, report.refused) == (1, True, 20, ())
    for seed in range(20):
        assert ids(workspace, seed)[0] == f"p{seed}"


def test_a_second_run_embeds_nothing_and_publishes_nothing(workspace, tmp_path):
    shop(workspace, tmp_path / "shop", {"a": 1, "b": 2})
    run(workspace)
    encoder = CountingEncoder()
    report = run(workspace, encoder)
    assert (report.generation, report.published, report.embedded, encoder.count) == (1, False, 0, 0)
    assert run(workspace, encoder, full=True).generation == 2
    assert encoder.count == 0


def test_a_program_that_ranks_otherwise_fits_likelihoods_anew(workspace, tmp_path, monkeypatch):
    shop(workspace, tmp_path / "shop", {"a": 1, "b": 2})
    run(workspace)
    monkeypatch.setattr(scoring, "INLIER_WEIGHT", 2 * scoring.INLIER_WEIGHT)
    encoder = CountingEncoder()
    report = run(workspace, encoder)
    assert (report.generation, report.published, report.notes, encoder.count) == (2, True, (REFITTED,), 0)
    again = run(workspace, encoder)
    assert (again.published, again.notes) == (False, ())


def test_only_new_pictures_are_embedded(workspace, tmp_path):
    shop(workspace, tmp_path / "shop", {"a": 1, "b": 2})
    run(workspace)
    shop(workspace, tmp_path / "shop", {"a": 1, "b": 2, "c": 3})
    encoder = CountingEncoder()
    assert run(workspace, encoder).embedded == 1
    assert encoder.count == 1
    assert ids(workspace, 3)[0] == "c"


def test_the_same_picture_under_two_names_is_embedded_once_and_found_as_both(workspace, tmp_path):
    shop(workspace, tmp_path / "one", {"a": 1}, "one")
    shop(workspace, tmp_path / "two", {"b": 1}, "two")
    encoder = CountingEncoder()
    assert run(workspace, encoder).embedded == 1
    assert sorted(ids(workspace, 1)) == ["a", "b"]


def test_a_product_gone_from_its_feed_stays_searchable_as_discontinued(workspace, tmp_path):
    shop(workspace, tmp_path / "shop", {"a": 1, "b": 2})
    run(workspace)
    shop(workspace, tmp_path / "shop", {"a": 1})
    assert run(workspace).published
    entry = open_live(workspace).records.find("catalogue", "b")[0]
    assert entry.fields.status == "discontinued"
    assert ids(workspace, 2)[0] == "b"


def test_a_missing_feed_is_reported_and_changes_nothing(workspace, tmp_path):
    feed = shop(workspace, tmp_path / "shop", {"a": 1})
    run(workspace)
    feed.unlink()
    report = run(workspace)
    assert not report.published
    assert "feed.csv" in report.failed[0]
    assert ids(workspace, 1) == ["a"]


def test_unreadable_pictures_are_listed_every_night_and_stop_nothing(workspace, tmp_path):
    feed = shop(workspace, tmp_path / "shop", {"a": 1, "b": 2, "c": 3, "d": 4})
    pictures = feed.parent / "pictures"
    (pictures / "2.png").write_bytes(b"not a picture")
    (pictures / "3.png").unlink()
    (pictures / "4.png").write_bytes((pictures / "4.png").read_bytes()[:60])
    for _ in range(2):
        report = run(workspace)
        assert len(report.refused) == 3
        assert {Path(item.where).name for item in report.refused} == {"2.png", "3.png", "4.png"}
    assert ids(workspace, 1) == ["a"]
    render_file(pictures / "3.png", 3)
    assert len(run(workspace).refused) == 2
    assert ids(workspace, 3)[0] == "c"


def test_a_changed_picture_replaces_the_former(workspace, tmp_path):
    feed = shop(workspace, tmp_path / "shop", {"a": 1, "b": 2})
    run(workspace)
    render_file(feed.parent / "pictures" / "1.png", 50, size=100)
    assert run(workspace).embedded == 1
    assert len(open_live(workspace).records.find("catalogue", "a")[0].images) == 1
    assert ids(workspace, 50)[0] == "a"


def test_an_empty_workspace_publishes_an_empty_generation(workspace):
    assert run(workspace).published
    assert ids(workspace, 1) == []


def test_a_second_writer_is_refused(workspace):
    with workspace.lock("reindex"), pytest.raises(WorkspaceError, match="being written by reindex"):
        run(workspace)


def test_old_generations_are_deleted_and_rollback_returns_to_a_kept_one(workspace, tmp_path):
    for count in range(1, 6):
        shop(workspace, tmp_path / "shop", {f"p{seed}": seed for seed in range(count)})
        run(workspace)
    assert generations.numbers(workspace) == [3, 4, 5]
    assert generations.rollback(workspace) == 4
    assert len(ids(workspace, 0)) == 4
    with pytest.raises(GenerationError, match="kept are: 3, 4, 5"):
        generations.rollback(workspace, 1)
    shop(workspace, tmp_path / "shop", {f"p{seed}": seed for seed in range(7)})
    assert run(workspace).generation == 6


@pytest.mark.parametrize("name", ["catalogue.index", "records.sqlite"])
def test_a_changed_file_is_not_opened(workspace, tmp_path, name):
    shop(workspace, tmp_path / "shop", {"a": 1})
    run(workspace)
    path = workspace.generations / "1" / name
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(GenerationError, match=name):
        open_live(workspace)


def test_an_unreadable_manifest_is_reported_in_one_error(workspace):
    run(workspace)
    manifest = workspace.generations / "1" / "manifest.json"
    fields = json.loads(manifest.read_text())
    for broken in ("", "{}", "[1]", json.dumps(fields | {"format": 99})):
        manifest.write_text(broken)
        with pytest.raises(GenerationError):
            Manifest.read(manifest.parent)


def test_an_unfinished_generation_is_deleted(workspace, tmp_path):
    shop(workspace, tmp_path / "shop", {"a": 1})
    left = workspace.generations / ".building"
    left.mkdir()
    (left / "rubbish").write_text("from a crash")
    assert run(workspace).generation == 1
    assert {path.name for path in (workspace.generations / "1").iterdir()} - {VERIFIED_FILE} == {
        "catalogue.index", "catalogue.words", "manifest.json", "objects.index", "objects.words", "records.sqlite",
        "text.sqlite",
    }  # fmt: skip


def test_an_open_generation_answers_after_its_files_are_gone(workspace, tmp_path):
    shop(workspace, tmp_path / "shop", {f"p{seed}": seed for seed in range(5)})
    run(workspace)
    held = open_live(workspace)
    for seed in range(5, 10):
        shop(workspace, tmp_path / "shop", {f"p{number}": number for number in range(seed + 1)})
        run(workspace)
    assert 1 not in generations.numbers(workspace)
    answer = search(Query((QueryImage(render(3)),)), held, ColourEncoder())
    assert answer.candidates[0].entry.fields.entry_id == "p3"
    assert answer.generation == 1


def test_a_product_with_many_pictures_is_one_candidate(workspace, tmp_path):
    seeds = list(range(300))
    rows = [{"product_id": "many" if seed < 290 else f"p{seed}"} for seed in seeds]
    add_feed(workspace, "shop", "catalogue", write_feed(tmp_path / "shop", rows, seeds))
    run(workspace)
    found = ids(workspace, 0, limit=11)
    assert found[0] == "many"
    assert len(found) == len(set(found)) == 11


def test_objects_and_products_do_not_mix(workspace, tmp_path):
    shop(workspace, tmp_path / "shop", {"a": 1})
    rows = [{"object_id": "E-1", "authority": "Europol", "status": "open", "kind": "toy"}]
    add_feed(workspace, "europol", "objects", write_feed(tmp_path / "objects", rows, [2]))
    run(workspace)
    generation: Generation = open_live(workspace)
    for collection, right in (("catalogue", "a"), ("objects", "E-1")):
        query = Query((QueryImage(render(2)),), collection=collection)
        answer = search(query, generation, ColourEncoder())
        assert [candidate.entry.fields.entry_id for candidate in answer.candidates] == [right]
    assert answer.candidates[0].entry.fields.authority == "Europol"


def test_ids_and_vectors_are_those_of_an_uninterrupted_run(workspace, tmp_path, monkeypatch):
    """A run that was killed between two batches is resumed."""
    # Without the self-test, which takes nine tenths of the time and is not tested here.
    monkeypatch.setattr("index.jobs.self_test.MIN_PRODUCTS", 81)
    products = {f"p{seed}": seed for seed in range(80)}
    shop(workspace, tmp_path / "shop", products)

    class Dying(ColourEncoder):
        batches = 0

        def encode_images(self, images):
            self.batches += 1
            if self.batches == 2:
                raise KeyboardInterrupt
            return super().encode_images(images)

    with pytest.raises(KeyboardInterrupt):
        run(workspace, Dying())
    encoder = CountingEncoder()
    run(workspace, encoder)
    other, uninterrupted = Workspace.create(tmp_path / "other", "colour-64"), CountingEncoder()
    shop(other, tmp_path / "shop", products)
    run(other, uninterrupted)
    # All but the batch that was stored.
    assert encoder.count == uninterrupted.count - 32
    one, two = open_live(workspace), open_live(other)
    assert [e.fields.entry_id for e in one.records.entries("catalogue")] == [
        e.fields.entry_id for e in two.records.entries("catalogue")
    ]
    rows = np.arange(80)
    assert np.array_equal(one.engine("catalogue").vectors(rows), two.engine("catalogue").vectors(rows))


@pytest.mark.databases("sqlite")
def test_records_can_be_in_another_database(tmp_path):
    workspace = Workspace.create(tmp_path / "workspace", "colour-64")
    settings = (workspace.root / "traceobject.toml").read_text()
    url = f"sqlite:///{tmp_path / 'elsewhere.sqlite'}"
    (workspace.root / "traceobject.toml").write_text(settings.replace('database = ""', f'database = "{url}"'))
    workspace = Workspace.open(workspace.root)
    shop(workspace, tmp_path / "shop", {"a": 1})
    run(workspace)
    with Catalogue.open(url) as catalogue:
        assert catalogue.counts()["catalogue"] == 1
    assert not (workspace.root / "catalogue.sqlite").exists()
