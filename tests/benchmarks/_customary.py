"""How IJB-C is customarily evaluated: the reference of the benchmark at IJB-C's size (field facts).

Own code, in the shape that the evaluators in use have: each template is looked for among all images, pairs are scored
in batches of gathered rows, scikit-learn fits the map and draws the ROC. No slower than they are: each template is
aggregated once, from the side that is scored, and only images that a map needs are mapped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]

BATCH = 100_000  #: pairs


@dataclass(frozen=True, eq=False)
class Lists:
    """The protocol as these evaluators hold it: ids as in the files."""

    template: Ids
    media: Ids
    score: Floats
    p1: Ids
    p2: Ids
    label: NDArray[np.int64]


def read_lists(meta: Path) -> Lists:
    """Both meta files and the pair file with pandas."""
    import pandas as pd

    images = pd.read_csv(meta / "ijbc_face_tid_mid.txt", sep=" ", header=None).values
    points = pd.read_csv(meta / "ijbc_name_5pts_score.txt", sep=" ", header=None).values
    pairs = read_pairs(meta)
    return Lists(
        template=images[:, 1].astype(np.int64),
        media=images[:, 2].astype(np.int64),
        score=points[:, -1].astype(np.float32),
        p1=pairs[:, 0],
        p2=pairs[:, 1],
        label=pairs[:, 2],
    )


def read_pairs(meta: Path) -> NDArray[np.int64]:
    """(pairs, 3): p1, p2, label."""
    import pandas as pd

    return pd.read_csv(meta / "ijbc_template_pair_label.txt", sep=" ", header=None).values.astype(np.int64, copy=False)


def unit(rows: NDArray[Any]) -> NDArray[Any]:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def aggregate(features: Floats, template: Ids, media: Ids, wanted: Ids) -> Floats:
    """(wanted, d): sum over media of the mean over a medium's images, brought to norm 1."""
    found = np.zeros((len(wanted), features.shape[1]), np.float32)
    for place, one in enumerate(wanted):
        rows = np.where(template == one)[0]
        own, own_media = features[rows], media[rows]
        distinct, counts = np.unique(own_media, return_counts=True)
        means = [
            own[own_media == medium].mean(axis=0) if count > 1 else own[own_media == medium][0]
            for medium, count in zip(distinct, counts, strict=True)
        ]
        found[place] = np.sum(means, axis=0)
    return unit(found)


def scores_in_batches(first: Floats, second: Floats, row: Ids, column: Ids) -> Floats:
    """Dot products of pairs, gathered a batch at a time."""
    found = np.zeros(len(row), np.float32)
    for start in range(0, len(row), BATCH):
        part = slice(start, start + BATCH)
        found[part] = np.sum(first[row[part]] * second[column[part]], axis=-1)
    return found


def tar_at(far: NDArray[np.float64], tar: NDArray[np.float64], targets: Sequence[float]) -> dict[str, list[float]]:
    """TAR at target FARs off a full ROC, by both FAR rules."""
    conservative, nearest = [], []
    for target in targets:
        below = int(np.searchsorted(far, target, side="right")) - 1
        conservative.append(float(tar[below]))
        best = below
        if below + 1 < len(far):
            over = int(np.searchsorted(far, far[below + 1], side="right")) - 1
            best = over if abs(far[over] - target) <= abs(far[below] - target) else below
        nearest.append(float(tar[best]))
    return {"nearest": nearest, "conservative": conservative}


def evaluate(lists: Lists, source: Path, target: Path, targets: Sequence[float]) -> dict[str, Any]:
    """One cell: mode `authors`, linear map, features `paper`; TARs, and seconds of every stage."""
    from sklearn.linear_model import LinearRegression
    from sklearn.metrics import roc_curve

    seconds: dict[str, float] = {}

    def timed(stage: str, work: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        found = work()
        seconds[stage] = time.perf_counter() - start
        return found

    wanted = [np.unique(side) for side in (lists.p1, lists.p2)]
    enrolled = np.flatnonzero(np.isin(lists.template, wanted[0]))

    def read() -> tuple[Floats, Floats]:
        with h5py.File(source) as file, h5py.File(target) as other:
            return file["embeddings"][enrolled[0] : enrolled[-1] + 1][enrolled - enrolled[0]], other["embeddings"][:]

    outer, inner = timed("read", read)

    def fit() -> Floats:
        inner[:] = unit(inner)
        model = LinearRegression(fit_intercept=False).fit(unit(outer), inner[enrolled])
        return unit(model.predict(unit(outer)))

    mapped = timed("fit", fit)

    def both() -> tuple[Floats, Floats]:
        weighted = mapped * lists.score[enrolled, None]
        first = aggregate(weighted, lists.template[enrolled], lists.media[enrolled], wanted[0])
        np.multiply(inner, lists.score[:, None], out=inner)
        return first, aggregate(inner, lists.template, lists.media, wanted[1])

    first, second = timed("aggregate", both)

    def score() -> Floats:
        place = np.zeros(int(lists.template.max()) + 1, np.int64)
        place[wanted[0]] = np.arange(len(wanted[0]))
        row = place[lists.p1]
        place[wanted[1]] = np.arange(len(wanted[1]))
        return scores_in_batches(first, second, row, place[lists.p2])

    scores = timed("scores", score)

    def curve() -> dict[str, list[float]]:
        far, tar, _ = roc_curve(lists.label, scores, drop_intermediate=False)
        return tar_at(far, tar, targets)

    return {"tar": timed("roc", curve), "seconds": seconds}
