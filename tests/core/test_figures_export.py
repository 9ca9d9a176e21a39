"""Figures and tables that views export: groups, faces, two faces, every point of ROC curves, and one lock for all."""

from __future__ import annotations

import csv
import io
import threading

import numpy as np
import pytest

from canon_core.figures.curve import Curve
from canon_core.figures.face_figure import FaceGroup, face_figure
from canon_core.figures.group_figure import group_figure
from canon_core.figures.roc_table import roc_csv
from canon_core.figures.save import figure_bytes
from canon_core.figures.style import paper_style
from canon_core.figures.two_faces_figure import ScoreLine, two_faces_figure
from canon_core.study.group_results import GroupRates, GroupSettings
from canon_core.study.results import MatrixSettings
from canon_core.verification.group_rates import RateInterval
from canon_core.verification.roc import FarRule, roc_of_scores

SHADES = np.arange(48, dtype=np.uint8).reshape(4, 4, 3) * 5


def texts(figure: object) -> str:
    return figure_bytes(figure, "svg").decode()  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def rates() -> GroupRates:
    settings = GroupSettings(MatrixSettings("people", ("a", "b")), "a", "b", "AGE", 1e-2, FarRule.CONSERVATIVE)
    few, many, none = RateInterval(3, 1000, 0.001, 0.006), RateInterval(60, 1000, 0.04, 0.08), RateInterval(0, 0, 0, 0)
    return GroupRates(
        settings=settings, protocol="templates", dataset_title="people", kind="majority", groups=("young", "old_er"),
        edges=(), absolute=False, templates=(5, 6), subjects=(3, 3), threshold=0.4,
        impostors=((1000, 0), (0, 1000)), false_accepts=((3, 0), (0, 60)), fmr=((few, none), (none, many)),
        fnmr=(few, many, none), all_fmr=many, all_fnmr=few,
    )  # fmt: skip


@pytest.mark.parametrize("width", [None, 3.5])
def test_rates_of_groups_are_written_with_their_stars(rates: GroupRates, width: float | None) -> None:
    figure = group_figure(rates, width=width)
    assert figure.get_size_inches()[0] == (width or 7.0)
    drawn = texts(figure)
    for words in ("young", "old_er", ">3.0e-3*<", ">0.06<", ">–<", "all pairs 0.06"):
        assert words in drawn


def test_faces_stand_in_rows_with_the_ends_of_their_words() -> None:
    groups = [FaceGroup((SHADES, None), (f"{'x' * 90}{number}.png",)) for number in range(9)]
    figure = face_figure(groups, settings_line="nine pairs", width=3.5)
    drawn = texts(figure)
    assert drawn.count("<image") == 9
    assert drawn.count("no picture") == 9
    assert all(f"x{number}.png" in drawn for number in range(9))
    assert "x" * 60 not in drawn
    wide = face_figure(groups, settings_line="nine pairs", width=7.0)
    assert wide.get_size_inches()[1] < 2 * figure.get_size_inches()[1]


def test_two_faces_are_drawn_with_scores_and_thresholds() -> None:
    lines = [ScoreLine("before the map", -0.02), ScoreLine("after", 0.61, ((1e-3, 0.4), (1e-4, 0.5)))]
    drawn = texts(two_faces_figure((SHADES, None), ("through a", "through b"), lines, settings_line="settings"))
    for words in ("before the map: −0.020", "after: +0.610", "FAR 1e-3", "FAR 1e-4", "no picture", "through a"):
        assert words in drawn


def test_every_stored_point_of_a_curve_is_a_row() -> None:
    rng = np.random.default_rng(0)
    roc = roc_of_scores(rng.normal(0.5, 0.2, 60).astype(np.float32), rng.normal(0, 0.2, 90).astype(np.float32))
    text = roc_csv([Curve("a, b → c", roc)], "settings\nof it").decode()
    rows = list(csv.DictReader(io.StringIO(text.rsplit("#", 1)[0])))
    assert text.endswith("# settings of it\n")
    assert {row["curve"] for row in rows} == {"a, b → c"}
    assert rows[0]["threshold"] == ""
    np.testing.assert_allclose([float(row["threshold"]) for row in rows[1:]], roc.thresholds[1:], atol=1e-9)
    np.testing.assert_allclose([float(row["far"]) for row in rows], roc.far, atol=1e-9)
    np.testing.assert_allclose([float(row["tar"]) for row in rows], roc.tar, atol=1e-9)
    assert [int(row["false_accepts"]) for row in rows] == roc.false_accepts.tolist()


def test_one_thread_draws_at_a_time() -> None:
    inside, entered = threading.Event(), threading.Event()

    def other() -> None:
        inside.set()
        with paper_style():
            entered.set()

    with paper_style():
        thread = threading.Thread(target=other)
        thread.start()
        inside.wait(5)
        assert not entered.wait(0.2)
    thread.join(5)
    assert entered.is_set()
