"""Buttons of the bar above a view."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QPushButton, QToolButton, QWidget

from ..theme import theme_for


class _BarButton(QToolButton):
    """Shows by a bar below its words that it is switched on: a shade alone is not seen on dark ground."""

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self.isCheckable() and self.isChecked():
            painter = QPainter(self)
            painter.fillRect(self.rect().adjusted(5, self.height() - 4, -5, -2), QColor(theme_for(self).accent))


def tool_button(text: str, tip: str) -> QToolButton:
    """A flat button with words on it that the keyboard reaches too."""
    button = _BarButton()
    button.setText(text)
    button.setToolTip(tip)
    button.setAccessibleDescription(tip)
    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
    button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    return button


def table_button(tip: str, then: Callable[[], object]) -> QToolButton:
    """The switch between a picture and its table; ``then`` shows the page."""
    button = tool_button("Table", tip)
    button.setCheckable(True)
    button.toggled.connect(then)
    return button


def copy_button(tip: str, actions: Sequence[QAction]) -> QToolButton:
    """The button whose menu copies one thing or another."""
    button = tool_button("Copy", tip)
    button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
    menu = QMenu(button)
    menu.addActions(list(actions))
    button.setMenu(menu)
    return button


def button_line(text: str, tip: str, then: Callable[[], object], refusal: str = "", name: str = "") -> QWidget:
    """A button on a line of its own in a sheet; disabled where ``refusal`` says why. ``name`` tells it from others in
    place of words that change."""
    button = QPushButton(text)
    button.setObjectName(name or text)
    button.setToolTip(refusal or tip)
    button.setAccessibleDescription(refusal or tip)
    button.setEnabled(not refusal)
    button.clicked.connect(lambda _checked=False: then())
    line = QWidget()
    layout = QHBoxLayout(line)
    layout.setContentsMargins(0, 2, 0, 2)
    layout.addWidget(button)
    layout.addStretch(1)
    return line


def button_row(*buttons: QToolButton) -> QWidget:
    """Buttons that stay together when the bar wraps."""
    group = QWidget()
    layout = QHBoxLayout(group)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(4)
    for button in buttons:
        layout.addWidget(button)
    return group
