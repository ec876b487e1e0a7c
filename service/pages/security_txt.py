"""/.well-known/security.txt: whom to report a weakness of this server to (RFC 9116)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse

from index.errors import UnknownEntry
from service.http.dependencies import ServicesDep

router = APIRouter(include_in_schema=False)

# RFC 9116 recommends less than a year, so that nobody trusts a page that its operator has left behind.
_VALID = timedelta(days=180)


@router.get("/.well-known/security.txt")
def security_txt(services: ServicesDep) -> PlainTextResponse:
    """The contact of the setting `security_contact`.

    Raises:
        UnknownEntry: the setting names none.
    """
    contact = services.workspace.settings.security_contact
    if not contact:
        raise UnknownEntry("this server names no contact for reports of weaknesses")
    expires = (datetime.now(UTC) + _VALID).strftime("%Y-%m-%dT%H:%M:%SZ")
    return PlainTextResponse(f"Contact: {contact}\nExpires: {expires}\nPreferred-Languages: en, fr\n")
