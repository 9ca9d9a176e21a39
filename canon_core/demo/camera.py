"""Where the camera stands: the head's rotation, and the frame that maps the camera plane to pixels."""

from __future__ import annotations

from enum import Enum

import numpy as np
from numpy.typing import NDArray

from canon_core.datasets.faces import ARCFACE_SIDE
from canon_core.demo.conditions import Conditions, Pose
from canon_core.embedding.align import ARCFACE_POINTS, similarity

Matrix = NDArray[np.float64]

#: Pixels a head unit takes in a photograph of one pixel width.
_PHOTO_SCALE = 0.42
#: Point of the head that a photograph is centred on (between nose and mouth, inside the face).
_MIDDLE = np.array((0.0, -0.10, 0.45))


class Frame(Enum):
    """What part of the world the image shows."""

    PHOTO = "photo"  #: head and shoulders, the face about half the image wide
    ALIGNED = "aligned"  #: the five landmarks on the ArcFace template, as an aligner would crop it


def rotation(pose: Pose) -> Matrix:
    """Matrix (3, 3) that takes points of the head's frame to the camera's (right, up, towards the camera)."""
    (cy, sy), (cp, sp), (cr, sr) = ((np.cos(a), np.sin(a)) for a in (pose.yaw, pose.pitch, pose.roll))
    yaw = np.array([(cy, 0, sy), (0, 1, 0), (-sy, 0, cy)])
    pitch = np.array([(1, 0, 0), (0, cp, sp), (0, -sp, cp)])
    roll = np.array([(cr, -sr, 0), (sr, cr, 0), (0, 0, 1)])
    return np.asarray(roll @ pitch @ yaw, np.float64)


def camera_matrix(landmarks: Matrix, turn: Matrix, conditions: Conditions, size: int, frame: Frame) -> Matrix:
    """Affine matrix (2, 3) from the camera plane (x right, y up, head units) to pixels (x right, y down).

    Pixel centres have integer coordinates, as OpenCV has it.

    Parameters
    ----------
    landmarks : (5, 3) ndarray
        In the head's frame.
    turn : (3, 3) ndarray
        Of :func:`rotation`.
    size : int
        Width and height of the image.
    """
    if frame is Frame.ALIGNED:
        rng = np.random.default_rng([0xCA, conditions.scene, conditions.frame])
        plane = (landmarks @ turn.T)[:, :2] * (1, -1)
        target = np.asarray(ARCFACE_POINTS) + conditions.jitter * rng.standard_normal((5, 2))
        return np.asarray(similarity(plane, target * (size / ARCFACE_SIDE)) * (1.0, -1.0, 1.0), np.float64)
    scale = _PHOTO_SCALE * size * conditions.scale
    x, y, _ = turn @ _MIDDLE
    middle = (size - 1) / 2
    return np.array(
        [
            (scale, 0.0, middle - scale * x + conditions.shift[0] * size),
            (0.0, -scale, middle + scale * y + conditions.shift[1] * size),
        ]
    )


def project(points: Matrix, turn: Matrix, camera: Matrix) -> Matrix:
    """Pixels (n, 2) of points (n, 3) of the head's frame."""
    plane = (points @ turn.T)[:, :2]
    return plane @ camera[:, :2].T + camera[:, 2]
