"""The matrix drawn: coloured fields with numbers, single models hatched, chosen with mouse or arrow keys."""

from __future__ import annotations

import html
from collections.abc import Callable

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QAccessible,
    QAccessibleEvent,
    QContextMenuEvent,
    QFocusEvent,
    QHelpEvent,
    QHideEvent,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QShowEvent,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from ..theme import SMALL, theme_for
from .heat_choice import HeatChoice
from .heat_layout import SMALLEST_HEIGHT, HeatLayout
from .heat_picture import HeatPicture, laid_out
from .shown_matrix import Pair, ShownMatrix

_DOTS_MS = 420
_FAR = 1_000_000
#: Rows down and columns to the right that a key goes; Home and End go to the ends of the row.
_STEPS = {
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
    Qt.Key.Key_Home: (0, -_FAR),
    Qt.Key.Key_End: (0, _FAR),
}


class HeatMap(QWidget):
    """Fields of a :class:`ShownMatrix`.

    Signals
    -------
    cellSelected(source, target) :
        One field was chosen, by mouse or keyboard.
    selectionChanged(pairs) :
        All chosen fields, in the order in which they were chosen.
    modelSelected(name) :
        A row's or column's name was clicked.
    copyRequested() :
        Ctrl+C.
    cellActivated(source, target) :
        A field was double-clicked.
    menuRequested(source, target, position) :
        The menu of a field, which is chosen then, was asked for; the position is on the screen.
    """

    cellSelected = Signal(str, str)
    selectionChanged = Signal(object)
    modelSelected = Signal(str)
    copyRequested = Signal()
    cellActivated = Signal(str, str)
    menuRequested = Signal(str, str, QPoint)

    def __init__(self, parent: QWidget | None = None, *, smallest_height: float = SMALLEST_HEIGHT) -> None:
        super().__init__(parent)
        self._smallest_height = smallest_height
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("TAR matrix")
        self._shown: ShownMatrix | None = None
        self._describe: Callable[[Pair], str] = lambda pair: ""
        self._tip: Callable[[Pair], str] = lambda pair: ""
        self._choice = HeatChoice()
        self._hovered: Pair | None = None
        self._phase = 0
        self._size = 1.0
        self._dots = QTimer(self)
        self._dots.setInterval(_DOTS_MS)
        self._dots.timeout.connect(self._next_phase)

    # -- what is shown -------------------------------------------------------------------------------------------
    def set_shown(
        self, shown: ShownMatrix | None, *, describe: Callable[[Pair], str], tip: Callable[[Pair], str]
    ) -> None:
        """Show these fields. ``describe`` says a field in words (screen reader), ``tip`` in HTML (tool tip)."""
        self._shown = shown
        self._describe, self._tip = describe, tip
        self._choice.keep(shown.order if shown else ())
        self._hovered = None
        self._run_dots()
        self._say_current()
        self.updateGeometry()
        self.update()

    @property
    def selection(self) -> tuple[Pair, ...]:
        """Chosen fields, in the order in which they were chosen."""
        return self._choice.pairs

    @property
    def current(self) -> Pair | None:
        """The field the keyboard is at."""
        return self._choice.current

    def set_selection(self, pairs: tuple[Pair, ...]) -> None:
        """Choose fields without a signal; those that are not shown are left out."""
        self._choice.replace(pairs, self._shown.order if self._shown else ())
        self._say_current()
        self.update()

    def field_rect(self, pair: Pair) -> QRectF:
        """Where a field lies in this widget."""
        assert self._shown is not None
        return self._layout().field(*self._shown.at(pair))

    # -- sizes and picture -------------------------------------------------------------------------------------------
    def minimumSizeHint(self) -> QSize:
        if self._shown is None:
            return QSize(0, 0)
        usual, crowded = self._laid_out(1.0).smallest, self._laid_out(SMALL).smallest
        return QSize(crowded.width(), max(usual.height(), crowded.height()))

    def sizeHint(self) -> QSize:
        if self._shown is None:
            return QSize(0, 0)
        return self._laid_out(1.0).preferred

    def _layout(self) -> HeatLayout:
        """Text is as large as elsewhere, larger where there is room, smaller where the fields would not fit."""
        layout = self._laid_out(1.0)
        self._size = layout.text_size if layout.smallest.width() <= self.width() else SMALL
        return layout if self._size == 1.0 else self._laid_out(self._size)

    def _laid_out(self, size: float) -> HeatLayout:
        assert self._shown is not None
        return laid_out(
            self._shown, self.font(), size, self.width(), self.height(), self.devicePixelRatioF(), self._smallest_height
        )

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._shown is None:
            return
        layout, painter = self._layout(), QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        picture = HeatPicture(painter, theme_for(self), layout, self._shown, self.font(), self._size)
        picture.paint_names(self.current)
        picture.paint_fields(self._phase)
        for pair in self.selection:
            picture.paint_ring(pair, strong=True)
        if self._hovered is not None and self._hovered not in self.selection:
            picture.paint_ring(self._hovered, strong=False)
        if self.hasFocus() and self.current is not None:
            picture.paint_focus(self.current)
        picture.paint_bar()

    # -- mouse ---------------------------------------------------------------------------------------------------
    def _pair_at(self, position: QPointF) -> Pair | None:
        if self._shown is None:
            return None
        found = self._layout().hit(position)
        return None if found is None else self._shown.rows[found[0]][found[1]].pair

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        hovered = self._pair_at(event.position())
        if hovered != self._hovered:
            self._hovered = hovered
            self.update()
        super().mouseMoveEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        self._hovered = None
        self.update()
        super().leaveEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self._shown is None or event.button() != Qt.MouseButton.LeftButton:
            super().mousePressEvent(event)
            return
        pair = self._pair_at(event.position())
        if pair is not None:
            self._choose(pair, toggle=bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier))
            return
        name = self._layout().name_hit(event.position())
        if name is not None:
            self.modelSelected.emit(self._shown.order[name])

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        pair = self._pair_at(event.position()) if event.button() == Qt.MouseButton.LeftButton else None
        if pair is not None:
            self.cellActivated.emit(*pair)
        else:
            super().mouseDoubleClickEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        by_mouse = event.reason() is QContextMenuEvent.Reason.Mouse
        pair = self._pair_at(QPointF(event.pos())) if by_mouse else self.current
        if pair is None:
            event.ignore()
            return
        if pair not in self.selection:
            self._choose(pair, toggle=False)
        at = event.globalPos() if by_mouse else self.mapToGlobal(self.field_rect(pair).center().toPoint())
        self.menuRequested.emit(*pair, at)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            self._show_tip(event.pos(), event.globalPos())
            return True
        return super().event(event)

    def _show_tip(self, position: QPoint, at: QPoint) -> None:
        pair = self._pair_at(QPointF(position))
        if pair is not None:
            QToolTip.showText(at, self._tip(pair), self, self.field_rect(pair).toRect())
            return
        name = self._layout().name_hit(QPointF(position)) if self._shown else None
        if self._shown and name is not None:
            QToolTip.showText(at, f"<span>{html.escape(self._shown.order[name])}</span>", self)
        else:
            QToolTip.hideText()

    # -- keyboard ------------------------------------------------------------------------------------------------
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self._shown is None or not self._shown.order:
            super().keyPressEvent(event)
            return
        key = Qt.Key(event.key())
        control = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copyRequested.emit()
        elif key in _STEPS:
            self._step(*_STEPS[key], only_move=control)
        elif key in (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.current is not None:
            self._choose(self.current, toggle=control)
        else:
            super().keyPressEvent(event)

    def _step(self, down: int, right: int, *, only_move: bool) -> None:
        """Go to the next field; choose it too unless Ctrl is held, so that Ctrl+Space can add it."""
        assert self._shown is not None
        pair = self._choice.beside(self._shown, down, right)
        if only_move:
            self._choice.current = pair
            self._say_current()
            self.update()
        else:
            self._choose(pair, toggle=False)

    def _choose(self, pair: Pair, *, toggle: bool) -> None:
        changed = self._choice.choose(pair, toggle=toggle)
        self._say_current()
        self.update()
        if changed:
            self.selectionChanged.emit(self.selection)
        if pair in self.selection:
            self.cellSelected.emit(*pair)

    def _say_current(self) -> None:
        text = self._describe(self.current) if self.current is not None else "no cell chosen; use the arrow keys"
        if text != self.accessibleDescription():
            self.setAccessibleDescription(text)
            if QAccessible.isActive():
                QAccessible.updateAccessibility(QAccessibleEvent(self, QAccessible.Event.DescriptionChanged))

    def focusInEvent(self, event: QFocusEvent) -> None:
        if self.current is None and self._shown is not None and self._shown.order:
            self._choice.current = self._shown.rows[0][0].pair
            self._say_current()
        super().focusInEvent(event)

    # -- cells being computed ------------------------------------------------------------------------------------
    def _run_dots(self) -> None:
        waiting = self._shown is not None and any(cell.pending for row in self._shown.rows for cell in row)
        if waiting and self.isVisible():
            if not self._dots.isActive():
                self._dots.start()
        else:
            self._dots.stop()

    def _next_phase(self) -> None:
        self._phase = (self._phase + 1) % 3
        self.update()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._run_dots()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._dots.stop()
