"""A whole web of sources: the first night and the second, which asks and loads next to nothing."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from embedding.encoders import choose
from index.sources.fetching import outcomes
from service.cli.main import main
from tests.fakes import ColourEncoder
from tests.index.sources.web.conftest import S3Bucket
from tests.index.sources.web.shop_server import (
    ShopServer,
    facts_code,
    picture,
    put_facts,
    put_google_feed,
    put_shopify,
    put_sitemap_shop,
    put_woocommerce,
)
from tests.index.sources.web.test_pages_by_reader import HTML, SCRIPT, html_page, script_page


@pytest.mark.slow
def test_the_second_night_asks_and_loads_next_to_nothing(
    server: ShopServer, s3: S3Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("index.models.load", lambda name: ColourEncoder())
    monkeypatch.setattr("index.models.choose", lambda: (ColourEncoder(), choose.Choice("colour-64", "took colour-64")))
    monkeypatch.setattr("service.cli.reindex.reranker_for", lambda workspace: None)
    limits = outcomes.FetchLimits
    monkeypatch.setattr(limits.__init__, "__defaults__", _without_delay(limits))

    def run(*arguments: str) -> Any:
        result = CliRunner().invoke(main, ["--workspace", str(tmp_path / "w"), *arguments])
        assert result.exit_code == 0, result.output
        return result

    # Their own server cannot be asked from a test.
    monkeypatch.setattr(
        "index.sources.web.open_facts.picture_address", lambda code, *_: f"{server.url}/facts/{code}.jpg"
    )
    for number in range(0, 200, 4):
        server.put(f"/facts/{facts_code(number)}.jpg", picture(number % 40), "image/jpeg")
    (tmp_path / "html.toml").write_text(HTML)
    (tmp_path / "script.toml").write_text(SCRIPT)
    for name in [*(f"{n}-{side}" for n in range(5) for side in ("front", "back")), *map(str, range(7))]:
        server.put(f"/crops/{name}.jpg", picture(sum(map(ord, name)) % 40), "image/jpeg")
    run("init")
    settings = tmp_path / "w" / "traceobject.toml"
    allowed = f'allow_hosts = ["{server.netloc}", "{s3.netloc}"]\ngate = "off"'
    text = settings.read_text().replace("allow_hosts = []", allowed)
    settings.write_text(text.replace('gate = "faces"\n', ""))
    run("add", "catalogue", put_sitemap_shop(server, 500), "--source", "any shop")
    run("add", "catalogue", put_shopify(server, 600), "--source", "shopify")
    run("add", "catalogue", put_woocommerce(server, 300), "--source", "woocommerce")
    run("add", "catalogue", put_google_feed(server, 100), "--source", "google")
    run("add", "catalogue", put_facts(server, 200), "--where", "countries=nl", "--source", "facts")
    s3.put({f"{number}.jpg": number for number in range(20)})
    run("add", "catalogue", "s3://pictures/shop", "--source", "bucket")
    run("add", "objects", server.put("/list", html_page(range(5))), "--reader", str(tmp_path / "html.toml"))
    run("add", "objects", server.put("/script", script_page(range(7))), "--reader", str(tmp_path / "script.toml"))
    first = json.loads(run("reindex", "--json").stdout)
    assert first["published"]
    requests, loaded = server.reset()
    second = json.loads(run("reindex", "--json").stdout)
    assert not second["published"]
    assert second["new_images"] == 0
    again, loaded_again = server.reset()
    sys.stdout.write(
        f"first night: {requests} requests, {loaded:,} bytes; second: {again} requests ({again / requests:.2%}), "
        f"{loaded_again:,} bytes ({loaded_again / loaded:.2%})\n"
    )
    assert again < 0.02 * requests
    assert loaded_again < 0.02 * loaded
    counts = {name: sum(changes.values()) for name, changes in second["changes"].items()}
    assert [counts[name] for name in ("any shop", "shopify", "woocommerce", "google", "facts", "bucket")] == [
        *(500, 600, 300),
        *(100, 50, 20),
    ]


def _without_delay(limits: Any) -> tuple[Any, ...]:
    """The defaults of the fetch limits, with no pause between two requests to a host."""
    names = list(limits.__dataclass_fields__)
    return tuple(0.0 if name == "delay" else limits.__dataclass_fields__[name].default for name in names)
