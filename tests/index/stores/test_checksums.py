"""A verified file is not read again, unless it changed since."""

import json
import os
import time

import pytest

from index.stores import checksums as checksums
from index.stores.checksums import VERIFIED_FILE, checksum, damaged


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with two files, and a clock late enough to record them as verified."""
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


def checksums_of(folder):
    return {name: checksum(folder / name) for name in ("one", "two")}


def test_a_verified_file_is_not_read_again(folder, read):
    expected = checksums_of(folder)
    assert damaged(folder, expected) == []
    assert sorted(read) == ["one", "two"]
    read.clear()
    assert damaged(folder, expected, trust_verified=True) == []
    assert read == []
    assert damaged(folder, expected) == []
    assert sorted(read) == ["one", "two"], "a full check reads everything"


def test_a_change_is_noticed_even_when_time_and_size_are_restored(folder, read):
    expected = checksums_of(folder)
    damaged(folder, expected)
    before = (folder / "two").stat()
    (folder / "two").write_bytes(b"3" * 100)
    os.utime(folder / "two", ns=(before.st_atime_ns, before.st_mtime_ns))
    read.clear()
    assert damaged(folder, expected, trust_verified=True) == [folder / "two"]
    assert read == ["two"]


def test_a_replaced_and_a_missing_file_are_noticed(folder):
    expected = checksums_of(folder)
    damaged(folder, expected)
    (folder / "other").write_bytes(b"3" * 100)
    (folder / "other").replace(folder / "one")
    (folder / "two").unlink()
    assert damaged(folder, expected, trust_verified=True) == [folder / "one", folder / "two"]


def test_another_checksum_is_not_covered_by_the_record(folder):
    expected = checksums_of(folder)
    damaged(folder, expected)
    other = expected | {"one": checksums.FileChecksum(100, "0" * 64)}
    assert damaged(folder, other, trust_verified=True) == [folder / "one"]


def test_a_file_that_just_changed_is_read_again(tmp_path, read):
    (tmp_path / "one").write_bytes(b"1")
    expected = {"one": checksum(tmp_path / "one")}
    damaged(tmp_path, expected)
    read.clear()
    assert damaged(tmp_path, expected, trust_verified=True) == []
    assert read == ["one"]


@pytest.mark.parametrize(
    "record", [b"", b"[]", b"{", b'{"one": 5, "two": null}'], ids=["empty", "list", "cut short", "wrong types"]
)
def test_an_unreadable_record_is_ignored(folder, read, record):
    expected = checksums_of(folder)
    (folder / VERIFIED_FILE).write_bytes(record)
    assert damaged(folder, expected, trust_verified=True) == []
    assert sorted(read) == ["one", "two"]
    assert set(json.loads((folder / VERIFIED_FILE).read_bytes())) == {"one", "two"}


def test_a_record_of_another_user_is_ignored(folder, read, monkeypatch):
    expected = checksums_of(folder)
    damaged(folder, expected)
    read.clear()
    mine = (folder / VERIFIED_FILE).stat().st_uid
    # The owner of the record is neither this process's user nor the folder's owner any more.
    monkeypatch.setattr(checksums.os, "geteuid", lambda: mine + 1)
    real = type(folder).stat

    def stat(path, **kwargs):
        found = real(path, **kwargs)
        if path == folder:
            return os.stat_result([*found[:4], mine + 2, *found[5:10]])
        return found

    monkeypatch.setattr(type(folder), "stat", stat)
    assert damaged(folder, expected, trust_verified=True) == []
    assert sorted(read) == ["one", "two"]
