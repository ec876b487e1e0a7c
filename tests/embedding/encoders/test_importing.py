"""Checkpoints imported from files: checked, copied, and found by name like any other model."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import embedding.tiny_clip
from embedding.encoders import model_store as store
from embedding.encoders import registry, weights
from embedding.encoders.choose import load
from embedding.encoders.weights import importing
from embedding.errors import ModelUnavailable
from sample.tiny_clip import shapes

torch = pytest.importorskip("torch")
open_clip = pytest.importorskip("open_clip")

FOLDER = Path(embedding.tiny_clip.__file__).parent
ARCHITECTURE = "traceobject-test-tiny"


@pytest.fixture(scope="module", autouse=True)
def _known_to_open_clip(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The tiny CLIP's architecture, registered with open_clip."""
    path = tmp_path_factory.mktemp("configs") / f"{ARCHITECTURE}.json"
    path.write_text(json.dumps(json.loads((FOLDER / store.CONFIG).read_text())["model_cfg"]))
    open_clip.add_model_config(path)


@pytest.fixture(autouse=True)
def _own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACEOBJECT_MODELS", str(tmp_path / "models"))


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    """A checkpoint and its configuration, as they would come on a USB stick."""
    folder = tmp_path / "stick"
    folder.mkdir()
    shutil.copy(FOLDER / store.WEIGHTS, folder / "tiny.safetensors")
    shutil.copy(FOLDER / store.CONFIG, folder)
    return folder / "tiny.safetensors"


def test_an_imported_model_is_found_and_gives_the_same_vectors(stick: Path) -> None:
    tiny = load("tiny-clip", device="cpu")
    card = weights.import_file(stick, ARCHITECTURE, sha256=tiny.card.sha256, name="office/eye")
    assert card == store.recorded("office/eye") == registry.get("office/eye")
    assert card.preprocess == tiny.card.preprocess
    assert "office/eye" in registry.names()
    assert ("office/eye", "here") in {(card.name, status) for card, status in weights.inventory()}
    stick.unlink()
    encoder = load("office/eye", device="cpu")
    pictures = np.stack([shapes.render(shapes.ALL_SPECS[i], np.random.default_rng(i)) for i in range(3)])
    np.testing.assert_array_equal(encoder.encode_images(pictures), tiny.encode_images(pictures))
    np.testing.assert_array_equal(encoder.encode_texts(["red"]), tiny.encode_texts(["red"]))


def test_importing_again_changes_nothing_and_another_file_is_refused(stick: Path) -> None:
    from safetensors.torch import load_file, save_file

    card = weights.import_file(stick, ARCHITECTURE, name="eye")
    assert weights.import_file(stick, ARCHITECTURE, name="eye") == card
    tensors = load_file(stick)
    save_file({**tensors, "logit_scale": tensors["logit_scale"] + 1}, stick)
    with pytest.raises(ModelUnavailable, match=r"already has another eye.*--name"):
        weights.import_file(stick, ARCHITECTURE, name="eye")


def test_a_wrong_checksum_is_refused(stick: Path) -> None:
    with pytest.raises(ModelUnavailable, match="not 0000"):
        weights.import_file(stick, ARCHITECTURE, sha256="0" * 64)
    assert store.names() == []


def test_a_file_other_than_safetensors_is_refused(tmp_path: Path, stick: Path) -> None:
    pickled = tmp_path / "model.pt"
    torch.save({"weight": torch.zeros(2)}, pickled)
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(stick.read_bytes()[:100_000])
    for path in (pickled, cut):
        with pytest.raises(ModelUnavailable, match=r"not a whole safetensors file.*pickled"):
            weights.import_file(path, ARCHITECTURE)
    with pytest.raises(ModelUnavailable, match="No such file"):
        weights.import_file(tmp_path / "none.safetensors", ARCHITECTURE)


def test_another_architecture_is_refused_with_the_tensors_that_do_not_fit(stick: Path) -> None:
    with pytest.raises(ModelUnavailable, match=r"does not fit the architecture ViT-B-32: .*have another shape.*--arch"):
        weights.import_file(stick, "ViT-B-32")
    with pytest.raises(ModelUnavailable, match=r"ViT-B-33.*ViT-B-32"):
        weights.import_file(stick, "ViT-B-33")
    with pytest.raises(ModelUnavailable, match="no architecture 'qqq'"):
        weights.import_file(stick, "qqq")
    assert store.names() == []


def test_missing_and_foreign_tensors_are_counted(stick: Path) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(stick)
    tensors["foreign"] = tensors.pop("positional_embedding")
    save_file(tensors, stick)
    with pytest.raises(ModelUnavailable, match=r"1 tensors are missing \(pos.*1 are not in the architecture \(foreign"):
        weights.import_file(stick, ARCHITECTURE)


@pytest.mark.parametrize(
    "name", ["starter", "starter-lite1", "tiny-clip", "ViT-B-32", "../up", "a/../b", "", "a b", ".x"]
)
def test_a_name_that_is_taken_or_invalid_is_refused(stick: Path, name: str) -> None:
    with pytest.raises(ModelUnavailable, match="name"):
        weights.import_file(stick, f"{ARCHITECTURE}", name=name or "/")
    assert not list(store.root().rglob("*.safetensors"))


def test_a_name_of_the_table_means_that_model(tmp_path: Path) -> None:
    config = open_clip.get_model_config("ViT-B-16-SigLIP2")
    arguments = ("ViT-B-16-SigLIP2", "", "a" * 64, config)
    for file in ("tokenizer.json", "tokenizer_config.json"):
        assert not importing._card("ViT-B-16-SigLIP2", *arguments, tmp_path).text
        (tmp_path / file).write_text("{}")
    card = importing._card("ViT-B-16-SigLIP2", *arguments, tmp_path)
    assert card == replace(registry.get("ViT-B-16-SigLIP2"), sha256="a" * 64)
    marqo = "Marqo/marqo-ecommerce-embeddings-B"
    with pytest.raises(ModelUnavailable, match=f"this is not {marqo}"):
        importing._card(marqo, "ViT-B-16-SigLIP", "", "a" * 64, config, tmp_path)


def test_the_named_tag_decides_the_preprocessing(tmp_path: Path) -> None:
    """open_clip knows ViT-L-14 weights with OpenAI's mean and with one of 0.5: the tag must say which."""
    config = open_clip.get_model_config("ViT-L-14")
    with pytest.raises(ModelUnavailable, match=r"ViT-L-14:openai.*laion2b_s32b_b82k"):
        importing._tagged_preprocess("ViT-L-14", "", config, tmp_path)
    openai = importing._tagged_preprocess("ViT-L-14", "openai", config, tmp_path)
    laion = importing._tagged_preprocess("ViT-L-14", "laion2b_s32b_b82k", config, tmp_path)
    assert openai.mean == registry.OPENAI_MEAN
    assert laion.mean == (0.5, 0.5, 0.5)
    with pytest.raises(ModelUnavailable, match="'nobody'"):
        importing._tagged_preprocess("ViT-L-14", "nobody", config, tmp_path)
    (tmp_path / store.CONFIG).write_text(json.dumps({"preprocess_cfg": {"mean": [0.1, 0.1, 0.1]}}))
    assert importing._tagged_preprocess("ViT-L-14", "", config, tmp_path).mean == (0.1, 0.1, 0.1)
    alike = importing._tagged_preprocess("ViT-B-16-SigLIP2", "", open_clip.get_model_config("ViT-B-16-SigLIP2"), Path())
    assert alike == replace(registry.get("ViT-B-16-SigLIP2").preprocess, fill=alike.fill)
