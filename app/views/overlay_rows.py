"""The points of an overlay as rows of a table, for the keyboard, the screen reader and a spreadsheet. No widget."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from canon_core.study.overlay_results import Overlay, OverlayLevel

from .table_twin import Entry

if TYPE_CHECKING:
    from canon_core.experiments.overlay_details import OverlayDetails

#: Rows of the table; more are not read, and would hold up the window.
MOST_ROWS = 1_000


def rows_text(points: int, *, selected: bool, filtered: bool) -> str:
    """Which points the rows are, of so many that are seen."""
    which = "selected points" if selected else "points in the picture" if filtered else "points"
    return f"The first {MOST_ROWS:,} of {points:,} {which}" if points > MOST_ROWS else f"All {which}"


def overlay_rows(
    result: Overlay, details: OverlayDetails | None, points: NDArray[np.int64]
) -> tuple[list[str], list[Sequence[Entry]]]:
    """Headings, and a row each for some points."""
    neighbours = details.neighbours if details is not None else ()
    first = "image" if result.settings.level is OverlayLevel.IMAGES else "template"
    several = len(result.parts) > 1
    columns = [first, "subject", *(["dataset"] if several else []), "model"]
    columns += ["x before", "y before", "x after", "y after"]
    if neighbours:
        columns += ["nearest before", "nearest after"]
    rows: list[Sequence[Entry]] = []
    for point in points.tolist():
        model, item = divmod(point, result.items[0])
        row = [
            Entry(details.names[item] if details is not None else str(result.item[point])),
            Entry(result.subject_names[result.subject[point]]),
            *([Entry(result.settings.datasets[result.dataset[item]])] if several else []),
            Entry(result.models[model]),
            *(
                Entry(f"{value:.3f}", float(value))
                for value in (*result.before[point].tolist(), *result.after[point].tolist())
            ),
        ]
        if neighbours and details is not None:
            found = neighbours[model - 1] if model else None
            row += [
                Entry(_neighbour(result, details, near, item))
                for near in ((found.before, found.after) if found is not None else (None, None))
            ]
        rows.append(row)
    return columns, rows


def _neighbour(result: Overlay, details: OverlayDetails, near: NDArray[np.int32] | None, item: int) -> str:
    if near is None or near[item] < 0:
        return ""
    same = result.subject[near[item]] == result.subject[item]
    return f"{details.names[near[item]]} ({'same' if same else 'another'} subject)"
