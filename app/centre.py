"""The middle of the window: as narrow and as low as docks leave it, where a view that needs more is scrolled."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QLayoutItem, QScrollArea, QStackedWidget, QTabWidget, QVBoxLayout, QWidget

from .views.flow_layout import FlowLayout

#: Pixels that it has at least: with both docks at their narrowest the window fits on 900.
_LEAST = 384


class Centre(QScrollArea):
    """Holds the pages. How large they are follows from the view in front alone: those behind it must not hold the
    window open, nor press the docks together. In a low window a view is scrolled before its bar of buttons is cut."""

    def __init__(self, pages: QStackedWidget, tabs: QTabWidget) -> None:
        super().__init__()
        self._pages, self._tabs = pages, tabs
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # what is focused inside comes into view by itself
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
        free = room.height() - (self.horizontalScrollBar().sizeHint().height() if width > room.width() else 0)
        needed = self._needed(width)
        if needed > free:
            beside = self.verticalScrollBar().sizeHint().width()
            width = max(room.width() - beside, self._front.minimumSizeHint().width())
            needed = self._needed(width)
        self._pages.resize(width, max(free, needed))

    def _needed(self, width: int) -> int:
        """Pixels in height below which the view in front would cut its bar.

        Qt takes what is missing from the highest parts first, until all are equally high: the bar is whole as long as
        every part that is higher could be made as low as the bar is.
        """
        layout = self._front.layout()
        if self._front is self._pages.currentWidget() or not isinstance(layout, QVBoxLayout):
            return 0
        margins = layout.contentsMargins()
        inside = width - margins.left() - margins.right()
        parts = [layout.itemAt(place) for place in range(layout.count())]
        there = [part for part in parts if part is not None and not part.isEmpty()]
        heights = [
            part.heightForWidth(inside) if part.hasHeightForWidth() else part.minimumSize().height() for part in there
        ]
        bars = [height for part, height in zip(there, heights, strict=True) if _is_bar(part)]
        between = layout.spacing() * max(0, len(there) - 1) + margins.top() + margins.bottom()
        needed = sum(min(height, max(bars, default=0)) for height in heights)
        return needed + between + self._tabs.tabBar().sizeHint().height() if bars else 0


def _is_bar(part: QLayoutItem) -> bool:
    widget = part.widget()
    return widget is not None and isinstance(widget.layout(), FlowLayout)
