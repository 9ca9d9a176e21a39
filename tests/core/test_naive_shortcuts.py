"""What the engine does to be fast, each against the slow definition it stands for."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score, roc_curve

from canon_core.maps.fit import SourceFit
from canon_core.maps.fitted import FittedMap
from canon_core.maps.kinds import MapKind
from canon_core.verification.pair_plan import PairPlan
from canon_core.verification.roc import FarRule
from canon_core.verification.template_rows import TemplateRows, template_rows
from canon_core.verification.template_scores import ScoredPairs, score_pairs, template_scores
from canon_core.verification.templates import (
    INSIGHTFACE_FEATURES,
    PAPER_FEATURES,
    TemplateSet,
    aggregates_first,
    template_embeddings,
)

from .naive import evaluator as naive
from .naive.protocol import Protocol, Shape, random_embeddings, random_protocol, shapes

FEATURES = {"paper": PAPER_FEATURES, "insightface": INSIGHTFACE_FEATURES}
FAR = (0.1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 0.0)
FITTED = ("linear", "affine", "rotation")


def rows_of(protocol: Protocol) -> TemplateRows:
    return template_rows(
        [image.template for image in protocol.images],
        [image.medium for image in protocol.images],
        [math.nan if image.score is None else image.score for image in protocol.images],
    )


def as_fitted(mapping: naive.Map, kind: str) -> FittedMap:
    """The slow evaluator's map in the engine's clothes, so that only what follows the fit is compared."""
    matrix = mapping.matrix
    return FittedMap(
        kind=MapKind(kind),
        matrix=matrix,
        offset=mapping.offset if kind == "affine" else None,
        pairs=mapping.pairs,
        rank=min(matrix.shape),
        condition=1.0,
        singular_values=np.linalg.svd(matrix, compute_uv=False),
        route="svd",
        determinant=None,
    )


@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(
    shape=shapes(subjects=(6, 9)),
    kind=st.sampled_from(FITTED),
    widths=st.sampled_from([(8, 8), (8, 12), (12, 8)]),
    features=st.sampled_from(naive.FEATURES),
)
def test_templates_are_mapped_in_place_of_images_only_where_it_is_the_same(
    shape: Shape, kind: str, widths: tuple[int, int], features: str
):
    protocol = random_protocol(shape)
    source, target = random_embeddings(protocol, widths, shape.seed + 1)
    mapping = naive.fit(kind, source.astype(float), target.astype(float))
    assert mapping is not None
    most = 0.0
    for one in protocol.templates:
        first = naive.unit(naive.template(protocol, one, source, features, mapping))
        aggregated = naive.template(protocol, one, source, features, None)
        # An intercept is added once an image: as often as the weights over the sizes of the media add up to.
        alone = naive.template(protocol, one, np.ones((len(source), 1), np.float32), features, None)
        after = naive.unit(aggregated @ mapping.matrix + alone * mapping.offset)
        most = max(most, float(np.abs(first - after).max()))
    if aggregates_first(as_fitted(mapping, kind), FEATURES[features]):
        assert most < 1e-9
    else:
        assume(any(len([i for i in protocol.images if i.template == one]) > 1 for one in protocol.templates))
        assert most > 1e-9


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(
    shape=shapes(subjects=(5, 9)),
    features=st.sampled_from(naive.FEATURES),
    flips=st.booleans(),
    block=st.integers(1, 40),
    threads=st.integers(1, 3),
)
def test_one_pass_in_blocks_of_any_order_gives_every_set_its_templates(
    shape: Shape, features: str, flips: bool, block: int, threads: int
):
    protocol = random_protocol(shape)
    source, *targets = random_embeddings(protocol, (10, 10, 14, 6), shape.seed + 1, flips)
    every = range(len(source))
    maps = {
        (kind, number): naive.fit(kind, naive.upright(source, every), naive.upright(target, every))
        for kind, (number, target) in itertools.product(FITTED, enumerate(targets))
    }
    rows = rows_of(protocol)
    rng = np.random.default_rng(shape.seed)
    sets, chosen = [TemplateSet()], [np.arange(len(rows.ids))]
    for (kind, _), mapping in maps.items():
        assert mapping is not None
        some = rng.permutation(len(rows.ids))[: rng.integers(1, len(rows.ids) + 1)]
        sets.append(TemplateSet(as_fitted(mapping, kind), some))
        chosen.append(some)
    starts = rng.permutation(np.arange(0, len(source), block))
    blocks = ((int(start), source[start : start + block]) for start in starts)
    made = template_embeddings(blocks, rows, FEATURES[features], sets, threads=threads)
    for found, wanted, mapping in zip(made, chosen, [None, *maps.values()], strict=True):
        assert found.dtype == np.float32
        for row, position in zip(found, wanted, strict=True):
            one = int(rows.ids[position])
            if naive.what_is_left(protocol, one, source, features, mapping) > naive.LEAST_LEFT:
                slow = naive.unit(naive.template(protocol, one, source, features, mapping))
                np.testing.assert_allclose(row, slow, atol=5e-6, rtol=0)


@settings(deadline=None, max_examples=15)
@given(
    pairs=st.sampled_from([1, 2, 7, 15, 40, 200]),
    widths=st.sampled_from([(16, 16), (16, 24), (24, 16)]),
    repeated=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_maps_of_one_source_are_those_fitted_one_by_one(pairs: int, widths: tuple[int, int], repeated: bool, seed: int):
    """Also below full rank, where images are too few or the same one comes again."""
    rng = np.random.default_rng(seed)
    source = rng.normal(size=(pairs, widths[0])).astype(np.float32)
    if repeated:
        source = np.concatenate([source, source[: pairs // 2]])
    together = SourceFit(source)
    probe = rng.normal(size=(50, widths[0]))
    for kind, _ in itertools.product(FITTED, range(2)):
        target = (source @ rng.normal(size=widths) + rng.normal(size=(len(source), widths[1]))).astype(np.float32)
        slow = naive.fit(kind, source.astype(float), target.astype(float))
        assert slow is not None
        fitted = together.fit(MapKind(kind), target)
        mapped = probe @ fitted.matrix + (0.0 if fitted.offset is None else fitted.offset)
        np.testing.assert_allclose(mapped, probe @ slow.matrix + slow.offset, atol=1e-8 * max(1.0, slow.largest))


Pairs = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]


def rectangle(rng: np.random.Generator, first: int, second: int, part: float) -> tuple[PairPlan, Pairs]:
    """A part of a rectangle of templates as pairs in no order, the second side after the first; subjects of some ten
    templates. The pairs themselves come with their plan."""
    subjects = rng.integers(0, (first + second) // 10, first + second)
    one, other = np.nonzero(rng.random((first, second)) < part)
    shuffled = rng.permutation(len(one))
    one, other = one[shuffled], other[shuffled] + first
    genuine = subjects[one] == subjects[other]
    return PairPlan.of(one, other, genuine, subjects), (one, other, genuine)


def check_readings(scored: list[ScoredPairs], genuine: list[NDArray[np.bool_]]) -> None:
    """Every point is exactly the one that scikit-learn's full curve of the same scores has."""
    scores = np.concatenate([pool.in_order() for pool in scored])
    labels = np.concatenate(genuine)
    far, tar, thresholds = roc_curve(labels, scores, drop_intermediate=False)
    read = template_scores(scored, FAR)
    for k, target in enumerate(FAR):
        nearest = np.flatnonzero(np.abs(far - target) == np.abs(far - target).min())
        places = {
            FarRule.NEAREST: nearest[np.argmax(tar[nearest])],
            FarRule.CONSERVATIVE: np.flatnonzero(far <= target)[-1],
        }
        for rule, place in places.items():
            point = read.scores.points[rule][k]
            assert (point.far, point.tar) == (far[place], tar[place])
            assert point.threshold == thresholds[place]
    assert read.scores.roc.auc == pytest.approx(roc_auc_score(labels, scores), abs=1e-9)
    edges = read.histogram.edges
    for counts, of_kind in ((read.histogram.genuine, scores[labels]), (read.histogram.impostors, scores[~labels])):
        assert counts.sum() == len(of_kind)
        for k in range(0, len(edges), 37):  # a score on an edge may stand on either side of it
            below = (int((of_kind < edges[k]).sum()), int((of_kind <= edges[k]).sum()))
            assert below[0] <= counts[:k].sum() <= below[1]


def test_a_million_pairs_by_blocked_products_are_those_of_every_pair_by_itself():
    rng = np.random.default_rng(3)
    plan, (one, other, genuine) = rectangle(rng, 1100, 1300, 0.8)
    rows = rng.normal(size=(2400, 24))
    templates = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    scored = score_pairs(templates[plan.first], templates[plan.second], plan)
    slow = (templates[one].astype(float) * templates[other].astype(float)).sum(axis=1)
    assert len(slow) > 1_000_000
    np.testing.assert_allclose(scored.in_order(), slow, atol=1e-6, rtol=0)
    check_readings([scored], [genuine])


@pytest.mark.parametrize("part", [0.8, 0.005])
def test_ties_among_many_scores_are_cut_as_in_the_full_curve(part: float):
    """Templates of few directions: some ten different scores, so that every threshold cuts through thousands."""
    rng = np.random.default_rng(6)
    scored, labels = [], []
    for sizes in ((1100, 1300), (400, 500)):
        plan, (one, other, genuine) = rectangle(rng, *sizes, part)
        directions = rng.choice([-0.25, 0.25], (sum(sizes), 16)).astype(np.float32)
        scored.append(score_pairs(directions[plan.first], directions[plan.second], plan))
        assert np.array_equal(scored[-1].in_order(), (directions[one] * directions[other]).sum(axis=1))
        labels.append(genuine)
    check_readings(scored, labels)
