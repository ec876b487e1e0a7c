"""What a night makes of a feed: read only when it changed, entries that come, go, expire, and pictures that fail."""

import csv
import json
import shutil
from datetime import date, timedelta
from pathlib import Path

import pytest

from index.errors import WorkspaceError
from index.generations.generations import open_live
from index.jobs.reindex import reindex
from index.progress import Unwatched
from index.records.catalogue import Catalogue
from index.search.answer import Query, QueryImage
from index.search.search import search
from index.stores.images import ImageStore
from index.workspace import Workspace
from tests.fakes import ColourEncoder, add_feed, render, render_file, write_feed

pytestmark = pytest.mark.databases("sqlite", "postgres", slow=True)

MONDAY = date(2026, 1, 5)


@pytest.fixture
def workspace(tmp_path):
    return Workspace.create(tmp_path / "workspace", "colour-64")


def setting(workspace: Workspace, **values) -> Workspace:
    path = workspace.root / "traceobject.toml"
    lines = [line for line in path.read_text().splitlines() if line.split(" ")[0] not in values]
    path.write_text("\n".join([*(f"{name} = {json.dumps(value)}" for name, value in values.items()), *lines]) + "\n")
    return Workspace.open(workspace.root)


def shop(workspace, folder: Path, products: dict[str, int]) -> Path:
    feed = write_feed(folder, [{"product_id": product} for product in products], list(products.values()))
    add_feed(workspace, "shop", "catalogue", feed)
    return feed


def run(workspace, day=MONDAY, **options):
    return reindex(workspace, ColourEncoder(), Unwatched(), today=day, **options)


def record(workspace, entry_id, collection="catalogue"):
    return open_live(workspace).records.find(collection, entry_id)[0].fields


def found(workspace, seed):
    answer = search(Query((QueryImage(render(seed)),)), open_live(workspace), ColourEncoder())
    return [candidate.entry.fields.entry_id for candidate in answer.candidates]


class Spy:
    """Counts how often feeds are read."""

    def __init__(self, monkeypatch):
        import index.sources.ingest as module

        self.times = 0
        real = module.read_products

        def read(*arguments, **options):
            self.times += 1
            return real(*arguments, **options)

        monkeypatch.setattr(module, "read_products", read)


def test_a_feed_is_read_again_only_when_it_changed(workspace, tmp_path, monkeypatch):
    feed = shop(workspace, tmp_path / "shop", {"a": 1, "b": 2})
    feed.write_text(feed.read_text() + ",broken\n")
    spy = Spy(monkeypatch)
    first = run(workspace)
    again = run(workspace, MONDAY + timedelta(1))
    assert spy.times == 1
    assert again.changes["shop"].unchanged == 2
    assert [item.where for item in again.refused] == [item.where for item in first.refused] != []
    run(workspace, full=True)
    assert spy.times == 2
    with feed.open("a", newline="") as file:
        csv.writer(file).writerow(["pictures/1.png", "c"])
    assert run(workspace).changes["shop"].added == 1
    assert spy.times == 3


def test_products_of_an_unchanged_feed_were_last_seen_that_day(workspace, tmp_path):
    shop(workspace, tmp_path / "shop", {"a": 1, "b": 2})
    for day in range(3):
        run(workspace, MONDAY + timedelta(day))
    shop(workspace, tmp_path / "shop", {"a": 1})
    run(workspace, MONDAY + timedelta(3))
    gone = record(workspace, "b")
    assert (gone.first_seen, gone.last_seen, gone.status) == ("2026-01-05", "2026-01-07", "discontinued")


def test_the_former_feed_is_read_again_after_an_interrupted_reading(workspace, tmp_path, monkeypatch):
    feed = shop(workspace, tmp_path / "shop", {f"p{n}": n for n in range(3)})
    run(workspace)
    whole = feed.read_text()
    feed.write_text(whole.replace("product_id", "product_id,title").replace("p0", "p0,renamed"))
    from index.records.catalogue import Catalogue as Records

    with monkeypatch.context() as patch:
        patch.setattr(Records, "finish_reading", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            run(workspace)
    feed.write_text(whole)
    run(workspace)
    assert record(workspace, "p0").title == ""


def test_a_picture_replaced_under_an_unchanged_feed_is_noticed(workspace, tmp_path):
    feed = shop(workspace, tmp_path / "shop", {"a": 1, "b": 2})
    run(workspace)
    render_file(feed.parent / "pictures" / "1.png", 50, size=100)
    assert run(workspace).embedded == 1
    assert found(workspace, 50)[0] == "a"


def test_a_folder_changed_just_now_is_not_trusted(tmp_path):
    from index.sources.feed_digest import feed_digest

    render_file(tmp_path / "shop" / "a.png", 1)
    assert feed_digest(tmp_path / "shop", "auto") == ""
    assert feed_digest(tmp_path / "missing", "auto") == ""


@pytest.mark.parametrize("change", ["add", "remove", "rewrite", "rename", "format"])
def test_every_change_of_a_folder_changes_its_digest(tmp_path, change, monkeypatch):
    from index.sources import feed_digest as module

    monkeypatch.setattr(module, "_SETTLED_NS", -(10**18))
    folder = tmp_path / "shop"
    for name in ("x/a.png", "x/b.png", "c.png"):
        render_file(folder / name, 1)
    (folder / "loop").symlink_to(folder)
    (folder / "dangling").symlink_to(tmp_path / "nowhere")
    before = module.feed_digest(folder, "auto")
    assert before == module.feed_digest(folder, "auto") != ""
    if change == "add":
        render_file(folder / "x" / "d.png", 1)
    elif change == "remove":
        (folder / "x" / "a.png").unlink()
    elif change == "rewrite":
        render_file(folder / "x" / "a.png", 2)
    elif change == "rename":
        (folder / "c.png").rename(folder / "d.png")
    assert module.feed_digest(folder, "folder" if change == "format" else "auto") != before


def test_discontinued_products_leave_when_their_retention_ends(workspace, tmp_path):
    workspace = setting(workspace, retention_days=30)
    shop(workspace, tmp_path / "shop", {"a": 1, "b": 2})
    run(workspace)
    shop(workspace, tmp_path / "shop", {"a": 1})
    gone = MONDAY + timedelta(10)
    run(workspace, gone)
    assert found(workspace, 2)[0] == "b"
    assert run(workspace, gone + timedelta(29)).changes["shop"].expired == 0
    report = run(workspace, gone + timedelta(30))
    assert (report.changes["shop"].expired, report.published) == (1, True)
    assert found(workspace, 2) == ["a"]
    assert run(workspace, gone + timedelta(31)).changes["shop"].expired == 0


def test_retention_counts_from_the_day_it_left_not_from_the_feeds_dates(workspace, tmp_path):
    workspace = setting(workspace, retention_days=30)
    rows = [{"product_id": "old", "last_seen": "2010-01-01"}, {"product_id": "new", "last_seen": ""}]
    add_feed(workspace, "shop", "catalogue", write_feed(tmp_path / "shop", rows, [1, 2]))
    run(workspace)
    add_feed(workspace, "shop", "catalogue", write_feed(tmp_path / "shop", rows[1:], [2]))
    run(workspace, MONDAY + timedelta(1))
    assert record(workspace, "old").last_seen == "2010-01-01"
    assert run(workspace, MONDAY + timedelta(30)).changes["shop"].expired == 0
    assert run(workspace, MONDAY + timedelta(31)).changes["shop"].expired == 1


def test_without_retention_they_stay_forever(workspace, tmp_path):
    shop(workspace, tmp_path / "shop", {"a": 1, "b": 2})
    run(workspace)
    shop(workspace, tmp_path / "shop", {"a": 1})
    run(workspace, MONDAY + timedelta(1))
    run(workspace, MONDAY + timedelta(9000))
    assert found(workspace, 2)[0] == "b"


def test_a_publication_list_in_json_says_what_is_still_open(workspace, tmp_path):
    crops = [render_file(tmp_path / "crops" / f"{seed}.png", seed).name for seed in range(4)]
    objects = [
        {"id": f"E-{n}", "title": f"Object {n}", "published": "2025-11-0" + str(n + 1), "status": status,
         "tip_page": f"https://police.example/tips/{n}", "crops": [f"crops/{crops[n]}", f"crops/{crops[3]}"]}
        for n, status in enumerate(("open", "identified", "closed"))
    ]  # fmt: skip
    feed = tmp_path / "list.json"

    def publish(objects):
        feed.write_text(json.dumps({"authority": "Europol", "objects": objects}))
        with Catalogue.open(workspace.database_url) as catalogue:
            catalogue.add_source("Europol", "objects", str(feed), "auto")

    publish(objects)
    assert run(workspace).refused == ()
    assert [record(workspace, f"E-{n}", "objects").status for n in range(3)] == ["open", "identified", "closed"]
    first = open_live(workspace).records.find("objects", "E-0")[0]
    assert (first.fields.authority, first.fields.published, len(first.images)) == ("Europol", "2025-11-01", 2)
    assert first.fields.link == "https://police.example/tips/0"
    publish([objects[0] | {"status": "solved"}])
    run(workspace)
    assert record(workspace, "E-0", "objects").status == "identified"
    assert record(workspace, "E-1", "objects").status == "identified"


def test_an_open_object_that_its_authority_no_longer_publishes_is_closed_and_kept(workspace, tmp_path):
    workspace = setting(workspace, retention_days=1)
    rows = [{"object_id": "E-1", "status": "open"}, {"object_id": "E-2", "status": "open"}]
    add_feed(workspace, "Europol", "objects", write_feed(tmp_path / "list", rows, [1, 2]))
    run(workspace)
    add_feed(workspace, "Europol", "objects", write_feed(tmp_path / "list", rows[:1], [1]))
    run(workspace, MONDAY + timedelta(1))
    run(workspace, MONDAY + timedelta(10))
    assert [record(workspace, f"E-{n}", "objects").status for n in (1, 2)] == ["open", "closed"]
    add_feed(workspace, "Europol", "objects", write_feed(tmp_path / "list", rows, [1, 2]))
    run(workspace, MONDAY + timedelta(11))
    assert record(workspace, "E-2", "objects").status == "open"


@pytest.mark.parametrize("harm", ["missing", "garbage"])
def test_a_picture_that_fails_keeps_the_copy_of_an_earlier_day(workspace, tmp_path, harm):
    """A mount that is away for a night, an upload that broke off: the index stays complete and the report lists it."""
    feed = shop(workspace, tmp_path / "shop", {"a": 1, "b": 2})
    run(workspace)
    picture = feed.parent / "pictures" / "1.png"
    if harm == "missing":
        picture.unlink()
    else:
        picture.write_bytes(picture.read_bytes()[:50])
    for _ in range(2):
        report = run(workspace)
        assert [item.where for item in report.refused] == [str(picture)]
        assert not report.published
    assert found(workspace, 1)[0] == "a"
    render_file(picture, 60, size=110)
    assert run(workspace).refused == ()
    assert found(workspace, 60)[0] == "a"


def test_a_store_that_cannot_be_written_stops_the_run_and_refuses_no_picture(workspace, tmp_path, monkeypatch):
    shop(workspace, tmp_path / "shop", {"a": 1})
    run(workspace)
    shop(workspace, tmp_path / "shop", {"a": 1, "b": 2})

    def full(*_):
        raise WorkspaceError("no space")

    with monkeypatch.context() as patch:
        patch.setattr(ImageStore, "add", full)
        with pytest.raises(WorkspaceError):
            run(workspace)
    assert found(workspace, 1) == ["a"]
    report = run(workspace)
    assert (report.refused, report.embedded) == ((), 1)
    assert found(workspace, 2)[0] == "b"


def test_two_references_to_one_new_picture_do_not_meet(workspace, tmp_path, monkeypatch):
    # Without the self-test, which takes most of the time and is not tested here.
    monkeypatch.setattr("index.jobs.self_test.MIN_PRODUCTS", 61)
    folder = tmp_path / "shop"
    picture, feed = render_file(folder / "7.png", 7), folder / "feed.csv"
    copies = [Path(shutil.copyfile(picture, folder / f"copy-{n}.png")) for n in range(60)]
    with feed.open("w", newline="") as file:
        csv.writer(file).writerows([["path", "product_id"], *([str(path), f"p{n}"] for n, path in enumerate(copies))])
    add_feed(workspace, "shop", "catalogue", feed)
    report = run(workspace)
    assert (report.embedded, report.refused) == (1, ())
    assert len(open_live(workspace).records.find("catalogue", "p59")) == 1
