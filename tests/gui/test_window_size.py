"""The window keeps the size it is given: no view asks for more room than a small screen has."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from app.main_window import MainWindow
from app.overlay_choice import OverlayChoice
from app.views.flow_layout import FlowLayout
from app.views.labels import SettingsLabel
from canon_core.projection.kinds import OverlayMethod

from .conftest import PATIENCE, open_study

#: Pixels that a view may ask for: what is left of 800 by menus, tool bar, message, jobs, status line and tabs.
MOST_HEIGHT = 330


@pytest.mark.parametrize("study", ["embedded_study", "template_study"])
def test_at_1280_by_800_the_window_stays_as_it_is_whatever_view_is_looked_at(
    window: MainWindow, qtbot: QtBot, request: pytest.FixtureRequest, study: str
) -> None:
    path: Path = request.getfixturevalue(study)
    window.resize(1280, 800)
    open_study(window, qtbot, path)
    contents = window.document.contents
    assert contents is not None
    window.document.change(
        "Choose", cells=(contents.model_names[:2],), overlay=OverlayChoice(method=OverlayMethod.PCA)
    )
    window.messages.say("The study is open again as you left it, with jobs that go on when you compute again.")
    for number in range(window.tabs.count()):
        window.tabs.setCurrentIndex(number)
        qtbot.waitUntil(lambda: not window.bridge.working, timeout=PATIENCE)
        for _ in range(3):
            QApplication.processEvents()
        name, view = window.tabs.tabText(number), window.tabs.currentWidget()
        assert view.minimumSizeHint().height() <= MOST_HEIGHT, name
        assert window.minimumSizeHint().height() <= 800, name
        assert (window.width(), window.height()) == (1280, 800), name


def test_in_a_low_window_a_view_is_scrolled_before_its_bar_is_cut(
    window: MainWindow, embedded_study: Path, qtbot: QtBot
) -> None:
    open_study(window, qtbot, embedded_study)
    window.document.change("Choose", cells=(("a", "b"),))
    window.tabs.setCurrentIndex(0)
    window.resize(900, 400)
    scrolled = 0
    for number in range(window.tabs.count()):
        window.tabs.setCurrentIndex(number)
        qtbot.waitUntil(lambda: not window.bridge.working, timeout=PATIENCE)
        for _ in range(3):
            QApplication.processEvents()
        view = window.tabs.currentWidget()
        scrolled += window.centre.verticalScrollBar().maximum() > 0
        for bar in (child for child in view.children() if isinstance(child, QWidget) and child.isVisible()):
            if isinstance(bar.layout(), FlowLayout):
                assert bar.height() >= bar.layout().heightForWidth(bar.width()), window.tabs.tabText(number)
    assert scrolled
    window.resize(1280, 800)
    QApplication.processEvents()
    assert window.centre.verticalScrollBar().maximum() == 0


def test_of_long_settings_six_lines_are_shown_and_the_rest_can_be_scrolled_to(qtbot: QtBot) -> None:
    label = SettingsLabel()
    qtbot.addWidget(label)
    label.setText("one line")
    short = label.heightForWidth(400)
    label.setText(" · ".join(f"setting {number}" for number in range(200)))
    label.resize(400, label.heightForWidth(400))
    label.show()
    assert 5 * short < label.height() < 7 * short
    assert label.minimumSizeHint().height() < 2 * short
    bar = label.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 0, timeout=PATIENCE)
    bar.setValue(bar.maximum())
    label.setText("other settings, read from their beginning " * 40)
    assert bar.value() == 0
