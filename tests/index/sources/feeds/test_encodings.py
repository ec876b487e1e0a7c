"""Which encoding a text is in: Unicode by its form, code pages by the letters that they give."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.errors import FeedError
from index.records.feed_records import ProductRecord
from index.sources.feeds import read_products
from index.sources.feeds.encodings import encoding_of, is_encoding
from tests.paths import SHARED

# Titles as shops have them, few letters outside ASCII in each.
TITLES = {
    "cp1250": [
        "Hrnek se žlutým vzorem, Český", "Dětská hračka plyšový medvěd", "Kubek żółty, Łódź", "Koszulka męska, rożki",
        "Bögre piros színű, Győr", "Miš čaša", "Crveni čajnik, Šibenik", "Cană ceramică şi farfurie roşie",
    ],
    "cp1251": ["Кружка, Рога", "Чашка синяя, Москва", "Плюшено мече, чаша жълта", "Ведмедик плюшевий, їжак"],
    "cp1252": [
        "Tasse à café, Limoges", "Schüssel groß, Köln", "Taza de café, España", "Lampe « été »", "Mugg blå", "café",
        "Caneca São João", "Crème brûlée", "Smörgås skål", "Ísbjörn bangsi, krús blár", "5 € déjà vu",
    ],
    "cp1253": ["Κούπα κόκκινη, Αθήνα", "Αρκουδάκι λούτρινο"],
    "cp1254": ["Kırmızı bardak, İstanbul çay", "Oyuncak ayı kahverengi, çocuk tişörtü"],
    "cp1257": ["Puodelis žalias, marškinėliai vaikiški", "Plīša lācītis brūns, bērnu krekls"],
    "koi8-r": ["Кружка, Рога"],
    "cp866": ["Кружка, Рога"],
    "cp932": ["赤いカップ, 東京"],
    "gb18030": ["红色杯子, 北京"],
}  # fmt: skip
PAIRS = [(encoding, title) for encoding, titles in TITLES.items() for title in titles]


@pytest.mark.parametrize(("encoding", "title"), PAIRS)
@pytest.mark.parametrize("name", ["feed.csv", "feed.tsv", "feed.jsonl", "feed.json", "feed.xml"])
def test_a_title_is_read_in_every_format(tmp_path: Path, encoding: str, title: str, name: str) -> None:
    item = {"id": "1", "title": title, "path": "p0.jpg"}
    match name:
        case "feed.xml":
            tags = "".join(f"<{tag}>{text}</{tag}>" for tag, text in item.items()).replace("path>", "image_link>")
            content = f"<rss><channel><item>{tags}</item></channel></rss>"
        case "feed.csv":
            content = f'id,title,path\n1,"{title}",p0.jpg\n'
        case "feed.tsv":
            content = f"id\ttitle\tpath\n1\t{title}\tp0.jpg\n"
        case _:
            row = json.dumps(item, ensure_ascii=False)
            content = f"[{row}]" if name == "feed.json" else f"{row}\n"
    (tmp_path / name).write_bytes(content.encode(encoding))
    (record,) = read_products(tmp_path / name)
    assert isinstance(record, ProductRecord)
    assert record.title == title


@pytest.mark.parametrize("encoding", ["iso8859-2", "cp852", "cp437", "mac_roman", "cp1255"])
def test_a_named_encoding_is_believed(tmp_path: Path, encoding: str) -> None:
    title = {"cp1255": "ספל אדום", "iso8859-2": "žlutý", "cp852": "žlutý"}.get(encoding, "café")
    path = tmp_path / "feed.csv"
    path.write_bytes(f"id,title,path\n1,{title},p0.jpg\n".encode(encoding))
    (record,) = read_products(path, encoding=encoding)
    assert isinstance(record, ProductRecord)
    assert record.title == title


@pytest.mark.parametrize("name", ["martian", "rot13", "zip", "hex"])
def test_a_name_that_is_none(tmp_path: Path, name: str) -> None:
    (tmp_path / "feed.csv").write_text("id,path\n1,p0.jpg\n")
    assert not is_encoding(name)
    with pytest.raises(FeedError, match="no text encoding"):
        read_products(tmp_path / "feed.csv", encoding=name)


@given(text=st.text(st.characters(min_codepoint=128, max_codepoint=0x2FFF, exclude_categories=["Cs"]), min_size=1))
def test_utf_8_is_never_taken_for_a_code_page(text: str) -> None:
    assert encoding_of(text.encode()) == "utf-8"
    assert encoding_of(f"a\n{text}".encode("utf-16")) == "utf-16"


@given(text=st.binary(max_size=300))
def test_any_bytes_have_an_encoding_that_python_knows(text: bytes) -> None:
    found = encoding_of(text)
    assert found == "ascii" or is_encoding(found)
    text.decode(found, "replace")


def test_the_letters_decide_that_come_after_a_plain_beginning(tmp_path: Path) -> None:
    path = tmp_path / "feed.csv"
    rows = "".join(f"{number},plain,p0.jpg\n" for number in range(6000))
    path.write_bytes(f"id,title,path\n{rows}x,Hrnek se žlutým vzorem,p0.jpg\ny,Český,p0.jpg\n".encode("cp1250"))
    last = list(read_products(path))[-2:]
    assert [one.title for one in last if isinstance(one, ProductRecord)] == ["Hrnek se žlutým vzorem", "Český"]


@pytest.mark.parametrize(
    ("name", "title", "brand"), [("cz.csv", "Hrnek se žlutým vzorem", "Český"), ("ru.csv", "Кружка", "Рога")]
)
def test_the_case(name: str, title: str, brand: str) -> None:
    path = SHARED / "cases" / "23-other-code-pages" / name
    if not path.is_file():
        pytest.skip(f"{path} is not here")
    (record,) = read_products(path)
    assert isinstance(record, ProductRecord)
    assert (record.title, record.brand) == (title, brand)
