"""How the scores of a cell's genuine and impostor pairs are spread, with the threshold at the chosen FAR."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg
from pyqtgraph.GraphicsScene.mouseEvents import MouseDragEvent
from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from canon_core.figures.histogram_figure import CountAxis, ShownThreshold, heights, occupied
from canon_core.figures.numbers import tar_text
from canon_core.verification.score_histogram import ScoreHistogram

from ..theme import SMALL, Theme, colour, theme_for
from .labels import TextLabel
from .read_plot import ReadPlot
from .roc_plot import DecadeAxis
from .shown_matrix import rate_text
from .table_twin import Entry

COLUMNS = ("from", "to", "genuine", "impostor", "genuine from here up", "impostor from here up")


@dataclass(frozen=True, eq=False)
class CellScores:
    """The histogram of one cell, and where it is read."""

    title: str
    histogram: ScoreHistogram
    threshold: ShownThreshold | None


class _HeightAxis(DecadeAxis):
    """Pairs, as powers of ten for values given as log10 or as they are."""

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        if self.logarithmic:
            return [f"{10.0**value:,.0f}" if spacing > 0 and value >= 0 else "" for value in values]
        return [f"{value:,.10g}" for value in values]


class _BrushBox(pg.ViewBox):
    """Drags of the left button brush over scores; with Shift, or the middle button, they move the view.

    Signals
    -------
    brushed(low, high, finished) : float, float, bool
    """

    brushed = Signal(float, float, bool)

    def mouseDragEvent(self, event: MouseDragEvent, axis: int | None = None) -> None:
        moving = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if event.button() != Qt.MouseButton.LeftButton or moving or axis is not None:
            super().mouseDragEvent(event, axis)
            return
        event.accept()
        ends = sorted(self.mapToView(place).x() for place in (event.buttonDownPos(), event.pos()))
        self.brushed.emit(*ends, event.isFinish())


class ScoreHistogramPlot(ReadPlot):
    """Two filled step lines over the score; read under the pointer or with the arrow keys, brushed by dragging.

    Signals
    -------
    intervalBrushed(low, high) : float, float
        Pairs whose score lies in the interval are wanted: it was dragged over, or Return was pressed on a bin (Shift
        and arrow keys take in more of them).
    """

    intervalBrushed = Signal(float, float)

    def __init__(self, parent: QWidget | None = None) -> None:
        self._y_axis = _HeightAxis("left")
        box = _BrushBox()
        super().__init__("Score histograms", parent, axisItems={"left": self._y_axis}, viewBox=box)
        self._shown: CellScores | None = None
        self._axis = CountAxis.LOG
        self._lines = [pg.PlotCurveItem(), pg.PlotCurveItem()]
        for line in self._lines:
            self.addItem(line)
        self._threshold = pg.InfiniteLine(angle=90)
        self._threshold.setZValue(10)
        self._threshold_text = pg.TextItem(anchor=(0, 0))
        self._down = pg.InfiniteLine(angle=90)
        for item in (self._threshold, self._threshold_text, self._down):
            self.addItem(item, ignoreBounds=True)
        self._brush = pg.LinearRegionItem(movable=False)
        self._brush.setZValue(-5)
        self._brush.hide()
        self.addItem(self._brush, ignoreBounds=True)
        self._anchor: int | None = None  # bin at the other end of what the keyboard takes in
        box.brushed.connect(self._brushed)
        self._marks = (self._down,)
        self.getAxis("bottom").enableAutoSIPrefix(False)
        self._y_axis.enableAutoSIPrefix(False)
        self.setLabel("bottom", "score")
        self.getViewBox().sigRangeChanged.connect(self._place_text)
        self._restyle()
        self._draw()

    # -- given from outside --------------------------------------------------------------------------------------
    def set_scores(self, shown: CellScores | None) -> None:
        """Show a cell's histogram, or nothing."""
        if shown is None or self._shown is None or shown.title != self._shown.title:
            self.clear_brush()
        self._shown = shown
        self._hide_reading()
        self._draw()

    def clear_brush(self) -> None:
        """Nothing is brushed any more."""
        self._brush.hide()
        self._anchor = None

    @property
    def brushed(self) -> tuple[float, float] | None:
        """The interval that is brushed."""
        return tuple(map(float, self._brush.getRegion())) if self._brush.isVisible() else None  # type: ignore[return-value]

    def set_axis(self, axis: CountAxis) -> None:
        """What the height of a bin stands for."""
        self._axis = CountAxis(axis)
        self._hide_reading()
        self._draw()

    @property
    def axis(self) -> CountAxis:
        """What the height of a bin stands for."""
        return self._axis

    # -- drawing -------------------------------------------------------------------------------------------------
    def _draw(self) -> None:
        shown = self._shown
        there = shown is not None
        for line in self._lines:
            line.setVisible(there)
        if shown is not None:
            for line, values in zip(self._lines, self._values(shown.histogram), strict=True):
                line.setData(shown.histogram.edges, values, stepMode="center", fillLevel=self._floor)
        mark = shown.threshold if shown is not None else None
        marked = mark is not None and bool(np.isfinite(mark.threshold))
        self._threshold.setVisible(marked)
        self._threshold_text.setVisible(marked)
        if mark is not None and marked:
            self._threshold.setValue(mark.threshold)
            self._threshold_text.setText(mark.text)
        self._frame()
        self._style()

    @property
    def _floor(self) -> float:
        return float(np.log10(0.5)) if self._axis is CountAxis.LOG else 0.0

    def _values(self, histogram: ScoreHistogram) -> list[np.ndarray]:
        drawn = heights(histogram, self._axis)
        return [np.log10(values) if self._axis is CountAxis.LOG else values for values in drawn]

    def _frame(self) -> None:
        self._y_axis.logarithmic = self._axis is CountAxis.LOG
        self.setLabel("left", "% of pairs of its kind" if self._axis is CountAxis.SHARE else "pairs a bin")
        if self._shown is None:
            return
        left, right = occupied(self._shown.histogram)
        top = max(float(values.max()) for values in self._values(self._shown.histogram))
        bottom = self._floor
        room = 0.06 * max(top - bottom, 1e-9)
        box = self.getViewBox()
        box.setLimits(xMin=left, xMax=right, yMin=bottom, yMax=top + room, minXRange=0.02, minYRange=room / 4)
        box.setRange(xRange=(left, right), yRange=(bottom, top + room), padding=0)
        self._place_text()

    def _place_text(self) -> None:
        """The threshold's name beside its line at the top, on the side that has room."""
        if self._shown is None or self._shown.threshold is None:
            return
        (left, right), (_, top) = self.getViewBox().viewRange()
        at = self._shown.threshold.threshold
        self._threshold_text.setAnchor((0, 0) if at < left + 0.6 * (right - left) else (1, 0))
        self._threshold_text.setPos(at, top)

    # -- reading -------------------------------------------------------------------------------------------------
    def _nearest(self, x: float, y: float) -> tuple[int, ...] | None:
        return None if self._shown is None else (self._bin(x),)

    def _bin(self, score: float) -> int:
        assert self._shown is not None
        edges = self._shown.histogram.edges
        return int(np.clip(np.searchsorted(edges, score, side="right") - 1, 0, len(edges) - 2))

    def _read(self, number: int) -> None:
        assert self._shown is not None
        histogram = self._shown.histogram
        low, high = float(histogram.edges[number]), float(histogram.edges[number + 1])
        self._down.setValue((low + high) / 2)
        top = max(float(values[number]) for values in self._values(histogram))
        self._show_reading((number,), read_bin(histogram, number), (low + high) / 2, top)

    def _brushed(self, low: float, high: float, finished: bool) -> None:
        """Shade what is dragged over, to a thousandth, within the scores there are."""
        if self._shown is None:
            return
        left, right = occupied(self._shown.histogram)
        ends = round(max(low, left), 3), round(min(high, right), 3)
        self._hide_reading()
        if ends[1] - ends[0] < 0.001:
            self.clear_brush()
            return
        self._brush.setRegion(ends)
        self._brush.show()
        if finished:
            self.intervalBrushed.emit(*ends)

    def _brush_bins(self, one: int, other: int) -> None:
        edges = self._shown.histogram.edges if self._shown is not None else None
        if edges is not None:
            self._brush.setRegion((float(edges[min(one, other)]), float(edges[max(one, other) + 1])))
            self._brush.show()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Left and right by a bin (Ctrl: ten), from the threshold, with Shift taking in what lies between; Return shows
        the pairs of the bin, or of those; Escape leaves it."""
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        at = None if self._at is None else self._at[0]
        if event.key() == Qt.Key.Key_Escape and (at is not None or self._brush.isVisible()):
            self._hide_reading()
            self.clear_brush()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and at is not None:
            self._brush_bins(at if self._anchor is None else self._anchor, at)
            self.intervalBrushed.emit(*self._brush.getRegion())
        elif event.key() in steps and self._shown is not None:
            mark = self._shown.threshold
            far = 10 if event.modifiers() & Qt.KeyboardModifier.ControlModifier else 1
            if at is None:
                known = mark is not None and np.isfinite(mark.threshold)
                number = self._bin(mark.threshold if mark is not None and known else 0.0)
            else:
                number = at + far * steps[event.key()]
            number = int(np.clip(number, 0, len(self._shown.histogram.genuine) - 1))
            if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
                if self._anchor is None:
                    self._anchor = at if at is not None else number
                self._brush_bins(self._anchor, number)
            else:
                self.clear_brush()
            self._read(number)
        else:
            super().keyPressEvent(event)

    # -- colours -------------------------------------------------------------------------------------------------
    def _style(self) -> None:
        theme = theme_for(self)
        for number, line in enumerate(self._lines):
            rgb = theme.series(number).colour
            line.setPen(_pen(theme, number))
            line.setBrush(colour(rgb, 60))
        self._threshold.setPen(pg.mkPen(theme.text, width=1.4, style=Qt.PenStyle.DashLine))
        self._threshold_text.setColor(theme.text)
        self._down.setPen(pg.mkPen(theme.muted, width=1, style=Qt.PenStyle.DotLine))
        shade = QColor(theme.accent)
        shade.setAlpha(60)
        self._brush.setBrush(shade)
        for edge in self._brush.lines:
            edge.setPen(pg.mkPen(theme.accent, width=1))


class ScoreLegend(QWidget):
    """Says which line is which, with the number of pairs, above a histogram."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._labels = [QLabel(), QLabel()]
        self._title = QLabel()
        self._title.setTextFormat(Qt.TextFormat.PlainText)
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(18)
        for label in self._labels:
            label.setTextFormat(Qt.TextFormat.RichText)
            row.addWidget(label)
        row.addStretch(1)
        hint = TextLabel("Drag over scores to see their pairs", muted=True, size=SMALL, wrap=False)
        hint.setToolTip("Wheel: zoom. Shift and drag: move. Return: pairs of the bin that is read.")
        row.addWidget(hint)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(self._title)
        column.addLayout(row)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self._shown: CellScores | None = None

    def set_scores(self, shown: CellScores | None) -> None:
        """Name these."""
        self._shown = shown
        self._write()

    def _write(self) -> None:
        shown, theme = self._shown, theme_for(self)
        if shown is None:
            return
        self._title.setText(shown.title)
        for number, (label, name, counts, swatch) in enumerate(
            zip(
                self._labels,
                ("genuine", "impostor"),
                (shown.histogram.genuine, shown.histogram.impostors),
                ("━━", "╍╍"),
                strict=True,
            )
        ):
            text = f"{name}, {int(counts.sum()):,} pairs"
            label.setText(f"<span style='color:{colour(theme.series(number).colour).name()}'>{swatch}</span> {text}")
            label.setAccessibleName(text)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_shown"):
            self._write()


def read_bin(histogram: ScoreHistogram, number: int) -> str:
    """A bin in words: its pairs, and what a threshold at its lower edge would accept."""
    low, high = histogram.edges[number], histogram.edges[number + 1]
    lines = [f"score {low:.3f} to {high:.3f}".replace("-", "−")]
    for name, rate, counts in (("genuine", "TAR", histogram.genuine), ("impostor", "FAR", histogram.impostors)):
        total, above = int(counts.sum()), int(counts[number:].sum())
        share = above / total if total else float("nan")
        text = tar_text(share) if rate == "TAR" else rate_text(share)
        lines.append(f"{name}: {int(counts[number]):,} pairs here; {rate} {text} from {low:.3f} up".replace("-0", "−0"))
    return "\n".join(lines)


def histogram_rows(histogram: ScoreHistogram) -> list[list[Entry]]:
    """A row a bin that holds any pair, for the table."""
    filled = np.flatnonzero(histogram.genuine + histogram.impostors)
    if not filled.size:
        return []
    upwards = [np.cumsum(counts[::-1])[::-1] for counts in (histogram.genuine, histogram.impostors)]
    rows = []
    for number in range(int(filled[0]), int(filled[-1]) + 1):
        counts = [
            int(values[number]) for values in (histogram.genuine, histogram.impostors, upwards[0], upwards[1])
        ]
        edges = [float(histogram.edges[number]), float(histogram.edges[number + 1])]
        rows.append(
            [
                *(Entry(f"{edge:.3f}".replace("-", "−"), edge) for edge in edges),
                *(Entry(f"{count:,}", count) for count in counts),
            ]
        )
    return rows


def _pen(theme: Theme, number: int) -> object:
    style = Qt.PenStyle.DashLine if number else Qt.PenStyle.SolidLine
    return pg.mkPen(colour(theme.series(number).colour), width=1.4, style=style)
