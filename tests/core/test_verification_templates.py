"""Templates, against a loop over templates, media and images in float64."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from canon_core.errors import Cancelled, SettingsError
from canon_core.jobs import JobContext
from canon_core.maps.fit import fit_map
from canon_core.maps.fitted import FittedMap
from canon_core.maps.kinds import MapKind
from canon_core.verification.template_rows import TemplateRows, template_rows
from canon_core.verification.templates import (
    INSIGHTFACE_FEATURES,
    PAPER_FEATURES,
    TemplateFeatures,
    TemplateSet,
    aggregates_first,
    template_embeddings,
)

Ids = NDArray[np.int64]
FEATURES = [
    PAPER_FEATURES,
    INSIGHTFACE_FEATURES,
    TemplateFeatures(unit_norm=True, detector_weighted=False, flip_summed=True),
    TemplateFeatures(unit_norm=False, detector_weighted=False, flip_summed=False),
]


def normed(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    norm = np.sqrt((vector**2).sum())
    return vector / norm if norm > 0 else vector


def slow_template(
    template: int,
    embeddings: NDArray[np.floating],
    templates: Ids,
    media: Ids,
    scores: NDArray[np.float64],
    features: TemplateFeatures,
    mapping: FittedMap | None,
) -> NDArray[np.float64]:
    """The definition, word by word."""
    total: NDArray[np.float64] | float = 0.0
    rows = np.where(templates == template)[0]
    for medium in np.unique(media[rows]):
        of_medium = []
        for row in rows[media[rows] == medium]:
            image = embeddings[row].astype(np.float64)
            if image.ndim == 2:
                image = image[0] + image[1] if features.flip_summed else image[0]
            if features.unit_norm:
                image = normed(image)
            if mapping is not None and mapping.kind is not MapKind.NONE:
                moved = image @ mapping.matrix + (0 if mapping.offset is None else mapping.offset)
                if features.unit_norm:
                    moved = normed(moved) if image.any() else np.zeros_like(moved)
                image = moved
            weight = scores[row] if features.detector_weighted and not np.isnan(scores[row]) else 1.0
            of_medium.append(weight * image)
        total = total + np.mean(of_medium, axis=0)
    return normed(np.asarray(total))


def in_blocks(embeddings: NDArray[np.floating], size: int) -> Iterator[tuple[int, NDArray[np.floating]]]:
    for start in range(0, len(embeddings), size):
        yield start, embeddings[start : start + size]


@settings(deadline=None, max_examples=80)
@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(1, 40),
    templates=st.integers(1, 12),
    media=st.integers(1, 6),
    block=st.integers(1, 50),
    threads=st.integers(1, 3),
    flips=st.booleans(),
    features=st.sampled_from(FEATURES),
    kind=st.sampled_from(list(MapKind)),
    widths=st.sampled_from([(6, 6), (6, 11), (11, 6)]),
)
def test_templates_are_those_of_the_definition(
    seed: int,
    rows: int,
    templates: int,
    media: int,
    block: int,
    threads: int,
    flips: bool,
    features: TemplateFeatures,
    kind: MapKind,
    widths: tuple[int, int],
) -> None:
    rng = np.random.default_rng(seed)
    d_source, d_target = widths
    if kind is MapKind.NONE:
        d_target = d_source
    mapping = fit_map(kind, rng.standard_normal((60, d_source)), rng.standard_normal((60, d_target)))
    shape = (rows, 2, d_source) if flips else (rows, d_source)
    embeddings = (rng.standard_normal(shape) * rng.uniform(0.5, 30, (rows,) + (1,) * (len(shape) - 1))).astype("f4")
    embeddings[rng.random(rows) < 0.05] = 0
    ids = rng.choice(10**6, templates, replace=False)[rng.integers(0, templates, rows)]
    medium_ids = rng.choice(10**6, media, replace=False)[rng.integers(0, media, rows)]
    scores = np.where(rng.random(rows) < 0.3, np.nan, rng.uniform(0.2, 1, rows))
    layout = template_rows(ids, medium_ids, scores)
    chosen = rng.permutation(layout.ids.size)[: rng.integers(1, layout.ids.size + 1)]
    sets = [TemplateSet(), TemplateSet(mapping, chosen), TemplateSet(mapping)]
    found = template_embeddings(in_blocks(embeddings, block), layout, features, sets, threads=threads)
    for one, result in zip(sets, found, strict=True):
        wanted = layout.ids if one.wanted is None else layout.ids[one.wanted]
        expected = [
            slow_template(int(template), embeddings, ids, medium_ids, scores, features, one.mapping)
            for template in wanted
        ]
        assert result.dtype == np.float32
        np.testing.assert_allclose(result, np.array(expected), atol=3e-5 if features.unit_norm else 2e-4)


def test_a_map_that_keeps_norms_may_come_after_aggregation_and_no_other_where_norms_are_unit() -> None:
    rng = np.random.default_rng(0)
    wide, narrow = rng.standard_normal((50, 9)), rng.standard_normal((50, 5))
    assert aggregates_first(fit_map(MapKind.ROTATION, narrow, wide), PAPER_FEATURES)
    assert aggregates_first(fit_map(MapKind.ROTATION, narrow, narrow), PAPER_FEATURES)
    assert aggregates_first(None, PAPER_FEATURES)
    assert not aggregates_first(fit_map(MapKind.ROTATION, wide, narrow), PAPER_FEATURES)
    assert not aggregates_first(fit_map(MapKind.ROTATION, wide[:4], wide[:4]), PAPER_FEATURES)
    assert not aggregates_first(fit_map(MapKind.LINEAR, narrow, narrow), PAPER_FEATURES)
    for kind in (MapKind.LINEAR, MapKind.AFFINE, MapKind.ROTATION):
        assert aggregates_first(fit_map(kind, wide, narrow), INSIGHTFACE_FEATURES)


def test_the_result_does_not_depend_on_threads() -> None:
    rng = np.random.default_rng(1)
    embeddings = rng.standard_normal((3000, 32)).astype(np.float32)
    layout = template_rows(rng.integers(0, 40, 3000), rng.integers(0, 9, 3000))
    one, two = (
        template_embeddings(in_blocks(embeddings, 37), layout, PAPER_FEATURES, threads=threads)[0] for threads in (1, 3)
    )
    np.testing.assert_array_equal(one, two)


def test_blocks_may_be_read_where_they_are_worked_on() -> None:
    rng = np.random.default_rng(2)
    embeddings = rng.standard_normal((500, 7)).astype(np.float32)
    layout = template_rows(rng.integers(0, 40, 500), rng.integers(0, 9, 500))
    wanted = template_embeddings(in_blocks(embeddings, 37), layout, PAPER_FEATURES)[0]
    readers = [(start, partial(np.array, block)) for start, block in in_blocks(embeddings, 37)]
    np.testing.assert_array_equal(template_embeddings(readers, layout, PAPER_FEATURES, threads=3)[0], wanted)


def test_an_image_may_be_in_several_templates_and_in_none() -> None:
    embeddings = np.array([[3, 0], [0, 4], [5, 5]], np.float32)
    layout = template_rows([7, 7, 9], [1, 2, 1], images=[1, 0, 0])
    found = template_embeddings(in_blocks(embeddings, 2), layout, PAPER_FEATURES)[0]
    np.testing.assert_allclose(found, [[0.5**0.5, 0.5**0.5], [1, 0]], atol=1e-7)
    assert layout.images_of([1]).tolist() == [0]
    assert layout.images_of().tolist() == [0, 1]


def test_blocks_that_no_wanted_template_needs_may_be_left_out() -> None:
    embeddings = np.random.default_rng(2).standard_normal((20, 4)).astype(np.float32)
    layout = template_rows(np.arange(20) // 5, np.zeros(20))
    whole = template_embeddings(in_blocks(embeddings, 5), layout, PAPER_FEATURES)[0]
    blocks = [(start, block) for start, block in in_blocks(embeddings, 5) if start in (5, 15)]
    some = template_embeddings(blocks, layout, PAPER_FEATURES, [TemplateSet(wanted=np.array([3, 1]))])[0]
    np.testing.assert_array_equal(some, whole[[3, 1]])
    with pytest.raises(SettingsError, match="10 embeddings that templates need are missing"):
        template_embeddings(blocks, layout, PAPER_FEATURES)


def test_without_templates_there_is_nothing() -> None:
    mapping = fit_map(MapKind.LINEAR, np.eye(3), np.eye(3, 5))
    layout = template_rows([1, 2], [1, 1])
    none = TemplateSet(mapping, np.empty(0, np.int64))
    for features in FEATURES:
        assert template_embeddings([], layout, features, [none])[0].shape == (0, 5)


def test_extreme_norms_make_the_same_template() -> None:
    rows = np.random.default_rng(3).standard_normal((6, 8)).astype(np.float32)
    layout = template_rows([1, 1, 1, 2, 2, 2], [1, 1, 2, 1, 2, 3])
    plain = template_embeddings([(0, rows)], layout, PAPER_FEATURES)[0]
    for factor in (1e-20, 1e20):
        scaled = template_embeddings([(0, rows * np.float32(factor))], layout, PAPER_FEATURES)[0]
        np.testing.assert_allclose(scaled, plain, atol=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("features", FEATURES)
def test_embeddings_that_are_no_numbers_are_refused(bad: float, features: TemplateFeatures) -> None:
    embeddings = np.ones((4, 3), np.float32)
    embeddings[2, 1] = bad
    layout = template_rows([1, 1, 2, 2], [1, 1, 1, 1])
    with pytest.raises(SettingsError, match="NaN or infinite"):
        template_embeddings([(0, embeddings)], layout, features)
    left_out = template_rows([1, 1, 2], [1, 1, 1], images=[0, 1, 3])
    assert np.isfinite(template_embeddings([(0, embeddings)], left_out, features)[0]).all()


@pytest.mark.parametrize("score", [0.0, -0.0, -0.5, np.nan])
def test_a_score_of_zero_or_below_counts_as_none(score: float) -> None:
    embeddings = np.random.default_rng(0).standard_normal((4, 8)).astype(np.float32)
    found = template_embeddings(
        [(0, embeddings)],
        template_rows([1, 1, 2, 2], [1, 2, 3, 4], [score, score, 0.9, score]),
        PAPER_FEATURES,
    )
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    expected = np.stack([unit[0] + unit[1], 0.9 * unit[2] + unit[3]])
    np.testing.assert_allclose(found[0], expected / np.linalg.norm(expected, axis=1, keepdims=True), atol=1e-6)


def test_rows_that_make_no_sense_are_refused() -> None:
    with pytest.raises(SettingsError, match="do not make rows"):
        template_rows([1, 2], [1])
    with pytest.raises(SettingsError, match="before the first"):
        template_rows([1, 2], [1, 1], images=[0, -1])
    with pytest.raises(SettingsError, match="infinite"):
        template_rows([1, 2], [1, 1], scores=[1, np.inf])


@pytest.mark.parametrize("spread", [1, 10**12])
def test_template_ids_are_found_however_sparse(spread: int) -> None:
    layout = template_rows(np.array([40, -3, 40, 7]) * spread, [1, 1, 1, 1])
    assert layout.ids.tolist() == [-3 * spread, 7 * spread, 40 * spread]
    assert layout.positions(np.array([40, -3]) * spread).tolist() == [2, 0]
    for absent in (41, -4, 8):
        with pytest.raises(SettingsError, match=f"no template {absent * spread}"):
            layout.positions([7 * spread, absent * spread])


def test_a_template_whose_images_are_all_left_out_keeps_its_place() -> None:
    layout = template_rows([9, 4], [1, 1], images=[0, 1], ids=[2, 4, 9])
    assert layout.ids.tolist() == [2, 4, 9]
    assert layout.without_images.tolist() == [True, False, False]
    found = template_embeddings([(0, np.eye(2, dtype=np.float32))], layout, PAPER_FEATURES)[0]
    assert found.tolist() == [[0, 0], [0, 1], [1, 0]]
    with pytest.raises(SettingsError, match="no template 9"):
        template_rows([9, 4], [1, 1], ids=[2, 4])
    with pytest.raises(SettingsError, match="rise and be distinct"):
        template_rows([9, 4], [1, 1], ids=[4, 9, 9])


def test_aggregation_can_be_cancelled() -> None:
    ctx = JobContext()
    ctx.cancel()
    layout: TemplateRows = template_rows([1], [1])
    with pytest.raises(Cancelled):
        template_embeddings([(0, np.ones((1, 2), np.float32))], layout, PAPER_FEATURES, ctx=ctx)
