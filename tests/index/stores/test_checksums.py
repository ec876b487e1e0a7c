"""A file that was checked is not read again, and one that was touched since always is."""

import json
import os
import time

import pytest

from index.stores import checksums as checksums
from index.stores.checksums import MEMORY, checksum, damaged


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with two files, and a clock far enough from them to remember them."""
    (tmp_path / "one").write_bytes(b"1" * 100)
    (tmp_path / "two").write_bytes(b"2" * 100)
    now = time.time_ns
    monkeypatch.setattr(checksums.time, "time_ns", lambda: now() + 10**10)
    return tmp_path


@pytest.fixture
def read(monkeypatch):
    """The names of the files that were read."""
    names: list[str] = []
    monkeypatch.setattr(checksums, "checksum", lambda path: names.append(path.name) or checksum(path))
    return names


def proofs_of(folder):
    return {name: checksum(folder / name) for name in ("one", "two")}


def test_what_was_found_whole_is_not_read_again(folder, read):
    told = proofs_of(folder)
    assert damaged(folder, told) == []
    assert sorted(read) == ["one", "two"]
    read.clear()
    assert damaged(folder, told, remembered=True) == []
    assert read == []
    assert damaged(folder, told) == []
    assert sorted(read) == ["one", "two"], "a full check reads everything"


def test_a_change_shows_even_when_its_time_and_size_are_put_back(folder, read):
    told = proofs_of(folder)
    damaged(folder, told)
    before = (folder / "two").stat()
    (folder / "two").write_bytes(b"3" * 100)
    os.utime(folder / "two", ns=(before.st_atime_ns, before.st_mtime_ns))
    read.clear()
    assert damaged(folder, told, remembered=True) == [folder / "two"]
    assert read == ["two"]


def test_a_file_in_its_place_and_a_file_that_is_gone_show(folder):
    told = proofs_of(folder)
    damaged(folder, told)
    (folder / "other").write_bytes(b"3" * 100)
    (folder / "other").replace(folder / "one")
    (folder / "two").unlink()
    assert damaged(folder, told, remembered=True) == [folder / "one", folder / "two"]


def test_another_proof_is_not_covered_by_the_memory(folder):
    told = proofs_of(folder)
    damaged(folder, told)
    other = told | {"one": checksums.FileChecksum(100, "0" * 64)}
    assert damaged(folder, other, remembered=True) == [folder / "one"]


def test_what_changed_just_now_is_read_again(tmp_path, read):
    (tmp_path / "one").write_bytes(b"1")
    told = {"one": checksum(tmp_path / "one")}
    damaged(tmp_path, told)
    read.clear()
    assert damaged(tmp_path, told, remembered=True) == []
    assert read == ["one"]


@pytest.mark.parametrize("memory", [b"", b"[]", b"{", b'{"one": 5, "two": null}'], ids=["empty", "list", "torn", "odd"])
def test_a_memory_that_cannot_be_read_is_no_memory(folder, read, memory):
    told = proofs_of(folder)
    (folder / MEMORY).write_bytes(memory)
    assert damaged(folder, told, remembered=True) == []
    assert sorted(read) == ["one", "two"]
    assert set(json.loads((folder / MEMORY).read_bytes())) == {"one", "two"}


def test_a_memory_of_another_user_is_no_memory(folder, read, monkeypatch):
    told = proofs_of(folder)
    damaged(folder, told)
    read.clear()
    mine = (folder / MEMORY).stat().st_uid
    # The memory's owner stays, but neither this process nor the folder is theirs any more.
    monkeypatch.setattr(checksums.os, "geteuid", lambda: mine + 1)
    real = type(folder).stat

    def stat(path, **kwargs):
        found = real(path, **kwargs)
        if path == folder:
            return os.stat_result([*found[:4], mine + 2, *found[5:10]])
        return found

    monkeypatch.setattr(type(folder), "stat", stat)
    assert damaged(folder, told, remembered=True) == []
    assert sorted(read) == ["one", "two"]
