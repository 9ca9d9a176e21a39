"""A study that is open read-only: points can be laid out in it, and nobody is told that they are kept."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox
from pytestqt.qtbot import QtBot

from app.jobs_panel import JobPhase
from app.main_window import MainWindow
from canon_core.study.study import Study

from .conftest import PATIENCE
from .gestures import answer, dialog_of, settle
from .overlaid import Slow


def test_what_can_be_done_is_said_and_nothing_is_promised(
    window: MainWindow, embedded_study: Path, umap: Slow, qtbot: QtBot
) -> None:
    with Study.open(embedded_study, owner="somebody else"):
        window.document.open(embedded_study)
        asked = dialog_of(window, QMessageBox, qtbot)
        assert "points can be laid out in the overlay, which is not kept" in asked.informativeText()
        answer(window, "Open read-only", qtbot)
        qtbot.waitUntil(lambda: window.document.contents is not None, timeout=PATIENCE)
    window.document.change("Choose", cells=(("a", "b"),))
    window.actions_["view.overlay"].trigger()
    qtbot.waitUntil(lambda: umap.asked == 1, timeout=PATIENCE)
    [row] = window.jobs.rows.values()
    for leave in (window.close, window.commands.close_study):
        leave()
        asked = dialog_of(window, QMessageBox, qtbot)
        assert "the study is open read-only: what it did so far is not kept" in asked.informativeText().lower()
        answer(window, "Keep working", qtbot)
        qtbot.waitUntil(lambda: window.findChild(QMessageBox) is None, timeout=PATIENCE)
    qtbot.mouseClick(row.button, Qt.MouseButton.LeftButton)
    assert "kept" not in row.says.text()
    qtbot.waitUntil(lambda: row.phase is JobPhase.CANCELLED, timeout=PATIENCE)
    assert row.says.text() == "cancelled"
    settle(window, qtbot)


def test_elsewhere_what_is_finished_is_kept(window: MainWindow, embedded_study: Path, qtbot: QtBot) -> None:
    window.document.open(embedded_study, read_only=True)
    qtbot.waitUntil(lambda: window.document.contents is not None, timeout=PATIENCE)
    assert "not kept" in window.document.after_cancelling
    window.document.open(embedded_study)
    qtbot.waitUntil(lambda: window.jobs.keeping and not window.bridge.busy, timeout=PATIENCE)
    assert window.document.after_cancelling.startswith("What it finished is kept")
