"""The queue on the workbench: what needs a person next, each item decided with one key."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from service.app.work_queue import work_queue
from service.http.dependencies import GenerationDep, ServicesDep
from service.pages.errors import PageRoute
from service.pages.rendering import page

router = APIRouter(prefix="/workbench", include_in_schema=False, route_class=PageRoute)

# Of each kind; more come up as these are decided.
ON_A_PAGE = 50


@router.get("/queue")
def queue(request: Request, services: ServicesDep, generation: GenerationDep) -> Response:
    """New alerts, leads without a decision, and objects that nobody has searched for."""
    found = work_queue(services, generation)
    return page(
        request,
        "work_queue.html",
        alerts=found.alerts[:ON_A_PAGE],
        leads=found.leads[:ON_A_PAGE],
        objects=found.objects[:ON_A_PAGE],
        counts={"alerts": len(found.alerts), "leads": len(found.leads), "objects": len(found.objects)},
    )
