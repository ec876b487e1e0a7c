"""A whole night with the models that a night has, on processes of this machine, compared with one process."""

from __future__ import annotations

import json
from contextlib import closing

import pytest
from click.testing import CliRunner
from PIL import Image

from embedding.text.networks import available
from embedding.text.reader import OcrReader

pytest.importorskip("ray", reason="the extra `ray` is not installed")
if not available():
    pytest.skip("the extra `text` and rapidocr are not installed", allow_module_level=True)

from embedding.encoders import registry
from embedding.image.regions import WHOLE
from index.records.catalogue import Catalogue
from index.stores.features import FeatureStore
from index.stores.images import ImageStore
from index.stores.text import open_text
from index.stores.vectors import VectorStore
from index.workspace import Workspace
from service.cli.main import main
from tests.drawn_face import draw_face
from tests.fakes import add_feed, write_feed
from tests.paths import ROOT
from tests.written import written


def run(folder, *arguments):
    return CliRunner().invoke(main, ["--workspace", str(folder), *map(str, arguments)], catch_exceptions=False)


@pytest.mark.slow
def test_workers_store_what_one_process_stores(tmp_path, monkeypatch):
    """Vectors, local features, text, and what the gate stopped."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setattr("embedding.text.reader.available", available)
    names = ["ARLA KO", "LUMA 3000", "SUNRISE TEA", "NORDIC MILK"]
    folder = tmp_path / "shop"
    rows = [{"product_id": f"p{n}", "title": f"Thing {n}"} for n in range(8)]
    feed = write_feed(folder, rows, list(range(8)))
    for number, name in enumerate(names):
        Image.fromarray(written(name)).save(folder / "pictures" / f"{number}.png")
    crops = write_feed(tmp_path / "list", [{"object_id": f"E-{n}", "status": "open"} for n in range(2)], [900, 901])
    Image.fromarray(draw_face()).save(tmp_path / "list" / "pictures" / "901.png")
    reports, kept = [], []
    for name, workers in (("one", []), ("many", ["--workers", "2"])):
        workspace = tmp_path / name
        assert run(workspace, "init", "--model", "tiny-clip").exit_code == 0
        add_feed(Workspace.open(workspace), "shop", "catalogue", feed)
        add_feed(Workspace.open(workspace), "Europol", "objects", crops)
        result = run(workspace, "reindex", "--json", *workers)
        assert result.exit_code == 3, result.stderr
        report = json.loads(result.stdout)
        assert "face" in str(report["refused"])
        report.pop("seconds")
        reports.append(report)
        kept.append(stored(Workspace.open(workspace)))
    assert reports[0] == reports[1]
    assert kept[0] == kept[1]
    images, vectors, features, readings = kept[0]
    assert len(images) == len(features) == len(readings) == 9
    assert "ARLA" in str(readings)
    assert vectors


def stored(workspace):
    """What a workspace keeps of its pictures."""
    with Catalogue.open(workspace.database_url) as catalogue:
        images = catalogue.images()
    store = VectorStore.open(workspace.objects, registry.get("tiny-clip"))
    features = FeatureStore(workspace.objects, ImageStore(workspace.objects)).get(images)
    with closing(open_text(workspace.objects, OcrReader().version)) as texts:
        readings = sorted((image, str(reading)) for image, reading in texts.get(images))
    records = [each.to_record().tobytes() for each in features]
    return images, store.get(store.rows_of(images, WHOLE)).tobytes(), records, readings
