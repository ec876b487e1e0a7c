"""traceobject.toml: the range of each setting, to the last valid value and the first invalid one."""

from __future__ import annotations

import tomllib
from dataclasses import FrozenInstanceError, asdict, fields, replace

import pytest
import tomli_w
from pydantic import ValidationError

from index.errors import WorkspaceError
from index.settings import Settings, allowed
from index.workspace import SETTINGS, Workspace

NAN, ENDLESS = float("nan"), float("inf")
NO_COUNT = [-1, 2.0, True, "3"]
NO_SHARE = [-0.01, 1.01, 50, NAN, ENDLESS, True, "0.5"]
NO_TEXT = [0, True, ["x"]]
NO_TEXTS = ["x", [1], 1]

# Each setting: valid values, at both ends of its range, and invalid ones.
TABLE = {
    "model": (["auto", "starter"], ["", *NO_TEXT]),
    "model_sha256": (["", "a" * 64], NO_TEXT),
    "model_why": (["", "named by the operator"], NO_TEXT),
    "database": (["", "postgresql+psycopg://user@host/name"], NO_TEXT),
    "objects": (["", "s3://bucket/prefix"], NO_TEXT),
    "engine": (
        ["", "milvus://host:19530", "milvus+tls://h/name"],
        [*NO_TEXT, "host:19530", "http://host", "milvus://", "milvus://root:secret@host"],
    ),
    "keep_generations": ([1, 1000], [0, *NO_COUNT]),
    "retention_days": ([0, 365_000], [365_001, *NO_COUNT]),
    "max_fall": ([0, 0.0, 0.5, 1, 1.0], NO_SHARE),
    "self_test_products": ([0, 30, 100], NO_COUNT),
    "self_test_margin": ([0, 0.0, 1, 1.0], NO_SHARE),
    "recall_target": ([0.001, 1, 1.0], [0, 0.0, 7.5, *NO_SHARE]),
    "index_memory_mb": ([0, 1_000_000], NO_COUNT),
    "text": (["on", "off"], ["", "yes", "On", *NO_TEXT]),
    "features_minutes": ([0, 30], NO_COUNT),
    "text_minutes": ([0, 30], NO_COUNT),
    "alert_likelihood": ([0, 0.0, 1, 1.0], NO_SHARE),
    "user_agent": (["traceobject/0.1 (+https://example.org/contact)"], NO_TEXT),
    "allow_hosts": ([[], ["images.internal", "127.0.0.1:8123"]], NO_TEXTS),
    "pages_a_night": ([1, 5000], [0, *NO_COUNT]),
    "webhook": (["", "https://desk.example.org/hooks"], NO_TEXT),
    "mail_to": ([[], ["desk@example.org"]], NO_TEXTS),
    "mail_from": (["", "night@example.org"], NO_TEXT),
    "smtp": (["", "smtps://mail.example.org:465"], NO_TEXT),
    "metrics_file": (["", "/var/lib/m.prom"], NO_TEXT),
    "gate": (["faces", "off"], ["", "none", "Faces", *NO_TEXT]),
    "stale_hours": ([0, 0.5, 49, 8_760_000], [-0.5, 8_760_001, NAN, ENDLESS, True, "49"]),
    "searches_a_minute": ([0, 30], NO_COUNT),
    "trusted_proxies": ([[], ["127.0.0.1", "10.0.0.0/8"]], NO_TEXTS),
    "public_address": (
        ["", "https://objects.example.org", "http://10.0.0.5:8080/"],
        ["objects.example.org", "ftp://x.example", "https://x.example/path", "https://x.example; y", *NO_TEXT],
    ),
    "embed_on": (
        [[], ["https://www.newspaper.example", "http://[::1]:8080"]],
        [["newspaper.example"], ["https://a.example; script-src *"], ["*"], ["https://a.example/path"], *NO_TEXTS],
    ),
    "oidc_issuer": (["", "https://login.example.org"], NO_TEXT),
    "oidc_client_id": (["", "traceobject"], NO_TEXT),
    "oidc_claim": (["email", "sub"], ["", *NO_TEXT]),
    "outside_engines": (
        [[], ["Example https://images.example/search?url={picture}"], ["Two Words https://a.example:8443/{picture}"]],
        [
            ["https://images.example/{picture}"],
            ["Example http://images.example/{picture}"],
            ["Example https://images.example/"],
            ["Example https://{picture}/"],
            ["Example https://a.example.{picture}/"],
            ["Example https://a@b.example/{picture}"],
            ["Example javascript:{picture}"],
            *NO_TEXTS,
        ],
    ),
    "security_contact": (
        ["", "mailto:security@example.org", "https://example.org/report"],
        ["security@example.org", "mailto:", "mailto:a@example.org\nContact: mailto:b@example.org", *NO_TEXT],
    ),
}
TAKEN = [(name, value) for name, (taken, _) in TABLE.items() for value in taken]
REFUSED = [(name, value) for name, (_, refused) in TABLE.items() for value in refused]


@pytest.fixture
def root(tmp_path):
    return Workspace.create(tmp_path / "workspace").root


def opened(root, **settings):
    (root / SETTINGS).write_text(tomli_w.dumps(settings), encoding="utf-8")
    return Workspace.open(root).settings


def test_the_table_has_every_setting():
    assert list(TABLE) == [field.name for field in fields(Settings)] == list(allowed())


@pytest.mark.parametrize(("name", "value"), TAKEN)
def test_valid_values_are_accepted(root, name, value):
    found = getattr(opened(root, **{name: value}), name)
    assert found == (tuple(value) if isinstance(value, list) else value)
    assert type(found) is type(getattr(Settings(), name))


@pytest.mark.parametrize(("name", "value"), REFUSED)
def test_invalid_values_are_refused_with_file_setting_value_and_range(root, name, value):
    with pytest.raises(WorkspaceError) as refused:
        opened(root, **{name: value})
    assert str(refused.value) == f"{root / SETTINGS}: {name} must be {allowed()[name]}, not {value!r}"


def test_the_range_is_described_in_words():
    descriptions = allowed()
    assert descriptions["recall_target"] == "a number above 0 and at most 1"
    assert descriptions["keep_generations"] == "a whole number of at least 1"
    assert descriptions["gate"] == '"faces" or "off"'
    assert descriptions["mail_to"] == "a list of texts"


def test_every_invalid_setting_is_reported_at_once(root):
    with pytest.raises(WorkspaceError, match=r"recall_target must .*7\.5; gate must .*; no setting is called 'modle'"):
        opened(root, recall_target=7.5, modle="starter", gate="on")


def test_an_unknown_setting_is_refused_with_those_that_there_are(root):
    with pytest.raises(WorkspaceError, match=r"no setting is called 'keep'; there are model, .*keep_generations"):
        opened(root, keep=3)


def test_a_file_that_names_few_settings_opens_with_the_defaults(root):
    assert opened(root) == Settings()
    assert opened(root, model="starter") == Settings(model="starter")


def test_what_is_written_is_read_again(root):
    settings = Workspace.open(root).pin_model("starter-lite1", "a" * 64, "named").settings
    assert Workspace.open(root).settings == settings
    written = tomllib.loads((root / SETTINGS).read_text(encoding="utf-8"))
    assert written == {
        **asdict(settings),
        "outside_engines": [],
        "allow_hosts": [],
        "mail_to": [],
        "trusted_proxies": [],
        "embed_on": [],
    }


@pytest.mark.parametrize("content", [b"model =", b"\xff\xfe", b'a = "1"\na = "2"'])
def test_a_file_that_is_no_toml_is_reported(root, content):
    (root / SETTINGS).write_bytes(content)
    with pytest.raises(WorkspaceError, match=r"traceobject\.toml cannot be read"):
        Workspace.open(root)


def test_settings_cannot_be_changed_in_place_and_a_changed_copy_is_checked():
    with pytest.raises(FrozenInstanceError):
        Settings().recall_target = 0.5  # type: ignore[misc]
    with pytest.raises(ValidationError, match="recall_target"):
        replace(Settings(), recall_target=7.5)
