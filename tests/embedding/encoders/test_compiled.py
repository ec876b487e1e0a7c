"""Compiled models: tokens equal open_clip's, vectors agree with torch's, and no file is opened unverified."""

# ruff: noqa: E402 - the imports below need the extras that importorskip checks first

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

pytest.importorskip("openvino")
pytest.importorskip("nncf")
open_clip = pytest.importorskip("open_clip")

from embedding.encoders import model_store as store
from embedding.encoders import registry, weights
from embedding.encoders.agreement import Agreement, Samples, overlap
from embedding.encoders.choose import load, load_card, preferred
from embedding.encoders.openvino import compiled, inference
from embedding.encoders.openvino.compiled import CompiledEncoder, probe_pictures
from embedding.encoders.openvino.compiling import compile_encoder
from embedding.encoders.openvino.exporting import Towers
from embedding.encoders.openvino.forms import MIN_PICTURES
from embedding.encoders.tokens import Tokenizer
from embedding.errors import CompiledRefused, ModelUnavailable
from tests.fakes import render

WORDS = ["a red striped circle", "a blue star"]


@pytest.fixture(scope="module")
def tiny() -> Towers:
    encoder = load("tiny-clip", "cpu")
    assert isinstance(encoder, Towers)
    return encoder


@pytest.fixture(scope="module")
def samples(tiny: Towers) -> Samples:
    return Samples.of((render(seed) for seed in range(MIN_PICTURES)), tiny.card.preprocess)


@pytest.fixture
def own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TRACEOBJECT_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr("embedding.encoders.choose.cuda_available", lambda: False)
    return tmp_path / "models"


@pytest.fixture(scope="module")
def compiled_once(tmp_path_factory: pytest.TempPathFactory, tiny: Towers, samples: Samples) -> Path:
    """A store that has a compiled model."""
    root = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRACEOBJECT_MODELS", str(root))
        compile_encoder(tiny, "fp32", samples, WORDS)
    return root


@pytest.fixture
def folder(own_store: Path, compiled_once: Path) -> Path:
    """The folder of a compiled model, in a store of the test's own."""
    shutil.copytree(compiled_once, own_store)
    return own_store / "tiny-clip-fp32"


# Unassigned code points may be letters in one library's Unicode version and not in the other's.
ASSIGNED = st.characters(exclude_categories=("Cn", "Cs"))
OPEN_CLIPS = open_clip.SimpleTokenizer()
REBUILT = Tokenizer.of(OPEN_CLIPS)


@settings(max_examples=300)
@example("It's 42 cafés — naïve 日本語 hello_world!!! don't &amp;amp; WE'LL")
@example("<start_of_text> a mug <END_OF_TEXT> x")
@example("word " * 200)
@example("\u0345 a\u0345b 1\u0345!")
@example("\ud7ff\x00 \u2028 ﬁ ½ ")
@given(st.text(ASSIGNED, max_size=80))
def test_tokens_equal_those_of_open_clip(text: str) -> None:
    np.testing.assert_array_equal(REBUILT([text]), OPEN_CLIPS([text]).numpy())


@pytest.mark.parametrize("clean", ["lower", "whitespace", "canonicalize"])
def test_texts_are_cleaned_as_by_open_clip(clean: str, tmp_path: Path) -> None:
    theirs = open_clip.SimpleTokenizer(clean=clean, context_length=20)
    Tokenizer.of(theirs).save(tmp_path / "tokenizer.json")
    ours = Tokenizer.open(tmp_path / "tokenizer.json", clean, None)
    texts = ["  Don't_stop,  the MUSIC!\n", "", "l'été &lt;3", "ＦＵＬＬ ｗｉｄｔｈ"]
    np.testing.assert_array_equal(ours(texts), theirs(texts).numpy())


def test_a_tokenizer_from_a_file_gives_the_same_tokens() -> None:
    tokenizers = pytest.importorskip("tokenizers")
    transformers = pytest.importorskip("transformers")
    vocabulary = {"[PAD]": 0, "[UNK]": 1, "[SEP]": 2, "red": 3, "mug": 4}
    native = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="[UNK]"))
    native.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    native.post_processor = tokenizers.processors.TemplateProcessing(single="$A [SEP]", special_tokens=[("[SEP]", 2)])
    theirs = object.__new__(open_clip.tokenizer.HFTokenizer)
    theirs.tokenizer_mode, theirs.context_length, theirs.strip_sep_token = "", 6, True
    theirs.clean_fn = open_clip.tokenizer.get_clean_fn("canonicalize")
    theirs.tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=native, pad_token="[PAD]", unk_token="[UNK]", sep_token="[SEP]"
    )
    texts = ["Red, mug!", "a red red red red red red mug", ""]
    np.testing.assert_array_equal(Tokenizer.of(theirs)(texts), theirs(texts).numpy())


@pytest.mark.slow
def test_the_text_network_is_verified_when_it_is_opened(folder: Path) -> None:
    """It is opened for the first text, long after the rest."""
    encoder = load("tiny-clip-fp32")
    weights_file = folder / "text.bin"
    kept = weights_file.read_bytes()
    weights_file.write_bytes(bytes(len(kept)))
    with pytest.raises(ModelUnavailable, match=r"text\.bin has SHA-256"):
        encoder.encode_texts(WORDS)
    weights_file.write_bytes(kept)
    assert encoder.encode_texts(WORDS).shape == (len(WORDS), encoder.card.dimension)


@pytest.fixture
def many(samples: Samples) -> npt.NDArray[np.uint8]:
    """Enough pictures to be embedded in batches."""
    both = np.concatenate([samples.catalogue, samples.photos])
    # The last batch is not full.
    return both[np.arange(compiled.BATCHED_FROM + 3) % len(both)]


def test_batched_rows_equal_single_ones(folder: Path, many: npt.NDArray[np.uint8]) -> None:
    encoder = load("tiny-clip-fp32")
    alone = np.concatenate([encoder.encode_images(picture[None]) for picture in many])
    np.testing.assert_array_equal(encoder.encode_images(many), alone)


def test_the_batched_network_is_opened_for_large_inputs_only(
    folder: Path, many: npt.NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, open_network = [], inference.open_network

    def recording(path: Path, **options: int) -> Any:
        opened.append(options)
        return open_network(path, **options)

    monkeypatch.setattr("embedding.encoders.openvino.inference.open_network", recording)
    monkeypatch.setattr("embedding.encoders.openvino.inference.cores", lambda: 2)
    encoder = load("tiny-clip-fp32")
    encoder.encode_images(many[: compiled.BATCHED_FROM - 1])
    assert opened == [{}]
    for _ in range(2):
        encoder.encode_images(many)
    assert opened == [{}, {"streams": 2, "batch": 8}]


def test_a_batched_network_with_other_rows_is_not_used(
    folder: Path, many: npt.NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    openvino, encoder = inference.openvino(), load("tiny-clip-fp32")
    alone = np.concatenate([encoder.encode_images(picture[None]) for picture in many])

    def other(path: Path, *, streams: int, batch: int) -> Any:
        model = openvino.Core().read_model(path)
        model.reshape([batch, *many.shape[1:]])
        (result,) = model.get_results()
        shifted = openvino.opset13.add(result.input_value(0), openvino.opset13.constant(np.float32(0.1)))
        return inference.compiled(openvino.Model([shifted], model.get_parameters()), streams=streams)

    monkeypatch.setattr("embedding.encoders.openvino.inference.open_network", other)
    np.testing.assert_array_equal(encoder.encode_images(many), alone)


def test_a_model_whose_network_takes_no_batches_still_embeds_many(
    folder: Path, many: npt.NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = load("tiny-clip-fp32")
    alone = np.concatenate([encoder.encode_images(picture[None]) for picture in many])

    def refuse(path: Path, **_: int) -> Any:
        raise ModelUnavailable(f"OpenVINO cannot run {path}")

    monkeypatch.setattr("embedding.encoders.openvino.inference.open_network", refuse)
    np.testing.assert_array_equal(encoder.encode_images(many), alone)


def test_an_unsupported_tokenizer_is_reported() -> None:
    theirs = open_clip.SimpleTokenizer(reduction_mask="simple")
    with pytest.raises(ModelUnavailable, match="SimpleTokenizer"):
        Tokenizer.of(theirs)


@pytest.mark.slow
def test_full_precision_gives_the_vectors_of_torch(folder: Path, tiny: Towers, samples: Samples) -> None:
    encoder = load("tiny-clip-fp32")
    np.testing.assert_allclose(encoder.encode_images(samples.photos), tiny.encode_images(samples.photos), atol=1e-5)
    texts = [*WORDS, "", "something else altogether " * 9]
    np.testing.assert_allclose(encoder.encode_texts(texts), tiny.encode_texts(texts), atol=1e-5)


@pytest.mark.slow
def test_its_card_has_its_origin_and_its_agreement(folder: Path, tiny: Towers, samples: Samples) -> None:
    card = registry.get("tiny-clip-fp32")
    assert card.family == "compiled"
    assert card.weights == f"compiled:{tiny.card.sha256}"
    assert card.sha256 not in (None, tiny.card.sha256), "its vectors must not be mistaken for those of the original"
    figures = {figure.what: figure.value for figure in card.quality}
    assert figures["overlap of the first 10 with tiny-clip"] == 1
    assert figures["mean cosine of words with tiny-clip"] == 1
    assert card.quality[0].source.startswith(f"traceobject models compile, {MIN_PICTURES // 2} pictures, OpenVINO 20")
    assert ("tiny-clip-fp32", "here") in {(card.name, status) for card, status in weights.inventory()}
    again = compile_encoder(tiny, "fp32", samples, WORDS)
    assert (again.card, again.agreement) == (card, None), "it is compiled only once"
    with pytest.raises(ModelUnavailable, match="other weights"):
        compile_encoder(_with_other_weights(tiny), "fp32", samples, WORDS)


@pytest.mark.slow
def test_it_is_preferred_without_cuda_and_only_for_the_weights_it_was_made_from(
    folder: Path, tiny: Towers, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert preferred(tiny.card).name == "tiny-clip-fp32"
    assert preferred(replace(tiny.card, sha256="a" * 64)).name == "tiny-clip"
    assert preferred(registry.get("starter")).name == registry.STARTER
    monkeypatch.setattr("embedding.encoders.choose.cuda_available", lambda: True)
    assert preferred(tiny.card) == tiny.card
    with pytest.raises(ModelUnavailable, match="CPU only"):
        load("tiny-clip-fp32", "cuda")


@pytest.mark.slow
@pytest.mark.parametrize("file", ["image.xml", "image.bin", "text.bin", "tokenizer.json", store.COMPILED])
def test_a_damaged_file_is_not_opened(folder: Path, file: str) -> None:
    with (folder / file).open("r+b") as damaged:
        damaged.seek(-3, 2)
        damaged.write(b"???")
    with pytest.raises(ModelUnavailable, match=f"{file}.*(?s:.)*compile that model again"):
        load("tiny-clip-fp32")


@pytest.mark.slow
def test_a_machine_that_computes_other_vectors_is_refused(folder: Path) -> None:
    manifest = json.loads((folder / store.COMPILED).read_text())
    manifest["probes"][1].reverse()
    (folder / store.COMPILED).write_text(json.dumps(manifest))
    card = replace(registry.get("tiny-clip-fp32"), sha256=store.digest(folder / store.COMPILED))
    with pytest.raises(ModelUnavailable, match=r"other vectors on this machine.*cosine"):
        load_card(card)


@pytest.mark.slow
def test_a_model_that_agrees_too_little_is_refused_and_not_stored(
    own_store: Path, tiny: Towers, samples: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = np.random.default_rng(0).normal(0, 0.3, (len(samples), tiny.card.dimension)).astype(np.float32)
    encode: Callable[..., np.ndarray] = CompiledEncoder.encode_images

    def with_noise(self: CompiledEncoder, images: np.ndarray) -> np.ndarray:
        rows = encode(self, images)
        return rows + noise[: len(rows)] if len(rows) > len(probe_pictures(8)) else rows

    monkeypatch.setattr(compiled.CompiledEncoder, "encode_images", with_noise)
    with pytest.raises(CompiledRefused, match=r"tiny-clip-fp32 was not kept: .* only 0\.\d+ .*0\.95 is the least"):
        compile_encoder(tiny, "fp32", samples, WORDS)
    assert not list(own_store.glob("*"))
    assert store.recorded("tiny-clip-fp32") is None


def test_too_few_pictures_are_refused(own_store: Path, tiny: Towers, samples: Samples) -> None:
    with pytest.raises(ModelUnavailable, match="39 pictures are too few"):
        compile_encoder(tiny, "int8", samples[:39], WORDS)


@pytest.mark.slow
def test_it_runs_without_torch_and_without_telemetry(folder: Path, tmp_path: Path) -> None:
    code = """
import socket, sys
def refuse(*_): raise AssertionError("something was sent")
socket.socket.connect = refuse
from embedding.encoders.choose import load
from embedding.encoders.openvino.compiled import probe_pictures
encoder = load("tiny-clip-fp32")
encoder.encode_images(probe_pictures(60))
encoder.encode_texts(["a blue star"])
print(sorted({"torch", "open_clip", "timm", "transformers", "nncf"} & set(sys.modules)))
"""
    environment = {**os.environ, "TRACEOBJECT_MODELS": str(folder.parent), "HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout == "[]\n", done.stderr
    assert not (tmp_path / "intel").exists(), "openvino's telemetry writes there"


def test_overlap_is_the_share_that_two_lists_have_in_common() -> None:
    assert overlap(np.array([[1, 2], [3, 4]]), np.array([[2, 1], [3, 9]])) == 0.75


def test_figures_have_no_text_cosine_without_a_text_side() -> None:
    figures = Agreement(40, 1.0, 0.9, 0.97, 0.5, 0.6, None).figures("starter", "2026.4")
    assert [figure.value for figure in figures] == [1.0, 0.9, 0.97, 0.5, 0.6]


def _with_other_weights(encoder: Towers) -> Towers:
    class Other:
        card = replace(encoder.card, sha256="b" * 64)

    return Other()  # type: ignore[return-value]
