"""How the scores of a cell's genuine and impostor pairs are spread, as a figure for a paper."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from canon_core.figures.palette import RGB
from canon_core.figures.style import COLUMN_WIDTH, INK, SMALL_SIZE, new_figure, paper_style, power_of_ten
from canon_core.study.results import far_text
from canon_core.verification.score_histogram import ScoreHistogram

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

#: Okabe-Ito: blue for genuine, vermillion for impostor pairs; on dark ground lighter ones of the same hue.
GENUINE: RGB = (0, 114, 178)
IMPOSTOR: RGB = (213, 94, 0)
#: Height of an empty bin on a log axis: below one pair.
_NO_PAIR = 0.5


class CountAxis(StrEnum):
    """What the height of a bin stands for."""

    LOG = "log count"
    LINEAR = "count"
    SHARE = "share"  #: of all pairs of its kind: both kinds are seen, though impostors are a thousand times as many


@dataclass(frozen=True)
class ShownThreshold:
    """A threshold to mark: where it lies, and the target FAR that chose it."""

    threshold: float
    far: float

    @property
    def text(self) -> str:
        """In words."""
        return f"threshold {self.threshold:.4f} at FAR {far_text(self.far)}"


def readable(histogram: ScoreHistogram) -> ScoreHistogram:
    """The histogram with as many bins joined as few pairs need to be read.

    No more bins where the smaller kind lies than about twice Rice's rule, 2 · n^(1/3), which is made for smooth
    distributions of one kind; ten thousand genuine pairs keep nearly all of the 400.
    """
    smaller = min(histogram.genuine, histogram.impostors, key=lambda counts: counts.sum() or np.inf)
    filled, pairs = np.flatnonzero(smaller), int(smaller.sum())
    if not pairs:
        return histogram
    wanted = 4 * pairs ** (1 / 3)
    across = int(filled[-1] - filled[0]) + 1
    bins = len(smaller)
    joined = next((each for each in (1, 2, 4, 5, 8, 10, 16, 20) if not bins % each and across / each <= wanted), 20)
    if joined == 1 or bins % joined:
        return histogram
    return ScoreHistogram(
        histogram.edges[::joined],
        *(counts.reshape(-1, joined).sum(axis=1) for counts in (histogram.genuine, histogram.impostors)),
    )


def heights(histogram: ScoreHistogram, axis: CountAxis) -> tuple[Floats, Floats]:
    """Heights of genuine and impostor bins, in pairs, or in percent of their kind for ``share``."""
    found = []
    for counts in (histogram.genuine, histogram.impostors):
        values = counts.astype(np.float64)
        total = values.sum()
        if axis is CountAxis.SHARE:
            values = 100 * values / total if total else values
        elif axis is CountAxis.LOG:
            values = np.maximum(values, _NO_PAIR)
        found.append(values)
    return found[0], found[1]


def occupied(histogram: ScoreHistogram) -> tuple[float, float]:
    """Scores between which any pair lies, a bin of room at each end; all of the axis where there is none."""
    filled = np.flatnonzero(histogram.genuine + histogram.impostors)
    edges = histogram.edges
    if not filled.size:
        return float(edges[0]), float(edges[-1])
    return float(edges[max(filled[0] - 1, 0)]), float(edges[min(filled[-1] + 2, len(edges) - 1)])


def histogram_figure(
    histogram: ScoreHistogram,
    *,
    axis: CountAxis = CountAxis.LOG,
    threshold: ShownThreshold | None = None,
    title: str,
    settings_line: str,
    width: float | None = None,
) -> Figure:
    """Both histograms as filled steps over the score, genuine solid and impostor dashed, and the threshold.

    ``width`` in inches is a paper's column unless given.
    """
    width = COLUMN_WIDTH if width is None else width
    low, high = occupied(histogram)
    totals = int(histogram.genuine.sum()), int(histogram.impostors.sum())
    with paper_style():
        figure, axes = new_figure(width, 0.68 * min(width, 5.0), settings_line)
        for values, colour, name, total, dash in zip(
            heights(histogram, axis), (GENUINE, IMPOSTOR), ("genuine", "impostor"), totals, ("-", "--"), strict=True
        ):
            rgb = tuple(channel / 255 for channel in colour)
            axes.stairs(values, histogram.edges, fill=True, color=(*rgb, 0.22), linewidth=0)
            axes.stairs(
                values, histogram.edges, color=rgb, linewidth=0.9, linestyle=dash, label=f"{name} ({total:,} pairs)"
            )
        if threshold is not None and np.isfinite(threshold.threshold):
            axes.axvline(threshold.threshold, color=INK, linewidth=0.8, linestyle=(0, (1.2, 1.2)), label=threshold.text)
        if axis is CountAxis.LOG:
            axes.set_yscale("log")
            axes.set_ylim(bottom=_NO_PAIR)
            axes.yaxis.set_major_formatter(lambda value, _: power_of_ten(value))
        else:
            axes.set_ylim(bottom=0)
        axes.set_xlim(low, high)
        axes.set_xlabel("score")
        axes.set_ylabel("% of pairs of its kind" if axis is CountAxis.SHARE else "pairs a bin")
        axes.set_title(title)
        axes.grid(visible=True, which="major", color="#dfe3e8", linewidth=0.5)
        axes.set_axisbelow(True)
        axes.tick_params(width=0.6, length=3, labelsize=SMALL_SIZE)
        axes.spines[["top", "right"]].set_visible(False)
        figure.legend(loc="outside upper center", ncols=2, frameon=False)
    return figure
