"""A whole night with the models that a night has, on workers of this machine, compared with one process."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace

import pytest
from click.testing import CliRunner
from PIL import Image

from embedding.text.networks import available
from embedding.text.reader import OcrReader

pytest.importorskip("ray", reason="the extra `ray` is not installed")
if not available():
    pytest.skip("the extra `text` and rapidocr are not installed", allow_module_level=True)

from embedding.encoders import registry
from embedding.encoders.registry import STARTER
from embedding.image.regions import WHOLE
from index.records.catalogue import Catalogue
from index.settings import as_toml
from index.stores.features import FeatureStore
from index.stores.images import ImageStore
from index.stores.text import open_text
from index.stores.vectors import VectorStore
from index.workspace import SETTINGS, Workspace
from service.cli.main import main
from tests.drawn_face import draw_face
from tests.fakes import add_feed, write_feed
from tests.paths import ROOT
from tests.ray_cluster import LocalCluster
from tests.written import written


def run(folder, *arguments):
    return CliRunner().invoke(main, ["--workspace", str(folder), *map(str, arguments)], catch_exceptions=False)


class Delivery:
    """Feeds that a night refuses a part of: products with and without words on them, and crops, one with a face."""

    def __init__(self, folder):
        rows = [{"product_id": f"p{n}", "title": f"Thing {n}"} for n in range(8)]
        self.products = write_feed(folder / "shop", rows, list(range(8)))
        for number, name in enumerate(["ARLA KO", "LUMA 3000", "SUNRISE TEA", "NORDIC MILK"]):
            Image.fromarray(written(name)).save(folder / "shop" / "pictures" / f"{number}.png")
        objects = [{"object_id": f"E-{n}", "status": "open"} for n in range(2)]
        self.crops = write_feed(folder / "list", objects, [900, 901])
        Image.fromarray(draw_face()).save(folder / "list" / "pictures" / "901.png")

    def night(self, root, model, *options, objects=""):
        """The report of a first night in a new workspace, and what that keeps."""
        assert run(root, "init", "--model", model).exit_code == 0
        workspace = Workspace.open(root)
        (root / SETTINGS).write_bytes(as_toml(replace(workspace.settings, objects=objects)))
        workspace = Workspace.open(root)
        add_feed(workspace, "shop", "catalogue", self.products)
        add_feed(workspace, "Europol", "objects", self.crops)
        result = run(root, "reindex", "--json", *options)
        assert result.exit_code == 3, result.stderr
        report = json.loads(result.stdout)
        assert "face" in str(report["refused"])
        report.pop("seconds")
        return report, stored(Workspace.open(root))


def check_same(one, many):
    assert one == many
    images, vectors, features, readings = one[1]
    assert len(images) == len(features) == len(readings) == 9
    assert "ARLA" in str(readings)
    assert vectors


@pytest.mark.slow
def test_workers_store_what_one_process_stores(tmp_path, monkeypatch):
    """Vectors, local features, text, and what the gate stopped."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setattr("embedding.text.reader.available", available)
    delivery = Delivery(tmp_path)
    one = delivery.night(tmp_path / "one", "tiny-clip")
    check_same(one, delivery.night(tmp_path / "many", "tiny-clip", "--workers", "2"))


@pytest.mark.slow
def test_two_nodes_over_a_bucket_store_what_one_process_stores(tmp_path, monkeypatch, s3_server):
    """The starter model, and pictures, vectors, local features and text in a bucket, where workers stage, too."""
    monkeypatch.setattr("embedding.text.reader.available", available)
    delivery, bucket = Delivery(tmp_path), s3_server.bucket()
    one = delivery.night(tmp_path / "one", STARTER)
    # After the S3 server, whose address it gives to its workers.
    cluster = LocalCluster()
    try:
        many = delivery.night(tmp_path / "many", STARTER, "--workers", cluster.address, objects=f"s3://{bucket}/prefix")
    finally:
        cluster.stop()
    check_same(one, many)
    keys = {key for key, _ in s3_server.everything(bucket)}
    assert not any("/staging/" in key for key in keys)
    assert {key.split("/")[1] for key in keys} >= {"images", "vectors", "features", "text", "generations"}
    assert not (tmp_path / "many" / "images").exists()


def stored(workspace):
    """What a workspace keeps of its pictures."""
    with Catalogue.open(workspace.database_url) as catalogue:
        images = catalogue.images()
    store = VectorStore.open(workspace.objects, registry.get(workspace.settings.model))
    features = FeatureStore(workspace.objects, ImageStore(workspace.objects)).get(images)
    with closing(open_text(workspace.objects, OcrReader().version)) as texts:
        readings = sorted((image, str(reading)) for image, reading in texts.get(images))
    records = [each.to_record().tobytes() for each in features]
    return images, store.get(store.rows_of(images, WHOLE)).tobytes(), records, readings
