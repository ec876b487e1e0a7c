"""An authority's page of objects by a small TOML, in both shapes, with the examples that the documentation shows."""

from __future__ import annotations

import json
from datetime import date

import pytest

from index.errors import FeedError
from index.records.source_options import SourceOptions
from index.sources.web.page_reader import page_reader
from tests.index.sources.web.reading import Reader
from tests.index.sources.web.shop_server import ShopServer
from tests.paths import ROOT

HTML = (ROOT / "docs/examples/page-in-html.toml").read_text(encoding="utf-8")
SCRIPT = (ROOT / "docs/examples/page-with-script.toml").read_text(encoding="utf-8")


def html_page(numbers: range, following: str = "") -> str:
    objects = "".join(
        f'<article class="object" data-id="E-{n}"><h2>Shirt\n {n}</h2><img src="/crops/{n}-front.jpg">'
        f'<img src="../crops/{n}-back.jpg"><dl><dd class="country">NL</dd></dl>'
        f'<a class="tip" href="/tips?object=E-{n}">I recognise this</a></article>'
        for n in numbers
    )
    link = f'<a class="next" href="{following}">Next</a>' if following else ""
    return f"<!doctype html><html><body>{objects}{link}</body></html>"


def script_page(numbers: range, *, assigned: bool = False) -> str:
    objects = [
        {"reference": n, "name": f"Shoe {n}", "state": "open", "pictures": [{"url": f"/crops/{n}.jpg"}]}
        for n in numbers
    ]
    data = json.dumps({"props": {"pageProps": {"objects": objects}}})
    script = f"<script>var a = 1; window.data = {data}; start();</script>" if assigned else ""
    plain = "" if assigned else f'<script id="__NEXT_DATA__" type="application/json">{data}</script>'
    return f"<!doctype html><html><body><div id=root></div>{script}{plain}</body></html>"


def add(reader: Reader, url: str, toml: str) -> None:
    reader.add(url, collection="objects", name="Police", options=SourceOptions(reader=toml))


def test_objects_of_pages_in_html_that_follow_one_another(server: ShopServer, reader: Reader) -> None:
    server.put("/list/2", html_page(range(3, 5)))
    add(reader, server.put("/list/1", html_page(range(3), following="2")), HTML)
    assert reader.read().changes["Police"].added == 5
    entry = reader.entries()["E-1"]
    assert (entry["title"], entry["country"], entry["authority"]) == ("Shirt 1", "NL", "Example police")
    assert entry["link"] == f"{server.url}/tips?object=E-1"
    assert [one for one in reader.references() if "/1-" in one] == [
        f"{server.url}/crops/1-back.jpg",
        f"{server.url}/crops/1-front.jpg",
    ]
    server.reset()
    assert reader.read(date(2026, 1, 6)).changes["Police"].unchanged == 5
    assert server.reset()[1] == 0 or all(one.status in (304, 404) for one in server.asked)


@pytest.mark.parametrize("assigned", [False, True])
def test_objects_of_a_page_with_its_data_in_a_script(server: ShopServer, reader: Reader, assigned: bool) -> None:
    toml = SCRIPT
    if assigned:
        toml = toml.replace('script = "script#__NEXT_DATA__"', 'after = "window.data ="')
    add(reader, server.put("/objects", script_page(range(7), assigned=assigned)), toml)
    assert reader.read().changes["Police"].added == 7
    entry = reader.entries()["3"]
    assert (entry["title"], entry["status"]) == ("Shoe 3", "open")
    assert f"{server.url}/crops/3.jpg" in reader.references()


def test_a_page_that_changed_its_form_closes_nothing(server: ShopServer, reader: Reader) -> None:
    add(reader, server.put("/list/1", html_page(range(3))), HTML)
    reader.read()
    server.put("/list/1", "<!doctype html><html><body>We have a new site!</body></html>")
    (failure,) = reader.read(date(2026, 1, 6)).failed
    assert "the reader finds no object on this page" in failure
    assert {entry["status"] for entry in reader.entries().values()} == {"open"}


def test_pages_that_lead_back_are_told(server: ShopServer, reader: Reader) -> None:
    server.put("/list/2", html_page(range(3, 5), following="1"))
    add(reader, server.put("/list/1", html_page(range(3), following="2")), HTML)
    (failure,) = reader.read().failed
    assert "lead back to one that was read already" in failure


def test_a_page_without_a_reader_says_what_is_needed(server: ShopServer, reader: Reader) -> None:
    reader.add(server.put("/list/1", html_page(range(3))), collection="objects")
    (failure,) = reader.read().failed
    assert "--reader FILE.toml" in failure


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ("x", "is not TOML"),
        ("", "either [html] or [script]"),
        ('[html]\nobject = "a"\n', "names no field"),
        ('[html]\nobject = "a["\nfields = {id = "b"}\n', "selector 'a['"),
        ('[html]\nfields = {id = "b"}\n', "needs 'object'"),
        ('[script]\npath = "a["\nfields = {id = "b"}\n', "path 'a['"),
        ('[script]\npath = "a"\nfields = {id = 3}\n', "is to be a text"),
        ('[html]\nobjects = "a"\nfields = {id = "b"}\n', "[html] has no 'objects'"),
    ],
)
def test_a_reader_with_a_mistake_is_told_before_anything_is_asked(toml: str, says: str) -> None:
    with pytest.raises(FeedError) as error:
        page_reader(toml)
    assert says in str(error.value)
