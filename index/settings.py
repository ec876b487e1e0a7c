"""The settings of a workspace, traceobject.toml: their types, ranges and defaults, and the error for an invalid one."""

from __future__ import annotations

import tomllib
from dataclasses import asdict, fields
from pathlib import Path
from typing import Annotated, Any, Literal

import tomli_w
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from index.errors import WorkspaceError

SELF_TEST_PRODUCTS = 100
Text = Annotated[str, Field(min_length=1)]
# TOML has lists only, no tuples.
Texts = Annotated[tuple[str, ...], Field(strict=False)]
# A site without a path. It goes into a Content-Security-Policy too, where a blank or semicolon would end it.
_ORIGIN = r"https?://[A-Za-z0-9.\-\[\]:]+"
Site = Annotated[
    str, Field(pattern=rf"^({_ORIGIN}/?)?$", description="an http or https address without a path, or empty")
]
Sites = Annotated[
    tuple[Annotated[str, Field(pattern=rf"^{_ORIGIN}$")], ...],
    Field(strict=False, description="a list of http or https addresses without a path"),
]
Count = Annotated[int, Field(ge=1)]
CountOrNone = Annotated[int, Field(ge=0)]
# At most a thousand years, so that dates minus these days remain valid.
Days = Annotated[int, Field(ge=0, le=365_000)]
Hours = Annotated[float, Field(ge=0, le=8_760_000)]
ContactOrNone = Annotated[
    str, Field(pattern=r"^((mailto:|https://|tel:)[!-~]+)?$", description="empty, or a mailto:, https: or tel: address")
]
Share = Annotated[float, Field(ge=0, le=1)]
Engine = Annotated[
    str,
    Field(pattern=r"^(milvus(\+tls)?://[A-Za-z0-9.\-\[\]:]+(/\w*)?)?$", description="empty, or milvus://host:port"),
]
# The picture's address may stand anywhere but in the host's name, which it would change.
Engines = Annotated[
    tuple[Annotated[str, Field(pattern=r"^\S.{0,60} https://[A-Za-z0-9.\-:]+/[!-~]*\{picture\}[!-~]*$")], ...],
    Field(strict=False, description="a list of names, each with an https address that has {picture} in it"),
]


@dataclass(frozen=True, config=ConfigDict(strict=True, extra="forbid", allow_inf_nan=False))
class Settings:
    """The content of traceobject.toml.

    `model`: "auto" until the first run pins a model; `model_sha256` and `model_why` are written with the pin.
    `database`: an SQLAlchemy URL for the records; empty means catalogue.sqlite in the workspace.
    `objects`: where pictures, vectors, local features, text and generations are kept: empty means in the workspace, or
        "s3://BUCKET/PREFIX", "gs://BUCKET/PREFIX", "az://CONTAINER/PREFIX", "file:///FOLDER". Credentials and endpoint
        are the provider's own environment variables and files.
    `engine`: the server that has the vectors, for example "milvus://vectors.example.org:19530"; empty means FAISS, in
        files. A password is taken from the environment, TRACEOBJECT_ENGINE_TOKEN, or from a file that it names.
    `keep_generations`: how many published generations stay on disk, the live one among them.
    `retention_days`: how long a product that is gone from its feed stays searchable; 0 keeps it forever.
    `max_fall`: the share of a source's entries that may be gone from its feed at one reading, from 20 entries up; more
        is withheld until `traceobject reindex --accept SOURCE`. With 1 only a feed without any entry left is.
    `self_test_products`: how many products the self-test of a generation searches for; fewer than 30 are no self-test,
        and without one no candidate has a likelihood.
    `self_test_margin`: how far a generation's self-test recall may fall below the live one's and still be published.
    `recall_target`: the share of the ten nearest pictures that the index has to find, 0 to 1; 1 makes searches exact.
    `index_memory_mb`: how much of this machine's memory the index may take; 0 means half of it.
    `text`: "on" reads what is written on pictures, at night and in searches, with the extra `text` installed; or "off".
    `features_minutes`: how long a re-index may compute local features, which searches compare; those of pictures that
        are left are computed when a search needs them, which takes longer. 0 sets no limit.
    `text_minutes`: how long a re-index may read text; the rest is read in the next ones. 0 sets no limit.
    `alert_likelihood`: from which likelihood, 0 to 1, that a product is an open object's it becomes an alert.
    `user_agent`: the User-Agent of picture fetches, for example "traceobject/0.1 (+https://example.org/contact)".
    `webhook`: a URL that the result of a re-index is posted to if there is something to report; it is signed if the
        environment has TRACEOBJECT_WEBHOOK_SECRET.
    `mail_to`, `mail_from`: recipients and sender of a mail after such a re-index.
    `smtp`: the mail server, for example "smtps://user@mail.example.org:465" or "smtp://mail.example.org:587", which has
        to support TLS; the password is taken from the environment, TRACEOBJECT_SMTP_PASSWORD.
    `metrics_file`: where metrics of the last re-index are written for Prometheus' textfile collector.
    `gate`: "faces" refuses volunteers' photos that show a face and quarantines such published crops for a curator; or
        "off".
    `stale_hours`: how old the last successful re-index may be before /readyz reports INDEX-STALE; 0 disables
        this.
    `searches_a_minute`: how many searches one token, account or (without either) address may make; 0 sets no limit.
    `trusted_proxies`: addresses of reverse proxies whose X-Forwarded-For and -Proto headers are trusted, for example
        ["127.0.0.1"]; from any other address these headers are ignored.
    `public_address`: where the public reaches this server, for example "https://objects.example.org": what feeds,
        posters and shared links are written with. Empty means the address of each request.
    `embed_on`: the sites that may show the list of open objects in a frame, /embed, for example
        ["https://www.newspaper.example"]; none may by default.
    `oidc_issuer`, `oidc_client_id`: an organisation's OpenID Connect sign-in, for example "https://login.example.org",
        and this server's client id there; a secret is taken from the environment, TRACEOBJECT_OIDC_SECRET.
    `oidc_claim`: the claim that is the account's name here.
    `pages_a_night`: how many pages of a shop that is read page by page are requested in a day.
    `outside_engines`: search engines elsewhere that investigators may open by hand with the public address of a
        published crop: a name, a blank, and an https address with {picture} in it, for example
        ["Example https://images.example/search?url={picture}"]; none by default. They need `public_address`.
    `security_contact`: whom to report a weakness of the server to, in /.well-known/security.txt, for example
        "mailto:security@example.org"; without it there is no such page.
    `allow_hosts`: hosts of your own that may have private addresses, for example ["images.internal", "127.0.0.1:8123"].
    """

    model: Text = "auto"
    model_sha256: str = ""
    model_why: str = ""
    database: str = ""
    objects: str = ""
    engine: Engine = ""
    keep_generations: Count = 3
    retention_days: Days = 0
    max_fall: Share = 0.5
    self_test_products: CountOrNone = SELF_TEST_PRODUCTS
    self_test_margin: Share = 0.1
    recall_target: Annotated[float, Field(gt=0, le=1)] = 0.99
    index_memory_mb: CountOrNone = 0
    text: Literal["on", "off"] = "on"
    features_minutes: CountOrNone = 120
    text_minutes: CountOrNone = 120
    alert_likelihood: Share = 0.5
    user_agent: str = "traceobject"
    allow_hosts: Texts = ()
    pages_a_night: Count = 5000
    webhook: str = ""
    mail_to: Texts = ()
    mail_from: str = ""
    smtp: str = ""
    metrics_file: str = ""
    gate: Literal["faces", "off"] = "faces"
    stale_hours: Hours = 49.0
    searches_a_minute: CountOrNone = 30
    trusted_proxies: Texts = ()
    public_address: Site = ""
    embed_on: Sites = ()
    oidc_issuer: str = ""
    oidc_client_id: str = ""
    oidc_claim: Text = "email"
    outside_engines: Engines = ()
    security_contact: ContactOrNone = ""


def read_settings(path: Path) -> Settings:
    """The settings in a file; those that it does not name have their defaults.

    Raises:
        FileNotFoundError: there is no such file.
        WorkspaceError: it cannot be read, names an unknown setting, or has a value out of its range.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        raise WorkspaceError(f"{path} cannot be read: {error}") from error
    try:
        return Settings(**raw)
    except ValidationError as error:
        # Each invalid item of a list is an error of its own, but the setting is named once.
        wrong = dict.fromkeys(str(one["loc"][0]) for one in error.errors())
        raise WorkspaceError(f"{path}: {'; '.join(_explain(name, raw[name]) for name in wrong)}") from error


def as_toml(settings: Settings) -> bytes:
    """Settings as the content of their file."""
    return tomli_w.dumps(asdict(settings)).encode()


def allowed() -> dict[str, str]:
    """A description of the valid values of each setting, by its name."""
    return {name: _describe(schema) for name, schema in TypeAdapter(Settings).json_schema()["properties"].items()}


def _explain(name: str, value: object) -> str:
    if name not in (known := [field.name for field in fields(Settings)]):
        return f"no setting is called {name!r}; there are {', '.join(known)}"
    return f"{name} must be {allowed()[name]}, not {value!r}"


_KINDS = {"string": "a text", "integer": "a whole number", "number": "a number", "array": "a list of texts"}
_BOUNDS = {
    "minLength": "that is not empty",
    "minimum": "of at least {}",
    "exclusiveMinimum": "above {}",
    "maximum": "and at most {}",
}


def _describe(schema: dict[str, Any]) -> str:
    """A field of a JSON schema: "a number of at least 0 and at most 1"."""
    if "description" in schema:
        return str(schema["description"])
    if "enum" in schema:
        return " or ".join(f'"{value}"' for value in schema["enum"])
    bounds = [words.format(schema[bound]) for bound, words in _BOUNDS.items() if bound in schema]
    return " ".join([_KINDS[schema["type"]], *bounds])
