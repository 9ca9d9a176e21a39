"""End to end: from a cell of the demo's matrix through every view that hangs on it, to the exported picture."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtWidgets import QSlider, QStyle, QStyleOptionSlider
from pytestqt.qtbot import QtBot

from app.main_window import MainWindow
from app.views.scatter_drag import Tool
from app.views.scatter_plot import ScatterPlot
from canon_core.study.pair_results import PairKind

from .conftest import PATIENCE, open_study
from .export_clicks import export
from .gestures import LEFT, PAIR, click, click_cell, open_tab, settle


def test_a_cell_leads_through_its_curve_its_overlay_and_its_pairs_to_a_file(
    window: MainWindow, demo: Path, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    window.resize(1280, 900)
    open_study(window, qtbot, demo)
    settle(window, qtbot)

    # A click on a cell, and its curve between those of both models.
    click_cell(window, PAIR, qtbot)
    open_tab(window, "ROC", qtbot)
    qtbot.waitUntil(lambda: len(window.roc_view.curves) == 3, timeout=PATIENCE)
    assert window.roc_view.curves[0].label == f"{PAIR[0]} → {PAIR[1]}"

    # Its overlay, laid out by PCA, which needs no waiting.
    view = open_tab(window, "Overlay", qtbot)
    qtbot.waitUntil(view.bar.method.isVisible, timeout=PATIENCE)
    qtbot.waitUntil(lambda: view.result is not None, timeout=PATIENCE)
    view.bar.method.setFocus()
    qtbot.keyClicks(view.bar.method, "P")
    qtbot.waitUntil(lambda: window.overlays.current, timeout=PATIENCE)
    settle(window, qtbot)
    assert window.overlays.shown.models == (PAIR[1], PAIR[0])  # the target first
    points = len(view.result.after)

    # The slider, dragged with the mouse from its end to its beginning, moves the source's points alone.
    after = places(view.plot, points)
    drag_to_the_beginning(view.slider.slider, qtbot)
    assert view.slider.blend == 0.0
    moved = [abs(one - other) > 1.0 for one, other in zip(after, places(view.plot, points), strict=True)]
    half = points // 2
    assert any(moved[half:]) != any(moved[:half])  # one model's points stand still
    qtbot.keyClick(view.slider.slider, Qt.Key.Key_End)

    # A lasso around the left half lists the faces that lie in it.
    click(view.tools.tool_buttons[Tool.LASSO], qtbot)
    lasso_left_half(view.plot, qtbot)
    assert 0 < len(view.plot.selection) < points
    settle(window, qtbot)
    assert view.faces.isVisible()
    assert view.faces.list.count() > 0

    # The error browser shows the pairs that the same cell gets wrong, with their faces.
    pairs = open_tab(window, "Pairs", qtbot)
    qtbot.waitUntil(lambda: pairs.shown is not None, timeout=PATIENCE)
    settle(window, qtbot)
    assert (pairs.shown.source, pairs.shown.target) == PAIR
    kind = next(kind for kind in (PairKind.FALSE_MATCHES, PairKind.FALSE_NON_MATCHES) if pairs.shown.pairs[kind, None])
    while pairs.listing[0] is not kind:
        qtbot.keyClick(pairs.kind, Qt.Key.Key_Down)
    settle(window, qtbot)
    assert pairs.panel.pair == pairs.pairs[0]
    qtbot.waitUntil(lambda: all(side.face.image is not None for side in pairs.panel.sides), timeout=PATIENCE)

    # And the overlay is written to a file.
    open_tab(window, "Overlay", qtbot)
    written = export(window, view.tools.export_button, tmp_path, ["csv"], qtbot)
    rows = [line for line in written["csv"].decode("utf-8").splitlines() if not line.startswith("#")]
    assert len(rows) == 1 + points


def places(plot: ScatterPlot, points: int) -> list[float]:
    """Where each point is seen, across."""
    return [plot.position_of(number).x() for number in range(points)]


def drag_to_the_beginning(slider: QSlider, qtbot: QtBot) -> None:
    """Take the slider's handle with the mouse."""
    option = QStyleOptionSlider()
    slider.initStyleOption(option)
    handle = slider.style().subControlRect(
        QStyle.ComplexControl.CC_Slider, option, QStyle.SubControl.SC_SliderHandle, slider
    )
    start = handle.center()
    qtbot.mousePress(slider, LEFT, pos=start)
    for step in range(1, 9):
        qtbot.mouseMove(slider, QPointF(start.x() * (1 - step / 8), start.y()).toPoint())
    qtbot.mouseMove(slider, QPoint(-20, start.y()))
    qtbot.mouseRelease(slider, LEFT, pos=QPoint(-20, start.y()))


def lasso_left_half(plot: ScatterPlot, qtbot: QtBot) -> None:
    """Draw around it."""
    half, low = plot.width() // 2, plot.height() - 2
    qtbot.mousePress(plot, LEFT, pos=QPoint(1, 1))
    for corner in (QPoint(half, 1), QPoint(half, low), QPoint(1, low), QPoint(1, 5)):
        qtbot.mouseMove(plot, corner)
    qtbot.mouseRelease(plot, LEFT, pos=QPoint(1, 5))
