"""A study that was copied or moved finds its own networks and images, and never takes others for them."""

from __future__ import annotations

import hashlib
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from canon_core.datasets.options import DatasetOptions
from canon_core.embedding.embed import EmbedOptions
from canon_core.errors import Cancelled, DatasetError, ModelError, StoreError, StudyError
from canon_core.experiments.embedding import embed_study
from canon_core.experiments.matrix import run_matrix
from canon_core.jobs import Event, JobContext, Log
from canon_core.study import register
from canon_core.study.results import FitMode, MatrixSettings
from canon_core.study.study import Study

from .naive.protocol import Shape
from .template_study import make_study

Make = Callable[..., Path]
CPU = EmbedOptions(provider="cpu")
SETTINGS = MatrixSettings("faces", ("a",), mode=FitMode.IN_SAMPLE, far=(0.1,))


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, make_network: Make, make_faces: Make) -> Path:
    """``s.canon`` beside a network and faces, with embeddings."""
    root = tmp_path_factory.mktemp("places") / "mine"
    make_network(root / "a.onnx", dimensions=8, seed=1)
    make_faces(root / "faces", subjects=4, images=3, seed=1)
    with Study.create(root / "s") as study:
        study.add_model(root / "a.onnx")
        study.add_dataset(root / "faces", DatasetOptions(), JobContext())
        embed_study(study, "faces", (), CPU, JobContext())
    return root


@pytest.fixture
def mine(template: Path, tmp_path: Path) -> Path:
    """A copy that lies where it says it lies."""
    root = Path(shutil.copytree(template, tmp_path / "mine"))
    with Study.open(root / "s.canon") as study:
        study.locate_model("a", root / "a.onnx")
        study.locate_dataset("faces", root / "faces", JobContext())
    return root


def copied_alone(mine: Path, make_network: Make, make_faces: Make) -> Path:
    """The study copied to where somebody else's network and faces have the same names."""
    there = mine.parent / "theirs"
    make_network(there / "a.onnx", dimensions=8, seed=2)
    make_faces(there / "faces", subjects=4, images=3, seed=2)
    assert (there / "a.onnx").stat().st_size == (mine / "a.onnx").stat().st_size
    return Path(shutil.copytree(mine / "s.canon", there / "s.canon"))


# -- networks ------------------------------------------------------------------------------------------------------
def test_a_study_copied_beside_another_network_keeps_its_own(mine: Path, make_network: Make, make_faces: Make) -> None:
    with Study.open(copied_alone(mine, make_network, make_faces)) as study:
        before = study.model("a")
        assert before.file == mine / "a.onnx"
        run_matrix(study, SETTINGS, JobContext())
        assert study.model("a") == before
        assert study.resolved("a").path == mine / "a.onnx"
        study.refresh_states()
        assert study.embedding_state("a", "faces").complete
    (mine / "a.onnx").unlink()  # it was remembered that it is this one
    with Study.open(mine.parent / "theirs" / "s.canon") as study, pytest.raises(ModelError, match="gone"):
        study.resolved("a")


def test_another_network_where_this_one_must_have_moved_to_is_said_and_its_hash_stays(
    mine: Path, make_network: Make, make_faces: Make
) -> None:
    path = copied_alone(mine, make_network, make_faces)
    (mine / "a.onnx").unlink()
    said: list[Event] = []
    with Study.open(path) as study:
        before = study.model("a").sha256
        cell = run_matrix(study, SETTINGS, JobContext(emit=said.append)).cells["a", "a"]
        assert cell is not None  # its embeddings still are those of the network that was added
        with pytest.raises(ModelError, match=r"not the network 'a', which was added at .*mine.*canon locate"):
            embed_study(study, "faces", (), CPU, JobContext())
        with pytest.raises(ModelError, match="not the network 'a'"):
            study.resolved("a")
        assert study.model("a").sha256 == before
    assert any(isinstance(event, Log) and "not the network 'a'" in event.text for event in said)


def test_a_copied_project_uses_its_own_network_although_the_copy_is_newer(mine: Path) -> None:
    there = Path(shutil.copytree(mine, mine.parent / "there", copy_function=shutil.copyfile))  # times are lost
    with Study.open(there / "s.canon") as study:
        study.refresh_model("a")
        study.refresh_dataset("faces", JobContext())
        assert study.model("a").file == there / "a.onnx"
        assert study.dataset("faces").path == there / "faces"
        assert study.faces("faces").path(0).is_relative_to(there)
        study.refresh_states()
        assert study.embedding_state("a", "faces").complete


def test_a_network_trained_anew_in_a_moved_project_is_taken_as_changed(mine: Path, make_network: Make) -> None:
    there = mine.rename(mine.parent / "there")
    with Study.open(there / "s.canon") as study:
        before = study.model("a").sha256
        study.refresh_model("a")
        make_network(there / "a.onnx", dimensions=8, seed=3)
        study.refresh_model("a")
        assert study.model("a").sha256 != before


# -- datasets ------------------------------------------------------------------------------------------------------
def test_a_study_copied_beside_other_faces_keeps_its_own(mine: Path, make_network: Make, make_faces: Make) -> None:
    with Study.open(copied_alone(mine, make_network, make_faces)) as study:
        before = study.dataset("faces").fingerprint
        assert study.faces("faces").path(0).is_relative_to(mine)  # before it is looked at again
        run_matrix(study, SETTINGS, JobContext())
        study.refresh_dataset("faces", JobContext())
        assert (study.dataset("faces").path, study.dataset("faces").fingerprint) == (mine / "faces", before)
        assert study.faces("faces").path(0).is_relative_to(mine)


def write_crops(folder: Path, seed: int) -> None:
    """Aligned crops without compression: all are of one size."""
    rng = np.random.default_rng(seed)
    for number in range(6):
        path = folder / f"s{number // 3}" / f"{number}.bmp"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (112, 112, 3), np.uint8)).save(path)


@pytest.mark.parametrize("copied_too", [False, True])
def test_faces_of_one_size_are_told_apart_by_content(tmp_path: Path, copied_too: bool) -> None:
    mine, there = tmp_path / "mine", tmp_path / "there"
    write_crops(mine / "crops", 1)
    with Study.create(mine / "s") as study:
        study.add_dataset(mine / "crops", DatasetOptions(aligned="arcface"), JobContext(), "d")
    if copied_too:
        shutil.copytree(mine / "crops", there / "crops")
    else:
        write_crops(there / "crops", 2)
    shutil.copytree(mine / "s.canon", there / "s.canon")
    with Study.open(there / "s.canon") as study:
        before, expected = study.dataset("d").fingerprint, (there if copied_too else mine) / "crops"
        assert study.faces("d").root == expected
        study.refresh_dataset("d", JobContext())
        assert (study.dataset("d").path, study.dataset("d").fingerprint) == (expected, before)


def test_other_faces_where_these_must_have_moved_to_are_refused(
    mine: Path, make_network: Make, make_faces: Make
) -> None:
    path = copied_alone(mine, make_network, make_faces)
    shutil.rmtree(mine / "faces")
    with Study.open(path) as study:
        before = study.dataset("faces").fingerprint
        with pytest.raises(DatasetError, match="not the dataset 'faces' that was added at"):
            study.refresh_dataset("faces", JobContext())
        assert study.dataset("faces").fingerprint == before


def test_an_image_added_after_a_move_changes_the_dataset(mine: Path) -> None:
    there = mine.rename(mine.parent / "there")
    shutil.copy(next((there / "faces").rglob("*.png")), there / "faces" / "Person_00" / "Person_00_0099.png")
    with Study.open(there / "s.canon") as study:
        assert study.refresh_dataset("faces", JobContext()).images == 13


# -- another place, by hand ----------------------------------------------------------------------------------------
def write_bin(path: Path, seed: int, pairs: int = 4) -> Path:
    rng = np.random.default_rng(seed)
    scratch, images = path.with_suffix(".png"), []
    for _ in range(2 * pairs):
        Image.fromarray(rng.integers(0, 256, (112, 112, 3), np.uint8)).save(scratch)
        images.append(scratch.read_bytes())
    scratch.unlink()
    path.write_bytes(pickle.dumps((images, [bool(number % 2) for number in range(pairs)])))
    return path


def unpacked(study: Study) -> dict[str, bytes]:
    folder = study.path / "datasets"
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.glob("*images*/*"))}


def test_a_wrong_verification_set_leaves_the_images_of_the_study(tmp_path: Path) -> None:
    right, wrong = write_bin(tmp_path / "a.bin", 1), write_bin(tmp_path / "wrong.bin", 2)
    with Study.create(tmp_path / "s") as study:
        study.add_dataset(right, DatasetOptions(), JobContext(), "d")
        before = unpacked(study)
        with pytest.raises(DatasetError, match="not the dataset 'd'"):
            study.locate_dataset("d", wrong, JobContext())
        assert unpacked(study) == before
        moved = right.rename(tmp_path / "moved.bin")
        (study.faces("d").path(3)).unlink()
        assert study.locate_dataset("d", moved, JobContext()).path == moved
        assert unpacked(study) == before
        assert study.faces("d").path(0).is_file()


def test_a_verification_set_that_changed_takes_its_place_only_with_the_manifest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_bin(tmp_path / "a.bin", 1)

    def full(*_: object) -> None:
        raise StudyError("no space left on device")

    with Study.create(tmp_path / "s") as study:
        study.add_dataset(path, DatasetOptions(), JobContext(), "d")
        before = unpacked(study)
        path.write_bytes(b"no pickle")
        with pytest.raises(DatasetError):
            study.refresh_dataset("d", JobContext())
        write_bin(path, 2, pairs=3)
        with Study.open(study.path, read_only=True) as reading:
            assert reading.refresh_dataset("d", JobContext()).images == 6
        with monkeypatch.context() as patch:
            patch.setattr(register, "write_manifest", full)
            with pytest.raises(StudyError, match="no space"):
                study.refresh_dataset("d", JobContext())
        assert unpacked(study) == before
        assert study.refresh_dataset("d", JobContext()).images == 6
        assert len(unpacked(study)) == 6
        assert all(study.faces("d").path(row).is_file() for row in range(6))


@pytest.mark.parametrize("stopped", ["at once", "between", "refused"])
def test_images_of_a_changed_verification_set_come_in_although_putting_them_in_place_was_cut_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stopped: str
) -> None:
    path = write_bin(tmp_path / "a.bin", 1)

    def cut_short(source: Path, target: Path) -> None:
        if not source.is_dir():
            source.rename(target)
        elif stopped == "refused":
            raise PermissionError(13, "in use")
        elif stopped == "at once" or "~next" in source.name:
            shutil.copytree(source.parent, tmp_path / "killed")
            raise KeyboardInterrupt
        else:
            source.rename(target)

    def right(study: Study) -> bool:
        faces = study.faces("d")
        paths = [faces.path(row) for row in range(len(faces))]
        return [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths] == list(faces.sha256)

    with Study.create(tmp_path / "s") as study:
        study.add_dataset(path, DatasetOptions(), JobContext(), "d")
        write_bin(path, 2)
        monkeypatch.setattr("canon_core.study.unpacking.os.replace", cut_short)
        with pytest.raises((KeyboardInterrupt, StoreError)):
            study.refresh_dataset("d", JobContext())
        monkeypatch.undo()
    if stopped != "refused":  # what a process that is killed leaves, it did not tidy up
        shutil.rmtree(tmp_path / "s.canon" / "datasets")
        (tmp_path / "killed").rename(tmp_path / "s.canon" / "datasets")
    with Study.open(tmp_path / "s") as study:
        ctx = JobContext(emit=lambda event: ctx.cancel() if "unpacking" in str(event) else None)
        with pytest.raises(Cancelled):
            study.refresh_dataset("d", ctx, images=False)
        study.refresh_dataset("d", JobContext(), images=False)
        assert right(study)
        images = study.path / "datasets" / "d.images"
        assert [one for one in images.parent.iterdir() if one.is_dir()] == [images]
        (images.parent / "d~old.images").mkdir()  # of one killed a moment later
        study.refresh_dataset("d", JobContext(), images=False)
        assert [one for one in images.parent.iterdir() if one.is_dir()] == [images]


def test_embeddings_from_before_a_relabelling_still_count_after_a_move(tmp_path: Path) -> None:
    made = make_study(tmp_path, Shape(10, 3, 3, 4, 0.0, 1.0, 0, seed=8))
    with Study.open(made.path) as study:
        for file in (tmp_path / "data" / "meta").glob("ijbc_1N*"):
            head, *lines = file.read_text().splitlines()
            parts = [line.split(",") for line in lines]
            file.write_text("\n".join([head, *(f"{one},{int(subject) + 7}" for one, subject in parts)]) + "\n")
        study.refresh_dataset("ijb", JobContext())
        known = study.fingerprints("ijb")
        assert len(known) == 2
        moved = (tmp_path / "data").rename(tmp_path / "moved")
        study.locate_dataset("ijb", moved, JobContext())
        assert study.fingerprints("ijb") == known
        study.refresh_states()
        assert all(study.embedding_state(name, "ijb").complete for name in ("a", "b"))
