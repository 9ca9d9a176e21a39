"""Embed a dataset with a network: images to rows of a file, resumable at any moment."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from canon_core.cores import usable_cores
from canon_core.datasets.faces import FaceImages
from canon_core.datasets.images import read_bytes, read_image
from canon_core.embedding.align import align_face, need_alignment
from canon_core.embedding.batch_size import BackOff, choose_batch
from canon_core.embedding.network import Network, OutOfMemory
from canon_core.embedding.pipeline import OrderedTasks, interruptible
from canon_core.embedding.preprocess import to_tensor
from canon_core.embedding.resumption import Growing, batch_of, file_to_write, note_provider, providers_of
from canon_core.errors import CanonError, DatasetError, SettingsError, StoreError
from canon_core.jobs import JobContext
from canon_core.models.providers import ProviderChoice, choose_provider
from canon_core.models.resolve import require_unchanged
from canon_core.models.spec import ModelSpec
from canon_core.store.embeddings import EmbeddingsInfo, create_embeddings
from canon_core.store.embeddings_in_place import EmbeddingsWriter
from canon_core.store.unusable_rows import bad_rows, unusable

if TYPE_CHECKING:
    from canon_core.models.resolve import ResolvedModel

Float32 = npt.NDArray[np.float32]

#: Bytes of finished rows that may wait for the disk.
_WAITING_BYTES: Final = 32 * 2**20
#: Bytes left free on the disk beyond the file itself.
_SPARE_BYTES: Final = 16 * 2**20


@dataclass(frozen=True)
class EmbedOptions:
    """Where and how to embed; nothing here but the provider can be seen in the numbers.

    Attributes
    ----------
    provider : str
        ``auto``, ``cuda``, ``tensorrt`` or ``cpu``.
    device : int
        Number of the GPU.
    batch : int or None
        Images in one run of the network, at most all of them; chosen unless given. A resumed file keeps its own.
    threads : int or None
        Threads that decode (and, on the CPU, compute); every usable core unless given.
    spinning : bool
        Whether ONNX Runtime's threads may wait busily; false in the window.
    allow_other_provider : bool
        Consent to finish a file on another provider than it was begun on.
    """

    provider: str = "auto"
    device: int = 0
    batch: int | None = None
    threads: int | None = None
    spinning: bool = True
    allow_other_provider: bool = False

    def __post_init__(self) -> None:
        for name, value in (("batch", self.batch), ("threads", self.threads)):
            if value is not None and value < 1:
                raise SettingsError(f"{name} is {value}, and must be at least 1")


@dataclass(frozen=True)
class EmbedReport:
    """What one call of :func:`embed` did.

    Attributes
    ----------
    rows : int
        Of the file, all written now.
    done_before : int
        Rows that were there already.
    seconds : float
        Of the whole call.
    images_per_s : float
        New rows per second of it; 0 when there were none.
    provider : ProviderChoice
        Where it ran; of a file that was complete before, where that was (``cuda, then cpu`` where it changed).
    batch : int
        Images in one run.
    bad_rows : tuple of int
        Rows of the whole file that hold a number that is not finite, or nothing but zeros.
    """

    rows: int
    done_before: int
    seconds: float
    images_per_s: float
    provider: ProviderChoice
    batch: int
    bad_rows: tuple[int, ...]


def embed(
    model: ResolvedModel,
    faces: FaceImages,
    out: Path,
    options: EmbedOptions,
    ctx: JobContext,
    attributes: Mapping[str, str],
) -> EmbedReport:
    """Embed every image into one file of embeddings, or the rest of them where it exists in part.

    Each thread reads, aligns and runs a batch of its own; finished rows reach the disk in order a few times a second.
    Batches lie on a grid from row 0, so that a file begun by one run and finished by another has the same bytes (on
    the CPU) as one made in one go, whatever the number of threads.

    Complete embeddings of another model, spec or set of images stay until these are complete: the new file grows
    beside them (:func:`canon_core.store.embeddings.successor_path`), is resumed there, and takes their place at the
    end by a rename. An incomplete file of another identity is replaced at once.

    Parameters
    ----------
    model : ResolvedModel
        File and spec.
    faces : FaceImages
        The images; row i of the file is image i.
    out : Path
        File to create, to go on with, or, where its attributes say that it belongs to another model or other images,
        to replace as said above.
    options : EmbedOptions
        Provider, batch, threads.
    ctx : JobContext
        Progress and cancellation (within a second, keeping what is finished).
    attributes : mapping of str to str
        Identity of model and images.

    Raises
    ------
    DatasetError
        For an image that vanished, changed since it was added, or cannot be aligned; rows before it are kept.
    ModelError
        When the network cannot be loaded or run, when its file is no longer the one that was hashed, or when there is
        no memory for its batches.
    SettingsError
        When the network wants aligned faces and nothing is known of them, or when the file was begun on another
        provider.
    StoreError
        For a damaged file, or one that cannot be written.
    Cancelled
        When the job was cancelled.
    """
    start = time.monotonic()
    what = f"embedding {model.path.stem}"
    need_alignment(model.spec.input, faces.alignment, faces.root)
    file = file_to_write(out, model, faces, attributes)
    before = file.before
    if before is not None and before.complete:
        file.put_in_place()
        made_on = ProviderChoice(str(before.attributes.get("provider", "cpu")), 0, "embedded before")
        return EmbedReport(
            before.rows, before.rows, time.monotonic() - start, 0.0, made_on, batch_of(before), bad_rows(out, ctx)
        )

    ctx.report(before.done if before else 0, len(faces), what)
    provider = interruptible(lambda: choose_provider(options.provider, options.device), ctx)
    if before is not None and before.done:
        _ask_about_provider(before, provider, file.path, options)
    else:
        before = None  # nothing to lose: today's provider and batch
    network = interruptible(lambda: _loaded(model, provider, options), ctx)
    if before is None:
        batch = min(options.batch or interruptible(lambda: choose_batch(network, ctx), ctx), max(1, len(faces)))
        _require_space(file, len(faces), model)
        create_embeddings(
            file.path,
            len(faces),
            model.dimensions,
            {**attributes, "provider": provider.name, "batch": batch},
            flip_kept=model.spec.output.flip == "keep",
        )
    else:
        batch = min(batch_of(before), len(faces))
        if provider.name not in providers_of(before):
            note_provider(file.path, before, provider.name)

    bad = list(bad_rows(file.path, ctx))
    with EmbeddingsWriter(file.path) as writer, _memory_named(model, provider, batch, file.path if before else None):
        done_before = writer.done
        first = done_before // batch  # tasks before it are on the disk
        tasks = OrderedTasks(
            -(-len(faces) // batch) - first,
            lambda: _worker(model, faces, network, batch, first, ctx),
            workers=options.threads or usable_cores(),
            ahead=max(1, _WAITING_BYTES // (batch * 8 * model.dimensions)),
            on_stop=network.terminate,
            ctx=ctx,
        )
        for blocks in tasks.batches():
            rows = np.concatenate(blocks)[max(0, done_before - first * batch) if writer.done == done_before else 0 :]
            bad += (writer.done + np.flatnonzero(unusable(rows))).tolist()
            writer.append(rows)
            ctx.report(writer.done, len(faces), what)
    file.put_in_place()
    seconds = time.monotonic() - start
    new = len(faces) - done_before
    return EmbedReport(len(faces), done_before, seconds, new / max(seconds, 1e-9), provider, batch, tuple(bad))


# -- private ---------------------------------------------------------------------------------------------------------
def _loaded(model: ResolvedModel, provider: ProviderChoice, options: EmbedOptions) -> Network:
    try:
        return Network(model, provider, spinning=options.spinning)
    finally:
        require_unchanged(model)  # also where loading failed: half of another file is not what was added


@contextmanager
def _memory_named(model: ResolvedModel, provider: ProviderChoice, batch: int, begun: Path | None) -> Iterator[None]:
    """A lack of memory in the block, as an error that names the batch: it is what can be made smaller.

    A file that was ``begun`` keeps its batch.
    """
    try:
        yield
    except MemoryError as error:
        raise OutOfMemory(
            f"not enough memory on {provider.name} for a batch of {batch:,} in every thread",
            path=model.path,
            remedy="use a smaller --batch, or close what else uses the memory"
            if begun is None
            else f"close what else uses the memory, or delete {begun.name} to begin again with a smaller --batch",
        ) from error


def _ask_about_provider(info: EmbeddingsInfo, provider: ProviderChoice, path: Path, options: EmbedOptions) -> None:
    begun_on = providers_of(info)
    if provider.name not in begun_on and not options.allow_other_provider:
        raise SettingsError(
            f"{info.done:,} of {info.rows:,} images were embedded on {' and '.join(begun_on)}, and the rest would run"
            f" on {provider.name}, which rounds differently",
            path=path,
            remedy=f"use --provider {begun_on[-1]}, allow the change, or delete the file to begin again",
        )


def embeddings_bytes(rows: int, dimensions: int, spec: ModelSpec) -> int:
    """Bytes that one model's embeddings take on a disk."""
    return rows * dimensions * 4 * (2 if spec.output.flip == "keep" else 1)


def free_bytes(folder: Path) -> int:
    """Bytes that are free on the disk a folder lies on, or will lie on."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


def require_space(folder: Path, wanted: int, what: str, remedy: str) -> None:
    """Make sure that files of so many bytes fit on a disk, with some to spare.

    Raises
    ------
    StoreError
        Naming the bytes that are needed and those that are free.
    """
    free = free_bytes(folder)
    if free < wanted + _SPARE_BYTES:
        raise StoreError(
            f"{what} need {wanted / 2**20:,.1f} MB, and {free / 2**20:,.1f} MB are free on that disk",
            path=folder,
            remedy=remedy,
        )


def _require_space(file: Growing, rows: int, model: ResolvedModel) -> None:
    wanted = embeddings_bytes(rows, model.dimensions, model.spec)
    old = f", or delete the old embeddings ({file.out.name})" if file.beside else ""
    require_space(
        file.path, wanted, "the embeddings", f"free space on that disk, or move the study to another{old}"
    )


def _worker(
    model: ResolvedModel, faces: FaceImages, network: Network, batch: int, first: int, ctx: JobContext
) -> Callable[[int], Float32]:
    """What one thread does with one task: read, align, preprocess and run a batch, in a buffer of its own."""
    buffer = network.buffer(batch)
    back_off = BackOff(network.run, network.fixed_batch)

    def work(task: int) -> Float32:
        start = (first + task) * batch
        crops = []
        for row in range(start, min(start + batch, len(faces))):
            ctx.check()
            crops.append(_crop(model, faces, row))
        return back_off.run(to_tensor(crops, model.spec, buffer[: len(crops)]))

    return work


def _crop(model: ResolvedModel, faces: FaceImages, row: int) -> npt.NDArray[np.uint8]:
    """What the network sees of one image, which must be the image that was added."""
    path = faces.path(row)
    data, status = read_bytes(path)
    untouched = status.st_mtime_ns == faces.mtime_ns[row] and status.st_size == faces.file_size[row]
    if not untouched and hashlib.sha256(data).hexdigest() != faces.sha256[row]:  # a copy has other times, same bytes
        raise DatasetError("the image changed since the dataset was added", path=path, remedy="add the dataset again")
    landmarks = None if faces.landmarks is None else faces.landmarks[row]
    box = None if faces.boxes is None else faces.boxes[row]
    try:
        return align_face(read_image(path, data), landmarks, box, model.spec.input, faces.alignment)
    except CanonError as error:
        if error.path is not None:
            raise
        raise type(error)(error.problem, path=path, remedy=error.remedy) from error
