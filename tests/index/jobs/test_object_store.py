"""A workspace whose pictures, vectors, features and generations are in a bucket does what one in a folder does.

And a second machine: another folder with the same settings, which has only what the bucket and the database have.
"""

import json
import shutil
from dataclasses import asdict, replace
from datetime import date, timedelta

import numpy as np
import pytest

from embedding.image.regions import WHOLE
from index.errors import GenerationError
from index.generations import generations
from index.generations.generations import Generation, open_live
from index.generations.manifest import Manifest
from index.jobs.forget import find_entry, forget
from index.jobs.reindex import reindex
from index.progress import Unwatched
from index.records.feed_records import COLLECTIONS
from index.records.filters import Filter
from index.search.answer import Query, QueryImage
from index.search.search import search
from index.settings import as_toml
from index.stores.features import FeatureStore
from index.stores.images import ImageStore
from index.stores.objects.opening import open_objects
from index.stores.objects.protocol import ObjectChanged
from index.stores.row_keys import RowKey
from index.stores.vectors import VectorStore
from index.workspace import SETTINGS, Workspace
from tests.crashes import Crash
from tests.fakes import ColourEncoder, add_feed, render, write_feed
from tests.local_features import record_of

DAY = date(2026, 1, 5)
SECRET = "forget-me-4711"
NIGHTS = (
    {"a": 1, SECRET: 2, "b": 3, "c": 4},
    {"a": 1, SECRET: 20, "b": 3, "c": 4},
    {"a": 1, SECRET: 20, "b": 3, "c": 4, "new": 30},
)


def kept_at(workspace, url):
    """The workspace with its setting `objects`, which is written, too."""
    settings = replace(workspace.settings, objects=url)
    (workspace.root / SETTINGS).write_bytes(as_toml(settings))
    return Workspace(workspace.root, settings)


def shop(workspace, folder, products, name="shop", collection="catalogue"):
    key = "product_id" if collection == "catalogue" else "object_id"
    rows = [{key: entry, "title": f"title of {entry}", "brand": ("Luma", "Nova")[len(entry) % 2]} for entry in products]
    add_feed(workspace, name, collection, write_feed(folder, rows, list(products.values())))


def run(workspace, day=DAY, **options):
    report = reindex(workspace, ColourEncoder(), Unwatched(), today=day, **options)
    assert (report.failed, report.refused) == ((), ())
    return report


def three_nights(workspace, folder):
    shop(workspace, folder / "list", {"E-1": 7, "E-2": 8}, "Europol", "objects")
    for number, products in enumerate(NIGHTS):
        shop(workspace, folder / "shop", products)
        assert run(workspace, DAY + timedelta(number)).published
    return workspace


def answers(workspace):
    """What every picture finds, with and without a filter, as plain data without the query's number."""
    with generation_of(workspace) as generation:
        queries = [
            Query((QueryImage(render(seed)),), filters=filters) for seed in (1, 3, 20, 30) for filters in FILTERS
        ]
        found = [search(query, generation, ColourEncoder()) for query in queries]
    return [[(one.entry.fields.entry_id, one.score, one.entry.images) for one in each.candidates] for each in found]


FILTERS = ((), (Filter("brand", "Luma"),))


class generation_of:  # noqa: N801
    def __init__(self, workspace):
        self.generation = open_live(workspace)

    def __enter__(self):
        return self.generation

    def __exit__(self, *_):
        self.generation.close()


def second_machine(workspace, folder):
    """Another folder, as of another machine: only settings and, for SQLite cannot be shared, a copy of the records."""
    folder.mkdir()
    for name in (SETTINGS, "catalogue.sqlite", "CURRENT"):
        shutil.copy(workspace.root / name, folder / name)
    return Workspace.open(folder)


@pytest.fixture
def bucket(s3_server):
    return s3_server.bucket(versioned=True)


@pytest.fixture
def workspace(tmp_path, bucket):
    made = Workspace.create(tmp_path / "workspace", "colour-64")
    return three_nights(kept_at(made, f"s3://{bucket}/prefix"), tmp_path)


@pytest.fixture
def on_one_machine(tmp_path):
    folder = tmp_path / "alone"
    return three_nights(Workspace.create(folder / "workspace", "colour-64"), folder)


def contents(workspace):
    """What each generation was built from, and how many it has."""
    manifests = [Manifest.read(generations.folder_of(workspace, n, ())) for n in generations.numbers(workspace)]
    return [(each.generation, each.model, {c: asdict(each.collections[c]) for c in COLLECTIONS}) for each in manifests]


def test_nights_and_searches_are_those_of_one_machine(workspace, on_one_machine, s3_server, bucket, tmp_path):
    assert contents(workspace) == contents(on_one_machine)
    expected = answers(on_one_machine)
    assert answers(workspace) == expected
    assert len(expected) == 8
    elsewhere = second_machine(workspace, tmp_path / "elsewhere")
    assert answers(elsewhere) == expected
    assert {path.name for path in elsewhere.root.iterdir()} == {
        SETTINGS, "catalogue.sqlite", "CURRENT", "generations", "fetching.lock", "fetching"
    }  # fmt: skip
    assert not (workspace.root / "images").exists()
    assert not (workspace.root / "vectors").exists()
    # Nothing changed: nothing is published, and no object is written.
    before = s3_server.everything(bucket)
    assert not run(elsewhere, DAY + timedelta(3)).published
    assert s3_server.everything(bucket) == before


def test_forgetting_reaches_every_version_and_every_copy(workspace, s3_server, bucket, tmp_path):
    elsewhere = second_machine(workspace, tmp_path / "elsewhere")
    for number in generations.numbers(elsewhere):
        generations.folder_of(elsewhere, number)
    images = ImageStore(workspace.objects)
    gone = {
        image
        for number in generations.numbers(workspace)
        for entry in Generation(generations.folder_of(workspace, number)).records.find("catalogue", SECRET)
        for image in entry.images
    }
    stays = {image for entry in open_live(workspace).records.find("catalogue", "a") for image in entry.images}
    FeatureStore(workspace.objects, images).append(
        {image: record_of(n) for n, image in enumerate(sorted(gone | stays))}
    )
    needles = {"id": SECRET.encode()}
    (vectors,) = VectorStore.all(workspace.objects)
    for image in gone:
        needles |= {
            f"hash {image}": image.encode(),
            f"raw hash {image}": bytes.fromhex(image),
            f"jpeg {image}": images.read(image),
        }
        vector = vectors.get(vectors.rows_of([image], WHOLE))[0]
        needles |= {f"vector {image}": vector.astype(np.float16).tobytes()}

    def found(where):
        return {what for name, data in where for what, needle in needles.items() if needle in data or needle in name}

    def in_bucket():
        return ((key[0].encode(), data) for key, data in s3_server.everything(bucket).items())

    def in_folder(workspace):
        return (
            (str(path.relative_to(workspace.root)).encode(), path.read_bytes())
            for path in workspace.root.rglob("*")
            if path.is_file()
        )

    assert len(gone) == 2
    assert found(in_bucket()) == set(needles)
    assert "id" in found(in_folder(elsewhere))
    done = forget(workspace, find_entry(workspace, "catalogue", SECRET))
    assert (done.entries, done.images, done.embeddings, done.generations) == (1, 2, 2, (1, 2, 3))
    assert found(in_bucket()) == set()
    assert found(in_folder(workspace)) == set()
    # A server elsewhere opens what is live now, as it is told by the pointer, and drops its copies of what was rebuilt.
    (elsewhere.root / "catalogue.sqlite").unlink()
    open_live(elsewhere).close()
    assert found(in_folder(elsewhere)) == set()
    assert FeatureStore(workspace.objects, images).missing(sorted(gone | stays)) == sorted(gone)
    assert all(SECRET not in [entry for entry, *_ in found] for found in answers(workspace))


def test_the_pointer_tells_other_machines_of_any_forgetting(workspace):
    before = workspace.coordination.version()
    forget(workspace, find_entry(workspace, "catalogue", SECRET))
    assert workspace.coordination.version() != before


def test_rolling_back_and_deleting_old_generations(workspace, s3_server, bucket, tmp_path):
    assert generations.numbers(workspace) == [1, 2, 3]
    shop(workspace, tmp_path / "shop", {**NIGHTS[-1], "newer": 31})
    run(workspace, DAY + timedelta(4))
    assert generations.numbers(workspace) == [2, 3, 4]
    keys = {key for key, _ in s3_server.everything(bucket)}
    assert {key for key in keys if key.endswith(".json") and "/generations/" in key} == {
        f"prefix/generations/{number}.json" for number in (2, 3, 4)
    }
    named = {
        f"prefix/generations/files/{each.sha256}"
        for number in (2, 3, 4)
        for each in Manifest.read(generations.folder_of(workspace, number, ())).files.values()
    }
    assert {key for key in keys if "/files/" in key} == named, "files of a deleted generation are deleted"
    elsewhere = second_machine(workspace, tmp_path / "elsewhere")
    with elsewhere.lock("rollback"):
        assert generations.rollback(elsewhere) == 3
    with generation_of(elsewhere) as generation:
        assert generation.number == 3
    with pytest.raises(GenerationError, match="no generation 1 to roll back to; kept are: 2, 3, 4"):
        generations.rollback(elsewhere, 1)


def test_a_damaged_copy_is_fetched_again_and_a_damaged_original_refused(workspace, s3_server, bucket, tmp_path):
    elsewhere = second_machine(workspace, tmp_path / "elsewhere")
    expected = answers(elsewhere)
    engine = elsewhere.generations / "3" / "catalogue.index"
    engine.write_bytes(b"damaged" + engine.read_bytes()[7:])
    (elsewhere.generations / "3" / "records.sqlite").unlink()
    assert answers(elsewhere) == expected
    shutil.rmtree(elsewhere.generations)
    sha256 = json.loads(workspace.objects.get("generations/3.json"))["files"]["catalogue.index"]["sha256"]
    key = f"prefix/generations/files/{sha256}"
    s3_server.client.put_object(Bucket=bucket, Key=key, Body=b"made by someone who can write to the bucket")
    with pytest.raises(GenerationError, match=r"catalogue\.index of generation 3 is damaged in s3://.*: roll back"):
        open_live(elsewhere)
    s3_server.client.delete_object(Bucket=bucket, Key=key)
    with pytest.raises(GenerationError, match=r"generation 3 is not whole: .* has no object generations/files/"):
        open_live(elsewhere)


def test_two_machines_cannot_publish_the_same_number(workspace, tmp_path):
    elsewhere = second_machine(workspace, tmp_path / "elsewhere")
    for each in (workspace, elsewhere):
        shop(each, tmp_path / each.root.name / "feed", {**NIGHTS[-1], f"new at {each.root.name}": 31}, "shop")
    # As if the lock of the first was lost: the second listed generations before the first published.
    numbers = generations.numbers(workspace)
    run(workspace, DAY + timedelta(4))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generations, "numbers", lambda _: numbers)
        with pytest.raises(ObjectChanged, match=r"generations/4\.json was changed by another process"):
            run(elsewhere, DAY + timedelta(4))
    assert generations.live_number(elsewhere) == 3
    with generation_of(workspace) as generation:
        assert [e.fields.entry_id for e in generation.records.entries("catalogue")][-1] == "new at workspace"


@pytest.mark.parametrize("at", range(0, 60, 4))
def test_a_night_that_is_killed_at_any_object_leaves_the_last_generation_and_resumes(tmp_path, monkeypatch, at):
    objects = open_objects(f"file://{tmp_path}/objects")
    made = Workspace.create(tmp_path / "workspace", "colour-64")
    workspace = kept_at(made, f"file://{tmp_path}/objects")
    shop(workspace, tmp_path / "shop", NIGHTS[0])
    run(workspace)
    expected = answers(workspace)
    shop(workspace, tmp_path / "shop", NIGHTS[2])
    left = [at]

    def counted(name):
        original = getattr(type(objects), name)

        def call(self, *arguments):
            left[0] -= 1
            if left[0] < 0:
                raise Crash
            return original(self, *arguments)

        return call

    with monkeypatch.context() as patch:
        for name in ("put", "replace", "upload", "delete"):
            patch.setattr(type(objects), name, counted(name))
        try:
            run(workspace, DAY + timedelta(1))
        except Crash:
            assert generations.live_number(workspace) in (1, 2)
            if generations.live_number(workspace) == 1:
                assert answers(workspace) == expected
    run(workspace, DAY + timedelta(1))
    with generation_of(workspace) as generation:
        assert {entry.fields.entry_id for entry in generation.records.entries("catalogue")} == set(NIGHTS[2])
    (vectors,) = VectorStore.all(objects)
    images = {image for _, image in images_by_key(objects)}
    assert (vectors.rows([RowKey(image, WHOLE) for image in images]) >= 0).all()


def images_by_key(objects):
    return [(key, key.rpartition("/")[2].removesuffix(".jpg")) for key, _ in objects.list_objects("images")]
