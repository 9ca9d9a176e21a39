"""TAR against the number of fit pairs as a figure for a paper (paper Figures 4 and 9)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from canon_core.figures.legend_above import LegendAbove
from canon_core.figures.roc_figure import SHAPES
from canon_core.figures.sensitivity_curve import (
    SensitivityCurve,
    curve_name,
    near_dimensions,
    sensitivity_curves,
    single_levels,
    source_dimensions,
)
from canon_core.figures.style import CAPTION_SIZE, COLUMN_WIDTH, FAINT, SMALL_SIZE, new_figure, paper_style
from canon_core.maps.kinds import MapKind
from canon_core.study.sensitivity_results import Pair, Sensitivity, sensitivity_line
from canon_core.verification.roc import FarRule

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def sensitivity_figure(
    results: Sequence[Sensitivity],
    rule: FarRule,
    width: float | None = None,
    *,
    far: float | None = None,
    among: Collection[Pair] | None = None,
) -> Figure:
    """One curve a result and FAR: the mean over cross-model cells and repetitions, the repetitions as faint marks and
    their range as a band; the mean of each fit mode's single models as a thin level line. Where a least-squares map
    has about as many pairs as dimensions the ground is shaded.

    Parameters
    ----------
    results : sequence of Sensitivity
        At least one, of one dataset with the same models; map and mode may differ.
    width : float, optional
        Inches; a paper's column unless given.
    far, among :
        Of all FARs and cells the ones to draw.
    """
    width = COLUMN_WIDTH if width is None else width
    curves = sensitivity_curves(results, rule, far, among)
    levels = single_levels(results, rule, far, among)
    fars = len({curve.far for curve in curves}) > 1
    names = [curve_name(curve, fars=fars) for curve in curves] + [curve_name(level, fars=fars) for level in levels]
    legend = LegendAbove.fitting(names, width, most=2)
    with paper_style():
        figure, axes = new_figure(width, 0.62 * width + legend.height, sensitivity_line(results, rule, far, among))
        for curve in curves:
            _draw(axes, curve, curve_name(curve, fars=fars))
        for number, level in enumerate(levels):
            axes.axhline(
                level.tar, color=FAINT, linestyle=_LEVELS[number % len(_LEVELS)], linewidth=0.8, zorder=1.5,
                label=curve_name(level, fars=fars),
            )  # fmt: skip
        widths = source_dimensions(results, among)
        if widths and any(curve.map is not MapKind.ROTATION for curve in curves):
            low, high = near_dimensions(widths)
            axes.axvspan(low, high, color="#eef0f3", linewidth=0, zorder=0)
            middle = (low * high) ** 0.5
            axes.text(middle, 0.015, _NEAR, ha="center", va="bottom", color=FAINT, fontsize=CAPTION_SIZE)
        _frame(axes, curves)
        legend.draw(figure, axes.get_legend_handles_labels()[0])
    return figure


#: Says of the shade what it is: as many pairs as dimensions.
_NEAR = "n ≈ d"
_LEVELS = ((0, (1.2, 1.6)), (0, (7, 2, 1.2, 2)), (0, (3, 1.2)))


def _draw(axes: Axes, curve: SensitivityCurve, label: str) -> None:
    style = curve.style()
    colour = tuple(channel / 255 for channel in style.colour)
    pairs = [step.pairs for step in curve.steps]
    axes.fill_between(
        pairs,
        [min(step.values) for step in curve.steps],
        [max(step.values) for step in curve.steps],
        color=colour,
        alpha=0.14,
        linewidth=0,
    )
    axes.scatter(
        [step.pairs for step in curve.steps for _ in step.values],
        [value for step in curve.steps for value in step.values],
        s=3.0,
        color=colour,
        alpha=0.55,
        linewidth=0,
        marker=SHAPES[style.marker],
    )
    axes.plot(
        pairs,
        [step.mean for step in curve.steps],
        color=colour,
        linestyle="-" if curve.dash is None else (0, curve.dash),
        marker=SHAPES[style.marker],
        markerfacecolor="white" if curve.hollow else colour,
        markeredgewidth=0.8,
        markersize=3.5,
        linewidth=1.3,
        label=label,
    )


def _frame(axes: Axes, curves: Sequence[SensitivityCurve]) -> None:
    from matplotlib.ticker import FixedLocator, NullLocator

    sizes = sorted({step.pairs for curve in curves for step in curve.steps})
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_locator(FixedLocator(_apart(sizes)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.set_ylim(0.0, 1.01)
    axes.set_xlabel("image pairs a map is fitted on")
    axes.set_ylabel("mean TAR of cross-model cells")
    axes.grid(visible=True, which="major", color="#dfe3e8", linewidth=0.5)
    axes.set_axisbelow(True)
    axes.tick_params(width=0.6, length=3, labelsize=SMALL_SIZE)
    axes.spines[["top", "right"]].set_visible(False)


def _apart(sizes: Sequence[int]) -> list[int]:
    """The sizes whose numbers have room beside each other; the largest, all pairs, always."""
    ticks: list[int] = []
    for size in reversed(sizes):
        if not ticks or ticks[-1] / size > 1.45:
            ticks.append(size)
    return ticks[::-1]
