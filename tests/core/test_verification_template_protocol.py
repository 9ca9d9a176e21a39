"""A whole template protocol, from image embeddings to TAR, against a deliberately naive one: the paper's definitions in
loops and float64, least squares by numpy, curves by scikit-learn."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score, roc_curve

from canon_core.maps.fit import fit_map
from canon_core.maps.fitted import FittedMap
from canon_core.maps.kinds import MapKind
from canon_core.verification.pair_plan import PairPlan
from canon_core.verification.roc import FarRule
from canon_core.verification.template_rows import template_rows
from canon_core.verification.template_scores import TemplateScores, score_pairs, template_scores
from canon_core.verification.templates import (
    INSIGHTFACE_FEATURES,
    PAPER_FEATURES,
    TemplateFeatures,
    TemplateSet,
    template_embeddings,
)

Floats = NDArray[np.float64]
Ids = NDArray[np.int64]
FAR = (0.5, 0.1, 0.05, 1e-2, 1e-3, 0.0)


@dataclass
class Protocol:
    """Rows (template, medium, detector score) of images, pairs of templates, and each template's subject."""

    templates: Ids
    media: Ids
    scores: Floats
    p1: Ids
    p2: Ids
    genuine: NDArray[np.bool_]
    subject: dict[int, str]


# -- the naive way ---------------------------------------------------------------------------------------------------
def unit(vector: Floats) -> Floats:
    norm = np.linalg.norm(vector)
    return vector / norm if norm > 0 else vector


def naive_image(embedding: NDArray[np.floating], features: TemplateFeatures) -> Floats:
    image = embedding.astype(np.float64)
    if image.ndim == 2:
        image = image[0] + image[1] if features.flip_summed else image[0]
    return unit(image) if features.unit_norm else image


def naive_template(
    protocol: Protocol,
    template: int,
    embeddings: NDArray[np.floating],
    features: TemplateFeatures,
    matrix: Floats | None,
) -> Floats:
    total: Floats | float = 0.0
    rows = np.where(protocol.templates == template)[0]
    for medium in sorted({int(protocol.media[row]) for row in rows}):
        images = []
        for row in rows:
            if protocol.media[row] == medium:
                image = naive_image(embeddings[row], features)
                if matrix is not None:
                    image = image @ matrix
                    image = unit(image) if features.unit_norm else image
                weight = 1.0 if np.isnan(protocol.scores[row]) else protocol.scores[row]
                images.append(weight * image)
        total = total + sum(images) / len(images)
    return unit(np.asarray(total))


def naive_map(
    kind: MapKind,
    protocol: Protocol,
    half: int | None,
    source: NDArray[np.floating],
    target: NDArray[np.floating],
    features: TemplateFeatures,
) -> Floats:
    """Fitted on the enrolment images, of all subjects or of one half of them."""
    enrolment = {int(one) for one in protocol.p1 if half is None or half_of(protocol.subject[int(one)]) == half}
    rows = [row for row, template in enumerate(protocol.templates) if int(template) in enrolment]
    assume(len(rows) > 0)
    sides = [np.array([unit(naive_image(side[row], features)) for row in rows]) for side in (source, target)]
    if kind is MapKind.LINEAR:
        return np.linalg.lstsq(sides[0], sides[1], rcond=1e-10)[0]
    u, s, vh = np.linalg.svd(sides[0].T @ sides[1])
    rank = int((s > 1e-10 * s[0]).sum())
    u, vh = u[:, :rank], vh[:rank]
    if rank == sides[0].shape[1] == sides[1].shape[1] and np.linalg.det(u) * np.linalg.det(vh) < 0:
        u[:, -1] *= -1
    return u @ vh


def half_of(subject: str, seed: int = 0) -> int:
    return zlib.crc32(f"{seed}:{subject}".encode()) & 1


def naive_scores(
    protocol: Protocol,
    mode: str,
    source: NDArray[np.floating],
    target: NDArray[np.floating],
    features: TemplateFeatures,
    matrices: list[Floats | None],
) -> tuple[Floats, NDArray[np.bool_]]:
    """Scores and labels of the pairs that the mode scores; ``matrices[half]`` scores pairs of that half."""
    cache: dict[tuple[object, ...], Floats] = {}

    def template(number: int, through: str, half: int) -> Floats:
        key = (number, through, half if through == "source" else -1)
        if key not in cache:
            side, matrix = (source, matrices[half]) if through == "source" else (target, None)
            cache[key] = naive_template(protocol, number, side, features, matrix)
        return cache[key]

    scores, labels = [], []
    for p1, p2, label in zip(protocol.p1, protocol.p2, protocol.genuine, strict=True):
        halves = {half_of(protocol.subject[int(one)]) for one in (p1, p2)} if mode == "disjoint" else {0}
        if len(halves) == 1:
            half = halves.pop()
            mapped, plain = (p2, p1) if mode == "reversed" else (p1, p2)
            score = np.dot(template(int(mapped), "source", half), template(int(plain), "target", half))
            scores.append(float(score))
            labels.append(bool(label))
    return np.array(scores), np.array(labels, bool)


def naive_tar(scores: Floats, labels: NDArray[np.bool_], target: float, rule: FarRule) -> tuple[float, float]:
    far, tar, _ = roc_curve(labels, scores, drop_intermediate=False)
    if rule is FarRule.CONSERVATIVE:
        chosen = np.flatnonzero(far <= target)[-1]
    else:
        nearest = np.flatnonzero(np.abs(far - target) == np.abs(far - target).min())
        chosen = nearest[tar[nearest] == tar[nearest].max()][0]
    return float(far[chosen]), float(tar[chosen])


# -- ours ------------------------------------------------------------------------------------------------------------
def ours(
    protocol: Protocol,
    mode: str,
    source: NDArray[np.floating],
    target: NDArray[np.floating],
    features: TemplateFeatures,
    kind: MapKind | None,
    planted: FittedMap | None = None,
) -> tuple[TemplateScores, list[NDArray[np.float32]]]:
    rows = template_rows(protocol.templates, protocol.media, protocol.scores)
    names = sorted(set(protocol.subject.values()))
    subjects = np.array([names.index(protocol.subject[int(one)]) for one in rows.ids])
    halves = np.array([half_of(protocol.subject[int(one)]) for one in rows.ids])
    p1, p2 = rows.positions(protocol.p1), rows.positions(protocol.p2)
    mapped, plain = (p2, p1) if mode == "reversed" else (p1, p2)
    enrolment = np.unique(p1)
    pools, listed = [], []
    for half in (0, 1) if mode == "disjoint" else (0,):
        pairs = (halves[p1] == half) & (halves[p2] == half) if mode == "disjoint" else np.ones(len(p1), bool)
        plan = PairPlan.of(mapped[pairs], plain[pairs], protocol.genuine[pairs], subjects)
        mapping = planted
        if kind is not None:
            fitted_on = enrolment[halves[enrolment] != half] if mode == "disjoint" else enrolment
            images = rows.images_of(fitted_on)
            folded = [
                side[images].sum(axis=1)
                if side.ndim == 3 and features.flip_summed
                else side[images, 0]
                if side.ndim == 3
                else side[images]
                for side in (source, target)
            ]
            mapping = fit_map(kind, folded[0], folded[1])
        sides = []
        for embeddings, through, wanted in ((source, mapping, plan.first), (target, None, plan.second)):
            blocks = [(start, embeddings[start : start + 9]) for start in range(0, len(embeddings), 9)]
            sides += template_embeddings(blocks, rows, features, [TemplateSet(through, wanted)])
        pools.append(score_pairs(sides[0], sides[1], plan))
        listed.append(pools[-1].in_order())
    return template_scores(pools, FAR), listed


# -- protocols -------------------------------------------------------------------------------------------------------
def draw_protocol(rng: np.random.Generator, subjects: int) -> tuple[Protocol, Ids]:
    """Sparse ids, single-image templates, media shared between templates, missing scores; and each row's subject."""
    names = [f"subject {number}" for number in range(subjects)]
    ids = rng.choice(10**5, 3 * subjects, replace=False)
    subject_of = {int(one): number % subjects for number, one in enumerate(ids)}
    templates, row_subject = [], []
    for one in ids:
        images = 1 if rng.random() < 0.4 else int(rng.integers(2, 6))
        templates += [int(one)] * images
        row_subject += [subject_of[int(one)]] * images
    order = rng.permutation(len(templates)) if rng.random() < 0.5 else np.arange(len(templates))
    media = rng.choice(10**5, 4, replace=False)[rng.integers(0, 4, len(templates))]
    scores = np.where(rng.random(len(templates)) < 0.2, np.nan, rng.uniform(0.3, 1, len(templates)))
    enrolment, others = ids[:subjects], ids[subjects:]
    p1, p2 = (side.ravel() for side in np.meshgrid(enrolment, others, indexing="ij"))
    kept = rng.permutation(p1.size)[: max(int(p1.size * rng.uniform(0.3, 1)), 1)]
    p1, p2 = p1[kept], p2[kept]
    genuine = np.array([subject_of[int(a)] == subject_of[int(b)] for a, b in zip(p1, p2, strict=True)])
    protocol = Protocol(
        templates=np.array(templates)[order],
        media=media,
        scores=scores,
        p1=p1,
        p2=p2,
        genuine=genuine,
        subject={one: names[number] for one, number in subject_of.items()},
    )
    return protocol, np.array(row_subject)[order]


def check(scores: Floats, labels: NDArray[np.bool_], found: TemplateScores) -> None:
    assume(labels.any() and not labels.all())
    roc = found.scores.roc
    assert (roc.genuine, roc.impostors) == (labels.sum(), (~labels).sum())
    assert roc.auc == pytest.approx(roc_auc_score(labels, scores), abs=1e-6)
    for rule in FarRule:
        for target, point in zip(FAR, found.scores.points[rule], strict=True):
            far, tar = naive_tar(scores, labels, target, rule)
            assert point.tar == pytest.approx(tar, abs=1e-6)
            assert point.far == pytest.approx(far, abs=1e-6)


@settings(deadline=None, max_examples=50)
@given(
    seed=st.integers(0, 2**32 - 1),
    subjects=st.integers(4, 10),
    mode=st.sampled_from(["authors", "reversed", "disjoint"]),
    kind=st.sampled_from([MapKind.LINEAR, MapKind.ROTATION]),
    features=st.sampled_from([PAPER_FEATURES, INSIGHTFACE_FEATURES]),
    widths=st.sampled_from([(4, 4), (4, 8), (8, 4)]),
    flips=st.booleans(),
)
def test_tar_is_that_of_the_naive_way(
    seed: int, subjects: int, mode: str, kind: MapKind, features: TemplateFeatures, widths: tuple[int, int], flips: bool
) -> None:
    rng = np.random.default_rng(seed)
    protocol, row_subject = draw_protocol(rng, subjects)
    rows = len(row_subject)
    latent = rng.standard_normal((subjects, 8))[row_subject] + 0.5 * rng.standard_normal((rows, 8))
    sides = []
    for width in widths:
        one = latent @ rng.standard_normal((8, width)) + 0.3 * rng.standard_normal((rows, width))
        one *= rng.uniform(5, 30, (rows, 1))
        if flips:
            one = np.stack([one, one + rng.standard_normal(one.shape)], axis=1)
        sides.append(one.astype(np.float32))
    halves = (0, 1) if mode == "disjoint" else (None,)
    matrices: list[Floats | None] = [
        naive_map(kind, protocol, None if half is None else 1 - half, sides[0], sides[1], features) for half in halves
    ]
    scores, labels = naive_scores(protocol, mode, sides[0], sides[1], features, matrices)
    assume(scores.size > 0)
    gaps = np.diff(np.sort(scores))
    assume(not ((gaps > 0) & (gaps < 3e-6)).any())  # what float32 cannot tell apart has no order to agree on
    found, listed = ours(protocol, mode, sides[0], sides[1], features, kind)
    if mode != "disjoint":
        np.testing.assert_allclose(listed[0], scores, atol=1e-5)
    check(scores, labels, found)


@settings(deadline=None, max_examples=30)
@given(
    seed=st.integers(0, 2**32 - 1),
    subjects=st.integers(3, 8),
    mode=st.sampled_from(["authors", "reversed", "disjoint"]),
    features=st.sampled_from([PAPER_FEATURES, INSIGHTFACE_FEATURES]),
    wide=st.booleans(),
)
def test_ties_are_broken_nowhere(seed: int, subjects: int, mode: str, features: TemplateFeatures, wide: bool) -> None:
    """Templates of parallel sign vectors have scores that are exact multiples of 1/16 in any arithmetic: many tie."""
    rng = np.random.default_rng(seed)
    protocol, _ = draw_protocol(rng, subjects)
    signs = {int(one): rng.choice([-1.0, 1.0], 64) for one in np.unique(protocol.templates)}
    for one, subject in protocol.subject.items():  # subjects look like themselves
        shared = np.random.default_rng(zlib.crc32(subject.encode())).choice([-1.0, 1.0], 64)
        signs[one] = np.where(rng.random(64) < 0.7, shared, signs[one])
    norms = rng.uniform(1, 30, (len(protocol.templates), 1)).round()
    narrow = np.array([signs[int(one)][:16] for one in protocol.templates]) * norms
    matrix = np.eye(16)[rng.permutation(16)] * rng.choice([-1.0, 1.0], 16)
    target = narrow @ matrix
    if wide:
        matrix = np.hstack([matrix] * 4) / 2
        target = np.array([signs[int(one)] for one in protocol.templates]) * norms
    planted = FittedMap(MapKind.LINEAR, matrix, None, 16, 16, 1.0, np.ones(16), "gram", None)
    sides = narrow.astype(np.float32), target.astype(np.float32)
    scores, labels = naive_scores(protocol, mode, sides[0], sides[1], features, [matrix, matrix])
    assume(scores.size > 0)
    found, _ = ours(protocol, mode, sides[0], sides[1], features, None, planted)
    check(np.round(scores * 64) / 64, labels, found)
