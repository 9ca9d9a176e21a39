"""The inspector says everything behind a number, and what to know before trusting it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from app.next_step import NextStep
from app.views.explanations import amount_text
from app.views.inspector import Beyond, Inspector
from app.views.labels import Note, TextLabel
from app.views.map_comparison import COMPARISON_TITLE
from app.views.singular_plot import SingularPlot
from canon_core.datasets.faces import Problem
from canon_core.maps.kinds import MapKind
from canon_core.models.spec import InputSpec, ModelSpec, OutputSpec
from canon_core.study.results import Cell, Fit, FitMode, Matrix, MatrixSettings, PairCounts, Reading, settings_line
from canon_core.verification.roc import FarRule, OperatingPoint

RULE = FarRule.CONSERVATIVE


def reading(far: float, tar: float) -> Reading:
    """One reading; the halves lie .01 apart."""
    point = OperatingPoint(far, 0.3125, round(far * 1_000_000), 1_000_000, round(tar * 2000), 2000)
    other = replace(point, true_accepts=point.true_accepts - 20)
    return Reading(point, tar - 0.03, (point, other))


def cell(source: str, target: str, tar: float, pairs: int = 900) -> Cell:
    """A cell of 100-dimensional models."""
    fit = Fit("k", pairs, 100, 100, 35.5, (1.5, 1.0, 0.5), 0.25, 0.5, 850, held_out=True)
    readings = {rule: (reading(1e-2, tar), reading(1e-5, tar / 2)) for rule in FarRule}
    fits = () if source == target else (fit, replace(fit, condition=77.0))
    return Cell(source + target, source, target, readings, 2000, 1_000_000, 0.99, 0.03, "Ann", 0.4, fits, 0, 1.0)


def matrix(pairs: int = 900, **settings: object) -> Matrix:
    """Two models of TAR .9, .8 across."""
    cells = {(s, t): cell(s, t, 0.9 if s == t else 0.8, pairs) for s in ("one", "two") for t in ("one", "two")}
    chosen = replace(MatrixSettings("faces", ("one", "two"), far=(1e-2, 1e-5)), **settings)
    return Matrix(
        chosen, "all pairs", "faces (60 images, 12 subjects)", cells, single_pairs=PairCounts(2000, 1_000_000)
    )


def show(inspector: Inspector, shown: Matrix, source: str = "one", target: str = "two") -> str:
    """Show a cell; what is on the screen."""
    found = shown.cells[source, target]
    assert found is not None
    inspector.show_cell(found, shown, RULE)
    return inspector.text()


@pytest.fixture
def inspector(qtbot: QtBot) -> Inspector:
    """An inspector on the screen."""
    widget = Inspector()
    qtbot.addWidget(widget)
    widget.resize(360, 600)
    widget.show()
    return widget


def labels(inspector: Inspector) -> list[str]:
    """Every text that can be seen."""
    return [label.text() for label in inspector.findChildren(TextLabel) if label.isVisibleTo(inspector)]


# -- cells -----------------------------------------------------------------------------------------------------------
def test_a_cell_is_shown_with_every_number_and_its_settings(inspector: Inspector) -> None:
    shown = matrix()
    text = show(inspector, shown)
    lines = text.split("\n")
    assert lines[0] == "one → two"
    for row in (
        "1e-2\t.800\t.770\t.800 .790\t−.100",
        "1e-2\t0.3125\t1.00e-2\t10,000",
        "genuine\t2,000",
        "impostor\t1,000,000",
        "EER\t0.0300",
        "AUC\t0.99000",
        "largest subject\tAnn, 40.0 % of genuine pairs",
        "fit pairs\t900\t900",
        "a dimension\t9.0\t9.0",
        "condition\t35.5\t77",
        "1 − cosine\t0.2500\t0.2500",
        "R²\t0.5000\t0.5000",
        settings_line(shown, RULE),
    ):
        assert row in lines, row
    assert "on 850 and 850 images outside the fit" in text


def test_what_is_copied_is_what_is_seen(qtbot: QtBot, inspector: Inspector) -> None:
    text = show(inspector, matrix())
    qtbot.mouseClick(inspector.copy_button, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == text
    seen = labels(inspector)
    for field in text.replace("Note: ", "").split("\n"):
        for part in filter(None, field.split("\t")):
            assert part in seen, part


def test_numbers_can_be_selected(inspector: Inspector) -> None:
    show(inspector, matrix())
    for label in inspector.findChildren(TextLabel):
        assert label.textInteractionFlags() & Qt.TextInteractionFlag.TextSelectableByMouse
        assert label.textFormat() is Qt.TextFormat.PlainText


def test_the_far_that_is_read_stands_out(inspector: Inspector) -> None:
    shown = matrix()
    found = shown.cells["one", "two"]
    assert found is not None
    inspector.show_cell(found, shown, RULE, far=1e-5)
    bold = {label.text() for label in inspector.findChildren(TextLabel) if label.font().bold()}
    assert {"1e-5", ".400*"} <= bold
    assert ".800" not in bold


def test_a_point_that_few_impostors_decide_is_marked(inspector: Inspector) -> None:
    text = show(inspector, matrix())
    assert "1e-5\t.400*" in text  # 10 of a million
    assert ".800*" not in text
    assert "fewer than 30 impostor pairs decide" in text


def test_few_pairs_a_dimension_are_explained_and_many_are_not(inspector: Inspector) -> None:
    text = show(inspector, matrix(pairs=900))
    assert "900 for 100 source dimensions, 9.0 a dimension, below 10" in text
    assert COMPARISON_TITLE in text
    assert "in-sample" in text
    assert len(inspector.findChildren(Note)) == 2  # few pairs, and one subject that dominates
    text = show(inspector, matrix(pairs=1100))
    assert "Few fit pairs" not in text
    assert COMPARISON_TITLE not in text


def test_linear_map_and_rotation_are_compared_only_where_few_pairs_ask_for_it(inspector: Inspector) -> None:
    assert COMPARISON_TITLE in show(inspector, matrix(map=MapKind.ROTATION))
    assert COMPARISON_TITLE not in show(inspector, matrix(mode=FitMode.IN_SAMPLE))
    assert COMPARISON_TITLE not in show(inspector, matrix(), "one", "one")


def test_before_the_other_map_is_computed_no_map_is_said_to_be_better(inspector: Inspector) -> None:
    text = show(inspector, matrix())
    assert "nothing is stored of it through a rotation map" in text
    assert "may overfit" in text
    for claim in ("ahead by", "beat", "carries over better", "safer"):
        assert claim not in text


@pytest.mark.parametrize(
    ("shown", "other", "says"),
    [
        (MapKind.LINEAR, 0.75, "At FAR 1e-2 the linear map is ahead by .050"),
        (MapKind.LINEAR, 0.85, "At FAR 1e-2 the rotation map is ahead by .050"),
        (MapKind.ROTATION, 0.75, "At FAR 1e-2 the rotation map is ahead by .050"),
        (MapKind.LINEAR, 0.8, "At FAR 1e-2 both are level"),
    ],
)
def test_both_maps_are_compared_in_figures_where_both_are_stored(
    inspector: Inspector, shown: MapKind, other: float, says: str
) -> None:
    found, through_other = matrix(map=shown), cell("one", "two", other)
    beyond = Beyond(other_map=through_other)
    inspector.show_cell(found.cells["one", "two"], found, RULE, far=1e-2, beyond=beyond)
    text = inspector.text()
    assert says in text
    columns = (0.8, other) if shown is MapKind.LINEAR else (other, 0.8)
    assert "FAR\tlinear\trotation" in text
    assert "1e-2\t" + "\t".join(f"{tar:.3f}"[1:] for tar in columns) in text
    assert "nothing is stored" not in text


def test_in_sample_numbers_a_dominating_subject_and_left_out_images_are_warned_about(inspector: Inspector) -> None:
    shown = matrix(mode=FitMode.IN_SAMPLE)
    spoilt = replace(shown.cells["one", "two"], left_out=3)
    inspector.show_cell(spoilt, shown, RULE)
    text = inspector.text()
    assert "In-sample: the map was fitted on the very images" in text
    assert "One subject, Ann, has 40 % of the genuine pairs" in text
    assert "3 images were left out" in text


def test_residuals_inside_the_fit_are_called_in_sample(inspector: Inspector) -> None:
    shown = matrix(mode=FitMode.IN_SAMPLE)
    found = shown.cells["one", "two"]
    assert found is not None
    inside = replace(found, fits=(replace(found.fits[0], held_out=False),))
    inspector.show_cell(inside, shown, RULE)
    assert "in-sample, on the 850 images of the fit" in inspector.text()


def test_a_single_model_has_no_map_to_tell_of(inspector: Inspector) -> None:
    text = show(inspector, matrix(), "two", "two")
    assert "two by itself" in text
    assert "fit pairs\t" not in text
    assert "to weaker" not in text
    assert not inspector.findChildren(SingularPlot)


def test_a_missing_cell_says_why(inspector: Inspector) -> None:
    shown = replace(matrix(), cells={("one", "two"): None}, missing={("one", "two"): "'two' has no embeddings yet"})
    inspector.show_missing("one", "two", shown)
    assert "'two' has no embeddings yet." in inspector.text()
    inspector.show_missing("one", "two", shown, pending=True)
    assert "Being computed." in inspector.text()


def test_a_missing_cell_says_what_to_do(inspector: Inspector, qtbot: QtBot) -> None:
    shown = replace(matrix(), cells={("one", "two"): None})
    inspector.show_missing("one", "two", shown, step=NextStep("It has not been computed.", "Compute", "study.x"))
    assert "Why there is no number" in inspector.text()
    assert "It has not been computed." in inspector.text()
    (button,) = (each for each in inspector.sheet.findChildren(QPushButton) if each.text() == "Compute")
    with qtbot.waitSignal(inspector.actionRequested) as asked:
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert asked.args == ["study.x"]


def test_the_difference_is_explained_where_it_stands(inspector: Inspector) -> None:
    assert "to weaker: TAR less that of the weaker of the two models by itself" in show(inspector, matrix())


def test_showing_the_same_again_leaves_the_text_alone(inspector: Inspector) -> None:
    shown = matrix()
    show(inspector, shown)
    sheet = inspector.sheet
    show(inspector, shown)
    assert inspector.sheet is sheet
    show(inspector, shown, "two", "one")
    assert inspector.sheet is not sheet


def test_a_single_model_that_arrives_later_brings_the_difference(inspector: Inspector) -> None:
    shown = matrix()
    early = replace(shown, cells={**shown.cells, ("two", "two"): None})
    assert "−.100" not in show(inspector, early)
    assert "−.100" in show(inspector, shown)


@pytest.mark.parametrize("values", [(1.0, 1.0, 1.0), (2.0, 1.0, 0.0), (3.0,), (1e-30, 1e-33)])
def test_any_singular_values_can_be_drawn(qtbot: QtBot, values: tuple[float, ...]) -> None:
    plot = SingularPlot([values, values])
    qtbot.addWidget(plot)
    plot.resize(300, 118)
    image = plot.grab().toImage()
    blue = [
        (x, y)
        for x in range(image.width())
        for y in range(image.height())
        if (colour := image.pixelColor(x, y)).blue() > colour.red() + 60
    ]
    assert bool(blue) == (len(values) > 1)


# -- models and datasets ---------------------------------------------------------------------------------------------
def model_entry() -> SimpleNamespace:
    """A model with everything in its spec."""
    spec = ModelSpec(
        input=InputSpec(height=112, width=96, template="arcface-96", color="bgr", mean=(1.0, 2.0, 3.0)),
        output=OutputSpec(names=("mu", "variance"), flip="sum", pfe=True),
        about={"title": "A <b>network</b>", "training_set": "someone's"},
    )
    return SimpleNamespace(
        name="net", file=Path("models/net.onnx"), sha256="0123456789abcdef" * 4, spec=spec, origin="preset pfe",
        notes=("outputs are concatenated",), dimensions=1024, parameters=3_400_000, macs=450_000_000, flops=900_000_000,
        imported=False,
    )  # fmt: skip


def test_a_model_is_shown_with_its_counts_spec_and_origin(inspector: Inspector) -> None:
    inspector.show_model(model_entry())
    lines = inspector.text().split("\n")
    for row in (
        "net",
        "A <b>network</b>",
        "dimensions\t1024",
        "parameters\t3.4 M (3,400,000)",
        "MACs an image\t450 M (450,000,000)",
        "FLOPs an image\t900 M (900,000,000)",
        "from\tpreset pfe",
        "input\t96 wide × 112 high, bgr, nchw",
        "face laid by\tarcface-96",
        "pixels\t(x − [1, 2, 3]) / 127.5",
        "outputs\tmu, variance",
        "flip\tsum",
        "second half\tvariances (PFE)",
        "outputs are concatenated",
        "training set\tsomeone's",
        "path\tmodels/net.onnx",
        f"sha256\t{'0123456789abcdef' * 4}",
    ):
        assert row in lines, row


def dataset_entry(**changes: object) -> SimpleNamespace:
    """A small folder without alignment."""
    entry = SimpleNamespace(
        name="faces", path=Path("somewhere"), format="folder", images=8, subjects=3, alignment=None, problems=1,
        fold_pairs=0, has_folds=False, notes=("every image is small",), protocol="all pairs", fingerprint="f" * 64,
        has_images=True, has_templates=False, templates=None,
    )  # fmt: skip
    entry.__dict__.update(changes)
    return entry


def test_a_dataset_is_shown_with_its_notes_and_what_it_lacks(inspector: Inspector) -> None:
    inspector.show_dataset(dataset_entry(), ())
    text = inspector.text()
    assert "Alignment is not known yet: give landmarks" in text
    assert "every image is small" in text
    assert "images\t8" in text
    inspector.show_dataset(dataset_entry(alignment="arcface", has_folds=True, fold_pairs=3000), ())
    assert "images already are crops on the ArcFace template" in inspector.text()
    assert "folds\t3,000 pairs" in inspector.text()


def test_images_left_out_of_a_dataset_are_named(inspector: Inspector) -> None:
    inspector.show_dataset(dataset_entry(), (Problem("Ann/1.jpg", "cut short"),))
    assert "Ann/1.jpg: cut short" in inspector.text()
    many = [Problem(f"Ann/{number}.jpg", "cut short") for number in range(1000)]
    inspector.show_dataset(dataset_entry(problems=1000), many)
    assert "and 700 more" in inspector.text()


def test_nothing_chosen_says_what_can_be_chosen(inspector: Inspector) -> None:
    show(inspector, matrix())
    inspector.show_nothing()
    assert inspector.text() == ""
    assert not inspector.copy_button.isVisible()
    assert any("Choose a cell" in child.accessibleName() for child in inspector.findChildren(type(inspector._empty)))


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0"), (999, "999"), (1_020_000, "1.02 M"), (445_700_000, "446 M"), (6_000_000_000, "6 G")]
)
def test_large_counts_are_short(count: int, text: str) -> None:
    assert amount_text(count) == text


def test_the_columns_of_a_cell_fit_into_the_narrowest_inspector(inspector: Inspector) -> None:
    found = matrix()
    pair = "one", "two"
    readings = tuple(reading(10.0**-power, 1.0) for power in range(1, 7))
    readings = tuple(replace(one, halves=(one.point, one.point)) for one in readings)
    wide = replace(found.cells[pair], readings=dict.fromkeys(FarRule, readings))
    far = tuple(10.0**-power for power in range(1, 7))
    shown = replace(found, settings=replace(found.settings, far=far), cells={**found.cells, pair: wide})
    singles = {name: replace(wide, source=name, target=name, fits=()) for name in ("one", "two")}
    shown = replace(shown, cells={**shown.cells, **{(name, name): cell for name, cell in singles.items()}})
    inspector.show_cell(wide, shown, RULE, far=1e-2)
    inspector.resize(300, 700)
    for _ in range(3):
        QApplication.processEvents()
    assert inspector._scroll.verticalScrollBar().isVisible()
    assert inspector._scroll.horizontalScrollBar().maximum() == 0
