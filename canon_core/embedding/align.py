"""Lay a face into a network's input: the five-point similarity, the detector box, or the whole image."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from canon_core.datasets import faces
from canon_core.datasets.faces import ARCFACE_SIDE, Alignment
from canon_core.datasets.images import opencv
from canon_core.errors import DatasetError, SettingsError
from canon_core.models.spec import InputSpec

Image = npt.NDArray[np.uint8]
Float64 = npt.NDArray[np.float64]

#: (5, 2) float64: ArcFace's template with the four decimals it was published with, which datasets keep in single
#: precision: left eye, right eye, nose, left and right mouth corner (x, y), left as seen in the image.
ARCFACE_POINTS: Final = np.asarray(np.round(faces.ARCFACE_POINTS.astype(np.float64), 4), np.float64)
ARCFACE_POINTS.flags.writeable = False
#: Columns that the 96 pixels wide crop lacks on each side of the 112 wide one.
_ARCFACE_96_SHIFT: Final = 8.0
#: Template names, and what they do with a face.
TEMPLATES: Final = {
    "arcface": "five points on the ArcFace template, scaled to the input",
    "arcface-96": "five points on the ArcFace template less 8 pixels of 112 on each side",
    "box": "detector box and margin, resized",
    "whole": "the whole image, resized",
}
#: Centre and extent of a detector's box in pixels of the ArcFace crop: medians of YuNet's over 164 portraits.
_BOX_CENTRE: Final = (56.7, 64.8)
_BOX_EXTENT: Final = (80.0, 109.0)
#: Smaller scales than this turn a face into a dot: the points are no face (or a mirrored one).
_SMALLEST_SCALE: Final = 1e-4


def need_alignment(spec: InputSpec, alignment: Alignment | None, path: Path | None = None) -> None:
    """Refuse a dataset of which less is known than a network needs; ``path`` is named as the dataset's folder.

    Boxes are enough for ``box``, nothing is needed for ``whole``, and every other template wants five points.

    Raises
    ------
    SettingsError
        With the remedy.
    """
    if spec.template == "whole" or (alignment is Alignment.BOXES and spec.template == "box"):
        return
    if alignment is Alignment.BOXES:
        raise SettingsError(
            "the network wants five points of each face, and only face boxes are known",
            path=path,
            remedy="add the dataset again with --detector FILE.onnx or --landmarks FILE.csv",
        )
    if alignment is None:
        raise SettingsError(
            "the network wants aligned faces, and nothing says where the faces are",
            path=path,
            remedy="add the dataset again with --landmarks FILE.csv, --detector FILE.onnx or --aligned arcface",
        )


def template_points(spec: InputSpec) -> Float64 | None:
    """Where eyes, nose and mouth corners belong in this input, (5, 2) float64 pixels; None for ``box`` and ``whole``.

    The ArcFace template is scaled with each side of the input (112 as it is; 128 by 128/112). ``arcface-96`` is scaled
    with the height and shifted by −8 pixels of 112 in x.
    """
    if spec.points is not None:
        return np.array(spec.points, dtype=np.float64)
    if spec.template == "arcface":
        return ARCFACE_POINTS * (spec.width / ARCFACE_SIDE, spec.height / ARCFACE_SIDE)
    if spec.template == "arcface-96":
        return (ARCFACE_POINTS - (_ARCFACE_96_SHIFT, 0.0)) * (spec.height / ARCFACE_SIDE)
    return None


def similarity(points_from: npt.ArrayLike, points_to: npt.ArrayLike) -> Float64:
    """The similarity (rotation, one scale, shift; no reflection) that brings one set of points nearest to another.

    Least squares over all similarities of the plane (Umeyama 1991, in closed form): with points as complex numbers
    about their means, ``a = Σ conj(z) w / Σ |z|²``.

    Parameters
    ----------
    points_from, points_to : (k, 2) array_like
        Corresponding points, k ≥ 2.

    Returns
    -------
    (2, 3) float64
        ``M`` with ``points_to ≈ points_from @ M[:, :2].T + M[:, 2]``.

    Raises
    ------
    DatasetError
        When the points coincide, are not finite, or fit only as their mirror image.
    """
    start, end = np.asarray(points_from, dtype=np.float64), np.asarray(points_to, dtype=np.float64)
    start_mean, end_mean = start.mean(axis=0), end.mean(axis=0)
    z = (start - start_mean) @ (1, 1j)
    w = (end - end_mean) @ (1, 1j)
    spread = float(np.sum(np.abs(z) ** 2))
    a = complex(np.vdot(z, w)) / spread if spread > 0 else 0j
    if not np.isfinite(a) or abs(a) < _SMALLEST_SCALE:
        raise DatasetError("its five points are not those of a face", remedy="correct its landmarks")
    linear = np.array([[a.real, -a.imag], [a.imag, a.real]])
    return np.column_stack([linear, end_mean - linear @ start_mean])


def align_face(
    image: Image,
    landmarks: npt.ArrayLike | None,
    box: npt.ArrayLike | None,
    spec: InputSpec,
    alignment: Alignment | None,
) -> Image:
    """The crop that a network sees of one face.

    With a template of points the image is warped by :func:`similarity` (bilinear, zeros outside). An image that
    already is the crop comes back untouched, and the 96 wide crop of a 112 wide one is its middle, pixel for pixel.

    With ``box`` the detector box is widened by ``margin`` input pixels in all (half on each side), rounded to whole
    pixels, clipped at the image's border and resized to the input, each side by its own factor, as facenet does. Where
    no box is known, the points say where a detector's box would be.

    Images are resized bilinearly, and by area averages where they shrink.

    Parameters
    ----------
    image : (h, w, 3) uint8
        RGB.
    landmarks : (5, 2) array_like or None
        In pixels of ``image``.
    box : (4,) array_like or None
        Detector box x, y, width, height in pixels of ``image``.
    spec : InputSpec
        Size, template and margin.
    alignment : Alignment or None
        What is known of the face's place: with ``ALIGNED`` the image must be 112 × 112 and ``landmarks`` are not
        looked at; with ``BOXES`` only ``box`` is; with ``WHOLE`` the image is resized, whatever the template.

    Returns
    -------
    (height, width, 3) uint8
        RGB; may share memory with ``image``.

    Raises
    ------
    SettingsError
        When less is known of this face than the network needs.
    DatasetError
        When an aligned image is not 112 × 112, or points or box are impossible or not there.
    """
    if alignment is Alignment.ALIGNED and image.shape[:2] != (ARCFACE_SIDE, ARCFACE_SIDE):
        raise DatasetError(
            f"is {image.shape[1]} × {image.shape[0]} pixels, not a {ARCFACE_SIDE} × {ARCFACE_SIDE} crop",
            remedy="add the dataset again without --aligned arcface",
        )
    if spec.template == "whole" or alignment is Alignment.WHOLE:
        return _resize(image, spec)
    need_alignment(spec, alignment if landmarks is None else Alignment.LANDMARKS)
    if alignment is Alignment.ALIGNED:
        landmarks = ARCFACE_POINTS
    if spec.template == "box":
        return _box_crop(image, landmarks, box, spec)
    if landmarks is None:
        raise DatasetError("has no landmarks", remedy="add the dataset again")
    points = template_points(spec)
    assert points is not None  # every other template has points
    if alignment is Alignment.ALIGNED:
        shift = points - ARCFACE_POINTS
        x, y = np.rint(shift[0]).astype(int)
        # whole pixels inside the image: nothing to interpolate
        if np.abs(shift - (x, y)).max() < 1e-9 and x <= 0 and y <= 0:
            crop = image[-y : spec.height - y, -x : spec.width - x]
            if crop.shape[:2] == (spec.height, spec.width):
                return crop
    cv2 = opencv()
    warped: Image = cv2.warpAffine(
        image,
        similarity(landmarks, points),
        (spec.width, spec.height),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=0,
    )
    return warped


# -- private ---------------------------------------------------------------------------------------------------------
def _box_crop(image: Image, landmarks: npt.ArrayLike | None, box: npt.ArrayLike | None, spec: InputSpec) -> Image:
    if box is None:
        if landmarks is None:
            raise DatasetError("has no detector box", remedy="add the dataset again")
        back = similarity(ARCFACE_POINTS, landmarks)
        centre = back[:, :2] @ _BOX_CENTRE + back[:, 2]
        extent = np.array(_BOX_EXTENT) * np.hypot(back[0, 0], back[1, 0])
    else:
        corner, extent = np.asarray(box, dtype=np.float64).reshape(2, 2)
        centre = corner + extent / 2
    whole = np.array([spec.width, spec.height], dtype=np.float64)
    half = extent * whole / (whole - spec.margin) / 2  # a spec's margin leaves at least a pixel
    limit = (image.shape[1], image.shape[0])
    low, high = np.clip(np.rint(centre - half), 0, limit), np.clip(np.rint(centre + half), 0, limit)
    if not (high - low >= 1).all():  # also what is not a number
        raise DatasetError("its detector box is not inside it", remedy="add the dataset again with its detector")
    (left, top), (right, bottom) = low.astype(int), high.astype(int)
    return _resize(image[top:bottom, left:right], spec)


def _resize(image: Image, spec: InputSpec) -> Image:
    height, width = image.shape[:2]
    if (height, width) == (spec.height, spec.width):
        return image
    cv2 = opencv()
    shrinks = spec.height <= height and spec.width <= width
    resized: Image = cv2.resize(
        image, (spec.width, spec.height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    )
    return resized
