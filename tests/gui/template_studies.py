"""Small studies of templates, made without a single image: protocol files as people have them, and embeddings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from canon_core.datasets.options import DatasetOptions
from canon_core.experiments.confidence import run_confidence
from canon_core.experiments.groups import run_groups
from canon_core.experiments.identify import run_identify
from canon_core.experiments.matrix import read_histogram, run_matrix
from canon_core.jobs import JobContext
from canon_core.study.confidence_results import Confidence
from canon_core.study.group_results import GroupRates
from canon_core.study.identification_results import IdentificationMatrix, IdentifySettings
from canon_core.study.results import Matrix, MatrixSettings
from canon_core.study.study import Study
from canon_core.verification.roc import FarRule
from canon_core.verification.score_histogram import ScoreHistogram

_HEADER = "TEMPLATE_ID,SUBJECT_ID,FILENAME,SIGHTING_ID,FACE_X,FACE_Y,FACE_WIDTH,FACE_HEIGHT,GENDER,YAW"
MODELS = {"north": 24, "east": 16, "south": 20}


def nist_files(folder: Path, subjects: int = 60, seed: int = 0) -> np.ndarray:
    """Protocol files of NIST's first release with two covariates; the subject of every row, in the dataset's order.

    Every subject is enrolled in one of two galleries and has two probe templates; one in six subjects has probes alone.
    Every tenth subject's GENDER is not known, and every ninth template mixes both.
    """
    rng = np.random.default_rng(seed)
    galleries: tuple[list[str], list[str]] = ([], [])
    probes: list[str] = []
    matches: list[str] = []
    of_gallery: tuple[list[int], list[int]] = ([], [])
    of_probe: list[int] = []
    image, enrolled, verified = 0, [], []

    def rows(template: int, subject: int, count: int) -> list[str]:
        nonlocal image
        lines = []
        for number in range(count):
            image += 1
            gender = "" if subject % 10 == 0 else str((subject + (template % 9 == 0 and number == 0)) % 2)
            lines.append(
                f"{template},{subject},img/{image}.jpg,{1000 + image},10,20,30,40,{gender},{rng.normal(0, 35):.1f}"
            )
        return lines

    for subject in range(1, subjects + 1):
        if subject % 6:
            side = subject % 2
            galleries[side].extend(rows(subject, subject, 3))
            of_gallery[side].extend([subject] * 3)
            enrolled.append((subject, subject))
        for number in (1, 2):
            template = 10_000 * number + subject
            probes.extend(rows(template, subject, 2))
            of_probe.extend([subject] * 2)
            verified.append((template, subject))
    matches = [f"{one},{other}" for one, _ in enrolled for other, _ in verified]
    for name, lines in {
        "ijbc_1N_gallery_G1.csv": [_HEADER, *galleries[0]],
        "ijbc_1N_gallery_G2.csv": [_HEADER, *galleries[1]],
        "ijbc_1N_probe_mixed.csv": [_HEADER, *probes],
        "ijbc_11_G1_G2_matches.csv": matches,
    }.items():
        path = folder / "protocols" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n")
    return np.array([*of_gallery[0], *of_gallery[1], *of_probe])


def insightface_files(folder: Path, subjects: int = 40) -> np.ndarray:
    """InsightFace's layout, meta files alone; the subject of every row. Nothing is known of the images."""
    subject, rows, pairs, galleries, probes = [], [], [], ([], []), []
    for one in range(1, subjects + 1):
        for template in (one, 1000 + one):
            for number in (1, 2):
                rows.append(f"{template}-{number}.jpg {template} {template * 10 + number}")
                subject.append(one)
        galleries[one % 2].append(f"{one},{one}")
        probes.append(f"{1000 + one},{one}")
        pairs += [f"{one} {1000 + other} {int(one == other)}" for other in range(1, subjects + 1)]
    points = " ".join(["50.0"] * 10)
    header = "TEMPLATE_ID,SUBJECT_ID"
    for name, lines in {
        "face_tid_mid.txt": rows,
        "template_pair_label.txt": pairs,
        "name_5pts_score.txt": [f"{row.split()[0]} {points} 0.9" for row in rows],
        "1N_gallery_G1.csv": [header, *galleries[0]],
        "1N_gallery_G2.csv": [header, *galleries[1]],
        "1N_probe_mixed.csv": [header, *probes],
    }.items():
        path = folder / "meta" / f"ijbc_{name}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n")
    return np.array(subject)


def insightface_study(folder: Path) -> Path:
    """A study ``meta.canon`` of two models and one dataset ``faces`` with galleries and no covariates."""
    subject = insightface_files(folder / "faces")
    with Study.create(folder / "meta") as study:
        study.add_dataset(folder / "faces", DatasetOptions(format="ijbc"), JobContext())
        for seed, name in enumerate(("north", "east")):
            file = folder / f"{name}.npy"
            np.save(file, embeddings(subject, 16 + 8 * seed, seed))
            study.import_embeddings(file, model=name, dataset="faces", ctx=JobContext())
        return study.path


def embeddings(subject: np.ndarray, width: int, seed: int, noise: float = 0.75) -> np.ndarray:
    """One row an image: identity and nuisance that every model sees, through a projection of its own, and noise."""
    shared, own = np.random.default_rng(7), np.random.default_rng([seed, 9])
    identity = shared.standard_normal((int(subject.max()) + 1, 12))
    seen = identity[subject] + noise * shared.standard_normal((len(subject), 12))
    return (seen @ own.standard_normal((12, width)) + 0.4 * own.standard_normal((len(subject), width))).astype(
        np.float32
    )


def template_study(folder: Path, subjects: int = 60) -> Path:
    """A study ``templates.canon`` of three models and one dataset ``people`` with galleries and covariates."""
    subject = nist_files(folder / "people", subjects)
    with Study.create(folder / "templates") as study:
        study.add_dataset(folder / "people", DatasetOptions(format="nist"), JobContext())
        for seed, (name, width) in enumerate(MODELS.items()):
            file = folder / f"{name}.npy"
            np.save(file, embeddings(subject, width, seed, 0.6 + 0.15 * seed))
            study.import_embeddings(file, model=name, dataset="people", ctx=JobContext())
        return study.path


@dataclass(frozen=True, eq=False)
class Results:
    """A study with everything computed, and what was computed."""

    path: Path
    matrix: Matrix
    confidence: Confidence
    search: IdentificationMatrix
    groups: GroupRates
    histogram: ScoreHistogram


#: The cell whose groups are counted, and where.
PAIR, FAR, RULE, COVARIATE = ("north", "east"), 1e-2, FarRule.CONSERVATIVE, "GENDER"


def template_results(folder: Path) -> Results:
    """Compute everything once, with the default settings of the window."""
    path, ctx = template_study(folder), JobContext()
    with Study.open(path) as study:
        study.refresh_states()
        settings = MatrixSettings("people", tuple(MODELS))
        matrix = run_matrix(study, settings, ctx)
        histogram = read_histogram(study, matrix.cells[PAIR])
        assert histogram is not None
        return Results(
            path,
            matrix,
            run_confidence(study, settings, ctx),
            run_identify(study, IdentifySettings("people", tuple(MODELS)), ctx),
            run_groups(study, settings, *PAIR, COVARIATE, FAR, RULE, ctx),
            histogram,
        )
