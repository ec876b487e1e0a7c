"""Many crops in one go: each is searched in turn, and told as soon as it is done, as one line of JSON."""

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
from service.accounts.access import TheVisitor
from service.accounts.roles import Visitor
from service.app.question import Question, regions_of
from service.app.responses import answer_response
from service.app.services import Services
from service.http.dependencies import RateLimited, TheServices
from service.http.upload import upload_of
from service.pages.errors import PageRoute
from service.pages.rendering import page
from service.problems import INVALID, Problem, internal, of_error
from service.rendering.pictures import data_uri

router = APIRouter(prefix="/workbench", include_in_schema=False, route_class=PageRoute)

SHOWN = 5
# What one archive may hold: beyond this it is no delivery of crops but an attack, or a job for the command line.
MOST_FILES = 500
MOST_BYTES = 200_000_000
_SIDE = 160


@dataclass(frozen=True)
class Crop:
    """One picture to search for, by its name in the archive; its bytes are unpacked when its turn has come."""

    name: str
    archive: bytes
    size: int

    def read(self) -> bytes:
        """Its bytes; never more than the archive's table tells.

        Raises:
            Problem: the archive does not hold what it says.
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


@router.post("/batch", dependencies=[RateLimited])
async def run(request: Request, services: TheServices, visitor: TheVisitor) -> Response:
    """Search for every crop that is sent, pictures or zip archives of them.

    Answers with lines of JSON: first {"total": n}, then for each crop its name, verdict and candidates, or the error
    that it met; the others go on. Nothing that is sent is kept.
    """
    held = AsyncExitStack()
    try:
        upload = await held.enter_async_context(upload_of(request, services.limits, services.held))
        crops = tuple(crops_of(upload.pictures))
    except BaseException:
        await held.aclose()
        raise
    return StreamingResponse(_lines(crops, services, visitor, held), media_type="application/x-ndjson")


def crops_of(files: Sequence[bytes]) -> Iterator[Crop]:
    """The pictures among files and in archives, in order; a folder, and what a system hides, is left out.

    Raises:
        Problem: an archive cannot be read, or holds too much.
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
        if len(listed) > MOST_FILES or sum(item.file_size for item in listed) > MOST_BYTES:
            told = (
                f"an archive may hold {MOST_FILES} pictures and {MOST_BYTES // 1_000_000} MB unpacked: send it in parts"
            )
            raise Problem(INVALID, told)
        for item in listed:
            yield Crop(item.filename, data, item.file_size)


async def _lines(
    crops: Sequence[Crop], services: Services, visitor: Visitor, held: AsyncExitStack
) -> AsyncIterator[bytes]:
    async with held:
        yield _line({"total": len(crops)})
        for crop in crops:
            yield _line(await _row(crop, services, visitor))


async def _row(crop: Crop, services: Services, visitor: Visitor) -> dict[str, Any]:
    try:
        told = await services.turns.run(lambda: _searched(crop, services, visitor))
    except Problem as problem:
        return {"name": crop.name, "error": problem.detail}
    except TraceObjectError as error:
        return {"name": crop.name, "error": of_error(error).detail}
    except MemoryError:
        return {"name": crop.name, "error": internal().detail}
    return {"name": crop.name, **told}


def _searched(crop: Crop, services: Services, visitor: Visitor) -> dict[str, Any]:
    question = Question((crop.read(),), regions_of((), 1), "", "catalogue", (), SHOWN)
    query = services.decoded(question)
    with services.live.lease() as generation:
        answer = answer_response(services.recorded_search(question, query, generation, visitor)).model_dump()
    kept = ("rank", "product_id", "source", "title", "brand", "retailer", "country", "likelihood", "link", "image")
    answer["candidates"] = [{key: candidate[key] for key in kept} for candidate in answer["candidates"]]
    return {**answer, "shown": data_uri(query.images[0].pixels, _SIDE)}


def _hidden(name: str) -> bool:
    path = PurePosixPath(name)
    return path.name.startswith(".") or "__MACOSX" in path.parts


def _line(told: dict[str, Any]) -> bytes:
    return json.dumps(told, ensure_ascii=False).encode() + b"\n"
