"""The gate's policy: what is done about a picture that seems to show a face. docs/gate.md has the figures."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from embedding.faces.detector import FaceDetector
from index.sources.gate import FACE, PASSED, Gate, Verdict
from index.workspace import Workspace
from service.problems import FACE_SEEN, Problem

# A toy's face must pass where a person waits for an answer, and the photo is forgotten whatever the gate says.
UPLOADS = 0.7
# What is published stays; a curator can let in what is held for nothing.
PUBLISHED = 0.5


class FaceGate:
    """An index.sources.gate.Gate that stops pictures with a face at least this sure; loaded when first needed."""

    def __init__(self, least: float) -> None:
        self._least = least
        self._detector: FaceDetector | None = None
        self._loading = threading.Lock()

    def load(self) -> FaceDetector:
        """The detector, loaded.

        Raises:
            ModelUnavailable: its weights are not here.
        """
        with self._loading:
            if self._detector is None:
                self._detector = FaceDetector()
            return self._detector

    def check(self, picture: npt.NDArray[np.uint8]) -> Verdict:
        """See Gate.check."""
        confidence = self.load().confidence(picture, self._least)
        return Verdict(FACE, confidence) if confidence >= self._least else PASSED


def gate_of(workspace: Workspace, least: float) -> FaceGate | None:
    """The gate that a workspace's settings ask for; None where it is off."""
    return FaceGate(least) if workspace.settings.gate == "faces" else None


def with_faces(pictures: Sequence[npt.NDArray[np.uint8]], gate: Gate | None) -> list[int]:
    """Which pictures the gate stops, counted from 1. Takes its time: for a worker thread."""
    if gate is None:
        return []
    return [number for number, picture in enumerate(pictures, start=1) if not gate.check(picture).passes]


def face_seen(number: int) -> Problem:
    """The problem of an upload whose picture of that number, counted from 1, shows a face."""
    return Problem(FACE_SEEN, f"picture {number} seems to show a face: crop it to the object", image=number)
