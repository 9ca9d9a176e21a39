"""The demo study: rendered people who are strangers to the demo's networks, in IJB-C's layout and in LFW's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from canon_core.datasets.options import DatasetOptions
from canon_core.demo.fold_faces import landmarks_file, photos_folder, write_fold_faces
from canon_core.demo.networks import DATASET, FOLDS, NETWORKS, TEN, network_file
from canon_core.demo.people import HELD_OUT
from canon_core.demo.rendered import prepare_folder
from canon_core.demo.world_files import HARDNESS, write_world
from canon_core.embedding.embed import EmbedOptions
from canon_core.errors import CanonError, ModelError
from canon_core.experiments.embedding import embed_study
from canon_core.jobs import JobContext, system_error
from canon_core.study.manifest import MANIFEST
from canon_core.study.study import Study

#: Name of the study's folder.
STUDY_FOLDER: Final = "demo.canon"
_FACES, _FOLD_FACES = "faces", "folds"


@dataclass(frozen=True)
class DemoPlan:
    """How large the demo is.

    Attributes
    ----------
    people, fold_people : range
        Identities of the set in IJB-C's shape, and of the one in LFW's.
    networks : tuple of str
        Names of bundled networks.
    steps : tuple of int
        Fit pairs a map, beside all there are.
    repeats : int
        Random subsets of each size.
    """

    people: range = range(HELD_OUT, HELD_OUT + 360)
    fold_people: range = range(HELD_OUT + 1000, HELD_OUT + 1320)
    networks: tuple[str, ...] = NETWORKS
    steps: tuple[int, ...] = (64, 256, 1024)
    repeats: int = 2

    @property
    def counted(self) -> tuple[str, ...]:
        """Those of the ten networks that take part: what means are taken over."""
        return tuple(name for name in self.networks if name in TEN)


def demo_notice(plan: DemoPlan) -> str:
    """What must be said wherever the demo's numbers are shown."""
    return (
        f"synthetic faces: {len(plan.people)} rendered people who belong to nobody, and small networks trained on other"
        " rendered people. All of them learned one renderer's people, so alignment is partly built in: the demo shows"
        " the tool and the method; the evidence is in real data"
    )


def open_demo_study(out: Path, plan: DemoPlan, ctx: JobContext) -> Study:
    """Render the faces below ``out``, and make or open the study ``out/demo.canon`` of them; nothing is done twice.

    Returns
    -------
    Study
        Open for writing, with every network and both datasets, embedded.

    Raises
    ------
    CanonError
        Where the folder cannot be written, or the installation is incomplete.
    Cancelled
        What was done is kept, and goes on with the next call.
    """
    renewed = _render(out, plan, ctx)
    folder = out / STUDY_FOLDER
    study = Study.open(folder, owner="canon demo") if (folder / MANIFEST).exists() else Study.create(folder)
    try:
        _put_in_networks(study, plan)
        _put_in_faces(study, out, renewed, ctx)
        for dataset in (DATASET, FOLDS):
            embed_study(study, dataset, plan.networks, EmbedOptions(), ctx)
    except BaseException:
        study.close()
        raise
    return study


def _render(out: Path, plan: DemoPlan, ctx: JobContext) -> frozenset[str]:
    """Render what is missing; the datasets whose faces are not those of an earlier call."""
    folders = {DATASET: (out / _FACES, plan.people), FOLDS: (out / _FOLD_FACES, plan.fold_people)}
    try:
        renewed = [
            name
            for name, (folder, people) in folders.items()
            if prepare_folder(folder, f"{name}: {people}, hardness {HARDNESS}")
        ]
    except OSError as error:
        fault = system_error(error)
        raise CanonError(fault.problem, path=fault.path or out, remedy="choose another with --out") from None
    write_world(out / _FACES, plan.people, ctx)
    write_fold_faces(out / _FOLD_FACES, plan.fold_people, ctx)
    return frozenset(renewed)


def _put_in_networks(study: Study, plan: DemoPlan) -> None:
    """Add the networks; those of another version of the program are replaced, those that only lie elsewhere now (the
    program moved) are found again, and keep what was made with them."""
    for name in plan.networks:
        file = network_file(name)
        entry = next((entry for entry in study.models if entry.name == name), None)
        if entry is not None and not _same_file(entry.file, file):
            try:
                study.locate_model(name, file)
            except ModelError:
                study.remove_model(name)
                entry = None
        if entry is None:
            study.add_model(file, name=name)


def _put_in_faces(study: Study, out: Path, renewed: frozenset[str], ctx: JobContext) -> None:
    held = {entry.name for entry in study.datasets}
    folds = out / _FOLD_FACES
    sets = {
        DATASET: (out / _FACES, DatasetOptions(format="ijbc")),
        FOLDS: (photos_folder(folds), DatasetOptions(format="lfw", landmarks=landmarks_file(folds))),
    }
    for name, (path, options) in sets.items():
        if name in renewed & held:
            study.remove_dataset(name)
        if name in renewed or name not in held:
            study.add_dataset(path, options, ctx, name)


def _same_file(one: Path, other: Path) -> bool:
    return one == other or (one.is_file() and one.read_bytes() == other.read_bytes())
