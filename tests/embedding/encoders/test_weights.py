"""Weights are fetched completely or not at all, even from a hub that misbehaves in every way."""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from huggingface_hub import close_session, constants, file_download
from hypothesis import example, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save

from embedding.encoders import choose, registry, weights
from embedding.encoders import model_store as store
from embedding.encoders.card import ModelCard
from embedding.encoders.weights.download import download
from embedding.encoders.weights.not_fetched import NotOnHub
from embedding.errors import ModelUnavailable

WEIGHTS = save({"tensor": np.arange(50_000, dtype=np.float32)})
SHA256 = hashlib.sha256(WEIGHTS).hexdigest()
CONFIG = {"model_cfg": {"embed_dim": 8, "vision_cfg": {"image_size": 32}, "text_cfg": {}}}
CARD = replace(registry.get("ViT-B-32"), name="acme/eye", weights=f"hub:acme/eye/{store.WEIGHTS}")
PAGE = "/acme/eye/resolve/main/"


@dataclass
class Hub:
    """A hub on loopback, and how it misbehaves."""

    files: dict[str, bytes]
    url: str = ""
    etag: bool = True
    redirect: bool = True
    ignore_range: bool = False
    cut_after: list[int] = field(default_factory=list)
    reset: bool = False
    status: int = 200
    silent: bool = False
    stalls: bool = False
    announced: int | None = None
    gets: list[tuple[str, str | None]] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)

    def weights_ranges(self) -> list[str | None]:
        return [span for path, span in self.gets if path == "/cdn" + PAGE + store.WEIGHTS]


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        hub = self.server.hub
        if self.command == "GET":
            hub.gets.append((self.path, self.headers.get("Range")))
        else:
            hub.heads.append(self.path)
        hub.tokens += self.headers.get_all("Authorization", [])
        if hub.silent:
            time.sleep(3)
        else:
            self._serve(hub)

    do_HEAD = do_GET  # noqa: N815 - as the standard library names it

    def _serve(self, hub: Hub) -> None:
        name = self.path.removeprefix("/cdn").removeprefix(PAGE)
        body = hub.files.get(name)
        large = name == store.WEIGHTS
        wanted = self.headers.get("Range")
        if body is None or hub.status != 200:
            self._answer(404 if body is None else hub.status, {}, b"no")
        elif large and hub.redirect and not self.path.startswith("/cdn"):
            # As the hub does: checksum and size are headers of the redirect, the bytes come from another host.
            headers = {"X-Linked-ETag": f'"{SHA256}"'} if hub.etag else {}
            elsewhere = f"http://localhost:{self.server.server_port}/cdn{self.path}"
            size = str(hub.announced or len(body))
            self._answer(302, {"Location": elsewhere, "X-Linked-Size": size, **headers}, b"")
        elif large and hub.stalls and self.command == "GET":
            self.send_response(200)
            self.end_headers()
            time.sleep(0.5)
        elif wanted and not hub.ignore_range:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= len(body):
                self._answer(416, {"Content-Range": f"bytes */{len(body)}"}, b"")
            else:
                head = {"Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}"}
                self._answer(206, head, body[start:], large)
        else:
            self._answer(200, {"ETag": '"0123456789abcdef0123456789abcdef01234567"'}, body, large)

    def _answer(self, status: int, headers: dict[str, str], body: bytes, may_be_cut: bool = False) -> None:
        self.send_response(status)
        for key, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        cuts = self.server.hub.cut_after
        if may_be_cut and cuts:
            self.wfile.write(body[: cuts.pop(0)])
            self.close_connection = True
            if self.server.hub.reset:
                time.sleep(0.1)  # So that what was sent is read before the reset discards it.
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
            return
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    hub: Hub

    def handle_error(self, *_: object) -> None:
        """A connection that was reset on purpose."""


@pytest.fixture(autouse=True)
def _own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACEOBJECT_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    close_session()
    # Chunks smaller than the file, and no pause before a retry.
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 10_000)
    monkeypatch.setattr(file_download, "time", SimpleNamespace(sleep=lambda _: None))


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    server = _Server(("127.0.0.1", 0), _Handler)
    server.hub = Hub({store.WEIGHTS: WEIGHTS, store.CONFIG: json.dumps(CONFIG).encode()})
    server.hub.url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("HF_ENDPOINT", server.hub.url + "/")
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield server.hub
    server.shutdown()
    server.server_close()


def _part() -> Path:
    return store.folder(CARD.name) / (store.WEIGHTS + ".part")


def test_a_pulled_model_is_recorded_with_the_checksum_of_the_hub(hub: Hub, capsys: pytest.CaptureFixture) -> None:
    card = weights.pull(CARD)
    assert card.sha256 == SHA256
    assert store.recorded(CARD.name) == card
    assert weights.verified(CARD) == (store.folder(CARD.name) / store.WEIGHTS, SHA256)
    assert {path.name for path in store.folder(CARD.name).iterdir()} == {store.CARD, store.CONFIG, store.WEIGHTS}
    out, err = capsys.readouterr()
    assert out == ""
    assert store.WEIGHTS in err
    requests = len(hub.gets)
    assert weights.pull(CARD) == card
    assert len(hub.gets) == requests, "an installed model is not fetched again"


def test_an_interrupted_download_is_resumed_at_once(hub: Hub) -> None:
    hub.cut_after = [90_000, 10_000]
    assert weights.pull(CARD).sha256 == SHA256
    assert hub.weights_ranges() == [None, "bytes=90000-", "bytes=100000-"]


def test_a_reset_connection_is_retried(hub: Hub) -> None:
    hub.cut_after, hub.reset = [90_000, 20_000], True
    assert weights.pull(CARD).sha256 == SHA256
    spans = hub.weights_ranges()
    assert len(spans) == 3
    assert spans[0] is None
    assert None not in spans[1:], "what had come is not fetched again"


def test_a_connection_that_is_always_reset_is_given_up(hub: Hub) -> None:
    hub.cut_after, hub.reset = [0] * 99, True
    with pytest.raises(ModelUnavailable, match="models import"):
        weights.pull(CARD)
    assert len(hub.weights_ranges()) < 10


def test_a_hub_that_stops_sending_is_given_up(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 0.1)
    hub.stalls = True
    with pytest.raises(ModelUnavailable, match=r"timed out .*models import"):
        weights.pull(CARD)


def test_the_progress_of_a_resumed_download_includes_what_was_there(hub: Hub, capsys: pytest.CaptureFixture) -> None:
    hub.cut_after = [100_000] + [0] * 9
    with pytest.raises(ModelUnavailable):
        weights.pull(CARD)
    capsys.readouterr()
    hub.cut_after = []
    weights.pull(CARD)
    bars = capsys.readouterr().err
    assert f"{store.WEIGHTS}:  50%" in bars
    assert f"{store.WEIGHTS}: 100%" in bars
    assert "200k/200k" in bars


def test_a_full_disk_is_reported_with_the_file(hub: Hub) -> None:
    _part().parent.mkdir(parents=True)
    _part().symlink_to("/dev/full")
    with pytest.raises(ModelUnavailable, match=r"\.part cannot be written: No space left on device"):
        weights.pull(CARD)
    assert store.recorded(CARD.name) is None


def test_an_unannounced_length_is_reported(hub: Hub) -> None:
    hub.announced = len(WEIGHTS) + 10
    with pytest.raises(ModelUnavailable, match="another length than it announced"):
        weights.pull(CARD)
    hub.announced = None
    assert weights.pull(CARD).sha256 == SHA256


def test_offline_nothing_is_requested(hub: Hub) -> None:
    """In a process of its own: huggingface_hub reads the variable once."""
    command = [sys.executable, "-m", "service.cli.main", "models", "pull", "ViT-B-32"]
    done = subprocess.run(command, env={**os.environ, "HF_HUB_OFFLINE": "1"}, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("traceobject: HF_HUB_OFFLINE is set, so http://127.0.0.1:")
    assert len(done.stderr.splitlines()) == 1
    assert hub.gets == hub.heads == []


def test_no_token_of_this_machine_is_sent(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    weights.pull(CARD)
    assert hub.heads
    assert hub.tokens == []


def test_without_the_library_the_error_says_how_to_install_it(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "embedding.encoders.weights.download")
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ModelUnavailable, match=r"huggingface_hub.*pip install 'traceobject\[clip\]'"):
        weights.pull(CARD)


def test_what_was_received_before_a_failure_is_kept_for_the_next_call(hub: Hub) -> None:
    hub.cut_after = [70_000] + [0] * 9
    with pytest.raises(ModelUnavailable, match="70,000 bytes are kept"):
        weights.pull(CARD)
    assert _part().read_bytes() == WEIGHTS[:70_000]
    assert store.recorded(CARD.name) is None
    hub.cut_after, hub.gets = [], []
    assert weights.pull(CARD).sha256 == SHA256
    assert hub.weights_ranges() == ["bytes=70000-"]


@settings(max_examples=15)
@example(kept=len(WEIGHTS) + 5, right=True, ignore_range=False, etag=True)
@example(kept=len(WEIGHTS), right=False, ignore_range=False, etag=True)
@given(kept=st.integers(0, len(WEIGHTS) + 5), right=st.booleans(), ignore_range=st.booleans(), etag=st.booleans())
def test_any_partial_file_on_disk_ends_in_the_right_file(
    tmp_path_factory: pytest.TempPathFactory, kept: int, right: bool, ignore_range: bool, etag: bool
) -> None:
    """Right, wrong and too long partial files, with and without Range and a stated checksum."""
    target = tmp_path_factory.mktemp("any") / store.WEIGHTS
    beginning = (WEIGHTS + b"-tail")[:kept]
    target.with_name(target.name + ".part").write_bytes(beginning if right else beginning[::-1])
    server = _Server(("127.0.0.1", 0), _Handler)
    server.hub = Hub({store.WEIGHTS: WEIGHTS}, ignore_range=ignore_range, etag=etag)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        url = f"http://127.0.0.1:{server.server_port}{PAGE}{store.WEIGHTS}"
        assert download(url, target, None if etag else SHA256) == SHA256
        assert target.read_bytes() == WEIGHTS
        assert not target.with_name(target.name + ".part").exists()
    finally:
        server.shutdown()
        server.server_close()


def test_a_wrong_checksum_leaves_nothing(hub: Hub) -> None:
    with pytest.raises(ModelUnavailable, match=f"SHA-256 is {SHA256}, not 0000"):
        weights.pull(replace(CARD, sha256="0" * 64))
    assert not _part().exists()
    assert store.recorded(CARD.name) is None
    assert len(hub.weights_ranges()) == 1, "a fresh copy that is wrong is not fetched again and again"


def test_an_error_page_instead_of_weights_is_not_kept(hub: Hub) -> None:
    hub.files[store.WEIGHTS] = b"<html>please log in</html>"
    hub.redirect = False
    with pytest.raises(ModelUnavailable, match="not a whole safetensors file"):
        weights.pull(CARD)
    assert not (store.folder(CARD.name) / store.WEIGHTS).exists()


def test_an_error_page_instead_of_the_configuration_is_not_kept(hub: Hub) -> None:
    hub.files[store.CONFIG] = b"<html>please log in</html>"
    with pytest.raises(ModelUnavailable, match="no description of a model"):
        weights.pull(CARD)
    assert not (store.folder(CARD.name) / store.CONFIG).exists()


def test_tokenizer_files_are_fetched_if_the_model_needs_them(hub: Hub) -> None:
    config = {"model_cfg": {**CONFIG["model_cfg"], "text_cfg": {"hf_tokenizer_name": "acme/eye"}}}
    hub.files[store.CONFIG] = json.dumps(config).encode()
    with pytest.raises(NotOnHub, match=r"tokenizer\.json"):
        weights.pull(CARD)
    hub.files |= {"tokenizer.json": b"{}", "tokenizer_config.json": b"{}"}
    weights.pull(CARD)
    assert (store.folder(CARD.name) / "tokenizer.json").is_file()


@pytest.mark.parametrize(("status", "says"), [(404, "not there"), (403, "not there"), (503, "HTTP 503")])
def test_a_refusal_is_reported_with_what_to_do(hub: Hub, status: int, says: str) -> None:
    hub.status = status
    with pytest.raises(ModelUnavailable, match=f"{says}.*HF_ENDPOINT.*models import"):
        weights.pull(CARD)


def test_a_silent_hub_is_given_up_in_time(hub: Hub) -> None:
    hub.silent = True
    start = time.monotonic()
    with pytest.raises(ModelUnavailable, match=r"no answer from 127\.0\.0\.1 in 0\.4 s"):
        weights.pull(CARD, timeout=0.4)
    assert time.monotonic() - start < 2


def test_a_hub_that_never_accepts_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A listener with a full backlog: the connection is never made."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{port}")
        start = time.monotonic()
        with pytest.raises(ModelUnavailable, match="no answer"):
            weights.pull(CARD, timeout=0.4)
        assert time.monotonic() - start < 2
        for filler in fillers:
            filler.close()


def test_a_missing_hub_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{free.getsockname()[1]}")
    with pytest.raises(ModelUnavailable, match=r"refused.*models import"):
        weights.pull(CARD)
    monkeypatch.setenv("HF_ENDPOINT", "no-scheme.example")
    with pytest.raises(ModelUnavailable, match="HF_ENDPOINT"):
        weights.pull(CARD)


def test_a_name_that_never_resolves_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://slow.invalid")

    def look_up(*_: object, **__: object) -> None:
        time.sleep(2)
        raise socket.gaierror("never found")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    start = time.monotonic()
    with pytest.raises(ModelUnavailable, match=r"no answer from slow\.invalid"):
        weights.pull(CARD, timeout=0.4)
    assert time.monotonic() - start < 2


def test_the_default_timeout_is_at_most_ten_seconds() -> None:
    from embedding.encoders.weights.not_fetched import HUB_TIMEOUT_SECONDS

    assert HUB_TIMEOUT_SECONDS <= 10


def test_weights_changed_in_the_store_are_noticed(hub: Hub) -> None:
    weights.pull(CARD)
    path = store.folder(CARD.name) / store.WEIGHTS
    path.write_bytes(WEIGHTS[:-1] + b"!")
    with pytest.raises(ModelUnavailable, match=f"expected {SHA256}"):
        weights.verified(CARD)


def test_every_model_is_listed_with_its_status(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = {card.name: status for card, status in weights.inventory()}
    assert listed["ViT-B-32"] == "can be pulled"
    assert listed["tiny-clip"] == listed["starter-lite1"] == "here"
    monkeypatch.setitem(hub.files, store.WEIGHTS, WEIGHTS)
    weights.pull(CARD)
    assert {card.name: status for card, status in weights.inventory()}[CARD.name] == "here"
    monkeypatch.setattr(weights, "find_spec", lambda name: None if name == "open_clip" else object())
    listed = {card.name: status for card, status in weights.inventory()}
    assert listed["ViT-B-32"] == listed["tiny-clip"] == "package missing"
    assert listed["starter-lite1"] == "here"


@pytest.fixture(autouse=True)
def no_copy_detector(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether one is installed does not decide these tests."""
    monkeypatch.setattr(choose, "COPY_DETECTORS", ())


class _Loaded:
    def __init__(self, card: ModelCard) -> None:
        self.card = card


@pytest.fixture
def loading(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Records the names of the models to load instead of loading them."""
    loaded: list[str] = []

    def load_card(card: ModelCard, device: str | None = None) -> _Loaded:
        loaded.append(card.name)
        return _Loaded(card)

    monkeypatch.setattr(choose, "load_card", load_card)
    return loaded


def _default_hub(hub: Hub) -> None:
    repository = "/timm/ViT-B-16-SigLIP2/resolve/main/"
    config = json.dumps(CONFIG).encode()
    hub.files |= {repository + store.WEIGHTS: WEIGHTS, repository + store.CONFIG: config}


def test_auto_fetches_the_default_where_a_hub_answers(hub: Hub, loading: list[str]) -> None:
    _default_hub(hub)
    encoder, choice = choose.choose()
    assert choice.name == encoder.card.name == registry.DEFAULT == loading[-1]
    assert hub.url in choice.why
    assert weights.verified(registry.get(registry.DEFAULT))[1] == SHA256
    requests = len(hub.gets)
    _, choice = choose.choose()
    assert choice.name == registry.DEFAULT
    assert "already here" in choice.why
    assert len(hub.gets) == requests


def test_auto_takes_the_starter_and_says_why_where_no_hub_answers(hub: Hub, loading: list[str]) -> None:
    hub.silent = True
    _, choice = choose.choose(timeout=0.3)
    assert choice.name == registry.STARTER == loading[-1]
    assert "ViT-B-16-SigLIP2 could not be fetched: no answer from 127.0.0.1 in 0.3 s" in choice.why
    assert "Took starter-lite1" in choice.why


def test_auto_takes_a_stored_clip_model_before_fetching_one(hub: Hub, loading: list[str]) -> None:
    weights.pull(CARD)
    hub.gets.clear()
    _, choice = choose.choose()
    assert choice.name == CARD.name
    assert not hub.gets


def test_auto_does_not_fetch_what_cannot_run(hub: Hub, loading: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "find_spec", lambda name: None if name == "open_clip" else object())
    _, choice = choose.choose()
    assert choice.name == registry.STARTER
    assert "open_clip not installed" in choice.why
    assert not hub.gets


def test_auto_skips_damaged_weights(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    weights.pull(CARD)
    (store.folder(CARD.name) / store.WEIGHTS).write_bytes(b"damaged")
    hub.status = 503
    loaded: list[str] = []

    def load_card(card: ModelCard, device: str | None = None) -> _Loaded:
        loaded.append(card.name)
        weights.verified(card)
        return _Loaded(card)

    monkeypatch.setattr(choose, "load_card", load_card)
    _, choice = choose.choose()
    assert loaded == [CARD.name, registry.STARTER]
    assert choice.name == registry.STARTER
    assert "is not the weights of acme/eye" in choice.why


def test_auto_reports_a_damaged_record(hub: Hub, loading: list[str]) -> None:
    for name in (registry.DEFAULT, "other"):
        store.folder(name).mkdir(parents=True)
        (store.folder(name) / store.CARD).write_text("{")
    _, choice = choose.choose()
    assert choice.name == registry.STARTER
    assert "is damaged" in choice.why


def test_auto_without_any_model_reports_everything_it_tried(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:

    def load_card(card: ModelCard, device: str | None = None) -> _Loaded:
        raise ModelUnavailable(f"{card.name} will not")

    monkeypatch.setattr(choose, "load_card", load_card)
    with pytest.raises(
        ModelUnavailable, match=r"ViT-B-16-SigLIP2 could not be fetched.*HTTP 404.*starter-lite1 will not"
    ):
        choose.choose()
