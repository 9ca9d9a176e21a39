"""The demo's world on disk: rendered photographs and their protocol, laid out as InsightFace lays out IJB-C.

Run as ``python -m canon_core.demo.world_files FOLDER HARDNESS FIRST COUNT PERSON …`` it renders the photographs of
these people of the world of ``COUNT`` people from number ``FIRST``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from canon_core.demo.covariates import covariate_lines
from canon_core.demo.identity import draw_identity
from canon_core.demo.photo_file import SIDE, jpeg, write_whole
from canon_core.demo.render import render_run
from canon_core.demo.workers import serve, share_among_processes
from canon_core.demo.world import TemplatePlan, World, conditions_of, draw_world
from canon_core.jobs import JobContext, system_error

#: Name of the layout's files: ``meta/demo_face_tid_mid.txt`` and so on.
PREFIX: Final = "demo"
#: Of the photographs' conditions. Chosen on people of the networks' validation
#: (:mod:`canon_core.demo.training.hardness`), so that the networks do not saturate.
HARDNESS: Final = 1.7


def write_world(folder: Path, people: range, ctx: JobContext, hardness: float = HARDNESS) -> World:
    """Render everybody and write the protocol; what an earlier call rendered is kept.

    Parameters
    ----------
    folder : Path
        Gets ``loose_crop/`` and ``meta/``.
    people : range
        Numbers of the identities.
    ctx : JobContext
        Progress in images; cancelled within a second.
    hardness : float
        Of the photographs' conditions.

    Raises
    ------
    CanonError
        Where the files cannot be written.
    """
    world = draw_world(people)
    sizes = {person: len(world.of_person(person)) for person in people}
    try:
        for part in ("loose_crop", "meta", "points"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        waiting = [person for person in people if not _points_file(folder, person).is_file()]
        if waiting:
            share_among_processes(
                "canon_core.demo.world_files",
                [str(folder), str(hardness), str(people.start), str(len(people))],
                waiting,
                lambda person: render_person(folder, world, person, hardness),
                folder,
                ctx,
                images=[sizes[person] for person in waiting],
                what="rendering faces",
            )
        _write_meta(folder, world, hardness)
    except OSError as error:
        raise system_error(error) from None
    return world


def render_person(folder: Path, world: World, person: int, hardness: float = HARDNESS) -> None:
    """Render one person's photographs; their points are written last."""
    numbered = world.of_person(person)
    conditions = conditions_of([shot for _, shot in numbered], hardness)
    faces = render_run(draw_identity(person), conditions, SIDE)
    lines = []
    for (number, _), face in zip(numbered, faces, strict=True):
        write_whole(folder / "loose_crop" / f"{number}.jpg", jpeg(face.image))
        points = " ".join(f"{value:.3f}" for value in face.landmarks.ravel())
        lines.append(f"{number}.jpg {points} {face.score:.6f}")
    write_whole(_points_file(folder, person), "".join(f"{line}\n" for line in lines).encode())


def _points_file(folder: Path, person: int) -> Path:
    return folder / "points" / f"{person}.txt"


def _write_meta(folder: Path, world: World, hardness: float) -> None:
    """The protocol's files; every enrolment template is compared with every verification template."""
    rows, number = [], 0
    for plan in world.templates:
        for shot in plan.shots:
            number += 1
            rows.append(f"{number}.jpg {plan.template} {shot.medium}")
    points: dict[int, str] = {}
    for person in world.people:
        for line in _points_file(folder, person).read_text().splitlines():
            points[int(line.split(".", 1)[0])] = line
    _meta(folder, "face_tid_mid.txt", rows)
    _meta(folder, "name_5pts_score.txt", (points[place] for place in range(1, number + 1)))
    enrolled = [plan for plan in world.templates if plan.enrolled]
    _meta(
        folder,
        "template_pair_label.txt",
        (
            f"{one.template} {other.template} {int(one.person == other.person)}"
            for one in enrolled
            for other in world.probes
        ),
    )
    header = "TEMPLATE_ID,SUBJECT_ID"
    for name in (1, 2):
        _meta(folder, f"1N_gallery_G{name}.csv", [header, *(_who(plan) for plan in world.gallery(name))])
    _meta(folder, "1N_probe_mixed.csv", [header, *(_who(plan) for plan in world.probes)])
    _meta(folder, "covariates.csv", covariate_lines(world, hardness))


def _who(plan: TemplatePlan) -> str:
    return f"{plan.template},{plan.person}"


def _meta(folder: Path, name: str, lines: Iterable[str]) -> None:
    write_whole(folder / "meta" / f"{PREFIX}_{name}", "".join(f"{line}\n" for line in lines).encode())


if __name__ == "__main__":
    _folder, _hardness, _first, _count, *_people = sys.argv[1:]
    _world = draw_world(range(int(_first), int(_first) + int(_count)))
    sys.exit(serve(_people, lambda person: render_person(Path(_folder), _world, person, float(_hardness))))
