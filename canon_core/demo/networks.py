"""The demo by name: its datasets, ten networks that mirror the paper's Table 3 in small, what stands beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from canon_core.errors import CanonError
from canon_core.resources import resource

#: Names of the demo's datasets; everything that shows them says what they are.
DATASET: Final = "synthetic faces"
FOLDS: Final = "synthetic faces in folds"
#: In the order of Table 3.
TEN: Final = (
    "M2_R16_A",
    "V_R8_A",
    "G_R10_P1.0",
    "G_R10_P0.1",
    "M1_R10_A",
    "M1_MB2_A",
    "V_IR_C",
    "C_IR_C",
    "M1_9S_PFE",
    "C_9S_PFE",
)
#: The first of the ten again, with another seed, and with another seed and other people: the ceiling of every cell.
TWINS: Final = ("twin-seed", "twin-data")
#: Networks that learned nothing about people.
UNTRAINED, PCA = "control-untrained", "control-pca"
CONTROLS: Final = (UNTRAINED, PCA)
NETWORKS: Final = (*TEN, *TWINS, *CONTROLS)


def network_file(name: str) -> Path:
    """The bundled ONNX file of a network; its spec and its model card lie beside it.

    Raises
    ------
    CanonError
        When the installation is incomplete.
    """
    try:
        return resource("demo", f"{name}.onnx")
    except FileNotFoundError as error:
        raise CanonError(str(error)) from None
