"""The ROC view: exact under the pointer, fast at any size, and the same for keyboard and screen reader."""

from __future__ import annotations

import math
import time

import numpy as np
import pyqtgraph as pg
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.theme import DARK
from app.views.roc_view import Kind, RocView
from canon_core.figures.curve import Curve, CurveRole
from canon_core.verification.roc import FarRule, Roc, roc_of_scores

RULE = FarRule.CONSERVATIVE


def roc(separation: float, genuine: int = 900, impostors: int = 20_000) -> Roc:
    """A ROC of drawn scores."""
    draw = np.random.default_rng(int(separation * 100))
    return roc_of_scores(draw.normal(separation, 0.12, genuine), draw.normal(0.0, 0.07, impostors))


def curves() -> list[Curve]:
    """A cell between a better and a worse model."""
    return [
        Curve("one → two", roc(0.33), CurveRole.CELL, 0),
        Curve("one", roc(0.45), CurveRole.SOURCE, 1),
        Curve("two", roc(0.20), CurveRole.TARGET, 2),
    ]


@pytest.fixture
def view(qtbot: QtBot) -> RocView:
    """A view of three curves on the screen."""
    widget = RocView()
    qtbot.addWidget(widget)
    widget.resize(800, 560)
    widget.set_curves(curves(), "faces · all pairs · map linear")
    widget.set_reading(1e-2, RULE)
    widget.show()
    qtbot.waitExposed(widget)
    QApplication.processEvents()
    return widget


def hover(qtbot: QtBot, view: RocView, x: float, y: float) -> str:
    """Move the mouse to a place of the plot in its coordinates; what is read there."""
    plot = view.plot
    scene = plot.getViewBox().mapViewToScene(QPointF(x, y))
    qtbot.wait(20)  # pyqtgraph passes over moves that follow another one within a hundredth of a second
    qtbot.mouseMove(plot.viewport(), plot.mapFromScene(scene))
    QApplication.processEvents()
    return plot.reading


def stored_point(curve: Curve, text: str, *, det: bool = False) -> int:
    """Number of the stored point whose exact counts and threshold a text reads."""
    for index, threshold in enumerate(curve.roc.thresholds):
        accepts = int(curve.roc.true_accepts[index])
        hits = curve.roc.genuine - accepts if det else accepts
        if (
            f"({int(curve.roc.false_accepts[index]):,} of {curve.roc.impostors:,})" in text
            and f"({hits:,} of {curve.roc.genuine:,})" in text
            and text.endswith(f"threshold {threshold:.4f}".replace("-", "−"))
        ):
            return index
    raise AssertionError(f"no stored point is {text!r}")


# -- hover -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("number", [0, 1, 2])
@pytest.mark.parametrize("log_far", [-3.2, -2.0, -1.0])
def test_the_pointer_reads_a_stored_point_of_the_nearest_curve(qtbot, view, number, log_far):
    curve = view.curves[number]
    tar = curve.roc.at(10.0**log_far, RULE).tar
    text = hover(qtbot, view, log_far, tar)
    assert text.startswith(curve.label + "\n")
    index = stored_point(curve, text)
    far = curve.roc.false_accepts[index] / curve.roc.impostors
    assert abs(math.log10(far) - log_far) < 0.05
    assert abs(curve.roc.true_accepts[index] / curve.roc.genuine - tar) < 0.01


def test_det_curves_are_read_as_error_rates(qtbot, view):
    qtbot.mouseClick(view.det_button, Qt.MouseButton.LeftButton)
    curve = view.curves[0]
    point = curve.roc.at(1e-2, RULE)
    text = hover(qtbot, view, math.log10(point.far), math.log10(1 - point.tar))
    assert "FMR" in text
    assert "FNMR" in text
    stored_point(curve, text, det=True)


def test_far_from_all_curves_nothing_is_read(qtbot, view):
    assert hover(qtbot, view, -1.0, 1.0) != ""
    lowest = view.plot.getViewBox().viewRange()[1][0]
    assert hover(qtbot, view, -0.3, lowest + 0.01) == ""


def test_points_that_few_impostors_decide_are_marked(qtbot, view):
    curve = view.curves[0]
    few = hover(qtbot, view, math.log10(5 / 20_000), float(curve.roc.at(5 / 20_000, RULE).tar))
    assert "few" in few
    many = hover(qtbot, view, -1.0, float(curve.roc.at(0.1, RULE).tar))
    assert "few" not in many
    assert view.plot._few.isVisible()
    assert view.plot._few.getRegion()[1] == pytest.approx(math.log10(30 / 20_000))


def test_what_the_shade_means_stands_below_the_plot(view):
    note = view._shade_note
    assert note.isVisible()
    assert note.text() == "Shaded: fewer than 30 impostor pairs decide."
    assert note.geometry().top() >= view._stack.geometry().bottom()
    assert not [item for item in view.plot.getPlotItem().items if isinstance(item, pg.TextItem) and item.isVisible()]
    view.table_button.click()
    assert not note.isVisible()
    view.table_button.click()
    view.set_curves(())
    assert not note.isVisible()


def test_arrow_keys_walk_along_a_curve_and_over_to_the_next(qtbot, view):
    plot = view.plot
    plot.setFocus()
    qtbot.keyClick(plot, Qt.Key.Key_Right)
    first = stored_point(view.curves[0], plot.reading)
    expected = view.curves[0].roc.at(1e-2, RULE)
    assert view.curves[0].roc.false_accepts[first] == expected.false_accepts
    qtbot.keyClick(plot, Qt.Key.Key_Right)
    assert stored_point(view.curves[0], plot.reading) > first
    for _ in range(3):
        qtbot.keyClick(plot, Qt.Key.Key_Left)
    assert stored_point(view.curves[0], plot.reading) < first
    qtbot.keyClick(plot, Qt.Key.Key_Down)
    assert plot.reading.startswith("one\n")
    assert plot.accessibleDescription() == plot.reading
    qtbot.keyClick(plot, Qt.Key.Key_Escape)
    assert plot.reading == ""


# -- what is drawn ---------------------------------------------------------------------------------------------------
def test_each_curve_is_marked_where_the_matrix_is_read(view):
    for target in (1e-1, 1e-3):
        view.set_reading(target, FarRule.NEAREST)
        assert view.plot._target.value() == pytest.approx(math.log10(target))
        for drawn, curve in zip(view.plot._drawn, view.curves, strict=True):
            point = curve.roc.at(target, FarRule.NEAREST)
            x, y = drawn.marks.getData()
            assert (x[-1], y[-1]) == (pytest.approx(math.log10(point.far)), pytest.approx(point.tar))


def test_the_det_switch_turns_both_axes_and_back(qtbot, view):
    with qtbot.waitSignal(view.detChanged) as caught:
        qtbot.mouseClick(view.det_button, Qt.MouseButton.LeftButton)
    assert caught.args == [True]
    low, high = view.plot.getViewBox().viewRange()[1]
    assert low < -2.9 < -0.1 < high < 0.1  # 900 genuine pairs: from 1e-3 to 1
    y = view.plot._drawn[0].trace.y
    assert (np.diff(y) <= 0).all()
    qtbot.mouseClick(view.kind_buttons[Kind.ROC], Qt.MouseButton.LeftButton)
    assert (np.diff(view.plot._drawn[0].trace.y) >= 0).all()


def test_zooming_in_draws_what_lay_between_the_columns(qtbot, view):
    big = Curve("big", roc(0.3, 20_000, 150_000))
    view.set_curves([big])
    drawn = view.plot._drawn[0]
    assert len(drawn.trace.x) < 3 * view.plot.width() < len(big.roc.thresholds) / 10
    view.plot.getViewBox().setXRange(-2.0, -1.9, padding=0)
    inside = (drawn.trace.x > -2.0) & (drawn.trace.x < -1.9)
    far = big.roc.far
    assert inside.sum() > 0.5 * min(((far > 10**-2.0) & (far < 10**-1.9)).sum(), view.plot.width())
    qtbot.mouseClick(view.whole_button, Qt.MouseButton.LeftButton)
    assert view.plot.getViewBox().viewRange()[0][0] < -5


def test_a_dozen_curves_of_hundreds_of_thousands_of_points_hold_nobody_up(qtbot, view):
    big = [Curve(f"model {k}", roc(0.3 + 0.01 * k, 20_000, 250_000), CurveRole.CELL, k) for k in range(12)]
    assert len(big[0].roc.thresholds) > 200_000
    start = time.perf_counter()
    view.set_curves(big, "settings")
    hover(qtbot, view, -2.0, 0.9)
    view.plot.getViewBox().setXRange(-3, -1, padding=0)
    QApplication.processEvents()
    assert time.perf_counter() - start < 2.0  # 0.15 s on an idle core; drawing every point takes ten times the limit


def test_curves_without_pairs_are_named_and_break_nothing(qtbot, view):
    nothing = Curve("nothing", roc_of_scores(np.array([]), np.array([0.1, 0.2])))
    view.set_curves([nothing])
    view.set_det(True)
    assert hover(qtbot, view, -1.0, -1.0) == ""
    qtbot.mouseClick(view.table_button, Qt.MouseButton.LeftButton)
    assert view.table.model().index(0, 2).data() == "–"


def test_dark_and_light_follow_the_palette(qtbot, view):
    app = QApplication.instance()
    before = app.palette()
    app.setPalette(DARK.palette())
    try:
        QApplication.processEvents()
        image = view.plot.grab().toImage()
        assert image.pixelColor(3, 3).name() == DARK.surface
    finally:
        app.setPalette(before)


def test_the_legend_names_every_curve_with_what_it_is(view):
    names = [child.accessibleName() for child in view.legend.children() if hasattr(child, "accessibleName")]
    assert names == ["one → two", "one (source alone)", "two (target alone)"]
    view.set_curves(curves()[:1])
    QApplication.sendPostedEvents(None, 52)  # QEvent.DeferredDelete
    names = [child.accessibleName() for child in view.legend.children() if hasattr(child, "accessibleName")]
    assert names == ["one → two"]


# -- around it -------------------------------------------------------------------------------------------------------
def test_without_curves_it_says_what_to_do(qtbot, view):
    view.set_empty("Choose a cell.", "Go to the matrix")
    view.set_curves([])
    assert not view.plot.isVisible()
    assert not view.det_button.isVisible()
    button = next(child for child in view.findChildren(type(view._empty._button)) if child.isVisible())
    with qtbot.waitSignal(view.actionRequested):
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_the_table_reads_every_curve_at_every_far(qtbot, view):
    qtbot.mouseClick(view.table_button, Qt.MouseButton.LeftButton)
    model = view.table.model()
    assert view.table.isVisible()
    assert model.rowCount() == 3 * 6
    rows = [[model.index(row, column).data() for column in range(5)] for row in range(model.rowCount())]
    point = view.curves[2].roc.at(1e-2, RULE)
    assert ["two", "1e-2", f"{point.tar:.3f}"[1:]] in [row[:3] for row in rows]


def test_copying_takes_the_table_and_the_settings(qtbot, view):
    view.copy_values_action.trigger()
    lines = QGuiApplication.clipboard().text().strip().split("\n")
    assert len(lines) == 1 + 18 + 1
    assert lines[-1] == "faces · all pairs · map linear"
    assert not view.copy_command_action.isVisible()
    view.set_command("canon matrix STUDY")
    view.copy_command_action.trigger()
    assert QGuiApplication.clipboard().text() == "canon matrix STUDY"


def test_export_is_asked_for(qtbot, view):
    with qtbot.waitSignal(view.exportRequested):
        qtbot.mouseClick(view.export_button, Qt.MouseButton.LeftButton)
