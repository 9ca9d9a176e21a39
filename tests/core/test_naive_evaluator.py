"""The engine's template verification agrees with an evaluator written from the definitions alone."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from canon_core.maps.fit import SourceFit
from canon_core.maps.kinds import MapKind
from canon_core.verification.pair_plan import PairPlan
from canon_core.verification.roc import FarRule, OperatingPoint
from canon_core.verification.template_rows import template_rows
from canon_core.verification.template_scores import ScoredPairs, score_pairs, template_scores
from canon_core.verification.templates import INSIGHTFACE_FEATURES, PAPER_FEATURES, TemplateSet, template_embeddings

from .naive import evaluator as naive
from .naive.protocol import Embeddings, Protocol, Shape, exact_protocol, random_embeddings, random_protocol, shapes

FAR = (1.0, 0.3, 0.1, 0.03, 0.01, 1e-3, 1e-6)
FEATURES = {"paper": PAPER_FEATURES, "insightface": INSIGHTFACE_FEATURES}
# Rounding to float32 moves a score by some 1e-7; a decision that hangs on less than this is nobody's mistake.
SEPARATION = 1e-5
WIDE = Shape(subjects=8, verification_templates=2, images=3, media=4, unscored=0.3, pairs=0.9, repeated_pairs=1, seed=5)


def engine_pools(
    protocol: Protocol, source: Embeddings, target: Embeddings, *, single: bool, kind: str, mode: str, features: str
) -> list[ScoredPairs]:
    """A cell by the engine's own parts, put together as the definitions of the modes say."""
    rows = template_rows(
        [image.template for image in protocol.images],
        [image.medium for image in protocol.images],
        [math.nan if image.score is None else image.score for image in protocol.images],
    )
    subjects = [protocol.subject(int(template)) for template in rows.ids]
    scored = []
    for fitted_rows, pairs in naive.pools(protocol, mode):
        mapping = None
        if not single and kind != "none":
            mapping = SourceFit(upright(source)[fitted_rows]).fit(MapKind(kind), upright(target)[fitted_rows])
        one = rows.positions([pair.p1 for pair in pairs])
        other = rows.positions([pair.p2 for pair in pairs])
        if mode == "reversed":
            one, other = other, one
        plan = PairPlan.of(one, other, [pair.genuine for pair in pairs], subjects)
        (first,) = template_embeddings([(0, source)], rows, FEATURES[features], [TemplateSet(mapping, plan.first)])
        (second,) = template_embeddings([(0, target)], rows, FEATURES[features], [TemplateSet(None, plan.second)])
        scored.append(score_pairs(first, second, plan))
    return scored


def upright(embeddings: Embeddings) -> Embeddings:
    return embeddings if embeddings.ndim == 2 else embeddings[:, 0]


def agree(read: OperatingPoint, expected: naive.Point, within: float) -> None:
    assert read.far == pytest.approx(expected.far, abs=1e-12, nan_ok=True)
    assert read.tar == pytest.approx(expected.tar, abs=1e-6, nan_ok=True)
    assert read.threshold == pytest.approx(expected.threshold, abs=within)


def compare(scored: Sequence[ScoredPairs], expected: naive.Cell) -> bool:
    """Compare every score, and unless some are too close to tell apart everything that is read off them."""
    if expected.left < naive.LEAST_LEFT:
        return False
    for pool, scores, pairs in zip(scored, expected.scores, expected.pairs, strict=True):
        np.testing.assert_allclose(pool.in_order(), scores, atol=SEPARATION / 2, rtol=0)
        assert pool.genuine.size == sum(pair.genuine for pair in pairs)
        assert pool.impostors.size == sum(not pair.genuine for pair in pairs)
    if expected.closest() <= SEPARATION:
        return False
    compare_readings(scored, expected, SEPARATION / 2)
    return True


def compare_readings(scored: Sequence[ScoredPairs], expected: naive.Cell, within: float) -> None:
    """Every TAR by both rules with its FAR and threshold, pooled and by halves, by subject, and the curve's sums."""
    read = template_scores(scored, FAR).scores
    genuine, impostors = expected.of_kind(True), expected.of_kind(False)
    for rule in naive.RULES:
        by_halves = [expected.read(FAR, rule, number) for number in range(len(read.parts))]
        for k, point in enumerate(expected.read(FAR, rule)):
            agree(read.points[FarRule(rule)][k], point, within)
            for part, points in zip(read.parts, by_halves, strict=True):
                agree(part[FarRule(rule)][k], points[k], within)
            by_subject = expected.subject_tar(point.threshold) if genuine and impostors else math.nan
            assert read.subject_tar[FarRule(rule)][k] == pytest.approx(by_subject, abs=1e-6, nan_ok=True)
    if genuine:
        assert read.largest_subject_share == pytest.approx(expected.largest_share())
    if genuine and impostors:
        assert read.roc.auc == pytest.approx(expected.auc(), abs=1e-9)
        assert read.roc.eer == pytest.approx(expected.eer(), abs=1e-9)


@pytest.mark.parametrize("kind", naive.MAPS)
@settings(deadline=None, max_examples=12, suppress_health_check=[HealthCheck.too_slow])
@given(
    shape=shapes(),
    widths=st.sampled_from([(8, 8), (16, 16), (16, 24), (32, 16), (64, 48)]),
    flips=st.booleans(),
    features=st.sampled_from(naive.FEATURES),
)
def test_every_mode_agrees_on_random_protocols(
    kind: str, shape: Shape, widths: tuple[int, int], flips: bool, features: str
):
    if kind == "none":
        widths = (widths[0], widths[0])
    protocol = random_protocol(shape)
    source, target = random_embeddings(protocol, widths, shape.seed + 1, flips)
    compared = 0
    for mode, single in itertools.product(naive.MODES, (False, True)):
        if any(not rows or not pairs for rows, pairs in naive.pools(protocol, mode)):
            event(f"no subjects in one half: {mode} left out")
            continue
        how = {"single": single, "kind": kind, "mode": mode, "features": features}
        first = target if single else source
        expected = naive.cell(protocol, first, target, **how)
        if compare(engine_pools(protocol, first, target, **how), expected):
            compared += 1
        else:
            event(f"{mode}: scores hang on rounding")
    assume(compared)


@pytest.mark.parametrize(
    ("kind", "features", "mode"),
    [("linear", "paper", "disjoint"), ("linear", "insightface", "authors"), ("affine", "paper", "reversed")],
)
def test_models_of_512_and_1024_dimensions_agree(kind: str, features: str, mode: str):
    """Far fewer fit images than dimensions: minimum norm; both ways round."""
    protocol = random_protocol(WIDE)
    small, large = random_embeddings(protocol, (512, 1024), WIDE.seed + 1)
    for source, target in ((small, large), (large, small)):
        how = {"single": False, "kind": kind, "mode": mode, "features": features}
        assert compare(engine_pools(protocol, source, target, **how), naive.cell(protocol, source, target, **how))


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(shape=shapes(subjects=(4, 8)), mode=st.sampled_from(naive.MODES), features=st.sampled_from(naive.FEATURES))
def test_ties_are_cut_as_the_definition_says(shape: Shape, mode: str, features: str):
    """With exact numbers everything must be the same to the last bit, ties and all."""
    protocol, source, target = exact_protocol(shape)
    assume(all(pairs for _, pairs in naive.pools(protocol, mode)))
    how = {"single": False, "kind": "none", "mode": mode, "features": features}
    expected = naive.cell(protocol, source, target, **how)
    scored = engine_pools(protocol, source, target, **how)
    for pool, scores in zip(scored, expected.scores, strict=True):
        assert np.array_equal(pool.in_order(), np.array(scores))
    ties = sum(map(len, expected.scores)) - len({score for scores in expected.scores for score in scores})
    event("many ties" if ties > 10 else "few ties")
    assume(ties)
    compare_readings(scored, expected, 0.0)
