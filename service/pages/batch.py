"""Batch search: many crops are searched one after another, and each result is streamed as one line of JSON."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse

from embedding.errors import TraceObjectError
from service.accounts.access import VisitorDep
from service.accounts.roles import Visitor
from service.app.elimination import earlier_decisions
from service.app.responses import answer_response
from service.app.search_request import SearchRequest, regions_of
from service.app.services import Services
from service.http.dependencies import RateLimitDep, ServicesDep
from service.http.upload import upload_of
from service.pages.errors import PageRoute
from service.pages.rendering import page
from service.problems import INVALID, Problem, internal, problem_of_error
from service.rendering.pictures import data_uri

router = APIRouter(prefix="/workbench", include_in_schema=False, route_class=PageRoute)

CANDIDATES = 5
# Bounds of one archive, unpacked: against zip bombs, and batches that belong on the command line.
MAX_FILES = 500
MAX_BYTES = 200_000_000
_THUMBNAIL_SIDE = 160


@dataclass(frozen=True)
class Crop:
    """One picture to search for, by its name in the archive, "" for a plain file; it is unpacked only when needed."""

    name: str
    archive: bytes
    size: int

    def read(self) -> bytes:
        """Its bytes; never more than the size that the archive's directory states.

        Raises:
            Problem: the file cannot be unpacked.
        """
        if not self.name:
            return self.archive
        try:
            with zipfile.ZipFile(io.BytesIO(self.archive)) as opened, opened.open(self.name) as file:
                return file.read(self.size)
        except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, EOFError, KeyError) as error:
            raise Problem(INVALID, "this file of the archive cannot be unpacked") from error


@router.get("/batch")
def form(request: Request) -> Response:
    return page(request, "work_batch.html")


@router.post("/batch", dependencies=[RateLimitDep])
async def run(request: Request, services: ServicesDep, visitor: VisitorDep) -> Response:
    """Search for every uploaded crop: pictures, or zip archives of them.

    Answers with lines of JSON: first {"total": n}, then for each crop its name, verdict and candidates, or its error,
    which does not stop the others. Nothing of the upload is kept.
    """
    # Keeps the upload's bytes reserved until the response has been streamed.
    reservation = AsyncExitStack()
    try:
        upload = await reservation.enter_async_context(upload_of(request, services.limits, services.reserved_bytes))
        crops = tuple(crops_of(upload.pictures))
    except BaseException:
        await reservation.aclose()
        raise
    return StreamingResponse(_lines(crops, services, visitor, reservation), media_type="application/x-ndjson")


def crops_of(files: Sequence[bytes]) -> Iterator[Crop]:
    """The pictures among files and in archives, in order; folders and hidden files are left out.

    Raises:
        Problem: an archive cannot be read, or has too many files or bytes.
    """
    for data in files:
        if not data.startswith(b"PK\x03\x04"):
            if data:
                yield Crop("", data, len(data))
            continue
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as opened:
                listed = [item for item in opened.infolist() if not item.is_dir() and not _hidden(item.filename)]
        except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
            raise Problem(INVALID, f"the archive cannot be read: {error}") from error
        if len(listed) > MAX_FILES or sum(item.file_size for item in listed) > MAX_BYTES:
            megabytes = MAX_BYTES // 1_000_000
            raise Problem(
                INVALID, f"an archive may hold {MAX_FILES} pictures and {megabytes} MB unpacked: send it in parts"
            )
        for item in listed:
            yield Crop(item.filename, data, item.file_size)


async def _lines(
    crops: Sequence[Crop], services: Services, visitor: Visitor, reservation: AsyncExitStack
) -> AsyncIterator[bytes]:
    async with reservation:
        yield _line({"total": len(crops)})
        for crop in crops:
            yield _line(await _row(crop, services, visitor))


async def _row(crop: Crop, services: Services, visitor: Visitor) -> dict[str, Any]:
    try:
        result = await services.search_queue.run(lambda: _search(crop, services, visitor))
    except Problem as problem:
        return {"name": crop.name, "error": problem.detail}
    except TraceObjectError as error:
        return {"name": crop.name, "error": problem_of_error(error).detail}
    except MemoryError:
        return {"name": crop.name, "error": internal().detail}
    return {"name": crop.name, **result}


def _search(crop: Crop, services: Services, visitor: Visitor) -> dict[str, Any]:
    request = SearchRequest((crop.read(),), regions_of((), 1), "", "catalogue", (), CANDIDATES)
    query = services.decode_query(request)
    with services.live.lease() as generation:
        found = services.recorded_search(request, query, generation, visitor)
        answer = answer_response(found, earlier=earlier_decisions(found, generation, services.leads)).model_dump()
    fields = (
        *("rank", "product_id", "source", "title", "brand", "retailer", "country", "made_in", "gtins", "source_page"),
        *("licence", "likelihood", "link", "image", "earlier_decisions"),
    )
    answer["candidates"] = [{key: candidate[key] for key in fields} for candidate in answer["candidates"]]
    return {**answer, "shown": data_uri(query.images[0].pixels, _THUMBNAIL_SIDE)}


def _hidden(name: str) -> bool:
    path = PurePosixPath(name)
    return path.name.startswith(".") or "__MACOSX" in path.parts


def _line(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode() + b"\n"
