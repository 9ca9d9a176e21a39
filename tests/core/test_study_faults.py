"""What a crash, a full disk, a hostile manifest or two threads at once may not do to a study."""

from __future__ import annotations

import json
import pickle
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import onnx
import pytest

from canon_core.datasets.options import DatasetOptions
from canon_core.embedding.embed import EmbedOptions
from canon_core.errors import Cancelled, CanonError, DatasetError, ModelError, StudyError
from canon_core.experiments.embedding import embed_study
from canon_core.experiments.matrix import run_matrix
from canon_core.jobs import Event, JobContext, Log, Partial
from canon_core.models.spec import InputSpec, ModelSpec
from canon_core.study import networks, register
from canon_core.study.results import FitMode, MatrixSettings
from canon_core.study.study import Study

Make = Callable[..., Path]
CPU = EmbedOptions(provider="cpu")


@pytest.fixture
def study(tmp_path: Path, make_network: Make, make_faces: Make) -> Study:
    make_network(tmp_path / "a.onnx", dimensions=8, seed=1)
    make_network(tmp_path / "b.onnx", dimensions=8, seed=2)
    make_faces(tmp_path / "faces", subjects=6, images=4)
    with Study.create(tmp_path / "s") as made:
        made.add_model(tmp_path / "a.onnx")
        made.add_model(tmp_path / "b.onnx")
        made.add_dataset(tmp_path / "faces", DatasetOptions(), JobContext())
        yield made


def settings(**changes: object) -> MatrixSettings:
    values = {"dataset": "faces", "models": ("a", "b"), "mode": FitMode.IN_SAMPLE, "far": (0.1,), **changes}
    return MatrixSettings(**values)


@pytest.mark.parametrize("folder", ["../../precious", "", "/tmp/outside", "*", ".", "..", "a/b"])
@pytest.mark.parametrize("what", ["models", "datasets"])
def test_a_manifest_cannot_name_folders_outside_the_study(study: Study, what: str, folder: str) -> None:
    study.close()
    document = json.loads((study.path / "study.json").read_text())
    document[what][0]["folder"] = folder
    (study.path / "study.json").write_text(json.dumps(document))
    with pytest.raises(StudyError, match=f"damaged at '{what}.0.folder'"):
        Study.open(study.path)


@pytest.mark.parametrize("fingerprint", ["/../../../x", "", "a" * 63, "A" * 64, "a" * 64 + "\n", "../" * 21 + "x"])
@pytest.mark.parametrize("where", ["datasets.0.fingerprint", "datasets.0.templates.fingerprint"])
def test_a_manifest_cannot_name_files_outside_the_study(study: Study, where: str, fingerprint: str) -> None:
    study.close()
    document = json.loads((study.path / "study.json").read_text())
    document["datasets"][0]["templates"] = {"fingerprint": "a" * 64, "templates": 1, "pairs": 1, "genuine": 1}
    place = document["datasets"][0]
    for name in where.split(".")[2:-1]:
        place = place[name]
    place["fingerprint"] = fingerprint
    (study.path / "study.json").write_text(json.dumps(document))
    with pytest.raises(StudyError, match=f"damaged at '{where}'"):
        Study.open(study.path)


@pytest.mark.parametrize("cancelled", [True, False])
def test_faces_are_not_left_behind_unpacked_when_their_set_cannot_be_added(tmp_path: Path, cancelled: bool) -> None:
    path = tmp_path / "lfw.bin"
    path.write_bytes(pickle.dumps(([b"no image %d" % number for number in range(8)], [True] * 4)))
    ctx = JobContext(emit=lambda event: ctx.cancel() if cancelled and "unpacking" in str(event) else None)
    with Study.create(tmp_path / "bins") as made:
        with pytest.raises(Cancelled if cancelled else DatasetError):
            made.add_dataset(path, DatasetOptions(), ctx)
        assert list((made.path / "datasets").iterdir()) == []


@pytest.mark.parametrize("what", ["name", "folder"])
def test_a_manifest_cannot_hold_two_of_one_name(study: Study, what: str) -> None:
    study.close()
    document = json.loads((study.path / "study.json").read_text())
    document["models"][1][what] = document["models"][0][what]
    (study.path / "study.json").write_text(json.dumps(document))
    with pytest.raises(StudyError, match=f"the same {what}"):
        Study.open(study.path)


def test_a_full_disk_between_the_list_of_images_and_the_manifest_costs_nothing(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    embed_study(study, "faces", (), CPU, JobContext())
    moved = tmp_path / "faces" / "Person_00" / "Person_00_0001.png"
    shutil.move(moved, tmp_path / "away.png")

    def full(*_: object) -> None:
        raise StudyError("no space left on device")

    monkeypatch.setattr(register, "write_manifest", full)
    with pytest.raises(StudyError, match="no space"):
        study.refresh_dataset("faces", JobContext())
    monkeypatch.undo()
    study.close()
    shutil.move(tmp_path / "away.png", moved)
    with Study.open(study.path) as again:
        assert len(again.faces("faces")) == 24
        assert run_matrix(again, settings(), JobContext()).tar("a", "a", 0.1, "conservative") is not None


@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_a_damaged_list_of_images_is_made_again_and_the_embeddings_stay(study: Study, damage: str) -> None:
    embed_study(study, "faces", (), CPU, JobContext())
    study.close()
    (table,) = (study.path / "datasets").glob("*.h5")
    if damage == "cut":
        table.write_bytes(table.read_bytes()[:300])
    else:
        table.unlink()
    with Study.open(study.path) as again:
        with pytest.raises(CanonError, match="canon embed"):
            again.faces("faces")
        reports = embed_study(again, "faces", (), CPU, JobContext())
        assert [item.report.done_before for item in reports] == [24, 24]
        assert len(again.faces("faces")) == 24


def test_unusable_rows_are_found_although_the_program_was_killed_before_noting_them(study: Study) -> None:
    embed_study(study, "faces", (), CPU, JobContext())
    with h5py.File(study.embeddings_path("a", "faces"), "r+") as file:
        file["embeddings"][3] = 0
        file["embeddings"][5] = np.nan
    study.close()
    document = json.loads((study.path / "study.json").read_text())
    document["embeddings"] = {}  # as after a kill between the last row and the manifest
    (study.path / "study.json").write_text(json.dumps(document))
    with Study.open(study.path) as again:
        matrix = run_matrix(again, settings(), JobContext())
        ids = again.faces("faces").ids
        assert matrix.left_out == (ids[3], ids[5])


def test_a_spec_changed_while_embedding_does_not_give_its_key_to_the_old_rows(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    import canon_core.experiments.embedding as module

    real = module.embed
    bgr = ModelSpec(input=InputSpec(color="bgr"), output=study.model("a").spec.output)

    def embed_while_changing(*arguments: object) -> object:
        study.set_spec("a", bgr)
        return real(*arguments)

    monkeypatch.setattr(module, "embed", embed_while_changing)
    embed_study(study, "faces", ("a",), CPU, JobContext())
    study.refresh_states()
    assert study.model("a").spec.input.color == "bgr"
    assert not study.embedding_state("a", "faces").current


def test_running_a_model_does_not_undo_a_spec_chosen_meanwhile(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    real = networks.resolve_model
    bgr = ModelSpec(input=InputSpec(color="bgr"), output=study.model("a").spec.output)

    def resolve_while_changing(*arguments: object, **options: object) -> object:
        found = real(*arguments, **options)
        monkeypatch.undo()
        study.set_spec("a", bgr)
        return found

    monkeypatch.setattr(networks, "resolve_model", resolve_while_changing)
    study.resolved("a")
    assert study.model("a").spec.input.color == "bgr"


def test_weights_beside_the_network_count_as_its_file(study: Study, tmp_path: Path) -> None:
    model = onnx.load(str(tmp_path / "a.onnx"))
    onnx.save_model(
        model, str(tmp_path / "w.onnx"), save_as_external_data=True, location="w.data", size_threshold=0
    )
    study.add_model(tmp_path / "w.onnx")
    before = study.embeddings_key("w", "faces")
    data = bytearray((tmp_path / "w.data").read_bytes())
    data[:4] = b"\x00\x00\x80\x3f"
    (tmp_path / "w.data").write_bytes(bytes(data))
    study.refresh_model("w")
    assert study.embeddings_key("w", "faces") != before


def test_two_threads_cannot_take_one_name(study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = networks.resolve_model
    together = threading.Barrier(2, timeout=20)

    def resolve_together(*arguments: object, **options: object) -> object:
        together.wait()
        return real(*arguments, **options)

    monkeypatch.setattr(networks, "resolve_model", resolve_together)
    outcomes: list[str] = []

    def add() -> None:
        try:
            study.add_model(tmp_path / "a.onnx", name="both")
            outcomes.append("added")
        except StudyError:
            outcomes.append("refused")

    threads = [threading.Thread(target=add) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["added", "refused"]
    assert [model.name for model in study.models].count("both") == 1


def test_renaming_while_cells_are_computed_disturbs_nothing(study: Study) -> None:
    embed_study(study, "faces", (), CPU, JobContext())
    done: list[Event] = []

    def rename_at_first_cell(event: Event) -> None:
        if isinstance(event, Partial) and not done:
            done.append(event)
            study.rename_model("b", "other")
            study.rename_dataset("faces", "people")

    matrix = run_matrix(study, settings(), JobContext(emit=rename_at_first_cell))
    assert all(cell is not None for cell in matrix.cells.values())


def test_a_network_that_is_gone_keeps_no_other_from_its_work(study: Study, tmp_path: Path) -> None:
    (tmp_path / "a.onnx").unlink()
    said: list[Event] = []
    with pytest.raises(ModelError, match=r"a\.onnx: the network is gone"):
        embed_study(study, "faces", (), CPU, JobContext(emit=said.append))
    study.refresh_states()
    assert study.embedding_state("b", "faces").complete
    assert any(isinstance(event, Log) and "a is left out" in event.text for event in said)


def test_complete_embeddings_need_their_network_no_more(study: Study, tmp_path: Path) -> None:
    embed_study(study, "faces", (), CPU, JobContext())
    (tmp_path / "a.onnx").unlink()
    reports = embed_study(study, "faces", (), CPU, JobContext())
    assert [item.report.done_before for item in reports] == [24, 24]


def test_stored_results_are_shown_although_the_images_cannot_be_looked_at(study: Study, tmp_path: Path) -> None:
    embed_study(study, "faces", (), CPU, JobContext())
    first = run_matrix(study, settings(), JobContext())
    shutil.move(tmp_path / "faces", tmp_path / "kept")
    (tmp_path / "faces").mkdir()  # an empty mount point
    said: list[Event] = []
    again = run_matrix(study, settings(), JobContext(emit=said.append))
    assert again.cells == first.cells
    assert any(isinstance(event, Log) and "cannot look" in event.text for event in said)


def test_touched_images_are_read_again_once_only(study: Study, tmp_path: Path) -> None:
    for image in (tmp_path / "faces").rglob("*.png"):
        image.touch()
    study.refresh_dataset("faces", JobContext())
    times = study.faces("faces").mtime_ns
    assert list(times) == [study.faces("faces").path(row).stat().st_mtime_ns for row in range(24)]


def test_a_read_only_study_does_not_call_changed_images_current(study: Study, tmp_path: Path) -> None:
    embed_study(study, "faces", (), CPU, JobContext())
    study.close()
    (tmp_path / "faces" / "Person_00" / "Person_00_0001.png").unlink()
    before = (study.path / "study.json").read_bytes()
    with Study.open(study.path, read_only=True) as reading, pytest.raises(StudyError, match="out of date"):
        run_matrix(reading, settings(), JobContext())
    assert (study.path / "study.json").read_bytes() == before


def test_making_a_study_can_be_tried_again_after_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise StudyError("no space left on device")

    monkeypatch.setattr(register, "write_manifest", full)
    with pytest.raises(StudyError, match="no space"):
        Study.create(tmp_path / "s")
    monkeypatch.undo()
    Study.create(tmp_path / "s").close()


def test_a_copied_project_uses_its_own_files(study: Study, tmp_path: Path) -> None:
    study.close()
    here = tmp_path / "here"
    here.mkdir()
    for name in ("a.onnx", "b.onnx", "faces", "s.canon"):
        shutil.move(tmp_path / name, here / name)
    shutil.copytree(here, tmp_path / "there")
    with Study.open(tmp_path / "there" / "s.canon") as copied:
        assert copied.model("a").file == tmp_path / "there" / "a.onnx"
        assert copied.dataset("faces").path == tmp_path / "there" / "faces"


def test_many_unusable_rows_do_not_swell_the_manifest(study: Study) -> None:
    embed_study(study, "faces", (), CPU, JobContext())
    study.note_embedded("a", "faces", study.embeddings_key("a", "faces"), range(1_000_000))
    assert (study.path / "study.json").stat().st_size < 100_000
    assert study.embedding_state("a", "faces").bad_rows == 1_000_000
    assert study.bad_rows("a", "faces") == ()  # looked through again: the file itself is sound


@pytest.mark.parametrize(
    ("where", "value"),
    [
        ("datasets.0.images", -5),
        ("datasets.0.images", 10**15),
        ("datasets.0.subjects", 10**15),
        ("models.0.dimensions", 0),
        ("models.0.dimensions", 10**9),
        ("models.0.flops", 10**400),
        ("embeddings.a/faces.bad", -1),
    ],
)
def test_numbers_of_a_manifest_are_bounded(study: Study, where: str, value: int) -> None:
    embed_study(study, "faces", ("a",), CPU, JobContext())
    study.close()
    document = json.loads((study.path / "study.json").read_text())
    place = document
    *way, last = where.split(".")
    for name in way:
        place = place[int(name) if name.isdigit() else name]
    place[last] = value
    (study.path / "study.json").write_text(json.dumps(document))
    with pytest.raises(StudyError, match=f"damaged at '{where}'"):
        Study.open(study.path)


def test_unusable_rows_that_no_image_has_are_passed_over_and_looked_for_again(study: Study) -> None:
    embed_study(study, "faces", (), CPU, JobContext())
    study.close()
    document = json.loads((study.path / "study.json").read_text())
    for record in document["embeddings"].values():
        record |= {"bad": 3, "bad_rows": [-1, 2, 10**9]}
    (study.path / "study.json").write_text(json.dumps(document))
    with Study.open(study.path) as again:
        assert run_matrix(again, settings(), JobContext()).left_out == ()
        assert again.bad_rows("a", "faces") == ()


@pytest.mark.parametrize(("what", "number"), [("images", 10**6), ("images", 3), ("dimensions", 5)])
def test_embeddings_of_another_size_than_the_manifest_says_are_not_used(study: Study, what: str, number: int) -> None:
    embed_study(study, "faces", (), CPU, JobContext())
    study.close()
    document = json.loads((study.path / "study.json").read_text())
    document["datasets" if what == "images" else "models"][0][what] = number
    (study.path / "study.json").write_text(json.dumps(document))
    with Study.open(study.path, read_only=True) as again:
        again.refresh_states()
        assert not again.embedding_state("a", "faces").current
        if what == "images":  # the dataset is looked at again
            assert run_matrix(again, settings(models=("a",)), JobContext()).left_out == ()
            assert again.dataset("faces").images == 24
        else:
            with pytest.raises(StudyError, match="out of date"):
                run_matrix(again, settings(models=("a",)), JobContext())


def test_what_lies_in_a_study_is_counted_while_another_program_deletes_there(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    (study.path / "results" / "here.h5").write_bytes(b"12345")
    gone = study.path / "results" / "gone.h5"
    gone.write_bytes(b"123")
    real = Path.stat

    def stat(path: Path, **options: object) -> object:
        found = real(path, **options)
        if path == gone:
            gone.unlink(missing_ok=True)  # between the look whether it is a file and the look at its size
        return found

    monkeypatch.setattr(Path, "stat", stat)
    gone_before = study.disk_usage()["results"]
    assert gone_before in (5, 8)
    assert study.disk_usage()["results"] == 5


def test_a_study_that_another_process_made_meanwhile_stays(
    tmp_path: Path, make_network: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_network(tmp_path / "a.onnx", dimensions=8)
    real = register.StudyLock.acquire

    def late(lock: register.StudyLock) -> None:
        monkeypatch.undo()
        with Study.create(tmp_path / "s") as other:  # between our look at the folder and our lock on it
            other.add_model(tmp_path / "a.onnx", name="precious")
        real(lock)

    monkeypatch.setattr(register.StudyLock, "acquire", late)
    with pytest.raises(StudyError, match="there is a study already"):
        Study.create(tmp_path / "s")
    with Study.open(tmp_path / "s.canon") as found:
        assert [model.name for model in found.models] == ["precious"]
