"""One all-pairs cell of the matrix against scikit-learn: every ordered pair of images of a set as large as LFW.

Synthetic unit embeddings, with subjects as unevenly sized as LFW's, through our blocked scoring (in a child process
that runs nothing else, for its peak memory) and through the plain way: one big matrix product, and scikit-learn's
``roc_curve(drop_intermediate=False)`` on all its scores, read off by both FAR rules. The results must agree.

The two multiply in blocks of different shapes, so that single scores differ by float32 rounding (about 1e-7):
thresholds may differ by 1e-6, TARs by the few pairs that lie so near to a threshold (2e-5 and three pairs), the AUC by
1e-8.

    python tests/benchmarks/verification.py [--json FILE] [--images 13233] [--dims 512] [--repeats 3]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from canon_core.cores import usable_cores
from canon_core.verification.all_pairs import Pool, score_all_pairs
from canon_core.verification.roc import FarRule

FAR = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
SEED = 0
#: Images of LFW, and of its seven largest subjects; the other subjects are drawn from a power law.
LFW_IMAGES, LFW_HEAVY = 13_233, (530, 236, 144, 121, 109, 71, 55)
TAR_TOLERANCE, AUC_TOLERANCE, THRESHOLD_TOLERANCE = 2e-5, 1e-8, 1e-6
#: Bytes that the reference needs for each score at its peak (measured: 37).
REFERENCE_BYTES = 40


def subjects_like_lfw(images: int) -> NDArray[np.int64]:
    """Subject of each image, shuffled: at LFW's size about 6,000 people, 69 % with one image, and 240,000 unordered
    genuine pairs (LFW: 5,749, 71 %, 242,257)."""
    generator = np.random.default_rng(SEED)
    heavy = [max(1, round(size * images / LFW_IMAGES)) for size in LFW_HEAVY]
    sizes = [*heavy, *np.minimum(1 + generator.pareto(1.7, images).astype(np.int64), 60).tolist()]
    subjects = np.repeat(np.arange(len(sizes)), sizes)[:images]
    return generator.permutation(subjects)


def embeddings(subjects: NDArray[np.int64], dims: int, seed: int) -> NDArray[np.float32]:
    """Unit rows around a centre for each subject, some images much noisier than others."""
    centres = np.random.default_rng(SEED).standard_normal((int(subjects.max()) + 1, dims), dtype=np.float32)
    generator = np.random.default_rng(seed)
    rows = generator.standard_normal((len(subjects), dims), dtype=np.float32)
    rows *= 1.4 * np.exp(0.5 * generator.standard_normal((len(subjects), 1), dtype=np.float32))
    rows += centres[subjects]
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def inputs(images: int, dims: int) -> Pool:
    subjects = subjects_like_lfw(images)
    return Pool(embeddings(subjects, dims, 1), embeddings(subjects, dims, 2), subjects, ordered=True)


def ours(images: int, dims: int, repeats: int) -> dict[str, Any]:
    """Run in the child: our scoring, its times and the process's peak memory."""
    pool = inputs(images, dims)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        found = score_all_pairs([pool], FAR)
        seconds.append(time.perf_counter() - start)
    return {
        "seconds": seconds,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "inputs_peak_mb": before,
        "genuine": found.roc.genuine,
        "impostors": found.roc.impostors,
        "auc": found.roc.auc,
        "tar": {rule: [point.tar for point in found.points[rule]] for rule in FarRule},
        "threshold": {rule: [point.threshold for point in found.points[rule]] for rule in FarRule},
    }


def in_a_child(images: int, dims: int, repeats: int) -> dict[str, Any]:
    command = [sys.executable, __file__, "--child", "--images", str(images), "--dims", str(dims)]
    output = subprocess.run([*command, "--repeats", str(repeats)], check=True, capture_output=True, text=True).stdout
    return json.loads(output)


def reference(images: int, dims: int) -> dict[str, Any]:
    """One product of everything with everything, and scikit-learn's curve of all its scores."""
    from sklearn.metrics import auc, roc_curve

    pool = inputs(images, dims)
    start = time.perf_counter()
    matrix = pool.source @ pool.target.T
    different = ~np.eye(images, dtype=bool)
    scores = matrix[different]
    labels = (pool.subjects[:, None] == pool.subjects[None, :])[different]
    product_s = time.perf_counter() - start
    del matrix, different
    far, tar, thresholds = roc_curve(labels, scores, drop_intermediate=False)
    chosen: dict[str, list[int]] = {rule: [] for rule in FarRule}
    for target in FAR:
        below = int(np.searchsorted(far, target, side="right")) - 1
        nearest = below
        if below + 1 < len(far):
            over = int(np.searchsorted(far, far[below + 1], side="right")) - 1
            nearest = over if abs(far[over] - target) <= abs(far[below] - target) else below
        chosen[FarRule.NEAREST].append(nearest)
        chosen[FarRule.CONSERVATIVE].append(below)
    area = float(auc(far, tar))
    return {
        "seconds": time.perf_counter() - start,
        "product_s": product_s,
        "genuine": int(np.count_nonzero(labels)),
        "auc": area,
        "tar": {rule: [float(tar[position]) for position in positions] for rule, positions in chosen.items()},
        "threshold": {rule: [float(thresholds[at]) for at in positions] for rule, positions in chosen.items()},
    }


def check_memory(images: int) -> None:
    needed, page = images * images * REFERENCE_BYTES, os.sysconf("SC_PAGE_SIZE")
    if needed > os.sysconf("SC_PHYS_PAGES") * page:
        sys.exit(f"the reference needs about {needed / 2**30:.0f} GB of memory: give a smaller --images")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--images", type=int, default=LFW_IMAGES)
    parser.add_argument("--dims", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(ours(options.images, options.dims, options.repeats)))
        return
    check_memory(options.images)
    cell = in_a_child(options.images, options.dims, options.repeats)
    plain = reference(options.images, options.dims)

    assert cell["genuine"] == plain["genuine"]
    differences = {
        name: max(float(np.abs(np.subtract(cell[name][rule], plain[name][rule])).max()) for rule in FarRule)
        for name in ("tar", "threshold")
    }
    differences["auc"] = abs(cell["auc"] - plain["auc"])
    assert differences["tar"] <= TAR_TOLERANCE + 3 / plain["genuine"], differences
    assert differences["threshold"] <= THRESHOLD_TOLERANCE, differences
    assert differences["auc"] <= AUC_TOLERANCE, differences

    seconds = cell["seconds"]
    figures = {
        "cell_s": statistics.median(seconds),
        "cell_min_s": min(seconds),
        "reference_s": plain["seconds"],
        "ratio": plain["seconds"] / statistics.median(seconds),
        "peak_mb": cell["peak_mb"],
        "stages": {
            "scoring and ROC": {"ours_s": statistics.median(seconds), "reference_s": plain["seconds"]},
            "of which the product": {"reference_s": plain["product_s"]},
        },
        "images": options.images,
        "dims": options.dims,
        "pairs": options.images * (options.images - 1),
        "genuine": cell["genuine"],
        "repeats": options.repeats,
        "threads": usable_cores(),
        "differences": differences,
        "data": "synthetic",
    }
    print(f"{figures['pairs']:,} ordered pairs of {options.images:,} images, {options.dims} dimensions,")
    print(f"{figures['genuine']:,} genuine; {figures['threads']} threads")
    print(f"  scikit-learn   {plain['seconds']:8.2f} s  (product {plain['product_s']:.2f} s)")
    print(f"  ours           {figures['cell_s']:8.2f} s  (median of {options.repeats}; fastest {min(seconds):.2f} s)")
    print(f"  ratio          {figures['ratio']:8.1f}")
    print(f"  peak memory    {figures['peak_mb']:8.0f} MB (making the inputs alone: {cell['inputs_peak_mb']:.0f} MB)")
    print("  differences    " + ", ".join(f"{name} {value:.1e}" for name, value in differences.items()))
    tars = zip(FAR, cell["tar"][FarRule.NEAREST], strict=True)
    print("  TAR@FAR        " + "  ".join(f"{far:g}: {tar:.4f}" for far, tar in tars))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
