"""The workbench: every way to search gives the index's answer, and errors are pages."""

import io
import json
import zipfile
from html import unescape

import pytest
from PIL import Image

from embedding.image.decode import decode
from embedding.image.regions import Region
from index.generations.generations import open_live
from index.jobs.alerts import Alert, add_alerts
from index.records.database import Database
from index.records.filters import Filter
from index.search.answer import Query, QueryImage
from index.search.search import search
from service.app.search_form import SearchForm
from tests.fakes import ColourEncoder, render
from tests.service.pages.page_checks import check

SEARCH = "/workbench/search"


def picture(seed: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(render(seed)).save(file, "PNG")
    return file.getvalue()


def crop_of(client, object_id: str) -> str:
    return client.get(f"/v1/objects/{object_id}").json()["images"][0]


def shown(page) -> list[str]:
    """The candidates' pictures, in the order of the page."""
    evidence = next(attrs["data-evidence"] for _, attrs in page.elements if "data-evidence" in attrs)
    return [candidate["image"] for _, candidate in sorted(json.loads(evidence).items(), key=lambda item: int(item[0]))]


def queries(page) -> list[str]:
    return json.loads(next(attrs["data-queries"] for _, attrs in page.elements if "data-queries" in attrs))


def from_index(workspace, query: Query) -> list[str]:
    return [candidate.image for candidate in search(query, open_live(workspace), ColourEncoder()).candidates]


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize(
    "address", ["", "/objects", "/objects?status=any", "/alerts", "/batch", "?object=2024-0", "/search"]
)
def test_pages_are_sound(client, address, language):
    answer = client.get(f"/workbench{address}", headers={"Accept-Language": language})
    assert answer.status_code == 200
    check(answer)


class TestSearch:
    def test_by_a_picture_that_is_sent(self, client, indexed):
        answer = client.post(SEARCH, files={"image": ("x.png", picture(3))})
        assert answer.status_code == 200
        assert shown(check(answer)) == from_index(indexed, Query((QueryImage(decode(picture(3))),), limit=12))

    def test_says_what_its_verdict_is_worth(self, client, indexed):
        # The fixture's products are too few for a calibration.
        assert open_live(indexed).likelihood is None
        page = client.post(SEARCH, files={"image": ("x.png", picture(3))}).text
        assert "How likely they are is not known for this search" in page
        assert "more likely than not" not in page

    def test_by_several_boxes_of_several_pictures(self, client, indexed):
        files = [("image", ("a.png", picture(3))), ("image", ("b.png", picture(4)))]
        asked = {"box": ["0:0,0,0.5,0.5", "0:0.5,0.5,1,1"], "brand": "Luma"}
        one, two = decode(picture(3)), decode(picture(4))
        query = Query(
            (
                QueryImage(one, Region(0, 0, 0.5, 0.5)),
                QueryImage(one, Region(0.5, 0.5, 1, 1)),
                QueryImage(two),
            ),
            filters=(Filter("brand", "Luma"),),
            limit=12,
        )
        page = check(client.post(SEARCH, files=files, data=asked))
        assert shown(page) == from_index(indexed, query)
        assert len(queries(page)) == 3

    def test_by_a_published_crop_keeps_the_object_at_hand(self, client):
        answer = client.get(SEARCH, params={"crop": crop_of(client, "2024-0"), "object": "2024-0"})
        page = check(answer)
        assert len(shown(page)) == 12
        assert "Object 0" in answer.text

    def test_for_more_like_a_product_leaves_that_picture_out(self, client):
        first = shown(check(client.post(SEARCH, files={"image": ("x.png", picture(3))})))[0]
        assert first not in shown(check(client.get(SEARCH, params={"crop": first})))

    def test_among_the_objects(self, client):
        page = check(client.post(SEARCH, files={"image": ("x.png", picture(201))}, data={"collection": "objects"}))
        assert shown(page)[0] == crop_of(client, "2024-1")

    @pytest.mark.parametrize(
        ("asked", "status"),
        [
            ({"box": "0.1,0.2"}, 422),
            ({"box": "7:0,0,1,1"}, 422),
            ({"box": "0:0,0,2,2"}, 422),
            ({"limit": "13"}, 422),
            ({"collection": "people"}, 422),
            ({"seen_after": "yesterday"}, 422),
            ({"crop": "0" * 64}, 404),
            ({"crop": "../../etc/passwd"}, 404),
            ({"object": "nobody"}, 404),
            ({"box": [f"0:0,0,0.{n},1" for n in range(1, 10)]}, 422),
        ],
    )
    def test_shows_what_is_wrong(self, client, asked, status):
        answer = client.post(SEARCH, files={"image": ("x.png", picture(3))}, data=asked)
        assert answer.status_code == status
        check(answer)

    def test_offers_words_with_any_model(self, client):
        assert 'name="text"' in client.get("/workbench").text


def test_an_empty_field_asks_nothing():
    assert SearchForm.parse([("crop", " "), ("text", ""), ("box", "")], [b""]).is_empty


class TestPictures:
    def test_of_both_collections_are_shown(self, client):
        product = client.get("/v1/products/A/3").json()["images"][0]
        for image in (product, crop_of(client, "2024-0")):
            answer = client.get(f"/workbench/pictures/{image}")
            assert answer.headers["content-type"] == "image/jpeg"
            assert "private" in answer.headers["cache-control"]

    @pytest.mark.parametrize("name", ["0" * 64, "nonsense"])
    def test_that_are_not_there_are_not_found(self, client, name):
        assert client.get(f"/workbench/pictures/{name}").status_code == 404


class TestBatch:
    def lines(self, client, *files: bytes) -> list[dict]:
        answer = client.post("/workbench/batch", files=[("image", ("x", data)) for data in files])
        assert answer.status_code == 200
        return [json.loads(line) for line in answer.text.splitlines()]

    def test_answers_line_by_line(self, client):
        total, *rows = self.lines(client, picture(3), b"no picture", picture(4))
        assert total == {"total": 3}
        assert [row.get("candidates", [{}])[0].get("product_id") for row in rows] == ["A/3", None, "A/4"]
        assert "not a picture" in rows[1]["error"]

    def test_unpacks_an_archive(self, client):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("crops/a.png", picture(3))
            archive.writestr("crops/.hidden", b"")
            archive.writestr("__MACOSX/crops/a.png", b"")
            archive.writestr("crops/b.png", picture(4))
        total, *rows = self.lines(client, file.getvalue())
        assert total == {"total": 2}
        assert [(row["name"], row["candidates"][0]["product_id"]) for row in rows] == [
            ("crops/a.png", "A/3"),
            ("crops/b.png", "A/4"),
        ]

    def test_refuses_an_archive_that_would_fill_the_memory(self, client):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for number in range(3):
                archive.writestr(f"{number}.png", bytes(80_000_000))
        answer = client.post("/workbench/batch", files={"image": ("x.zip", file.getvalue())})
        assert answer.status_code == 422
        check(answer)

    def test_refuses_a_broken_archive(self, client):
        answer = client.post("/workbench/batch", files={"image": ("x.zip", b"PK\x03\x04 broken")})
        assert answer.status_code == 422
        check(answer)


def test_alerts_are_listed_newest_first(client, indexed):
    crop, image = crop_of(client, "2024-0"), client.get("/v1/products/A/3").json()["images"][0]
    alerts = [
        Alert("police", "2024-0", "luma", f"A/{n}", "<b>Object 0</b>", f"Thing {n}", "", "", "javascript:x", crop,
              image, 0.87, 1, f"2026-01-0{n}T02:00:00+00:00")
        for n in (1, 2)
    ]  # fmt: skip
    database = Database.open(indexed.database_url)
    add_alerts(database, alerts)
    database.close()
    answer = client.get("/workbench/alerts")
    page = check(answer)
    assert answer.text.index("Thing 2") < answer.text.index("Thing 1")
    assert "87 %" in unescape(answer.text)
    assert "<b>" not in answer.text
    assert "/workbench/objects/2024-0?source=police" in page.attributes("a", "href")
