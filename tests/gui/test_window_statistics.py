"""Intervals, identification, groups and histograms in the window: computed, found again, cancelled, exported."""

from __future__ import annotations

import csv
import io
import time
from pathlib import Path

import h5py
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton, QWidget
from pytestqt.qtbot import QtBot

from app.jobs_panel import JobPhase
from app.main_window import MainWindow
from app.views.roc_view import Kind
from canon_core.demo.networks import DATASET
from canon_core.experiments.matrix import read_histogram
from canon_core.figures.numbers import tar_text
from canon_core.jobs import JobContext
from canon_core.study.results import FitMode
from canon_core.study.study import Study

from . import template_studies
from .conftest import PATIENCE, open_study
from .export_clicks import export
from .template_studies import FAR, PAIR, RULE, Results, insightface_study


def choose(window: MainWindow, pair: tuple[str, str], qtbot: QtBot) -> None:
    """Click a cell of the matrix."""
    qtbot.waitUntil(lambda: window.matrix_view.matrix is not None, timeout=PATIENCE)
    where = window.matrix_view.heat_map.field_rect(pair).center().toPoint()
    qtbot.mouseClick(window.matrix_view.heat_map, Qt.MouseButton.LeftButton, pos=where)
    qtbot.waitUntil(lambda: window.statistics.chosen is not None, timeout=PATIENCE)
    settle(window, qtbot)


def settle(window: MainWindow, qtbot: QtBot) -> None:
    """Wait until nothing is under way, and what came of it is shown."""
    qtbot.waitUntil(lambda: not window.bridge.busy, timeout=PATIENCE)
    qtbot.wait(60)


def button(widget: QWidget, text: str, qtbot: QtBot) -> QPushButton:
    """The visible button of that text."""
    found: list[QPushButton] = []

    def look() -> bool:
        found[:] = [each for each in widget.findChildren(QPushButton) if each.text() == text and each.isVisible()]
        return bool(found)

    qtbot.waitUntil(look, timeout=PATIENCE)
    return found[0]


# -- intervals ---------------------------------------------------------------------------------------------------------
def test_intervals_of_a_cell_are_computed_by_a_click_in_the_inspector(
    window: MainWindow, bare_template_study: Path, template_results: Results, qtbot: QtBot
) -> None:
    open_study(window, qtbot, bare_template_study)
    choose(window, PAIR, qtbot)
    assert "Intervals of each TAR" in window.inspector.text()
    qtbot.mouseClick(button(window.inspector, "Compute confidence", qtbot), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "Minus east → north" in window.inspector.text(), timeout=PATIENCE)
    settle(window, qtbot)
    interval = template_results.confidence.interval(*PAIR, FAR, RULE)
    assert f"{tar_text(interval.low)} … {tar_text(interval.high)}" in window.inspector.text()
    row = next(iter(window.jobs.rows.values()))
    assert row.phase is JobPhase.DONE
    choose(window, ("south", "south"), qtbot)  # not computed with it
    qtbot.waitUntil(lambda: "Intervals of each TAR" in window.inspector.text(), timeout=PATIENCE)


def test_stored_intervals_are_shown_at_once_and_in_a_read_only_study_too(
    window: MainWindow, template_study: Path, qtbot: QtBot
) -> None:
    window.document.open(template_study, read_only=True)
    qtbot.waitUntil(lambda: window.document.contents is not None, timeout=PATIENCE)
    settle(window, qtbot)
    choose(window, PAIR, qtbot)
    qtbot.waitUntil(lambda: "Confidence, 95 %" in window.inspector.text(), timeout=PATIENCE)
    assert not window.jobs.rows
    for key in ("confidence", "confidence_all", "identify", "groups"):
        assert "read-only" in window.actions_.refusal(f"experiment.{key}")
    window.document.change("Set seed", seed=7)  # nothing is stored for it, and nothing can be computed
    settle(window, qtbot)
    assert window.statistics.chosen is None


def test_intervals_of_all_cells_can_be_cancelled_and_resumed(
    window: MainWindow, bare_template_study: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    import canon_core.experiments.confidence as experiment

    real, scored = experiment._Resampling.compute, []

    def slow(self: object, source: str, target: str, ctx: JobContext) -> None:
        while len(scored) >= 3 and not allowed:
            ctx.check()
            time.sleep(0.01)
        scored.append((source, target))
        real(self, source, target, ctx)

    allowed: list[bool] = []
    monkeypatch.setattr(experiment._Resampling, "compute", slow)
    open_study(window, qtbot, bare_template_study)
    choose(window, ("north", "north"), qtbot)
    window.actions_["experiment.confidence_all"].trigger()
    # The chosen cell's are shown while others are still computed.
    qtbot.waitUntil(lambda: "Confidence, 95 %" in window.inspector.text(), timeout=PATIENCE)
    qtbot.waitUntil(lambda: len(scored) == 3, timeout=PATIENCE)
    assert window.actions_.refusal("experiment.confidence_all") == "They are being computed."
    row = next(iter(window.jobs.rows.values()))
    start = time.monotonic()
    qtbot.mouseClick(row.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: row.phase is JobPhase.CANCELLED, timeout=PATIENCE)
    assert time.monotonic() - start < 1.5
    allowed.append(True)
    qtbot.waitUntil(row.button.isEnabled, timeout=PATIENCE)
    qtbot.mouseClick(row.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(scored) == 9, timeout=PATIENCE)
    settle(window, qtbot)
    assert window.actions_.refusal("experiment.confidence_all") == ""
    assert len(set(scored)) == 9  # what was finished was not computed again


def test_cells_that_are_scored_on_the_way_come_into_the_matrix(
    window: MainWindow, bare_template_study: Path, qtbot: QtBot
) -> None:
    window.actions_["study.automatic"].setChecked(False)
    open_study(window, qtbot, bare_template_study)
    window.document.change("Set seed", seed=1)
    settle(window, qtbot)
    assert not any(window.computing.matrix.cells.values())
    window.actions_["experiment.confidence_all"].trigger()
    qtbot.waitUntil(lambda: all(window.computing.matrix.cells.values()), timeout=PATIENCE)
    settle(window, qtbot)
    choose(window, PAIR, qtbot)
    qtbot.waitUntil(lambda: "Confidence, 95 %" in window.inspector.text(), timeout=PATIENCE)


# -- identification ----------------------------------------------------------------------------------------------------
def test_galleries_are_searched_from_the_empty_state_and_one_selection_moves_every_view(
    window: MainWindow, bare_template_study: Path, template_results: Results, qtbot: QtBot
) -> None:
    open_study(window, qtbot, bare_template_study)
    window.actions_["view.search"].trigger()
    qtbot.mouseClick(button(window.search_view, "Search galleries", qtbot), Qt.MouseButton.LeftButton)
    found = template_results.search
    qtbot.waitUntil(
        lambda: window.search_view.matrix is not None and all(window.search_view.matrix.cells.values()),
        timeout=PATIENCE,
    )
    settle(window, qtbot)
    assert window.search_view.matrix.cells[PAIR].cmc == found.cells[PAIR].cmc
    heat_map = window.search_view.heat_map
    qtbot.mouseClick(heat_map, Qt.MouseButton.LeftButton, pos=heat_map.field_rect(PAIR).center().toPoint())
    assert window.document.state.cells == (PAIR,)
    settle(window, qtbot)
    assert window.inspector.text().startswith("north → east")
    assert window.matrix_view.selection == (PAIR,)
    assert [curve.label for curve in window.search_view.curves] == ["north → east", "north", "east"]
    window.document.undo.undo()
    settle(window, qtbot)
    assert window.search_view.heat_map.selection == ()
    window.search_view.measure.setCurrentText("TPIR@1e-2")
    window.search_view.measure.activated.emit(4)
    assert window.document.state.measure == "TPIR@1e-2"
    window.document.undo.undo()
    settle(window, qtbot)
    assert window.search_view.measure.currentText() == "rank-1"


def test_stored_searches_are_shown_when_their_view_is_looked_at(
    window: MainWindow, template_study: Path, qtbot: QtBot
) -> None:
    open_study(window, qtbot, template_study)
    assert window.statistics.search.found is None  # nobody looks
    window.actions_["view.search"].trigger()
    qtbot.waitUntil(lambda: window.search_view.matrix is not None, timeout=PATIENCE)
    assert all(window.search_view.matrix.cells.values())
    assert not window.jobs.rows
    window.document.change("Reversed", mode=FitMode.REVERSED)
    qtbot.waitUntil(lambda: window.search_view.matrix is None, timeout=PATIENCE)
    assert "Set the fit to disjoint or authors" in window.search_view._empty.accessibleName()
    assert "reversed" in window.actions_.refusal("experiment.identify")
    window.document.undo.undo()
    qtbot.waitUntil(lambda: window.search_view.matrix is not None, timeout=PATIENCE)


def test_walking_through_the_table_chooses_cells_and_stays_where_it_is(
    window: MainWindow, template_study: Path, qtbot: QtBot
) -> None:
    open_study(window, qtbot, template_study)
    window.actions_["view.search"].trigger()
    qtbot.waitUntil(lambda: window.search_view.matrix is not None, timeout=PATIENCE)
    qtbot.mouseClick(window.search_view.table_button, Qt.MouseButton.LeftButton)
    table = window.search_view.table
    table.setFocus()
    table.setCurrentIndex(table.model().index(0, 0))
    for row in range(1, 11):
        qtbot.keyClick(table, Qt.Key.Key_Down)
        settle(window, qtbot)
        assert table.currentIndex().row() == row
    names = tuple(table.model().index(10, column).data() for column in (0, 1))
    assert window.document.state.cells == (names,)


def test_a_view_chosen_before_a_study_is_open_fills_when_it_is(
    window: MainWindow, template_study: Path, qtbot: QtBot
) -> None:
    window.actions_["view.search"].trigger()
    open_study(window, qtbot, template_study)
    qtbot.waitUntil(lambda: window.search_view.matrix is not None, timeout=PATIENCE)


def test_single_images_have_nobody_to_search_and_no_groups(
    window: MainWindow, embedded_study: Path, qtbot: QtBot
) -> None:
    open_study(window, qtbot, embedded_study)
    choose(window, ("a", "b"), qtbot)
    window.actions_["view.search"].trigger()
    qtbot.waitUntil(lambda: "no galleries and probes" in window.search_view._empty.accessibleName(), timeout=PATIENCE)
    window.actions_["view.groups"].trigger()
    qtbot.waitUntil(lambda: "GENDER and YAW" in window.group_view._empty.accessibleName(), timeout=PATIENCE)
    assert "By " not in window.inspector.text()
    assert window.actions_.refusal("experiment.groups")


def test_insightface_s_files_are_searched_too_and_have_no_groups(
    window: MainWindow, tmp_path: Path, qtbot: QtBot
) -> None:
    open_study(window, qtbot, template_studies.insightface_study(tmp_path))
    qtbot.waitUntil(lambda: window.computing.matrix is not None, timeout=PATIENCE)
    settle(window, qtbot)
    choose(window, ("north", "east"), qtbot)
    window.actions_["experiment.identify"].trigger()
    qtbot.waitUntil(
        lambda: window.search_view.matrix is not None and all(window.search_view.matrix.cells.values()),
        timeout=PATIENCE,
    )
    settle(window, qtbot)
    assert window.tabs.currentWidget() is window.search_view
    assert "20 mated and 20 non-mated probes" in window.search_view.heat_map.accessibleDescription()
    assert "no covariates" in window.actions_.refusal("experiment.groups")
    assert "By " not in window.inspector.text()
    window.document.change("As the authors", mode=FitMode.AUTHORS)
    qtbot.waitUntil(lambda: window.search_view.matrix is None, timeout=PATIENCE)  # not searched with these maps
    settle(window, qtbot)
    assert button(window.search_view, "Search galleries", qtbot).isEnabled()


# -- groups ------------------------------------------------------------------------------------------------------------
def test_errors_by_group_are_counted_for_the_chosen_cell_covariate_and_far(
    window: MainWindow, bare_template_study: Path, template_results: Results, qtbot: QtBot
) -> None:
    open_study(window, qtbot, bare_template_study)
    window.actions_["view.groups"].trigger()
    qtbot.waitUntil(lambda: "Choose a cell" in window.group_view._empty.accessibleName(), timeout=PATIENCE)
    qtbot.mouseClick(button(window.group_view, "Go to the matrix", qtbot), Qt.MouseButton.LeftButton)
    choose(window, PAIR, qtbot)
    qtbot.mouseClick(button(window.inspector, "Errors by group…", qtbot), Qt.MouseButton.LeftButton)
    qtbot.mouseClick(button(window.group_view, "Count errors", qtbot), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.group_view.found is not None, timeout=PATIENCE)
    settle(window, qtbot)
    assert repr(window.group_view.found.fmr) == repr(template_results.groups.fmr)  # NaN where there are no pairs
    assert window.group_view.found.threshold == template_results.groups.threshold
    assert "One threshold for all groups" in window.inspector.text()
    view = window.group_view
    view.covariate.setCurrentText("YAW")
    view.covariate.activated.emit(1)
    qtbot.waitUntil(lambda: window.group_view.found is None, timeout=PATIENCE)
    assert window.document.state.covariate == "YAW"
    window.document.undo.undo()
    qtbot.waitUntil(lambda: window.group_view.found is not None, timeout=PATIENCE)  # as it was counted
    assert view.covariate.currentText() == "GENDER"
    assert view.found.settings.covariate == "GENDER"
    view.far.setCurrentText("1e-1")
    view.far.activated.emit(0)
    assert window.document.state.far == 1e-1
    qtbot.waitUntil(lambda: window.group_view.found is None, timeout=PATIENCE)


# -- histograms --------------------------------------------------------------------------------------------------------
def test_scores_of_the_chosen_cell_follow_it_and_the_far(
    window: MainWindow, template_study: Path, template_results: Results, qtbot: QtBot
) -> None:
    open_study(window, qtbot, template_study)
    choose(window, PAIR, qtbot)
    window.actions_["view.roc"].trigger()
    qtbot.mouseClick(window.roc_view.kind_buttons[Kind.SCORES], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.roc_view.scores is not None, timeout=PATIENCE)
    assert window.roc_view.scores.histogram.genuine.sum() == template_results.histogram.genuine.sum()
    assert window.roc_view.scores.threshold.far == FAR
    window.document.change("Read", far=1e-1)
    qtbot.waitUntil(lambda: window.roc_view.scores.threshold.far == 1e-1, timeout=PATIENCE)
    window.document.change("Choose", cells=(("south", "south"),))
    qtbot.waitUntil(
        lambda: window.roc_view.scores is not None and window.roc_view.scores.title == "south by itself",
        timeout=PATIENCE,
    )
    assert "bins of" in window.roc_view._settings.text()


def test_a_cell_scored_before_histograms_were_kept_is_scored_again(
    window: MainWindow, embedded_study: Path, qtbot: QtBot
) -> None:
    for file in (embedded_study / "results").glob("*.h5"):
        with h5py.File(file, "r+") as opened:
            for name in [name for name in opened if name.startswith("histogram")]:
                del opened[name]
    open_study(window, qtbot, embedded_study)
    choose(window, ("a", "b"), qtbot)
    window.actions_["view.roc"].trigger()
    qtbot.mouseClick(window.roc_view.kind_buttons[Kind.SCORES], Qt.MouseButton.LeftButton)
    cell = window.statistics.chosen.cell
    qtbot.mouseClick(button(window.roc_view, "Score again", qtbot), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.roc_view.scores is not None, timeout=PATIENCE)
    settle(window, qtbot)
    stored = read_histogram(window.document.study, cell)
    assert stored.genuine.sum() == cell.genuine
    assert stored.impostors.sum() == cell.impostors
    assert window.computing.matrix.cells["a", "b"].readings == cell.readings


# -- exporting ---------------------------------------------------------------------------------------------------------
def test_what_is_shown_is_exported_as_figure_and_as_table(
    window: MainWindow, template_study: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    def written(view: QWidget, *kinds: str) -> dict[str, bytes]:
        return export(window, view.export_button, tmp_path, kinds, qtbot, name=type(view).__name__)

    def rows_of(text: bytes) -> list[list[str]]:
        return list(csv.reader(io.StringIO(text.decode())))

    open_study(window, qtbot, template_study)
    choose(window, PAIR, qtbot)
    window.actions_["view.search"].trigger()
    qtbot.waitUntil(lambda: window.search_view.matrix is not None, timeout=PATIENCE)
    files = written(window.search_view, "pdf", "csv")
    assert files["pdf"].startswith(b"%PDF")
    rows = rows_of(files["csv"])
    found = window.search_view.matrix
    values = {tuple(row[:3]): row for row in rows}
    assert float(values[(*PAIR, "all")][6]) == found.cells[PAIR].hit_rate(1)
    assert rows[-1][0].startswith("# people")
    window.actions_["view.groups"].trigger()
    qtbot.waitUntil(lambda: window.group_view.found is not None, timeout=PATIENCE)
    files = written(window.group_view, "svg", "csv")
    groups = window.group_view.found.groups
    assert all(f">{name}</text>" in files["svg"].decode() for name in groups)
    assert {row[0] for row in rows_of(files["csv"])[1:-1]} == {"FMR", "FNMR"}
    window.actions_["view.roc"].trigger()
    window.roc_view.kind_buttons[Kind.SCORES].click()
    qtbot.waitUntil(lambda: window.roc_view.scores is not None, timeout=PATIENCE)
    files = written(window.roc_view, "svg", "csv")
    assert files["svg"].startswith(b"<?xml")
    rows = rows_of(files["csv"])
    assert len(rows) == 1 + 400 + 1
    assert sum(int(row[2]) for row in rows[1:-1]) == window.statistics.chosen.cell.genuine
    assert "2 files were written" in window.messages.text.text()


def test_a_demo_from_before_its_covariates_says_how_to_get_them(
    window: MainWindow, tmp_path: Path, qtbot: QtBot
) -> None:
    path = insightface_study(tmp_path)
    with Study.open(path) as study:
        study.rename_dataset("faces", DATASET)
    open_study(window, qtbot, path)
    window.actions_["view.groups"].trigger()
    qtbot.waitUntil(lambda: "canon demo" in window.group_view._empty.accessibleName(), timeout=PATIENCE)
    assert not window.actions_["experiment.groups"].isEnabled()
