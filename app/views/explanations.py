"""What a reader should know before trusting a number, in words. No Qt."""

from __future__ import annotations

from collections.abc import Sequence

from canon_core.maps.kinds import MapKind
from canon_core.study.results import FEW_PAIRS_PER_DIMENSION, Cell, Fit, FitMode, Matrix, MatrixSettings

#: Share of the genuine pairs above which one subject deserves to be named.
_LARGE_SHARE = 0.2

_LEAKS = {
    FitMode.IN_SAMPLE: "In-sample: the map was fitted on the very images that are scored, so these figures flatter it.",
    FitMode.AUTHORS: "As the authors scored, in-sample on the mapped side: the source embeds the first template of each"
    " pair, an enrolment template whose images are those the map was fitted on (their scripts do so; section 3.3 of the"
    " paper says that the mapped templates come from X_V, the verification side).",
    FitMode.REVERSED: "Reversed, still in-sample: the source embeds the second template of each pair, whose images are"
    " outside the fit, but the target's templates are what the map was fitted to and every subject was seen (section"
    " 3.3 of the paper describes this side, mapped templates from X_V; the authors' scripts map the other).",
}


def fewest_pairs(cell: Cell) -> Fit | None:
    """The fit with the fewest pairs for each dimension; None where there is no map."""
    return min(cell.fits, key=lambda fit: fit.pairs_per_dimension, default=None)


def few_pairs_note(cell: Cell) -> str:
    """A warning below ten fit pairs for each source dimension, else nothing."""
    fit = fewest_pairs(cell)
    if fit is None or fit.pairs_per_dimension >= FEW_PAIRS_PER_DIMENSION:
        return ""
    return (
        f"Few fit pairs: {fit.pairs:,} for {fit.dimensions} source dimensions, {fit.pairs_per_dimension:.1f} a "
        f"dimension, below {FEW_PAIRS_PER_DIMENSION:.0f}. The map is poorly determined; more images would help."
    )


def leak_note(settings: MatrixSettings) -> str:
    """What a map has seen of the pairs it is scored on, where it has seen any: one sentence; else nothing."""
    if settings.map is MapKind.NONE:
        return ""
    return _LEAKS.get(settings.mode, "")


def in_sample_note(matrix: Matrix, cell: Cell) -> str:
    """That in-sample figures flatter the map, where they do."""
    return leak_note(matrix.settings) if cell.fits else ""


def subject_note(cell: Cell) -> str:
    """That one subject owns much of the genuine pairs, where one does."""
    if cell.largest_subject_share < _LARGE_SHARE:
        return ""
    return (
        f"One subject, {cell.largest_subject}, has {100 * cell.largest_subject_share:.0f} % of the genuine pairs;"
        " “alike” weights every subject the same."
    )


def left_out_note(cell: Cell) -> str:
    """That images were left out, where some were."""
    if not cell.left_out:
        return ""
    images = "1 image was" if cell.left_out == 1 else f"{cell.left_out:,} images were"
    return f"{images} left out: a model gave no usable embedding (NaN or zero)."


def residual_words(fits: Sequence[Fit]) -> str:
    """Which images the residuals were measured on."""
    counts = " and ".join(f"{fit.residual_pairs:,}" for fit in fits)
    if all(fit.held_out for fit in fits):
        return f"on {counts} images outside the fit"
    return f"in-sample, on the {counts} images of the fit"


def amount_text(count: int) -> str:
    """A large count with three digits: ``3.40 M``, ``0.45 G``… as people write parameters and operations."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count}"


def alignment_words(alignment: str | None) -> str:
    """Where the five points of each face come from."""
    words = {
        "landmarks": "by five landmarks of each face",
        "arcface": "images already are crops on the ArcFace template",
        "boxes": "by a box around each face: enough for networks that want a detector's box",
        "whole": "none: whole images, whose numbers mean little",
    }
    if alignment is None:
        return "not known yet: give landmarks, a detector, or say that the images are aligned"
    return words.get(str(alignment), str(alignment))
