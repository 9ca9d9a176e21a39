"""A path as it is typed."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.dialogs.export import ExportDialog
from app.dialogs.path_field import PathField
from app.dialogs.preferences import PreferencesDialog
from app.main_window import MainWindow

from .conftest import open_study
from .gestures import dialog_of, settle


def test_a_home_is_found_and_that_of_nobody_stays_as_it_is_written(qtbot: QtBot) -> None:
    field = PathField("folder", lambda *_: None)
    qtbot.addWidget(field)
    told: list[Path | None] = []
    field.pathChanged.connect(told.append)
    field.set_path(Path("~/faces"))
    field.set_path(Path("~no-such-user/faces"))
    assert told == [Path.home() / "faces", Path("~no-such-user/faces")]
    assert field.nobody == "~no-such-user"


def test_nothing_is_exported_into_the_home_of_nobody(
    window: MainWindow, embedded_study: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    open_study(window, qtbot, embedded_study)
    settle(window, qtbot)
    window.matrix_view.export_button.click()
    dialog = dialog_of(window, ExportDialog, qtbot)
    dialog.folder.line.clear()
    qtbot.keyClicks(dialog.folder.line, "~no-such-user/figures")
    assert not dialog.export_button.isEnabled()
    assert "no home folder ~no-such-user" in dialog.files.text()
    dialog.folder.line.setText(str(tmp_path))
    assert dialog.export_button.isEnabled()
    dialog.reject()


@pytest.mark.usefixtures("qtbot")
def test_the_demo_is_not_made_in_the_home_of_nobody(window: MainWindow, tmp_path: Path) -> None:
    window.preferences.change(demo_folder=str(tmp_path))
    window.window_commands.prefer()
    dialog = window.findChild(PreferencesDialog)
    dialog.demo_folder.set_path(Path("~no-such-user/demo"))
    assert window.demo.study.folder == tmp_path
    dialog.reject()
