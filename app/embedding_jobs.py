"""Embeddings being made: jobs that embed a dataset of the open study with networks, and what is left to embed."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, Signal

from canon_core.errors import CanonError, SettingsError
from canon_core.jobs import JobContext

from .document import Document
from .running_jobs import RunningJobs


class EmbeddingJobs(QObject):
    """True while embeddings are being made or wait for it.

    Signals
    -------
    changed() :
        A job began or ended.
    ended() :
        A job ended, and it is known which embeddings are complete now.
    cancelled() :
        By the user: what was to follow is not wanted any more.
    progressed(progress) : Progress
        Of one of them.
    otherProvider(error, models, dataset) :
        Embeddings were begun on another provider (GPU, CPU) than there is now; going on takes the user's consent.
    """

    changed = Signal()
    ended = Signal()
    cancelled = Signal()
    progressed = Signal(object)
    otherProvider = Signal(object, object, str)

    def __init__(self, document: Document, parent: QObject) -> None:
        super().__init__(parent)
        self.provider = "auto"  #: where networks run
        self.threads: int | None = None  #: that decode and, on the CPU, compute; None for every usable core
        self._document = document
        # Only when it is known which embeddings are complete now is it known which cells are missing.
        self._jobs = RunningJobs[tuple[str, frozenset[str]]](document.bridge, self, settle=document.refresh)
        self._jobs.progressed.connect(self.progressed)
        self._jobs.changed.connect(self.changed)
        self._jobs.ended.connect(self.ended)

    def __bool__(self) -> bool:
        return bool(self._jobs)

    def embed(self, models: Sequence[str], dataset: str, *, other_provider: bool = False) -> None:
        """Embed a dataset with some models, one after the other; what is there is kept, and what is being made is not
        made twice."""
        being_made = self._being_embedded(dataset)
        names = tuple(name for name in models if name not in being_made)
        study, provider, threads = self._document.study, self.provider, self.threads
        if study is None or not names or not dataset:
            return

        def work(ctx: JobContext) -> object:
            from canon_core.embedding.embed import EmbedOptions
            from canon_core.experiments.embedding import embed_study

            # Threads that wait busily would take the window's core.
            options = EmbedOptions(provider, threads=threads, spinning=False, allow_other_provider=other_provider)
            return embed_study(study, dataset, names, options, ctx)

        which = names[0] if len(names) == 1 else f"{len(names)} models"
        self._jobs.begin(
            f"Embed {dataset} with {which}",
            work,
            (dataset, frozenset(names)),
            on_partial=lambda _: self._document.refresh(),
            on_failure=lambda error: self._failed(error, names, dataset),
            on_cancelled=self.cancelled.emit,
            resume=lambda: self.embed(names, dataset),
        )

    def embed_missing(self) -> bool:
        """Embed the chosen dataset with every network of the matrix that is not complete; False when none is left."""
        names = self.missing
        self.embed(names, self._document.state.dataset)
        return bool(names)

    @property
    def missing(self) -> tuple[str, ...]:
        """Networks of the matrix whose embeddings are neither complete nor being made."""
        contents, state = self._document.contents, self._document.state
        if contents is None or not state.dataset:
            return ()
        leave = self._being_embedded(state.dataset) | state.left_out
        return contents.to_embed(state.dataset, [name for name in contents.model_names if name not in leave])

    def forget(self) -> None:
        """Another study is there, or none."""
        self._jobs.forget()

    def _being_embedded(self, dataset: str) -> frozenset[str]:
        return frozenset[str]().union(*(models for data, models in self._jobs if data == dataset))

    def _failed(self, error: CanonError, models: tuple[str, ...], dataset: str) -> None:
        contents = self._document.contents
        if contents is not None and isinstance(error, SettingsError):
            begun = [contents.states[name, dataset] for name in models if (name, dataset) in contents.states]
            if any(state.provider and not state.complete for state in begun):
                self.otherProvider.emit(error, models, dataset)
                return
        self._document.faulted.emit(error)
