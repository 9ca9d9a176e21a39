"""What a stored matrix depends on: while it is the same, the matrix need not be looked up again. No Qt."""

from __future__ import annotations

from dataclasses import dataclass

from canon_core.study.results import MatrixSettings

from .contents import Contents
from .view_state import ViewState


@dataclass(frozen=True)
class MatrixStamp:
    """The settings, the dataset as it is, and (name, network, preprocessing, complete, bad rows) of each embedding."""

    settings: MatrixSettings
    fingerprint: str
    embeddings: tuple[tuple[str, str, str, bool, int], ...]


def stamp_of(contents: Contents, state: ViewState) -> MatrixStamp | None:
    """None where there is nothing to be looked up: no dataset, no model, nothing embedded."""
    dataset = contents.dataset(state.dataset)
    settings = state.settings(contents.model_names)
    if dataset is None or not set(contents.embedded(dataset.name)) & set(settings.models):
        return None
    embeddings = []
    for model in contents.models:
        if model.name in settings.models:
            found = contents.states[model.name, dataset.name]
            embeddings.append((model.name, model.sha256, model.spec.digest(), found.complete, found.bad_rows))
    return MatrixStamp(settings, dataset.fingerprint, tuple(embeddings))
