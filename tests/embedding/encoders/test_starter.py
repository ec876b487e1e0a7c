"""The starter model: the packages' weights in timm's network, and their recall on real pictures."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from embedding.encoders import registry
from embedding.encoders.choose import load
from embedding.encoders.weights.locate import verified
from embedding.errors import ModelUnavailable
from embedding.image.preprocess import prepare
from tests.paths import SHARED

torch = pytest.importorskip("torch")
starter = pytest.importorskip("embedding.encoders.starter")

GROCERY = SHARED / "data/grocery"


@pytest.mark.parametrize("number", [0, 1, 2])
def test_the_packages_tensors_get_timms_names_of_the_same_kind(number: int) -> None:
    import timm

    card = registry.get(f"starter-lite{number}")
    given = starter._read_tensors(verified(card)[0])
    network = timm.create_model(card.architecture, pretrained=False)
    renamed = starter._rename_tensors(given, network.state_dict(), Path("file"))
    same = {id(tensor): name for name, tensor in given.items()}
    names = {same[id(tensor)]: name for name, tensor in renamed.items()}
    assert names["_conv_stem.weight"] == "conv_stem.weight"
    assert names["_blocks.1._expand_conv.weight"] == "blocks.1.0.conv_pw.weight"
    assert names["_blocks.1._project_conv.weight"] == "blocks.1.0.conv_pwl.weight"
    assert names["_conv_head.weight"] == "conv_head.weight"
    assert names["_bn1.running_var"] == "bn2.running_var"
    assert names["_fc.bias"] == "classifier.bias"
    # A running variance is never negative; a weight among them would be.
    assert all((tensor >= 0).all() for name, tensor in renamed.items() if name.endswith("running_var"))


def test_tensors_that_do_not_correspond_are_refused() -> None:
    wanted = {"conv_stem.weight": torch.zeros(2, 3), "bn1.weight": torch.zeros(2)}
    for given in (
        {"_conv_stem.weight": torch.zeros(2, 3)},
        {"_conv_stem.weight": torch.zeros(2, 3), "_bn0.weight": torch.zeros(3)},
        {"_conv_stem.weight": torch.zeros(2, 3), "_bn0.bias": torch.zeros(2)},
        {"_depthwise_conv.weight": torch.zeros(2, 3), "_bn0.weight": torch.zeros(2)},
    ):
        with pytest.raises(ModelUnavailable, match=r"file\.pth"):
            starter._rename_tensors(given, wanted, Path("file.pth"))


@pytest.mark.slow
@pytest.mark.skipif(not GROCERY.is_dir(), reason=f"the grocery pictures are not at {GROCERY}")
def test_photos_from_shops_find_the_catalogue_picture() -> None:
    encoder = load("starter")

    def embed(rows: list[dict[str, str]]) -> np.ndarray:
        pictures = (np.asarray(Image.open(GROCERY / row["path"]).convert("RGB")) for row in rows)
        return encoder.encode_images(np.stack([prepare(picture, encoder.card.preprocess) for picture in pictures]))

    gallery = list(csv.DictReader((GROCERY / "gallery.csv").open()))
    queries = list(csv.DictReader((GROCERY / "queries.csv").open()))
    order = np.argsort(-embed(queries) @ embed(gallery).T, axis=1)
    hit = np.array(
        [
            [gallery[column]["product_id"] in row["product_ids"].split("|") for column in columns[:10]]
            for row, columns in zip(queries, order, strict=True)
        ]
    )
    assert hit[:, 0].mean() >= 0.40
    assert hit.any(axis=1).mean() >= 0.90
