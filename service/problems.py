"""Errors as problem details (RFC 9457): one kind for each thing that a client can do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from embedding.errors import ImageRefused, RegionInvalid, TextUnsupported, TraceObjectError
from index.errors import FilterInvalid, GenerationError, QueryInvalid, UnknownEntry

MEDIA_TYPE = "application/problem+json"
NOT_READY_SECONDS = 5
# Too many bytes, or a format that is not read; every other reason is about this one picture.
_STATUS_OF_REASON = {"too_large_bytes": 413, "unknown_format": 415, "unsupported": 415}


@dataclass(frozen=True)
class Kind:
    """A kind of problem: its name ends the type's address, `advice` is what that address tells."""

    name: str
    status: int
    title: str
    advice: str

    @property
    def type(self) -> str:
        return f"/problems/{self.name}"


MALFORMED = Kind("malformed-request", 400, "The request cannot be read", "Send multipart/form-data as OpenAPI tells.")
NOT_FOUND = Kind("not-found", 404, "Nothing goes by that name", "Check the address and the id; entries may be gone.")
NOT_ALLOWED = Kind("method-not-allowed", 405, "Not that method", "Use a method of the Allow header.")
TOO_SLOW = Kind("upload-too-slow", 408, "The upload took too long", "Send it again, or send smaller pictures.")
AMBIGUOUS = Kind("several-sources", 409, "Several sources use that id", "Name one of `sources` as ?source=NAME.")
TOO_LARGE = Kind("too-large", 413, "The upload is too large", "Send smaller or fewer pictures.")
NOT_MULTIPART = Kind("unsupported-media-type", 415, "Not multipart/form-data", "Send multipart/form-data.")
UNKNOWN_HOST = Kind("unknown-host", 421, "This server does not go by that name", "Use the address it was started on.")
INVALID = Kind("invalid-query", 422, "The question cannot be answered as asked", "Correct what `detail` names.")
IMAGE_REFUSED = Kind(
    "image-refused", 422, "A picture cannot be used", "`reason` is a stable word; `image` counts from 1. Send another."
)
INTERNAL = Kind("internal", 500, "The server failed", "Tell the operator the `instance`: the log has it.")
NOT_READY = Kind("not-ready", 503, "Nothing can be searched yet", "Try again after the seconds of Retry-After.")
BUSY = Kind("busy", 503, "The server has enough to do", "Try again after the seconds of Retry-After.")

KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        MALFORMED, NOT_FOUND, NOT_ALLOWED, TOO_SLOW, AMBIGUOUS, TOO_LARGE, NOT_MULTIPART, UNKNOWN_HOST, INVALID,
        IMAGE_REFUSED, INTERNAL, NOT_READY, BUSY,
    )
}  # fmt: skip


class Problem(Exception):
    """A problem to tell the client. `members` are RFC 9457's extension members."""

    def __init__(
        self,
        kind: Kind,
        detail: str,
        *,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(detail)
        self.kind, self.detail, self.members = kind, detail, members
        self.status = status or kind.status
        self.headers = dict(headers or {})


def response(problem: Problem, request_id: str) -> JSONResponse:
    """A problem as the body of an answer; `instance` is what the log calls the request."""
    body = {
        "type": problem.kind.type,
        "title": problem.kind.title,
        "status": problem.status,
        "detail": problem.detail,
        "instance": f"urn:uuid:{request_id}",
        **problem.members,
    }
    return JSONResponse(body, problem.status, problem.headers, MEDIA_TYPE)


def of_error(error: TraceObjectError) -> Problem:
    """The problem that stands for an error of the rooms below; one that no client can cause tells nothing of itself."""
    if isinstance(error, ImageRefused):
        return Problem(IMAGE_REFUSED, str(error), status=_STATUS_OF_REASON.get(error.reason), reason=error.reason)
    if isinstance(error, RegionInvalid | FilterInvalid | QueryInvalid | TextUnsupported):
        return Problem(INVALID, str(error))
    if isinstance(error, UnknownEntry):
        return Problem(NOT_FOUND, str(error))
    if isinstance(error, GenerationError):
        return Problem(NOT_READY, str(error), headers={"Retry-After": str(NOT_READY_SECONDS)})
    return internal()


def internal() -> Problem:
    """The problem of a fault of ours: what went wrong is for the log alone."""
    return Problem(INTERNAL, "something failed here; the log of the server tells it under this instance")


def install(app: FastAPI) -> None:
    """Answer every error of the application as problem details."""

    async def told(request: Request, error: Exception) -> JSONResponse:
        return response(_of_any(error), request.state.request_id)

    for kind in (Problem, TraceObjectError, HTTPException, RequestValidationError):
        app.add_exception_handler(kind, told)


def _of_any(error: Exception) -> Problem:
    if isinstance(error, Problem):
        return error
    if isinstance(error, TraceObjectError):
        return of_error(error)
    if isinstance(error, RequestValidationError):
        wrong = [{"parameter": str(item["loc"][-1]), "message": item["msg"]} for item in error.errors()]
        detail = "; ".join(f"{item['parameter']}: {item['message']}" for item in wrong)
        return Problem(INVALID, detail, errors=wrong)
    if isinstance(error, HTTPException):
        return _of_http(error)
    return internal()


def _of_http(error: HTTPException) -> Problem:
    headers = error.headers or {}
    if error.status_code == HTTPStatus.NOT_FOUND:
        return Problem(NOT_FOUND, "nothing is served at this address; /docs lists what is")
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = headers.get("Allow", "another method")
        return Problem(NOT_ALLOWED, f"this address takes {allowed}", headers=headers)
    if error.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
        return Problem(MALFORMED, str(error.detail), status=error.status_code, headers=headers)
    return internal()
