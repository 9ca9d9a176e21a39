"""What is copied as a command gives the numbers that are on the screen."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from typer.testing import CliRunner

from app.main_window import MainWindow
from app.views.roc_view import Kind
from canon_core.cli.application import app, load_commands
from canon_core.jobs import JobContext
from canon_core.maps.kinds import MapKind
from canon_core.study.study import Study

from .conftest import PATIENCE, open_study
from .gestures import settle

PAIR = ("north", "east")


def copied(window: MainWindow) -> list[str]:
    """The command of the view in front, word by word."""
    QApplication.clipboard().clear()
    window.actions_["edit.copy_command"].trigger()
    return shlex.split(QApplication.clipboard().text())


def run(words: list[str], *more: str) -> str:
    """Run a copied command while the window has the study; its standard output."""
    load_commands()
    done = CliRunner().invoke(app, [*words[1:], "--read-only", *more])
    assert done.exit_code == 0, done.output or done.exception
    return done.stdout


def answer(words: list[str]) -> dict[str, Any]:
    return json.loads(run(words, "--json", "-"))


@pytest.fixture
def window_of_gaps(window: MainWindow, template_study: Path, tmp_path: Path, qtbot: QtBot) -> MainWindow:
    """A matrix with a model that lacks a third of the images: they are left out of every cell."""
    with Study.open(template_study) as study:
        made = np.random.default_rng(9).standard_normal((study.dataset("people").images, 12)).astype("float32")
        made[::3] = np.nan
        np.save(tmp_path / "west.npy", made)
        study.import_embeddings(tmp_path / "west.npy", model="west", dataset="people", ctx=JobContext())
    open_study(window, qtbot, template_study)
    settle(window, qtbot)
    window.document.change("Choose", cells=(PAIR,), far=1e-1)
    qtbot.waitUntil(lambda: window.statistics.chosen is not None and not window.bridge.busy, timeout=PATIENCE)
    settle(window, qtbot)
    return window


def test_a_cell_s(window_of_gaps: MainWindow) -> None:
    window = window_of_gaps
    matrix, rule = window.computing.matrix, window.document.state.rule
    window.cell_menu._open(*PAIR, window.rect().center())
    next(action for action in window.cell_menu.menu.actions() if action.text() == "Copy command").trigger()
    window.cell_menu.menu.close()
    found = answer(shlex.split(QApplication.clipboard().text()))
    source, target = (found["models"].index(name) for name in PAIR)
    assert found["tar"][source][target][found["far"].index(1e-1)] == matrix.tar(*PAIR, 1e-1, rule)
    assert found["pairs"]["cross"]["genuine"] == matrix.cells[PAIR].genuine


def test_those_of_groups(window_of_gaps: MainWindow, qtbot: QtBot) -> None:
    window = window_of_gaps
    window.actions_["view.groups"].trigger()
    window.actions_["experiment.groups"].trigger()
    qtbot.waitUntil(lambda: window.group_view.found is not None, timeout=PATIENCE)
    settle(window, qtbot)
    assert answer(copied(window))["threshold"] == window.group_view.found.threshold


def test_scores(window_of_gaps: MainWindow, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    window = window_of_gaps
    window.actions_["view.roc"].trigger()
    settle(window, qtbot)
    assert copied(window)[:2] == ["canon", "matrix"]
    window.roc_view.kind_buttons[Kind.SCORES].click()
    qtbot.waitUntil(lambda: bool(window.roc_view.command), timeout=PATIENCE)
    words = copied(window)
    assert words[:2] == ["canon", "scores"]
    window.roc_view.copy_command_action.trigger()
    assert shlex.split(QApplication.clipboard().text()) == words
    monkeypatch.chdir(tmp_path)
    run(words)
    with h5py.File(tmp_path / "scores.h5") as file:
        (size,) = {len(array) for array in file.values()}
    cell = window.computing.matrix.cells[PAIR]
    assert size == cell.genuine + cell.impostors


def test_the_mean_of_chosen_cells(window: MainWindow, embedded_study: Path, qtbot: QtBot) -> None:
    open_study(window, qtbot, embedded_study)
    choice = replace(window.document.state.sensitivity, chosen=True, maps=(MapKind.LINEAR,))
    window.document.change("Average a → b", cells=(("a", "b"),), far=1e-1, sensitivity=choice)
    window.actions_["view.sensitivity"].trigger()
    settle(window, qtbot)
    assert copied(window) == []  # nothing is drawn: the matrix's command would be another view's
    assert "nothing yet" in window.messages.text.text()
    window.actions_["experiment.sensitivity"].trigger()
    qtbot.waitUntil(lambda: window.sensitivity_view.shown is not None and not window.bridge.busy, timeout=PATIENCE)
    settle(window, qtbot)
    found = answer(copied(window))
    steps = window.sensitivity_view.shown.curves[0].steps
    assert [[far for (far,) in repeats] for repeats in found["tar"]] == [list(step.values) for step in steps]
    (level,) = window.sensitivity_view.shown.levels
    assert found["single"] == [level.tar]


def test_the_paragraph_covers_every_curve(window: MainWindow, embedded_study: Path, qtbot: QtBot) -> None:
    open_study(window, qtbot, embedded_study)
    choice = replace(window.document.state.sensitivity, chosen=True)
    window.document.change("Average a → b", cells=(("a", "b"),), far=1e-1, sensitivity=choice)
    window.actions_["view.sensitivity"].trigger()
    window.actions_["experiment.sensitivity"].trigger()
    qtbot.waitUntil(lambda: window.sensitivity_view.shown is not None and not window.bridge.busy, timeout=PATIENCE)
    settle(window, qtbot)
    window.actions_["edit.copy_methods"].trigger()
    qtbot.waitUntil(lambda: "Software" in QApplication.clipboard().text(), timeout=PATIENCE)
    text = QApplication.clipboard().text()
    assert "Linear maps are ordinary least squares" in text
    assert "Rotation maps are orthogonal" in text
    assert "mean over a → b at target FARs of 1e-1." in text


def test_faces_that_are_shown(window: MainWindow, embedded_study: Path, tmp_path: Path, qtbot: QtBot) -> None:
    from canon_core.embedding.contact_sheet import sample_indices

    open_study(window, qtbot, embedded_study)
    window.document.change("Choose b", model="b")
    window.actions_["view.faces"].trigger()
    qtbot.waitUntil(lambda: window.faces_view.sheet is not None, timeout=PATIENCE)
    window.faces_view.reshuffle_button.click()
    settle(window, qtbot)
    words = copied(window)
    assert words[:2] == ["canon", "info"]
    assert words[words.index("--model") + 1] == "b"
    seed = int(words[words.index("--seed") + 1])
    faces = window.document.study.faces("faces")
    assert window.faces_view.sheet.ids == tuple(faces.ids[row] for row in sample_indices(faces, 64, seed))
    file = tmp_path / "faces.png"
    words[words.index("--contact-sheet") + 1] = str(file)
    load_commands()
    assert CliRunner().invoke(app, words[1:]).exit_code == 0
    assert file.is_file()
