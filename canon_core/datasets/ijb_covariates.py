"""Covariates beside InsightFace's lists: ``meta/<prefix>_covariates.csv``, which names what is known of each image.

The releases that InsightFace packed bring no such file; a dataset made in that layout may, and so may whoever joined
NIST's metadata with the crops.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from canon_core.datasets.covariate_columns import covariates_of_columns
from canon_core.datasets.covariates import Covariate
from canon_core.datasets.text_table import read_text_table
from canon_core.errors import DatasetError
from canon_core.jobs import JobContext

#: Column with the image's name as the list of images has it.
NAME: Final = "NAME"
_WHAT: Final = f"the column {NAME} and a column for each covariate, named in the first line"


def read_image_covariates(
    path: Path, images: Sequence[str], ctx: JobContext
) -> tuple[tuple[Covariate, ...], tuple[str, ...]]:
    """Covariates of every image, matched by name; nothing is known of an image that the file does not name.

    Parameters
    ----------
    path : Path
        Commas between fields, the first line names the columns, one of them ``NAME``.
    images : sequence of str
        Names of the dataset's images.
    ctx : JobContext
        Progress and cancellation.

    Returns
    -------
    covariates, warnings

    Raises
    ------
    DatasetError
        When the file cannot be read, or names an image twice.
    """
    table = read_text_table(path, _WHAT, ctx, texts=(NAME,))
    row_of: dict[str, int] = {}
    for row, name in enumerate(table.texts[NAME]):
        if row_of.setdefault(name, row) != row:
            raise table.fault(row, f"it and line {row_of[name] + table.first_line} are both of image {name[:80]}")
    place = np.fromiter((row_of.get(name, -1) for name in images), np.int64, len(images))
    named = int(np.count_nonzero(place >= 0))
    if not named:
        raise DatasetError(
            "names no image of the dataset", path=path, remedy="give names as the list of images has them"
        )
    found, warnings = covariates_of_columns([table], [name for name in table.names if name and name != NAME], place)
    if named < len(images):
        warnings.append(f"{path.name} says nothing of {len(images) - named:,} of {len(images):,} images")
    if named < len(table):
        warnings.append(f"{path.name} has {len(table) - named:,} rows of no image, which were passed over")
    return found, (*table.warnings, *warnings)
