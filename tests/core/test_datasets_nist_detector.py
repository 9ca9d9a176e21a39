"""NIST's boxes with a detector: each row gets the points of the face in its own box, or is named as left out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from canon_core.datasets.detector import MIN_OVERLAP, Detector, DetectorFile, overlaps
from canon_core.datasets.faces import Alignment
from canon_core.datasets.images import read_image
from canon_core.datasets.landmarks import read_landmarks
from canon_core.datasets.options import DatasetOptions
from canon_core.datasets.reader import LoadedDataset, read_dataset
from canon_core.errors import DatasetError, SettingsError
from canon_core.jobs import JobContext

HEADER = "TEMPLATE_ID,SUBJECT_ID,FILENAME,SIGHTING_ID,FACE_X,FACE_Y,FACE_WIDTH,FACE_HEIGHT"
SIDE = 250  # of a portrait


def boxed(points: np.ndarray, left: float = 0) -> str:
    """A box as a person might draw it: from above the eyes to below the mouth."""
    low, high = points.min(axis=0), points.max(axis=0)
    x, y, width, height = *(low - 0.4 * (high - low)), *(1.8 * (high - low))
    return f"{x + left:.1f},{y:.1f},{width:.1f},{height:.1f}"


@pytest.fixture(scope="module")
def yunet(real: Path) -> Path:
    return real / "detector" / "yunet.onnx"


@pytest.fixture(scope="module")
def portraits(real: Path) -> tuple[list[Path], list[np.ndarray]]:
    folder = real / "lfw250"
    rows = list(read_landmarks(folder / "landmarks.csv", folder).items())[:3]
    return [folder / name for name, _ in rows], [row.points for _, row in rows]


@pytest.fixture
def root(tmp_path: Path, portraits: tuple[list[Path], list[np.ndarray]]) -> Path:
    """A group picture of two people that stands in two templates, a portrait, and a wall without a face."""
    paths, points = portraits
    folder = tmp_path / "images" / "img"
    folder.mkdir(parents=True)
    group = np.concatenate([read_image(paths[0]), read_image(paths[1])], axis=1)
    Image.fromarray(group).save(folder / "group.png")
    Image.fromarray(read_image(paths[2])).save(folder / "one.png")
    Image.fromarray(np.full((200, 200, 3), 128, np.uint8)).save(folder / "wall.png")
    write = {
        "ijbc_1N_gallery_G1.csv": [HEADER, f"1,7,img/group.png,1,{boxed(points[0])}"],
        "ijbc_1N_gallery_G2.csv": [HEADER, f"4,8,img/group.png,2,{boxed(points[1], SIDE)}"],
        "ijbc_1N_probe_mixed.csv": [
            HEADER,
            f"90,9,img/one.png,3,{boxed(points[2])}",
            "90,9,img/wall.png,4,50,50,80,80",
            "90,9,img/one.png,5,,,,",
            "90,9,img/group.png,6,2,2,20,20",
        ],
        "ijbc_11_G1_G2_matches.csv": ["1,90", "4,90"],
    }
    (tmp_path / "protocols").mkdir()
    for name, lines in write.items():
        (tmp_path / "protocols" / name).write_text("\n".join(lines) + "\n")
    return tmp_path


def load(root: Path, yunet: Path, known: LoadedDataset | None = None) -> LoadedDataset:
    return read_dataset(root, DatasetOptions(detector=yunet), JobContext(), None if known is None else known.faces)


@pytest.mark.real
def test_each_row_gets_the_face_in_its_own_box(
    root: Path, yunet: Path, portraits: tuple[list[Path], list[np.ndarray]]
) -> None:
    loaded = load(root, yunet)
    faces, points = loaded.faces, portraits[1]
    assert (loaded.format, faces.alignment) == ("nist", Alignment.LANDMARKS)
    assert faces.ids == ("img/group.png", "img/group.png#2", "img/one.png")
    assert faces.landmarks is not None
    assert faces.scores is not None
    expected = np.stack([points[0], points[1] + np.array([SIDE, 0]), points[2]])
    assert np.linalg.norm(faces.landmarks - expected, axis=2).mean(axis=1).max() < 8  # pixels
    assert faces.scores.min() > 0.6
    assert faces.detector == DetectorFile(yunet).sha256


@pytest.mark.real
def test_rows_without_a_face_in_their_box_are_left_out_and_named(root: Path, yunet: Path) -> None:
    loaded = load(root, yunet)
    assert loaded.templates is not None
    assert {problem.image: problem.reason for problem in loaded.faces.problems} == {
        "img/wall.png": "no face was found in its box",
        "img/one.png#2": "no face box is given",
        "img/group.png#3": "no face was found in its box",
    }
    assert loaded.templates.verification.images == 3
    assert any("3 of 6 images cannot be used" in note for note in loaded.notes)


@pytest.mark.real
def test_faces_that_were_found_before_are_not_looked_for_again(
    root: Path, yunet: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = load(root, yunet)
    looked: list[list[float]] = []

    def detect_in(self: Detector, image: object, box: np.ndarray) -> None:
        looked.append(box.tolist())

    monkeypatch.setattr(Detector, "detect_in", detect_in)
    probes = root / "protocols" / "ijbc_1N_probe_mixed.csv"
    lines = probes.read_text().splitlines()
    probes.write_text("\n".join(lines[:2] + lines[3:4]) + "\n")  # what has no face is looked at again
    assert load(root, yunet, before).faces.fingerprint == before.faces.fingerprint
    assert looked == []
    known = replace(before, faces=replace(before.faces, boxes=before.faces.boxes + 500))  # of another place
    with pytest.raises(DatasetError, match="none of its 4 images can be used"):
        load(root, yunet, known)
    assert len(looked) == 3


@pytest.mark.real
def test_a_detector_needs_boxes(root: Path, yunet: Path) -> None:
    for path in (root / "protocols").glob("*_1N_*"):
        lines = [line.split(",")[:4] for line in path.read_text().splitlines()[1:]]
        path.write_text("\n".join([HEADER, *(",".join([*fields, "", "", "", ""]) for fields in lines)]) + "\n")
    with pytest.raises(SettingsError, match=r"cannot tell whose face a row is of; leave --detector out"):
        load(root, yunet)


class _Faces(Detector):
    """A detector that sees the same faces in every crop, in the crop's pixels."""

    def __init__(self, *faces: tuple[float, float, float, float]) -> None:
        super().__init__(None)
        self.seen: list[tuple[int, ...]] = []
        self._boxes = faces

    def _faces(self, image: np.ndarray) -> np.ndarray:
        self.seen.append(image.shape)
        rows = [[*box, *([box[0] + box[2] / 2, box[1] + box[3] / 2] * 5), 0.9] for box in self._boxes]
        return np.array(rows, float).reshape(-1, 15)


def test_the_crop_is_the_box_and_half_of_it_on_each_side_and_points_are_those_of_the_image() -> None:
    detector = _Faces((20, 10, 40, 20))
    found = detector.detect_in(np.zeros((300, 400, 3), np.uint8), np.array([120, 110, 40, 20]))
    assert detector.seen == [(40, 80, 3)]
    assert found is not None
    assert found.box.tolist() == [120, 110, 40, 20]
    assert found.landmarks.tolist() == [[140, 120]] * 5


def test_the_crop_ends_at_the_border_of_the_image() -> None:
    detector = _Faces((0, 0, 30, 30))
    found = detector.detect_in(np.zeros((50, 60, 3), np.uint8), np.array([-10, -10, 40, 40]))
    assert detector.seen == [(50, 50, 3)]
    assert found is not None
    assert found.box.tolist() == [0, 0, 30, 30]
    assert detector.detect_in(np.zeros((50, 60, 3), np.uint8), np.array([100, 100, 10, 10])) is None


def test_the_face_that_overlaps_the_box_most_is_taken_and_a_bystander_is_not() -> None:
    image, box = np.zeros((200, 200, 3), np.uint8), np.array([50, 50, 40, 40])
    found = _Faces((60, 20, 20, 40), (22, 18, 40, 44)).detect_in(image, box)  # the crop begins at 30, 30
    assert found is not None
    assert (found.box.tolist(), found.faces) == ([52, 48, 40, 44], 2)
    assert _Faces((52, 20, 40, 40)).detect_in(image, box) is None


def test_overlap_is_intersection_over_union() -> None:
    others = np.array([[0, 0, 10, 10], [5, 0, 10, 10], [20, 0, 10, 10], [0, 0, 5, 10], [0, 0, -3, -3]], float)
    np.testing.assert_allclose(overlaps(np.array([0, 0, 10, 10]), others), [1, 1 / 3, 0, 0.5, 0])
    assert 0 < MIN_OVERLAP < 1 / 3
