"""The page of a series, over an index whose candidates have likelihoods."""

import io

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
        }
        for n in range(3)
    ] + [{"object_id": "E-9", "title": "Another", "authority": "Police", "status": "open", "series": "", "country": ""}]
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
