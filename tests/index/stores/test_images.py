"""The store of pictures, in a folder and elsewhere: listed once for a job, kept for a while in a server's memory."""

import pytest

from index.errors import UnknownEntry
from index.stores import images as images_module
from index.stores.images import ImageStore, images_for_job
from index.stores.objects import cached
from index.stores.objects.cached import CachedObjects
from index.stores.objects.folder import FolderObjects
from index.stores.objects.opening import open_objects
from index.stores.objects.protocol import ObjectMissing, ObjectRange


def name(number):
    return f"{number:02x}" * 32


def test_a_picture_is_where_it_always_was(tmp_path):
    ImageStore(FolderObjects(tmp_path)).add(name(171), b"jpeg")
    assert (tmp_path / "images" / "ab" / "ab" / f"{name(171)}.jpg").read_bytes() == b"jpeg"


@pytest.mark.parametrize("many", [False, True], ids=["few", "many"])
def test_a_job_asks_the_store_once_for_all_pictures(tmp_path, monkeypatch, many):
    monkeypatch.setattr(images_module, "_LISTED_AT_ONCE", 1 if many else 1000)
    objects = open_objects(f"file://{tmp_path}")
    for number in (0, 1, 255):
        ImageStore(objects).add(name(number), b"jpeg")
    store = images_for_job(objects, 5)
    monkeypatch.setattr(FolderObjects, "exists", lambda *_: pytest.fail("the store was asked"))
    assert [name(number) in store for number in (0, 1, 2, 254, 255)] == [True, True, False, False, True]
    store.add(name(2), b"jpeg")
    store.discard([name(0), name(3)])
    store.note_added(name(4))
    assert [name(number) in store for number in (0, 1, 2, 3, 4)] == [False, True, True, False, True]
    assert "no name" not in store
    with pytest.raises(UnknownEntry, match="no image 0000"):
        store.read(name(0))


def test_a_folder_is_asked_as_it_is(tmp_path):
    assert type(images_for_job(FolderObjects(tmp_path), 5)) is ImageStore


class Counted(FolderObjects):
    """Counts what is read."""

    def __init__(self, root):
        super().__init__(root)
        self.reads = []

    def get(self, key):
        self.reads.append(key)
        return super().get(key)

    def get_ranges(self, ranges):
        self.reads += ranges
        return super().get_ranges(ranges)


@pytest.fixture
def counted(tmp_path):
    return Counted(tmp_path)


def test_what_was_read_is_kept_for_a_while(counted):
    now = [0.0]
    store = CachedObjects(counted, lambda: now[0])
    store.put("picture", b"0123456789")
    part = ObjectRange("picture", 2, 4)
    for _ in range(3):
        assert store.get("picture") == b"0123456789"
        assert store.get_ranges([part, ObjectRange("picture", 0, 1), part]) == [b"23", b"0", b"23"]
    assert len(counted.reads) == 3
    now[0] = cached.KEEP_SECONDS + 1
    store.get_ranges([part])
    assert len(counted.reads) == 4
    assert list(store._kept) == [part], "what is too old is gone from memory"


def test_what_is_written_or_deleted_is_not_kept(counted):
    store = CachedObjects(counted)
    store.put("picture", b"one")
    assert store.get("picture") == b"one"
    store.put("picture", b"two")
    assert store.get("picture") == b"two"
    version = store.get_version("picture")[1]
    store.replace("picture", b"three", version)
    assert store.get("picture") == b"three"
    store.delete(["picture"])
    with pytest.raises(ObjectMissing):
        store.get("picture")


def test_memory_is_bounded(counted, monkeypatch):
    monkeypatch.setattr(cached, "MAX_BYTES", 250)
    monkeypatch.setattr(cached, "_LARGEST", 120)
    store = CachedObjects(counted)
    for number in range(4):
        store.put(f"{number}", bytes(100))
        store.get(f"{number}")
    store.put("large", bytes(200))
    store.get("large")
    assert store._bytes == sum(len(data) for _, data in store._kept.values()) == 200
    assert [each.key for each in store._kept] == ["2", "3"]
