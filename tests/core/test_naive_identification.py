"""The engine's 1:N identification agrees with an evaluator written from the definitions alone."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from canon_core.maps.fit import SourceFit
from canon_core.maps.kinds import MapKind
from canon_core.verification.identification import GalleryScores, identification, search
from canon_core.verification.roc import FarRule
from canon_core.verification.template_rows import template_rows
from canon_core.verification.templates import PAPER_FEATURES, TemplateSet, template_embeddings

from .naive import evaluator
from .naive import identification as naive
from .naive.protocol import Embeddings, Protocol, Shape, exact_protocol, random_embeddings, random_protocol, shapes

FPIR = (0.5, 0.1, 1e-2, 1e-3)
SEPARATION = 1e-5


def engine_search(
    protocol: Protocol,
    gallery: Sequence[int],
    probes: Sequence[int],
    source: Embeddings,
    target: Embeddings,
    fitted: Sequence[int],
    kind: str,
) -> GalleryScores:
    rows = template_rows(
        [image.template for image in protocol.images],
        [image.medium for image in protocol.images],
        [math.nan if image.score is None else image.score for image in protocol.images],
    )
    mapping = SourceFit(source[fitted]).fit(MapKind(kind), target[fitted]) if kind != "none" else None
    wanted = TemplateSet(mapping, rows.positions(probes))
    (searched,) = template_embeddings([(0, source)], rows, PAPER_FEATURES, [wanted])
    (enrolled,) = template_embeddings([(0, target)], rows, PAPER_FEATURES, [TemplateSet(None, rows.positions(gallery))])
    subjects = [[protocol.subject(one) for one in templates] for templates in (probes, gallery)]
    return search(searched, subjects[0], enrolled, subjects[1])


def naive_search(
    protocol: Protocol,
    gallery: Sequence[int],
    probes: Sequence[int],
    source: Embeddings,
    target: Embeddings,
    fitted: Sequence[int],
    kind: str,
) -> list[naive.Answer]:
    mapping = evaluator.fit(kind, source[fitted].astype(float), target[fitted].astype(float))
    return naive.search(protocol, gallery, probes, source, target, "paper", mapping)


def galleries(protocol: Protocol, mode: str) -> list[tuple[list[int], list[int], list[int]]]:
    """Gallery, probes and fit rows: each gallery, or with `disjoint` each half of each."""
    rows = protocol.enrolment_rows()
    if mode == "authors":
        return [(list(gallery), list(protocol.probes), rows) for gallery in protocol.galleries if gallery]
    found = []
    for gallery in protocol.galleries:
        for scored in (0, 1):
            fitted = [row for row in rows if evaluator.half(protocol.images[row].subject, 0) != scored]
            reduced = naive.reduced(protocol, gallery, scored, 0)
            if fitted and all(reduced):
                found.append((*reduced, fitted))
    return found


def agree(searched: Sequence[GalleryScores], expected: Sequence[Sequence[naive.Answer]], within: float) -> None:
    """Ranks, hit rates pooled over galleries, and the mean TPIR with achieved FPIRs."""
    for scores, answers in zip(searched, expected, strict=True):
        assert scores.rank.tolist() == [answer.rank or 0 for answer in answers]
        np.testing.assert_allclose(scores.best, [answer.best for answer in answers], atol=within, rtol=0)
        own = [-math.inf if answer.own is None else answer.own for answer in answers]
        np.testing.assert_allclose(scores.own, own, atol=within, rtol=0)
    read = identification(searched, FPIR)
    pooled = [answer for answers in expected for answer in answers]
    for rank in (1, 2, 5, 10):
        assert read.hit_rate(rank) == pytest.approx(naive.hit_rate(pooled, rank), abs=1e-9, nan_ok=True)
    for rule in evaluator.RULES:
        points = [naive.open_set(answers, FPIR, rule) for answers in expected]
        for k in range(len(FPIR)):
            for number, gallery in enumerate(points):
                point = read.points[FarRule(rule)][number][k]
                assert point.fpir == pytest.approx(gallery[k].far, abs=1e-9, nan_ok=True)
                assert point.tpir == pytest.approx(gallery[k].tar, abs=1e-6, nan_ok=True)
            rates = [gallery[k].tar for gallery in points]
            if not any(map(math.isnan, rates)):
                assert read.tpir[FarRule(rule)][k] == pytest.approx(sum(rates) / len(rates), abs=1e-6)


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(
    shape=shapes(subjects=(6, 14), images=(1, 3)),
    kind=st.sampled_from(evaluator.MAPS),
    mode=st.sampled_from(["authors", "disjoint"]),
)
def test_searching_galleries_agrees_on_random_protocols(shape: Shape, kind: str, mode: str):
    protocol = random_protocol(shape)
    source, target = random_embeddings(protocol, (16, 16) if kind == "none" else (16, 24), shape.seed + 1)
    searches = galleries(protocol, mode)
    assume(searches)
    expected = [naive_search(protocol, *which[:2], source, target, which[2], kind) for which in searches]
    for answers in expected:
        scores = [answer.best for answer in answers] + [answer.own for answer in answers if answer.own is not None]
        assume(np.diff(np.unique(scores)).min(initial=1) > SEPARATION)
        for answer in answers:
            assume(answer.left > evaluator.LEAST_LEFT)
            assume(answer.own is None or all(abs(answer.own - other) > SEPARATION for other in answer.others))
    event(f"probes not enrolled: {any(answer.rank is None for answers in expected for answer in answers)}")
    agree(
        [engine_search(protocol, *which[:2], source, target, which[2], kind) for which in searches],
        expected,
        SEPARATION / 2,
    )


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(shape=shapes(subjects=(4, 12)), mode=st.sampled_from(["authors", "disjoint"]))
def test_ties_count_against_the_probe(shape: Shape, mode: str):
    protocol, source, target = exact_protocol(shape)
    searches = galleries(protocol, mode)
    assume(searches)
    expected = [naive_search(protocol, *which[:2], source, target, which[2], "none") for which in searches]
    agree(
        [engine_search(protocol, *which[:2], source, target, which[2], "none") for which in searches],
        expected,
        0.0,
    )
