"""JSON Lines, lists and publication lists: structure flattened, mistakes stepped over, memory bounded."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from index.errors import FeedError
from index.records.feed_records import ObjectRecord, ObjectStatus, ProductRecord, RefusedEntry
from index.sources.feeds import detect, json_items, read_objects, read_products
from index.sources.feeds.feed_file import FeedFile
from index.sources.feeds.jsonl import one_a_line
from index.sources.feeds.nested import row_of
from tests.feeds import until_cut


def written(folder: Path, content: str | bytes, name: str = "feed.json") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def ids(path: Path) -> list[str]:
    return [record.product_id if isinstance(record, ProductRecord) else record.reason for record in read_products(path)]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def as_written(value: object) -> object:
    """The value as it is read: numbers stay the text they are written as."""
    if isinstance(value, list):
        return [as_written(one) for one in value]
    if isinstance(value, dict):
        return {name: as_written(one) for name, one in value.items()}
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=st.lists(st.dictionaries(st.text(max_size=5), VALUES, max_size=4), max_size=6),
    indent=st.sampled_from([None, 2]),
    wrapped=st.booleans(),
    ascii=st.booleans(),
    chunk=st.sampled_from([1, 7, 65_536]),
)
def test_the_items_of_any_list_come_back(
    values: list[dict[str, object]], indent: int | None, wrapped: bool, ascii: bool, chunk: int, tmp_path: Path
) -> None:
    document = {"version": "1,]}", "next": {"a": [1]}, "items": values} if wrapped else values
    text = json.dumps(document, indent=indent, ensure_ascii=ascii)
    path = tmp_path / "feed.json"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    if not ascii and any("\ud800" <= letter <= "\udfff" for letter in text):
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_items, "_CHUNK", chunk)
        read = list(json_items.items(FeedFile(path)))
    assert [item.value for item in read] == as_written(values)
    assert [item.number for item in read] == list(range(1, len(values) + 1))
    assert not any(item.broken for item in read)


@pytest.mark.parametrize("chunk", [1, 5, 64, 65_536])
def test_lines_are_counted_across_what_is_forgotten(
    tmp_path: Path, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_items, "_CHUNK", chunk)
    path = written(tmp_path, json.dumps([{"id": number, "x": "y" * 50} for number in range(40)], indent=1))
    assert [item.line for item in json_items.items(FeedFile(path))] == [2 + 4 * number for number in range(40)]


@pytest.mark.parametrize(
    ("broken", "reasons"),
    [
        ('{"id": 9, "image": }', ["bad-json"]),
        ('{"id": 9 "image": "a.jpg"}', ["bad-json"]),
        ('{"id": "9, "image": "a.jpg"}', ["bad-json"]),
        ("{'id': 9}", ["bad-json"]),
        ('"text"', ["not-an-object"]),
        ("12", ["not-an-object"]),
        ("null", ["not-an-object"]),
        ("[1, 2]", ["not-an-object"]),
        ('{"id": 9, "image": "a\\u0000.jpg"}', ["bad-picture"]),
        ('{"id": {"x": 1}, "image": "a.jpg"}', ["no-id"]),
        ('{"id": 9, "image": {"alt": "x"}}', ["no-picture"]),
        ('{"id": 9, "image": "\\ud800.jpg"}', ["bad-picture"]),
        ('{"id": 9, "title": "\\ud800", "image": "a.jpg"}', ["9", "bad-encoding"]),
        ("{" + '"a":[' * 5000 + "]" * 5000 + "}", ["bad-json"]),
    ],
)
@pytest.mark.parametrize("between", [",\n", "\n"], ids=["list", "lines"])
@pytest.mark.parametrize("chunk", [16, 65_536])
def test_a_mistake_costs_one_row(
    tmp_path: Path, broken: str, reasons: list[str], between: str, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_items, "_CHUNK", chunk)
    good = [
        '{"id": 1, "image": ["a.jpg"]}',
        '{"id": 2, "image": {"src": "b.jpg"}}',
        '{"id": 3, "images": "c.jpg,d.jpg"}',
    ]
    rows = between.join([good[0], broken, good[1], good[2]])
    path = written(tmp_path, f"[\n{rows}\n]" if between == ",\n" else rows + "\n")
    assert ids(path) == ["1", *reasons, "2", "3"]


def test_a_quote_left_open_in_an_indented_list_costs_one_row(tmp_path: Path) -> None:
    rows = [{"id": number, "images": [{"src": f"{number}.jpg"}, {"src": "b.jpg"}]} for number in range(6)]
    text = json.dumps({"products": rows}, indent=2).replace('"2.jpg"', '"2.jpg')
    assert ids(written(tmp_path, text)) == ["0", "1", "bad-json", "3", "4", "5"]


def test_a_mistake_that_nothing_can_step_over_ends_the_feed(tmp_path: Path) -> None:
    path = written(tmp_path, '[{"id":1,"image":"a.jpg"},{"id":"2,"image":"b.jpg"},{"id":3,"image":"c.jpg"}]')
    read, error = until_cut(read_products(path))
    assert [type(record) for record in read] == [ProductRecord, RefusedEntry]
    assert isinstance(read[1], RefusedEntry)
    assert "nothing after it can be read" in read[1].message
    assert "ends before its closing brackets" in error


def test_a_document_that_is_cut_off_is_incomplete_wherever_it_is_cut(tmp_path: Path) -> None:
    whole = json.dumps({"products": [{"id": number, "image": "a.jpg"} for number in range(3)], "count": 3})
    assert until_cut(read_products(written(tmp_path, whole)))[1] == ""
    for end in range(whole.index("["), len(whole)):
        read, error = until_cut(read_products(written(tmp_path, whole[:end]), "jsonl"))
        assert error, whole[:end]
        assert sum(isinstance(record, ProductRecord) for record in read) == whole[:end].count("}")


@pytest.mark.parametrize("content", ['{"a": 1}', '{"a": [1, 2]}', '{"a" 1}', '{"a": {"b": [{}]}}', "{", '{"x'])
def test_no_list_is_an_error(tmp_path: Path, content: str) -> None:
    with pytest.raises(FeedError, match="no list of objects"):
        list(json_items.items(FeedFile(written(tmp_path, content))))


@pytest.mark.parametrize(
    ("head", "lines"),
    [
        ('{"id": 1}\n{"id": 2}\n', True),
        ('{"id": 1, "broken": }\n{"id": 2}\n', True),
        ('{"id": 1, "images": [{"src": "a"}]}\n', True),
        ('{"products": [{"id": 1}]}', False),
        ('{"authority": "x", "objects": [{"id": 1, "crops": ["a.png"]}]}', False),
        ('{"id": 1, "image": "a", "variants": [{"id": 2, "image": "b"}]}', True),
        ('{"id": "list", "authority": "x",\n"objects": [\n{"id": 1}]}', False),
        ('{"objects":[\n{"id": 1},\n{"id": 2}]}', False),
        ("{\n}", False),
        ("[", False),
        ("", False),
        ('{"id": 1, "text": "' + "x" * 70_000, True),
        ('{"products":[{"id": 1, "text": "' + "x" * 70_000, False),
    ],
)
def test_json_lines_are_told_from_a_document(head: str, lines: bool) -> None:
    assert one_a_line(head) == lines


def test_structure_is_flattened() -> None:
    row = row_of(
        {
            "id": 12,
            "brand": {"name": "B", "deep": {"a": {"b": {"c": 1}}}},
            "tags": ["x", 2, None, ["no"]],
            "on": True,
            "nan": float("nan"),
            "blob": b"x",
            "image": [{"url": "a.jpg"}, "b,c.jpg", {"alt": "none"}],
            "images": None,
        },
        5,
    )
    assert row.fields == {
        "id": "12", "brand.name": "B", "tags": "x | 2", "on": "true", "nan": "", "blob": "",
    }  # fmt: skip
    assert row.pictures == ("a.jpg", "b,c.jpg")


def test_numbers_stay_as_they_are_written(tmp_path: Path) -> None:
    path = written(tmp_path, '{"id": 0012345678901234567890, "price": 12.50, "image": "a.jpg"}\n'.replace("00", "1"))
    (record,) = read_products(path)
    assert isinstance(record, ProductRecord)
    assert (record.product_id, record.price) == ("112345678901234567890", "12.50")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("lines", [True, False])
def test_encodings(tmp_path: Path, encoding: str, lines: bool) -> None:
    rows = [json.dumps({"id": one, "title": "Crème", "image": "a.jpg"}, ensure_ascii=False) for one in "12"]
    content = "\n".join(rows) if lines else f"[{','.join(rows)}]"
    path = written(tmp_path, content.encode(encoding))
    assert [record.title for record in read_products(path) if isinstance(record, ProductRecord)] == ["Crème", "Crème"]


def test_bad_bytes_cost_one_field(tmp_path: Path) -> None:
    rows = [b'{"id": 1, "title": "\xc3\xa9", "image": "a.jpg"}', b'{"id": 2, "title": "\xff", "image": "a.jpg"}']
    rows += [b'{"id": 3, "image": "a.jpg"}']
    assert ids(written(tmp_path, b"\n".join(rows))) == ["1", "2", "bad-encoding", "3"]
    assert ids(written(tmp_path, b"[" + b",".join(rows) + b"]")) == ["1", "2", "bad-encoding", "3"]


def test_a_publication_list(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        json.dumps(
            {
                "authority": "Europol",
                "objects": [
                    {
                        "id": "NL-12",
                        "title": "Plush rabbit",
                        "published": "2024-03-01",
                        "status": "open",
                        "tip_page": "https://tips.example/12",
                        "crops": ["crops/12a.png", {"url": "https://img.example/12b.png"}],
                    },
                    {"id": "NL-13", "status": "Identified", "crops": []},
                    {"id": "NL-14", "status": "closed", "crops": ["c.png"]},
                ],
            },
            indent=1,
        ),
    )
    assert detect(path) == "jsonl"
    read = list(read_objects(path))
    assert [type(record) for record in read] == [ObjectRecord, RefusedEntry, ObjectRecord]
    first, last = read[0], read[2]
    assert isinstance(first, ObjectRecord)
    assert isinstance(last, ObjectRecord)
    assert first.pictures == (str(tmp_path / "crops/12a.png"), "https://img.example/12b.png")
    assert (first.title, first.status, first.tip_page) == ("Plush rabbit", ObjectStatus.OPEN, "https://tips.example/12")
    assert last.status is ObjectStatus.CLOSED


@pytest.mark.slow
def test_an_endless_item_fills_no_memory(tmp_path: Path) -> None:
    path = written(tmp_path, '[{"id": 1, "image": "a.jpg"}, {"id": 2, "x": [' + '{"y": 1},' * 1_500_000)
    tracemalloc.start()
    assert until_cut(read_products(path))[1]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 320_000_000  # the four megabytes that an item may have, as Python objects
