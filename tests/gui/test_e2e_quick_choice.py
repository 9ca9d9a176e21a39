"""End to end: a cell that is chosen while the matrix is still being read gets its curves all the same."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

import canon_core.experiments.matrix as experiment
from app.main_window import MainWindow

from .conftest import PATIENCE
from .gestures import PAIR, settle


def test_a_cell_chosen_while_the_matrix_is_read_gets_its_curves(
    window: MainWindow, demo: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, reading, go_on = experiment.stored_matrix, threading.Event(), threading.Event()

    def slow(*arguments: object) -> object:
        reading.set()
        go_on.wait(PATIENCE / 1000)
        return real(*arguments)

    monkeypatch.setattr(experiment, "stored_matrix", slow)
    window.document.open(demo)
    qtbot.waitUntil(reading.is_set, timeout=PATIENCE)
    window.document.change("Choose a cell", cells=(PAIR,))
    go_on.set()
    settle(window, qtbot)
    assert {curve.label for curve in window.computing.curves} == {f"{PAIR[0]} → {PAIR[1]}", *PAIR}
