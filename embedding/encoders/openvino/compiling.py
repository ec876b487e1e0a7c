"""A model made into its compiled form: exported, quantised, compared with the original, kept only if it agrees."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from embedding.encoders import model_store as store
from embedding.encoders.agreement import Agreement, Samples, agreement
from embedding.encoders.card import ModelCard
from embedding.encoders.openvino import inference
from embedding.encoders.openvino.compiled import IMAGE, TEXT, WORDS, CompiledEncoder, Manifest, probe_pictures
from embedding.encoders.openvino.exporting import Towers, image_network, text_network
from embedding.encoders.openvino.forms import Form, name_of, source_of
from embedding.encoders.tokens import Tokenizer
from embedding.errors import ModelUnavailable

LEAST_OVERLAP = 0.95
LEAST_WORDS = 0.99
# Of the samples, so many calibrate and the rest, which the calibration did not see, are compared.
CALIBRATED = 150
FEWEST = 40
_CALIBRATING_SHARE = 2
# Of the starter model's 64 layers the first cost most of the agreement in 8 bits. With these in single precision the
# overlap on other views of clothes is 0.96 instead of 0.81; docs/benchmarks.md has the time that is still saved.
_FIRST, _LAST = 15, 20


class CompiledRefused(ModelUnavailable):
    """A compiled model answers too differently from the original; nothing of it was kept."""


@dataclass(frozen=True)
class Compiled:
    """What came of compiling: the card, and how far it agrees; None where it was here already."""

    card: ModelCard
    agreement: Agreement | None


def compile_encoder(
    original: Towers, form: Form, samples: Samples, texts: Sequence[str], *, least_overlap: float = LEAST_OVERLAP
) -> Compiled:
    """Compile a model that runs on the CPU into the store, under a name of its own; one that is here is left as it is.

    Args:
        samples: pictures of the catalogue it is for, at least FEWEST; the first part calibrates, the rest is compared.
        texts: words to compare on, where the model knows words; at least one then.
        least_overlap: the bound below which the compiled model is refused.

    Raises:
        CompiledRefused: it agrees too little.
        ModelUnavailable: a library is missing, there are too few pictures, or another of its name is here.
    """
    name = name_of(original.card, form)
    source = source_of(original.card.sha256 or "")
    if kept := store.recorded(name):
        if kept.weights != source:
            raise ModelUnavailable(
                f"{name} is here already, compiled from other weights: workspaces that use it need it; "
                f"delete {store.folder(name)} to compile it anew"
            )
        return Compiled(kept, None)
    if len(samples) < FEWEST:
        raise ModelUnavailable(
            f"{len(samples)} pictures are too few to compile {original.card.name} and to compare it: add a catalogue "
            f"with {FEWEST} or more, and re-index"
        )
    folder = store.folder(name)
    shutil.rmtree(folder, ignore_errors=True)
    try:
        made = _made(original, name, form, samples, folder)
        found = agreement(original, made, samples[_calibrating(samples) :], texts)
        _require(found, name, original.card.name, least_overlap)
    except Exception:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    card = replace(made.card, quality=found.figures(original.card.name, inference.version()))
    store.record(card)
    return Compiled(card, found)


def _made(original: Towers, name: str, form: Form, samples: Samples, folder: Path) -> CompiledEncoder:
    """Write the networks and their manifest; the model is not yet declared whole."""
    folder.mkdir(parents=True)
    image = image_network(original)
    tokenizer = Tokenizer.of(original.tokenizer) if original.card.text else None
    text = text_network(original, tokenizer) if tokenizer else None
    if form == "int8":
        image = _quantised(image, samples[: _calibrating(samples)], transformer=original.card.family == "open_clip")
        # Words: the weights alone, whose rounding hardly shows; there are no pictures of words to calibrate on.
        text = None if text is None else _smaller(text)
    _save(image, folder / IMAGE)
    if text is not None and tokenizer is not None:
        _save(text, folder / TEXT)
        tokenizer.save(folder / WORDS)
    manifest = Manifest.of(
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


def _calibrating(samples: Samples) -> int:
    return min(CALIBRATED, len(samples) // _CALIBRATING_SHARE)


def _quantised(network: Any, samples: Samples, *, transformer: bool) -> Any:
    """Weights and activations in 8 bits (NNCF's post-training quantisation), ranges taken from samples.

    A convolutional network's channels are first brought to like ranges (SmoothQuant, arXiv:2211.10438): one range has
    to serve all channels of a layer.
    """
    nncf = _nncf()
    # Half of what is embedded is catalogue pictures, half is photos: the ranges have to hold for both.
    pictures = np.concatenate([samples.plain, samples.wild])
    data = nncf.Dataset([picture[None] for picture in pictures])
    given: dict[str, Any] = {}
    if not transformer:
        advanced = nncf.quantization.advanced_parameters
        smooth = advanced.AdvancedSmoothQuantParameters(convolution=0.5, matmul=-1)
        given = {
            "advanced_parameters": advanced.AdvancedQuantizationParameters(smooth_quant_alphas=smooth),
            "ignored_scope": nncf.IgnoredScope(names=_kept_exact(network), types=["Add"], validate=False),
            "fast_bias_correction": False,
        }
    return nncf.quantize(
        network,
        data,
        preset=nncf.QuantizationPreset.MIXED,
        subset_size=len(pictures),
        # For networks without attention too: nncf smooths channels under this kind alone.
        model_type=nncf.ModelType.TRANSFORMER,
        **given,
    )


def _kept_exact(network: Any) -> list[str]:
    """The names of the first and last convolutions."""
    kinds = ("Convolution", "GroupConvolution")
    names = [step.get_friendly_name() for step in network.get_ordered_ops() if step.get_type_name() in kinds]
    return [*names[:_FIRST], *names[max(_FIRST, len(names) - _LAST) :]]


def _smaller(network: Any) -> Any:
    nncf = _nncf()
    return nncf.compress_weights(network, mode=nncf.CompressWeightsMode.INT8_SYM)


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


def _require(found: Agreement, name: str, original: str, least_overlap: float) -> None:
    if not found.overlap >= least_overlap:
        raise CompiledRefused(
            f"{name} was not kept: of the first 10 pictures it finds only {found.overlap:.3f} of those that {original} "
            f"finds ({least_overlap:g} is the least; recall@1 {found.recall:.3f}, before {found.recall_before:.3f}); "
            "compile with --form fp32"
        )
    if found.words is not None and not found.words >= LEAST_WORDS:
        raise CompiledRefused(
            f"{name} was not kept: its words agree with those of {original} by a cosine of {found.words:.3f} only "
            f"({LEAST_WORDS:g} is the least); compile with --form fp32"
        )
