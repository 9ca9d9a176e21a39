"""Template protocols (IJB): which images make up a template, which templates are compared, who is searched where."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from canon_core.datasets.covariates import Covariate, Kind
from canon_core.errors import StoreError

#: Changes when the meaning of a fingerprint changes, so that old results are not taken for new.
_FINGERPRINT_VERSION: Final = b"canon templates 1\n"
_REMEDY: Final = "remove the dataset and add it again"
#: Stands for a subject nobody named.
UNKNOWN: Final = -1


@dataclass(frozen=True, eq=False)
class VerificationProtocol:
    """Templates, and the pairs of them that are compared (facts.md, *IJB-C and IJB-B*).

    A template is known by its *position* in the table ``template_ids``; the ids of the files are sparse and stand in
    that table only. Row i of ``template`` and ``media`` is image i of the dataset and of its embeddings.

    Attributes
    ----------
    template_ids : (t,) int64
        Id of each template as in the files, ascending.
    subjects : (t,) int64
        Subject id of each template, :data:`UNKNOWN` where nobody says.
    enrolled : (t,) bool
        Whether the template occurs as ``p1``: its images are the ones maps are fitted on.
    template : (n,) int32
        Position of each image's template.
    media : (n,) int64
        Media id of each image: the frames of one video share it. Only equality within a template matters.
    p1, p2 : (k,) int32
        Positions of the enrolment and of the verification template of each pair.
    genuine : (k,) bool
        Whether both are of one subject.
    """

    template_ids: NDArray[np.int64]
    subjects: NDArray[np.int64]
    enrolled: NDArray[np.bool_]
    template: NDArray[np.int32]
    media: NDArray[np.int64]
    p1: NDArray[np.int32]
    p2: NDArray[np.int32]
    genuine: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.p1)

    @property
    def images(self) -> int:
        """How many image rows there are."""
        return len(self.template)

    @property
    def templates(self) -> int:
        """How many templates there are."""
        return len(self.template_ids)

    @cached_property
    def genuine_count(self) -> int:
        """How many pairs are genuine."""
        return int(np.count_nonzero(self.genuine))

    @cached_property
    def fingerprint(self) -> str:
        """sha256 over the whole protocol."""
        digest = hashlib.sha256(_FINGERPRINT_VERSION)
        for name, dtype in _COLUMNS.items():
            array = getattr(self, name)
            digest.update(f"{name} {len(array)}\n".encode())
            digest.update(np.ascontiguousarray(array, dtype=dtype).data)
        return digest.hexdigest()

    def check(self) -> None:
        """Raise ValueError when the parts do not fit together."""
        for name, dtype in _COLUMNS.items():
            array = getattr(self, name)
            if array.ndim != 1 or array.dtype.newbyteorder("=") != np.dtype(dtype).newbyteorder("="):
                raise ValueError(f"{name} is {array.dtype} {array.shape}")
        for group in (("template_ids", "subjects", "enrolled"), ("template", "media"), ("p1", "p2", "genuine")):
            if len({len(getattr(self, name)) for name in group}) > 1:
                raise ValueError(f"{', '.join(group)} differ in length")
        if (np.diff(self.template_ids) <= 0).any():
            raise ValueError("template ids are not ascending")
        for name in ("template", "p1", "p2"):
            positions = getattr(self, name)
            if len(positions) and not 0 <= int(positions.min()) <= int(positions.max()) < self.templates:
                raise ValueError(f"{name} names a template that does not exist")

    def keep_images(self, kept: NDArray[np.bool_]) -> VerificationProtocol:
        """The protocol without some images, and without templates left empty and their pairs.

        Parameters
        ----------
        kept : (n,) bool
            Which images stay.
        """
        filled = np.zeros(self.templates, bool)
        filled[self.template[kept]] = True
        position = (np.cumsum(filled) - 1).astype(np.int32)
        pairs = filled[self.p1] & filled[self.p2]
        p1 = position[self.p1[pairs]]
        return replace(
            self,
            template_ids=self.template_ids[filled],
            subjects=self.subjects[filled],
            enrolled=self.enrolled[filled],
            template=position[self.template[kept]],
            media=self.media[kept],
            p1=p1,
            p2=position[self.p2[pairs]],
            genuine=self.genuine[pairs],
        )

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Everything as arrays by name, for :func:`canon_core.store.arrays.save_arrays` (``compress=False``: 15.7
        million pairs are read back in a fraction of a second)."""
        arrays = {name: getattr(self, name) for name in _COLUMNS}
        return {**arrays, "protocol_fingerprint": np.array([self.fingerprint], dtype=object)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Any], *, path: Path | None = None) -> VerificationProtocol:
        """What :meth:`to_arrays` gave; its fingerprint is taken as stored, because hashing all pairs takes longer than
        reading them.

        Raises
        ------
        StoreError
            When an array is missing or they do not fit together; ``path`` is named as the file they came from.
        """
        try:
            protocol = cls(**{name: np.asarray(arrays[name]) for name in _COLUMNS})
            protocol.check()
            (fingerprint,) = np.asarray(arrays["protocol_fingerprint"]).tolist()
            if not isinstance(fingerprint, str) or len(fingerprint) != 64:
                raise ValueError("its fingerprint is none")
        except (KeyError, TypeError, ValueError) as error:
            raise _damaged(error, path) from error
        protocol.__dict__["fingerprint"] = fingerprint
        return protocol


#: Arrays of a verification protocol and their types on disk and in the fingerprint.
_COLUMNS: Final = {
    "template_ids": "<i8",
    "subjects": "<i8",
    "enrolled": "?",
    "template": "<i4",
    "media": "<i8",
    "p1": "<i4",
    "p2": "<i4",
    "genuine": "?",
}


@dataclass(frozen=True, eq=False)
class Gallery:
    """Templates that are searched: their positions in the table of templates, and who they are.

    Attributes
    ----------
    name : str
        ``G1``, ``G2`` (IJB-C) or ``S1``, ``S2`` (IJB-B).
    templates : (g,) int32
        Positions in :attr:`VerificationProtocol.template_ids`.
    subjects : (g,) int64
        Subject ids.
    """

    name: str
    templates: NDArray[np.int32]
    subjects: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.templates)


@dataclass(frozen=True, eq=False)
class IdentificationProtocol:
    """1:N search: every probe is looked for in each gallery separately.

    Attributes
    ----------
    galleries : tuple of Gallery
        Searched one by one.
    probes : (m,) int32
        Positions in :attr:`VerificationProtocol.template_ids`.
    probe_subjects : (m,) int64
        Subject ids; a probe whose subject is in no template of a gallery is *not mated* there.
    """

    galleries: tuple[Gallery, ...]
    probes: NDArray[np.int32]
    probe_subjects: NDArray[np.int64]

    @cached_property
    def fingerprint(self) -> str:
        """sha256 over galleries and probes."""
        digest = hashlib.sha256(_FINGERPRINT_VERSION)
        for name, array in sorted(self.to_arrays().items()):
            digest.update(f"{name} {len(array)}\n".encode())
            digest.update("\0".join(array).encode() if array.dtype == object else np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Everything as arrays by name."""
        arrays: dict[str, NDArray[Any]] = {
            "gallery_names": np.array([gallery.name for gallery in self.galleries], dtype=object),
            "probes": self.probes,
            "probe_subjects": self.probe_subjects,
        }
        for number, gallery in enumerate(self.galleries):
            arrays[f"gallery_{number}_templates"] = gallery.templates
            arrays[f"gallery_{number}_subjects"] = gallery.subjects
        return arrays

    @classmethod
    def from_arrays(
        cls, arrays: Mapping[str, Any], templates: int, *, path: Path | None = None
    ) -> IdentificationProtocol:
        """What :meth:`to_arrays` gave, for a table of ``templates`` templates.

        Raises
        ------
        StoreError
            When an array is missing or they do not fit together.
        """
        try:
            names = np.asarray(arrays["gallery_names"]).tolist()
            galleries = tuple(
                Gallery(
                    str(name),
                    *_searched(arrays[f"gallery_{number}_templates"], arrays[f"gallery_{number}_subjects"], templates),
                )
                for number, name in enumerate(names)
            )
            probes = _searched(arrays["probes"], arrays["probe_subjects"], templates)
        except (KeyError, TypeError, ValueError) as error:
            raise _damaged(error, path) from error
        return cls(galleries, *probes)

    def renumbered(self, before: VerificationProtocol, after: VerificationProtocol) -> IdentificationProtocol:
        """The same search over another table, without templates that it no longer holds."""

        def moved(templates: NDArray[np.int32], subjects: NDArray[np.int64]) -> tuple[Any, Any]:
            positions = positions_of(before.template_ids[templates], after.template_ids)
            kept = positions >= 0
            return positions[kept], subjects[kept]

        return IdentificationProtocol(
            tuple(Gallery(gallery.name, *moved(gallery.templates, gallery.subjects)) for gallery in self.galleries),
            *moved(self.probes, self.probe_subjects),
        )


@dataclass(frozen=True, eq=False)
class TemplateProtocols:
    """Everything that is asked of a template dataset; row i of each is image i of the dataset.

    Attributes
    ----------
    verification : VerificationProtocol
        Templates and pairs.
    search : IdentificationProtocol or None
        1:N, where the dataset has it.
    covariates : tuple of Covariate
        Yaw, gender, skin tone, … of each image, where the dataset says.
    """

    verification: VerificationProtocol
    search: IdentificationProtocol | None = None
    covariates: tuple[Covariate, ...] = ()

    @cached_property
    def compared(self) -> str:
        """sha256 over what is compared and searched: all that scores depend on."""
        return self._compared.hexdigest()

    @cached_property
    def fingerprint(self) -> str:
        """sha256 over all three; without covariates the same as :attr:`compared`."""
        digest = self._compared
        for covariate in self.covariates:
            digest.update("\0".join((covariate.name, covariate.kind, *covariate.classes)).encode() + b"\n")
            digest.update(np.ascontiguousarray(covariate.values, dtype="<f4").data)
        return digest.hexdigest()

    @property
    def _compared(self) -> hashlib._Hash:
        digest = hashlib.sha256(_FINGERPRINT_VERSION)
        digest.update(f"{self.verification.fingerprint} {self.search.fingerprint if self.search else None}\n".encode())
        return digest

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Everything as arrays by name, for a file of their own: ``FaceImages`` has arrays of the same names."""
        arrays = self.verification.to_arrays()
        if self.search is not None:
            arrays |= self.search.to_arrays()
        arrays["covariate_names"] = _texts(covariate.name for covariate in self.covariates)
        arrays["covariate_kinds"] = _texts(str(covariate.kind) for covariate in self.covariates)
        for number, covariate in enumerate(self.covariates):
            arrays[f"covariate_{number}_values"] = covariate.values
            arrays[f"covariate_{number}_classes"] = _texts(covariate.classes)
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Any], *, path: Path | None = None) -> TemplateProtocols:
        """What :meth:`to_arrays` gave; arrays it does not know are ignored.

        Raises
        ------
        StoreError
            When an array is missing or they do not fit together; ``path`` is named as the file they came from.
        """
        verification = VerificationProtocol.from_arrays(arrays, path=path)
        search = None
        if "gallery_names" in arrays:
            search = IdentificationProtocol.from_arrays(arrays, verification.templates, path=path)
        try:
            names = np.asarray(arrays["covariate_names"]).tolist()
            kinds = np.asarray(arrays["covariate_kinds"]).tolist()
            covariates = tuple(
                _covariate(arrays, number, str(name), Kind(kind), verification.images)
                for number, (name, kind) in enumerate(zip(names, kinds, strict=True))
            )
        except (KeyError, TypeError, ValueError) as error:
            raise _damaged(error, path) from error
        return cls(verification, search, covariates)


def positions_of(ids: NDArray[np.integer[Any]], table: NDArray[np.int64]) -> NDArray[np.int32]:
    """Position of each id in an ascending table of ids, -1 where it is not there; ids may be sparse or huge."""
    if not len(table):
        return np.full(len(ids), -1, np.int32)
    low, high = int(table[0]), int(table[-1])
    if not -(2**30) < low <= high < 2**30:  # else differences fit into int32 as well
        ids = ids.astype(np.int64, copy=False)
    if high - low < 16 * len(table) + 2**20:  # a direct table: 15.7 million look-ups in a tenth of the time
        direct = np.full(high - low + 1, -1, np.int32)
        direct[table - low] = np.arange(len(table), dtype=np.int32)
        inside = (ids >= low) & (ids <= high)
        if not inside.all():
            return np.where(inside, direct[np.where(inside, ids - low, 0)], np.int32(-1))
        positions: NDArray[np.int32] = direct[ids - low]
        return positions
    found = np.minimum(np.searchsorted(table, ids), len(table) - 1)
    return np.where(table[found] == ids, found, -1).astype(np.int32)


# -- private ---------------------------------------------------------------------------------------------------------
def _searched(templates: Any, subjects: Any, table: int) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    positions, names = np.asarray(templates), np.asarray(subjects)
    if positions.dtype != np.int32 or names.dtype != np.int64 or positions.ndim != 1 or positions.shape != names.shape:
        raise ValueError("galleries and probes are no lists of templates with their subjects")
    if len(positions) and not 0 <= int(positions.min()) <= int(positions.max()) < table:
        raise ValueError("a gallery or probe names a template that does not exist")
    return positions, names


def _covariate(arrays: Mapping[str, Any], number: int, name: str, kind: Kind, images: int) -> Covariate:
    values = np.asarray(arrays[f"covariate_{number}_values"])
    classes = tuple(map(str, np.asarray(arrays[f"covariate_{number}_classes"]).tolist()))
    if values.dtype != np.float32 or values.shape != (images,):
        raise ValueError(f"covariate {name[:80]} is {values.dtype} {values.shape}")
    known = values[~np.isnan(values)]
    if kind is Kind.CLASS and not ((known >= 0) & (known < len(classes)) & (known == np.floor(known))).all():
        raise ValueError(f"covariate {name[:80]} names a class that does not exist")
    return Covariate(name, kind, values, classes)


def _texts(texts: Iterable[str]) -> NDArray[Any]:
    return np.array(list(texts), dtype=object)


def _damaged(error: Exception, path: Path | None) -> StoreError:
    what = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
    return StoreError(f"the stored protocol is damaged ({what})", path=path, remedy=_REMEDY)
