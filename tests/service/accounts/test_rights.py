"""Access to every route by role: what each role may do, and that it may do no more."""

from __future__ import annotations

import pytest
from fastapi.routing import APIRoute
from starlette.routing import Mount
from starlette.testclient import TestClient

from service.accounts.rights import RIGHTS
from service.accounts.roles import Role
from service.application import create_app
from tests.fakes import ColourEncoder
from tests.service.accounts_workspace import signed_in

V, INV, C, A = Role.VOLUNTEER, Role.INVESTIGATOR, Role.CURATOR, Role.ADMINISTRATOR
FORM = {"files": {"nothing": (None, "")}}
# Route, an address of it, and the least role that it needs. A route that is not here fails the first test.
TABLE = {
    ("GET", "/"): ("/", V),
    ("GET", "/objects/{object_id:path}"): ("/objects/2024-0", V),
    ("GET", "/pictures/{sha256}"): ("/pictures/CROP", V),
    ("GET", "/cards/{object_id:path}"): ("/cards/2024-0", V),
    ("GET", "/posters/{object_id:path}"): ("/posters/2024-0", V),
    ("GET", "/codes/{object_id:path}"): ("/codes/2024-0", V),
    ("GET", "/feed.atom"): ("/feed.atom", V),
    ("GET", "/feed.json"): ("/feed.json", V),
    ("GET", "/sitemap.xml"): ("/sitemap.xml", V),
    ("GET", "/robots.txt"): ("/robots.txt", V),
    ("GET", "/embed"): ("/embed", V),
    ("GET", "/about"): ("/about", V),
    ("GET", "/privacy"): ("/privacy", V),
    ("GET", "/tips/{object_id:path}"): ("/tips/2024-0", V),
    ("GET", "/recognise"): ("/recognise", V),
    ("POST", "/recognise"): ("/recognise", V),
    ("GET", "/recognise/wait"): ("/recognise/wait", V),
    ("GET", "/sign-in"): ("/sign-in", V),
    ("POST", "/sign-in"): ("/sign-in", V),
    ("GET", "/sign-in/openid"): ("/sign-in/openid", V),
    ("GET", "/sign-in/return"): ("/sign-in/return", V),
    ("GET", "/docs"): ("/docs", V),
    ("GET", "/docs/start.js"): ("/docs/start.js", V),
    ("GET", "/openapi.json"): ("/openapi.json", V),
    ("GET", "/.well-known/security.txt"): ("/.well-known/security.txt", V),
    ("GET", "/healthz"): ("/healthz", V),
    ("GET", "/readyz"): ("/readyz", V),
    ("GET", "/problems/{name}"): ("/problems/busy", V),
    ("GET", "/v1/objects"): ("/v1/objects", V),
    ("GET", "/v1/objects/{object_id:path}"): ("/v1/objects/2024-0", V),
    ("POST", "/v1/search"): ("/v1/search", V),
    ("GET", "/v1/images/{sha256}"): ("/v1/images/CROP", V),
    ("GET", "/v1/products/{product_id:path}"): ("/v1/products/A/3", INV),
    ("GET", "/v1/leads"): ("/v1/leads", INV),
    ("POST", "/v1/leads"): ("/v1/leads", INV),
    ("GET", "/v1/leads.{kind}"): ("/v1/leads.csv", INV),
    ("GET", "/v1/leads/{lead_id}"): ("/v1/leads/1", INV),
    ("POST", "/v1/leads/{lead_id}"): ("/v1/leads/1", INV),
    ("GET", "/v1/alerts"): ("/v1/alerts", INV),
    ("GET", "/v1/dossier"): ("/v1/dossier", INV),
    ("GET", "/v1/series"): ("/v1/series?name=nobody", INV),
    ("POST", "/v1/objects"): ("/v1/objects", C),
    ("POST", "/v1/objects/{object_id:path}"): ("/v1/objects/2024-0", C),
    ("GET", "/v1/sources"): ("/v1/sources", C),
    ("GET", "/v1/held"): ("/v1/held", C),
    ("POST", "/v1/held/{sha256}"): ("/v1/held/CROP", C),
    ("GET", "/v1/audit"): ("/v1/audit", A),
    # Loopback clients may read them without an account; the client of these tests is not one.
    ("GET", "/metrics"): ("/metrics", A),
    ("GET", "/workbench"): ("/workbench", INV),
    ("GET", "/workbench/search"): ("/workbench/search", INV),
    ("POST", "/workbench/search"): ("/workbench/search", INV),
    ("GET", "/workbench/pictures/{sha256}"): ("/workbench/pictures/PICTURE", INV),
    ("GET", "/workbench/objects"): ("/workbench/objects", INV),
    ("GET", "/workbench/objects/{object_id:path}"): ("/workbench/objects/2024-0", INV),
    ("GET", "/workbench/series.jsonld"): ("/workbench/series.jsonld?name=nobody", INV),
    ("GET", "/workbench/series"): ("/workbench/series?name=nobody", INV),
    ("POST", "/workbench/series"): ("/workbench/series", INV),
    ("GET", "/workbench/dossier.{kind}"): ("/workbench/dossier.html?object=nobody", INV),
    ("GET", "/workbench/queue"): ("/workbench/queue", INV),
    ("GET", "/workbench/leads"): ("/workbench/leads", INV),
    ("POST", "/workbench/leads"): ("/workbench/leads", INV),
    ("GET", "/workbench/leads.{kind}"): ("/workbench/leads.xlsx", INV),
    ("POST", "/workbench/leads/{lead_id}"): ("/workbench/leads/1", INV),
    ("POST", "/workbench/outside"): ("/workbench/outside", INV),
    ("GET", "/workbench/alerts"): ("/workbench/alerts", INV),
    ("GET", "/workbench/batch"): ("/workbench/batch", INV),
    ("POST", "/workbench/batch"): ("/workbench/batch", INV),
    ("GET", "/curator/objects"): ("/curator/objects", C),
    ("POST", "/curator/objects"): ("/curator/objects", C),
    ("POST", "/curator/objects/change"): ("/curator/objects/change", C),
    ("GET", "/curator/crops/{sha256}"): ("/curator/crops/CROP", C),
    ("GET", "/curator/held"): ("/curator/held", C),
    ("POST", "/curator/held/{sha256}"): ("/curator/held/CROP", C),
    ("GET", "/curator/sources"): ("/curator/sources", C),
    ("POST", "/curator/sources"): ("/curator/sources", C),
    ("POST", "/curator/sources/preview"): ("/curator/sources/preview", C),
    # Last, because it ends the session that is used here.
    ("POST", "/sign-out"): ("/sign-out", V),
}
# Static files without access control: styles, scripts and Swagger UI.
MOUNTED = {"/static", "/docs/swagger"}


def routes(router):
    """Method and path of every route, including those of included routers."""
    for route in router.routes:
        if inner := getattr(route, "original_router", None):
            yield from routes(inner)
        elif isinstance(route, Mount):
            assert route.path in MOUNTED, f"who may see {route.path}?"
        else:
            # FastAPI's own route for the document is not an APIRoute.
            assert isinstance(route, APIRoute) or route.path == "/openapi.json"
            yield from ((method, route.path) for method in route.methods - {"HEAD"})


def test_every_route_has_its_place_in_the_table(with_accounts):
    app = create_app(with_accounts, ColourEncoder())
    assert set(routes(app)) == set(TABLE)
    assert set(RIGHTS) == set(TABLE), "a right belongs to no route"


@pytest.fixture(scope="module")
def people(app_client):
    return {role: signed_in(app_client, role) for role in Role}


@pytest.fixture(scope="module")
def addresses(people):
    ines = people[Role.INVESTIGATOR]
    return {
        "CROP": ines.get("/v1/objects/2024-0").json()["images"][0],
        "PICTURE": ines.get("/v1/products/A/3").json()["images"][0],
    }


@pytest.mark.parametrize("role", Role, ids=lambda role: role.word)
@pytest.mark.parametrize("route", TABLE, ids=" ".join)
def test_a_role_may_what_the_table_says(people, addresses, route, role):
    address, least = TABLE[route]
    for name, sha256 in addresses.items():
        address = address.replace(name, sha256)
    sent = FORM if route[0] == "POST" else {}
    answer = people[role].request(route[0], address, follow_redirects=False, **sent)
    if role >= least:
        # The request may be invalid, but its sender is authorised.
        assert answer.status_code not in ({403, 500} if address == "/sign-in" else {401, 403, 500})
        assert not answer.headers.get("location", "").startswith("/sign-in")
    elif role is Role.VOLUNTEER and not address.startswith(("/v1/", "/metrics")):
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/sign-in?next=")
    else:
        assert answer.status_code == (401 if role is Role.VOLUNTEER else 403)


def test_a_volunteer_sees_nothing_of_the_catalogue(people, addresses, png):
    volunteer = people[Role.VOLUNTEER]
    assert volunteer.get(f"/v1/images/{addresses['PICTURE']}").status_code == 404
    for fields in ({}, {"collection": "catalogue"}):
        assert volunteer.post("/v1/search", files={"image": ("x.png", png)}, data=fields).status_code == 401
    answer = volunteer.post("/v1/search", files={"image": ("x.png", png)}, data={"collection": "objects"})
    assert answer.status_code == 200


def test_without_accounts_this_machine_may_do_everything(client):
    for (method, _), (address, _) in TABLE.items():
        if method == "GET" and not address.endswith(("CROP", "PICTURE")):
            assert client.get(address, follow_redirects=False).status_code not in (401, 403, 303, 500), address


def test_without_accounts_nobody_elsewhere_may(indexed):
    with TestClient(create_app(indexed, ColourEncoder(), single_user=False)) as client:
        assert client.get("/v1/audit").status_code == 401
        assert client.get("/workbench", follow_redirects=False).status_code == 303
