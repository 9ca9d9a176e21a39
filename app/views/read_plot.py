"""Plots that say in words what lies under the pointer, or where the arrow keys lead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QWidget

from canon_core.figures.palette import SeriesStyle

from ..theme import PLOT_SYMBOLS, colour, theme_for
from .plot_reading import PlotReading

#: Pixels from a line or point within which the pointer reads it.
REACH = 40.0


class ReadPlot(pg.PlotWidget):
    """A plot in the theme's colours, reached by the keyboard, without frame and without menus of pyqtgraph's.

    Each kind of plot gives :meth:`_nearest`, :meth:`_read`, :meth:`_frame` and :meth:`_style`; ``_marks`` are items
    that are seen only while something is read, and ``_at`` says which it is.
    """

    def __init__(self, name: str, parent: QWidget | None = None, **parts: Any) -> None:
        super().__init__(parent, **parts)
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setFrameShape(pg.QtWidgets.QFrame.Shape.NoFrame)
        self.setMenuEnabled(False)
        # pyqtgraph makes a menu all the same, and leaves it behind as a window of its own.
        self.plotItem.ctrlMenu.setParent(self, self.plotItem.ctrlMenu.windowFlags())
        self.hideButtons()
        self.plotItem.layout.setContentsMargins(2, 6, 14, 2)
        self.getAxis("bottom").setStyle(tickTextOffset=7)  # its first number would touch the left axis' last
        self._at: tuple[int, ...] | None = None
        self._marks: tuple[pg.GraphicsObject, ...] = ()
        self._reading = PlotReading(self)
        self.scene().sigMouseMoved.connect(self._pointer_moved)

    def show_all(self) -> None:
        """Back from zooming in."""
        self._frame()

    @property
    def reading(self) -> str:
        """What is read; empty where nothing is."""
        return self._reading.text() if self._at is not None else ""

    # -- of each kind of plot ------------------------------------------------------------------------------------
    def _nearest(self, x: float, y: float) -> tuple[int, ...] | None:
        """What is read at a position in the plot's coordinates."""
        raise NotImplementedError

    def _read(self, *at: int) -> None:
        """Say what is there, by :meth:`_show_reading`."""
        raise NotImplementedError

    def _frame(self) -> None:
        """Zoom out as far as there is anything."""
        raise NotImplementedError

    def _style(self) -> None:
        """Give what is drawn the colours of the theme."""
        raise NotImplementedError

    # -- reading -------------------------------------------------------------------------------------------------
    def _show_reading(self, at: tuple[int, ...], text: str, x: float, y: float) -> None:
        self._at = at
        for item in self._marks:
            item.show()
        self._reading.show_at(text, x, y)

    def _hide_reading(self) -> None:
        self._at = None
        for item in self._marks:
            item.hide()
        self._reading.hide()

    def _pointer_moved(self, position: QPointF) -> None:
        box = self.getViewBox()
        if not box.sceneBoundingRect().contains(position):
            self._hide_reading()
            return
        where = box.mapSceneToView(position)
        found = self._nearest(where.x(), where.y())
        if found is None:
            self._hide_reading()
        else:
            self._read(*found)

    def leaveEvent(self, event: QEvent) -> None:
        self._hide_reading()
        super().leaveEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape leaves what is read."""
        if event.key() == Qt.Key.Key_Escape and self._at is not None:
            self._hide_reading()
        else:
            super().keyPressEvent(event)

    # -- colours -------------------------------------------------------------------------------------------------
    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_reading"):
            self._hide_reading()
            self._restyle()

    def _restyle(self) -> None:
        """Ground, axes and grid in the colours of the theme, then what is drawn."""
        theme = theme_for(self)
        self.setBackground(theme.surface)
        for side in ("bottom", "left"):
            axis = self.getAxis(side)
            axis.setPen(pg.mkPen(theme.border))
            axis.setTextPen(pg.mkPen(theme.muted))
            axis.setTickFont(self.font())
        self.showGrid(x=True, y=True, alpha=0.35 if theme.dark else 0.5)
        self._reading.restyle()
        self._style()

    def _mark(self, point: pg.ScatterPlotItem, x: float, y: float, style: SeriesStyle) -> None:
        """Put the marker of a curve, outlined, where it is read."""
        theme = theme_for(self)
        point.setData(
            x=[x], y=[y], symbol=PLOT_SYMBOLS[style.marker], brush=colour(style.colour),
            pen=pg.mkPen(theme.text, width=1.5),
        )  # fmt: skip


def arrow_step(key: int, at: tuple[int, ...] | None, lengths: Sequence[int]) -> tuple[int, int] | None:
    """Curve and point that an arrow key leads to: left and right along a curve, up and down to the next one.

    ``lengths`` counts the points of each curve. None for other keys, and where no curve has a point.
    """
    filled = [number for number, length in enumerate(lengths) if length]
    steps, turns = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}, {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}
    if not filled or (key not in steps and key not in turns):
        return None
    number, place = at or (filled[0], -1 if key == Qt.Key.Key_Right else 0)
    if key in turns and at is not None:
        number = filled[(filled.index(number) + turns[key]) % len(filled)]
    return number, min(max(place + steps.get(key, 0), 0), lengths[number] - 1)
