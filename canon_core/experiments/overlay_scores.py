"""How well an overlay's sources meet their target: of all points together, and of each dataset by itself."""

from __future__ import annotations

from canon_core.experiments.cell_base import Float32
from canon_core.experiments.overlay_points import OverlayPoints
from canon_core.jobs import JobContext
from canon_core.projection.agreement import subject_agreement
from canon_core.study.overlay_results import OverlayPart, OverlayScore


def overlay_scores(
    points: OverlayPoints,
    rows: slice,
    target: Float32,
    raws: list[Float32],
    mapped: list[Float32],
    ctx: JobContext,
) -> tuple[OverlayScore, ...]:
    """Some points' scores among one another, one a source.

    Parameters
    ----------
    points : OverlayPoints
        Whose the points are.
    rows : slice
        Which of them.
    target : (m, d) float32
        The points in the target's space.
    raws, mapped : list of (m, d_s) and of (m, d) float32
        The points of each source, before and after its map.

    Raises
    ------
    Cancelled
    """
    subjects, belongs = points.subject[rows], points.belongs[rows]
    target, raws, mapped = target[rows], [each[rows] for each in raws], [each[rows] for each in mapped]
    alone = subject_agreement(target, target, subjects, belongs, ctx)
    found = []
    for raw, through in zip(raws, mapped, strict=True):
        before = subject_agreement(raw, target, subjects, belongs, ctx)
        after = subject_agreement(through, target, subjects, belongs, ctx)
        own = subject_agreement(raw, raw, subjects, belongs, ctx)
        found.append(OverlayScore(before.asked, before.share, after.share, before.chance, own.share, alone.share))
    return tuple(found)


def part_scores(
    points: OverlayPoints, target: Float32, raws: list[Float32], mapped: list[Float32], ctx: JobContext
) -> tuple[OverlayPart, ...]:
    """What is shown of each dataset, scored as if it were alone; arguments as :func:`overlay_scores`."""
    return tuple(
        OverlayPart(
            part.items,
            part.subjects,
            overlay_scores(points, rows, target, raws, mapped, ctx),
            len(part.usable.left_out),
        )
        for part, rows in zip(points.parts, points.rows, strict=True)
    )
