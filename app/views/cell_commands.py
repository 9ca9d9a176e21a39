"""The ``canon`` commands that write a cell's map and its scores, and tell its fold accuracy, quoted for a shell."""

from __future__ import annotations

import shlex

from canon_core.study.results import FoldSettings, MatrixSettings, far_text
from canon_core.verification.roc import FarRule


def map_command(study: str, settings: MatrixSettings, rule: FarRule, out: str) -> str:
    """Fits the map from the settings' first model to its second on everything."""
    return shlex.join(["canon", "map", "fit", study, *_cell(settings, rule), "--out", out])


def scores_command(study: str, settings: MatrixSettings, rule: FarRule, out: str, *, named: bool) -> str:
    """Writes the score of every pair of the cell."""
    cell = [*_cell(settings, rule), "--features", settings.features.value]
    return shlex.join(["canon", "scores", study, *cell, "--out", out, *(["--with-ids"] if named else [])])


def folds_command(study: str, settings: FoldSettings) -> str:
    """Fold accuracies of every two models."""
    return shlex.join(
        [
            *("canon", "folds", study),
            *("--dataset", settings.dataset),
            *("--models", ",".join(settings.models)),
            *("--map", settings.map.value),
        ]
    )


def _cell(settings: MatrixSettings, rule: FarRule) -> list[str]:
    far = ",".join(far_text(target) if float(far_text(target)) == target else repr(target) for target in settings.far)
    return [
        *("--source", settings.models[0]),
        *("--target", settings.models[-1]),
        *("--dataset", settings.dataset),
        *("--map", settings.map.value),
        *("--mode", settings.mode.value),
        *("--far", far),
        *("--far-rule", FarRule(rule).value),
        *("--seed", str(settings.seed)),
    ]
