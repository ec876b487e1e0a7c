"""Readings that lose nothing: a feed that is cut, unreadable in part, or suddenly empty takes no entry away."""

from __future__ import annotations

import csv
import gzip
import io
import json
import tarfile
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa

from index.progress import Unwatched
from index.records.catalogue import Catalogue
from index.records.feed_records import Collection
from index.records.schema import entries, pictures, refusals
from index.sources.ingest import LEAST_ENTRIES, Reading, ingest

pytestmark = pytest.mark.databases("sqlite", "postgres", slow=True)

TODAY = date(2026, 1, 5)
IDS = ["id0", "id1", "id2", "id3"]


@pytest.fixture
def catalogue(database_url: str) -> Iterator[Catalogue]:
    with Catalogue.open(database_url) as opened:
        yield opened


def read(catalogue: Catalogue, feed: Path, collection: Collection = "catalogue", **options: object) -> Reading:
    """Read a feed as the source `shop`."""
    source = catalogue.add_source("shop", collection, str(feed), "auto")
    return ingest(source, catalogue, TODAY, Unwatched(), **options)  # type: ignore[arg-type]


def statuses(catalogue: Catalogue) -> dict[str, str]:
    with catalogue.database.connect() as connection:
        rows = connection.execute(sa.select(entries.c.entry_id, entries.c.status).order_by(entries.c.entry_id))
        return {row[0]: row[1] for row in rows}


def pictured(catalogue: Catalogue) -> set[str]:
    """The entries that have a picture."""
    joined = sa.select(entries.c.entry_id).join(pictures, pictures.c.entry == entries.c.id)
    with catalogue.database.connect() as connection:
        return set(connection.execute(joined).scalars())


def reasons(catalogue: Catalogue) -> list[str]:
    with catalogue.database.connect() as connection:
        return list(connection.execute(sa.select(refusals.c.reason).order_by(refusals.c.id)).scalars())


def rows(ids: list[str], collection: Collection = "catalogue") -> list[dict[str, str]]:
    name = "id" if collection == "catalogue" else "object_id"
    return [{name: one, "title": f"Thing {one}", "path": f"{one}.jpg"} for one in ids]


def write_csv(path: Path, ids: list[str], collection: Collection = "catalogue", delimiter: str = ",") -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, rows(["x"], collection)[0], delimiter=delimiter, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows(ids, collection))
    path.write_text(text.getvalue())


def write_xml(path: Path, ids: list[str], collection: Collection = "catalogue") -> None:
    items = "\n".join(
        "<item>" + "".join(f"<g:{name}>{text}</g:{name}>" for name, text in row.items()) + "</item>"
        for row in rows(ids, collection)
    )
    start = '<?xml version="1.0"?>\n<rss xmlns:g="http://base.google.com/ns/1.0"><channel>'
    path.write_text(f"{start}\n{items}\n</channel></rss>\n".replace("g:path", "g:image_link"))


def write_json(path: Path, ids: list[str], collection: Collection = "catalogue") -> None:
    path.write_text(json.dumps({"products": rows(ids, collection), "count": len(ids)}, indent=1))


def write_lines(path: Path, ids: list[str], collection: Collection = "catalogue") -> None:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows(ids, collection)))


def write_parquet(path: Path, ids: list[str], collection: Collection = "catalogue") -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    columns = {name: [row[name] for row in rows(ids, collection)] for name in rows(["x"], collection)[0]}
    parquet.write_table(
        pyarrow.table({name: pyarrow.array(column, "string") for name, column in columns.items()}), path
    )


def write_tar(path: Path, ids: list[str], collection: Collection = "catalogue") -> None:
    with tarfile.open(path, "w") as archive:
        for row in rows(ids, collection):
            for name, content in (
                (row["path"], b"\xff\xd8\xff"),
                (f"{row['path'][:-4]}.json", json.dumps(row).encode()),
            ):
                info = tarfile.TarInfo(name)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))


def write_page(path: Path, ids: list[str], collection: Collection = "catalogue") -> None:
    pytest.importorskip("lxml")
    scripts = "".join(
        f'<script type="application/ld+json">'
        f"{json.dumps({'@type': 'Product', 'sku': one, 'name': one, 'image': f'https://h/{one}.jpg'})}</script>\n"
        for one in ids
    )
    path.write_text(f"<!doctype html><html><head>{scripts}</head><body><p>x</p></body></html>\n")


def write_gzip(path: Path, ids: list[str], collection: Collection = "catalogue") -> None:
    write_csv(path.with_suffix(".plain"), ids, collection)
    path.write_bytes(gzip.compress(path.with_suffix(".plain").read_bytes()))


Write = Callable[..., None]
# Formats that mark their end, so that wherever such a feed is cut it is known to be.
ENDED: dict[str, Write] = {
    "feed.xml": write_xml,
    "feed.json": write_json,
    "feed.parquet": write_parquet,
    "feed.tar": write_tar,
    "feed.html": write_page,
    "feed.csv.gz": write_gzip,
}
# Those that do not: cut in the middle of a row they are known to be.
UNENDED: dict[str, Write] = {"feed.csv": write_csv, "feed.jsonl": write_lines}
TEXT = ("feed.xml", "feed.json", "feed.html")


class TestCut:
    """A feed that breaks off, as a broken download leaves it."""

    @pytest.mark.parametrize("collection", ["catalogue", "objects"])
    @pytest.mark.parametrize("name", ENDED)
    @pytest.mark.parametrize("share", [0.3, 0.55, 0.8, 0.97])
    def test_nobody_is_gone(
        self, catalogue: Catalogue, tmp_path: Path, name: str, collection: Collection, share: float
    ) -> None:
        if collection == "objects" and name in ("feed.html", "feed.tar"):
            pytest.skip("such lists name no objects")
        feed = tmp_path / name
        ENDED[name](feed, IDS, collection)
        assert not read(catalogue, feed, collection).withheld
        before = statuses(catalogue)
        assert len(before) == len(IDS)
        feed.write_bytes(feed.read_bytes()[: int(share * len(feed.read_bytes().rstrip(b"\0\n")))])
        assert failure(catalogue, feed, collection)
        assert statuses(catalogue) == before
        assert pictured(catalogue) == set(IDS)

    @pytest.mark.parametrize("name", ENDED)
    def test_the_next_whole_feed_is_read_as_ever(self, catalogue: Catalogue, tmp_path: Path, name: str) -> None:
        feed = tmp_path / name
        ENDED[name](feed, IDS)
        read(catalogue, feed)
        whole = feed.read_bytes()
        feed.write_bytes(whole[: len(whole) // 2])
        failure(catalogue, feed)
        ENDED[name](feed, IDS[:3])
        done = read(catalogue, feed)
        assert not done.withheld
        assert done.changes.gone == 1
        assert statuses(catalogue)["id3"] == "discontinued"

    @pytest.mark.parametrize("name", TEXT)
    def test_between_two_items(self, catalogue: Catalogue, tmp_path: Path, name: str) -> None:
        """What is there is whole: only the end of the document is missing."""
        feed = tmp_path / name
        ENDED[name](feed, IDS)
        read(catalogue, feed)
        feed.write_text("\n".join(_until(feed.read_text(), "id2")))
        assert "cut short" in failure(catalogue, feed) or "ends" in failure(catalogue, feed)
        assert "discontinued" not in statuses(catalogue).values()

    @pytest.mark.parametrize("name", UNENDED)
    @pytest.mark.parametrize("left", ["id2", "id2,Thi", '{"id": "id2", "titl'])
    def test_in_the_middle_of_a_row(self, catalogue: Catalogue, tmp_path: Path, name: str, left: str) -> None:
        feed = tmp_path / name
        UNENDED[name](feed, IDS)
        read(catalogue, feed)
        UNENDED[name](feed, IDS[:2])
        feed.write_text(feed.read_text() + left)
        assert "middle of its last" in failure(catalogue, feed)
        assert "discontinued" not in statuses(catalogue).values()

    def test_in_a_quoted_cell(self, catalogue: Catalogue, tmp_path: Path) -> None:
        feed = tmp_path / "feed.csv"
        whole = 'id,path,title\nid0,a.jpg,"one\ntwo"\nid1,a.jpg,"three\nfour\nfive"\nid2,a.jpg,x\n'
        feed.write_text(whole)
        read(catalogue, feed)
        for end in range(whole.index('"three') + 1, whole.index('five"') + 4):
            feed.write_text(whole[:end])
            assert "middle of its last" in failure(catalogue, feed), whole[:end]
        assert "discontinued" not in statuses(catalogue).values()

    def test_what_was_read_of_it_is_kept(self, catalogue: Catalogue, tmp_path: Path) -> None:
        feed = tmp_path / "feed.json"
        write_json(feed, IDS[:1])
        read(catalogue, feed)
        write_json(feed, ["new", *IDS])
        feed.write_text(feed.read_text()[:-20])
        done = read(catalogue, feed)
        assert done.withheld
        assert done.changes.added >= 3
        assert "new" in statuses(catalogue)

    def test_it_can_be_accepted(self, catalogue: Catalogue, tmp_path: Path) -> None:
        """A shop whose export never closes its root would keep what it no longer sells for ever."""
        feed = tmp_path / "feed.xml"
        write_xml(feed, IDS)
        read(catalogue, feed)
        write_xml(feed, IDS[:3])
        feed.write_text(feed.read_text().replace("</channel></rss>", ""))
        assert read(catalogue, feed).withheld
        assert not read(catalogue, feed, accept=True).withheld
        assert statuses(catalogue)["id3"] == "discontinued"


def failure(catalogue: Catalogue, feed: Path, collection: Collection = "catalogue") -> str:
    """Why a reading was not complete, whether anything could be read or nothing."""
    from index.errors import FeedError

    try:
        return read(catalogue, feed, collection).withheld
    except FeedError as error:
        return str(error)


def _until(text: str, mark: str) -> list[str]:
    """The lines before the first with a mark; in indented JSON, before the item that it is in."""
    lines = text.splitlines()
    place = next(number for number, line in enumerate(lines) if mark in line)
    return lines[: place - 1 if lines[place - 1].strip() == "{" else place]


class TestRefusedRows:
    """A row that cannot be used still names its entry."""

    @pytest.mark.parametrize(
        ("name", "whole", "broken"),
        [
            ("feed.csv", "id1,Thing id1,id1.jpg", 'id1,"Thing id1,id1.jpg'),
            ("feed.csv", "id1,Thing id1,id1.jpg", "id1,Thing, id1,id1.jpg"),
            ("feed.csv", "id1,Thing id1,id1.jpg", "x,id1,Thing id1,id1.jpg"),
            ("feed.csv", "id1,Thing id1,id1.jpg", "id1,Thing id1"),
            ("feed.csv", "id1,Thing id1,id1.jpg", "id1,Thing id1,"),
            ("feed.csv", "id1,Thing id1,id1.jpg", "id1,Thing id1,ftp://h/a.jpg"),
            ("feed.jsonl", '"title": "Thing id1"', '"title": "Thing id1'),
            ("feed.jsonl", '"path": "id1.jpg"', '"path": ""'),
            ("feed.json", '"title": "Thing id1"', '"title": Thing id1'),
            ("feed.xml", "Thing id1", "Thing & id1"),
            ("feed.xml", "id1.jpg", ""),
            ("feed.html", '"name": "id1"', '"name": "id1'),
        ],
    )
    @pytest.mark.parametrize("collection", ["catalogue", "objects"])
    def test_its_entry_stays_as_it_was(
        self, catalogue: Catalogue, tmp_path: Path, name: str, whole: str, broken: str, collection: Collection
    ) -> None:
        if collection == "objects" and name == "feed.html":
            pytest.skip("pages name no objects")
        feed = tmp_path / name
        {**ENDED, **UNENDED}[name](feed, IDS, collection)
        read(catalogue, feed, collection)
        before = statuses(catalogue)
        assert whole in feed.read_text()
        feed.write_text(feed.read_text().replace(whole, broken))
        done = read(catalogue, feed, collection)
        assert not done.withheld
        assert done.changes.gone == 0
        assert reasons(catalogue)
        assert statuses(catalogue) == before
        assert pictured(catalogue) == set(IDS)

    @pytest.mark.parametrize("name", ["feed.csv", "feed.json", "feed.xml"])
    def test_others_are_gone_as_ever(self, catalogue: Catalogue, tmp_path: Path, name: str) -> None:
        feed = tmp_path / name
        {**ENDED, **UNENDED}[name](feed, IDS)
        read(catalogue, feed)
        {**ENDED, **UNENDED}[name](feed, IDS[:3])
        feed.write_text(feed.read_text().replace("id1.jpg", ""))
        assert read(catalogue, feed).changes.gone == 1
        assert [one for one, status in statuses(catalogue).items() if status == "discontinued"] == ["id3"]

    def test_one_whose_identifier_cannot_be_read_may_be_any(self, catalogue: Catalogue, tmp_path: Path) -> None:
        feed = tmp_path / "feed.json"
        write_json(feed, IDS)
        read(catalogue, feed)
        feed.write_text(feed.read_text().replace('"id": "id1",', '"id": "id1'))
        done = read(catalogue, feed)
        assert "cannot be told whose it is" in done.withheld
        assert "discontinued" not in statuses(catalogue).values()

    def test_a_good_row_of_the_same_entry_counts(self, catalogue: Catalogue, tmp_path: Path) -> None:
        feed = tmp_path / "feed.csv"
        feed.write_text("id,title,path\n1,old,a.jpg\n1,old,b.jpg\n")
        read(catalogue, feed)
        feed.write_text('id,title,path\n1,"odd,a.jpg\n1,new,b.jpg\n')
        assert read(catalogue, feed).changes.changed == 1
        with catalogue.database.connect() as connection:
            assert connection.execute(sa.select(entries.c.title)).scalar_one() == "new"
            assert connection.execute(sa.select(sa.func.count()).select_from(pictures)).scalar_one() == 2

    def test_an_object_with_an_unknown_status_keeps_the_one_it_has(self, catalogue: Catalogue, tmp_path: Path) -> None:
        feed = tmp_path / "objects.csv"
        feed.write_text("object_id,path,status\nA,a.jpg,identified\nB,b.jpg,open\nC,c.jpg,closed\n")
        read(catalogue, feed, "objects")
        feed.write_text("object_id,path,status\nA,a.jpg,odd\nB,b.jpg,odd\nC,c.jpg,odd\nD,d.jpg,odd\n")
        done = read(catalogue, feed, "objects")
        assert statuses(catalogue) == {"A": "identified", "B": "open", "C": "closed", "D": "open"}
        assert done.changes.gone == 0
        assert reasons(catalogue) == ["bad-status"] * 4

    def test_one_that_was_gone_and_comes_back_with_an_unknown_status_is_open(
        self, catalogue: Catalogue, tmp_path: Path
    ) -> None:
        feed = tmp_path / "objects.csv"
        feed.write_text("object_id,path,status\nA,a.jpg,open\nB,b.jpg,open\n")
        read(catalogue, feed, "objects")
        feed.write_text("object_id,path,status\nB,b.jpg,open\n")
        read(catalogue, feed, "objects")
        assert statuses(catalogue)["A"] == "closed"
        feed.write_text("object_id,path,status\nA,a.jpg,odd\nB,b.jpg,open\n")
        read(catalogue, feed, "objects")
        assert statuses(catalogue)["A"] == "open"


class TestEmptied:
    """A list that suddenly names nothing, or far less."""

    @pytest.mark.parametrize("collection", ["catalogue", "objects"])
    @pytest.mark.parametrize(
        ("name", "empty"),
        [
            ("feed.csv", None),
            ("feed.tsv", "id\tobject_id\tpath\n"),
            ("feed.json", "[]"),
            ("feed.json", '{"products": []}'),
            ("feed.json", '{"objects": [], "count": 0}'),
            ("feed.parquet", None),
            ("feed.xml", None),
            ("feed.csv.gz", None),
            ("feed.jsonl", ""),
            ("feed.csv", ""),
        ],
    )
    def test_a_feed_that_names_nothing_takes_nothing_away(
        self, catalogue: Catalogue, tmp_path: Path, name: str, empty: str | None, collection: Collection
    ) -> None:
        feed = tmp_path / name
        write = {**ENDED, **UNENDED}.get(name, lambda *them: write_csv(*them, delimiter="\t"))
        write(feed, IDS, collection)
        read(catalogue, feed, collection)
        before = statuses(catalogue)
        if empty is None:
            write(feed, [], collection)
        else:
            feed.write_text(empty)
        assert failure(catalogue, feed, collection)
        assert statuses(catalogue) == before

    def test_it_is_taken_once_it_is_accepted(self, catalogue: Catalogue, tmp_path: Path) -> None:
        feed = tmp_path / "feed.json"
        write_json(feed, IDS[:2])
        read(catalogue, feed)
        write_json(feed, [])
        assert "--accept 'shop'" in read(catalogue, feed).withheld
        assert read(catalogue, feed, accept=True).changes.gone == 2
        # Nothing was there that could be gone: an empty list is one like any other.
        assert not read(catalogue, feed, full=True).withheld

    def test_a_new_source_may_be_empty(self, catalogue: Catalogue, tmp_path: Path) -> None:
        feed = tmp_path / "feed.json"
        write_json(feed, [])
        assert not read(catalogue, feed).withheld

    @pytest.mark.parametrize(
        ("former", "left", "max_fall", "withheld"),
        [
            (LEAST_ENTRIES, 9, 0.5, True),
            (LEAST_ENTRIES, 10, 0.5, False),
            (LEAST_ENTRIES - 1, 1, 0.5, False),
            (40, 31, 0.2, True),
            (40, 1, 1.0, False),
            (40, 39, 0.0, True),
        ],
    )
    def test_a_fall_by_more_than_the_share(
        self, catalogue: Catalogue, tmp_path: Path, former: int, left: int, max_fall: float, withheld: bool
    ) -> None:
        feed = tmp_path / "feed.csv"
        ids = [f"id{number}" for number in range(former)]
        write_csv(feed, ids)
        read(catalogue, feed, max_fall=max_fall)
        write_csv(feed, ids[:left])
        done = read(catalogue, feed, max_fall=max_fall)
        assert bool(done.withheld) == withheld
        gone = list(statuses(catalogue).values()).count("discontinued")
        assert gone == (0 if withheld else former - left)
        if withheld:
            assert f"names {left} of the {former} entries" in done.withheld
            assert read(catalogue, feed, max_fall=max_fall, accept=True).changes.gone == former - left

    def test_entries_that_were_all_renamed_are_a_fall_too(self, catalogue: Catalogue, tmp_path: Path) -> None:
        feed = tmp_path / "feed.csv"
        write_csv(feed, [f"old{number}" for number in range(30)])
        read(catalogue, feed, max_fall=0.5)
        write_csv(feed, [f"new{number}" for number in range(30)])
        assert "names 0 of the 30" in read(catalogue, feed, max_fall=0.5).withheld

    def test_refused_rows_are_no_fall(self, catalogue: Catalogue, tmp_path: Path) -> None:
        feed = tmp_path / "feed.csv"
        write_csv(feed, [f"id{number}" for number in range(30)])
        read(catalogue, feed, max_fall=0.5)
        feed.write_text(feed.read_text().replace(".jpg", "").replace(",id", ",ftp://h/"))
        assert not read(catalogue, feed, max_fall=0.5).withheld
        assert "discontinued" not in statuses(catalogue).values()


class TestOddFields:
    """Optional fields never cost an entry."""

    @pytest.mark.parametrize("name", ["feed.csv", "feed.tsv", "feed.jsonl", "feed.json", "feed.xml"])
    def test_an_odd_date_costs_no_product(self, catalogue: Catalogue, tmp_path: Path, name: str) -> None:
        dates = [
            "2024-05-01", "0000-00-00", "0000-00-00 00:00:00", "-", "N/A", "12/31/2024",
            "Tue, 05 Mar 2024 10:00:00 GMT", "1609459200", "2024-03",
        ]  # fmt: skip
        items = [{"id": f"id{n}", "availability_date": day, "path": "a.jpg"} for n, day in enumerate(dates)]
        feed = tmp_path / name
        if name.endswith(("csv", "tsv")):
            text = io.StringIO()
            writer = csv.DictWriter(text, items[0], delimiter="," if name == "feed.csv" else "\t", lineterminator="\n")
            writer.writeheader()
            writer.writerows(items)
            feed.write_text(text.getvalue())
        elif name == "feed.xml":
            inner = "".join(
                f"<item>{''.join(f'<{key}>{value}</{key}>' for key, value in item.items())}</item>" for item in items
            )
            feed.write_text(f"<rss><channel>{inner}</channel></rss>")
        else:
            feed.write_text(json.dumps(items) if name == "feed.json" else "\n".join(map(json.dumps, items)))
        assert read(catalogue, feed).changes.added == len(dates)
        with catalogue.database.connect() as connection:
            found = connection.execute(sa.select(entries.c.first_seen).order_by(entries.c.entry_id)).scalars().all()
        today = TODAY.isoformat()
        assert found == [
            "2024-05-01", today, today, today, today, "2024-12-31", "2024-03-05", "2021-01-01", today,
        ]  # fmt: skip
        assert reasons(catalogue) == ["bad-date"]

    def test_odd_fields_of_objects_leave_them_open(self, catalogue: Catalogue, tmp_path: Path) -> None:
        header = "path,object_id,title,published,status,tip_page\n"
        line = "p{0}.jpg,OBJ-{0},Thing,2024-05-01,open,https://police.example/{0}\n"
        feed = tmp_path / "objects.csv"
        feed.write_text(header + "".join(line.format(number) for number in range(1, 6)))
        read(catalogue, feed, "objects")
        feed.write_text(
            header + line.format(1) + "p2.jpg,OBJ-2,Thing,5 May 2024,open,https://police.example/2\n"
            "p3.jpg,OBJ-3,Thing,2024-05-01,under investigation,https://police.example/3\n"
            "p4.jpg,OBJ-4,Thing,2024-05-01,open,n/a\n"
            'p5.jpg,OBJ-5,"Thing,2024-05-01,open,https://police.example/5\n'
        )
        done = read(catalogue, feed, "objects")
        assert not done.withheld
        assert set(statuses(catalogue).values()) == {"open"}
        assert reasons(catalogue) == ["bad-status", "open-quote"]
        assert pictured(catalogue) == {f"OBJ-{number}" for number in range(1, 6)}


class TestALastLineThatLostItsEnd:
    """A feed that is cut exactly between two rows, before the line end: nothing else tells it."""

    @staticmethod
    def text(kind: str, ids: list[str]) -> str:
        if kind == "jsonl":
            return "".join(json.dumps(row) + "\n" for row in rows(ids))
        comma = "\t" if kind == "google" else ","
        more = [{**row, "image_link": row.pop("path"), "condition": "new"} for row in rows(ids)]
        return "".join(comma.join(cells) + "\n" for cells in (more[0], *(row.values() for row in more)))

    @staticmethod
    def write(path: Path, text: str, packed: bool, encoding: str = "utf-8") -> None:
        data = text.encode(encoding)
        path.write_bytes(gzip.compress(data) if packed else data)

    @pytest.mark.parametrize("packed", [False, True])
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
    @pytest.mark.parametrize("kind", ["csv", "jsonl", "google"])
    def test_is_withheld_until_it_is_accepted(self, catalogue, tmp_path, kind, encoding, packed):
        feed = tmp_path / "feed"
        self.write(feed, self.text(kind, IDS), packed, encoding)
        assert not read(catalogue, feed).withheld
        self.write(feed, self.text(kind, IDS[:2]).rstrip("\n"), packed, encoding)
        assert "its last line has no end, and had one before" in read(catalogue, feed).withheld
        assert set(statuses(catalogue).values()) == {"current"}
        assert not read(catalogue, feed, accept=True).withheld
        assert list(statuses(catalogue).values()) == ["current", "current", "discontinued", "discontinued"]
        # From now on that is how the feed ends.
        self.write(feed, self.text(kind, IDS[:1]).rstrip("\n"), packed, encoding)
        assert not read(catalogue, feed).withheld

    def test_a_feed_that_never_had_one_is_complete_without(self, catalogue, tmp_path):
        feed = tmp_path / "feed.csv"
        self.write(feed, self.text("csv", IDS).rstrip("\n"), packed=False)
        assert not read(catalogue, feed).withheld
        self.write(feed, self.text("csv", IDS[:2]).rstrip("\n"), packed=False)
        assert read(catalogue, feed).changes.gone == 2

    @pytest.mark.parametrize("ending", ["xml", "json"])
    def test_formats_that_mark_their_end_need_none(self, catalogue, tmp_path, ending):
        feed = tmp_path / f"feed.{ending}"
        write = write_xml if ending == "xml" else lambda path, ids: path.write_text(json.dumps(rows(ids)))
        write(feed, IDS)
        feed.write_text(feed.read_text() + "\n")
        assert not read(catalogue, feed).withheld
        write(feed, IDS[:3])
        feed.write_text(feed.read_text().rstrip("\n"))
        assert not read(catalogue, feed).withheld
