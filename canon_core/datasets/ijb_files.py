"""Where the files of IJB-C and IJB-B lie as InsightFace lays them out, and by what such a folder is recognised."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from canon_core.datasets.template_dataset import IJBB, IJBC, PublishedCounts
from canon_core.errors import DatasetError

IMAGES: Final = "loose_crop"
META: Final = "meta"
_FORMATS: Final = {"ijbc": ("IJB-C", "IJBC", IJBC, ("G1", "G2")), "ijbb": ("IJB-B", "IJBB", IJBB, ("S1", "S2"))}


@dataclass(frozen=True)
class IjbFiles:
    """Where the files of one dataset lie.

    Attributes
    ----------
    format : str
        ``ijbc`` or ``ijbb``.
    folder : Path
        Holds ``loose_crop`` and ``meta``.
    prefix : str
        What the names of another dataset's files begin with; empty for IJB-C and IJB-B themselves.
    """

    format: str
    folder: Path
    prefix: str = ""

    @property
    def title(self) -> str:
        """``IJB-C``, ``IJB-B``, or what another dataset's files are called by."""
        return f"'{self.prefix}'" if self.prefix else _FORMATS[self.format][0]

    @property
    def published(self) -> PublishedCounts | None:
        """What should be in them, where that is known."""
        return None if self.prefix else _FORMATS[self.format][2]

    @property
    def galleries(self) -> tuple[str, str]:
        """Names of the two galleries."""
        return _FORMATS[self.format][3]

    def meta(self, name: str) -> Path:
        """``ijbc_<name>`` in ``meta``."""
        return self.folder / META / f"{self.prefix or self.format}_{name}"

    @property
    def images(self) -> Path:
        """List of images with template and media."""
        return self.meta("face_tid_mid.txt")

    @property
    def pairs(self) -> Path:
        """List of pairs with labels."""
        return self.meta("template_pair_label.txt")

    @property
    def searched(self) -> tuple[Path, ...]:
        """Both galleries, and the probes."""
        stems = (*(f"1N_gallery_{name}.csv" for name in self.galleries), "1N_probe_mixed.csv")
        return tuple(map(self.meta, stems))

    @property
    def points(self) -> Path:
        """Landmarks and detector scores."""
        return self.meta("name_5pts_score.txt")

    @property
    def covariates(self) -> Path:
        """What else is known of the images; no published release brings it."""
        return self.meta("covariates.csv")


def find_ijb(path: Path, wanted: str | None = None) -> tuple[IjbFiles | None, str]:
    """Look for InsightFace's layout in a folder, below it (``IJBC``, ``IJBB``), and in its parents.

    Another dataset in that layout, whose files begin with a name of its own, is read as IJB-C's are.

    Parameters
    ----------
    path : Path
        The folder, or one inside it such as ``meta`` or ``loose_crop``, or a file there.
    wanted : str, optional
        ``ijbc`` or ``ijbb``; either unless given.

    Returns
    -------
    files : IjbFiles or None
        What was found.
    why : str
        By which file it was recognised, or what was looked for.

    Raises
    ------
    DatasetError
        When there are both and nobody says which is meant.
    """
    path = Path(os.path.abspath(path))
    formats = [wanted] if wanted else list(_FORMATS)
    for folder in (path, *(path / _FORMATS[name][1] for name in formats), *list(path.parents)[:2]):
        found = [files for name in formats if is_file((files := IjbFiles(name, folder)).images)]
        if len(found) == 2 or (folder.parent == path and len(_below(path, formats)) == 2):
            raise DatasetError(
                "holds both IJB-C and IJB-B", path=path, remedy="say --format ijbc or --format ijbb, or give its folder"
            )
        if found:
            return found[0], f"{found[0].title} in InsightFace's layout, by {found[0].images}"
    if "ijbc" in formats:
        for folder in (path, path.parent):
            others = _others(folder)
            if len(others) == 1:
                files = IjbFiles("ijbc", folder, others[0])
                return files, f"{files.title} in InsightFace's layout of IJB-C, by {files.images}"
    names = " or ".join(f"{META}/{name}_face_tid_mid.txt" for name in formats)
    packed = [packed for name in formats if is_file(packed := Path(f"{IjbFiles(name, path).images}.gz"))]
    hint = f" ({packed[0]} is compressed: unpack it with gunzip)" if packed else ""
    return None, f"no {names} in {path}, below it or in its parents{hint}"


def is_file(path: Path) -> bool:
    """Whether a file lies there, as far as one may look."""
    try:
        return path.is_file()
    except OSError:  # a folder that may not be looked into
        return False


# -- private ---------------------------------------------------------------------------------------------------------
def _others(folder: Path) -> list[str]:
    """Beginnings of the names of lists of images that are neither IJB-C's nor IJB-B's."""
    ending = "_face_tid_mid.txt"
    try:
        found = [entry.name.removesuffix(ending) for entry in (folder / META).glob(f"?*{ending}")]
    except OSError:
        return []
    return sorted(name for name in found if name not in _FORMATS)


def _below(path: Path, formats: list[str]) -> list[str]:
    return [name for name in formats if is_file(IjbFiles(name, path / _FORMATS[name][1]).images)]
