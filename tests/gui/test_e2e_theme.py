"""End to end: the appearance changes live, from the menu, in every view."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.appearance import Appearance, Look
from app.main_window import MainWindow
from app.theme import DARK, LIGHT, Theme

from .conftest import PATIENCE, open_study
from .gestures import PAIR, click_cell, open_tab, settle


@pytest.fixture
def themed(qtbot: QtBot) -> Iterator[MainWindow]:
    """The window as the program makes it, with an appearance of its own."""
    application = QApplication.instance()
    before, style = application.palette(), application.style().name()
    appearance = Appearance(application, Look.LIGHT)
    window = MainWindow(appearance)
    window.show()
    qtbot.waitExposed(window)
    yield window
    window._appearance = None  # else closing it would end the application
    window.shut_down()
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=PATIENCE)
    window.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    vars(window).clear()
    appearance.choose(Look.SYSTEM)
    application.styleHints().colorSchemeChanged.disconnect(appearance._scheme_changed)
    appearance.deleteLater()
    application.setStyleSheet("")
    application.setPalette(before)
    application.setStyle(style)


def test_every_view_follows_the_appearance_at_once(themed: MainWindow, demo: Path, qtbot: QtBot) -> None:
    open_study(themed, qtbot, demo)
    settle(themed, qtbot)
    click_cell(themed, PAIR, qtbot)
    names = [themed.tabs.tabText(number) for number in range(themed.tabs.count())]
    names.remove("Overlay")  # would begin UMAP
    for name in names:
        view = open_tab(themed, name, qtbot)
        settle(themed, qtbot)
        for action, theme in (("dark", DARK), ("light", LIGHT)):
            themed.actions_[f"view.look_{action}"].trigger()
            QApplication.processEvents()
            assert nearest(view.grab().toImage().pixelColor(2, 2), theme), f"{name} is not {action}"
            assert mostly(themed, theme), f"the window around {name} is not {action}"
    assert themed.document.state.cells == (PAIR,)  # nothing that was chosen is lost


def nearest(colour: QColor, theme: Theme) -> bool:
    """Whether a ground is one of that theme's."""
    grounds = (theme.window, theme.surface, theme.raised)
    return any(abs(colour.lightness() - QColor(ground).lightness()) < 25 for ground in grounds)


def mostly(window: MainWindow, theme: Theme) -> bool:
    """Whether most of the window is dark, or light, as the theme is."""
    image = window.grab().toImage()
    seen = [
        image.pixelColor(x, y).lightness()
        for x in range(5, image.width(), 23)
        for y in range(5, image.height(), 23)
    ]
    dark = sum(value < 128 for value in seen) / len(seen)
    return dark > 0.7 if theme is DARK else dark < 0.3
