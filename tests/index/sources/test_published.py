"""Objects published here: in a list that is read like any feed, and gone for good when they are forgotten."""

import json
from datetime import date, timedelta

import pytest

from embedding.image.normalised_copy import normalised_copy
from index.errors import QueryInvalid, UnknownEntry, WorkspaceError
from index.generations.generations import open_live
from index.jobs.backup import back_up
from index.jobs.forget import find_entry, find_source, forget
from index.jobs.reindex import reindex
from index.progress import Unwatched
from index.records.catalogue import Catalogue
from index.records.feed_records import ObjectStatus
from index.records.overview import source_states
from index.sources.feeds.open_feed import read_objects
from index.sources.published import crop, crops_of, find, list_of, lists, record_of, register
from index.workspace import Workspace
from tests.fakes import ColourEncoder, add_feed, render, write_feed

pytestmark = pytest.mark.databases("sqlite", "postgres", slow=True)

DAY = date(2026, 1, 5)
SECRET = "forget-me-4711"


@pytest.fixture
def workspace(tmp_path):
    made = Workspace.create(tmp_path / "workspace", "colour-64")
    publish(made, "Europol", "E-1", [1])
    publish(made, "Europol", SECRET, [2, 3], title="title of it")
    publish(made, "Police fédérale", "F/1", [2])
    return made


def publish(workspace, authority, object_id, seeds, **told):
    record = record_of({"authority": authority, "object_id": object_id, **told})
    with workspace.lock("publish"), Catalogue.open(workspace.database_url) as catalogue:
        listed = list_of(workspace, authority)
        register(workspace, catalogue, listed)
        kept = listed.keep(record, [normalised_copy(render(seed)) for seed in seeds])
        listed.write([*listed.records(), kept])
    return kept


def run(workspace, day=DAY):
    return reindex(workspace, ColourEncoder(), Unwatched(), today=day)


def test_a_list_is_a_feed_of_its_authority_and_a_source_once(workspace):
    europol, police = lists(workspace)
    assert (europol.source, police.source) == ("published/europol", "published/police-fédérale")
    first, second = read_objects(europol.file)
    assert (first.object_id, first.authority, first.status) == ("E-1", "Europol", ObjectStatus.OPEN)
    assert [len(one.pictures) for one in (first, second)] == [1, 2]
    with Catalogue.open(workspace.database_url) as catalogue:
        assert [source.name for source in catalogue.sources()] == [europol.source, police.source]
    report = run(workspace)
    assert (report.refused, report.failed, report.new_images) == ((), (), 3)
    (entry,) = open_live(workspace).records.find("objects", SECRET)
    assert (entry.images, entry.fields.authority) == (crops_of(find(workspace, "Europol", SECRET)[1]), "Europol")
    with Catalogue.open(workspace.database_url) as catalogue:
        states = source_states(catalogue)
    assert [(state.entries, state.pictures, state.refused) for state in states] == [(2, 3, 0), (1, 1, 0)]
    assert states[1].authorities == ("Police fédérale",)


def test_what_changed_in_the_list_is_all_that_changes(workspace):
    run(workspace)
    listed, record = find(workspace, "Europol", "E-1")
    listed.write([one for one in listed.records() if one != record])
    report = run(workspace, DAY + timedelta(1))
    assert (report.changes[listed.source].gone, report.embedded) == (1, 0)
    assert open_live(workspace).records.find("objects", "E-1")[0].fields.status == "closed"


def test_a_crop_that_no_object_shows_any_more_is_deleted(workspace):
    listed, record = find(workspace, "Europol", "E-1")
    (name,) = crops_of(record)
    assert crop(workspace, name).startswith(b"\xff\xd8")
    (listed.folder / ".half.part").write_bytes(b"left by a crash")
    listed.write([one for one in listed.records() if one != record])
    for wanted in (name, "0" * 64, "../objects", "*"):
        with pytest.raises(UnknownEntry):
            crop(workspace, wanted)
    assert len(list(listed.folder.iterdir())) == 3


@pytest.mark.parametrize(
    ("authority", "told"), [("EUROPOL", "'Europol' publishes here already"), ("!?", "missing"), ("../..", "missing")]
)
def test_an_authority_has_one_spelling_and_one_folder(workspace, authority, told):
    with pytest.raises(QueryInvalid, match=told):
        list_of(workspace, authority)


def test_no_name_leads_out_of_the_folder(workspace):
    for name in ("../../etc", "a/b\\c", "x" * 500, "ﬁ../\u2024\u2024", "公安"):
        folder = list_of(workspace, name).folder
        assert folder.parent == workspace.published
        assert len(folder.name.encode()) <= 255
        assert not set(folder.name) & set("./\\")


@pytest.mark.parametrize("told", [{"tip_page": "javascript:x"}, {"published": "soon"}, {"title": "x" * 9000}])
def test_what_a_feed_would_be_refused_for_is_refused(told):
    with pytest.raises(QueryInvalid):
        record_of({"authority": "Europol", "object_id": "1", **told})


def test_a_list_that_is_damaged_is_never_written_over(workspace):
    listed = list_of(workspace, "Europol")
    rows = json.loads(listed.file.read_text())
    listed.file.write_text(json.dumps([*rows, {"object_id": "no crop"}]))
    with pytest.raises(WorkspaceError, match="mend this list"):
        listed.records()


def traces(workspace, needles):
    return [
        (needle, path.name)
        for path in workspace.root.rglob("*")
        for needle in needles
        if needle in (path.read_bytes() if path.is_file() else b"") or needle in str(path).encode()
    ]


@pytest.mark.parametrize("indexed", [True, False])
def test_a_forgotten_object_leaves_no_trace_in_its_list(workspace, indexed):
    _, record = find(workspace, "Europol", SECRET)
    shared = crops_of(find(workspace, "Police fédérale", "F/1")[1])
    (alone,) = set(crops_of(record)) - set(shared)
    needles = [SECRET.encode(), b"title of it", alone.encode()]
    if indexed:
        run(workspace)
    assert {needle for needle, _ in traces(workspace, needles)} == set(needles)
    forget(workspace, find_entry(workspace, "objects", SECRET, "Europol"))
    assert traces(workspace, needles) == []
    run(workspace, DAY + timedelta(1))
    assert traces(workspace, needles) == []
    assert [record.object_id for listed in lists(workspace) for record in listed.records()] == ["E-1", "F/1"]
    assert crop(workspace, *shared)


def test_what_a_crash_interrupts_the_next_job_completes(workspace, monkeypatch):
    run(workspace)

    def crash(*_):
        raise KeyboardInterrupt

    name = find_entry(workspace, "objects", SECRET)
    with monkeypatch.context() as patch:
        patch.setattr("index.jobs.forget.forget_published", crash)
        with pytest.raises(KeyboardInterrupt):
            forget(workspace, name)
    run(workspace, DAY + timedelta(1))
    assert traces(workspace, [SECRET.encode()]) == []


def test_a_forgotten_source_takes_its_list(workspace):
    run(workspace)
    forget(workspace, find_source(workspace, "published/europol"))
    assert [listed.source for listed in lists(workspace)] == ["published/police-fédérale"]
    assert traces(workspace, [SECRET.encode(), b"Europol"]) == []


def test_a_source_whose_list_a_crash_took_first_leaves_no_crops(workspace, monkeypatch):
    listed = list_of(workspace, "Europol")

    def crash(folder):
        listed.file.unlink()
        raise KeyboardInterrupt

    name = find_source(workspace, listed.source)
    with monkeypatch.context() as patch:
        patch.setattr("index.sources.published.shutil.rmtree", crash)
        with pytest.raises(KeyboardInterrupt):
            forget(workspace, name)
    assert listed.folder.exists()
    run(workspace)
    assert not listed.folder.exists()


def test_a_workspace_that_lies_elsewhere_now_finds_its_list_again(workspace, tmp_path):
    run(workspace)
    moved = Workspace.open(workspace.root.rename(tmp_path / "moved"))
    assert run(moved, DAY + timedelta(1)).failed
    with moved.lock("change"), Catalogue.open(moved.database_url) as catalogue:
        for listed in lists(moved):
            register(moved, catalogue, listed)
    report = run(moved, DAY + timedelta(2))
    assert (report.failed, report.refused, report.embedded) == ((), (), 0)


def test_forgetting_of_another_source_leaves_the_lists_alone(workspace, tmp_path):
    add_feed(workspace, "police", "objects", write_feed(tmp_path / "police", [{"object_id": "E-1"}], [9]))
    run(workspace)
    forget(workspace, find_entry(workspace, "objects", "E-1", "police"))
    assert find(workspace, "Europol", "E-1")


def test_a_backup_carries_and_forgets_it(workspace, tmp_path):
    backup = tmp_path / "backup"
    back_up(workspace, backup)
    copy = Workspace.open(backup)
    assert [listed.source for listed in lists(copy)] == [listed.source for listed in lists(workspace)]
    assert find(copy, "Europol", SECRET)[1].title == "title of it"
    forget(workspace, find_entry(workspace, "objects", SECRET))
    back_up(workspace, backup)
    assert traces(copy, [SECRET.encode()]) == []
