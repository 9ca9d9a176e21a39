"""Sensitivity in the window: computed by a click, found again, cancelled, resumed, exported; the command's figures."""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QPushButton, QWidget
from pytestqt.qtbot import QtBot
from typer.testing import CliRunner

from app.jobs_panel import JobPhase
from app.main_window import MainWindow
from app.sensitivity_choice import SensitivityChoice
from canon_core.cli.application import app, load_commands
from canon_core.experiments.sensitivity import run_sensitivity
from canon_core.figures.numbers import tar_text
from canon_core.jobs import JobContext
from canon_core.maps.kinds import MapKind
from canon_core.study.results import DEFAULT_FAR, FitMode
from canon_core.study.sensitivity_results import Sensitivity, SensitivitySettings
from canon_core.study.study import Study
from canon_core.verification.roc import FarRule

from . import template_studies
from .conftest import PATIENCE, open_study
from .export_clicks import export

RULE = FarRule.CONSERVATIVE
LEFT = Qt.MouseButton.LeftButton
BOTH = (MapKind.LINEAR, MapKind.ROTATION)


@pytest.fixture(scope="module")
def computed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[MapKind, Sensitivity]]:
    """A study of templates with its matrix and both curves by the window's first settings; copy it before writing."""
    from canon_core.experiments.matrix import run_matrix
    from canon_core.study.results import MatrixSettings

    path = template_studies.template_study(tmp_path_factory.mktemp("sensitivity"))
    models = tuple(template_studies.MODELS)
    with Study.open(path) as study:
        study.refresh_states()
        run_matrix(study, MatrixSettings("people", models), JobContext())
        found = {
            kind: run_sensitivity(study, SensitivitySettings("people", models, kind, far=DEFAULT_FAR), JobContext())
            for kind in BOTH
        }
    return path, found


@pytest.fixture
def stored(tmp_path: Path, computed: tuple[Path, dict[MapKind, Sensitivity]]) -> Path:
    """The same study, to write to."""
    return Path(shutil.copytree(computed[0], tmp_path / "stored.canon"))


def settle(window: MainWindow, qtbot: QtBot) -> None:
    """Wait until nothing is under way, and what came of it is shown."""

    def quiet() -> bool:
        looked_up = not window.sensitivity_view.isVisible() or window.sensitivity.known
        return looked_up and not window.bridge.busy and not window.sensitivity_presenter._late.isActive()

    qtbot.wait(20)  # a choice is followed with the next turn of the event loop
    qtbot.waitUntil(quiet, timeout=PATIENCE)
    qtbot.wait(20)


def open_view(window: MainWindow, qtbot: QtBot, path: Path) -> None:
    """Open a study and look at its sensitivity."""
    open_study(window, qtbot, path)
    window.actions_["view.sensitivity"].trigger()
    settle(window, qtbot)


def button(widget: QWidget, text: str) -> QPushButton:
    """The visible button of that text."""
    return next(each for each in widget.findChildren(QPushButton) if each.text() == text and each.isVisible())


def means(found: Sensitivity, far: float = 1e-2) -> list[list[float | None]]:
    """Mean TAR of each repetition of each step."""
    return [
        [found.mean(step, repeat, far, RULE) for repeat in range(repeats)]
        for step, repeats in enumerate(found.repeats)
    ]


def message(window: MainWindow) -> str:
    """What the view says instead of curves."""
    return window.sensitivity_view._stack.currentWidget().accessibleName()


# -- computing ---------------------------------------------------------------------------------------------------------
def test_curves_are_computed_by_a_click_and_are_those_of_the_experiment(
    window: MainWindow, bare_template_study: Path, computed: tuple[Path, dict[MapKind, Sensitivity]], qtbot: QtBot
) -> None:
    open_view(window, qtbot, bare_template_study)
    view = window.sensitivity_view
    assert window.tabs.currentWidget() is view
    assert "6 cells" in message(window)
    assert "3 steps (32, 64, all 69), 3 subsets each" in message(window)
    qtbot.mouseClick(button(view, "Compute curves"), LEFT)
    qtbot.waitUntil(lambda: view.shown is not None and not view.notice, timeout=PATIENCE)
    settle(window, qtbot)
    assert [curve.label for curve in view.shown.curves] == ["linear, disjoint*", "rotation, disjoint*"]
    assert "* unresolved at FAR 1e-2" in view.shown.line  # so few impostors has this study
    for curve, kind in zip(view.shown.curves, BOTH, strict=True):
        found = computed[1][kind]
        assert [list(step.values) for step in curve.steps] == means(found)
        assert [step.pairs for step in curve.steps] == list(found.pairs)
    assert view.shown.levels[0].tar == computed[1][MapKind.LINEAR].single_mean(1e-2, RULE)
    assert [row.phase for row in window.jobs.rows.values()] == [JobPhase.DONE] * 2  # one job a curve
    assert window.actions_.refusal("experiment.sensitivity") == "Every cell of these curves is computed."
    qtbot.mouseClick(view.table_button, LEFT)
    row = [view.table.model().index(0, column).data() for column in range(9)]
    first = view.shown.curves[0].steps[0]
    assert row[:5] == ["linear", "disjoint", "32", f"{32 / 24:.1f}*", tar_text(first.mean)]
    assert row[5:8] == [tar_text(min(first.values)), tar_text(max(first.values)), "3"]


def test_the_copied_commands_give_the_numbers_shown(
    window: MainWindow, stored: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    open_view(window, qtbot, stored)
    view = window.sensitivity_view
    view.copy_command_action.trigger()
    commands = QApplication.clipboard().text().splitlines()
    load_commands()
    assert len(commands) == 2
    for command, curve in zip(commands, view.shown.curves, strict=True):
        words = shlex.split(command)
        assert words[:3] == ["canon", "sensitivity", str(stored)]
        file = tmp_path / f"{curve.map}.json"
        done = CliRunner().invoke(app, [*words[1:], "--read-only", "--json", str(file)])
        assert done.exit_code == 0, done.output
        document = json.loads(file.read_text())
        assert document["map"] == curve.map
        assert [[value for (value,) in row] for row in document["tar"]] == [list(step.values) for step in curve.steps]
        assert document["single"] == [view.shown.levels[0].tar]


def test_cells_arrive_while_it_runs_and_a_cancelled_curve_goes_on_where_it_was(
    window: MainWindow, bare_template_study: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    import canon_core.experiments.sensitivity as experiment

    real: Callable = experiment._Work.compute
    scored: list[tuple[str, str]] = []
    allowed: list[bool] = []

    def slow(self: object, source: str, target: str, ctx: JobContext) -> object:
        while len(scored) >= 2 and not allowed:
            ctx.check()
            time.sleep(0.01)
        scored.append((source, target))
        return real(self, source, target, ctx)

    monkeypatch.setattr(experiment._Work, "compute", slow)
    open_study(window, qtbot, bare_template_study)
    window.document.change("Draw linear", sensitivity=SensitivityChoice(maps=(MapKind.LINEAR,)))
    window.actions_["experiment.sensitivity"].trigger()  # from the menu, before anybody looked
    view = window.sensitivity_view
    qtbot.waitUntil(lambda: view.isVisible() and view.shown is not None, timeout=PATIENCE)
    qtbot.waitUntil(lambda: view.notice.startswith("2 of 6 cells"), timeout=PATIENCE)
    assert view.shown.curves[0].label == "linear, disjoint* (2 of 6 cells)"
    assert not view.compute_button.isVisible()
    row = next(iter(window.jobs.rows.values()))
    start = time.monotonic()
    qtbot.mouseClick(row.button, LEFT)
    qtbot.waitUntil(lambda: row.phase is JobPhase.CANCELLED, timeout=PATIENCE)
    assert time.monotonic() - start < 1.5
    qtbot.waitUntil(view.compute_button.isVisible, timeout=PATIENCE)
    assert view.notice.startswith("4 of 6 cells are not computed yet")
    allowed.append(True)
    qtbot.waitUntil(row.button.isEnabled, timeout=PATIENCE)
    qtbot.mouseClick(row.button, LEFT)
    qtbot.waitUntil(lambda: not view.notice, timeout=PATIENCE)
    settle(window, qtbot)
    assert len(scored) == len(set(scored)) == 6  # what was finished was not computed again
    assert view.shown.curves[0].label == "linear, disjoint*"


def test_the_chosen_cell_alone_is_computed_and_then_said_how_long_all_will_take(
    window: MainWindow, bare_template_study: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    import canon_core.experiments.sensitivity as experiment

    real: Callable = experiment._Work.compute
    scored: list[tuple[str, str]] = []

    def counted(self: object, source: str, target: str, ctx: JobContext) -> object:
        scored.append((source, target))
        return real(self, source, target, ctx)

    monkeypatch.setattr(experiment._Work, "compute", counted)
    open_study(window, qtbot, bare_template_study)
    pair = ("south", "east")
    linear = SensitivityChoice(maps=(MapKind.LINEAR,), chosen=True)
    window.document.change("Choose", cells=(pair,), sensitivity=linear)
    window.actions_["view.sensitivity"].trigger()
    settle(window, qtbot)
    view = window.sensitivity_view
    assert "the chosen cell is scored through them: 1 cell," in message(window)
    assert "1 curve: 7 cells to score." in message(window)  # two steps of three subsets, and all pairs
    qtbot.mouseClick(button(view, "Compute curves"), LEFT)
    qtbot.waitUntil(lambda: view.shown is not None and not view.notice, timeout=PATIENCE)
    settle(window, qtbot)
    assert scored == [pair]
    assert window.actions_.refusal("experiment.sensitivity") == "Every cell of these curves is computed."
    window.document.change("Choose", cells=(("east", "north"),))
    settle(window, qtbot)
    assert re.search(r"7 cells to score: about [\d.]+ s at the pace of the last ones", message(window))
    window.document.change("All", sensitivity=SensitivityChoice(maps=(MapKind.LINEAR,)))
    settle(window, qtbot)
    assert re.match(r"5 of 6 cells are not computed yet for these settings: about [\d.]+ s", view.notice)
    qtbot.mouseClick(view.compute_button, LEFT)
    qtbot.waitUntil(lambda: not view.notice, timeout=PATIENCE)
    settle(window, qtbot)
    assert scored[:2] == [pair, ("east", "north")]  # what is chosen comes first
    assert len(scored) == len(set(scored)) == 6


# -- looking up --------------------------------------------------------------------------------------------------------
def test_stored_curves_are_shown_when_the_tab_is_opened_and_in_a_read_only_study_too(
    window: MainWindow, stored: Path, qtbot: QtBot
) -> None:
    window.document.open(stored, read_only=True)
    qtbot.waitUntil(lambda: window.document.contents is not None, timeout=PATIENCE)
    settle(window, qtbot)
    assert not window.sensitivity.results  # nobody looks
    window.tabs.setCurrentWidget(window.sensitivity_view)
    qtbot.waitUntil(lambda: window.sensitivity_view.shown is not None, timeout=PATIENCE)
    settle(window, qtbot)
    assert len(window.sensitivity_view.shown.curves) == 2
    assert not window.jobs.rows
    assert "read-only" in window.actions_.refusal("experiment.sensitivity")
    window.document.change("Set seed", seed=5)  # nothing is stored for it, and nothing can be computed
    settle(window, qtbot)
    assert "read-only" in message(window)


def test_another_far_is_read_without_computing(
    window: MainWindow, stored: Path, computed: tuple[Path, dict[MapKind, Sensitivity]], qtbot: QtBot
) -> None:
    open_view(window, qtbot, stored)
    view = window.sensitivity_view
    view.far.setFocus()
    qtbot.keyClick(view.far, Qt.Key.Key_Up)
    assert window.document.state.far == 1e-1
    settle(window, qtbot)
    curve = view.shown.curves[1]
    assert [list(step.values) for step in curve.steps] == means(computed[1][MapKind.ROTATION], 1e-1)
    assert "FAR 1e-1 by rule conservative" in view.shown.line
    assert not window.jobs.rows
    window.document.undo.undo()
    settle(window, qtbot)
    assert view.far.currentText() == "1e-2"


# -- choosing ----------------------------------------------------------------------------------------------------------
def test_the_authors_curves_come_beside_the_disjoint_ones_by_a_click(
    window: MainWindow, stored: Path, qtbot: QtBot
) -> None:
    open_view(window, qtbot, stored)
    view = window.sensitivity_view
    assert not view.mode_buttons[FitMode.IN_SAMPLE].isVisible()
    qtbot.mouseClick(view.mode_buttons[FitMode.AUTHORS], LEFT)
    settle(window, qtbot)
    assert window.document.state.sensitivity.modes == (FitMode.DISJOINT, FitMode.AUTHORS)
    assert view.notice == "12 of 24 cells are not computed yet for these settings."
    qtbot.mouseClick(view.compute_button, LEFT)
    qtbot.waitUntil(lambda: not view.notice, timeout=PATIENCE)
    settle(window, qtbot)
    curves = view.shown.curves
    assert [(curve.mode, curve.map) for curve in curves] == [
        (mode, kind) for mode in (FitMode.DISJOINT, FitMode.AUTHORS) for kind in BOTH
    ]
    assert [curve.hollow for curve in curves] == [False, False, True, True]
    assert [curve.dash is None for curve in curves] == [True, True, False, False]
    assert [level.mode for level in view.shown.levels] == [FitMode.DISJOINT, FitMode.AUTHORS]
    assert (curves[0].steps[-1].pairs, curves[2].steps[-1].pairs) == (69, 150)  # of the smaller half, and all
    window.document.undo.undo()
    settle(window, qtbot)
    assert len(view.shown.curves) == 2
    assert not view.mode_buttons[FitMode.AUTHORS].isChecked()


def test_the_last_map_and_the_last_fit_cannot_be_switched_off(
    window: MainWindow, stored: Path, qtbot: QtBot
) -> None:
    open_view(window, qtbot, stored)
    view = window.sensitivity_view
    qtbot.mouseClick(view.map_buttons[MapKind.LINEAR], LEFT)
    settle(window, qtbot)
    assert [curve.map for curve in view.shown.curves] == [MapKind.ROTATION]
    assert "double descent" not in view.notes
    qtbot.mouseClick(view.map_buttons[MapKind.ROTATION], LEFT)
    qtbot.mouseClick(view.mode_buttons[FitMode.DISJOINT], LEFT)
    settle(window, qtbot)
    assert view.map_buttons[MapKind.ROTATION].isChecked()
    assert view.mode_buttons[FitMode.DISJOINT].isChecked()
    assert [curve.map for curve in view.shown.curves] == [MapKind.ROTATION]


def test_cells_chosen_in_the_matrix_are_averaged_alone(
    window: MainWindow, stored: Path, computed: tuple[Path, dict[MapKind, Sensitivity]], qtbot: QtBot
) -> None:
    open_view(window, qtbot, stored)
    view = window.sensitivity_view
    view.cells.setFocus()
    qtbot.keyClick(view.cells, Qt.Key.Key_Down)
    settle(window, qtbot)
    assert "No cell off the diagonal is chosen" in message(window)
    window.actions_["view.matrix"].trigger()
    heat_map = window.matrix_view.heat_map
    qtbot.mouseClick(heat_map, LEFT, pos=heat_map.field_rect(("north", "east")).center().toPoint())
    qtbot.keyClick(window, Qt.Key.Key_7, Qt.KeyboardModifier.ControlModifier)
    settle(window, qtbot)
    assert view.cells.currentText() == "chosen cells (1)"
    found = computed[1][MapKind.LINEAR]
    wanted = [found.tar("north", "east", step, 0, 1e-2, RULE) for step in range(len(found.pairs))]
    assert [step.values[0] for step in view.shown.curves[0].steps] == wanted
    assert view.shown.levels[0].models == 2
    assert "mean over 1 cell ·" in view.shown.line
    assert view.shown.dimensions == (24,)


def test_other_steps_are_typed_drawn_and_remembered(window: MainWindow, stored: Path, qtbot: QtBot) -> None:
    open_view(window, qtbot, stored)
    view = window.sensitivity_view
    view.pairs.setFocus()
    qtbot.keyClicks(view.pairs, "8 20 40 64")
    qtbot.keyClick(view.pairs, Qt.Key.Key_Return)
    settle(window, qtbot)
    assert window.document.state.sensitivity.pairs == (8, 20, 40, 64)
    assert "4 steps (8, 20, 40, 64), 3 subsets each" in message(window)
    view.repeats.setFocus()
    view.repeats.selectAll()
    qtbot.keyClicks(view.repeats, "2")
    qtbot.keyClick(view.repeats, Qt.Key.Key_Return)
    settle(window, qtbot)
    qtbot.mouseClick(button(view, "Compute curves"), LEFT)
    qtbot.waitUntil(lambda: view.shown is not None and not view.notice, timeout=PATIENCE)
    settle(window, qtbot)
    assert [(step.pairs, len(step.values)) for step in view.shown.curves[0].steps] == [
        (8, 2), (20, 2), (40, 2), (64, 2),
    ]  # fmt: skip
    assert "double descent" in view.notes
    assert "Few fit pairs: even all steps lie below 10 a dimension (240 pairs)" in view.notes
    window.document.open(stored)
    qtbot.waitUntil(lambda: window.document.contents is None or window.bridge.busy, timeout=PATIENCE)
    open_study(window, qtbot, stored)
    assert window.document.state.sensitivity.pairs == (8, 20, 40, 64)
    assert window.document.state.sensitivity.repeats == 2


def test_impossible_steps_are_refused_in_words(window: MainWindow, stored: Path, qtbot: QtBot) -> None:
    open_view(window, qtbot, stored)
    view = window.sensitivity_view
    view.pairs.setFocus()
    qtbot.keyClicks(view.pairs, "some")
    qtbot.keyClick(view.pairs, Qt.Key.Key_Return)
    assert "'some' is no number of fit pairs; give for example" in view.notice
    assert view.pairs.text() == ""
    qtbot.keyClicks(view.pairs, "5000")
    qtbot.keyClick(view.pairs, Qt.Key.Key_Return)
    settle(window, qtbot)
    assert "5,000 fit pairs cannot be drawn" in message(window)
    assert "5,000 fit pairs" in window.actions_.refusal("experiment.sensitivity")
    window.document.undo.undo()
    settle(window, qtbot)
    assert view.shown is not None


# -- taking away -------------------------------------------------------------------------------------------------------
def test_curves_are_exported_as_figure_and_as_table(
    window: MainWindow,
    stored: Path,
    computed: tuple[Path, dict[MapKind, Sensitivity]],
    tmp_path: Path,
    qtbot: QtBot,
) -> None:
    open_view(window, qtbot, stored)
    written = export(window, window.sensitivity_view.export_button, tmp_path, ["pdf", "svg", "png", "csv"], qtbot)
    assert written["pdf"].startswith(b"%PDF")
    drawn = written["svg"].decode()
    assert "linear, disjoint" in drawn
    assert "rotation, disjoint" in drawn
    assert written["png"].startswith(b"\x89PNG")
    rows = list(csv.DictReader(io.StringIO(written["csv"].decode().rsplit("#", 1)[0])))
    found = computed[1][MapKind.ROTATION]
    values = [
        float(row["TAR"])
        for row in rows
        if (row["map"], row["FAR"], row["fit pairs"], row["repetition"]) == ("rotation", "0.01", "32", "2")
    ]
    assert sum(values) / len(values) == pytest.approx(found.mean(0, 1, 1e-2, RULE))


def test_the_table_is_copied_with_its_settings(window: MainWindow, stored: Path, qtbot: QtBot) -> None:
    open_view(window, qtbot, stored)
    window.sensitivity_view.copy_values_action.trigger()
    lines = QApplication.clipboard().text().splitlines()
    assert lines[0].startswith("map\tfit\tfit pairs")
    assert len(lines) == 1 + 2 * len(window.sensitivity_view.shown.curves[0].steps) + 1 + 1
    assert "map linear, rotation · fit disjoint (seed 0)" in lines[-1]
    assert "3 random subsets" in lines[-1]


# -- nothing to show ---------------------------------------------------------------------------------------------------
def test_single_images_have_in_sample_beside_disjoint(window: MainWindow, embedded_study: Path, qtbot: QtBot) -> None:
    open_view(window, qtbot, embedded_study)
    view = window.sensitivity_view
    assert [mode for mode, each in view.mode_buttons.items() if each.isVisible()] == [
        FitMode.DISJOINT, FitMode.IN_SAMPLE,
    ]  # fmt: skip
    qtbot.mouseClick(view.mode_buttons[FitMode.IN_SAMPLE], LEFT)
    qtbot.mouseClick(view.mode_buttons[FitMode.DISJOINT], LEFT)
    settle(window, qtbot)
    qtbot.mouseClick(button(view, "Compute curves"), LEFT)
    qtbot.waitUntil(lambda: view.shown is not None and not view.notice, timeout=PATIENCE)
    assert view.shown.curves[0].steps[-1].pairs == 60


def test_without_two_embedded_models_the_view_says_what_is_missing(
    window: MainWindow, small_study: Path, qtbot: QtBot
) -> None:
    window.actions_["view.sensitivity"].trigger()
    assert window.actions_.refusal("experiment.sensitivity") == "Open or make a study first."
    open_view(window, qtbot, small_study)
    assert "two models with embeddings" in message(window)
    qtbot.mouseClick(button(window.sensitivity_view, "Go to the matrix"), LEFT)
    assert window.tabs.currentWidget() is window.matrix_view


# -- reading -----------------------------------------------------------------------------------------------------------
def test_points_are_read_with_the_keys_and_under_the_pointer(window: MainWindow, stored: Path, qtbot: QtBot) -> None:
    open_view(window, qtbot, stored)
    view = window.sensitivity_view
    plot, curves = view.plot, view.shown.curves
    plot.setFocus()
    qtbot.keyClick(plot, Qt.Key.Key_Right)
    first = curves[0].steps[0]
    assert plot.reading.startswith(f"linear, disjoint*\n32 fit pairs, {32 / 24:.1f} a dimension")
    assert f"mean TAR {tar_text(first.mean)} ({tar_text(min(first.values))}" in plot.reading
    assert f"single models {tar_text(view.shown.levels[0].tar)}" in plot.reading
    assert plot.accessibleDescription() == plot.reading
    qtbot.keyClick(plot, Qt.Key.Key_Down)
    assert plot.reading.startswith("rotation, disjoint*\n32 fit pairs")
    for _ in range(9):
        qtbot.keyClick(plot, Qt.Key.Key_Right)
    assert f"{curves[1].steps[-1].pairs:,} fit pairs" in plot.reading
    qtbot.keyClick(plot, Qt.Key.Key_Escape)
    assert plot.reading == ""
