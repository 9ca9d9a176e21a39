"""How faults are told on screen."""

from __future__ import annotations

from canon_core.errors import CanonError


def fault_text(error: CanonError) -> str:
    """The error's sentence, beginning like one where it does not begin with a path."""
    text = error.sentence()
    return text if error.path is not None else text[:1].upper() + text[1:]
