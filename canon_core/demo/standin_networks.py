"""The four shallow networks of the stand-in study: what each sees, computes and was fitted on.

They differ as published networks differ: input, colours, levels, layout, filters, dimensions, and people they were
fitted on, which overlap for some pairs and not for others. ``resources/demo`` holds them fitted; the script
:mod:`~canon_core.demo.standin_fit` makes them anew.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from canon_core.demo.shallow import FilterBank, oriented_filters, patch_filters, random_filters
from canon_core.models.spec import InputSpec, ModelSpec, OutputSpec

#: Photographs taken of every person that networks are fitted on.
PHOTOGRAPHS: Final = 12
#: Numbers of identities that no network was fitted on start here.
HELD_OUT: Final = 1_000_000


@dataclass(frozen=True)
class StandInNetwork:
    """One network's recipe.

    Attributes
    ----------
    name : str
        Of the files and of the model in a study.
    title : str
    input : InputSpec
    bank : callable
        Gives the filter bank; is handed a sample of the network's own inputs (n, channels, h, w).
    people : range
        Numbers of the identities it is fitted on.
    dimensions, components : int
        Of the embedding, and principal components kept before the discriminants.
    """

    name: str
    title: str
    input: InputSpec
    bank: Callable[[NDArray[np.float32]], FilterBank]
    people: range
    dimensions: int
    components: int

    @property
    def spec(self) -> ModelSpec:
        """The preprocessing spec that is written beside the network."""
        return ModelSpec(
            input=self.input,
            output=OutputSpec(names=("embedding",)),
            about={
                "title": self.title,
                "loss": "whitening and linear discriminant analysis, in closed form",
                "training_set": (
                    f"synthetic faces (stand-in): people {self.people.start} to {self.people.stop - 1}, "
                    f"{PHOTOGRAPHS} rendered photographs each"
                ),
                "licence": "Apache-2.0",
                "source": "canon_core/demo/standin_fit.py",
            },
        )


NETWORKS: Final = (
    StandInNetwork(
        "Gabor-128",
        "Gabor filters on grey crops, shallow stand-in",
        InputSpec(color="gray", mean=(127.5,), std=(128.0,)),
        lambda sample: FilterBank(oriented_filters(4, (7.0,), 1, 11), 2, 12, 0),
        range(800),
        128,
        500,
    ),
    StandInNetwork(
        "Patches-128",
        "Filters learned from patches, shallow stand-in",
        InputSpec(),
        lambda sample: FilterBank(patch_filters(sample, 9, 7, 2), 2, 11, 8),
        range(600, 1400),
        128,
        500,
    ),
    StandInNetwork(
        "Broad-128",
        "Broad Gabor filters on narrow crops, shallow stand-in",
        InputSpec(width=96, template="arcface-96", layout="nhwc", mean=(127.5,) * 3, std=(128.0,) * 3),
        lambda sample: FilterBank(oriented_filters(6, (9.0,), 3, 13), 2, 9, 6),
        range(500),
        128,
        400,
    ),
    StandInNetwork(
        "Random-96",
        "Random filters, shallow stand-in",
        InputSpec(color="bgr", mean=(0.0,) * 3, std=(255.0,) * 3),
        lambda sample: FilterBank(random_filters(10, 3, 9, 1), 2, 10, 8),
        range(1000, 1600),
        96,
        450,
    ),
)
