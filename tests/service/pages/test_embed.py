"""/embed: off by default; framed by the named sites only; no script, no form, no cookie."""

from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from service.application import create_app
from tests.fakes import ColourEncoder
from tests.service.conftest import HERE
from tests.service.pages.page_checks import Page, check

PAPERS = ("https://www.newspaper.example", "https://journal.example:8443")


@pytest.fixture(scope="module")
def framed(indexed):
    settings = replace(indexed.settings, embed_on=PAPERS, public_address="https://objects.example.org/")
    with TestClient(create_app(replace(indexed, settings=settings), ColourEncoder()), base_url=HERE) as client:
        yield client


def test_is_off_by_default(client):
    answer = client.get("/embed")
    assert answer.status_code == 404
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


def test_only_the_named_sites_may_frame_it(framed):
    answer = framed.get("/embed")
    directives = dict(part.strip().partition(" ")[::2] for part in answer.headers["content-security-policy"].split(";"))
    assert directives == {
        "default-src": "'none'", "style-src": "'self'", "img-src": "'self'", "form-action": "'none'",
        "base-uri": "'none'", "frame-ancestors": " ".join(PAPERS),
    }  # fmt: skip
    assert "x-frame-options" not in answer.headers
    # Every other page stays as it was.
    assert framed.get("/").headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in framed.get("/").headers["content-security-policy"]


def test_has_no_script_no_form_and_no_cookie(framed):
    answer = framed.get("/embed", headers={"Accept-Language": "fr"})
    assert "set-cookie" not in answer.headers
    tags = [tag for tag, _ in Page(answer.text).elements]
    assert not {"script", "form", "input", "button"} & set(tags)
    assert "Reconnaissez-vous" in answer.text


def test_leads_to_the_public_address_in_a_page_of_its_own(framed):
    page = check(framed.get("/embed"))
    links = [attrs for tag, attrs in page.elements if tag == "a"]
    assert "https://objects.example.org/objects/2024-0" in [attrs["href"] for attrs in links]
    assert all(attrs["href"].startswith("https://objects.example.org/") for attrs in links)
    assert all((attrs["target"], attrs["rel"]) == ("_blank", "noopener") for attrs in links)


def test_lists_what_is_open(framed):
    text = framed.get("/embed?kind=bag").text
    assert "Object 2" in text
    assert "Object 4" not in text
    assert "Object 0" not in text
