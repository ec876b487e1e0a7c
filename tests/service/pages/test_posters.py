"""Posters, QR codes and cards: whole, legible, decodable from print; withdrawn with their object."""

import io

import numpy as np
import pypdfium2
import pytest
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from index.records.entries import EntryFields
from service.app.poster_pdf import poster_pdf
from service.pages.cards import wrapped
from service.rendering.fonts import picture_font
from service.rendering.language import LANGUAGES, words_in
from tests.fakes import render
from tests.service.conftest import HERE
from tests.service.pages.page_checks import check
from tests.service.pages.public_site import public_site


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with public_site(tmp_path_factory.mktemp("site")) as client:
        yield client


def crop(seed: int, size: tuple[int, int]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(render(seed)).resize(size).save(file, "JPEG")
    return file.getvalue()


def codes_of(pdf: bytes, dpi: int = 100) -> tuple[list[str], int]:
    """What the codes on the first page of a PDF say, rasterised, and how many pages it has."""
    document = pypdfium2.PdfDocument(pdf)
    page = document[0].render(scale=dpi / 72).to_pil().convert("L")
    found = zxingcpp.read_barcodes(page, formats=zxingcpp.BarcodeFormat.QRCode)
    return [code.text for code in found], len(document)


def test_a_poster_leads_to_its_object(site):
    answer = site.get("/posters/2024-77", headers={"Accept-Language": "fr"})
    assert answer.headers["content-type"] == "application/pdf"
    assert codes_of(answer.content) == ([f"{HERE}/objects/2024-77"], 1)
    text = pypdfium2.PdfDocument(answer.content)[0].get_textpage().get_text_range()
    for words in ("Reconnaissez-vous cet objet", "Police of Nowhere", "Striped mug", "2024-77"):
        assert words in text
    # Equal content, equal bytes: caches can compare them.
    assert site.get("/posters/2024-77", headers={"Accept-Language": "fr"}).content == answer.content


@pytest.mark.slow
def test_codes_decode_in_100_of_100_posters_at_100_dpi():
    read = 0
    for n in range(100):
        object_id = ("2026-{n}", "MPC-{n}", "case/{n}/detail", "objet n° {n}", "x" * 60 + "{n}")[n % 5].format(n=n)
        fields = EntryFields(
            object_id,
            title="Plush bear with a scarf " * (n % 9),
            authority="Police " * (1 + n % 7),
            published="2026-01-02",
        )
        address = f"https://{'objects.' * (1 + n % 3)}example.org/objects/{'%C3%A9' * (n % 11)}{n}"
        size = (96 + 13 * n, 96 + 29 * (n % 40))
        pdf = poster_pdf(fields, crop(n, size) if n % 10 else b"", address, words_in(LANGUAGES[n % 2]))
        codes, pages = codes_of(pdf)
        assert pages == 1
        read += codes == [address]
    assert read == 100


def test_a_code_is_a_picture_of_the_address(site):
    answer = site.get("/codes/2024-77")
    assert answer.headers["content-type"].startswith("image/svg+xml")
    assert answer.text.count("<path") >= 1
    assert "<script" not in answer.text


def test_a_settled_object_has_neither_poster_nor_code(site):
    for folder in ("posters", "codes"):
        answer = site.get(f"/{folder}/2024-78")
        assert answer.status_code == 410
        check(answer)
    assert site.get("/posters/none").status_code == 404


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_card_of_an_open_object_and_of_a_settled_one(site, language):
    coloured = {}
    for object_id in ("2024-77", "2024-78"):
        answer = site.get(f"/cards/{object_id}?lang={language}")
        assert answer.headers["content-type"] == "image/jpeg"
        assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
        pixels = np.asarray(Image.open(io.BytesIO(answer.content)))
        assert pixels.shape == (630, 1200, 3)
        # Letters and paper are nearly grey; a crop is not.
        coloured[object_id] = float((np.ptp(pixels, axis=2) > 60).mean())
    assert coloured["2024-77"] > 0.05
    assert coloured["2024-78"] == 0


@given(st.text(max_size=400), st.integers(1, 6), st.integers(40, 900))
def test_a_line_of_a_card_is_never_too_long(text, most, width):
    font = picture_font(32)
    lines = wrapped(text, font, width, most)
    assert len(lines) <= most
    assert all(font.getlength(line) <= width or len(line) <= 1 for line in lines)


def test_the_hostile_object_has_them_too(site):
    address = next(a for a in check(site.get("/")).attributes("a", "href") if "script" in a)
    for folder in ("posters", "codes", "cards"):
        assert site.get(address.replace("/objects/", f"/{folder}/", 1)).status_code == 200
