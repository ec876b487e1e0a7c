"""What every object store promises: bytes by key, whole or not at all, replaced only as expected, deleted for good."""

import re
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.errors import ObjectStoreUnavailable, WorkspaceError
from index.stores.objects.opening import open_objects
from index.stores.objects.protocol import ObjectChanged, ObjectMissing, ObjectRange, checked_key
from tests.object_stores import STORES, opened


@pytest.fixture(params=STORES)
def store(request, tmp_path):
    return opened(request.param, request, tmp_path)


def listed(store, folder=""):
    return {each.key: each.size for each in store.list_objects(folder)}


def test_what_was_put_is_there(store):
    store.put("images/ab/cd/picture.jpg", b"jpeg")
    assert store.get("images/ab/cd/picture.jpg") == b"jpeg"
    assert store.exists("images/ab/cd/picture.jpg")
    store.put("images/ab/cd/picture.jpg", b"again")
    assert store.get("images/ab/cd/picture.jpg") == b"again"


def test_what_is_not_there_is_missed_by_its_key(store):
    store.put("one/two", b"content")
    assert not store.exists("one/other")
    # A folder is no object.
    assert not store.exists("one/two/three")
    for read in (store.get, store.get_version, lambda key: store.get_ranges([ObjectRange(key, 0, 1)])):
        with pytest.raises(ObjectMissing, match=re.escape(f"{store.name} has no object one/other")) as caught:
            read("one/other")
        assert caught.value.key == "one/other"


def test_ranges_come_in_the_order_that_was_asked(store):
    content = {f"rows/{number}": bytes(range(number, number + 100)) for number in range(20)}
    for key, data in content.items():
        store.put(key, data)
    ranges = [ObjectRange(f"rows/{n % 20}", n % 7, n % 7 + 1 + n % 90) for n in reversed(range(200))]
    assert store.get_ranges(ranges) == [content[key][start:end] for key, start, end in ranges]
    assert store.get_ranges([]) == []


def test_an_object_that_is_too_short_is_said_to_be_damaged(store):
    store.put("rows", b"0123456789")
    with pytest.raises(WorkspaceError, match="rows is damaged: it ends before byte 12"):
        store.get_ranges([ObjectRange("rows", 2, 5), ObjectRange("rows", 8, 12)])


def test_the_objects_of_a_folder_are_listed_with_their_sizes(store):
    assert listed(store) == {}
    for key in ("a/1", "a/b/2", "ab/3", "c"):
        store.put(key, key.encode())
    assert listed(store) == {"a/1": 3, "a/b/2": 5, "ab/3": 4, "c": 1}
    assert listed(store, "a") == {"a/1": 3, "a/b/2": 5}
    assert listed(store, "a/b") == {"a/b/2": 5}
    assert listed(store, "nothing") == {}


def test_more_objects_than_one_page_are_listed_and_deleted(store, monkeypatch):
    if "s3" in store.name:
        monkeypatch.setattr("index.stores.objects.s3.PAGE", 7)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: store.put(f"many/{number:04d}", b""), range(30)))
    for _ in range(9):
        store.put("many/0000", b"again")
    assert len(listed(store, "many")) == 30
    store.delete(listed(store, "many"))
    assert listed(store, "many") == {}


def test_deleted_objects_are_gone_and_may_be_deleted_again(store):
    store.put("a", b"1")
    store.put("ab", b"2")
    store.delete(["a", "never there"])
    assert listed(store) == {"ab": 1}
    store.delete(["a"])
    store.put("a", b"3")
    assert store.get("a") == b"3"


def test_an_object_is_replaced_only_as_the_version_that_is_expected(store):
    first = store.replace("index.json", b"first", None)
    with pytest.raises(ObjectChanged, match=r"index\.json was changed by another process"):
        store.replace("index.json", b"other", None)
    assert store.get_version("index.json") == (b"first", first)
    second = store.replace("index.json", b"second", first)
    assert second != first
    with pytest.raises(ObjectChanged):
        store.replace("index.json", b"other", first)
    assert store.get_version("index.json") == (b"second", second)
    store.delete(["index.json"])
    with pytest.raises(ObjectChanged):
        store.replace("index.json", b"other", second)
    assert not store.exists("index.json")


def test_of_many_that_replace_one_version_one_succeeds(store):
    first = store.replace("index.json", b"first", None)
    barrier = threading.Barrier(8)

    def replace(number):
        barrier.wait()
        try:
            store.replace("index.json", f"{number}".encode(), first)
        except ObjectChanged:
            return None
        return number

    with ThreadPoolExecutor(8) as pool:
        done = [number for number in pool.map(replace, range(8)) if number is not None]
    assert len(done) == 1
    assert store.get("index.json") == f"{done[0]}".encode()


def test_files_are_stored_and_fetched(store, tmp_path):
    # More than s3fs sends and fetches in one piece.
    content = bytes(range(256)) * 450_000 if "s3" in store.name else b"content"
    (tmp_path / "here").write_bytes(content)
    store.upload(tmp_path / "here", "generations/1/engine")
    store.download("generations/1/engine", tmp_path / "there")
    assert (tmp_path / "there").read_bytes() == content
    assert listed(store, "generations") == {"generations/1/engine": len(content)}
    with pytest.raises(ObjectMissing):
        store.download("generations/2/engine", tmp_path / "nowhere")


@pytest.mark.parametrize("key", ["", "/a", "a/", "a//b", "../a", "a/../b", "a/..", ".", "a\\b", "a\nb", "a\x00"])
def test_what_is_no_key_is_refused(store, key):
    with pytest.raises(ValueError, match="is no key of an object"):
        store.put(key, b"")
    with pytest.raises(ValueError, match="is no key of an object"):
        store.get(key)


@given(st.text("ab./\\\n", max_size=8))
def test_a_key_never_leaves_its_folder(key):
    try:
        checked_key(key)
    except ValueError:
        return
    assert all(name not in ("", ".", "..") for name in key.split("/"))


def test_deleting_reaches_every_version_in_a_bucket(s3_server):
    bucket = s3_server.bucket(versioned=True)
    store = open_objects(f"s3://{bucket}/prefix")
    store.put("picture", b"the first version")
    store.put("picture", b"the second version")
    version = store.replace("index", b"what was forgotten", None)
    store.replace("index", b"the rest", version)
    store.put("picture of another", b"stays")
    # As a program that knows no versions deletes.
    s3_server.client.delete_object(Bucket=bucket, Key="prefix/picture")
    assert len(s3_server.everything(bucket)) == 5
    store.delete(["picture", "index"])
    assert list(s3_server.everything(bucket).values()) == [b"stays"]
    left = s3_server.client.list_object_versions(Bucket=bucket)
    assert "DeleteMarkers" not in left


def test_only_the_prefix_of_a_bucket_is_touched(s3_server):
    bucket = s3_server.bucket()
    s3_server.client.put_object(Bucket=bucket, Key="other/object", Body=b"of others")
    store, whole = open_objects(f"s3://{bucket}/mine"), open_objects(f"s3://{bucket}")
    store.put("object", b"mine")
    assert listed(store) == {"object": 4}
    assert listed(whole) == {"other/object": 9, "mine/object": 4}


def test_a_bucket_that_is_not_there_is_named(s3_server):
    store = open_objects("s3://no-such-bucket/prefix")
    with pytest.raises(WorkspaceError, match="there is no bucket no-such-bucket: make it"):
        store.put("object", b"")
    with pytest.raises(WorkspaceError, match="there is no bucket no-such-bucket"):
        list(store.list_objects())


@pytest.mark.parametrize("answers", [False, True], ids=["refuses connections", "never answers"])
@pytest.mark.slow
def test_a_server_that_is_away_is_given_up_within_a_minute(monkeypatch, answers):
    pytest.importorskip("s3fs")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        if not answers:
            listening.close()
        for name, value in {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_ACCESS_KEY_ID": "k"}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
        began = time.monotonic()
        store = open_objects(f"s3://away-{answers}/prefix".lower())
        with pytest.raises(ObjectStoreUnavailable, match=r"does not answer: .*start it, or try again later"):
            store.get("object")
    assert time.monotonic() - began < 60


@pytest.mark.parametrize(
    "url",
    ["", "/a/folder", "s3:/bucket", "s3://", "s3:///key", "ftp://a/x", "file://a/x", "s3://b/../c", "s3://a b"],
)
def test_what_is_no_place_for_objects_is_said(url):
    with pytest.raises(WorkspaceError, match=r"is no place for objects: s3://BUCKET/PREFIX.* is needed"):
        open_objects(url)


@pytest.mark.parametrize(("url", "package"), [("gs://bucket", "gcsfs"), ("az://container", "adlfs")])
def test_a_library_that_is_missing_is_named(url, package, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, package, None)
    with pytest.raises(WorkspaceError, match=f"needs {package}, which is not installed: pip install {package}"):
        open_objects(url)
