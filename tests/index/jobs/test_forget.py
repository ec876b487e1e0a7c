"""`forget` leaves no trace: every file of the workspace is searched for ids, titles, hashes and vectors."""

import json
from datetime import date, timedelta

import numpy as np
import pytest
import sqlalchemy as sa

from embedding.image.regions import WHOLE
from index.errors import EntryAmbiguous, UnknownEntry, WorkspaceError
from index.generations import generations
from index.generations.generations import open_live
from index.generations.manifest import Manifest
from index.jobs import forget as module
from index.jobs.alerts import Alert, add_alerts, list_alerts
from index.jobs.forget import ForgetTarget, allow_return, find_entry, find_source, forget
from index.jobs.make_features import Features
from index.jobs.reindex import reindex
from index.progress import Unwatched
from index.records.catalogue import Catalogue
from index.search.answer import Query, QueryImage
from index.search.search import search
from index.stores.features import FeatureStore
from index.stores.images import ImageStore
from index.stores.objects.folder import FolderObjects
from index.stores.vectors import VectorStore
from index.workers.staging import Staging
from index.workspace import Workspace
from tests.fakes import ColourEncoder, add_feed, render, write_feed
from tests.local_features import record_of
from tests.postgres import files_of

pytestmark = pytest.mark.databases("sqlite", "postgres", slow=True)

DAY = date(2026, 1, 5)
SECRET = "forget-me-4711"
OBJECT = "unsaid-object-88"
MODELS = ("colour-64", "colour-65")


def shop(workspace, folder, products, name="shop", collection="catalogue"):
    """A feed of ids and the seed of their picture."""
    key = "product_id" if collection == "catalogue" else "object_id"
    rows = [{key: entry, "title": f"title of {entry}"} for entry in products]
    add_feed(workspace, name, collection, write_feed(folder, rows, list(products.values())))


def run(workspace, day=DAY, model=MODELS[0], **options):
    return reindex(workspace, ColourEncoder(model), Unwatched(), today=day, **options)


@pytest.fixture
def workspace(tmp_path):
    """Three generations on disk, two models; the product to forget is in all, with another picture in the oldest."""
    workspace = Workspace.create(tmp_path / "workspace", "colour-64")
    shop(workspace, tmp_path / "shop", {"a": 1, SECRET: 2, "b": 3, "c": 4, "twin": 5})
    shop(workspace, tmp_path / "other", {"same-picture": 5, "x": 6}, "other")
    shop(workspace, tmp_path / "list", {"E-1": 7, OBJECT: 8}, "Europol", "objects")
    run(workspace, model=MODELS[1])
    shop(workspace, tmp_path / "shop", {"a": 1, SECRET: 20, "b": 3, "c": 4, "twin": 5})
    run(workspace, DAY + timedelta(1))
    shop(workspace, tmp_path / "shop", {"a": 1, SECRET: 20, "b": 3, "c": 4, "twin": 5, "new": 30})
    run(workspace, DAY + timedelta(2))
    assert generations.numbers(workspace) == [1, 2, 3]
    return workspace


def images_of(workspace, entry_id, collection="catalogue"):
    """Every image of an entry in any generation."""
    found = set()
    for number in generations.numbers(workspace):
        records = generations.Generation(workspace.generations / str(number)).records
        found |= {image for entry in records.find(collection, entry_id) for image in entry.images}
    return found


def traces_of(workspace, entry_id, collection="catalogue"):
    """The bytes that must not be found afterwards: id, hashes, and vectors as stored and as indexed."""
    needles = {f"id {entry_id}": entry_id.encode()}
    for image in images_of(workspace, entry_id, collection):
        needles[f"hash {image}"] = image.encode()
        needles[f"raw hash {image}"] = bytes.fromhex(image)
        for number, store in enumerate(VectorStore.all(workspace.objects)):
            rows = store.rows_of([image], WHOLE)
            if rows[0] >= 0:
                vector = store.get(rows)[0]
                needles[f"float16 {number} {image}"] = vector.astype(np.float16).tobytes()
                needles[f"float32 {number} {image}"] = vector.astype(np.float32).tobytes()
    return needles


def found_in_files(workspace, needles):
    """The needles that are in a file or in its name, also of the database's server."""
    hits = []
    for path in (
        *workspace.root.rglob("*"),
        *(files_of(workspace.database_url) if workspace.settings.database else ()),
    ):
        content = path.read_bytes() if path.is_file() else b""
        name = str(path).removeprefix(str(workspace.root)).encode()
        hits += [(what, path.name) for what, needle in needles.items() if needle in content or needle in name]
    return hits


def test_the_search_for_traces_finds_them_before(workspace):
    """The tests below are meaningful only if each kind of trace is found before."""
    needles = traces_of(workspace, SECRET)
    hits = found_in_files(workspace, needles)
    assert {what for what, _ in hits} == set(needles)
    kinds = {what.split(" ")[0] for what in needles}
    assert kinds == {"id", "hash", "raw", "float16", "float32"}
    assert {name for _, name in hits} >= {"catalogue.index", "records.sqlite", "000000.vectors"}
    places = {path.name for path in files_of(workspace.database_url)} if workspace.settings.database else None
    assert {name for _, name in hits} & (places or {"catalogue.sqlite"})


def test_a_forgotten_product_leaves_no_trace(workspace):
    features = FeatureStore(workspace.objects, ImageStore(workspace.objects))
    kept, gone = images_of(workspace, "a"), images_of(workspace, SECRET)
    features.append({image: record_of(number) for number, image in enumerate(sorted(kept | gone))})
    # What a crash leaves: a record that is not complete.
    (keys,) = (workspace.root / "features").rglob("*.keys")
    with keys.open("ab") as file:
        file.write(bytes.fromhex(sorted(gone)[0]))
    # As versions before these stored them.
    former = [workspace.root / "features" / image[:2] / f"{image}.features" for image in sorted(gone)]
    for path in former:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"features")
    # What workers computed for a re-index that was killed.
    stage = Features(ImageStore(workspace.objects))
    Staging(FolderObjects(workspace.root)).write(stage, [(image, record_of(1)) for image in sorted(gone)])
    needles = traces_of(workspace, SECRET)
    done = forget(workspace, find_entry(workspace, "catalogue", SECRET))
    assert (done.entries, done.images, done.generations) == (1, 2, (1, 2, 3))
    assert done.embeddings == 2
    assert found_in_files(workspace, needles) == []
    left = FeatureStore(workspace.objects, ImageStore(workspace.objects))
    assert set(left.missing(sorted(kept | gone))) == gone - kept


def test_everything_else_is_unchanged(workspace):
    live = open_live(workspace)
    before = {e.fields.entry_id: e for e in live.records.entries("catalogue") if e.fields.entry_id != SECRET}
    rows = [row.row for row in live.records.all_views("catalogue") if row.entry in {e.id for e in before.values()}]
    vectors = live.engine("catalogue").vectors(np.array(rows))
    forget(workspace, find_entry(workspace, "catalogue", SECRET))
    after = open_live(workspace)
    assert {e.fields.entry_id: e for e in after.records.entries("catalogue")} == before
    assert np.array_equal(after.engine("catalogue").vectors(np.arange(len(rows))), vectors)
    assert (after.number, generations.live_number(workspace)) == (3, 3)
    for number in (1, 2, 3):
        Manifest.read(workspace.generations / str(number)).verify(workspace.generations / str(number))
    for entry, seed in (("a", 1), ("new", 30), ("x", 6)):
        answer = search(Query((QueryImage(render(seed)),)), after, ColourEncoder())
        assert answer.candidates[0].entry.fields.entry_id == entry
    for image in live.records.images() - images_of(workspace, SECRET):
        if image in after.records.images():
            assert ImageStore(workspace.objects).read(image)


def test_its_feed_does_not_add_it_again_until_that_is_allowed(workspace):
    name = find_entry(workspace, "catalogue", SECRET)
    needles = traces_of(workspace, SECRET)
    forget(workspace, name)
    report = run(workspace, DAY + timedelta(3))
    assert (report.published, report.embedded, report.refused) == (False, 0, ())
    report = run(workspace, DAY + timedelta(4), full=True)
    assert report.changes["shop"].added == 0
    assert found_in_files(workspace, needles) == []
    assert allow_return(workspace, name)
    assert not allow_return(workspace, name)
    assert run(workspace, DAY + timedelta(5)).changes["shop"].added == 1
    assert open_live(workspace).records.find("catalogue", SECRET)


def test_a_picture_that_another_entry_uses_is_kept(workspace):
    shared = images_of(workspace, "twin")
    assert shared == images_of(workspace, "same-picture")
    done = forget(workspace, find_entry(workspace, "catalogue", "twin"))
    assert (done.images, done.embeddings) == (0, 0)
    assert found_in_files(workspace, {"id": b"title of twin"}) == []
    answer = search(Query((QueryImage(render(5)),)), open_live(workspace), ColourEncoder())
    assert answer.candidates[0].entry.fields.entry_id == "same-picture"
    assert ImageStore(workspace.objects).read(next(iter(shared)))


def test_a_forgotten_object_leaves_no_trace(workspace):
    entry_id = OBJECT
    needles = traces_of(workspace, entry_id, "objects")
    assert len(needles) > 4
    done = forget(workspace, find_entry(workspace, "objects", entry_id, "Europol"))
    assert done.entries == 1
    assert found_in_files(workspace, needles) == []
    assert open_live(workspace).records.find("objects", "E-1")
    assert open_live(workspace).records.find("catalogue", SECRET)


def test_a_forgotten_source_leaves_no_trace(workspace):
    needles = {f"{entry} {what}": needle for entry in ("a", "b", "c", SECRET, "new")
               for what, needle in traces_of(workspace, entry).items() if not what.startswith("id")}  # fmt: skip
    done = forget(workspace, find_source(workspace, "shop"))
    assert done.entries == 6
    assert found_in_files(workspace, needles | {"id": SECRET.encode(), "title": b"title of b"}) == []
    live = open_live(workspace)
    assert [entry.fields.entry_id for entry in live.records.entries("catalogue")] == ["same-picture", "x"]
    assert not run(workspace, DAY + timedelta(3)).published


def test_an_entry_that_only_an_old_generation_has_can_be_forgotten(workspace):
    with Catalogue.open(workspace.database_url) as catalogue, catalogue.database.begin() as connection:
        connection.execute(sa.text("DELETE FROM entries WHERE entry_id = :name"), {"name": SECRET})
    run(workspace, DAY + timedelta(3))
    needles = traces_of(workspace, SECRET)
    assert found_in_files(workspace, needles)
    assert forget(workspace, find_entry(workspace, "catalogue", SECRET)).entries == 0
    assert found_in_files(workspace, needles) == []


def test_a_vector_that_no_record_mentions_any_more_is_deleted(workspace, tmp_path, monkeypatch):
    """A picture that was replaced long ago: no generation on disk has it, but its embedding is not swept yet."""
    monkeypatch.setattr("index.jobs.sweep.MIN_UNUSED_SHARE", 1.0)
    needles = traces_of(workspace, SECRET)
    for night in range(3, 6):
        shop(workspace, tmp_path / "shop", {"a": 1, SECRET: 20, "b": 3, f"new-{night}": 30 + night})
        run(workspace, DAY + timedelta(night))
    assert generations.numbers(workspace) == [4, 5, 6]
    later = traces_of(workspace, SECRET)
    assert set(later) < set(needles)
    kinds = {what.split(" ")[0] for what, _ in found_in_files(workspace, needles) if what not in later}
    # PostgreSQL keeps deleted rows in its files until they are vacuumed.
    assert kinds - ({"hash"} if workspace.settings.database else set()) == {"raw", "float16"}
    forget(workspace, find_entry(workspace, "catalogue", SECRET))
    assert found_in_files(workspace, needles) == []


def test_alerts_and_refusals_that_name_it_are_deleted(workspace, tmp_path):
    def alert(product, object_id="E-1"):
        return Alert(
            "Europol", object_id, "shop", product, "t", "t", "", "", "", "c" * 64, "d" * 64, 0.9, 3, "2026-01-05"
        )

    with Catalogue.open(workspace.database_url) as catalogue:
        add_alerts(catalogue.database, [alert(SECRET), alert("a"), alert("a", OBJECT)])
    (tmp_path / "shop" / "pictures" / "20.png").unlink()
    assert [item.where.endswith("20.png") for item in run(workspace, DAY + timedelta(3)).refused] == [True]
    forget(workspace, find_entry(workspace, "catalogue", SECRET))
    with Catalogue.open(workspace.database_url) as catalogue:
        assert [(a.product_id, a.object_id) for a in list_alerts(catalogue.database)] == [
            ("a", "E-1"), ("a", OBJECT),
        ]  # fmt: skip
        assert catalogue.refusals() == []
    forget(workspace, find_entry(workspace, "objects", OBJECT))
    with Catalogue.open(workspace.database_url) as catalogue:
        assert len(list_alerts(catalogue.database)) == 1


@pytest.mark.parametrize("stop", ["clean_generation", "sweep", "scrub", "_note"])
def test_the_next_job_completes_an_interrupted_forget(workspace, monkeypatch, stop):
    needles = traces_of(workspace, SECRET)
    name = find_entry(workspace, "catalogue", SECRET)

    def crash(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(*((module, stop) if hasattr(module, stop) else ("index.records.database.Database.scrub",)), crash)
        with pytest.raises(KeyboardInterrupt):
            forget(workspace, name)
    run(workspace, DAY + timedelta(3))
    assert found_in_files(workspace, needles) == []
    assert open_live(workspace).records.find("catalogue", "a")


def test_the_caller_is_called_before_and_can_stop_it(workspace):
    called_with = []

    def fail(traces):
        called_with.append(traces)
        raise WorkspaceError("the report cannot be written")

    with pytest.raises(WorkspaceError, match="report"):
        forget(workspace, find_entry(workspace, "catalogue", SECRET), fail)
    assert called_with[0].images == images_of(workspace, SECRET)
    assert [reference.endswith("20.png") for reference in called_with[0].references] == [True]
    assert open_live(workspace).records.find("catalogue", SECRET)
    assert run(workspace, DAY + timedelta(3)).changes["shop"].unchanged == 6


def test_unknown_and_ambiguous_names_are_reported(workspace, tmp_path):
    with pytest.raises(UnknownEntry, match="no product nothing"):
        find_entry(workspace, "catalogue", "nothing")
    with pytest.raises(UnknownEntry, match="source nowhere"):
        find_source(workspace, "nowhere")
    with pytest.raises(UnknownEntry):
        find_entry(workspace, "catalogue", "a", "other")
    shop(workspace, tmp_path / "third", {"a": 40}, "third")
    run(workspace, DAY + timedelta(3))
    with pytest.raises(EntryAmbiguous, match=r"shop \(catalogue\), third \(catalogue\)"):
        find_entry(workspace, "catalogue", "a")
    assert find_entry(workspace, "catalogue", "a", "third") == ForgetTarget("catalogue", "third", "a")


def test_a_concurrent_reader_is_reported_and_the_next_job_completes_it(workspace, monkeypatch):
    monkeypatch.setattr("index.records.database.WAIT_MS", 50)
    needles = traces_of(workspace, SECRET)
    engine = sa.create_engine(workspace.database_url)
    reader = engine.connect()
    reader.execute(sa.text("SELECT count(*) FROM entries"))
    # Python's driver of SQLite begins no transaction for a SELECT.
    reader.connection.driver_connection.execute("BEGIN") if engine.dialect.name == "sqlite" else None
    reader.execute(sa.text("SELECT count(*) FROM entries"))
    try:
        with pytest.raises(WorkspaceError, match=r"read by another program|locked"):
            forget(workspace, find_entry(workspace, "catalogue", SECRET))
    finally:
        reader.close()
        engine.dispose()
    run(workspace, DAY + timedelta(3))
    assert found_in_files(workspace, needles) == []


def test_a_damaged_generation_is_deleted_and_the_live_one_built_anew(workspace):
    needles = traces_of(workspace, SECRET)
    for number in (2, 3):
        with (workspace.generations / str(number) / "records.sqlite").open("ab") as file:
            file.write(b"x")
    forget(workspace, find_entry(workspace, "catalogue", SECRET))
    assert found_in_files(workspace, needles) == []
    assert run(workspace, DAY + timedelta(3)).published
    assert open_live(workspace).records.find("catalogue", "a")


def test_retention_takes_pictures_and_features_but_not_yet_few_embeddings(workspace, tmp_path):
    settings = (workspace.root / "traceobject.toml").read_text()
    settings = settings.replace("retention_days = 0", "retention_days = 1").replace(
        "keep_generations = 3", "keep_generations = 1"
    )
    (workspace.root / "traceobject.toml").write_text(settings)
    workspace = Workspace.open(workspace.root)
    gone = images_of(workspace, SECRET)
    shop(workspace, tmp_path / "shop", {"a": 1, "b": 3, "c": 4, "twin": 5, "new": 30})
    run(workspace, DAY + timedelta(3))
    assert run(workspace, DAY + timedelta(4)).changes["shop"].expired == 1
    store = ImageStore(workspace.objects)
    assert not any(image in store for image in gone)
    assert json.loads((workspace.generations / "5" / "manifest.json").read_text())["generation"] == 5
    assert all(image in store for image in open_live(workspace).records.images())
