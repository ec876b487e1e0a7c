"""The table of models agrees with the libraries and files that it names."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from embedding.encoders import model_store as store
from embedding.encoders import registry
from embedding.encoders.card import ModelCard
from embedding.encoders.choose import load
from embedding.encoders.weights.locate import verified
from embedding.errors import ModelUnavailable

TAGS = {
    "ViT-B-32": "laion2b_s34b_b79k",
    "ViT-B-32-256": "datacomp_s34b_b86k",
    "ViT-B-16-SigLIP2": "webli",
    "ViT-L-16-SigLIP2-384": "webli",
    "PE-Core-L-14-336": "meta",
    # Marqo's models are SigLIP's, fine-tuned, with its architectures and preprocessing.
    "ViT-B-16-SigLIP": "webli",
    "ViT-L-16-SigLIP-256": "webli",
}
HUB_CARDS = [card for card in registry.CARDS if card.weights.startswith("hub:")]
STARTERS = [card for card in registry.CARDS if card.family == "starter"]


@pytest.fixture(autouse=True)
def _empty_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACEOBJECT_MODELS", str(tmp_path))


def test_the_documented_names_are_in_the_table() -> None:
    promised = {"starter", "starter-lite0", "starter-lite1", "starter-lite2", "tiny-clip", "ViT-B-32", "ViT-B-32-256"}
    promised |= {"ViT-B-16-SigLIP2", "ViT-L-16-SigLIP2-384", "PE-Core-L-14-336"}
    promised |= {"Marqo/marqo-ecommerce-embeddings-B", "Marqo/marqo-ecommerce-embeddings-L"}
    assert promised <= set(registry.names())
    assert len(registry.names()) == len(set(registry.names()))
    assert registry.get("starter").name == registry.STARTER
    assert registry.get(registry.DEFAULT).text


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ModelUnavailable, match=r"'resnet'.*starter, ViT-B-16-SigLIP2.*tiny-clip"):
        registry.get("resnet")


@pytest.mark.parametrize("card", HUB_CARDS, ids=lambda card: card.name)
def test_a_clip_card_agrees_with_open_clip(card: ModelCard) -> None:
    open_clip = pytest.importorskip("open_clip")
    config = open_clip.get_model_config(card.architecture)
    pretrained = open_clip.get_pretrained_cfg(card.architecture, TAGS[card.architecture])
    how = card.preprocess
    assert config["embed_dim"] == card.dimension
    assert config["vision_cfg"]["image_size"] == how.size
    assert pretrained["mean"] == how.mean
    assert pretrained["std"] == how.std
    assert pretrained["interpolation"] == how.interpolation
    assert pretrained["resize_mode"] == how.fit
    if card.name == card.architecture:
        assert card.weights == f"hub:{pretrained['hf_hub']}{store.WEIGHTS}"


@pytest.mark.parametrize("card", STARTERS, ids=lambda card: card.name)
def test_a_starter_card_agrees_with_timm(card: ModelCard) -> None:
    timm = pytest.importorskip("timm")
    known = timm.get_pretrained_cfg(card.architecture)
    assert (known.mean, known.std) == (card.preprocess.mean, card.preprocess.std)
    assert known.interpolation == card.preprocess.interpolation
    assert known.license.lower() == card.licence.lower()


@pytest.mark.parametrize("card", registry.CARDS, ids=lambda card: card.name)
def test_every_card_is_complete(card: ModelCard) -> None:
    assert card.licence
    assert card.quality
    assert all(figure.source and 0 < figure.value < 1 for figure in card.quality)
    assert card.weights.partition(":")[0] in {"hub", "package", "release"}
    if card.weights.startswith("package:"):
        assert card.sha256, "what is installed with the project is checked against the table"


def test_cards_survive_a_round_trip_through_the_store(tmp_path: Path) -> None:
    from dataclasses import replace

    for card in registry.CARDS:
        kept = replace(card, sha256="0" * 64)
        store.folder(card.name).mkdir()
        store.record(kept)
        assert store.recorded(card.name) == kept
    assert store.names() == sorted(card.name for card in registry.CARDS)
    assert all(path.parent == tmp_path for path in map(store.folder, registry.names()))


def test_a_damaged_record_is_reported_with_what_to_do() -> None:
    store.folder("odd").mkdir()
    (store.folder("odd") / store.CARD).write_text('{"name": "odd"}')
    with pytest.raises(ModelUnavailable, match="pull or import that model again"):
        registry.get("odd")


def test_missing_weights_are_reported_with_what_to_do() -> None:
    with pytest.raises(ModelUnavailable, match=r"traceobject models pull ViT-B-32.*models import FILE --arch ViT-B-32"):
        verified(registry.get("ViT-B-32"))


def test_a_missing_package_is_reported_with_what_to_do() -> None:
    from dataclasses import replace

    card = replace(registry.get("starter"), weights="package:efficientnet_lite9_pytorch_model")
    with pytest.raises(ModelUnavailable, match=r"traceobject\[clip\]"):
        verified(card)


def test_other_weights_than_the_cards_are_refused() -> None:
    from dataclasses import replace

    with pytest.raises(ModelUnavailable, match="expected 0000"):
        verified(replace(registry.get("starter"), sha256="0" * 64))


def test_a_missing_device_is_reported() -> None:
    pytest.importorskip("torch")
    for device in ("cuda:99", "warp"):
        with pytest.raises(ModelUnavailable, match=device):
            load("starter", device=device)


def test_naming_models_does_not_import_torch() -> None:
    code = (
        "import sys; from embedding.encoders import card, choose, registry, weights; "
        "from embedding.encoders.weights import download, pull; "
        "sys.exit(any(m in sys.modules for m in ('torch', 'timm', 'open_clip', 'transformers')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
