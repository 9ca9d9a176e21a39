"""CMC curves over log rank: hit rates read under the pointer, or with the arrow keys."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QWidget

from canon_core.figures.cmc_figure import TICKS, CmcCurve, lowest_rate
from canon_core.figures.numbers import tar_text

from ..theme import PLOT_SYMBOLS, colour, theme_for
from .read_plot import REACH, ReadPlot, arrow_step
from .roc_plot import curve_pen


class _RankAxis(pg.AxisItem):
    """Ranks for values given as log10."""

    def tickValues(self, low: float, high: float, size: float) -> list[tuple[float, list[float]]]:
        ranks = [rank for rank in TICKS if low - 1e-9 <= math.log10(rank) <= high + 1e-9]
        if len(ranks) < 2:
            ranks = [rank for rank in range(1, TICKS[-1] + 1) if low <= math.log10(rank) <= high]
        return [(1.0, [math.log10(rank) for rank in ranks])]

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        return [f"{10.0**value:.0f}" for value in values]


class CmcPlot(ReadPlot):
    """Draws curves and reads them."""

    def __init__(self, parent: QWidget | None = None) -> None:
        self._x_axis, self._y_axis = _RankAxis("bottom"), pg.AxisItem("left")
        super().__init__("CMC curves", parent, axisItems={"bottom": self._x_axis, "left": self._y_axis})
        self._curves: tuple[CmcCurve, ...] = ()
        self._items: list[tuple[pg.PlotCurveItem, pg.ScatterPlotItem]] = []
        self._point = pg.ScatterPlotItem(size=11)
        self._point.setZValue(30)
        self.addItem(self._point, ignoreBounds=True)
        self._marks = (self._point,)
        self.setLabel("bottom", "rank")
        self.setLabel("left", "hit rate")
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
        self._style()

    def _frame(self) -> None:
        last = math.log10(max((len(curve.rates) for curve in self._curves), default=TICKS[-1]))
        bottom = lowest_rate(self._curves)
        margin = 0.06 * (1 - bottom)  # room for the marks, and the number, at rate 1
        box = self.getViewBox()
        across, up = (-0.03, last + 0.06), (bottom - margin, 1 + margin)
        box.setLimits(xMin=across[0], xMax=across[1], yMin=up[0], yMax=up[1], minXRange=0.1, minYRange=0.01)
        box.setRange(xRange=across, yRange=up, padding=0)

    # -- reading -------------------------------------------------------------------------------------------------
    def _nearest(self, x: float, y: float) -> tuple[int, ...] | None:
        across, up = self.getViewBox().viewPixelSize()
        best: tuple[float, int, int] | None = None
        for number, curve in enumerate(self._curves):
            if not curve.drawable:
                continue
            rank = min(max(round(10.0**x), 1), len(curve.rates))
            away = math.hypot((math.log10(rank) - x) / across * 0.25, (curve.rates[rank - 1] - y) / up)
            if away <= REACH and (best is None or away < best[0]):
                best = (away, number, rank - 1)
        return None if best is None else best[1:]

    def _read(self, number: int, place: int) -> None:
        curve, rank = self._curves[number], place + 1
        x, y = math.log10(rank), curve.rates[place]
        self._mark(self._point, x, y, theme_for(self).series(curve.colour))
        first = "found first" if rank == 1 else f"among the first {rank}"
        self._show_reading((number, place), f"{curve.label}\nrank {rank}: {tar_text(y)} {first}", x, y)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Left and right by a rank, up and down to the next curve; Escape leaves it."""
        found = arrow_step(event.key(), self._at, [len(curve.rates) * curve.drawable for curve in self._curves])
        if found is None:
            super().keyPressEvent(event)
        else:
            self._read(*found)

    # -- colours -------------------------------------------------------------------------------------------------
    def _style(self) -> None:
        theme = theme_for(self)
        for curve, (line, marks) in zip(self._curves, self._items, strict=True):
            style = theme.series(curve.colour)
            line.setPen(curve_pen(curve, theme))
            marks.setSymbol(PLOT_SYMBOLS[style.marker])
            marks.setBrush(colour(style.colour))
            marks.setPen(pg.mkPen(theme.surface, width=0.8))
