"""A card of the guided tour: words beside a widget of the window, with a frame around that widget."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QToolButton, QVBoxLayout, QWidget

from .settled import settled
from .theme import LARGE, SMALL, theme_for
from .views.escape import asks_for_escape
from .views.labels import TextLabel

_WIDTH = 292
#: Pixels between the card and what it points at, and from the window's edge.
_GAP, _EDGE = 16, 8
#: Half the width of the tail at the card.
_TAIL = 9


class TourCard(QFrame):
    """Lies on the window without stopping it. Next and Back are buttons that the keyboard reaches; Escape closes.

    Signals
    -------
    nextRequested(), backRequested(), closeRequested() :
        The buttons.
    """

    nextRequested = Signal()
    backRequested = Signal()
    closeRequested = Signal()

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self.setObjectName("tour-card")
        self._window = window
        self._target: QWidget | None = None
        self._pointer = _Pointer(window)
        self.count = TextLabel(muted=True, size=SMALL, wrap=False)
        self.title = TextLabel(size=LARGE, bold=True)
        self.text = TextLabel()
        self.back_button = QPushButton("&Back")
        self.back_button.clicked.connect(self.backRequested)
        self.next_button = QPushButton("&Next")
        self.next_button.clicked.connect(self.nextRequested)
        self.close_button = QToolButton()
        self.close_button.setText("×")
        self.close_button.setAutoRaise(True)
        self.close_button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.close_button.setToolTip("Close the tour (Esc)")
        self.close_button.setAccessibleName("Close the tour")
        self.close_button.clicked.connect(self.closeRequested)
        top = QHBoxLayout()
        top.addWidget(self.count)
        top.addStretch(1)
        top.addWidget(self.close_button)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(self.back_button)
        buttons.addWidget(self.next_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 6, 10, 10)
        layout.setSpacing(6)
        layout.addLayout(top)
        layout.addWidget(self.title)
        layout.addWidget(self.text)
        layout.addSpacing(4)
        layout.addLayout(buttons)
        self.setFixedWidth(_WIDTH)
        self._place_timer = settled(self, 0, self._place)
        window.installEventFilter(self)
        self._buttons = (self.back_button, self.next_button, self.close_button)
        for button in self._buttons:
            button.installEventFilter(self)

    def show_step(self, number: int, steps: int, title: str, text: str) -> None:
        """Say this; the last step's Next ends the tour."""
        self.count.setText(f"Guided tour · {number + 1} of {steps}")
        self.title.setText(title)
        self.text.setText(text)
        self.back_button.setEnabled(number > 0)
        self.next_button.setText("&Done" if number + 1 == steps else "&Next")
        self.setAccessibleName(f"Guided tour, step {number + 1} of {steps}: {title}")
        self.setAccessibleDescription(text)
        self.next_button.setAccessibleDescription(f"{title}. {text}")
        if self.isVisible():
            self._place()  # as high as its words from the first moment they are seen

    def point_at(self, target: QWidget) -> None:
        """Stand beside this widget."""
        if self._target is not None and self._target is not self._window:
            self._target.removeEventFilter(self)
        self._target = target
        if target is not self._window:
            target.installEventFilter(self)
        self.show()
        self._place()
        self._place_timer.start()  # once more when the view it is in was laid out

    def take_away(self) -> None:
        """Go, with the frame around the target."""
        self._place_timer.stop()
        self._window.removeEventFilter(self)
        if self._target is not None:
            self._target.removeEventFilter(self)
        self._target = None
        for widget in (self, self._pointer):
            widget.hide()
            widget.deleteLater()

    # -- where it stands -----------------------------------------------------------------------------------------
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        moved = event.type() in (QEvent.Type.Resize, QEvent.Type.Move, QEvent.Type.Show, QEvent.Type.Hide)
        if moved and watched in (self._window, self._target):
            self._place_timer.start()
        elif isinstance(event, QKeyEvent) and event.type() is QEvent.Type.KeyPress and watched in self._buttons:
            step = {Qt.Key.Key_Left: self.back_button, Qt.Key.Key_Right: self.next_button}.get(event.key())
            if step is not None:  # a button by itself takes arrows as steps to the next button
                step.click()
                return True
        return super().eventFilter(watched, event)

    def _place(self) -> None:
        self.setFixedHeight(self.layout().totalHeightForWidth(_WIDTH))
        inside = self._window.rect().adjusted(_EDGE, _EDGE, -_EDGE, -_EDGE)
        target = self._target_rect()
        spot = QRect(inside.bottomRight() - QPoint(self.width(), self.height()), self.size())
        if target is not None:
            spot = _beside(target, self.size().width(), self.height(), inside)
        self.setGeometry(spot)
        self._pointer.setGeometry(self._window.rect())
        self._pointer.show_at(target, spot)
        self._pointer.raise_()
        self.raise_()

    def _target_rect(self) -> QRect | None:
        target = self._target
        if target is None or not target.isVisible():
            return None
        seen = target.visibleRegion().boundingRect()  # of what is scrolled, only the part that is looked at
        return None if seen.isEmpty() else QRect(target.mapTo(self._window, seen.topLeft()), seen.size())

    # -- keyboard ------------------------------------------------------------------------------------------------
    def event(self, event: QEvent) -> bool:
        if asks_for_escape(event):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if key == Qt.Key.Key_Escape:
            self.closeRequested.emit()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.next_button.click()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = theme_for(self)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(theme.accent), 2))
        painter.setBrush(QColor(theme.raised))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 6, 6)


class _Pointer(QWidget):
    """A frame around what is pointed at, and a tail from the card to it; the mouse passes through."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._target: QRect | None = None
        self._card = QRect()

    def show_at(self, target: QRect | None, card: QRect) -> None:
        """Point from the card at the target."""
        self._target, self._card = target, card
        self.setVisible(target is not None)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._target is None:
            return
        accent = QColor(theme_for(self).accent)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(accent, 2))
        painter.drawRoundedRect(QRectF(self._target).adjusted(1, 1, -1, -1), 5, 5)
        if not self._target.intersects(self._card):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(accent)
            painter.drawPolygon(_tail(self._target, self._card))


def _beside(target: QRect, width: int, height: int, inside: QRect) -> QRect:
    """Right, left, below or above of the target, where there is room; else in its lower right corner."""
    middle = target.center()
    places = (
        QRect(target.right() + _GAP, middle.y() - height // 2, width, height),
        QRect(target.left() - _GAP - width, middle.y() - height // 2, width, height),
        QRect(middle.x() - width // 2, target.bottom() + _GAP, width, height),
        QRect(middle.x() - width // 2, target.top() - _GAP - height, width, height),
    )
    for place in places:
        moved = _moved_inside(place, inside)
        if not moved.intersects(target):
            return moved
    corner = target.bottomRight() - QPoint(width + _GAP, height + _GAP)
    return _moved_inside(QRect(corner, place.size()), inside)


def _moved_inside(place: QRect, inside: QRect) -> QRect:
    x = max(inside.left(), min(place.x(), inside.right() - place.width()))
    y = max(inside.top(), min(place.y(), inside.bottom() - place.height()))
    return QRect(QPoint(x, y), place.size())


def _tail(target: QRect, card: QRect) -> QPolygonF:
    """A triangle from the card's edge to the nearest edge of the target."""
    x = float(max(card.left() + 2 * _TAIL, min(target.center().x(), card.right() - 2 * _TAIL)))
    y = float(max(card.top() + 2 * _TAIL, min(target.center().y(), card.bottom() - 2 * _TAIL)))
    if card.left() > target.right() or card.right() < target.left():
        edge, tip = (card.left(), target.right()) if card.left() > target.right() else (card.right(), target.left())
        y = float(max(target.top() + 2, min(y, target.bottom() - 2)))
        return QPolygonF([QPointF(edge, y - _TAIL), QPointF(tip, y), QPointF(edge, y + _TAIL)])
    edge, tip = (card.top(), target.bottom()) if card.top() > target.bottom() else (card.bottom(), target.top())
    return QPolygonF([QPointF(x - _TAIL, edge), QPointF(x, tip), QPointF(x + _TAIL, edge)])
