"""Two pictures, two models: how alike they are before and after the map, and what a measured threshold says to that."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from canon_core.cores import usable_cores
from canon_core.datasets.detector import Detector, DetectorFile
from canon_core.datasets.faces import ARCFACE_SIDE, Alignment
from canon_core.datasets.images import read_image
from canon_core.embedding.face_picture import Picture, PlacedFace, place_file, place_row, shown
from canon_core.embedding.network import Network
from canon_core.embedding.preprocess import to_tensor
from canon_core.errors import CanonError, DatasetError, StudyError
from canon_core.experiments.image_measure import DecidedScore, ImageMeasure, find_measure
from canon_core.jobs import JobContext
from canon_core.maps.kinds import MapKind
from canon_core.maps.unit import unit_rows
from canon_core.models.providers import ProviderChoice
from canon_core.store.embeddings import read_embeddings
from canon_core.store.unusable_rows import unusable
from canon_core.study.entries import ModelEntry
from canon_core.study.results import MatrixSettings
from canon_core.study.study import Study
from canon_core.verification.roc import FarRule

Image = npt.NDArray[np.uint8]
Float32 = npt.NDArray[np.float32]
#: FARs that two faces are decided at.
DECIDED_FAR: Final = (1e-3, 1e-4)
#: Networks that stay loaded, pictures that stay decoded and embedded, and maps with what is measured of them.
_NETWORKS, _PICTURES, _EMBEDDED, _MEASURES = 4, 8, 16, 8


@dataclass(frozen=True)
class TwoFacesSettings:
    """Everything a comparison depends on besides the study.

    Attributes
    ----------
    matrix : MatrixSettings
        Map, fit mode and seed; its dataset gives rows their images, and the map its fit where it compares images.
    source, target : str
        The model of the first picture, and of the second.
    rule : FarRule
    first, second : Picture
    detector : Path or None
        For pictures whose face a detector is to find.
    """

    matrix: MatrixSettings
    source: str
    target: str
    rule: FarRule
    first: Picture
    second: Picture
    detector: Path | None = None


@dataclass(frozen=True, eq=False)
class Comparison:
    """How alike two faces are.

    Attributes
    ----------
    settings : TwoFacesSettings
    crops : two (height, width, 3) uint8 arrays or None
        What each network sees, in RGB; None where the embeddings were made elsewhere.
    notes : two str
        What should be known of each picture; empty where nothing is.
    source, mapped, target : (d,) float32
        Embeddings of norm 1: the first picture's before and after the map, and the second's. ``mapped`` is ``source``
        without a map.
    raw : DecidedScore
        Without the map.
    score : DecidedScore or None
        Through it; None without one.
    map_words, basis : str
        Which map it was and what it was fitted on; where the thresholds come from, or why there are none.
    seconds : float
    """

    settings: TwoFacesSettings
    crops: tuple[Image | None, Image | None]
    notes: tuple[str, str]
    source: Float32
    mapped: Float32
    target: Float32
    raw: DecidedScore
    score: DecidedScore | None
    map_words: str
    basis: str
    seconds: float


@dataclass(frozen=True, eq=False)
class LookedAt:
    """A picture at a size for the screen.

    Attributes
    ----------
    pixels : (h, w, 3) uint8
        RGB.
    scale : float
        How many of its pixels one of the picture is.
    points : tuple of (x, y)
        Of its face, in pixels of the picture; empty where they are not known.
    is_crop_size : bool
        Whether the picture is 112 × 112, as crops on the ArcFace template are.
    note, problem : str
        What should be known of it, and why its face is not placed.
    """

    pixels: Image
    scale: float
    points: tuple[tuple[float, float], ...]
    is_crop_size: bool
    note: str
    problem: str


class TwoFaces:
    """Compares pictures; networks, maps and pictures stay loaded, so that the next answer comes at once. For one
    thread at a time.

    Parameters
    ----------
    study : Study
    """

    def __init__(self, study: Study) -> None:
        self._study = study
        self._networks: OrderedDict[tuple[str, str, str], Network] = OrderedDict()
        self._detectors: dict[tuple[Path, int], Detector] = {}
        self._placed: OrderedDict[tuple[object, ...], PlacedFace] = OrderedDict()
        self._embedded: OrderedDict[tuple[object, ...], tuple[Image | None, str, Float32]] = OrderedDict()
        self._measures: OrderedDict[object, ImageMeasure] = OrderedDict()

    def place(self, picture: Picture, dataset: str, detector: Path | None) -> PlacedFace:
        """Decode a picture and find its face.

        Raises
        ------
        DatasetError
            When it cannot be read or no face is found.
        """
        key = self._key(picture, dataset, detector)
        if key not in self._placed:
            if picture.path is None:
                self._placed[key] = place_row(self._study.faces(dataset), picture.row)
            else:
                self._placed[key] = place_file(picture, self._detector(detector))
            while len(self._placed) > _PICTURES:
                self._placed.popitem(last=False)
        self._placed.move_to_end(key)
        return self._placed[key]

    def look(self, picture: Picture, dataset: str, detector: Path | None) -> LookedAt:
        """A picture to look at, with the points of its face where they are known; never refused for want of a face.

        Raises
        ------
        DatasetError
            When it cannot be read.
        """
        problem = ""
        try:
            face = self.place(picture, dataset, detector)
        except DatasetError as error:
            problem = f"{error.problem}: {error.remedy}" if error.remedy else error.problem
            if picture.path is None:
                raise
            face = PlacedFace(read_image(picture.path), None, None, None)
        pixels, scale = shown(face)
        height, width = face.image.shape[:2]
        points = face.landmarks if face.alignment is not Alignment.ALIGNED else None
        return LookedAt(
            pixels=pixels,
            scale=scale,
            points=() if points is None else tuple((float(x), float(y)) for x, y in points),
            is_crop_size=(height, width) == (ARCFACE_SIDE, ARCFACE_SIDE),
            note=face.note,
            problem=problem,
        )

    def row_of(self, file: Path, dataset: str) -> int:
        """Row of the only image of the dataset in that file, where the dataset says where its face lies and the file
        is as it was read; −1 for any other."""
        if not dataset:
            return -1
        try:
            faces = self._study.faces(dataset)
            if not faces.has_images or faces.alignment not in (Alignment.LANDMARKS, Alignment.ALIGNED):
                return -1
            folder, found = file.parent.resolve(), file.stat()
            name = (folder / file.name).relative_to(faces.root.resolve()).as_posix()
            names = faces.files or faces.ids
            row = names.index(name)
        except (CanonError, OSError, ValueError):  # nothing is known of it: a file like any other
            return -1
        same = (found.st_size, found.st_mtime_ns) == (faces.file_size[row], faces.mtime_ns[row])
        return row if same and name not in names[row + 1 :] else -1

    def compare(self, asked: TwoFacesSettings, ctx: JobContext) -> Comparison:
        """Embed the first picture with the source and the second with the target, and compare them.

        Raises
        ------
        DatasetError
            When a picture cannot be read, its face not found, or a model makes nothing of it.
        ModelError
            When a network cannot be run.
        SettingsError
            When a network needs to know more of a face.
        StudyError
            When nothing in the study was embedded with both models, so that there is no map.
        Cancelled
        """
        start = time.perf_counter()
        pictures = asked.first, asked.second
        models = [self._study.model(name) for name in (asked.source, asked.target)]
        crops, notes, embedded = [], [], []
        for picture, model in zip(pictures, models, strict=True):
            ctx.check()
            crop, note, embedding = self._embed(picture, model, asked)
            crops.append(crop)
            notes.append(note)
            embedded.append(embedding)
        ctx.check()
        measure = self._measured(asked, ctx)
        rows = [picture.row for picture in pictures if picture.path is None]
        pool, seen = measure.pool_of(rows, asked.matrix.dataset)
        mapped = measure.mapped(embedded[0], pool, ctx)
        ctx.check()
        raw = measure.decide(embedded[0], embedded[1], pool, ctx, raw=True)
        through = asked.source != asked.target and asked.matrix.map is not MapKind.NONE
        return Comparison(
            settings=asked,
            crops=(crops[0], crops[1]),
            notes=(notes[0], notes[1]),
            source=embedded[0],
            mapped=mapped,
            target=embedded[1],
            raw=raw,
            score=measure.decide(mapped, embedded[1], pool, ctx, raw=False) if through else None,
            map_words=measure.map_words(pool, ctx, seen=seen),
            basis=measure.basis,
            seconds=time.perf_counter() - start,
        )

    # -- private -------------------------------------------------------------------------------------------------
    def _key(self, picture: Picture, dataset: str, detector: Path | None) -> tuple[object, ...]:
        """What a picture's pixels and the place of its face depend on.

        Raises
        ------
        DatasetError
            For an image of another dataset, or of this one before it changed.
        """
        if picture.path is None:
            entry = self._study.dataset(dataset)
            if picture.fingerprint != entry.fingerprint or not 0 <= picture.row < entry.images:
                raise DatasetError(
                    f"the picture is none of '{dataset}' as it is now", path=entry.path, remedy="choose it again"
                )
            return (picture, dataset)
        return (picture, detector, _changed(picture.path))

    def _embed(
        self, picture: Picture, model: ModelEntry, asked: TwoFacesSettings
    ) -> tuple[Image | None, str, Float32]:
        """A picture's crop, what should be known of it, and its embedding of norm 1."""
        dataset = asked.matrix.dataset
        key = (
            self._key(picture, dataset, asked.detector), model.name, model.sha256, model.spec.digest(),
            self._study.revision,
        )  # fmt: skip
        if key not in self._embedded:
            self._embedded[key] = self._embed_now(picture, model, asked, dataset)
            while len(self._embedded) > _EMBEDDED:
                self._embedded.popitem(last=False)
        self._embedded.move_to_end(key)
        return self._embedded[key]

    def _embed_now(
        self, picture: Picture, model: ModelEntry, asked: TwoFacesSettings, dataset: str
    ) -> tuple[Image | None, str, Float32]:
        if picture.path is None and self._study.embedding_state(model.name, dataset).complete:
            stored = read_embeddings(
                self._study.embeddings_path(model.name, dataset), np.array([picture.row], np.int64)
            )
            crop = None
            if not model.imported and self._study.dataset(dataset).has_images:
                crop = self.place(picture, dataset, None).crop(model.spec.input)
            return crop, "", self._unit(stored, picture, model, dataset)
        if model.imported:
            raise StudyError(
                f"'{model.name}' has no network: a picture cannot be embedded with it",
                path=self._study.path,
                remedy="choose another model, or two images of the dataset",
            )
        face = self.place(picture, dataset, asked.detector)
        network = self._network(model)
        spec = network.model.spec
        crop = face.crop(spec.input)
        return crop, face.note, self._unit(network.run(to_tensor([crop], spec)), picture, model, dataset)

    def _unit(self, rows: Float32, picture: Picture, model: ModelEntry, dataset: str) -> Float32:
        """(d,) of norm 1: of the upright image alone, as in cells.

        Raises
        ------
        DatasetError
            For a row that says nothing of a face: of zeros, or not finite.
        """
        if unusable(rows).any():  # as cells find the rows that they leave out
            raise self._nothing(picture, model, dataset)
        flat = rows[:, 0] if rows.ndim == 3 else rows
        one: Float32 = unit_rows(flat).astype(np.float32, copy=False)[0]
        return one

    def _nothing(self, picture: Picture, model: ModelEntry, dataset: str) -> DatasetError:
        """That a model makes nothing of a picture, which cells leave out."""
        path = picture.path
        if path is None:
            faces = self._study.faces(dataset)
            path = faces.path(picture.row) if self._study.dataset(dataset).has_images else Path(faces.ids[picture.row])
        return DatasetError(
            f"'{model.name}' has no usable embedding of it (not finite, or nothing but zeros)",
            path=path,
            remedy="choose another image or another model",
        )

    def _network(self, model: ModelEntry) -> Network:
        key = (model.name, model.sha256, model.spec.digest())
        if key not in self._networks:
            # One picture is no work for a GPU, and its waking would take longer.
            choice = ProviderChoice("cpu", 0, "two pictures")
            network = Network(self._study.resolved(model.name), choice, threads=usable_cores(), spinning=False)
            self._networks[key] = network
            while len(self._networks) > _NETWORKS:
                self._networks.popitem(last=False)
        self._networks.move_to_end(key)
        return self._networks[key]

    def _detector(self, path: Path | None) -> Detector | None:
        if path is None:
            return None
        key = (path, _changed(path))
        if key not in self._detectors:
            self._detectors = {key: DetectorFile(path).open()}
        return self._detectors[key]

    def _measured(self, asked: TwoFacesSettings, ctx: JobContext) -> ImageMeasure:
        """The map, and what is measured of it; looked up again when anything in the study changed."""
        key = (asked.matrix, asked.source, asked.target, asked.rule, self._study.revision, self._results)
        if key not in self._measures:
            self._measures[key] = find_measure(
                self._study, asked.matrix, asked.source, asked.target, asked.rule, DECIDED_FAR, ctx
            )
            while len(self._measures) > _MEASURES:
                self._measures.popitem(last=False)
        self._measures.move_to_end(key)
        return self._measures[key]

    @property
    def _results(self) -> int:
        """Changes when a cell is stored."""
        return _changed(self._study.path / "results")


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
