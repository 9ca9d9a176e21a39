"""The matrix view: what it shows, what clicks and keys choose, what it asks for."""

from __future__ import annotations

import itertools
import shlex
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QGuiApplication, QHelpEvent
from PySide6.QtWidgets import QApplication, QToolTip

from app.theme import DARK, LIGHT, theme_for
from app.views.matrix_view import MatrixView, SettingsChange
from app.views.shown_matrix import matrix_command, shown_matrix
from canon_core.maps.kinds import MapKind
from canon_core.study.results import (
    TEMPLATE_PAIRS,
    Cell,
    Features,
    Fit,
    FitMode,
    Matrix,
    MatrixSettings,
    Reading,
    settings_line,
)
from canon_core.verification.roc import FarRule, OperatingPoint

FAR = (1e-1, 1e-2, 1e-3)
SINGLE = {"weak": 0.70, "strong": 0.99, "middle <b>": 0.90}
STRONG, MIDDLE, WEAK = "strong", "middle <b>", "weak"
RULE = FarRule.CONSERVATIVE


def reading(far: float, tar: float) -> Reading:
    """One reading among 1,000 genuine and 1,000 impostor pairs."""
    return Reading(OperatingPoint(far, 0.3, int(far * 1000), 1000, round(tar * 1000), 1000), tar)


def matrix(missing: tuple[tuple[str, str], ...] = (), why: dict[tuple[str, str], str] | None = None) -> Matrix:
    """Cross cells lie .01 below the weaker model, at 1e-3 another .2 below."""
    cells: dict[tuple[str, str], Cell | None] = {}
    for source, one in SINGLE.items():
        for target, other in SINGLE.items():
            if (source, target) in missing:
                cells[source, target] = None
                continue
            middle = min(one, other) - (0.0 if source == target else 0.01)
            by_rule = {
                RULE: tuple(reading(far, tar) for far, tar in zip(FAR, (middle, middle, middle - 0.2), strict=True)),
                FarRule.NEAREST: tuple(reading(far, middle + 0.005) for far in FAR),
            }
            cells[source, target] = Cell(
                f"{source}{target}", source, target, by_rule, 1000, 1000, 0.98, 0.02, "Someone", 0.1, (), 0, 0.5
            )
    settings = MatrixSettings("my faces", tuple(SINGLE), MapKind.LINEAR, far=FAR, seed=4)
    return Matrix(settings, "all pairs", "faces (12 images)", cells, why or {})


@pytest.fixture
def view(qtbot):
    """A view with three models, on the screen."""
    widget = MatrixView()
    qtbot.addWidget(widget)
    widget.resize(900, 600)
    widget.set_matrix(matrix(), RULE)
    widget.show()
    qtbot.waitExposed(widget)
    return widget


def place(view: MatrixView, source: str, target: str) -> QPoint:
    """Where a field is clicked."""
    return view.heat_map.field_rect((source, target)).center().toPoint()


def click(qtbot, view, source, target, modifier=Qt.KeyboardModifier.NoModifier):
    """A left click on a field."""
    qtbot.mouseClick(view.heat_map, Qt.MouseButton.LeftButton, modifier, place(view, source, target))


def choose(qtbot, box, text):
    """Choose an entry of a combo box with the keyboard, as a user would."""
    box.setFocus()
    for _ in range(box.count()):
        qtbot.keyClick(box, Qt.Key.Key_Up)
    for _ in range(box.findText(text)):
        qtbot.keyClick(box, Qt.Key.Key_Down)
    assert box.currentText() == text


# -- choosing cells --------------------------------------------------------------------------------------------------
def test_a_click_chooses_the_cell_of_that_row_and_column(qtbot, view):
    with qtbot.waitSignal(view.cellSelected) as cell, qtbot.waitSignal(view.selectionChanged) as cells:
        click(qtbot, view, MIDDLE, STRONG)
    assert cell.args == [MIDDLE, STRONG]
    assert cells.args == [((MIDDLE, STRONG),)]
    assert view.selection == ((MIDDLE, STRONG),)


def test_strongest_model_stands_first_in_rows_and_columns(view):
    left = [view.heat_map.field_rect((name, STRONG)).top() for name in (STRONG, MIDDLE, WEAK)]
    top = [view.heat_map.field_rect((STRONG, name)).left() for name in (STRONG, MIDDLE, WEAK)]
    assert left == sorted(left)
    assert top == sorted(top)


def test_ctrl_click_adds_a_cell_and_takes_it_away_again(qtbot, view):
    click(qtbot, view, STRONG, WEAK)
    click(qtbot, view, WEAK, STRONG, Qt.KeyboardModifier.ControlModifier)
    assert view.selection == ((STRONG, WEAK), (WEAK, STRONG))
    click(qtbot, view, STRONG, WEAK, Qt.KeyboardModifier.ControlModifier)
    assert view.selection == ((WEAK, STRONG),)


def test_arrow_keys_walk_and_choose_and_stop_at_the_edges(qtbot, view):
    view.heat_map.setFocus()
    keys = Qt.Key
    for key in (keys.Key_Right, keys.Key_Right, keys.Key_Right, keys.Key_Down, keys.Key_Home):
        qtbot.keyClick(view.heat_map, key)
    assert view.current == (MIDDLE, STRONG)
    assert view.selection == ((MIDDLE, STRONG),)


def test_ctrl_arrow_only_moves_and_ctrl_space_adds(qtbot, view):
    click(qtbot, view, STRONG, STRONG)
    qtbot.keyClick(view.heat_map, Qt.Key.Key_Right, Qt.KeyboardModifier.ControlModifier)
    assert (view.current, view.selection) == ((STRONG, MIDDLE), ((STRONG, STRONG),))
    qtbot.keyClick(view.heat_map, Qt.Key.Key_Space, Qt.KeyboardModifier.ControlModifier)
    assert view.selection == ((STRONG, STRONG), (STRONG, MIDDLE))


def test_a_click_on_a_name_chooses_the_model(qtbot, view):
    field = view.heat_map.field_rect((MIDDLE, STRONG))
    with qtbot.waitSignal(view.modelSelected) as caught:
        position = QPoint(int(field.left()) - 20, int(field.center().y()))
        qtbot.mouseClick(view.heat_map, Qt.MouseButton.LeftButton, pos=position)
    assert caught.args == [MIDDLE]
    with qtbot.waitSignal(view.modelSelected) as caught:
        top = view.heat_map.field_rect((STRONG, WEAK))
        qtbot.mouseClick(
            view.heat_map, Qt.MouseButton.LeftButton, pos=QPoint(int(top.center().x()), int(top.top()) - 10)
        )
    assert caught.args == [WEAK]


def test_the_selection_outlives_new_cells_but_not_its_models(view, qtbot):
    click(qtbot, view, STRONG, WEAK)
    view.set_matrix(matrix(missing=((WEAK, WEAK),)), RULE)
    assert view.selection == ((STRONG, WEAK),)
    two = MatrixSettings("my faces", (STRONG, MIDDLE), MapKind.LINEAR, far=FAR)
    cells = {pair: cell for pair, cell in matrix().cells.items() if WEAK not in pair}
    view.set_matrix(Matrix(two, "all pairs", "faces", cells), RULE)
    assert view.selection == ()


def test_setting_the_selection_is_silent(qtbot, view):
    with qtbot.assertNotEmitted(view.selectionChanged), qtbot.assertNotEmitted(view.cellSelected):
        view.set_selection(((WEAK, MIDDLE), ("gone", WEAK)))
    assert view.selection == ((WEAK, MIDDLE),)


# -- reading and settings --------------------------------------------------------------------------------------------
def test_another_far_is_read_at_once_and_told(qtbot, view):
    assert view.far == 1e-2
    with qtbot.waitSignal(view.readingChanged) as caught, qtbot.assertNotEmitted(view.settingsRequested):
        view.choosers.far.setFocus()
        qtbot.keyClick(view.choosers.far, Qt.Key.Key_Down)
    assert caught.args == [1e-3, RULE]
    assert (view.far, view.rule) == (1e-3, RULE)
    click(qtbot, view, STRONG, STRONG)
    assert "TAR .790" in view.heat_map.accessibleDescription()


def test_the_other_rule_reads_other_points(qtbot, view):
    click(qtbot, view, STRONG, STRONG)
    with qtbot.waitSignal(view.readingChanged) as caught:
        choose(qtbot, view.choosers.rule, "nearest")
    assert caught.args == [1e-2, FarRule.NEAREST]
    assert "TAR .995" in view.heat_map.accessibleDescription()


def test_another_map_or_fit_asks_for_other_cells_and_changes_nothing_itself(qtbot, view):
    with qtbot.waitSignal(view.settingsRequested) as caught:
        qtbot.keyClick(view.choosers.map, Qt.Key.Key_Down)
    assert caught.args == [SettingsChange(MapKind.AFFINE, FitMode.DISJOINT, 4)]
    with qtbot.waitSignal(view.settingsRequested) as caught:
        choose(qtbot, view.choosers.mode, "in-sample")
    assert caught.args[0].mode is FitMode.IN_SAMPLE
    assert not view.choosers.seed.isEnabled()


def test_templates_have_modes_and_features_of_their_own(qtbot, view):
    assert not view.choosers.features.isVisible()
    settings = replace(matrix().settings, mode=FitMode.REVERSED)
    view.set_matrix(replace(matrix(), protocol=TEMPLATE_PAIRS, settings=settings), FarRule.NEAREST)
    choosers = view.choosers
    assert [choosers.mode.itemText(number) for number in range(3)] == ["disjoint", "authors", "reversed"]
    assert choosers.mode.currentText() == "reversed"
    assert "mapped templates from X_V" in view._leak.text()
    with qtbot.waitSignal(view.settingsRequested) as caught:
        choosers.features.setFocus()
        qtbot.keyClick(choosers.features, Qt.Key.Key_Down)
    assert caught.args == [SettingsChange(MapKind.LINEAR, FitMode.REVERSED, 4, Features.INSIGHTFACE)]
    view.set_matrix(matrix(), RULE)
    assert not choosers.features.isVisible()
    assert not view._leak.isVisible()


def test_choosers_stand_at_the_matrix_they_are_given_without_asking(qtbot, view):
    with qtbot.assertNotEmitted(view.settingsRequested), qtbot.assertNotEmitted(view.readingChanged):
        view.set_matrix(matrix(), FarRule.NEAREST, far=1e-1)
    assert view.choosers.far.currentText() == "1e-1"
    assert view.choosers.rule.currentText() == "nearest"
    assert view.choosers.map.currentText() == "linear"
    assert view.choosers.seed.value() == 4


def test_every_setting_stands_below(view):
    shown = [label.text() for label in view.findChildren(type(view._settings)) if label.isVisible()]
    assert settings_line(matrix(), RULE, 1e-2) in shown


# -- what is shown ---------------------------------------------------------------------------------------------------
def test_differences_are_to_the_weaker_model_and_the_diagonal_keeps_its_tar():
    shown = shown_matrix(matrix(), 1e-2, RULE, as_difference=True)
    # 10 false accepts decide each of them: too few, so each is marked
    assert [[cell.text for cell in row] for row in shown.rows] == [
        [".990*", "−.010*", "−.010*"],
        ["−.010*", ".900*", "−.010*"],
        ["−.010*", "−.010*", ".700*"],
    ]


def test_the_colours_are_those_of_the_models_that_stand_for_themselves():
    named = {"weak": "control-x"}
    plain = matrix()
    renamed = replace(
        plain,
        settings=replace(plain.settings, models=tuple(named.get(name, name) for name in plain.settings.models)),
        cells={tuple(named.get(name, name) for name in pair): replace(
            cell, source=named.get(cell.source, cell.source), target=named.get(cell.target, cell.target)
        ) for pair, cell in plain.cells.items()},
    )  # fmt: skip
    assert shown_matrix(plain, 1e-2, RULE, as_difference=False).scale.low == pytest.approx(0.6)
    scale = shown_matrix(renamed, 1e-2, RULE, as_difference=False).scale
    assert scale.low == pytest.approx(0.8)
    assert scale.exceeded


def test_the_button_colours_by_difference(qtbot, view):
    before = field_colour(view, MIDDLE, WEAK)
    qtbot.mouseClick(view.difference_button, Qt.MouseButton.LeftButton)
    assert field_colour(view, MIDDLE, WEAK) != before


def field_colour(view: MatrixView, source: str, target: str) -> tuple[int, ...]:
    """The ground of a field, off its number and ring."""
    image = view.heat_map.grab().toImage()
    ratio = image.devicePixelRatio()
    spot = view.heat_map.field_rect((source, target)).bottomLeft()
    return image.pixelColor(int((spot.x() + 8) * ratio), int((spot.y() - 6) * ratio)).toTuple()[:3]


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_field_colours_follow_tar_in_light_and_dark(qtbot, view, theme):
    app = QApplication.instance()
    before = app.palette()
    app.setPalette(theme.palette())
    try:
        QApplication.processEvents()
        assert theme_for(view) is theme
        fields = [(STRONG, MIDDLE), (MIDDLE, WEAK)]
        scale = shown_matrix(matrix(), 1e-2, RULE, as_difference=False).scale
        for pair, tar in zip(fields, (0.89, 0.69), strict=True):
            expected = np.array(theme.heat(scale.fraction(tar)).toTuple()[:3])
            assert np.abs(np.array(field_colour(view, *pair)) - expected).max() <= 2
    finally:
        app.setPalette(before)


def test_a_missing_cell_says_why_and_a_pending_one_that_it_is_coming(qtbot, view):
    why = {(STRONG, WEAK): "dimensions differ (512 and 128)"}
    shown = matrix(missing=((STRONG, WEAK), (WEAK, STRONG), (MIDDLE, WEAK)), why=why)
    view.set_matrix(shown, RULE, frozenset({(WEAK, STRONG)}))
    for pair, words in (
        ((STRONG, WEAK), "dimensions differ (512 and 128)"),
        ((WEAK, STRONG), "being computed"),
        ((MIDDLE, WEAK), "not computed yet"),
    ):
        click(qtbot, view, *pair)
        assert words in view.heat_map.accessibleDescription()


def test_the_tool_tip_holds_all_facts_and_reads_names_as_plain_text(qtbot, view):
    spot = place(view, MIDDLE, STRONG)
    event = QHelpEvent(QEvent.Type.ToolTip, spot, view.heat_map.mapToGlobal(spot))
    QApplication.sendEvent(view.heat_map, event)
    tip = QToolTip.text()
    QToolTip.hideText()
    assert "middle &lt;b&gt; → strong" in tip
    for words in ("890 of 1,000 genuine pairs", "10 of 1,000 impostor pairs", "threshold", "0.3000", "−.010", "EER"):
        assert words in tip


def test_dots_move_only_while_something_is_pending_and_visible(qtbot, view):
    shown = matrix(missing=((WEAK, STRONG),))
    view.set_matrix(shown, RULE, frozenset({(WEAK, STRONG)}))
    assert view.heat_map._dots.isActive()
    view.hide()
    assert not view.heat_map._dots.isActive()
    view.show()
    assert view.heat_map._dots.isActive()
    view.set_matrix(matrix(), RULE)
    assert not view.heat_map._dots.isActive()


def test_cells_that_are_missing_can_be_computed_from_here(qtbot, view):
    assert not view.compute_button.isVisible()
    view.set_matrix(matrix(missing=((WEAK, STRONG), (STRONG, WEAK)), why={(STRONG, WEAK): "cannot be"}), RULE)
    assert view.compute_button.isVisible()
    with qtbot.waitSignal(view.computeRequested):
        qtbot.mouseClick(view.compute_button, Qt.MouseButton.LeftButton)
    view.set_matrix(matrix(missing=((WEAK, STRONG),)), RULE, frozenset({(WEAK, STRONG)}))
    assert not view.compute_button.isVisible()


def test_the_fields_stay_in_their_place_while_cells_are_computed(qtbot, view):
    absent = ((WEAK, STRONG), (STRONG, WEAK))
    places = []
    for shown, pending in (
        (matrix(), frozenset()),
        (matrix(missing=absent), frozenset()),  # with the button
        (matrix(missing=absent), frozenset(absent)),
        (matrix(missing=absent[:1]), frozenset(absent[:1])),
        (matrix(), frozenset()),
    ):
        view.set_matrix(shown, RULE, pending)
        qtbot.wait(20)
        places.append([
            view.heat_map.mapTo(view, view.heat_map.field_rect(pair).topLeft().toPoint())
            for pair in ((STRONG, STRONG), (WEAK, WEAK))
        ])
    assert places == places[:1] * 5


def test_without_a_matrix_it_says_what_to_do_next(qtbot, view):
    view.set_empty("Embed two models first.", "Embed")
    view.set_matrix(None, RULE)
    assert not view.heat_map.isVisible()
    assert not view.choosers.isVisible()
    with qtbot.waitSignal(view.actionRequested):
        qtbot.mouseClick(view._empty.findChild(type(view.compute_button)), Qt.MouseButton.LeftButton)


# -- table and clipboard ---------------------------------------------------------------------------------------------
def test_the_table_holds_every_cell_and_chooses_with_the_keyboard(qtbot, view):
    qtbot.mouseClick(view.table_button, Qt.MouseButton.LeftButton)
    assert view.table.isVisible()
    model = view.table.model()
    assert model.rowCount() == 9
    header = [model.headerData(k, Qt.Orientation.Horizontal) for k in range(model.columnCount())]
    row = {name: model.index(1, k).data() for k, name in enumerate(header)}
    assert (row["source"], row["target"], row["TAR"], row["to weaker model"]) == (STRONG, MIDDLE, ".890", "−.010")
    view.table.setFocus()
    view.table.setCurrentIndex(model.index(0, 0))
    with qtbot.waitSignal(view.cellSelected) as caught:
        qtbot.keyClick(view.table, Qt.Key.Key_Down)
    assert caught.args == [STRONG, MIDDLE]
    assert view.selection == ((STRONG, MIDDLE),)


def test_the_table_sorts_by_number_not_by_text(qtbot, view):
    qtbot.mouseClick(view.table_button, Qt.MouseButton.LeftButton)
    view.table.sortByColumn(2, Qt.SortOrder.AscendingOrder)
    tars = [float(view.table.model().index(row, 2).data()) for row in range(9)]
    assert tars == sorted(tars)
    qtbot.keyClick(view.table, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClick(view.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    lines = QGuiApplication.clipboard().text().strip().split("\n")
    assert len(lines) == 10
    assert lines[1].split("\t")[2] == f"{tars[0]:.3f}"[1:]


def test_copied_values_have_every_digit_and_the_settings(qtbot, view):
    view.heat_map.setFocus()
    qtbot.keyClick(view.heat_map, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    lines = QGuiApplication.clipboard().text().strip().split("\n")
    assert lines[0].split("\t")[1:] == [STRONG, MIDDLE, WEAK]
    for line, source in zip(lines[1:4], (STRONG, MIDDLE, WEAK), strict=True):
        for text, target in zip(line.split("\t")[1:], (STRONG, MIDDLE, WEAK), strict=True):
            assert float(text) == matrix().tar(source, target, 1e-2, RULE)
    assert settings_line(matrix(), RULE) in lines[-1]


def test_the_copied_command_names_every_setting_and_survives_a_shell(view):
    view.set_study_path("/data/my study.canon")
    view.copy_command_action.trigger()
    words = shlex.split(QGuiApplication.clipboard().text())
    assert words[:3] == ["canon", "matrix", "/data/my study.canon"]
    options = dict(zip(words[3::2], words[4::2], strict=True))
    assert options == {
        "--dataset": "my faces",
        "--models": ",".join(SINGLE),
        "--map": "linear",
        "--mode": "disjoint",
        "--features": "paper",
        "--far": "1e-1,1e-2,1e-3",
        "--far-rule": "conservative",
        "--seed": "4",
    }


def test_odd_fars_keep_all_their_digits_in_the_command():
    settings = MatrixSettings("d", ("a",), far=(0.0123456789, 0.05))
    words = shlex.split(matrix_command("s", settings, RULE))
    far = words[words.index("--far") + 1]
    assert tuple(float(text) for text in far.split(",")) == settings.far


def test_export_is_asked_for(qtbot, view):
    with qtbot.waitSignal(view.exportRequested):
        qtbot.mouseClick(view.export_button, Qt.MouseButton.LeftButton)


@pytest.mark.parametrize("templates", [False, True])
@pytest.mark.parametrize("width", [320, 500, 900, 1800])
def test_no_chooser_or_button_is_lost_at_any_width(qtbot, view, width, templates):
    if templates:
        view.set_matrix(replace(matrix(), protocol=TEMPLATE_PAIRS), RULE)
    view.resize(width, 640)
    QApplication.processEvents()
    features = [view.choosers.features] if templates else []
    parts = [view.choosers.far, view.choosers.seed, *features, view.difference_button, view.export_button]
    boxes = [part.rect().translated(part.mapTo(view, QPoint(0, 0))) for part in parts]
    top = view.heat_map.mapTo(view, QPoint(0, 0)).y()
    for box in boxes:
        assert view.rect().contains(box)
        assert box.bottom() < top or view._scroll.y() > box.bottom()
    for one, other in itertools.pairwise(boxes):
        assert not one.intersects(other)


def test_edges_of_fields_lie_on_device_pixels_at_every_scale():
    from app.views.heat_layout import lay_out

    for ratio in (1.0, 1.25, 1.5, 2.0):
        layout = lay_out(811, 533, [60.0, 71.0, 33.0], 17.0, 30.0, 90.0, 86.0, ratio)
        edges = np.array([*layout.columns, *layout.lines]) * ratio
        np.testing.assert_allclose(edges, np.round(edges), atol=1e-9)
        assert layout.hit(layout.field(2, 1).center()) == (2, 1)


def test_what_stands_below_the_matrix_ends_like_a_sentence(view):
    assert view._notice.label.text().endswith(".")
    few = Fit("key", 90, 10, 10, 1.0, (1.0,), 0.1, 0.9, 50, held_out=True)
    cells = {pair: replace(cell, fits=(few,)) for pair, cell in matrix().cells.items()}
    view.set_matrix(replace(matrix(), cells=cells), RULE)
    assert "may overfit: compare its scores with a rotation's." in view._notice.label.text()
