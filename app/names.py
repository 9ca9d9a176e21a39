"""What a model or a dataset may be called."""

from __future__ import annotations

import re
from collections.abc import Collection

from canon_core.study.manifest import NAME_PATTERN

_LONGEST = 64


def why_no_name(name: str, what: str, taken: Collection[str] = ()) -> str:
    """Why something cannot be called so, in a sentence without a full stop; empty where it can."""
    if not name:
        return f"A {what} needs a name"
    if name in taken:
        return f"There is a {what} '{name}' already"
    if len(name) > _LONGEST:
        return f"That is longer than {_LONGEST} letters"
    if not re.fullmatch(NAME_PATTERN, name, re.ASCII) or "," in name:
        return "Use letters, digits, spaces and . _ + -, beginning with a letter or digit"
    return ""
