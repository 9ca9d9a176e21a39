"""A small IJB-C in InsightFace's layout, and embeddings of it by made-up models."""

from __future__ import annotations

from pathlib import Path

import numpy as np

SUBJECTS = 24
#: Images of each of a subject's two templates.
IMAGES = 4
ROWS = SUBJECTS * 2 * IMAGES


def write_meta(folder: Path, *, images: bool = False, prefix: str = "ijbc") -> Path:
    """Every subject has an enrolment and a verification template of four images each; all are paired with all."""
    meta = folder / "meta"
    meta.mkdir(parents=True)
    (folder / "loose_crop").mkdir()
    rng = np.random.default_rng(0)
    templates = [template for subject in range(1, SUBJECTS + 1) for template in (subject, 100 + subject)]
    rows = [(template, 1000 + 10 * template + image // 2) for template in templates for image in range(IMAGES)]
    names = [f"{number}.jpg" for number in range(1, len(rows) + 1)]

    def write(name: str, lines: list[str]) -> None:
        (meta / f"{prefix}_{name}").write_text("\n".join(lines) + "\n", encoding="utf-8")

    listed = [f"{name} {template} {media}" for name, (template, media) in zip(names, rows, strict=True)]
    write("face_tid_mid.txt", listed)
    every = range(1, SUBJECTS + 1)
    write("template_pair_label.txt", [f"{a} {100 + b} {int(a == b)}" for a in every for b in every])
    points = "38.3 51.7 73.5 51.5 56.0 71.7 41.5 92.4 70.7 92.2"
    write("name_5pts_score.txt", [f"{name} {points} {rng.uniform(0.8, 1):.4f}" for name in names])
    half = SUBJECTS // 2
    for gallery, subjects in (("G1", every[:half]), ("G2", every[half:])):
        write(f"1N_gallery_{gallery}.csv", ["TEMPLATE_ID,SUBJECT_ID", *(f"{number},{number}" for number in subjects)])
    write("1N_probe_mixed.csv", ["TEMPLATE_ID,SUBJECT_ID", *(f"{100 + number},{number}" for number in every)])
    if images:
        import cv2

        for name in names:
            cv2.imwrite(str(folder / "loose_crop" / name), rng.integers(0, 255, (112, 112, 3), np.uint8))
    return folder


def embeddings(width: int, *, rows: int = ROWS, noise: float = 0.5) -> np.ndarray:
    """(rows, width) float32: what each subject is like, seen by a model of that width, and noise."""
    people = np.random.default_rng(1).standard_normal((SUBJECTS, 8))
    rng = np.random.default_rng([width, 2])
    seen = np.repeat(people, 2 * IMAGES, axis=0) @ rng.standard_normal((8, width))
    return (seen + noise * rng.standard_normal(seen.shape))[:rows].astype(np.float32)


def write_embeddings(folder: Path, name: str, width: int) -> Path:
    """The same as a file without ids."""
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / f"{name}.npy", embeddings(width))
    return folder / f"{name}.npy"


def make_template_study(folder: Path, models: tuple[tuple[str, int], ...] = (("a", 8), ("b", 12))) -> Path:
    """A study of that IJB-C without images and some imported models; no cell is computed yet."""
    from canon_core.datasets.options import DatasetOptions
    from canon_core.jobs import JobContext
    from canon_core.study.study import Study

    root = write_meta(folder / "IJBC")
    with Study.create(folder / "templates") as study:
        study.add_dataset(root, DatasetOptions(), JobContext(), "ijbc")
        for name, width in models:
            file = write_embeddings(folder / "made", name, width)
            study.import_embeddings(file, model=name, dataset="ijbc", ctx=JobContext())
        return study.path
