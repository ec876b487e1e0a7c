"""A model is compiled: exported, quantised, compared with the original, and stored only if it agrees."""

from __future__ import annotations

import io
import shutil
from collections.abc import Sequence
from contextlib import AbstractContextManager, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from embedding.encoders import model_store as store
from embedding.encoders.agreement import Agreement, Samples, agreement
from embedding.encoders.card import ModelCard
from embedding.encoders.openvino import inference
from embedding.encoders.openvino.compiled import (
    IMAGE_NETWORK,
    TEXT_NETWORK,
    TOKENIZER,
    CompiledEncoder,
    CompiledManifest,
    probe_pictures,
)
from embedding.encoders.openvino.exporting import Towers, image_network, text_network
from embedding.encoders.openvino.forms import MIN_PICTURES, Form, name_of, source_of
from embedding.encoders.tokens import Tokenizer
from embedding.errors import CompiledRefused, ModelUnavailable

MIN_OVERLAP = 0.95
MIN_TEXT_COSINE = 0.99
# The first samples calibrate the quantisation, half of them at most; the others are compared.
MAX_CALIBRATION = 150
_CALIBRATION_DIVISOR = 2
# The convolutions that stay in single precision: of the starter model's 64 the first cost most of the agreement in 8
# bits. With these exact the overlap on other views of clothes is 0.96 instead of 0.81; docs/benchmarks.md has the time
# that is still saved.
_EXACT_FIRST, _EXACT_LAST = 15, 20


@dataclass(frozen=True)
class Compiled:
    """A compiled model's card and its agreement with the original; None where it was in the store already."""

    card: ModelCard
    agreement: Agreement | None


def compile_encoder(
    original: Towers, form: Form, samples: Samples, texts: Sequence[str], *, min_overlap: float = MIN_OVERLAP
) -> Compiled:
    """Compile a model that runs on the CPU into the store, under a name of its own, unless it is there already.

    Args:
        samples: pictures of the catalogue it is for, at least MIN_PICTURES: the first calibrate, the rest is compared.
        texts: texts to compare on; at least one if the model has a text side.
        min_overlap: the bound below which the compiled model is refused.

    Raises:
        CompiledRefused: it agrees too little.
        ModelUnavailable: a library is missing, there are too few pictures, or the store has another model of its name.
    """
    name = name_of(original.card, form)
    source = source_of(original.card.sha256 or "")
    if stored := store.recorded(name):
        if stored.weights != source:
            raise ModelUnavailable(
                f"{name} is here already, compiled from other weights: workspaces that use it need it; "
                f"delete {store.folder(name)} to compile it anew"
            )
        return Compiled(stored, None)
    if len(samples) < MIN_PICTURES:
        raise ModelUnavailable(
            f"{len(samples)} pictures are too few to compile {original.card.name} and to compare it: add a catalogue "
            f"with {MIN_PICTURES} or more, and re-index"
        )
    folder = store.folder(name)
    shutil.rmtree(folder, ignore_errors=True)
    try:
        compiled = _compile(original, name, form, samples, folder)
        found = agreement(original, compiled, samples[_calibration_count(samples) :], texts)
        _check_agreement(found, name, original.card.name, min_overlap)
    except Exception:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    card = replace(compiled.card, quality=found.figures(original.card.name, inference.version()))
    store.record(card)
    return Compiled(card, found)


def _compile(original: Towers, name: str, form: Form, samples: Samples, folder: Path) -> CompiledEncoder:
    """Write the networks and their manifest; the model is not yet marked as complete."""
    folder.mkdir(parents=True)
    image = image_network(original)
    tokenizer = Tokenizer.of(original.tokenizer) if original.card.text else None
    text = text_network(original, tokenizer) if tokenizer else None
    if form == "int8":
        image = _quantise(
            image, samples[: _calibration_count(samples)], transformer=original.card.family == "open_clip"
        )
        # Of the text network the weights alone, which costs little accuracy; there are no texts to calibrate on.
        text = None if text is None else _compress_weights(text)
    _save(image, folder / IMAGE_NETWORK)
    if text is not None and tokenizer is not None:
        _save(text, folder / TEXT_NETWORK)
        tokenizer.save(folder / TOKENIZER)
    manifest = CompiledManifest.of(
        folder,
        probes=tuple(map(tuple, _probes(image, original.card).tolist())),
        clean=tokenizer.clean if tokenizer else "",
        zeroed=tokenizer.zeroed if tokenizer else None,
    )
    card = replace(
        original.card,
        name=name,
        family="compiled",
        weights=source_of(original.card.sha256 or ""),
        sha256=manifest.write(folder),
        speed=(),
        note=f"{original.card.name} as {form} for OpenVINO on a CPU.",
    )
    return CompiledEncoder(card)


def _calibration_count(samples: Samples) -> int:
    return min(MAX_CALIBRATION, len(samples) // _CALIBRATION_DIVISOR)


def _quantise(network: Any, samples: Samples, *, transformer: bool) -> Any:
    """Weights and activations in 8 bits (NNCF's post-training quantisation), ranges taken from samples.

    A convolutional network's channels are first brought to similar ranges (SmoothQuant, arXiv:2211.10438), because all
    channels of a layer share one range.
    """
    nncf = _nncf()
    # Catalogue pictures and photos are embedded, so the ranges must fit both.
    pictures = np.concatenate([samples.catalogue, samples.photos])
    data = nncf.Dataset([picture[None] for picture in pictures])
    options: dict[str, Any] = {}
    if not transformer:
        advanced = nncf.quantization.advanced_parameters
        smooth = advanced.AdvancedSmoothQuantParameters(convolution=0.5, matmul=-1)
        options = {
            "advanced_parameters": advanced.AdvancedQuantizationParameters(smooth_quant_alphas=smooth),
            "ignored_scope": nncf.IgnoredScope(names=_exact_layers(network), types=["Add"], validate=False),
            "fast_bias_correction": False,
        }
    with _without_bars():
        return nncf.quantize(
            network,
            data,
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=len(pictures),
            # Also for networks without attention: nncf smooths channels only under this type.
            model_type=nncf.ModelType.TRANSFORMER,
            **options,
        )


def _exact_layers(network: Any) -> list[str]:
    """The names of the first and last convolutions."""
    kinds = ("Convolution", "GroupConvolution")
    names = [step.get_friendly_name() for step in network.get_ordered_ops() if step.get_type_name() in kinds]
    return [*names[:_EXACT_FIRST], *names[max(_EXACT_FIRST, len(names) - _EXACT_LAST) :]]


def _compress_weights(network: Any) -> Any:
    nncf = _nncf()
    with _without_bars():
        return nncf.compress_weights(network, mode=nncf.CompressWeightsMode.INT8_SYM)


def _without_bars() -> AbstractContextManager[object]:
    """nncf draws its progress on standard output, which belongs to what a command prints."""
    return redirect_stdout(io.StringIO())


def _nncf() -> Any:
    inference.openvino()  # first: it silences nncf's telemetry too
    try:
        import nncf
    except ImportError as error:
        raise ModelUnavailable(
            f"compiling needs nncf, which does not load ({error}): pip install 'traceobject[compiled]'"
        ) from error
    nncf.set_log_level(40)
    return nncf


def _save(network: Any, path: Path) -> None:
    inference.openvino().save_model(network, path, compress_to_fp16=False)


def _probes(network: Any, card: ModelCard) -> np.ndarray[Any, np.dtype[np.float32]]:
    runnable = inference.compiled(network)
    rows = np.stack([runnable([picture[None]])[0][0] for picture in probe_pictures(card.preprocess.size)])
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def _check_agreement(found: Agreement, name: str, original: str, min_overlap: float) -> None:
    if not found.overlap >= min_overlap:
        raise CompiledRefused(
            f"{name} was not kept: of the first 10 pictures it finds only {found.overlap:.3f} of those that {original} "
            f"finds ({min_overlap:g} is the least; recall@1 {found.recall:.3f}, before {found.original_recall:.3f}); "
            "compile with --form fp32"
        )
    if found.text_cosine is not None and not found.text_cosine >= MIN_TEXT_COSINE:
        raise CompiledRefused(
            f"{name} was not kept: its vectors of words agree with those of {original} by a cosine of only "
            f"{found.text_cosine:.3f} ({MIN_TEXT_COSINE:g} is the least); compile with --form fp32"
        )
