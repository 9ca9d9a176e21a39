"""Fold accuracy in the inspector: computed on request, fold by fold, copied and exported."""

from __future__ import annotations

import shlex
import threading
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from app.dialogs.command_palette import CommandPalette
from app.main_window import MainWindow
from canon_core.experiments.folds import run_folds
from canon_core.figures.statistics_tables import folds_csv
from canon_core.jobs import JobContext
from canon_core.study.results import FoldMatrix, FoldSettings
from canon_core.study.study import Study

from .conftest import PATIENCE, open_study
from .export_clicks import fill, shown
from .test_window_pairs import choose, settle

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def opened(window: MainWindow, embedded_study: Path, qtbot: QtBot) -> MainWindow:
    """A small study of faces in folds with its matrix, a cell chosen."""
    open_study(window, qtbot, embedded_study)
    choose(window, qtbot)
    qtbot.waitUntil(lambda: "Fold accuracy" in window.inspector.text(), timeout=PATIENCE)
    return window


def press(window: MainWindow, text: str, qtbot: QtBot) -> None:
    button = next(each for each in window.inspector.sheet.findChildren(QPushButton) if each.text() == text)
    qtbot.mouseClick(button, LEFT)


def compute(window: MainWindow, qtbot: QtBot) -> None:
    press(window, "Compute fold accuracy", qtbot)
    qtbot.waitUntil(lambda: "± standard error" in window.inspector.text(), timeout=PATIENCE)
    settle(window, qtbot)


def test_nothing_is_computed_until_it_is_asked_for(opened: MainWindow, qtbot: QtBot) -> None:
    assert "± standard error" not in opened.inspector.text()
    compute(opened, qtbot)
    found = opened.statistics.folds.shown
    source, target = opened.document.state.cells[-1]
    cell = found.cells[source, target]
    text = opened.inspector.text()
    assert f"{cell.accuracy:.4f}\t± {cell.standard_error:.4f}" in text
    for part in (f"{found.folds} folds", f"{cell.pairs:,} pairs", "Map linear", "threshold: the smallest"):
        assert part in text


def test_the_table_and_its_buttons_need_no_scrolling_sideways(opened: MainWindow, qtbot: QtBot) -> None:
    opened.resize(900, 700)  # the inspector is at its narrowest
    compute(opened, qtbot)
    sheet = opened.inspector.sheet
    assert sheet is not None
    [line] = {
        each.parentWidget().parentWidget()
        for each in sheet.findChildren(QPushButton)
        if each.text() in ("Each fold", "Export…", "Copy command")
    }
    assert line.minimumSizeHint().width() < 160


def test_it_is_what_the_engine_computes(opened: MainWindow, qtbot: QtBot) -> None:
    compute(opened, qtbot)
    folds = opened.statistics.folds
    fresh = run_folds(opened.document.study, folds.settings, JobContext())
    known = {pair: cell for pair, cell in folds.shown.cells.items() if cell is not None}
    source, target = opened.document.state.cells[-1]
    assert set(known) == {(source, target), (source, source), (target, target), (target, source)}
    assert all(fresh.cells[pair] == cell for pair, cell in known.items())


def test_single_folds_are_shown_on_demand(opened: MainWindow, qtbot: QtBot) -> None:
    compute(opened, qtbot)
    assert "fold\taccuracy\tthreshold" not in opened.inspector.text()
    press(opened, "Each fold", qtbot)
    qtbot.waitUntil(lambda: "fold\taccuracy\tthreshold" in opened.inspector.text(), timeout=PATIENCE)
    cell = opened.statistics.folds.shown.cells[opened.document.state.cells[-1]]
    for number, value in enumerate(cell.per_fold, 1):
        assert f"\n{number}\t{value:.4f}\t" in opened.inspector.text()
    press(opened, "Fewer", qtbot)
    qtbot.waitUntil(lambda: "fold\taccuracy\tthreshold" not in opened.inspector.text(), timeout=PATIENCE)


def test_the_keyboard_stays_where_it_was_when_the_sheet_is_written_anew(opened: MainWindow, qtbot: QtBot) -> None:
    compute(opened, qtbot)
    for text, after in (("Each fold", "Fewer"), ("Fewer", "Each fold")):
        button = next(each for each in opened.inspector.sheet.findChildren(QPushButton) if each.text() == text)
        button.setFocus()
        assert opened.focusWidget() is button
        sheet = opened.inspector.sheet
        qtbot.keyClick(button, Qt.Key.Key_Space)
        qtbot.waitUntil(lambda sheet=sheet: opened.inspector.sheet is not sheet, timeout=PATIENCE)
        settle(opened, qtbot)
        focused = opened.focusWidget()
        assert isinstance(focused, QPushButton)
        assert focused.text() == after


def test_of_a_button_that_is_gone_the_sheet_takes_the_focus(opened: MainWindow, qtbot: QtBot) -> None:
    texts = "Compute fold accuracy"
    button = next(each for each in opened.inspector.sheet.findChildren(QPushButton) if each.text() == texts)
    button.setFocus()
    qtbot.keyClick(button, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: "± standard error" in opened.inspector.text(), timeout=PATIENCE)
    settle(opened, qtbot)
    assert opened.focusWidget().accessibleName() == "Facts of what is chosen"


def test_the_table_and_the_command_are_taken_along(opened: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    compute(opened, qtbot)
    press(opened, "Copy command", qtbot)
    words = shlex.split(QGuiApplication.clipboard().text())
    settings = opened.statistics.folds.settings
    assert words[:2] == ["canon", "folds"]
    assert words[words.index("--models") + 1] == ",".join(settings.models)
    assert words[words.index("--map") + 1] == "linear"
    press(opened, "Export…", qtbot)
    qtbot.waitUntil(lambda: shown(opened) is not None, timeout=PATIENCE)
    dialog = shown(opened)
    fill(dialog, tmp_path, "out", ["csv"], qtbot)
    qtbot.mouseClick(dialog.export_button, LEFT)
    qtbot.waitUntil((tmp_path / "out.csv").is_file, timeout=PATIENCE)
    assert (tmp_path / "out.csv").read_text() == folds_csv(opened.statistics.folds.shown)
    settle(opened, qtbot)


def test_the_palette_finds_it_and_all_cells_can_be_computed(opened: MainWindow, qtbot: QtBot) -> None:
    opened.window_commands.palette()
    palette = opened.findChild(CommandPalette)
    qtbot.keyClicks(palette.line, "fold")
    assert "Fold accuracy of the chosen cell" in [palette.list.item(row).text() for row in range(palette.list.count())]
    palette.close()
    opened.actions_["experiment.folds_all"].trigger()
    qtbot.waitUntil(
        lambda: (found := opened.statistics.folds.shown) is not None and None not in found.cells.values(),
        timeout=PATIENCE,
    )
    settle(opened, qtbot)


def test_all_cells_cannot_be_ordered_while_they_are_computed(
    opened: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    import canon_core.experiments.folds as experiment

    real, let_go = experiment.run_folds, threading.Event()

    def slow(study: Study, settings: FoldSettings, ctx: JobContext, **more: object) -> FoldMatrix:
        while not let_go.wait(0.01):
            ctx.check()
        return real(study, settings, ctx, **more)

    monkeypatch.setattr(experiment, "run_folds", slow)
    assert opened.actions_.refusal("experiment.folds_all") == ""
    opened.actions_["experiment.folds_all"].trigger()
    refused = "They are being computed."
    qtbot.waitUntil(lambda: opened.actions_.refusal("experiment.folds_all") == refused, timeout=PATIENCE)
    let_go.set()
    settle(opened, qtbot)
    assert opened.actions_.refusal("experiment.folds_all") == ""


def test_without_folds_it_says_why(template_study: Path, window: MainWindow, qtbot: QtBot) -> None:
    open_study(window, qtbot, template_study)
    settle(window, qtbot)
    assert "pairs.txt" in window.actions_.refusal("experiment.folds")
    assert "Fold accuracy" not in window.inspector.text()


def test_every_cell_is_ordered_once_and_called_that(opened: MainWindow, qtbot: QtBot) -> None:
    for _ in range(2):
        for key in ("experiment.folds_all", "experiment.confidence_all"):
            opened.actions_[key].trigger()
    settle(opened, qtbot)
    titles = [row.title for row in opened.jobs.rows.values()]
    assert len(titles) == 2
    assert "Fold accuracy of every cell · linear" in titles
