"""Buttons of the bar above a view."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QToolButton, QWidget


def tool_button(text: str, tip: str) -> QToolButton:
    """A flat button with words on it that the keyboard reaches too."""
    button = QToolButton()
    button.setText(text)
    button.setToolTip(tip)
    button.setAccessibleDescription(tip)
    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
    button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    return button


def button_line(text: str, tip: str, then: Callable[[], object], refusal: str = "") -> QWidget:
    """A button on a line of its own in a sheet; disabled where ``refusal`` says why."""
    button = QPushButton(text)
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
