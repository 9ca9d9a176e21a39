"""Which points of an overlay show the same item: an image or a template in the space of each model. No widget."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from canon_core.study.overlay_results import Overlay

from .scatter_picture import MOST_LINES


def items_of(result: Overlay, points: NDArray[np.integer]) -> NDArray[np.int64]:
    """Items of some points, each once, ascending; a million in 20 ms, where sorting them would take a second."""
    there = np.zeros(result.items[0], bool)
    there[points % result.items[0]] = True
    return np.flatnonzero(there)


def lines_of(result: Overlay, selection: NDArray[np.integer]) -> NDArray[np.int64] | None:
    """(m, 2): a source's and the target's point of each selected item, or of every item where none is selected; None
    where they are more than can be drawn."""
    count, sources = result.items[0], len(result.models) - 1
    least = -(-len(selection) // len(result.models)) if len(selection) else count  # items, at least
    if least * sources > MOST_LINES:
        return None
    items = items_of(result, selection) if len(selection) else np.arange(count)
    if len(items) * sources > MOST_LINES:
        return None
    return np.concatenate([np.stack([items + number * count, items], axis=1) for number in range(1, sources + 1)])
