"""WebDataset shards and the pictures in them: read in place, bounded, never a path."""

from __future__ import annotations

import io
import json
import os
import tarfile
import tracemalloc
from pathlib import Path

import pytest

from embedding.errors import ImageRefused
from index.errors import FeedError
from index.records.feed_records import ProductRecord, Refusal
from index.sources.feeds import detect, read_picture, read_products, tar_members
from tests.feeds import until_cut


def shard(path: Path, members: dict[str, bytes], format: int = tarfile.PAX_FORMAT) -> Path:
    with tarfile.open(path, "w", format=format) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def outcome(path: Path) -> list[str]:
    read, _ = until_cut(read_products(path))
    return [record.product_id if isinstance(record, ProductRecord) else record.reason for record in read]


def sample(key: str, **more: object) -> dict[str, bytes]:
    """A sample as img2dataset writes it."""
    meta = {"url": f"https://elsewhere.example/{key}", "caption": f"c {key}", "key": key, "status": "success"}
    meta |= {"error_message": None, "width": 9, "exif": "{}", **more}
    return {f"{key}.jpg": b"J" + key.encode(), f"{key}.txt": b"caption", f"{key}.json": json.dumps(meta).encode()}


@pytest.mark.parametrize("format", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_samples_as_img2dataset_writes_them(tmp_path: Path, format: int) -> None:
    members = {**sample("000000001"), **sample("000000002", product_id="P2", brand="B", link="https://s/p")}
    path = shard(tmp_path / "00000.tar", members, format)
    assert detect(path) == "webdataset"
    first, second = read_products(path)
    assert isinstance(first, ProductRecord)
    assert isinstance(second, ProductRecord)
    assert (first.product_id, first.title, first.link) == ("000000001", "c 000000001", "")
    assert first.pictures == (f"{path}#000000001.jpg",)
    assert (second.product_id, second.brand, second.link) == ("P2", "B", "https://s/p")
    assert read_picture(second.pictures[0], 100) == b"J000000002"


def test_samples_of_other_kinds(tmp_path: Path) -> None:
    path = shard(
        tmp_path / "x.tar",
        {
            "./a/1.left.png": b"l",
            "./a/1.right.png": b"r",
            "./a/1.txt": "Crème".encode(),
            "2.webp": b"w",
            "2.cls": b"7",
            "3.json": b'{"id": "only words"}',
            ".hidden.jpg": b"",
            "4.jpg": b"x",
            "4.txt": b"\xff",
            "5.jpg": b"x",
            "5.json": b"[]",
            "6.jpg": b"x",
            "6.json": b"{" + b" " * 2_000_000 + b"}",
            "7.jpg": b"x",
            "7.json": b'{"image_link": "https://h/x.jpg"}',
        },
    )
    assert outcome(path) == [
        "./a/1",
        "2",
        "no-picture",
        "no-picture",
        "4",
        "bad-encoding",
        "not-an-object",
        "field-too-long",
        "7",
    ]
    first = next(read_products(path))
    assert isinstance(first, ProductRecord)
    assert first.title == "Crème"
    assert [read_picture(one, 9) for one in first.pictures] == [b"l", b"r"]


def test_a_folder_of_shards_in_order(tmp_path: Path) -> None:
    for number in (1, 0, 2):
        shard(tmp_path / f"{number:05}.tar", sample(f"{number:05}0000"))
    (tmp_path / "00000_stats.json").write_text("{}")
    (tmp_path / "00001.tar").write_bytes(b"no tar at all")
    assert detect(tmp_path) == "webdataset"
    assert outcome(tmp_path) == ["000000000", "damaged", "000020000"]
    assert "00001.tar" in until_cut(read_products(tmp_path))[1]
    with pytest.raises(FeedError, match=r"no \.tar shards"):
        list(read_products(tmp_path.parent / tmp_path.name / "..", "webdataset"))


def test_members_that_point_out_of_the_shard_are_refused(tmp_path: Path) -> None:
    (tmp_path / "outside.jpg").write_bytes(b"secret")
    inside = tmp_path / "in"
    inside.mkdir()
    members = {"../outside.jpg": b"x", "/etc/passwd.jpg": b"x", "a/../../b.jpg": b"x", "good.jpg": b"ok"}
    path = shard(inside / "x.tar", members)
    assert outcome(path) == ["bad-member-name"] * 3 + ["good"]
    # Whoever asks for such a member gets the member's bytes, never a file of that name.
    assert read_picture(f"{path}#../outside.jpg", 10) == b"x"
    with pytest.raises(ImageRefused) as refused:
        read_picture(f"{path}#../in/x.tar", 10)
    assert refused.value.reason == "missing"
    assert sorted(one.name for one in tmp_path.rglob("*")) == ["in", "outside.jpg", "x.tar"]


def test_links_devices_and_pipes_in_a_shard_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    with tarfile.open(path, "w") as archive:
        for name, kind in (("a.jpg", tarfile.SYMTYPE), ("b.jpg", tarfile.LNKTYPE), ("c.jpg", tarfile.FIFOTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
        info = tarfile.TarInfo("d.jpg")
        info.size = 1
        archive.addfile(info, io.BytesIO(b"x"))
    assert outcome(path) == ["d"]
    with pytest.raises(ImageRefused):
        read_picture(f"{path}#a.jpg", 10)


@pytest.mark.parametrize("cut", [700, 1024, 1600, 2100])
def test_a_shard_cut_off_is_read_up_to_there(tmp_path: Path, cut: int) -> None:
    path = shard(tmp_path / "x.tar", {"1.jpg": b"x" * 10, "2.jpg": b"y" * 1000})
    path.write_bytes(path.read_bytes()[:cut])
    assert outcome(path) == ["1", "damaged"]
    assert until_cut(read_products(path))[1]
    assert read_picture(f"{path}#1.jpg", 100) == b"x" * 10


def test_a_header_that_claims_too_much_fills_no_memory(tmp_path: Path) -> None:
    path = shard(tmp_path / "x.tar", {"1.jpg": b"x", "2.jpg": b"x" * 30_000_000})
    content = bytearray(path.read_bytes())
    header = content[1024:1536]
    header[156:157] = b"x"  # an extended header of 30 MB, which tarfile would read whole
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    content[1024:1536] = header
    path.write_bytes(content)
    del content, header
    tracemalloc.start()
    assert outcome(path) == ["1", "damaged"]
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()


def test_reading_plain_files(tmp_path: Path) -> None:
    path = tmp_path / "a#b.jpg"
    path.write_bytes(b"12345")
    assert read_picture(str(path), 5) == b"12345"
    assert read_picture(str(path), 500) == b"12345"


@pytest.mark.parametrize("in_shard", [True, False])
def test_bounds(tmp_path: Path, in_shard: bool) -> None:
    (tmp_path / "a.jpg").write_bytes(b"x" * 1000)
    reference = str(tmp_path / "a.jpg")
    if in_shard:
        reference = str(shard(tmp_path / "x.tar", {"a.jpg": b"x" * 1000})) + "#a.jpg"
    assert len(read_picture(reference, 1000)) == 1000
    with pytest.raises(ImageRefused, match="over 999 bytes") as refused:
        read_picture(reference, 999)
    assert refused.value.reason == "too-many-bytes"


def test_what_is_no_picture_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "no.tar").write_bytes(b"x" * 2000)
    for reference, reason in {
        str(tmp_path / "gone.jpg"): "missing",
        str(tmp_path): "not-a-file",
        str(tmp_path / "pipe.jpg"): "not-a-file",
        "/dev/zero": "not-a-file",
        "a\0b": "unreadable",
        str(tmp_path / "gone.tar") + "#a.jpg": "missing",
        str(tmp_path / "no.tar") + "#a.jpg": "unreadable",
        str(tmp_path / ("x" * 300)): "unreadable",
        "#": "missing",
    }.items():
        with pytest.raises(ImageRefused) as refused:
            read_picture(reference, 100)
        assert refused.value.reason == reason, reference
        assert len(str(refused.value)) < 600


def test_a_shard_written_anew_is_listed_anew(tmp_path: Path) -> None:
    path = shard(tmp_path / "x.tar", {"a.jpg": b"old"})
    assert read_picture(f"{path}#a.jpg", 10) == b"old"
    shard(path, {"b.jpg": b"xx", "a.jpg": b"new!"})
    os.utime(path, ns=(1, 1))
    assert read_picture(f"{path}#a.jpg", 10) == b"new!"


def test_a_shard_is_listed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = shard(tmp_path / "x.tar", {f"{number}.jpg": b"x" for number in range(50)})
    listings = []
    real = tar_members.members
    monkeypatch.setattr(tar_members, "members", lambda path: listings.append(path) or real(path))
    for number in range(50):
        read_picture(f"{path}#{number}.jpg", 10)
    assert listings == [path]


def test_reading_a_large_shard_takes_little_memory(tmp_path: Path) -> None:
    path = shard(tmp_path / "x.tar", {f"{number}.jpg": b"x" * 50_000 for number in range(600)})
    tracemalloc.start()
    assert sum(isinstance(record, Refusal) for record in read_products(path)) == 0
    assert tracemalloc.get_traced_memory()[1] < 3_000_000
    tracemalloc.stop()
