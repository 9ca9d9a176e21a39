"""How faults and durations are told on screen."""

from __future__ import annotations

import re
from datetime import timedelta

from canon_core.errors import CanonError

#: Where the window has what a remedy's command does; first match first.
_IN_THE_WINDOW = (
    (r"make a new one with `canon new STUDY`", "make a new one with File → New study…"),
    (r"run `canon embed`(?: with --dataset [^,;]+?)?(?=, or |\.?$| to the end|:)", "choose Study → Compute embeddings"),
    (r"`canon embed`", "Study → Compute embeddings"),
    (r"(?:choose |use |run )?`canon import`", "File → Import embeddings…, for"),
    (r"`canon locate`", "Study → Locate…"),
    (r"`canon add-model`", "Study → Add models…"),
    (r"`canon add-dataset`", "Study → Add dataset…"),
)


def fault_text(error: CanonError) -> str:
    """The error's sentence, beginning like one where it does not begin with a path; commands of the command line are
    named as the window has them."""
    text = error.sentence()
    for command, there in _IN_THE_WINDOW:
        text = re.sub(command, there, text)
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
