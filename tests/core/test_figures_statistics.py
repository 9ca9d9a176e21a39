"""CMC curves, score histograms and CSV tables say what was computed, no more and no less."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path

import numpy as np
import pytest

from canon_core.figures.cmc_figure import CmcCurve, cmc_figure, lowest_rate
from canon_core.figures.curve import CurveRole
from canon_core.figures.histogram_figure import (
    CountAxis,
    ShownThreshold,
    heights,
    histogram_figure,
    occupied,
    readable,
)
from canon_core.figures.save import save_figure
from canon_core.figures.statistics_tables import groups_csv, histogram_csv, identification_csv
from canon_core.maps.kinds import MapKind
from canon_core.study.group_results import GroupRates, GroupSettings
from canon_core.study.identification_results import (
    GalleryResult,
    IdentificationCell,
    IdentificationMatrix,
    IdentifySettings,
    SearchResult,
)
from canon_core.study.results import MatrixSettings
from canon_core.verification.group_rates import RateInterval
from canon_core.verification.identification import IdentificationPoint
from canon_core.verification.roc import FarRule
from canon_core.verification.score_histogram import ScoreHistogram, bin_counts, bin_edges

RULE = FarRule.CONSERVATIVE


def histogram(genuine: int, impostors: int) -> ScoreHistogram:
    """Of two bells."""
    rng = np.random.default_rng(0)
    scores = (rng.normal(0.6, 0.1, genuine), rng.normal(0.0, 0.1, impostors))
    return ScoreHistogram(bin_edges(), *(bin_counts(np.sort(each).astype(np.float32)) for each in scores))


# -- CMC ---------------------------------------------------------------------------------------------------------------
def test_a_cmc_figure_draws_every_rate_over_its_rank() -> None:
    rates = tuple(np.minimum(0.62 + 0.02 * np.arange(100), 1.0).tolist())
    curves = [CmcCurve("_a → b", rates), CmcCurve("a", rates[:50], CurveRole.SOURCE, 1)]
    figure = cmc_figure(curves, settings_line="people · 1:N")
    (axes,) = figure.axes
    for line, curve in zip(axes.lines, curves, strict=True):
        np.testing.assert_array_equal(line.get_xdata(), np.arange(1, len(curve.rates) + 1))
        np.testing.assert_array_equal(line.get_ydata(), curve.rates)
    assert axes.get_xscale() == "log"
    assert axes.lines[0].get_linestyle() != axes.lines[1].get_linestyle()
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["_a → b", "a"]
    assert "people · 1:N" in [text.get_text() for text in figure.texts]


def test_curves_without_mated_probes_break_nothing() -> None:
    nothing = CmcCurve("none", (math.nan,) * 100)
    figure = cmc_figure([nothing], settings_line="s")
    assert not len(figure.axes[0].lines[0].get_ydata())
    assert lowest_rate([nothing]) == 0.0
    assert cmc_figure([], settings_line="s").axes


@pytest.mark.parametrize(("lowest", "bottom"), [(0.94, 0.9), (0.91, 0.8), (0.05, 0.0), (0.0, 0.0)])
def test_the_axis_of_rates_begins_with_room_below_the_lowest(lowest: float, bottom: float) -> None:
    assert lowest_rate([CmcCurve("a", (lowest, 1.0)), CmcCurve("b", (0.99, 1.0))]) == pytest.approx(bottom)


# -- histograms --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("pairs", [(200, 10_000), (20_000, 2_000_000), (0, 500), (500, 0), (0, 0), (1, 1)])
def test_joined_bins_lose_no_pair_and_lie_on_old_edges(pairs: tuple[int, int]) -> None:
    whole = histogram(*pairs)
    joined = readable(whole)
    assert (joined.genuine.sum(), joined.impostors.sum()) == pairs
    assert set(joined.edges) <= set(whole.edges)
    assert (joined.edges[0], joined.edges[-1]) == (-1.0, 1.0)
    for edges, counts in ((joined.edges, joined.genuine), (joined.edges, joined.impostors)):
        assert len(edges) == len(counts) + 1


def test_few_pairs_get_wide_bins_and_many_keep_narrow_ones() -> None:
    widths = [np.diff(readable(histogram(count, 100_000)).edges)[0] for count in (20, 200, 2_000, 20_000)]
    assert widths == sorted(widths, reverse=True)
    assert widths[0] > 3 * widths[-1]


def test_heights_are_pairs_or_percent_of_their_kind() -> None:
    whole = histogram(300, 9_000)
    genuine, impostors = heights(whole, CountAxis.LINEAR)
    assert (genuine.sum(), impostors.sum()) == (300, 9_000)
    assert [each.sum() for each in heights(whole, CountAxis.SHARE)] == pytest.approx([100, 100])
    assert (heights(whole, CountAxis.LOG)[0] >= 0.5).all()
    assert [each.sum() for each in heights(histogram(0, 5), CountAxis.SHARE)] == pytest.approx([0, 100])


def test_a_histogram_figure_shows_the_threshold_and_both_kinds(tmp_path: Path) -> None:
    whole = histogram(300, 9_000)
    for axis in CountAxis:
        figure = histogram_figure(
            whole, axis=axis, threshold=ShownThreshold(0.3125, 1e-3), title="a → b", settings_line="the settings"
        )
        (axes,) = figure.axes
        assert axes.lines[0].get_xdata() == [0.3125, 0.3125]
        assert axes.get_title() == "a → b"
        assert axes.get_yscale() == ("log" if axis is CountAxis.LOG else "linear")
        names = [text.get_text() for text in figure.legends[0].get_texts()]
        assert names == ["genuine (300 pairs)", "impostor (9,000 pairs)", "threshold 0.3125 at FAR 1e-3"]
    (path,) = save_figure(figure, tmp_path / "scores", ["svg"])
    assert "the settings" in path.read_text()


def test_no_threshold_is_drawn_where_nothing_is_accepted() -> None:
    never = ShownThreshold(math.inf, 1e-6)
    figure = histogram_figure(histogram(5, 5), threshold=never, title="t", settings_line="s")
    assert not figure.axes[0].lines


def test_the_axis_of_scores_ends_a_bin_beyond_the_last_pair() -> None:
    whole = histogram(300, 9_000)
    low, high = occupied(whole)
    filled = np.flatnonzero(whole.genuine + whole.impostors)
    assert (low, high) == (whole.edges[filled[0] - 1], whole.edges[filled[-1] + 2])
    assert occupied(histogram(0, 0)) == (-1.0, 1.0)


# -- tables ------------------------------------------------------------------------------------------------------------
def read(text: str) -> list[dict[str, str]]:
    """Rows of a CSV, its last line apart."""
    *lines, settings = text.strip().split("\n")
    assert settings.startswith("# ")
    return list(csv.DictReader(io.StringIO("\n".join(lines))))


def test_identification_is_written_with_every_digit_and_nothing_for_what_is_no_number() -> None:
    point = IdentificationPoint(0.1, 0.1 + 0.2, 3, 30, 7, 9)
    never = IdentificationPoint(0.01, math.inf, 0, 30, 0, 9)
    whole = SearchResult(12, 9, 30, tuple(range(100)), dict.fromkeys(FarRule, (point, never)))
    tpir = dict.fromkeys(FarRule, (7 / 9, math.nan))
    cell = IdentificationCell("k", "a", "b, c", (GalleryResult("G1", whole),), (1 / 3,) * 100, tpir, (), 0, 1.0)
    settings = IdentifySettings("people", ("a", "b, c"), fpir=(0.1, 0.01))
    matrix = IdentificationMatrix(settings, "people", 39, {("a", "b, c"): cell, ("a", "a"): None})
    one, every = read(identification_csv(matrix, RULE))
    assert (one["target"], one["gallery"], one["subjects"], one["non_mated"]) == ("b, c", "G1", "12", "30")
    assert float(one["threshold at FPIR 1e-1"]) == 0.1 + 0.2
    assert float(one["achieved FPIR at FPIR 1e-1"]) == 0.1
    assert one["threshold at FPIR 1e-2"] == ""
    assert (every["gallery"], every["subjects"]) == ("all", "")
    assert float(every["rank-5"]) == 1 / 3
    assert every["TPIR at FPIR 1e-2"] == ""


def test_groups_are_written_once_for_two_of_them_with_their_counts() -> None:
    def rate(errors: int, pairs: int) -> RateInterval:
        return RateInterval(errors, pairs, 0.0, 0.5) if pairs else RateInterval(0, 0, math.nan, math.nan)

    matrix = MatrixSettings("people", ("a", "b"), MapKind.LINEAR)
    found = GroupRates(
        settings=GroupSettings(matrix, "a", "b", "GENDER", 1e-2, RULE),
        protocol="template pairs",
        dataset_title="people",
        kind="majority",
        groups=("0", "mixed"),
        edges=(),
        absolute=False,
        templates=(3, 1),
        subjects=(2, 1),
        threshold=0.5,
        impostors=((1, 2), (3, 4)),
        false_accepts=((0, 1), (1, 0)),
        fmr=((rate(1, 10), rate(2, 20)), (rate(2, 20), rate(0, 0))),
        fnmr=(rate(1, 4), rate(0, 0), rate(0, 2)),
        all_fmr=rate(3, 30),
        all_fnmr=rate(1, 6),
    )
    rows = read(groups_csv(found))
    assert [(row["rate"], row["group"], row["other group"]) for row in rows] == [
        ("FMR", "0", "0"), ("FMR", "0", "mixed"), ("FMR", "mixed", "mixed"), ("FMR", "all", "all"),
        ("FNMR", "0", ""), ("FNMR", "mixed", ""), ("FNMR", "two groups", ""), ("FNMR", "all", ""),
    ]  # fmt: skip
    assert [float(rows[1][name]) for name in ("value", "low", "high", "errors", "pairs")] == [0.1, 0.0, 0.5, 2, 20]
    assert (rows[2]["value"], rows[2]["errors"], rows[2]["pairs"]) == ("", "0", "0")


def test_a_histogram_is_written_bin_by_bin() -> None:
    whole = histogram(300, 9_000)
    rows = read(histogram_csv(whole, "the\nsettings"))
    assert len(rows) == 400
    assert sum(int(row["impostor"]) for row in rows) == 9_000
    assert [float(rows[7]["from"]), float(rows[7]["to"])] == whole.edges[7:9].tolist()
