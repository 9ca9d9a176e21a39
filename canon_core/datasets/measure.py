"""Hash, check and measure image files in worker threads; where asked, find the face in them."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from canon_core.cores import usable_cores
from canon_core.datasets.detector import Detection, Detector, DetectorFile
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
    """What one image file is: hash, size and time of the file, size of the decoded image, and the face found in it."""

    image: str
    sha256: str
    file_size: int
    mtime_ns: int
    width: int
    height: int
    detection: Detection | None = None


def measure_images(
    root: Path,
    ids: Sequence[str],
    ctx: JobContext,
    *,
    known: FaceImages | None = None,
    detector: DetectorFile | None = None,
) -> tuple[list[MeasuredImage], list[Problem]]:
    """Read every image once: hash its bytes, decode it, and look for its face where there is a detector.

    ``ids`` are paths below ``root``. Images that ``known`` holds with the same path, size and modification time (and
    found by the same detector) are taken from there without opening the file.

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
    work = _Work(root, known, detector)
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


class _Work:
    """What the worker threads share."""

    def __init__(self, root: Path, known: FaceImages | None, detector: DetectorFile | None) -> None:
        self._root, self._known, self._detector = root, known, detector
        same_detector = detector is None or (known is not None and known.detector == detector.sha256)
        usable = known is not None and known.has_images and same_detector
        self._row = {name: row for row, name in enumerate(known.files or known.ids)} if known and usable else {}
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
        detection = None
        if self._detector is not None:
            try:
                detection = self._own_detector(self._detector).detect(pixels)
            except opencv().error as error:
                return Problem(image, f"the detector failed on it ({' '.join(str(error).split())[-200:]})")
            if detection is None:
                return Problem(image, "no face was found in it")
        height, width = pixels.shape[:2]
        return MeasuredImage(
            image, hashlib.sha256(data).hexdigest(), status.st_size, status.st_mtime_ns, width, height, detection
        )

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
        detection = None
        if self._detector is not None:
            if known.landmarks is None or known.boxes is None or known.scores is None:
                return None
            detection = Detection(known.landmarks[row], known.boxes[row], float(known.scores[row]))
        return MeasuredImage(
            image,
            known.sha256[row],
            status.st_size,
            status.st_mtime_ns,
            int(known.width[row]),
            int(known.height[row]),
            detection,
        )

    def _own_detector(self, file: DetectorFile) -> Detector:
        """This thread's detector: OpenCV's networks are not shared between threads."""
        detector: Detector | None = getattr(self._own, "detector", None)
        if detector is None:
            detector = self._own.detector = file.open()
        return detector
