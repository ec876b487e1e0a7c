"""A workspace: one folder with settings, records, pictures, vectors and generations."""

from __future__ import annotations

import fcntl
import os
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import tomli_w

from index.errors import WorkspaceBusy, WorkspaceError
from index.stores.durable import write_file

SETTINGS = "traceobject.toml"


@dataclass(frozen=True)
class Settings:
    """What traceobject.toml holds.

    `model`: "auto" until the first run pins the model it took; `model_sha256` and `model_why` are written with the pin.
    `database`: an SQLAlchemy URL for the records; empty means catalogue.sqlite in the workspace.
    `keep_generations`: how many published generations stay on disk, the live one among them.
    `retention_days`: how long a product that is gone from its feed stays searchable; 0 keeps it for ever.
    `self_test_margin`: how far a generation's self-test recall may fall below the live one's and still be published.
    `recall_target`: the share of the ten nearest pictures that the index has to find, 0 to 1; 1 compares with all.
    `index_memory_mb`: what the index may take of this machine's memory; 0 means a half of it.
    `alert_likelihood`: how likely a product must be an open object's to become an alert, 0 to 1.
    `user_agent`: how picture fetches introduce themselves, for example "traceobject/0.1 (+https://example.org/contact)".
    `webhook`: a URL that each re-index with something to tell is posted to; it is signed if the environment has
        TRACEOBJECT_WEBHOOK_SECRET.
    `mail_to`, `mail_from`: who is written to after such a re-index, and as whom.
    `smtp`: the mail server, for example "smtps://user@mail.example.org:465" or "smtp://mail.example.org:587", which is
        asked for TLS; the password is taken from the environment, TRACEOBJECT_SMTP_PASSWORD.
    `metrics_file`: where metrics of the last re-index are written for Prometheus' textfile collector.
    `gate`: "faces" refuses volunteers' photos that show a face and holds such published crops for a curator; or "off".
    `stale_hours`: how old the last re-index that went well may be before /readyz says INDEX-STALE, in a workspace that
        keeps nights; 0 never says so.
    `searches_a_minute`: how many searches one token, account or (without either) address may make; 0 does not count.
    `trusted_proxies`: addresses of reverse proxies whose X-Forwarded-For and -Proto tell who asks, for example
        ["127.0.0.1"]; from anybody else these headers are ignored.
    `oidc_issuer`, `oidc_client_id`: an organisation's OpenID Connect sign-in, for example "https://login.example.org",
        and what it calls this server; a secret is taken from the environment, TRACEOBJECT_OIDC_SECRET.
    `oidc_claim`: which of its claims is an account's name here.
    `allow_hosts`: hosts of your own that may have private addresses, for example ["images.internal", "127.0.0.1:8123"].
    """

    model: str = "auto"
    model_sha256: str = ""
    model_why: str = ""
    database: str = ""
    keep_generations: int = 3
    retention_days: int = 0
    self_test_margin: float = 0.1
    recall_target: float = 0.99
    index_memory_mb: int = 0
    alert_likelihood: float = 0.5
    user_agent: str = "traceobject"
    allow_hosts: tuple[str, ...] = ()
    webhook: str = ""
    mail_to: tuple[str, ...] = ()
    mail_from: str = ""
    smtp: str = ""
    metrics_file: str = ""
    gate: str = "faces"
    stale_hours: float = 49.0
    searches_a_minute: int = 30
    trusted_proxies: tuple[str, ...] = ()
    oidc_issuer: str = ""
    oidc_client_id: str = ""
    oidc_claim: str = "email"


@dataclass(frozen=True)
class Workspace:
    """The places of a workspace. `open` it; only `create` makes one."""

    root: Path
    settings: Settings

    @classmethod
    def create(cls, root: Path, model: str = "auto") -> Workspace:
        """Make a new workspace in `root`, which may exist but must not be one.

        Raises:
            WorkspaceError: there is a workspace already, or the folder cannot be written.
        """
        if (root / SETTINGS).exists():
            raise WorkspaceError(f"{root} is a workspace already; use it, or choose another folder with --workspace")
        workspace = cls(root.absolute(), Settings(model=model))
        try:
            for folder in (workspace.images, workspace.vectors, workspace.generations):
                folder.mkdir(parents=True, exist_ok=True)
            workspace._write_settings()
        except OSError as error:
            raise WorkspaceError(f"cannot make a workspace in {root}: {error.strerror or error}") from error
        return workspace

    @classmethod
    def open(cls, root: Path) -> Workspace:
        """Open the workspace in `root`.

        Raises:
            WorkspaceError: there is none, or its settings cannot be read.
        """
        path = root / SETTINGS
        try:
            raw = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise WorkspaceError(
                f"no workspace in {root}: run `traceobject --workspace {root} init` first, or name another folder"
            ) from None
        except (OSError, ValueError) as error:
            raise WorkspaceError(f"{path} cannot be read: {error}") from error
        return cls(root.absolute(), _settings(raw, path))

    @property
    def images(self) -> Path:
        return self.root / "images"

    @property
    def vectors(self) -> Path:
        return self.root / "vectors"

    @property
    def features(self) -> Path:
        return self.root / "features"

    @property
    def generations(self) -> Path:
        return self.root / "generations"

    @property
    def published(self) -> Path:
        """What curators publish here: see index/sources/published.py."""
        return self.root / "published"

    @property
    def current(self) -> Path:
        return self.root / "CURRENT"

    @property
    def database_url(self) -> str:
        return self.settings.database or f"sqlite:///{self.root / 'catalogue.sqlite'}"

    @property
    def index_memory(self) -> int:
        """The bytes of memory that the index may take."""
        machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        return self.settings.index_memory_mb * 1_000_000 or machine // 2

    def pin_model(self, name: str, sha256: str, why: str) -> Workspace:
        """Write down which model this workspace uses from now on."""
        pinned = replace(self, settings=replace(self.settings, model=name, model_sha256=sha256, model_why=why))
        pinned._write_settings()
        return pinned

    @contextmanager
    def lock(self, job: str) -> Iterator[None]:
        """Hold the workspace for one writing job; the lock ends with the process, however it ends.

        Raises:
            WorkspaceBusy: another job holds it.
        """
        with (self.root / "writer.lock").open("a+b", buffering=0) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                holder = file.read().decode(errors="replace").strip() or "another job"
                raise WorkspaceBusy(
                    f"{self.root} is being written by {holder}; `{job}` left it alone: run it again when that has "
                    "ended",
                    holder,
                ) from None
            # A courtesy to whoever comes second: a full disk must not end the job here.
            with suppress(OSError):
                file.truncate(0)
                file.write(job.encode())
            yield

    def _write_settings(self) -> None:
        write_file(self.root / SETTINGS, tomli_w.dumps(asdict(self.settings)).encode())


def _settings(raw: dict[str, Any], path: Path) -> Settings:
    known = asdict(Settings())
    for key, value in raw.items():
        if isinstance(value, list):
            raw[key] = value = tuple(map(str, value))
        if key not in known:
            raise WorkspaceError(f"{path}: no setting is called {key!r}; there are {', '.join(known)}")
        if isinstance(known[key], float) and type(value) is int:
            raw[key] = value = float(value)
        if type(value) is not type(known[key]):
            raise WorkspaceError(f"{path}: {key} must be {type(known[key]).__name__}, not {value!r}")
    return Settings(**raw)
