"""What the File, Study and Help menus do: asking for paths and names, and handing on to the document."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QDialog

from canon_core.errors import CanonError, StudyInUse

from . import file_choosers
from .actions import Actions
from .adding import Adding
from .computing import Computing, wanted_cells
from .dialogs.ask import NameDialog, confirm
from .document import Document
from .dropped import Dropped
from .exporting import Exporting
from .message_bar import MessageBar, Tone
from .names import why_no_name
from .study_tree import StudyTree
from .user_files import forget_study, log_file
from .view_state import Focus
from .wording import fault_text

if TYPE_CHECKING:
    from .main_window import MainWindow

_READ_ONLY = "The study is open read-only."
_NO_STUDY = "Open or make a study first."


class StudyCommands(QObject):
    """Connects the actions of these menus, and says of each whether it can be chosen now."""

    def __init__(
        self,
        window: MainWindow,
        document: Document,
        computing: Computing,
        actions: Actions,
        tree: StudyTree,
        messages: MessageBar,
        exporting: Exporting,
    ) -> None:
        super().__init__(window)
        self._exporting = exporting
        self._window, self._document, self._computing = window, document, computing
        self._actions, self._tree, self._messages = actions, tree, messages
        self.adding = Adding(window, document, messages)
        self._after_opening: list[Path] = []
        for key, slot in {
            "file.new": self.new_study,
            "file.open": self.open_study,
            "file.import": self.adding.import_embeddings,
            "file.close": self.close_study,
            "file.export": self.export,
            "file.quit": window.close,
            "edit.clear_selection": lambda: document.change("Clear selection", cells=()),
            "study.add_model": self.adding.add_models,
            "study.add_dataset": self.adding.add_dataset,
            "study.compute_all": computing.compute_everything,
            "study.embed": computing.embeddings.embed_missing,
            "study.matrix": computing.compute_matrix,
            "study.preprocessing": self.preprocessing,
            "study.rename": self.rename,
            "study.remove": self.remove,
            "help.guide": self.guide,
            "help.log": self.show_log,
            "help.about": self.about,
        }.items():
            actions.connect(key, slot)
        actions["study.automatic"].setChecked(computing.automatic)
        actions["study.automatic"].toggled.connect(self._set_automatic)
        document.inUse.connect(self._in_use)
        document.faulted.connect(self.tell_fault)
        document.opened.connect(self._opened)
        document.bridge.faulted.connect(self.tell_fault)
        computing.embeddings.otherProvider.connect(self._ask_other_provider)
        for changed in (
            document.opened, document.closed, document.contentsChanged, document.stateChanged,
            computing.matrixChanged, computing.runningChanged, document.bridge.queued, document.bridge.idle,
            tree.currentItemChanged,
        ):
            changed.connect(self.allow)
        self.allow()

    # -- studies -------------------------------------------------------------------------------------------------
    def new_study(self) -> None:
        """Ask where, then make a study there."""
        path = file_choosers.choose_new_study(self._window, self._folder())
        if path is not None:
            self.when_free("Make another study", lambda: self._document.create(path))
        else:
            self._forget_dropped()

    def open_study(self) -> None:
        """Ask which, then open it."""
        path = file_choosers.choose_study(self._window, self._folder())
        if path is not None:
            self.open_path(path)

    def open_path(self, path: Path) -> None:
        """Open a study."""

        def go_on() -> None:
            self._window.statusBar().showMessage(f"Opening {path.name}…")
            self._document.open(path)

        self.when_free("Open another study", go_on)

    def close_study(self) -> None:
        """Close the study that is open."""
        self.when_free("Close study", self._document.close)

    def when_free(self, title: str, then: Callable[[], object]) -> None:
        """Go on where no job runs; else ask whether to cancel it."""
        jobs = self._document.bridge.batch()
        if not jobs:
            then()
            return
        confirm(
            self._window,
            title,
            f"'{next(iter(jobs.values())).title}' is not finished.",
            f"It would be cancelled. {self._document.after_cancelling}",
            "Cancel the job",
            then,
            no="Keep working",
        )

    def forget(self, path: Path) -> None:
        """Take a study off the recent ones."""
        document = self._document
        document.bridge.run_errand(lambda: forget_study(path), document.recentChanged.emit)

    def _folder(self) -> Path | None:
        contents = self._document.contents
        return contents.path.parent if contents is not None else None

    def _in_use(self, path: Path, error: StudyInUse) -> None:
        self._window.statusBar().clearMessage()
        confirm(
            self._window,
            "Study in use",
            f"{path.name} is in use by {error.owner}.",
            "Opened read-only you can look at everything that is stored. Nothing can be added, embedded or scored;"
            " points can be laid out in the overlay, which is not kept.",
            "Open read-only",
            lambda: self._document.open(path, read_only=True),
        )

    def _opened(self) -> None:
        waiting, self._after_opening = self._after_opening, []  # before the message that offered it goes
        self._window.statusBar().clearMessage()
        contents = self._document.contents
        if contents is not None and contents.read_only:
            self._messages.say("The study is open read-only: what is stored can be looked at, copied and exported.")
        else:
            self._messages.hide()
        if waiting:
            self.take(waiting)

    # -- models and datasets -------------------------------------------------------------------------------------
    def take(self, paths: Sequence[Path]) -> None:
        """What was dropped on the window: studies are opened, networks and datasets added, embeddings imported."""
        found = Dropped.sort(paths)
        if found.studies:
            self.open_path(found.studies[0])
        elif not found.networks and not found.datasets and not found.embeddings:
            self._messages.say(
                "Drop ONNX files, a folder of face images, IJB or LFW, a .bin file, embeddings (.npy, .npz, .h5, .csv),"
                " or a study (NAME.canon) on this window.",
                Tone.FAULT,
            )
        elif self._document.contents is None:
            self._messages.say(
                "Networks, faces and embeddings live in a study: make one, and they are added to it.",
                button="New study…",
                then=self.new_study,
                unheard=self._forget_dropped,
            )
            self._after_opening = list(paths)
        elif self._document.contents.read_only:
            self._messages.say(f"{_READ_ONLY} Nothing can be added to it.", Tone.FAULT)
        else:
            self.adding.ask_for(found.networks, found.datasets, found.embeddings)

    def _forget_dropped(self) -> None:
        """What was dropped waits no more for a study: its message went, or no study was made."""
        self._after_opening = []

    def preprocessing(self) -> None:
        """Show the chosen model's preprocessing."""
        from .dialogs.preprocessing import PreprocessingDialog

        contents = self._document.contents
        model = contents.model(self._document.state.model) if contents is not None else None
        if contents is None or model is None:
            return
        settled = ""
        if contents.read_only:
            settled = _READ_ONLY
        elif contents.has_embeddings(model.name) or self._computing.embedding:
            settled = (
                f"Faces were embedded with '{model.name}', so its preprocessing is settled. Add the network once more"
                " under another name to use another."
            )
        self._show(PreprocessingDialog(self._document, model, settled, self._window))

    def rename(self) -> None:
        """Ask for another name of what is chosen in the tree."""
        kind, name = self._chosen()
        contents = self._document.contents
        if not name or contents is None:
            return
        change = self._document.changes.rename_model if kind == "model" else self._document.changes.rename_dataset
        others = set(contents.model_names if kind == "model" else contents.dataset_names) - {name}

        def why_not(new: str) -> str:
            return why_no_name(new, kind, others)

        def go_on(new: str) -> None:
            if new != name:
                change(name, new)

        title, text = f"Rename {kind}", f"Another name for {kind} '{name}'"
        self._show(NameDialog(title, text, name, why_not, go_on, self._window))

    def remove(self) -> None:
        """Ask, then remove what is chosen in the tree."""
        kind, name = self._chosen()
        if not name:
            return
        change = self._document.changes.remove_model if kind == "model" else self._document.changes.remove_dataset
        contents = self._document.contents
        model = contents.model(name) if contents is not None and kind == "model" else None
        if model is None:
            stays = "The images stay where they are."
        elif model.imported:
            stays = "The file they were imported from stays where it is."
        else:
            stays = "The ONNX file stays where it is."
        confirm(
            self._window,
            f"Remove {kind}",
            f"Remove {kind} '{name}' from the study?",
            f"Its embeddings and every result made with it are deleted; that cannot be undone. {stays}",
            "Remove",
            lambda: change(name),
        )

    def _chosen(self) -> tuple[str, str]:
        """``("model", name)`` or ``("dataset", name)`` of the tree's current item, or two empty strings."""
        key = self._tree.chosen
        if key[:1] in (("model",), ("dataset",)):
            return key[0], key[1]
        return "", ""

    # -- results -------------------------------------------------------------------------------------------------
    def export(self) -> None:
        """Ask where to, then write everything the matrix shows."""
        self._exporting.ask([self._exporting.everything(self._computing)])

    def _set_automatic(self, automatic: bool) -> None:
        self._computing.automatic = automatic
        contents = self._document.contents
        if automatic and contents is not None and not contents.read_only and wanted_cells(self._computing.matrix):
            self._computing.compute_matrix()

    def _ask_other_provider(self, error: CanonError, models: tuple[str, ...], dataset: str) -> None:
        confirm(
            self._window,
            "Another provider",
            error.problem[:1].upper() + error.problem[1:] + ".",
            "Going on mixes rows of both in one file: they agree to a cosine of 1 − 1e-6, not bit for bit.",
            "Go on",
            lambda: self._computing.embeddings.embed(models, dataset, other_provider=True),
        )

    # -- help ----------------------------------------------------------------------------------------------------
    def show_log(self) -> None:
        """Open the log's folder."""
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(log_file().parent)))

    def guide(self) -> None:
        """The guide, in a window of its own that stays beside this one."""
        from .dialogs.user_guide import UserGuide

        UserGuide.show_beside(self._window, self._document.bridge)

    def about(self) -> None:
        """Versions and devices."""
        from .dialogs.about import AboutDialog

        self._show(AboutDialog(self._document.bridge, self._window))

    def tell_fault(self, error: CanonError) -> None:
        """Show a fault in its own sentence."""
        self._window.statusBar().clearMessage()
        self._forget_dropped()
        self._messages.say(fault_text(error), Tone.FAULT)

    def _show(self, dialog: QDialog) -> None:
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    # -- which can be chosen -------------------------------------------------------------------------------------
    def allow(self, *_: object) -> None:
        """Enable each action, or say why not."""
        contents, state = self._document.contents, self._document.state
        matrix = self._computing.matrix
        refusals: dict[str, str] = {}
        everything = (
            "file.import", "file.close", "file.export", "edit.copy_command", "edit.copy_methods",
            "edit.clear_selection", "study.add_model", "study.add_dataset", "study.compute_all", "study.embed",
            "study.matrix", "study.automatic", "study.preprocessing", "study.rename", "study.remove",
        )
        if contents is None:
            refusals = dict.fromkeys(everything, _NO_STUDY)
        else:
            busy = "Wait for the running job, or cancel it." if self._document.bridge.batch() else ""
            if matrix is None:
                copying = ("file.export", "edit.copy_command", "edit.copy_methods")
                refusals |= dict.fromkeys(copying, "There is no matrix yet.")
            if not state.cells:
                refusals["edit.clear_selection"] = "No cell is chosen."
            included = [name for name in contents.model_names if name not in state.left_out]
            dataset = self._document.dataset
            if not contents.models:
                refusals |= dict.fromkeys(("study.embed", "study.compute_all", "study.matrix"), "Add a model first.")
            elif dataset is None:
                refusals |= dict.fromkeys(("study.embed", "study.compute_all", "study.matrix"), "Add a dataset first.")
            else:
                if not dataset.has_images:
                    refusals["study.embed"] = (
                        f"'{dataset.name}' has no images to embed. Import embeddings made elsewhere (File menu)."
                    )
                elif not contents.to_embed(dataset.name, included):
                    refusals["study.embed"] = "Every network in the matrix is embedded."
                elif self._computing.embedding:
                    refusals["study.embed"] = "Embeddings are being made."
                if self._computing.scoring:
                    refusals["study.matrix"] = "The matrix is being computed."
                elif not wanted_cells(matrix):
                    refusals["study.matrix"] = "No cell is missing." if matrix is not None else "Make embeddings first."
                if "study.embed" in refusals and "study.matrix" in refusals:
                    refusals["study.compute_all"] = "Nothing is missing." if matrix is not None else (
                        refusals["study.embed"]
                    )
                follows = self._computing.embedding and not self._computing.something_left
                if follows and "study.compute_all" not in refusals:
                    refusals["study.compute_all"] = "Embeddings are being made; the cells are computed after that."
            kind, _ = self._chosen()
            if not kind:
                refusals |= dict.fromkeys(("study.rename", "study.remove"), "Choose a model or a dataset in the tree.")
            elif busy:
                refusals |= dict.fromkeys(("study.rename", "study.remove"), busy)
            model = contents.model(state.model)
            if model is None or state.focus is not Focus.MODEL:
                refusals["study.preprocessing"] = "Choose a model in the tree."
            elif model.imported:
                refusals["study.preprocessing"] = f"'{model.name}' has no network: its embeddings were made elsewhere."
            if contents.read_only:
                writing = ("file.import", "study.add_model", "study.add_dataset", "study.compute_all", "study.embed",
                           "study.matrix", "study.automatic", "study.rename", "study.remove")
                refusals |= dict.fromkeys(writing, _READ_ONLY)
                if wanted_cells(matrix):
                    refusals["file.export"] = f"{_READ_ONLY} Cells that are missing cannot be computed."
        for key in everything:
            self._actions.allow(key, refusals.get(key, ""))
