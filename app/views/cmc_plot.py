"""CMC curves over log rank: hit rates read under the pointer, or with the arrow keys."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QWidget

from canon_core.figures.cmc_figure import TICKS, CmcCurve, lowest_rate
from canon_core.figures.numbers import tar_text

from ..theme import PLOT_SYMBOLS, colour, theme_for
from .plot_reading import PlotReading
from .roc_plot import curve_pen, prepare_plot, restyle_axes

#: Pixels from a line within which the pointer reads it.
_REACH = 40.0


class _RankAxis(pg.AxisItem):
    """Ranks for values given as log10."""

    def tickValues(self, low: float, high: float, size: float) -> list[tuple[float, list[float]]]:
        ranks = [rank for rank in TICKS if low - 1e-9 <= math.log10(rank) <= high + 1e-9]
        if len(ranks) < 2:
            ranks = [rank for rank in range(1, TICKS[-1] + 1) if low <= math.log10(rank) <= high]
        return [(1.0, [math.log10(rank) for rank in ranks])]

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        return [f"{10.0**value:.0f}" for value in values]


class CmcPlot(pg.PlotWidget):
    """Draws curves and reads them."""

    def __init__(self, parent: QWidget | None = None) -> None:
        self._x_axis, self._y_axis = _RankAxis("bottom"), pg.AxisItem("left")
        super().__init__(parent, axisItems={"bottom": self._x_axis, "left": self._y_axis})
        prepare_plot(self, "CMC curves")
        self._curves: tuple[CmcCurve, ...] = ()
        self._items: list[tuple[pg.PlotCurveItem, pg.ScatterPlotItem]] = []
        self._at: tuple[int, int] | None = None
        self._point = pg.ScatterPlotItem(size=11)
        self._point.setZValue(30)
        self.addItem(self._point, ignoreBounds=True)
        self._reading = PlotReading(self)
        self.setLabel("bottom", "rank")
        self.setLabel("left", "hit rate")
        self.scene().sigMouseMoved.connect(self._pointer_moved)
        self._restyle()
        self._frame()

    # -- given from outside --------------------------------------------------------------------------------------
    def set_curves(self, curves: Sequence[CmcCurve]) -> None:
        """Draw these; curves without mated probes have no points."""
        for line, marks in self._items:
            self.removeItem(line)
            self.removeItem(marks)
        self._items = []
        self._hide_reading()
        self._curves = tuple(curves)
        for curve in curves:
            line = pg.PlotCurveItem(antialias=True)
            marks = pg.ScatterPlotItem(pxMode=True, antialias=True, size=7)
            marks.setZValue(10)
            if curve.drawable:
                ranks = np.arange(1, len(curve.rates) + 1)
                line.setData(np.log10(ranks), np.array(curve.rates))
                shown = [rank for rank in TICKS if rank <= len(curve.rates)]
                marks.setData(np.log10(shown), [curve.rates[rank - 1] for rank in shown])
            self.addItem(line)
            self.addItem(marks)
            self._items.append((line, marks))
        self._frame()
        self._style_curves()

    def show_all(self) -> None:
        """Back to the whole curves."""
        self._frame()

    @property
    def reading(self) -> str:
        """What is read; empty where the pointer is on no curve."""
        return self._reading.text() if self._at is not None else ""

    def _frame(self) -> None:
        last = math.log10(max((len(curve.rates) for curve in self._curves), default=TICKS[-1]))
        bottom = lowest_rate(self._curves)
        margin = 0.06 * (1 - bottom)  # room for the marks, and the number, at rate 1
        box = self.getViewBox()
        across, up = (-0.03, last + 0.06), (bottom - margin, 1 + margin)
        box.setLimits(xMin=across[0], xMax=across[1], yMin=up[0], yMax=up[1], minXRange=0.1, minYRange=0.01)
        box.setRange(xRange=across, yRange=up, padding=0)

    # -- reading -------------------------------------------------------------------------------------------------
    def _pointer_moved(self, position: QPointF) -> None:
        box = self.getViewBox()
        if not box.sceneBoundingRect().contains(position):
            self._hide_reading()
            return
        where = box.mapSceneToView(position)
        across, up = box.viewPixelSize()
        best: tuple[float, int, int] | None = None
        for number, curve in enumerate(self._curves):
            if not curve.drawable:
                continue
            rank = min(max(round(10.0 ** where.x()), 1), len(curve.rates))
            away = math.hypot(
                (math.log10(rank) - where.x()) / across * 0.25, (curve.rates[rank - 1] - where.y()) / up
            )
            if away <= _REACH and (best is None or away < best[0]):
                best = (away, number, rank)
        if best is None:
            self._hide_reading()
        else:
            self._read(best[1], best[2])

    def _read(self, number: int, rank: int) -> None:
        curve, theme = self._curves[number], theme_for(self)
        self._at = (number, rank)
        x, y = math.log10(rank), curve.rates[rank - 1]
        style = theme.series(curve.colour)
        self._point.setData(
            x=[x], y=[y], symbol=PLOT_SYMBOLS[style.marker], brush=colour(style.colour),
            pen=pg.mkPen(theme.text, width=1.5),
        )  # fmt: skip
        self._point.show()
        first = "found first" if rank == 1 else f"among the first {rank}"
        self._reading.show_at(f"{curve.label}\nrank {rank}: {tar_text(y)} {first}", x, y)

    def _hide_reading(self) -> None:
        self._at = None
        self._point.hide()
        self._reading.hide()

    def leaveEvent(self, event: QEvent) -> None:
        self._hide_reading()
        super().leaveEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Left and right by a rank, up and down to the next curve; Escape leaves it."""
        filled = [number for number, curve in enumerate(self._curves) if curve.drawable]
        key = event.key()
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        turns = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}
        if key == Qt.Key.Key_Escape and self._at is not None:
            self._hide_reading()
        elif filled and (key in steps or key in turns):
            number, rank = self._at or (filled[0], 0 if key == Qt.Key.Key_Right else 1)
            if key in turns and self._at is not None:
                number = filled[(filled.index(number) + turns[key]) % len(filled)]
            rank = min(max(rank + steps.get(key, 0), 1), len(self._curves[number].rates))
            self._read(number, rank)
        else:
            super().keyPressEvent(event)

    # -- colours -------------------------------------------------------------------------------------------------
    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_reading"):
            self._hide_reading()
            self._restyle()

    def _restyle(self) -> None:
        restyle_axes(self)
        self._reading.restyle()
        self._style_curves()

    def _style_curves(self) -> None:
        theme = theme_for(self)
        for curve, (line, marks) in zip(self._curves, self._items, strict=True):
            style = theme.series(curve.colour)
            line.setPen(curve_pen(curve, theme))
            marks.setSymbol(PLOT_SYMBOLS[style.marker])
            marks.setBrush(colour(style.colour))
            marks.setPen(pg.mkPen(theme.surface, width=0.8))
