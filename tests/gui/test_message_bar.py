"""Messages lie over the window's lower edge: they move nothing, and those that ask for nothing go."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication, QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from app import message_bar
from app.main_window import MainWindow
from app.message_bar import MessageBar, Tone

_LONG = "The study is open again as you left it, with jobs that go on when you compute again. " * 3


def test_a_message_moves_nothing_that_can_be_clicked(window: MainWindow, qtbot: QtBot) -> None:
    window.resize(1280, 800)
    window.pages.setCurrentWidget(window.tabs)
    QApplication.processEvents()
    bar = window.tabs.tabBar()
    before = bar.mapTo(window, QPoint(0, 0)), window.tabs.size()
    for text, button in (("The folder was found again.", ""), (_LONG, "What was found")):
        window.messages.say(text, button=button)
        QApplication.processEvents()
        assert window.messages.isVisible()
        assert (bar.mapTo(window, QPoint(0, 0)), window.tabs.size()) == before
        assert window.rect().contains(window.messages.geometry())
        label = window.messages.text
        assert label.heightForWidth(label.width()) <= label.height()  # no word is cut off
        jobs = window.jobs_shown.button
        jobs.setText("2 jobs running · 100 % ▴")
        QApplication.processEvents()
        assert not window.messages.geometry().intersects(jobs.rect().translated(jobs.mapTo(window, QPoint(0, 0))))


def test_a_short_message_covers_the_line_of_state_alone(window: MainWindow, qtbot: QtBot) -> None:
    window.resize(1280, 800)
    window.messages.say("The folder was found again.", Tone.DONE)
    QApplication.processEvents()
    status = window.statusBar().geometry()
    assert window.messages.geometry().top() >= status.top() - 8
    window.resize(1000, 700)
    QApplication.processEvents()
    assert window.rect().contains(window.messages.geometry())


@pytest.fixture
def bar(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[MessageBar]:
    monkeypatch.setattr(message_bar, "_PASSING_MS", 120)
    monkeypatch.setattr(message_bar, "_CHARACTER_MS", 0)
    window = QWidget()
    qtbot.addWidget(window)
    window.resize(600, 400)
    line = QLineEdit(window)
    bar = MessageBar(window)
    bar.setGeometry(100, 300, 400, 40)  # away from the mouse
    window.show()
    qtbot.waitExposed(window)
    line.setFocus()
    yield bar
    window.close()  # it lives until then


@pytest.mark.parametrize("tone", [Tone.DONE, Tone.NOTE])
def test_a_message_that_asks_for_nothing_passes(bar: MessageBar, qtbot: QtBot, tone: Tone) -> None:
    bar.say("canon matrix study.canon was copied.", tone)
    qtbot.waitUntil(lambda: not bar.isVisible())


@pytest.mark.parametrize(("tone", "button"), [(Tone.DONE, "What was found"), (Tone.NOTE, "Tour"), (Tone.FAULT, "")])
def test_one_that_offers_something_or_tells_of_a_problem_stays(
    bar: MessageBar, qtbot: QtBot, tone: Tone, button: str
) -> None:
    bar.say("61 images were read.", tone, button)
    qtbot.wait(400)
    assert bar.isVisible()
    qtbot.mouseClick(bar.close_button, Qt.MouseButton.LeftButton)
    assert not bar.isVisible()


def test_one_in_which_the_keyboard_is_waits_and_escape_closes_it(bar: MessageBar, qtbot: QtBot) -> None:
    bar.say("The folder was found again.", Tone.DONE)
    bar.close_button.setFocus()
    qtbot.waitUntil(bar.close_button.hasFocus)
    qtbot.wait(400)
    assert bar.isVisible()
    qtbot.keyClick(bar.close_button, Qt.Key.Key_Escape)
    assert not bar.isVisible()


def test_only_the_message_that_no_longer_holds_is_withdrawn(bar: MessageBar) -> None:
    bar.say("This is the demo study.", button="Guided tour")
    bar.withdraw("Something else.")
    assert bar.isVisible()
    bar.withdraw("This is the demo study.")
    assert not bar.isVisible()
