"""The open study as the window sees it: its contents, what is chosen of it, and undo."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QElapsedTimer, QObject, QTimer, Signal
from PySide6.QtGui import QUndoCommand, QUndoStack

from canon_core.errors import CanonError, StudyInUse

from .contents import Contents, look
from .engine_bridge import EngineBridge
from .settled import settled
from .study_changes import StudyChanges
from .user_files import Session, end_session, remember_study, write_session
from .view_state import ViewState

if TYPE_CHECKING:
    from canon_core.study.entries import DatasetEntry
    from canon_core.study.study import Study

#: Named in the study's lock, for another process that wants it.
OWNER = "the Canon Explorer window"
#: Milliseconds after a change until the user's own files have it, and until the study has it.
_SESSION_DELAY_MS, _STUDY_DELAY_MS = 250, 2000
#: Milliseconds within which steps of one kind are undone together (walking through cells with the arrow keys).
_MERGE_MS = 800
_MERGE_ID = 1
_UNDO_LIMIT = 200


class _Change(QUndoCommand):
    """One choice of the user: the state before and after it."""

    def __init__(self, document: Document, before: ViewState, after: ViewState, text: str, kind: str) -> None:
        super().__init__(text)
        self._document, self._before, self._after, self._kind = document, before, after, kind
        self._fresh = True
        self._age = QElapsedTimer()
        self._age.start()

    def redo(self) -> None:
        if self._fresh:  # the change was made before it was pushed
            self._fresh = False
            return
        self._document.show_state(self._after)

    def undo(self) -> None:
        self._document.show_state(self._before)

    def id(self) -> int:
        return _MERGE_ID if self._kind else -1

    def mergeWith(self, other: QUndoCommand) -> bool:
        if not isinstance(other, _Change) or other._kind != self._kind or self._age.elapsed() > _MERGE_MS:
            return False
        self._after = other._after
        self.setText(other.text())
        self._age.restart()
        self.setObsolete(self._after == self._before)  # there and back again: nothing to undo
        return True


class Document(QObject):
    """One study at a time, or none. Everything that touches a disk runs in the engine or as an errand.

    Signals
    -------
    opened(contents), closed() :
        Another study, or none, is shown from now on.
    contentsChanged(contents) :
        Models, datasets or embeddings changed.
    stateChanged(before, after) : ViewState, ViewState
        The user chose something, or undid it.
    inUse(path, error) : Path, StudyInUse
        Another process holds the study that was to be opened.
    faulted(error) : CanonError
        Something that was asked for failed.
    recentChanged(paths) : tuple of Path
    modelRenamed(old, new) : str, str
        A model is called otherwise from now on; the state says so, and the contents are about to.
    """

    opened = Signal(object)
    closed = Signal()
    contentsChanged = Signal(object)
    stateChanged = Signal(object, object)
    inUse = Signal(object, object)
    faulted = Signal(object)
    recentChanged = Signal(object)
    modelRenamed = Signal(str, str)

    def __init__(self, bridge: EngineBridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.bridge = bridge
        self.undo = QUndoStack(self)
        self.undo.setUndoLimit(_UNDO_LIMIT)
        self.study: Study | None = None
        self.contents: Contents | None = None
        self.state = ViewState()
        self.tab = ""  #: name of the view in front; it is remembered, and no step to undo
        self.changes = StudyChanges(self)
        self._opening = self._closing = False
        self._after_closing: list[Callable[[], None]] = []
        self._session_timer = settled(self, _SESSION_DELAY_MS, self._save_session)
        self._study_timer = settled(self, _STUDY_DELAY_MS, self._save_view)

    @property
    def dataset(self) -> DatasetEntry | None:
        """The dataset that is chosen."""
        return None if self.contents is None else self.contents.dataset(self.state.dataset)

    @property
    def refusal(self) -> str:
        """Why nothing can be computed; empty where it can."""
        read_only = self.contents is not None and self.contents.read_only
        return "The study is open read-only: nothing can be computed." if read_only else ""

    @property
    def after_cancelling(self) -> str:
        """What becomes of the work of jobs that are cancelled, in sentences."""
        if self.contents is not None and self.contents.read_only:
            return "The study is open read-only: what it did so far is not kept."
        return "What it finished is kept, and computing again goes on from there; a layout of UMAP begins anew."

    # -- opening and closing -------------------------------------------------------------------------------------
    def create(self, path: Path) -> None:
        """Make a new study and show it."""

        def make() -> tuple[Study, Contents]:
            from canon_core.study.study import Study

            study = Study.create(path, owner=OWNER)
            return study, look(study)

        self._replace(make, path)

    def open(self, path: Path, *, read_only: bool = False, view: dict[str, Any] | None = None) -> None:
        """Open a study and show it; ``view`` is a newer state than the one it remembers."""

        def load() -> tuple[Study, Contents]:
            from canon_core.study.study import Study

            study = Study.open(path, read_only=read_only, owner=OWNER)
            try:
                return study, look(study)
            except BaseException:
                study.close()
                raise

        self._replace(load, Path(os.path.abspath(path)), view)

    @property
    def changing(self) -> bool:
        """Whether a study is being opened, made or closed."""
        return self._opening or self._closing

    def _replace(
        self, load: Callable[[], tuple[Study, Contents]], path: Path, view: dict[str, Any] | None = None
    ) -> None:
        if self._opening:
            return
        self._opening = True

        def loaded(found: tuple[Study, Contents]) -> None:
            self._show(*found, view)

        def failed(error: CanonError) -> None:
            self._opening = False
            if isinstance(error, StudyInUse):
                self.inUse.emit(path, error)
            else:
                self.faulted.emit(error)

        # The other study stays open until the new one is: a wrong path costs nothing. Opening the same study again
        # means to give it back first, because this very process holds it.
        same = self.contents is not None and self.contents.path == path
        if same or self._closing:
            self.close(lambda: self.bridge.run_errand(load, loaded, failed))
        else:
            self.bridge.run_errand(load, loaded, failed)

    def _show(self, study: Study, contents: Contents, view: dict[str, Any] | None) -> None:
        def show() -> None:
            self._opening = False
            self.study, self.contents = study, contents
            self.bridge.revise()
            saved = view if view is not None else study.view
            tab = saved.get("tab")
            self.tab = tab if isinstance(tab, str) else ""
            names = contents.model_names, contents.dataset_names
            state = ViewState.from_json(saved["state"]) if "state" in saved else ViewState.at_first(*names)
            self.state = _fitting(state, contents)
            self.undo.clear()
            self.opened.emit(contents)
            self._session_timer.start()
            path = contents.path
            self.bridge.run_errand(lambda: remember_study(path), self.recentChanged.emit)

        if self.study is None:
            show()
        else:
            self.close(show)

    def close(self, then: Callable[[], None] | None = None) -> None:
        """Cancel the study's jobs, save what is shown, give the study back; ``then`` is called when that is done."""
        if self._closing and then is not None:
            self._after_closing.append(then)
        if self.study is None:
            if then is not None and not self._closing:
                then()
            return
        self._closing = True
        if then is not None:
            self._after_closing.append(then)
        self._session_timer.stop()
        self._study_timer.stop()
        study, view = self.study, self.view()
        self.study = self.contents = None
        self.state = ViewState()
        self.undo.clear()
        self.bridge.revise()
        self.bridge.cancel_all()
        self.closed.emit()

        def give_back() -> None:
            try:
                study.save_view(view)
            finally:
                study.close()
                end_session(os.getpid())

        def done(_: object = None) -> None:
            self._closing = False
            waiting, self._after_closing = self._after_closing, []
            for each in waiting:
                each()

        def failed(error: CanonError) -> None:
            self.faulted.emit(error)
            done()

        self._when_jobs_ended(lambda: self.bridge.run_errand(give_back, done, failed))

    def _when_jobs_ended(self, then: Callable[[], None], patience: int = 100) -> None:
        """Call ``then`` when no job uses the study any more; after some seconds in any case: a job that does not end
        finds the study read-only."""
        if not self.bridge.working or patience <= 0:
            then()
        else:
            QTimer.singleShot(50, self, lambda: self._when_jobs_ended(then, patience - 1))

    # -- choosing ------------------------------------------------------------------------------------------------
    def change(self, text: str, *, kind: str = "", **fields: Any) -> None:
        """Let the user choose something: it is shown, and can be undone under the name ``text``.

        Changes of the same non-empty ``kind`` that follow each other quickly are undone together.
        """
        before = self.state
        after = replace(before, **fields)
        if after == before or self.contents is None:
            return
        self.show_state(after)
        if self.state != before:  # what the study does not have is not chosen
            self.undo.push(_Change(self, before, self.state, text, kind))

    def show_state(self, state: ViewState) -> None:
        """Show a state, without its becoming a step to undo."""
        if self.contents is None:
            return
        before = self.state
        self.state = _fitting(state, self.contents)
        if self.state != before:
            self.stateChanged.emit(before, self.state)
            self.touch()

    # -- when the study changed ----------------------------------------------------------------------------------
    def refresh(self, then: Callable[[], None] | None = None) -> None:
        """Look into the study again; ``then`` is called afterwards, also where that failed."""
        study = self.study
        if study is None:
            return

        def show(contents: Contents) -> None:
            if self.study is study:
                self._set_contents(contents)
                if then is not None:
                    then()

        def failed(error: CanonError) -> None:
            if self.study is study:
                self.faulted.emit(error)
                if then is not None:
                    then()

        self.bridge.run_errand(lambda: look(study), show, failed)

    def _set_contents(self, contents: Contents) -> None:
        self.contents = contents
        self.show_state(self.state)  # names may have gone
        self.contentsChanged.emit(contents)

    def take_over(
        self, contents: Contents, *, clear_undo: bool = False, renamed: dict[str, tuple[str, str]] | None = None
    ) -> None:
        """Show the study after a change to it; with ``clear_undo`` older states speak of names that are gone."""
        if clear_undo:
            self.undo.clear()
        if renamed:
            self.state = self.state.renamed(**renamed)
        self.bridge.ask_again()
        if renamed and "model" in renamed:
            self.modelRenamed.emit(*renamed["model"])
        self._set_contents(contents)
        self.touch()

    # -- remembering ---------------------------------------------------------------------------------------------
    def view(self) -> dict[str, Any]:
        """What the study remembers of the window."""
        return {"state": self.state.to_json(), "tab": self.tab}

    def bring_to_front(self, tab: str) -> None:
        """Another view is in front: remember it."""
        if self.contents is not None and tab != self.tab:
            self.tab = tab
            self.touch()

    def touch(self) -> None:
        """What is shown changed: remember it soon."""
        self._session_timer.start()
        self._study_timer.start()

    def _save_session(self) -> None:
        if self.contents is None:
            return
        session = Session(str(self.contents.path), self.contents.read_only, self.view(), os.getpid())
        self.bridge.run_errand(lambda: write_session(session))

    def _save_view(self) -> None:
        study, view = self.study, self.view()
        if study is not None:
            self.bridge.run_errand(lambda: study.save_view(view), None, self.faulted.emit)


def _fitting(state: ViewState, contents: Contents) -> ViewState:
    return state.fitting(contents.model_names, contents.dataset_names, contents.template_datasets)
