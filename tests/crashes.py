"""Programs that die anywhere: a test names where, and how many calls are left until one of them crashes."""

from __future__ import annotations

import random
from typing import Any

import pytest


class Crash(BaseException):
    """As if the process had been killed: nothing in the program catches it."""


class RandomCrashes:
    """Crashes in or after the call that `left` counts down to; 0 and less is never."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, chance: random.Random) -> None:
        self._monkeypatch, self._chance, self.left = monkeypatch, chance, 0

    def may_happen_in(self, holder: Any, name: str) -> None:
        """Count the calls of a function of a module or class."""
        original = getattr(holder, name)

        def call(*arguments: Any, **options: Any) -> Any:
            self.left -= 1
            if self.left == 0:
                if self._chance.random() < 0.5:
                    original(*arguments, **options)
                raise Crash
            return original(*arguments, **options)

        self._monkeypatch.setattr(holder, name, call)
