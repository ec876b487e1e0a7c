"""A compiled network in the model store that is not an encoder: local features and faces have one each."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedding.encoders import model_store as store
from embedding.encoders.openvino import inference
from embedding.encoders.openvino.compiled import CompiledManifest

_FILE = "maps.xml"


@dataclass(frozen=True)
class StoredNetwork:
    """One network and its place in the store.

    `name`: its folder, another one whenever the network's output changes. `title`: its name in error messages.
    """

    name: str
    title: str

    @property
    def is_stored(self) -> bool:
        """Whether it was compiled on this machine."""
        return (self._folder / store.COMPILED).is_file()

    def open(self, *, streams: int = 1, precision: str = inference.SINGLE) -> Any:
        """The network, verified and ready to run; `streams` and `precision` as in inference.open_network.

        Raises:
            ModelUnavailable: it is damaged, or openvino is not installed.
        """
        CompiledManifest.verified(self._folder, self.title)
        return inference.open_network(self._folder / _FILE, streams=streams, precision=precision)

    def save(self, network: Any) -> None:
        """Write a network, in single precision, and last the manifest, which marks it as complete."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        inference.openvino().save_model(network, self._folder / _FILE, compress_to_fp16=False)
        CompiledManifest.of(self._folder).write(self._folder)

    @property
    def _folder(self) -> Path:
        return store.folder(self.name)
