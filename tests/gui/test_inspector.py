"""The inspector says everything behind a number, and what to know before trusting it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pytestqt.qtbot import QtBot

from app.views.inspector import Inspector
from canon_core.datasets.faces import Problem
from canon_core.maps.kinds import MapKind
from canon_core.study.results import Cell, Fit, FitMode, Matrix, MatrixSettings, PairCounts, Reading
from canon_core.verification.roc import FarRule, OperatingPoint


def reading(far: float, tar: float) -> Reading:
    point = OperatingPoint(far, 0.3125, round(far * 1_000_000), 1_000_000, round(tar * 2000), 2000)
    return Reading(point, tar - 0.01, (point, point))


def cell(source: str, target: str, tar: float, pairs: int = 900) -> Cell:
    fit = Fit("k", pairs, 100, 100, 35.5, (1.5, 1.0, 0.5), 0.25, 0.5, 850, held_out=True)
    readings = {rule: (reading(1e-2, tar), reading(1e-5, tar / 2)) for rule in FarRule}
    fits = () if source == target else (fit, fit)
    return Cell(source + target, source, target, readings, 2000, 1_000_000, 0.99, 0.03, "Ann", 0.4, fits, 0, 1.0)


def matrix(pairs: int = 900, **settings: object) -> Matrix:
    cells = {(s, t): cell(s, t, 0.9 if s == t else 0.8, pairs) for s in ("one", "two") for t in ("one", "two")}
    chosen = replace(MatrixSettings("faces", ("one", "two"), far=(1e-2, 1e-5)), **settings)
    counts = PairCounts(2000, 1_000_000)
    return Matrix(chosen, "all pairs", "faces (60 images, 12 subjects)", cells, single_pairs=counts)


@pytest.fixture
def inspector(qtbot: QtBot) -> Inspector:
    widget = Inspector()
    qtbot.addWidget(widget)
    widget.show()
    return widget


def test_it_begins_by_saying_what_can_be_chosen(inspector: Inspector) -> None:
    assert "Choose a cell of the matrix" in inspector.text()


def test_a_cell_is_shown_with_every_number_and_its_settings(inspector: Inspector) -> None:
    shown = matrix()
    inspector.show_cell(shown.cells["one", "two"], shown, FarRule.CONSERVATIVE)
    text = inspector.text()
    for part in (
        "one → two", "linear map, fit mode disjoint", "FAR rule conservative", ".800", "0.3125", ".790",
        "2,000", "1,000,000", "0.0300", "0.99000", "Ann, 40.0%", "900", "9.0", "35.5", "0.2500", "0.5000",
        "850 and 850 images outside its fit", "faces (60 images, 12 subjects)", "−0.100",
    ):  # fmt: skip
        assert part in text, part


def test_a_point_that_few_impostors_decide_is_marked(inspector: Inspector) -> None:
    shown = matrix()
    inspector.show_cell(shown.cells["one", "two"], shown, FarRule.CONSERVATIVE)
    assert ".400*" in inspector.text()
    assert ".800*" not in inspector.text()


def test_few_pairs_a_dimension_are_explained_and_many_are_not(inspector: Inspector) -> None:
    few, many = matrix(pairs=900), matrix(pairs=1100)
    inspector.show_cell(few.cells["one", "two"], few, FarRule.CONSERVATIVE)
    assert "Only 9.0 fit pairs a source dimension" in inspector.text()
    assert "against the paper's order" in inspector.text()
    inspector.show_cell(many.cells["one", "two"], many, FarRule.CONSERVATIVE)
    assert "fit pairs a source dimension" not in inspector.text()


def test_in_sample_numbers_and_a_dominating_subject_are_warned_about(inspector: Inspector) -> None:
    shown = matrix(mode=FitMode.IN_SAMPLE, map=MapKind.ROTATION)
    inspector.show_cell(shown.cells["one", "two"], shown, FarRule.CONSERVATIVE)
    assert "In-sample: the map was fitted on the very images" in inspector.text()
    assert "One subject has 40% of the genuine pairs" in inspector.text()


def test_a_single_model_has_no_map_to_tell_of(inspector: Inspector) -> None:
    shown = matrix()
    inspector.show_cell(shown.cells["one", "one"], shown, FarRule.NEAREST)
    assert "one by itself" in inspector.text()
    assert "How the map was fitted" not in inspector.text()


def test_a_missing_cell_says_why(inspector: Inspector) -> None:
    shown = replace(matrix(), cells={("one", "two"): None}, missing={("one", "two"): "'two' has no embeddings yet"})
    inspector.show_missing("one", "two", shown)
    assert "'two' has no embeddings yet." in inspector.text()


def test_images_left_out_of_a_dataset_are_named(inspector: Inspector) -> None:
    class Entry:
        name, path, format, images, subjects, alignment = "faces", "somewhere", "folder", 8, 3, None
        problems, fold_pairs, has_folds, notes = 1, 0, False, ("every image is small",)

    inspector.show_dataset(Entry(), (Problem("Ann/1.jpg", "cut short"),))
    assert "Left out: 1" in inspector.text()
    assert "Ann/1.jpg: cut short" in inspector.text()
    assert "every image is small" in inspector.text()
