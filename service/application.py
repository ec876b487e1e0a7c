"""The web application: services, middleware, API and pages, wired together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, closing
from importlib.metadata import version
from typing import TYPE_CHECKING

from fastapi import Depends, FastAPI

from embedding.encoders.protocol import Encoder
from embedding.text.reading import TextReader
from index.records.database import Database
from index.search.rerank import Reranker
from index.settings import Settings
from index.sources.gate import Gate
from index.stores.images import ImageStore
from index.workspace import Workspace
from service import problems
from service.accounts.access import require_access
from service.accounts.accounts import Accounts
from service.accounts.attempts import attempts_of
from service.api import audit as audit_api
from service.api import docs, dossier, health, images, leads, objects, products, publish, search, series, sources
from service.api.openapi import complete
from service.app.audit import Audit
from service.app.authorities import Authorities
from service.app.batching import BatchingEncoder
from service.app.comparison_queue import ComparisonQueue
from service.app.desk import Desk
from service.app.gate import PUBLISHED_THRESHOLD, gate_of
from service.app.leads import Leads
from service.app.limits import ReservedBytes, SearchQueue, ServerLimits
from service.app.listing import ObjectListing
from service.app.live import LiveGeneration
from service.app.metrics import Metrics
from service.app.searched_objects import SearchedObjects
from service.app.services import Services
from service.app.settled import SettledObjects
from service.app.shared_rate_limiter import limiter_of
from service.app.stopping import Stopping
from service.http.middleware import HeadAsGet, KnownHosts, LastResponses, RequestLog, SafeHeaders
from service.http.public_cache import PublicCache
from service.pages.site import add_pages
from service.tables import open_service_database

if TYPE_CHECKING:
    from service.accounts.openid_client import OpenId

_DESCRIPTION = """Visual similarity search that names everyday objects in published police crops.

A published crop is compared with product catalogues (`collection=catalogue`), a photo of something recognised with the
published objects (`collection=objects`). Errors are problem details (RFC 9457)."""

# The modules of /v1, in the order of the documentation.
_API = (
    *(search, products, objects, series, leads, dossier, images, publish, sources, audit_api),
    *(health, docs),
)


def create_app(
    workspace: Workspace,
    encoder: Encoder,
    reranker: Reranker | None = None,
    *,
    text_reader: TextReader | None = None,
    gate: Gate | None = None,
    limits: ServerLimits | None = None,
    hosts: Collection[str] | None = None,
    single_user: bool = True,
    stopping: Stopping | None = None,
) -> FastAPI:
    """The application over a workspace and its loaded model.

    Its lifespan opens the live generation and polls for newer ones; without one it starts and reports that it is not
    ready.

    Args:
        reranker: re-ranks candidates by local features; None ranks by embeddings alone.
        text_reader: reads what is written on pictures; None leaves it unread.
        gate: checks uploads for faces; None accepts all.
        hosts: the only host names that requests may use; None allows any.
        single_user: while there are no accounts, everybody may do everything; only for a server on loopback.
        stopping: says when the server is about to stop; by default it never is.
    """
    stopping = stopping or Stopping()
    metrics = Metrics()
    if reranker is not None:
        reranker = Reranker(reranker.features.with_lookups(metrics.feature))
    limits, a_minute = limits or ServerLimits(), workspace.settings.searches_a_minute

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with (
            closing(open_service_database(workspace)) as database,
            LiveGeneration(workspace, encoder.card) as live,
        ):
            app.state.accounts, app.state.single_user = Accounts(database), single_user
            audit = Audit(database)
            search_queue = SearchQueue(limits.searches, limits.waiting)
            reserved_bytes, public_bytes = ReservedBytes(limits.reserved_bytes), ReservedBytes(limits.public_bytes)
            comparisons = ComparisonQueue(search_queue, limits.public_waiting, at_once=limits.comparisons)
            settled = SettledObjects(workspace)
            metrics.watch(
                live,
                lambda: search_queue.queued,
                lambda: comparisons.queued,
                lambda: reserved_bytes.total + public_bytes.total,
            )
            app.state.services = Services(
                workspace=workspace,
                live=live,
                encoder=BatchingEncoder(encoder),
                reranker=reranker,
                text_reader=text_reader,
                gate=gate,
                images=ImageStore(workspace.objects),
                limits=limits,
                search_queue=search_queue,
                reserved_bytes=reserved_bytes,
                comparisons=comparisons,
                public_bytes=public_bytes,
                accounts=app.state.accounts,
                audit=audit,
                leads=Leads(database, audit),
                searched=SearchedObjects(audit),
                desk=Desk(workspace, database, audit, gate_of(workspace, PUBLISHED_THRESHOLD)),
                openid=_openid(workspace.settings, database),
                sign_in_limiter=limiter_of(database, "sign-ins", limits.sign_ins, limits.sign_in_seconds),
                search_limiter=limiter_of(database, "searches", a_minute, 60 / a_minute) if a_minute > 0 else None,
                metrics=metrics,
                authorities=Authorities.read(workspace.root),
                settled=settled,
                listing=ObjectListing(settled),
                stopping=stopping,
            )
            yield

    app = FastAPI(
        title="traceobject",
        version=version("traceobject"),
        description=_DESCRIPTION,
        lifespan=lifespan,
        dependencies=[Depends(require_access)],
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
        # Off, because environment variables could otherwise make FastAPI export traces with request data.
        telemetry={
            "tracing": False,
            "metrics": False,
            "logs": False,
            "operation_spans": False,
            "auto_configure": False,
        },
    )
    for module in _API:
        app.include_router(module.router)
    app.mount("/docs/swagger", docs.swagger_files)
    add_pages(app)
    problems.install_handlers(app)
    complete(app)

    def state() -> tuple[int, int]:
        services: Services = app.state.services
        return services.live.version, services.settled.version

    # The middleware added last is the outermost.
    app.add_middleware(PublicCache, state=state)
    if hosts is not None:
        app.add_middleware(KnownHosts, hosts=hosts)
    app.add_middleware(HeadAsGet)
    app.add_middleware(RequestLog, metrics=metrics)
    app.add_middleware(SafeHeaders)
    app.add_middleware(LastResponses, stopping=stopping)
    return app


def _openid(settings: Settings, database: Database) -> OpenId | None:
    if not settings.oidc_issuer:
        return None
    # Few servers need what it takes.
    from service.accounts.openid_client import openid_of

    return openid_of(settings, attempts_of(database))
