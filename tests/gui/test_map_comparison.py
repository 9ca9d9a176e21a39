"""A cell with few fit pairs: which map does better is said in figures, once both are computed."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from app.main_window import MainWindow
from canon_core.figures.numbers import tar_text
from canon_core.maps.kinds import MapKind
from canon_core.study.results import DEFAULT_FAR

from .conftest import PATIENCE, open_study


def test_a_rotation_computed_afterwards_stands_beside_the_linear_map(
    window: MainWindow, embedded_study: Path, qtbot: QtBot
) -> None:
    open_study(window, qtbot, embedded_study)
    qtbot.waitUntil(lambda: window.matrix_view.matrix is not None, timeout=PATIENCE)
    where = window.matrix_view.heat_map.field_rect(("a", "b")).center().toPoint()
    qtbot.mouseClick(window.matrix_view.heat_map, Qt.MouseButton.LeftButton, pos=where)
    qtbot.waitUntil(lambda: "nothing is stored of it through a rotation" in window.inspector.text(), timeout=PATIENCE)
    note = " ".join(label.text() for label in window.matrix_view.findChildren(QLabel))
    assert "may overfit" in note
    assert "safer" not in note
    far, rule = window.document.state.far, window.document.state.rule
    linear = window.computing.matrix.tar("a", "b", far, rule)

    def computed() -> bool:
        matrix = window.computing.matrix
        return matrix is not None and matrix.settings.map is MapKind.ROTATION and None not in matrix.cells.values()

    window.document.change("Set map", map=MapKind.ROTATION)
    qtbot.waitUntil(computed, timeout=PATIENCE)
    rotation = window.computing.matrix.tar("a", "b", far, rule)
    row = f"1e-2\t{tar_text(linear)}"
    assert far in DEFAULT_FAR
    qtbot.waitUntil(lambda: row in window.inspector.text(), timeout=PATIENCE)
    assert f"\t{tar_text(rotation)}" in next(
        line for line in window.inspector.text().split("\n") if line.startswith(row)
    )
    window.document.change("Set map", map=MapKind.LINEAR)
    qtbot.waitUntil(lambda: "· map linear" in window.inspector.text(), timeout=PATIENCE)
    assert "nothing is stored" not in window.inspector.text()  # not for a moment
    qtbot.waitUntil(lambda: "FAR\tlinear\trotation" in window.inspector.text(), timeout=PATIENCE)
