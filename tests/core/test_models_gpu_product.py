"""Products of templates through ONNX Runtime: the same scores as NumPy's, on a GPU and (here always) on the CPU."""

from __future__ import annotations

import numpy as np
import pytest

from canon_core.models.gpu_product import DeviceProduct, gpu
from canon_core.models.providers import ProviderChoice
from canon_core.verification.pair_plan import PairPlan
from canon_core.verification.template_scores import score_pairs, template_scores

FAR = (1e-1, 1e-2, 1e-3)


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def providers() -> list[ProviderChoice]:
    found = gpu()
    return [ProviderChoice("cpu", 0, "")] + ([found] if found is not None else [])


@pytest.mark.parametrize("provider", providers(), ids=lambda provider: provider.name)
def test_scores_are_numpys_to_1e_5(provider: ProviderChoice) -> None:
    rng = np.random.default_rng(0)
    rows, columns = (unit(rng.standard_normal((count, 512))) for count in (37, 211))
    out = np.empty((37, 211), np.float32)
    DeviceProduct(provider).with_columns(columns)(rows, out)
    np.testing.assert_allclose(out, rows.astype(np.float64) @ columns.T.astype(np.float64), atol=1e-5)


@pytest.mark.parametrize("provider", providers(), ids=lambda provider: provider.name)
def test_a_cell_read_through_it_is_the_same_cell(provider: ProviderChoice) -> None:
    rng = np.random.default_rng(1)
    templates = unit(np.repeat(rng.standard_normal((60, 64)), 5, axis=0) + 0.8 * rng.standard_normal((300, 64)))
    first, second = np.divmod(np.arange(300 * 300), 300)
    kept = first < second
    subjects = np.repeat(np.arange(60), 5)
    plan = PairPlan.of(first[kept], second[kept], subjects[first[kept]] == subjects[second[kept]], subjects)
    source, target = templates[plan.first], templates[plan.second]
    device = DeviceProduct(provider).with_columns
    ours = template_scores([score_pairs(source, target, plan, device=device)], FAR).scores
    numpys = template_scores([score_pairs(source, target, plan)], FAR).scores
    for rule, points in numpys.points.items():
        for point, other in zip(points, ours.points[rule], strict=True):
            assert other.tar == pytest.approx(point.tar, abs=1e-3)
            assert other.threshold == pytest.approx(point.threshold, abs=1e-5)
