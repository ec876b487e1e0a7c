"""OpenAPI is complete, and /docs loads nothing from other sites."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from urllib.parse import urljoin

import pytest
from fastapi.routing import APIRoute
from pydantic import TypeAdapter

from service.problems import KINDS

ROUTES = {
    "/v1/search",
    "/v1/products/{product_id}",
    "/v1/objects",
    "/v1/objects/{object_id}",
    "/v1/images/{sha256}",
    "/v1/leads",
    "/v1/leads/{lead_id}",
    "/v1/leads.{kind}",
    "/v1/alerts",
    "/v1/dossier",
    "/v1/series",
    "/v1/sources",
    "/v1/held",
    "/v1/held/{sha256}",
    "/v1/audit",
    "/healthz",
    "/readyz",
    "/problems/{name}",
}

MEDIA_TYPES = {
    *("application/json", "application/ld+json", "application/pdf", "image/jpeg", "text/html", "text/csv"),
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@pytest.fixture(scope="module")
def document(client):
    return client.get("/openapi.json").json()


def operations(document):
    return [
        (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def test_openapi_has_every_route(document):
    assert set(document["paths"]) == ROUTES
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(names) == len(set(names))


def test_every_operation_is_explained_and_typed(document):
    for path, _, operation in operations(document):
        assert operation["summary"], path
        assert operation["description"], path
        assert operation["tags"], path
        done = next(answer for status, answer in operation["responses"].items() if status.startswith("2"))
        for media, content in done["content"].items():
            assert media in MEDIA_TYPES, path
            if media == "application/json":
                assert content["schema"], path


def models(router):
    """The model of each JSON answer, by path and method as OpenAPI writes them."""
    for route in router.routes:
        if inner := getattr(route, "original_router", None):
            yield from models(inner)
        elif isinstance(route, APIRoute) and route.response_model:
            for method in route.methods:
                yield (route.path_format, method.lower()), route.response_model


def test_every_answer_has_an_example_that_it_could_be(client, document):
    of = dict(models(client.app))
    for path, method, operation in operations(document):
        for status, answer in operation["responses"].items():
            content = answer.get("content", {}).get("application/json")
            if status.startswith("2") and content:
                TypeAdapter(of[path, method]).validate_python(content["example"], strict=True)
        for parameter in operation.get("parameters", []):
            assert parameter["in"] != "path" or parameter["example"], path
        for sent in operation.get("requestBody", {}).get("content", {}).values():
            assert set(sent["example"]) <= set(sent["schema"]["properties"]), path


def test_every_error_is_a_problem(document):
    errors = [
        (path, status, answer)
        for path, _, operation in operations(document)
        for status, answer in operation["responses"].items()
        if int(status) >= 400
    ]
    assert len(errors) > 15
    for path, status, answer in errors:
        ((media_type, content),) = answer["content"].items()
        assert media_type == "application/problem+json", (path, status)
        assert content["schema"] == {"$ref": "#/components/schemas/ProblemDetails"}
        for name, example in content["examples"].items():
            assert example["value"]["status"] == int(status) == KINDS[name].status
    assert "HTTPValidationError" not in json.dumps(document)


def test_every_reference_leads_somewhere(document):
    schemas = document["components"]["schemas"]
    used = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document)))
    assert used == set(schemas) | {"ProblemDetails"}


def test_the_search_form_is_described(document):
    form = document["paths"]["/v1/search"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert set(form["properties"]) == {
        "image",
        "collection",
        "box",
        "text",
        "filter",
        "limit",
        "rerank",
        "read_text",
        "written",
    }
    assert form["properties"]["image"]["items"] == {"type": "string", "format": "binary"}


class _References(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.inline = False

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.found += [given[name] for name in ("src", "href", "action") if given.get(name)]
        self.inline |= tag == "style" or (tag == "script" and "src" not in given)
        self.inline |= any(name.startswith("on") or name == "style" for name in given)


def test_the_docs_page_loads_nothing_from_elsewhere(client):
    page = client.get("/docs")
    assert page.status_code == 200
    references = _References()
    references.feed(page.text)
    assert len(references.found) >= 4
    for reference in references.found:
        if reference.startswith("data:"):
            continue
        assert not re.match(r"[a-z]+:|//", reference), reference
        assert client.get(urljoin("/docs", reference)).status_code == 200, reference
    assert not references.inline, "the policy forbids scripts and styles in the page"


def test_the_docs_script_names_only_this_server(client):
    script = client.get("/docs/start.js")
    assert script.headers["content-type"].startswith(("text/javascript", "application/javascript"))
    assert not re.search(r"https?:|//[a-z]", script.text)
    assert 'url: "openapi.json"' in script.text
    assert "validatorUrl: null" in script.text


def test_the_docs_policy_allows_this_server_alone(client):
    policy = dict(
        part.strip().split(" ", 1) for part in client.get("/docs").headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert not any(re.search(r"https?:|\*", value) for value in policy.values())


def test_the_styles_load_nothing_from_elsewhere(client):
    styles = client.get("/docs/swagger/swagger-ui.css").text
    loaded = re.findall(r"url\(([^)]{1,40})", styles) + re.findall(r"@import[^;]{1,80}", styles)
    assert all(reference.strip("\"'").startswith("data:") for reference in loaded)
