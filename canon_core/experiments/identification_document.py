"""A 1:N identification as the JSON that scripts read."""

from __future__ import annotations

import math
from typing import Any, Final

from canon_core.study.identification_results import GalleryResult, IdentificationCell, IdentificationMatrix
from canon_core.verification.identification import RANKS
from canon_core.verification.roc import FarRule

#: How galleries and halves become one number.
AVERAGING: Final = (
    "rank and cmc: mated probes of all galleries pooled; tpir: mean over galleries, halves of subjects pooled within a"
    " gallery at one threshold; ties in rank count against the probe"
)


def identify_json(matrix: IdentificationMatrix, rule: FarRule) -> dict[str, Any]:
    """The result as ``canon identify --json`` prints it.

    ``rank`` is ``[source][target][k]`` for ``ranks``, ``cmc`` ``[source][target][rank - 1]``, ``tpir``
    ``[source][target][fpir]``: pooled, and averaged over galleries, as ``averaging`` says. ``galleries`` holds the same
    for each gallery, with achieved FPIR and threshold, the subjects enrolled (in each half), mated and non-mated
    probes, and how many subjects of the gallery have no usable image, with how many probes that were left out for it.
    A missing cell and a number that is not finite are None.
    """
    settings = matrix.settings
    names = matrix.models
    some = matrix.any_cell

    def table(values: Any) -> list[list[list[float | None] | None]]:
        def of_cell(cell: IdentificationCell | None) -> list[float | None] | None:
            return None if cell is None else [_finite(value) for value in values(cell)]

        return [[of_cell(matrix.cells.get((source, target))) for target in names] for source in names]

    def of_gallery(number: int, gallery: GalleryResult) -> dict[str, Any]:
        def points(what: str) -> list[list[list[float | None] | None]]:
            return table(
                lambda cell: [getattr(point, what) for point in cell.galleries[number].whole.points[rule]]
            )

        return {
            "name": gallery.name,
            "subjects": [half.enrolled for half in gallery.halves] or [gallery.whole.enrolled],
            "mated": gallery.whole.mated,
            "non_mated": gallery.whole.non_mated,
            "lost_subjects": gallery.whole.lost_subjects,
            "lost_probes": gallery.whole.lost_probes,
            "rank": table(lambda cell: [cell.galleries[number].whole.hit_rate(rank) for rank in RANKS]),
            "tpir": points("tpir"),
            "achieved_fpir": points("fpir"),
            "threshold": points("threshold"),
        }

    fits = next((cell.fits for cell in matrix.cells.values() if cell is not None and cell.fits), ())
    return {
        "dataset": settings.dataset,
        "protocol": "1:N",
        "map": str(settings.map),
        "mode": str(settings.mode),
        "features": str(settings.features),
        "far_rule": str(rule),
        "seed": settings.seed,
        "models": list(names),
        "ranks": list(RANKS),
        "fpir": list(settings.fpir),
        "rank": table(lambda cell: [cell.hit_rate(rank) for rank in RANKS]),
        "cmc": table(lambda cell: cell.cmc),
        "tpir": table(lambda cell: cell.tpir[rule]),
        "averaging": AVERAGING,
        "probes": matrix.probes,
        "galleries": [] if some is None else [of_gallery(*each) for each in enumerate(some.galleries)],
        "fit_pairs": [fit.pairs for fit in fits],
        "left_out": len(matrix.left_out),
        "missing": [
            {"source": source, "target": target, "reason": reason}
            for (source, target), reason in matrix.missing.items()
        ],
        "seconds": matrix.seconds,
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
