"""Writes a description as the content of metadata.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

# With an indentation, `json` would leave its encoder in C for one in Python, which takes three times as long.
_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",\n ", ": ")).encode


def as_json(description: Mapping[str, Any]) -> bytes:
    """Return *description* as JSON for programs, and with a line for each value, so that a person can read it too."""
    parts = ",\n".join(f"{_encode(name)}: {_encode(part)}" for name, part in description.items())
    return f"{{\n{parts}\n}}\n".encode()
