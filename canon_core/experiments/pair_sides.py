"""What is compared in a pair, by name: an image, or a template with its images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from canon_core.datasets.template_protocol import VerificationProtocol
from canon_core.errors import StudyError
from canon_core.experiments.cells import Cells
from canon_core.experiments.template_cells import TemplateCells
from canon_core.study.study import Study

Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class PairSide:
    """One of the two faces of a pair.

    Attributes
    ----------
    number : int
        Row of the image, or position of the template.
    name : str
        The image's id, or ``template`` with its id.
    subject : str
    image : int
        Row of the image that stands for it: of a template the one with the highest detector score; −1 without any.
    images : int
        How many images it has.
    template : bool
        Whether it is a template.
    """

    number: int
    name: str
    subject: str
    image: int
    images: int = 1
    template: bool = False


class Sides:
    """Names what is compared in a study's cells.

    Parameters
    ----------
    study : Study
    dataset : str
    cells : Cells
    """

    def __init__(self, study: Study, dataset: str, cells: Cells) -> None:
        self._study, self._dataset, self._cells = study, dataset, cells
        self.templates = isinstance(cells, TemplateCells)

    def sides(self, numbers: Sequence[int] | Places) -> list[PairSide]:
        """What these images (rows) or templates (positions) are called."""
        return [self.side(int(number)) for number in numbers]

    def side(self, number: int) -> PairSide:
        """What one image (row) or template (position) is called."""
        faces = self._cells.usable.faces
        if not self.templates:
            return PairSide(number, faces.ids[number], faces.subjects[number], number)
        assert isinstance(self._cells, TemplateCells)
        images = self.images(number)
        return PairSide(
            number,
            f"template {int(self._protocol.template_ids[number])}",
            str(self._cells.subject_names[int(self._cells.codes[number])]),
            int(images[0]) if len(images) else -1,
            len(images),
            template=True,
        )

    def number_of(self, item: int) -> int:
        """The number by which :meth:`side` knows an image (by row), or a template by its id."""
        return int(np.searchsorted(self._protocol.template_ids, item)) if self.templates else item

    def images(self, number: int) -> Places:
        """Rows of the images of what is compared, the highest detector score first."""
        if not self.templates:
            return np.array([number], np.int64)
        template, order = self._by_template
        low, high = np.searchsorted(template, [number, number + 1])
        rows = self._cells.usable.rows[order[low:high]]
        scores = self._cells.usable.faces.scores
        return rows if scores is None else rows[np.argsort(-scores[rows], kind="stable")]

    @cached_property
    def _protocol(self) -> VerificationProtocol:
        protocols = self._study.templates(self._dataset)
        if protocols is None:
            raise StudyError(f"'{self._dataset}' compares no templates", path=self._study.path)
        return protocols.verification

    @cached_property
    def _by_template(self) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.intp]]:
        """Template of each usable image in ascending order, and their places among the usable images."""
        template = self._protocol.template[self._cells.usable.rows]
        order = np.argsort(template, kind="stable")
        return template[order], order
