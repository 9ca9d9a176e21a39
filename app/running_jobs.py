"""Jobs of one kind that run or wait for it, and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

from PySide6.QtCore import QObject, Signal

from canon_core.errors import CanonError
from canon_core.jobs import JobContext, Progress

from .engine_bridge import Callback, EngineBridge

Made = TypeVar("Made")


class RunningJobs(QObject, Generic[Made]):
    """What is being made, each by a job on the batch lane; a job is told apart by what it makes.

    A job that was *superseded* counts no more, from the moment something else is wanted. One that the user cancelled,
    or that failed, is *declined*: whoever begins jobs by itself does not begin that one again.

    Signals
    -------
    changed() :
        A job began, ended or was superseded.
    ended() :
        A job ended that was not superseded.
    progressed(progress) : Progress
        Of one of them.
    """

    changed = Signal()
    ended = Signal()
    progressed = Signal(object)

    def __init__(
        self,
        bridge: EngineBridge,
        parent: QObject | None = None,
        settle: Callable[[Callable[[], None]], object] | None = None,
    ) -> None:
        """``settle(then)`` finds out what an ended job changed; the job counts as ended when it calls ``then``."""
        super().__init__(parent)
        self.declined: Made | None = None
        self._bridge, self._settle = bridge, settle
        self._making: dict[int, Made] = {}
        bridge.progress.connect(self._job_progressed)
        for ended in (bridge.finished, bridge.failed, bridge.cancelled):
            ended.connect(self._job_ended)

    def __contains__(self, made: object) -> bool:
        return made in self._making.values()

    def __iter__(self) -> Iterator[Made]:
        return iter(list(self._making.values()))

    def __bool__(self) -> bool:
        return bool(self._making)

    def begin(
        self,
        title: str,
        work: Callable[[JobContext], Any],
        made: Made,
        *,
        on_result: Callback | None = None,
        on_failure: Callable[[CanonError], None] | None = None,
        on_cancelled: Callable[[], None] | None = None,
        on_partial: Callback | None = None,
        resume: Callable[[], object] | None = None,
    ) -> None:
        """Submit a job, as :meth:`EngineBridge.submit` does, unless the same is being made already; ``on_cancelled`` is
        not called of a superseded one."""
        if made in self:
            return

        def failed(error: CanonError) -> None:
            if number in self._making:
                self.declined = made
            if on_failure is not None:
                on_failure(error)

        def cancelled() -> None:
            if number in self._making:
                self.declined = made
                if on_cancelled is not None:
                    on_cancelled()

        number = self._bridge.submit(
            title,
            work,
            on_result=on_result,
            on_failure=failed,
            on_cancelled=cancelled,
            on_partial=on_partial,
            resume=resume,
        )
        self._making[number] = made
        self.changed.emit()

    def cancel(self) -> None:
        """Cancel them all, as the user does."""
        for number in list(self._making):
            self._bridge.cancel(number)

    def supersede(self, wanted: Made | None = None) -> None:
        """Cancel all but what is wanted now."""
        others = [number for number, made in self._making.items() if made != wanted]
        for number in others:
            del self._making[number]
            self._bridge.cancel(number)
        if others:
            self.changed.emit()

    def forget(self) -> None:
        """Another study is there, or none."""
        self._making.clear()
        self.declined = None

    # -- following the bridge ------------------------------------------------------------------------------------
    def _job_progressed(self, progress: Progress) -> None:
        if progress.job in self._making:
            self.progressed.emit(progress)

    def _job_ended(self, number: int, *_: object) -> None:
        if number in self._making:
            if self._settle is None:
                self._take_off(number)
            else:
                self._settle(lambda: self._take_off(number))

    def _take_off(self, number: int) -> None:
        if self._making.pop(number, None) is not None:
            self.ended.emit()
            self.changed.emit()
