"""Addresses of the public pages."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import Request

from index.generations.generations import Generation
from index.records.entries import Entry
from service.app.services import Services


def object_address(generation: Generation, entry: Entry, folder: str = "/objects") -> str:
    """The path of an object's page, or of another page about it; with the source only where several use the id."""
    path = f"{folder}/{quote(entry.fields.entry_id, safe='/')}"
    shared = len(generation.records.find("objects", entry.fields.entry_id)) > 1
    return f"{path}?source={quote(entry.source, safe='')}" if shared else path


def site_address(request: Request, services: Services) -> str:
    """Where the public reaches this site, without a slash at its end: the setting, or the address of this request."""
    return services.workspace.settings.public_address.rstrip("/") or str(request.base_url).rstrip("/")
