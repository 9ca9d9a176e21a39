"""TAR over the number of fit pairs, which is logarithmic: a curve a map and fit, read under the pointer or by keys."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pyqtgraph as pg
from PySide6.QtCore import QEvent, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QKeyEvent, QPainterPath, QPen
from PySide6.QtWidgets import QWidget

from canon_core.figures.sensitivity_curve import SensitivityCurve, SingleLevel, near_dimensions, trusted_from
from canon_core.maps.kinds import MapKind

from ..theme import PLOT_SYMBOLS, Theme, colour, theme_for
from .curve_legend import LegendEntry, Marking
from .read_plot import REACH, ReadPlot, arrow_step
from .shown_sensitivity import reading_text

#: Widths of the pens of curves, of the repetitions' outlines, and of the single models' level.
_THICK, _THIN, _LEVEL = 2.0, 1.0, 1.2
#: Dashes of the levels, in the order of the fit modes: dots, long with dots, short.
_LEVEL_DASHES = ([1.2, 2.2], [7.0, 2.0, 1.2, 2.0], [3.0, 1.6])
#: Steps whose numbers would touch have no tick; log2 pairs.
_APART = 0.54


class _PairsAxis(pg.AxisItem):
    """Numbers of pairs for values given as log2; its ticks are the steps there are."""

    def __init__(self) -> None:
        super().__init__("bottom")
        self._steps: tuple[int, ...] = ()

    def set_steps(self, steps: Sequence[int]) -> None:
        """Where it has ticks."""
        self._steps = tuple(sorted(steps))
        self.picture = None
        self.update()

    def boundingRect(self) -> QRectF:
        """Room for the number at the right end, which pyqtgraph leaves out where there is a grid."""
        return super().boundingRect().adjusted(-18, 0, 18, 0)

    def tickValues(self, low: float, high: float, size: float) -> list[tuple[float, list[float]]]:
        # On a narrow plot the numbers need more of it: some 60 pixels each.
        apart = max(_APART, 60 * (high - low) / max(size, 1))
        ticks: list[float] = []
        for pairs in reversed(self._steps):  # the last one, all pairs, always has its number
            value = math.log2(pairs)
            if low <= value <= high and (not ticks or ticks[-1] - value >= apart):
                ticks.append(value)
        return [(1.0, ticks[::-1])]

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        return [f"{2.0**value:,.0f}" for value in values]


class SensitivityPlot(ReadPlot):
    """Draws curves with their repetitions, and the level of the single models."""

    def __init__(self, parent: QWidget | None = None) -> None:
        self._x_axis, self._y_axis = _PairsAxis(), pg.AxisItem("left")
        axes = {"bottom": self._x_axis, "left": self._y_axis}
        super().__init__("TAR against the number of fit pairs", parent, axisItems=axes)
        self._curves: tuple[SensitivityCurve, ...] = ()
        self._levels: tuple[SingleLevel, ...] = ()
        self._dimensions: tuple[int, ...] = ()
        self._items: list[tuple[pg.PlotCurveItem, pg.ScatterPlotItem, pg.ScatterPlotItem]] = []
        self._level_items: list[pg.InfiniteLine] = []
        self._near = pg.LinearRegionItem(movable=False)
        self._near_text = pg.TextItem("pairs ≈ dimensions", anchor=(0.5, 1))
        self._trusted = pg.InfiniteLine(angle=90)
        self._trusted_text = pg.TextItem("10 a dimension", anchor=(1, 1))
        self._point = pg.ScatterPlotItem(size=13)
        for level, item in enumerate((self._near, self._trusted, self._near_text, self._trusted_text, self._point)):
            item.setZValue((-20, -10, -5, -5, 30)[level])
            self.addItem(item, ignoreBounds=True)
        self._marks = (self._point,)
        self.setLabel("bottom", "image pairs a map is fitted on")
        self.setLabel("left", "mean TAR")
        self.getViewBox().sigRangeChanged.connect(self._place_texts)
        self.set_curves((), (), ())
        self._restyle()

    # -- given from outside --------------------------------------------------------------------------------------
    def set_curves(
        self, curves: Sequence[SensitivityCurve], levels: Sequence[SingleLevel], dimensions: Sequence[int]
    ) -> None:
        """Draw these; ``dimensions`` are the widths of the sources, ascending."""
        for items in self._items:
            for item in items:
                self.removeItem(item)
        for line in self._level_items:
            self.removeItem(line)
        self._hide_reading()
        frame = self._extent()
        self._curves, self._levels, self._dimensions = tuple(curves), tuple(levels), tuple(dimensions)
        self._items = [self._drawn(curve) for curve in self._curves]
        self._level_items = [pg.InfiniteLine(pos=level.tar, angle=0) for level in self._levels]
        for line in self._level_items:
            line.setZValue(-2)
            self.addItem(line, ignoreBounds=True)
        self._x_axis.set_steps({step.pairs for curve in self._curves for step in curve.steps})
        self._mark_few()
        if self._extent() != frame:  # else a zoom stays while cells arrive
            self._frame()
        self._style()
        self._place_texts()

    def _drawn(self, curve: SensitivityCurve) -> tuple[pg.PlotCurveItem, pg.ScatterPlotItem, pg.ScatterPlotItem]:
        line = pg.PlotCurveItem(antialias=True)
        means = pg.ScatterPlotItem(pxMode=True, antialias=True, size=9)
        repeats = pg.ScatterPlotItem(pxMode=True, antialias=True, size=6)
        places = [math.log2(step.pairs) for step in curve.steps]
        values = [step.mean for step in curve.steps]
        line.setData(places, values)
        means.setData(places, values)
        repeated = [(place, value) for place, step in zip(places, curve.steps, strict=True) for value in step.values]
        repeats.setData([place for place, _ in repeated], [value for _, value in repeated])
        means.setZValue(10)
        repeats.setZValue(12)  # on the means: a narrow spread would vanish behind them
        for item in (line, means, repeats):
            self.addItem(item)
        return line, means, repeats

    def _mark_few(self) -> None:
        """Where a linear map's pairs are as many as its dimensions, and where there are ten a dimension."""
        drawn = [curve for curve in self._curves if curve.steps]
        linear = bool(self._dimensions) and any(curve.map is not MapKind.ROTATION for curve in drawn)
        self._near.setVisible(linear)
        self._near_text.setVisible(linear)
        for item in (self._trusted, self._trusted_text):
            item.setVisible(bool(drawn and self._dimensions))
        if self._dimensions:
            self._near.setRegion(tuple(math.log2(edge) for edge in near_dimensions(self._dimensions)))
            self._trusted.setValue(math.log2(trusted_from(self._dimensions)))

    def _extent(self) -> tuple[float, float, float, float]:
        """Left, right, bottom and top of all there is."""
        steps = [step for curve in self._curves for step in curve.steps]
        places = [math.log2(step.pairs) for step in steps] or [5.0, 10.0]
        lowest = min((value for step in steps for value in step.values), default=0.0)
        bottom = max(0.0, math.floor(lowest * 10 - 0.2) / 10)
        return min(places), max(places), bottom, 1.0

    def _frame(self) -> None:
        left, right, bottom, top = self._extent()
        across, up = max(0.04 * (right - left), 0.15), 0.03 * (top - bottom)
        box = self.getViewBox()
        box.setLimits(xMin=left - across, xMax=right + across, yMin=bottom - up, yMax=top + up)
        box.setLimits(minXRange=0.2, minYRange=0.005)
        box.setRange(xRange=(left - across, right + across), yRange=(bottom - up, top + up), padding=0)

    def _place_texts(self, *_: object) -> None:
        """The words of the shade and of the dotted line, at the plot's foot."""
        (left, right), (bottom, _) = self.getViewBox().viewRange()
        across, up = self.getViewBox().viewPixelSize()
        foot = bottom + 3 * up
        low, high = self._near.getRegion()
        self._near_text.setPos((max(low, left) + min(high, right)) / 2, foot)
        # Beside the line, on the side of few pairs, but not on the words of the shade.
        self._trusted_text.setPos(self._trusted.value() - 2 * across, foot + 16 * up)

    def resizeEvent(self, event: QEvent) -> None:
        super().resizeEvent(event)
        if hasattr(self, "_trusted_text"):  # the base class resizes itself while it is made
            self._place_texts()

    # -- reading -------------------------------------------------------------------------------------------------
    def _nearest(self, x: float, y: float) -> tuple[int, ...] | None:
        across, up = self.getViewBox().viewPixelSize()
        found = [
            (math.hypot((math.log2(step.pairs) - x) / across, (step.mean - y) / up), number, place)
            for number, curve in enumerate(self._curves)
            for place, step in enumerate(curve.steps)
        ]
        nearest = min(found, default=(math.inf, 0, 0))
        return nearest[1:] if nearest[0] <= REACH else None

    def _read(self, number: int, place: int) -> None:
        curve = self._curves[number]
        step = curve.steps[place]
        x, y = math.log2(step.pairs), step.mean
        self._mark(self._point, x, y, curve.style(dark=theme_for(self).dark))
        level = next((level for level in self._levels if level.mode is curve.mode), None)
        widest = self._dimensions[-1] if self._dimensions else 1
        self._show_reading((number, place), reading_text(curve, step, level, widest), x, y)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Left and right by a step, up and down to the next curve; Escape leaves it."""
        found = arrow_step(event.key(), self._at, [len(curve.steps) for curve in self._curves])
        if found is None:
            super().keyPressEvent(event)
        else:
            self._read(*found)

    # -- colours -------------------------------------------------------------------------------------------------
    def _style(self) -> None:
        theme = theme_for(self)
        shade = QColor(theme.text)
        shade.setAlpha(18)
        self._near.setBrush(shade)
        for line in self._near.lines:
            line.setPen(pg.mkPen(None))
        self._trusted.setPen(pg.mkPen(theme.muted, width=1, style=Qt.PenStyle.DotLine))
        for text in (self._near_text, self._trusted_text):
            text.setColor(theme.muted)
        for curve, (line, means, repeats) in zip(self._curves, self._items, strict=True):
            style = curve.style(dark=theme.dark)
            line.setPen(_line_pen(curve, theme))
            means.setSymbol(PLOT_SYMBOLS[style.marker])
            means.setBrush(QBrush(QColor(theme.surface)) if curve.hollow else QBrush(colour(style.colour)))
            means.setPen(pg.mkPen(colour(style.colour), width=1.6) if curve.hollow else pg.mkPen(theme.surface))
            repeats.setSymbol(PLOT_SYMBOLS[style.marker])
            repeats.setBrush(QBrush(Qt.BrushStyle.NoBrush))
            repeats.setPen(pg.mkPen(colour(style.colour), width=_THIN))
        for number, line in enumerate(self._level_items):
            line.setPen(_level_pen(number, theme))


def legend_entries(
    curves: Sequence[SensitivityCurve], levels: Sequence[SingleLevel]
) -> list[LegendEntry]:
    """Names of the curves and levels with how they look."""
    entries = [
        LegendEntry(
            curve.label,
            lambda theme, curve=curve: _line_pen(curve, theme),  # type: ignore[misc]
            lambda theme, curve=curve: _marking(curve, theme),  # type: ignore[misc]
        )
        for curve in curves
    ]
    return entries + [
        LegendEntry(level.label, lambda theme, number=number: _level_pen(number, theme))  # type: ignore[misc]
        for number, level in enumerate(levels)
    ]


def _line_pen(curve: SensitivityCurve, theme: Theme) -> QPen:
    pen = QPen(colour(curve.style(dark=theme.dark).colour), _THICK)
    pen.setCosmetic(True)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    if curve.dash is not None:
        pen.setDashPattern([part / 1.6 for part in curve.dash])
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    return pen


def _level_pen(number: int, theme: Theme) -> QPen:
    pen = QPen(QColor(theme.muted), _LEVEL)
    pen.setCosmetic(True)
    pen.setDashPattern(_LEVEL_DASHES[number % len(_LEVEL_DASHES)])
    pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    return pen


def _marking(curve: SensitivityCurve, theme: Theme) -> Marking:
    style = curve.style(dark=theme.dark)
    path: QPainterPath = pg.graphicsItems.ScatterPlotItem.Symbols[PLOT_SYMBOLS[style.marker]]
    ink = colour(style.colour)
    if curve.hollow:
        return Marking(path, QBrush(QColor(theme.window)), QPen(ink, 0.18))
    return Marking(path, QBrush(ink), QPen(Qt.PenStyle.NoPen))
