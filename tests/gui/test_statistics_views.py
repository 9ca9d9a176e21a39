"""Intervals, identification, errors by group and histograms are shown as they were computed."""

from __future__ import annotations

import csv
import io
import json
import shlex
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QPushButton, QWidget
from pytestqt.qtbot import QtBot
from typer.testing import CliRunner

from app.theme import DARK
from app.views.group_view import GroupView
from app.views.identification_view import IdentificationView
from app.views.inspector import Beyond, Inspector
from app.views.rate_table import heat_of
from app.views.roc_view import Kind, RocView
from app.views.score_histogram import CellScores
from app.views.statistics_commands import confidence_command, groups_command, identify_command
from canon_core.cli.application import app, load_commands
from canon_core.experiments.cells import open_cells
from canon_core.experiments.confidence import confidence_json
from canon_core.experiments.groups import groups_json
from canon_core.experiments.identification_document import identify_json
from canon_core.figures.histogram_figure import CountAxis, ShownThreshold, readable
from canon_core.figures.numbers import rate_text, tar_text
from canon_core.figures.statistics_tables import groups_csv
from canon_core.jobs import JobContext
from canon_core.study.results import FitMode, MatrixSettings
from canon_core.study.study import Study
from canon_core.verification.intervals import TarInterval
from canon_core.verification.roc import FarRule

from .template_studies import FAR, MODELS, PAIR, RULE, Results


# -- intervals in the inspector ----------------------------------------------------------------------------------------
@pytest.fixture
def inspector(qtbot: QtBot) -> Inspector:
    widget = Inspector()
    qtbot.addWidget(widget)
    widget.resize(360, 900)
    widget.show()
    return widget


def show(inspector: Inspector, results: Results, beyond: Beyond, pair: tuple[str, str] = PAIR) -> list[str]:
    cell = results.matrix.cells[pair]
    assert cell is not None
    inspector.show_cell(cell, results.matrix, RULE, FAR, beyond)
    return inspector.text().split("\n")


def test_intervals_and_differences_of_a_cell_stand_with_their_settings(
    inspector: Inspector, template_results: Results
) -> None:
    confidence = template_results.confidence
    lines = show(inspector, template_results, Beyond(confidence))
    document = confidence_json(confidence, RULE)
    source, target = (list(MODELS).index(name) for name in PAIR)
    for place, far in enumerate(("1e-1", "1e-2", "1e-3")):
        tar = template_results.matrix.cells[PAIR].readings[RULE][place].point.tar
        low, high = (document[end][source][target][place] for end in ("tar_low", "tar_high"))
        mark = "*" if document["unresolved"][source][target][place] else ""
        assert f"{far}\t{tar_text(tar)}{mark}\t{tar_text(low)} … {tar_text(high)}" in lines
    reverse = document["differences"]["to_reverse"]
    low, high = (reverse[end][source][target][0] for end in ("low", "high"))
    there = [line for line in lines if line.startswith("1e-1\t") and "−" in line + "+"]
    assert any(tar_text(abs(low)) in line and tar_text(abs(high)) in line for line in there)
    text = inspector.text()
    assert "Minus the weaker model by itself" in text
    assert "Minus east → north" in text
    assert "1,000 draws of 60 subjects (seed 0)" in text
    assert "maps are held fixed" in text
    assert "95 %" in text


def test_few_and_unresolved_points_are_explained_in_words_and_others_are_not(
    inspector: Inspector, template_results: Results
) -> None:
    def with_deciding(count: float) -> str:
        confidence = template_results.confidence
        cell = confidence.cells[PAIR]
        assert cell is not None
        made = tuple(TarInterval(0.5, 0.4, 0.6, count) for _ in cell.intervals[RULE])
        cells = {PAIR: replace(cell, intervals=dict.fromkeys(FarRule, made))}
        shown = replace(confidence, cells=cells, to_weaker={}, to_reverse={})
        show(inspector, template_results, Beyond(shown))
        return inspector.text()

    assert "Few decide: fewer than 100" in (few := with_deciding(50))
    assert ".500†" in few
    assert "Do not rank models" not in few
    assert "Do not rank models" in (none := with_deciding(29.9))
    assert ".500*" in none
    assert "Few decide" not in none
    many = with_deciding(100)
    assert "Few decide" not in many
    assert "Do not rank" not in many
    assert "1e-2\t.500\t.400 … .600" in many.split("\n")


def test_a_cell_without_intervals_offers_to_compute_them(
    qtbot: QtBot, inspector: Inspector, template_results: Results
) -> None:
    confidence = template_results.confidence
    nothing = replace(confidence, cells=dict.fromkeys(confidence.cells), to_weaker={}, to_reverse={})
    lines = show(inspector, template_results, Beyond(nothing))
    assert "Confidence" in lines
    assert "the map is held fixed" in inspector.text()
    button = next(each for each in inspector.findChildren(QPushButton) if each.text() == "Compute confidence")
    with qtbot.waitSignal(inspector.confidenceRequested):
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    show(inspector, template_results, Beyond(nothing, sampling=True))
    assert "Intervals are being computed" in inspector.text()
    show(inspector, template_results, Beyond(nothing, refusal="Read-only."))
    button = next(each for each in inspector.sheet.findChildren(QPushButton) if each.text() == "Compute confidence")
    assert not button.isEnabled()
    assert button.toolTip() == "Read-only."
    show(inspector, template_results, Beyond(None))  # not looked up yet: neither a promise nor a button
    assert "Confidence" in inspector.text()
    assert not [each for each in inspector.sheet.findChildren(QPushButton) if each.isVisibleTo(inspector)]


def test_the_command_behind_intervals_is_copied(qtbot: QtBot, inspector: Inspector, template_results: Results) -> None:
    show(inspector, template_results, Beyond(template_results.confidence, command="canon matrix STUDY --confidence"))
    button = next(each for each in inspector.findChildren(QPushButton) if each.text() == "Copy as canon command")
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == "canon matrix STUDY --confidence"


def test_a_single_model_has_intervals_and_no_differences(inspector: Inspector, template_results: Results) -> None:
    show(inspector, template_results, Beyond(template_results.confidence), ("east", "east"))
    assert "Confidence, 95 %" in inspector.text()
    assert "Minus" not in inspector.text()


def test_errors_by_group_stand_in_the_inspector_too(
    qtbot: QtBot, inspector: Inspector, template_results: Results
) -> None:
    found = template_results.groups
    lines = show(inspector, template_results, Beyond(None, covariate="GENDER", groups=found))
    assert "By GENDER" in lines
    whole = [line for line in lines if line.startswith("all pairs\t")]
    assert whole[0].split("\t")[2].startswith(rate_text(found.all_fnmr.rate))
    assert "One threshold for all groups" in inspector.text()
    button = next(each for each in inspector.findChildren(QPushButton) if each.text().startswith("All groups"))
    with qtbot.waitSignal(inspector.groupsRequested):
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


# -- identification ----------------------------------------------------------------------------------------------------
@pytest.fixture
def search(qtbot: QtBot, template_results: Results) -> IdentificationView:
    view = IdentificationView()
    qtbot.addWidget(view)
    view.resize(900, 760)
    view.set_search(template_results.search, RULE, "rank-1")
    view.show()
    return view


def test_every_measure_is_shown_as_it_was_computed(qtbot: QtBot, search: IdentificationView) -> None:
    document = identify_json(search.matrix, RULE)
    expected = {f"rank-{rank}": ("rank", place) for place, rank in enumerate(document["ranks"])}
    expected |= {f"TPIR@{far}": ("tpir", place) for place, far in enumerate(("1e-1", "1e-2", "1e-3"))}
    assert [search.measure.itemText(number) for number in range(search.measure.count())] == list(expected)
    for number, (what, place) in enumerate(expected.values()):
        with qtbot.waitSignal(search.measureChanged):
            search.measure.setCurrentIndex(number)
            search.measure.activated.emit(number)
        search.copy_values()
        lines = [line.split("\t") for line in QGuiApplication.clipboard().text().split("\n")]
        names = lines[0][1:]
        for row in lines[1:4]:
            for name, text in zip(names, row[1:], strict=True):
                source, target = document["models"].index(row[0]), document["models"].index(name)
                assert float(text) == pytest.approx(document[what][source][target][place], abs=1e-12)


def test_the_chosen_cell_is_told_with_achieved_rates_and_gallery_sizes(search: IdentificationView) -> None:
    search.set_selection((PAIR,))
    text = search._notice.label.text()
    cell = search.matrix.cells[PAIR]
    for gallery in cell.galleries:
        assert f"{gallery.name} {rate_text(gallery.whole.points[RULE][0].fpir)}" in text
        assert f"{gallery.name}: " in search._settings.text()
        assert f"{gallery.whole.non_mated:,} non-mated probes" in search._settings.text()
    assert f"rank-1 {tar_text(cell.hit_rate(1))}" in text
    assert "ties count against the probe" in search._settings.text()
    assert "non-mated probes" in search.heat_map.accessibleDescription()


def test_curves_are_those_of_the_chosen_cell_and_its_models(search: IdentificationView) -> None:
    assert [curve.label for curve in search.curves] == list(MODELS)  # none chosen: all single models
    search.set_selection((PAIR,))
    assert [curve.label for curve in search.curves] == ["north → east", "north", "east"]
    x, y = search.plot._items[0][0].getData()
    np.testing.assert_allclose(10**x, np.arange(1, 101))
    np.testing.assert_array_equal(y, search.matrix.cells[PAIR].cmc)
    names = [child.accessibleName() for child in search.legend.children() if hasattr(child, "accessibleName")]
    assert names[-3:] == ["north → east", "north (source alone)", "east (target alone)"]


def test_curves_are_read_with_the_keyboard(qtbot: QtBot, search: IdentificationView) -> None:
    search.set_selection((PAIR,))
    search.plot.setFocus()
    for _ in range(5):
        qtbot.keyClick(search.plot, Qt.Key.Key_Right)
    cell = search.matrix.cells[PAIR]
    assert search.plot.reading == f"north → east\nrank 5: {tar_text(cell.hit_rate(5))} among the first 5"
    qtbot.keyClick(search.plot, Qt.Key.Key_Down)
    assert search.plot.reading.startswith("north\nrank 5")
    assert search.plot.accessibleDescription() == search.plot.reading
    qtbot.keyClick(search.plot, Qt.Key.Key_Escape)
    assert search.plot.reading == ""


def test_the_table_holds_every_gallery_and_walking_through_it_chooses_cells(
    qtbot: QtBot, search: IdentificationView
) -> None:
    qtbot.mouseClick(search.table_button, Qt.MouseButton.LeftButton)
    model = search.table.model()
    assert model.rowCount() == 9 * 3  # two galleries and all of them
    columns = [model.headerData(column, Qt.Orientation.Horizontal) for column in range(model.columnCount())]
    assert columns[:6] == ["source", "target", "gallery", "subjects", "mated", "non-mated"]
    assert columns[6:12] == ["rank-1", "rank-5", "rank-10", "TPIR@1e-1", "FPIR@1e-1", "threshold@1e-1"]
    row = next(number for number in range(model.rowCount()) if _texts(model, number)[:3] == [*PAIR, "G2"])
    with qtbot.waitSignal(search.selectionChanged) as caught:
        search.table.setCurrentIndex(model.index(row, 0))
    assert caught.args == [(PAIR,)]
    search.copy_table()
    copied = QGuiApplication.clipboard().text().strip().split("\n")
    assert len(copied) == 1 + 27 + 1
    assert copied[-1] == search.settings_line


def _texts(model: object, row: int) -> list[str]:
    return [model.index(row, column).data() for column in range(model.columnCount())]


def test_cells_that_are_missing_are_counted_and_can_be_asked_for(qtbot: QtBot, search: IdentificationView) -> None:
    part = replace(search.matrix, cells={**search.matrix.cells, PAIR: None, ("east", "north"): None})
    search.set_search(part, RULE, "rank-1")
    assert "2 of 9 cells are not searched yet" in search._notice.label.text()
    with qtbot.waitSignal(search.computeRequested):
        qtbot.mouseClick(search.compute_button, Qt.MouseButton.LeftButton)
    search.set_search(part, RULE, "rank-1", searching=True)
    assert "2 of 9 cells are being searched" in search._notice.label.text()
    assert not search.compute_button.isVisible()
    search.set_search(part, RULE, "rank-1", refusal="The study is open read-only.")
    assert not search.compute_button.isEnabled()
    assert "read-only" in search._notice.label.text()


def test_ten_models_and_their_curves_are_seen_at_once_in_a_small_window(
    qtbot: QtBot, template_results: Results
) -> None:
    found = template_results.search
    [cell] = [found.cells[pair] for pair in found.cells][:1]
    names = tuple(f"model_{number:02}" for number in range(10))
    cells = {(s, t): replace(cell, source=s, target=t) for s in names for t in names}
    many = replace(found, settings=replace(found.settings, models=names), cells=cells, missing={})
    view = IdentificationView()
    qtbot.addWidget(view)
    view.resize(708, 582)  # what 1280 × 800 leave it beside the docks
    view.set_search(many, RULE, "rank-1")
    view.show()
    view.set_selection(((names[0], names[1]),))
    qtbot.wait(50)
    bottom = view.heat_map.field_rect((names[9], names[9])).bottom()
    assert view.heat_map.mapTo(view._scroll, QPoint(0, int(bottom))).y() <= view._scroll.viewport().height()
    assert view.plot.height() >= 100


# -- groups ------------------------------------------------------------------------------------------------------------
@pytest.fixture
def groups(qtbot: QtBot, template_results: Results) -> GroupView:
    view = GroupView()
    qtbot.addWidget(view)
    view.resize(900, 760)
    view.set_choices(("GENDER", "YAW"), "GENDER", template_results.matrix.settings.far, FAR)
    view.set_groups(template_results.groups)
    view.show()
    return view


def test_rates_of_groups_stand_with_intervals_and_counts(groups: GroupView) -> None:
    document = groups_json(groups.found)
    names = document["groups"]
    assert names[-2:] == ["mixed", "unknown"]
    model = groups.fmr.model()
    for row, name in enumerate(names):
        assert model.headerData(row, Qt.Orientation.Vertical) == name
        for column in range(len(names)):
            rate = document["fmr"][row][column]
            lines = model.index(row, column).data().split("\n")
            if not rate["pairs"]:
                assert lines == ["–"]
                continue
            assert float(lines[0].rstrip("*")) == pytest.approx(rate["rate"], rel=6e-3)
            assert [float(end) for end in lines[1].split(" … ")] == pytest.approx([rate["low"], rate["high"]], rel=6e-3)
            assert lines[2] == f"{rate['errors']:,} of {rate['pairs']:,}"
            assert lines[0].endswith("*") == (rate["errors"] < 30)
    model = groups.fnmr.model()
    assert [model.headerData(row, Qt.Orientation.Vertical) for row in range(model.rowCount())] == [
        *names, "two groups", "all pairs",
    ]  # fmt: skip
    assert model.index(len(names) + 1, 2).data() == (
        f"{document['all']['fnmr']['errors']} of {document['all']['fnmr']['pairs']}"
    )
    assert model.index(0, 3).data() == str(document["templates"][0])
    assert "One threshold for all groups" in groups._words.text()
    assert f"{document['threshold']:.4f}" in groups._words.text()
    assert "map and threshold held fixed" in groups._settings.text()


def test_only_groups_of_people_are_coloured_and_each_field_says_what_it_is(groups: GroupView) -> None:
    model, names = groups.fmr.model(), groups.found.groups
    coloured = {
        (names[row], names[column])
        for row in range(len(names))
        for column in range(len(names))
        if model.data(model.index(row, column), Qt.ItemDataRole.BackgroundRole) is not None
    }
    assert coloured == {(one, other) for one in ("0", "1") for other in ("0", "1")}
    spoken = model.data(model.index(0, 1), Qt.ItemDataRole.AccessibleTextRole)
    assert spoken.startswith("0, 1: ")
    assert "false accepts of" in spoken
    assert "interval" in spoken


def test_the_colour_of_a_rate_is_its_distance_from_that_of_all_pairs() -> None:
    assert heat_of(0.01, 0.01) == 0.5
    assert heat_of(0.1, 0.01) == pytest.approx(1.0)
    assert heat_of(0.001, 0.01) == pytest.approx(0.0)
    assert heat_of(0.0, 0.01) == 0.0
    assert heat_of(float("nan"), 0.01) is None
    assert heat_of(0.1, 0.0) is None


def test_groups_are_copied_with_their_settings_and_twinned_by_a_table(qtbot: QtBot, groups: GroupView) -> None:
    groups.copy_values_action.trigger()
    text = QGuiApplication.clipboard().text()
    assert text.startswith("FMR\t0\t1\tmixed\tunknown\n")
    assert "\nFNMR\tFNMR\tinterval\trejected\ttemplates\tsubjects\n" in text
    assert text.strip().endswith(groups._settings.text())
    qtbot.mouseClick(groups.table_button, Qt.MouseButton.LeftButton)
    model, count = groups.table.model(), len(groups.found.groups)
    assert groups.table.isVisible()
    assert model.rowCount() == count * (count + 1) // 2 + 1 + count + 2
    rows = list(csv.reader(io.StringIO(groups_csv(groups.found))))
    assert len(rows) == 1 + model.rowCount() + 1


def test_other_groups_and_other_thresholds_are_asked_for(qtbot: QtBot, groups: GroupView) -> None:
    with qtbot.waitSignal(groups.covariateChanged) as caught:
        groups.covariate.setCurrentText("YAW")
        groups.covariate.activated.emit(1)
    assert caught.args == ["YAW"]
    with qtbot.waitSignal(groups.farChanged) as caught:
        groups.far.setCurrentText("1e-1")
        groups.far.activated.emit(0)
    assert caught.args == [0.1]
    groups.set_uncounted("Not counted.", "Count errors")
    button = next(each for each in groups.findChildren(QPushButton) if each.isVisible())
    with qtbot.waitSignal(groups.computeRequested):
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert not groups.export_button.isVisible()


# -- histograms --------------------------------------------------------------------------------------------------------
@pytest.fixture
def scores(qtbot: QtBot, template_results: Results) -> RocView:
    view = RocView()
    qtbot.addWidget(view)
    view.resize(800, 620)
    view.show()
    view.kind_buttons[Kind.SCORES].click()
    point = template_results.matrix.cells[PAIR].readings[RULE][1].point
    shown = CellScores("north → east", template_results.histogram, ShownThreshold(point.threshold, FAR))
    view.set_scores(shown, "the settings")
    return view


def test_a_histogram_counts_every_score_of_the_cell(scores: RocView, template_results: Results) -> None:
    with Study.open(template_results.path, read_only=True) as study:
        study.refresh_states()
        cells = open_cells(study, MatrixSettings("people", tuple(MODELS)))
        pools = cells.scored(*PAIR, JobContext())
    drawn = [line.getData() for line in scores.scores_plot._lines]
    for (edges, heights), kind in zip(drawn, ("genuine", "impostors"), strict=True):
        expected, _ = np.histogram(np.concatenate([getattr(pool, kind) for pool in pools]), edges.astype(np.float32))
        np.testing.assert_allclose(10**heights, np.maximum(expected, 0.5))
    scores.scores_plot.set_axis(CountAxis.LINEAR)
    assert scores.scores_plot._lines[0].getData()[1].sum() == template_results.histogram.genuine.sum()
    scores.scores_plot.set_axis(CountAxis.SHARE)
    for line in scores.scores_plot._lines:
        assert line.getData()[1].sum() == pytest.approx(100)


def test_the_threshold_is_drawn_where_the_matrix_reads_it(scores: RocView, template_results: Results) -> None:
    plot = scores.scores_plot
    point = template_results.matrix.cells[PAIR].readings[RULE][1].point
    assert plot._threshold.isVisible()
    assert plot._threshold.value() == pytest.approx(point.threshold)
    assert plot._threshold_text.toPlainText() == f"threshold {point.threshold:.4f} at FAR 1e-2"
    plot.set_scores(replace(scores.scores, threshold=ShownThreshold(float("inf"), 1e-6)))
    assert not plot._threshold.isVisible()


def test_the_height_is_chosen_and_bins_are_read_with_the_keyboard(qtbot: QtBot, scores: RocView) -> None:
    scores.axis.setCurrentText("share")
    scores.axis.activated.emit(scores.axis.currentIndex())
    assert scores.scores_plot.axis is CountAxis.SHARE
    scores.scores_plot.setFocus()
    qtbot.keyClick(scores.scores_plot, Qt.Key.Key_Right)
    threshold = scores.scores.threshold.threshold
    low, high = scores.scores_plot.reading.split("\n")[0].removeprefix("score ").split(" to ")
    assert float(low) <= threshold < float(high)
    qtbot.keyClick(scores.scores_plot, Qt.Key.Key_Right)
    assert scores.scores_plot.reading.startswith(f"score {high}")
    qtbot.keyClick(scores.scores_plot, Qt.Key.Key_Escape)
    assert scores.scores_plot.reading == ""


def test_the_kinds_share_a_bar_and_keep_apart_what_is_copied_and_exported(qtbot: QtBot, scores: RocView) -> None:
    qtbot.mouseClick(scores.table_button, Qt.MouseButton.LeftButton)
    assert scores.scores_table.isVisible()
    scores.copy_values_action.trigger()
    text = QGuiApplication.clipboard().text()
    assert text.startswith("from\tto\tgenuine\timpostor\t")
    assert text.endswith("the settings\n")
    genuine = sum(int(line.split("\t")[2].replace(",", "")) for line in text.strip().split("\n")[1:-1])
    assert genuine == scores.scores.histogram.genuine.sum()
    with qtbot.waitSignal(scores.scoresExportRequested), qtbot.assertNotEmitted(scores.exportRequested):
        qtbot.mouseClick(scores.export_button, Qt.MouseButton.LeftButton)
    with qtbot.waitSignal(scores.kindChanged):
        qtbot.mouseClick(scores.kind_buttons[Kind.ROC], Qt.MouseButton.LeftButton)
    assert not scores.axis.isVisible()
    assert scores._empty.isVisible()  # no cell's curves were given


def test_a_cell_without_a_histogram_says_what_to_do(qtbot: QtBot, scores: RocView) -> None:
    scores.set_no_scores("It was scored before histograms were kept.", "Score again")
    scores.set_scores(None)
    button = next(each for each in scores.findChildren(QPushButton) if each.isVisible())
    with qtbot.waitSignal(scores.scoresRequested):
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert scores.kind_buttons[Kind.ROC].isVisible()


def test_joined_bins_keep_every_pair(template_results: Results) -> None:
    joined = readable(template_results.histogram)
    assert len(joined.genuine) < len(template_results.histogram.genuine)
    assert joined.genuine.sum() == template_results.histogram.genuine.sum()
    assert joined.impostors.sum() == template_results.histogram.impostors.sum()
    assert set(joined.edges) <= set(template_results.histogram.edges)


@pytest.fixture
def dark() -> Iterator[None]:
    application = QApplication.instance()
    before = application.palette()
    application.setPalette(DARK.palette())
    yield
    application.setPalette(before)


def test_every_drawing_follows_the_dark(
    qtbot: QtBot, search: IdentificationView, scores: RocView, groups: GroupView, dark: None
) -> None:
    QApplication.processEvents()
    for plot in (search.plot, scores.scores_plot):
        assert plot.grab().toImage().pixelColor(3, 3).name() == DARK.surface
    colour = groups.fmr.model().data(groups.fmr.model().index(0, 0), Qt.ItemDataRole.BackgroundRole).color()
    whole = groups.found.all_fmr.rate
    heat = heat_of(groups.found.fmr[0][0].rate, whole)
    assert heat is not None
    assert colour == DARK.heat(heat)


def test_everything_that_the_keyboard_reaches_says_what_it_is(
    search: IdentificationView, scores: RocView, groups: GroupView
) -> None:
    for view in (search, scores, groups):
        reached = [
            each
            for each in view.findChildren(QWidget)
            if each.isVisible() and each.focusPolicy() & Qt.FocusPolicy.TabFocus and each.focusProxy() is None
        ]
        assert len(reached) >= 5
        for each in reached:
            assert each.accessibleName() or getattr(each, "text", str)(), each


# -- commands ----------------------------------------------------------------------------------------------------------
def run(command: str) -> dict[str, object]:
    words = shlex.split(command)
    assert words[0] == "canon"
    load_commands()
    found = CliRunner().invoke(app, [*words[1:], "--json", "-"])
    assert found.exit_code == 0, found.output
    return json.loads(found.stdout)


def test_the_copied_commands_give_the_numbers_that_are_shown(template_results: Results) -> None:
    path = str(template_results.path)
    searched = run(identify_command(path, template_results.search.settings, RULE))
    shown = identify_json(template_results.search, RULE)
    assert {key: searched[key] for key in ("rank", "tpir", "cmc", "galleries")} == {
        key: shown[key] for key in ("rank", "tpir", "cmc", "galleries")
    }
    grouped = run(groups_command(path, template_results.groups.settings))
    shown = groups_json(template_results.groups)
    assert {**grouped, "seconds": 0} == {**json.loads(json.dumps(shown)), "seconds": 0}
    sure = run(confidence_command(path, template_results.matrix.settings, RULE))
    shown = confidence_json(template_results.confidence, RULE)
    assert sure["tar_low"] == shown["tar_low"]
    assert sure["differences"] == shown["differences"]
    assert template_results.matrix.settings.mode is FitMode.DISJOINT
