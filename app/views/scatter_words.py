"""What a scatter plot says of what is in view: its note to everybody, its description to a screen reader."""

from __future__ import annotations

from .scatter_content import ScatterContent


def out_of_view(content: ScatterContent, in_view: int, *, first: bool) -> str:
    """What is not in view, and why: points that move, that somebody zoomed past, or that lie so far out that they were
    left out of the ``first`` view, for the others to be seen. Empty where everything is."""
    shown = content.count_seen()
    out = shown - in_view
    if out <= 0:
        return ""
    if content.sorted.partial:
        return f"{in_view:,} of {shown:,} points while they move"
    if first:
        return f"{out:,} of {shown:,} points lie{'s' * (out == 1)} far out, beyond this view · F shows all"
    return f"{in_view:,} of {shown:,} points in view · F shows all"


def description(content: ScatterContent, in_view: int) -> str:
    """How much is in view, is selected, is marked."""
    text = f"{in_view:,} of {len(content.points or ()):,} points in view"
    if len(content.sorted.selection):
        text += f", {len(content.sorted.selection):,} selected"
    if content.placed:
        text += f", marked: {', '.join(each.label for each in content.placed)}"
    return text
