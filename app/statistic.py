"""One statistic beyond the matrix: what is stored of it for the present choice, and the job that computes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, Generic

from PySide6.QtCore import QObject, Signal

from .chosen_cell import ChosenCell, chosen_cell
from .computing import Computing
from .document import Document
from .lookup import Found, Lookup
from .running_jobs import Made, RunningJobs

if TYPE_CHECKING:
    from canon_core.study.study import Study


class Statistic(QObject, Generic[Found, Made]):
    """Shows at once what is stored, and computes nothing unless it is asked for.

    A kind of statistic says what its answer depends on (:attr:`key`) and how it is read (:meth:`reader`); its jobs are
    told apart by what they make.

    Signals
    -------
    changed() :
        ``found`` or ``known`` changed, or what is being computed.
    """

    changed = Signal()
    topic: ClassVar[str]

    def __init__(self, document: Document, computing: Computing, parent: QObject, *, watched: bool) -> None:
        super().__init__(parent)
        self._document, self._computing = document, computing
        self._lookup = Lookup[Found](document.bridge, self.topic, self.changed.emit, document.faulted.emit)
        self._jobs = RunningJobs[Made](document.bridge, self)
        self._watched = watched
        self._jobs.changed.connect(self.changed)
        document.closed.connect(self._forget)
        for changed in (document.contentsChanged, document.stateChanged, computing.matrixChanged):
            changed.connect(self._follow)

    # -- what each kind says -------------------------------------------------------------------------------------
    @property
    def key(self) -> object:
        """What the answer depends on; None where there is no question."""
        raise NotImplementedError

    def reader(self, study: Study) -> Callable[[], Found | None]:
        """What reads the answer; called where there is a question, and run in the engine's thread."""
        raise NotImplementedError

    # -- what is known -------------------------------------------------------------------------------------------
    @property
    def chosen(self) -> ChosenCell | None:
        """The cell that is looked at."""
        return chosen_cell(self._document, self._computing)

    @property
    def found(self) -> Found | None:
        """What is stored; of the choice of before until it is ``known``."""
        return self._lookup.found

    @property
    def known(self) -> bool:
        """Whether it is known what is stored, or that nothing is."""
        return self._lookup.known

    def watch(self, watched: bool) -> None:
        """Say whether it is on the screen: else it is not looked up."""
        self._watched = watched
        self._follow()

    def look_again(self) -> None:
        """Something stored was deleted: read what is there now."""
        self._lookup.outdate()
        self._follow()

    def _follow(self, *_: object) -> None:
        key, study = self.key, self._document.study
        if key is None or study is None:
            self._lookup.want_nothing()
        elif self._watched:
            self._lookup.want(key, self.reader(study))

    def _forget(self) -> None:
        self._jobs.forget()
        self._lookup.forget()
