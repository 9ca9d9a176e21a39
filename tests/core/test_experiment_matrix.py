"""The matrix on a small study, against a slow definition of it written out here."""

from __future__ import annotations

import itertools
import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score, roc_curve

from canon_core.datasets.options import DatasetOptions
from canon_core.embedding.embed import EmbedOptions
from canon_core.errors import Cancelled, DatasetError, SettingsError, StudyError
from canon_core.experiments.embedding import embed_study
from canon_core.experiments.folds import run_folds
from canon_core.experiments.matrix import matrix_json, read_roc, run_matrix, stored_matrix
from canon_core.jobs import Event, JobContext, Partial
from canon_core.maps.kinds import MapKind
from canon_core.study.results import Cell, Features, FitMode, FoldSettings, MatrixSettings, settings_line
from canon_core.study.study import Study
from canon_core.verification.roc import FarRule

Make = Callable[..., Path]
FAR = (0.5, 0.1, 0.01)


@dataclass(frozen=True)
class Small:
    """A study of two models and 60 images, embedded."""

    study: Study
    raw: dict[str, np.ndarray]
    subjects: list[str]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, make_network: Make, make_faces: Make) -> Path:
    root = tmp_path_factory.mktemp("small")
    make_network(root / "a.onnx", dimensions=24, seed=1)
    make_network(root / "b.onnx", dimensions=16, seed=2)
    make_faces(root / "faces", subjects=12, images=5, folds=3)
    with Study.create(root / "s") as study:
        study.add_model(root / "a.onnx")
        study.add_model(root / "b.onnx")
        study.add_dataset(root / "faces", DatasetOptions(), JobContext())
        embed_study(study, "faces", (), EmbedOptions(provider="cpu"), JobContext())
    return root


@pytest.fixture
def small(folder: Path) -> Iterator[Small]:
    with Study.open(folder / "s.canon") as study:
        study.refresh_states()
        raw = {}
        for name in ("a", "b"):
            with h5py.File(study.embeddings_path(name, "faces")) as file:
                raw[name] = file["embeddings"][...].astype(np.float64)
        study.clear_results()
        yield Small(study, raw, list(study.faces("faces").subjects))


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def slow_scores(small: Small, source: str, target: str, kind: str, mode: str) -> tuple[np.ndarray, np.ndarray]:
    """Scores and labels by the definitions of the house plan, pair by pair."""
    images = range(len(small.subjects))
    half = [zlib.crc32(f"0:{subject}".encode()) & 1 for subject in small.subjects]
    a, b = unit(small.raw[source]), unit(small.raw[target])
    pools = [([i for i in images if half[i] != h], [i for i in images if half[i] == h]) for h in (0, 1)]
    if mode == "in-sample":
        pools = [(list(images), list(images))]
    scores, genuine = [], []
    for fitted, scored in pools:
        mapped = a
        if source != target and kind == "linear":
            mapped = unit(a @ np.linalg.lstsq(a[fitted], b[fitted], rcond=None)[0])
        if source != target and kind == "rotation":
            u, _, vh = np.linalg.svd(a[fitted].T @ b[fitted], full_matrices=False)
            mapped = unit(a @ u @ vh)
        both = itertools.permutations(scored, 2) if source != target else itertools.combinations(scored, 2)
        for i, j in both:
            scores.append(mapped[i] @ b[j])
            genuine.append(small.subjects[i] == small.subjects[j])
    return np.array(scores), np.array(genuine)


@pytest.mark.parametrize("mode", [FitMode.DISJOINT, FitMode.IN_SAMPLE])
@pytest.mark.parametrize("kind", [MapKind.LINEAR, MapKind.ROTATION])
def test_every_cell_agrees_with_the_slow_definition(small: Small, kind: MapKind, mode: FitMode) -> None:
    matrix = run_matrix(small.study, MatrixSettings("faces", ("a", "b"), kind, mode, far=FAR), JobContext())
    for source, target in itertools.product("ab", repeat=2):
        scores, genuine = slow_scores(small, source, target, kind, mode)
        cell = matrix.cells[source, target]
        assert cell is not None
        assert (cell.genuine, cell.impostors) == (genuine.sum(), (~genuine).sum())
        assert cell.auc == pytest.approx(roc_auc_score(genuine, scores), abs=2e-5)
        far, tar, _ = roc_curve(genuine, scores, drop_intermediate=False)
        for position, goal in enumerate(FAR):
            slow = {
                FarRule.CONSERVATIVE: tar[far <= goal].max(),
                FarRule.NEAREST: tar[np.abs(far - goal) <= np.abs(far - goal).min() + 1e-12].max(),
            }
            for rule in FarRule:
                found = cell.readings[rule][position]
                assert found.point.tar == pytest.approx(slow[rule], abs=1.5 / genuine.sum())
                assert len(found.halves) == (2 if mode is FitMode.DISJOINT else 0)


def test_the_subject_weighted_tar_is_the_mean_over_subjects(small: Small) -> None:
    matrix = run_matrix(small.study, MatrixSettings("faces", ("a", "b"), far=FAR, mode=FitMode.IN_SAMPLE), JobContext())
    reading = matrix.reading("a", "b", 0.1, FarRule.CONSERVATIVE)
    scores, genuine = slow_scores(small, "a", "b", "linear", "in-sample")
    who = np.array([small.subjects[i] for i, _ in itertools.permutations(range(len(small.subjects)), 2)])
    accepted = scores >= reading.point.threshold - 1e-6
    slow = np.mean([accepted[genuine & (who == subject)].mean() for subject in set(small.subjects)])
    assert reading.subject_tar == pytest.approx(slow, abs=1e-3)


def test_raw_embeddings_of_different_widths_have_no_cell_and_the_reason_is_said(small: Small) -> None:
    matrix = run_matrix(small.study, MatrixSettings("faces", ("a", "b"), MapKind.NONE, far=FAR), JobContext())
    assert matrix.cells["a", "b"] is None
    assert "24 and 16 dimensions" in matrix.missing["a", "b"]
    document = matrix_json(matrix, FarRule.CONSERVATIVE)
    assert document["tar"][0][1] is None
    assert document["tar"][0][0][0] == matrix.tar("a", "a", 0.5, FarRule.CONSERVATIVE)
    assert document["fit_pairs"] == []
    json.dumps(document, allow_nan=False)


def test_asking_twice_computes_once(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = MatrixSettings("faces", ("a", "b"), far=FAR)
    first = run_matrix(small.study, settings, JobContext())
    import canon_core.experiments.image_cells as module

    monkeypatch.setattr(module, "score_all_pairs", None)  # would fail if it were called
    again = run_matrix(small.study, settings, JobContext())
    assert again.cells == first.cells
    assert stored_matrix(small.study, settings).cells == first.cells


def test_the_diagonal_is_shared_between_maps_but_not_between_modes_and_seeds(small: Small) -> None:
    base = MatrixSettings("faces", ("a", "b"), far=FAR)
    keys = {}
    for name, settings in {
        "linear": base,
        "rotation": replace(base, map=MapKind.ROTATION),
        "in-sample": replace(base, mode=FitMode.IN_SAMPLE),
        "seed": replace(base, seed=1),
        "far": replace(base, far=(0.2,)),
        "far in another order": replace(base, far=FAR[::-1]),
    }.items():
        matrix = run_matrix(small.study, settings, JobContext())
        keys[name] = {pair: cell.key for pair, cell in matrix.cells.items() if cell is not None}
    assert keys["linear"]["a", "a"] == keys["rotation"]["a", "a"]
    assert keys["linear"]["a", "b"] != keys["rotation"]["a", "b"]
    assert keys["linear"] == keys["far in another order"]
    for other in ("in-sample", "seed", "far"):
        assert not set(keys["linear"].values()) & set(keys[other].values())


def test_readings_stand_in_the_order_of_the_fars_asked_for(small: Small) -> None:
    settings = MatrixSettings("faces", ("a", "b"), far=(0.01, 0.5, 0.1))
    for matrix in (run_matrix(small.study, settings, JobContext()), stored_matrix(small.study, settings)):
        for far in settings.far:
            reading = matrix.reading("a", "b", far, FarRule.CONSERVATIVE)
            assert reading is not None
            assert reading.point.target == far


def test_cells_arrive_one_by_one_and_the_work_goes_on_after_a_cancellation(small: Small) -> None:
    settings = MatrixSettings("faces", ("a", "b"), MapKind.ROTATION, far=FAR)
    arrived: list[Cell] = []

    def cancel_after_two(event: Event) -> None:
        if isinstance(event, Partial):
            assert isinstance(event.payload, Cell)
            arrived.append(event.payload)
            if len(arrived) == 2:
                ctx.cancel()

    ctx = JobContext(emit=cancel_after_two)
    with pytest.raises(Cancelled):
        run_matrix(small.study, settings, ctx)
    stored = stored_matrix(small.study, settings)
    assert [pair for pair, cell in stored.cells.items() if cell is not None] == [("a", "a"), ("b", "b")]
    finished: list[Event] = []
    run_matrix(small.study, settings, JobContext(emit=finished.append))
    assert sum(isinstance(event, Partial) for event in finished) == 2


def test_the_stored_roc_belongs_to_the_cell(small: Small) -> None:
    matrix = run_matrix(small.study, MatrixSettings("faces", ("a", "b"), far=FAR), JobContext())
    cell = matrix.cells["a", "b"]
    roc = read_roc(small.study, cell)
    assert roc.complete
    assert roc.auc == cell.auc
    for position, goal in enumerate(FAR):
        assert roc.at(goal, FarRule.CONSERVATIVE) == cell.readings[FarRule.CONSERVATIVE][position].point


def test_residuals_of_disjoint_maps_are_measured_on_the_other_half(small: Small) -> None:
    half = np.array([zlib.crc32(f"0:{subject}".encode()) & 1 for subject in small.subjects])
    cell = run_matrix(small.study, MatrixSettings("faces", ("a", "b"), far=FAR), JobContext()).cells["a", "b"]
    a, b = unit(small.raw["a"]), unit(small.raw["b"])
    for h, fit in enumerate(cell.fits):
        inside, outside = half != h, half == h
        mapped = unit(a[outside] @ np.linalg.lstsq(a[inside], b[inside], rcond=None)[0])
        assert fit.held_out
        assert fit.pairs == inside.sum()
        assert fit.residual_pairs == outside.sum()
        assert fit.residual == pytest.approx(1 - (mapped * b[outside]).sum(axis=1).mean(), abs=1e-4)


def test_an_image_without_a_usable_embedding_is_left_out_of_every_cell_and_counted(small: Small) -> None:
    path = small.study.embeddings_path("a", "faces")
    keep = path.read_bytes()
    try:
        with h5py.File(path, "r+") as file:
            file["embeddings"][7] = np.nan
        small.study.note_embedded("a", "faces", small.study.embeddings_key("a", "faces"), [7])
        matrix = run_matrix(small.study, MatrixSettings("faces", ("a", "b"), far=FAR), JobContext())
        assert matrix.left_out == (small.study.faces("faces").ids[7],)
        assert "1 images left out" in settings_line(matrix, FarRule.CONSERVATIVE)
        assert matrix.cells["b", "b"].left_out == 1
        assert np.isfinite(matrix.cells["a", "b"].auc)
    finally:
        path.write_bytes(keep)
        small.study.note_embedded("a", "faces", small.study.embeddings_key("a", "faces"), [])


def test_a_model_without_embeddings_leaves_its_cells_empty_with_the_reason(
    small: Small, tmp_path: Path, make_network: Make
) -> None:
    small.study.add_model(make_network(tmp_path / "late.onnx"), name="late")
    try:
        matrix = run_matrix(small.study, MatrixSettings("faces", ("a", "late"), far=FAR), JobContext())
        assert matrix.cells["a", "a"] is not None
        assert matrix.cells["a", "late"] is None
        assert "'late' has no embeddings" in matrix.missing["a", "late"]
        with pytest.raises(StudyError, match="canon embed"):
            run_matrix(small.study, MatrixSettings("faces", ("late",), far=FAR), JobContext())
    finally:
        small.study.remove_model("late")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"mode": FitMode.AUTHORS}, "needs templates"),
        ({"features": Features.INSIGHTFACE}, "needs templates|need templates"),
        ({"far": (0.0,)}, "above 0"),
        ({"models": ("a", "a")}, "named twice"),
    ],
)
def test_settings_that_do_not_fit_are_refused(small: Small, change: dict[str, object], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        run_matrix(small.study, replace(MatrixSettings("faces", ("a", "b"), far=FAR), **change), JobContext())


def test_folds_agree_with_a_slow_loop(small: Small) -> None:
    result = run_folds(small.study, FoldSettings("faces", ("a", "b")), JobContext())
    folds = small.study.folds("faces")
    for source, target in itertools.product("ab", repeat=2):
        a, b = unit(small.raw[source]), unit(small.raw[target])
        accuracies = []
        for held_out in range(3):
            training, test = folds.fold != held_out, folds.fold == held_out
            images = sorted(set(folds.first[training]) | set(folds.second[training]))
            mapped = a
            if source != target:
                mapped = unit(a @ np.linalg.lstsq(a[images], b[images], rcond=None)[0])
            scores = (mapped[folds.first] * b[folds.second]).sum(axis=1)
            best = max(
                sorted(scores[training]),
                key=lambda t: ((scores[training] >= t) == folds.genuine[training]).sum(),
            )
            accuracies.append(((scores[test] >= best) == folds.genuine[test]).mean())
        cell = result.cells[source, target]
        assert cell.per_fold == pytest.approx(accuracies, abs=1e-9)
        assert cell.accuracy == pytest.approx(np.mean(accuracies))


def test_folds_with_other_labels_are_computed_anew(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    """A .bin file has labels of its own: correcting one changes neither pairs nor images."""
    asked = FoldSettings("faces", ("a",))
    before = run_folds(small.study, asked, JobContext()).cells["a", "a"]
    folds = small.study.folds("faces")
    assert folds is not None
    turned = replace(folds, genuine=~folds.genuine)
    monkeypatch.setattr(small.study, "folds", lambda name: turned)
    after = run_folds(small.study, asked, JobContext()).cells["a", "a"]
    assert before is not None
    assert after is not None
    assert after.key != before.key
    assert after.per_fold != before.per_fold


def test_photographs_without_alignment_are_refused_before_any_embedding(
    small: Small, tmp_path: Path, make_faces: Make
) -> None:
    import cv2

    image = np.full((200, 250, 3), 128, np.uint8)
    (tmp_path / "photos" / "Ann").mkdir(parents=True)
    (tmp_path / "photos" / "Ann" / "1.png").write_bytes(cv2.imencode(".png", image)[1].tobytes())
    small.study.add_dataset(tmp_path / "photos", DatasetOptions(), JobContext())
    try:
        with pytest.raises(DatasetError, match="--landmarks"):
            embed_study(small.study, "photos", ("a",), EmbedOptions(provider="cpu"), JobContext())
    finally:
        small.study.remove_dataset("photos")
