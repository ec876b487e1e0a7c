"""Public pages: published objects are shown and nothing else; hostile feed texts are escaped."""

import base64
import io

import pytest
from PIL import Image

from service.rendering.environment import web_link
from tests.fakes import render
from tests.service.conftest import HERE
from tests.service.pages.page_checks import check
from tests.service.pages.public_site import ASKING, public_site


def picture(seed: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(render(seed)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory):
    with public_site(tmp_path_factory.mktemp("site")) as client:
        yield client


@pytest.mark.parametrize("address", ["/", "/?status=any", "/about", "/privacy", "/recognise", "/objects/2024-77"])
@pytest.mark.parametrize("language", ["en", "fr"])
def test_public_pages_are_sound(site, address, language):
    page = site.get(address, headers={"Accept-Language": language})
    assert page.status_code == 200
    check(page)


class TestFront:
    def test_lists_each_authority_newest_first(self, client):
        page = client.get("/?status=any")
        check(page)
        places = [page.text.index(f">{name}<") for name in ("2024-3", "2024-1", "2024-0", "2023-12-31", "2024-2")]
        assert places == sorted(places)

    def test_shows_open_ones_unless_asked(self, client):
        page = client.get("/")
        assert "Object 0" in page.text
        assert "Object 3" not in page.text
        assert "Object 4" not in page.text

    @pytest.mark.parametrize(
        ("asked", "shown"),
        [
            ("status=any&kind=bag", {2, 4}),
            ("kind=bag", {2}),
            ("status=any&country=nl", {0, 2, 4}),
            ("status=closed", {3}),
            ("authority=police", {0, 1, 2}),
            ("authority=nobody", set()),
        ],
    )
    def test_filters(self, client, asked, shown):
        page = client.get(f"/?{asked}")
        assert {n for n in range(5) if f"Object {n}" in page.text} == shown

    def test_refuses_a_page_that_no_page_named(self, client):
        page = client.get("/?after=nonsense")
        assert page.status_code == 422
        check(page)


class TestObject:
    def test_leads_to_the_tip_page_with_the_reference(self, site):
        page = check(site.get("/objects/2024-77"))
        assert ASKING["tip_page"] in page.attributes("a", "href")
        assert "2024-77" in site.get("/objects/2024-77").text

    def test_has_a_card_for_shared_links(self, site):
        page = check(site.get("/objects/2024-77"))
        tags = {a["property"]: a["content"] for tag, a in page.elements if tag == "meta" and "property" in a}
        assert tags["og:url"] == f"{HERE}/objects/2024-77"
        assert "Striped mug" in tags["og:title"]
        card = site.get(tags["og:image"].removeprefix(HERE))
        assert card.headers["content-type"] == "image/jpeg"
        assert Image.open(io.BytesIO(card.content)).size == (1200, 630)

    def test_asks_for_no_tips_once_it_is_settled(self, site):
        page = check(site.get("/objects/2024-78"))
        assert ASKING["tip_page"] not in page.attributes("a", "href")

    def test_that_is_not_there_is_answered_with_a_page(self, site):
        page = site.get("/objects/none")
        assert page.status_code == 404
        check(page)


class TestHostileFeed:
    def test_is_only_text(self, site):
        front = site.get("/?status=any")
        address = next(a for a in check(front).attributes("a", "href") if "script" in a)
        page = site.get(address)
        assert page.status_code == 200
        for shown in (front, page):
            check(shown)
            assert "<script>alert" not in shown.text
            assert "<img src=x" not in shown.text
            assert "evil.example></script>" not in shown.text
            assert "{{ 7 * 7 }}" in shown.text

    @pytest.mark.parametrize("address", ["javascript:alert(1)", "data:text/html,x", "//evil", "http://[", "", None])
    def test_never_becomes_a_link_that_runs(self, address):
        assert web_link(address) == ""


class TestPictures:
    def test_of_objects_are_public(self, site):
        source = next(s for s in check(site.get("/objects/2024-77")).attributes("img", "src"))
        assert site.get(source).headers["content-type"] == "image/jpeg"

    def test_of_the_catalogue_are_not(self, site):
        found = site.post("/v1/search", files={"image": ("x.png", picture(9))}).json()["candidates"][0]["image"]
        assert site.get(f"/pictures/{found}").status_code == 404
        assert site.get("/pictures/nonsense").status_code == 404


class TestRecognise:
    def test_leads_from_a_photo_to_the_tip_page(self, site):
        answer = site.post("/recognise", files={"image": ("photo.png", picture(2))})
        assert answer.status_code == 200
        page = check(answer)
        links = page.attributes("a", "href")
        assert ASKING["tip_page"] in links
        assert answer.text.index("2024-77") < answer.text.index("2024-78")

    def test_looks_at_the_box_alone(self, site):
        answer = site.post("/recognise", files={"image": ("photo.png", picture(2))}, data={"box": "0,0,0.5,0.25"})
        shown = next(s for s in check(answer).attributes("img", "src") if s.startswith("data:"))
        width, height = Image.open(io.BytesIO(base64.b64decode(shown.partition(",")[2]))).size
        assert (width, height) == (48, 24)

    def test_takes_no_notice_of_an_empty_field(self, site):
        files = [("image", ("", b"")), ("image", ("photo.png", picture(2)))]
        assert ASKING["tip_page"] in site.post("/recognise", files=files, data={"box": ""}).text

    def test_without_a_photo_asks_for_one(self, site):
        answer = site.post("/recognise", files={"image": ("", b"")})
        assert answer.status_code == 422
        assert 'role="alert"' in answer.text

    def test_says_what_is_wrong_with_a_picture(self, site):
        answer = site.post("/recognise", files={"image": ("photo.png", b"no picture")})
        assert answer.status_code == 415
        check(answer)

    def test_shows_nothing_of_the_catalogue(self, site):
        assert "P1" not in site.post("/recognise", files={"image": ("photo.png", picture(9))}).text
