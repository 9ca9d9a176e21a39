"""Verification by the definitions of the field facts and the house plan: plain loops in float64, and scikit-learn."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LinearRegression
from sklearn.metrics import roc_auc_score, roc_curve

from .protocol import Embeddings, Floats, Pair, Protocol

RULES = ("nearest", "conservative")
MODES = ("authors", "reversed", "disjoint")
FEATURES = ("paper", "insightface")
MAPS = ("none", "linear", "affine", "rotation")
# Singular values below this part of the largest are zero: the rule of maps for rotations, and far below what
# rounding to float32 leaves of a rank-deficient set for the other maps.
RANK = 1e-10
# Where less than this is left of what is summed, rounding to float32 is magnified beyond what is compared.
LEAST_LEFT = 1 / 50


def length(vector: Floats) -> float:
    return math.sqrt(float((vector * vector).sum()))


def unit(vector: Floats) -> Floats:
    norm = length(vector)
    return vector / norm if norm > 0 else vector


# Maps


@dataclass(frozen=True)
class Map:
    """``x @ matrix + offset``; ``largest`` is the largest singular value of the matrix."""

    matrix: Floats
    offset: Floats
    pairs: int
    largest: float


def fit(kind: str, source: Floats, target: Floats) -> Map | None:
    """Fit on unit rows; None is no map at all."""
    if kind == "none":
        return None
    x = np.array([unit(row) for row in source])
    y = np.array([unit(row) for row in target])
    offset = np.zeros(y.shape[1])
    if kind == "linear":
        matrix = np.linalg.lstsq(x, y, rcond=RANK)[0]
    elif kind == "affine":
        regression = LinearRegression(fit_intercept=True).fit(x, y)
        matrix, offset = regression.coef_.T, regression.intercept_
    else:
        matrix = rotation(x, y)
    return Map(matrix, offset, len(x), math.sqrt(float(np.linalg.eigvalsh(shorter(matrix)).max())))


def shorter(matrix: Floats) -> Floats:
    """The smaller of the matrix's two Gram matrices."""
    return matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix


def rotation(x: Floats, y: Floats) -> Floats:
    """``U[:, :k] · sign @ Vh[:k]``; the sign only where r = k = dA = dB, and ``U_r @ Vh_r`` below full rank."""
    u, s, vh = np.linalg.svd(x.T @ y, full_matrices=False)
    k = min(x.shape[1], y.shape[1])
    r = sum(1 for value in s if value > 1e-10 * s[0])
    sign = np.ones(r)
    if r == k == x.shape[1] == y.shape[1]:
        sign[-1] = np.linalg.det(u) * np.linalg.det(vh)
    return (u[:, :r] * sign) @ vh[:r]


# Templates


def image_embedding(embeddings: Embeddings, row: int, features: str) -> Floats:
    """An image's embedding; with flips kept, the sum of both, or the image as it is."""
    embedding = embeddings[row].astype(np.float64)
    if embedding.ndim == 1:
        return embedding
    return embedding[0] + embedding[1] if features == "insightface" else embedding[0]


def upright(embeddings: Embeddings, rows: Sequence[int]) -> Floats:
    """What maps are fitted on, whatever the features: images as they are, not their mirror images."""
    return np.array([image_embedding(embeddings, row, "paper") for row in rows])


def through(embedding: Floats, mapping: Map | None, features: str) -> Floats:
    """An image's embedding as it enters a template: of unit norm before the map and after it, or as it is."""
    if features == "paper":
        embedding = unit(embedding)
    if mapping is None:
        return embedding
    mapped = embedding @ mapping.matrix + mapping.offset
    return unit(mapped) if features == "paper" else mapped


def template(protocol: Protocol, wanted: int, embeddings: Embeddings, features: str, mapping: Map | None) -> Floats:
    """``Σ_media mean_{i ∈ media ∩ template} w_i · e_i``, which is brought to norm 1 where it is compared."""
    media: dict[int, list[Floats]] = {}
    for row, image in enumerate(protocol.images):
        if image.template == wanted:
            weight = 1.0 if image.score is None else image.score
            embedding = through(image_embedding(embeddings, row, features), mapping, features)
            media.setdefault(image.medium, []).append(weight * embedding)
    total = np.zeros_like(next(iter(media.values()))[0])
    for of_medium in media.values():
        total = total + sum(of_medium) / len(of_medium)
    return total


def what_is_left(protocol: Protocol, wanted: int, embeddings: Embeddings, features: str, mapping: Map | None) -> float:
    """How much of what is summed in a template is left after it cancels out: rounding grows by one over this."""
    left, mapped = math.inf, []
    for row, image in enumerate(protocol.images):
        if image.template == wanted:
            embedding = image_embedding(embeddings, row, features)
            if mapping is not None:
                summed = embedding if features == "insightface" else unit(embedding)
                longest = length(summed) * mapping.largest + length(mapping.offset)
                left = min(left, length(summed @ mapping.matrix + mapping.offset) / longest)
            mapped.append(through(embedding, mapping, features))
    apart = [image for image in protocol.images if image.template == wanted]
    media = [sum(image.medium == other.medium for other in apart) for image in apart]
    weights = [1.0 if image.score is None else image.score for image in apart]
    together = sum(w * length(e) / size for w, e, size in zip(weights, mapped, media, strict=True))
    return min(left, length(template(protocol, wanted, embeddings, features, mapping)) / together)


# ROC


@dataclass(frozen=True)
class Point:
    """A threshold, and what it gives."""

    threshold: float
    far: float
    tar: float


def points(genuine: Sequence[float], impostors: Sequence[float], targets: Sequence[float], rule: str) -> list[Point]:
    """The full ROC's point for each target FAR."""
    if not impostors:
        return [Point(math.inf, math.nan, math.nan) for _ in targets]
    curve = roc(genuine, impostors)
    return [point(curve, target, rule) for target in targets]


def point(curve: tuple[Floats, Floats, Floats], target: float, rule: str) -> Point:
    """`nearest`: of the points nearest in FAR that of the largest TAR; `conservative`: the last within the target."""
    best: Point | None = None
    for far, tar, threshold in zip(*curve, strict=True):
        if rule == "conservative" and far > target:
            continue
        if best is not None and rule == "nearest":
            distance, least = abs(far - target), abs(best.far - target)
            if distance > least or (distance == least and not tar > best.tar):
                continue
        best = Point(float(threshold), float(far), float(tar))
    assert best is not None
    return best


def roc(genuine: Sequence[float], impostors: Sequence[float]) -> tuple[Floats, Floats, Floats]:
    """FAR, TAR and threshold of every distinct score, from +inf down."""
    if not genuine or -math.inf in genuine:  # scikit-learn wants both kinds, and finite scores
        thresholds = np.array([math.inf, *sorted({*genuine, *impostors} - {-math.inf}, reverse=True)])
        far = np.array([sum(score >= threshold for score in impostors) for threshold in thresholds]) / len(impostors)
        tar = np.array([sum(score >= threshold for score in genuine) for threshold in thresholds])
        return far, tar / len(genuine) if genuine else np.full(len(far), math.nan), thresholds
    labels = [1] * len(genuine) + [0] * len(impostors)
    far, tar, thresholds = roc_curve(labels, [*genuine, *impostors], drop_intermediate=False)
    return far, tar, thresholds


def equal_error_rate(genuine: Sequence[float], impostors: Sequence[float]) -> float:
    """Where FAR = 1 − TAR, on straight lines between the points of the ROC."""
    far, tar, _ = roc(genuine, impostors)
    for k in range(1, len(far)):
        before, after = far[k - 1] + tar[k - 1] - 1, far[k] + tar[k] - 1
        if after >= 0:
            return float(far[k - 1] + (far[k] - far[k - 1]) * (0 - before) / (after - before))
    raise AssertionError("a ROC ends at FAR = TAR = 1")


# Cells


@dataclass(frozen=True)
class Cell:
    """Scores of a cell: one list a pool (two with `disjoint`), aligned with ``pairs``.

    ``left`` is the least of :func:`what_is_left` of all templates.
    """

    pairs: tuple[tuple[Pair, ...], ...]
    scores: tuple[tuple[float, ...], ...]
    subjects: tuple[tuple[int, ...], ...]
    fits: tuple[Map, ...]
    residuals: tuple[tuple[float, float], ...] = ()
    left: float = math.inf

    def of_kind(self, genuine: bool, pool: int | None = None) -> list[float]:
        """Genuine or impostor scores of one pool, or of all together."""
        pools = range(len(self.pairs)) if pool is None else [pool]
        return [
            score
            for number in pools
            for pair, score in zip(self.pairs[number], self.scores[number], strict=True)
            if pair.genuine == genuine
        ]

    def read(self, targets: Sequence[float], rule: str, pool: int | None = None) -> list[Point]:
        return points(self.of_kind(True, pool), self.of_kind(False, pool), targets, rule)

    def subject_tar(self, threshold: float) -> float:
        """Mean over subjects of the part of their genuine pairs that is accepted."""
        accepted: dict[int, list[bool]] = {}
        for pairs, scores, subjects in zip(self.pairs, self.scores, self.subjects, strict=True):
            for pair, score, subject in zip(pairs, scores, subjects, strict=True):
                if pair.genuine:
                    accepted.setdefault(subject, []).append(score >= threshold)
        return sum(sum(of) / len(of) for of in accepted.values()) / len(accepted)

    def largest_share(self) -> float:
        """Part of all genuine pairs that the subject with most of them has."""
        count: dict[int, int] = {}
        for pairs, subjects in zip(self.pairs, self.subjects, strict=True):
            for pair, subject in zip(pairs, subjects, strict=True):
                if pair.genuine:
                    count[subject] = count.get(subject, 0) + 1
        return max(count.values()) / sum(count.values())

    def auc(self) -> float:
        labels = [1] * len(self.of_kind(True)) + [0] * len(self.of_kind(False))
        return float(roc_auc_score(labels, self.of_kind(True) + self.of_kind(False)))

    def eer(self) -> float:
        return equal_error_rate(self.of_kind(True), self.of_kind(False))

    def closest(self) -> float:
        """Least difference between the scores of two pairs (a pair that is listed twice is one pair)."""
        distinct = {
            (pair.p1, pair.p2): score
            for pairs, scores in zip(self.pairs, self.scores, strict=True)
            for pair, score in zip(pairs, scores, strict=True)
        }
        return float(np.diff(np.sort(list(distinct.values()))).min(initial=math.inf))


def half(subject: int, seed: int) -> int:
    return zlib.crc32(f"{seed}:{subject}".encode()) & 1


def pools(protocol: Protocol, mode: str, seed: int = 0) -> list[tuple[list[int], list[Pair]]]:
    """Rows a map is fitted on, and the pairs it is scored on: one pool, or one a half of the subjects."""
    if mode != "disjoint":
        return [(protocol.enrolment_rows(), protocol.comparable_pairs())]
    found = []
    for scored in (0, 1):
        rows = [row for row in protocol.enrolment_rows() if half(protocol.images[row].subject, seed) != scored]
        pairs = [
            pair
            for pair in protocol.comparable_pairs()
            if half(protocol.subject(pair.p1), seed) == scored and half(protocol.subject(pair.p2), seed) == scored
        ]
        found.append((rows, pairs))
    return found


def residual(mapping: Map, source: Floats, target: Floats) -> tuple[float, float]:
    """1 − mean cosine between mapped source and target, and R² about the target's mean, on unit rows."""
    x, y = np.array([unit(row) for row in source]), np.array([unit(row) for row in target])
    mapped = x @ mapping.matrix + mapping.offset
    cosines = [float(unit(one) @ other) for one, other in zip(mapped, y, strict=True)]
    left, spread = ((mapped - y) ** 2).sum(), ((y - y.mean(axis=0)) ** 2).sum()
    return 1 - sum(cosines) / len(cosines), float(1 - left / spread) if spread > 0 else math.nan


def cell(
    protocol: Protocol,
    source: Embeddings,
    target: Embeddings,
    *,
    single: bool = False,
    kind: str,
    mode: str,
    features: str,
    seed: int = 0,
) -> Cell:
    """Score one cell; ``single`` is a model by itself: no map, whatever its kind."""
    all_pairs, all_scores, all_subjects, fits, residuals = [], [], [], [], []
    left = math.inf
    for rows, pairs in pools(protocol, mode, seed):
        mapping = None
        if not single:
            mapping = fit(kind, upright(source, rows), upright(target, rows))
        if mapping is not None:
            fits.append(mapping)
            # How well the map does on images outside its fit, where there are any.
            outside = [row for row in protocol.enrolment_rows() if row not in rows] if mode == "disjoint" else rows
            residuals.append(residual(mapping, upright(source, outside), upright(target, outside)))
        firsts = [pair.p2 if mode == "reversed" else pair.p1 for pair in pairs]
        seconds = [pair.p1 if mode == "reversed" else pair.p2 for pair in pairs]
        mapped = {one: unit(template(protocol, one, source, features, mapping)) for one in sorted(set(firsts))}
        plain = {one: unit(template(protocol, one, target, features, None)) for one in sorted(set(seconds))}
        left = min(
            [left]
            + [what_is_left(protocol, one, source, features, mapping) for one in mapped]
            + [what_is_left(protocol, one, target, features, None) for one in plain]
        )
        scores = [float(mapped[first] @ plain[second]) for first, second in zip(firsts, seconds, strict=True)]
        all_pairs.append(tuple(pairs))
        all_scores.append(tuple(scores))
        all_subjects.append(tuple(protocol.subject(pair.p1) for pair in pairs))
    return Cell(tuple(all_pairs), tuple(all_scores), tuple(all_subjects), tuple(fits), tuple(residuals), left)
