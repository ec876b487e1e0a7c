"""Compiled models: words cut as open_clip cuts them, vectors kept apart, and nothing opened that was not verified."""

# ruff: noqa: E402 - what is imported below needs the extras that are asked for first

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
from embedding.encoders.openvino.compiling import FEWEST, CompiledRefused, compile_encoder
from embedding.encoders.openvino.exporting import Towers
from embedding.encoders.tokens import Tokenizer
from embedding.errors import ModelUnavailable
from tests.fakes import render

WORDS = ["a red striped circle", "a blue star"]


@pytest.fixture(scope="module")
def tiny() -> Towers:
    encoder = load("tiny-clip", "cpu")
    assert isinstance(encoder, Towers)
    return encoder


@pytest.fixture(scope="module")
def samples(tiny: Towers) -> Samples:
    return Samples.of((render(seed) for seed in range(FEWEST)), tiny.card.preprocess)


@pytest.fixture
def own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TRACEOBJECT_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr("embedding.encoders.choose.cuda_here", lambda: False)
    return tmp_path / "models"


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory, tiny: Towers, samples: Samples) -> Path:
    """A store with a compiled model in it."""
    root = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRACEOBJECT_MODELS", str(root))
        compile_encoder(tiny, "fp32", samples, WORDS)
    return root


@pytest.fixture
def made(own_store: Path, made_once: Path) -> Path:
    """The folder of a compiled model, in a store of the test's own."""
    shutil.copytree(made_once, own_store)
    return own_store / "tiny-clip-fp32"


# What is no character yet in Python's table may be a letter in one library's and not in the other's.
ASSIGNED = st.characters(exclude_categories=("Cn", "Cs"))
CLIPS_OWN = open_clip.SimpleTokenizer()
REBUILT = Tokenizer.of(CLIPS_OWN)


@settings(max_examples=300)
@example("It's 42 cafés — naïve 日本語 hello_world!!! don't &amp;amp; WE'LL")
@example("<start_of_text> a mug <END_OF_TEXT> x")
@example("word " * 200)
@example("\u0345 a\u0345b 1\u0345!")
@example("\ud7ff\x00 \u2028 ﬁ ½ ")
@given(st.text(ASSIGNED, max_size=80))
def test_words_become_the_tokens_of_open_clip(text: str) -> None:
    np.testing.assert_array_equal(REBUILT([text]), CLIPS_OWN([text]).numpy())


@pytest.mark.parametrize("clean", ["lower", "whitespace", "canonicalize"])
def test_words_are_cleaned_as_open_clip_cleans_them(clean: str, tmp_path: Path) -> None:
    theirs = open_clip.SimpleTokenizer(clean=clean, context_length=20)
    Tokenizer.of(theirs).save(tmp_path / "tokenizer.json")
    ours = Tokenizer.open(tmp_path / "tokenizer.json", clean, None)
    texts = ["  Don't_stop,  the MUSIC!\n", "", "l'été &lt;3", "ＦＵＬＬ ｗｉｄｔｈ"]
    np.testing.assert_array_equal(ours(texts), theirs(texts).numpy())


def test_a_tokenizer_from_a_file_is_taken_as_it_is() -> None:
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


def test_what_words_need_is_verified_when_it_is_opened(made: Path) -> None:
    """It is opened with the first words, long after the rest."""
    encoder = load("tiny-clip-fp32")
    weights_file = made / "text.bin"
    kept = weights_file.read_bytes()
    weights_file.write_bytes(bytes(len(kept)))
    with pytest.raises(ModelUnavailable, match=r"text\.bin has SHA-256"):
        encoder.encode_texts(WORDS)
    weights_file.write_bytes(kept)
    assert encoder.encode_texts(WORDS).shape == (len(WORDS), encoder.card.dimension)


@pytest.fixture
def many(samples: Samples) -> npt.NDArray[np.uint8]:
    """As many pictures as are embedded side by side."""
    both = np.concatenate([samples.plain, samples.wild])
    # Not as many as fill the last inference.
    return both[np.arange(compiled.MANY + 3) % len(both)]


def test_many_at_once_have_the_rows_of_each_alone(made: Path, many: npt.NDArray[np.uint8]) -> None:
    encoder = load("tiny-clip-fp32")
    alone = np.concatenate([encoder.encode_images(picture[None]) for picture in many])
    np.testing.assert_array_equal(encoder.encode_images(many), alone)


def test_the_network_is_opened_again_for_many_at_once_alone(
    made: Path, many: npt.NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, really = [], inference.open_network

    def watched(path: Path, **way: int) -> Any:
        opened.append(way)
        return really(path, **way)

    monkeypatch.setattr("embedding.encoders.openvino.inference.open_network", watched)
    monkeypatch.setattr("embedding.encoders.openvino.inference.cores", lambda: 2)
    encoder = load("tiny-clip-fp32")
    encoder.encode_images(many[: compiled.MANY - 1])
    assert opened == [{}]
    for _ in range(2):
        encoder.encode_images(many)
    assert opened == [{}, {"streams": 2, "together": 8}]


def test_where_several_at_a_time_have_other_rows_they_are_not_used(
    made: Path, many: npt.NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    openvino, encoder = inference.openvino(), load("tiny-clip-fp32")
    alone = np.concatenate([encoder.encode_images(picture[None]) for picture in many])

    def other(path: Path, *, streams: int, together: int) -> Any:
        model = openvino.Core().read_model(path)
        model.reshape([together, *many.shape[1:]])
        (result,) = model.get_results()
        moved = openvino.opset13.add(result.input_value(0), openvino.opset13.constant(np.float32(0.1)))
        return inference.compiled(openvino.Model([moved], model.get_parameters()), streams=streams)

    monkeypatch.setattr("embedding.encoders.openvino.inference.open_network", other)
    np.testing.assert_array_equal(encoder.encode_images(many), alone)


def test_a_model_compiled_for_one_at_a_time_takes_many_all_the_same(
    made: Path, many: npt.NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = load("tiny-clip-fp32")
    alone = np.concatenate([encoder.encode_images(picture[None]) for picture in many])

    def refuse(path: Path, **_: int) -> Any:
        raise ModelUnavailable(f"OpenVINO cannot run {path}")

    monkeypatch.setattr("embedding.encoders.openvino.inference.open_network", refuse)
    np.testing.assert_array_equal(encoder.encode_images(many), alone)


def test_what_cannot_be_rebuilt_is_told() -> None:
    theirs = open_clip.SimpleTokenizer(reduction_mask="simple")
    with pytest.raises(ModelUnavailable, match="SimpleTokenizer"):
        Tokenizer.of(theirs)


@pytest.mark.slow
def test_full_precision_gives_the_vectors_of_torch(made: Path, tiny: Towers, samples: Samples) -> None:
    encoder = load("tiny-clip-fp32")
    np.testing.assert_allclose(encoder.encode_images(samples.wild), tiny.encode_images(samples.wild), atol=1e-5)
    texts = [*WORDS, "", "something else altogether " * 9]
    np.testing.assert_allclose(encoder.encode_texts(texts), tiny.encode_texts(texts), atol=1e-5)


@pytest.mark.slow
def test_its_card_tells_what_it_is_and_how_far_it_agrees(made: Path, tiny: Towers, samples: Samples) -> None:
    card = registry.get("tiny-clip-fp32")
    assert card.family == "compiled"
    assert card.weights == f"compiled:{tiny.card.sha256}"
    assert card.sha256 not in (None, tiny.card.sha256), "its vectors must not be taken for those of the original"
    figures = {figure.what: figure.value for figure in card.quality}
    assert figures["overlap of the first 10 with tiny-clip"] == 1
    assert figures["mean cosine of words with tiny-clip"] == 1
    assert card.quality[0].source.startswith(f"traceobject models compile, {FEWEST // 2} pictures, OpenVINO 20")
    assert ("tiny-clip-fp32", "here") in {(card.name, standing) for card, standing in weights.inventory()}
    again = compile_encoder(tiny, "fp32", samples, WORDS)
    assert (again.card, again.agreement) == (card, None), "it is compiled once"
    with pytest.raises(ModelUnavailable, match="other weights"):
        compile_encoder(_with_other_weights(tiny), "fp32", samples, WORDS)


@pytest.mark.slow
def test_it_is_preferred_without_cuda_and_only_for_the_weights_it_was_made_from(
    made: Path, tiny: Towers, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert preferred(tiny.card).name == "tiny-clip-fp32"
    assert preferred(replace(tiny.card, sha256="a" * 64)).name == "tiny-clip"
    assert preferred(registry.get("starter")).name == registry.STARTER
    monkeypatch.setattr("embedding.encoders.choose.cuda_here", lambda: True)
    assert preferred(tiny.card) == tiny.card
    with pytest.raises(ModelUnavailable, match="CPU only"):
        load("tiny-clip-fp32", "cuda")


@pytest.mark.slow
@pytest.mark.parametrize("file", ["image.xml", "image.bin", "text.bin", "tokenizer.json", store.COMPILED])
def test_what_is_not_what_was_compiled_is_not_opened(made: Path, file: str) -> None:
    with (made / file).open("r+b") as damaged:
        damaged.seek(-3, 2)
        damaged.write(b"???")
    with pytest.raises(ModelUnavailable, match=f"{file}.*(?s:.)*compile that model again"):
        load("tiny-clip-fp32")


@pytest.mark.slow
def test_a_machine_that_reckons_otherwise_is_refused(made: Path) -> None:
    manifest = json.loads((made / store.COMPILED).read_text())
    manifest["probes"][1].reverse()
    (made / store.COMPILED).write_text(json.dumps(manifest))
    card = replace(registry.get("tiny-clip-fp32"), sha256=store.digest(made / store.COMPILED))
    with pytest.raises(ModelUnavailable, match=r"other vectors on this machine.*cosine"):
        load_card(card)


@pytest.mark.slow
def test_what_agrees_too_little_is_refused_and_not_kept(
    own_store: Path, tiny: Towers, samples: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = np.random.default_rng(0).normal(0, 0.3, (len(samples), tiny.card.dimension)).astype(np.float32)
    right: Callable[..., np.ndarray] = CompiledEncoder.encode_images

    def astray(self: CompiledEncoder, images: np.ndarray) -> np.ndarray:
        rows = right(self, images)
        return rows + noise[: len(rows)] if len(rows) > len(probe_pictures(8)) else rows

    monkeypatch.setattr(compiled.CompiledEncoder, "encode_images", astray)
    with pytest.raises(CompiledRefused, match=r"tiny-clip-fp32 was not kept: .* only 0\.\d+ .*0\.95 is the least"):
        compile_encoder(tiny, "fp32", samples, WORDS)
    assert not list(own_store.glob("*"))
    assert store.recorded("tiny-clip-fp32") is None


def test_too_few_pictures_are_told(own_store: Path, tiny: Towers, samples: Samples) -> None:
    with pytest.raises(ModelUnavailable, match="39 pictures are too few"):
        compile_encoder(tiny, "int8", samples[:39], WORDS)


@pytest.mark.slow
def test_it_runs_without_torch_and_tells_nobody(made: Path, tmp_path: Path) -> None:
    code = """
import socket, sys
def nobody(*_): raise AssertionError("something was sent")
socket.socket.connect = nobody
from embedding.encoders.choose import load
from embedding.encoders.openvino.compiled import probe_pictures
encoder = load("tiny-clip-fp32")
encoder.encode_images(probe_pictures(60))
encoder.encode_texts(["a blue star"])
print(sorted({"torch", "open_clip", "timm", "transformers", "nncf"} & set(sys.modules)))
"""
    environment = {**os.environ, "TRACEOBJECT_MODELS": str(made.parent), "HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout == "[]\n", done.stderr
    assert not (tmp_path / "intel").exists(), "openvino's telemetry writes there"


def test_the_share_that_two_lists_have_in_common() -> None:
    assert overlap(np.array([[1, 2], [3, 4]]), np.array([[2, 1], [3, 9]])) == 0.75


def test_figures_leave_out_words_where_there_are_none() -> None:
    told = Agreement(40, 1.0, 0.9, 0.97, 0.5, 0.6, None).figures("starter", "2026.4")
    assert [figure.value for figure in told] == [1.0, 0.9, 0.97, 0.5, 0.6]


def _with_other_weights(encoder: Towers) -> Towers:
    class Other:
        card = replace(encoder.card, sha256="b" * 64)

    return Other()  # type: ignore[return-value]
