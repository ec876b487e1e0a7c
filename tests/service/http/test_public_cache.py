"""Public pages are answered from memory, with ETags and without cookies; nobody gets another's page or an old one."""

from __future__ import annotations

import anyio
import pytest
from starlette.responses import Response
from starlette.testclient import TestClient

from service.accounts.roles import Role
from service.http.public_cache import MAX_RESPONSE_BYTES, PublicCache
from tests.service.accounts_workspace import signed_in
from tests.service.conftest import HERE

PAGES = (
    "/", "/?status=any&kind=bag", "/objects/2024-0", "/tips/2024-0", "/about", "/privacy", "/recognise", "/feed.atom",
    "/feed.json", "/sitemap.xml", "/robots.txt", "/posters/2024-0", "/codes/2024-0", "/cards/2024-0",
    "/static/base.css", "/static/boxes.js?v=1",
)  # fmt: skip


@pytest.mark.parametrize("address", PAGES)
def test_a_public_page_may_be_kept_and_is_the_same_for_everybody(client, address):
    first, second = client.get(address), client.get(address)
    assert first.status_code == second.status_code == 200
    assert first.headers["cache-control"].startswith("public")
    assert "set-cookie" not in first.headers
    assert first.content == second.content
    assert first.headers["etag"] == second.headers["etag"]
    again = client.get(address, headers={"If-None-Match": f'"other", W/{first.headers["etag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    for name in ("etag", "cache-control", "content-security-policy"):
        assert again.headers[name] == first.headers[name]
    assert client.get(address, headers={"If-None-Match": '"other"'}).content == first.content
    assert client.head(address).headers["etag"] == first.headers["etag"]


def test_pictures_too(client):
    sha256 = client.get("/v1/objects/2024-0").json()["images"][0]
    answer = client.get(f"/pictures/{sha256}")
    again = client.get(f"/pictures/{sha256}", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


@pytest.mark.parametrize("address", ["/v1/objects", "/healthz", "/sign-in", "/recognise/wait", "/objects/none"])
def test_other_answers_are_not_kept(client, address):
    assert not client.get(address).headers["cache-control"].startswith("public")


def test_each_language_and_host_has_its_own(client):
    english, french = (client.get("/", headers={"Accept-Language": tag}) for tag in ("en", "fr"))
    assert english.headers["content-language"] == "en"
    assert french.headers["content-language"] == "fr"
    assert client.get("/", headers={"Accept-Language": "en", "Cookie": "language=fr"}).content == french.content
    addresses = [client.get("/objects/2024-0", headers={"Host": host}).text for host in ("127.0.0.1", "localhost")]
    assert "http://localhost/objects/2024-0" in addresses[1]
    assert "http://localhost/objects/2024-0" not in addresses[0]


def test_a_choice_of_language_is_remembered_and_not_kept(client):
    answer = client.get("/about?lang=fr")
    assert answer.cookies["language"] == "fr"
    assert answer.headers["cache-control"] == "no-store"
    assert client.get("/about?lang=fr").cookies["language"] == "fr"
    client.cookies.clear()


def test_a_page_with_a_name_on_it_is_for_its_reader_alone(app_client):
    public = app_client.get("/")
    ines = signed_in(app_client, Role.INVESTIGATOR)
    own = ines.get("/")
    assert "ines" in own.text
    assert own.headers["cache-control"] == "no-store"
    assert "etag" not in own.headers
    assert app_client.get("/").content == public.content
    assert "ines" not in public.text


class Site:
    """An application whose pages are numbered as they are made, behind the cache."""

    def __init__(self, **options: int) -> None:
        self.state, self.made, self.seconds = 1, 0, 0.0
        self.headers = {"Cache-Control": "public, no-cache"}
        self.body = b""
        self.cache = PublicCache(self.app, lambda: self.state, **options)

    async def app(self, scope, receive, send):
        self.made += 1
        number = self.made
        await anyio.sleep(self.seconds)
        await Response(self.body or str(number), headers=self.headers)(scope, receive, send)

    def client(self) -> TestClient:
        return TestClient(self.cache, base_url=HERE)


def test_a_page_is_made_once_for_each_state():
    site = Site()
    client = site.client()
    assert [client.get("/").text for _ in range(3)] == ["1", "1", "1"]
    assert [client.get("/?a").text, client.get("/?a").text] == ["2", "2"]
    site.state = 2
    assert [client.get("/").text, client.get("/").text] == ["3", "3"]


@pytest.mark.parametrize("headers", [{"Cookie": "session=abc"}, {"Authorization": "Bearer abc"}])
def test_who_signed_in_passes_through(headers):
    site = Site()
    client = site.client()
    assert client.get("/").text == "1"
    assert [client.get("/", headers=headers).text for _ in range(2)] == ["2", "3"]
    assert client.get("/").text == "1"
    assert client.post("/").text == "4"


@pytest.mark.parametrize(
    "headers", [{}, {"Cache-Control": "private"}, {"Cache-Control": "public", "Set-Cookie": "a=b"}]
)
def test_what_is_not_public_is_not_kept(headers):
    site = Site()
    site.headers = headers
    assert [site.client().get("/").text for _ in range(2)] == ["1", "2"]


def test_what_was_made_while_the_state_changed_is_not_kept():
    site = Site()
    client = site.client()

    async def changing(scope, receive, send):
        site.state += 1
        await site.app(scope, receive, send)

    site.cache._app = changing
    assert client.get("/").text == "1"
    site.cache._app = site.app
    assert [client.get("/").text for _ in range(2)] == ["2", "2"]


def test_many_at_once_wait_for_one():
    site = Site()
    site.seconds = 0.2
    received: list[bytes] = []

    async def ask() -> None:
        async def send(message):
            if message["type"] == "http.response.body":
                received.append(message["body"])

        scope = {
            "type": "http", "method": "GET", "scheme": "http", "path": "/", "query_string": b"", "headers": [],
            "server": ("here", 80),
        }  # fmt: skip
        await site.cache(scope, None, send)

    async def everybody() -> None:
        async with anyio.create_task_group() as group:
            for _ in range(100):
                group.start_soon(ask)

    anyio.run(everybody)
    assert received == [b"1"] * 100
    assert site.made == 1


def test_memory_is_bounded():
    site = Site(max_bytes=1000)
    site.body = bytes(300)
    client = site.client()
    for n in range(10):
        client.get(f"/{n}")
    assert site.made == 10
    # The last three are kept, and using one keeps it longer.
    client.get("/7")
    client.get("/new")
    assert site.made == 11
    client.get("/7")
    assert site.made == 11
    client.get("/8")
    assert site.made == 12
    site.body = bytes(MAX_RESPONSE_BYTES + 1)
    assert [len(client.get("/large").content) for _ in range(2)] == [MAX_RESPONSE_BYTES + 1] * 2
    assert site.made == 14


def test_a_failure_lets_the_next_one_try():
    site = Site()

    async def failing(scope, receive, send):
        raise RuntimeError("no")

    site.cache._app = failing
    with pytest.raises(RuntimeError):
        site.client().get("/")
    site.cache._app = site.app
    assert site.client().get("/").text == "1"
