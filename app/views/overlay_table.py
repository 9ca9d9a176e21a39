"""The table page of an overlay: its points in rows, or those that are selected of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from canon_core.study.overlay_results import Overlay

from ..theme import SMALL
from .labels import TextLabel
from .overlay_rows import MOST_ROWS, overlay_rows, rows_text
from .scatter_plot import ScatterPlot
from .table_twin import TableTwin

if TYPE_CHECKING:
    from canon_core.experiments.overlay_details import OverlayDetails


class OverlayTable(QWidget):
    """Rows, and above them which points they are.

    Signals
    -------
    pointChosen(number) : int
        The point of the row that became the current one.
    """

    pointChosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.table = TableTwin("Overlay as a table")
        self.table.horizontalHeader().setResizeContentsPrecision(40)  # rows that decide how wide columns are
        self._note = TextLabel(muted=True, size=SMALL)
        self._points: NDArray[np.int64] = np.zeros(0, np.int64)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._note)
        column.addWidget(self.table, 1)
        self.table.selectionModel().currentRowChanged.connect(self._row_chosen)

    def clear(self) -> None:
        """No rows: there is no overlay."""
        self._points = np.zeros(0, np.int64)
        self.table.set_table([], [])

    def show_points(self, result: Overlay, details: OverlayDetails | None, plot: ScatterPlot, left: str) -> str:
        """Put those points into rows that the plot shows, or that are selected of them; which these are, where they are
        not all. ``left`` says which the plot does not show."""
        seen = plot.seen(np.arange(len(result.model)))
        selected = len(plot.selection) > 0
        points = plot.seen(plot.selection.astype(np.int64)) if selected else seen
        self._points = points[:MOST_ROWS]
        which = rows_text(len(points), selected=selected, filtered=len(seen) < len(result.model))
        hint = "" if selected else " Select points to list them alone."
        self._note.setText(f"{which}.{hint} Export… writes the coordinates of all.")
        self.table.set_table(*overlay_rows(result, details, self._points))
        if len(self._points) == len(result.model):
            return ""
        return which if len(seen) == len(result.model) else f"{which} ({left.rstrip('.')})"

    def _row_chosen(self, index: object) -> None:
        number = self.table.row_number(index)  # type: ignore[arg-type]
        if 0 <= number < len(self._points):
            self.pointChosen.emit(int(self._points[number]))
