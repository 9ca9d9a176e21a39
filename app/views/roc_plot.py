"""Curves over log FAR: ROC or DET, thinned to the screen's columns for drawing, exact under the pointer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QRectF, Qt
from PySide6.QtGui import QColor, QKeyEvent, QPainterPath, QPen
from PySide6.QtWidgets import QWidget

from canon_core.figures.curve import FEW_IMPOSTORS, Curve, CurveRole, Trace, plane_of, trace
from canon_core.figures.numbers import tar_text
from canon_core.study.results import far_text
from canon_core.verification.roc import FarRule, OperatingPoint, Roc

from ..theme import PLOT_SYMBOLS, Theme, colour, theme_for
from .read_plot import REACH, ReadPlot
from .shown_matrix import number_text, rate_text

_DASHES = {CurveRole.CELL: None, CurveRole.SOURCE: [6.0, 3.0], CurveRole.TARGET: [1.5, 2.5]}
_THICKNESS = {CurveRole.CELL: 2.2, CurveRole.SOURCE: 1.6, CurveRole.TARGET: 1.6}


@dataclass(eq=False)
class _Drawn:
    """A curve on the screen; ``trace`` holds what is drawn of it at the present zoom."""

    curve: Curve
    line: pg.PlotCurveItem
    marks: pg.ScatterPlotItem
    trace: Trace


def curve_pen(curve: Curve, theme: Theme) -> QPen:
    """Colour and dash of a curve; its width does not grow with the zoom."""
    role = CurveRole(curve.role)
    pen = QPen(colour(theme.series(curve.colour).colour), _THICKNESS[role])
    pen.setCosmetic(True)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    dashes = _DASHES[role]
    if dashes:
        pen.setDashPattern(dashes)
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    return pen


def marker_path(curve: Curve, theme: Theme) -> QPainterPath:
    """Marker of a curve, one unit wide around the origin."""
    path: QPainterPath = pg.graphicsItems.ScatterPlotItem.Symbols[PLOT_SYMBOLS[theme.series(curve.colour).marker]]
    return path


class DecadeAxis(pg.AxisItem):
    """An axis of powers of ten for values given as log10, or of three-digit rates."""

    logarithmic = True

    def boundingRect(self) -> QRectF:
        """Room for the numbers at both ends, which pyqtgraph leaves out where there is a grid."""
        across, along = (18, 0) if self.orientation == "bottom" else (0, 9)
        return super().boundingRect().adjusted(-across, -along, across, along)

    def tickValues(self, low: float, high: float, size: float) -> list[tuple[float, list[float]]]:
        if not self.logarithmic:
            return super().tickValues(low, high, size)
        decades = [float(power) for power in range(math.ceil(low - 1e-9), math.floor(high + 1e-9) + 1)]
        between = [
            power + math.log10(factor)
            for power in range(math.floor(low), math.ceil(high) + 1)
            for factor in range(2, 10)
        ]
        minor = [value for value in between if low <= value <= high]
        # Zoomed in between two decades the steps inside one must be named as well.
        return [(1.0, decades), (0.1 if len(decades) < 2 else 0.0, minor)]

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        if not self.logarithmic:
            digits = 2 if spacing >= 0.01 else 3 if spacing >= 0.001 else 4
            return [f"{value:.{digits}f}" for value in values]
        return [far_text(float(f"{10.0**value:.1g}")) if spacing > 0 else "" for value in values]


class RocPlot(ReadPlot):
    """Draws curves and reads them under the pointer, or with the arrow keys."""

    def __init__(self, parent: QWidget | None = None) -> None:
        self._x_axis, self._y_axis = DecadeAxis("bottom"), DecadeAxis("left")
        super().__init__("ROC curves", parent, axisItems={"bottom": self._x_axis, "left": self._y_axis})
        self._drawn: list[_Drawn] = []
        self._det = False
        self._plane = plane_of(())
        self._far: float | None = None
        self._rule = FarRule.CONSERVATIVE
        self._target = pg.InfiniteLine(angle=90)
        self._few = pg.LinearRegionItem(movable=False)
        self._across, self._down = pg.InfiniteLine(angle=0), pg.InfiniteLine(angle=90)
        self._point = pg.ScatterPlotItem(size=11)
        for level, item in enumerate((self._few, self._target, self._across, self._down, self._point)):
            item.setZValue((-20, -10, 20, 20, 30)[level])
            self.addItem(item, ignoreBounds=True)
        self._marks = (self._across, self._down, self._point)
        self.getViewBox().sigRangeChanged.connect(self._draw_range)
        self._restyle()
        self._hide_reading()
        self._frame()

    # -- given from outside --------------------------------------------------------------------------------------
    def set_curves(self, curves: Sequence[Curve]) -> None:
        """Draw these; curves without genuine or impostor pairs have no points."""
        for drawn in self._drawn:
            self.removeItem(drawn.line)
            self.removeItem(drawn.marks)
        self._drawn = []
        self._hide_reading()
        self._plane = plane_of(curves, det=self._det)
        for curve in curves:
            line = pg.PlotCurveItem(antialias=True, skipFiniteCheck=True)
            marks = pg.ScatterPlotItem(pxMode=True, antialias=True)
            marks.setZValue(10)
            self.addItem(line)
            self.addItem(marks)
            self._drawn.append(_Drawn(curve, line, marks, self._traced(curve, *self._whole())))
        self._frame()
        self._style()

    def set_det(self, det: bool) -> None:
        """FNMR against FMR, both logarithmic, instead of TAR over log FAR."""
        if det != self._det:
            self._det = det
            self.set_curves([drawn.curve for drawn in self._drawn])

    def set_reading(self, far: float, rule: FarRule) -> None:
        """Mark where the curves are read."""
        self._far, self._rule = far, FarRule(rule)
        self._place_marks()

    @property
    def det(self) -> bool:
        """Whether DET curves are drawn."""
        return self._det

    @property
    def shaded(self) -> bool:
        """Whether some of the ground is shaded, because few impostor pairs decide there."""
        return bool(self._drawn) and self._few.isVisible()

    # -- axes and range ------------------------------------------------------------------------------------------
    def _whole(self) -> tuple[float, float]:
        """Both ends of the whole axis of log10 FAR."""
        return math.log10(self._plane.far), 0.0

    def _traced(self, curve: Curve, low: float, high: float) -> Trace:
        columns = max(200, int(self.width() * self.devicePixelRatioF()))
        return trace(curve.roc, self._plane, low=low, high=high, columns=columns)

    def _frame(self) -> None:
        left, _ = self._whole()
        if self._plane.fnmr is not None:
            bottom, top = math.log10(self._plane.fnmr), 0.0
            self.setLabel("bottom", "FMR (= FAR)")
            self.setLabel("left", "FNMR (= 1 − TAR)")
        else:
            lowest = min((float(drawn.trace.y[0]) for drawn in self._drawn if len(drawn.trace.y)), default=0.0)
            bottom, top = max(0.0, math.floor(lowest * 10 - 0.2) / 10), 1.0
            self.setLabel("bottom", "FAR")
            self.setLabel("left", "TAR")
        self._y_axis.logarithmic = self._det
        margin = 0.015 * (top - bottom)
        box = self.getViewBox()
        box.setLimits(xMin=left - 0.015, xMax=0.015, yMin=bottom - margin, yMax=top + margin)
        box.setLimits(minXRange=0.02, minYRange=0.002)
        box.setRange(xRange=(left - 0.015, 0.015), yRange=(bottom, top + margin), padding=0)
        impostors = min((d.curve.roc.impostors for d in self._drawn if d.curve.roc.impostors), default=0)
        edge = math.log10(min(1.0, FEW_IMPOSTORS / impostors)) if impostors else left
        shaded = edge > left
        self._few.setVisible(shaded)
        self._few.setRegion((left - 1, max(edge, left)))
        self._draw_range()

    def _draw_range(self) -> None:
        """Draw of each curve what the present zoom can show."""
        (left, right), _ = self.getViewBox().viewRange()
        for drawn in self._drawn:
            drawn.trace = self._traced(drawn.curve, left, right)
            drawn.line.setData(drawn.trace.x, drawn.trace.y)
        self._place_marks()

    def resizeEvent(self, event: QEvent) -> None:
        super().resizeEvent(event)
        if hasattr(self, "_drawn"):  # the base class resizes itself while it is made
            self._draw_range()

    def _place_marks(self) -> None:
        """The target line, and each curve's marker at its operating point and about once a decade."""
        self._target.setVisible(self._far is not None)
        if self._far is not None:
            self._target.setValue(math.log10(self._far))
        for number, drawn in enumerate(self._drawn):
            roc = drawn.curve.roc
            if not len(drawn.trace.x):
                continue
            decades = np.arange(self._whole()[0] + 0.5 + 0.16 * (number % 5), -0.02, 1.0)
            places = np.searchsorted(roc.false_accepts, 10.0**decades * roc.impostors)
            sizes = [7.0] * len(places)
            if self._far is not None:
                places = np.append(places, self._stored(roc, roc.at(self._far, self._rule)))
                sizes.append(12.0)
            x, y = self._plane.coordinates(roc, np.minimum(places, len(roc.false_accepts) - 1))
            drawn.marks.setData(x=x, y=y, size=sizes)

    @staticmethod
    def _stored(roc: Roc, point: OperatingPoint) -> int:
        """Which stored point an operating point is: the last with as many false accepts has the largest TAR."""
        return int(np.searchsorted(roc.false_accepts, point.false_accepts, side="right")) - 1

    # -- reading -------------------------------------------------------------------------------------------------
    def _nearest(self, x: float, y: float) -> tuple[int, ...] | None:
        """Curve, and its point, nearest to a position: by the drawn lines first, then among all points near there."""
        across, up = self.getViewBox().viewPixelSize()
        best: tuple[float, int, int] | None = None
        for number, drawn in enumerate(self._drawn):
            px, py = (drawn.trace.x - x) / across, (drawn.trace.y - y) / up
            if len(px) < 2:
                continue
            step_x, step_y = np.diff(px), np.diff(py)
            length = np.maximum(step_x**2 + step_y**2, 1e-12)
            along = np.clip(-(px[:-1] * step_x + py[:-1] * step_y) / length, 0.0, 1.0)
            away = np.hypot(px[:-1] + along * step_x, py[:-1] + along * step_y)
            segment = int(np.argmin(away))
            if away[segment] <= REACH and (best is None or away[segment] < best[0]):
                best = (float(away[segment]), number, segment)
        if best is None:
            return None
        _, number, segment = best
        drawn = self._drawn[number]
        near = np.arange(drawn.trace.index[segment], drawn.trace.index[segment + 1] + 1)
        xs, ys = self._plane.coordinates(drawn.curve.roc, near)
        return number, int(near[np.argmin(np.hypot((xs - x) / across, (ys - y) / up))])

    def _read(self, number: int, stored: int) -> None:
        drawn = self._drawn[number]
        xs, ys = self._plane.coordinates(drawn.curve.roc, np.array([stored]))
        x, y = float(xs[0]), float(ys[0])
        text = read_text(drawn.curve, stored, det=self._det)
        self._across.setValue(y)
        self._down.setValue(x)
        self._mark(self._point, x, y, theme_for(self).series(drawn.curve.colour))
        self._show_reading((number, stored), text, x, y)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Left and right along a curve by what is drawn, up and down to the next one; Escape leaves it."""
        key = event.key()
        filled = [number for number, drawn in enumerate(self._drawn) if len(drawn.trace.x)]
        arrows = (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down)
        if key in arrows and filled:
            self._step(key, filled)
        else:
            super().keyPressEvent(event)

    def _step(self, key: int, filled: list[int]) -> None:
        """To the neighbouring curve at the same FAR, or along the curve by a few pixels, at least one stored point."""
        if self._at is None:
            number, far = filled[0], self._far or self._plane.far
        else:
            number, stored = self._at
            roc = self._drawn[number].curve.roc
            far = max(int(roc.false_accepts[stored]) / roc.impostors, self._plane.far)
            if key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
                turn = 1 if key == Qt.Key.Key_Down else -1
                number = filled[(filled.index(number) + turn) % len(filled)]
        roc = self._drawn[number].curve.roc
        place = self._stored(roc, roc.at(far, FarRule.CONSERVATIVE))
        if self._at is not None and key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            step = 10.0 ** (4 * self.getViewBox().viewPixelSize()[0])
            if key == Qt.Key.Key_Right:
                place = max(stored + 1, self._stored(roc, roc.at(min(far * step, 1.0), FarRule.CONSERVATIVE)))
            else:
                place = min(stored - 1, self._stored(roc, roc.at(far / step, FarRule.CONSERVATIVE)))
        line = self._drawn[number].trace
        self._read(number, int(min(max(place, line.index[0]), line.index[-1])))

    # -- colours -------------------------------------------------------------------------------------------------
    def _style(self) -> None:
        theme = theme_for(self)
        self._target.setPen(pg.mkPen(theme.accent, width=1.2, style=Qt.PenStyle.DashLine))
        for item in (self._across, self._down):
            item.setPen(pg.mkPen(theme.muted, width=1, style=Qt.PenStyle.DotLine))
        shade = QColor(theme.text)
        shade.setAlpha(18)
        self._few.setBrush(shade)
        for line in self._few.lines:
            line.setPen(pg.mkPen(None))
        for drawn in self._drawn:
            style = theme.series(drawn.curve.colour)
            drawn.line.setPen(curve_pen(drawn.curve, theme))
            drawn.marks.setSymbol(PLOT_SYMBOLS[style.marker])
            drawn.marks.setBrush(colour(style.colour))
            drawn.marks.setPen(pg.mkPen(theme.surface, width=0.8))


def read_text(curve: Curve, index: int, *, det: bool) -> str:
    """A stored point of a curve in words: its rates with the counts behind them, and its threshold."""
    roc = curve.roc
    false_accepts, true_accepts = int(roc.false_accepts[index]), int(roc.true_accepts[index])
    far = false_accepts / roc.impostors
    if det:
        missed = roc.genuine - true_accepts
        lines = [
            f"FMR {rate_text(far)} ({false_accepts:,} of {roc.impostors:,})",
            f"FNMR {rate_text(missed / roc.genuine)} ({missed:,} of {roc.genuine:,})",
        ]
    else:
        lines = [
            f"FAR {rate_text(far)} ({false_accepts:,} of {roc.impostors:,})",
            f"TAR {tar_text(true_accepts / roc.genuine)} ({true_accepts:,} of {roc.genuine:,})",
        ]
    if false_accepts < FEW_IMPOSTORS:
        lines[0] += ": few"
    return "\n".join([curve.label, *lines, f"threshold {number_text(float(roc.thresholds[index]))}"])
