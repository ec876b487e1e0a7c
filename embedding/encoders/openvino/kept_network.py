"""A network that is no encoder, as OpenVINO compiled it, in the model store: local features and faces have one each."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedding.encoders import model_store as store
from embedding.encoders.openvino import inference
from embedding.encoders.openvino.compiled import Manifest

_FILE = "maps.xml"


@dataclass(frozen=True)
class KeptNetwork:
    """Where one network is kept.

    `name`: its folder in the store; another one whenever what it gives changes. `title`: what errors call it.
    """

    name: str
    title: str

    @property
    def is_here(self) -> bool:
        """Whether it was compiled on this machine."""
        return (self._folder / store.COMPILED).is_file()

    def open(self, *, streams: int = 1) -> Any:
        """It, verified and ready to run; `streams` as inference.open_network has them.

        Raises:
            ModelUnavailable: it is damaged, or openvino is not installed.
        """
        Manifest.verified(self._folder, self.title)
        return inference.open_network(self._folder / _FILE, streams=streams)

    def keep(self, network: Any) -> None:
        """Write a network, in single precision, and last the manifest that says it is whole."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        inference.openvino().save_model(network, self._folder / _FILE, compress_to_fp16=False)
        Manifest.of(self._folder).write(self._folder)

    @property
    def _folder(self) -> Path:
        return store.folder(self.name)
