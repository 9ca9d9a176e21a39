"""The study as a document: names, records, moves, versions, locks, and that nothing is lost."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from canon_core.datasets.options import DatasetOptions
from canon_core.errors import CanonError, ModelError, StudyError, StudyInUse
from canon_core.jobs import JobContext
from canon_core.models.spec import InputSpec, ModelSpec
from canon_core.study import keys
from canon_core.study.manifest import OptionsRecord
from canon_core.study.study import Study

Make = Callable[..., Path]


@pytest.fixture
def study(tmp_path: Path) -> Study:
    with Study.create(tmp_path / "one") as made:
        yield made


def test_a_new_study_is_a_folder_with_a_manifest(tmp_path: Path) -> None:
    with Study.create(tmp_path / "mine") as made:
        assert made.path == tmp_path / "mine.canon"
        assert json.loads((made.path / "study.json").read_text())["schema"] == 3
    assert (made.path / "study.json").stat().st_mode & 0o777 == 0o600


def test_a_folder_of_the_same_name_beside_a_study_does_not_hide_it(tmp_path: Path) -> None:
    Study.create(tmp_path / "faces").close()
    (tmp_path / "faces").mkdir()
    (tmp_path / "faces" / "a.jpg").write_bytes(b"x")
    with Study.open(tmp_path / "faces") as found:
        assert found.path == tmp_path / "faces.canon"
    (tmp_path / "others").mkdir()
    with pytest.raises(StudyError, match=r"others: not a study: it holds no study\.json"):
        Study.open(tmp_path / "others")


def test_a_study_is_not_made_over_something_that_is_there(tmp_path: Path) -> None:
    Study.create(tmp_path / "one").close()
    with pytest.raises(StudyError, match="there is a study already"):
        Study.create(tmp_path / "one")
    (tmp_path / "photos.canon").mkdir()
    (tmp_path / "photos.canon" / "a.jpg").write_bytes(b"x")
    with pytest.raises(StudyError, match="something else"):
        Study.create(tmp_path / "photos")


@pytest.mark.parametrize("name", ["", ".", "..", "/", ".canon", "down/.."])
def test_a_study_needs_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(StudyError, match="name"):
        Study.create(name)
    assert [path.name for path in tmp_path.rglob("*")] == ["here"]


def test_every_option_of_a_dataset_is_remembered_with_its_files_where_they_are_now(tmp_path: Path) -> None:
    given = DatasetOptions(
        "lfw", "arcface", tmp_path / "a" / "points.csv", tmp_path / "a" / "pairs.txt", tmp_path / "a" / "net.onnx",
        whole_image=True, max_per_subject=3, seed=7,
    )  # fmt: skip
    record = OptionsRecord.of(given, tmp_path / "a" / "one.canon")
    assert OptionsRecord.model_validate_json(record.model_dump_json()).locate(tmp_path / "a" / "one.canon") == given
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "points.csv").touch()
    moved = record.locate(tmp_path / "b" / "one.canon")
    assert (moved.landmarks, moved.pairs) == (tmp_path / "b" / "points.csv", given.pairs)
    assert OptionsRecord.of(DatasetOptions(), tmp_path).locate(tmp_path) == DatasetOptions()


def test_models_and_datasets_survive_reopening(
    study: Study, tmp_path: Path, make_network: Make, make_faces: Make
) -> None:
    study.add_model(make_network(tmp_path / "a.onnx", dimensions=16), name="first")
    study.add_dataset(make_faces(tmp_path / "faces", subjects=3, images=2), DatasetOptions(), JobContext())
    models, datasets, ids = study.models, study.datasets, study.faces("faces").ids
    study.close()
    with Study.open(tmp_path / "one.canon") as again:
        assert again.models == models
        assert again.datasets == datasets
        assert again.faces("faces").ids == ids
    assert models[0].dimensions == 16
    assert models[0].origin == "inferred"
    assert datasets[0].images == 6
    assert datasets[0].alignment == "arcface"


def test_names_are_unique_and_an_unknown_one_is_answered_with_the_nearest(
    study: Study, tmp_path: Path, make_network: Make
) -> None:
    file = make_network(tmp_path / "arc net.onnx")
    assert study.add_model(file).name == "arc net"
    assert study.add_model(file).name == "arc net-2"
    with pytest.raises(StudyError, match="already"):
        study.add_model(file, name="arc net")
    with pytest.raises(StudyError, match="did you mean 'arc net"):
        study.model("arcnet")
    for bad in ("", "a/b", "../up", "a,b", "x" * 100, ".hidden"):
        with pytest.raises(StudyError):
            study.add_model(file, name=bad)


def test_renaming_keeps_the_embeddings_where_they_are(study: Study, tmp_path: Path, make_network: Make) -> None:
    study.add_model(make_network(tmp_path / "a.onnx"), name="a")
    folder = study.model("a").folder
    study.rename_model("a", "b")
    assert study.model("b").folder == folder
    study.add_model(tmp_path / "a.onnx", name="a")
    assert study.model("a").folder != folder


def test_a_removed_model_takes_its_embeddings_along_but_not_its_file(
    study: Study, tmp_path: Path, make_network: Make
) -> None:
    file = make_network(tmp_path / "a.onnx")
    entry = study.add_model(file)
    embeddings = study.path / "embeddings" / entry.folder
    embeddings.mkdir()
    (embeddings / "faces.h5").write_bytes(b"old")
    study.remove_model(entry.name)
    assert study.models == ()
    assert not embeddings.exists()
    assert file.exists()


def test_a_removed_dataset_takes_every_embedding_of_it_along(
    study: Study, tmp_path: Path, make_network: Make, make_faces: Make
) -> None:
    entry = study.add_model(make_network(tmp_path / "a.onnx"))
    faces = make_faces(tmp_path / "faces", subjects=2, images=2)
    study.add_dataset(faces, DatasetOptions(), JobContext())
    embeddings = study.path / "embeddings" / entry.folder
    embeddings.mkdir()
    for name in ("faces.h5", "faces~next.h5", "other.h5"):
        (embeddings / name).write_bytes(b"rows")
    study.remove_dataset("faces")
    assert [path.name for path in embeddings.iterdir()] == ["other.h5"]
    assert list((study.path / "datasets").iterdir()) == []
    assert faces.exists()


def test_the_preprocessing_can_be_changed_until_something_was_embedded(
    study: Study, tmp_path: Path, make_network: Make
) -> None:
    entry = study.add_model(make_network(tmp_path / "a.onnx"))
    bgr = ModelSpec(input=InputSpec(color="bgr"), output=entry.spec.output)
    assert study.set_spec(entry.name, bgr).spec.input.color == "bgr"
    (study.path / "embeddings" / entry.folder).mkdir()
    (study.path / "embeddings" / entry.folder / "faces.h5").write_bytes(b"rows")
    with pytest.raises(StudyError, match="has embeddings"):
        study.set_spec(entry.name, entry.spec)


def test_a_study_moved_with_its_data_still_finds_it(tmp_path: Path, make_network: Make, make_faces: Make) -> None:
    here = tmp_path / "here"
    make_network(here / "models" / "a.onnx")
    make_faces(here / "faces", subjects=2, images=2)
    with Study.create(here / "s") as study:
        study.add_model(here / "models" / "a.onnx")
        study.add_dataset(here / "faces", DatasetOptions(), JobContext())
    shutil.move(here, tmp_path / "there")
    with Study.open(tmp_path / "there" / "s.canon") as moved:
        assert moved.resolved("a").path == tmp_path / "there" / "models" / "a.onnx"
        assert moved.refresh_dataset("faces", JobContext()).path == tmp_path / "there" / "faces"


def test_a_study_moved_alone_still_opens_and_says_what_is_gone(tmp_path: Path, make_network: Make) -> None:
    with Study.create(tmp_path / "s") as study:
        study.add_model(make_network(tmp_path / "a.onnx"))
    (tmp_path / "a.onnx").unlink()
    with Study.open(tmp_path / "s.canon") as again:
        assert len(again.models) == 1
        with pytest.raises(ModelError, match=r"a\.onnx: the network is gone"):
            again.resolved("a")


def test_a_changed_network_no_longer_has_the_old_key(
    study: Study, tmp_path: Path, make_network: Make, make_faces: Make
) -> None:
    file = make_network(tmp_path / "a.onnx", seed=1)
    study.add_model(file)
    study.add_dataset(make_faces(tmp_path / "faces", subjects=2, images=2), DatasetOptions(), JobContext())
    before = study.embeddings_key("a", "faces")
    study.refresh_model("a")
    assert study.embeddings_key("a", "faces") == before
    make_network(file, seed=2)
    study.refresh_model("a")
    assert study.embeddings_key("a", "faces") != before


def test_a_changed_image_and_a_changed_spec_change_the_key(
    study: Study, tmp_path: Path, make_network: Make, make_faces: Make
) -> None:
    study.add_model(make_network(tmp_path / "a.onnx"))
    faces = make_faces(tmp_path / "faces", subjects=2, images=2)
    study.add_dataset(faces, DatasetOptions(), JobContext())
    keys = {study.embeddings_key("a", "faces")}
    shutil.copy(faces / "Person_00" / "Person_00_0001.png", faces / "Person_01" / "Person_01_0001.png")
    study.refresh_dataset("faces", JobContext())
    keys.add(study.embeddings_key("a", "faces"))
    study.set_spec("a", ModelSpec(input=InputSpec(color="bgr"), output=study.model("a").spec.output))
    keys.add(study.embeddings_key("a", "faces"))
    assert len(keys) == 3


def test_new_rules_for_results_leave_embeddings_current(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hours of embedding are not thrown away because maps are fitted otherwise; these keys lie in people's files."""
    monkeypatch.setattr(keys, "RESULTS_VERSION", 1)
    old = keys.content_key("cell")
    monkeypatch.setattr(keys, "RESULTS_VERSION", 99)
    assert keys.content_key("cell") != old
    assert keys.embeddings_key("a", "b", "c") == "ef6b20081b581e227d5f83361e934d45e8a5445cfec2c296bf4100b7cd7dea6e"
    assert keys.imported_key("a", "c") == "174d30aab78897b09d929dfecbd4e4f2aeb1717dea8daf514d34fd4e73f3cee7"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "no study.json"),
        ("{", "not valid JSON"),
        ("[]", "no schema version"),
        ('{"schema": 99}', "newer version"),
        ('{"schema": 1, "models": [{"name": 3}]}', "damaged at 'models.0"),
        ('{"schema": 2, "colour": "red"}', "damaged at 'colour'"),
        ('{"schema": 4}', "study format 4, this one reads up to 3"),
    ],
)
def test_a_folder_that_is_no_readable_study_is_refused_and_left_as_it_is(
    tmp_path: Path, content: str | None, says: str
) -> None:
    folder = tmp_path / "s.canon"
    folder.mkdir()
    if content is not None:
        (folder / "study.json").write_text(content)
    with pytest.raises(StudyError, match=says) as caught:
        Study.open(folder)
    assert str(folder) in caught.value.sentence()
    if content is not None:
        assert (folder / "study.json").read_text() == content


def test_a_study_that_does_not_exist_is_said_to(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="no such study"):
        Study.open(tmp_path / "nowhere.canon")


def test_a_file_is_no_study(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(StudyError, match="not a study"):
        Study.open(tmp_path / "notes.txt")


def _hold(path: str, ready: multiprocessing.synchronize.Event) -> None:
    with Study.open(path, owner="the holder"):
        ready.set()
        time.sleep(60)


def test_a_second_process_is_told_who_has_it_and_may_read(tmp_path: Path) -> None:
    Study.create(tmp_path / "s").close()
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    holder = context.Process(target=_hold, args=(str(tmp_path / "s.canon"), ready))
    holder.start()
    try:
        assert ready.wait(30)
        with pytest.raises(StudyInUse, match=f"the holder.*{holder.pid}"):
            Study.open(tmp_path / "s.canon")
        with Study.open(tmp_path / "s.canon", read_only=True) as reading:
            assert reading.read_only
            with pytest.raises(StudyError, match="read-only"):
                reading.clear_results()
    finally:
        os.kill(holder.pid, signal.SIGKILL)
        holder.join()
    Study.open(tmp_path / "s.canon").close()  # a kill frees it


def test_a_failed_save_leaves_the_old_manifest(
    study: Study, tmp_path: Path, make_network: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    study.add_model(make_network(tmp_path / "a.onnx"))
    before = (study.path / "study.json").read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises((CanonError, OSError), match=r"(?i)no space left"):
        study.rename_model("a", "b")
    monkeypatch.undo()
    assert (study.path / "study.json").read_bytes() == before
    assert study.models[0].name == "a"
    assert sorted(path.name for path in study.path.iterdir() if path.is_file()) == [".lock", "study.json"]


def test_the_window_state_is_remembered(study: Study) -> None:
    study.save_view({"far": 0.01, "tabs": ["matrix"]})
    study.close()
    with Study.open(study.path) as again:
        assert again.view == {"far": 0.01, "tabs": ["matrix"]}


def test_opening_a_study_imports_neither_a_runtime_nor_plots() -> None:
    code = (
        "import sys, canon_core.study.study, canon_core.experiments.matrix;"
        "print([m for m in ('onnxruntime', 'cv2', 'matplotlib', 'onnx', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
