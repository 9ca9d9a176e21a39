"""Another name for a model or a dataset: what will not do is told while it is typed."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialogButtonBox
from pytestqt.qtbot import QtBot

from app.dialogs.ask import NameDialog
from app.main_window import MainWindow

from .conftest import PATIENCE, open_study
from .gestures import dialog_of, settle


@pytest.fixture
def dialog(window: MainWindow, embedded_study: Path, qtbot: QtBot) -> NameDialog:
    """Of model ``a``; there is another called ``b``."""
    open_study(window, qtbot, embedded_study)
    settle(window, qtbot)
    window.tree.setCurrentItem(window.tree.item("model", "a"))
    window.actions_["study.rename"].trigger()
    return dialog_of(window, NameDialog, qtbot)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("b", "There is a model 'b' already."),
        ("", "A model needs a name."),
        ("   ", "A model needs a name."),
        ("n" * 65, "That is longer than 64 letters."),
        ("a/b", "Use letters, digits, spaces and . _ + -, beginning with a letter or digit."),
    ],
)
def test_a_name_that_will_not_do_is_told_and_stays(
    window: MainWindow, dialog: NameDialog, qtbot: QtBot, name: str, why: str
) -> None:
    dialog.line.clear()
    qtbot.keyClicks(dialog.line, name)
    assert dialog.fault.text() == why
    assert not dialog.buttons.button(QDialogButtonBox.StandardButton.Ok).isEnabled()
    qtbot.keyClick(dialog.line, Qt.Key.Key_Return)
    assert dialog.isVisible()
    assert dialog.line.text() == name
    assert window.document.contents.model_names == ("a", "b")
    dialog.reject()


def test_one_that_will_do_is_taken(window: MainWindow, dialog: NameDialog, qtbot: QtBot) -> None:
    height = dialog.height()
    qtbot.keyClicks(dialog.line, "b")
    assert dialog.height() == height
    qtbot.keyClicks(dialog.line, "2")
    assert dialog.fault.text() == ""
    qtbot.keyClick(dialog.line, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: window.document.contents.model_names == ("b2", "b"), timeout=PATIENCE)
