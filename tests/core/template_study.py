"""Small template studies without images: a random protocol written in a published layout, embeddings imported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from canon_core.datasets.options import DatasetOptions
from canon_core.jobs import JobContext
from canon_core.study.study import Study

from .naive.protocol import Embeddings, Protocol, Shape, random_embeddings, random_protocol

MODELS = ("a", "b")
POINTS = "38.3 51.7 73.5 51.5 56.0 71.7 41.5 92.4 70.7 92.2"


@dataclass(frozen=True)
class Made:
    """Where it lies, and what it was made from; embeddings are in the order of the protocol's images."""

    path: Path
    protocol: Protocol
    embeddings: dict[str, Embeddings]


def make_study(
    root: Path,
    shape: Shape,
    *,
    covariates: Mapping[str, Sequence[str]] | None = None,
    flips: bool = False,
    models: tuple[str, ...] = MODELS,
) -> Made:
    """A study of models of 12, 20, 12, … dimensions; with covariates (one text an image) in NIST's layout."""
    protocol = random_protocol(shape)
    widths = [12 if number % 2 == 0 else 20 for number in range(len(models))]
    embedded = dict(zip(models, random_embeddings(protocol, widths, shape.seed + 1, flips), strict=True))
    folder = root / "data"
    if covariates is None:
        write_insightface(folder / "meta", protocol)
    else:
        write_nist(folder / "protocols", protocol, covariates)
    with Study.create(root / "s") as study:
        study.add_dataset(folder, DatasetOptions(), JobContext(), "ijb")
        order = [int(name.split("/")[-1].split(".")[0]) - 1 for name in study.faces("ijb").ids]
        for name, rows in embedded.items():
            upright, *mirrored = [rows[order, side] for side in (0, 1)] if flips else [rows[order]]
            file = root / f"{name}.npz"
            np.savez(file, embs=upright, **({"embs_f": mirrored[0]} if flips else {}))
            study.import_embeddings(file, model=name, dataset="ijb", ctx=JobContext())
    return Made(root / "s.canon", protocol, embedded)


def write_insightface(meta: Path, protocol: Protocol) -> None:
    meta.mkdir(parents=True)
    images = list(enumerate(protocol.images, 1))
    files = {
        "face_tid_mid.txt": [f"{number}.jpg {image.template} {image.medium}" for number, image in images],
        "name_5pts_score.txt": [f"{number}.jpg {POINTS} {image.score or 1.0!r}" for number, image in images],
        "template_pair_label.txt": [f"{pair.p1} {pair.p2} {int(pair.genuine)}" for pair in protocol.pairs],
    }
    named = {"1N_gallery_G1": protocol.galleries[0], "1N_gallery_G2": protocol.galleries[1]}
    for name, templates in {**named, "1N_probe_mixed": protocol.probes}.items():
        rows = [f"{one},{protocol.subject(one)}" for one in templates]
        files[f"{name}.csv"] = ["TEMPLATE_ID,SUBJECT_ID", *rows]
    for name, lines in files.items():
        (meta / f"ijbc_{name}").write_text("\n".join(lines) + "\n")


def write_nist(folder: Path, protocol: Protocol, covariates: Mapping[str, Sequence[str]]) -> None:
    """Enrolment templates in the galleries, verification templates among the probes."""
    folder.mkdir(parents=True)
    columns = "TEMPLATE_ID,SUBJECT_ID,FILENAME,SIGHTING_ID,FACE_X,FACE_Y,FACE_WIDTH,FACE_HEIGHT"
    header = ",".join([columns, *covariates])
    enrolled = {pair.p1 for pair in protocol.pairs}

    def rows(chosen: set[int]) -> list[str]:
        return [
            ",".join(
                [
                    f"{image.template},{image.subject},img/{number}.jpg,{image.medium},1,2,3,4",
                    *(values[number - 1] for values in covariates.values()),
                ]
            )
            for number, image in enumerate(protocol.images, 1)
            if image.template in chosen
        ]

    halves = {one: protocol.subject(one) % 2 for one in enrolled}
    files = {
        "1N_gallery_G1.csv": [header, *rows({one for one in enrolled if not halves[one]})],
        "1N_gallery_G2.csv": [header, *rows({one for one in enrolled if halves[one]})],
        "1N_probe_mixed.csv": [header, *rows({image.template for image in protocol.images} - enrolled)],
        "11_G1_G2_matches.csv": [f"{pair.p1},{pair.p2}" for pair in protocol.pairs],
    }
    for name, lines in files.items():
        (folder / f"ijbc_{name}").write_text("\n".join(lines) + "\n")
