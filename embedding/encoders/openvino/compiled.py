"""Compiled models: OpenVINO networks on the CPU, without torch. Their own names and checksums keep their vectors apart.

A folder of the store holds a compiled model: image.xml and image.bin, the same for its words where it has a text side,
with tokenizer.json; compiled.json names each file's SHA-256, and is itself what the card's `sha256` vouches for.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from embedding.encoders import model_store as store
from embedding.encoders.card import ModelCard
from embedding.encoders.inputs import Images, check_images
from embedding.encoders.openvino import inference
from embedding.encoders.protocol import Vectors
from embedding.errors import ModelUnavailable, TextUnsupported

if TYPE_CHECKING:
    from embedding.encoders.tokens import Tokenizer

IMAGE, TEXT, WORDS = "image.xml", "text.xml", "tokenizer.json"
# The probes' vectors may differ this little from where the model was compiled, as cosine.
_LEAST_SAME = 0.999
# From so many items on, each core takes several at a time.
MANY, _TOGETHER = 32, 8


@dataclass(frozen=True)
class Manifest:
    """What compiled.json holds.

    `openvino`: the release that the model was compiled and compared with.
    `files`: the SHA-256 of every file.
    `probes`: the vectors of `probe_pictures` where the model was compiled: another machine must give them too.
    `clean`, `zeroed`: how words are prepared, as Tokenizer has it; "" where there is no text side.
    """

    openvino: str
    files: dict[str, str]
    probes: tuple[tuple[float, ...], ...] = ()
    clean: str = ""
    zeroed: int | None = None

    @classmethod
    def of(cls, folder: Path, **told: Any) -> Manifest:
        """The manifest of what lies in a folder now; `told` are its other fields."""
        files = {path.name: store.digest(path) for path in sorted(folder.iterdir())}
        return cls(inference.version(), files, **told)

    def write(self, folder: Path) -> str:
        """Write it, atomically and last, for it says that all is there; returns its SHA-256."""
        part = folder / f"{store.COMPILED}.part"
        part.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")
        part.replace(folder / store.COMPILED)
        return store.digest(folder / store.COMPILED)

    @classmethod
    def verified(cls, folder: Path, name: str, sha256: str | None = None) -> Manifest:
        """Read a folder's manifest, after checking it against `sha256`, where that is known, and all files it names.

        Raises:
            ModelUnavailable: something is missing, or is not what was compiled.
        """
        remedy = f"delete {folder} and compile that model again"
        try:
            if sha256 and (found := store.digest(folder / store.COMPILED)) != sha256:
                raise ModelUnavailable(f"{folder / store.COMPILED} has SHA-256 {found}, not {sha256}: {remedy}")
            manifest = cls(**json.loads((folder / store.COMPILED).read_text(encoding="utf-8")))
            for file, wanted in manifest.files.items():
                if (found := store.digest(folder / file)) != wanted:
                    raise ModelUnavailable(f"{folder / file} has SHA-256 {found}, not {wanted}: {remedy}")
        except (OSError, ValueError, TypeError) as error:
            raise ModelUnavailable(f"{name}, compiled, is damaged or not here ({error}): {remedy}") from error
        return manifest


class CompiledEncoder:
    """A compiled model, loaded. Satisfies the Encoder protocol; a row does not depend on its batch, to the last bit."""

    def __init__(self, card: ModelCard) -> None:
        """Load a card of the compiled family.

        Raises:
            ModelUnavailable: it is not here, not the card's, or gives other vectors here than where it was compiled.
        """
        folder = store.folder(card.name)
        manifest = Manifest.verified(folder, card.name, card.sha256)
        self._card = card
        self._turn = threading.Lock()
        self._folder, self._clean = folder, manifest.clean
        self._image = Network(folder / IMAGE)
        self._require_same(np.array(manifest.probes, np.float32), manifest.openvino)

    @property
    def card(self) -> ModelCard:
        """The model's card; `sha256` is that of compiled.json."""
        return self._card

    def encode_images(self, images: Images) -> Vectors:
        """See Encoder.encode_images. Fractions are rounded to bytes, which is what the network takes."""
        check_images(images, self._card)
        if images.dtype != np.uint8:
            images = np.rint(images * 255).astype(np.uint8)
        return self._unit(self._image, images)

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """See Encoder.encode_texts."""
        if not self._clean:
            raise TextUnsupported(
                f"{self._card.name} cannot search by words: the model that it was compiled from has no text side here; "
                "search by picture"
            )
        if not texts:
            return np.empty((0, self._card.dimension), np.float32)
        network, tokenizer = self._text
        return self._unit(network, tokenizer(texts))

    @cached_property
    def _text(self) -> tuple[Network, Tokenizer]:
        """What words need, opened and verified when the first are asked, for most searches have none.

        A server with ViT-B-32 in 8 bits holds 543 MB without it and 669 with.
        """
        # Its libraries are wanted for words alone.
        from embedding.encoders.tokens import Tokenizer

        # Hours may have passed since the start.
        manifest = Manifest.verified(self._folder, self._card.name, self._card.sha256)
        tokenizer = Tokenizer.open(self._folder / WORDS, manifest.clean, manifest.zeroed)
        return Network(self._folder / TEXT), tokenizer

    def _unit(self, network: Network, inputs: npt.NDArray[Any]) -> Vectors:
        with self._turn:
            rows = network.run(inputs, self._card.dimension)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        return rows

    def _require_same(self, wanted: Vectors, compiled_with: str) -> None:
        """A processor or a release of OpenVINO that reckons otherwise must not mix its vectors with those kept."""
        found = self.encode_images(probe_pictures(self._card.preprocess.size))
        least = float((found * wanted).sum(axis=1).min())
        if not least >= _LEAST_SAME:
            raise ModelUnavailable(
                f"{self._card.name} gives other vectors on this machine with OpenVINO {inference.version()} than where "
                f"it was compiled with {compiled_with} (cosine {least:.4f}): delete {store.folder(self._card.name)}, "
                "compile it again and re-index"
            )


class Network:
    """One tower. An item's row never depends on its company.

    A few items have all cores for each, which answers soonest. Of many, each core takes several at a time, for which
    the weights are fetched from memory once: all are done in half of the time.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._one_by_one = _Queue(inference.open_network(path), 1)
        # Opened when many are asked for the first time: one search never needs it, and it holds the weights once more.
        self._several: _Queue | None = None

    def run(self, inputs: npt.NDArray[Any], width: int) -> Vectors:
        """Inputs [n, ...] -> float32 [n, width]. One caller at a time."""
        if len(inputs) < MANY:
            return self._one_by_one.run(inputs, width)
        if self._several is None:
            self._several = self._opened_for_several(inputs[:_TOGETHER], width)
        return self._several.run(inputs, width)

    def _opened_for_several(self, tried: npt.NDArray[Any], width: int) -> _Queue:
        """The network for many, or the one that is there where the other cannot be had or gives other rows."""
        try:
            opened = inference.open_network(self._path, streams=inference.cores(), together=_TOGETHER)
        except ModelUnavailable:
            # Compiled before networks could take several.
            return self._one_by_one
        queue = _Queue(opened, _TOGETHER)
        same = np.array_equal(queue.run(tried, width), self._one_by_one.run(tried, width))
        return queue if same else self._one_by_one


class _Queue:
    """A network that takes so many items at a time, and its requests, one for each of its streams."""

    def __init__(self, network: Any, together: int) -> None:
        self._requests, self._together = inference.openvino().AsyncInferQueue(network), together

    def run(self, inputs: npt.NDArray[Any], width: int) -> Vectors:
        rows = np.empty((len(inputs), width), np.float32)

        def keep(request: Any, start: int) -> None:
            part = rows[start : start + self._together]
            part[:] = request.get_output_tensor(0).data[: len(part)]

        # The last inference is filled up with the last item.
        missing = -len(inputs) % self._together
        filled = np.concatenate([inputs, np.repeat(inputs[-1:], missing, axis=0)]) if missing else inputs
        self._requests.set_callback(keep)
        for start in range(0, len(filled), self._together):
            self._requests.start_async({0: filled[start : start + self._together]}, start)
        self._requests.wait_all()
        return rows


def probe_pictures(size: int) -> npt.NDArray[np.uint8]:
    """Two pictures of soft noise, uint8 [2, size, size, 3], the same everywhere."""
    coarse = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), np.uint8)
    at = np.arange(size) * 8 // size
    return np.ascontiguousarray(coarse[:, at][:, :, at])
