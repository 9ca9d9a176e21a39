"""Small template protocols, as loops see them: a list of images, a list of pairs, two galleries and probes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Embeddings = NDArray[np.float32]


@dataclass(frozen=True)
class Image:
    """One row: template and media id, subject, and the detector's score (None where there is none)."""

    template: int
    medium: int
    subject: int
    score: float | None


@dataclass(frozen=True)
class Pair:
    """Template ids of the enrolment and of the verification template, and whether both are of one subject."""

    p1: int
    p2: int
    genuine: bool


@dataclass(frozen=True)
class Protocol:
    """``galleries`` and ``probes`` are lists of template ids; subjects are those of the templates' images."""

    images: tuple[Image, ...]
    pairs: tuple[Pair, ...]
    galleries: tuple[tuple[int, ...], ...] = ()
    probes: tuple[int, ...] = ()

    @property
    def templates(self) -> list[int]:
        """Template ids, ascending."""
        return sorted({image.template for image in self.images})

    def subject(self, template: int) -> int:
        """Who a template shows."""
        for image in self.images:
            if image.template == template:
                return image.subject
        raise KeyError(template)

    def enrolment_rows(self) -> list[int]:
        """Rows of images whose template occurs as p1: the fit set."""
        enrolled = {pair.p1 for pair in self.pairs}
        return [row for row, image in enumerate(self.images) if image.template in enrolled]

    def comparable_pairs(self) -> list[Pair]:
        """Pairs both of whose templates have images."""
        there = {image.template for image in self.images}
        return [pair for pair in self.pairs if pair.p1 in there and pair.p2 in there]

    def without(self, lost: Collection[int]) -> Protocol:
        """The protocol without the images of some rows, which nobody could embed."""
        return replace(self, images=tuple(image for row, image in enumerate(self.images) if row not in lost))


@dataclass(frozen=True)
class Shape:
    """How a random protocol is made; every number is drawn by hypothesis."""

    subjects: int
    verification_templates: int
    images: int
    media: int
    unscored: float
    pairs: float
    repeated_pairs: int
    seed: int
    crossed_pairs: int = 0


@st.composite
def shapes(draw: st.DrawFn, subjects: tuple[int, int] = (4, 9), images: tuple[int, int] = (1, 5)) -> Shape:
    return Shape(
        subjects=draw(st.integers(*subjects), label="subjects"),
        verification_templates=draw(st.integers(1, 3), label="most verification templates of a subject"),
        images=draw(st.integers(*images), label="most images of a template"),
        media=draw(st.integers(1, 6), label="media ids in all, shared by templates of every subject"),
        unscored=draw(st.sampled_from([0.0, 0.3, 1.0]), label="part of the images without a detector score"),
        pairs=draw(st.sampled_from([0.5, 0.9, 1.0]), label="part of the rectangle that is compared"),
        repeated_pairs=draw(st.integers(0, 2), label="pairs listed twice"),
        seed=draw(st.integers(0, 2**32 - 1), label="seed"),
        crossed_pairs=draw(st.sampled_from([0, 0, 8]), label="pairs of verification templates with any other"),
    )


def random_protocol(shape: Shape) -> Protocol:
    """Sparse, shuffled ids; enrolment templates of one or several images; rows in no order at all."""
    rng = np.random.default_rng(shape.seed)
    # Even and odd numbers in turn: galleries are made of either.
    subjects = [2 * int(subject) + k % 2 for k, subject in enumerate(rng.choice(2500, shape.subjects, replace=False))]
    counts = [1 + int(rng.integers(1, shape.verification_templates + 1)) for _ in subjects]
    ids = iter([int(template) for template in rng.choice(10**6, sum(counts) + shape.subjects, replace=False)])
    media = [int(medium) for medium in rng.choice(10**6, shape.media, replace=False)]
    images: list[Image] = []
    enrolled: list[tuple[int, int]] = []
    verified: list[tuple[int, int]] = []
    for subject, count in zip(subjects, counts, strict=True):
        for number in range(count):
            template = next(ids)
            (verified if number else enrolled).append((template, subject))
            for _ in range(int(rng.integers(1, shape.images + 1))):
                score = None if rng.random() < shape.unscored else float(np.float32(rng.uniform(0.3, 1.0)))
                images.append(Image(template, int(rng.choice(media)), subject, score))
    pairs = [Pair(one, other, mine == its) for one, mine in enrolled for other, its in verified]
    kept = [pair for pair in pairs if rng.random() < shape.pairs]
    kept += [pair for pair in pairs if pair not in kept and pair.genuine][:2]
    everyone = enrolled + verified
    for _ in range(shape.crossed_pairs):
        (one, mine), (other, its) = (some[int(rng.integers(len(some)))] for some in (verified, everyone))
        kept += [Pair(one, other, mine == its)] if one != other else []
    kept += [kept[int(rng.integers(len(kept)))] for _ in range(shape.repeated_pairs)]
    galleries: list[list[int]] = [[], []]
    probes = []
    for template, subject in [*enrolled, *verified]:  # some subjects are in a gallery with several templates
        if (template, subject) in enrolled or rng.random() < 0.1:
            galleries[subject % 2].append(template)
        else:
            probes.append(template)
    return Protocol(
        tuple(images[k] for k in rng.permutation(len(images))),
        tuple(kept[k] for k in rng.permutation(len(kept))),
        tuple(map(tuple, galleries)),
        tuple(probes),
    )


def random_embeddings(
    protocol: Protocol, dimensions: Sequence[int], seed: int, flips: bool = False
) -> list[Embeddings]:
    """Embeddings of one set of faces by several models: identity + nuisance through a random matrix each, + noise.

    Norms differ from image to image, as those of real networks do. (n, d) float32, or (n, 2, d) with flips kept.
    """
    rng = np.random.default_rng(seed)
    latent = 12
    identity = {subject: rng.normal(size=latent) for subject in sorted({image.subject for image in protocol.images})}
    models = []
    faces = np.array([identity[image.subject] + rng.normal(0, 0.8, latent) for image in protocol.images])
    for width in dimensions:
        through = rng.normal(size=(latent, width))
        views = []
        for _ in range(2 if flips else 1):
            view = faces @ through / np.sqrt(latent) + rng.normal(0, 0.4, (len(faces), width))
            views.append(view * rng.uniform(0.5, 3.0, (len(faces), 1)))
        rows = np.stack(views, 1) if flips else views[0]
        models.append(rows.astype(np.float32))
    return models


def exact_protocol(shape: Shape) -> tuple[Protocol, Embeddings, Embeddings]:
    """A protocol with embeddings of two models for ties: every number from the image to the score is a whole
    sixteenth, the same in float32 and float64, and many templates are alike.

    Every image is ±e_i or ½(±e_i ± e_j ± e_k ± e_l) times a power of two. A template holds one image, or four of the
    same direction (detector scores are powers of two, media as they come), or four different axes in media of their
    own, which add up to norm 2.
    """
    rng = np.random.default_rng(shape.seed)
    width = 5
    drawn = random_protocol(shape)
    palette = [exact_direction(rng, width) for _ in range(3)]
    images: list[Image] = []
    rows: list[tuple[Floats, Floats]] = []
    for template in drawn.templates:
        own = [image for image in drawn.images if image.template == template]
        kind = rng.integers(3)
        own = own[:1] if kind == 0 else (own * 4)[:4]
        direction, axes = palette[rng.integers(3)], rng.permutation(width)
        for number, image in enumerate(own):
            if kind < 2:
                score = None if image.score is None else float(2.0 ** rng.integers(-3, 1))
                images.append(Image(template, image.medium, image.subject, score))
                rows.append((direction * 2.0 ** rng.integers(-2, 3), direction * 2.0 ** rng.integers(-2, 3)))
            else:
                images.append(Image(template, number, image.subject, None))
                rows.append((np.eye(width)[axes[number]], np.eye(width)[axes[-number - 1]]))
    first, second = np.array(rows).astype(np.float32).transpose(1, 0, 2)
    return Protocol(tuple(images), drawn.pairs, drawn.galleries, drawn.probes), first, second


def exact_direction(rng: np.random.Generator, width: int) -> Floats:
    chosen = rng.permutation(width)[: rng.choice([1, 4])]
    vector = np.zeros(width)
    vector[chosen] = rng.choice([-1.0, 1.0], len(chosen)) / np.sqrt(len(chosen))
    return vector
