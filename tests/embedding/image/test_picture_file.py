"""Files that somebody names as pictures."""

import os
import threading

import pytest

from embedding.errors import ImageRefused
from embedding.image.decode import DecodeLimits, decode
from embedding.image.picture_file import read_picture_file


def test_a_file_is_read(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"bytes")
    assert read_picture_file(tmp_path / "a.jpg") == b"bytes"


def test_of_a_large_file_only_so_much_is_read_that_it_is_refused(tmp_path):
    limits = DecodeLimits(bytes=1000)
    with (tmp_path / "huge.jpg").open("wb") as file:
        file.truncate(1 << 34)  # a hole: it takes no room on the disk
    data = read_picture_file(tmp_path / "huge.jpg", limits)
    assert len(data) == 1001
    with pytest.raises(ImageRefused, match="over the limit of 1000") as refused:
        decode(data, limits=limits)
    assert refused.value.reason == "too_large_bytes"


def test_a_pipe_is_read_as_far(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(b"bytes",))
    writer.start()
    assert read_picture_file(tmp_path / "pipe") == b"bytes"
    writer.join()


@pytest.mark.parametrize(("name", "reason", "told"), [("none.jpg", "missing", "name"), ("", "not-a-file", "folder")])
def test_what_is_no_file_is_refused_with_what_to_do(tmp_path, name, reason, told):
    with pytest.raises(ImageRefused, match=told) as refused:
        read_picture_file(tmp_path / name)
    assert refused.value.reason == reason


def test_a_file_that_the_system_does_not_open_is_unreadable(tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(ImageRefused, match="cannot be read") as refused:
        read_picture_file(tmp_path / "loop")
    assert refused.value.reason == "unreadable"
