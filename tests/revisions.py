"""Tomorrow's revisions: written into a folder of the test's own, behind those that there are."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from index.records.migrations.history import History

_FILE = """
import sqlalchemy as sa
from alembic import op

revision = "{number:04d}"
down_revision = "{before:04d}"


def upgrade():
{body}
"""


def write_revision(history: History, folder: Path, body: str) -> str:
    """Write the revision that follows a history's last, with the body of its `upgrade`; its number."""
    folder.mkdir(exist_ok=True)
    number = len(history.revisions) + 1
    text = _FILE.format(number=number, before=number - 1, body=textwrap.indent(textwrap.dedent(body).strip(), "    "))
    (folder / f"v{number:04d}_tomorrow.py").write_text(text)
    return f"{number:04d}"


@contextmanager
def also_knowing(history: History, folder: Path) -> Iterator[None]:
    """Let the program know the revisions of one folder more, as tomorrow's will."""
    before = history.folders
    try:
        object.__setattr__(history, "folders", (*before, folder))
        history.__dict__.pop("revisions", None)
        yield
    finally:
        object.__setattr__(history, "folders", before)
        history.__dict__.pop("revisions", None)
