"""Five points of a face by the detector YuNet, run by OpenCV."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from canon_core.datasets.images import opencv, read_bytes
from canon_core.errors import DatasetError

#: Detections below this score are not faces. YuNet's own demonstration shows from 0.6 to 0.9.
MIN_SCORE: Final = 0.6
#: Boxes that overlap more than this (intersection over union) are one face.
_OVERLAP: Final = 0.3
#: The network knows faces of about 10 to 300 pixels. Photographs are first looked at with a longest side within these
#: bounds (the upper one also bounds the time), small ones enlarged twice at most: on 250 × 250 portraits that moves
#: the points from 5 to 4 pixels' distance from another detector's.
_LONGEST_SIDE: Final = (500, 1000)
_MAX_ENLARGEMENT: Final = 2.0
#: Longest side of the second look, where the first finds nothing: it finds the face that fills a large photograph.
_SECOND_SIDE: Final = 320
#: Weight of the squared distance from the image's centre against the area of the box.
_CENTRE_WEIGHT: Final = 2.0
#: Of its width and height by which a given box is enlarged on each side before a face is looked for in it.
_BOX_MARGIN: Final = 0.5
#: Smallest intersection over union of a given box and the face found for it. Boxes of other detectors and of people
#: overlap by more than twice that; a bystander's face in the margin by less.
MIN_OVERLAP: Final = 0.2
_REMEDY: Final = "give the ONNX file of YuNet (face_detection_yunet_….onnx of the OpenCV model zoo)"


@dataclass(frozen=True, eq=False)
class Detection:
    """One face.

    Attributes
    ----------
    landmarks : (5, 2) float32
        x and y in pixels of the image: eyes, nose, mouth corners, left in the image first.
    box : (4,) float32
        x, y, width, height in pixels of the image.
    score : float
        Between 0 and 1.
    faces : int
        How many faces were found in the image, this one included; 1 where it was not kept.
    """

    landmarks: NDArray[np.float32]
    box: NDArray[np.float32]
    score: float
    faces: int = 1


class DetectorFile:
    """A detector's ONNX file, read once; each thread opens a :class:`Detector` of its own on it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            data, _ = read_bytes(path)
        except DatasetError as error:
            raise DatasetError(error.problem, path=path, remedy=_REMEDY) from error
        self.sha256 = hashlib.sha256(data).hexdigest()
        self._data = np.frombuffer(data, np.uint8)

    def open(self) -> Detector:
        """A detector for one thread.

        Raises
        ------
        DatasetError
            When the file is no such network; tried on an empty image.
        """
        cv2 = opencv()
        try:
            network = cv2.FaceDetectorYN.create(
                "onnx", self._data, np.empty(0, np.uint8), (64, 64), MIN_SCORE, _OVERLAP, 5000
            )
            detector = Detector(network)
            detector.detect(np.zeros((64, 64, 3), np.uint8))
        except Exception as error:  # cv2.error, and SystemError where it cannot even say so
            raise DatasetError("is not a face detector that OpenCV can run", path=self.path, remedy=_REMEDY) from error
        return detector


class Detector:
    """YuNet for one thread."""

    def __init__(self, network: Any) -> None:
        self._network = network

    def detect(self, image: NDArray[np.uint8]) -> Detection | None:
        """Find the face an image is of.

        Of several the one with the largest box area − 2 · (distance of its centre from the image's centre)²: the
        subject of a portrait is large and near the middle, and a larger bystander at the border loses.

        Parameters
        ----------
        image : (height, width, 3) uint8
            In RGB order.

        Returns
        -------
        Detection or None
            None where no face scores :data:`MIN_SCORE`.
        """
        found = self._faces(image)
        if not len(found):
            return None
        offsets = found[:, :2] + found[:, 2:4] / 2 + 0.5 - np.array([image.shape[1], image.shape[0]]) / 2
        chosen = np.argmax(found[:, 2] * found[:, 3] - _CENTRE_WEIGHT * (offsets**2).sum(axis=1))
        return _detection(found[chosen], len(found))

    def detect_in(self, image: NDArray[np.uint8], box: NDArray[np.floating[Any]]) -> Detection | None:
        """Find the face that a box is of, in an image that may show others.

        It is looked for in the box enlarged by half its size on each side. Of several the one that overlaps the box
        most.

        Parameters
        ----------
        image : (height, width, 3) uint8
            In RGB order.
        box : (4,) array
            x, y, width, height in pixels of the image.

        Returns
        -------
        Detection or None
            In pixels of the image; None where no face overlaps the box by :data:`MIN_OVERLAP`.
        """
        given = np.asarray(box, np.float64)
        limit = np.array([image.shape[1], image.shape[0]])
        margin = _BOX_MARGIN * given[2:]
        left, top = np.clip(np.floor(given[:2] - margin), 0, limit).astype(int).tolist()
        right, bottom = np.clip(np.ceil(given[:2] + given[2:] + margin), 0, limit).astype(int).tolist()
        if right <= left or bottom <= top:
            return None
        found = self._faces(np.ascontiguousarray(image[top:bottom, left:right]))
        if not len(found):
            return None
        found[:, [0, 4, 6, 8, 10, 12]] += left
        found[:, [1, 5, 7, 9, 11, 13]] += top
        shared = overlaps(given, found[:, :4])
        best = int(np.argmax(shared))
        return _detection(found[best], len(found)) if shared[best] >= MIN_OVERLAP else None

    def _faces(self, image: NDArray[np.uint8]) -> NDArray[np.float64]:
        """(faces, 15): box, points and score of every face, in pixels of the image."""
        longest = max(image.shape[:2])
        smallest, largest = _LONGEST_SIDE
        scale = min(max(1.0, min(smallest / longest, _MAX_ENLARGEMENT)), largest / longest)
        found = self._faces_at(image, scale)
        second = min(1.0, _SECOND_SIDE / longest)
        return found if len(found) or second == scale else self._faces_at(image, second)

    def _faces_at(self, image: NDArray[np.uint8], scale: float) -> NDArray[np.float64]:
        cv2 = opencv()
        height, width = image.shape[:2]
        shown = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
        if scale != 1:
            size = (max(1, round(width * scale)), max(1, round(height * scale)))
            shown = cv2.resize(shown, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        ratio = np.array([width / shown.shape[1], height / shown.shape[0]])
        self._network.setInputSize((shown.shape[1], shown.shape[0]))
        _, rows = self._network.detect(shown)
        if rows is None or not len(rows):
            return np.empty((0, 15))
        faces = np.asarray(rows, np.float64)
        faces = faces[np.isfinite(faces).all(axis=1)]
        # A pixel's centre is at a whole number: resizing maps x to (x + ½) · ratio − ½.
        places = [(0, 1), *((column, column + 1) for column in range(4, 14, 2))]
        for place in map(list, places):
            faces[:, place] = (faces[:, place] + 0.5) * ratio - 0.5
        faces[:, 2:4] *= ratio
        return faces


def overlaps(box: NDArray[np.floating[Any]], others: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """(k,) float64: intersection over union of one box with others, (k, 4), all x, y, width, height; 0 for what is no
    box."""
    one, rest = np.asarray(box, np.float64), np.asarray(others, np.float64)
    low = np.maximum(one[:2], rest[:, :2])
    high = np.minimum(one[:2] + one[2:], rest[:, :2] + rest[:, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=1)
    union = one[2:].prod() + rest[:, 2:].prod(axis=1) - shared
    return np.where(shared > 0, shared / np.where(union > 0, union, 1), 0.0)


# -- private ---------------------------------------------------------------------------------------------------------
def _detection(face: NDArray[np.float64], faces: int) -> Detection:
    return Detection(
        landmarks=face[4:14].reshape(5, 2).astype(np.float32),
        box=face[:4].astype(np.float32),
        score=float(face[14]),
        faces=faces,
    )
