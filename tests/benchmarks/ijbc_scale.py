"""A study of IJB-C's size against the customary way to evaluate it: a cell, a 10×10 matrix, maps, pairs, intervals.

Data of ``make_ijbc_scale.py`` (synthetic, IJB-C's exact counts), made once, and a study that it was imported into.

*A cold cell* (linear map, mode `authors`, features `paper`) is measured in a fresh process: embeddings and protocol on
disk, in the system's file cache for both ways; no map, template or score is stored. Imports are not counted. Ours is
the time from the opened study (the customary way holds the lists of templates and pairs in memory by then, too) to the
stored result, and includes reading embeddings, the fit, what a cell tells beyond TARs (the map's residual and spectrum,
the whole ROC, histograms) and storing it. ``cell_ratio_from_files`` counts on both sides from closed files: opening the
study, and reading the lists with pandas. Both ways run in turn; figures are medians (``cell_ratio_best``: the fastest
of each). Of fits and files, the fastest of each counts. Maps are fitted in float64 by both.

    python tests/benchmarks/ijbc_scale.py [--out DIR] [--models 10] [--rounds 3] [--quick] [--json FILE]

``--quick`` leaves the 10×10 matrix out (``matrix_10x10_s`` is then null, and ``peak_mb`` that of a cell and its
intervals). The data stays in ``--out`` (about 26 GB with ten models; the system's folder for temporary files unless
given) and is used again.
"""

from __future__ import annotations

import argparse
import functools
import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from itertools import permutations, product
from pathlib import Path
from typing import Any
from unittest import mock

import _customary as customary
import make_ijbc_scale as maker
import numpy as np
import threadpoolctl  # noqa: F401 - else a cell's first product imports it, and imports are not counted

from canon_core.cores import usable_cores
from canon_core.datasets.options import DatasetOptions
from canon_core.datasets.pair_file import read_pair_file
from canon_core.errors import CanonError
from canon_core.experiments import cell_base, matrix, template_cells
from canon_core.experiments.cells import open_cells
from canon_core.experiments.confidence import run_confidence
from canon_core.jobs import JobContext
from canon_core.maps import fit_set
from canon_core.maps.kinds import MapKind
from canon_core.store.embeddings import read_embeddings, read_info
from canon_core.study.results import FitMode, MatrixSettings
from canon_core.study.study import Study
from canon_core.verification.template_scores import score_pairs

FAR = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
DATASET = "synthetic"
RESAMPLES = 1000
#: Scores differ by float32 rounding between the two ways: a few pairs lie that near to a threshold.
TAR_TOLERANCE, TAR_PAIRS = 2e-5, 3
#: What stages of a cell are called, and the functions that they are.
STAGES = {
    "plan": [(template_cells.PairPlan, "of")],
    "fit": [(fit_set.FitSet, "fit")],
    "read_and_aggregate": [(template_cells.TemplateReader, name) for name in ("templates", "from_images", "images")],
    "scores": [(template_cells, "score_pairs")],
    "roc": [(template_cells, "template_scores")],
    "residual": [(template_cells, "residual")],
    "store": [(cell_base, "save_cell"), (cell_base, "save_map")],
}


# -- data ------------------------------------------------------------------------------------------------------------
def prepare(out: Path, models: int, counts: maker.Counts) -> Path:
    """Make what is missing of data and study; the study's path."""
    path = out / "ijbc-scale.canon"
    if not complete(out, models, counts):
        if path.exists():
            raise SystemExit(f"{path}: a study of other data: delete it, or give another --out")
        maker.make(out, models, counts)
    with Study.open(path) if path.exists() else Study.create(path) as study:
        if not study.datasets:
            study.add_dataset(out, DatasetOptions(format="ijbc"), JobContext(), DATASET)
        study.refresh_states()
        known = {model.name for model in study.models if study.embedding_state(model.name, DATASET).complete}
        widths = {f"synthetic-{number:02d}": width for number, width in enumerate(maker.widths(models), 1)}
        missing = [name for name in widths if name not in known]
        needed = 4 * counts.rows * sum(widths[name] for name in missing)
        if 1.05 * needed > (free := shutil.disk_usage(out).free):
            raise SystemExit(f"{path}: {needed / 2**30:.1f} GB are needed and {free / 2**30:.1f} GB are free")
        for name in missing:
            study.import_embeddings(out / "embeddings" / f"{name}.h5", model=name, dataset=DATASET, ctx=JobContext())
    return path


def complete(out: Path, models: int, counts: maker.Counts) -> bool:
    try:
        found = [read_info(out / "embeddings" / f"synthetic-{number:02d}.h5") for number in range(1, models + 1)]
    except CanonError:
        return False
    return [(one.complete, one.rows, one.dimensions) for one in found] == [
        (True, counts.rows, width) for width in maker.widths(models)
    ]


# -- ours, each in a process of its own --------------------------------------------------------------------------------
def settings(models: tuple[str, ...], kind: MapKind, mode: FitMode) -> MatrixSettings:
    return MatrixSettings(dataset=DATASET, models=models, map=kind, mode=mode, far=FAR)


def cold_cell(path: Path, models: tuple[str, ...]) -> dict[str, Any]:
    """One cell of which nothing is stored."""
    with Study.open(path) as study:
        study.clear_results()
    seconds = dict.fromkeys(STAGES, 0.0)
    inside = threading.local()

    def timed(stage: str, work: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(work)
        def run(*given: Any, **named: Any) -> Any:
            if getattr(inside, "stage", False):  # a stage within another is the outer one's time
                return work(*given, **named)
            inside.stage, start = True, time.perf_counter()
            try:
                return work(*given, **named)
            finally:
                inside.stage = False
                seconds[stage] += time.perf_counter() - start

        return run

    with ExitStack() as stack:
        for stage, functions in STAGES.items():
            for owner, name in functions:
                stack.enter_context(mock.patch.object(owner, name, timed(stage, getattr(owner, name))))
        began = time.perf_counter()
        with Study.open(path) as study:
            cells = open_cells(study, settings(models, MapKind.LINEAR, FitMode.AUTHORS), JobContext())
            opened = time.perf_counter()
            cell = cells.compute(*models, JobContext())
            done = time.perf_counter()
    in_turn = sum(seconds.values()) - min(seconds["roc"], seconds["residual"])  # these two run side by side
    stages = {**seconds, "other": done - opened - in_turn}
    tar = {str(rule): [reading.point.tar for reading in cell.readings[rule]] for rule in cell.readings}
    return {"open_s": opened - began, "cell_s": done - opened, "stages": stages, "tar": tar, "genuine": cell.genuine}


def scoring(path: Path, models: tuple[str, ...], rounds: int = 7) -> dict[str, Any]:
    """Scores of a cell's pairs, and the bare product of their rectangle, in turn."""
    with Study.open(path) as study:
        cells = open_cells(study, settings(models, MapKind.LINEAR, FitMode.AUTHORS), JobContext())
        (plan,) = cells.plans
        first, second = (
            customary.unit(np.random.default_rng(side.size).standard_normal((side.size, 512), np.float32))
            for side in (plan.first, plan.second)
        )
        rectangle = np.zeros((len(first), len(second)), np.float32)
        bare, whole = [], []
        for _ in range(rounds):
            for work, seconds in (
                (lambda: np.matmul(first, second.T, out=rectangle), bare),
                (lambda: score_pairs(first, second, plan), whole),
            ):
                start = time.perf_counter()
                work()
                seconds.append(time.perf_counter() - start)
    return {"gemm_s": statistics.median(bare), "scores_s": statistics.median(whole), "gemm_min_s": min(bare)}


def intervals(path: Path, models: tuple[str, ...]) -> dict[str, Any]:
    """Subject bootstrap of one cell at every FAR."""
    with Study.open(path) as study:
        asked = settings(models, MapKind.LINEAR, FitMode.AUTHORS)
        start = time.perf_counter()
        run_confidence(study, asked, JobContext(), resamples=RESAMPLES, pairs=[models])
        return {"seconds": time.perf_counter() - start}


def whole_matrix(path: Path, models: tuple[str, ...]) -> dict[str, Any]:
    """All cells, through linear maps and rotations, `disjoint`."""
    with Study.open(path) as study:
        study.clear_results()
        found = {}
        for kind in (MapKind.LINEAR, MapKind.ROTATION):
            start = time.perf_counter()
            result = matrix.run_matrix(study, settings(models, kind, FitMode.DISJOINT), JobContext())
            found[str(kind)] = time.perf_counter() - start
            assert all(result.cells.values()), "cells are missing"
    return found


def peak_mb() -> float:
    """Of this process; Linux's ``ru_maxrss`` counts the process that started it, too."""
    status = Path("/proc/self/status")
    if status.is_file():
        (kilobytes,) = (line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(kilobytes) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


CHILDREN = {"cell": cold_cell, "scoring": scoring, "intervals": intervals, "matrix": whole_matrix}


def in_a_child(name: str, path: Path, models: tuple[str, ...]) -> dict[str, Any]:
    command = [sys.executable, __file__, "--child", name, "--study", str(path), "--names", ",".join(models)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


# -- both ways in turn -----------------------------------------------------------------------------------------------
def compare_cell(path: Path, out: Path, models: tuple[str, ...], rounds: int) -> dict[str, Any]:
    """The cold cell against the customary way, which must give the same TARs."""
    with Study.open(path, read_only=True) as study:
        files = [study.embeddings_path(name, DATASET) for name in models]  # both read the same
    start = time.perf_counter()
    lists = customary.read_lists(out / "meta")
    parse_s = time.perf_counter() - start
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(in_a_child("cell", path, models))
        theirs.append(customary.evaluate(lists, *files, FAR))
        ours.append(in_a_child("cell", path, models))
    for one, other in product(ours, theirs):
        for rule, tar in other["tar"].items():
            apart = float(np.abs(np.subtract(one["tar"][rule], tar)).max())
            assert apart <= TAR_TOLERANCE + TAR_PAIRS / one["genuine"], (rule, one["tar"][rule], tar)

    def median(found: list[dict[str, Any]], stages: str) -> dict[str, float]:
        return {f"{stage}_s": statistics.median(one[stages][stage] for one in found) for stage in found[0][stages]}

    cell_s = statistics.median(one["cell_s"] for one in ours)
    open_s = statistics.median(one["open_s"] for one in ours)
    reference_s = statistics.median(sum(one["seconds"].values()) for one in theirs)
    reference = median(theirs, "seconds")
    return {
        "cell_ratio": reference_s / cell_s,
        "cell_ratio_best": min(sum(one["seconds"].values()) for one in theirs) / min(one["cell_s"] for one in ours),
        "cell_ratio_from_files": (reference_s + parse_s) / (cell_s + open_s),
        "reference_cell_s": reference_s,
        **{f"reference_{stage}": value for stage, value in reference.items()},
        "reference_parse_s": parse_s,
        "ours_cell_s": cell_s,
        "ours_open_s": open_s,
        **{f"ours_{stage}": value for stage, value in median(ours, "stages").items()},
        "ours_cell_seconds": [one["cell_s"] for one in ours],
        "reference_cell_seconds": [sum(one["seconds"].values()) for one in theirs],
        "tar": ours[0]["tar"]["nearest"],
        "cell_peak_mb": max(one["peak_mb"] for one in ours),
    }


def compare_fits(out: Path, models: tuple[str, ...], pairs: int, width: int, rounds: int) -> dict[str, Any]:
    """All maps between models of equal width, against scikit-learn and against product and SVD, pair by pair."""
    from sklearn.linear_model import LinearRegression

    rows = {name: read_embeddings(out / "embeddings" / f"{name}.h5", slice(0, pairs))[:, :width] for name in models}
    unit = {name: customary.unit(embedded.astype(np.float64)) for name, embedded in rows.items()}
    both = list(permutations(models, 2))

    def regression(source: str, target: str) -> Any:
        return LinearRegression(fit_intercept=False).fit(unit[source], unit[target]).coef_.T

    def rotation(source: str, target: str) -> Any:
        left, _, right = np.linalg.svd(unit[source].T @ unit[target])
        sign = np.ones(width)
        sign[-1] = np.sign(np.linalg.det(left) * np.linalg.det(right))
        return (left * sign) @ right

    seconds: dict[str, list[float]] = {"linear": [], "rotation": [], "linear_reference": [], "rotation_reference": []}
    for number in range(rounds):
        for kind, reference in ((MapKind.LINEAR, regression), (MapKind.ROTATION, rotation)):
            start = time.perf_counter()
            found = fit_set.FitSet(rows.__getitem__).fit(kind, both)
            seconds[kind].append(time.perf_counter() - start)
            if number and sum(seconds[f"{kind}_reference"]) > 60:  # one round of it is long enough
                continue
            start, checks = time.perf_counter(), 0.0
            for mapping, pair in zip(found, both, strict=True):
                wanted = reference(*pair)
                began = time.perf_counter()
                assert np.abs(mapping.matrix - wanted).max() <= 1e-6 * np.abs(wanted).max(), pair
                checks += time.perf_counter() - began
            seconds[f"{kind}_reference"].append(time.perf_counter() - start - checks)
    best = {name: min(found) for name, found in seconds.items()}
    single = {name: rows_of.astype(np.float32) for name, rows_of in unit.items()}  # half the work, fewer digits
    start = time.perf_counter()
    for source, target in both:
        LinearRegression(fit_intercept=False).fit(single[source], single[target])
    float32_s = time.perf_counter() - start
    return {
        "linear_fit_ratio": best["linear_reference"] / best["linear"],
        "linear_fit_ratio_to_float32": float32_s / best["linear"],
        "linear_reference_float32_fit_s": float32_s,
        "rotation_fit_ratio": best["rotation_reference"] / best["rotation"],
        **{f"{name}_fit_s": value for name, value in best.items()},
        "fitted_maps": len(both),
    }


def compare_pair_file(out: Path, rounds: int) -> dict[str, float]:
    """The list of pairs read as text, against pandas."""
    ours, theirs = [], []
    for _ in range(rounds):
        start = time.perf_counter()
        found = read_pair_file(out / "meta" / "ijbc_template_pair_label.txt", JobContext())
        ours.append(time.perf_counter() - start)
        start = time.perf_counter()
        wanted = customary.read_pairs(out / "meta")
        theirs.append(time.perf_counter() - start)
        for mine, column in zip((found.p1, found.p2, found.genuine), wanted.T, strict=True):
            assert np.array_equal(mine, column)
        del found, wanted
    return {
        "pair_file_ratio": min(theirs) / min(ours),
        "pair_file_s": min(ours),
        "pair_file_reference_s": min(theirs),
    }


def benchmark(out: Path, models: int, counts: maker.Counts, *, rounds: int, quick: bool) -> dict[str, Any]:
    """Every figure."""
    path = prepare(out, models, counts)
    names = tuple(f"synthetic-{number:02d}" for number in range(1, models + 1))
    two = names[:2]
    figures = compare_cell(path, out, two, rounds)
    scored = in_a_child("scoring", path, two)
    figures |= {"scoring_over_gemm": scored["scores_s"] / scored["gemm_s"], "gemm_s": scored["gemm_s"]}
    width = min(maker.WIDTH, counts.enrolment_rows // 3)  # a test has fewer pairs than dimensions
    figures |= compare_fits(out, names, counts.enrolment_rows, width, rounds)
    figures |= compare_pair_file(out, 2 * rounds)
    resampled = in_a_child("intervals", path, two)
    figures |= {"bootstrap_s": resampled["seconds"], "bootstrap_peak_mb": resampled["peak_mb"]}
    peaks = [figures["cell_peak_mb"], resampled["peak_mb"]]
    figures |= dict.fromkeys(("matrix_10x10_s", "matrix_linear_s", "matrix_rotation_s", "matrix_peak_mb"))
    if not quick:
        found = in_a_child("matrix", path, names)
        figures["matrix_10x10_s"] = found["linear"] + found["rotation"]
        figures |= {"matrix_linear_s": found["linear"], "matrix_rotation_s": found["rotation"]}
        figures["matrix_peak_mb"] = found["peak_mb"]
        peaks.append(found["peak_mb"])
    return {
        **figures,
        "peak_mb": max(peaks),
        "models": models,
        "pairs": counts.pairs,
        "resamples": RESAMPLES,
        "rounds": rounds,
        "threads": usable_cores(),
        "data": "synthetic",
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(tempfile.gettempdir()) / "canon-ijbc-scale")
    parser.add_argument("--models", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--child", choices=list(CHILDREN), help=argparse.SUPPRESS)
    parser.add_argument("--study", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--names", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        found = CHILDREN[options.child](options.study, tuple(options.names.split(",")))
        print(json.dumps({**found, "peak_mb": peak_mb()}))
        return 0
    figures = benchmark(options.out, options.models, maker.Counts(), rounds=options.rounds, quick=options.quick)
    print("SYNTHETIC data with IJB-C's counts")
    for name, value in figures.items():
        print(f"  {name:28s}{value:10.4g}" if isinstance(value, float) else f"  {name:28s}{value}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
