"""A heat map uses the room it has: large fields have large numbers; long names are shortened, never cut off."""

from __future__ import annotations

import itertools

import pytest
from PySide6.QtGui import QFontMetricsF, QPainter, QPixmap
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.main_window import MainWindow
from app.theme import SMALL, sized
from app.views.heat_layout import HeatLayout, lay_out
from app.views.heat_map import HeatMap
from app.views.heat_picture import _elided
from app.views.matrix_view import MatrixView
from canon_core.maps.kinds import MapKind
from canon_core.study.results import Matrix, MatrixSettings

from .test_matrix_view import RULE, matrix


def laid_out(width: float, height: float, names: int = 10) -> HeatLayout:
    return lay_out(width, height, [70.0] * names, 15.0, 30.0, 90.0, 94.0, 1.0)


def of_models(names: tuple[str, ...]) -> Matrix:
    """A matrix of nothing yet."""
    settings = MatrixSettings("synthetic faces", names, MapKind.LINEAR)
    return Matrix(settings, "all pairs", "synthetic faces", dict.fromkeys(itertools.product(names, names)))


def test_text_is_of_the_usual_size_where_there_is_no_room() -> None:
    assert laid_out(690, 420).text_size == 1.0


def test_text_grows_with_the_fields() -> None:
    middle, large = laid_out(1300, 900), laid_out(2000, 1100)
    assert 1.0 < middle.text_size <= large.text_size <= 1.5


def test_a_large_window_is_filled() -> None:
    layout = laid_out(2000, 1100)
    assert layout.lines[-1] > 0.9 * 1100
    assert layout.bar.height() == pytest.approx(layout.lines[-1] - layout.lines[0] - 2)


def test_a_large_window_can_become_small_again(qtbot: QtBot) -> None:
    view = MatrixView()
    qtbot.addWidget(view)
    view.resize(900, 600)
    view.set_matrix(matrix(), RULE)
    view.show()
    qtbot.waitExposed(view)
    heat_map = view.heat_map
    small = heat_map.minimumSizeHint()
    view.resize(2400, 1300)
    qtbot.wait(10)
    assert heat_map._layout().text_size > 1.0
    assert heat_map.minimumSizeHint() == small


def test_fourteen_models_are_seen_whole_in_a_window_of_1280_by_800(window: MainWindow, qtbot: QtBot) -> None:
    window.resize(1280, 800)
    window.pages.setCurrentWidget(window.tabs)
    names = ("control-untrained", *(f"G_R10_P1.{number}" for number in range(13)))
    window.matrix_view.set_matrix(of_models(names), RULE)
    QApplication.processEvents()
    heat_map = window.matrix_view.heat_map
    qtbot.waitUntil(lambda: heat_map.size() == heat_map.parentWidget().size())  # nothing is left to scroll to
    for corner in ((names[0], names[0]), (names[-1], names[-1])):
        assert heat_map.rect().contains(heat_map.field_rect(corner).toRect())


def test_text_gets_smaller_where_the_fields_would_not_fit(qtbot: QtBot) -> None:
    view = MatrixView()
    qtbot.addWidget(view)
    names = tuple(f"net-{number:02d}" for number in range(14))
    view.set_matrix(of_models(names), RULE)
    view.show()
    heat_map = view.heat_map
    sizes = {}
    for width in range(460, 1000, 20):
        view.resize(width, 460)
        QApplication.processEvents()
        heat_map._layout()
        sizes[heat_map._size] = heat_map.width()
        last = heat_map.field_rect((names[-1], names[-1]))
        assert last.bottom() <= heat_map.height()  # what is scrolled to holds every row and column
        assert last.right() <= heat_map.width()
    assert set(sizes) == {SMALL, 1.0}
    assert sizes[SMALL] < sizes[1.0]


def test_the_long_name_of_the_chosen_row_is_shortened_as_it_is_written(qtbot: QtBot) -> None:
    heat_map = HeatMap()
    qtbot.addWidget(heat_map)
    pixmap = QPixmap(10, 10)
    painter = QPainter(pixmap)
    bold = sized(heat_map.font(), 1.0, bold=True)
    painter.setFont(bold)
    text = _elided(painter, "ArcFace ResNet-100 trained with Glint360K partial FC r-0.1", 190.0)
    painter.end()
    assert QFontMetricsF(bold).horizontalAdvance(text) <= 190.0
    assert text.startswith("A")
    assert "…" in text
