"""The dossier as HTML and PDF: complete and self-contained."""

import re

import pytest

from tests.service.pages.page_checks import Page, check


def test_the_page_of_an_object_offers_its_search_and_its_dossier(client):
    links = check(client.get("/workbench/objects/2024-0?source=police")).attributes("a", "href")
    assert any(link.startswith("/workbench/search?object=2024-0&source=police&crop=") for link in links)
    assert "/workbench/dossier.pdf?object=2024-0&source=police" in links
    assert client.get("/workbench/objects/nobody").status_code == 404


@pytest.mark.parametrize("language", ["en", "fr"])
def test_html_stands_alone(client, language):
    answer = client.get(f"/workbench/dossier.html?object=2024-0&source=police&lang={language}")
    assert answer.headers["content-disposition"] == 'attachment; filename="traceobject-2024-0.html"'
    page = Page(answer.text)
    assert f'<html lang="{language}">' in answer.text
    pictures = page.attributes("img", "src")
    # One crop, twelve candidates.
    assert len(pictures) >= 13
    assert all(source.startswith("data:image/jpeg;base64,") for source in pictures)
    assert not [tag for tag, _ in page.elements if tag in ("script", "link", "iframe")]
    crop = client.get("/v1/objects/2024-0").json()["images"][0]
    for text in ("Object 0", "2024-01-05", "NL", crop, "colour-64"):
        assert text in answer.text
    assert re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-", answer.text)
    assert re.search(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", answer.text)


def test_pdf_is_one(client):
    answer = client.get("/workbench/dossier.pdf?object=2024-0&source=police")
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF-")
    assert answer.content.count(b"/Subtype /Image") >= 10


def test_other_shapes_are_refused(client):
    assert client.get("/workbench/dossier.exe?object=2024-0").status_code == 422
    assert client.get("/workbench/dossier.pdf?object=nobody").status_code == 404
