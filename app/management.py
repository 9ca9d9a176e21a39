"""Looking after a study: files that moved, and what its results take on the disk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt

from . import file_choosers
from .actions import Actions
from .computing import Computing
from .contents import Contents
from .document import Document
from .message_bar import MessageBar, Tone
from .statistics import Statistics
from .study_tree import StudyTree

if TYPE_CHECKING:
    from .main_window import MainWindow

_READ_ONLY = "The study is open read-only."
_NO_STUDY = "Open or make a study first."


class Management(QObject):
    """Connects these actions, says whether they can be chosen, and offers to locate what is gone when a study opens."""

    def __init__(
        self,
        window: MainWindow,
        document: Document,
        computing: Computing,
        statistics: Statistics,
        actions: Actions,
        tree: StudyTree,
        messages: MessageBar,
    ) -> None:
        super().__init__(window)
        self._window, self._document, self._computing = window, document, computing
        self._statistics, self._actions, self._tree, self._messages = statistics, actions, tree, messages
        actions.connect("study.locate", self.locate)
        actions.connect("study.clear", self.clear)
        document.opened.connect(self._offer)
        for changed in (
            document.opened, document.closed, document.contentsChanged, document.bridge.queued, document.bridge.idle,
            tree.currentItemChanged,
        ):  # fmt: skip
            changed.connect(self.allow)
        self.allow()

    # -- files that moved ----------------------------------------------------------------------------------------
    def locate(self) -> None:
        """Ask where the chosen model or dataset lies now, and look whether it is the one that was added."""
        kind, name, _ = self._chosen()
        contents = self._document.contents
        if contents is None or not name:
            return
        if kind == "model":
            model = contents.model(name)
            start = model.file.parent if model is not None else None
            found = file_choosers.choose_network(self._window, name, start)
            if found is not None:
                self._document.changes.locate_model(name, found, lambda beside: self._located(name, beside))
            return
        dataset = contents.dataset(name)
        if dataset is None:
            return
        choose = file_choosers.choose_verification_set if dataset.format == "bin" else file_choosers.choose_faces
        found = choose(self._window, dataset.path.parent)
        if found is not None:
            self._document.changes.locate_dataset(name, found, lambda: self._located(name))

    def _located(self, name: str, beside: Sequence[str] = ()) -> None:
        """Say what was found again; with a button for the next that is still gone."""
        said = f"'{name}' was found again; nothing in it changed."
        if beside:
            others = ", ".join(f"'{other}'" for other in beside)
            said = f"'{name}' was found again, and beside it {others}; nothing in them changed."
        gone = self._gone()
        if not gone:
            self._messages.say(said, Tone.DONE)
            return
        kind, other = gone[0]
        said += f" Still gone: {', '.join(each for _, each in gone)}."
        self._messages.say(said, Tone.DONE, f"Locate {other}…", lambda: self._locate_this(kind, other))

    def _gone(self) -> list[tuple[str, str]]:
        """Kind and name of every model and dataset whose file or folder is not where it was."""
        contents = self._document.contents
        if contents is None:
            return []
        return [
            *(("model", name) for name in contents.model_names if name in contents.missing_models),
            *(("dataset", name) for name in contents.dataset_names if name in contents.missing_datasets),
        ]

    def _offer(self, contents: Contents) -> None:
        gone = self._gone()
        if not gone or contents.read_only:
            return
        kind, name = gone[0]
        what = f"The file of model '{name}' is" if kind == "model" else f"The folder of dataset '{name}' is"
        others = len(gone) - 1
        more = f", nor {'is 1 other' if others == 1 else f'are {others} others'}" if others else ""
        self._messages.say(
            f"{what} not where it was{more}. What is stored can be used without it; to embed, say where it lies now.",
            Tone.NOTE,
            "Locate…",
            lambda: self._locate_this(kind, name),
        )

    def _locate_this(self, kind: str, name: str) -> None:
        item = self._tree.item(kind, name)
        if item is not None:
            self._tree.setCurrentItem(item)
            self.locate()

    def _chosen(self) -> tuple[str, str, bool]:
        """Kind and name of what is chosen in the tree, and whether it is gone; empty text for anything else."""
        key, contents = self._tree.chosen, self._document.contents
        if contents is None or key[:1] not in (("model",), ("dataset",)):
            return "", "", False
        gone = contents.missing_models if key[0] == "model" else contents.missing_datasets
        return key[0], key[1], key[1] in gone

    # -- results -------------------------------------------------------------------------------------------------
    def clear(self) -> None:
        """Show what is kept, and delete what is chosen of it."""
        from .dialogs.clear_results import ClearResultsDialog

        dialog = ClearResultsDialog(self._document, self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.accepted.connect(lambda: self._document.changes.clear_cached(dialog.kinds, self._cleared))
        dialog.open()

    def _cleared(self, freed: int) -> None:
        from canon_core.study.cached_files import bytes_text

        self._computing.results_cleared()
        self._statistics.look_again()
        self._window.sensitivity.look_again()
        self._messages.say(f"{bytes_text(freed)} were freed. What was deleted can be computed again.", Tone.DONE)

    # -- which can be chosen -------------------------------------------------------------------------------------
    def allow(self, *_: object) -> None:
        """Enable each action, or say why not."""
        contents = self._document.contents
        busy = "Wait for the running job, or cancel it." if self._document.bridge.batch() else ""
        if contents is None:
            refusals = dict.fromkeys(("study.locate", "study.clear"), _NO_STUDY)
        elif contents.read_only:
            refusals = dict.fromkeys(("study.locate", "study.clear"), _READ_ONLY)
        else:
            _, name, gone = self._chosen()
            if not name:
                locate = "Choose a model or a dataset in the tree."
            else:
                locate = busy if gone else f"'{name}' is where it was."
            refusals = {"study.locate": locate, "study.clear": busy}
        for key, refusal in refusals.items():
            self._actions.allow(key, refusal)
