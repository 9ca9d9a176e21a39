"""One sentence over the window's lower edge: what happened, to which file, what to do; with a button where it helps.

It lies over the line of state and moves nothing: what a user is about to click stays where it is.
"""

from __future__ import annotations

import enum
from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QRectF, Qt
from PySide6.QtGui import QAccessible, QAccessibleEvent, QColor, QHideEvent, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QApplication, QFrame, QHBoxLayout, QPushButton, QToolButton, QWidget

from .settled import settled
from .theme import theme_for
from .views.escape import asks_for_escape
from .views.labels import TextLabel

#: Milliseconds after which a message that asks for nothing goes by itself: so many, or what its words take to read.
_PASSING_MS, _CHARACTER_MS = 8000, 60
#: Pixels: from the window's left and lower edge; kept at the right, where the line of state tells of jobs; and more
#: than its words take.
_EDGE, _BELOW, _KEPT, _SLACK = 6, 2, 192, 12


class Tone(enum.Enum):
    """What kind of message it is; said by a word too, not by colour alone."""

    DONE = "Done"
    NOTE = "Note"
    FAULT = "Problem"


class MessageBar(QFrame):
    """Shows the latest message until it is closed; one that neither offers anything nor tells of a problem passes,
    but not while the mouse or the keyboard is in it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("message-bar")
        self._tone = Tone.NOTE
        self._then: Callable[[], object] | None = None
        self._unheard: Callable[[], object] | None = None
        self._above: QWidget | None = None
        self.text = TextLabel()
        self.button = QPushButton()
        self.button.clicked.connect(self._act)
        self.close_button = QToolButton()
        self.close_button.setText("×")
        self.close_button.setAutoRaise(True)
        self.close_button.setToolTip("Close this message")
        self.close_button.setAccessibleName("Close this message")
        self.close_button.clicked.connect(self.hide)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(18, 2, 6, 2)
        layout.addWidget(self.text, 1)
        layout.addWidget(self.button)
        layout.addWidget(self.close_button)
        self._timer = settled(self, _PASSING_MS, self._pass)
        self.hide()

    def float_over(self, window: QWidget, above: QWidget) -> None:
        """Lie at the lower edge of a window, below the middle of one of its widgets."""
        self.setParent(window)
        self._above = above
        for watched in (window, above):
            watched.installEventFilter(self)

    def say(
        self,
        text: str,
        tone: Tone = Tone.NOTE,
        button: str = "",
        then: Callable[[], object] | None = None,
        *,
        unheard: Callable[[], object] | None = None,
    ) -> None:
        """Show a message; ``button`` calls ``then``, and ``unheard`` is called when the message goes without it."""
        self._end()
        self._tone, self._then, self._unheard = tone, then, unheard
        said = text if tone is Tone.NOTE else f"{tone.value}: {text}"
        self.text.setText(said)
        self.setAccessibleName(said)
        self.button.setText(button)
        self.button.setVisible(bool(button))
        self._timer.stop()
        if tone is not Tone.FAULT and not button:
            self._timer.start(max(_PASSING_MS, _CHARACTER_MS * len(said)))
        self._place()
        self.show()
        self.raise_()
        self.update()
        if QAccessible.isActive():
            QAccessible.updateAccessibility(QAccessibleEvent(self, QAccessible.Event.Alert))

    def withdraw(self, text: str) -> None:
        """Take a message away that no longer holds, where it is the one that is shown."""
        if self.text.text() == text:
            self.hide()

    def _pass(self) -> None:
        focus = QApplication.focusWidget()
        if self.underMouse() or (focus is not None and self.isAncestorOf(focus)):
            self._timer.start()  # it is being read
        else:
            self.hide()

    def _end(self) -> None:
        unheard, self._unheard = self._unheard, None
        if unheard is not None:
            unheard()

    def hideEvent(self, event: QHideEvent) -> None:
        if self.isHidden():  # by itself, not with the window
            self._end()
        super().hideEvent(event)

    # -- where it lies -------------------------------------------------------------------------------------------
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.Resize, QEvent.Type.Move, QEvent.Type.Show) and self.isVisible():
            self._place()
        return super().eventFilter(watched, event)

    def _place(self) -> None:
        window = self.parentWidget()
        if window is None or self._above is None:
            return
        # One line where the window is wide enough for it: that covers the line of state and nothing else.
        layout = self.layout()
        words = self.text.fontMetrics().horizontalAdvance(self.text.text()) + _SLACK
        beside = [each for each in (self.button, self.close_button) if not each.isHidden()]
        margins = layout.contentsMargins().left() + layout.contentsMargins().right()
        around = margins + sum(each.sizeHint().width() + layout.spacing() for each in beside)
        width = min(words + around, window.width() - _EDGE - _KEPT)
        height = max(layout.totalHeightForWidth(width), layout.totalMinimumSize().height())
        middle = self._above.mapTo(window, self._above.rect().center()).x()
        left = max(_EDGE, min(middle - width // 2, window.width() - _KEPT - width))
        self.setGeometry(left, window.height() - height - _BELOW, width, height)

    def event(self, event: QEvent) -> bool:
        if asks_for_escape(event):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.hide()
        else:
            super().keyPressEvent(event)

    def _act(self) -> None:
        self._unheard = None
        self.hide()
        if self._then is not None:
            self._then()

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = theme_for(self)
        colour = {Tone.DONE: theme.good, Tone.NOTE: theme.accent, Tone.FAULT: theme.error}[self._tone]
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QColor(theme.border))
        painter.setBrush(QColor(theme.raised))
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.drawRoundedRect(box, 5, 5)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colour))
        painter.drawRoundedRect(QRectF(box.left() + 5, box.top() + 6, 4, box.height() - 12), 2, 2)
