"""How hard the demo study's photographs may be.

    python -m canon_core.demo.training.hardness --out DIR --hardness 1.5 1.7

Photographs people of the networks' validation as the demo study does, harder or less hard, and prints each bundled
network's own TAR and the means of linear and rotation maps (``disjoint``, FAR rule conservative). People of the demo
study are never looked at.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from canon_core.datasets.options import DatasetOptions
from canon_core.demo.networks import TEN, network_file
from canon_core.demo.people import VALIDATION
from canon_core.demo.world_files import write_world
from canon_core.embedding.embed import EmbedOptions
from canon_core.experiments.embedding import embed_study
from canon_core.experiments.matrix import run_matrix
from canon_core.jobs import JobContext
from canon_core.maps.kinds import MapKind
from canon_core.study.results import MatrixSettings
from canon_core.study.study import Study
from canon_core.verification.roc import FarRule

FARS: Final = (1e-1, 1e-2, 1e-3)
_DATASET: Final = "validation faces"


def measure_hardness(out: Path, people: range, hardness: float) -> list[str]:
    """A Markdown table's rows of one hardness: each network by itself, and the means.

    Parameters
    ----------
    out : Path
        Gets the photographs and a study; must not exist.
    people : range
        Of ``VALIDATION``.
    hardness : float
    """
    ctx = JobContext()
    write_world(out / "faces", people, ctx, hardness)
    with Study.create(out / "study.canon") as study:
        study.add_dataset(out / "faces", DatasetOptions(format="ijbc"), ctx, _DATASET)
        for name in TEN:
            study.add_model(network_file(name), name=name)
        embed_study(study, _DATASET, (), EmbedOptions(), ctx)
        found = {
            kind: run_matrix(study, MatrixSettings(_DATASET, TEN, kind), ctx)
            for kind in (MapKind.LINEAR, MapKind.ROTATION)
        }
    rule = FarRule.CONSERVATIVE
    rows = {name: [found[MapKind.LINEAR].tar(name, name, far, rule) for far in FARS] for name in TEN}
    rows["mean of single models"] = [found[MapKind.LINEAR].means(far, rule)[0] for far in FARS]
    for kind, matrix in found.items():
        rows[f"mean of cells, {kind}"] = [matrix.means(far, rule)[1] for far in FARS]
    return [
        f"| {hardness} | {name} | {' | '.join('-' if tar is None else f'{tar:.3f}' for tar in tars)} |"
        for name, tars in rows.items()
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m canon_core.demo.training.hardness", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="gets a folder for each hardness")
    parser.add_argument("--hardness", type=float, nargs="+", required=True, metavar="H")
    parser.add_argument("--people", type=int, default=len(VALIDATION), metavar="N", help="the first N of them")
    asked = parser.parse_args(arguments)
    print("| hardness | network | FAR 1e-1 | FAR 1e-2 | FAR 1e-3 |\n| --- | --- | --- | --- | --- |")
    for hardness in asked.hardness:
        for row in measure_hardness(asked.out / f"{hardness}", VALIDATION[: asked.people], hardness):
            print(row, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
