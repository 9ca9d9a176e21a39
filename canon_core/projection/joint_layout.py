"""Joint UMAP (McInnes, Healy, Melville 2018) of a target and its sources, in which the target stays recognisable.

The target is laid out by itself first. Then, for raw and for mapped sources alike, one neighbour graph of all points is
laid out: the sources find their places while the target is held, then all points settle together for a moment. Nothing
but the graph decides where the sources start: those with neighbours in the target among these, the others beside it. So
unrelated spaces show two clouds and mapped ones meet, and random starts come to the same shares of mixed neighbourhoods
(measured), only with more stragglers. (Placing sources by their nearest target points alone, as UMAP's ``transform``
does, drops unrelated ones into the target's cloud and hides the gap.)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from canon_core.projection.neighbours import EXACT_POINTS, exact_neighbours
from canon_core.projection.procrustes import aligned

Float32 = NDArray[np.float32]
#: Done, total, and what.
Say = Callable[[int, int, str], None]

#: Points up to which UMAP's long schedule is used (its own rule), and epochs of the long and of the short one: of the
#: target alone, of the sources while the target is held, of all together.
_LONG_UP_TO = 10_000
_LONG, _SHORT = (500, 300, 50), (200, 120, 30)
#: Step length while the target is held. With UMAP's own, 1, two near neighbours step over each other in turn, because
#: each moves alone, and such pairs march out of the picture (five to ten times the target's radius, measured).
_HELD = 0.25
#: Step length of the last epochs, in which the target may move: UMAP's first step is 1. With .1 two clouds that belong
#: together meet as closely as in a joint layout from scratch, and the target keeps its shape.
_SETTLING = 0.1
#: UMAP's own: samples of what is far away for every neighbour.
_NEGATIVE = 5.0
#: Epochs of the sources' own layout, from which those without neighbours in the target start.
_BESIDE = 100
#: Part of the edges to be expected in a well mixed cloud, from which on a source point starts in the target.
_MIXED = 0.5
#: Part of a cloud within its edge.
_BULK = 0.95
#: How often sources look where their neighbours among the sources start.
_ROUNDS = 3
#: How many seeds NumPy's ``RandomState`` knows, which UMAP draws from.
_SEEDS = 2**32
#: Targets below this many points have no spectrum worth starting from.
_SPECTRAL_FROM = 20


@dataclass(frozen=True, eq=False)
class JointLayouts:
    """Positions of target and sources, target first.

    Attributes
    ----------
    before, after : (n, 2) float32
        Both aligned to the target's own layout.
    moved : (float, float)
        How far the target's points lie from their own layout: root mean square, in units of its radius.
    gridded : bool
        Whether the sources have no neighbours among one another, so that those without any in the target began on a
        grid beside it.
    """

    before: Float32
    after: Float32
    moved: tuple[float, float]
    gridded: bool = False


def joint_layouts(
    target: Float32, before: Float32, after: Float32, *, neighbours: int, min_dist: float, seed: int, say: Say
) -> JointLayouts:
    """Lay out a target with raw and with mapped sources.

    Parameters
    ----------
    target : (m, d_target) float32
        Unit rows.
    before : (k·m, d) float32
        Unit rows of the raw sources, one after the other; the narrower of this and the target is padded with zeros.
    after : (k·m, d_target) float32
        Unit rows of the mapped sources.
    neighbours, min_dist :
        UMAP's; the former at most the number of points less one.
    seed : int
        The same seed gives the same layout on the same machine; of larger numbers the last 32 bits count.
    say : callable
        Told how far it is.
    """
    epochs = _LONG if len(target) + len(after) <= _LONG_UP_TO else _SHORT
    total = epochs[0] + 2 * (epochs[1] + epochs[2])
    curve = _curve(min_dist)
    own = _own_layout(target, neighbours, seed % _SEEDS, curve, epochs[0], lambda done, what: say(done, total, what))
    found = []
    passed = epochs[0]
    for number, (what, sources) in enumerate((("before", before), ("after", after))):
        first = passed

        def told(done: int, doing: str, first: int = first) -> None:
            say(first + done, total, doing)

        joint = _padded(target, sources)
        found.append(_joint_layout(joint, own, neighbours, (seed + number) % _SEEDS, curve, epochs[1:], what, told))
        passed += epochs[1] + epochs[2]
    say(total, total, "UMAP done")
    return JointLayouts(
        found[0][0], found[1][0], (found[0][1], found[1][1]), gridded=found[0][2] or found[1][2]
    )


# -- private ---------------------------------------------------------------------------------------------------------
def _curve(min_dist: float) -> tuple[float, float]:
    from umap.umap_ import find_ab_params

    first, second = find_ab_params(1.0, min_dist)
    return float(first), float(second)


def _own_layout(
    target: Float32,
    neighbours: int,
    seed: int,
    curve: tuple[float, float],
    epochs: int,
    told: Callable[[int, str], None],
) -> Float32:
    """The target by itself, as UMAP lays it out, (m, 2)."""
    what = "UMAP: laying out the target"
    told(0, "UMAP: comparing the target's points")
    graph = _graph(target, neighbours, seed)
    told(0, what)
    return _umap(target, graph, epochs, seed, curve, lambda done: told(done, what))


def _umap(
    rows: Float32,
    graph: sparse.csr_array,
    epochs: int,
    seed: int,
    curve: tuple[float, float],
    told: Callable[[int], None],
) -> Float32:
    """UMAP's own layout of a graph, from its spectrum, (n, 2); of a graph without edges, which UMAP refuses, a grid."""
    if not _has_edges(graph):
        return _grid(len(rows))
    from umap.umap_ import simplicial_set_embedding

    layout, _ = simplicial_set_embedding(
        rows,
        sparse.csr_matrix(graph),
        n_components=2,
        initial_alpha=1.0,
        a=curve[0],
        b=curve[1],
        gamma=1.0,
        negative_sample_rate=_NEGATIVE,
        n_epochs=epochs,
        init="spectral" if len(rows) >= _SPECTRAL_FROM else "random",
        random_state=np.random.RandomState(seed),
        metric="cosine",
        metric_kwds={},
        densmap=False,
        densmap_kwds={},
        output_dens=False,
        tqdm_kwds=_bar(told),
    )
    return np.asarray(layout, np.float32)


def _joint_layout(
    joint: Float32,
    own: Float32,
    neighbours: int,
    seed: int,
    curve: tuple[float, float],
    epochs: tuple[int, int],
    name: str,
    told: Callable[[int, str], None],
) -> tuple[Float32, float, bool]:
    """All points, (n, 2), the target where it was or near it; how far it moved; whether the sources began on a grid."""
    what = f"UMAP: laying out all points, {name}"
    told(0, f"UMAP: comparing all points, {name}")
    graph = _graph(joint, neighbours, seed)
    told(0, what)
    held = len(own)
    places = _started(own, joint, graph, neighbours, seed, curve)
    # Only sources move. A visit of two neighbours moves one of them where UMAP moves both, so half the samples of what
    # is far away keep the balance of the joint layout.
    _settle(places[held:], places, graph[held:], curve, epochs[0], _HELD, _NEGATIVE / 2, seed, lambda n: told(n, what))
    _settle(places, places, graph, curve, epochs[1], _SETTLING, _NEGATIVE, seed, lambda n: told(epochs[0] + n, what))
    over, moved = aligned(places, own)
    return over.astype(np.float32), float(moved), not _has_edges(graph[held:, held:])


def _started(
    own: Float32,
    joint: Float32,
    graph: sparse.csr_array,
    neighbours: int,
    seed: int,
    curve: tuple[float, float],
) -> Float32:
    """Where the descent begins: the target where it is, the sources where the graph's own edges say.

    A source point starts in the middle of its neighbours in the target; as far as fewer of its edges lead there than to
    be expected in a well mixed cloud, it starts with its neighbours among the sources, and as far as these start beside
    the target, at its own place there. What starts far out stays there: UMAP's attraction fades with the distance.
    """
    held, count = len(own), len(joint) - len(own)
    across, among = graph[held:, :held], graph[held:, held:]
    strength, company = (np.asarray(edges.sum(axis=1), np.float64) for edges in (across, among))
    share = strength / np.maximum(strength + company, 1e-12)
    mixed = np.minimum(share / (_MIXED * held / len(joint)), 1.0)
    usual = float(np.median(mixed))  # nobody is led into the target by the few of an unrelated space that lie near it
    direct = across @ own
    inside = direct / np.maximum(strength, 1e-12)[:, None]
    for _ in range(_ROUNDS):
        led = among @ mixed
        inside = (direct + among @ (mixed[:, None] * inside)) / np.maximum(strength + led, 1e-12)[:, None]
        mixed = np.maximum(mixed, usual * led / np.maximum(company, 1e-12))
    # By the sources' own neighbours: what the joint graph leaves of them falls apart where the sources are mixed into
    # the target, and UMAP drives such pieces many times the target's width apart.
    alone = _graph(joint[held:], min(neighbours, count), seed)
    beside = _gathered(_umap(joint[held:], alone, _BESIDE, seed, curve, lambda _: None), own)
    beside = beside - beside.min(axis=0) + [own[:, 0].max() + 0.1 * np.ptp(own[:, 0]), own[:, 1].min()]
    sources = mixed[:, None] * inside + (1 - mixed[:, None]) * beside
    sources += np.random.default_rng(seed).normal(scale=0.002, size=(count, 2)) * np.ptp(own, axis=0)
    return np.ascontiguousarray(np.concatenate([own, sources]), np.float32)


def _gathered(layout: Float32, own: Float32) -> NDArray[np.float64]:
    """A layout no wider than the target's, and pieces far out drawn in to its edge."""
    offset = np.asarray(layout, np.float64) - np.median(layout, axis=0)
    far = np.linalg.norm(offset, axis=1)
    wide = np.linalg.norm(own - np.median(own, axis=0), axis=1)
    edge, widest = (float(np.quantile(each, _BULK)) for each in (far, wide))
    pulled: NDArray[np.float64] = offset * np.minimum(edge / np.maximum(far, 1e-12), 1.0)[:, None]
    return pulled * min(1.0, widest / max(edge, 1e-12))


def _settle(
    moving: Float32,
    places: Float32,
    graph: sparse.csr_array,
    curve: tuple[float, float],
    epochs: int,
    step: float,
    negative: float,
    seed: int,
    told: Callable[[int], None],
) -> None:
    """UMAP's descent, in place. ``moving`` are the last rows of ``places`` (or all), in the same memory."""
    from umap.layouts import optimize_layout_euclidean
    from umap.umap_ import make_epochs_per_sample

    edges = graph.tocoo()
    kept = edges.data >= edges.data.max(initial=0.0) / epochs  # weaker ones would not be visited once (UMAP's rule)
    if not kept.any():
        return
    state = np.random.RandomState(seed).randint(-(2**31) + 1, 2**31 - 2, 3).astype(np.int64)
    optimize_layout_euclidean(
        moving,
        places,
        edges.row[kept].astype(np.int32),
        edges.col[kept].astype(np.int32),
        epochs,
        len(places),
        make_epochs_per_sample(edges.data[kept], epochs),
        *curve,
        state,
        1.0,
        step,
        negative,
        tqdm_kwds=_bar(told),
        move_other=moving is places,
    )


def _graph(rows: Float32, neighbours: int, seed: int) -> sparse.csr_array:
    """UMAP's fuzzy neighbour graph by cosine, sparse (n, n) and symmetric."""
    from umap.umap_ import fuzzy_simplicial_set, nearest_neighbors

    random = np.random.RandomState(seed)
    if len(rows) <= EXACT_POINTS:
        which, far = exact_neighbours(rows, neighbours)
    else:
        which, far, _ = nearest_neighbors(rows, neighbours, "cosine", {}, False, random)
    graph, _, _ = fuzzy_simplicial_set(rows, neighbours, random, "cosine", knn_indices=which, knn_dists=far)
    return sparse.csr_array(graph)


def _has_edges(graph: sparse.csr_array) -> bool:
    return bool(graph.data.max(initial=0.0) > 0)


def _grid(count: int) -> Float32:
    """(count, 2) places a unit apart."""
    side = max(1, math.ceil(math.sqrt(count)))
    return np.stack(np.divmod(np.arange(count), side), axis=1).astype(np.float32)


def _padded(target: Float32, sources: Float32) -> Float32:
    """Target and sources as rows of one matrix; the narrower gets zeros behind."""
    joint = np.zeros((len(target) + len(sources), max(target.shape[1], sources.shape[1])), np.float32)
    joint[: len(target), : target.shape[1]] = target
    joint[len(target) :, : sources.shape[1]] = sources
    return joint


def _bar(told: Callable[[int], None]) -> dict[str, Any]:
    """UMAP tells its epochs to a progress bar; this one has no picture, only the number."""
    return {"disable": False, "file": _Bar(told), "bar_format": "{n}", "mininterval": 0.1, "ascii": True}


class _Bar:
    def __init__(self, told: Callable[[int], None]) -> None:
        self._told = told

    def write(self, text: str) -> None:
        """Whatever the bar draws; what is no number is decoration."""
        if text.strip().isdigit():
            self._told(int(text.strip()))

    def flush(self) -> None:
        """Nothing waits here."""
