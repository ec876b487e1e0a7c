"""The form for a tip: everything that it needs is on the page, and nothing on it can be sent to this site."""

import json
from contextlib import contextmanager

import pytest
from starlette.testclient import TestClient

from index.errors import WorkspaceError
from service.app.authorities import FILE
from service.application import create_app
from tests.fakes import ColourEncoder
from tests.service.conftest import HERE
from tests.service.pages.page_checks import check
from tests.service.pages.public_site import ASKING, HOSTILE, SETTLED, public_site


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with public_site(tmp_path_factory.mktemp("site")) as client:
        yield client


AUTHORITIES = """
["Police of Nowhere"]
mail = "tips@nowhere.example"
page = "https://nowhere.example/tips"
subject = "Objet {reference}"
template = "Réf. {reference} | {what} | {where} | {when} | {how}"
"""


@contextmanager
def with_authorities(site, text):
    workspace = site.app.state.services.workspace
    path = workspace.root / FILE
    path.write_text(text, encoding="utf-8")
    try:
        with TestClient(create_app(workspace, ColourEncoder()), base_url=HERE) as client:
            yield client
    finally:
        path.unlink()


def form_of(page):
    return next(attrs for tag, attrs in page.elements if tag == "form" and "data-tip" in attrs)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_has_the_reference_and_the_authority_s_page(site, language):
    page = check(site.get("/tips/2024-77", headers={"Accept-Language": language}))
    form = form_of(page)
    known = json.loads(form["data-known"])
    assert known == {
        "reference": "2024-77",
        "title": "Striped mug",
        "authority": "Police of Nowhere",
        "address": f"{HERE}/objects/2024-77",
    }
    # Without JavaScript the page of the authority is shown, and the form is not.
    assert "hidden" in form
    assert page.attributes("a", "href").count(ASKING["tip_page"]) == 2
    assert not [href for href in page.attributes("a", "href") if href.startswith("mailto:")]
    for name in ("reference", "what", "where", "when", "how"):
        assert f"{{{name}}}" in form["data-template"]


def test_nothing_on_it_can_be_sent_here(site):
    answer = site.get("/tips/2024-77")
    page = check(answer)
    policy = answer.headers["content-security-policy"]
    assert "connect-src 'none'" in policy
    assert "form-action 'none'" in policy
    # A field without a name is never part of a form's data.
    assert not [attrs for tag, attrs in page.elements if tag in ("textarea", "input", "select") and "name" in attrs]
    assert not page.attributes("form", "action")


def test_takes_the_authority_s_own_words_and_mail_address(site):
    with with_authorities(site, AUTHORITIES) as client:
        page = check(client.get("/tips/2024-77"))
    form = form_of(page)
    assert form["data-template"] == "Réf. {reference} | {what} | {where} | {when} | {how}"
    assert form["data-subject"] == "Objet {reference}"
    assert form["data-mail-to"] == "tips@nowhere.example"
    links = page.attributes("a", "href")
    assert "mailto:tips@nowhere.example?subject=2024-77" in links
    # The page of the object itself comes before that of its authority.
    assert ASKING["tip_page"] in links
    assert "https://nowhere.example/tips" not in links


def test_takes_the_authority_s_page_where_the_object_has_none(site):
    with with_authorities(site, AUTHORITIES.replace("Police of Nowhere", HOSTILE["authority"])) as client:
        address = next(a for a in check(client.get("/")).attributes("a", "href") if "script" in a)
        page = check(client.get(address.replace("/objects/", "/tips/", 1)))
    assert HOSTILE["title"] == json.loads(form_of(page)["data-known"])["title"]


def test_asks_nothing_once_the_object_is_settled(site):
    page = check(site.get("/tips/2024-78"))
    assert "textarea" not in [tag for tag, _ in page.elements]
    assert SETTLED["tip_page"] not in page.attributes("a", "href")


def test_of_an_object_that_is_not_there(site):
    assert site.get("/tips/none").status_code == 404


def test_is_linked_from_the_object_and_from_the_comparison(site):
    assert "/tips/2024-77" in check(site.get("/objects/2024-77")).attributes("a", "href")
    assert "/tips/2024-78" not in check(site.get("/objects/2024-78")).attributes("a", "href")


def test_a_wrong_file_stops_the_start(site):
    with pytest.raises(WorkspaceError, match="phone"), with_authorities(site, '[A]\nphone = "17"'):
        pass
