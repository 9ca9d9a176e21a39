"""Small pictures of faces, as a network sees them: asked for by dataset and row, kept, told when they are there."""

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


#: A dataset's name, and the row of an image in it.
Face = tuple[str, int]


class Thumbnails(QObject):
    """Faces of the study's datasets.

    Signals
    -------
    arrived() :
        More faces are there, or it is known why there are none.
    """

    arrived = Signal()

    def __init__(self, document: Document, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._faces: OrderedDict[Face, QImage] = OrderedDict()
        self._of: dict[str, object] = {}  # what the kept faces of each dataset are of
        self._wanted: dict[str, list[Face]] = {}
        self._refusals: dict[str, str] = {}
        document.closed.connect(self._forget)

    def image(self, face: Face) -> QImage | None:
        """A face, where it is there."""
        found = self._faces.get(face)
        if found is not None:
            self._faces.move_to_end(face)
        return found

    def refusal(self, dataset: str) -> str:
        """Why there are no faces of a dataset; empty where there are."""
        return self._refusals.get(dataset, "")

    def ask(self, topic: str, faces: Iterable[Face], model: str = "") -> None:
        """Draw these faces as ``model`` sees them, or another network; what was asked for on the topic is dropped."""
        asked = list(faces)
        refused = {dataset for dataset in dict.fromkeys(dataset for dataset, _ in asked) if not self._drawable(dataset)}
        self._wanted[topic] = [face for face in asked if face not in self._faces and face[0] not in refused]
        self._next(topic, model)

    def _drawable(self, dataset: str) -> bool:
        contents = self._document.contents
        entry = contents.dataset(dataset) if contents is not None else None
        if contents is None or entry is None or not entry.has_images or self._network("") is None:
            self._refusals[dataset] = "no images here"
        elif entry.alignment is None:
            self._refusals[dataset] = "nothing says where the faces are"
        else:
            of = (contents.path, entry.fingerprint)
            if of != self._of.get(dataset):
                self._of[dataset] = of
                self._refusals.pop(dataset, None)
                for face in [face for face in self._faces if face[0] == dataset]:
                    del self._faces[face]
            return True
        return False

    def _network(self, model: str) -> ModelEntry | None:
        contents = self._document.contents
        networks = [each for each in contents.models if not each.imported] if contents is not None else []
        return next((each for each in networks if each.name == model), networks[0] if networks else None)

    def _next(self, topic: str, model: str) -> None:
        wanted, study, network = self._wanted.get(topic, []), self._document.study, self._network(model)
        if study is None or network is None or not wanted:
            return
        dataset = wanted[0][0]
        faces = [face for face in wanted if face[0] == dataset][:_AT_ONCE]
        of = self._of.get(dataset)

        def draw(ctx: JobContext) -> ContactSheet:
            from canon_core.embedding.contact_sheet import contact_sheet

            rows = [row for _, row in faces]
            return contact_sheet(study.faces(dataset), network.spec, rows, captions=False, tile=SIDE, ctx=ctx)

        def drawn(sheet: ContactSheet) -> None:
            if of != self._of.get(dataset):
                return
            self._keep(faces, sheet)
            self._wanted[topic] = [face for face in self._wanted.get(topic, []) if face not in self._faces]
            self.arrived.emit()
            self._next(topic, model)

        def failed(error: CanonError) -> None:
            self._refusals[dataset] = error.problem
            self._wanted[topic] = [face for face in self._wanted.get(topic, []) if face[0] != dataset]
            self.arrived.emit()
            self._next(topic, model)

        self._document.bridge.ask(topic, draw, on_result=drawn, on_failure=failed)

    def _keep(self, faces: list[Face], sheet: ContactSheet) -> None:
        height, width = sheet.pixels.shape[:2]
        whole = QImage(sheet.pixels.data, width, height, 3 * width, QImage.Format.Format_RGB888)
        for face, (x, y) in zip(faces, sheet.corners, strict=True):
            self._faces[face] = whole.copy(x, y, sheet.tile, sheet.tile)
        while len(self._faces) > _KEPT:
            self._faces.popitem(last=False)

    def _forget(self) -> None:
        self._faces.clear()
        self._wanted.clear()
        self._of.clear()
        self._refusals.clear()
