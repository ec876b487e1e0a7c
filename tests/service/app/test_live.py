"""The live generation: replaced without a failed request, kept when the next one cannot be used."""

from __future__ import annotations

import io
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from PIL import Image
from starlette.testclient import TestClient

from index.errors import GenerationError
from index.generations import generations
from index.jobs.reindex import reindex
from index.progress import Unwatched
from index.search.answer import Query, QueryImage
from index.search.search import search
from index.workspace import Workspace
from service.app import live as live_module
from service.app.live import LiveGeneration
from service.application import create_app
from tests.fakes import ColourEncoder, add_feed, render, write_feed
from tests.service.conftest import HERE
from tests.service.running import in_a_process

pytestmark = pytest.mark.databases("sqlite", "postgres", slow=True)

ENCODER = ColourEncoder()
QUERY = Query((QueryImage(render(3)),))
NEVER = 3600.0


class Shop:
    """A workspace whose feed changes at every delivery."""

    def __init__(self, root: Path) -> None:
        self.root, self.deliveries = root, 0
        self.workspace = Workspace.create(root / "workspace", ENCODER.card.name)

    def publish(self, encoder: ColourEncoder = ENCODER) -> int:
        """Deliver one product more than before, each with a new title, and re-index."""
        self.deliveries += 1
        count = 8 + self.deliveries
        rows = [{"product_id": f"P{n}", "title": f"Delivery {self.deliveries}"} for n in range(count)]
        add_feed(self.workspace, "shop", "catalogue", write_feed(self.root / "shop", rows, range(count)))
        report = reindex(self.workspace, encoder, Unwatched())
        assert report.published
        assert report.generation is not None
        return report.generation


@pytest.fixture
def shop(tmp_path):
    return Shop(tmp_path)


def unwatched(shop: Shop) -> LiveGeneration:
    """A LiveGeneration that never polls by itself: the test calls refresh()."""
    return LiveGeneration(shop.workspace, ENCODER.card, poll_seconds=NEVER)


def damage(shop: Shop, number: int) -> None:
    path = shop.workspace.generations / str(number) / "catalogue.index"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def number(live: LiveGeneration) -> int:
    with live.lease() as generation:
        assert search(QUERY, generation, ENCODER).generation == generation.number
        return generation.number


def test_there_is_none_before_the_first_is_published(shop):
    with unwatched(shop) as live:
        with pytest.raises(GenerationError, match="reindex"), live.lease():
            pass
        assert live.fault is None
        shop.publish()
        live.refresh()
        assert number(live) == 1


def test_another_takes_its_place(shop):
    shop.publish()
    with unwatched(shop) as live:
        assert number(live) == 1
        shop.publish()
        assert number(live) == 1
        live.refresh()
        assert number(live) == 2


def test_a_rollback_is_taken_too(shop):
    shop.publish()
    shop.publish()
    with unwatched(shop) as live:
        assert number(live) == 2
        generations.rollback(shop.workspace)
        live.refresh()
        assert number(live) == 1


def test_it_is_opened_once(shop, monkeypatch):
    opened = []
    monkeypatch.setattr(
        live_module, "open_live", lambda workspace: opened.append(1) or generations.open_live(workspace)
    )
    shop.publish()
    with unwatched(shop) as live:
        for _ in range(5):
            live.refresh()
            number(live)
    assert opened == [1]


def test_a_lease_outlives_its_files(shop):
    shop.publish()
    with unwatched(shop) as live:
        with live.lease() as first:
            for _ in range(4):
                shop.publish()
                live.refresh()
            assert not (shop.workspace.generations / "1").exists()
            assert number(live) == 5
            answer = search(QUERY, first, ENCODER)
            assert (answer.generation, answer.candidates[0].entry.fields.title) == (1, "Delivery 1")
        assert is_closed(first)


def test_what_is_superseded_is_closed_after_its_last_lease(shop):
    shop.publish()
    with unwatched(shop) as live:
        one, two = live.lease(), live.lease()
        generation = one.__enter__()
        assert two.__enter__() is generation
        shop.publish()
        live.refresh()
        one.__exit__(None, None, None)
        assert not is_closed(generation)
        two.__exit__(None, None, None)
        assert is_closed(generation)
        with live.lease() as second:
            pass
        assert not is_closed(second)
    assert is_closed(second)


def is_closed(generation: generations.Generation) -> bool:
    try:
        generation.records.has_image("0" * 64)
    except GenerationError as error:
        return "closed database" in str(error)
    return False


def test_one_that_does_not_verify_is_not_taken(shop, caplog):
    shop.publish()
    with unwatched(shop) as live:
        damage(shop, shop.publish())
        live.refresh()
        assert number(live) == 1
        assert live.fault is not None
        assert str(shop.root) not in live.fault
        (refusal,) = [record for record in caplog.records if record.levelno == logging.ERROR]
        assert "catalogue.index" in refusal.cause
        shop.publish()
        live.refresh()
        assert (number(live), live.fault) == (3, None)


def test_one_of_another_model_is_not_taken(shop):
    shop.publish()
    with unwatched(shop) as live:
        shop.publish(ColourEncoder("another"))
        live.refresh()
        assert number(live) == 1
        assert "another" in (live.fault or "")
        assert "restart" in (live.fault or "")


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize("content", [b"", b"seven\n", b"99\n", b"\xff\xff"])
def test_a_current_that_leads_nowhere_changes_nothing(shop, content):
    shop.publish()
    with unwatched(shop) as live:
        shop.workspace.current.write_bytes(content)
        live.refresh()
        assert number(live) == 1
        assert live.fault is not None


@pytest.mark.databases("sqlite")
def test_a_current_that_is_gone_changes_nothing(shop):
    shop.publish()
    with unwatched(shop) as live:
        shop.workspace.current.unlink()
        live.refresh()
        assert number(live) == 1
        assert live.fault is not None


def test_a_fault_that_passes_is_overcome(shop, monkeypatch):
    shop.publish()
    monkeypatch.setattr(live_module, "RETRY_SECONDS", 0.0)
    with unwatched(shop) as live:
        shop.publish()

        def fail(workspace):
            raise OSError(24, "Too many open files")

        with monkeypatch.context() as broken:
            broken.setattr(live_module, "open_live", fail)
            live.refresh()
            assert number(live) == 1
            assert live.fault is not None
        live.refresh()
        assert (number(live), live.fault) == (2, None)


def test_the_watcher_needs_no_request(shop):
    shop.publish()
    with LiveGeneration(shop.workspace, ENCODER.card, poll_seconds=0.01) as live:
        shop.publish()
        wait_for(live, 2)


def wait_for(live: LiveGeneration, wanted: int) -> None:
    deadline = time.monotonic() + 10
    while number(live) != wanted:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_ready_shows_the_fault_and_searches_go_on(shop):
    first, second = shop.publish(), shop.publish()
    # Damaged while it is not live, so that the server never opens it undamaged.
    generations.rollback(shop.workspace, first)
    damage(shop, second)
    with TestClient(create_app(shop.workspace, ENCODER), base_url=HERE) as client:
        shop.workspace.coordination.point(second)
        client.app.state.services.live.refresh()
        body = client.get("/readyz").json()
        assert body["generation"] == 1
        assert "cannot be opened" in body["fault"]
        answer = client.post("/v1/search", files={"image": jpeg(3)})
        assert (answer.status_code, answer.json()["generation"]) == (200, 1)


def test_many_threads_lease_while_generations_change(shop):
    first, second = shop.publish(), shop.publish()
    stop = threading.Event()

    def lease_on(live: LiveGeneration) -> set[int]:
        seen = set()
        while not stop.is_set():
            seen.add(number(live))
        return seen

    with unwatched(shop) as live, ThreadPoolExecutor(4) as pool:
        try:
            leasing = [pool.submit(lease_on, live) for _ in range(4)]
            for turn in range(8):
                generations.rollback(shop.workspace, (first, second)[turn % 2])
                live.refresh()
        finally:
            stop.set()
        assert set.union(*(future.result() for future in leasing)) == {first, second}


def jpeg(seed: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(render(seed)).save(file, "JPEG")
    return file.getvalue()


class Visitor:
    """Searches and fetches the best candidate and its picture in a loop; notes the generations that answered."""

    def __init__(self, address: str, seed: int, stop: threading.Event) -> None:
        self.address, self.picture, self.stop = address, jpeg(seed), stop
        self.generations: list[int] = []

    def visit(self) -> None:
        with httpx.Client(base_url=self.address, timeout=30) as client:
            while not self.stop.is_set():
                answer = client.post("/v1/search", files={"image": self.picture}).raise_for_status().json()
                self.generations.append(answer["generation"])
                best = answer["candidates"][0]
                product = client.get(f"/v1/products/{best['product_id']}").raise_for_status().json()
                assert best["image"] in product["images"]
                client.get(f"/v1/images/{best['image']}").raise_for_status()
                client.get("/readyz").raise_for_status()


@pytest.mark.slow
def test_five_publications_under_four_clients_fail_no_request(shop, tmp_path):
    shop.publish()
    stop = threading.Event()
    with in_a_process(shop.workspace.root, tmp_path / "stderr") as (_, address), ThreadPoolExecutor(4) as pool:
        visitors = [Visitor(address, seed, stop) for seed in range(4)]
        visits = [pool.submit(visitor.visit) for visitor in visitors]
        try:
            for last in range(1, 7):
                if last > 1:
                    assert shop.publish() == last
                deadline = time.monotonic() + 20
                while not all(visitor.generations[-1:] == [last] for visitor in visitors):
                    assert time.monotonic() < deadline
                    assert not any(visit.done() for visit in visits)
                    time.sleep(0.02)
        finally:
            stop.set()
        for visit in visits:
            visit.result()
        assert httpx.get(f"{address}/readyz").json()["generation"] == 6
    for visitor in visitors:
        assert visitor.generations == sorted(visitor.generations)
        assert set(visitor.generations) == {1, 2, 3, 4, 5, 6}
    assert not (shop.workspace.generations / "1").exists()
    assert '"level": "error"' not in (tmp_path / "stderr").read_text(encoding="utf-8")
