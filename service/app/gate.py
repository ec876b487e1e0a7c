"""The gate's policy for pictures that seem to show a face. docs/gate.md has the measured error rates."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

from embedding.faces.detector import FaceDetector
from index.sources.gate import FACE, PASSED, Gate, Verdict
from index.workspace import Workspace
from service.problems import FACE_SEEN, Problem

# Detection scores from 0 to 1. Uploads are discarded after the answer, so few toys' faces should be refused.
UPLOAD_THRESHOLD = 0.7
# Published crops are kept, so the threshold is lower; a curator can approve a crop that was quarantined by mistake.
PUBLISHED_THRESHOLD = 0.5


class FaceGate:
    """An index.sources.gate.Gate that stops pictures with a face whose score is `min_score` or more.

    The detector is loaded when it is first needed. Pickled it is its threshold alone.
    """

    def __init__(self, min_score: float) -> None:
        self._min_score = min_score
        self._detector: FaceDetector | None = None
        self._loading = threading.Lock()

    def __reduce__(self) -> tuple[Callable[[float], FaceGate], tuple[float]]:
        return face_gate, (self._min_score,)

    def load(self) -> FaceDetector:
        """The detector, loaded.

        Raises:
            ModelUnavailable: its weights are not installed.
        """
        with self._loading:
            if self._detector is None:
                self._detector = FaceDetector()
            return self._detector

    def check(self, picture: npt.NDArray[np.uint8]) -> Verdict:
        """See Gate.check."""
        confidence = self.load().confidence(picture, self._min_score)
        return Verdict(FACE, confidence) if confidence >= self._min_score else PASSED


@cache
def face_gate(min_score: float) -> FaceGate:
    """The gate of this process with a threshold, so that its detector is loaded once."""
    return FaceGate(min_score)


def gate_of(workspace: Workspace, min_score: float) -> FaceGate | None:
    """The gate configured in a workspace's settings; None where it is off."""
    return FaceGate(min_score) if workspace.settings.gate == "faces" else None


def pictures_with_faces(pictures: Sequence[npt.NDArray[np.uint8]], gate: Gate | None) -> list[int]:
    """The numbers of the pictures that the gate stops, counted from 1. Slow: call it from a worker thread."""
    if gate is None:
        return []
    return [number for number, picture in enumerate(pictures, start=1) if not gate.check(picture).passes]


def face_problem(number: int) -> Problem:
    """The problem of an upload whose picture `number`, counted from 1, shows a face."""
    return Problem(FACE_SEEN, f"picture {number} seems to show a face: crop it to the object", image=number)
