"""The TAR matrix as a figure for a paper: heat colours, numbers, single models hatched on the diagonal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from canon_core.figures import numbers
from canon_core.figures.palette import (
    RGB,
    ColourRange,
    colour_at,
    difference_range,
    diverging_table,
    heat_table,
    ink_on,
    tar_range,
)
from canon_core.figures.style import (
    COLUMN_WIDTH,
    FAINT,
    PAGE_WIDTH,
    SMALL_SIZE,
    TEXT_SIZE,
    name_lines,
    new_figure,
    paper_style,
    square_fields,
    text_width,
    wrapped,
)
from canon_core.study.results import Matrix, far_text, settings_line, stands_beside
from canon_core.verification.roc import FarRule

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Inches a cell needs to hold ``.952`` at 7 points, and the most it gets.
_CELL, _LARGEST_CELL = 0.36, 0.62
#: Of differences that have no colour: those to a control are many times as large as the others.
_BEYOND: RGB = (205, 208, 213)
#: Inches beside the cells for axis title, ticks and colour bar, and above them.
_BESIDE, _ABOVE = 0.95, 0.35


def matrix_figure(
    matrix: Matrix, far: float, rule: FarRule, *, difference: bool = False, width: float | None = None
) -> Figure:
    """Heat map of a matrix at one FAR: rows are sources, columns targets, sorted by single-model TAR.

    Parameters
    ----------
    matrix : Matrix
        At least one model.
    far, rule :
        Where the ROC of every cell is read; ``far`` is one of the matrix's.
    difference : bool
        Colour and number of an off-diagonal cell are its TAR minus that of the weaker of its two models.
    width : float, optional
        Inches; a paper's column or page, whichever the models need, unless given.

    Raises
    ------
    ValueError
        When the matrix was not computed for that FAR.
    """
    order = numbers.display_order(matrix, far, rule)
    labels = [name_lines(name) for name in order]
    longest = max(text_width(label, SMALL_SIZE) for label in labels)
    count = len(order)
    if width is None:
        width = COLUMN_WIDTH if _BESIDE + longest + count * _CELL <= COLUMN_WIDTH else PAGE_WIDTH
    cell = max(0.1, min(_LARGEST_CELL, (width - _BESIDE - longest) / count))
    height = _ABOVE + count * cell + 0.72 * longest + 0.2
    with paper_style():
        scale, table = _scale(matrix, far, rule, difference=difference)
        line = settings_line(matrix, rule, far)
        if difference and scale.exceeded:
            line += f" · {numbers.BEYOND_COLOURS[:1].lower()}{numbers.BEYOND_COLOURS[1:]}"
        figure, axes = new_figure(width, height, line)
        size = min(SMALL_SIZE, cell * 72 / (3.1 if difference else 2.7))
        for row, source in enumerate(order):
            for column, target in enumerate(order):
                single = source == target
                if difference and not single:
                    value = numbers.difference(matrix, source, target, far, rule)
                    text = numbers.difference_text(value)
                    text += "*" if matrix.unresolved(source, target, far, rule) else ""
                else:
                    value = matrix.tar(source, target, far, rule)
                    text = numbers.cell_text(matrix, source, target, far, rule)
                if value is None:
                    ground: RGB = (255, 255, 255)
                elif difference and single:
                    ground = (240, 241, 243)
                elif difference and not scale.holds(value):
                    ground = _BEYOND
                else:
                    ground = colour_at(table, scale.fraction(value))
                _draw_cell(axes, column, row, ground, text, size, hatched=single, missing=value is None)
        _label(axes, labels, longest=longest, cell=cell)
        for ticks in (axes.get_xticklabels(), axes.get_yticklabels()):
            for name, tick in zip(order, ticks, strict=True):
                tick.set_fontstyle("italic" if stands_beside(name) else "normal")
        what = "TAR − weaker single model" if difference else "TAR"
        title = wrapped(f"{what} at FAR {far_text(far)}", count * cell, TEXT_SIZE)
        _colour_bar(figure, axes, scale, table, title, at_most=scale.exceeded and not difference)
    return figure


def _scale(matrix: Matrix, far: float, rule: FarRule, *, difference: bool) -> tuple[ColourRange, NDArray[np.uint8]]:
    pairs = [(source, target) for source in matrix.models for target in matrix.models]
    if difference:
        gaps = {pair: numbers.difference(matrix, *pair, far, rule) for pair in pairs if pair[0] != pair[1]}
        return numbers.colour_range(gaps, difference_range), diverging_table()
    tars = {pair: matrix.tar(*pair, far, rule) for pair in pairs}
    return numbers.colour_range(tars, tar_range), heat_table()


def _draw_cell(
    axes: Axes, column: int, row: int, ground: RGB, text: str, size: float, *, hatched: bool, missing: bool
) -> None:
    from matplotlib.collections import LineCollection
    from matplotlib.patches import Rectangle

    fill = tuple(channel / 255 for channel in ground)
    ink = tuple(channel / 255 for channel in ink_on(ground))
    left, top = column - 0.5, row - 0.5
    axes.add_patch(Rectangle((left, top), 1, 1, facecolor=fill, edgecolor="white", linewidth=0.8))
    if hatched:
        steps = [step / 5 for step in range(1, 10)]
        lines = [
            ((left + max(0.0, step - 1), top + min(1.0, step)), (left + min(1.0, step), top + max(0.0, step - 1)))
            for step in steps
        ]
        hatch = LineCollection(lines, colors=[(*ink, 0.45)], linewidths=0.4, capstyle="butt")
        axes.add_collection(hatch, autolim=False)
    # The number stands on a clean patch: the hatch must not run through it.
    patch = {"facecolor": fill, "edgecolor": "none", "pad": 0.9} if hatched else None
    axes.text(
        column, row, text, ha="center", va="center", fontsize=size, color=FAINT if missing else ink, bbox=patch
    ).set_in_layout(False)


def _label(axes: Axes, labels: list[str], *, longest: float, cell: float) -> None:
    count = len(labels)
    square_fields(axes, count)
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    slanted = longest > 0.92 * cell
    axes.set_xticks(
        range(count),
        labels,
        rotation=45 if slanted else 0,
        ha="left" if slanted else "center",
        va="bottom",
        rotation_mode="anchor",
    )
    axes.set_yticks(range(count), labels)
    axes.set_xlabel("target")
    axes.set_ylabel("source")


def _colour_bar(
    figure: Figure, axes: Axes, scale: ColourRange, table: NDArray[np.uint8], label: str, *, at_most: bool
) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize

    colours = ListedColormap(table / 255)
    bar = figure.colorbar(
        ScalarMappable(Normalize(scale.low, scale.high), colours), ax=axes, fraction=0.06, pad=0.03, aspect=28
    )
    bar.set_label(label)
    if at_most:  # the lowest colour stands for all below it too
        lowest = f"≤ {numbers.tar_text(scale.low)}"
        ticks = [float(tick) for tick in bar.get_ticks() if scale.low < tick <= scale.high]
        bar.set_ticks([scale.low, *ticks], labels=[lowest, *map(numbers.tar_text, ticks)])
    bar.outline.set_visible(False)
    bar.ax.tick_params(width=0.6, length=2.5)
    if bar.solids is not None:
        bar.solids.set_edgecolor("face")  # else viewers show hairlines between the colours
