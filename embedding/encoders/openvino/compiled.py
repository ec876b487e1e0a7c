"""Compiled models: OpenVINO networks on the CPU, without torch, each with a name and checksum, so vectors, of its own.

The folder of a compiled model in the store has image.xml and image.bin and, where the model has a text side, text.xml,
text.bin and tokenizer.json; compiled.json has the SHA-256 of each file, and the card's `sha256` is its own.
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
from embedding.encoders.inputs import Images, as_bytes
from embedding.encoders.openvino import inference
from embedding.encoders.protocol import Vectors
from embedding.errors import ModelUnavailable, TextUnsupported

if TYPE_CHECKING:
    from embedding.encoders.tokens import Tokenizer

IMAGE_NETWORK, TEXT_NETWORK, TOKENIZER = "image.xml", "text.xml", "tokenizer.json"
# The least cosine between the probes' vectors here and where the model was compiled.
_MIN_PROBE_COSINE = 0.999
# From so many items on, each core takes a batch of several at a time.
BATCHED_FROM, _BATCH = 32, 8


@dataclass(frozen=True)
class CompiledManifest:
    """The content of compiled.json.

    `openvino`: the release that the model was compiled and compared with.
    `files`: the SHA-256 of every file.
    `probes`: the vectors of `probe_pictures` where the model was compiled; another machine must give the same.
    `clean`, `zeroed`: how texts are prepared, as in Tokenizer; "" without a text side.
    """

    openvino: str
    files: dict[str, str]
    probes: tuple[tuple[float, ...], ...] = ()
    clean: str = ""
    zeroed: int | None = None

    @classmethod
    def of(cls, folder: Path, **fields: Any) -> CompiledManifest:
        """The manifest of the files that are in a folder now; `fields` are its other fields."""
        files = {path.name: store.digest(path) for path in sorted(folder.iterdir())}
        return cls(inference.version(), files, **fields)

    def write(self, folder: Path) -> str:
        """Write it, atomically and last, because it marks the model as complete; returns its SHA-256."""
        part = folder / f"{store.COMPILED}.part"
        part.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")
        part.replace(folder / store.COMPILED)
        return store.digest(folder / store.COMPILED)

    @classmethod
    def verified(cls, folder: Path, name: str, sha256: str | None = None) -> CompiledManifest:
        """Read a folder's manifest, after checking it against `sha256`, where that is known, and all files it names.

        Raises:
            ModelUnavailable: a file is missing, or differs from what was compiled.
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
    """A compiled model, loaded. Satisfies the Encoder protocol; a row does not depend on its batch, bit for bit."""

    def __init__(self, card: ModelCard) -> None:
        """Load a card of the compiled family.

        Raises:
            ModelUnavailable: it is missing, not the card's, or gives other vectors here than where it was compiled.
        """
        folder = store.folder(card.name)
        manifest = CompiledManifest.verified(folder, card.name, card.sha256)
        self._card = card
        self._lock = threading.Lock()
        self._folder, self._clean = folder, manifest.clean
        self._image = CompiledNetwork(folder / IMAGE_NETWORK)
        self._check_probes(np.array(manifest.probes, np.float32), manifest.openvino)

    @property
    def card(self) -> ModelCard:
        """The model's card; `sha256` is that of compiled.json."""
        return self._card

    def encode_images(self, images: Images) -> Vectors:
        """See Encoder.encode_images. Floats are rounded to bytes, which is what the network takes."""
        return self._unit(self._image, as_bytes(images, self._card))

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
    def _text(self) -> tuple[CompiledNetwork, Tokenizer]:
        """The text network and tokenizer, verified and opened for the first text, because most searches have none.

        A server with ViT-B-32 in 8 bits takes 543 MB without it and 669 with.
        """
        # Imported here, because only texts need its libraries.
        from embedding.encoders.tokens import Tokenizer

        # Verified again: hours may have passed since the start.
        manifest = CompiledManifest.verified(self._folder, self._card.name, self._card.sha256)
        tokenizer = Tokenizer.open(self._folder / TOKENIZER, manifest.clean, manifest.zeroed)
        return CompiledNetwork(self._folder / TEXT_NETWORK), tokenizer

    def _unit(self, network: CompiledNetwork, inputs: npt.NDArray[Any]) -> Vectors:
        with self._lock:
            rows = network.run(inputs, self._card.dimension)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        return rows

    def _check_probes(self, expected: Vectors, compiled_with: str) -> None:
        """Refuse a processor or a release of OpenVINO that computes other vectors: they would mix with stored ones."""
        found = self.encode_images(probe_pictures(self._card.preprocess.size))
        least = float((found * expected).sum(axis=1).min())
        if not least >= _MIN_PROBE_COSINE:
            raise ModelUnavailable(
                f"{self._card.name} gives other vectors on this machine with OpenVINO {inference.version()} than where "
                f"it was compiled with {compiled_with} (cosine {least:.4f}): delete {store.folder(self._card.name)}, "
                "compile it again and re-index"
            )


class CompiledNetwork:
    """One tower. An item's row never depends on the other items.

    Few items run one after another, each on all cores, for the lowest latency. Of many, each core takes a batch, for
    which the weights are read from memory once: that takes half of the time.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._single = _Queue(inference.open_network(path), 1)
        # Opened for the first large batch: a single search never needs it, and it takes the weights' memory again.
        self._batched: _Queue | None = None

    def run(self, inputs: npt.NDArray[Any], width: int) -> Vectors:
        """Inputs [n, ...] -> float32 [n, width]. One caller at a time."""
        if len(inputs) < BATCHED_FROM:
            return self._single.run(inputs, width)
        if self._batched is None:
            self._batched = self._open_batched(inputs[:_BATCH], width)
        return self._batched.run(inputs, width)

    def _open_batched(self, trial: npt.NDArray[Any], width: int) -> _Queue:
        """The network that takes batches; the other one where that cannot be opened or gives other rows."""
        try:
            opened = inference.open_network(self._path, streams=inference.cores(), batch=_BATCH)
        except ModelUnavailable:
            # The model was compiled by a version whose networks take one item only.
            return self._single
        queue = _Queue(opened, _BATCH)
        same = np.array_equal(queue.run(trial, width), self._single.run(trial, width))
        return queue if same else self._single


class _Queue:
    """A network that takes `batch` items at a time, and its requests, one for each of its streams."""

    def __init__(self, network: Any, batch: int) -> None:
        self._requests, self._batch = inference.openvino().AsyncInferQueue(network), batch

    def run(self, inputs: npt.NDArray[Any], width: int) -> Vectors:
        rows = np.empty((len(inputs), width), np.float32)

        def store_rows(request: Any, start: int) -> None:
            part = rows[start : start + self._batch]
            part[:] = request.get_output_tensor(0).data[: len(part)]

        # The last batch is padded with the last item.
        missing = -len(inputs) % self._batch
        padded = np.concatenate([inputs, np.repeat(inputs[-1:], missing, axis=0)]) if missing else inputs
        self._requests.set_callback(store_rows)
        for start in range(0, len(padded), self._batch):
            self._requests.start_async({0: padded[start : start + self._batch]}, start)
        self._requests.wait_all()
        return rows


def probe_pictures(size: int) -> npt.NDArray[np.uint8]:
    """Two pictures of coarse noise, uint8 [2, size, size, 3], the same on every machine."""
    coarse = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), np.uint8)
    at = np.arange(size) * 8 // size
    return np.ascontiguousarray(coarse[:, at][:, :, at])
