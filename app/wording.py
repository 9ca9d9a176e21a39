"""How faults and sizes are told on screen."""

from __future__ import annotations

from canon_core.errors import CanonError


def fault_text(error: CanonError) -> str:
    """The error's sentence, beginning like one where it does not begin with a path."""
    text = error.sentence()
    return text if error.path is not None else text[:1].upper() + text[1:]


def bytes_text(count: int) -> str:
    """``820 bytes``, ``4.1 kB``, ``12.3 MB``, ``1.2 GB``: in powers of ten, as disks are sold."""
    if count < 1000:
        return f"{count:,} byte{'s' * (count != 1)}"
    size = float(count)
    for unit in ("kB", "MB", "GB"):
        size /= 1000
        if size < 1000:
            return f"{size:.1f} {unit}"
    return f"{size / 1000:,.1f} TB"
