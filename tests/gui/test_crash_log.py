"""A crash is told at the next start, with its log, and only once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app import crash, main, user_files
from app.dialogs.crash_report import CrashReportDialog
from app.main_window import MainWindow

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.skipif(sys.platform == "win32", reason="a real crash asks questions there")
def test_a_crash_leaves_the_stacks_of_its_threads(tmp_path: Path) -> None:
    script = "from app.crash import log_crashes; log_crashes(); import faulthandler; faulthandler._sigsegv()"
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, cwd=ROOT, check=False, capture_output=True)
    assert done.returncode != 0
    left = tmp_path / "canon-explorer" / "crash.log"
    assert "Segmentation fault" in left.read_text()


def test_it_is_offered_at_the_next_start_and_only_once(window: MainWindow, qtbot: QtBot) -> None:
    folder = user_files.state_folder()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "crash.log").write_text("Fatal Python error: Segmentation fault\n  File umap.py, line 1\n")
    crashed = crash.take_crash_log()
    assert crash.take_crash_log() == ""
    main._open(window, None, crashed)
    assert "crashed last time" in window.messages.text.text()
    qtbot.mouseClick(window.messages.button, Qt.MouseButton.LeftButton)
    dialog = window.findChild(CrashReportDialog)
    assert "umap.py, line 1" in dialog.report.toPlainText()
    qtbot.mouseClick(dialog.copy_button, Qt.MouseButton.LeftButton)
    assert "Canon Explorer " in QApplication.clipboard().text()
    assert "Segmentation fault" in QApplication.clipboard().text()
    assert crash.crash_log_file().is_file()
    dialog.reject()


def test_a_run_that_ended_well_offers_nothing(window: MainWindow) -> None:
    end = crash.log_crashes()
    end()
    assert crash.take_crash_log() == ""
    main._open(window, None, "")
    assert not window.messages.isVisible()


def test_with_a_study_that_was_cut_off_both_are_told(
    window: MainWindow, embedded_study: Path, qtbot: QtBot
) -> None:
    user_files.write_session(user_files.Session(str(embedded_study), False, {}, 2**22 + 1))
    main._open(window, None, "Fatal Python error")
    qtbot.waitUntil(lambda: window.document.contents is not None, timeout=30_000)
    qtbot.waitUntil(lambda: "open again as you left it" in window.messages.text.text(), timeout=30_000)
    assert window.messages.button.text() == "Show crash log"
    qtbot.waitUntil(lambda: not window.bridge.busy, timeout=30_000)


@pytest.mark.parametrize("asked", [True, False], ids=["of the command line", "of last time"])
def test_it_is_offered_beside_a_study_that_opens(
    asked: bool, window: MainWindow, embedded_study: Path, qtbot: QtBot
) -> None:
    user_files.write_window({"study": str(embedded_study)})
    main._open(window, embedded_study if asked else None, "Fatal Python error")
    qtbot.waitUntil(lambda: window.document.contents is not None and not window.bridge.busy, timeout=30_000)
    assert window.messages.isVisible()
    assert "crashed last time" in window.messages.text.text()
    assert window.messages.button.text() == "Show crash log"
