"""The demo study, one click away, and the tour through it."""

from __future__ import annotations

import itertools
import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app import file_choosers, study_commands
from app.main_window import MainWindow
from app.tour_steps import best_cell, step_text, tour_steps
from app.view_state import ViewState
from canon_core.demo import run
from canon_core.demo.networks import PCA
from canon_core.errors import CanonError
from canon_core.experiments.matrix import run_matrix
from canon_core.jobs import JobContext
from canon_core.maps.kinds import MapKind
from canon_core.study.results import Cell, Matrix, MatrixSettings, Reading
from canon_core.study.study import Study
from canon_core.verification.roc import FarRule, OperatingPoint

from .conftest import PATIENCE, open_study

Made = list[Path]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch, embedded_template: Path) -> Made:
    """Folders that a demo study was made in; a small study stands in for what takes minutes to render."""
    folders: Made = []

    def run_demo(out: Path, ctx: JobContext) -> tuple[tuple[str, ...], Path]:
        folders.append(out)
        ctx.report(1, 2, "rendering synthetic faces")
        out.mkdir(parents=True, exist_ok=True)
        shutil.copytree(embedded_template, out / "demo.canon")
        with Study.open(out / "demo.canon") as study:
            study.refresh_states()
            run_matrix(study, MatrixSettings("faces", ("a", "b"), MapKind.NONE), ctx)
        return (), out / "demo.canon"

    monkeypatch.setattr(run, "run_demo", run_demo)
    monkeypatch.setattr(run, "demo_is_finished", lambda out: out in folders)
    return folders


@pytest.fixture
def demo_folder(window: MainWindow, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the demo study is made, chosen with a click."""
    folder = tmp_path / "Canon demo"
    monkeypatch.setattr(file_choosers, "choose_demo_folder", lambda *_: folder)
    qtbot.mouseClick(window.start_page.demo_folder_button, Qt.MouseButton.LeftButton)
    assert str(folder) in window.start_page.demo_where.toolTip()
    return folder


def opened(window: MainWindow, path: Path) -> Callable[[], bool]:
    return lambda: (
        window.document.contents is not None and window.document.contents.path == path and not window.bridge.busy
    )


def click(widget: object, qtbot: QtBot) -> None:
    qtbot.mouseClick(widget, Qt.MouseButton.LeftButton)


def test_one_click_makes_and_opens_it_and_the_next_only_opens_it(
    window: MainWindow, demo_folder: Path, made: Made, qtbot: QtBot
) -> None:
    assert "synthetic faces" in window.start_page.findChild(object, "demo-box").layout().itemAt(0).widget().text()
    click(window.start_page.demo_button, qtbot)
    qtbot.waitUntil(opened(window, demo_folder / "demo.canon"), timeout=PATIENCE)
    assert made == [demo_folder]
    assert "synthetic faces" in window.messages.text.text()
    assert window.start_page.demo_button.isEnabled()
    window.commands.close_study()
    qtbot.waitUntil(lambda: window.document.contents is None and not window.document.changing, timeout=PATIENCE)
    click(window.start_page.demo_button, qtbot)
    qtbot.waitUntil(opened(window, demo_folder / "demo.canon"), timeout=PATIENCE)
    assert made == [demo_folder]


def test_while_it_is_made_the_page_shows_how_far_and_can_cancel(
    window: MainWindow, demo_folder: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_demo(_out: Path, ctx: JobContext) -> object:
        import time

        while True:
            ctx.report(30, 100, "rendering synthetic faces")
            ctx.check()
            time.sleep(0.01)

    monkeypatch.setattr(run, "run_demo", run_demo)
    page = window.start_page
    click(page.demo_button, qtbot)
    qtbot.waitUntil(lambda: "rendering synthetic faces · 30 of 100" in page.demo_says.text(), timeout=PATIENCE)
    assert page.demo_bar.value() == 300
    assert not page.demo_button.isEnabled()
    click(page.demo_cancel_button, qtbot)
    qtbot.waitUntil(page.demo_button.isEnabled, timeout=PATIENCE)
    assert not page.demo_bar.isVisible()
    assert window.document.contents is None


def test_a_fault_while_it_is_made_is_told(
    window: MainWindow, demo_folder: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_demo(out: Path, _ctx: JobContext) -> object:
        raise CanonError("the disk is full", path=out, remedy="make room")

    monkeypatch.setattr(run, "run_demo", run_demo)
    click(window.start_page.demo_button, qtbot)
    qtbot.waitUntil(lambda: "the disk is full; make room" in window.messages.text.text(), timeout=PATIENCE)
    assert window.start_page.demo_button.isEnabled()


def test_one_that_was_cut_off_is_finished_first(
    window: MainWindow, demo_folder: Path, embedded_template: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(embedded_template, demo_folder / "demo.canon")  # and nothing says that it was finished
    went_on: list[Path] = []

    def run_demo(out: Path, _ctx: JobContext) -> object:
        went_on.append(out)
        return (), out / "demo.canon"

    monkeypatch.setattr(run, "run_demo", run_demo)
    click(window.start_page.demo_button, qtbot)
    qtbot.waitUntil(opened(window, demo_folder / "demo.canon"), timeout=PATIENCE)
    assert went_on == [demo_folder]


# -- the tour ------------------------------------------------------------------------------------------------------
@pytest.fixture
def toured(window: MainWindow, demo_folder: Path, made: Made, qtbot: QtBot) -> MainWindow:
    """The window with the demo study and the first card of the tour."""
    click(window.start_page.demo_button, qtbot)
    qtbot.waitUntil(opened(window, demo_folder / "demo.canon"), timeout=PATIENCE)
    assert window.messages.button.text() == "Guided tour"
    click(window.messages.button, qtbot)
    return window


def test_five_steps_set_the_window_and_each_can_be_undone(toured: MainWindow, qtbot: QtBot) -> None:
    tour, document = toured.demo.tour, toured.document
    assert toured.tabs.currentWidget() is toured.faces_view
    assert "synthetic faces" in tour.card.text.text()
    assert tour.card.count.text() == "Guided tour · 1 of 5"
    assert not tour.card.back_button.isEnabled()
    click(tour.card.next_button, qtbot)
    assert toured.tabs.currentWidget() is toured.matrix_view
    assert document.state.map is MapKind.NONE
    qtbot.waitUntil(lambda: not toured.bridge.busy, timeout=PATIENCE)
    click(tour.card.next_button, qtbot)
    assert document.state.map is MapKind.LINEAR
    qtbot.waitUntil(lambda: "across networks on average" in tour.card.text.text(), timeout=PATIENCE)
    click(tour.card.next_button, qtbot)
    assert toured.tabs.currentWidget() is toured.roc_view
    source, target = document.state.cells[0]
    assert source != target
    qtbot.waitUntil(lambda: f"{source} → {target} recognises" in tour.card.text.text(), timeout=PATIENCE)
    click(tour.card.next_button, qtbot)
    assert tour.card.count.text() == "Guided tour · 5 of 5"
    assert tour.card.next_button.text() == "&Done"
    click(tour.card.next_button, qtbot)
    assert tour.card is None

    names = []
    while document.undo.canUndo():
        names.append(document.undo.undoText())
        document.undo.undo()
    assert all(name.startswith("Tour: ") for name in names)
    assert len(names) >= 3
    toured.tabs.setCurrentWidget(toured.matrix_view)  # away from the last step's overlay, which takes its time
    toured.bridge.cancel_all()
    qtbot.waitUntil(lambda: not toured.bridge.busy, timeout=PATIENCE)


@pytest.mark.parametrize("chosen", list(FarRule))
def test_the_numbers_of_the_tour_are_the_matrix_s(chosen: FarRule, toured: MainWindow, qtbot: QtBot) -> None:
    tour = toured.demo.tour
    toured.document.change("Read by a rule", rule=chosen)
    click(tour.card.next_button, qtbot)
    click(tour.card.next_button, qtbot)
    qtbot.waitUntil(lambda: "on average" in tour.card.text.text() and not toured.bridge.busy, timeout=PATIENCE)
    matrix, rule = toured.computing.matrix, toured.document.state.rule
    cross = [matrix.tar(source, target, 1e-2, rule) for source, target in (("a", "b"), ("b", "a"))]
    single = [matrix.tar(name, name, 1e-2, rule) for name in ("a", "b")]
    for values in (cross, single):
        shown = f"{50 * sum(values):.1f}".removesuffix(".0") + " %"
        assert shown in tour.card.text.text()


def test_the_card_stands_beside_what_it_points_at_and_inside_the_window(toured: MainWindow, qtbot: QtBot) -> None:
    card = toured.demo.tour.card
    click(card.next_button, qtbot)
    qtbot.waitUntil(lambda: not toured.bridge.busy, timeout=PATIENCE)
    for width, height in ((1280, 800), (1000, 640)):
        toured.resize(width, height)
        qtbot.waitUntil(lambda: toured.rect().contains(card.geometry()))
        qtbot.wait(50)
        assert toured.rect().contains(card.geometry())
        assert card.text.heightForWidth(card.text.width()) <= card.text.height()  # no word is cut off


def test_the_keyboard_alone_goes_through_it(toured: MainWindow, qtbot: QtBot) -> None:
    tour = toured.demo.tour
    qtbot.waitUntil(tour.card.next_button.hasFocus)
    qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Return)
    assert tour.card.count.text().endswith("2 of 5")
    qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Left)
    assert tour.card.count.text().endswith("1 of 5")
    qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Right)
    assert tour.card.count.text().endswith("2 of 5")
    qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Escape)
    assert tour.card is None
    assert toured.matrix_view.isAncestorOf(QApplication.focusWidget())  # of what the step was about
    qtbot.waitUntil(lambda: not toured.bridge.busy, timeout=PATIENCE)


def test_it_ends_when_the_study_is_closed(toured: MainWindow, qtbot: QtBot) -> None:
    toured.commands.close_study()
    assert toured.demo.tour.card is None
    qtbot.waitUntil(lambda: not toured.document.changing, timeout=PATIENCE)


def test_help_offers_it_from_anywhere(
    window: MainWindow, demo_folder: Path, made: Made, embedded_study: Path, qtbot: QtBot
) -> None:
    open_study(window, qtbot, embedded_study)
    window.actions_["help.tour"].trigger()
    qtbot.waitUntil(lambda: "is ready" in window.messages.text.text(), timeout=PATIENCE)
    assert window.document.contents.path == embedded_study  # what is open is not taken away
    click(window.messages.button, qtbot)
    qtbot.waitUntil(opened(window, demo_folder / "demo.canon"), timeout=PATIENCE)
    assert window.demo.tour.card is not None
    assert window.demo.tour.card.isVisible()


def test_the_last_step_is_the_overlay_where_there_is_one() -> None:
    pair = ("a", "b")
    assert tour_steps(("Matrix", "ROC", "Faces", "Overlay", "Sensitivity"), pair)[-1].tab == "Overlay"
    assert tour_steps(("Matrix", "ROC", "Faces", "Sensitivity"), pair)[-1].title == "Few faces are enough"
    last = tour_steps(("Matrix", "ROC", "Faces"), pair)[-1]
    assert (last.target, last.sets["cells"]) == ("inspector", (pair,))


def demo_matrix() -> Matrix:
    """Two networks, the twin of one, and the control of pixels, which a map carries to .81."""
    names, rule = ("M2", "V", "twin-seed", PCA), FarRule.CONSERVATIVE
    tars = {("twin-seed", "M2"): 0.99, ("M2", "V"): 0.95, ("V", "M2"): 0.96, (PCA, PCA): 0.08, (PCA, "M2"): 0.81}
    points = {pair: OperatingPoint(1e-2, 0.5, 1, 100, round(100 * tar), 100) for pair, tar in tars.items()}
    cells: dict[tuple[str, str], Cell | None] = dict.fromkeys(itertools.product(names, names))
    for pair, point in points.items():
        readings = {rule: (Reading(point, point.tar),)}
        cells[pair] = Cell("".join(pair), *pair, readings, 100, 100, 0.9, 0.1, "Someone", 0.1, (), 0, 0.1)
    settings = MatrixSettings("synthetic faces", names, MapKind.LINEAR, far=(1e-2,))
    return Matrix(settings, "all pairs", "synthetic faces", cells)


def test_the_cell_of_the_last_steps_is_of_models_that_a_mean_counts() -> None:
    assert best_cell(demo_matrix(), FarRule.CONSERVATIVE) == ("V", "M2")


def test_the_third_step_says_what_the_slanted_names_are_and_what_a_map_alone_does() -> None:
    contents = SimpleNamespace(dataset=lambda _name: None, model_names=(), models=())
    text = step_text(2, "Matrix", contents, ViewState(), demo_matrix())
    assert "Slanted: controls and twins (twin-seed, control-pca), which no mean counts" in text
    assert "8 % by itself, yet up to 81 % through a map" in text
    without = replace(demo_matrix(), settings=replace(demo_matrix().settings, models=("M2", "V")))
    assert "Slanted" not in step_text(2, "Matrix", contents, ViewState(), without)


def test_the_frame_is_around_what_is_seen_of_a_view_that_scrolls(toured: MainWindow, qtbot: QtBot) -> None:
    heat_map = toured.matrix_view.heat_map
    click(toured.demo.tour.card.next_button, qtbot)
    qtbot.waitUntil(lambda: not toured.bridge.busy, timeout=PATIENCE)
    heat_map.setMinimumHeight(2000)
    qtbot.waitUntil(lambda: heat_map.height() >= 2000)
    viewport = heat_map.parentWidget()
    framed = toured.demo.tour.card._target_rect()
    assert framed.height() <= viewport.height()
    assert framed.top() == viewport.mapTo(toured, QPoint(0, 0)).y()


# -- what it opens with ----------------------------------------------------------------------------------------------
def test_a_demo_that_no_window_showed_opens_on_the_networks_that_stand_for_themselves(
    window: MainWindow, demo_like: Path, qtbot: QtBot
) -> None:
    open_study(window, qtbot, demo_like)
    view = window.matrix_view
    assert window.document.state.left_out == {"twin-seed"}
    assert window.computing.matrix.models == ("a",)
    assert "Left out, as no mean counts them: twin-seed." in view._left_out.label.text()
    first = step_text(0, "Faces", window.document.contents, window.document.state, None)
    assert "1 network (a) turns each image into a list of 24 numbers" in first
    click(view.left_out_button, qtbot)
    qtbot.waitUntil(lambda: window.computing.matrix.models == ("a", "twin-seed"), timeout=PATIENCE)
    qtbot.waitUntil(lambda: view.left_out_button.text() == "Leave them out", timeout=PATIENCE)
    assert "Counted in no mean: twin-seed." in view._left_out.label.text()
    assert window.document.undo.undoText() == "Include every model"
    window.document.undo.undo()
    qtbot.waitUntil(lambda: view.left_out_button.text() == "Show them", timeout=PATIENCE)
    click(view.left_out_button, qtbot)
    qtbot.waitUntil(lambda: view.left_out_button.text() == "Leave them out", timeout=PATIENCE)
    click(view.left_out_button, qtbot)
    qtbot.waitUntil(lambda: window.document.state.left_out == {"twin-seed"}, timeout=PATIENCE)
    window.document.change("Include", left_out=frozenset())
    window.commands.close_study()
    qtbot.waitUntil(lambda: window.document.contents is None and not window.document.changing, timeout=PATIENCE)
    assert not window.messages.isVisible()  # it spoke of the demo
    open_study(window, qtbot, demo_like)
    assert window.document.state.left_out == frozenset()  # as the user left it


@pytest.fixture
def demo_like(embedded_study: Path) -> Path:
    """A study with the names of the demo."""
    with Study.open(embedded_study) as study:
        study.rename_model("b", "twin-seed")
        study.rename_dataset(study.datasets[0].name, "synthetic faces")
    return embedded_study


def test_only_of_the_demo_controls_are_left_out() -> None:
    names = ("a", "control-untrained", "twin-seed")
    assert ViewState.at_first(names, ("synthetic faces",)).left_out == set(names[1:])
    assert ViewState.at_first(names, ("lfw",)).left_out == frozenset()


def test_one_that_another_process_holds_is_not_gone_on_with_later(
    window: MainWindow, made: Made, demo_folder: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(study_commands, "confirm", lambda *_: None)
    run.run_demo(demo_folder, JobContext())
    wanted: list[str] = []
    in_use = qtbot.waitSignal(window.document.inUse, timeout=PATIENCE)
    with Study.open(demo_folder / "demo.canon"), in_use:
        window.demo.study.open(lambda: wanted.append("tour"))
    qtbot.waitUntil(lambda: not window.bridge.busy, timeout=PATIENCE)
    open_study(window, qtbot, demo_folder / "demo.canon")
    assert wanted == []


def test_a_second_click_does_not_make_it_twice(
    window: MainWindow, demo_folder: Path, made: Made, qtbot: QtBot
) -> None:
    let_go = threading.Event()
    window.bridge.run_errand(lambda: let_go.wait(10))  # as imports at the start keep the errands waiting
    click(window.start_page.demo_button, qtbot)
    click(window.start_page.demo_button, qtbot)
    let_go.set()
    qtbot.waitUntil(opened(window, demo_folder / "demo.canon"), timeout=PATIENCE)
    assert made == [demo_folder]
    assert len([row for row in window.jobs.rows.values() if "demo" in row.title]) == 1
