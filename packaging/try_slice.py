"""A slice of the demo, a dozen rendered people and four networks, through every command that computes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from trial import Failed, Trial

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from canon_core.demo.people import HELD_OUT
from canon_core.demo.world_files import write_world
from canon_core.jobs import JobContext

#: People in the slice, and its networks: several sizes of input and of embedding.
PEOPLE = 12
NETWORKS = ("V_R8_A", "M2_R16_A", "C_9S_PFE", "G_R10_P1.0")
#: Where the slice is read off: fewer false accepts than at this FAR say nothing among its few pairs.
FAR = "1e-1"
#: Bounds between which nothing of this slice falls: rotations bring .97 of the genuine pairs, shuffled ones .11.
ALIGNED, UNALIGNED = 0.8, 0.4


def compute(trial: Trial, study: Path, folder: Path) -> None:
    """Render the people, make the study, and go through the commands as the work goes."""
    faces = folder / "faces"
    trial.step(f"{PEOPLE} people, rendered by the checkout", lambda: render(faces))
    trial.step("new, add-model, add-dataset", lambda: make_study(trial, study, faces))
    trial.step("embed", lambda: embed(trial, study))
    trial.step("matrix, linear", lambda: matrix(trial, study, "linear"))
    trial.step("matrix, rotation", lambda: matrix(trial, study, "rotation"))
    trial.step("identify", lambda: identify(trial, study))
    trial.step("sensitivity, and its control", lambda: sensitivity(trial, study))
    trial.step("pairs", lambda: pairs(trial, study, folder / "pairs.csv"))
    trial.step("overlay, which compiles UMAP", lambda: overlay(trial, study, folder / "overlay-1.png", seed=1))
    trial.step("overlay, UMAP from the user's cache", lambda: overlay(trial, study, folder / "overlay-2.svg", seed=2))
    trial.step("export", lambda: export(trial, study, folder / "figures"))
    trial.step("methods", lambda: methods(trial, study))


def look_after(trial: Trial, study: Path, folder: Path) -> None:
    """What is done with a study that is there."""
    trial.step("locate", lambda: locate(trial, study, folder))
    trial.step("clear", lambda: clear(trial, study))


def render(faces: Path) -> str:
    world = write_world(faces, range(HELD_OUT, HELD_OUT + PEOPLE), JobContext())
    return f"{sum(len(world.of_person(person)) for person in world.people)} photographs"


def make_study(trial: Trial, study: Path, faces: Path) -> str:
    demo = trial.program.resolve().parent / "_internal" / "resources" / "demo"
    trial.canon("new", str(study))
    for name in NETWORKS:
        if not (demo / f"{name}.onnx").is_file():
            raise Failed(f"the demo's network {name} is not in the bundle")
        trial.canon("add-model", str(study), str(demo / f"{name}.onnx"))
    trial.canon("add-dataset", str(study), str(faces), "--format", "ijbc")
    return ", ".join(NETWORKS)


def embed(trial: Trial, study: Path) -> str:
    trial.canon("embed", str(study), "--provider", "cpu")
    return ""


def matrix(trial: Trial, study: Path, kind: str) -> str:
    found = json.loads(trial.canon("matrix", str(study), "--map", kind, "--far", FAR, "--json", "-"))
    rows = found["tar"]
    if tuple(found["models"]) != NETWORKS or any(cell is None for row in rows for cell in row):
        raise Failed(f"the matrix is not whole: {found}")
    across = [cell[0] for k, row in enumerate(rows) for j, cell in enumerate(row) if j != k]
    mean = sum(across) / len(across)
    if mean < ALIGNED:
        raise Failed(f"mean TAR {mean:.3f} across models at FAR {FAR}, not {ALIGNED}: {rows}")
    return f"mean TAR {mean:.3f} across models at FAR {FAR}"


def identify(trial: Trial, study: Path) -> str:
    rank = json.loads(trial.canon("identify", str(study), "--json", "-"))["rank"]
    first = [cell[0] for row in rank for cell in row]
    if len(first) != len(NETWORKS) ** 2 or min(first) < ALIGNED:
        raise Failed(f"rank-1 rates: {rank}")
    return f"rank-1 {min(first):.3f} to {max(first):.3f}"


def sensitivity(trial: Trial, study: Path) -> str:
    """By a few pairs, and by pairs that are none: the control must fail where the other does not."""
    asked = ("sensitivity", str(study), "--pairs", "32", "--repeats", "1", "--far", FAR, "--json", "-")
    (((few,),),), (((none,),),) = (json.loads(trial.canon(*asked, *more))["tar"] for more in ((), ("--shuffled",)))
    if not none < UNALIGNED < ALIGNED < few:
        raise Failed(f"32 pairs bring {few}, 32 shuffled ones {none}")
    return f"TAR {few:.3f} by 32 pairs, {none:.3f} by 32 shuffled ones"


def pairs(trial: Trial, study: Path, table: Path) -> str:
    source, target, *_ = NETWORKS
    trial.canon("pairs", str(study), "--source", source, "--target", target, "--far", FAR, "--out", str(table))
    lines = table.read_text(encoding="utf-8").splitlines()
    rows = [line for line in lines if not line.startswith("#")][1:]
    if not rows:
        raise Failed(f"no pair in the list: {lines}")
    return f"{len(rows)} false matches listed"


def methods(trial: Trial, study: Path) -> str:
    text = trial.canon("methods", str(study))
    missing = [name for name in (*NETWORKS, "SHA-256", "Software: Canon Explorer ") if name not in text]
    if missing:
        raise Failed(f"the methods text lacks {missing}:\n{text}")
    return f"{len(text.split())} words"


def locate(trial: Trial, study: Path, folder: Path) -> str:
    moved = (folder / "faces").rename(folder / "faces elsewhere")
    trial.canon("locate", str(study), str(moved), "--dataset", "faces")
    trial.canon("info", str(study))
    return ""


def clear(trial: Trial, study: Path) -> str:
    def held() -> dict[str, int]:
        kept = json.loads(trial.canon("clear", str(study), "--list", "--json", "-"))
        return {kind: found["files"] for kind, found in kept.items()}

    before = held()
    trial.canon("clear", str(study))
    after = held()
    if "cells" not in before or after != {"embeddings": before["embeddings"]}:
        raise Failed(f"cleared from {before} to {after}")
    return f"{sum(before.values()) - sum(after.values())} files of results"


def export(trial: Trial, study: Path, out: Path) -> str:
    trial.canon("export", str(study), "--map", "linear", "--out", str(out), "--format", "pdf,svg,png")
    kinds = sorted({path.suffix for path in out.rglob("*") if path.is_file() and path.stat().st_size > 0})
    if not {".pdf", ".svg", ".png"} <= set(kinds):
        raise Failed(f"not every kind of figure was written: {kinds}")
    return ", ".join(kinds)


def overlay(trial: Trial, study: Path, picture: Path, *, seed: int) -> str:
    """UMAP in its own process, which a bundle starts as itself, with what numba compiles in the user's cache."""
    source, target, *_ = NETWORKS
    points = picture.with_suffix(".csv")
    asked = ("--source", source, "--target", target, "--neighbours", "5", "--seed", str(seed))
    trial.canon("overlay", str(study), *asked, "--out", str(picture), "--csv", str(points))
    rows = len(points.read_text(encoding="utf-8").splitlines()) - 1
    compiled = sum(1 for _ in (trial.home / ".cache" / "canon-explorer" / "numba").rglob("*.nbc"))
    if not picture.stat().st_size or rows <= 0 or not compiled:
        raise Failed(f"{rows} points in the table, {compiled} compiled functions in the cache")
    return f"{rows} rows, {compiled} compiled functions in the cache"
