"""Where the project lies, and the photographs beside it that some tests use where they are there."""

import os
from pathlib import Path

ROOT = Path(__file__).parents[1]
SHARED = Path(os.environ.get("TRACEOBJECT_SHARED", ROOT.parent / "shared"))
