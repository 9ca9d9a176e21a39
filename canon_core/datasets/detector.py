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
        longest = max(image.shape[:2])
        smallest, largest = _LONGEST_SIDE
        scale = min(max(1.0, min(smallest / longest, _MAX_ENLARGEMENT)), largest / longest)
        found = self._detect_at(image, scale)
        second = min(1.0, _SECOND_SIDE / longest)
        return found if found is not None or second == scale else self._detect_at(image, second)

    def _detect_at(self, image: NDArray[np.uint8], scale: float) -> Detection | None:
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
            return None
        faces = np.asarray(rows, np.float64)
        faces = faces[np.isfinite(faces).all(axis=1)]
        if not len(faces):
            return None
        centres = faces[:, :2] + faces[:, 2:4] / 2
        offsets = centres - np.array([shown.shape[1], shown.shape[0]]) / 2
        chosen = faces[np.argmax(faces[:, 2] * faces[:, 3] - _CENTRE_WEIGHT * (offsets**2).sum(axis=1))]
        # A pixel's centre is at a whole number: resizing maps x to (x + ½) · ratio − ½.
        landmarks = (chosen[4:14].reshape(5, 2) + 0.5) * ratio - 0.5
        corner = (chosen[:2] + 0.5) * ratio - 0.5
        return Detection(
            landmarks=landmarks.astype(np.float32),
            box=np.concatenate([corner, chosen[2:4] * ratio]).astype(np.float32),
            score=float(chosen[14]),
            faces=len(faces),
        )
