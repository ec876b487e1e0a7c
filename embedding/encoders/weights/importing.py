"""A checkpoint is imported from a file into the store, for offices without a network."""

from __future__ import annotations

import json
import shutil
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

from embedding.encoders import clip_config, registry
from embedding.encoders import model_store as store
from embedding.encoders.card import ModelCard
from embedding.encoders.weights import checkpoint
from embedding.encoders.weights.importing_sscd import import_sscd
from embedding.errors import ModelUnavailable
from embedding.image.preprocess import Preprocess


def import_file(path: Path, architecture: str, sha256: str | None = None, name: str | None = None) -> ModelCard:
    """Check a CLIP checkpoint and copy it into the store, where `registry.get` then finds it by its name.

    Files of the model's repository beside the checkpoint are imported, too: open_clip_config.json, for how pictures
    are prepared, and the tokenizer's files, without which some models get no text side.

    Args:
        path: a safetensors file.
        architecture: "sscd", or a name of open_clip.list_models(). Where open_clip knows weights of it that need
            different preprocessing, with the tag of the right ones, as in "ViT-L-14:laion2b_s32b_b82k".
        sha256: the expected one, in hexadecimal; None accepts any file.
        name: the model's; None takes the architecture's. A name of the registry's table means that model.

    Raises:
        ModelUnavailable: the file is not what it should be, does not fit the architecture, or the name is taken.
    """
    if architecture == registry.SSCD:
        return import_sscd(path, sha256)
    tensors = checkpoint.shapes(path)
    digest = store.digest(path)
    if sha256 and digest != sha256.lower():
        raise ModelUnavailable(f"{path} is not the file expected: its SHA-256 is {digest}, not {sha256.lower()}")
    architecture, _, tag = architecture.partition(":")
    model_cfg = _model_cfg(architecture)
    card = _card(name or architecture, architecture, tag, digest, model_cfg, path.parent)
    stored = store.recorded(card.name)
    if stored and stored.sha256 == digest:
        return stored
    if stored:
        raise ModelUnavailable(
            f"the store already has another {card.name} ({(stored.sha256 or '')[:12]}): choose another --name, "
            f"or delete {store.folder(card.name)}"
        )
    reason = checkpoint.misfit(tensors, _expected_shapes(model_cfg, architecture))
    if reason:
        raise ModelUnavailable(f"{path} does not fit the architecture {architecture}: {reason}; give the right --arch")
    _copy(path, card, model_cfg)
    store.record(card)
    return card


def _model_cfg(architecture: str) -> clip_config.Config:
    open_clip = _open_clip()
    config: clip_config.Config | None = open_clip.get_model_config(architecture)
    if config is None:
        known = [one for one in open_clip.list_models() if architecture[:5].lower() in one.lower()]
        raise ModelUnavailable(
            f"open_clip knows no architecture {architecture!r}"
            + (f"; it knows {', '.join(known[:12])}" if known else "; `open_clip.list_models()` names those it knows")
        )
    return config


def _card(
    name: str, architecture: str, tag: str, sha256: str, model_cfg: clip_config.Config, folder: Path
) -> ModelCard:
    known = next((card for card in registry.CARDS if card.name == name), None)
    if known and known.weights.startswith("hub:") and known.architecture == architecture and not tag:
        if known.sha256 not in (None, sha256):
            raise ModelUnavailable(
                f"this is not {name}, whose SHA-256 is {known.sha256}: it is {sha256}; give it a --name of its own"
            )
        base = known
    elif known or name in registry.ALIASES:
        raise ModelUnavailable(f"{name} is the name of another model: give this one a --name of its own")
    elif not store.is_name(name):
        raise ModelUnavailable(f"{name!r} cannot be a model's name: use letters, digits and . _ - /")
    else:
        base = ModelCard(
            name=name,
            family="open_clip",
            architecture=architecture,
            weights=f"file:{store.WEIGHTS}",
            sha256=sha256,
            licence="unknown; see where the file came from",
            dimension=model_cfg["embed_dim"],
            preprocess=_tagged_preprocess(architecture, tag, model_cfg, folder),
            text=True,
        )
    needs_tokenizer = clip_config.wants_tokenizer_files({"model_cfg": model_cfg})
    text = not needs_tokenizer or all((folder / file).is_file() for file in clip_config.REQUIRED_TOKENIZER_FILES)
    note = base.note if text else f"{base.note} Imported without its tokenizer's files: no text side.".strip()
    return replace(base, sha256=sha256, text=text, note=note)


def _tagged_preprocess(architecture: str, tag: str, model_cfg: clip_config.Config, folder: Path) -> Preprocess:
    """A checkpoint's preprocessing: by the configuration beside it, else what open_clip has for its tag."""
    size = model_cfg["vision_cfg"]["image_size"]
    # open_clip's defaults, for what neither states.
    defaults = Preprocess(size, "shortest", registry.OPENAI_MEAN, registry.OPENAI_STD, fill=0)
    if (folder / store.CONFIG).is_file() and not tag:
        stated = json.loads((folder / store.CONFIG).read_text(encoding="utf-8")).get("preprocess_cfg")
        return clip_config.preprocess({"model_cfg": model_cfg, "preprocess_cfg": stated}, defaults)
    open_clip = _open_clip()
    tags = [tag] if tag else open_clip.list_pretrained_tags_by_model(architecture)
    known = {one: open_clip.get_pretrained_cfg(architecture, one) for one in tags}
    if tag and not known[tag]:
        names = ", ".join(open_clip.list_pretrained_tags_by_model(architecture)) or "none"
        raise ModelUnavailable(f"open_clip knows no weights {tag!r} of {architecture}; it knows: {names}")
    found = {
        clip_config.preprocess({"model_cfg": model_cfg, "preprocess_cfg": cfg}, defaults) for cfg in known.values()
    }
    if len(found) > 1:
        raise ModelUnavailable(
            f"weights of {architecture} need differently prepared pictures: put the model's {store.CONFIG} beside the "
            f"file, or say whose they are like, as in --arch {architecture}:{tags[0]}; known are {', '.join(tags)}"
        )
    return found.pop() if found else defaults


def _expected_shapes(model_cfg: clip_config.Config, architecture: str) -> checkpoint.Shapes:
    """The shapes of an architecture's tensors; nothing is allocated (torch's meta device)."""
    open_clip = _open_clip()
    import torch

    config = deepcopy(model_cfg)
    tower = open_clip.CustomTextCLIP if config.pop("custom_text", False) else open_clip.CLIP
    try:
        with torch.device("meta"):
            model = tower(**config)
    except (RuntimeError, OSError, ValueError, KeyError, TypeError, ImportError) as error:
        raise ModelUnavailable(f"{architecture} cannot be built here ({error}): choose another model") from error
    return {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}


def _copy(path: Path, card: ModelCard, model_cfg: clip_config.Config) -> None:
    folder = store.folder(card.name)
    part = folder / (store.WEIGHTS + ".part")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in clip_config.TOKENIZER_FILES:
            if (path.parent / file).is_file():
                shutil.copyfile(path.parent / file, folder / file)
        clip_config.write(folder, model_cfg, card.preprocess)
        shutil.copyfile(path, part)
        part.replace(folder / store.WEIGHTS)
    except OSError as error:
        raise ModelUnavailable(f"{path} cannot be copied to {folder}: {error.strerror or error}") from error


def _open_clip() -> Any:
    try:
        import open_clip
    except ImportError as error:
        raise ModelUnavailable(
            f"importing a checkpoint needs open_clip, which does not load ({error}): pip install 'traceobject[clip]'"
        ) from error
    return open_clip
