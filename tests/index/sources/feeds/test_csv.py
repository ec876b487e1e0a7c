"""CSV and its kin: what spreadsheets write comes back, what is broken is refused alone."""

from __future__ import annotations

import csv
import io
import tracemalloc
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from index.errors import FeedError
from index.records.feed_records import FeedRow, ObjectRecord, ProductRecord, Refusal, RefusedEntry
from index.sources.feeds import detect, read_objects, read_products
from index.sources.feeds.delimited import DelimitedReader
from index.sources.feeds.encodings import encoding_of
from index.sources.feeds.feed_file import HEAD_BYTES, FeedFile
from index.sources.feeds.text import LINE_LIMIT, lines
from tests.paths import SHARED


def written(folder: Path, content: bytes | str) -> Path:
    path = folder / "feed.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def ids(path: Path) -> list[str]:
    return [record.product_id if isinstance(record, ProductRecord) else record.reason for record in read_products(path)]


# Cells as a spreadsheet may hold them; lone surrogates and NUL cannot be written as text.
CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=8),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    end=st.sampled_from(["\n", "\r\n"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_spreadsheet_cells_round_trip(
    rows: list[tuple[str, str, str]], delimiter: str, end: str, encoding: str, quoting: int, tmp_path: Path
) -> None:
    if end == "\n" and quoting == csv.QUOTE_MINIMAL:
        # Python's writer leaves such a carriage return bare, and a bare one ends a line.
        rows = [tuple(cell.replace("\r", "") for cell in row) for row in rows]  # type: ignore[misc]
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=quoting)  # type: ignore[arg-type]
    writer.writerows([("id", "title", "path"), *rows])
    path = written(tmp_path, text.getvalue().encode(encoding))
    read = list(DelimitedReader().rows(FeedFile(path)))
    if delimiter == "\t" and any("\t" in cell and ("\n" in cell or "\r" in cell) for row in rows for cell in row):
        return  # between tabs such a cell would rather be rows that a stray quote swallowed
    assert all(isinstance(row, FeedRow) for row in read)
    kept = [row for row in rows if any(row)]
    assert [tuple(row.fields.values()) for row in read if isinstance(row, FeedRow)] == kept


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(junk=st.binary(max_size=300))
def test_any_bytes_after_a_header_end_in_rows_and_refusals(junk: bytes, tmp_path: Path) -> None:
    path = written(tmp_path, b"id,image\nfirst,a.jpg\n" + junk + b"\nlast,b.jpg\n")
    read = ids(path)
    assert read[0] == "first"
    if b'"' not in junk and not encoding_of(path.read_bytes()).startswith("utf-16"):
        assert read[-1] == "last"


def test_each_broken_row_is_refused_with_its_line(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        b"id,title,image\n"  # 1
        b"1,fine,a.jpg\n"
        b'2,"open,a.jpg\n'  # 3
        b"3,fine,a.jpg\n"
        b'4,"two\nlines ""quoted""",a.jpg\n'  # 5, 6
        b"5,short\n"  # 7
        b"6,long,a.jpg,x,y\n"  # 8
        b'7,"closed"early,a.jpg\n'  # 9
        b"8,nul\0,a.jpg\n"  # 10
        b"9,\xc3\xa9t\xc3\xa9,a.jpg\n"
        b"10,bad\xff,a.jpg\n"  # 12
        b",no id,a.jpg\n"  # 13
        b"12,no picture,\n"  # 14
        b"\n"
        b"13,trailing,a.jpg,,\n",  # 16
    )
    read = list(read_products(path))
    reasons = {record.where.rpartition(":")[2]: record.reason for record in read if isinstance(record, Refusal)}
    assert reasons == {
        "3": "bad-quotes",
        "7": "wrong-cell-count",
        "8": "wrong-cell-count",
        "9": "bad-quotes",
        "10": "nul-byte",
        "12": "bad-encoding",
        "13": "no-id",
        "14": "no-picture",
    }
    products = [record for record in read if isinstance(record, ProductRecord)]
    assert [(record.product_id, record.number) for record in products] == [
        ("1", 2), ("3", 4), ("4", 5), ("8", 10), ("9", 11), ("10", 12), ("13", 16),
    ]  # fmt: skip
    assert [record.title for record in products] == [
        "fine", "fine", 'two lines "quoted"', "", "été", "", "trailing",
    ]  # fmt: skip
    named = {record.entry_ids for record in read if isinstance(record, RefusedEntry)}
    # Where cells may have moved to other columns, each of them may be the identifier.
    assert {ids[0] for ids in named} == {"2", "5", "6", "7", "12"}


def test_an_unclosed_quote_loses_only_its_own_line(tmp_path: Path) -> None:
    rows = "".join(f"{number},x,a.jpg\n" for number in range(5000))
    path = written(tmp_path, 'id,title,image\nbad,"open,a.jpg\n' + rows)
    read = ids(path)
    assert read[0] == "open-quote"
    assert read[1:] == [str(number) for number in range(5000)]


@pytest.mark.parametrize("column", ["title", "description"])
def test_an_over_long_cell_costs_no_row(tmp_path: Path, column: str) -> None:
    path = written(tmp_path, f"id,{column},image\n1,{'x' * 1_500_000},a.jpg\n2,y,a.jpg\n")
    assert ids(path) == ["1", *(["field-too-long"] if column == "title" else []), "2"]


def test_a_line_beyond_the_limit_is_refused_names_its_entry_and_the_rest_goes_on(tmp_path: Path) -> None:
    path = written(tmp_path, f"id,title,image\n1,{'x' * (3 * LINE_LIMIT)},a.jpg\n2,y,a.jpg\n")
    refused, record = read_products(path)
    assert isinstance(refused, RefusedEntry)
    assert (refused.reason, refused.entry_ids[0]) == ("line-too-long", "1")
    assert isinstance(record, ProductRecord)


@pytest.mark.parametrize("size", [LINE_LIMIT - 1, LINE_LIMIT, LINE_LIMIT + 1])
def test_the_line_limit_itself(tmp_path: Path, size: int) -> None:
    path = written(tmp_path, "x" * (size - 1) + "\nnext\n")
    read = list(lines(FeedFile(path)))
    assert [line.number for line in read] == [1, 2]
    assert read[0].too_long == (size > LINE_LIMIT)
    assert read[1].text == "next\n"


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
@pytest.mark.parametrize("ascii_rows", [0, 6000])
def test_encodings_also_where_the_first_bytes_are_ascii(tmp_path: Path, encoding: str, ascii_rows: int) -> None:
    filler = "".join(f"{number},plain,a.jpg\n" for number in range(ascii_rows))
    path = written(tmp_path, f"id,title,image\n{filler}x,Crème brûlée 5 €,a.jpg\n".encode(encoding))
    assert ascii_rows == 0 or len(filler) > HEAD_BYTES
    last = list(read_products(path))[-1]
    assert isinstance(last, ProductRecord)
    assert last.title == "Crème brûlée 5 €"


def test_one_broken_line_does_not_make_utf8_another_encoding(tmp_path: Path) -> None:
    path = written(tmp_path, b"id,title,image\n1,\xff,a.jpg\n2,\xc3\xa9,a.jpg\n")
    one, note, two = read_products(path)
    assert isinstance(one, ProductRecord)
    assert isinstance(note, Refusal)
    assert isinstance(two, ProductRecord)
    assert (one.title, note.reason, two.title) == ("", "bad-encoding", "é")


def test_bytes_that_windows_1252_does_not_know_cost_their_cell(tmp_path: Path) -> None:
    path = written(tmp_path, b"id,title,image\n1,\xe9t\xe9,a.jpg\n2,\x81\xe9,a.jpg\n\x81,x,a.jpg\n")
    assert ids(path) == ["1", "2", "bad-encoding", "bad-encoding"]


@pytest.mark.parametrize(
    "content",
    [
        "id;image;title\n1;a.jpg;x, y, z, w\n",
        "sep=;\nid;image;title\n1;a.jpg;x\n",
        '"id"\t"image"\t"title"\n1\ta.jpg\tx,y|z\n',
        "id|image|title\n1|a.jpg|x\n",
        "\n\nid,image,title\n1,a.jpg,x\n",
        "id,image,title\r1,a.jpg,x\r",
        "id,image,title\r\n1,a.jpg,x",
    ],
)
def test_delimiters_and_line_ends_are_found_by_content(tmp_path: Path, content: str) -> None:
    path = written(tmp_path, content)
    assert detect(path) == "csv"
    assert ids(path) == ["1"]


def test_columns_of_one_name_and_of_none(tmp_path: Path) -> None:
    path = written(tmp_path, "id,image,image,,title,,\n1,a.jpg,b.jpg,zz,t,,\n")
    (record,) = read_products(path)
    assert isinstance(record, ProductRecord)
    assert record.pictures == (str(tmp_path / "a.jpg"), str(tmp_path / "b.jpg"))
    assert record.title == "t"
    assert DelimitedReader().columns(FeedFile(path)) == ("id", "image", "image_2", "column 4", "title")


def test_a_header_alone_is_a_feed_without_products(tmp_path: Path) -> None:
    assert list(read_products(written(tmp_path, "id,image\n"))) == []


@pytest.mark.parametrize(
    "content", [b"", b"\n\n", b"id,image\0\n1,a.jpg\n", b"name,colour\n1,2\n", b"sep=;", b'"id,image\n']
)
def test_a_feed_that_cannot_be_one_says_why(tmp_path: Path, content: bytes) -> None:
    path = written(tmp_path, content)
    for format in ("csv", "auto"):
        with pytest.raises(FeedError, match=r"feed\.csv"):
            list(read_products(path, format))


def test_missing_columns_are_named(tmp_path: Path) -> None:
    path = written(tmp_path, "id,title\n1,x\n")
    with pytest.raises(FeedError, match=r"no column for a picture .*Columns found: id, title"):
        read_products(path)


def test_an_object_list(tmp_path: Path) -> None:
    path = tmp_path / "objects.csv"
    path.write_text(
        "path,object_id,title,authority,kind,country,published,status,tip_page\n"
        "crops/1.jpg,o1,Bag,Europol,bag,NL,2024-01-02,open,https://tips.example/1\n"
        "crops/2.jpg,o1,Bag,Europol,bag,NL,2024-01-02,open,https://tips.example/1\n"
        "crops/3.jpg,o2,Shoe,,,,,lost,\n"
    )
    read = list(read_objects(path))
    assert [type(record) for record in read] == [ObjectRecord, ObjectRecord, ObjectRecord, Refusal]
    assert [record.pictures for record in read if isinstance(record, ObjectRecord)] == [
        (str(tmp_path / "crops/1.jpg"),),
        (str(tmp_path / "crops/2.jpg"),),
        (str(tmp_path / "crops/3.jpg"),),
    ]
    assert list(read_objects(tmp_path)) == read


def shared(name: str) -> Path:
    path = SHARED / "data" / name
    if not path.is_file():
        pytest.skip(f"{path} is not here")
    return path


def test_the_real_magento_feed() -> None:
    records = list(read_products(shared("magento/feed.csv")))
    products = [record for record in records if isinstance(record, ProductRecord)]
    assert len(records) == len(products) == 452
    assert sum(not record.title for record in products) == 32
    assert all(Path(picture).is_file() for record in products for picture in record.pictures)
    hoodie = next(record for record in products if record.product_id == "mh01-black")
    assert (hoodie.price, hoodie.brand, hoodie.category) == ("52 USD", "Luma", "Men/Tops/Hoodies & Sweatshirts")
    assert hoodie.link == "https://luma.example/chaz-kangeroo-hoodie-xs-black.html"


@pytest.mark.parametrize(("name", "count"), [("grocery/gallery.csv", 81), ("clothing/gallery.csv", 1200)])
def test_the_real_galleries(name: str, count: int) -> None:
    records = list(read_products(shared(name)))
    assert len(records) == count
    assert all(isinstance(record, ProductRecord) and Path(record.pictures[0]).is_file() for record in records)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_feed(tmp_path: Path) -> None:
    def peak(rows: int) -> int:
        path = tmp_path / f"{rows}.csv"
        with path.open("w") as file:
            file.write("id,title,image\n")
            file.writelines(f"{number},{'x' * 300},https://shop.example/{number}.jpg\n" for number in range(rows))
        tracemalloc.start()
        assert sum(1 for _ in read_products(path)) == rows
        measured = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        path.unlink()
        return measured

    small, large = peak(2_000), peak(20_000)
    assert large < small + 500_000
    assert large < 5_000_000


@pytest.mark.slow
def test_rows_that_all_open_a_quote_take_no_quadratic_time(tmp_path: Path) -> None:
    def content() -> Iterator[str]:
        yield "id,title,image\n"
        for number in range(20_000):
            yield f'{number},"x,a.jpg\n' if number % 2 else f"{number},y,a.jpg\n"

    path = tmp_path / "feed.csv"
    path.write_text("".join(content()))
    read = ids(path)
    assert sum(one.isdigit() for one in read) >= 9_999
    assert len(read) == 20_000


class TestQuotesInTabSeparatedFeeds:
    """In tab-separated text a quote is a letter: titles keep it, and no row swallows another."""

    TITLES = (
        '5" pot',
        '"Best" mug',
        '12" plate, 14" lid',
        'a "',
        '"unclosed',
        'closed"',
        '"',
        'back to "normal',
        "plain",
    )

    @staticmethod
    def write(path: Path, titles: Sequence[str], header: str, end: str = "\n") -> Path:
        rows = [f"p{number}\t{title}\thttps://x.example/{number}.jpg\tnew" for number, title in enumerate(titles)]
        path.write_text(end.join([header, *rows]) + end, encoding="utf-8", newline="")
        return path

    @pytest.mark.parametrize("end", ["\n", "\r\n"])
    @pytest.mark.parametrize(
        "header",
        ["id\ttitle\timage_link\tcondition", "product_id\tname\timage\tcolour"],
        ids=["google", "of another kind"],
    )
    def test_every_row_has_its_own_title_and_picture(self, tmp_path, header, end):
        records = list(read_products(self.write(tmp_path / "feed.txt", self.TITLES, header, end)))
        assert [(one.title, one.pictures) for one in records] == [
            (title, (f"https://x.example/{number}.jpg",)) for number, title in enumerate(self.TITLES)
        ]

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80)
    @given(titles=st.lists(st.text('"a ', min_size=1, max_size=6).filter(str.strip), min_size=1, max_size=6))
    def test_no_row_swallows_another(self, tmp_path, titles):
        feed = self.write(tmp_path / "feed.txt", [*titles, "last"], "id\ttitle\timage_link\tcondition")
        records = list(read_products(feed))
        assert [one.product_id for one in records] == [f"p{number}" for number in range(len(titles) + 1)]
        assert [one.pictures for one in records] == [(f"https://x.example/{n}.jpg",) for n in range(len(titles) + 1)]
