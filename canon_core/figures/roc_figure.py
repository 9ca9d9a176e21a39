"""ROC and DET curves as a figure for a paper."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from canon_core.figures.curve import FEW_DECIDE, FEW_IMPOSTORS, Curve, CurveRole, Plane, plane_of, trace
from canon_core.figures.legend_above import LegendAbove, entry_width
from canon_core.figures.palette import Marker, series_style
from canon_core.figures.style import (
    COLUMN_WIDTH,
    PAGE_WIDTH,
    SMALL_SIZE,
    name_lines,
    new_figure,
    paper_style,
    power_of_ten,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Curve", "CurveRole", "entry_width", "roc_figure"]

#: matplotlib's names of the marker shapes.
SHAPES = {
    Marker.CIRCLE: "o",
    Marker.SQUARE: "s",
    Marker.TRIANGLE: "^",
    Marker.DIAMOND: "D",
    Marker.WEDGE: "v",
    Marker.CROSS: "X",
    Marker.STAR: "*",
}
#: Dash and thickness of each part.
LINES = {CurveRole.CELL: ("-", 1.3), CurveRole.SOURCE: ((0, (5, 1.6)), 0.9), CurveRole.TARGET: ((0, (1.2, 1.2)), 0.9)}
#: Points that a printed line of one column can resolve.
_COLUMNS = 1200


def roc_figure(curves: Sequence[Curve], *, det: bool = False, settings_line: str, width: float | None = None) -> Figure:
    """TAR over log FAR, or with ``det`` FNMR over FMR, both logarithmic; each curve with its colour, dash and marker.

    Cells are solid, sources dashed, targets dotted. Where fewer than 30 impostor pairs decide the ground is shaded,
    as the settings then say.
    ``width`` in inches is a paper's column, or its page where more than eight curves need naming, unless given.
    """
    if width is None:
        width = COLUMN_WIDTH if len(curves) <= 8 else PAGE_WIDTH
    plotted = [curve for curve in curves if curve.roc.impostors and curve.roc.genuine]
    impostors = [curve.roc.impostors for curve in plotted]
    plane = plane_of(plotted, det=det)
    legend = LegendAbove.fitting([name_lines(curve.label) for curve in curves], width)
    if _few_below(min(impostors, default=0)) > plane.far:
        settings_line = " · ".join(filter(None, [settings_line, f"shaded: {FEW_DECIDE}"]))
    with paper_style():
        figure, axes = new_figure(width, 0.68 * min(width, 5.0) + legend.height, settings_line)
        for number, curve in enumerate(curves):
            _draw(axes, curve, number, plane)
        _shade(axes, min(impostors, default=0), plane.far)
        _frame(axes, plane)
        legend.draw(figure, axes.lines)
    return figure


def _draw(axes: Axes, curve: Curve, number: int, plane: Plane) -> None:
    style = series_style(curve.colour)
    colour = tuple(channel / 255 for channel in style.colour)
    dash, thickness = LINES[CurveRole(curve.role)]
    left = float(np.log10(plane.far))
    line = trace(curve.roc, plane, low=left, high=0.0, columns=_COLUMNS)
    heights = line.y if plane.fnmr is None else 10.0**line.y
    # Markers about once a decade, each curve a little further on, so that they do not cover one another.
    decades = np.arange(left + 0.5 + 0.16 * (number % 5), 0.0, 1.0)
    marks = np.searchsorted(line.x, decades)
    axes.plot(
        10.0**line.x,
        heights,
        color=colour,
        linestyle=dash,
        linewidth=thickness,
        marker=SHAPES[style.marker],
        markersize=3.2,
        markeredgewidth=0,
        markevery=sorted({int(mark) for mark in marks if mark < len(line.x)}),
        solid_joinstyle="round",
    )


def _shade(axes: Axes, impostors: int, low_far: float) -> None:
    edge = _few_below(impostors)
    if edge > low_far:
        axes.axvspan(low_far, min(edge, 1.0), color="#000000", alpha=0.055, linewidth=0, zorder=0)


def _few_below(impostors: int) -> float:
    """The FAR below which fewer than 30 impostor pairs decide."""
    return FEW_IMPOSTORS / impostors if impostors else 0.0


def _frame(axes: Axes, plane: Plane) -> None:
    from matplotlib.ticker import LogLocator

    axes.set_xscale("log")
    axes.set_xlim(plane.far, 1.0)
    axes.xaxis.set_major_locator(LogLocator(numticks=12))
    axes.xaxis.set_major_formatter(lambda value, _: power_of_ten(value))
    if plane.fnmr is None:
        axes.set_xlabel("FAR")
        axes.set_ylabel("TAR")
        heights = [np.asarray(line.get_ydata(), np.float64) for line in axes.lines]
        lowest = min((float(height.min()) for height in heights if height.size), default=0.0)
        axes.set_ylim(max(0.0, np.floor(lowest * 10) / 10 - 0.02), 1.01)
    else:
        axes.set_yscale("log")
        axes.set_ylim(plane.fnmr, 1.0)
        axes.yaxis.set_major_locator(LogLocator(numticks=12))
        axes.yaxis.set_major_formatter(lambda value, _: power_of_ten(value))
        axes.set_xlabel("FMR (= FAR)")
        axes.set_ylabel("FNMR (= 1 − TAR)")
    axes.grid(visible=True, which="major", color="#dfe3e8", linewidth=0.5)
    axes.set_axisbelow(True)
    axes.tick_params(width=0.6, length=3, labelsize=SMALL_SIZE)
    axes.tick_params(which="minor", width=0.4, length=1.5)
    axes.spines[["top", "right"]].set_visible(False)
