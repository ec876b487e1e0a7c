"""Feeds that went wrong, through the commands that an operator runs: nothing is lost by them, and all of it is said.

The inputs of /shared/cases where they are there; twins of them, of our own, always run in tests/index/sources.
"""

from __future__ import annotations

import csv
import functools
import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from embedding.encoders import choose
from index.generations.generations import live_number, open_live
from index.jobs.reindex import reindex
from index.progress import Unwatched
from index.records.catalogue import Catalogue
from index.records.schema import entries
from index.workspace import Workspace
from service.cli.main import main
from tests.fakes import ColourEncoder, write_feed
from tests.paths import ROOT, SHARED

CASES = SHARED / "cases"


class Desk:
    """A workspace, and the commands run in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        assert self.run("init").exit_code == 0
        settings = root / "traceobject.toml"
        settings.write_text(settings.read_text().replace('gate = "faces"', 'gate = "off"'))

    def run(self, *arguments: object):
        return CliRunner().invoke(main, ["--workspace", str(self.root), *map(str, arguments)], catch_exceptions=False)

    def statuses(self) -> dict[str, str]:
        with Catalogue.open(Workspace.open(self.root).database_url) as catalogue:
            query = sa.select(entries.c.entry_id, entries.c.status).order_by(entries.c.entry_id)
            with catalogue.database.connect() as connection:
                return {row[0]: row[1] for row in connection.execute(query)}

    def products(self) -> dict[str, tuple[str, int]]:
        """The title and the number of images of each entry that has one."""
        with Catalogue.open(Workspace.open(self.root).database_url) as catalogue:
            return {
                entry.fields.entry_id: (entry.fields.title, len(entry.images))
                for entry in catalogue.entries("catalogue")
            }


@pytest.fixture
def desk(tmp_path, monkeypatch) -> Desk:
    monkeypatch.setattr("index.models.load", lambda name: ColourEncoder())
    monkeypatch.setattr("index.models.choose", lambda: (ColourEncoder(), choose.Choice("colour-64", "took colour-64")))
    for command in ("service.cli.search", "service.cli.reindex"):
        monkeypatch.setattr(f"{command}.reranker_for", lambda workspace: None)
    return Desk(tmp_path / "workspace")


def case(name: str, folder: Path) -> Path:
    """A copy of an input, which may be changed."""
    if not (CASES / name).is_dir():
        pytest.skip(f"{CASES / name} is not here")
    copy = folder / "case"
    shutil.copytree(CASES / name, copy, copy_function=shutil.copyfile)
    for path in copy.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    copy.chmod(0o755)
    return copy


@pytest.mark.parametrize(
    ("name", "cut"), [("feed.xml", "cut-in-item"), ("feed.xml", "cut-between-items"), ("feed.json", "cut-in-item")]
)
@pytest.mark.parametrize("collection", ["catalogue", "objects"])
@pytest.mark.parametrize("command", ["add", "reindex"])
def test_01_a_feed_cut_midway(desk, tmp_path, name, cut, collection, command):
    folder = case("01-feed-cut-midway", tmp_path)
    if collection == "objects" and name == "feed.json":
        (folder / "whole" / name).write_text((folder / "whole" / name).read_text().replace("products", "objects"))
    named = ("--source", "shop") if collection == "catalogue" else ("--authority", "shop")
    feed = folder / "now" / name
    feed.parent.mkdir()
    shutil.copyfile(folder / "whole" / name, feed)
    assert desk.run("add", collection, feed, *named).exit_code == 0
    assert desk.run("reindex").exit_code == 0
    before = desk.statuses()
    assert len(before) == 4
    shutil.copyfile(folder / cut / name, feed)
    done = desk.run("add", collection, feed, *named) if command == "add" else desk.run("reindex")
    assert done.exit_code == 3
    assert "failed: shop: nothing was taken as gone: " in done.stderr
    assert desk.statuses() == before
    # Whole again, it is read as ever.
    shutil.copyfile(folder / "whole" / name, feed)
    assert desk.run("reindex").exit_code == 0


def test_02_a_part_that_cannot_be_listed(desk, tmp_path, monkeypatch):
    folder = case("02-part-unreadable", tmp_path) / "feed"
    assert desk.run("add", "catalogue", folder, "--source", "shop").exit_code == 0
    before = desk.products()
    assert sorted(before) == ["a", "b", "c"]
    plain = os.scandir

    def scandir(path):
        if str(path).endswith("/b"):
            raise PermissionError(13, "Permission denied", str(path))
        return plain(path)

    monkeypatch.setattr(os, "scandir", scandir)
    for command in (("add", "catalogue", folder, "--source", "shop"), ("reindex",)):
        done = desk.run(*command)
        assert done.exit_code == 3
        assert "cannot be listed: Permission denied" in done.stderr
        assert desk.products() == before
        assert set(desk.statuses().values()) == {"current"}


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("setpriv") is None or os.geteuid() != 0, reason="needs setpriv, and root to drop")
def test_02_as_a_user_who_is_not_root(tmp_path):
    folder = case("02-part-unreadable", tmp_path) / "feed"
    command = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", sys.executable, "-m", "service.cli.main"]
    command += ["--workspace", str(tmp_path / "workspace")]

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*command, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)

    assert run("init").returncode == 0
    assert run("add", "catalogue", str(folder), "--source", "shop").returncode == 0
    (folder / "b").chmod(0)
    try:
        done = run("add", "catalogue", str(folder), "--source", "shop")
    finally:
        (folder / "b").chmod(0o755)
    assert done.returncode == 3, done.stderr
    assert "cannot be listed" in done.stderr
    url = f"sqlite:///{tmp_path / 'workspace' / 'catalogue.sqlite'}"
    with Catalogue.open(url) as catalogue, catalogue.database.connect() as connection:
        assert set(connection.execute(sa.select(entries.c.status)).scalars()) == {"current"}


@pytest.mark.parametrize("command", ["add", "reindex"])
def test_03_a_slip_of_the_pen_closes_no_object(desk, tmp_path, command):
    folder = case("03-slip-of-the-pen-closes-an-object", tmp_path)
    lists = folder / "now"
    lists.mkdir()
    shutil.copyfile(folder / "before" / "objects.csv", lists / "objects.csv")
    assert desk.run("add", "objects", lists / "objects.csv", "--authority", "police").exit_code == 0
    shutil.copyfile(folder / "after" / "objects.csv", lists / "objects.csv")
    done = (
        desk.run("add", "objects", lists / "objects.csv", "--authority", "police")
        if command == "add"
        else desk.run("reindex")
    )
    assert done.exit_code == 3
    assert "bad-status" in done.stderr
    assert "open-quote" in done.stderr
    assert desk.statuses() == {f"OBJ-{number}": "open" for number in range(1, 6)}


@pytest.mark.parametrize(
    ("collection", "name", "status"), [("catalogue", "feed.json", "current"), ("objects", "objects.csv", "open")]
)
def test_04_a_feed_that_is_suddenly_empty(desk, tmp_path, collection, name, status):
    folder = case("04-emptied-feed", tmp_path)
    feed = folder / "now" / name
    feed.parent.mkdir()
    shutil.copyfile(folder / "before" / name, feed)
    named = ("--source", "shop") if collection == "catalogue" else ("--authority", "shop")
    assert desk.run("add", collection, feed, *named).exit_code == 0
    shutil.copyfile(folder / "after" / name, feed)
    for command in (("add", collection, feed, *named), ("reindex",)):
        done = desk.run(*command)
        assert done.exit_code == 3
        assert "names nothing any more" in done.stderr
        assert "traceobject reindex --accept 'shop'" in done.stderr
        assert set(desk.statuses().values()) == {status}
    assert desk.run("reindex", "--accept", "other").exit_code == 2
    assert desk.run("reindex", "--accept", "shop").exit_code == 0
    assert set(desk.statuses().values()) == {"discontinued" if collection == "catalogue" else "closed"}


def test_a_fall_is_withheld_by_the_setting(desk, tmp_path):
    feed = write_feed(tmp_path / "shop", [{"product_id": f"p{number}"} for number in range(20)], list(range(20)))
    assert desk.run("add", "catalogue", feed, "--source", "shop").exit_code == 0
    lines = feed.read_text().splitlines(keepends=True)
    feed.write_text("".join(lines[:10]))
    done = desk.run("reindex", "--json")
    assert done.exit_code == 3
    assert json.loads(done.stdout)["failed"][0].startswith(
        "shop: nothing was taken as gone: the feed names 9 of the 20"
    )
    settings = desk.root / "traceobject.toml"
    settings.write_text(settings.read_text().replace("max_fall = 0.5", "max_fall = 0.6"))
    assert desk.run("reindex").exit_code == 0
    assert list(desk.statuses().values()).count("discontinued") == 11


@pytest.mark.parametrize("lost", ["0 bytes", "fresh", "gone"])
def test_05_records_that_are_lost_stop_the_job(desk, tmp_path, lost):
    if CASES.is_dir():
        feed = case("05-records-of-0-bytes", tmp_path) / "feed"
    else:
        feed = write_feed(tmp_path / "shop", [{"product_id": "a"}], [1])
    assert desk.run("add", "catalogue", feed, "--source", "shop").exit_code == 0
    assert desk.run("reindex").exit_code == 0
    workspace = Workspace.open(desk.root)
    number = live_number(workspace)
    for path in desk.root.glob("catalogue.sqlite*"):
        path.unlink()
    if lost == "0 bytes":
        (desk.root / "catalogue.sqlite").touch()
    elif lost == "fresh":
        Catalogue.open(workspace.database_url).close()
    for command in (("reindex",), ("reindex", "--full"), ("add", "catalogue", feed)):
        done = desk.run(*command)
        assert done.exit_code == 1
        assert "the records of" in done.stderr
        assert "restore it from a backup" in done.stderr
    doctor = desk.run("doctor")
    assert doctor.exit_code == 1
    assert "FAIL  records: the records of" in doctor.stdout
    # What was published goes on answering.
    assert live_number(workspace) == number
    assert sum(part.entries for part in open_live(workspace).manifest.collections.values()) >= 1


def test_a_workspace_whose_last_source_was_forgotten_has_lost_nothing(desk, tmp_path):
    feed = write_feed(tmp_path / "shop", [{"product_id": "a"}], [1])
    desk.run("add", "catalogue", feed, "--source", "shop")
    desk.run("reindex")
    assert desk.run("forget", "source", "shop").exit_code == 0
    assert desk.run("reindex").exit_code == 0
    assert desk.run("add", "catalogue", feed, "--source", "shop").exit_code == 0


def test_06_quotes_in_a_tab_separated_feed(desk, tmp_path):
    folder = case("06-quotes-in-tsv", tmp_path)
    assert desk.run("add", "catalogue", folder / "feed.tsv", "--source", "shop").exit_code == 0
    titles = [
        "Plain mug", '"Friends" mug 11oz', 'TV 55"', '"Welcome" doormat', 'Frame 8"x10"', '"Big Sale', "Shelf",
        'Monitor 27"', "Last",
    ]  # fmt: skip
    assert desk.products() == {str(number): (title, 1) for number, title in enumerate(titles, start=1)}
    with Catalogue.open(Workspace.open(desk.root).database_url) as catalogue:
        images = {entry.fields.entry_id: entry.images[0] for entry in catalogue.entries("catalogue")}
    assert len(set(images.values())) == 9


def test_07_sizes_do_not_fill_the_list(desk, tmp_path):
    folder = case("07-sizes-fill-the-list", tmp_path)
    assert desk.run("add", "catalogue", folder / "feed.xml", "--source", "shop").exit_code == 0
    assert desk.run("reindex").exit_code == 0
    answer = json.loads(desk.run("search", folder / "p0.jpg", "--json").stdout)
    candidates = answer["candidates"]
    assert candidates[0]["product_id"] == "TEE-XXS"
    assert len(candidates[0]["variants"]) == 11
    assert {one["title"] for one in candidates[0]["variants"]} >= {"Tee XS", "Tee 7XL"}
    assert sorted(one["product_id"] for one in candidates[1:]) == [f"O{number}" for number in range(1, 8)]
    assert "and TEE-XS, TEE-S" in desk.run("search", folder / "p0.jpg").stdout


def test_09_an_odd_date_costs_no_product(desk, tmp_path):
    folder = case("09-odd-date-loses-the-product", tmp_path)
    done = desk.run("add", "catalogue", folder / "feed.csv", "--source", "shop")
    assert "9 added" in done.stderr
    assert sorted(desk.products()) == [str(number) for number in range(1, 10)]


class Silent(http.server.SimpleHTTPRequestHandler):
    requests: list[str] = []  # noqa: RUF012 - of all instances

    def do_GET(self) -> None:
        self.requests.append(self.path)
        super().do_GET()

    def log_message(self, *arguments: object) -> None:
        """Nothing: the requests are in `requests`."""


@pytest.fixture
def served(tmp_path):
    """A function that serves a folder on the loopback and returns its port."""
    servers = []

    def serve(folder: Path) -> int:
        Silent.requests.clear()
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Silent, directory=str(folder)))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return server.server_address[1]

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def allow(desk: Desk, port: int) -> None:
    settings = desk.root / "traceobject.toml"
    settings.write_text(settings.read_text().replace("allow_hosts = []", f'allow_hosts = ["127.0.0.1:{port}"]'))


FORMATS = ["feed.csv", "feed.xml", "feed.json", "products.json", "page.html"]


@pytest.mark.parametrize("name", FORMATS)
def test_11_a_url_with_a_space(desk, tmp_path, served, name):
    folder = case("11-url-with-space", tmp_path)
    port = served(folder / "www")
    allow(desk, port)
    urls = [f"http://127.0.0.1:{port}/my photo, front.jpg", f"HTTP://127.0.0.1:{port}/Café Ünï.jpg"]
    feed = folder / name
    items = [{"id": str(number), "image_link": url} for number, url in enumerate(urls, start=1)]
    match name:
        case "feed.csv":
            with feed.open("w", newline="") as file:
                writer = csv.DictWriter(file, items[0])
                writer.writeheader()
                writer.writerows(items)
        case "feed.xml":
            tags = "".join("<item>" + "".join(f"<{k}>{v}</{k}>" for k, v in item.items()) + "</item>" for item in items)
            feed.write_text(f"<rss><channel>{tags}</channel></rss>")
        case "feed.json":
            feed.write_text(json.dumps(items))
        case "products.json":
            shop = [
                {"id": item["id"], "handle": "h", "variants": [], "images": [{"src": item["image_link"]}]}
                for item in items
            ]
            feed.write_text(json.dumps({"products": shop}))
        case _:
            pytest.importorskip("lxml")
            nodes = [{"@type": "Product", "sku": item["id"], "image": item["image_link"]} for item in items]
            feed.write_text(f'<html><script type="application/ld+json">{json.dumps(nodes)}</script></html>')
    done = desk.run("add", "catalogue", feed, "--source", "shop")
    assert done.exit_code == 0, done.stderr
    assert len(desk.products()) == 2
    asked = sorted(path for path in Silent.requests if path not in ("/robots.txt", "/.well-known/tdmrep.json"))
    assert asked == ["/Caf%C3%A9%20%C3%9Cn%C3%AF.jpg", "/my%20photo,%20front.jpg"]


def test_13_a_clock_that_was_ahead(desk, tmp_path, served):
    folder = case("13-clock-was-ahead", tmp_path)
    port = served(folder / "www")
    allow(desk, port)
    feed = folder / "feed.csv"
    feed.write_text(feed.read_text().replace("8931", str(port)))
    assert desk.run("add", "catalogue", feed, "--source", "shop").exit_code == 3
    workspace = Workspace.open(desk.root)

    def night(today: date) -> int:
        return reindex(workspace, ColourEncoder(), Unwatched(), today=today, full=True).new_images

    assert night(date(2036, 2, 7)) == 0
    shutil.copyfile(folder / "later" / "late.jpg", folder / "www" / "late.jpg")
    assert night(datetime.now(UTC).date()) == 1
    assert sorted(desk.products()) == ["1", "2"]


def test_14_and_20_and_23_are_found_by_what_they_are(desk, tmp_path):
    """Pages, exports and code pages as a whole: brands are found, and filtered by."""
    coats = case("14-variants-by-reference", tmp_path)
    assert desk.run("add", "catalogue", coats / "by-id.html", "--source", "coats").exit_code == 0
    (tmp_path / "code-pages").mkdir()
    pages = case("23-other-code-pages", tmp_path / "code-pages")
    for name in ("cz", "ru"):
        assert desk.run("add", "catalogue", pages / f"{name}.csv", "--source", name).exit_code == 0
    assert desk.run("reindex").exit_code == 0
    for brand, expected in (("Nord", ["B-L", "B-S"]), ("Český", ["1"]), ("Рога", ["1"])):
        answer = json.loads(desk.run("search", pages / "p0.jpg", "--filter", f"brand={brand}", "--json").stdout)
        assert sorted(one["product_id"] for one in answer["candidates"]) == expected


def test_16_pictures_without_their_end(desk, tmp_path):
    folder = case("16-jpeg-without-end", tmp_path) / "feed"
    assert desk.run("add", "catalogue", folder, "--source", "shop").exit_code == 0
    assert len(desk.products()) == 5 or desk.products() == {"feed": ("feed", 5)}
    assert desk.run("reindex").exit_code == 0
    assert desk.run("search", folder / "no-eoi.jpg").exit_code == 0


def test_21_compressed_feeds(desk, tmp_path):
    folder = case("21-packed-feeds", tmp_path)
    settings = desk.root / "traceobject.toml"
    assert settings.exists()
    for name in ("feed.csv.gz", "feed.zip"):
        done = desk.run("add", "catalogue", folder / name, "--source", name)
        assert "1 added" in done.stderr
