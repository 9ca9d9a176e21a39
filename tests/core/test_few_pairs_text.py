"""What is said of few fit pairs claims nothing that scores have not shown."""

from __future__ import annotations

import pytest

from canon_core.maps.kinds import MapKind
from canon_core.study.results import few_pairs_text


@pytest.mark.parametrize("kind", [MapKind.LINEAR, MapKind.AFFINE])
def test_a_map_with_few_pairs_may_overfit_and_the_scores_say_whether(kind: MapKind) -> None:
    text = few_pairs_text(9.14, kind)
    assert text == (
        f"9.1 fit pairs a source dimension: below 10 a {kind} map may overfit: compare its scores with a rotation's"
    )
    assert few_pairs_text(10.0, kind) == ""
