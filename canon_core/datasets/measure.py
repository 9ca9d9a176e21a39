"""Hash, check and measure image files in worker threads; where asked, find the face in them."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from canon_core.cores import usable_cores
from canon_core.datasets.detector import MIN_OVERLAP, Detection, Detector, DetectorFile, overlaps
from canon_core.datasets.faces import FaceImages, Problem
from canon_core.datasets.images import opencv, read_bytes, read_image
from canon_core.errors import DatasetError
from canon_core.jobs import JobContext

#: Images a worker takes at once: handing over single ones costs as much as hashing a small crop.
_BLOCK: Final = 8
#: Images whose times are looked at at once.
_STAT_BLOCK: Final = 1024
#: Seconds after which a waiting job looks whether it was cancelled.
_PATIENCE: Final = 0.1


@dataclass(frozen=True, eq=False)
class MeasuredImage:
    """What one image file is: hash, size and time of the file, size of the decoded image, and the face found in it.

    ``boxed`` are the faces found in the boxes that were given for it, in their order, None where there was none.
    """

    image: str
    sha256: str
    file_size: int
    mtime_ns: int
    width: int
    height: int
    detection: Detection | None = None
    boxed: tuple[Detection | None, ...] = ()


@dataclass(frozen=True, eq=False)
class BoxedRows:
    """Rows of a dataset that share an image file, and the box of the face that each of them is of.

    Attributes
    ----------
    ids : tuple of str
        Of each row.
    boxes : (r, 4) float32
        x, y, width, height in pixels of the image.
    """

    ids: tuple[str, ...]
    boxes: NDArray[np.float32]


def measure_images(
    root: Path,
    ids: Sequence[str],
    ctx: JobContext,
    *,
    known: FaceImages | None = None,
    detector: DetectorFile | None = None,
    boxes: Mapping[str, BoxedRows] | None = None,
) -> tuple[list[MeasuredImage], list[Problem]]:
    """Read every image once: hash its bytes, decode it, and look for its face where there is a detector.

    ``ids`` are paths below ``root``. Images that ``known`` holds with the same path, size and modification time (and
    found by the same detector) are taken from there without opening the file. With ``boxes`` the detector looks for
    one face in each box of each image, else for the one face an image is of.

    Returns
    -------
    measured, problems
        Both in the order of ``ids``; every id is in one of them.

    Raises
    ------
    Cancelled
        Within about a tenth of a second.
    """
    opencv()  # once, before threads race to load it
    work = _Work(root, known, detector, boxes)
    found: list[MeasuredImage | Problem | None] = [None] * len(ids)
    if work.remembers:
        found = _in_threads(work.remembered, ids, _STAT_BLOCK, ctx, "looking for changed images")
    rest = [place for place, result in enumerate(found) if result is None]
    what = "reading images" if detector is None else "finding faces"
    read = _in_threads(work.read, [ids[place] for place in rest], _BLOCK, ctx, what)
    for place, result in zip(rest, read, strict=True):
        found[place] = result
    return (
        [result for result in found if isinstance(result, MeasuredImage)],
        [result for result in found if isinstance(result, Problem)],
    )


# -- private ---------------------------------------------------------------------------------------------------------
_Result = MeasuredImage | Problem | None


def _in_threads(
    function: Callable[[str], _Result], ids: Sequence[str], size: int, ctx: JobContext, what: str
) -> list[_Result]:
    """The function of each image, in blocks of ``size``; cancelled within a tenth of a second."""

    def block(start: int) -> list[_Result]:
        results = []
        for number, image in enumerate(ids[start : start + size]):
            if number % _BLOCK == 0:
                ctx.check()
            results.append(function(image))
        return results

    results: list[list[_Result]] = [[] for _ in range(0, len(ids), size)]
    starts = iter(range(0, len(ids), size))
    threads = usable_cores()
    pending: dict[Future[list[_Result]], int] = {}
    done = 0
    ctx.report(0, len(ids), what)
    executor = ThreadPoolExecutor(threads, thread_name_prefix="canon-read")
    try:
        while True:
            while len(pending) < 4 * threads and (start := next(starts, None)) is not None:
                pending[executor.submit(block, start)] = start // size
            if not pending:
                break
            for future in wait(pending, _PATIENCE, FIRST_COMPLETED).done:
                found = future.result()
                results[pending.pop(future)] = found
                done += len(found)
            ctx.check()
            ctx.report(done, len(ids), what)
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
    return [result for found in results for result in found]


def _detection(known: FaceImages, row: int) -> Detection | None:
    if row < 0 or known.landmarks is None or known.boxes is None or known.scores is None:
        return None
    return Detection(known.landmarks[row], known.boxes[row], float(known.scores[row]))


class _Work:
    """What the worker threads share."""

    def __init__(
        self,
        root: Path,
        known: FaceImages | None,
        detector: DetectorFile | None,
        boxes: Mapping[str, BoxedRows] | None,
    ) -> None:
        self._root, self._known, self._detector, self._boxes = root, known, detector, boxes
        same_detector = detector is None or (known is not None and known.detector == detector.sha256)
        usable = known is not None and known.has_images and same_detector
        self._row = {name: row for row, name in enumerate(known.files or known.ids)} if known and usable else {}
        self._row_of_id = {name: row for row, name in enumerate(known.ids)} if boxes and known and usable else {}
        self._own = threading.local()

    @property
    def remembers(self) -> bool:
        """Whether any image was read before."""
        return bool(self._row)

    def read(self, image: str) -> MeasuredImage | Problem:
        """What one file is."""
        path = self._root / image
        try:
            data, status = read_bytes(path)
            pixels = read_image(path, data)
        except DatasetError as error:
            return Problem(image, error.problem)
        detection: Detection | None = None
        boxed: tuple[Detection | None, ...] = ()
        if self._detector is not None:
            try:
                detector = self._own_detector(self._detector)
                if self._boxes is not None:
                    boxed = tuple(detector.detect_in(pixels, box) for box in self._boxes[image].boxes)
                else:
                    detection = detector.detect(pixels)
            except opencv().error as error:
                return Problem(image, f"the detector failed on it ({' '.join(str(error).split())[-200:]})")
            if detection is None and self._boxes is None:
                return Problem(image, "no face was found in it")
        height, width = pixels.shape[:2]
        digest = hashlib.sha256(data).hexdigest()
        return MeasuredImage(image, digest, status.st_size, status.st_mtime_ns, width, height, detection, boxed)

    def remembered(self, image: str) -> MeasuredImage | None:
        """What one file was, if it did not change since."""
        row, known = self._row.get(image), self._known
        if row is None or known is None:
            return None
        try:
            status = os.stat(f"{self._root}{os.sep}{image}")
        except OSError:
            return None
        if (status.st_size, status.st_mtime_ns) != (int(known.file_size[row]), int(known.mtime_ns[row])):
            return None
        detection: Detection | None = None
        boxed: tuple[Detection | None, ...] = ()
        if self._detector is not None:
            if self._boxes is not None:
                boxed = self._boxed_before(self._boxes[image], known)
            else:
                detection = _detection(known, row)
            if None in boxed or (detection is None and self._boxes is None):
                return None
        return MeasuredImage(
            image,
            known.sha256[row],
            status.st_size,
            status.st_mtime_ns,
            int(known.width[row]),
            int(known.height[row]),
            detection,
            boxed,
        )

    def _boxed_before(self, wanted: BoxedRows, known: FaceImages) -> tuple[Detection | None, ...]:
        """The faces found in these boxes before, None where there is none that can be of that box."""
        found = []
        for name, box in zip(wanted.ids, wanted.boxes, strict=True):
            before = _detection(known, self._row_of_id.get(name, -1))
            same = before is not None and overlaps(box, before.box[None])[0] >= MIN_OVERLAP
            found.append(before if same else None)
        return tuple(found)

    def _own_detector(self, file: DetectorFile) -> Detector:
        """This thread's detector: OpenCV's networks are not shared between threads."""
        detector: Detector | None = getattr(self._own, "detector", None)
        if detector is None:
            detector = self._own.detector = file.open()
        return detector
