"""When the jobs are seen: folded to a line in the window's lower corner until a job needs them, or as the user says."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import QDockWidget, QMainWindow, QTabBar, QToolButton

from canon_core.jobs import Progress

from .engine_bridge import EngineBridge
from .jobs_panel import JobsPanel
from .settled import settled

#: Milliseconds that a job runs before it is worth the room: what is over at once moves nothing.
_WORTH_MS = 700
#: Milliseconds without a job after which the next belongs to other work: of one work they follow each other.
_OTHER_WORK_MS = 1500


class JobsShown(QObject):
    """Opens the docks of jobs and log when a job takes its time or fails: they stay open from then on.

    Where the user closed them, they stay closed for the jobs that run, and the next work opens them again; where the
    user opened them, they are open the next time too. Closed, how far the work is stands on the button.

    Attributes
    ----------
    button : QToolButton
        Says how many jobs run, and how far; opens and closes the docks.
    chosen : bool
        Whether the user opened them.
    """

    def __init__(
        self, window: QMainWindow, bridge: EngineBridge, panel: JobsPanel, jobs: QDockWidget, log: QDockWidget
    ) -> None:
        super().__init__(window)
        self._window, self._jobs, self._log = window, jobs, log
        self.chosen = False
        self._unwanted = False  # closed while these jobs run
        self._running = 0
        self._progress = ""
        self.button = QToolButton()
        self.button.setAutoRaise(True)
        self.button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.button.setToolTip("Show or hide jobs and log")
        self.button.clicked.connect(self._toggle)
        self._timer = settled(self, _WORTH_MS, self._unfold)
        self._other_work = settled(self, _OTHER_WORK_MS, self._forget)
        panel.countChanged.connect(self._count)
        bridge.progress.connect(self._progressed)
        bridge.failed.connect(lambda *_: self._unfold())
        self._laid_out = settled(self, 0, self._arranged)
        for dock in (jobs, log):
            dock.toggleViewAction().triggered.connect(lambda *_: self._choose(self._open))
            dock.visibilityChanged.connect(lambda *_: self._laid_out.start())
            dock.installEventFilter(self)
        self._fold()
        self._say()
        self._laid_out.start()

    def restore(self, *, chosen: bool) -> None:
        """After the docks were put back: fold them unless the user wanted them as they are."""
        self._unwanted = False
        if not chosen:
            self._fold()
        self.chosen = chosen and self._open
        if self._running:
            self._unfold()
        self._say()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.ShowToParent, QEvent.Type.HideToParent):
            self._laid_out.start()  # also while the window itself is not shown
        elif event.type() is QEvent.Type.Close and watched.toggleViewAction().isChecked():
            # By the dock's own button. Behind it in the tabs the other would come up where nothing was to be left.
            other = self._log if watched is self._jobs else self._jobs
            if other in self._window.tabifiedDockWidgets(watched):
                other.hide()
            self._choose(not other.isHidden())
        return super().eventFilter(watched, event)

    def _choose(self, wanted: bool) -> None:
        self.chosen = wanted
        self._unwanted = not wanted and bool(self._running)
        self._say()

    def _forget(self) -> None:
        self._unwanted = False

    def _toggle(self) -> None:
        if self._open:
            self._fold()
        else:
            self._show()
        self._choose(self._open)

    @property
    def _open(self) -> bool:
        return not (self._jobs.isHidden() and self._log.isHidden())

    def _count(self, running: int) -> None:
        if running < self._running:
            self._progress = ""  # it was of the one that ended
        self._running = running
        if not running:
            self._timer.stop()
            self._other_work.start()
        else:
            self._other_work.stop()
            if not self._timer.isActive():
                self._timer.start()
        self._say()

    def _progressed(self, progress: Progress) -> None:
        text = f" · {100 * progress.done // progress.total} %" if progress.total else ""
        if text != self._progress:
            self._progress = text
            self._say()

    def _unfold(self) -> None:
        if not self._unwanted and not self._open:
            self._show()

    def _show(self) -> None:
        for dock in (self._log, self._jobs):
            dock.show()
        self._jobs.raise_()

    def _fold(self) -> None:
        for dock in (self._jobs, self._log):
            dock.hide()

    def _arranged(self) -> None:
        """Docks came or went. Qt keeps the tab bar of docks that are all hidden, out of sight, and the Tab key would
        stop at it."""
        for bar in self._window.findChildren(QTabBar, options=Qt.FindChildOption.FindDirectChildrenOnly):
            bar.setFocusPolicy(Qt.FocusPolicy.TabFocus if bar.count() else Qt.FocusPolicy.NoFocus)
        self._say()

    def _say(self) -> None:
        running = self._running
        text = f"{running} job{'s' * (running != 1)} running{self._progress}" if running else "No jobs"
        self.button.setText(f"{text} {'▾' if self._open else '▴'}")
        self.button.setAccessibleName(f"{text}. {self.button.toolTip()}")
