"""How property tests run: without a deadline, for the time of one example tells of the machine, not of the code."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("here", deadline=None)
settings.load_profile("here")
