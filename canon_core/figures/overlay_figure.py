"""A target and its sources before and after their maps, side by side, as a figure for a paper."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from canon_core.figures.palette import SeriesStyle, series_style
from canon_core.figures.roc_figure import SHAPES, entry_width
from canon_core.figures.style import (
    FAINT,
    PAGE_WIDTH,
    SMALL_SIZE,
    name_lines,
    new_figure,
    paper_style,
)
from canon_core.study.overlay_results import Overlay, OverlayMethod, overlay_line, score_text

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Subjects that get a colour of their own: those with most points; the others stay grey.
_COLOURED_SUBJECTS = 12
#: Points beyond which PDF and SVG hold them as a picture.
_VECTOR_POINTS = 20_000
#: Percent of the coordinates at each end that the frame need not hold; how many points that are is said.
_STRAGGLERS = 0.4
#: Groups take turns in this many rounds, so that none lies on top of all others.
_ROUNDS = 16


class OverlayColour(StrEnum):
    """What colour and shape of a point stand for."""

    MODEL = "model"
    SUBJECT = "subject"


@dataclass(frozen=True, eq=False)
class _Group:
    """Points that are drawn alike."""

    label: str
    rows: NDArray[np.int64]
    style: SeriesStyle | None


def overlay_figure(
    result: Overlay,
    *,
    colour: OverlayColour = OverlayColour.MODEL,
    lines: bool = False,
    named: bool = False,
    width: float | None = None,
) -> Figure:
    """Before and after side by side, each with its share of nearest neighbours that show the same subject.

    Parameters
    ----------
    result : Overlay
    colour : OverlayColour
        By model, or the subjects with most points each in a colour and shape of its own.
    lines : bool
        Join each source point to the same image (or template) in the target.
    named : bool
        Name subjects in the legend; else they are numbered.
    width : float, optional
        Inches; a paper's page unless given.
    """
    width = PAGE_WIDTH if width is None else width
    groups = list(_groups(result, colour, named))
    labels = [name_lines(group.label) for group in groups]
    columns = max(1, min(len(groups), int(width // max(map(entry_width, labels)))))
    legend = math.ceil(len(groups) / columns) * SMALL_SIZE * 1.6 / 72
    several = len(result.settings.sources) > 1
    scores = [
        f"{source}: {score_text(score, result.settings.level)}" if several else score_text(score, result.settings.level)
        for source, score in zip(result.settings.sources, result.scores, strict=True)
    ]
    with paper_style():
        figure, whole = new_figure(width, 0.5 * width + 0.25 + legend, " · ".join([overlay_line(result), *scores]))
        whole.remove()
        panels = figure.subplots(1, 2)
        sides = (("before: raw", result.before), (f"after: {result.settings.map} map", result.after))
        for number, (axes, (title, places)) in enumerate(zip(panels, sides, strict=True)):
            if lines:
                _join(axes, result, places)
            _draw(axes, groups, places)
            shares = [(score.before, score.after)[number] for score in result.scores]
            axes.set_title(f"{title} · {_same(shares)}")
            axes.set_aspect("equal", adjustable="box")
            axes.set_xticks([])
            axes.set_yticks([])
            axes.spines[:].set_color(FAINT)
        if result.settings.method is OverlayMethod.UMAP:  # clouds may lie anywhere, some points far from any
            frames = [_frame(axes, places, _STRAGGLERS) for axes, (_, places) in zip(panels, sides, strict=True)]
        else:
            everything = np.concatenate([places for _, places in sides])
            frames = [_frame(axes, everything) for axes in panels]
        for axes, (_, places), frame in zip(panels, sides, frames, strict=True):
            _say_outside(axes, places, *frame)
        if result.settings.method is OverlayMethod.UMAP:
            _mark(panels[0], frames[1])
        handles = [_handle(group) for group in groups]
        figure.legend(handles, labels, loc="outside upper center", ncols=columns, frameon=False, columnspacing=1.2)
    return figure


def _groups(result: Overlay, colour: OverlayColour, named: bool) -> Iterator[_Group]:
    if colour is OverlayColour.MODEL:
        for number, name in enumerate(result.models):
            label = f"{name} (target)" if number == 0 else name
            yield _Group(label, np.flatnonzero(result.model == number), series_style(number))
        return
    sizes = np.bincount(result.subject, minlength=len(result.subject_names))
    largest = np.argsort(-sizes, kind="stable")[:_COLOURED_SUBJECTS]
    others = np.flatnonzero(~np.isin(result.subject, largest))
    if others.size:
        yield _Group("other subjects", others, None)
    for number, code in enumerate(largest.tolist()):
        label = result.subject_names[code] if named else f"subject {code}"
        yield _Group(label, np.flatnonzero(result.subject == code), series_style(number))


def _draw(axes: Axes, groups: list[_Group], places: NDArray[np.float32]) -> None:
    rng = np.random.default_rng(0)
    size = 16.0 * min(1.0, max(0.12, math.sqrt(600 / max(len(places), 1)) / 2))
    shuffled = [rng.permutation(group.rows) for group in groups]
    for turn in range(_ROUNDS):
        for group, rows in zip(groups, shuffled, strict=True):
            part = rows[turn::_ROUNDS]
            if part.size:
                axes.scatter(
                    places[part, 0],
                    places[part, 1],
                    s=size if group.style else 0.6 * size,
                    color=_rgb(group.style),
                    marker=_shape(group.style),
                    linewidths=0,
                    alpha=0.75 if group.style else 0.35,
                    rasterized=len(places) > _VECTOR_POINTS,
                )


def _join(axes: Axes, result: Overlay, places: NDArray[np.float32]) -> None:
    from matplotlib.collections import LineCollection

    target = places[result.rows(0)]
    pieces = [
        np.stack([target, places[result.rows(number)]], axis=1) for number in range(1, 1 + len(result.settings.sources))
    ]
    axes.add_collection(
        LineCollection(
            list(np.concatenate(pieces)),
            colors=FAINT,
            linewidths=0.25,
            alpha=0.35 * min(1.0, math.sqrt(300 / max(len(target), 1))),
            zorder=0.5,
            rasterized=len(places) > _VECTOR_POINTS,
        )
    )


def _frame(
    axes: Axes, places: NDArray[np.float32], stragglers: float = 0.0
) -> tuple[NDArray[np.floating], float]:
    """A square around all but some percent of coordinates that lie far out; its centre and half its side."""
    low, high = np.percentile(places, [stragglers, 100 - stragglers], axis=0)
    centre, half = (low + high) / 2, 0.55 * float((high - low).max()) or 1.0
    axes.set_xlim(centre[0] - half, centre[0] + half)
    axes.set_ylim(centre[1] - half, centre[1] + half)
    return centre, half


def _mark(axes: Axes, frame: tuple[NDArray[np.floating], float]) -> None:
    """Show in the left panel what the right one holds: their scales differ, their coordinates do not."""
    from matplotlib.patches import Rectangle

    (left, bottom), half = frame[0] - frame[1], frame[1]
    axes.add_patch(
        Rectangle((left, bottom), 2 * half, 2 * half, fill=False, edgecolor=FAINT, linewidth=0.6, linestyle=(0, (3, 3)))
    )
    axes.text(
        0.015, 0.015, "dashed: what the right panel shows", transform=axes.transAxes, ha="left", va="bottom",
        fontsize=SMALL_SIZE - 1, color=FAINT,
    )  # fmt: skip


def _say_outside(axes: Axes, places: NDArray[np.float32], centre: NDArray[np.floating], half: float) -> None:
    outside = int((np.abs(places - centre) > half).any(axis=1).sum())
    if outside:
        axes.text(
            0.985, 0.015, f"{outside:,} of {len(places):,} points lie outside", transform=axes.transAxes,
            ha="right", va="bottom", fontsize=SMALL_SIZE - 1, color=FAINT,
        )  # fmt: skip


def _handle(group: _Group) -> Artist:
    from matplotlib.lines import Line2D

    return Line2D(
        [], [], linestyle="none", marker=_shape(group.style), color=_rgb(group.style), markersize=4.5,
        markeredgewidth=0,
    )  # fmt: skip


def _rgb(style: SeriesStyle | None) -> tuple[float, float, float] | str:
    if style is None:
        return FAINT
    red, green, blue = style.colour
    return red / 255, green / 255, blue / 255


def _shape(style: SeriesStyle | None) -> str:
    return "o" if style is None else SHAPES[style.marker]


def _same(shares: list[float]) -> str:
    found = sorted(share for share in shares if not math.isnan(share))
    if not found:
        return "nobody is shown twice"
    ends = dict.fromkeys(f"{100 * share:.1f}" for share in (found[0], found[-1]))
    return f"nearest is same subject: {'–'.join(ends)} %"
