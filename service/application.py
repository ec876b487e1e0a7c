"""The web application: its parts wired together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from importlib.metadata import version

from fastapi import Depends, FastAPI

from embedding.encoders.protocol import Encoder
from index.search.rerank import Reranker
from index.sources.gate import Gate
from index.stores.images import ImageStore
from index.workspace import Workspace
from service import problems
from service.accounts.access import allowed
from service.accounts.accounts import Accounts
from service.accounts.openid import openid_of
from service.api import audit as audit_api
from service.api import docs, dossier, health, images, leads, objects, products, publish, search, sources
from service.api.openapi import complete
from service.app.audit import Audit
from service.app.batching import Batched
from service.app.desk import Desk
from service.app.gate import PUBLISHED, gate_of
from service.app.leads import Leads
from service.app.limits import Limits, ReservedBytes, SearchQueue
from service.app.live import LiveGeneration
from service.app.metrics import Metrics
from service.app.rates import Rate
from service.app.services import Services
from service.http.middleware import HeadAsGet, KnownHosts, RequestLog, SafeHeaders
from service.pages.site import add_pages
from service.tables import open_service_database

_DESCRIPTION = """Visual similarity search that names everyday objects in published police crops.

A published crop is compared with product catalogues (`collection=catalogue`), a photo of something recognised with the
published objects (`collection=objects`). Errors are problem details (RFC 9457)."""


def create_app(
    workspace: Workspace,
    encoder: Encoder,
    reranker: Reranker | None = None,
    *,
    gate: Gate | None = None,
    limits: Limits | None = None,
    hosts: Collection[str] | None = None,
    single_user: bool = True,
) -> FastAPI:
    """The application over a workspace and its loaded model.

    Its lifespan opens the live generation and watches for the next; without one it starts all the same, not ready.

    Args:
        closer: the closer look by local features; None answers by embeddings alone.
        gate: what uploads have to pass; None lets all in.
        single_user: while there are no accounts, everybody may do everything; for this machine's own address alone.
        hosts: the only host names that requests may use; None allows any.
    """
    metrics = Metrics()
    if reranker is not None:
        reranker = Reranker(replace(reranker.features, on_lookup=metrics.feature))
    limits, a_minute = limits or Limits(), workspace.settings.searches_a_minute

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with (
            closing(open_service_database(workspace)) as database,
            LiveGeneration(workspace, encoder.card) as live,
        ):
            app.state.accounts, app.state.single_user = Accounts(database), single_user
            audit = Audit(database)
            turns, held = SearchQueue(limits.searches, limits.waiting), ReservedBytes(limits.held_bytes)
            metrics.watch(live, lambda: turns.queued, lambda: held.held)
            app.state.services = Services(
                workspace=workspace,
                live=live,
                encoder=Batched(encoder),
                reranker=reranker,
                gate=gate,
                images=ImageStore(workspace.images),
                limits=limits,
                turns=turns,
                held=held,
                accounts=app.state.accounts,
                audit=audit,
                leads=Leads(database, audit),
                desk=Desk(workspace, database, audit, gate_of(workspace, PUBLISHED)),
                openid=openid_of(workspace.settings),
                tries=Rate(limits.sign_ins, limits.sign_in_seconds),
                asked=Rate(a_minute, 60 / a_minute) if a_minute > 0 else None,
                metrics=metrics,
            )
            yield

    app = FastAPI(
        title="traceobject",
        version=version("traceobject"),
        description=_DESCRIPTION,
        lifespan=lifespan,
        dependencies=[Depends(allowed)],
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
        # FastAPI can be told by the environment to export traces and errors' messages: nothing leaves this machine.
        telemetry={
            "tracing": False,
            "metrics": False,
            "logs": False,
            "operation_spans": False,
            "auto_configure": False,
        },
    )
    for part in (search, products, objects, leads, dossier, images, publish, sources, audit_api, health, docs):
        app.include_router(part.router)
    app.mount("/docs/swagger", docs.swagger_files)
    add_pages(app)
    problems.install(app)
    complete(app)
    # The last one added is the first to see a request.
    if hosts is not None:
        app.add_middleware(KnownHosts, hosts=hosts)
    app.add_middleware(HeadAsGet)
    app.add_middleware(RequestLog, metrics=metrics)
    app.add_middleware(SafeHeaders)
    return app
