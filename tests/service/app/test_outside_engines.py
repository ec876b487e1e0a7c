"""Outside engines: off by default, for published crops of open objects only, never an upload; every opening audited."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from index.settings import as_toml
from index.workspace import SETTINGS, Workspace
from service.accounts.roles import Role
from service.app.outside_engines import OutsideEngine, outside_engines
from service.application import create_app
from tests.fakes import ColourEncoder
from tests.service.accounts_workspace import copy_with_accounts, signed_in
from tests.service.app.test_leads import send
from tests.service.conftest import HERE
from tests.service.pages.page_checks import check

PUBLIC = "https://objects.example.org"
ENGINES = ["Image Finder https://finder.example/search?by=url&url={picture}", "Other https://other.example/{picture}"]


def served(indexed, folder, **settings):
    workspace = copy_with_accounts(indexed, folder)
    (workspace.root / SETTINGS).write_bytes(as_toml(replace(workspace.settings, **settings)))
    return TestClient(create_app(Workspace.open(workspace.root), ColourEncoder()), base_url=HERE)


@pytest.fixture(scope="module")
def allowing(indexed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("allowing") / "workspace"
    with served(indexed, folder, public_address=PUBLIC, outside_engines=ENGINES) as opened:
        yield opened


@pytest.fixture(scope="module")
def ines(allowing):
    return signed_in(allowing, Role.INVESTIGATOR)


def crop_of(person, object_id):
    return person.get(f"/v1/objects/{object_id}").json()["images"][0]


def ask(person, **changed):
    fields = {"object": "2024-0", "source": "police", "engine": "Image Finder", "crop": crop_of(person, "2024-0")}
    return send(person, "/workbench/outside", **{**fields, **changed})


def openings(client):
    return [one for one in client.app.state.services.audit.records() if one["kind"] == "outside-engine"]


@pytest.mark.parametrize("settings", [{}, {"public_address": PUBLIC}, {"outside_engines": ENGINES}])
def test_without_the_operator_s_word_there_is_none(indexed, tmp_path, settings):
    with served(indexed, tmp_path / "workspace", **settings) as client:
        person = signed_in(client, Role.INVESTIGATOR)
        assert "/workbench/outside" not in person.get("/workbench/objects/2024-0").text
        assert ask(person).status_code == 404
        assert openings(client) == []


@pytest.mark.parametrize("language", ["en", "fr"])
def test_an_open_object_s_page_offers_its_crops_and_the_engines(ines, language):
    page = check(ines.get(f"/workbench/objects/2024-0?lang={language}"))
    assert "/workbench/outside" in page.attributes("form", "action")
    offered = [attrs["value"] for tag, attrs in page.elements if tag == "button" and attrs.get("name") == "engine"]
    assert offered == ["Image Finder", "Other"]
    assert crop_of(ines, "2024-0") in page.attributes("option", "value")
    ines.cookies.delete("language")


def test_an_opening_is_recorded_before_its_link_is_given(ines, allowing):
    before = len(openings(allowing))
    answer = ask(ines)
    page = check(answer)
    crop = crop_of(ines, "2024-0")
    [link] = [attrs for tag, attrs in page.elements if attrs.get("href", "").startswith("https://finder.example/")]
    assert parse_qs(urlsplit(unescape(link["href"])).query) == {"by": ["url"], "url": [f"{PUBLIC}/pictures/{crop}"]}
    assert {"noopener", "noreferrer"} <= set(link["rel"].split())
    assert answer.headers["referrer-policy"] == "no-referrer"
    record = openings(allowing)[-1]
    assert len(openings(allowing)) == before + 1
    assert (record["who"], record["engine"], record["picture"]) == ("ines", "Image Finder", crop)
    assert record["object"] == ["police", "2024-0"]
    assert record["address"] == unescape(link["href"])


def test_one_that_cannot_be_recorded_gives_no_link(ines, allowing, monkeypatch):
    crop = crop_of(ines, "2024-0")

    def broken(*_, **__):
        raise OSError("disk full")

    monkeypatch.setattr(type(allowing.app.state.services.audit), "append", broken)
    fields = {"object": "2024-0", "source": "police", "engine": "Image Finder", "crop": crop}
    answer = send(ines, "/workbench/outside", **fields)
    assert answer.status_code == 500
    assert "finder.example" not in answer.text


class TestRefused:
    def test_an_upload_and_a_product_s_picture(self, ines, allowing, png):
        before = openings(allowing)
        product = ines.get("/v1/products/A/3").json()["images"][0]
        for crop in (hashlib.sha256(png).hexdigest(), product, "0" * 64, "", "../x"):
            assert ask(ines, crop=crop).status_code == 404
        sent = {"image": ("x.png", png), "object": (None, "2024-0"), "engine": (None, "Image Finder")}
        answer = ines.post("/workbench/outside", files=sent)
        assert answer.status_code in (404, 422)
        assert "finder.example" not in answer.text
        assert openings(allowing) == before

    def test_the_results_of_an_upload_offer_none(self, ines, png):
        answer = ines.post("/workbench/search", files={"image": ("x.png", png)})
        assert "/workbench/outside" not in answer.text
        assert "finder.example" not in answer.text

    @pytest.mark.parametrize("object_id", ["2024-3", "2024-4"])
    def test_an_object_that_is_no_longer_open(self, ines, allowing, object_id):
        before = openings(allowing)
        assert "/workbench/outside" not in ines.get(f"/workbench/objects/{object_id}").text
        assert ask(ines, object=object_id, crop=crop_of(ines, object_id)).status_code == 422
        assert openings(allowing) == before

    def test_another_object_s_crop_and_an_engine_that_is_not_allowed(self, ines):
        assert ask(ines, crop=crop_of(ines, "2024-1")).status_code == 404
        assert ask(ines, engine="https://evil.example/").status_code == 404
        assert ask(ines, object="nobody").status_code == 404

    def test_a_form_of_another_site(self, ines, allowing):
        before = openings(allowing)
        fields = {"object": (None, "2024-0"), "engine": (None, "Image Finder")}
        answer = ines.post("/workbench/outside", files=fields, headers={"Sec-Fetch-Site": "cross-site"})
        assert answer.status_code == 403
        assert openings(allowing) == before


@given(st.text(min_size=1, max_size=60))
def test_a_picture_s_address_cannot_change_where_an_engine_is(picture):
    opened = urlsplit(OutsideEngine("x", "https://finder.example/search?url={picture}&n=1").address(picture))
    assert (opened.scheme, opened.netloc, opened.path) == ("https", "finder.example", "/search")
    assert parse_qs(opened.query, keep_blank_values=True) == {"url": [picture], "n": ["1"]}


def test_names_may_have_blanks(allowing):
    settings = allowing.app.state.services.workspace.settings
    assert [engine.name for engine in outside_engines(settings)] == ["Image Finder", "Other"]
    assert outside_engines(replace(settings, public_address="")) == ()
