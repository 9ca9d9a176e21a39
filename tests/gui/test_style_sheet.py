"""The style sheet: Qt understands it, its texts can be read, and docks' buttons follow the theme too."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QAbstractButton, QApplication, QMainWindow, QPushButton, QSpinBox, QToolButton
from pytestqt.qtbot import QtBot

from app.appearance import Appearance, Look
from app.dock import Dock
from app.style_sheet import style_sheet
from app.theme import DARK, LIGHT, Theme, theme_for

from .test_theme import contrast

RULE = re.compile(r"([^{}]+)\{([^}]*)\}")
COLOUR = r"(#[0-9a-f]{6})"


@pytest.fixture
def appearance(qapp: QApplication) -> Iterator[Appearance]:
    """Light, and taken back afterwards."""
    before, style = qapp.palette(), qapp.style().name()
    appearance = Appearance(qapp, Look.LIGHT)
    appearance.dress()
    yield appearance
    appearance.choose(Look.SYSTEM)
    qapp.styleHints().colorSchemeChanged.disconnect(appearance._scheme_changed)
    appearance.deleteLater()
    qapp.setStyleSheet("")
    qapp.setPalette(before)
    qapp.setStyle(style)


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_what_can_be_pressed_can_be_read(theme: Theme) -> None:
    grounds = dict.fromkeys(("", ":hover", ":pressed", ":checked"), "")
    for selectors, body in RULE.findall(style_sheet(theme)):
        ground, text = re.search(rf"background: {COLOUR}", body), re.search(rf"[^-]color: {COLOUR}", body)
        if ground and text:
            assert contrast(text[1], ground[1]) >= 4.5, selectors
        for selector in selectors.split(","):
            state = selector.strip().removeprefix("QToolButton")
            if ground and state in grounds:
                grounds[state] = ground[1]
    for state, ground in grounds.items():
        assert ground, f"QToolButton{state} has no ground"
        assert contrast(theme.text, ground) >= 4.5, state


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_the_one_button_to_press_is_filled(theme: Theme, appearance: Appearance, qtbot: QtBot) -> None:
    appearance.choose(Look.DARK if theme is DARK else Look.LIGHT)
    button = QPushButton("Compute everything")
    qtbot.addWidget(button)
    button.setProperty("primary", True)
    button.resize(200, 40)
    button.show()
    qtbot.waitExposed(button)
    shown = button.grab().toImage().pixelColor(20, 12)
    assert shown.name() == theme.accent


def test_fields_of_numbers_are_as_high_as_before(appearance: Appearance, qtbot: QtBot) -> None:
    field = QSpinBox()
    qtbot.addWidget(field)
    field.ensurePolished()
    assert field.sizeHint().height() >= field.fontMetrics().height() + 6


def test_the_buttons_of_a_dock_are_seen_on_both_grounds(appearance: Appearance, qtbot: QtBot) -> None:
    window = QMainWindow()
    qtbot.addWidget(window)
    dock = Dock("Jobs", window)
    window.show()
    qtbot.waitExposed(window)
    close = dock.findChild(QAbstractButton, "qt_dockwidget_closebutton")
    for look, theme in ((Look.DARK, DARK), (Look.LIGHT, LIGHT)):
        appearance.choose(look)
        QApplication.processEvents()
        assert dock.palette().color(QPalette.ColorRole.Window) == QColor(theme.window)
        image = close.icon().pixmap(40, 40).toImage()
        assert image.pixelColor(image.rect().center()).name() == theme.muted


def test_flat_buttons_know_their_theme_though_they_have_no_ground(appearance: Appearance, qtbot: QtBot) -> None:
    button = QToolButton()
    qtbot.addWidget(button)
    button.setAutoRaise(True)
    for look, theme in ((Look.DARK, DARK), (Look.LIGHT, LIGHT)):
        appearance.choose(look)
        button.show()
        qtbot.waitExposed(button)
        assert theme_for(button) is theme
