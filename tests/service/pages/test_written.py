"""The words that were read, on the workbench: chips to correct, markup as text, agreeing words marked."""

from __future__ import annotations

import io
import re

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from embedding.text.reading import LanguageGuess, Reading
from index.jobs.reindex import reindex
from index.progress import Unwatched
from index.workspace import Workspace
from service.application import create_app
from tests.fakes import ColourEncoder, add_feed, render, write_feed
from tests.service.pages.page_checks import check
from tests.written import FakeReader, code, line

HOSTILE = '<img src=x onerror="alert(1)">'
EAN = "7310865004703"


@pytest.fixture(scope="module")
def reader():
    reader = FakeReader()
    reader.write(
        render(999),
        Reading((line("ZEBRAFINK"), line(HOSTILE), line("מים 😀")), (code(EAN),), LanguageGuess("sv", 0.45)),
    )
    return reader


@pytest.fixture(scope="module")
def client(tmp_path_factory, reader):
    folder = tmp_path_factory.mktemp("written")
    workspace = Workspace.create(folder / "workspace", "colour-64")
    rows = [{"product_id": f"p{n}", "title": "Zebrafink <b>milk</b>" if n == 7 else f"Thing {n}"} for n in range(40)]
    add_feed(workspace, "shop", "catalogue", write_feed(folder / "shop", rows, list(range(40))))
    add_feed(workspace, "list", "objects", write_feed(folder / "list", [{"object_id": "E-1"}], [77]))
    reindex(workspace, ColourEncoder(), Unwatched())
    with TestClient(create_app(workspace, ColourEncoder(), text_reader=reader)) as client:
        yield client


def png(picture):
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return file.getvalue()


def search(client, **fields):
    answer = client.post("/workbench/search", files={"image": ("a.png", png(render(999)))}, data=fields)
    check(answer)
    return answer.text


def lines_of(page):
    return re.findall(r'<input name="written"[^>]*value="([^"]*)"', page)


def test_lines_and_codes_are_chips_with_a_clue_of_the_language(client):
    page = search(client)
    assert lines_of(page) == ["ZEBRAFINK", "&lt;img src=x onerror=&#34;alert(1)&#34;&gt;", "מים 😀", EAN]
    assert "registered with GS1 Sweden" in page
    assert "Language of the text, a guess: sv (45 %)" in page
    assert HOSTILE not in page


def test_agreeing_words_are_marked_and_markup_stays_text(client):
    page = search(client)
    assert "<mark>Zebrafink</mark> &lt;b&gt;milk&lt;/b&gt;" in page
    assert "<b>milk</b>" not in page


def test_corrected_words_count_only_with_their_button(client, reader):
    before = reader.count
    page = search(client, written=["thing", "twelve"], with_words="1")
    assert reader.count == before
    assert lines_of(page) == ["thing", "twelve"]
    search(client, written=["thing"])
    assert reader.count == before + 1


def test_all_words_removed_is_a_search_without_text(client, reader):
    before = reader.count
    page = search(client, with_words="1", written="")
    assert reader.count == before
    assert lines_of(page) == []
    assert "<mark>" not in page


def test_the_audit_tells_what_was_read_of_an_investigators_picture_alone(client):
    search(client)
    record = client.get("/v1/audit", params={"kind": "search"}).json()["records"][-1]
    assert record["read"] == [["ZEBRAFINK", HOSTILE, "מים 😀"]]
    assert record["codes"] == [[EAN]]
    assert (record["written"], record["parameters"]["text_reader"]) == (None, "fake-1")
    count = len(client.get("/v1/audit").json()["records"])
    page = client.post("/recognise", files={"image": ("a.png", png(render(999)))}).text
    assert "ZEBRAFINK" not in page
    assert len(client.get("/v1/audit").json()["records"]) == count


def test_the_interface_tells_what_was_read_and_which_words_agree(client):
    answer = client.post("/v1/search", files={"image": ("a.png", png(render(999)))}).json()
    (reading,) = answer["readings"]
    assert [one["words"] for one in reading["lines"]] == ["ZEBRAFINK", HOSTILE, "מים 😀"]
    assert reading["codes"][0]["gtin"] == EAN
    assert reading["codes"][0]["registered_with"] == "GS1 Sweden"
    (seven,) = [one for one in answer["candidates"] if one["product_id"] == "p7"]
    (match,) = seven["evidence"]["words"]
    assert (match["word"], match["found"], match["picture"], match["field"]) == ("ZEBRAFINK", "Zebrafink", 1, "title")
    without = client.post("/v1/search", files={"image": ("a.png", png(render(999)))}, data={"read_text": "false"})
    assert without.json()["readings"] == []
