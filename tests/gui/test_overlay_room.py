"""The picture has most of the overlay's room: figures are folded into lines, long legends stand beside it."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.main_window import MainWindow
from app.views import overlay_view

from .overlaid import pick, settle


@pytest.mark.parametrize("colour", ["model", "subject"])
def test_in_a_small_window_the_plot_has_three_fifths_of_the_height(
    overlaid: MainWindow, qtbot: QtBot, colour: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overlay_view, "scores_text", lambda _: ", ".join(f"model {n} 7.9 → 99.6 %" for n in range(13)))
    monkeypatch.setattr(overlay_view, "overlay_line", lambda _: " · ".join(f"setting {n} of all" for n in range(40)))
    overlaid.resize(1280, 800)
    view = overlaid.overlay_view
    pick(view.bar.colour, colour)
    pick(view.bar.method, "singular")
    settle(overlaid, qtbot)
    assert "model 12" in view._score.text()
    qtbot.waitUntil(lambda: view.plot.height() >= 0.6 * view.height())
    assert overlaid.height() == 800
    assert view._score.isVisible()
    assert view._settings.isVisible()


def test_a_long_legend_stands_beside_the_plot_and_a_short_one_above(overlaid: MainWindow, qtbot: QtBot) -> None:
    view = overlaid.overlay_view
    assert view.legend.geometry().bottom() < view.plot.geometry().top()
    pick(view.bar.colour, "subject")
    settle(overlaid, qtbot)
    assert len(view.legend.entries) == 8
    assert view.legend.geometry().left() > view.plot.geometry().right()
    assert len({entry.x() for entry in view.legend.entries}) == 1
    pick(view.bar.colour, "model")
    settle(overlaid, qtbot)
    assert view.legend.geometry().bottom() < view.plot.geometry().top()


def test_a_click_or_the_keyboard_unfolds_every_setting(overlaid: MainWindow, qtbot: QtBot) -> None:
    overlaid.resize(1280, 800)
    folded = overlaid.overlay_view._settings
    assert folded.text() == overlaid.overlay_view.settings_line
    assert folded.arrow.accessibleDescription() == folded.text()
    height = folded.height()
    qtbot.mouseClick(folded._line, Qt.MouseButton.LeftButton)
    assert folded.is_open
    qtbot.waitUntil(lambda: folded.height() > 1.5 * height)
    assert folded._whole.isVisible()
    folded.arrow.setFocus()
    qtbot.keyClick(folded.arrow, Qt.Key.Key_Space)
    assert not folded.is_open
    qtbot.waitUntil(lambda: folded.height() == height)
