"""GET /v1/products/{id}: one product of the live generation."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from service.api.openapi import problems
from service.app.find_entry import entry_named
from service.app.responses import ProductResponse, product_response
from service.http.dependencies import GenerationDep
from service.problems import AMBIGUOUS, FORBIDDEN, INVALID, NOT_FOUND, NOT_READY, SIGN_IN_NEEDED

router = APIRouter(tags=["catalogue"])

Source = Annotated[str | None, Query(description="The source meant, where several use the id.", max_length=500)]


@router.get(
    "/v1/products/{product_id:path}",
    summary="One product",
    response_model=ProductResponse,
    responses=problems(SIGN_IN_NEEDED, FORBIDDEN, NOT_FOUND, AMBIGUOUS, INVALID, NOT_READY),
)
def product(product_id: str, generation: GenerationDep, source: Source = None) -> JSONResponse:
    """A product of the catalogue. Its id is its feed's own and may contain slashes."""
    return JSONResponse(product_response(entry_named(generation, "catalogue", product_id, source)).model_dump())
