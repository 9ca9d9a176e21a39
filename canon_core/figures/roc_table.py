"""ROC curves as CSV for programs: every stored point, the settings in a last line that begins with ``#``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from canon_core.figures.curve import Curve
from canon_core.figures.number_columns import Texts, decimals, integers, lines


def roc_csv(curves: Sequence[Curve], settings_line: str) -> bytes:
    """A row for every stored point of every curve: pairs accepted of each kind, and the rates that they are.

    A pair is accepted iff its score is at least ``threshold``; the first point of a curve accepts none, and its
    threshold is left empty. Curves without genuine or impostor pairs have no rates and are left out.
    """
    parts = [b"curve,threshold,far,tar,false_accepts,impostors,true_accepts,genuine\n"]
    for curve in curves:
        roc = curve.roc
        if not roc.impostors or not roc.genuine:
            continue
        count = len(roc.thresholds)
        finite = np.isfinite(roc.thresholds)
        letters, shown = decimals(np.where(finite, roc.thresholds, 0))
        parts.append(
            lines(
                [
                    Texts([curve.label]).column(np.zeros(count, np.int64)),
                    (letters, shown & finite[:, None]),
                    decimals(roc.far),
                    decimals(roc.tar),
                    integers(roc.false_accepts),
                    integers(np.full(count, roc.impostors)),
                    integers(roc.true_accepts),
                    integers(np.full(count, roc.genuine)),
                ]
            )
        )
    parts.append(f"# {' '.join(settings_line.split())}\n".encode())
    return b"".join(parts)
