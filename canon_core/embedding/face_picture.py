"""Pictures of faces to look at, and single image files with the place of the face in them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from canon_core.datasets.detector import Detector
from canon_core.datasets.faces import ARCFACE_SIDE, Alignment, FaceImages
from canon_core.datasets.images import read_image
from canon_core.datasets.landmarks import why_unusable
from canon_core.embedding.align import align_face
from canon_core.embedding.contact_sheet import as_seen, fitted
from canon_core.errors import DatasetError
from canon_core.models.spec import InputSpec

Image = npt.NDArray[np.uint8]
Points = npt.NDArray[np.float32]
#: Pixels of the longest side of a picture that is looked at.
SHOWN_SIDE: Final = 900


class Placing(StrEnum):
    """Who says where the face lies in a picture."""

    CROP = "crop"  #: the picture is a 112 × 112 crop on the ArcFace template
    DETECTOR = "detector"  #: a detector finds it
    POINTS = "points"  #: somebody clicked eyes, nose and mouth corners


@dataclass(frozen=True)
class Picture:
    """A picture of one face: a file, or an image of a dataset.

    Attributes
    ----------
    path : Path or None
        The file; None for an image of a dataset.
    placing : Placing
        Of a file.
    points : tuple of five (x, y)
        With :attr:`Placing.POINTS`: eyes, nose and mouth corners, the left in the picture first, in its pixels.
    row : int
        Row of an image of a dataset; −1 for a file.
    fingerprint : str
        Of the dataset that the row is of: in another one the row is somebody else.
    """

    path: Path | None = None
    placing: Placing = Placing.DETECTOR
    points: tuple[tuple[float, float], ...] = ()
    row: int = -1
    fingerprint: str = ""


@dataclass(frozen=True, eq=False)
class PlacedFace:
    """A decoded picture and where its face is.

    Attributes
    ----------
    image : (height, width, 3) uint8
        RGB.
    landmarks : (5, 2) float32 or None
        In pixels of the image; None where only a box is known, or nothing.
    box : (4,) float32 or None
    alignment : Alignment or None
    note : str
        What should be known of the placing, in a sentence.
    """

    image: Image
    landmarks: Points | None
    box: Points | None
    alignment: Alignment | None
    note: str = ""

    def crop(self, spec: InputSpec) -> Image:
        """What a network sees of it.

        Raises
        ------
        SettingsError, DatasetError
            When too little is known of the face, or what is known is impossible.
        """
        return align_face(self.image, self.landmarks, self.box, spec, self.alignment)


def place_file(picture: Picture, detector: Detector | None) -> PlacedFace:
    """Decode a file and find the face in it.

    Raises
    ------
    DatasetError
        For a file that is no image, a crop that is not 112 × 112, points that are those of no face, or a picture in
        which no face is found.
    """
    assert picture.path is not None
    image = read_image(picture.path)
    height, width = image.shape[:2]
    if picture.placing is Placing.CROP:
        if (height, width) != (ARCFACE_SIDE, ARCFACE_SIDE):
            raise DatasetError(
                f"is {width} × {height} pixels, not a {ARCFACE_SIDE} × {ARCFACE_SIDE} crop",
                path=picture.path,
                remedy="let the detector find the face, or click five points",
            )
        return PlacedFace(image, None, None, Alignment.ALIGNED)
    if picture.placing is Placing.POINTS:
        points = np.array(picture.points, np.float32)
        why = "five points are needed" if points.shape != (5, 2) else why_unusable(points, width, height)
        if why:
            raise DatasetError(f"its face is not placed: {why}", path=picture.path, remedy="click them again")
        return PlacedFace(image, points, None, Alignment.LANDMARKS)
    if detector is None:
        raise DatasetError(
            "nothing says where the face is",
            path=picture.path,
            remedy="choose a detector (the ONNX file of YuNet), or click five points",
        )
    found = detector.detect(image)
    if found is None:
        raise DatasetError("no face was found in it", path=picture.path, remedy="click five points")
    note = f"{found.faces} faces were found; the largest near the middle was taken" if found.faces > 1 else ""
    return PlacedFace(image, found.landmarks, found.box, Alignment.LANDMARKS, note)


def place_row(faces: FaceImages, row: int) -> PlacedFace:
    """Decode an image of a dataset; its face is where the dataset says.

    Raises
    ------
    DatasetError
        When the image cannot be read, or is another one by now.
    """
    image = read_image(faces.path(row))
    if image.shape[:2] != (faces.height[row], faces.width[row]):
        raise DatasetError("has another size than when it was added", path=faces.path(row))
    return PlacedFace(
        image,
        None if faces.landmarks is None else faces.landmarks[row],
        None if faces.boxes is None else faces.boxes[row],
        faces.alignment,
    )


def thumbnail(faces: FaceImages, row: int, side: int, *, aligned: bool) -> Image:
    """One image of a dataset to look at, its longer side ``side`` pixels: the face on the ArcFace template where that
    is known, or the whole image.

    Raises
    ------
    DatasetError
        When the image cannot be read.
    """
    if aligned and faces.alignment in (Alignment.LANDMARKS, Alignment.ALIGNED):
        return fitted(as_seen(faces, row, InputSpec()), side)
    return fitted(read_image(faces.path(row)), side)


def shown(face: PlacedFace) -> tuple[Image, float]:
    """The picture at a size to look at, and how many of its pixels one of the original is."""
    longest = max(face.image.shape[:2])
    if longest <= SHOWN_SIDE:
        return face.image, 1.0
    return fitted(face.image, SHOWN_SIDE), SHOWN_SIDE / longest
