"""A path as it is typed."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app import file_choosers
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


def test_what_is_typed_is_told_after_a_pause_and_return_tells_it_at_once(qtbot: QtBot, tmp_path: Path) -> None:
    field = PathField("folder", lambda *_: None, looked_at=True)
    qtbot.addWidget(field)
    told: list[Path | None] = []
    field.pathChanged.connect(told.append)
    qtbot.keyClicks(field.line, str(tmp_path))
    assert told == []
    qtbot.waitUntil(lambda: told == [tmp_path])
    qtbot.keyClicks(field.line, "/b")
    qtbot.keyClick(field.line, Qt.Key.Key_Return)
    assert told == [tmp_path, tmp_path / "b"]


def test_a_chooser_begins_where_the_path_is_else_where_others_are(qtbot: QtBot, tmp_path: Path) -> None:
    began: list[Path | None] = []
    field = PathField("folder", lambda _parent, folder: began.append(folder), start=tmp_path)
    qtbot.addWidget(field)
    field.button.click()
    field.set_path(Path("/data/faces"))
    field.button.click()
    assert began == [tmp_path, Path("/data")]


def test_choosers_begin_in_a_folder_that_is_there(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    began: list[str] = []
    monkeypatch.setattr(
        file_choosers.QFileDialog, "getExistingDirectory", lambda _parent, _title, start: began.append(start) or ""
    )
    monkeypatch.setattr(file_choosers.QStandardPaths, "writableLocation", lambda *_: str(tmp_path / "Documents"))
    parent = QWidget()
    qtbot.addWidget(parent)
    for folder in (None, tmp_path / "gone", tmp_path):
        file_choosers.choose_study(parent, folder)
    (tmp_path / "Documents").mkdir()
    file_choosers.choose_study(parent, None)
    assert began == [str(Path.home()), str(Path.home()), str(tmp_path), str(tmp_path / "Documents")]
