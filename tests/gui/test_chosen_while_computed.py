"""A chosen cell that is being computed is said to be: nobody is asked to choose what is chosen."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app.main_window import MainWindow
from app.views.roc_view import Kind
from canon_core.jobs import JobContext
from canon_core.maps.kinds import MapKind
from canon_core.study.study import Study

from .conftest import PATIENCE, open_study


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bool]]:
    """Rotations are not scored before something is in the list."""
    import canon_core.experiments.matrix as experiment

    real, allowed = experiment.run_matrix, []

    def waits(study: Study, settings: object, ctx: JobContext) -> object:
        while settings.map is MapKind.ROTATION and not allowed:
            ctx.report(0, 4, "scoring rotation maps")
            ctx.check()
            time.sleep(0.01)
        return real(study, settings, ctx)

    monkeypatch.setattr(experiment, "run_matrix", waits)
    yield allowed
    allowed.append(True)


def says(widget: QWidget) -> str:
    """What a view says instead of curves."""
    return widget._stack.currentWidget().accessibleName()


def shown(window: MainWindow) -> bool:
    """Whether the curve of the cell, or its histogram, is on the screen."""
    view = window.roc_view
    return view.scores is not None if view.kind is Kind.SCORES else any("→" in curve.label for curve in view.curves)


@pytest.mark.parametrize("kind", [Kind.ROC, Kind.SCORES])
def test_the_chosen_cell_is_said_to_be_computed(
    window: MainWindow, embedded_study: Path, held: list[bool], kind: Kind, qtbot: QtBot
) -> None:
    open_study(window, qtbot, embedded_study)
    qtbot.waitUntil(lambda: window.matrix_view.matrix is not None, timeout=PATIENCE)
    where = window.matrix_view.heat_map.field_rect(("a", "b")).center().toPoint()
    qtbot.mouseClick(window.matrix_view.heat_map, Qt.MouseButton.LeftButton, pos=where)
    window.actions_["view.roc"].trigger()
    qtbot.mouseClick(window.roc_view.kind_buttons[kind], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: shown(window), timeout=PATIENCE)
    window.document.change("Set map", map=MapKind.ROTATION)
    qtbot.waitUntil(lambda: ("a", "b") in window.computing.pending, timeout=PATIENCE)

    def said() -> str:  # of the curves those of the single models are there: it stands below them
        return window.roc_view._absent.text() if kind is Kind.ROC else says(window.roc_view)

    qtbot.waitUntil(lambda: said().startswith("a → b is being computed, among 1 other"), timeout=PATIENCE)
    qtbot.waitUntil(lambda: "Being computed" in window.inspector.text(), timeout=PATIENCE)
    held.append(True)
    qtbot.waitUntil(lambda: shown(window), timeout=PATIENCE)
