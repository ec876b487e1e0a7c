"""How property tests run: without a deadline, for the time of one example tells of the machine, not of the code; and in
CI with the same examples each time, for what it says must be of the change. Elsewhere each run draws new ones.

And a PostgreSQL server, one for all tests that ask for it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from embedding.text import reader
from tests import postgres

# Reading text takes a second a picture: tests that want it make their own reader.
reader.available = lambda: False

settings.register_profile("here", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("here")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    """A running server; the test is skipped where none can be started."""
    with postgres.running() as server:
        yield server
