"""The ``canon`` commands that give the same intervals, searches, rates of groups, scores, pairs and faces, quoted for a
shell."""

from __future__ import annotations

import shlex

from canon_core.study.group_results import GroupSettings
from canon_core.study.identification_results import IdentifySettings
from canon_core.study.pair_results import Against, PairKind, PairSettings
from canon_core.study.results import MatrixSettings, far_text
from canon_core.verification.bootstrap import DEFAULT_RESAMPLES
from canon_core.verification.roc import FarRule

from .shown_matrix import matrix_command


def confidence_command(study: str, settings: MatrixSettings, rule: FarRule) -> str:
    """Intervals of every cell of a matrix."""
    return f"{matrix_command(study, settings, rule)} --confidence --resamples {DEFAULT_RESAMPLES}"


def identify_command(study: str, settings: IdentifySettings, rule: FarRule) -> str:
    """1:N identification of every two models."""
    return shlex.join(
        [
            *("canon", "identify", study),
            *("--dataset", settings.dataset),
            *("--models", ",".join(settings.models)),
            *("--map", settings.map.value),
            *("--mode", settings.mode.value),
            *("--features", settings.features.value),
            *("--fpir", ",".join(map(_far, settings.fpir))),
            *("--far-rule", rule.value),
            *("--seed", str(settings.seed)),
        ]
    )


def groups_command(study: str, settings: GroupSettings) -> str:
    """Errors by group of one cell."""
    matrix = settings.matrix
    return shlex.join(
        [
            *("canon", "groups", study),
            *("--source", settings.source),
            *("--target", settings.target),
            *("--covariate", settings.covariate),
            *("--dataset", matrix.dataset),
            *_among(matrix, settings.source, settings.target),
            *("--map", matrix.map.value),
            *("--mode", matrix.mode.value),
            *("--features", matrix.features.value),
            *("--far", _far(settings.far)),
            *("--far-rule", FarRule(settings.rule).value),
            *("--resamples", str(settings.resamples)),
            *("--seed", str(matrix.seed)),
        ]
    )


def scores_command(study: str, matrix: MatrixSettings, source: str, target: str, rule: FarRule) -> str:
    """The score of every pair of one cell."""
    return shlex.join(
        [
            *("canon", "scores", study),
            *("--source", source),
            *("--target", target),
            *("--dataset", matrix.dataset),
            *_among(matrix, source, target),
            *("--map", matrix.map.value),
            *("--mode", matrix.mode.value),
            *("--features", matrix.features.value),
            *("--far", ",".join(map(_far, matrix.far))),
            *("--far-rule", FarRule(rule).value),
            *("--seed", str(matrix.seed)),
            *("--out", "scores.h5"),
        ]
    )


def faces_command(study: str, dataset: str, model: str, seed: int) -> str:
    """The same faces as the model sees them."""
    return shlex.join(
        [
            *("canon", "info", study),
            *("--contact-sheet", "faces.png"),
            *("--model", model),
            *("--dataset", dataset),
            *("--seed", str(seed)),
        ]
    )


def pairs_command(
    study: str, settings: PairSettings, kind: PairKind, against: Against | None, interval: tuple[float, float] | None
) -> str:
    """A list of the pairs of one cell."""
    matrix = settings.matrix
    name = kind.value.replace(" ", "-") if interval is None else kind.value.split()[0]
    return shlex.join(
        [
            *("canon", "pairs", study),
            *("--source", settings.source),
            *("--target", settings.target),
            *("--kind", name),
            *(() if against is None else ("--against", Against(against).value)),
            *(() if interval is None else (f"--between={interval[0]!r},{interval[1]!r}",)),
            *("--dataset", matrix.dataset),
            *_among(matrix, settings.source, settings.target),
            *("--map", matrix.map.value),
            *("--mode", matrix.mode.value),
            *("--features", matrix.features.value),
            *("--far", _far(settings.far)),
            *("--far-rule", FarRule(settings.rule).value),
            *("--seed", str(matrix.seed)),
            *("--out", "pairs.csv"),
        ]
    )


def _among(matrix: MatrixSettings, source: str, target: str) -> tuple[str, ...]:
    """The matrix's other models where it has any: an image that one of them has no embedding of is left out."""
    return () if set(matrix.models) <= {source, target} else ("--models", ",".join(matrix.models))


def _far(far: float) -> str:
    text = far_text(far)
    return text if float(text) == far else repr(far)
