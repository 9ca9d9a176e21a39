"""What users do to the open study itself: add, rename, remove, say where files lie now, clear what is stored."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from canon_core.errors import CanonError, DatasetError
from canon_core.jobs import JobContext

from .contents import Contents, look

if TYPE_CHECKING:
    from canon_core.datasets.faces import Problem
    from canon_core.datasets.options import DatasetOptions
    from canon_core.models.spec import ModelSpec
    from canon_core.study.cached_files import CacheKind
    from canon_core.study.entries import DatasetEntry
    from canon_core.study.imports import ImportReport
    from canon_core.study.study import Study

    from .document import Document


class StudyChanges(QObject):
    """Changes a study, as an errand or, where every image is read, as a job; the document shows what came of it.

    Signals
    -------
    datasetAdded(entry, problems) : DatasetEntry, tuple of Problem
        A dataset was read; ``problems`` names what was left out of it.
    embeddingsImported(report) : ImportReport
        Embeddings made elsewhere were taken in.
    unreadable(job) : int
        A job fails because what it was to read is no dataset.
    """

    datasetAdded = Signal(object, object)
    embeddingsImported = Signal(object)
    unreadable = Signal(int)

    def __init__(self, document: Document) -> None:
        super().__init__(document)
        self._document = document
        self.reading = False  #: whether a dataset is being read or waits for it

    def add_model(
        self,
        file: Path,
        name: str,
        spec: ModelSpec | None,
        *,
        preset: str | None = None,
        then: Callable[[], None] | None = None,
        failed: Callable[[CanonError], None] | None = None,
    ) -> None:
        """Add a network, with the spec the user looked at where there is one."""
        self._errand(
            lambda study: study.add_model(file, name=name, spec=spec, preset=preset), then=then, failed=failed
        )

    def set_spec(
        self,
        name: str,
        spec: ModelSpec,
        then: Callable[[], None] | None = None,
        failed: Callable[[CanonError], None] | None = None,
    ) -> None:
        """Change the preprocessing of a model that nothing was embedded with."""
        self._errand(lambda study: study.set_spec(name, spec), then=then, failed=failed)

    def remove_model(self, name: str) -> None:
        """Take a model out of the study, with its embeddings and results."""
        self._errand(lambda study: study.remove_model(name), clear_undo=True)

    def remove_dataset(self, name: str) -> None:
        """Take a dataset out of the study, with its embeddings and results."""
        self._errand(lambda study: study.remove_dataset(name), clear_undo=True)

    def rename_model(self, old: str, new: str) -> None:
        """Give a model another name."""
        self._errand(lambda study: study.rename_model(old, new), clear_undo=True, renamed={"model": (old, new)})

    def rename_dataset(self, old: str, new: str) -> None:
        """Give a dataset another name."""
        self._errand(lambda study: study.rename_dataset(old, new), clear_undo=True, renamed={"dataset": (old, new)})

    def locate_model(self, name: str, file: Path, then: Callable[[tuple[str, ...]], None]) -> None:
        """Say where a network lies now whose file moved; ``then`` gets the names of others found beside it."""
        beside: list[str] = []

        def locate(study: Study) -> None:
            study.locate_model(name, file)
            beside.extend(study.locate_models_beside(file))

        self._errand(locate, then=lambda: then(tuple(beside)))

    def locate_dataset(self, name: str, path: Path, then: Callable[[], None]) -> None:
        """Say where a dataset lies now whose folder moved: a job, because every image is hashed."""
        self._read(
            f"Locate {name}",
            lambda study, ctx: study.locate_dataset(name, path, ctx),
            lambda entry: entry.name,
            lambda _entry: then(),
            self._document.faulted.emit,
            lambda: None,
        )

    def clear_cached(self, kinds: Collection[CacheKind], then: Callable[[int], None]) -> None:
        """Delete stored results of some kinds; ``then`` gets the bytes freed."""
        freed: list[int] = []
        self._errand(lambda study: freed.append(study.clear_cached(kinds)), then=lambda: then(freed[0]))

    def add_dataset(
        self,
        path: Path,
        options: DatasetOptions,
        name: str | None,
        on_result: Callable[[object], None],
        on_failure: Callable[[CanonError], None],
        on_cancelled: Callable[[], None],
    ) -> int:
        """Read a dataset's images and add it: a job with progress. Returns its number."""

        def read(study: Study, ctx: JobContext) -> tuple[DatasetEntry, tuple[Problem, ...]]:
            entry = study.add_dataset(path, options, ctx, name)
            return entry, study.faces(entry.name).problems

        def added(found: tuple[DatasetEntry, tuple[Problem, ...]]) -> None:
            on_result(found[0])
            self.datasetAdded.emit(*found)

        return self._read(f"Read {path.name}", read, lambda found: found[0].name, added, on_failure, on_cancelled)

    def import_embeddings(
        self,
        file: Path,
        model: str,
        dataset: str,
        ids: Path | None,
        array: str | None,
        on_result: Callable[[object], None],
        on_failure: Callable[[CanonError], None],
        on_cancelled: Callable[[], None],
    ) -> int:
        """Take in embeddings that were made elsewhere: a job with progress. Returns its number."""

        def read(study: Study, ctx: JobContext) -> ImportReport:
            return study.import_embeddings(file, model=model, dataset=dataset, ids=ids, array=array, ctx=ctx)

        def imported(report: ImportReport) -> None:
            on_result(report)
            self.embeddingsImported.emit(report)

        return self._read(
            f"Import {file.name}", read, lambda report: report.dataset, imported, on_failure, on_cancelled
        )

    def _read(
        self,
        title: str,
        read: Callable[[Study, JobContext], Any],
        dataset_of: Callable[[Any], str],
        on_result: Callable[[Any], None],
        on_failure: Callable[[CanonError], None],
        on_cancelled: Callable[[], None],
    ) -> int:
        """Read files into the study; the dataset they belong to is shown then."""
        document, study = self._document, self._document.study
        assert study is not None

        def done(found: Any) -> None:
            self.reading = False
            if document.study is study:
                name = dataset_of(found)
                document.refresh(lambda: document.change(f"Choose {name}", dataset=name))
            on_result(found)

        def failed(error: CanonError) -> None:
            self.reading = False
            if isinstance(error, DatasetError):  # what lies there cannot be read: reading it again gives the same
                self.unreadable.emit(numbers[-1])
            on_failure(error)

        def cancelled() -> None:
            self.reading = False
            on_cancelled()

        numbers: list[int] = []

        def begin() -> int:
            self.reading = True
            number = document.bridge.submit(
                title,
                lambda ctx: read(study, ctx),
                on_result=done,
                on_failure=failed,
                on_cancelled=cancelled,
                resume=begin,
            )
            numbers.append(number)
            return number

        return begin()

    def _errand(
        self,
        function: Callable[[Study], object],
        *,
        clear_undo: bool = False,
        renamed: dict[str, tuple[str, str]] | None = None,
        then: Callable[[], None] | None = None,
        failed: Callable[[CanonError], None] | None = None,
    ) -> None:
        document, study = self._document, self._document.study
        if study is None:
            return

        def work() -> Contents:
            function(study)
            return look(study)

        def done(contents: Contents) -> None:
            if document.study is study:
                document.take_over(contents, clear_undo=clear_undo, renamed=renamed)
            if then is not None:
                then()

        if clear_undo:
            document.bridge.forgive_names()
        document.bridge.run_errand(work, done, failed or document.faulted.emit)
