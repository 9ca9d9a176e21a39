"""While the plot still shows the overlay of before, nothing that is told of the next one is put on it."""

from __future__ import annotations

import gc
import shutil
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app import overlay_presenter, overlays
from app.main_window import MainWindow
from app.views.scatter_points import ScatterPoints
from canon_core.experiments import overlay as experiment
from canon_core.projection.kinds import OverlayMethod

from .conftest import PATIENCE, open_study
from .overlaid import settle


@pytest.fixture
def behind(overlaid: MainWindow, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot) -> Iterator[threading.Event]:
    """Points are sorted elsewhere, as very many are, and not before this is set."""
    build, let_go = ScatterPoints.build, threading.Event()

    def slow(*args: object) -> ScatterPoints:
        let_go.wait(PATIENCE / 1000)
        return build(*args)

    monkeypatch.setattr(overlay_presenter, "FEW_POINTS", 0)
    monkeypatch.setattr(overlay_presenter.ScatterPoints, "build", slow)
    yield let_go
    let_go.set()
    settle(overlaid, qtbot)


def choose(window: MainWindow, qtbot: QtBot, subjects: int) -> None:
    """Want so many subjects, and wait until they are told of."""
    window.overlays.choose(f"Overlay {subjects} subjects", subjects=subjects)
    qtbot.waitUntil(lambda: window.overlays.current, timeout=PATIENCE)
    qtbot.wait(100)


def rows(window: MainWindow) -> list[list[str]]:
    """Name, subject and so on of every row of the table."""
    return [line.split("\t") for line in window.overlay_view.table.text().splitlines()[1:]]


def test_a_search_answered_out_of_sight_rings_nothing_of_other_points(
    overlaid: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = overlaid.overlay_view
    choose(overlaid, qtbot, 2)
    settle(overlaid, qtbot)
    view.bar.search.setText(view.result.subject_names[0][:1])
    settle(overlaid, qtbot)
    assert len(view.plot._content.marked) == 20
    real, let_go = experiment.run_overlay, threading.Event()

    def slow(study: object, settings: object, ctx: object, worker: object = None) -> object:
        let_go.wait(PATIENCE / 1000)
        return real(study, settings, ctx)

    monkeypatch.setattr(experiment, "run_overlay", slow)
    monkeypatch.setattr(overlays, "_AT_ONCE", 0)  # a job's work, as of very many points
    overlaid.overlays.choose("Overlay 7 subjects", subjects=7)
    qtbot.waitUntil(lambda: overlaid.overlays.computing, timeout=PATIENCE)
    overlaid.actions_["view.matrix"].trigger()
    qtbot.waitUntil(lambda: not view.isVisible(), timeout=PATIENCE)
    let_go.set()
    qtbot.waitUntil(lambda: overlaid.overlays.current and overlaid.overlays.details is not None, timeout=PATIENCE)
    settle(overlaid, qtbot)
    assert len(view.plot.points) == 20
    assert view.plot._content.marked.max(initial=-1) < 20
    assert not view.found.label.text()
    overlaid.actions_["view.overlay"].trigger()
    qtbot.waitUntil(lambda: view.result is overlaid.overlays.shown, timeout=PATIENCE)
    settle(overlaid, qtbot)
    assert view.found.label.text() == "35 images found"
    assert len(view.plot._content.marked) == 70


def test_what_is_searched_and_selected_meanwhile_is_answered_when_the_plot_is_there(
    overlaid: MainWindow, behind: threading.Event, qtbot: QtBot
) -> None:
    view = overlaid.overlay_view
    before = view.result
    overlaid.overlays.choose("Lay out by singular directions", method=OverlayMethod.SINGULAR)
    qtbot.waitUntil(lambda: overlaid.overlays.current, timeout=PATIENCE)
    qtbot.wait(50)
    view.bar.search.setText(before.subject_names[1])
    view.plot._select(np.array([0, 4], np.int32))  # the same points, in the layout of before
    qtbot.wait(50)
    assert view.result is before
    assert not view.found.label.text()
    behind.set()
    qtbot.waitUntil(lambda: view.found.label.text() == "5 images found", timeout=PATIENCE)
    assert view.result is overlaid.overlays.shown is not before
    settle(overlaid, qtbot)
    assert view.faces.list.count() == 2
    assert view.faces.pair_button.isEnabled()


def test_hovering_and_selecting_meanwhile_tell_nothing_wrong(
    overlaid: MainWindow, behind: threading.Event, qtbot: QtBot
) -> None:
    view = overlaid.overlay_view
    choose(overlaid, qtbot, 2)
    last = len(view.plot.points) - 1
    assert last >= 2 * len(overlaid.overlays.shown.model)
    with qtbot.captureExceptions() as raised:
        view.plot.hovered.emit(last)
        view.plot.hovered.emit(3)
        view.plot._select(np.array([3, last], np.int32))
        view.faces.only_button.click()
        view.faces.pair_button.click()
        qtbot.wait(50)
    assert not raised
    assert not view.card.isVisible()
    assert not view.faces.pair_button.isEnabled()
    assert not overlaid.overlays.choice.chosen
    behind.set()
    qtbot.waitUntil(lambda: view.result is overlaid.overlays.shown, timeout=PATIENCE)
    settle(overlaid, qtbot)
    view.plot._select(np.array([0, 15], np.int32))
    settle(overlaid, qtbot)
    assert view.faces.pair_button.isEnabled()
    view.plot.hovered.emit(3)
    assert view.card.isVisible()


def test_the_table_keeps_the_names_of_its_own_points(
    overlaid: MainWindow, behind: threading.Event, qtbot: QtBot
) -> None:
    view = overlaid.overlay_view
    view.tools.table_button.click()
    before = rows(overlaid)
    with qtbot.captureExceptions() as raised:
        choose(overlaid, qtbot, 2)
        assert rows(overlaid) == before
        behind.set()
        qtbot.waitUntil(lambda: view.result is overlaid.overlays.shown, timeout=PATIENCE)
        settle(overlaid, qtbot)
    assert not raised
    assert len(rows(overlaid)) == 20 < len(before)
    assert all(subject in name for name, subject, *_ in rows(overlaid))


def test_the_overlay_of_a_study_that_was_closed_is_let_go(
    overlaid: MainWindow, embedded_template: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    view = overlaid.overlay_view
    shown = weakref.ref(view.result)
    overlaid.actions_["view.matrix"].trigger()
    qtbot.waitUntil(lambda: not view.isVisible(), timeout=PATIENCE)
    open_study(overlaid, qtbot, Path(shutil.copytree(embedded_template, tmp_path / "other.canon")))
    settle(overlaid, qtbot)
    assert view.result is None
    assert view.plot.points is None
    assert view.command == ""
    gc.collect()
    assert shown() is None
