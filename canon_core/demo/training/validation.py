"""A network's own figures, on people that no network was trained on and that the demo study does not show.

Everything as a study does it: the ONNX file, the program's preprocessing and ONNX Runtime, unit embeddings, templates.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from canon_core.demo.training.crops import plain_batch
from canon_core.demo.training.photographs import SHOTS, STILLS
from canon_core.embedding.network import Network
from canon_core.models.providers import ProviderChoice
from canon_core.models.resolve import resolve_model
from canon_core.verification.roc import FarRule, roc_of_scores

Floats = NDArray[np.float32]

FARS: Final = (1e-1, 1e-2, 1e-3, 1e-4)
#: Photographs of each template of a person: single stills, several, and a run, whose frames count as one photograph.
TEMPLATES: Final = ((0,), (1,), (2, 3), (4, 5, 6), tuple(range(STILLS, SHOTS)))
_BATCH: Final = 128


def embed_with_engine(file: Path, images: NDArray[np.uint8], points: NDArray[np.float32]) -> Floats:
    """Embeddings (n, d) as a study computes them on the CPU; of the upright face where mirrored ones are kept too."""
    model = resolve_model(file)
    network = Network(model, ProviderChoice("cpu", 0, "the same everywhere"))
    parts = [
        network.run(plain_batch(images[k : k + _BATCH], points[k : k + _BATCH], model.spec))
        for k in range(0, len(images), _BATCH)
    ]
    rows = np.concatenate(parts)
    return rows if rows.ndim == 2 else np.ascontiguousarray(rows[:, 0])


def template_tars(embeddings: Floats) -> tuple[float, ...]:
    """TAR at each of ``FARS`` over all pairs of templates.

    Parameters
    ----------
    embeddings : (people · SHOTS, d) float32
        Person by person, as :class:`~canon_core.demo.training.photographs.Photographs` has them.
    """
    templates = np.concatenate([_template(embeddings, shots) for shots in TEMPLATES])
    people = np.tile(np.arange(len(embeddings) // SHOTS), len(TEMPLATES))
    first, second = np.triu_indices(len(people), 1)
    scores = (templates @ templates.T)[first, second]
    genuine = people[first] == people[second]
    curve = roc_of_scores(scores[genuine], scores[~genuine])
    return tuple(curve.at(far, FarRule.CONSERVATIVE).tar for far in FARS)


def least_cosine(a: Floats, b: Floats) -> float:
    """Smallest cosine between rows of the same number."""
    return float(np.min(np.sum(_unit(a.astype(np.float64)) * _unit(b.astype(np.float64)), axis=1)))


def _template(embeddings: Floats, shots: tuple[int, ...]) -> Floats:
    """Unit mean of some photographs' unit embeddings, (people, d)."""
    rows = _unit(embeddings.reshape(-1, SHOTS, embeddings.shape[1])[:, list(shots)])
    return _unit(rows.mean(axis=1))


def _unit(rows: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(rows / np.linalg.norm(rows, axis=-1, keepdims=True))
