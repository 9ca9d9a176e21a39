"""The jobs: how far each is, how fast, how long it still takes; cancel and resume."""

from __future__ import annotations

import enum
from collections.abc import Callable

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from canon_core.errors import CanonError
from canon_core.jobs import Progress

from .engine_bridge import EngineBridge
from .theme import SMALL, sized, theme_for
from .views.labels import TextLabel
from .wording import duration_text, fault_text

#: Ended jobs that stay in the list.
_KEPT = 12
#: Milliseconds for which a button that said Cancel takes no click as Resume: the second of a double click, say.
_PAUSE_MS = 1200


class JobPhase(enum.Enum):
    """Where a job stands."""

    WAITING = "waiting"
    RUNNING = "running"
    CANCELLING = "cancelling…"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


_ENDED = (JobPhase.DONE, JobPhase.FAILED, JobPhase.CANCELLED)


class JobRow(QFrame):
    """One job: its title, a bar, what it says, and a button that cancels it or begins it again."""

    cancelRequested = Signal(int)
    resumeRequested = Signal(object)

    def __init__(
        self,
        number: int,
        title: str,
        resume: Callable[[], object] | None,
        *,
        of_study: bool = True,
        keeping: bool = True,
    ) -> None:
        super().__init__()
        self._keeping = keeping
        self._of_study = of_study
        self.number = number
        self.title = title
        self.phase = JobPhase.WAITING
        self._resume = resume
        self.setObjectName(f"job-{number}")
        name = QLabel(title)
        name.setTextFormat(Qt.TextFormat.PlainText)
        name.setFont(sized(self.font(), 1.0, bold=True))
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(7)
        self.bar.setAccessibleName(f"Progress of {title}")
        self.says = TextLabel(size=SMALL)
        self.button = QPushButton("Cancel")
        self.button.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.button.setMinimumWidth(84)
        self.button.clicked.connect(self._clicked)
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE_MS)
        self._pause.timeout.connect(lambda: self.button.setEnabled(self.phase is not JobPhase.CANCELLING))
        layout = QGridLayout(self)
        layout.setContentsMargins(10, 4, 10, 4)
        layout.setHorizontalSpacing(14)
        layout.setVerticalSpacing(3)
        layout.addWidget(name, 0, 0, Qt.AlignmentFlag.AlignTop)
        layout.addWidget(self.says, 0, 1)
        layout.addWidget(self.bar, 1, 0, 1, 2)
        layout.addWidget(self.button, 0, 2, 2, 1, Qt.AlignmentFlag.AlignVCenter)
        layout.setColumnStretch(1, 1)
        self._show(JobPhase.WAITING, "waits for the job before it")

    def started(self) -> None:
        """The job runs."""
        self.bar.setRange(0, 0)
        self._show(JobPhase.RUNNING, "begins…")

    def progressed(self, progress: Progress) -> None:
        """The job got on."""
        if self.phase is not JobPhase.RUNNING:
            return
        # Qt counts to 2³¹ − 1; a bar has a thousand steps at most.
        self.bar.setRange(0, 1000 if progress.total else 0)
        self.bar.setValue(round(1000 * progress.done / progress.total) if progress.total else 0)
        self._show(JobPhase.RUNNING, progress_text(progress))

    def cancelling(self) -> None:
        """Cancel was clicked; the job ends within a second."""
        self._show(JobPhase.CANCELLING, f"ends after what it is doing{self.kept('is')}")

    def kept(self, tense: str) -> str:
        """What becomes of what it did, as an end of a sentence."""
        return f"; what {tense} finished is kept" if self._keeping else ""

    def ended(self, phase: JobPhase, text: str) -> None:
        """The job is over."""
        self.bar.setRange(0, 1000)
        if phase is JobPhase.DONE:
            self.bar.setValue(1000)
        self._show(phase, text)

    def never_again(self) -> None:
        """It would fail again."""
        self._resume = None
        self._show(self.phase, self.says.text())

    def forget_study(self) -> None:
        """The study it worked on is closed: it cannot be begun again in another."""
        if self._of_study:
            self._resume = None
            self._show(self.phase, self.says.text())

    def _show(self, phase: JobPhase, text: str) -> None:
        self.phase = phase
        self.says.setText(text)
        self.setAccessibleName(f"{self.title}: {phase.value}. {text}")
        over = phase in _ENDED
        self.bar.setVisible(not over)
        text = ("Try again" if phase is JobPhase.FAILED else "Resume") if over else "Cancel"
        if self.button.text() != text and over:
            self._pause.start()
        self.button.setText(text)
        self.button.setAccessibleName(f"{self.button.text()} {self.title}")
        can_resume = phase in (JobPhase.FAILED, JobPhase.CANCELLED) and self._resume is not None
        self.button.setVisible(not over or can_resume)
        self.button.setEnabled(phase is not JobPhase.CANCELLING and not self._pause.isActive())
        self._colour()

    def _colour(self) -> None:
        theme = theme_for(self)
        colour = {JobPhase.FAILED: theme.error, JobPhase.CANCELLED: theme.warning}.get(self.phase, theme.muted)
        palette = QPalette()  # only the colour that is set here is kept apart from the window's
        palette.setColor(QPalette.ColorRole.WindowText, QColor(colour))
        self.says.setPalette(palette)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() is QEvent.Type.PaletteChange:
            self._colour()

    def _clicked(self) -> None:
        if self.phase in _ENDED:
            self._show(self.phase, "begun again")
            self.button.hide()
            self.resumeRequested.emit(self._resume)
        else:
            self.cancelling()
            self.cancelRequested.emit(self.number)


class JobsPanel(QScrollArea):
    """Rows of jobs: what runs on top, what waits below in its order, then what ended, the last first, until there are
    too many.

    Attributes
    ----------
    keeping : bool
        Whether what jobs finish is kept: a study that is open read-only keeps nothing.

    Signals
    -------
    countChanged(running) : int
        Jobs waiting and running.
    """

    countChanged = Signal(int)

    def __init__(self, bridge: EngineBridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self.keeping = True
        self.rows: dict[int, JobRow] = {}
        self._empty = QLabel("No jobs. Embedding and scoring show their progress here.")
        self._empty.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self._empty.setContentsMargins(10, 8, 10, 8)
        self._list = QWidget()
        self._layout = QVBoxLayout(self._list)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(0)
        self._layout.addWidget(self._empty)
        self._layout.addStretch(1)
        self.setWidget(self._list)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName("Jobs")
        bridge.queued.connect(self._queued)
        bridge.started.connect(self._started)
        bridge.progress.connect(self._progressed)
        bridge.finished.connect(self._finished)
        bridge.failed.connect(self._failed)
        bridge.cancelled.connect(self._cancelled)

    def forget_study(self) -> None:
        """The study is closed: no job of it can be begun again."""
        for row in self.rows.values():
            row.forget_study()

    def _queued(self, number: int, title: str) -> None:
        job = self._bridge.job(number)
        resume, of_study = (job.resume, job.of_study) if job is not None else (None, True)
        row = JobRow(number, title, resume, of_study=of_study, keeping=self.keeping)
        row.cancelRequested.connect(self._bridge.cancel)
        row.resumeRequested.connect(lambda resume: resume())
        self.rows[number] = row
        self._arrange()
        self._forget_old()
        self._count()

    def _started(self, number: int, _title: str) -> None:
        if number in self.rows:
            self.rows[number].started()
            self._arrange()

    def _progressed(self, progress: Progress) -> None:
        if progress.job in self.rows:
            self.rows[progress.job].progressed(progress)

    def _finished(self, number: int, _result: object, seconds: float) -> None:
        self._end(number, JobPhase.DONE, f"done in {duration_text(seconds)}")

    def _failed(self, number: int, error: CanonError) -> None:
        self._end(number, JobPhase.FAILED, fault_text(error))

    def _cancelled(self, number: int) -> None:
        kept = self.rows[number].kept("was") if number in self.rows else ""
        self._end(number, JobPhase.CANCELLED, f"cancelled{kept}")

    def _end(self, number: int, phase: JobPhase, text: str) -> None:
        if number in self.rows:
            row = self.rows.pop(number)
            self.rows[number] = row  # the rows that ended are in the order in which they did
            row.ended(phase, text)
            self._arrange()
        self._count()

    def never_again(self, number: int) -> None:
        """A job that failed is not offered to be begun again."""
        if number in self.rows:
            self.rows[number].never_again()

    @property
    def order(self) -> list[JobRow]:
        """The rows from the top."""
        rows = self.rows.values()
        running = [row for row in rows if row.phase in (JobPhase.RUNNING, JobPhase.CANCELLING)]
        waiting = sorted((row for row in rows if row.phase is JobPhase.WAITING), key=lambda row: row.number)
        return [*running, *waiting, *reversed([row for row in rows if row.phase in _ENDED])]

    def _arrange(self) -> None:
        before: QWidget = self
        for place, row in enumerate(self.order):
            if self._layout.indexOf(row) != place:
                self._layout.insertWidget(place, row)
            self.setTabOrder(before, row.button)
            before = row.button

    def _count(self) -> None:
        running = sum(row.phase not in _ENDED for row in self.rows.values())
        self._empty.setVisible(not self.rows)
        self.countChanged.emit(running)

    def _forget_old(self) -> None:
        ended = [number for number, row in self.rows.items() if row.phase in _ENDED]
        for number in ended[: max(0, len(ended) - _KEPT)]:
            self.rows.pop(number).deleteLater()


def progress_text(progress: Progress) -> str:
    """``embedding mbf · 1,234 of 3,811 · 245 / s · 11 s left``."""
    parts = [progress.what]
    if progress.total:
        parts.append(f"{progress.done:,} of {progress.total:,}")
    if progress.rate:
        rate = progress.rate
        parts.append(f"{rate:,.0f} / s" if rate >= 10 else f"{rate:.1f} / s")
    if progress.eta is not None and progress.done < progress.total:
        parts.append(f"{'about ' * progress.rough}{duration_text(progress.eta)} left")
    return " · ".join(part for part in parts if part)
