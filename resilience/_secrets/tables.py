"""Reads the tables of formats and words that stand beside the code."""

from __future__ import annotations

import pkgutil
import tomllib
from typing import Any


def read(name: str) -> dict[str, Any]:
    """Return the content of a table, also where the package is in a zip file."""
    content = pkgutil.get_data(__package__, name)
    assert content is not None  # the loaders that can't read data can't load this package either
    return tomllib.loads(content.decode())
