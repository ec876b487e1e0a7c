"""GET: products, objects and pictures of the live generation."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from service.api.schemas import ObjectPageResponse
from service.app.responses import ObjectResponse, ProductResponse
from tests.service.problem_checks import problem_of


class TestProducts:
    def test_are_found_by_an_id_with_slashes(self, client):
        product = client.get("/v1/products/A/3").json()
        assert (product["product_id"], product["title"], product["source"]) == ("A/3", "Thing 3", "luma")
        assert set(product) == set(ProductResponse.model_fields)
        ProductResponse.model_validate(product, strict=True)

    def test_are_found_by_an_escaped_id(self, client):
        assert client.get("/v1/products/A%2F3").json()["product_id"] == "A/3"

    def test_of_several_sources_need_one_named(self, client):
        problem = problem_of(client.get("/v1/products/A/1"), 409, "several-sources")
        assert problem["sources"] == ["luma", "nova"]
        assert client.get("/v1/products/A/1?source=nova").json()["title"] == "Another thing"
        assert client.get("/v1/products/A/1?source=luma").json()["title"] == "Thing 1"

    @pytest.mark.parametrize(
        "path", ["A/99", "", "A/3/", "a/3", "%00", "A/3?source=nova", "2024-1", "..%2f..%2fCURRENT"]
    )
    def test_that_are_not_there(self, client, path):
        problem_of(client.get(f"/v1/products/{path}"), 404, "not-found")


class TestObjects:
    def ids(self, client, query: str = "") -> list[str]:
        answer = client.get(f"/v1/objects{query}")
        assert answer.status_code == 200, answer.text
        return [item["object_id"] for item in answer.json()["objects"]]

    def test_come_newest_first_undated_ones_last(self, client):
        answer = client.get("/v1/objects").json()
        assert [item["object_id"] for item in answer["objects"]] == ["2024-3", "2024-1", "2024-0", "2024-4", "2024-2"]
        assert (answer["total"], answer["next"], answer["generation"]) == (5, None, 1)
        ObjectPageResponse.model_validate(answer, strict=True)
        assert set(answer) == set(ObjectPageResponse.model_fields)
        assert set(answer["objects"][0]) == set(ObjectResponse.model_fields)

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("?status=open", ["2024-1", "2024-0", "2024-2"]),
            ("?country=NL", ["2024-0", "2024-4", "2024-2"]),
            ("?country=nl&status=open", ["2024-0", "2024-2"]),
            ("?kind=toy", ["2024-3", "2024-0"]),
            ("?authority=POLICE&kind=bag", ["2024-4", "2024-2"]),
            ("?authority=europol", []),
        ],
    )
    def test_are_filtered(self, client, query, found):
        assert self.ids(client, query) == found
        assert client.get(f"/v1/objects{query}").json()["total"] == len(found)

    @pytest.mark.parametrize("limit", [1, 2, 3, 4, 5])
    def test_come_in_pages_that_miss_none_and_repeat_none(self, client, limit):
        seen: list[str] = []
        after = ""
        while True:
            page = client.get(f"/v1/objects?limit={limit}{after}").json()
            assert page["total"] == 5
            seen += [item["object_id"] for item in page["objects"]]
            if page["next"] is None:
                break
            assert len(page["objects"]) == limit
            after = f"&after={page['next']}"
        assert seen == self.ids(client)

    @pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "after=tomorrow", "after=~", "after=2024~-1"])
    def test_with_a_wrong_parameter(self, client, query):
        problem = problem_of(client.get(f"/v1/objects?{query}"), 422, "invalid-query")
        assert query.partition("=")[0] in problem["detail"]

    def test_are_found_by_id(self, client):
        found = client.get("/v1/objects/2024-3").json()
        assert (found["authority"], found["status"], found["kind"]) == ("police", "closed", "Toy")
        assert set(found) == set(ObjectResponse.model_fields)
        problem_of(client.get("/v1/objects/A/3"), 404, "not-found")


class TestImages:
    def image(self, client) -> str:
        return client.get("/v1/products/A/3").json()["images"][0]

    def test_are_jpeg_copies_kept_for_ever(self, client):
        answer = client.get(f"/v1/images/{self.image(client)}")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "image/jpeg"
        assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
        assert answer.headers["x-content-type-options"] == "nosniff"
        with Image.open(io.BytesIO(answer.content)) as copy:
            assert (copy.format, copy.size) == ("JPEG", (96, 96))

    @pytest.mark.parametrize("condition", ['"{}"', 'W/"{}"', '"other", "{}"', "*"])
    def test_that_a_client_has_are_not_sent_again(self, client, condition):
        sha256 = self.image(client)
        answer = client.get(f"/v1/images/{sha256}", headers={"If-None-Match": condition.format(sha256)})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", f'"{sha256}"')

    def test_that_a_client_has_otherwise_are_sent(self, client):
        answer = client.get(f"/v1/images/{self.image(client)}", headers={"If-None-Match": '"other"'})
        assert answer.status_code == 200

    def test_not_of_this_generation_are_not_shown(self, client, indexed):
        stray = "0" * 64
        path = indexed.root / "images" / "00" / "00" / f"{stray}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\xff\xd8 a picture of another generation")
        try:
            problem_of(client.get(f"/v1/images/{stray}"), 404, "not-found")
        finally:
            path.unlink()

    @pytest.mark.parametrize("name", ["x", "F" * 64, "..%2f..%2fCURRENT", "%00"])
    def test_by_a_wrong_name(self, client, name):
        problem_of(client.get(f"/v1/images/{name}"), 404, "not-found")
