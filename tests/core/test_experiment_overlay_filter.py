"""Which points of an overlay are left, against what is asked for point by point."""

from __future__ import annotations

import numpy as np
import pytest

from canon_core.experiments.overlay_details import Neighbours, OverlayDetails
from canon_core.experiments.overlay_filter import OverlayFilter, points_left
from canon_core.experiments.overlay_groups import Grouping
from canon_core.study.overlay_results import Overlay, OverlaySettings

#: Two sources into a target, four items of subjects 0, 0, 1, 1.
SUBJECT = np.array([0, 0, 1, 1], np.int32)


def neighbours(after: list[int], asked: list[bool]) -> Neighbours:
    near = np.array(after, np.int32)
    return Neighbours(near, near, near, near, np.array(asked), np.zeros(4, np.float32))


@pytest.fixture
def result() -> Overlay:
    places = np.zeros((12, 2), np.float32)
    return Overlay(
        key="k", settings=OverlaySettings("d", ("a", "c"), "b"), dataset_title="d", before=places, after=places,
        model=np.repeat(np.arange(3, dtype=np.int16), 4), item=np.tile(np.arange(4), 3), subject=np.tile(SUBJECT, 3),
        half=np.zeros(12, np.int8), subject_names=("ann", "bob"), scores=(), items=(4, 4), subjects=(2, 2),
        fit_pairs=(),
    )  # fmt: skip


@pytest.fixture
def details() -> OverlayDetails:
    return OverlayDetails(
        names=("ann/1", "ann/2", "bob/1", "bob/2"),
        images=np.arange(4),
        covariates={"light": Grouping(("dim", "bright"), np.array([0, 1, -1, 1], np.int16))},
        neighbours=(
            neighbours([1, 2, 3, 2], [True] * 4),  # item 1 finds item 2, of another subject
            neighbours([1, 0, 0, 1], [True, True, True, False]),  # item 2 finds item 0; item 3 is not asked
        ),
    )


def left(wanted: OverlayFilter, result: Overlay, details: OverlayDetails | None) -> list[int]:
    return np.flatnonzero(points_left(wanted, result, details)).tolist()


def test_nothing_wanted_leaves_everything(result: Overlay, details: OverlayDetails) -> None:
    assert left(OverlayFilter(), result, details) == list(range(12))
    assert left(OverlayFilter(), result, None) == list(range(12))


def test_errors_leave_source_points_their_own_target_points_and_those_they_find(result, details) -> None:
    assert left(OverlayFilter(errors=True), result, details) == [0, 1, 2, 4 + 1, 8 + 2]


def test_a_search_leaves_what_it_finds_of_every_model(result: Overlay, details: OverlayDetails) -> None:
    assert left(OverlayFilter(text="ANN"), result, details) == [0, 1, 4, 5, 8, 9]


def test_a_group_leaves_its_items_and_not_those_of_which_nothing_is_known(result, details) -> None:
    assert left(OverlayFilter(covariate="light", group="bright"), result, details) == [1, 3, 5, 7, 9, 11]
    assert left(OverlayFilter(covariate="light", group="dark"), result, details) == []
    assert left(OverlayFilter(covariate="age", group="old"), result, details) == []


def test_every_part_narrows_and_is_said(result: Overlay, details: OverlayDetails) -> None:
    wanted = OverlayFilter(errors=True, text="bob", covariate="light", group="bright")
    assert left(wanted, result, details) == []
    assert left(OverlayFilter(errors=True, text="bob"), result, details) == [2, 10]
    assert wanted.words == "false neighbours, found by 'bob', light bright"
    assert left(wanted, result, None) == []
