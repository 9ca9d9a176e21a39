"""The stand-in for the demo study: rendered people and four shallow networks fitted to other rendered people."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from canon_core.datasets.images import opencv
from canon_core.demo.album import album_files, album_name, write_albums
from canon_core.demo.standin_networks import HELD_OUT, NETWORKS, PHOTOGRAPHS
from canon_core.errors import CanonError
from canon_core.jobs import JobContext, system_error
from canon_core.resources import resource

#: People of the stand-in's dataset: at 12 photographs each about ten fit images a dimension in either half.
_PEOPLE: Final = 220
_FOLDS: Final = 10
#: Genuine pairs of a fold, and as many impostor pairs.
_FOLD_PAIRS: Final = 100
_PAIRS_SEED: Final = 20220401
#: Says which program wrote the faces; written last.
_RECIPE_FILE: Final = "faces.recipe"


@dataclass(frozen=True)
class StandIn:
    """What the demo study is made of.

    Attributes
    ----------
    faces : Path
        Folder of identities, 112 × 112 crops on the ArcFace template, with ``pairs.txt`` as LFW has it.
    models : tuple of (name, Path)
        ONNX files; each has its spec beside it.
    """

    faces: Path
    models: tuple[tuple[str, Path], ...]


def standin_notice() -> str:
    """What must be said wherever the stand-in's numbers are shown."""
    return (
        "synthetic faces (stand-in): the faces are rendered and belong to nobody, and four small shallow networks, "
        "fitted to other rendered faces, stand in for trained ones; the figures show how the program works, not what "
        "the paper's networks reach"
    )


def build_standin(out: Path, ctx: JobContext) -> StandIn:
    """Render the faces into ``out``/faces, unless this program already did, and say where the networks are.

    Raises
    ------
    CanonError
        Where the folder cannot be written, or the installation is incomplete.
    Cancelled
        What was rendered is rendered again by the next call.
    """
    return StandIn(render_standin(out, range(HELD_OUT, HELD_OUT + _PEOPLE), ctx), standin_models())


def standin_models() -> tuple[tuple[str, Path], ...]:
    """Names and files of the networks.

    Raises
    ------
    CanonError
        When the installation is incomplete.
    """
    try:
        return tuple((network.name, resource("demo", f"{network.name}.onnx")) for network in NETWORKS)
    except FileNotFoundError as error:
        raise CanonError(str(error)) from None


def render_standin(out: Path, people: Sequence[int], ctx: JobContext) -> Path:
    """Render people into ``out``/faces with their pair list; the folder."""
    folder, recipe = out / "faces", _recipe(people)
    files = [file for person in people for file in album_files(folder, person, PHOTOGRAPHS)]
    try:
        mark = out / _RECIPE_FILE
        if mark.is_file() and mark.read_text(encoding="utf-8") == recipe and all(file.is_file() for file in files):
            return folder
        mark.unlink(missing_ok=True)
        folder.mkdir(parents=True, exist_ok=True)
        write_albums(folder, people, PHOTOGRAPHS, ctx)
        (folder / "pairs.txt").write_text(pair_list(people, min(_FOLDS, len(people) // 2)), encoding="utf-8")
        mark.write_text(recipe, encoding="utf-8")
    except OSError as error:
        raise system_error(error) from None
    return folder


def pair_list(people: Sequence[int], folds: int) -> str:
    """A pair list in LFW's format; no person is in two folds.

    Parameters
    ----------
    people : sequence of int
        Two or more a fold.
    folds : int
    """
    rng = np.random.default_rng(_PAIRS_SEED)
    lines = [f"{folds}\t{_FOLD_PAIRS}"]
    for fold in range(folds):
        members = [album_name(person) for person in people[fold::folds]]
        genuine = [
            (k, a, b) for k in range(len(members)) for a in range(PHOTOGRAPHS) for b in range(a + 1, PHOTOGRAPHS)
        ]
        for index in rng.choice(len(genuine), _FOLD_PAIRS, replace=False):
            k, a, b = genuine[index]
            lines.append(f"{members[k]}\t{a + 1}\t{b + 1}")
        seen: set[tuple[int, int, int, int]] = set()
        while len(seen) < _FOLD_PAIRS:
            first, second = np.sort(rng.choice(len(members), 2, replace=False)).tolist()
            a, b = rng.integers(1, PHOTOGRAPHS + 1, 2).tolist()
            if (first, a, second, b) not in seen:
                seen.add((first, a, second, b))
                lines.append(f"{members[first]}\t{a}\t{members[second]}\t{b}")
    return "\n".join(lines) + "\n"


def _recipe(people: Sequence[int]) -> str:
    """Identity of what would be rendered: the program's own text, the libraries, and who is rendered."""
    text = hashlib.sha256()
    for file in sorted(Path(__file__).parent.glob("*.py")):
        text.update(file.read_bytes())
    text.update(f"{np.__version__} {opencv().__version__} {list(people)}".encode())
    return text.hexdigest() + "\n"
