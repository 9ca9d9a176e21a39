"""Reading a dataset: what is recognised, what is assumed and said, what is left out and named."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from canon_core.datasets.faces import ARCFACE_POINTS, Alignment
from canon_core.datasets.options import DatasetOptions
from canon_core.datasets.reader import LoadedDataset, draw_per_subject, read_dataset
from canon_core.errors import Cancelled, DatasetError, SettingsError
from canon_core.jobs import Event, JobContext, Progress

NUMBERS = "30,40,60,41,45,55,33,70,58,71"


def save(path: Path, size: tuple[int, int] = (100, 90), seed: int | None = None) -> Path:
    """A coarse random image of width × height."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(sum(str(path).encode()) if seed is None else seed)
    Image.fromarray(rng.integers(0, 256, (6, 6, 3)).astype(np.uint8)).resize(size).save(path)
    return path


def load(root: Path, **options: object) -> LoadedDataset:
    return read_dataset(root, DatasetOptions(**options), JobContext())  # type: ignore[arg-type]


@pytest.fixture
def people(tmp_path: Path) -> Path:
    root = tmp_path / "people"
    for name in ("Zoë/a.jpg", "Zoë/b.PNG", "Ann/deep/er/c.bmp", "Ann/a.tiff", "Bob/x.jpeg", "B/1.webp"):
        save(root / name)
    return root


def said(loaded: LoadedDataset) -> str:
    return "\n".join(loaded.notes)


# -- what is found ---------------------------------------------------------------------------------------------------
def test_images_are_in_the_order_of_their_paths_and_subjects_are_the_first_folders(people: Path) -> None:
    faces = load(people).faces
    assert list(faces.ids) == sorted(faces.ids, key=lambda image: image.encode())
    assert dict(zip(faces.ids, faces.subjects, strict=True)) == {
        "Zoë/a.jpg": "Zoë",
        "Zoë/b.PNG": "Zoë",
        "Ann/deep/er/c.bmp": "Ann",
        "Ann/a.tiff": "Ann",
        "Bob/x.jpeg": "Bob",
        "B/1.webp": "B",
    }


def test_files_are_hashed_and_measured(people: Path) -> None:
    save(people / "Ann" / "wide.png", (301, 20))
    faces = load(people).faces
    for row, image in enumerate(faces.ids):
        path = people / image
        assert faces.sha256[row] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert (faces.file_size[row], faces.mtime_ns[row]) == (path.stat().st_size, path.stat().st_mtime_ns)
        with Image.open(path) as opened:
            assert (faces.width[row], faces.height[row]) == opened.size


def test_what_programs_leave_behind_is_passed_over_in_silence(people: Path) -> None:
    before = load(people)
    for name in (".hidden.jpg", "Ann/Thumbs.db", "__MACOSX/Ann/._a.jpg", "Ann/.git/x.jpg", "Ann/._a.jpg"):
        (people / name).parent.mkdir(parents=True, exist_ok=True)
        (people / name).write_bytes(b"litter")
    after = load(people)
    assert (after.faces.fingerprint, after.notes, after.faces.problems) == (before.faces.fingerprint, before.notes, ())


def test_other_files_are_counted_in_a_note(people: Path) -> None:
    (people / "Ann" / "notes.txt").write_text("hello")
    (people / "LICENSE").write_text("hello")
    assert "2 files that are no images were passed over" in load(people).notes


def test_bad_images_among_good_ones_are_left_out_and_named(people: Path) -> None:
    before = load(people).faces
    whole = save(people / "Ann" / "cut.jpg").read_bytes()
    (people / "Ann" / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (people / "Bob" / "empty.png").touch()
    (people / "Zoë" / "text.jpg").write_text("no image")
    save(people / "stray.jpg")
    faces = load(people).faces
    assert faces.ids == before.ids
    assert {problem.image: problem.reason for problem in faces.problems} == {
        "stray.jpg": "lies outside any subject's folder",
        "Ann/cut.jpg": "is cut short",
        "Bob/empty.png": "is empty",
        "Zoë/text.jpg": "is damaged or not an image that can be decoded",
    }


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_links_that_lead_out_of_the_dataset_are_refused_and_named(people: Path, tmp_path: Path) -> None:
    outside = save(tmp_path / "private" / "p.jpg")
    (people / "Ann" / "out.jpg").symlink_to(outside)
    (people / "Ann" / "gone.jpg").symlink_to(tmp_path / "nothing.jpg")
    (people / "Eve").symlink_to(outside.parent)
    (people / "Ann" / "loop").symlink_to(people)
    (people / "Ann" / "inside.jpg").symlink_to(people / "Zoë" / "a.jpg")
    faces = load(people).faces
    assert "Ann/inside.jpg" in faces.ids
    assert {problem.image: problem.reason for problem in faces.problems} == {
        "Ann/out.jpg": "is a link out of the dataset",
        "Ann/gone.jpg": "is a link to nothing",
        "Eve": "is a link to a folder, which is not followed",
        "Ann/loop": "is a link to a folder, which is not followed",
    }


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_the_dataset_itself_may_be_a_link(people: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(people)
    assert load(tmp_path / "link").faces.fingerprint == load(people).faces.fingerprint


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="file names are bytes on Linux only")
def test_a_name_that_is_no_text_is_listed_and_not_read(people: Path) -> None:
    shutil.copy(people / "Zoë" / "a.jpg", os.fsencode(people / "Ann") + b"/\xff.jpg")
    faces = load(people).faces
    assert len(faces) == 6
    assert [(problem.image, problem.reason) for problem in faces.problems] == [
        ("Ann/\\xff.jpg", "its name is not UTF-8 text")
    ]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_that_looks_like_an_image_does_not_hang(people: Path) -> None:
    os.mkfifo(people / "Ann" / "pipe.jpg")
    assert [problem.image for problem in load(people).faces.problems] == ["Ann/pipe.jpg"]


def _nothing(root: Path) -> None:
    root.mkdir()


def _no_images(root: Path) -> None:
    (root / "Ann").mkdir(parents=True)
    (root / "Ann" / "notes.txt").write_text("hello")


def _only_strays(root: Path) -> None:
    save(root / "a.jpg")
    save(root / "b.jpg")


def _all_corrupt(root: Path) -> None:
    (root / "Ann").mkdir(parents=True)
    (root / "Ann" / "a.jpg").write_bytes(b"x" * 50)


def _a_file(root: Path) -> None:
    root.write_text("hello")


def _absent(root: Path) -> None:
    assert not root.exists()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (_nothing, "holds no images"),
        (_no_images, "holds no images"),
        (_only_strays, r"holds no usable images \(a.jpg lies outside any subject's folder and 1 more like it\)"),
        (_all_corrupt, r"none of its 1 image can be used \(Ann/a.jpg: is damaged"),
        (_a_file, "is a file, not a folder"),
        (_absent, "no such folder"),
    ],
)
def test_a_folder_without_usable_images_is_refused_with_a_remedy(
    tmp_path: Path, make: Callable[[Path], None], says: str
) -> None:
    root = tmp_path / "folder"
    make(root)
    with pytest.raises(DatasetError, match=says) as caught:
        load(root)
    assert caught.value.path == root
    assert caught.value.remedy


def test_a_folder_without_images_is_refused_with_the_protocols_that_were_looked_for(tmp_path: Path) -> None:
    (tmp_path / "ijbc" / "meta").mkdir(parents=True)
    (tmp_path / "ijbc" / "meta" / "ijbc_face_tid_mid.txt.gz").write_bytes(b"")
    with pytest.raises(DatasetError, match=r"holds no images, nor do its sub-folders; put the images") as caught:
        load(tmp_path / "ijbc")
    assert "protocol files of its own: no meta/ijbc_face_tid_mid.txt" in caught.value.remedy


def test_an_empty_folder_is_called_so_and_nothing_else_is_talked_of(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match="holds no images: the folder is empty; put the images of each") as caught:
        load(tmp_path / "empty")
    assert "ijb" not in str(caught.value).replace(str(tmp_path), "")


# -- where the faces lie ---------------------------------------------------------------------------------------------
def test_nothing_is_known_of_photographs_unless_something_is_said(people: Path) -> None:
    loaded = load(people)
    assert loaded.faces.alignment is None
    assert loaded.faces.landmarks is None
    for option in ("--landmarks", "--detector", "--aligned arcface", "--whole-image"):
        assert option in said(loaded)


def test_images_that_all_are_112_square_are_taken_as_aligned_and_that_is_said(tmp_path: Path) -> None:
    root = tmp_path / "crops"
    for name in ("A/1.png", "A/2.png", "B/1.png"):
        save(root / name, (112, 112))
    loaded = load(root)
    assert loaded.faces.alignment is Alignment.ALIGNED
    assert "every image is 112 × 112: taken as crops on the ArcFace template" in loaded.notes
    assert loaded.faces.landmarks is not None
    np.testing.assert_array_equal(loaded.faces.landmarks, [ARCFACE_POINTS] * 3)
    explicit = load(root, aligned="arcface")
    assert explicit.faces.fingerprint == loaded.faces.fingerprint
    assert "taken as" not in said(explicit)
    save(root / "B" / "2.png", (112, 113))
    assert load(root).faces.alignment is None


def test_images_said_to_be_aligned_that_are_not_are_refused_by_name(people: Path) -> None:
    save(people / "Ann" / "a.tiff", (112, 112))
    with pytest.raises(DatasetError, match=r"5 of 6 images .* \(first: Ann/deep/er/c.bmp, 100 × 90\); leave --aligned"):
        load(people, aligned="arcface")


def test_whole_images_are_taken_when_asked_for_and_warned_of(people: Path) -> None:
    loaded = load(people, whole_image=True)
    assert loaded.faces.alignment is Alignment.WHOLE
    assert "mean nothing" in said(loaded)


def test_landmarks_come_from_a_file_and_images_without_are_named(people: Path, tmp_path: Path) -> None:
    far = NUMBERS.replace("60", "6000")
    lines = [
        f"Zoë/a.jpg,{NUMBERS},0.5",
        f"Ann\\a.tiff,{NUMBERS},0.25",
        f"Bob/x.jpeg,{far},1",
        f"No/where.jpg,{NUMBERS},1",
    ]
    (tmp_path / "points.csv").write_text("\n".join(lines), encoding="utf-8")
    loaded = load(people, landmarks=tmp_path / "points.csv")
    faces = loaded.faces
    assert faces.ids == ("Ann/a.tiff", "Zoë/a.jpg")
    assert faces.alignment is Alignment.LANDMARKS
    assert faces.landmarks is not None
    assert faces.scores is not None
    np.testing.assert_array_equal(faces.landmarks[1].ravel(), np.array(NUMBERS.split(","), float))
    np.testing.assert_array_equal(faces.scores, [0.25, 0.5])
    reasons = {problem.image: problem.reason for problem in faces.problems}
    assert set(reasons) == {"Zoë/b.PNG", "Ann/deep/er/c.bmp", "Bob/x.jpeg", "B/1.webp"}
    assert reasons["Zoë/b.PNG"] == "no landmarks in points.csv"
    assert "far outside the image (6000, 41 in 100 × 90), says line 3" in reasons["Bob/x.jpeg"]
    assert "points.csv: 1 line names no image that was read (first: No/where.jpg)" in loaded.notes


def test_a_file_of_landmarks_in_the_folder_is_used_and_that_is_said(people: Path) -> None:
    images = load(people).faces.ids
    (people / "landmarks.csv").write_text("\n".join(f"{image},{NUMBERS}" for image in images), encoding="utf-8")
    loaded = load(people)
    assert loaded.faces.alignment is Alignment.LANDMARKS
    assert "landmarks were taken from landmarks.csv in the folder" in loaded.notes
    assert loaded.faces.scores is None
    assert load(people, whole_image=True).faces.alignment is Alignment.WHOLE
    (people / "landmarks.csv").write_text("something else\n")
    loaded = load(people)
    assert loaded.faces.alignment is None
    assert "landmarks.csv in the folder was not used" in said(loaded)


def test_a_file_of_landmarks_for_other_images_is_refused(people: Path, tmp_path: Path) -> None:
    (tmp_path / "points.csv").write_text(f"No/where.jpg,{NUMBERS}\n")
    with pytest.raises(DatasetError, match="holds no usable landmarks for any image"):
        load(people, landmarks=tmp_path / "points.csv")


def test_landmarks_counted_from_the_subjects_side_are_warned_of(people: Path, tmp_path: Path) -> None:
    (tmp_path / "points.csv").write_text("Bob/x.jpeg,60,41,30,40,45,55,58,71,33,70\n")
    assert "upside down" in said(load(people, landmarks=tmp_path / "points.csv"))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"aligned": "arcface", "detector": Path("d.onnx")}, "--aligned and --detector contradict"),
        ({"landmarks": Path("l.csv"), "whole_image": True}, "--landmarks and --whole-image contradict"),
        ({"aligned": "dlib"}, "unknown alignment 'dlib'"),
        ({"format": "zip"}, "unknown dataset format 'zip'; choose one of auto, ijbc, ijbb, nist, lfw, bin, folder"),
        ({"format": "folder", "pairs": Path("p.txt")}, "--pairs and --format folder contradict"),
        ({"max_per_subject": 0}, "leaves no image"),
    ],
)
def test_options_that_contradict_each_other_are_refused(people: Path, options: dict[str, object], says: str) -> None:
    with pytest.raises(SettingsError, match=says) as caught:
        load(people, **options)
    assert caught.value.remedy


# -- LFW or a folder -------------------------------------------------------------------------------------------------
@pytest.fixture
def lfw(tmp_path: Path) -> Path:
    root = tmp_path / "lfw"
    for name in ("Ann", "Bob"):
        for number in (1, 2):
            save(root / name / f"{name}_{number:04d}.jpg")
    return root


PAIRS = "1\t1\nAnn\t1\t2\nAnn\t1\tBob\t2\n"


@pytest.mark.parametrize("where", ["lfw/pairs.txt", "pairs.txt"])
def test_lfw_is_recognised_by_its_pairs_in_the_folder_or_its_parent(lfw: Path, where: str) -> None:
    (lfw.parent / where).write_text(PAIRS)
    loaded = load(lfw)
    assert loaded.format == "lfw"
    assert loaded.folds is not None
    assert len(loaded.folds) == 2
    assert str(lfw.parent / where) in loaded.notes[0]
    assert load(lfw, format="folder").folds is None


def test_pairs_can_be_given_and_pairs_left_out_are_listed(lfw: Path, tmp_path: Path) -> None:
    (tmp_path / "my.txt").write_text(PAIRS)
    (lfw / "Bob" / "Bob_0002.jpg").write_bytes(b"x")
    loaded = load(lfw, pairs=tmp_path / "my.txt")
    assert loaded.format == "lfw"
    assert loaded.folds is not None
    assert loaded.folds.genuine.tolist() == [True]
    assert [problem.image for problem in loaded.faces.problems] == ["Bob/Bob_0002.jpg", "Ann_0001 and Bob_0002"]


def test_a_parents_pairs_of_other_people_do_not_make_it_lfw(lfw: Path) -> None:
    (lfw.parent / "pairs.txt").write_text(PAIRS.replace("Ann", "Eve").replace("Bob", "Joe"))
    loaded = load(lfw)
    assert (loaded.format, loaded.folds, loaded.faces.problems) == ("folder", None, ())
    assert "was not used, because it names no pair of these images" in loaded.notes[0]


def test_lfw_that_was_asked_for_needs_its_pairs(lfw: Path) -> None:
    with pytest.raises(DatasetError, match=r"no pairs.txt in the folder or its parent; give it with --pairs"):
        load(lfw, format="lfw")
    (lfw.parent / "pairs.txt").write_text("garbage")
    assert load(lfw).format == "folder"
    with pytest.raises(DatasetError, match="line 1 should say"):
        load(lfw, format="lfw")


# -- drawing images --------------------------------------------------------------------------------------------------
def test_a_draw_is_seeded_and_does_not_depend_on_other_subjects(people: Path) -> None:
    for number in range(20):
        save(people / "Ann" / f"{number}.png")
    three = load(people, max_per_subject=3)
    assert [three.faces.subjects.count(name) for name in three.faces.subject_names] == [3, 1, 1, 2]
    assert "at most 3 images of each subject drawn with seed 0: 7 of 26" in three.notes
    others = {load(people, max_per_subject=3, seed=seed).faces.ids for seed in range(1, 6)}
    assert len(others | {three.faces.ids}) > 1
    shutil.rmtree(people / "Bob")
    save(people / "Carl" / "1.png")
    again = load(people, max_per_subject=3).faces
    assert [image for image in again.ids if image.startswith(("Ann", "Zoë"))] == [
        image for image in three.faces.ids if image.startswith(("Ann", "Zoë"))
    ]


def test_every_image_is_drawn_as_often_as_any_other() -> None:
    ids = [f"S/{number}.jpg" for number in range(10)]
    drawn = [draw_per_subject(ids, 3, seed) for seed in range(600)]
    counts = np.array([sum(image in draw for draw in drawn) for image in ids])
    assert counts.sum() == 1800
    assert np.abs(counts - 180).max() < 5 * np.sqrt(600 * 0.3 * 0.7)


# -- remembered images, progress, cancelling -------------------------------------------------------------------------
def test_images_that_did_not_change_are_not_read_again(people: Path) -> None:
    before = load(people).faces
    changed, kept = people / "Bob" / "x.jpeg", people / "Zoë" / "a.jpg"
    for path in (changed, kept):
        status = path.stat()
        path.write_bytes(bytes(status.st_size))  # would be refused, if it were read
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    os.utime(changed, ns=(0, before.mtime_ns[0] + 1))
    after = read_dataset(people, DatasetOptions(), JobContext(), known=before).faces
    assert set(before.ids) - set(after.ids) == {"Bob/x.jpeg"}
    row = after.ids.index("Zoë/a.jpg")
    assert after.sha256[row] == before.sha256[before.ids.index("Zoë/a.jpg")]
    assert (after.width[row], after.height[row]) == (100, 90)
    assert set(after.ids) - set(load(people).faces.ids) == {"Zoë/a.jpg"}


def test_nothing_remembered_and_everything_remembered_give_the_same(people: Path) -> None:
    fresh = load(people)
    known = read_dataset(people, DatasetOptions(), JobContext(), known=replace(fresh.faces, root=Path("/old/place")))
    assert known.faces.fingerprint == fresh.faces.fingerprint
    assert known.notes == fresh.notes
    assert known.faces.root == people


def test_progress_runs_to_the_end(people: Path) -> None:
    events: list[Event] = []
    read_dataset(people, DatasetOptions(), JobContext(emit=events.append))
    progress = [event for event in events if isinstance(event, Progress)]
    assert (progress[-1].done, progress[-1].total) == (6, 6)


def test_reading_stops_soon_after_it_is_cancelled(tmp_path: Path) -> None:
    first = save(tmp_path / "many" / "Ann" / "0.jpg", (3000, 3000), seed=1)
    for number in range(1, 300):
        os.link(first, first.with_name(f"{number}.jpg"))
    context = JobContext()
    cancelled_at: list[float] = []

    def cancel() -> None:
        cancelled_at.append(time.monotonic())
        context.cancel()

    threading.Timer(0.2, cancel).start()
    with pytest.raises(Cancelled):
        read_dataset(tmp_path / "many", DatasetOptions(), context)
    assert time.monotonic() - cancelled_at[0] < 1.0


# -- remarks ---------------------------------------------------------------------------------------------------------
def test_images_stored_twice_and_datasets_without_pairs_are_remarked_on(tmp_path: Path) -> None:
    save(tmp_path / "one" / "A" / "1.png")
    save(tmp_path / "one" / "A" / "2.png")
    assert "there is one subject only, so there are no impostor pairs" in load(tmp_path / "one").notes
    one = save(tmp_path / "two" / "A" / "1.png")
    (tmp_path / "two" / "B").mkdir()
    shutil.copy(one, tmp_path / "two" / "B" / "1.png")
    notes = said(load(tmp_path / "two"))
    assert "every subject has one image only, so there are no genuine pairs" in notes
    assert "byte-for-byte copies of another image: 1 (first: B/1.png of A/1.png)" in notes
