"""The demo study: made on this computer the first time, opened at once from then on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, QStandardPaths, Signal

from canon_core.demo.networks import DATASET
from canon_core.errors import CanonError
from canon_core.jobs import JobContext, Progress

from .document import Document
from .preferences import UserPreferences

_FOLDER = "Canon demo"
#: As ``canon demo`` names the study.
_STUDY = "demo.canon"


class DemoStudy(QObject):
    """Runs what ``canon demo`` runs, as a job.

    Signals
    -------
    progressed(progress), stopped() : Progress
        While it is made, and when that ended, well or not.
    ready() :
        It is there now, and was not opened because another study is open.
    """

    progressed = Signal(object)
    stopped = Signal()
    ready = Signal()

    def __init__(self, document: Document, preferences: UserPreferences) -> None:
        super().__init__(document)
        self._document, self._preferences = document, preferences
        self._job = 0
        self._looking = False  # whether it is there already
        self._then: Callable[[], object] | None = None
        document.bridge.progress.connect(self._progress)

    @property
    def folder(self) -> Path:
        """Where it lies, or will lie."""
        chosen = self._preferences.current.demo_folder
        if chosen:
            return Path(chosen).expanduser()
        documents = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
        return (Path(documents) if documents else Path.home()) / _FOLDER

    @property
    def study(self) -> Path:
        """The study in it."""
        return self.folder / _STUDY

    @property
    def making(self) -> bool:
        """Whether it is being made."""
        return self._job != 0

    @property
    def shown(self) -> bool:
        """Whether it, or the same made by ``canon demo`` in another folder, is the study that is open."""
        contents = self._document.contents
        return contents is not None and (contents.path == self.study or DATASET in contents.dataset_names)

    def choose_folder(self, folder: Path) -> None:
        """Make it there from now on."""
        self._preferences.change(demo_folder=str(folder))

    def open(self, then: Callable[[], object] | None = None) -> None:
        """Open it, made first where it is not there; ``then`` is called when it is shown."""
        if self.shown:
            if then is not None:
                then()
            return
        self._then = then
        if self.making or self._looking:
            return
        self._looking = True
        out = self.folder

        def finished() -> bool:
            from canon_core.demo.run import demo_is_finished

            return demo_is_finished(out)

        def failed(error: CanonError) -> None:
            self._looking = False
            self._document.faulted.emit(error)

        self._document.bridge.run_errand(finished, self._looked, failed)

    def show_made(self) -> None:
        """Open what was made while another study was open, and go on with what was to follow."""
        self.open(self._then)

    def cancel(self) -> None:
        """Stop making it; what is finished is used the next time."""
        if self._job:
            self._document.bridge.cancel(self._job)

    def _looked(self, there: bool) -> None:
        self._looking = False
        if there:
            self._show(self.study)
        else:
            self._make()

    def _make(self) -> None:
        out = self.folder

        def work(ctx: JobContext) -> Path:
            from canon_core.demo.run import run_demo

            return run_demo(out, ctx)[1]

        self._job = self._document.bridge.submit(
            "Make the demo study (synthetic faces)",
            work,
            on_result=self._made,
            on_failure=self._failed,
            on_cancelled=self._end,
            resume=lambda: self.open(self._then),
            of_study=False,
        )
        self.progressed.emit(Progress(self._job, 0, 0, 0, "begins…", None, None))

    def _made(self, path: Path) -> None:
        self._end()
        if self._document.contents is None and not self._document.changing:
            self._show(path)
        else:
            self.ready.emit()

    def _failed(self, error: CanonError) -> None:
        self._end()
        self._document.faulted.emit(error)

    def _end(self) -> None:
        self._job = 0
        self.stopped.emit()

    def _show(self, path: Path) -> None:
        then, self._then = self._then, None

        signals = self._document.opened, self._document.faulted, self._document.inUse

        def forget() -> None:
            for signal, slot in zip(signals, (opened, failed, failed), strict=True):
                signal.disconnect(slot)

        def opened(contents: object) -> None:
            forget()
            if then is not None and self.shown:
                then()

        def failed(*_: object) -> None:
            forget()

        for signal, slot in zip(signals, (opened, failed, failed), strict=True):
            signal.connect(slot)
        self._document.open(path)

    def _progress(self, progress: Progress) -> None:
        if self._job and progress.job == self._job:
            self.progressed.emit(progress)
