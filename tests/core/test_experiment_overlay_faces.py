"""Where two compared faces lie in an overlay: on its axes exactly, in a UMAP among the points nearest to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from canon_core.errors import SettingsError
from canon_core.experiments.overlay import run_overlay
from canon_core.experiments.overlay_faces import NEAREST, agrees, place_faces
from canon_core.jobs import JobContext
from canon_core.maps.kinds import MapKind
from canon_core.maps.unit import unit_rows
from canon_core.study.overlay_results import OverlayMethod, OverlaySettings
from canon_core.study.results import FitMode, MatrixSettings
from canon_core.study.study import Study

SUBJECTS, EACH = 20, 4
WIDTHS = {"a": 10, "b": 14, "c": 14}
ROWS = {
    name: unit_rows(
        np.random.default_rng(1).normal(size=(SUBJECTS, 8))[np.repeat(np.arange(SUBJECTS), EACH)]
        @ np.random.default_rng(number).normal(size=(8, width))
        + 0.2 * np.random.default_rng(9 + number).normal(size=(SUBJECTS * EACH, width))
    ).astype(np.float32)
    for number, (name, width) in enumerate(WIDTHS.items())
}
SETTINGS = OverlaySettings("d", ("c", "a"), "b", method=OverlayMethod.PCA, mode=FitMode.IN_SAMPLE)


@pytest.fixture
def study(tmp_path: Path) -> Iterator[Study]:
    ids = np.array([f"p{row // EACH:02}/{row % EACH}" for row in range(SUBJECTS * EACH)])
    with Study.create(tmp_path / "s") as made:
        for name, rows in ROWS.items():
            np.savez(tmp_path / f"{name}.npz", embs=rows, ids=ids)
            made.import_embeddings(tmp_path / f"{name}.npz", model=name, dataset="d", ctx=JobContext())
        yield made


def compared(source: str = "a", first: int = 3, second: int = 17, **changes: object) -> SimpleNamespace:
    """A comparison of two images of the study: the parts that are looked at."""
    matrix = MatrixSettings(**{"dataset": "d", "models": ("a", "b"), "mode": FitMode.IN_SAMPLE, **changes})
    mapped = unit_rows(ROWS["a"] @ np.linalg.lstsq(ROWS["a"], ROWS["b"], rcond=None)[0])
    return SimpleNamespace(
        settings=SimpleNamespace(source=source, target="b", matrix=matrix),
        source=ROWS["a"][first], mapped=mapped[first].astype(np.float32), target=ROWS["b"][second],
    )  # fmt: skip


@pytest.mark.parametrize("method", [OverlayMethod.PCA, OverlayMethod.SINGULAR])
def test_on_axes_an_image_lies_where_its_own_points_lie(study: Study, method: OverlayMethod):
    result = run_overlay(study, replace(SETTINGS, method=method), JobContext())
    found = place_faces(study, result, compared(), JobContext())
    count = result.items[0]
    for placed, places in ((found.before, result.before), (found.after, result.after)):
        np.testing.assert_allclose(placed[0], places[2 * count + 3], atol=2e-4)
        np.testing.assert_allclose(placed[1], places[17], atol=1e-5)
    assert "exactly" in found.words


def test_in_a_umap_they_lie_at_the_mean_of_the_points_nearest_in_the_embedding_space(study: Study):
    straight = run_overlay(study, SETTINGS, JobContext())
    rng = np.random.default_rng(5)
    places = rng.normal(size=(2, *straight.before.shape)).astype(np.float32)
    settings = replace(SETTINGS, method=OverlayMethod.UMAP)
    result = replace(straight, settings=settings, before=places[0], after=places[1])
    comparison = compared()
    found = place_faces(study, result, comparison, JobContext())
    count = result.items[0]

    def mean(face: np.ndarray, model: str, positions: np.ndarray) -> np.ndarray:
        order = sorted(range(count), key=lambda row: -float(face @ ROWS[model][row]))
        return np.mean([positions[row] for row in order[:NEAREST]], axis=0)

    np.testing.assert_allclose(found.before[0], mean(comparison.source, "a", places[0][2 * count :]), atol=1e-6)
    np.testing.assert_allclose(found.after[0], mean(comparison.mapped, "b", places[1]), atol=1e-6)
    np.testing.assert_allclose(found.before[1], mean(comparison.target, "b", places[0]), atol=1e-6)
    np.testing.assert_allclose(found.after[1], mean(comparison.target, "b", places[1]), atol=1e-6)
    assert "mean of its 5 nearest target points" in found.words


def test_an_overlay_of_other_spaces_is_refused(study: Study):
    result = run_overlay(study, SETTINGS, JobContext())
    assert agrees(SETTINGS, compared())
    for other in (
        compared(source="b"), compared(map=MapKind.ROTATION), compared(mode=FitMode.DISJOINT), compared(seed=3),
        compared(dataset="e"),
    ):  # fmt: skip
        assert not agrees(SETTINGS, other)
        with pytest.raises(SettingsError, match="other spaces"):
            place_faces(study, result, other, JobContext())
