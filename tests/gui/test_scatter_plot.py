"""The scatter plot under real clicks: moved, zoomed, selected in; sprites and splats look alike."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QImage, QWheelEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.theme import DARK, LIGHT
from app.views.scatter_camera import Camera
from app.views.scatter_drag import Tool
from app.views.scatter_layers import PointLayers
from app.views.scatter_legend import ScatterLegend
from app.views.scatter_plot import ScatterPlot
from app.views.scatter_points import ColourScale, PlacedPoint, PointClass, ScatterPoints
from canon_core.projection.point_grid import Box

pytestmark = pytest.mark.usefixtures("qapp")

CLASSES = (PointClass("left", 0), PointClass("right", 1))
# Two rows of points: class 0 at the bottom, class 1 at the top; before, all lie at the left.
AFTER = np.array([(x, y) for y in (0.0, 1.0) for x in range(5)], np.float32)
BEFORE = AFTER * [0.1, 1.0]
CODES = np.repeat([0, 1], 5)


@pytest.fixture
def plot(qtbot: QtBot) -> ScatterPlot:
    plot = ScatterPlot()
    qtbot.addWidget(plot)
    plot.resize(600, 400)
    plot.set_points(ScatterPoints.build(AFTER, CODES, CLASSES, BEFORE))
    plot.show()
    qtbot.waitExposed(plot)
    plot.grab()
    return plot


def at(plot: ScatterPlot, number: int) -> QPoint:
    return plot.position_of(number).toPoint()


def drag(qtbot: QtBot, plot: ScatterPlot, way: list[QPoint], modifier: Qt.KeyboardModifier) -> None:
    qtbot.mousePress(plot, Qt.MouseButton.LeftButton, modifier, way[0])
    for place in way[1:]:
        qtbot.mouseMove(plot, place)
    qtbot.mouseRelease(plot, Qt.MouseButton.LeftButton, modifier, way[-1])


def pixels(picture: QImage) -> np.ndarray:
    picture = picture.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)
    return np.frombuffer(picture.constBits(), np.uint8).reshape(picture.height(), picture.width(), 4).astype(float)


def test_there_is_no_jump_between_sprites_and_splats() -> None:
    rng = np.random.default_rng(0)
    for count in (2_000, 8_000):
        places = rng.normal(0, 1, (count, 2))
        points = ScatterPoints.build(places, rng.integers(0, 2, count), CLASSES)
        raster = Camera.fit(points.bounds, 900, 600).raster(900, 600)
        pictures = []
        for most in (0, 10**9):
            layers = PointLayers()
            layers.most_sprites = most
            picture, drawn = layers.draw(raster, 1.0, LIGHT, CLASSES, [True] * 2, points.grid(1.0))
            assert drawn.sprites == (most > 0)
            pictures.append(pixels(picture.copy()))
        splats, sprites = pictures
        assert sprites[..., 3].mean() > 5
        if count == 8_000:  # where one takes over from the other
            assert np.abs(splats - sprites)[..., 3].mean() < 1
            assert splats.mean(axis=(0, 1)) == pytest.approx(sprites.mean(axis=(0, 1)), rel=0.03)


@pytest.mark.parametrize("ratio", [1.0, 1.5, 2.0])
def test_a_picture_has_the_screens_own_pixels(ratio: float) -> None:
    points = ScatterPoints.build(AFTER, CODES, CLASSES)
    camera = Camera.fit(points.bounds, 300, 200)
    layers = PointLayers()
    width, height = round(300 * ratio), round(200 * ratio)
    raster = camera.raster(width, height, ratio)
    picture, drawn = layers.draw(raster, ratio, LIGHT, CLASSES, [True] * 2, points.grid(1.0))
    assert (picture.width(), picture.height()) == (width, height)
    covered = pixels(picture)[..., 3] > 128
    # Ten markers with their rims, of the same size at 96 dpi whatever the screen.
    area = np.pi * ((drawn.look.diameter / ratio + 2.4) / 2) ** 2
    assert covered.sum() / ratio**2 == pytest.approx(10 * area, rel=0.25)
    assert np.flatnonzero(covered.any(axis=0))[0] / ratio == pytest.approx(16, abs=8)


def test_the_wheel_zooms_about_the_cursor(plot: ScatterPlot) -> None:
    before = plot.position_of(3)
    event = QWheelEvent(
        before, plot.mapToGlobal(before), QPoint(), QPoint(0, 240), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    scale = plot.camera.scale
    QApplication.sendEvent(plot, event)
    assert plot.camera.scale > scale * 1.4
    assert (plot.position_of(3) - before).manhattanLength() < 2.5


def test_dragging_moves_and_a_double_click_or_f_shows_everything(plot: ScatterPlot, qtbot: QtBot) -> None:
    before = plot.position_of(0)
    whole = plot.camera
    way = [QPoint(300, 200), QPoint(320, 210), QPoint(360, 180)]
    drag(qtbot, plot, way, Qt.KeyboardModifier.NoModifier)
    assert (plot.position_of(0) - before - QPointF(60, -20)).manhattanLength() < 2.5
    qtbot.mouseDClick(plot, Qt.MouseButton.LeftButton, pos=QPoint(10, 10))
    assert plot.camera == whole
    qtbot.keyClick(plot, Qt.Key.Key_Plus)
    qtbot.keyClick(plot, Qt.Key.Key_Left)
    assert plot.camera.scale > whole.scale
    assert plot.camera.x < whole.x
    qtbot.keyClick(plot, Qt.Key.Key_F)
    assert plot.camera == whole


def test_a_rectangle_selects_with_shift_and_as_a_tool(plot: ScatterPlot, qtbot: QtBot) -> None:
    first, last = at(plot, 6), at(plot, 2)
    way = [first - QPoint(12, 12), first, last, last + QPoint(12, 12)]
    with qtbot.waitSignal(plot.selectionChanged) as told:
        drag(qtbot, plot, way, Qt.KeyboardModifier.ShiftModifier)
    assert told.args[0].tolist() == plot.selection.tolist() == [1, 2, 6, 7]
    qtbot.keyClick(plot, Qt.Key.Key_Escape)
    assert not len(plot.selection)
    qtbot.keyClick(plot, Qt.Key.Key_R)
    assert plot.tool is Tool.RECTANGLE
    drag(qtbot, plot, way, Qt.KeyboardModifier.NoModifier)
    assert plot.selection.tolist() == [1, 2, 6, 7]
    qtbot.keyClick(plot, Qt.Key.Key_Escape)
    assert plot.tool is Tool.MOVE


def test_a_lasso_selects_what_it_goes_around(plot: ScatterPlot, qtbot: QtBot) -> None:
    low, high = at(plot, 0), at(plot, 8)
    # Around the two rows' ends, between which the line passes outside of the points of the middle.
    way = [low + QPoint(-14, 14), low + QPoint(14, 14), low + QPoint(14, -14), low + QPoint(-14, -14)]
    drag(qtbot, plot, [*way, way[0]], Qt.KeyboardModifier.ControlModifier)
    assert plot.selection.tolist() == [0]
    triangle = [high + QPoint(-20, -12), high + QPoint(140, -12), high + QPoint(0, 30)]
    drag(qtbot, plot, [*triangle, triangle[0]], Qt.KeyboardModifier.ControlModifier)
    assert plot.selection.tolist() == [8]


def test_hidden_classes_are_neither_selected_nor_found(plot: ScatterPlot, qtbot: QtBot) -> None:
    legend = ScatterLegend()
    qtbot.addWidget(legend)
    legend.set_points(plot.points, plot.shown)
    legend.resize(400, 40)
    legend.toggled.connect(plot.set_shown)
    legend.show()
    qtbot.mouseClick(legend.entries[0], Qt.MouseButton.LeftButton)
    assert plot.shown == (False, True)
    plot.grab()
    assert plot.in_view == 5
    plot.setFocus()
    qtbot.keyClick(plot, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    assert plot.selection.tolist() == [5, 6, 7, 8, 9]
    plot.set_selection([])
    qtbot.mouseClick(plot, Qt.MouseButton.LeftButton, pos=at(plot, 1))
    assert not len(plot.selection)
    qtbot.keyClick(legend.entries[0], Qt.Key.Key_Space)
    assert plot.shown == (True, True)


def test_the_point_below_the_cursor_is_told_and_clicked(plot: ScatterPlot, qtbot: QtBot) -> None:
    with qtbot.waitSignal(plot.hovered) as told:
        qtbot.mouseMove(plot, at(plot, 7) + QPoint(3, 2))
    assert told.args == [7]
    with qtbot.waitSignal(plot.hovered) as told:
        qtbot.mouseMove(plot, (at(plot, 7) + at(plot, 2)) / 2)
    assert told.args == [-1]
    with qtbot.waitSignal(plot.chosen) as told:
        qtbot.mouseClick(plot, Qt.MouseButton.LeftButton, pos=at(plot, 4))
    assert told.args == [4]
    control = Qt.KeyboardModifier.ControlModifier
    qtbot.mouseClick(plot, Qt.MouseButton.LeftButton, control, at(plot, 9))
    assert plot.selection.tolist() == [4, 9]
    qtbot.mouseClick(plot, Qt.MouseButton.LeftButton, control, at(plot, 4))
    assert plot.selection.tolist() == [9]


def test_return_chooses_the_point_nearest_to_the_middle(plot: ScatterPlot, qtbot: QtBot) -> None:
    plot.set_camera(Camera(3.1, 0.1, plot.camera.scale, plot.camera.fitted))
    qtbot.keyClick(plot, Qt.Key.Key_Return)
    assert plot.selection.tolist() == [3]


def test_the_blend_moves_the_points_in_straight_lines(plot: ScatterPlot) -> None:
    plot.set_camera(plot.camera)
    after = plot.position_of(9).x()
    plot.set_blend(0.0)
    before = plot.position_of(9).x()
    plot.set_blend(0.5)
    assert plot.position_of(9).x() == pytest.approx((before + after) / 2, abs=1)
    first = plot.grab().toImage()
    plot.set_blend(0.6)
    assert plot.grab().toImage() != first
    number = plot.point_at(plot.position_of(9))
    assert number == 9


def test_everything_fits_before_and_after(plot: ScatterPlot) -> None:
    assert plot.points.bounds == Box(0, 0, 4, 1)
    for number in range(10):
        assert plot.rect().contains(at(plot, number))


def test_selected_points_stand_out_and_the_others_fade(plot: ScatterPlot) -> None:
    def alpha(number: int) -> float:
        picture, place = pixels(plot._picture.points), at(plot, number)
        return float(picture[place.y(), place.x(), 3])

    before = alpha(0), alpha(9)
    plot.set_selection([9])
    plot.grab()
    assert alpha(0) < before[0] * 0.5
    assert alpha(9) >= before[1]


def test_the_picture_follows_the_theme(plot: ScatterPlot, qtbot: QtBot) -> None:
    plot.setPalette(LIGHT.palette())
    light = plot.grab().toImage()
    plot.setPalette(DARK.palette())
    dark = plot.grab().toImage()
    assert light.pixelColor(300, 30).lightness() > 200
    assert dark.pixelColor(300, 30).lightness() < 60
    place = at(plot, 0)
    assert light.pixelColor(place) != dark.pixelColor(place)


def test_a_screen_reader_hears_how_much_is_in_view(plot: ScatterPlot) -> None:
    assert plot.accessibleDescription() == "10 of 10 points in view"
    plot.set_selection([1, 2])
    plot.grab()
    assert "2 selected" in plot.accessibleDescription()


def test_without_points_it_is_empty_and_keys_do_no_harm(qtbot: QtBot) -> None:
    plot = ScatterPlot()
    qtbot.addWidget(plot)
    plot.show()
    for key in (Qt.Key.Key_F, Qt.Key.Key_Return, Qt.Key.Key_Plus):
        qtbot.keyClick(plot, key)
    qtbot.mouseClick(plot, Qt.MouseButton.LeftButton)
    plot.grab()
    assert plot.in_view == 0


def test_a_few_points_far_out_do_not_make_all_others_small_and_f_shows_them_too(
    plot: ScatterPlot, qtbot: QtBot
) -> None:
    rng = np.random.default_rng(0)
    places = np.concatenate([rng.uniform(-1, 1, (500, 2)), [(60, 0), (0, -60), (-60, 5)]])
    plot.set_points(ScatterPoints.build(places, np.zeros(503, int), CLASSES))
    plot.grab()
    assert plot.in_view == 500
    assert plot.accessibleDescription() == "500 of 503 points in view"
    assert plot.position_of(0).manhattanLength() > 0
    inner = [plot.position_of(number) for number in range(500)]
    assert max(place.x() for place in inner) - min(place.x() for place in inner) > 200
    qtbot.keyClick(plot, Qt.Key.Key_F)
    plot.grab()
    assert plot.in_view == 503
    plot.resize(500, 300)
    plot.grab()
    assert plot.in_view == 503


def test_lines_join_points_behind_them_and_go_with_the_view(plot: ScatterPlot) -> None:
    middle = (at(plot, 0) + at(plot, 9)) / 2

    def crossed(down: int) -> bool:
        picture = plot.grab().toImage()
        near = [middle + QPoint(x, y + down) for x in range(-3, 4) for y in range(-3, 4)]
        return min(picture.pixelColor(place).lightness() for place in near) < 230

    assert not crossed(0)
    plot.set_lines(np.array([[0, 9]]))
    assert crossed(0)
    plot.set_camera(plot.camera.moved(0, 40))
    assert not crossed(0)
    assert crossed(40)
    plot.set_shown(0, False)
    assert not crossed(40)
    plot.set_shown(0, True)
    assert crossed(40)
    plot.set_lines(np.zeros((0, 2)))
    assert not crossed(40)


def many_points(count: int) -> ScatterPoints:
    rng = np.random.default_rng(2)
    places = rng.normal(size=(2, count, 2)).astype(np.float32)
    return ScatterPoints.build(places[1], np.arange(count) % 2, CLASSES, places[0])


def test_of_very_many_points_some_are_shown_while_they_move_and_all_when_they_rest(qtbot: QtBot) -> None:
    plot = ScatterPlot()
    qtbot.addWidget(plot)
    asked = []
    plot.set_background(lambda work, then: asked.append((work, then)))
    plot.resize(600, 400)
    plot.show()
    plot.set_points(many_points(130_000))
    plot.fit()
    plot.set_blend(0.5)
    plot.grab()
    assert 20_000 < plot.in_view <= 40_000
    qtbot.waitUntil(lambda: len(asked) == 1, timeout=5_000)
    work, then = asked.pop()
    then(work())
    plot.grab()
    assert plot.in_view == 130_000
    plot.set_blend(0.6)
    qtbot.waitUntil(lambda: len(asked) == 1, timeout=5_000)
    work, then = asked.pop()
    plot.set_blend(1.0)  # it went on before that was there
    then(work())
    plot.grab()
    assert plot.in_view == 130_000
    assert plot._content.sorted.grid is plot.points.grid(1.0)


def test_selecting_everything_of_very_many_points_selects_all_of_them(qtbot: QtBot) -> None:
    plot = ScatterPlot()
    qtbot.addWidget(plot)
    asked = []
    plot.set_background(lambda work, then: asked.append((work, then)))
    plot.resize(600, 400)
    plot.show()
    plot.set_points(many_points(130_000))
    plot.fit()
    qtbot.keyClick(plot, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    assert len(plot.selection) == 130_000
    qtbot.waitUntil(lambda: len(asked) == 1, timeout=5_000)
    work, then = asked.pop()
    then(work())
    assert sum(plot._content.sorted.emphasised.count(code) for code in range(2)) == 130_000


def test_a_scale_is_named_once_and_filtered_points_are_neither_drawn_nor_named(qtbot: QtBot) -> None:
    places = np.random.default_rng(0).normal(size=(30, 2)).astype(np.float32)
    classes = (
        PointClass("low", None, fraction=0.0), PointClass("high", None, fraction=1.0), PointClass("rest", None),
        PointClass("filtered out", None, hidden=True),
    )  # fmt: skip
    points = ScatterPoints.build(places, np.arange(30) % 4, classes, scale=ColourScale("margin", -0.5, 0.5))
    plot, legend = ScatterPlot(), ScatterLegend()
    for widget in (plot, legend):
        qtbot.addWidget(widget)
    plot.resize(400, 300)
    plot.set_points(points)
    legend.set_points(points, plot.shown)
    plot.grab()
    assert plot.in_view == 30 - 7
    assert [entry.text() for entry in legend.entries] == ["rest  7"]
    assert legend.scale.accessibleName() == "Colour scale: margin, from −0.50 to +0.50"
    legend.resize(legend.scale.sizeHint())
    legend.show()
    legend.grab()


def test_marked_places_move_with_the_points_and_are_told(plot: ScatterPlot) -> None:
    before = plot.grab().toImage()
    plot.set_placed([PlacedPoint("first face", (0.0, 0.0), (1.0, 0.5))])
    assert plot.grab().toImage() != before
    assert plot.placed[0].place(0.5) == (0.5, 0.25)
    plot.set_placed([])
    assert plot.grab().toImage() == before


def test_a_hidden_class_stays_hidden_in_another_layout_of_the_same_points(plot: ScatterPlot) -> None:
    plot.set_shown(0, False)
    plot.set_points(ScatterPoints.build(AFTER * 2, CODES, CLASSES, BEFORE), same_points=True)
    assert plot.shown == (False, *[True] * (len(CLASSES) - 1))
    plot.set_points(ScatterPoints.build(AFTER, CODES, CLASSES, BEFORE))  # other points
    assert all(plot.shown)


def test_points_far_out_are_said_to_be_beyond_the_first_view(qtbot: QtBot) -> None:
    plot = ScatterPlot()
    qtbot.addWidget(plot)
    plot.resize(600, 400)
    places = np.random.default_rng(0).uniform(size=(2000, 2))
    places[:3] += 90
    plot.set_points(ScatterPoints.build(places, np.zeros(2000, np.uint8), CLASSES[:1]))
    plot.show()
    qtbot.waitExposed(plot)
    plot.grab()
    assert plot.note == "3 of 2,000 points lie far out, beyond this view · F shows all"
    qtbot.keyClick(plot, Qt.Key.Key_Plus)
    plot.grab()
    assert plot.note.endswith("of 2,000 points in view · F shows all")
    qtbot.keyClick(plot, Qt.Key.Key_F)
    plot.grab()
    assert plot.note == ""


def test_f_fits_what_is_seen_where_it_lies_just_now_and_the_view_stays_while_points_move(
    plot: ScatterPlot, qtbot: QtBot
) -> None:
    first = plot.camera
    plot.set_blend(0.0)
    assert plot.camera == first  # it keeps room for both layouts
    qtbot.keyClick(plot, Qt.Key.Key_F)
    fitted = plot.camera
    assert fitted == Camera.fit(Box(0.0, 0.0, float(np.float32(0.4)), 1.0), plot.width(), plot.height())
    assert fitted.scale > 2 * first.scale
    plot.set_blend(1.0)
    assert plot.camera == fitted
    plot.grab()
    assert plot.note.endswith("of 10 points in view · F shows all")
    qtbot.keyClick(plot, Qt.Key.Key_F)
    plot.grab()
    assert plot.note == ""
    plot.set_shown(1, False)
    qtbot.keyClick(plot, Qt.Key.Key_F)
    assert plot.camera.y == 0.0  # the row that is shown is in the middle


def test_one_point_more_or_less_of_very_many(qtbot: QtBot) -> None:
    plot = ScatterPlot()
    qtbot.addWidget(plot)
    plot.resize(600, 400)
    places = np.random.default_rng(0).uniform(size=(300_000, 2))
    places[7] = 2.0, 2.0
    plot.set_points(ScatterPoints.build(places, np.zeros(len(places), np.uint8), CLASSES[:1]))
    plot.show()
    qtbot.waitExposed(plot)
    plot.fit()
    qtbot.keyClick(plot, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    assert np.array_equal(plot.selection, np.arange(len(places)))
    control = Qt.KeyboardModifier.ControlModifier
    qtbot.mouseClick(plot, Qt.MouseButton.LeftButton, control, at(plot, 7))
    assert np.array_equal(plot.selection, np.delete(np.arange(len(places)), 7))
    qtbot.mouseClick(plot, Qt.MouseButton.LeftButton, control, at(plot, 7))
    assert np.array_equal(plot.selection, np.arange(len(places)))
    assert plot.selection.dtype == np.int32


def test_numbers_that_no_point_has_are_left_out(plot: ScatterPlot) -> None:
    before = plot.camera
    plot.zoom_to(np.array([69]))
    plot.set_marked([69, -3])
    plot.set_current(10)
    plot.set_lines(np.array([[0, 69]]))
    plot.set_selection([69])
    assert not len(plot.selection)
    plot.grab()  # an exception in here would end the program
    plot.set_selection([2, 69])
    plot.set_lines(np.array([[0, 9], [4, 10]]))
    plot.grab()
    assert plot.selection.tolist() == [2]
    assert plot._content.lines.tolist() == [[0, 9]]
    assert plot.camera == before
    plot.set_points(None)
    plot.set_marked([0])
    plot.set_current(0)
    plot.grab()
