"""Who is taken for whom and who is not recognised, by group at one threshold, as a figure for a paper."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from canon_core.figures.numbers import NO_VALUE
from canon_core.figures.palette import colour_at, heat_table, ink_on
from canon_core.figures.style import (
    FAINT,
    INK,
    PAGE_WIDTH,
    SMALL_SIZE,
    name_lines,
    new_figure,
    paper_style,
    square_fields,
    text_width,
)
from canon_core.study.group_results import GroupRates, few_errors, groups_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from canon_core.verification.group_rates import RateInterval

#: Inches that a group takes in the table, and in the list of rates that are not recognised.
_CELL, _ROW = 0.42, 0.2
#: Inches below which the two parts stand one above the other.
_BESIDE = 5.0


def group_figure(found: GroupRates, *, width: float | None = None) -> Figure:
    """FMR of every two groups as a table of heat colours (logarithmic), FNMR of every group with its interval.

    A star stands where fewer than 30 errors decide a rate. ``width`` in inches is a paper's page unless given.
    """
    width = PAGE_WIDTH if width is None else width
    beside = width >= _BESIDE
    labels = [name_lines(name) for name in found.groups]
    rows = [*found.groups, "two groups", "all pairs"]
    longest = max(text_width(label, SMALL_SIZE) for label in labels)
    table = len(labels) * _CELL + 0.72 * longest + 0.7
    listed = len(rows) * _ROW + 0.7
    with paper_style():
        figure, whole = new_figure(width, max(table, listed) if beside else table + listed, groups_line(found))
        whole.remove()
        if beside:
            left, right = figure.subplots(1, 2)
        else:
            left, right = figure.subplots(2, 1, height_ratios=(table, listed))
        _draw_fmr(left, found, labels)
        _draw_fnmr(right, rows, [*found.fnmr, found.all_fnmr])
    return figure


def _draw_fmr(axes: Axes, found: GroupRates, labels: list[str]) -> None:
    from matplotlib.patches import Rectangle

    positive = [math.log10(rate.rate) for row in found.fmr for rate in row if rate.pairs and rate.errors]
    low, high = min(positive, default=-1.0), max(positive, default=0.0)
    table = heat_table()
    for row, rates in enumerate(found.fmr):
        for column, rate in enumerate(rates):
            if not rate.pairs:
                ground = (255, 255, 255)
            elif not rate.errors:
                ground = colour_at(table, 0.0)
            else:
                ground = colour_at(table, (math.log10(rate.rate) - low) / (high - low) if high > low else 0.5)
            fill = tuple(channel / 255 for channel in ground)
            ink = tuple(channel / 255 for channel in ink_on(ground))
            axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=fill, edgecolor="white", linewidth=0.8))
            axes.text(
                column, row, _text(rate), ha="center", va="center", fontsize=SMALL_SIZE - 1,
                color=ink if rate.pairs else FAINT,
            ).set_in_layout(False)  # fmt: skip
    count = len(labels)
    square_fields(axes, count)
    axes.set_xticks(range(count), labels, rotation=45, ha="right", va="top", rotation_mode="anchor")
    axes.set_yticks(range(count), labels)
    axes.set_title(f"FMR (all pairs {_text(found.all_fmr)})")


def _draw_fnmr(axes: Axes, names: list[str], rates: list[RateInterval]) -> None:
    for row, rate in enumerate(rates):
        if rate.pairs:
            axes.plot([rate.low, rate.high], [row, row], color=INK, linewidth=0.9)
            axes.plot([rate.rate], [row], marker="o", markersize=3.4, color=INK, linestyle="none")
    highest = max((rate.high for rate in rates if rate.pairs), default=1.0) or 1.0
    for row, rate in enumerate(rates):
        axes.text(1.02 * highest, row, _text(rate), ha="left", va="center", fontsize=SMALL_SIZE)
    axes.set_xlim(0, 1.22 * highest)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_yticks(range(len(names)), [name_lines(name) for name in names])
    axes.grid(visible=True, axis="x", color="#dfe3e8", linewidth=0.5)
    axes.set_axisbelow(True)
    axes.tick_params(width=0.6, length=3, labelsize=SMALL_SIZE)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title("FNMR, with intervals")


def _text(rate: RateInterval) -> str:
    if not rate.pairs:
        return NO_VALUE
    value = rate.rate
    if value == 0 or value >= 0.01:
        text = f"{value:.3f}".rstrip("0").rstrip(".") or "0"
    else:
        mantissa, exponent = f"{value:.1e}".split("e")
        text = f"{mantissa}e{int(exponent)}"
    return text + "*" * few_errors(rate)
