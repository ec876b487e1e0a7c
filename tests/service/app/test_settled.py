"""What one server's desk settles is settled on the others, which share the publication lists."""

import time

import pytest

from index.sources.published import list_of, record_of
from index.workspace import Workspace
from service.app import settled as module
from service.app.settled import SettledObjects

FIELDS = {"authority": "Europol", "object_id": "E-9", "title": "Green mug"}


@pytest.fixture
def listed(tmp_path):
    found = list_of(Workspace.create(tmp_path / "w", "colour-64"), "Europol")
    found.folder.mkdir(parents=True)
    write(found, "open")
    return found


def write(listed, status):
    listed.write([listed.keep(record_of({**FIELDS, "status": status}), [b"a crop"])])


def test_a_list_that_another_server_wrote_is_read_again(listed, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "POLL_SECONDS", 0.05)
    settled = SettledObjects(Workspace.open(tmp_path / "w"))
    before = settled.version
    time.sleep(0.1)
    assert settled.version == before
    write(listed, "identified")
    time.sleep(0.1)
    assert settled.version > before
    assert settled._settled[listed.source, "E-9"][0] == "identified"


def test_a_list_that_cannot_be_read_changes_nothing_until_it_can(listed, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "POLL_SECONDS", 0.0)
    settled = SettledObjects(Workspace.open(tmp_path / "w"))
    before = settled.version
    whole = listed.file.read_bytes()
    listed.file.write_bytes(b"[{")
    assert settled.version == before
    listed.file.write_bytes(whole.replace(b'"open"', b'"closed"'))
    assert settled.version > before


def test_lists_are_not_looked_at_for_every_object(listed, tmp_path, monkeypatch):
    settled = SettledObjects(Workspace.open(tmp_path / "w"))
    looked = []
    monkeypatch.setattr(SettledObjects, "_signature", lambda _: looked.append(1) or settled._seen)
    for _ in range(1000):
        assert settled.version
    assert len(looked) <= 2
