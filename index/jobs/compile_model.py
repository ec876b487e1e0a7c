"""A model is compiled for a workspace: calibrated on its pictures, and compared with the original on them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from embedding.encoders import registry
from embedding.encoders.choose import cuda_available, load, load_card, preferred
from embedding.encoders.openvino.forms import FORMS, MIN_PICTURES, Form
from embedding.errors import CompiledRefused, ModelUnavailable
from embedding.faces import network as face_network
from index.errors import UnknownEntry
from index.generations import generations
from index.jobs.context import JobContext
from index.progress import Progress, Tick
from index.records.catalogue import Catalogue
from index.stores.images import ImageStore
from index.workspace import Workspace

if TYPE_CHECKING:
    from embedding.encoders.openvino.compiling import Compiled

# How many of the workspace's pictures and titles are used: enough to calibrate and to measure differences of percents.
PICTURES = 300
TITLES = 200
# The families of models that run on torch, which can be compiled.
_COMPILABLE = ("starter", "open_clip", "sscd")
_SAMPLE_TEXTS = ("a red mug", "striped shirt", "toy car", "floral wallpaper", "leather bag with a brass buckle")


def compile_for(workspace: Workspace, name: str, form: Form, progress: Progress) -> Compiled:
    """Compile a model, and the networks of local features and faces, into the store, unless they are there already.

    Raises:
        CompiledRefused: the compiled model agrees too little with the original on this workspace's pictures.
        ModelUnavailable: the name is unknown or compiled already, libraries are missing, or there are too few pictures.
    """
    card = registry.get(name)
    if card.parts:
        raise ModelUnavailable(f"{card.name} is an ensemble: compile {' and '.join(part.name for part in card.parts)}")
    if card.family == "compiled":
        raise ModelUnavailable(f"{card.name} is a compiled model: name the one to compile")
    try:
        from embedding.encoders.agreement import Samples
        from embedding.encoders.openvino.compiling import compile_encoder
        from embedding.encoders.openvino.exporting import Towers
        from embedding.local import xfeat_network
    except ImportError as error:
        raise ModelUnavailable(
            f"compiling needs libraries that do not load here ({error}): pip install 'traceobject[clip,compiled]'"
        ) from error
    original = load(card.name, "cpu")
    if not isinstance(original, Towers):
        raise ModelUnavailable(f"{card.name} cannot be compiled: it does not run on torch")
    with Catalogue.open(workspace.database_url) as catalogue:
        # Names are checksums, so this order is as good as random, and always the same.
        chosen = sorted(catalogue.images())[:PICTURES]
        titles = sorted({entry.fields.title for entry in catalogue.entries("catalogue")} - {""})
    texts = titles[:: max(1, len(titles) // TITLES)][:TITLES] or list(_SAMPLE_TEXTS)
    with progress.step("reading pictures", len(chosen)) as tick:
        samples = Samples.of(_pictures(chosen, ImageStore(workspace.objects), tick), original.card.preprocess)
    xfeat_network.compile_network()
    # The detector may be missing, because a workspace without the gate does not need it.
    if face_network.available():
        face_network.compile_network()
    with progress.step("compiling and comparing", 1) as tick:
        compiled = compile_encoder(original, form, samples, texts)
        tick(1)
    return compiled


def compile_at_first(context: JobContext) -> tuple[JobContext, tuple[str, ...]]:
    """Take for a workspace's first generation, without CUDA, the fastest form of the model that agrees with it.

    What can be compiled is, of an ensemble each part, where the pictures suffice; later `traceobject models compile`
    does it. A model that cannot be compiled serves as it is.

    Returns:
        the context with that encoder, and notes of what was compiled.
    """
    card = context.encoder.card
    if cuda_available() or generations.live_number(context.workspace) is not None:
        return context, ()
    cards = [registry.get(part.name) for part in card.parts] or [card]
    parts = [part for part in cards if part.family in _COMPILABLE and preferred(part) == part]
    notes: list[str] = []
    if parts and len(context.catalogue.images()) >= MIN_PICTURES:
        for part in parts:
            notes += _compile_best(context, part.name)
    best = preferred(card)
    return (context if best == card else replace(context, encoder=load_card(best))), tuple(notes)


def _compile_best(context: JobContext, name: str) -> list[str]:
    """Compile a model to its fastest form that agrees with it; returns notes."""
    notes: list[str] = []
    for form in FORMS:
        try:
            compiled = compile_for(context.workspace, name, form, context.progress)
        except CompiledRefused as error:
            notes.append(str(error))
        except (ModelUnavailable, RuntimeError) as error:  # OpenVINO raises RuntimeError for what it does not know
            return [*notes, f"{name} was not compiled for this machine, and serves as it is: {error}"]
        else:
            return [*notes, f"{name} was compiled for this machine: {compiled.card.name}"]
    return notes


def _pictures(images: list[str], store: ImageStore, tick: Tick) -> Iterator[npt.NDArray[np.uint8]]:
    for image in images:
        tick(1)
        try:
            yield store.pixels(image)
        except UnknownEntry:
            continue  # The next re-index makes a missing copy again; here the others suffice.
