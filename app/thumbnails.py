"""Small pictures of a dataset's faces, as a network sees them: asked for by row, kept, told when they are there."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage

from canon_core.errors import CanonError

from .document import Document

if TYPE_CHECKING:
    from canon_core.embedding.contact_sheet import ContactSheet
    from canon_core.jobs import JobContext
    from canon_core.study.entries import ModelEntry

#: Pixels of a side, faces kept, and faces drawn in one go, so that a question is answered soon.
SIDE, _KEPT, _AT_ONCE = 112, 3_000, 24


class Thumbnails(QObject):
    """Faces of the chosen dataset.

    Signals
    -------
    arrived() :
        More faces are there, or it is known why there are none.
    """

    arrived = Signal()

    def __init__(self, document: Document, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._faces: OrderedDict[int, QImage] = OrderedDict()
        self._of: object = None
        self._wanted: dict[str, list[int]] = {}
        self.refusal = ""  #: why there are no faces; empty where there are
        document.closed.connect(self._forget)

    def image(self, row: int) -> QImage | None:
        """The face of an image, where it is there."""
        found = self._faces.get(row)
        if found is not None:
            self._faces.move_to_end(row)
        return found

    def ask(self, topic: str, rows: Iterable[int], model: str = "") -> None:
        """Draw these faces as ``model`` sees them, or another network; what was asked for on the topic is dropped."""
        contents, dataset = self._document.contents, self._document.state.dataset
        entry = contents.dataset(dataset) if contents is not None else None
        networks = [each for each in contents.models if not each.imported] if contents is not None else []
        if contents is None or entry is None or not networks or not entry.has_images:
            self.refusal = "no images here"
            return
        network = next((each for each in networks if each.name == model), networks[0])
        if entry.alignment is None:
            self.refusal = "nothing says where the faces are"
            return
        of = (contents.path, entry.fingerprint)
        if of != self._of:
            self._of, self.refusal = of, ""
            self._faces.clear()
        self._wanted[topic] = [row for row in rows if row not in self._faces]
        self._next(topic, dataset, network)

    def _next(self, topic: str, dataset: str, network: ModelEntry) -> None:
        study, rows, of = self._document.study, self._wanted.get(topic, [])[:_AT_ONCE], self._of
        if study is None or not rows:
            return

        def draw(ctx: JobContext) -> ContactSheet:
            from canon_core.embedding.contact_sheet import contact_sheet

            return contact_sheet(study.faces(dataset), network.spec, rows, captions=False, tile=SIDE, ctx=ctx)

        def drawn(sheet: ContactSheet) -> None:
            if of != self._of:
                return
            self._keep(rows, sheet)
            self._wanted[topic] = [row for row in self._wanted.get(topic, []) if row not in self._faces]
            self.arrived.emit()
            self._next(topic, dataset, network)

        def failed(error: CanonError) -> None:
            self.refusal = error.problem
            self._wanted[topic] = []
            self.arrived.emit()

        self._document.bridge.ask(topic, draw, on_result=drawn, on_failure=failed)

    def _keep(self, rows: list[int], sheet: ContactSheet) -> None:
        height, width = sheet.pixels.shape[:2]
        whole = QImage(sheet.pixels.data, width, height, 3 * width, QImage.Format.Format_RGB888)
        for row, (x, y) in zip(rows, sheet.corners, strict=True):
            self._faces[row] = whole.copy(x, y, sheet.tile, sheet.tile)
        while len(self._faces) > _KEPT:
            self._faces.popitem(last=False)

    def _forget(self) -> None:
        self._faces.clear()
        self._wanted.clear()
        self._of, self.refusal = None, ""
