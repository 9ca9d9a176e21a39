"""The paper in five steps, told on the study that is open: what each says, points at, and sets. No Qt."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from canon_core.demo.networks import PCA
from canon_core.maps.kinds import MapKind
from canon_core.study.results import FitMode, Matrix, far_text, stands_beside
from canon_core.verification.roc import FarRule

from .contents import Contents
from .view_state import Focus, Pair, ViewState
from .views.shown_matrix import title_of

#: Where every step reads the matrix: on the demo, enough impostor pairs get through to be counted.
_FAR: Final = 1e-2
#: Tabs of the last step, the first that the window has: a picture of both spaces, or how few pairs suffice.
_OVERLAY, _SENSITIVITY = "Overlay", "Sensitivity"


_LAST: Final = {
    _OVERLAY: "Both networks' synthetic faces in one picture: a point is an image, and points that lie close together"
    " are alike to the networks. Raw, the two fill places of their own; through the map, images of one person come"
    " together, whichever network looked at them. It is computed when it is looked at; until then another picture"
    " stands in.",
    _SENSITIVITY: "How many pairs of embeddings does a map need? Each step fits maps on more of the synthetic faces and"
    " scores them on people that no map has seen. The curve rises steeply and soon bends: a map is learned from few"
    " faces. Where it is not computed yet, its button does that.",
}


@dataclass(frozen=True)
class TourStep:
    """Attributes
    ----------
    title : str
    tab : str
        Name of the view it looks at.
    target : str
        What it points at: ``faces``, ``matrix``, ``roc``, ``inspector``, or the view itself (empty).
    sets : mapping
        Fields of the view state that it sets, where they differ.
    """

    title: str
    tab: str
    target: str = ""
    sets: Mapping[str, Any] = field(default_factory=dict)


def tour_steps(tabs: Collection[str], best: Pair | None) -> tuple[TourStep, ...]:
    """The five steps in a window with these tabs; ``best`` is the cell whose curve is shown."""
    read: dict[str, Any] = {"mode": FitMode.DISJOINT, "far": _FAR}
    chosen = () if best is None else (best,)
    cell: dict[str, Any] = {**read, "map": MapKind.LINEAR, "cells": chosen, "focus": Focus.CELL}
    if _OVERLAY in tabs:
        last = TourStep("The same as a picture", _OVERLAY, sets=cell)
    elif _SENSITIVITY in tabs:
        last = TourStep("Few faces are enough", _SENSITIVITY, sets=cell)
    else:
        last = TourStep("What follows", "Matrix", "inspector", cell)
    return (
        TourStep("Networks look at faces", "Faces", "faces"),
        TourStep("Two networks speak two languages", "Matrix", "matrix", {**read, "map": MapKind.NONE, "cells": ()}),
        TourStep("One table of numbers translates", "Matrix", "matrix", {**read, "map": MapKind.LINEAR, "cells": ()}),
        TourStep("How much is lost on the way", "ROC", "roc", cell),
        last,
    )


def best_cell(matrix: Matrix | None, rule: FarRule) -> Pair | None:
    """The cross-model cell with the largest TAR by this rule, of models that stand for themselves where there are two;
    None without any."""
    if matrix is None or _FAR not in matrix.settings.far:
        return None
    found = []
    for source, target in matrix.cells:
        tar = matrix.tar(source, target, _FAR, rule) if source != target else None
        if tar is not None:
            found.append((tar, (source, target)))
    counted = [(tar, pair) for tar, pair in found if not any(map(stands_beside, pair))]
    return max(counted or found)[1] if found else None


def step_text(number: int, tab: str, contents: Contents, state: ViewState, matrix: Matrix | None) -> str:
    """What the step with this number (0 to 4), in this tab, says, with the numbers of the study.

    Numbers are of ``matrix``, by the FAR rule of the state, and left out while it is not the one that the state asks
    for.
    """
    if matrix is not None and (matrix.settings.map is not state.map or matrix.settings.mode is not state.mode):
        matrix = None
    dataset = contents.dataset(state.dataset)
    names = [name for name in contents.model_names if not stands_beside(name)] or list(contents.model_names)
    if number == 0:
        of = "" if dataset is None else f" {dataset.images:,} images of {dataset.subjects:,} people who do not exist."
        sizes = sorted({model.dimensions for model in contents.models if model.name in names})
        numbers = " or ".join(f"{size:,}" for size in sizes)
        networks, turn = ("1 network", "turns") if len(names) == 1 else (f"{len(names)} networks", "turn")
        return (
            f"These are synthetic faces, made by a computer: they belong to nobody.{of} {networks}"
            f" ({', '.join(names)}) {turn} each image into a list of {numbers} numbers, its embedding. Two embeddings"
            " by the same network that lie close together are taken for the same person."
        )
    means = _means(matrix, state.rule)
    if number == 1:
        return (
            "Each row is a network, each column the one it is compared with: itself on the diagonal. Everywhere else"
            f" the raw numbers of two networks are compared.{means} Guessing would find {_percent(_FAR)}: to"
            f" each other, their numbers mean nothing.{_dashes(matrix)}"
        )
    if number == 2:
        return (
            "Now one linear map stands between every two networks. It was fitted on faces of one half of the people and"
            f" is tested on the other half, so it cannot know the answers.{means} The same synthetic faces,"
            " the same networks: all that was added is one table of numbers for each field."
            + _beside(matrix, state.rule)
        )
    if number == 3:
        return _curve_text(state, matrix)
    return _LAST[tab] if tab in _LAST else _last_text(state, matrix)


def _means(matrix: Matrix | None, rule: FarRule) -> str:
    if matrix is None:
        return ""
    single, cross = matrix.means(_FAR, rule)
    if single is None or cross is None:
        return " The cells are being computed."
    return (
        f" Where {_percent(_FAR)} of the impostors get through (FAR {far_text(_FAR)}), {_percent(cross)} of the genuine"
        f" pairs are recognised across networks on average, and {_percent(single)} by the networks themselves."
    )


def _percent(share: float) -> str:
    text = f"{100 * share:.1f}".removesuffix(".0")
    return f"{text} %"


def _curve_text(state: ViewState, matrix: Matrix | None) -> str:
    said = (
        "A ROC curve shows all thresholds at once: to the right, the share of impostors let through; upwards, the share"
        " of genuine pairs recognised."
    )
    pair = state.cells[-1] if state.cells else None
    if pair is None or matrix is None:
        return said
    tars = [matrix.tar(*each, _FAR, state.rule) for each in (pair, (pair[0], pair[0]), (pair[1], pair[1]))]
    if any(tar is None for tar in tars):
        return said
    across, source, target = (_percent(tar) for tar in tars if tar is not None)
    return (
        f"{said} At FAR {far_text(_FAR)}, {title_of(*pair)} recognises {across}; {pair[0]} alone {source}, {pair[1]}"
        f" alone {target}. What lies between the curves is what translating costs on these synthetic faces."
    )


def _dashes(matrix: Matrix | None) -> str:
    return " A dash: their lists differ in length, and cannot be compared at all." if matrix and matrix.missing else ""


def _beside(matrix: Matrix | None, rule: FarRule) -> str:
    """What the slanted names are, and how much the map alone draws out of a source that learned nothing of people."""
    names = [name for name in matrix.models if stands_beside(name)] if matrix else []
    if matrix is None or not names:
        return ""
    said = f" Slanted: controls and twins ({', '.join(names)}), which no mean counts."
    others = [name for name in matrix.models if not stands_beside(name)]
    if PCA not in names:
        return said
    alone = matrix.tar(PCA, PCA, _FAR, rule)
    mapped = [tar for name in others if (tar := matrix.tar(PCA, name, _FAR, rule)) is not None]
    if alone is not None and mapped:
        said += (
            f" {PCA} is no network, only principal components of the pixels: {_percent(alone)} by itself, yet up to"
            f" {_percent(max(mapped))} through a map. So much a map alone draws out of these rendered faces; only what"
            " lies above it do two networks have in common."
        )
    return said


def _last_text(state: ViewState, matrix: Matrix | None) -> str:
    pair = state.cells[-1] if state.cells else None
    cell = matrix.cells.get(pair) if matrix is not None and pair is not None else None
    said = ""
    if cell is not None and cell.fits:
        pairs = " and ".join(f"{fit.pairs:,}" for fit in cell.fits)
        said = f" The map of {title_of(cell.source, cell.target)} was fitted on {pairs} images (one fit for each half)."
    return (
        f"Networks trained apart describe faces in nearly the same way, up to a map.{said} What one network keeps of a"
        " face can thus be searched by another, which helps whoever changes networks, and warns whoever believes that"
        " embeddings are safe because the network is secret. Next: your own networks and faces, from the File menu."
    )
