"""The face detector on real portraits, against the points another program found in them."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from canon_core.datasets.detector import MIN_SCORE, Detector, DetectorFile
from canon_core.datasets.faces import Alignment, FaceImages
from canon_core.datasets.images import opencv, read_image
from canon_core.datasets.landmarks import Landmarks, read_landmarks
from canon_core.datasets.options import DatasetOptions
from canon_core.datasets.reader import read_dataset
from canon_core.errors import DatasetError
from canon_core.jobs import JobContext


@pytest.fixture(scope="module")
def yunet(real: Path) -> Path:
    return real / "detector" / "yunet.onnx"


@pytest.fixture(scope="module")
def portraits(real: Path) -> Path:
    return real / "lfw250"


@pytest.fixture(scope="module")
def reference(portraits: Path) -> dict[str, Landmarks]:
    return read_landmarks(portraits / "landmarks.csv", portraits)


@pytest.fixture(scope="module")
def detector(yunet: Path) -> Detector:
    return DetectorFile(yunet).open()


@pytest.fixture(scope="module")
def found(portraits: Path, yunet: Path) -> FaceImages:
    return read_dataset(portraits, DatasetOptions(detector=yunet), JobContext()).faces


pytestmark = pytest.mark.real


def test_every_portrait_has_a_face_whose_points_are_where_another_program_saw_them(
    found: FaceImages, reference: dict[str, Landmarks]
) -> None:
    assert set(found.ids) == set(reference)
    assert found.problems == ()
    assert found.alignment is Alignment.LANDMARKS
    assert found.landmarks is not None
    expected = np.stack([reference[image].points for image in found.ids])
    per_point = np.linalg.norm(found.landmarks - expected, axis=2)
    assert per_point.mean() < 4.5  # pixels
    assert per_point.mean(axis=1).max() < 12
    swapped = np.linalg.norm(found.landmarks[:, [1, 0, 2, 4, 3]] - expected, axis=2)
    assert (per_point.mean(axis=1) < swapped.mean(axis=1)).all()  # so left is left


def test_boxes_and_scores_are_kept_with_the_points_inside_the_box(found: FaceImages) -> None:
    assert found.boxes is not None
    assert found.scores is not None
    assert found.landmarks is not None
    assert found.scores.min() >= MIN_SCORE
    assert found.scores.max() <= 1
    low, extent = found.boxes[:, None, :2], found.boxes[:, None, 2:]
    inside = ((found.landmarks >= low - 0.1 * extent) & (found.landmarks <= low + 1.1 * extent)).all(axis=(1, 2))
    assert inside.all()
    assert (found.boxes[:, 2:].min(axis=1) > 40).all()


@pytest.fixture
def few(portraits: Path, tmp_path: Path) -> Path:
    for subject in sorted(path for path in portraits.iterdir() if path.is_dir())[:4]:
        shutil.copytree(subject, tmp_path / "few" / subject.name)
    return tmp_path / "few"


def test_reading_again_and_remembering_give_the_same_faces(found: FaceImages, few: Path, yunet: Path) -> None:
    options = DatasetOptions(detector=yunet)
    first = read_dataset(few, options, JobContext()).faces
    assert read_dataset(few, options, JobContext()).faces.fingerprint == first.fingerprint
    assert read_dataset(few, options, JobContext(), known=first).faces.fingerprint == first.fingerprint
    rows = [found.ids.index(image) for image in first.ids]
    np.testing.assert_array_equal(first.landmarks, found.landmarks[rows])  # type: ignore[index]


def test_points_of_another_detector_are_not_remembered(few: Path, yunet: Path) -> None:
    options = DatasetOptions(detector=yunet)
    first = read_dataset(few, options, JobContext()).faces
    moved = replace(first, landmarks=first.landmarks + 1)
    remembered = read_dataset(few, options, JobContext(), known=moved).faces
    np.testing.assert_array_equal(remembered.landmarks, moved.landmarks)
    again = read_dataset(few, options, JobContext(), known=replace(moved, detector="0" * 64)).faces
    assert again.fingerprint == first.fingerprint


@pytest.mark.parametrize("scale", [0.3, 2.0, 4.0, 8.0])
def test_points_are_in_pixels_of_the_image_whatever_its_size(
    detector: Detector, portraits: Path, reference: dict[str, Landmarks], scale: float
) -> None:
    distances = []
    for image, expected in list(reference.items())[::40]:
        resized = opencv().resize(read_image(portraits / image), None, fx=scale, fy=scale)
        detection = detector.detect(resized)
        assert detection is not None
        back = (detection.landmarks + 0.5) / scale - 0.5
        distances.append(np.linalg.norm(back - expected.points, axis=1).mean())
    assert np.mean(distances) < 8


def test_of_several_faces_the_large_one_near_the_middle_is_taken(
    detector: Detector, portraits: Path, reference: dict[str, Landmarks]
) -> None:
    image = next(iter(reference))
    portrait = read_image(portraits / image)
    small = opencv().resize(portrait, None, fx=0.6, fy=0.6)
    canvas = np.full((300, 900, 3), 128, np.uint8)
    canvas[25:275, 325:575] = portrait
    canvas[:150, :150] = canvas[-150:, -150:] = small
    detection = detector.detect(canvas)
    assert detection is not None
    assert detection.faces == 3
    assert np.linalg.norm(detection.landmarks - (325, 25) - reference[image].points, axis=1).mean() < 8


def test_images_without_a_face_are_left_out_and_named(tmp_path: Path, portraits: Path, yunet: Path) -> None:
    subject = sorted(path for path in portraits.iterdir() if path.is_dir())[0]
    shutil.copytree(subject, tmp_path / "people" / subject.name)
    noise = np.random.default_rng(0).integers(0, 256, (200, 300, 3)).astype(np.uint8)
    opencv().imwrite(str(tmp_path / "people" / subject.name / "wall.png"), noise)
    faces = read_dataset(tmp_path / "people", DatasetOptions(detector=yunet), JobContext()).faces
    assert len(faces) == len(list(subject.iterdir()))
    assert [(problem.image, problem.reason) for problem in faces.problems] == [
        (f"{subject.name}/wall.png", "no face was found in it")
    ]


def test_a_dataset_without_any_face_is_refused(tmp_path: Path, yunet: Path) -> None:
    (tmp_path / "walls" / "A").mkdir(parents=True)
    opencv().imwrite(str(tmp_path / "walls" / "A" / "1.png"), np.full((100, 100, 3), 90, np.uint8))
    with pytest.raises(DatasetError, match=r"none of its 1 image can be used \(A/1.png: no face was found"):
        read_dataset(tmp_path / "walls", DatasetOptions(detector=yunet), JobContext())


@pytest.mark.parametrize("kind", ["another network", "text", "cut short", "missing", "folder"])
def test_what_is_no_detector_is_refused_before_any_image_is_read(
    tmp_path: Path, real: Path, yunet: Path, kind: str
) -> None:
    path = tmp_path / "detector.onnx"
    if kind == "another network":
        shutil.copy(real / "models" / "mfV3.onnx", path)
    elif kind == "text":
        path.write_text("no network")
    elif kind == "cut short":
        path.write_bytes(yunet.read_bytes()[:100_000])
    elif kind == "folder":
        path.mkdir()
    with pytest.raises(DatasetError, match=r"detector.onnx: .*; give the ONNX file of YuNet"):
        read_dataset(tmp_path / "no such dataset", DatasetOptions(detector=path), JobContext())
