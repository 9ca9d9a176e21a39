"""The tool bar in a window that is too narrow for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication, QToolBar, QToolButton
from pytestqt.qtbot import QtBot

from app.appearance import Appearance, Look
from app.main_window import MainWindow

from .conftest import PATIENCE


@pytest.fixture
def dark(qtbot: QtBot, qapp: QApplication) -> Iterator[MainWindow]:
    """The window as it is started, dark."""
    before = qapp.palette(), qapp.styleSheet(), qapp.style().name()
    appearance = Appearance(qapp, Look.DARK)
    window = MainWindow()
    appearance.dress()
    window.resize(882, 600)
    window.show()
    qtbot.waitExposed(window)
    yield window
    window.shut_down()
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=PATIENCE)
    window.deleteLater()
    appearance.choose(Look.SYSTEM)
    appearance.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    vars(window).clear()
    qapp.setStyleSheet(before[1])
    qapp.setPalette(before[0])
    qapp.setStyle(before[2])


def test_what_has_no_room_is_behind_an_arrow_that_can_be_seen(dark: MainWindow, qtbot: QtBot) -> None:
    tools = dark.findChild(QToolBar)
    assert not tools.widgetForAction(dark.actions_["edit.redo"]).isVisible()
    more = tools.findChild(QToolButton, "qt_toolbar_ext_button")
    assert more.isVisible()
    picture = more.grab().toImage()
    ground = picture.pixelColor(0, picture.height() - 1).lightness()
    marks = [
        abs(picture.pixelColor(x, y).lightness() - ground)
        for x in range(picture.width())
        for y in range(picture.height())
    ]
    assert max(marks) > 100
