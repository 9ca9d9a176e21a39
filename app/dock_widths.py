"""How wide the docks beside the views are: as usual, or as the user dragged them, wherever the window has room."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import QDockWidget, QMainWindow

from .settled import settled

#: Pixels: of the study's and the inspector's dock at the first start.
STUDY, INSPECTOR = 250, 310


class DockWidths(QObject):
    """Qt makes docks narrower where a window has no room for them, and leaves them so when it has room again.

    Attributes
    ----------
    chosen : dict
        Name of a dock → pixels that the user dragged it to.
    """

    def __init__(self, window: QMainWindow, usual: Mapping[QDockWidget, int]) -> None:
        super().__init__(window)
        self._window, self._usual = window, usual
        self.chosen: dict[str, int] = {}
        self._before: dict[QDockWidget, int] = {}  # while the mouse drags the line between them
        self._resized = settled(self, 0, self.widen)
        self._dragged = settled(self, 0, self._take)
        window.installEventFilter(self)

    def use(self, chosen: Mapping[str, int]) -> None:
        """Have docks so wide from now on, and the others as usual."""
        self.chosen = dict(chosen)
        self.widen()

    def widen(self) -> None:
        """Give docks that are narrower than wanted their width, as far as the views leave it to them."""
        beside = [dock for dock in self._usual if not dock.isHidden() and not dock.isFloating() and self._beside(dock)]
        wanted = [self.chosen.get(dock.objectName(), self._usual[dock]) for dock in beside]
        narrow = any(dock.width() < width for dock, width in zip(beside, wanted, strict=True))
        if narrow and not self._before:
            widths = [max(dock.width(), width) for dock, width in zip(beside, wanted, strict=True)]
            self._window.resizeDocks(beside, widths, Qt.Orientation.Horizontal)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.Resize, QEvent.Type.Show):
            self._resized.start()
        elif event.type() is QEvent.Type.MouseButtonPress:  # of the window itself: on the line beside a dock
            self._before = {dock: dock.width() for dock in self._usual}
        elif event.type() is QEvent.Type.MouseButtonRelease:
            self._dragged.start()
        return super().eventFilter(watched, event)

    def _beside(self, dock: QDockWidget) -> bool:
        sides = (Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea)
        return self._window.dockWidgetArea(dock) in sides

    def _take(self) -> None:
        before, self._before = self._before, {}
        for dock, width in before.items():
            if dock.width() != width and not dock.isFloating():
                self.chosen[dock.objectName()] = dock.width()
