"""Ties the contact sheet to the document: faces of the chosen dataset, as the chosen network sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from canon_core.errors import CanonError

from .actions import Actions
from .contents import Contents
from .document import Document
from .exportables import faces_export
from .exporting import Exporting
from .next_step import NextStep, next_step
from .settled import settled
from .views.contact_sheet_view import ContactSheetView
from .views.statistics_commands import faces_command
from .wording import fault_text

if TYPE_CHECKING:
    from canon_core.embedding.contact_sheet import ContactSheet
    from canon_core.jobs import JobContext
    from canon_core.study.entries import DatasetEntry, ModelEntry

_TOPIC = "contact sheet"
#: Faces of a contact sheet: as many as are looked through at once.
_FACES = 64


class FacesPresenter(QObject):
    """Draws a sample of the faces when somebody looks at them."""

    def __init__(self, document: Document, actions: Actions, exporting: Exporting, view: ContactSheetView) -> None:
        super().__init__(document)
        self._document, self._actions, self._exporting, self._view = document, actions, exporting, view
        self._action = ""
        self._shown: tuple[object, ...] | None = None
        self._seed = 0
        self._rows: tuple[str, str, tuple[int, ...]] = ("", "", ())  # dataset, model, images of the sheet
        self._late = settled(self, 0, self._show)
        for changed in (document.contentsChanged, document.stateChanged):
            changed.connect(self.tab_shown)
        document.opened.connect(self._opened)
        document.closed.connect(lambda: view.set_sheet(None))
        view.reshuffleRequested.connect(self._reshuffle)
        view.exportRequested.connect(self._export)
        view.actionRequested.connect(self._act)

    def tab_shown(self, *_: object) -> None:
        """Something changed, or another view is looked at: show what is on the screen."""
        self._late.start()

    def _opened(self) -> None:
        self._shown = None
        self._late.start()

    def _show(self) -> None:
        """Show crops of the chosen dataset; nothing is drawn before the view is looked at."""
        contents, state = self._document.contents, self._document.state
        if contents is None or not self._view.isVisible():
            return
        dataset = self._document.dataset
        networks = [model for model in contents.models if not model.imported]
        if dataset is None or not dataset.has_images or not networks:
            step = self._why_none(contents, dataset)
            self._action = step.action
            self._view.set_empty(step.text, step.button)
            self._view.set_sheet(None)
            self._shown = None
            self._document.bridge.drop(_TOPIC)  # faces of what was chosen before
            return
        model = next((model for model in networks if model.name == state.model), networks[0])
        self._view.set_models([model.name for model in networks], model.name)
        wanted = (contents.path, dataset.name, dataset.fingerprint, model.spec.digest(), model.name, self._seed)
        if wanted != self._shown:
            self._shown = wanted
            self._draw(dataset.name, model, self._seed)

    def _why_none(self, contents: Contents, dataset: DatasetEntry | None) -> NextStep:
        """Why no crop can be shown, and what to do."""
        if dataset is not None and not dataset.has_images:
            return NextStep(
                f"There are no images of '{dataset.name}' here, only their names. To see faces, put the images where"
                " the dataset lies and add it again."
                if dataset.format != "ids"
                else f"There are no images of '{dataset.name}': it was made of the ids in a file of embeddings."
            )
        if dataset is not None and contents.models:
            return NextStep(
                "These are the faces as a network sees them, and all models here are embeddings made elsewhere. Add a"
                " network to see them.",
                "" if contents.read_only else "Add models…",
                "" if contents.read_only else "study.add_model",
            )
        return next_step(contents, self._document.state, embedding=False, reading=False)

    def _draw(self, dataset: str, model: ModelEntry, seed: int) -> None:
        study, wanted = self._document.study, self._shown
        if study is None:
            return

        def draw(ctx: JobContext) -> tuple[ContactSheet, tuple[int, ...]]:
            from canon_core.embedding.contact_sheet import contact_sheet, sample_indices

            faces = study.faces(dataset)
            rows = sample_indices(faces, _FACES, seed)
            return contact_sheet(faces, model.spec, rows, captions=False, ctx=ctx), tuple(rows.tolist())

        def drawn(found: tuple[ContactSheet, tuple[int, ...]]) -> None:
            if self._shown != wanted:  # something else was chosen meanwhile
                return
            sheet, rows = found
            self._rows = dataset, model.name, rows
            command = faces_command(str(study.path), dataset, model.name, seed)
            self._view.set_sheet(sheet, model=model.name, dataset=dataset, command=command)

        def failed(error: CanonError) -> None:
            if self._shown != wanted:
                return
            self._action, self._shown = "", None
            self._view.set_empty(fault_text(error))
            self._view.set_sheet(None)

        self._document.bridge.ask(_TOPIC, draw, on_result=drawn, on_failure=failed)

    # -- users do ------------------------------------------------------------------------------------------------
    def _act(self) -> None:
        if self._action:
            self._actions[self._action].trigger()

    def _reshuffle(self) -> None:
        self._seed += 1
        self._late.start()

    def _export(self) -> None:
        sheet = self._view.sheet
        if sheet is not None:
            dataset, model, rows = self._rows
            self._exporting.ask([faces_export(dataset, model, sheet, rows, self._view.settings_line)])
