"""The table of routes, with the lowest role that each needs."""

from __future__ import annotations

from collections.abc import Mapping

from service.accounts.roles import Role

RIGHTS: Mapping[tuple[str, str], Role] = {
    ("GET", "/"): Role.VOLUNTEER,
    ("GET", "/objects/{object_id:path}"): Role.VOLUNTEER,
    ("GET", "/pictures/{sha256}"): Role.VOLUNTEER,
    ("GET", "/cards/{sha256}"): Role.VOLUNTEER,
    ("GET", "/about"): Role.VOLUNTEER,
    ("GET", "/privacy"): Role.VOLUNTEER,
    ("GET", "/recognise"): Role.VOLUNTEER,
    ("POST", "/recognise"): Role.VOLUNTEER,
    ("GET", "/sign-in"): Role.VOLUNTEER,
    ("POST", "/sign-in"): Role.VOLUNTEER,
    ("GET", "/sign-in/openid"): Role.VOLUNTEER,
    ("GET", "/sign-in/return"): Role.VOLUNTEER,
    ("POST", "/sign-out"): Role.VOLUNTEER,
    ("GET", "/docs"): Role.VOLUNTEER,
    ("GET", "/docs/start.js"): Role.VOLUNTEER,
    ("GET", "/openapi.json"): Role.VOLUNTEER,
    ("GET", "/.well-known/security.txt"): Role.VOLUNTEER,
    ("GET", "/healthz"): Role.VOLUNTEER,
    ("GET", "/readyz"): Role.VOLUNTEER,
    ("GET", "/problems/{name}"): Role.VOLUNTEER,
    # The route itself checks further: loopback clients and administrators only.
    ("GET", "/metrics"): Role.VOLUNTEER,
    ("GET", "/v1/objects"): Role.VOLUNTEER,
    ("GET", "/v1/objects/{object_id:path}"): Role.VOLUNTEER,
    # These two routes check further: volunteers may neither search the catalogue nor see its pictures.
    ("POST", "/v1/search"): Role.VOLUNTEER,
    ("GET", "/v1/images/{sha256}"): Role.VOLUNTEER,
    ("GET", "/v1/products/{product_id:path}"): Role.INVESTIGATOR,
    ("GET", "/v1/leads"): Role.INVESTIGATOR,
    ("POST", "/v1/leads"): Role.INVESTIGATOR,
    ("GET", "/v1/leads.{kind}"): Role.INVESTIGATOR,
    ("GET", "/v1/leads/{lead_id}"): Role.INVESTIGATOR,
    ("POST", "/v1/leads/{lead_id}"): Role.INVESTIGATOR,
    ("GET", "/v1/alerts"): Role.INVESTIGATOR,
    ("GET", "/v1/dossier"): Role.INVESTIGATOR,
    ("POST", "/v1/objects"): Role.CURATOR,
    ("POST", "/v1/objects/{object_id:path}"): Role.CURATOR,
    ("GET", "/v1/sources"): Role.CURATOR,
    ("GET", "/v1/held"): Role.CURATOR,
    ("POST", "/v1/held/{sha256}"): Role.CURATOR,
    ("GET", "/v1/audit"): Role.ADMINISTRATOR,
    ("GET", "/workbench"): Role.INVESTIGATOR,
    ("GET", "/workbench/search"): Role.INVESTIGATOR,
    ("POST", "/workbench/search"): Role.INVESTIGATOR,
    ("GET", "/workbench/pictures/{sha256}"): Role.INVESTIGATOR,
    ("GET", "/workbench/objects"): Role.INVESTIGATOR,
    ("GET", "/workbench/objects/{object_id:path}"): Role.INVESTIGATOR,
    ("GET", "/workbench/series"): Role.INVESTIGATOR,
    ("POST", "/workbench/series"): Role.INVESTIGATOR,
    ("GET", "/workbench/dossier.{kind}"): Role.INVESTIGATOR,
    ("GET", "/workbench/leads"): Role.INVESTIGATOR,
    ("POST", "/workbench/leads"): Role.INVESTIGATOR,
    ("GET", "/workbench/leads.{kind}"): Role.INVESTIGATOR,
    ("POST", "/workbench/leads/{lead_id}"): Role.INVESTIGATOR,
    ("GET", "/workbench/alerts"): Role.INVESTIGATOR,
    ("GET", "/workbench/batch"): Role.INVESTIGATOR,
    ("POST", "/workbench/batch"): Role.INVESTIGATOR,
    ("GET", "/curator/objects"): Role.CURATOR,
    ("POST", "/curator/objects"): Role.CURATOR,
    ("POST", "/curator/objects/change"): Role.CURATOR,
    ("GET", "/curator/crops/{sha256}"): Role.CURATOR,
    ("GET", "/curator/held"): Role.CURATOR,
    ("POST", "/curator/held/{sha256}"): Role.CURATOR,
    ("GET", "/curator/sources"): Role.CURATOR,
    ("POST", "/curator/sources"): Role.CURATOR,
    ("POST", "/curator/sources/preview"): Role.CURATOR,
}


def required_role(method: str, path: str) -> Role:
    """The lowest role for a route; a route that is not in the table is for administrators."""
    return RIGHTS.get((method, path), Role.ADMINISTRATOR)
