"""Actions, study tree, jobs, messages and what to do next."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication, QMessageBox, QPushButton
from pytestqt.qtbot import QtBot

from app.actions import ACTIONS
from app.appearance import Appearance, Look
from app.contents import Badge, badge_of, badge_reason, badge_text
from app.crash import watch
from app.dialogs.about import AboutDialog
from app.engine_bridge import EngineBridge
from app.jobs_panel import JobPhase, JobRow, JobsPanel, duration_text, progress_text
from app.main_window import MainWindow
from app.message_bar import MessageBar, Tone
from app.next_step import next_step
from app.theme import DARK, LIGHT, Theme
from app.view_state import Focus
from canon_core.errors import CanonError, ModelError
from canon_core.jobs import Progress
from canon_core.study.entries import EmbeddingState

from .conftest import open_study

PATIENCE = 30_000


# -- actions -------------------------------------------------------------------------------------------------------
def test_no_two_actions_share_a_name_or_a_shortcut(window: MainWindow) -> None:
    keys = [spec.key for spec in ACTIONS]
    assert len(keys) == len(set(keys))
    shortcuts = [window.actions_[key].shortcut().toString() for key in keys]
    shortcuts = [shortcut for shortcut in shortcuts if shortcut]
    assert len(shortcuts) == len(set(shortcuts))


def test_every_action_is_in_a_menu_and_does_something(window: MainWindow) -> None:
    in_menus: set[QAction] = set()
    menus = [action.menu() for action in window.menuBar().actions()]
    while menus:
        actions = menus.pop().actions()
        in_menus.update(actions)
        menus += [action.menu() for action in actions if action.menu() is not None]
    assert window.actions_["view.dock-log"] in in_menus
    for spec in ACTIONS:
        action = window.actions_[spec.key]
        assert action in in_menus, spec.key
        if window.actions_.refusal(spec.key) != "The appearance is the application's.":
            assert action.receivers("2toggled(bool)") + action.receivers("2triggered(bool)") > 0, spec.key


def test_an_action_that_cannot_be_chosen_says_why(window: MainWindow, small_study: Path, qtbot: QtBot) -> None:
    assert window.actions_.refusal("study.embed") == "Open or make a study first."
    assert "Open or make a study first." in window.actions_["study.embed"].toolTip()
    open_study(window, qtbot, small_study)
    assert window.actions_.refusal("study.embed") == ""
    assert window.actions_.refusal("study.matrix") == "Make embeddings first."
    assert window.actions_.refusal("file.export") == "There is no matrix yet."
    assert window.actions_.refusal("study.rename") == "Choose a model or a dataset in the tree."
    window.tree.setCurrentItem(window.tree.item("model", "a"))
    assert window.actions_.refusal("study.rename") == ""


# -- tree ----------------------------------------------------------------------------------------------------------
def test_the_tree_shows_the_study_and_chooses_what_is_clicked(
    window: MainWindow, embedded_study: Path, qtbot: QtBot
) -> None:
    open_study(window, qtbot, embedded_study)
    assert window.tree.item("model", "a").text(1) == "24-d"
    assert window.tree.item("dataset", "faces").text(1) == "60"
    assert window.tree.item("results").text(1) == "4"
    assert window.tree.item("maps").text(1) == "4"  # two directions, two halves
    where = window.tree.visualItemRect(window.tree.item("model", "b")).center()
    qtbot.mouseClick(window.tree.viewport(), Qt.MouseButton.LeftButton, pos=where)
    assert (window.document.state.model, window.document.state.focus) == ("b", Focus.MODEL)
    qtbot.waitUntil(lambda: window.inspector.sheet is not None and "b" in window.inspector.sheet.text())
    window.document.undo.undo()
    assert window.document.state.model == ""


def test_a_model_that_is_unticked_leaves_the_matrix_and_comes_back_with_undo(
    window: MainWindow, embedded_study: Path, qtbot: QtBot
) -> None:
    open_study(window, qtbot, embedded_study)
    item = window.tree.item("model", "a")
    where = window.tree.visualItemRect(item)
    qtbot.mouseClick(
        window.tree.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(where.left() + 9, where.center().y())
    )
    assert item.checkState(0) is Qt.CheckState.Unchecked
    qtbot.waitUntil(lambda: window.computing.matrix.models == ("b",), timeout=PATIENCE)
    window.document.undo.undo()
    qtbot.waitUntil(lambda: window.computing.matrix.models == ("a", "b"), timeout=PATIENCE)
    assert item.checkState(0) is Qt.CheckState.Checked


def test_removing_asks_first_and_no_is_the_default(window: MainWindow, embedded_study: Path, qtbot: QtBot) -> None:
    open_study(window, qtbot, embedded_study)
    window.tree.setCurrentItem(window.tree.item("model", "a"))
    window.actions_["study.remove"].trigger()
    box = window.findChild(QMessageBox)
    assert box.defaultButton().text() == "Cancel"
    qtbot.keyClick(box, Qt.Key.Key_Escape)
    assert window.document.contents.model_names == ("a", "b")
    qtbot.waitUntil(lambda: window.findChild(QMessageBox) is None, timeout=PATIENCE)
    window.actions_["study.remove"].trigger()
    box = window.findChild(QMessageBox)
    yes = next(button for button in box.buttons() if button.text() == "Remove")
    qtbot.mouseClick(yes, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.document.contents.model_names == ("b",), timeout=PATIENCE)
    assert (embedded_study / "embeddings" / "b").is_dir()
    assert not (embedded_study / "embeddings" / "a").exists()


@pytest.mark.parametrize(
    ("state", "badge", "text"),
    [
        (EmbeddingState(0, 60, False), Badge.NONE, "not embedded"),
        (EmbeddingState(1200, 3811, True), Badge.PARTIAL, "1,200 of 3,811"),
        (EmbeddingState(60, 60, True), Badge.COMPLETE, "complete"),
        (EmbeddingState(60, 60, True, bad_rows=1), Badge.COMPLETE, "1 bad row"),
        (EmbeddingState(60, 60, False), Badge.STALE, "out of date"),
        (EmbeddingState(0, 60, False, damage="x.h5: cut short."), Badge.DAMAGED, "damaged"),
    ],
)
def test_a_badge_says_how_far_embeddings_are(state: EmbeddingState, badge: Badge, text: str) -> None:
    assert badge_of(state) is badge
    assert badge_text(state) == text
    assert badge_reason(state, "a", "faces").endswith(".")


# -- jobs ----------------------------------------------------------------------------------------------------------
def test_progress_in_words() -> None:
    half = Progress(1, 1, 1234, 3811, "embedding mbf", 245.0, 10.5)
    assert progress_text(half) == "embedding mbf · 1,234 of 3,811 · 245 / s · 10 s left"
    rough = Progress(1, 1, 1234, 3811, "embedding mbf", 245.0, 10.5, rough=True)
    assert progress_text(rough) == "embedding mbf · 1,234 of 3,811 · 245 / s · about 10 s left"
    assert progress_text(Progress(1, 1, 0, 36, "scoring", None, None)) == "scoring · 0 of 36"
    assert progress_text(Progress(1, 1, 36, 36, "scoring", 2.5, 0.0)) == "scoring · 36 of 36 · 2.5 / s"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.44, "0.4 s"), (12.3, "12 s"), (185, "3 min 5 s"), (7800, "2 h 10 min"), (59.7, "1 min 0 s")],
)
def test_durations_in_words(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


def test_a_job_that_failed_can_be_begun_again(qtbot: QtBot) -> None:
    again: list[bool] = []
    row = JobRow(3, "Embed faces with a", lambda: again.append(True))
    qtbot.addWidget(row)
    row.show()
    row.resumeRequested.connect(lambda resume: resume())
    row.started()
    row.ended(JobPhase.FAILED, "No space is left.")
    assert row.says.text() == "No space is left."
    assert "failed" in row.accessibleName()
    assert row.button.text() == "Try again"
    qtbot.mouseClick(row.button, Qt.MouseButton.LeftButton)  # the second of two hasty clicks on Cancel
    assert not again
    qtbot.wait(1000)
    assert not row.button.isEnabled()
    qtbot.waitUntil(row.button.isEnabled, timeout=PATIENCE)
    qtbot.mouseClick(row.button, Qt.MouseButton.LeftButton)
    assert again == [True]
    assert not row.button.isVisible()


def test_a_job_that_would_fail_again_is_not_offered_again(qtbot: QtBot) -> None:
    row = JobRow(3, "Read empty", lambda: None)
    qtbot.addWidget(row)
    row.show()
    row.started()
    row.never_again()
    row.ended(JobPhase.FAILED, "It holds no images.")
    assert not row.button.isVisible()


def test_what_runs_stands_above_what_waits_and_that_above_what_ended(qtbot: QtBot) -> None:
    bridge = EngineBridge()
    panel = JobsPanel(bridge)
    qtbot.addWidget(panel)
    panel.show()
    gates = {name: threading.Event() for name in ("first", "second", "third", "fourth")}
    for name, gate in gates.items():
        bridge.submit(name, lambda _ctx, gate=gate: gate.wait(10))

    def shown() -> list[str]:
        return [row.title for row in sorted(panel.rows.values(), key=lambda row: row.y())]

    qtbot.waitUntil(lambda: shown() == ["first", "second", "third", "fourth"])
    gates["first"].set()
    qtbot.waitUntil(lambda: shown() == ["second", "third", "fourth", "first"])
    waiting = next(row for row in panel.rows.values() if row.title == "fourth")
    qtbot.mouseClick(waiting.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: shown() == ["second", "third", "fourth", "first"] and waiting.phase is JobPhase.CANCELLED)
    gates["second"].set()
    qtbot.waitUntil(lambda: shown() == ["third", "second", "fourth", "first"])
    gates["third"].set()
    qtbot.waitUntil(lambda: not bridge.busy)
    assert bridge.close()


def test_a_job_that_is_done_offers_nothing(qtbot: QtBot) -> None:
    row = JobRow(3, "Export", lambda: None)
    qtbot.addWidget(row)
    row.show()
    row.ended(JobPhase.DONE, "done in 3 s")
    assert not row.button.isVisible()
    assert not row.bar.isVisible()


def test_a_failed_job_is_told_in_the_bar_the_panel_and_the_log(
    window: MainWindow, small_study: Path, small_data: Path, qtbot: QtBot
) -> None:
    open_study(window, qtbot, small_study)
    file = small_study / "embeddings" / "a"
    file.mkdir()
    (file / "faces.h5").mkdir()  # nothing can be written where a folder lies
    window.actions_["study.embed"].trigger()
    qtbot.waitUntil(lambda: not window.bridge.busy, timeout=PATIENCE)
    row = next(iter(window.jobs.rows.values()))
    assert row.phase is JobPhase.FAILED
    assert "faces.h5" in row.says.text()
    assert "faces.h5" in window.messages.text.text()
    assert "error: " in window.log.toPlainText()
    assert "Traceback" not in window.messages.text.text() + window.log.toPlainText()


# -- help ----------------------------------------------------------------------------------------------------------
def test_about_names_versions_and_devices_and_copies_them(window: MainWindow, qtbot: QtBot) -> None:
    window.actions_["help.about"].trigger()
    about = window.findChild(AboutDialog)
    qtbot.waitUntil(lambda: about.rows.topLevelItemCount() > 2, timeout=PATIENCE)
    about._copy()
    copied = QApplication.clipboard().text()
    assert "canon-explorer: " in copied
    assert "Providers" in copied
    about.reject()


# -- messages ------------------------------------------------------------------------------------------------------
def test_a_message_says_what_kind_it_is_in_words(qtbot: QtBot) -> None:
    bar = MessageBar()
    qtbot.addWidget(bar)
    done: list[bool] = []
    bar.say("the disk is full", Tone.FAULT, "Try again", lambda: done.append(True))
    assert bar.isVisible()
    assert bar.text.text() == "Problem: the disk is full"
    qtbot.mouseClick(bar.button, Qt.MouseButton.LeftButton)
    assert done == [True]
    assert not bar.isVisible()


def test_a_fault_of_the_program_is_one_sentence_for_the_user_and_a_trace_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    import sys

    told: list[str] = []
    end = watch(told.append)
    try:
        try:
            raise ValueError("secret detail")
        except ValueError as error:
            sys.excepthook(ValueError, error, error.__traceback__)
    finally:
        end()
    assert len(told) == 1
    assert "secret detail" not in told[0]
    assert "ValueError" in told[0]
    assert "secret detail" in caplog.text
    assert any(record.levelno == logging.CRITICAL for record in caplog.records)


def test_faults_without_a_file_begin_like_sentences(window: MainWindow) -> None:
    window.commands.tell_fault(CanonError("not enough memory for this step", remedy="close other programs"))
    assert window.messages.text.text() == "Problem: Not enough memory for this step; close other programs."
    window.commands.tell_fault(ModelError("not an ONNX file", path="/x/a.onnx"))
    assert window.messages.text.text() == "Problem: /x/a.onnx: not an ONNX file."


# -- what to do next -----------------------------------------------------------------------------------------------
def test_each_empty_state_names_the_next_step(window: MainWindow, small_study: Path, qtbot: QtBot) -> None:
    open_study(window, qtbot, small_study)
    contents, state = window.document.contents, window.document.state

    def step(**changes: object) -> str:
        from dataclasses import replace

        return next_step(replace(contents, **changes), state, embedding=False, reading=False).action

    assert step() == "study.compute_all"
    assert step(datasets=(), states={}) == "study.add_dataset"
    assert step(models=(), states={}) == "study.add_model"
    assert step(models=(), states={}, read_only=True) == ""
    running = next_step(contents, state, embedding=True, reading=False)
    assert running.action == ""
    assert "faces" in running.text


@pytest.mark.parametrize(
    ("models", "datasets", "what"),
    [
        (("a", "b"), (), "the files of 'a' and 'b' must be found again: choose one in the study tree"),
        ((), ("faces",), "the folder of 'faces' must be found again"),
        (("a",), (), None),  # the other network can be used
    ],
)
def test_what_is_gone_is_to_be_found_before_anything_is_embedded(
    models: tuple[str, ...],
    datasets: tuple[str, ...],
    what: str | None,
    window: MainWindow,
    small_study: Path,
    qtbot: QtBot,
) -> None:
    from dataclasses import replace

    open_study(window, qtbot, small_study)
    contents = replace(
        window.document.contents, missing_models=frozenset(models), missing_datasets=frozenset(datasets)
    )
    step = next_step(contents, window.document.state, embedding=False, reading=False)
    assert step.action == ("" if what else "study.compute_all")
    assert (what or "score every pair of images. Left out: 'a', whose file is gone.") in step.text
    reading = next_step(replace(contents, read_only=True), window.document.state, embedding=False, reading=False)
    assert "Locate…" not in reading.text


# -- appearance ----------------------------------------------------------------------------------------------------
def test_the_look_is_the_one_that_was_asked_for_and_can_be_changed(qtbot: QtBot) -> None:
    application = QApplication.instance()
    before, style = application.palette(), application.style().name()
    appearance = Appearance(application, Look.DARK)
    try:
        assert application.palette().window().color().name() == DARK.window
        appearance.choose(Look.LIGHT)
        assert application.palette().window().color().name() == LIGHT.window
    finally:
        appearance.choose(Look.SYSTEM)
        application.styleHints().colorSchemeChanged.disconnect(appearance._scheme_changed)
        appearance.deleteLater()
        application.setStyleSheet("")
        application.setPalette(before)
        application.setStyle(style)


# -- cells without a number ----------------------------------------------------------------------------------------
def test_a_cell_without_a_number_says_why_and_can_be_mended_from_there(
    window: MainWindow, embedded_study: Path, qtbot: QtBot
) -> None:
    (embedded_study / "embeddings" / "b" / "faces.h5").unlink()
    open_study(window, qtbot, embedded_study)
    qtbot.waitUntil(lambda: window.matrix_view.matrix is not None and not window.bridge.busy, timeout=PATIENCE)
    field = window.matrix_view.heat_map.field_rect(("a", "b")).center().toPoint()
    qtbot.mouseClick(window.matrix_view.heat_map, Qt.MouseButton.LeftButton, pos=field)
    qtbot.waitUntil(lambda: "'b' has no embeddings of 'faces' yet." in window.inspector.text(), timeout=PATIENCE)
    assert "Embed the faces of 'faces' with 'b'; the cell is computed after that." in window.inspector.text()
    button = next(each for each in window.inspector.findChildren(QPushButton) if each.text() == "Embed and compute")
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "TAR at each FAR" in window.inspector.text(), timeout=PATIENCE)
@pytest.mark.parametrize(("before", "after"), [(LIGHT, DARK), (DARK, LIGHT)])
def test_the_log_can_be_read_after_another_appearance_was_chosen(
    before: Theme, after: Theme, window: MainWindow
) -> None:
    application = QApplication.instance()
    usual = application.palette()
    try:
        application.setPalette(before.palette())
        window.log.add("embedding began")
        window.log.add("half of it", logging.WARNING)
        window.log.add("no space", logging.ERROR)
        application.setPalette(after.palette())
        QApplication.processEvents()
        block, drawn = window.log.document().firstBlock(), []
        while block.isValid():
            formats = block.layout().formats()
            drawn.append([each.format.foreground().color().name() for each in formats])
            block = block.next()
        assert drawn == [[after.muted, colour] for colour in (after.text, after.warning, after.error)]
        assert "  warning: half of it" in window.log.toPlainText()
    finally:
        application.setPalette(usual)
