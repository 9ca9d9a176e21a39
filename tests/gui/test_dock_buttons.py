"""A dock's buttons can be seen on its ground, wherever Qt has put the dock since; a dialog's have words alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QByteArray, Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QDialogButtonBox,
    QMainWindow,
    QProxyStyle,
    QStyle,
    QWidget,
)
from pytestqt.qtbot import QtBot

from app.dock import Dock
from app.style_sheet import style_sheet
from app.theme import DARK


@pytest.fixture
def dark(qtbot: QtBot, qapp: QApplication) -> Iterator[QMainWindow]:
    """A dark window with one dock, whose layout was put back as at a start."""
    before = qapp.palette()
    qapp.setPalette(DARK.palette())
    window = QMainWindow()
    qtbot.addWidget(window)
    window.setStyleSheet(style_sheet(DARK))
    dock = Dock("Study", window)
    dock.setObjectName("dock-study")
    dock.setWidget(QWidget())
    window.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, dock)
    layout: QByteArray = window.saveState()
    window.restoreState(layout)
    window.show()
    qtbot.waitExposed(window)
    yield window
    qapp.setPalette(before)


class Pictured(QProxyStyle):
    """As desktops that put pictures on a dialog's buttons."""

    def styleHint(self, hint: QStyle.StyleHint, *rest: object) -> int:  # noqa: N802 — Qt's name
        wanted = hint is QStyle.StyleHint.SH_DialogButtonBox_ButtonsHaveIcons
        return 1 if wanted else super().styleHint(hint, *rest)


def brightness(button: QAbstractButton) -> int:
    image = button.icon().pixmap(10, 10).toImage()
    return max(
        image.pixelColor(x, y).lightness()
        for x in range(image.width())
        for y in range(image.height())
        if image.pixelColor(x, y).alpha() > 200
    )


@pytest.mark.parametrize("name", ["qt_dockwidget_closebutton", "qt_dockwidget_floatbutton"])
def test_the_buttons_are_light_on_dark_after_the_layout_was_put_back(dark: QMainWindow, name: str) -> None:
    dock = dark.findChild(Dock)
    button = dock.findChild(QAbstractButton, name)
    assert brightness(button) > 140
    for floating in (True, False):
        dock.setFloating(floating)
        for _ in range(3):
            QApplication.processEvents()
        assert brightness(button) > 140


def test_buttons_of_a_dialog_have_no_pictures_that_would_be_dark_on_dark(dark: QMainWindow, qtbot: QtBot) -> None:
    style = Pictured("fusion")
    box = QDialogButtonBox(dark)
    box.setStyle(style)
    button = box.addButton(QDialogButtonBox.StandardButton.Close)
    assert button.icon().isNull()
