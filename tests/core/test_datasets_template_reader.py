"""Template datasets through the one reader: images measured once, unusable rows left out, none needed at all."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from canon_core.datasets.faces import Alignment, FaceImages
from canon_core.datasets.options import DatasetOptions
from canon_core.datasets.reader import LoadedDataset, read_dataset
from canon_core.errors import Cancelled, DatasetError, SettingsError
from canon_core.jobs import JobContext
from canon_core.store.arrays import load_arrays, save_arrays

from .small_datasets import HEADER, POINTS, ROWS, ijbc, nist, picture, verification_bin


def load(
    path: Path, known: FaceImages | None = None, unpack_to: Path | None = None, **options: object
) -> LoadedDataset:
    return read_dataset(path, DatasetOptions(**options), JobContext(), known, unpack_to=unpack_to)  # type: ignore[arg-type]


# -- InsightFace's layout --------------------------------------------------------------------------------------------
def test_ijbc_is_recognised_and_read_with_images_points_scores_and_protocols(tmp_path: Path) -> None:
    root = ijbc(tmp_path)
    loaded = load(root)
    faces, templates = loaded.faces, loaded.templates
    assert templates is not None
    assert loaded.format == "ijbc"
    assert faces.ids == tuple(name for name, _, _ in ROWS)
    assert faces.files is None
    assert faces.subjects == ("7", "7", "8", "7", "7", "8")
    assert (faces.alignment, faces.detector, faces.root) == (Alignment.LANDMARKS, "", root / "loose_crop")
    assert faces.has_images
    assert faces.landmarks is not None
    assert faces.scores is not None
    np.testing.assert_allclose(faces.landmarks[0, 0], [46.06, 62.026], atol=1e-4)
    assert faces.scores[1] == np.float32(0.91)
    assert faces.width.tolist() == [120] * 6
    assert (templates.verification.images, len(templates.verification)) == (6, 4)
    assert templates.search is not None
    assert loaded.folds is None
    assert {path.name for path in loaded.sources} == {path.name for path in (root / "meta").iterdir()}


def test_notes_begin_with_warnings_and_say_by_what_it_was_recognised(tmp_path: Path) -> None:
    notes = load(ijbc(tmp_path)).notes
    assert "ijbc_face_tid_mid.txt holds 6 images, where 469,375 were published" in notes[0]
    assert any("IJB-C in InsightFace's layout, by " in note for note in notes)


def test_images_that_cannot_be_used_go_with_their_templates_and_pairs(tmp_path: Path) -> None:
    root = ijbc(tmp_path)
    (root / "loose_crop" / "6.jpg").write_text("no image")
    (root / "loose_crop" / "2.jpg").unlink()
    points = root / "meta" / "ijbc_name_5pts_score.txt"
    mirrored = "73.53 51.5 38.29 51.7 56.0 71.7 70.7 92.2 41.5 92.37"
    points.write_text(points.read_text().replace(f"5.jpg {POINTS}", "5.jpg" + " 7" * 10, 1))
    points.write_text(points.read_text().replace(f"4.jpg {POINTS}", f"4.jpg {mirrored}", 1))
    loaded = load(root)
    templates = loaded.templates
    assert templates is not None
    assert loaded.faces.ids == ("1.jpg", "3.jpg", "4.jpg")
    assert templates.verification.template_ids.tolist() == [1, 4, 90]
    assert len(templates.verification) == 2
    assert templates.search is not None
    assert len(templates.search.probes) == 1
    assert {problem.image: problem.reason for problem in loaded.faces.problems} == {
        "2.jpg": "is not in loose_crop",
        "6.jpg": "is damaged or not an image that can be decoded",
        "5.jpg": "its landmarks are not those of a face",
    }
    assert any("3 of 6 images cannot be used: 1 templates and 2 pairs were left out" in note for note in loaded.notes)


def test_points_far_outside_their_images_are_told(tmp_path: Path) -> None:
    root = ijbc(tmp_path)
    picture(root / "loose_crop" / "3.jpg", (30, 30))
    loaded = load(root)
    assert len(loaded.faces) == 6
    assert any("the landmarks of 1 images lie outside them (3.jpg)" in note for note in loaded.notes)


def test_nothing_usable_at_all_is_an_error(tmp_path: Path) -> None:
    root = ijbc(tmp_path)
    for path in (root / "loose_crop").iterdir():
        path.write_text("no image")
    with pytest.raises(DatasetError, match=r"none of its 6 images can be used \(1.jpg: is damaged"):
        load(root)
    for path in (root / "loose_crop").iterdir():
        path.rename(path.with_name(f"x{path.name}"))
    with pytest.raises(DatasetError, match=r"none of its 6 images can be used \(1.jpg: is not in loose_crop"):
        load(root)


@pytest.mark.parametrize("empty", [True, False])
@pytest.mark.parametrize("make", [ijbc, nist])
def test_a_dataset_without_images_is_legal(tmp_path: Path, make, empty: bool) -> None:
    before = load(make(tmp_path / "with"))
    root = make(tmp_path / "without", images=False)
    if empty:
        (root / ("loose_crop" if make is ijbc else "images/img")).mkdir(parents=True)
    loaded = load(root)
    faces, templates = loaded.faces, loaded.templates
    assert templates is not None
    assert before.templates is not None
    assert not faces.has_images
    assert (faces.ids, faces.subjects) == (before.faces.ids, before.faces.subjects)
    assert (faces.alignment, faces.landmarks, faces.boxes) == (None, None, None)
    assert set(faces.sha256) == {"0" * 64}
    assert "no images: embeddings made elsewhere can be imported and scored" in loaded.notes
    assert templates.fingerprint == before.templates.fingerprint
    if make is ijbc:
        np.testing.assert_array_equal(faces.scores, before.faces.scores)
    with pytest.raises(DatasetError, match="no images, only their names"):
        faces.path(0)
    save_arrays(tmp_path / "t.h5", faces.to_arrays())
    again = FaceImages.from_arrays(load_arrays(tmp_path / "t.h5")[0], faces.root)
    assert (again.fingerprint, again.has_images) == (faces.fingerprint, False)


def test_images_that_came_since_are_read(tmp_path: Path) -> None:
    root = ijbc(tmp_path, images=False)
    known = load(root).faces
    for name, _, _ in ROWS:
        picture(root / "loose_crop" / name)
    now = load(root, known).faces
    assert now.has_images
    assert now.alignment is Alignment.LANDMARKS


@pytest.mark.parametrize(
    ("options", "says", "remedy"),
    [
        ({"aligned": "arcface"}, "--aligned and --format ijbc contradict", "five points"),
        ({"landmarks": Path("l.csv")}, "--landmarks and --format ijbc contradict", "five points"),
        ({"whole_image": True}, "--whole-image and --format ijbc contradict", "leave --whole-image out"),
        ({"max_per_subject": 3}, "--max-per-subject and --format ijbc contradict", "says which images are compared"),
        ({"pairs": Path("p.txt"), "format": "ijbc"}, "--pairs and --format ijbc contradict", "brings its pairs"),
    ],
)
def test_options_that_contradict_the_set_are_refused(tmp_path: Path, options: dict, says: str, remedy: str) -> None:
    root = ijbc(tmp_path)
    for asked in ("auto", "ijbc"):
        with pytest.raises(SettingsError, match=says) as caught:
            load(root, **{"format": asked, **options})
        assert remedy in caught.value.remedy
    assert ("recognised" in caught.value.remedy) is False


def test_what_was_recognised_is_said_with_a_contradiction(tmp_path: Path) -> None:
    with pytest.raises(
        SettingsError, match=r"recognised: IJB-C in InsightFace's layout.*--format folder would read it"
    ):
        load(ijbc(tmp_path), max_per_subject=2)


def test_a_format_that_is_not_there_says_what_was_looked_for(tmp_path: Path) -> None:
    for asked, says in (("ijbb", "no meta/ijbb_face_tid_mid.txt"), ("nist", "none of protocols/")):
        with pytest.raises(DatasetError, match=says):
            load(tmp_path, format=asked)


def test_a_folder_says_which_other_formats_were_looked_for(tmp_path: Path) -> None:
    picture(tmp_path / "faces" / "Ann" / "a.jpg")
    assert any(
        "other formats were looked for: no meta/ijbc_face_tid_mid.txt" in note
        for note in load(tmp_path / "faces").notes
    )
    assert not any("looked for" in note for note in load(tmp_path / "faces", format="folder").notes)


# -- NIST ------------------------------------------------------------------------------------------------------------
def test_rows_share_files_and_have_boxes_of_their_own(tmp_path: Path) -> None:
    loaded = load(nist(tmp_path))
    faces, templates = loaded.faces, loaded.templates
    assert templates is not None
    assert (loaded.format, faces.alignment, faces.root) == ("nist", Alignment.BOXES, tmp_path / "images")
    assert faces.ids == ("img/1.jpg", "img/2.jpg", "img/3.jpg", "img/3.jpg#2", "img/4.jpg")
    assert faces.files == ("img/1.jpg", "img/2.jpg", "img/3.jpg", "img/3.jpg", "img/4.jpg")
    assert faces.path(3) == tmp_path / "images" / "img" / "3.jpg"
    assert faces.boxes is not None
    assert faces.boxes[3].tolist() == [50, 60, 20, 20]
    assert faces.landmarks is None
    assert faces.sha256[2] == faces.sha256[3]
    assert [covariate.name for covariate in templates.covariates] == ["GENDER"]
    assert any("only face boxes are known" in note for note in loaded.notes)
    assert "and ijbc_1N_probe_mixed.csv together hold 5 images, where 469,375 were published" in loaded.notes[0]
    save_arrays(tmp_path / "t.h5", faces.to_arrays())
    again = FaceImages.from_arrays(load_arrays(tmp_path / "t.h5")[0], faces.root)
    assert (again.fingerprint, again.files, again.alignment) == (faces.fingerprint, faces.files, Alignment.BOXES)


def test_rows_without_a_box_in_the_image_are_left_out_and_listed(tmp_path: Path) -> None:
    root = nist(tmp_path)
    probes = root / "protocols" / "ijbc_1N_probe_mixed.csv"
    probes.write_text(probes.read_text() + "91,8,img/3.jpg,104,,,,,1\n91,8,img/1.jpg,105,500,6,7,8,1\n")
    loaded = load(root)
    assert loaded.templates is not None
    assert len(loaded.faces) == 5
    assert {problem.image: problem.reason for problem in loaded.faces.problems} == {
        "img/3.jpg#3": "no face box is given",
        "img/1.jpg#2": "its face box lies outside the image",
    }
    assert loaded.templates.verification.images == 5
    assert len(loaded.templates.covariates[0].values) == 5


def test_nothing_is_left_out_where_no_row_has_a_box(tmp_path: Path) -> None:
    root = nist(tmp_path)
    for path in (root / "protocols").glob("*_1N_*"):
        lines = [line.split(",") for line in path.read_text().splitlines()[1:]]
        path.write_text("\n".join([HEADER, *(",".join([*fields[:4], "", "", "", "", fields[8]]) for fields in lines)]))
    faces = load(root).faces
    assert len(faces) == 5
    assert (faces.alignment, faces.boxes) == (None, None)


def test_whole_images_can_be_insisted_on(tmp_path: Path) -> None:
    assert load(nist(tmp_path), whole_image=True).faces.alignment is Alignment.WHOLE
    with pytest.raises(SettingsError, match="--aligned and --format nist contradict"):
        load(tmp_path, aligned="arcface")


def test_rows_take_points_from_a_file_by_their_names(tmp_path: Path) -> None:
    root = nist(tmp_path / "nist")
    file = tmp_path / "points.csv"
    points = POINTS.replace(" ", ",")
    names = ("img/1.jpg", "img/3.jpg", "img/3.jpg#2", "img/4.jpg", "img/9.jpg")
    file.write_text(
        "".join(f"{name},{points},0.{row + 1}\n" for row, name in enumerate(names)).replace(
            f"img/4.jpg,{points}", "img/4.jpg" + ",5" * 10
        )
    )
    loaded = load(root, landmarks=file)
    faces = loaded.faces
    assert faces.alignment is Alignment.LANDMARKS
    assert faces.ids == ("img/1.jpg", "img/3.jpg", "img/3.jpg#2")
    assert faces.scores is not None
    np.testing.assert_allclose(faces.scores, [0.1, 0.2, 0.3])
    assert {problem.image: problem.reason for problem in faces.problems} == {
        "img/2.jpg": "no landmarks in points.csv",
        "img/4.jpg": "its landmarks are not those of a face",
    }
    assert faces.boxes is not None
    assert faces.boxes[1].tolist() == [1, 2, 30, 40]
    assert "points.csv: 1 lines name no row of the dataset (first: img/9.jpg)" in loaded.notes


def test_scores_of_zero_and_below_in_a_file_of_points_are_counted(tmp_path: Path) -> None:
    root = nist(tmp_path / "nist")
    file = tmp_path / "points.csv"
    names = ("img/1.jpg", "img/2.jpg", "img/3.jpg", "img/3.jpg#2", "img/4.jpg")
    scores = (0.5, 0, -1, 0.25, 1)
    rows = zip(names, scores, strict=True)
    file.write_text("".join(f"{name},{POINTS.replace(' ', ',')},{score}\n" for name, score in rows))
    notes = [note for note in load(root, landmarks=file).notes if "detector scores" in note]
    assert len(notes) == 1
    assert notes[0].startswith("points.csv: 2 of 5 detector scores are 0 or below")


def test_rows_with_points_need_no_box(tmp_path: Path) -> None:
    root = nist(tmp_path / "nist")
    probes = root / "protocols" / "ijbc_1N_probe_mixed.csv"
    probes.write_text(probes.read_text().replace("104,5,6,7,8", "104,,,,"))
    file = tmp_path / "points.csv"
    names = ("img/1.jpg", "img/2.jpg", "img/3.jpg", "img/3.jpg#2", "img/4.jpg")
    file.write_text("".join(f"{name},{POINTS.replace(' ', ',')}\n" for name in names))
    faces = load(root, landmarks=file).faces
    assert faces.ids == names
    assert (faces.boxes, faces.scores) == (None, None)
    assert FaceImages.from_arrays(faces.to_arrays(), faces.root).fingerprint == faces.fingerprint


# -- verification sets -----------------------------------------------------------------------------------------------
def test_a_verification_set_is_unpacked_and_has_folds_and_templates(tmp_path: Path) -> None:
    path = verification_bin(tmp_path)
    folder = tmp_path / "unpacked"
    loaded = load(path, unpack_to=folder)
    faces, templates, folds = loaded.faces, loaded.templates, loaded.folds
    assert templates is not None
    assert folds is not None
    assert (loaded.format, loaded.sources, faces.root) == ("bin", (path,), folder)
    assert faces.alignment is Alignment.ALIGNED
    assert len(faces) == 8
    assert all(faces.path(row).is_file() for row in range(8))
    assert faces.path(0).stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    verification = templates.verification
    assert verification.template.tolist() == list(range(8))
    assert verification.p1.tolist() == folds.first.tolist() == [0, 2, 4, 6]
    assert verification.p2.tolist() == folds.second.tolist() == [1, 3, 5, 7]
    assert verification.genuine.tolist() == folds.genuine.tolist() == [True, False, True, False]


def test_images_of_a_verification_set_are_of_one_subject_where_pairs_or_bytes_link_them(tmp_path: Path) -> None:
    loaded = load(verification_bin(tmp_path), unpack_to=tmp_path / "unpacked")
    assert loaded.faces.subjects == ("0", "0", "2", "3", "0", "0", "6", "7")


def test_a_pair_of_images_labelled_both_ways_is_counted(tmp_path: Path) -> None:
    path = verification_bin(tmp_path)
    loaded = load(path, unpack_to=tmp_path / "unpacked")
    assert not any("contradict" in note for note in loaded.notes)
    images, labels = pickle.loads(path.read_bytes())
    path.write_bytes(pickle.dumps((images + images[:2], [*labels, False])))
    loaded = load(path, unpack_to=tmp_path / "again")
    assert any(note.startswith("lfw.bin: the labels of 1 pairs contradict each other") for note in loaded.notes)


def test_pairs_of_damaged_images_are_left_out_of_folds_and_templates(tmp_path: Path) -> None:
    loaded = load(verification_bin(tmp_path, damaged=2), unpack_to=tmp_path / "unpacked")
    templates, folds = loaded.templates, loaded.folds
    assert templates is not None
    assert folds is not None
    assert len(loaded.faces) == 7
    assert folds.first.tolist() == templates.verification.p1.tolist() == [0, 3, 5]
    assert folds.second.tolist() == templates.verification.p2.tolist() == [1, 4, 6]
    assert loaded.notes[0].startswith("1 of 8 images cannot be used: 1 of 4 pairs")
    reasons = {problem.image: problem.reason for problem in loaded.faces.problems}
    assert reasons["00002.jpg"] == "is damaged or not an image that can be decoded"
    assert "00002.jpg and 00003.jpg" in reasons
    assert loaded.faces.subjects == ("0", "0", "3", "0", "0", "6", "7")


def test_a_verification_set_read_again_reads_no_image_again(tmp_path: Path) -> None:
    path, folder = verification_bin(tmp_path), tmp_path / "unpacked"
    first = load(path, unpack_to=folder).faces
    before = (folder / "00003.jpg").stat()
    (folder / "00004.jpg").write_bytes(b"half")
    again = load(path, first, folder).faces
    assert again.fingerprint == first.fingerprint
    assert (folder / "00003.jpg").stat().st_mtime_ns == before.st_mtime_ns


def test_a_verification_set_needs_a_folder(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="must be unpacked"):
        load(verification_bin(tmp_path))


@pytest.mark.parametrize("make", [ijbc, nist, verification_bin])
def test_reading_can_be_cancelled(tmp_path: Path, make) -> None:
    path = make(tmp_path)
    ctx = JobContext()
    ctx.cancel()
    with pytest.raises(Cancelled):
        read_dataset(path, DatasetOptions(), ctx, unpack_to=tmp_path / "unpacked")


@pytest.mark.parametrize("make", [ijbc, nist])
def test_unchanged_images_are_not_opened_again(tmp_path: Path, make, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make(tmp_path)
    known = load(root).faces
    monkeypatch.setattr("canon_core.datasets.measure.read_bytes", None)
    assert load(root, known).faces.fingerprint == known.fingerprint
