"""Words that stand beside numbers are about these numbers."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app import computing
from app.main_window import MainWindow
from canon_core.maps.kinds import MapKind
from canon_core.study.results import FitMode

from .conftest import PATIENCE, open_study
from .overlaid import Slow, pick, settle


def test_curves_stand_under_their_own_settings_until_others_are_read(
    window: MainWindow, embedded_study: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_study(window, qtbot, embedded_study)
    window.document.change("Choose", cells=(("a", "b"),))
    window.actions_["view.roc"].trigger()
    settle(window, qtbot)
    view, let_go, read = window.roc_view, threading.Event(), computing.read_curves

    def slow(*arguments: object) -> object:
        let_go.wait(10)
        return read(*arguments)

    monkeypatch.setattr(computing, "read_curves", slow)
    before = view.curves
    assert "map linear" in view.settings_line
    window.document.change("Another map", map=MapKind.ROTATION)
    qtbot.waitUntil(lambda: window.computing.matrix.settings.map is MapKind.ROTATION, timeout=PATIENCE)
    qtbot.wait(100)
    assert view.curves is before
    assert "map linear" in view.settings_line
    assert "linear" in view.command
    let_go.set()
    settle(window, qtbot)
    assert "map rotation" in view.settings_line
    assert view.curves is not before
    assert "rotation" in view.command


def test_a_fit_is_of_enrolment_images_and_a_selection_of_templates(
    window: MainWindow, umap: Slow, template_study: Path, qtbot: QtBot
) -> None:
    umap.let_go.set()
    open_study(window, qtbot, template_study)
    window.document.change("As the authors did", cells=(("north", "east"),), mode=FitMode.AUTHORS)
    qtbot.waitUntil(lambda: "enrolment images" in window.inspector.text(), timeout=PATIENCE)
    assert "on all images" not in window.inspector.text()
    window.actions_["view.overlay"].trigger()
    settle(window, qtbot)
    pick(window.overlay_view.bar.method, "PCA")
    settle(window, qtbot)
    pick(window.overlay_view.bar.level, "templates")
    qtbot.waitUntil(lambda: window.overlays.current and not window.bridge.busy, timeout=PATIENCE)
    settle(window, qtbot)
    window.overlay_view.plot._select(np.array([0, 1, 2], "int32"))
    settle(window, qtbot)
    assert window.overlay_view.faces.counts.text().startswith("3 templates of ")
