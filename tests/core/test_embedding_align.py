"""Faces are laid into a network's input by the best similarity, and nothing is interpolated without need."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates
from scipy.optimize import minimize

from canon_core.datasets import faces
from canon_core.datasets.faces import Alignment
from canon_core.datasets.images import read_image
from canon_core.embedding.align import (
    ARCFACE_POINTS,
    TEMPLATES,
    align_face,
    need_alignment,
    similarity,
    template_points,
)
from canon_core.errors import DatasetError, SettingsError
from canon_core.models.spec import InputSpec

ARCFACE = InputSpec()
WIDE_96 = InputSpec(width=96, template="arcface-96")
INTEL = InputSpec(width=128, height=128)
FACENET = InputSpec(width=160, height=160, template="box", margin=32)


def noise(height: int = 112, width: int = 112) -> np.ndarray:
    return np.random.default_rng(height * width).integers(0, 256, (height, width, 3)).astype(np.uint8)


def similarity_of(scale: float, angle: float, shift: tuple[float, float]) -> np.ndarray:
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.column_stack([turn, shift])


def moved(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    return points @ matrix[:, :2].T + matrix[:, 2]


@settings(deadline=None)
@given(scale=st.floats(0.05, 20), angle=st.floats(-3.1, 3.1), x=st.floats(-500, 500), y=st.floats(-500, 500))
def test_a_planted_similarity_is_found(scale: float, angle: float, x: float, y: float) -> None:
    planted = similarity_of(scale, angle, (x, y))
    found = similarity(ARCFACE_POINTS, moved(np.array(ARCFACE_POINTS), planted))
    np.testing.assert_allclose(found, planted, atol=1e-9 * (1 + scale * 100 + abs(x) + abs(y)))


@pytest.mark.parametrize("seed", range(5))
def test_no_similarity_comes_nearer(seed: int) -> None:
    rng = np.random.default_rng(seed)
    start = np.array(ARCFACE_POINTS) * 2 + rng.normal(0, 8, (5, 2))
    end = np.array(ARCFACE_POINTS)

    def distance(p: np.ndarray) -> float:  # scale·cos, scale·sin, shift
        matrix = np.array([[p[0], -p[1], p[2]], [p[1], p[0], p[3]]])
        return float(np.sum((moved(start, matrix) - end) ** 2))

    best = minimize(distance, [0.5, 0.0, 0.0, 0.0], method="BFGS", options={"gtol": 1e-9, "maxiter": 500})
    found = similarity(start, end)
    assert distance(np.array([found[0, 0], found[1, 0], *found[:, 2]])) <= best.fun * (1 + 1e-9)
    np.testing.assert_allclose(found[:, 0], best.x[:2], atol=1e-4)


def test_a_similarity_never_mirrors() -> None:
    mirrored = np.array(ARCFACE_POINTS) * (-1, 1) + (112, 0)
    found = similarity(ARCFACE_POINTS, mirrored)
    assert np.linalg.det(found[:, :2]) > 0


@pytest.mark.parametrize("points", [np.full((5, 2), 7.0), np.full((5, 2), np.nan), np.full((5, 2), np.inf)])
def test_points_that_are_no_face_are_refused(points: np.ndarray) -> None:
    with np.errstate(invalid="ignore"), pytest.raises(DatasetError, match=r"not those of a face; correct its landm"):
        similarity(points, ARCFACE_POINTS)


def test_templates_are_those_of_the_field() -> None:
    assert np.array_equal(template_points(ARCFACE), ARCFACE_POINTS)
    np.testing.assert_allclose(template_points(INTEL), np.array(ARCFACE_POINTS) * 128 / 112)
    np.testing.assert_allclose(template_points(WIDE_96), np.array(ARCFACE_POINTS) - (8, 0))
    points = tuple((float(10 * k), float(k * k)) for k in range(5))
    assert np.array_equal(template_points(InputSpec(points=points)), points)
    assert template_points(FACENET) is None
    assert template_points(InputSpec(template="whole")) is None
    assert set(TEMPLATES) == {"arcface", "arcface-96", "box", "whole"}


def test_an_aligned_image_is_fed_as_it_is() -> None:
    image = noise()
    assert np.array_equal(align_face(image, None, None, ARCFACE, Alignment.ALIGNED), image)
    assert np.array_equal(align_face(image, None, None, WIDE_96, Alignment.ALIGNED), image[:, 8:104])


def test_points_on_the_template_move_nothing() -> None:
    image = noise(150, 140)
    crop = align_face(image, ARCFACE_POINTS, None, ARCFACE, Alignment.LANDMARKS)
    assert np.array_equal(crop, image[:112, :112])


@pytest.mark.parametrize("alignment", [Alignment.ALIGNED, Alignment.LANDMARKS])
def test_a_warp_is_bilinear_with_zeros_outside(alignment: Alignment) -> None:
    image = noise()
    matrix = similarity_of(1.1, 0.2, (9.0, -12.0))
    landmarks = np.array(ARCFACE_POINTS)
    if alignment is Alignment.LANDMARKS:
        landmarks = moved(landmarks, matrix)
        to_image = matrix
        spec = ARCFACE
    else:
        to_image = np.array([[112 / 128, 0, 0], [0, 112 / 128, 0]])
        spec = INTEL
    crop = align_face(image, landmarks, None, spec, alignment)
    y, x = np.mgrid[: spec.height, : spec.width]
    seen = moved(np.stack([x, y], axis=-1).reshape(-1, 2).astype(float), to_image)
    for channel in range(3):
        padded = np.pad(image[..., channel].astype(float), 2)
        wanted = map_coordinates(padded, [seen[:, 1] + 2, seen[:, 0] + 2], order=1, mode="constant")
        difference = crop[..., channel].reshape(-1) - wanted
        assert np.abs(difference).max() < 1.0  # rounding
        assert np.abs(difference).mean() < 0.3


def test_a_box_is_widened_by_the_margin_clipped_and_resized() -> None:
    image = np.zeros((400, 400, 3), np.uint8)
    image[100:260, 120:240] = 200  # 120 wide, 160 high: with 32 of 160 pixels around it, 150 × 200
    crop = align_face(image, ARCFACE_POINTS, (120, 100, 120, 160), FACENET, Alignment.LANDMARKS)
    assert crop.shape == (160, 160, 3)
    assert np.array_equal(crop[..., 0] > 100, np.pad(np.ones((128, 128), bool), 16))
    corner = align_face(image, ARCFACE_POINTS, (0, 0, 120, 160), FACENET, Alignment.LANDMARKS)
    assert np.abs(corner.astype(int) - resized(image[:180, :135])).max() <= 1
    tight = FACENET.model_copy(update={"margin": 0.0})
    assert (align_face(image, ARCFACE_POINTS, (120, 100, 120, 160), tight, Alignment.LANDMARKS) == 200).all()


def resized(image: np.ndarray) -> np.ndarray:
    """Slow bilinear enlargement to 160 × 160, pixel centres on pixel centres."""
    y = np.clip((np.arange(160) + 0.5) * image.shape[0] / 160 - 0.5, 0, image.shape[0] - 1)
    x = np.clip((np.arange(160) + 0.5) * image.shape[1] / 160 - 0.5, 0, image.shape[1] - 1)
    grid = np.meshgrid(y, x, indexing="ij")
    return np.stack([map_coordinates(image[..., c].astype(float), grid, order=1) for c in range(3)], axis=-1)


@pytest.mark.parametrize(
    ("box", "words"),
    [((500, 0, 50, 50), "not inside"), ((0, 0, 0, 10), "not inside"), ((np.nan, 0, 50, 50), "not inside")],
)
def test_an_impossible_box_is_refused(box: tuple[float, ...], words: str) -> None:
    with pytest.raises(DatasetError, match=words):
        align_face(noise(), ARCFACE_POINTS, box, FACENET, Alignment.LANDMARKS)


def test_the_widest_margin_that_a_spec_allows_takes_in_the_whole_image() -> None:
    image = noise(160, 160)
    wide = InputSpec(width=160, height=160, template="box", margin=159)
    crop = align_face(image, ARCFACE_POINTS, (70, 60, 20, 30), wide, Alignment.LANDMARKS)
    assert np.array_equal(crop, image)


def test_datasets_and_networks_mean_the_same_template() -> None:
    assert np.array_equal(ARCFACE_POINTS.astype(np.float32), faces.ARCFACE_POINTS)
    assert ARCFACE_POINTS[0].tolist() == [38.2946, 51.6963]  # as published, not as single precision rounds it


def test_whole_images_are_resized_whatever_the_template() -> None:
    image = noise(224, 448)
    blocks = image.reshape(112, 2, 112, 4, 3).mean(axis=(1, 3))
    for spec in (ARCFACE, InputSpec(template="whole")):
        crop = align_face(image, None, None, spec, Alignment.WHOLE)
        assert np.abs(crop - blocks).max() <= 0.51
    assert np.array_equal(align_face(noise(), None, None, InputSpec(template="whole"), None), noise())


def test_an_unaligned_photograph_is_refused_with_what_helps() -> None:
    with pytest.raises(SettingsError, match=r"wants aligned faces.*--landmarks.*--detector"):
        align_face(noise(250, 250), None, None, ARCFACE, None)
    with pytest.raises(DatasetError, match=r"is 250 × 200 pixels, not a 112 × 112 crop"):
        align_face(noise(200, 250), None, None, ARCFACE, Alignment.ALIGNED)


def originals(real: Path) -> list[tuple[str, np.ndarray]]:
    with open(real / "lfw250" / "landmarks.csv", newline="") as file:
        return [(row[0], np.array(row[1:11], float).reshape(5, 2)) for row in list(csv.reader(file))[1:]]


@pytest.mark.real
def test_real_photographs_give_the_crops_that_others_made(real: Path) -> None:
    differences, shuffled = [], []
    listed = originals(real)
    for (name, points), (other, _) in zip(listed, listed[7:] + listed[:7], strict=True):
        crop = align_face(read_image(real / "lfw250" / name), points, None, ARCFACE, Alignment.LANDMARKS).astype(int)
        differences.append(np.abs(crop - read_image(real / "lfw" / name)).mean())
        shuffled.append(np.abs(crop - read_image(real / "lfw" / other)).mean())
    assert len(differences) == 164
    assert np.median(differences) < 4  # of 255: they went through another warp and JPEG again
    assert max(differences) < 12
    assert min(shuffled) > 20


@pytest.mark.real
def test_without_a_detector_the_points_say_where_its_box_would_be(real: Path) -> None:
    from canon_core.datasets.detector import DetectorFile

    detector = DetectorFile(real / "detector" / "yunet.onnx").open()
    y, x = np.mgrid[:250, :250].astype(np.uint8)
    places = np.stack([x, y, x], axis=-1)  # every pixel says where it is
    overlaps = []
    for name, points in originals(real)[::8]:
        found = detector.detect(read_image(real / "lfw250" / name))
        assert found is not None
        spans = []
        for box in (found.box, None):
            crop = align_face(places, points, box, FACENET, Alignment.LANDMARKS)[..., :2].astype(int)
            spans.append((crop.min(axis=(0, 1)), crop.max(axis=(0, 1))))
        (low, high), (other_low, other_high) = spans
        shared = np.prod(np.minimum(high, other_high) - np.maximum(low, other_low))
        overlaps.append(shared / (np.prod(high - low) + np.prod(other_high - other_low) - shared))
    assert len(overlaps) == 21
    assert np.median(overlaps) > 0.75
    assert min(overlaps) > 0.5


# -- only boxes ------------------------------------------------------------------------------------------------------
def test_a_box_alone_is_enough_for_networks_that_want_one() -> None:
    image, box = noise(200, 240), np.array([40, 50, 80, 100])
    crop = align_face(image, None, box, FACENET, Alignment.BOXES)
    np.testing.assert_array_equal(crop, align_face(image, ARCFACE_POINTS, box, FACENET, Alignment.LANDMARKS))
    whole = InputSpec(template="whole")
    resized = align_face(image, None, None, whole, None)
    np.testing.assert_array_equal(align_face(image, None, box, whole, Alignment.BOXES), resized)


@pytest.mark.parametrize("spec", [ARCFACE, WIDE_96, INTEL])
def test_a_box_alone_is_refused_by_networks_that_want_points(spec: InputSpec) -> None:
    with pytest.raises(SettingsError, match=r"only face boxes are known; .* --detector FILE.onnx or --landmarks"):
        align_face(noise(), None, np.array([4, 5, 80, 100]), spec, Alignment.BOXES)


def test_a_dataset_of_boxes_is_refused_before_its_first_image() -> None:
    need_alignment(FACENET, Alignment.BOXES)
    need_alignment(ARCFACE, Alignment.WHOLE)
    for alignment in (Alignment.BOXES, None):
        with pytest.raises(SettingsError) as caught:
            need_alignment(ARCFACE, alignment, Path("faces"))
        assert caught.value.path == Path("faces")


def test_a_face_without_its_box_is_told_by_itself() -> None:
    with pytest.raises(DatasetError, match="has no detector box"):
        align_face(noise(), None, None, FACENET, Alignment.BOXES)
