"""POST /v1/search: the answer is that of the index, and every invalid request is a problem that says what is wrong."""

from __future__ import annotations

import io
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydantic import BaseModel
from starlette.testclient import TestClient

from embedding.image.decode import decode
from embedding.image.regions import Region
from index.generations.generations import open_live
from index.records.filters import Filter
from index.search.answer import Query, QueryImage
from index.search.rerank import reranker_for
from index.search.search import search
from service.app.limits import ServerLimits
from service.app.responses import CatalogueAnswerResponse, EvidenceResponse, ObjectsAnswerResponse, answer_response
from service.application import create_app
from tests.fakes import ColourEncoder, render
from tests.service.conftest import HERE
from tests.service.problem_checks import problem_of

SEARCH = "/v1/search"


def picture(seed: int, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.fromarray(render(seed)).save(file, kind)
    return file.getvalue()


def images(*pictures: bytes) -> list[tuple[str, tuple[str, bytes]]]:
    return [("image", (f"{number}.bin", data)) for number, data in enumerate(pictures)]


def without_id(answer: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in answer.items() if key != "query_id"}


def from_index(workspace, query: Query) -> dict[str, Any]:
    found = answer_response(search(query, open_live(workspace), ColourEncoder()), earlier={}).model_dump()
    return without_id({**found, "faces": []})


def query_image(data: bytes, box: str = "0,0,1,1") -> QueryImage:
    return QueryImage(decode(data), Region.parse(box))


class TestAnswers:
    def test_are_those_of_the_index(self, client, indexed):
        data = picture(3)
        answer = client.post(SEARCH, files=images(data), data={"limit": "5"})
        assert answer.status_code == 200
        assert without_id(answer.json()) == from_index(indexed, Query((query_image(data),), limit=5))
        assert answer.json()["candidates"][0]["product_id"] == "A/3"

    def test_use_every_field(self, client, indexed):
        one, two = picture(3), picture(4, "JPEG")
        asked = {"box": ["0,0,0.5,0.5", "0.1,0.2,0.9,1"], "filter": ["brand=luma", "brand=nova", "source=luma"]}
        answer = client.post(SEARCH, files=images(one, two), data={**asked, "limit": "3", "collection": "catalogue"})
        query = Query(
            (query_image(one, "0,0,0.5,0.5"), query_image(two, "0.1,0.2,0.9,1")),
            filters=tuple(map(Filter.parse, asked["filter"])),
            limit=3,
        )
        assert without_id(answer.json()) == from_index(indexed, query)

    def test_lay_one_box_on_every_picture(self, client, indexed):
        one, two = picture(5), picture(6)
        answer = client.post(SEARCH, files=images(one, two), data={"box": "0.2,0.2,0.7,0.7"})
        query = Query((query_image(one, "0.2,0.2,0.7,0.7"), query_image(two, "0.2,0.2,0.7,0.7")))
        assert without_id(answer.json()) == from_index(indexed, query)

    def test_come_from_the_objects_when_asked(self, client, indexed):
        data = picture(201)
        answer = client.post(SEARCH, files=images(data), data={"collection": "objects"}).json()
        assert without_id(answer) == from_index(indexed, Query((query_image(data),), collection="objects"))
        assert answer["candidates"][0]["object_id"] == "2024-1"

    def test_keep_to_a_filter(self, client):
        answer = client.post(SEARCH, files=images(picture(3)), data={"filter": "brand=Nova", "limit": "200"}).json()
        assert len(answer["candidates"]) == 7
        assert {candidate["brand"] for candidate in answer["candidates"]} == {"Nova"}

    def test_say_when_nothing_may_answer(self, client):
        answer = client.post(SEARCH, files=images(picture(3)), data={"filter": "brand=Unheard"}).json()
        assert (answer["verdict"], answer["candidates"]) == ("no good match", [])

    def test_ignore_empty_fields(self, client, indexed):
        data = picture(3)
        empty = dict.fromkeys(("box", "text", "filter", "limit", "collection", "rerank"), "")
        answer = client.post(SEARCH, files=images(data), data=empty)
        assert without_id(answer.json()) == from_index(indexed, Query((query_image(data),)))

    def test_come_by_embeddings_alone_when_asked(self, indexed):
        data = picture(3)
        app = create_app(indexed, ColourEncoder(), reranker_for(indexed))
        with TestClient(app, base_url=HERE) as looking:
            reranker = looking.post(SEARCH, files=images(data)).json()["candidates"][0]
            alone = looking.post(SEARCH, files=images(data), data={"rerank": "false"}).json()
        assert len(reranker["evidence"]["matches"]) == 1
        assert without_id(alone) == from_index(indexed, Query((query_image(data),)))

    @pytest.mark.parametrize(
        ("collection", "schema", "seed"),
        [("catalogue", CatalogueAnswerResponse, 3), ("objects", ObjectsAnswerResponse, 202)],
    )
    def test_have_exactly_the_keys_of_openapi(self, client, collection, schema, seed):
        answer = client.post(SEARCH, files=images(picture(seed)), data={"collection": collection}).json()
        candidates = schema.model_fields["candidates"].annotation.__args__[0]
        has_exactly(answer, schema)
        assert answer["candidates"]
        for candidate in answer["candidates"]:
            has_exactly(candidate, candidates)
            has_exactly(candidate["evidence"], EvidenceResponse)

    def test_are_alike_whatever_order_the_fields_come_in(self, client):
        boundary, data = "kV4", picture(3)
        text = b'--kV4\r\nContent-Disposition: form-data; name="limit"\r\n\r\n2\r\n'
        image = b'--kV4\r\nContent-Disposition: form-data; name="image"\r\n\r\n' + data + b"\r\n"
        answers = [
            client.post(
                SEARCH,
                content=body + b"--kV4--\r\n",
                headers={"Content-Type": f"multipart/form-data; boundary={boundary}"},
            ).json()
            for body in (text + image, image + text)
        ]
        assert without_id(answers[0]) == without_id(answers[1])
        assert len(answers[0]["candidates"]) == 2


def has_exactly(value: dict[str, Any], schema: type[BaseModel]) -> None:
    schema.model_validate(value, strict=True)
    assert set(value) == set(schema.model_fields)


class TestWrongQuestions:
    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            ({"limit": "0"}, "between 1 and 200"),
            ({"rerank": "no"}, "true or false"),
            ({"limit": "201"}, "between 1 and 200"),
            ({"limit": "-1"}, "whole number"),
            ({"limit": "ten"}, "whole number"),
            ({"limit": "1" * 5000}, "whole number"),
            ({"limit": ["1", "2"]}, "2 times"),
            ({"collection": "people"}, "catalogue, objects"),
            ({"filter": "brand"}, "KEY=VALUE"),
            ({"filter": "colour=red"}, "no filter is called"),
            ({"filter": "seen_before=soon"}, "needs a day"),
            ({"box": "0,0,1"}, "four numbers"),
            ({"box": "0.5,0,0.4,1"}, "0 <= X0 < X1"),
            ({"box": "nan,0,1,1"}, "0 <= X0 < X1"),
            ({"box": ["0,0,1,1", "0,0,1,1"]}, "2 boxes for 1 pictures"),
            ({"read_text": "perhaps"}, "read_text 'perhaps': needs true or false"),
            ({"written": ["x" * 201]}, "lines of text on the object"),
            ({"text": "a" * 1001}, "at most 1000"),
            ({"filters": "brand=Luma"}, "no field is called 'filters'"),
        ],
    )
    def test_are_answered_with_what_is_wrong(self, client, fields, message):
        answer = client.post(SEARCH, files=images(picture(3)), data=fields)
        assert message in problem_of(answer, 422, "invalid-query")["detail"]

    def test_without_a_picture_or_words(self, client):
        answer = client.post(SEARCH, files={"limit": (None, "3")})
        assert "nothing to search for" in problem_of(answer, 422, "invalid-query")["detail"]

    def test_with_a_box_and_no_picture(self, client):
        answer = client.post(SEARCH, files={"box": (None, "0,0,1,1"), "text": (None, "bag")})
        assert "1 boxes for 0 pictures" in problem_of(answer, 422, "invalid-query")["detail"]

    def test_with_nine_pictures(self, client):
        answer = client.post(SEARCH, files=images(*[picture(1)] * 9))
        assert "at most 8 pictures" in problem_of(answer, 422, "invalid-query")["detail"]

    def test_with_too_many_parts(self, client):
        answer = client.post(SEARCH, files=images(picture(1)), data={"filter": ["brand=Luma"] * 100})
        assert "64 parts" in problem_of(answer, 422, "invalid-query")["detail"]


class TestRefusedPictures:
    @pytest.mark.parametrize(
        ("data", "status", "reason"),
        [
            (b"", 422, "empty"),
            (b"just words, called .jpg", 415, "unknown_format"),
            (picture(1)[:200], 422, "truncated"),
        ],
    )
    def test_say_why_and_which(self, client, data, status, reason):
        problem = problem_of(client.post(SEARCH, files=images(picture(1), data)), status, "image-refused")
        assert (problem["reason"], problem["image"]) == (reason, 2)
        assert problem["detail"].startswith("picture 2: ")

    def test_never_repeat_the_file_name(self, client):
        answer = client.post(SEARCH, files=[("image", ("Jane Doe, case 17.jpg", b"no picture"))])
        assert "Jane" not in answer.text

    def test_of_too_many_bytes(self, indexed):
        problem = problem_of(
            post_limited(indexed, ServerLimits(image_bytes=100), images(b"x", picture(1))), 413, "image-refused"
        )
        assert (problem["reason"], problem["image"]) == ("too_large_bytes", 2)

    def test_of_too_many_pixels_together(self, indexed):
        answer = post_limited(indexed, ServerLimits(pixels=96 * 96 + 1), images(picture(1), picture(2)))
        assert "pixels together" in problem_of(answer, 422, "invalid-query")["detail"]


def post_limited(workspace, limits: ServerLimits, files: Any) -> Any:
    with TestClient(create_app(workspace, ColourEncoder(), limits=limits), base_url=HERE) as limited:
        answer = limited.post(SEARCH, files=files)
        assert limited.app.state.services.reserved_bytes.total == 0
        return answer


def multipart(content: bytes, content_type: str = "multipart/form-data; boundary=b") -> dict[str, Any]:
    return {"content": content, "headers": {"Content-Type": content_type}}


class TestBrokenForms:
    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"no form at all",
            b'--b\r\nContent-Disposition: form-data; name="image"\r\n\r\nhalf a pic',
            b'--b\r\nContent-Disposition: form-data; name="limit"\r\n\r\n3\r\n--b\r\n',
            b"--b\r\nContent-Type: image/png\r\n\r\nx\r\n--b--\r\n",
            b"--b\r\nContent-Disposition: attachment; name=image\r\n\r\nx\r\n--b--\r\n",
            b"--b\r\nbad header\r\n\r\nx\r\n--b--\r\n",
            b'--b\r\nContent-Disposition: form-data; name="text"\r\n\r\n\xff\xfe\r\n--b--\r\n',
        ],
    )
    def test_are_malformed(self, client, body):
        problem_of(client.post(SEARCH, **multipart(body)), 400, "malformed-request")

    def test_without_a_boundary_are_malformed(self, client):
        problem_of(client.post(SEARCH, **multipart(b"--b--", "multipart/form-data")), 400, "malformed-request")

    @pytest.mark.parametrize("content_type", ["application/json", "application/x-www-form-urlencoded", "image/png", ""])
    def test_of_another_kind_are_not_taken(self, client, content_type):
        problem_of(client.post(SEARCH, **multipart(b"{}", content_type)), 415, "unsupported-media-type")

    @pytest.mark.parametrize("length_told", [True, False])
    def test_too_large_are_refused_while_they_come(self, indexed, length_told):
        limits = ServerLimits(body_bytes=50_000)
        given = 0

        def body() -> Any:
            nonlocal given
            yield b'--b\r\nContent-Disposition: form-data; name="image"\r\n\r\n'
            for _ in range(100):
                given += 10_000
                yield bytes(10_000)

        headers = {"Content-Type": "multipart/form-data; boundary=b"}
        if length_told:
            headers["Content-Length"] = "1000057"
        app = create_app(indexed, ColourEncoder(), limits=limits)
        with TestClient(app, base_url=HERE) as limited:
            answer = limited.post(SEARCH, content=body(), headers=headers)
            assert app.state.services.reserved_bytes.total == 0
        problem_of(answer, 413, "too-large")
        assert answer.headers["connection"] == "close"

    def test_with_a_huge_field_are_refused(self, client):
        problem_of(client.post(SEARCH, files={"text": (None, "a" * 20_000)}), 413, "too-large")


class SlowEncoder(ColourEncoder):
    """Blocks until `go_on` is set, and counts how many calls run at once."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = self.most_inside = 0
        self.entered, self.go_on = threading.Event(), threading.Event()

    def encode_images(self, images):
        self.inside += 1
        self.most_inside = max(self.most_inside, self.inside)
        self.entered.set()
        assert self.go_on.wait(20)
        time.sleep(0.01)
        self.inside -= 1
        return super().encode_images(images)


class TestLoad:
    def test_a_full_queue_says_when_to_come_back(self, indexed):
        encoder = SlowEncoder()
        app = create_app(indexed, encoder, limits=ServerLimits(searches=1, waiting=1))
        with TestClient(app, base_url=HERE) as limited, ThreadPoolExecutor(2) as pool:
            first = pool.submit(limited.post, SEARCH, files=images(picture(1)))
            assert encoder.entered.wait(10)
            second = pool.submit(limited.post, SEARCH, files=images(picture(2)))
            wait_until(lambda: app.state.services.search_queue.queued == 1)
            third = limited.post(SEARCH, files=images(picture(3)))
            # The event loop is free while searches run: other addresses answer.
            assert limited.get("/readyz").status_code == 200
            encoder.go_on.set()
            assert first.result().status_code == second.result().status_code == 200
        problem_of(third, 503, "busy")
        assert int(third.headers["retry-after"]) > 0

    def test_the_encoder_is_used_by_one_search_at_a_time(self, indexed):
        encoder = SlowEncoder()
        encoder.go_on.set()
        with (
            TestClient(create_app(indexed, encoder, limits=ServerLimits(searches=4)), base_url=HERE) as limited,
            ThreadPoolExecutor(4) as pool,
        ):
            answers = list(pool.map(lambda seed: limited.post(SEARCH, files=images(picture(seed))), range(12)))
        assert [answer.status_code for answer in answers] == [200] * 12
        assert encoder.most_inside == 1

    def test_uploads_together_are_bounded(self, indexed):
        problem = problem_of(post_limited(indexed, ServerLimits(reserved_bytes=1000), images(bytes(5000))), 503, "busy")
        assert "uploads" in problem["detail"]


def wait_until(true: Any) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


_WRITES: list[str] | None = None


def _note_writes(event: str, arguments: tuple[Any, ...]) -> None:
    if _WRITES is None:
        return
    if event.startswith("tempfile.") or event in {"os.rename", "os.mkdir", "os.link"}:
        _WRITES.append(f"{event} {arguments}")
    elif event == "open" and len(arguments) == 3:
        path, mode, flags = arguments
        writing = any(letter in mode for letter in "wax+") if isinstance(mode, str) else bool(flags & 0o3)
        if writing:
            _WRITES.append(f"open {path!r} {mode} {flags}")


# A Python audit hook sees every file that is opened. It cannot be removed, so it does nothing while _WRITES is None.
sys.addaudithook(_note_writes)


def test_query_pictures_never_reach_the_disk(client, tmp_path):
    global _WRITES
    noise = np.random.default_rng(1).integers(0, 256, (1200, 1200, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "PNG")
    assert len(file.getvalue()) > 4_000_000
    _WRITES = []
    try:
        answer = client.post(SEARCH, files=images(file.getvalue(), picture(1)), data={"limit": "3"})
        refused = client.post(SEARCH, files=images(file.getvalue(), b"no picture"))
        seen, _WRITES = _WRITES, []
        (tmp_path / "proof").write_bytes(b"the hook sees this")
        proof = _WRITES
    finally:
        _WRITES = None
    assert (answer.status_code, refused.status_code) == (200, 415)
    assert seen == []
    assert len(proof) == 1
