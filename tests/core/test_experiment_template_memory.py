"""What a matrix of templates holds while it is computed is let go of when it is done."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path

import pytest

from canon_core.experiments import cells
from canon_core.experiments.matrix import run_matrix
from canon_core.experiments.template_cells import TemplateCells
from canon_core.jobs import JobContext
from canon_core.maps.kinds import MapKind
from canon_core.study.results import MatrixSettings
from canon_core.study.study import Study

from .naive.protocol import Shape
from .template_study import make_study

SHAPE = Shape(
    subjects=16, verification_templates=3, images=3, media=5, unscored=0.0, pairs=0.9, repeated_pairs=0, seed=11
)


@pytest.mark.parametrize("kind", [MapKind.LINEAR, MapKind.ROTATION])
def test_embeddings_do_not_wait_for_garbage_collection(
    kind: MapKind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_study(tmp_path, SHAPE)
    held: list[weakref.ref[TemplateCells]] = []

    class Watched(TemplateCells):
        def __init__(self, *given: object) -> None:
            super().__init__(*given)
            held.append(weakref.ref(self))

    monkeypatch.setattr(cells, "TemplateCells", Watched)
    with Study.open(made.path) as study:
        gc.disable()  # gigabytes at IJB-C's size, and a second matrix may begin before it runs
        try:
            run_matrix(study, MatrixSettings(dataset="ijb", models=("a", "b"), map=kind), JobContext())
            assert [one() for one in held] == [None]
        finally:
            gc.enable()
