"""CMC curves of 1:N identification: how many mated probes have their own subject among the first ranks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from canon_core.figures.curve import CurveRole
from canon_core.figures.legend_above import LegendAbove
from canon_core.figures.palette import series_style
from canon_core.figures.roc_figure import LINES, SHAPES
from canon_core.figures.style import COLUMN_WIDTH, PAGE_WIDTH, SMALL_SIZE, name_lines, new_figure, paper_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Ranks that have a tick and a marker.
TICKS = (1, 2, 5, 10, 20, 50, 100)


@dataclass(frozen=True)
class CmcCurve:
    """One curve to draw.

    Attributes
    ----------
    label : str
    rates : (r,) tuple of float
        Hit rates at ranks 1, 2, …; NaN without mated probes.
    role : CurveRole
    colour : int
        Number of its colour and marker (:func:`~canon_core.figures.palette.series_style`).
    """

    label: str
    rates: tuple[float, ...]
    role: CurveRole = CurveRole.CELL
    colour: int = 0

    @property
    def drawable(self) -> bool:
        """Whether it has any point."""
        return bool(self.rates) and math.isfinite(self.rates[0])


def cmc_figure(curves: Sequence[CmcCurve], *, settings_line: str, width: float | None = None) -> Figure:
    """Hit rate over rank, the rank logarithmic; each curve with its colour, dash and marker.

    ``width`` in inches is a paper's column, or its page where more than eight curves need naming, unless given.
    """
    if width is None:
        width = COLUMN_WIDTH if len(curves) <= 8 else PAGE_WIDTH
    legend = LegendAbove.fitting([name_lines(curve.label) for curve in curves], width)
    with paper_style():
        figure, axes = new_figure(width, 0.62 * min(width, 5.0) + legend.height, settings_line)
        for curve in curves:
            _draw(axes, curve)
        _frame(axes, curves)
        legend.draw(figure, axes.lines)
    return figure


def lowest_rate(curves: Sequence[CmcCurve]) -> float:
    """Where the axis of rates may begin: the lowest rank-1 rate rounded down to a tenth, some room below it."""
    rates = [curve.rates[0] for curve in curves if curve.drawable]
    return max(0.0, math.floor(min(rates, default=0.0) * 10 - 0.2) / 10)


def _draw(axes: Axes, curve: CmcCurve) -> None:
    style = series_style(curve.colour)
    dash, thickness = LINES[CurveRole(curve.role)]
    rates = curve.rates if curve.drawable else ()
    axes.plot(
        range(1, len(rates) + 1),
        rates,
        color=tuple(channel / 255 for channel in style.colour),
        linestyle=dash,
        linewidth=thickness,
        marker=SHAPES[style.marker],
        markersize=3.2,
        markeredgewidth=0,
        markevery=[rank - 1 for rank in TICKS if rank <= len(rates)],
        solid_joinstyle="round",
    )


def _frame(axes: Axes, curves: Sequence[CmcCurve]) -> None:
    from matplotlib.ticker import NullLocator

    last = max((len(curve.rates) for curve in curves), default=TICKS[-1])
    axes.set_xscale("log")
    axes.set_xlim(0.93, last * 1.05)
    axes.set_xticks([rank for rank in TICKS if rank <= last], [str(rank) for rank in TICKS if rank <= last])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("rank")
    axes.set_ylabel("mated probes found")
    axes.set_ylim(lowest_rate(curves) - 0.005, 1.01)
    axes.grid(visible=True, which="major", color="#dfe3e8", linewidth=0.5)
    axes.set_axisbelow(True)
    axes.tick_params(width=0.6, length=3, labelsize=SMALL_SIZE)
    axes.spines[["top", "right"]].set_visible(False)
