"""What files and folders that are dropped on the window are taken for, by their names and what lies in them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .file_choosers import EMBEDDINGS


@dataclass(frozen=True)
class Dropped:
    """Each path is one of these, or, in ``others``, nothing that a study is made of: a picture, for example."""

    studies: tuple[Path, ...]
    networks: tuple[Path, ...]
    datasets: tuple[Path, ...]
    embeddings: tuple[Path, ...]
    others: tuple[Path, ...]

    @classmethod
    def sort(cls, paths: Iterable[Path]) -> Dropped:
        """Sort paths; looks at each on the disk."""
        found: dict[str, list[Path]] = {name: [] for name in cls.__dataclass_fields__}
        for path in paths:
            found[_kind(path)].append(path)
        return cls(**{name: tuple(of_kind) for name, of_kind in found.items()})


def _kind(path: Path) -> str:
    ending = path.suffix.lower()
    if path.suffix == ".canon" or (path / "study.json").is_file():
        return "studies"
    if path.is_dir() or ending == ".bin":
        return "datasets"
    if ending == ".onnx":
        return "networks"
    return "embeddings" if ending in EMBEDDINGS and path.is_file() else "others"
