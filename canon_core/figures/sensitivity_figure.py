"""TAR against the number of fit pairs as a figure for a paper (paper Figures 4 and 9)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from canon_core.figures.palette import series_style
from canon_core.figures.roc_figure import SHAPES
from canon_core.figures.style import COLUMN_WIDTH, new_figure, paper_style
from canon_core.study.results import far_text
from canon_core.study.sensitivity_results import Sensitivity, sensitivity_line
from canon_core.verification.roc import FarRule

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def sensitivity_figure(results: Sequence[Sensitivity], rule: FarRule, width: float | None = None) -> Figure:
    """One curve a result and FAR: the mean over cross-model cells and repetitions, the repetitions as a band; the
    mean of the single models dashed. Results share dataset and models; map or mode may differ.

    Parameters
    ----------
    results : sequence of Sensitivity
        At least one.
    width : float, optional
        Inches; a paper's column unless given.
    """
    width = COLUMN_WIDTH if width is None else width
    with paper_style():
        figure, axes = new_figure(width, 0.75 * width, sensitivity_line(results[0], rule))
        number = 0
        for result in results:
            for far in result.settings.far:
                style = series_style(number)
                colour = tuple(channel / 255 for channel in style.colour)
                means, lows, highs, sizes = [], [], [], []
                for step, (pairs, repeats) in enumerate(zip(result.pairs, result.repeats, strict=True)):
                    found = [result.mean(step, repeat, far, rule) for repeat in range(repeats)]
                    values = [value for value in found if value is not None]
                    if values:
                        sizes.append(pairs)
                        means.append(float(np.mean(values)))
                        lows.append(min(values))
                        highs.append(max(values))
                label = f"{result.settings.map}, {result.settings.mode}, FAR {far_text(far)}"
                axes.fill_between(sizes, lows, highs, color=colour, alpha=0.18, linewidth=0)
                axes.plot(
                    sizes, means, color=colour, marker=SHAPES[style.marker], markersize=3.5, linewidth=1.3, label=label
                )
                single = result.single_mean(far, rule)
                if single is not None:
                    axes.axhline(single, color=colour, linestyle=(0, (5, 2)), linewidth=0.8)
                number += 1
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.set_ylim(0.0, 1.01)
        axes.set_xlabel("image pairs a map is fitted on")
        axes.set_ylabel("mean TAR of cross-model cells")
        axes.grid(visible=True, which="major", color="#dfe3e8", linewidth=0.5)
        axes.set_axisbelow(True)
        figure.legend(loc="outside upper center", frameon=False, ncols=1 if number < 3 else 2)
    return figure
