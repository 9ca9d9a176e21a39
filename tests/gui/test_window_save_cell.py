"""A cell's map and its scores, saved from the window: the files that the commands write."""

from __future__ import annotations

import shlex
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMessageBox
from pytestqt.qtbot import QtBot
from typer.testing import CliRunner

from app.dialogs.save_cell import SaveCell, SaveMap, SaveScores
from app.jobs_panel import JobPhase
from app.main_window import MainWindow
from canon_core.cli.application import app as canon
from canon_core.cli.application import load_commands
from canon_core.experiments.scores import SCORE_SUFFIXES
from canon_core.jobs import JobContext
from canon_core.models.map_file import MAP_SUFFIXES, read_map

from .conftest import PATIENCE, open_study
from .test_window_pairs import choose, settle

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def opened(window: MainWindow, embedded_study: Path, qtbot: QtBot) -> MainWindow:
    """A small study of faces with its matrix, a cell chosen."""
    open_study(window, qtbot, embedded_study)
    choose(window, qtbot)
    return window


def dialog_of(window: MainWindow, key: str) -> SaveCell:
    window.actions_[key].trigger()
    return next(dialog for dialog in window.findChildren(SaveCell) if dialog.isVisible())


def save(dialog: SaveCell, path: Path, window: MainWindow, qtbot: QtBot) -> None:
    dialog.file.line.setText(str(path))
    qtbot.mouseClick(dialog.add_button, LEFT)
    qtbot.waitUntil(path.is_file, timeout=PATIENCE)
    qtbot.waitUntil(lambda: "was written" in window.messages.text.text(), timeout=PATIENCE)


def run(window: MainWindow, command: str, qtbot: QtBot) -> None:
    """The command that was copied, on the study once the window has given it back."""
    closed: list[bool] = []
    window.document.close(lambda: closed.append(True))
    qtbot.waitUntil(lambda: bool(closed), timeout=PATIENCE)
    program, *arguments = shlex.split(command)
    assert program == "canon"
    load_commands()
    result = CliRunner().invoke(canon, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output


def test_the_endings_are_those_that_the_engine_writes() -> None:
    assert set(SaveMap.endings) == set(MAP_SUFFIXES)
    assert set(SaveScores.endings) == set(SCORE_SUFFIXES)


@pytest.mark.parametrize("ending", [".npz", ".onnx"])
def test_a_map_is_the_one_that_the_copied_command_writes(
    opened: MainWindow, tmp_path: Path, qtbot: QtBot, ending: str
) -> None:
    first, second = tmp_path / f"first{ending}", tmp_path / f"second{ending}"
    dialog = dialog_of(opened, "file.save_map")
    save(dialog, first, opened, qtbot)
    source, target = opened.document.state.cells[-1]
    assert f"from '{source}'" in opened.messages.text.text()
    assert "TAR" in opened.messages.text.text()
    dialog = dialog_of(opened, "file.save_map")
    dialog.file.line.setText(str(second))
    qtbot.mouseClick(dialog.command_button, LEFT)
    dialog.reject()
    run(opened, QGuiApplication.clipboard().text(), qtbot)
    mine, theirs = read_map(first), read_map(second)
    np.testing.assert_array_equal(mine.mapping.matrix, theirs.mapping.matrix)
    assert mine.origin == theirs.origin
    assert (mine.origin.source.name, mine.origin.target.name) == (source, target)


@pytest.mark.parametrize("named", [False, True])
def test_scores_are_those_that_the_copied_command_writes(
    opened: MainWindow, tmp_path: Path, qtbot: QtBot, named: bool
) -> None:
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    dialog = dialog_of(opened, "file.save_scores")
    assert isinstance(dialog, SaveScores)
    dialog.named.setChecked(named)
    save(dialog, first, opened, qtbot)
    dialog = dialog_of(opened, "file.save_scores")
    assert isinstance(dialog, SaveScores)
    dialog.named.setChecked(named)
    dialog.file.line.setText(str(second))
    command = dialog.command
    dialog.reject()
    run(opened, command, qtbot)
    assert first.read_bytes() == second.read_bytes()
    assert (".png" in first.read_text() or ".jpg" in first.read_text()) == named


def test_a_file_that_is_there_is_replaced_only_when_asked(opened: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    path = tmp_path / "scores.h5"
    path.write_text("mine")
    dialog = dialog_of(opened, "file.save_scores")
    dialog.file.line.setText(str(path))
    qtbot.mouseClick(dialog.add_button, LEFT)
    qtbot.waitUntil(lambda: bool(opened.findChildren(QMessageBox)), timeout=PATIENCE)
    opened.findChildren(QMessageBox)[-1].reject()
    settle(opened, qtbot)
    assert path.read_text() == "mine"
    dialog.reject()


def test_another_ending_cannot_be_saved(opened: MainWindow, qtbot: QtBot) -> None:
    dialog = dialog_of(opened, "file.save_map")
    assert dialog.add_button.isEnabled()
    dialog.file.line.setText("/somewhere/map.txt")
    assert not dialog.add_button.isEnabled()
    assert ".onnx or .npz" in dialog.about_file.text()
    dialog.reject()


def test_a_fault_is_told_in_the_dialog(opened: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    (tmp_path / "file").write_text("")
    dialog = dialog_of(opened, "file.save_map")
    dialog.file.line.setText(str(tmp_path / "file" / "map.npz"))
    qtbot.mouseClick(dialog.add_button, LEFT)
    qtbot.waitUntil(dialog.fault.isVisible, timeout=PATIENCE)
    assert "map.npz" in dialog.fault.label.text() or "file" in dialog.fault.label.text()
    dialog.reject()


def test_why_nothing_can_be_saved_is_said(opened: MainWindow, qtbot: QtBot) -> None:
    actions = opened.actions_
    source, _ = opened.document.state.cells[-1]
    opened.presenter.choose_cells(((source, source),))
    assert "off the diagonal" in actions.refusal("file.save_map")
    assert actions["file.save_scores"].isEnabled()
    opened.presenter.choose_cells(())
    assert "Choose a cell" in actions.refusal("file.save_map")
    assert "Choose a cell" in actions.refusal("file.save_scores")


def test_the_menu_of_a_field_offers_both(opened: MainWindow, qtbot: QtBot) -> None:
    source, target = opened.document.state.cells[-1]
    opened.cell_menu._open(source, target, opened.mapToGlobal(opened.rect().center()))
    entries = {action.text(): action for action in opened.cell_menu.menu.actions()}
    assert entries["Save map…"].isEnabled()
    entries["Save scores…"].trigger()
    opened.cell_menu.menu.close()
    (dialog,) = opened.findChildren(SaveScores)
    dialog.reject()


def test_quick_clicks_write_one_file_once(opened: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    dialog = dialog_of(opened, "file.save_scores")
    dialog.file.line.setText(str(tmp_path / "scores.csv"))
    for _ in range(3):
        qtbot.mouseClick(dialog.add_button, LEFT)
        dialog.buttons.accepted.emit()
    settle(opened, qtbot)
    assert len(opened.jobs.rows) == 1
    assert (tmp_path / "scores.csv").is_file()


def test_a_file_whose_writing_was_cancelled_can_be_written_after_the_dialog_is_gone(
    opened: MainWindow, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    import canon_core.experiments.scores as experiment

    real, go_on = experiment.export_scores, threading.Event()

    def slow(study: object, settings: object, rule: object, out: Path, ctx: JobContext, **more: Any) -> object:
        while not go_on.wait(0.01):
            ctx.check()
        return real(study, settings, rule, out, ctx, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(experiment, "export_scores", slow)
    path = tmp_path / "scores.csv"
    dialog = dialog_of(opened, "file.save_scores")
    dialog.file.line.setText(str(path))
    qtbot.mouseClick(dialog.add_button, LEFT)
    qtbot.waitUntil(lambda: bool(opened.jobs.rows), timeout=PATIENCE)
    (row,) = opened.jobs.rows.values()
    dialog.reject()
    qtbot.waitUntil(lambda: row.phase is JobPhase.CANCELLED, timeout=PATIENCE)
    dialog.reject()
    settle(opened, qtbot)
    go_on.set()
    assert not path.exists()
    row.resumeRequested.emit(row._resume)
    qtbot.waitUntil(path.is_file, timeout=PATIENCE)
    qtbot.waitUntil(lambda: "was written" in opened.messages.text.text(), timeout=PATIENCE)
