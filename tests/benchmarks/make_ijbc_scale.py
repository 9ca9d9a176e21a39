"""Makes a SYNTHETIC study's worth of data with exactly IJB-C's counts: InsightFace's meta files and embeddings.

No image, person or network is behind it. Identities, the conditions of a template (much worse in some than in others)
and what varies between images are drawn at random; each model sees them through a random near-rotation of its own and
with noise of its own. Some identities are drawn close together, so that impostor scores have a heavy tail. The same
arguments give the same files.

    python tests/benchmarks/make_ijbc_scale.py --out DIR [--models 10]

    DIR/SYNTHETIC.txt               says so
    DIR/meta/ijbc_*                 rows, pairs, landmarks with detector scores, galleries and probes
    DIR/embeddings/synthetic-NN.h5  of the last fifth of the models with 1,024 dimensions, of the others with 512
"""

from __future__ import annotations

import argparse
import shutil
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from canon_core.store.embeddings import create_embeddings
from canon_core.store.embeddings_in_place import EmbeddingsWriter

Ids = NDArray[np.int64]

SEED = 0
BLOCK = 8192
WIDTH = 512  #: of the latent space and of most models
TEXT_BYTES = 600 * 2**20  #: of the meta files, rounded up
NOTE = "SYNTHETIC: made by tests/benchmarks/make_ijbc_scale.py with IJB-C's counts. No faces, no people.\n"
#: ArcFace's five points (field facts), about which landmarks are drawn.
POINTS = np.array([38.2946, 51.6963, 73.5318, 51.5014, 56.0252, 71.7366, 41.5493, 92.3655, 70.7299, 92.2041])


@dataclass(frozen=True)
class Counts:
    """How large the protocol is; IJB-C's unless a test makes it small."""

    gallery_1: int = 1_772
    gallery_2: int = 1_759
    enrolment_rows: int = 11_856
    verification: int = 19_593
    rows: int = 469_375
    videos: int = 11_779
    genuine: int = 19_557
    pairs: int = 15_658_489

    @property
    def subjects(self) -> int:
        """Subjects, and enrolment templates."""
        return self.gallery_1 + self.gallery_2


@dataclass(frozen=True, eq=False)
class Rows:
    """Template, medium and subject of each image; each template's id and subject, enrolment templates first."""

    template: Ids
    medium: Ids
    subject: Ids
    template_id: Ids
    template_subject: Ids


def draw_rows(counts: Counts, rng: np.random.Generator) -> Rows:
    """Templates of very different sizes; the frames of a video share a medium, also between templates of a subject."""
    popular = rng.pareto(1.5, counts.subjects) + 1
    more = counts.verification - counts.subjects
    subject = np.repeat(np.arange(counts.subjects), 1 + rng.multinomial(more, popular / popular.sum()))
    template_subject = np.concatenate([np.arange(counts.subjects), subject])
    sizes = np.concatenate(
        [
            _sizes(counts.subjects, counts.enrolment_rows, 0.5, rng),
            _sizes(counts.verification, counts.rows - counts.enrolment_rows, 1.2, rng),
        ]
    )
    template_id = np.cumsum(rng.integers(1, 5, sizes.size))
    template = np.repeat(np.arange(sizes.size), sizes)
    medium = _media(template, template_subject, counts.videos, rng)
    return Rows(template, medium, template_subject[template], template_id, template_subject)


def _sizes(templates: int, rows: int, spread: float, rng: np.random.Generator) -> Ids:
    share = np.exp(spread * rng.standard_normal(templates))
    return 1 + rng.multinomial(rows - templates, share / share.sum())


def _media(template: Ids, template_subject: Ids, videos: int, rng: np.random.Generator) -> Ids:
    """Runs of a template's images: long ones are videos, of which exactly so many are distinct; single ones stills."""
    start = np.flatnonzero(np.diff(template, prepend=-1))
    for length in (24, 16, 12, 8, 6, 4, 3, 2):  # shorter videos until there are enough
        inside = np.arange(template.size) - np.repeat(start, np.diff(start, append=template.size))
        run = np.cumsum(inside % length == 0) - 1
        first = np.flatnonzero(np.diff(run, prepend=-1))
        long = np.flatnonzero(np.bincount(run) > 1)
        if long.size >= videos:
            break
    else:
        raise SystemExit("these counts hold too few images for so many videos")
    medium = np.full(run[-1] + 1, -1)
    chosen = np.sort(rng.permutation(long)[:videos])
    medium[chosen] = np.arange(videos)
    subject = template_subject[template[first]]
    by_subject = np.argsort(subject[chosen], kind="stable")
    ordered = subject[chosen][by_subject]
    low, high = np.searchsorted(ordered, subject, "left"), np.searchsorted(ordered, subject, "right")
    sharing = np.setdiff1d(long, chosen)
    sharing = sharing[high[sharing] > low[sharing]]  # another template of the subject has a video to share
    medium[sharing] = medium[chosen[by_subject[rng.integers(low[sharing], high[sharing])]]]
    result = medium[run]
    stills = np.flatnonzero(result < 0)
    result[stills] = videos + np.arange(stills.size)
    return result


def draw_pairs(rows: Rows, counts: Counts, rng: np.random.Generator) -> tuple[Ids, Ids, NDArray[np.bool_]]:
    """A uniform random subset of enrolment × verification templates, with exactly so many genuine; by position."""
    columns = counts.verification
    own = rows.template_subject[counts.subjects :] * columns + np.arange(columns)
    genuine = rng.permutation(own)[: counts.genuine]
    impostors = counts.pairs - counts.genuine
    mask = np.zeros(counts.subjects * columns, bool)
    mask[own] = True
    rest = np.flatnonzero(~mask)
    mask[:] = False
    mask[rng.permutation(rest)[:impostors]] = True
    mask[genuine] = True
    chosen = np.flatnonzero(mask)
    first, second = np.divmod(chosen, columns)
    return first, second + counts.subjects, rows.template_subject[second + counts.subjects] == first


def write_meta(out: Path, rows: Rows, counts: Counts, rng: np.random.Generator) -> None:
    """InsightFace's files, as text."""
    meta = out / "meta"
    meta.mkdir(parents=True, exist_ok=True)
    ids = rows.template_id[rows.template]
    triples = zip(range(1, ids.size + 1), ids.tolist(), (rows.medium + 1).tolist(), strict=True)
    (meta / "ijbc_face_tid_mid.txt").write_text("".join(f"{row}.jpg {one} {medium}\n" for row, one, medium in triples))
    score = 1 - 0.5 * rng.beta(1, 4, ids.size)
    with (meta / "ijbc_name_5pts_score.txt").open("w") as file:
        for row in range(ids.size):
            points = POINTS + rng.normal(0, 1.5, POINTS.size)
            file.write(f"{row + 1}.jpg " + " ".join(f"{x:.2f}" for x in points) + f" {score[row]:.6f}\n")
    first, second, genuine = draw_pairs(rows, counts, rng)
    tails = [f" {one} " for one in rows.template_id.tolist()]
    with (meta / "ijbc_template_pair_label.txt").open("w") as file:
        ends = np.searchsorted(first, np.arange(counts.subjects + 1))
        for template in range(counts.subjects):
            part = slice(ends[template], ends[template + 1])
            head = str(rows.template_id[template])
            labels = genuine[part].tolist()
            file.writelines(
                f"{head}{tails[one]}{'1' if label else '0'}\n"
                for one, label in zip(second[part].tolist(), labels, strict=True)
            )
    galleries = {"gallery_G1": (0, counts.gallery_1), "gallery_G2": (counts.gallery_1, counts.subjects)}
    for name, (low, high) in {**galleries, "probe_mixed": (counts.subjects, rows.template_id.size)}.items():
        with (meta / f"ijbc_1N_{name}.csv").open("w") as file:
            file.write("TEMPLATE_ID,SUBJECT_ID,FILENAME\n")
            for row in np.flatnonzero((rows.template >= low) & (rows.template < high)).tolist():
                file.write(f"{ids[row]},{rows.subject[row] + 1},{row + 1}.jpg\n")


class Model:
    """How one synthetic model sees an image: through a near-rotation, with noise; norms as of unnormalised networks."""

    def __init__(self, number: int, dimensions: int, templates: int) -> None:
        self.name = f"synthetic-{number:02d}"
        self.dimensions = dimensions
        rng = np.random.default_rng([SEED, 1, number])
        rotation = np.linalg.qr(rng.standard_normal((WIDTH, WIDTH)))[0]
        bent = rotation + 0.2 / WIDTH**0.5 * rng.standard_normal((WIDTH, WIDTH))
        self._matrix = bent.astype(np.float32)
        self._number = number
        self._noise = np.float32(rng.uniform(0.3, 0.7))
        self._conditions = np.float32(rng.uniform(0.4, 0.8)) * conditions(templates, [SEED, 5, number])

    def see(self, latent: NDArray[np.float32], template: Ids, block: int) -> NDArray[np.float32]:
        """(k, dimensions) embeddings; of 1,024, the second half are variances, as a probabilistic network's."""
        rng = np.random.default_rng([SEED, 2, self._number, block])
        seen = latent @ self._matrix
        seen += self._conditions[template]
        seen += self._noise / WIDTH**0.5 * rng.standard_normal(seen.shape, np.float32)
        seen *= rng.normal(22, 2, (len(seen), 1)).astype(np.float32)
        if self.dimensions == WIDTH:
            return seen
        variances = np.exp(0.3 * rng.standard_normal((len(seen), self.dimensions - WIDTH), np.float32))
        return np.hstack([seen, variances])


def identities(subjects: int) -> NDArray[np.float32]:
    """A direction for each subject; some share most of it with a few others, and the more the rarer."""
    rng = np.random.default_rng([SEED, 3])
    alike = np.minimum(0.9, 0.05 + 0.1 * rng.pareto(3.0, subjects))[:, None]
    groups = rng.standard_normal((max(subjects // 8, 1), WIDTH))[rng.integers(0, max(subjects // 8, 1), subjects)]
    return (
        (np.sqrt(1 - alike) * rng.standard_normal((subjects, WIDTH)) + np.sqrt(alike) * groups) / WIDTH**0.5
    ).astype(np.float32)


def conditions(templates: int, seed: list[int]) -> NDArray[np.float32]:
    """What all images of a template have in common besides their subject; how bad is the same whatever the seed."""
    scale = 1.2 * np.exp(0.4 * np.random.default_rng([SEED, 4]).standard_normal((templates, 1), np.float32))
    drawn = np.random.default_rng(seed).standard_normal((templates, WIDTH), np.float32)
    drawn *= scale / np.float32(WIDTH**0.5)
    return drawn


def write_embeddings(out: Path, rows: Rows, models: list[Model]) -> None:
    """All models' embeddings of the same latent images, a block at a time."""
    folder = out / "embeddings"
    folder.mkdir(parents=True, exist_ok=True)
    known = identities(int(rows.template_subject.max()) + 1)
    shared = conditions(rows.template_id.size, [SEED, 6])
    with ExitStack() as stack:
        writers = []
        for model in models:
            path = folder / f"{model.name}.h5"
            create_embeddings(path, rows.template.size, model.dimensions, {"model": model.name, "note": NOTE.strip()})
            writers.append(stack.enter_context(EmbeddingsWriter(path)))
        for block, start in enumerate(range(0, rows.template.size, BLOCK)):
            part = slice(start, start + BLOCK)
            template = rows.template[part]
            rng = np.random.default_rng([SEED, 7, block])
            latent = known[rows.subject[part]] + shared[template]
            spread = (0.8 * np.exp(0.4 * rng.standard_normal((len(latent), 1), np.float32))) / np.float32(WIDTH**0.5)
            latent += spread * rng.standard_normal(latent.shape, np.float32)
            for model, writer in zip(models, writers, strict=True):
                writer.append(model.see(latent, template, block))


def widths(models: int) -> list[int]:
    """Dimensions of each model."""
    return [2 * WIDTH if number > models - models // 5 else WIDTH for number in range(1, models + 1)]


def make(out: Path, models: int, counts: Counts) -> None:
    """Write everything below ``out``.

    Raises
    ------
    SystemExit
        Where there is no room for it.
    """
    needed = sum(4 * counts.rows * width for width in widths(models)) + TEXT_BYTES * counts.pairs // Counts.pairs
    out.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(out).free
    if free < 1.05 * needed:
        raise SystemExit(f"{out}: {needed / 2**30:.1f} GB are needed and {free / 2**30:.1f} GB are free")
    (out / "SYNTHETIC.txt").write_text(NOTE)
    rng = np.random.default_rng([SEED, 0])
    rows = draw_rows(counts, rng)
    write_meta(out, rows, counts, rng)
    templates = counts.subjects + counts.verification
    write_embeddings(out, rows, [Model(number, width, templates) for number, width in enumerate(widths(models), 1)])


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--models", type=int, default=10)
    arguments = parser.parse_args()
    make(arguments.out, arguments.models, Counts())
    print(f"{arguments.out}: {arguments.models} synthetic models at IJB-C's size")
    return 0


if __name__ == "__main__":
    sys.exit(main())
