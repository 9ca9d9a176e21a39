"""Ties the view of two faces to the document and to the engine's interactive lane."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from canon_core.embedding.face_picture import Picture, Placing
from canon_core.errors import CanonError
from canon_core.study.results import MatrixSettings

from . import file_choosers
from .actions import Actions
from .document import Document
from .exportables import comparison_export
from .exporting import Exporting
from .settled import settled
from .user_files import read_detector, write_detector
from .views.face_image import image_of
from .views.two_faces_view import TwoFacesView
from .wording import fault_text

if TYPE_CHECKING:
    from canon_core.experiments.pairs import FacePair
    from canon_core.experiments.two_faces import Comparison, LookedAt, TwoFaces
    from canon_core.jobs import JobContext
    from canon_core.study.study import Study

_TOPIC = "two faces"
_LOOK_TOPICS = ("first face", "second face")
_OF_DATASET = "An image of the dataset, which says where its face lies."
_NO_DETECTOR = "No face detector is chosen (Detector…), so say where the face is."


class TwoFacesPresenter(QObject):
    """Decodes pictures, embeds and compares them whenever something of the comparison changes."""

    def __init__(
        self, window: QWidget, document: Document, actions: Actions, exporting: Exporting, *, view: TwoFacesView
    ) -> None:
        super().__init__(document)
        self._exporting = exporting
        self._window, self._document, self._actions, self._view = window, document, actions, view
        self._panels = view.first, view.second
        self._detector: Path | None = None
        self._folder: Path | None = None
        self._models = ("", "")
        self._held: tuple[Study, TwoFaces] | None = None  # used in the engine's interactive thread only
        self._asked: object = None
        self._faults: dict[int, str] = {}  # side → why its picture cannot be used
        self._late = settled(self, 0, self._show)
        for changed in (document.opened, document.contentsChanged, document.stateChanged):
            changed.connect(self._soon)
        for changed in (document.contentsChanged, document.stateChanged):
            changed.connect(self._forget_other_rows)
        document.modelRenamed.connect(self._renamed)
        document.opened.connect(self._follow_cell)
        document.stateChanged.connect(self._cell_changed)
        document.closed.connect(self._closed)
        view.swapRequested.connect(self.swap)
        view.detectorRequested.connect(self._choose_detector)
        view.exportRequested.connect(self._export)
        view.actionRequested.connect(actions["study.add_model"].trigger)
        for number, panel in enumerate(self._panels):
            panel.pictureChanged.connect(lambda number=number: self._look(number))
            panel.modelChanged.connect(self._models_chosen)
            panel.chooseRequested.connect(lambda number=number: self._choose_picture(number))
        document.bridge.run_errand(read_detector, self._detector_known)
        self._soon()

    # -- from other views ----------------------------------------------------------------------------------------
    def compare_pair(self, pair: FacePair, source: str, target: str) -> None:
        """Take both images of a pair of the dataset, through the models of its cell."""
        fingerprint = self._fingerprint
        self._set_models(source, target)
        self._actions["view.two_faces"].trigger()
        for panel, side in zip(self._panels, (pair.first, pair.second), strict=True):
            panel.set_row(side.image, f"best image of {side.name}" if side.template else side.name, fingerprint)

    @property
    def _fingerprint(self) -> str:
        """Of the dataset that rows are of; empty without one."""
        entry = self._document.dataset
        return "" if entry is None else entry.fingerprint

    def _forget_other_rows(self, *_: object) -> None:
        """Another dataset is chosen, or its images changed: a row of it is somebody else now."""
        for panel in self._panels:
            picture = panel.picture
            if picture is not None and picture.path is None and picture.fingerprint != self._fingerprint:
                panel.leave_dataset()

    def tab_shown(self, *_: object) -> None:
        """Another view is looked at."""
        self._soon()

    def _soon(self, *_: object) -> None:
        self._late.start()

    def _export(self) -> None:
        found = self._view.comparison
        if found is not None:
            self._exporting.ask([comparison_export(found)])

    # -- models --------------------------------------------------------------------------------------------------
    def swap(self) -> None:
        """Exchange the two models."""
        self._set_models(*reversed(self._models))
        self._soon()

    def _set_models(self, source: str, target: str) -> None:
        self._models = source, target
        self._fill_models()

    def _models_chosen(self, _name: str) -> None:
        self._models = self._panels[0].model.currentText(), self._panels[1].model.currentText()
        self._soon()

    def _renamed(self, old: str, new: str) -> None:
        source, target = (new if name == old else name for name in self._models)
        self._models = source, target

    def _follow_cell(self, *_: object) -> None:
        cells = self._document.state.cells
        if cells:
            self._set_models(*cells[-1])

    def _cell_changed(self, before: object, after: object) -> None:
        if getattr(before, "cells", ()) != getattr(after, "cells", ()):
            self._follow_cell()

    def _fill_models(self) -> None:
        contents = self._document.contents
        if contents is None:
            return
        names = contents.model_names
        first = self._models[0] if self._models[0] in names else (names[0] if names else "")
        other = next((name for name in names if name != first), first)
        second = self._models[1] if self._models[1] in names else other
        self._models = first, second
        for panel, name in zip(self._panels, self._models, strict=True):
            panel.set_models(names, name)

    # -- pictures ------------------------------------------------------------------------------------------------
    def _choose_picture(self, number: int) -> None:
        path = file_choosers.choose_picture(self._window, self._folder)
        if path is not None:
            self._folder = path.parent
            self._panels[number].set_file(path)

    def _choose_detector(self) -> None:
        path = file_choosers.choose_detector(self._window, self._detector.parent if self._detector else self._folder)
        if path is not None:
            self._document.bridge.run_errand(lambda: write_detector(path))
            self._detector_known(path)
            for number, panel in enumerate(self._panels):
                panel.prefer(Placing.DETECTOR)
                if panel.picture is not None and panel.picture.path is not None and not panel.ready:
                    panel.set_placing(Placing.DETECTOR)
                    self._look(number)

    def _detector_known(self, path: Path | None) -> None:
        self._detector = path
        self._view.set_detector(path.name if path is not None else "")
        for number, panel in enumerate(self._panels):
            if panel.picture is not None and panel.picture.placing is Placing.DETECTOR:
                self._look(number)

    def _look(self, number: int) -> None:
        """Show the picture; what is known of its face decides how it is placed."""
        study, panel = self._document.study, self._panels[number]
        picture, detector = panel.picture, self._detector
        if study is None or picture is None:
            return
        self._faults.pop(number, None)
        if picture.points and panel.canvas.image is not None:  # clicks on a picture that is there
            self._soon()
            return
        dataset, fingerprint = self._document.state.dataset, self._fingerprint

        def work(_ctx: JobContext) -> LookedAt | int:
            if picture.path is not None and picture.placing is Placing.DETECTOR:
                row = self._two(study).row_of(picture.path, dataset)
                if row >= 0:
                    return row
            return self._two(study).look(picture, dataset, detector)

        def looked(found: LookedAt | int) -> None:
            now = panel.picture
            if now is None or (now.path, now.row, now.fingerprint) != (picture.path, picture.row, picture.fingerprint):
                return
            if isinstance(found, int):
                if fingerprint != self._fingerprint:  # another dataset was chosen meanwhile
                    self._look(number)
                elif picture.path is not None:
                    panel.set_row(found, picture.path.name, fingerprint, picture.path)
                return
            note = found.note or (_OF_DATASET if panel.file is not None else "")
            panel.show_picture(image_of(found.pixels), found.scale, found.points, note=note)
            if picture.path is not None and picture.placing is Placing.DETECTOR:
                if found.is_crop_size and not found.points:
                    panel.set_placing(Placing.CROP)
                elif found.problem and (detector is None or not found.points):
                    why = f"{found.problem[:1].upper()}{found.problem[1:]}." if detector is not None else _NO_DETECTOR
                    panel.set_placing(Placing.POINTS, why)
                    if detector is not None:
                        self._tell_fault(number, f"{panel.name}: {found.problem}.")
                elif found.is_crop_size:
                    panel.set_placing(Placing.CROP)  # what a detector finds in a crop is a little off
            elif found.problem and picture.placing is not Placing.POINTS:
                panel.show_fault(found.problem)
            self._soon()

        def failed(error: CanonError) -> None:
            if panel.picture is None:
                return
            panel.canvas.set_picture(None)
            panel.show_fault(fault_text(error))
            if picture.path is None:
                self._soon()  # what is stored of an image can be compared without it
            else:
                self._tell_fault(number, fault_text(error))

        self._document.bridge.ask(_LOOK_TOPICS[number], work, on_result=looked, on_failure=failed)

    def _tell_fault(self, number: int, text: str) -> None:
        """Say why nothing is compared: what was compared before is not shown any more, and is asked for again."""
        self._asked = None
        self._document.bridge.drop(_TOPIC)
        self._faults[number] = text
        self._show_faults()

    def _show_faults(self) -> None:
        self._view.show_fault("\n\n".join(text for _, text in sorted(self._faults.items())))

    def _two(self, study: Study) -> TwoFaces:
        """What compares; in the engine's interactive thread only."""
        from canon_core.experiments.two_faces import TwoFaces

        if self._held is None or self._held[0] is not study:
            self._held = study, TwoFaces(study)
        return self._held[1]

    # -- comparing -----------------------------------------------------------------------------------------------
    @property
    def _matrix(self) -> MatrixSettings | None:
        contents = self._document.contents
        return None if contents is None else self._document.state.settings(contents.model_names)

    def _show(self) -> None:
        contents, view = self._document.contents, self._view
        if contents is None or not view.isVisible():
            return
        if not contents.models or not self._document.state.dataset:
            view.set_empty(
                "Two faces are compared through two models, and the map between them is fitted on a dataset: add both"
                " first.",
                "" if contents.read_only or contents.models else "Add models…",
            )
            return
        view.set_there()
        self._fill_models()
        self._compare()

    def _compare(self) -> None:
        study, matrix = self._document.study, self._matrix
        if study is None or matrix is None or not all(panel.ready for panel in self._panels):
            self._asked = None
            self._document.bridge.drop(_TOPIC)
            if self._faults:
                self._show_faults()
            else:
                self._view.show_comparison(None)
            return
        from canon_core.experiments.two_faces import TwoFacesSettings

        first, second = (panel.picture for panel in self._panels)
        assert first is not None
        assert second is not None
        state = self._document.state
        asked = TwoFacesSettings(
            matrix, *self._models, state.rule, _settled(first), _settled(second), self._detector
        )
        contents = self._document.contents
        stamp = (asked, contents.results if contents is not None else 0)
        if stamp == self._asked:
            return
        self._asked = stamp

        def work(ctx: JobContext) -> Comparison:
            return self._two(study).compare(asked, ctx)

        def found(result: Comparison) -> None:
            if self._asked == stamp:
                self._view.show_comparison(result)

        def failed(error: CanonError) -> None:
            if self._asked == stamp:
                self._asked = None
                self._view.show_fault(fault_text(error))

        self._document.bridge.ask(_TOPIC, work, on_result=found, on_failure=failed)

    def _closed(self) -> None:
        self._asked = None
        self._models = ("", "")
        self._faults.clear()
        self._view.show_comparison(None)
        for panel in self._panels:
            panel.clear()

        def forget(_ctx: JobContext) -> None:
            self._held = None

        self._document.bridge.ask("forget two faces", forget)


def _settled(picture: Picture) -> Picture:
    """The same without what does not count for it."""
    return picture if picture.placing is Placing.POINTS else replace(picture, points=())

