"""The matrix drawn: coloured fields with numbers, single models hatched, chosen with mouse or arrow keys."""

from __future__ import annotations

import html
import math
from collections.abc import Callable

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QAccessible,
    QAccessibleEvent,
    QColor,
    QContextMenuEvent,
    QFocusEvent,
    QFont,
    QFontMetricsF,
    QHelpEvent,
    QHideEvent,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QShowEvent,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from canon_core.study.results import stands_beside

from ..theme import SMALL, Theme, sized, theme_for
from .colour_bar import BAR_ROOM, paint_colour_bar
from .heat_layout import SMALLEST_HEIGHT, HeatLayout, lay_out
from .shown_matrix import Pair, ShownCell, ShownMatrix

_RADIUS = 3.0
_DOTS_MS = 420
_CORNER = "source ↓  target →"
_ARROWS = {
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
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
        self._selection: tuple[Pair, ...] = ()
        self._current: Pair | None = None
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
        order = shown.order if shown else ()
        self._selection = tuple(pair for pair in self._selection if pair[0] in order and pair[1] in order)
        if self._current is not None and (self._current[0] not in order or self._current[1] not in order):
            self._current = None
        self._hovered = None
        self._run_dots()
        self._say_current()
        self.updateGeometry()
        self.update()

    @property
    def selection(self) -> tuple[Pair, ...]:
        """Chosen fields, in the order in which they were chosen."""
        return self._selection

    @property
    def current(self) -> Pair | None:
        """The field the keyboard is at."""
        return self._current

    def set_selection(self, pairs: tuple[Pair, ...]) -> None:
        """Choose fields without a signal; those that are not shown are left out."""
        order = self._shown.order if self._shown else ()
        self._selection = tuple(pair for pair in pairs if pair[0] in order and pair[1] in order)
        if self._selection and self._current not in self._selection:
            self._current = self._selection[-1]
        self._say_current()
        self.update()

    def field_rect(self, pair: Pair) -> QRectF:
        """Where a field lies in this widget."""
        assert self._shown is not None
        return self._layout().field(*self._shown.at(pair))

    # -- sizes ---------------------------------------------------------------------------------------------------
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
        widest = QFontMetricsF(sized(self.font(), size, bold=True))  # as the current row's name is written
        metrics = QFontMetricsF(sized(self.font(), size))
        return lay_out(
            self.width(),
            self.height(),
            [widest.horizontalAdvance(name) for name in self._shown.order],
            metrics.height(),
            metrics.horizontalAdvance("−.000" if self._shown.difference else ".000"),
            QFontMetricsF(sized(self.font(), SMALL * size)).horizontalAdvance(_CORNER) + 2,
            BAR_ROOM * size,
            self.devicePixelRatioF(),
            self._smallest_height,
        )

    # -- painting ------------------------------------------------------------------------------------------------
    def paintEvent(self, event: QPaintEvent) -> None:
        if self._shown is None:
            return
        theme, layout = theme_for(self), self._layout()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_names(painter, theme, layout)
        for row, fields in enumerate(self._shown.rows):
            for column, cell in enumerate(fields):
                self._paint_field(painter, theme, layout.field(row, column), cell)
        for pair in self._selection:
            self._paint_ring(painter, theme, self.field_rect(pair), strong=True)
        if self._hovered is not None and self._hovered not in self._selection:
            self._paint_ring(painter, theme, self.field_rect(self._hovered), strong=False)
        if self.hasFocus() and self._current is not None:
            self._paint_focus(painter, theme, self._current)
        painter.setFont(sized(self.font(), SMALL * self._size))
        paint_colour_bar(painter, layout.bar, theme, self._shown)

    def _paint_names(self, painter: QPainter, theme: Theme, layout: HeatLayout) -> None:
        assert self._shown is not None
        metrics = QFontMetricsF(sized(self.font(), self._size))
        at = self._current or (None, None)
        for number, name in enumerate(self._shown.order):
            painter.setFont(_name_font(self.font(), self._size, name, bold=name == at[0]))
            painter.setPen(QColor(theme.accent if name == at[0] else theme.text))
            text = _elided(painter, name, layout.name_width)
            painter.drawText(layout.row_name(number), Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)
            painter.setFont(_name_font(self.font(), self._size, name, bold=name == at[1]))
            painter.setPen(QColor(theme.accent if name == at[1] else theme.text))
            field = layout.field(0, number)
            if layout.slanted:
                text = _elided(painter, name, layout.slanted_width)
                painter.save()
                painter.translate(field.center().x() + metrics.height() * 0.25, layout.top - 5)
                painter.rotate(-45)
                painter.drawText(QPointF(0, 0), text)
                painter.restore()
            else:
                box = QRectF(field.left(), layout.top - metrics.height() - 5, field.width(), metrics.height())
                painter.drawText(box, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignBottom, name)
        painter.setFont(sized(self.font(), SMALL * self._size))
        painter.setPen(QColor(theme.muted))
        painter.drawText(
            layout.corner, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignBottom, "source ↓  target →"
        )

    def _paint_field(self, painter: QPainter, theme: Theme, rect: QRectF, cell: ShownCell) -> None:
        assert self._shown is not None
        if cell.value is None:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            pen = QPen(QColor(theme.border), 1, Qt.PenStyle.DotLine if cell.pending else Qt.PenStyle.SolidLine)
            painter.setPen(pen)
            painter.drawRoundedRect(rect.adjusted(0.5, 0.5, -0.5, -0.5), _RADIUS, _RADIUS)
            painter.setPen(QColor(theme.muted))
            if cell.pending:
                self._paint_dots(painter, theme, rect)
            else:
                painter.setFont(sized(self.font(), self._size))
                painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, cell.text)
            return
        ground = self._ground(theme, cell)
        ink = theme.ink(ground)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ground)
        painter.drawRoundedRect(rect, _RADIUS, _RADIUS)
        painter.setFont(sized(self.font(), self._size))
        if cell.single:
            self._paint_hatch(painter, rect, ground, ink, cell.text)
        painter.setPen(ink)
        painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, cell.text)

    def _ground(self, theme: Theme, cell: ShownCell) -> QColor:
        assert self._shown is not None
        if cell.value is None:
            return QColor(theme.window)
        fraction = self._shown.scale.fraction(cell.value)
        if self._shown.difference:
            if cell.single:
                return QColor(theme.grid)
            return theme.diverging(fraction) if self._shown.scale.holds(cell.value) else QColor(theme.border)
        return theme.heat(fraction)

    def _paint_hatch(self, painter: QPainter, rect: QRectF, ground: QColor, ink: QColor, text: str) -> None:
        painter.save()
        painter.setClipRect(rect)
        line = QColor(ink)
        line.setAlpha(90)
        painter.setPen(QPen(line, 1))
        reach = rect.width() + rect.height()
        for step in range(1, math.ceil(reach / 8.0)):
            offset = step * 8.0
            painter.drawLine(
                QPointF(rect.left() + offset, rect.top()), QPointF(rect.left() + offset - rect.height(), rect.bottom())
            )
        # The number stands on a clean patch: the hatch must not run through it.
        metrics = QFontMetricsF(painter.font())
        patch = QRectF(0, 0, metrics.horizontalAdvance(text) + 8, metrics.height() * 0.92)
        patch.moveCenter(rect.center())
        painter.fillRect(patch, ground)
        painter.restore()

    def _paint_dots(self, painter: QPainter, theme: Theme, rect: QRectF) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        for number in range(3):
            dot = QColor(theme.muted)
            dot.setAlphaF(1.0 if number == self._phase else 0.35)
            painter.setBrush(dot)
            painter.drawEllipse(rect.center() + QPointF((number - 1) * 7.0, 0), 1.8, 1.8)

    def _paint_ring(self, painter: QPainter, theme: Theme, rect: QRectF, *, strong: bool) -> None:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if strong:
            painter.setPen(QPen(QColor(theme.surface), 1.5))
            painter.drawRoundedRect(rect.adjusted(1.25, 1.25, -1.25, -1.25), _RADIUS - 1, _RADIUS - 1)
        painter.setPen(QPen(QColor(theme.accent), 2.5 if strong else 1.0))
        painter.drawRoundedRect(rect.adjusted(-0.5, -0.5, 0.5, 0.5), _RADIUS + 0.5, _RADIUS + 0.5)

    def _paint_focus(self, painter: QPainter, theme: Theme, pair: Pair) -> None:
        assert self._shown is not None
        row, column = self._shown.at(pair)
        ground = self._ground(theme, self._shown.rows[row][column])
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(theme.ink(ground), 1.2, Qt.PenStyle.DashLine))
        painter.drawRoundedRect(self.field_rect(pair).adjusted(4.5, 4.5, -4.5, -4.5), 2, 2)

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
        pair = self._pair_at(QPointF(event.pos())) if by_mouse else self._current
        if pair is None:
            event.ignore()
            return
        if pair not in self._selection:
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
        elif key in _ARROWS or key in (Qt.Key.Key_Home, Qt.Key.Key_End):
            self._step(key, only_move=control)
        elif key in (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._current is not None:
            self._choose(self._current, toggle=control)
        else:
            super().keyPressEvent(event)

    def _step(self, key: Qt.Key, *, only_move: bool) -> None:
        """Go to the next field; choose it too unless Ctrl is held, so that Ctrl+Space can add it."""
        assert self._shown is not None
        last = len(self._shown.order) - 1
        if self._current is None:
            row, column = 0, 0
        else:
            row, column = self._shown.at(self._current)
            if key == Qt.Key.Key_Home:
                column = 0
            elif key == Qt.Key.Key_End:
                column = last
            else:
                down, right = _ARROWS[key]
                row, column = min(max(row + down, 0), last), min(max(column + right, 0), last)
        pair = self._shown.rows[row][column].pair
        if only_move:
            self._current = pair
            self._say_current()
            self.update()
        else:
            self._choose(pair, toggle=False)

    def _choose(self, pair: Pair, *, toggle: bool) -> None:
        self._current = pair
        before = self._selection
        if not toggle:
            self._selection = (pair,)
        elif pair in before:
            self._selection = tuple(other for other in before if other != pair)
        else:
            self._selection = (*before, pair)
        self._say_current()
        self.update()
        if self._selection != before:
            self.selectionChanged.emit(self._selection)
        if pair in self._selection:
            self.cellSelected.emit(*pair)

    def _say_current(self) -> None:
        text = self._describe(self._current) if self._current is not None else "no cell chosen; use the arrow keys"
        if text != self.accessibleDescription():
            self.setAccessibleDescription(text)
            if QAccessible.isActive():
                QAccessible.updateAccessibility(QAccessibleEvent(self, QAccessible.Event.DescriptionChanged))

    def focusInEvent(self, event: QFocusEvent) -> None:
        if self._current is None and self._shown is not None and self._shown.order:
            self._current = self._shown.rows[0][0].pair
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


def _name_font(font: QFont, size: float, name: str, *, bold: bool) -> QFont:
    """Names of controls and twins, which no mean counts, are slanted."""
    found = sized(font, size, bold=bold)
    found.setItalic(stands_beside(name))
    return found


def _elided(painter: QPainter, name: str, width: float) -> str:
    """A name as long as there is room for it in the painter's font."""
    return QFontMetricsF(painter.font()).elidedText(name, Qt.TextElideMode.ElideMiddle, width)
