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
from index.errors import (
    DatabaseUnavailable,
    EngineUnavailable,
    FilterInvalid,
    GenerationError,
    ObjectStoreUnavailable,
    QueryInvalid,
    UnknownEntry,
    WorkspaceBusy,
)

LOG = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
NOT_READY_SECONDS = 5
STALE_SECONDS = 300
UNAVAILABLE_SECONDS = 2
# HTTP statuses of refused pictures; all other reasons are 422.
_STATUS_OF_REASON = {"too_large_bytes": 413, "unknown_format": 415, "unsupported": 415}


@dataclass(frozen=True)
class Kind:
    """A kind of problem: `type` is /problems/<name>, where `advice` is served; `example` is an example of a detail."""

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
    "not-found", 404, "Not found",
    "Check the address and the id; what left the catalogue is gone after the next re-index.",
    "no product 'A-1001' is in generation 12",
)  # fmt: skip
NOT_ALLOWED = Kind(
    "method-not-allowed", 405, "Method not allowed",
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
WITHDRAWN = Kind(
    "withdrawn", 410, "The object is no longer asked for",
    "Its page says when it was identified or closed; /feed.atom has those that are open.",
    "'2024-77' is identified since 2026-03-01: what called for it is withdrawn",
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
    "unknown-host", 421, "This server does not have that name",
    "Use the address that the server was started on.",
    "this server is called 127.0.0.1, [::1], localhost",
)  # fmt: skip
INVALID = Kind(
    "invalid-query", 422, "The request is invalid",
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
    "Report the `instance` to the operator: the log has it.",
    "something failed here; the server's log has it under this instance",
)  # fmt: skip
NOT_READY = Kind(
    "not-ready", 503, "Nothing can be searched yet",
    "Try again after the seconds of Retry-After.",
    "nothing is indexed here yet: run `traceobject reindex`",
)  # fmt: skip
STALE = Kind(
    "index-stale", 503, "The index is stale",
    "Searches are answered, from an old index. Run `traceobject reindex` and see why the nights before failed.",
    "the last successful re-index ended 2026-03-01T02:14:00+00:00, over 49 h ago",
)  # fmt: skip
UNAVAILABLE = Kind(
    "unavailable", 503, "The server cannot answer now",
    "Try again after the seconds of Retry-After, or ask another server: `detail` says what is down or stopping.",
    "the database does not answer: try again in 2 s",
)  # fmt: skip
BUSY = Kind(
    "busy", 503, "The server is busy",
    "Try again after the seconds of Retry-After.",
    "more searches are waiting than the server accepts: try again in 2 s",
)  # fmt: skip

KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        MALFORMED, SIGN_IN_NEEDED, FORBIDDEN, NOT_FOUND, NOT_ALLOWED, TOO_SLOW, AMBIGUOUS, WORKSPACE_BUSY, WITHDRAWN,
        TOO_LARGE, NOT_MULTIPART, UNKNOWN_HOST, INVALID, IMAGE_REFUSED, FACE_SEEN, TOO_OFTEN, INTERNAL, NOT_READY,
        STALE, BUSY, UNAVAILABLE,
    )
}  # fmt: skip


class Problem(Exception):
    """An error to answer as problem details. `members` are RFC 9457's extension members."""

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
    """A problem as a response; `instance` is the request's id in the log."""
    body = {
        "type": problem.kind.type,
        "title": problem.kind.title,
        "status": problem.status,
        "detail": problem.detail,
        "instance": f"urn:uuid:{request_id}",
        **problem.members,
    }
    return JSONResponse(body, problem.status, problem.headers, MEDIA_TYPE)


def problem_of_error(error: TraceObjectError) -> Problem:
    """The problem of an error of the lower packages; errors that no client can cause are hidden as internal."""
    if isinstance(error, ImageRefused):
        return Problem(IMAGE_REFUSED, str(error), status=_STATUS_OF_REASON.get(error.reason), reason=error.reason)
    if isinstance(error, RegionInvalid | FilterInvalid | QueryInvalid | TextUnsupported):
        return Problem(INVALID, str(error))
    if isinstance(error, UnknownEntry):
        return Problem(NOT_FOUND, str(error))
    if isinstance(error, GenerationError):
        return Problem(NOT_READY, str(error), headers={"Retry-After": str(NOT_READY_SECONDS)})
    if isinstance(error, DatabaseUnavailable):
        # Its message names the database's host, which clients must not see.
        return unavailable("the database does not answer")
    if isinstance(error, ObjectStoreUnavailable):
        return unavailable("the object store does not answer")
    if isinstance(error, EngineUnavailable):
        # Likewise.
        return unavailable("the engine that has the vectors is not ready")
    if isinstance(error, WorkspaceBusy):
        return Problem(WORKSPACE_BUSY, f"{error.holder} is writing to the workspace: try again when it has ended")
    return internal()


def picture_problem(number: int, error: ImageRefused) -> Problem:
    """The problem of an upload whose picture `number`, counted from 1, cannot be used."""
    problem = problem_of_error(error)
    detail = f"picture {number}: {problem.detail}"
    return Problem(IMAGE_REFUSED, detail, status=problem.status, image=number, **problem.members)


def unavailable(why: str) -> Problem:
    """The problem of a server that cannot answer for a while."""
    retry = {"Retry-After": str(UNAVAILABLE_SECONDS)}
    return Problem(UNAVAILABLE, f"{why}: try again in {UNAVAILABLE_SECONDS} s", headers=retry)


def internal() -> Problem:
    """The problem of an error of the server itself; its cause is only logged."""
    return Problem(INTERNAL, INTERNAL.example)


def install_handlers(app: FastAPI) -> None:
    """Answer every error of the application as problem details."""

    async def handle(request: Request, error: Exception) -> JSONResponse:
        return response(problem_of(request, error), request.state.request_id)

    for kind in (Problem, TraceObjectError, HTTPException, RequestValidationError):
        app.add_exception_handler(kind, handle)


def problem_of(request: Request, error: Exception) -> Problem:
    """The problem that answers an error; internal errors are logged, because the response does not name their cause."""
    problem = _of_any(error)
    if isinstance(error, DatabaseUnavailable | EngineUnavailable | ObjectStoreUnavailable):
        what = {DatabaseUnavailable: "database", EngineUnavailable: "engine"}.get(type(error), "object store")
        LOG.error(f"{what} unavailable", extra={"request": request.state.request_id, "cause": str(error)})
    if problem.kind is INTERNAL:
        LOG.error("request failed", exc_info=error, extra={"request": request.state.request_id})
    return problem


def _of_any(error: Exception) -> Problem:
    if isinstance(error, Problem):
        return error
    if isinstance(error, TraceObjectError):
        return problem_of_error(error)
    if isinstance(error, RequestValidationError):
        errors = [{"parameter": str(item["loc"][-1]), "message": item["msg"]} for item in error.errors()]
        detail = "; ".join(f"{item['parameter']}: {item['message']}" for item in errors)
        return Problem(INVALID, detail, errors=errors)
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
