"""The little box beside a point of a plot that says what is read there."""

from __future__ import annotations

import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QLabel

from ..theme import theme_for


class PlotReading(QLabel):
    """Plain text that keeps clear of the plot's edges and of the point; the plot's accessible description too."""

    def __init__(self, plot: pg.PlotWidget) -> None:
        super().__init__(plot)
        self._plot = plot
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setMargin(7)
        self.setAutoFillBackground(True)
        self.setFrameShape(QLabel.Shape.StyledPanel)
        self.hide()

    def show_at(self, text: str, x: float, y: float) -> None:
        """Say it beside a point in the plot's coordinates."""
        plot = self._plot
        self.setText(text)
        self.adjustSize()
        at = plot.mapFromScene(plot.getViewBox().mapViewToScene(QPointF(x, y)))
        left = at.x() + 16 if at.x() + 16 + self.width() < plot.width() else at.x() - 16 - self.width()
        top = at.y() + 14 if at.y() + 14 + self.height() < plot.height() else at.y() - 14 - self.height()
        self.move(max(0, left), max(0, top))
        self.show()
        plot.setAccessibleDescription(text)

    def restyle(self) -> None:
        """Follow the theme."""
        theme = theme_for(self._plot)
        palette = self.palette()
        palette.setColor(self.backgroundRole(), QColor(theme.raised))
        palette.setColor(self.foregroundRole(), QColor(theme.text))
        self.setPalette(palette)
