"""The middle of the window: as narrow as docks leave it, where a view that needs more is scrolled sideways."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QStackedWidget, QTabWidget, QWidget

#: Pixels that it has at least: with both docks at their narrowest the window fits on 900.
_LEAST = 390


class Centre(QScrollArea):
    """Holds the pages. How wide they are follows from the view in front alone: those behind it must not hold the window
    open, nor press the docks together."""

    def __init__(self, pages: QStackedWidget, tabs: QTabWidget) -> None:
        super().__init__()
        self._pages, self._tabs = pages, tabs
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # what is focused inside comes into view by itself
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(pages)
        self.viewport().setAutoFillBackground(False)
        pages.setAutoFillBackground(False)
        pages.currentChanged.connect(lambda *_: self._fit())
        tabs.currentChanged.connect(lambda *_: self._fit())

    def minimumSizeHint(self) -> QSize:
        return QSize(_LEAST, self._pages.minimumSizeHint().height())

    def sizeHint(self) -> QSize:
        return self._pages.sizeHint()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._pages and event.type() is QEvent.Type.LayoutRequest:
            self._fit()
            self.updateGeometry()
        return super().eventFilter(watched, event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    @property
    def _front(self) -> QWidget:
        page = self._pages.currentWidget()
        return self._tabs.currentWidget() if page is self._tabs else page

    def _fit(self) -> None:
        room = self.maximumViewportSize()
        width = max(room.width(), self._front.minimumSizeHint().width())
        bar = self.horizontalScrollBar().sizeHint().height() if width > room.width() else 0
        self._pages.resize(width, room.height() - bar)
