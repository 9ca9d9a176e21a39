"""A dock whose buttons are drawn in the colours of the theme, at the screen's own resolution."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPen, QPixmap
from PySide6.QtWidgets import QAbstractButton, QDockWidget, QWidget

from .theme import theme_for

#: Pixels of a button's picture, which Qt shows no larger, and of the margin around what is drawn in it.
_SIDE, _MARGIN = 10, 1.0
#: Pixels of the screen a pixel has at most.
_DENSITY = 4
#: Qt's names of the buttons.
_CLOSE, _FLOAT = "qt_dockwidget_closebutton", "qt_dockwidget_floatbutton"


class Dock(QDockWidget):
    """Fusion's own buttons are dark on dark ground."""

    def __init__(self, title: str, parent: QWidget) -> None:
        super().__init__(title, parent)
        self._icons: dict[str, QIcon] = {}
        self._draw()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.StyleChange):
            self._draw()

    def event(self, event: QEvent) -> bool:
        done = super().event(event)
        if event.type() is QEvent.Type.LayoutRequest:  # Qt puts its own back whenever it places the dock
            self._put()
        return done

    def _draw(self) -> None:
        colour = QColor(theme_for(self).muted)
        self._icons = {name: _icon(name, colour) for name in (_CLOSE, _FLOAT)}
        self._put()

    def _put(self) -> None:
        for name, icon in self._icons.items():
            button = self.findChild(QAbstractButton, name, Qt.FindChildOption.FindDirectChildrenOnly)
            if button is not None and button.icon().cacheKey() != icon.cacheKey():
                button.setIcon(icon)


def _icon(name: str, colour: QColor) -> QIcon:
    pixmap = QPixmap(_SIDE * _DENSITY, _SIDE * _DENSITY)
    pixmap.setDevicePixelRatio(_DENSITY)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(colour, 1.2, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    low, high = _MARGIN, _SIDE - _MARGIN
    if name == _CLOSE:
        painter.drawLine(QPointF(low, low), QPointF(high, high))
        painter.drawLine(QPointF(low, high), QPointF(high, low))
    else:
        painter.drawRoundedRect(QRectF(low, low + 2.2, 5.8, 5.8), 1, 1)
        painter.drawPolyline([QPointF(low + 2.5, low), QPointF(high, low), QPointF(high, high - 2.5)])
    painter.end()
    return QIcon(pixmap)
