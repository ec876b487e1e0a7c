"""Errors as problem details (RFC 9457): one kind for each thing that a client can do about it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from embedding.errors import ImageRefused, RegionInvalid, TextUnsupported, TraceObjectError
from index.errors import FilterInvalid, GenerationError, QueryInvalid, UnknownEntry, WorkspaceBusy

LOG = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
NOT_READY_SECONDS = 5
STALE_SECONDS = 300
# Too many bytes, or a format that is not read; every other reason is about this one picture.
_STATUS_OF_REASON = {"too_large_bytes": 413, "unknown_format": 415, "unsupported": 415}


@dataclass(frozen=True)
class Kind:
    """A kind of problem: its name ends the type's address, `advice` is what that address tells, `example` a detail."""

    name: str
    status: int
    title: str
    advice: str
    example: str

    @property
    def type(self) -> str:
        return f"/problems/{self.name}"


MALFORMED = Kind(
    "malformed-request", 400, "The request cannot be read",
    "Send a form as OpenAPI describes it, to its last boundary.",
    "the multipart form ends before its last boundary",
)  # fmt: skip
SIGN_IN_NEEDED = Kind(
    "sign-in-needed", 401, "Sign in first",
    "Sign in at /sign-in, or send an API token as `Authorization: Bearer TOKEN`.",
    "this is for people with an account: sign in, or send an API token",
)  # fmt: skip
FORBIDDEN = Kind(
    "forbidden", 403, "Your account or token may not do this",
    "Ask an administrator for the role or the token's scope that `detail` names.",
    "this token lacks the scope search",
)  # fmt: skip
NOT_FOUND = Kind(
    "not-found", 404, "Nothing goes by that name",
    "Check the address and the id; what left the catalogue is gone after the next re-index.",
    "no product 'A-1001' is in generation 12",
)  # fmt: skip
NOT_ALLOWED = Kind(
    "method-not-allowed", 405, "Not that method",
    "Use a method of the Allow header.",
    "this address takes POST",
)  # fmt: skip
TOO_SLOW = Kind(
    "upload-too-slow", 408, "The upload took too long",
    "Send it again, or send smaller pictures.",
    "the upload was not complete after 120 s",
)  # fmt: skip
AMBIGUOUS = Kind(
    "several-sources", 409, "Several sources use that id",
    "Name one of `sources` as ?source=NAME.",
    "2 sources use the id 'A-1001': name one as ?source=, of luma-2024, nova",
)  # fmt: skip
WORKSPACE_BUSY = Kind(
    "workspace-busy", 409, "Another job is writing here",
    "Send it again when the job that `detail` names has ended.",
    "reindex is writing to the workspace: try again when it has ended",
)  # fmt: skip
TOO_LARGE = Kind(
    "too-large", 413, "The upload is too large",
    "Send smaller or fewer pictures.",
    "at most 201000000 bytes are taken in one request",
)  # fmt: skip
NOT_MULTIPART = Kind(
    "unsupported-media-type", 415, "Not multipart/form-data",
    "Send multipart/form-data, pictures as parts called `image`.",
    "send multipart/form-data, not application/json",
)  # fmt: skip
UNKNOWN_HOST = Kind(
    "unknown-host", 421, "This server does not go by that name",
    "Use the address it was started on.",
    "this server goes by 127.0.0.1, [::1], localhost",
)  # fmt: skip
INVALID = Kind(
    "invalid-query", 422, "The question cannot be answered as asked",
    "Correct what `detail` names.",
    "limit 500: must be between 1 and 200",
)  # fmt: skip
IMAGE_REFUSED = Kind(
    "image-refused", 422, "A picture cannot be used",
    "Send another in place of picture number `image`, counted from 1. `reason` is a stable word for what is wrong with "
    "it; 413 means too many bytes, 415 a format that is not read.",
    "picture 2: this file is empty: get it again from where it came",
)  # fmt: skip
FACE_SEEN = Kind(
    "face-seen", 422, "A picture shows a face",
    "Crop picture number `image`, counted from 1, to the object, or photograph the object alone: people never belong "
    "here. A toy's face may be taken for one; then leave it out of the picture.",
    "picture 1 seems to show a face: crop it to the object",
)  # fmt: skip
TOO_OFTEN = Kind(
    "too-often", 429, "Too many requests",
    "Try again after the seconds of Retry-After.",
    "too often: try again in 12 s",
)  # fmt: skip
INTERNAL = Kind(
    "internal", 500, "The server failed",
    "Tell the operator the `instance`: the log has it.",
    "something failed here; the server's log tells it under this instance",
)  # fmt: skip
NOT_READY = Kind(
    "not-ready", 503, "Nothing can be searched yet",
    "Try again after the seconds of Retry-After.",
    "nothing is indexed here yet: run `traceobject reindex`",
)  # fmt: skip
STALE = Kind(
    "index-stale", 503, "The index is stale",
    "Searches are answered, from an old index. Run `traceobject reindex` and see why the nights before failed.",
    "the last re-index that went well ended 2026-03-01T02:14:00+00:00, over 49 h ago",
)  # fmt: skip
BUSY = Kind(
    "busy", 503, "The server has enough to do",
    "Try again after the seconds of Retry-After.",
    "more searches are waiting than the server takes: try again in 2 s",
)  # fmt: skip

KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        MALFORMED, SIGN_IN_NEEDED, FORBIDDEN, NOT_FOUND, NOT_ALLOWED, TOO_SLOW, AMBIGUOUS, WORKSPACE_BUSY, TOO_LARGE,
        NOT_MULTIPART, UNKNOWN_HOST, INVALID, IMAGE_REFUSED, FACE_SEEN, TOO_OFTEN, INTERNAL, NOT_READY, STALE, BUSY,
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
    if isinstance(error, WorkspaceBusy):
        return Problem(WORKSPACE_BUSY, f"{error.holder} is writing to the workspace: try again when it has ended")
    return internal()


def of_picture(number: int, error: ImageRefused) -> Problem:
    """The problem of an upload whose picture of that number, counted from 1, cannot be used."""
    problem = of_error(error)
    told = f"picture {number}: {problem.detail}"
    return Problem(IMAGE_REFUSED, told, status=problem.status, image=number, **problem.members)


def internal() -> Problem:
    """The problem of a fault of ours: what went wrong is for the log alone."""
    return Problem(INTERNAL, INTERNAL.example)


def install(app: FastAPI) -> None:
    """Answer every error of the application as problem details."""

    async def told(request: Request, error: Exception) -> JSONResponse:
        return response(problem_of(request, error), request.state.request_id)

    for kind in (Problem, TraceObjectError, HTTPException, RequestValidationError):
        app.add_exception_handler(kind, told)


def problem_of(request: Request, error: Exception) -> Problem:
    """The problem that answers an error; a fault of ours, which an answer keeps to itself, is logged under its name."""
    problem = _of_any(error)
    if problem.kind is INTERNAL:
        LOG.error("request failed", exc_info=error, extra={"request": request.state.request_id})
    return problem


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
