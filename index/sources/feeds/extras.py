"""Optional libraries, imported when a feed that needs them is read."""

from __future__ import annotations

import importlib
from typing import Any

from index.errors import FeedError


def load(module: str, need: str, extra: str = "feeds") -> Any:
    """Return an optional library. Raises FeedError that says what to install; `need` is what is being read."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module if module.startswith("backports.") else module.split(".")[0]
        raise FeedError(
            f"{need} needs {package}, which is not installed: pip install 'traceobject[{extra}]'"
        ) from error
