"""One small indexed workspace for the tests that only read, and clients of applications over it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from PIL import Image
from starlette.testclient import TestClient

from index.jobs.reindex import reindex
from index.progress import Unwatched
from index.settings import as_toml
from index.stores.durable import write_file
from index.workspace import SETTINGS, Workspace
from service.accounts import accounts as accounts_module
from service.app.limits import ServerLimits
from service.application import create_app
from tests.databases import Databases
from tests.fakes import ColourEncoder, add_feed, render, write_feed
from tests.service.accounts_workspace import copy_with_accounts

HERE = "http://127.0.0.1"

PRODUCTS = [
    {"product_id": f"A/{n}", "title": f"Thing {n}", "brand": ("Luma", "Nova")[n % 2], "category": "Bags/Small"}
    for n in range(12)
]
SHARED = [{"product_id": "A/1", "title": "Another thing", "brand": "Nova", "category": "Toys"}]
OBJECTS = [
    {
        "object_id": f"2024-{n}",
        "title": f"Object {n}",
        "published": day,
        "status": status,
        "kind": kind,
        "country": land,
    }
    for n, (day, status, kind, land) in enumerate(
        [
            ("2024-01-05", "open", "toy/plush", "NL"),
            ("2024-03-01", "open", "toys", "DE"),
            ("", "open", "bag", "NL"),
            ("2024-03-01", "closed", "Toy", "FR"),
            ("2023-12-31", "identified", "bag", "nl"),
        ]
    )
]


def make_workspace(root: Path, **changed: object) -> Workspace:
    """Two catalogue sources that share one id, and one authority's objects, indexed under the colour encoder.

    `changed`: settings.
    """
    encoder = ColourEncoder()
    made = Workspace.create(root / "workspace", encoder.card.name)
    settings = replace(made.settings, **changed)
    write_file(made.root / SETTINGS, as_toml(settings))
    workspace = Workspace.open(made.root)
    add_feed(workspace, "luma", "catalogue", write_feed(root / "luma", PRODUCTS, range(12)))
    add_feed(workspace, "nova", "catalogue", write_feed(root / "nova", SHARED, [100]))
    add_feed(workspace, "police", "objects", write_feed(root / "police", OBJECTS, range(200, 205)))
    report = reindex(workspace, encoder, Unwatched())
    assert report.published
    assert report.refused == ()
    assert report.failed == ()
    return workspace


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> Iterator[PasswordHasher]:
    """Hash passwords at the lowest cost, for tests sign in by the hundred; gives the hasher that it replaces."""
    real = accounts_module._HASHER
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(accounts_module, "_HASHER", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
        yield real


@pytest.fixture(scope="session")
def indexed(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """An indexed workspace. Read it only."""
    return make_workspace(tmp_path_factory.mktemp("indexed"))


@pytest.fixture(scope="session")
def client(indexed: Workspace) -> Iterator[TestClient]:
    """A client of an application over `indexed`."""
    with TestClient(create_app(indexed, ColourEncoder()), base_url=HERE) as opened:
        yield opened


@pytest.fixture(scope="session")
def png() -> bytes:
    """A picture that the catalogue of `indexed` has."""
    file = io.BytesIO()
    Image.fromarray(render(3)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="module")
def with_accounts(indexed: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A copy of `indexed` in which an investigator, a curator and an administrator have accounts."""
    return copy_with_accounts(indexed, tmp_path_factory.mktemp("with_accounts") / "workspace")


@pytest.fixture(scope="module")
def app_client(with_accounts: Workspace) -> Iterator[TestClient]:
    """A client without a session, of an application over `with_accounts`."""
    # All tests share one client address, which must not be rate limited.
    app = create_app(with_accounts, ColourEncoder(), limits=ServerLimits(sign_ins=10_000))
    with TestClient(app, base_url=HERE) as opened:
        yield opened
