"""When the jobs are seen: folded to a line in the window's lower corner until a job needs them, or as the user says."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import QDockWidget, QTabBar, QToolButton, QWidget

from .engine_bridge import EngineBridge
from .jobs_panel import JobsPanel
from .settled import settled

#: Milliseconds that a job runs before it is worth the room: what is over at once moves nothing.
_WORTH_MS = 700


class JobsShown(QObject):
    """Opens the docks of jobs and log when a job takes its time or fails, once: they stay open from then on.

    Where the user opened or closed them, they stay as they are, the next time too.

    Attributes
    ----------
    button : QToolButton
        Says how many jobs run; opens and closes the docks.
    chosen : bool
        Whether the user said whether they are to be seen.
    """

    def __init__(
        self, window: QWidget, bridge: EngineBridge, panel: JobsPanel, jobs: QDockWidget, log: QDockWidget
    ) -> None:
        super().__init__(window)
        self._window, self._jobs, self._log = window, jobs, log
        self.chosen = False
        self._running = 0
        self.button = QToolButton()
        self.button.setAutoRaise(True)
        self.button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.button.setToolTip("Show or hide jobs and log")
        self.button.clicked.connect(self._toggle)
        self._timer = settled(self, _WORTH_MS, self._unfold)
        for dock in (jobs, log):
            dock.toggleViewAction().triggered.connect(self._choose)
            dock.installEventFilter(self)
        panel.countChanged.connect(self._count)
        bridge.failed.connect(lambda *_: self._unfold())
        jobs.visibilityChanged.connect(lambda *_: self._say())
        self._laid_out = settled(self, 0, self._pass_over_empty_bars)
        for dock in (jobs, log):
            dock.visibilityChanged.connect(lambda *_: self._laid_out.start())
        self._fold()
        self._say()
        self._laid_out.start()

    def restore(self, *, chosen: bool) -> None:
        """After the docks were put back: fold them unless the user wanted them as they are."""
        self.chosen = chosen
        if not chosen:
            self._fold()
            if self._running:
                self._unfold()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.Close:  # by the dock's own button
            self._choose()
        return super().eventFilter(watched, event)

    def _choose(self, *_: object) -> None:
        self.chosen = True

    def _toggle(self) -> None:
        self._choose()
        if self._open:
            self._fold()
        else:
            self._show()

    @property
    def _open(self) -> bool:
        return not (self._jobs.isHidden() and self._log.isHidden())

    def _count(self, running: int) -> None:
        self._running = running
        if not running:
            self._timer.stop()
        elif not self._timer.isActive():
            self._timer.start()
        self._say()

    def _unfold(self) -> None:
        if not self.chosen and not self._open:
            self._show()

    def _show(self) -> None:
        for dock in (self._log, self._jobs):
            dock.show()
        self._jobs.raise_()

    def _fold(self) -> None:
        for dock in (self._jobs, self._log):
            dock.hide()

    def _pass_over_empty_bars(self) -> None:
        """Qt keeps the tab bar of docks that are all hidden, out of sight, and the Tab key would stop at it."""
        for bar in self._window.findChildren(QTabBar, options=Qt.FindChildOption.FindDirectChildrenOnly):
            bar.setFocusPolicy(Qt.FocusPolicy.TabFocus if bar.count() else Qt.FocusPolicy.NoFocus)

    def _say(self) -> None:
        running = self._running
        text = f"{running} job{'s' * (running != 1)} running" if running else "No jobs"
        self.button.setText(f"{text} {'▾' if self._open else '▴'}")
        self.button.setAccessibleName(f"{text}. {self.button.toolTip()}")
