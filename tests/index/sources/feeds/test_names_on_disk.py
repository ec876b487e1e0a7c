"""Names composed or decomposed: the same file, the same identifier."""

from __future__ import annotations

import io
import tarfile
import unicodedata
from pathlib import Path

import pytest

from embedding.errors import ImageRefused
from index.records.feed_records import ProductRecord
from index.sources.feeds import read_picture, read_products
from index.sources.feeds.disk_names import as_on_disk
from index.spelling import composed, spellings

NAME = "Café Ünï"
FORMS = ["NFC", "NFD"]


def form(name: str, text: str) -> str:
    return unicodedata.normalize(name, text)  # type: ignore[arg-type]


@pytest.fixture
def both_forms(tmp_path: Path) -> Path:
    """A folder on a file system that keeps the two forms apart."""
    (tmp_path / form("NFC", NAME)).touch()
    if (tmp_path / form("NFD", NAME)).exists():
        pytest.skip("this file system takes both forms for one")
    (tmp_path / form("NFC", NAME)).unlink()
    return tmp_path


@pytest.mark.parametrize("written", FORMS)
@pytest.mark.parametrize("stored", FORMS)
def test_a_picture_is_found_in_either_form(both_forms: Path, written: str, stored: str) -> None:
    (both_forms / form(stored, f"{NAME}.jpg")).write_bytes(b"picture")
    feed = both_forms / "feed.csv"
    feed.write_text(f"id,path\n{form(written, NAME)},{form(written, NAME)}.jpg\n")
    (record,) = read_products(feed)
    assert isinstance(record, ProductRecord)
    assert record.product_id == form("NFC", NAME)
    assert read_picture(record.pictures[0], 100) == b"picture"


def test_folders_in_different_forms(both_forms: Path) -> None:
    place = both_forms / form("NFD", "été") / form("NFC", "hôtel")
    place.mkdir(parents=True)
    (place / form("NFD", "à.jpg")).write_bytes(b"picture")
    wanted = str(both_forms / form("NFC", "été") / form("NFD", "hôtel") / form("NFC", "à.jpg"))
    assert read_picture(wanted, 100) == b"picture"
    (place / form("NFD", "à.jpg")).unlink()
    with pytest.raises(ImageRefused) as refused:
        read_picture(wanted, 100)
    assert refused.value.reason == "missing"
    assert as_on_disk(wanted) == wanted


@pytest.mark.parametrize("stored", FORMS)
def test_a_folder_of_pictures_gives_the_same_identifiers(both_forms: Path, stored: str) -> None:
    (both_forms / form(stored, f"{NAME}.jpg")).write_bytes(b"picture")
    (record,) = read_products(both_forms)
    assert isinstance(record, ProductRecord)
    assert (record.product_id, record.title) == (f"{form('NFC', NAME)}.jpg", form("NFC", NAME))
    assert read_picture(record.pictures[0], 100) == b"picture"


@pytest.mark.parametrize("stored", FORMS)
def test_a_member_of_a_shard(tmp_path: Path, stored: str) -> None:
    path = tmp_path / "x.tar"
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo(form(stored, f"{NAME}.jpg"))
        info.size = 7
        archive.addfile(info, io.BytesIO(b"picture"))
    for written in FORMS:
        assert read_picture(f"{path}#{form(written, NAME)}.jpg", 100) == b"picture"


def test_spellings() -> None:
    assert spellings("a") == ("a",)
    assert set(spellings(form("NFD", NAME))) == {form("NFC", NAME), form("NFD", NAME)}
    assert composed(form("NFD", NAME)) == form("NFC", NAME)
