"""Looking after a study: what it keeps, files that moved, room on the disk."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from canon_core.datasets.options import DatasetOptions
from canon_core.embedding.embed import EmbedOptions
from canon_core.errors import Cancelled, CanonError, DatasetError, ModelError, StoreError, StudyError
from canon_core.experiments import pairs as pairs_room
from canon_core.experiments.confidence import run_confidence
from canon_core.experiments.embedding import embed_study
from canon_core.experiments.folds import run_folds
from canon_core.experiments.matrix import run_matrix, stored_matrix
from canon_core.experiments.overlay import run_overlay
from canon_core.experiments.pairs import PairFinder
from canon_core.experiments.sensitivity import run_sensitivity
from canon_core.jobs import JobContext
from canon_core.projection.kinds import OverlayMethod
from canon_core.study.cached_files import CacheKind
from canon_core.study.overlay_results import OverlaySettings
from canon_core.study.pair_results import PairSettings
from canon_core.study.results import FoldSettings, MatrixSettings
from canon_core.study.sensitivity_results import SensitivitySettings
from canon_core.study.study import Study
from canon_core.verification.roc import FarRule

SETTINGS = MatrixSettings("faces", ("a", "b"))


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, make_network: Callable, make_faces: Callable) -> Path:
    """``data`` with networks and faces, and a study of them with a matrix, intervals, folds and sensitivity."""
    root = tmp_path_factory.mktemp("management")
    make_network(root / "data" / "a.onnx", dimensions=24, seed=1)
    make_network(root / "data" / "b.onnx", dimensions=16, seed=2)
    make_faces(root / "data" / "faces", subjects=10, images=4, folds=2)
    ctx = JobContext()
    with Study.create(root / "s") as study:
        for name in ("a", "b"):
            study.add_model(root / "data" / f"{name}.onnx")
        study.add_dataset(root / "data" / "faces", DatasetOptions(), ctx)
        embed_study(study, "faces", (), EmbedOptions(provider="cpu"), ctx)
        run_matrix(study, SETTINGS, ctx)
        run_confidence(study, SETTINGS, ctx, resamples=20)
        run_folds(study, FoldSettings("faces", ("a", "b")), ctx)
        run_sensitivity(study, SensitivitySettings("faces", ("a", "b"), pairs=(8,), repeats=1), ctx)
    return root.rename(root.with_name("moved"))  # nothing lies where it was made: only copies are found


@pytest.fixture
def root(template: Path, tmp_path: Path) -> Path:
    """A copy to change: ``s.canon`` and ``data``."""
    return Path(shutil.copytree(template, tmp_path / "copy"))


@pytest.fixture
def study(root: Path) -> Iterator[Study]:
    with Study.open(root / "s.canon") as study:
        study.refresh_states()
        yield study


# -- what it keeps -------------------------------------------------------------------------------------------------
def test_what_is_kept_is_counted_by_kind_and_adds_up(study: Study) -> None:
    found = {each.kind: each for each in study.cached()}
    assert {kind: each.files for kind, each in found.items() if kind is not CacheKind.MAPS} == {
        CacheKind.CELLS: 4,
        CacheKind.FOLDS: 4,
        CacheKind.INTERVALS: 4,
        CacheKind.SENSITIVITY: 2,
        CacheKind.EMBEDDINGS: 2,
    }
    usage = study.disk_usage()
    assert found[CacheKind.MAPS].bytes == usage["maps"]
    assert found[CacheKind.EMBEDDINGS].bytes == usage["embeddings"]
    results = (CacheKind.CELLS, CacheKind.FOLDS, CacheKind.INTERVALS, CacheKind.SENSITIVITY)
    assert sum(found[kind].bytes for kind in results) == usage["results"]


def test_clearing_takes_results_and_never_embeddings_unless_asked(study: Study) -> None:
    kept = study.disk_usage()["embeddings"]
    before = sum(each.bytes for each in study.cached())
    assert study.clear_cached() == before - kept
    assert [each.kind for each in study.cached()] == [CacheKind.EMBEDDINGS]
    assert study.embedding_state("a", "faces").complete
    assert not any(stored_matrix(study, SETTINGS).cells.values())
    assert all(run_matrix(study, SETTINGS, JobContext()).cells.values())


def test_one_kind_alone_can_be_cleared(study: Study) -> None:
    before = {each.kind: each.files for each in study.cached()}
    study.clear_cached({CacheKind.INTERVALS})
    after = {each.kind: each.files for each in study.cached()}
    assert after == {kind: files for kind, files in before.items() if kind is not CacheKind.INTERVALS}
    assert all(stored_matrix(study, SETTINGS).cells.values())


def test_embeddings_are_cleared_when_asked_and_can_be_made_again(study: Study, root: Path) -> None:
    assert study.clear_cached({CacheKind.EMBEDDINGS}) > 0
    assert study.embedding_state("a", "faces").done == 0
    embed_study(study, "faces", (), EmbedOptions(provider="cpu"), JobContext())
    assert all(stored_matrix(study, SETTINGS).cells.values())  # same embeddings, same content keys


def test_imported_embeddings_are_never_cleared(study: Study, root: Path) -> None:
    import numpy as np

    np.save(root / "mine.npy", np.random.default_rng(0).standard_normal((40, 8)).astype(np.float32))
    study.import_embeddings(root / "mine.npy", model="mine", dataset="faces", ctx=JobContext())
    study.clear_cached(frozenset(CacheKind))
    assert study.embedding_state("mine", "faces").complete
    assert study.cached() == ()


def test_a_damaged_result_counts_as_another_and_goes_too(study: Study) -> None:
    (study.path / "results" / "broken.h5").write_bytes(b"no hdf5")
    assert {each.kind for each in study.cached()} >= {CacheKind.OTHER}
    study.clear_cached({CacheKind.OTHER})
    assert not (study.path / "results" / "broken.h5").exists()


def test_a_read_only_study_keeps_everything(root: Path) -> None:
    with Study.open(root / "s.canon", read_only=True) as study:
        before = study.cached()
        with pytest.raises(StudyError, match="read-only"):
            study.clear_cached()
        assert study.cached() == before


# -- files that moved ----------------------------------------------------------------------------------------------
def test_a_network_that_moved_is_found_again_by_its_hash(study: Study, root: Path) -> None:
    moved = Path(shutil.move(root / "data" / "a.onnx", root / "elsewhere.onnx"))
    with pytest.raises(ModelError, match="gone"):
        study.resolved("a")
    entry = study.locate_model("a", moved)
    assert entry.file == moved
    assert study.resolved("a").path == moved
    assert study.embedding_state("a", "faces").complete
    study.close()
    with Study.open(root / "s.canon") as again:
        assert again.model("a").file == moved


def test_networks_that_moved_together_are_found_beside_each_other(study: Study, root: Path) -> None:
    shutil.move(root / "data", root / "moved")
    study.locate_model("a", root / "moved" / "a.onnx")
    assert study.locate_models_beside(root / "moved" / "a.onnx") == ("b",)
    assert study.model("b").file == root / "moved" / "b.onnx"
    assert study.locate_models_beside(root / "moved" / "a.onnx") == ()


def test_what_lies_beside_under_an_imported_model_s_name_or_an_impossible_one_is_no_network(
    study: Study, root: Path
) -> None:
    rows = root / "moved" / "rows.npy"
    shutil.move(root / "data", root / "moved")
    np.save(rows, np.ones((study.dataset("faces").images, 8), np.float32))
    study.import_embeddings(rows, model="rows", dataset="faces", ctx=JobContext())
    rows.unlink()
    manifest = study.path / "study.json"
    study.close()
    manifest.write_text(manifest.read_text().replace("/data/b.onnx", f"/data/{'b' * 300}.onnx"))
    with Study.open(study.path) as again:
        shutil.copy(root / "moved" / "a.onnx", root / "moved" / "rows.npy")
        again.locate_model("a", root / "moved" / "a.onnx")
        assert again.locate_models_beside(root / "moved" / "a.onnx") == ()


def test_another_network_of_the_same_name_beside_is_left_alone(study: Study, root: Path) -> None:
    shutil.move(root / "data", root / "moved")
    shutil.copy(root / "moved" / "a.onnx", root / "moved" / "b.onnx")
    study.locate_model("a", root / "moved" / "a.onnx")
    assert study.locate_models_beside(root / "moved" / "a.onnx") == ()
    assert not study.model("b").file.exists()


def test_another_network_is_refused_by_name_and_hash(study: Study, root: Path) -> None:
    (root / "data" / "a.onnx").unlink()
    with pytest.raises(ModelError, match=r"b\.onnx: not the network .a.: .* that of .b.: locate"):
        study.locate_model("a", root / "data" / "b.onnx")
    (root / "note.onnx").write_text("no network")
    with pytest.raises(CanonError, match="not an ONNX file"):
        study.locate_model("a", root / "note.onnx")
    assert not study.model("a").file.exists()


def test_a_dataset_that_moved_is_found_again_with_its_results(study: Study, root: Path) -> None:
    moved = Path(shutil.move(root / "data" / "faces", root / "people"))
    with pytest.raises(DatasetError, match="gone"):
        study.refresh_dataset("faces", JobContext())
    entry = study.locate_dataset("faces", moved, JobContext())
    assert (entry.path, entry.images) == (moved, 40)
    assert study.faces("faces").path(0).is_relative_to(moved)
    assert all(stored_matrix(study, SETTINGS).cells.values())
    assert study.refresh_dataset("faces", JobContext()).fingerprint == entry.fingerprint
    study.close()
    with Study.open(root / "s.canon") as again:
        assert again.dataset("faces").path == moved


def test_a_landmarks_file_inside_the_dataset_moves_with_it(study: Study, root: Path) -> None:
    faces = root / "data" / "faces"
    lines = ["image," + ",".join(f"{axis}{n}" for n in range(5) for axis in "xy")]
    points = "38.3,51.7,73.5,51.5,56.0,71.7,41.5,92.4,70.7,92.2"
    lines += [f"{path.relative_to(faces).as_posix()},{points}" for path in sorted(faces.glob("*/*.png"))]
    (faces / "points.csv").write_text("\n".join(lines) + "\n")
    study.add_dataset(faces, DatasetOptions(landmarks=faces / "points.csv"), JobContext(), "pointed")
    moved = Path(shutil.move(faces, root / "people"))
    entry = study.locate_dataset("pointed", moved, JobContext())
    assert entry.options.landmarks == moved / "points.csv"


def test_other_images_are_refused(study: Study, root: Path, make_faces: Callable) -> None:
    shutil.rmtree(root / "data" / "faces")
    other = make_faces(root / "other", subjects=10, images=4, seed=9, folds=2)
    with pytest.raises(DatasetError, match="not the dataset 'faces'"):
        study.locate_dataset("faces", other, JobContext())
    with pytest.raises(DatasetError):
        study.locate_dataset("faces", root / "nothing", JobContext())
    assert not study.dataset("faces").path.exists()


def test_locating_can_be_cancelled(study: Study, root: Path) -> None:
    moved = Path(shutil.move(root / "data" / "faces", root / "people"))
    ctx = JobContext()
    ctx.cancel()
    with pytest.raises(Cancelled):
        study.locate_dataset("faces", moved, ctx)
    assert not study.dataset("faces").path.exists()


# -- room on the disk ----------------------------------------------------------------------------------------------
def test_models_that_do_not_fit_together_are_refused_before_the_first_image(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    study.clear_cached({CacheKind.EMBEDDINGS})
    spare = 16 * 2**20
    needed = {name: 40 * study.model(name).dimensions * 4 for name in ("a", "b")}
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=spare + max(needed.values())))
    with pytest.raises(StoreError, match=r"the embeddings of 2 models need 0\.0 MB, and 16\.0 MB are free"):
        embed_study(study, "faces", (), EmbedOptions(provider="cpu"), JobContext())
    assert study.embedding_state("a", "faces").done == 0
    embed_study(study, "faces", ("a",), EmbedOptions(provider="cpu"), JobContext())  # one by itself fits
    assert study.embedding_state("a", "faces").complete


def test_overlays_and_lists_of_pairs_are_kinds_of_their_own(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs_room, "_WORTH_STORING", -1.0)
    ctx = JobContext()
    run_overlay(study, OverlaySettings("faces", ("a",), "b", method=OverlayMethod.PCA), ctx)
    PairFinder(study, PairSettings(SETTINGS, "a", "b", 1e-3, FarRule.NEAREST)).errors(ctx)
    found = {each.kind: each.files for each in study.cached()}
    assert (found[CacheKind.OVERLAYS], found[CacheKind.PAIRS]) == (1, 1)
    assert CacheKind.OTHER not in found


# -- studies got from somebody ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("room", ["results", "maps", "embeddings", "datasets", "embeddings/a", "embeddings/a/faces.h5"])
def test_links_out_of_a_study_are_refused_and_nothing_behind_them_is_deleted(root: Path, room: str) -> None:
    linked = root / "s.canon" / room
    outside = linked.rename(root / "precious")
    linked.symlink_to(outside)
    before = sorted(outside.rglob("*"))
    with pytest.raises(StudyError, match=f"its '{room}' is a link to somewhere else"):
        Study.open(root / "s.canon")
    with Study.open(root / "s.canon", read_only=True) as study:
        assert [model.name for model in study.models] == ["a", "b"]
    assert sorted(outside.rglob("*")) == before


def test_a_room_that_becomes_a_link_while_the_study_is_open_is_not_cleared(study: Study, root: Path) -> None:
    outside = (study.path / "results").rename(root / "precious")
    (study.path / "results").symlink_to(outside)
    before = sorted(outside.iterdir())
    study.clear_cached()
    assert before
    assert sorted(outside.iterdir()) == before


def test_a_lock_that_is_a_link_is_not_followed(root: Path) -> None:
    (root / "precious").write_text("mine")
    (root / "s.canon" / ".lock").unlink()
    (root / "s.canon" / ".lock").symlink_to(root / "precious")
    with pytest.raises(StudyError):
        Study.open(root / "s.canon")
    assert (root / "precious").read_text() == "mine"


def test_a_dataset_with_the_same_images_and_other_folds_is_another_one(study: Study, root: Path) -> None:
    there = root / "data" / "faces"
    pairs = there / "pairs.txt"
    lines = pairs.read_text().splitlines()
    genuine = next(number for number, line in enumerate(lines) if number and len(line.split("\t")) == 3)
    name, first, second = lines[genuine].split("\t")
    other = next(str(number) for number in range(1, 5) if str(number) not in (first, second))
    moved = there.rename(root / "data" / "elsewhere")
    lines[genuine] = f"{name}\t{first}\t{other}"
    (moved / "pairs.txt").write_text("\n".join(lines) + "\n")
    with pytest.raises(DatasetError, match="the pairs of its folds differ"):
        study.locate_dataset("faces", moved, JobContext())
