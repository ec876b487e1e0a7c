"""The page of a series, over an index whose candidates have likelihoods."""

import io

import pypdfium2
import pytest
from PIL import Image
from starlette.testclient import TestClient

from index.jobs.reindex import reindex
from index.jobs.self_test import MIN_PRODUCTS
from index.progress import Unwatched
from index.workspace import Workspace
from service.application import create_app
from tests.fakes import ColourEncoder, add_feed, render, write_feed
from tests.service.conftest import HERE
from tests.service.pages.page_checks import check

SERIES = "/workbench/series"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    root = tmp_path_factory.mktemp("series")
    workspace = Workspace.create(root / "workspace", "colour-64", self_test_products=MIN_PRODUCTS)
    products = [
        {
            "product_id": f"p{n}",
            "title": f"Thing {n}",
            "brand": "Luma",
            "retailer": f"Shop {n}",
            "country": ("NL", "Germany")[n % 2],
            "made_in": "CN",
            "first_seen": f"20{10 + n % 9}-01-01",
        }
        for n in range(60)
    ]
    add_feed(workspace, "shop", "catalogue", write_feed(root / "shop", products, list(range(60))))
    objects = [
        {
            "object_id": f"E-{n}",
            "title": f"Object {n}",
            "authority": "Police",
            "status": "open",
            "series": "case 12",
            "country": "JP",
            # Things 5 to 8 of each nine came on sale later.
            "seen_until": "2014-06-01",
        }
        for n in range(3)
    ] + [
        {
            "object_id": "E-9", "title": "Another", "authority": "Police", "status": "open", "series": "",
            "country": "", "seen_until": "",
        }
    ]  # fmt: skip
    add_feed(workspace, "police", "objects", write_feed(root / "police", objects, [2, 4, 6, 100]))
    reindex(workspace, ColourEncoder(), Unwatched())
    with TestClient(create_app(workspace, ColourEncoder()), base_url=HERE) as client:
        yield client


@pytest.mark.parametrize("language", ["en", "fr"])
def test_before_a_search_it_lists_the_objects(site, language):
    answer = site.get(SERIES, params={"authority": "Police", "name": "case 12"}, headers={"Accept-Language": language})
    assert answer.status_code == 200
    check(answer)
    assert all(f"Object {n}" in answer.text for n in range(3))
    assert "Another" not in answer.text


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_search_says_where_all_of_them_were_sold(site, language):
    form = {"authority": (None, "Police"), "name": (None, "case 12")}
    answer = site.post(SERIES, files=form, headers={"Accept-Language": language})
    assert answer.status_code == 200
    check(answer)
    assert {"en": "Netherlands", "fr": "Pays-Bas"}[language] in answer.text
    assert "tiles" in answer.text
    assert "Thing 2" in answer.text


def test_every_object_is_searched_for_on_record(site):
    before = len(site.get("/v1/audit?kind=search").json()["records"])
    site.post(SERIES, files={"authority": (None, "Police"), "name": (None, "case 12")})
    assert len(site.get("/v1/audit?kind=search").json()["records"]) == before + 3


def test_a_series_that_nobody_published_is_not_found(site):
    assert site.get(SERIES, params={"authority": "Police", "name": "case 13"}).status_code == 404
    assert site.get(SERIES, params={"name": ""}).status_code == 404


def test_an_object_of_a_series_leads_there(site):
    assert "/workbench/series?authority=Police&amp;name=case%2012" in site.get("/workbench/objects/E-0").text


def test_an_answer_says_where_its_candidates_were_sold(site):
    file = io.BytesIO()
    Image.fromarray(render(2)).save(file, "PNG")
    answer = site.post("/workbench/search", files={"image": ("x.png", file.getvalue())})
    check(answer)
    assert "Where it was sold" in answer.text
    assert "Luma" in answer.text


@pytest.fixture(scope="module")
def answered(site):
    answer = site.get("/v1/series", params={"authority": "Police", "name": "case 12"})
    assert answer.status_code == 200
    return answer.json()


def test_the_interface_gives_the_same_as_the_page(site, answered):
    assert (answered["authority"], answered["name"], answered["generation"]) == ("Police", "case 12", 1)
    assert sorted(one["object"]["object_id"] for one in answered["objects"]) == [f"E-{n}" for n in range(3)]
    assert answered["without_catalogue"] == ["JP"]
    sold = answered["together"]["sold"]
    total = sum(one["probability"] for one in sold["countries"]) + sold["unknown"]
    assert total == pytest.approx(1, abs=0.001)
    assert {one["country"] for one in sold["countries"]} <= {"NL", "DE"}
    assert answered["together"]["on_sale_by"]
    for one in answered["objects"]:
        assert one["answer"]["candidates"][0]["earlier_decisions"] == []
        assert one["clues"]
        assert one["leads"] == []
    audit = site.get("/v1/audit?limit=1000").json()["records"]
    asked = {one["answer"]["query_id"] for one in answered["objects"]}
    assert asked <= {record.get("query_id") for record in audit if record["kind"] == "search"}


def test_without_a_search_the_interface_gives_objects_and_leads_alone(site):
    asked = {"authority": "Police", "name": "case 12", "search": "false"}
    answered = site.get("/v1/series", params=asked).json()
    assert [one["answer"] for one in answered["objects"]] == [None] * 3
    assert answered["together"]["sold"] == {"told": None, "countries": [], "unknown": 1}


def test_the_interface_knows_no_series_that_nobody_published(site):
    answer = site.get("/v1/series", params={"authority": "Police", "name": "case 13"})
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found")


def late_products(answered):
    return {clue["label"] for one in answered["objects"] for clue in one["too_late"]}


def test_what_came_on_sale_too_late_is_told(site, answered):
    late = late_products(answered)
    assert late
    assert all(10 + int(name.split()[1]) % 9 > 14 for name in late)
    assert not late & {clue["label"] for one in answered["objects"] for clue in one["clues"]}
    for one in answered["objects"]:
        assert all(clue["years"][0] > 2014 for clue in one["too_late"])
    page = site.post(SERIES, files={"authority": (None, "Police"), "name": (None, "case 12")})
    assert "came on sale after the object was last seen" in page.text
    crop = answered["objects"][0]["object"]["images"][0]
    found = site.get("/workbench/search", params={"crop": crop, "object": "E-0", "source": "police"})
    check(found)
    assert "came on sale after the object was last seen" in found.text


@pytest.mark.parametrize(("language", "words"), [("en", "came on sale after"), ("fr", "mis en vente après")])
def test_a_dossier_tells_where_when_and_what_came_too_late(site, language, words):
    asked = {"object_id": "E-0", "form": "html", "language": language}
    html = site.get("/v1/dossier", params=asked).text
    assert words in html
    assert {"en": "Netherlands", "fr": "Pays-Bas"}[language] in html
    assert '<svg class="tiles"' in html
    pdf = site.get("/v1/dossier", params={**asked, "form": "pdf"}).content
    text = " ".join(page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(pdf))
    assert words in " ".join(text.split())
