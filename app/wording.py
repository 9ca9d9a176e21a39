"""How faults and durations are told on screen."""

from __future__ import annotations

from datetime import timedelta

from canon_core.errors import CanonError


def fault_text(error: CanonError) -> str:
    """The error's sentence, beginning like one where it does not begin with a path."""
    text = error.sentence()
    return text if error.path is not None else text[:1].upper() + text[1:]


def duration_text(seconds: float) -> str:
    """``0.4 s``, ``12 s``, ``3 min 5 s``, ``2 h 10 min``."""
    if seconds < 1:
        return f"{seconds:.1f} s"
    whole = timedelta(seconds=round(seconds))
    minutes, rest = divmod(int(whole.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours:,} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
