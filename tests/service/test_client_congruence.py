"""The Python client matches the HTTP API: each route has a method, each field of a response a field in the client.

The server is played by the examples of its own OpenAPI document; tests/service/test_client.py asks a real one.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import typing

import httpx
import pytest
from pydantic import BaseModel

from service import client as client_module
from service.accounts.rights import RIGHTS
from service.api import schemas, series
from service.app import responses, text_responses
from service.client import Client
from tests.service.api.test_docs import models

# The response models whose fields a dataclass of the client has.
SAME_FIELDS = {
    client_module.Product: (responses.ProductResponse,),
    client_module.PublishedObject: (responses.ObjectResponse,),
    client_module.Answer: (responses.CatalogueAnswerResponse, responses.ObjectsAnswerResponse),
    client_module.Candidate: (responses.ProductCandidateResponse, responses.ObjectCandidateResponse),
    client_module.Source: (schemas.SourceResponse,),
    client_module.QuarantinedCrop: (schemas.QuarantinedCropResponse,),
    client_module.Lead: (schemas.LeadResponse,),
    client_module.Change: (schemas.LeadChangeResponse,),
    client_module.Alert: (schemas.AlertResponse,),
}
# A lead's object is flattened into two fields of the lead itself.
FLATTENED = {client_module.Lead: {"object": ("object_id", "object_source")}}
# Given as mappings with all that the server sends, so that nothing can be missing.
AS_SENT = {
    responses.EvidenceResponse, responses.MatchResponse, responses.AvailabilityResponse, responses.VariantResponse,
    responses.AttributionResponse, responses.EarlierDecisionResponse,
    text_responses.WordMatchResponse, text_responses.ReadingResponse, text_responses.LineResponse,
    text_responses.CodeResponse, text_responses.LanguageResponse,
    schemas.LeadProductResponse,
    series.SeriesResponse, series.SeriesObjectResponse, series.ProvenanceResponse, series.CountriesResponse,
    series.CountryResponse, series.YearResponse, series.ClueResponse,
    schemas.RefusalCountResponse, schemas.RefusedInputResponse, schemas.AuditRecordResponse,
}  # fmt: skip
# Wrappers that no method returns: pages and lists are iterated, and a confirmation repeats its request.
AROUND = {
    schemas.ObjectPageResponse, schemas.LeadListResponse, schemas.AlertListResponse, schemas.SourceListResponse,
    schemas.QuarantinedCropListResponse, schemas.AuditPageResponse, schemas.CropApprovalResponse,
    schemas.LeadObjectResponse,
}  # fmt: skip

NAME = "ab" * 32
# Each route of /v1: the client's method, and arguments that use all it takes.
CALLS = {
    ("post", "/v1/search"): ("search", ([b"picture"],), {
        "collection": "objects", "boxes": [(0, 0, 1, 1)], "text": "rabbit", "filters": [("country", "NL")], "limit": 3,
        "rerank": False, "written": ["RABBIT"], "read_text": False,
    }),
    ("get", "/v1/products/{product_id}"): ("product", ("A/1",), {"source": "luma"}),
    ("get", "/v1/objects"): ("objects", (), {
        "authority": "Europol", "status": "open", "kind": "toy", "country": "NL", "region": "Benelux",
        "series": "case 12",
    }),
    ("post", "/v1/objects"): ("publish", ("Europol", "E/9", [b"picture"]), {
        "title": "Mug", "kind": "mug", "question": "Where from?", "description": "Red.", "country": "NL",
        "region": "Benelux", "series": "case 12", "seen_from": "2014", "seen_until": "2016-05",
        "published": "2026-01-05", "tip_page": "https://example.org",
    }),
    ("get", "/v1/objects/{object_id}"): ("object", ("E/9",), {"source": "europol"}),
    ("post", "/v1/objects/{object_id}"): ("change_object", ("Europol", "E/9"), {
        "title": "Mug", "status": "closed", "question": "Where from?", "description": "Red.", "region": "Benelux",
        "series": "case 12", "seen_from": "2014", "seen_until": "2016-05", "tip_page": "",
    }),
    ("get", "/v1/leads"): ("leads", (), {"object_id": "E/9", "object_source": "europol", "state": "open"}),
    ("post", "/v1/leads"): ("keep_lead", ("E/9", "A/1"), {
        "object_source": "europol", "source": "luma", "picture": NAME, "note": "Same seam.", "query_id": "q",
        "state": "sold_too_widely",
    }),
    ("get", "/v1/leads.{kind}"): ("leads_table", ("xlsx",), {
        "object_id": "E/9", "object_source": "europol", "state": "open",
    }),
    ("get", "/v1/leads/{lead_id}"): ("lead", (7,), {}),
    ("post", "/v1/leads/{lead_id}"): ("change_lead", (7, "confirmed", "Same seam.", "q"), {}),
    ("get", "/v1/alerts"): ("alerts", ("2026-01-05",), {}),
    ("get", "/v1/dossier"): ("dossier", ("E/9",), {"source": "europol", "form": "html", "language": "fr"}),
    ("get", "/v1/series"): ("series", ("case 12",), {"authority": "Europol", "search": False}),
    ("get", "/v1/images/{sha256}"): ("image", (NAME,), {}),
    ("get", "/v1/sources"): ("sources", (), {}),
    ("get", "/v1/held"): ("held", (), {}),
    ("post", "/v1/held/{sha256}"): ("let_in", (NAME,), {}),
    ("get", "/v1/audit"): ("audit", (3,), {}),
}  # fmt: skip
# Routes of /v1 that have no method, and why.
WITHOUT_METHOD: dict[tuple[str, str], str] = {}
# Methods without a route of /v1, and why.
ELSEWHERE = {"close": "closes the connections", "generation": "asks /readyz"}
# Parameters that the client never sends: the page size is left to the server.
NOT_SENT = {("get", "/v1/objects"): {"limit"}, ("get", "/v1/audit"): {"limit"}}


@pytest.fixture(scope="module")
def document(client):
    return client.get("/openapi.json").json()


def nested(hint):
    """The models in a type annotation, and those in their fields."""
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        yield hint
        for field in hint.model_fields.values():
            yield from nested(field.annotation)
    for part in typing.get_args(hint):
        yield from nested(part)


def optional(hint):
    return type(None) in typing.get_args(hint)


def test_every_answer_of_the_interface_is_given_in_some_way(client):
    answered = {
        model for (path, _), answer in models(client.app) if path.startswith("/v1/") for model in nested(answer)
    }
    given = {model for same in SAME_FIELDS.values() for model in same}
    assert answered == given | AS_SENT | AROUND
    assert not given & AS_SENT
    assert not (given | AS_SENT) & AROUND


@pytest.mark.parametrize("kind", SAME_FIELDS, ids=lambda kind: kind.__name__)
def test_a_dataclass_has_the_fields_of_its_answers(kind):
    moved = FLATTENED.get(kind, {})
    sent = {name for model in SAME_FIELDS[kind] for name in model.model_fields}
    expected = {place for name in sent for place in moved.get(name, (name,))}
    assert {field.name for field in dataclasses.fields(kind)} == expected


@pytest.mark.parametrize("kind", SAME_FIELDS, ids=lambda kind: kind.__name__)
def test_a_field_may_be_none_where_the_answer_may_be_null(kind):
    hints = typing.get_type_hints(kind)
    first, *others = SAME_FIELDS[kind]
    everywhere = set(first.model_fields).intersection(*(other.model_fields for other in others))
    for name in everywhere - set(FLATTENED.get(kind, {})):
        assert optional(hints[name]) == optional(first.model_fields[name].annotation), name


def test_every_route_has_a_method_and_every_method_a_route(document):
    routes = {
        (method, path) for path, methods in document["paths"].items() if path.startswith("/v1/") for method in methods
    }
    assert routes == {(method.lower(), path.replace(":path", "")) for method, path in RIGHTS if path.startswith("/v1/")}
    assert routes == set(CALLS) | set(WITHOUT_METHOD)
    public = {name for name, _ in inspect.getmembers(Client, inspect.isfunction) if not name.startswith("_")}
    assert public == {name for name, _, _ in CALLS.values()} | set(ELSEWHERE)


@pytest.mark.parametrize("route", CALLS, ids=lambda route: f"{route[0]} {route[1]}")
def test_a_method_asks_its_route_for_all_that_it_takes_and_reads_its_answer(document, route):
    method, path = route
    name, given, options = CALLS[route]
    operation = document["paths"][path][method]
    asked: list[httpx.Request] = []

    def answer(request):
        request.read()
        asked.append(request)
        content = next(response for status, response in operation["responses"].items() if status.startswith("2"))[
            "content"
        ]
        if "application/json" not in content:
            return httpx.Response(200, content=b"bytes")
        example = dict(content["application/json"]["example"])
        if "next" in example and len(asked) > 1:
            example["next"] = None
        return httpx.Response(200, json=example)

    with Client("http://here", transport=httpx.MockTransport(answer)) as opened:
        got = getattr(opened, name)(*given, **options)
        if inspect.isgenerator(got):
            assert len(list(got)) == len(asked) == 2, "one entry on each of two pages"
    pattern = re.compile(re.sub(r"\{\w+\}", ".+", path))
    for request in asked:
        assert request.method.lower() == method
        assert pattern.fullmatch(request.url.path)
    sent = {name for request in asked for name in request.url.params}
    sent |= {name for request in asked for name in re.findall(r'; name="([^"]+)"', request.content.decode("latin-1"))}
    documented = {one["name"] for one in operation.get("parameters", []) if one["in"] == "query"}
    for body in operation.get("requestBody", {}).get("content", {}).values():
        documented |= set(body["schema"]["properties"])
    assert sent == documented - NOT_SENT.get(route, set())
