"""What views of faces show, for files: a contact sheet, listed pairs, two faces that were compared; as figures and as
tables. Images and subjects are numbered in them unless their names are asked for."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from canon_core.embedding.contact_sheet import ContactSheet
from canon_core.embedding.face_picture import thumbnail
from canon_core.errors import DatasetError
from canon_core.experiments.image_measure import DecidedScore
from canon_core.experiments.pair_sides import PairSide
from canon_core.experiments.pairs import FacePair
from canon_core.experiments.two_faces import Comparison
from canon_core.figures.csv_fields import harmless
from canon_core.figures.face_figure import FaceGroup, Image, face_figure
from canon_core.figures.two_faces_figure import ScoreLine, two_faces_figure
from canon_core.jobs import JobContext
from canon_core.maps.kinds import MapKind
from canon_core.study.pair_results import PairThresholds
from canon_core.study.results import far_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from canon_core.datasets.faces import FaceImages

#: Pairs in a figure: a page of a paper. The table has all.
MOST_PAIRS = 24
#: Pixels of a face in a figure: 0.9 inch at 300 dpi.
_SIDE = 256


def sheet_figure(
    sheet: ContactSheet, rows: Sequence[int], *, settings_line: str, named: bool = False, width: float | None = None
) -> Figure:
    """A contact sheet that was drawn without captions; ``rows`` are its images' numbers in the dataset."""
    failed = dict(sheet.failed)
    groups = []
    for (x, y), name, row in zip(sheet.corners, sheet.ids, rows, strict=True):
        tile = sheet.pixels[y : y + sheet.tile, x : x + sheet.tile]
        groups.append(FaceGroup((None if name in failed else tile,), (name.rsplit("/", 1)[-1] if named else str(row),)))
    return face_figure(groups, settings_line=settings_line, width=width)


def sheet_csv(sheet: ContactSheet, rows: Sequence[int], *, settings_line: str, named: bool = False) -> str:
    """A row a face of a contact sheet: its image, and why it could not be drawn where that is so."""
    failed = dict(sheet.failed)
    lines = [[name if named else row, failed.get(name, "")] for name, row in zip(sheet.ids, rows, strict=True)]
    return _csv(["image", "problem"], lines, settings_line)


def pairs_figure(
    faces: FaceImages,
    pairs: Sequence[FacePair],
    thresholds: PairThresholds,
    *,
    settings_line: str,
    named: bool = False,
    aligned: bool = True,
    width: float | None = None,
    ctx: JobContext | None = None,
) -> Figure:
    """The first :data:`MOST_PAIRS` pairs of a list: both faces, the score, and who they are.

    Parameters
    ----------
    faces : FaceImages
        Where their images lie; a face that cannot be read is left empty.
    aligned : bool
        Faces on the template, or whole images.

    Raises
    ------
    Cancelled
    """
    subjects: dict[str, int] = {}
    groups = []
    for pair in pairs[:MOST_PAIRS]:
        pictures = []
        for side in (pair.first, pair.second):
            if ctx is not None:
                ctx.check()
            pictures.append(_picture(faces, side, aligned=aligned))
            subjects.setdefault(side.subject, len(subjects))
        who = [
            (side.name.rsplit("/", 1)[-1] if named or side.template else f"image {side.number}")
            + ("" if named else f", subject {subjects[side.subject]}")
            for side in (pair.first, pair.second)
        ]
        groups.append(FaceGroup(tuple(pictures), (f"{pair.words}, {pair.score:.4f}", *who)))
    parts = [settings_line, f"threshold {thresholds.cell:.4f}"]
    if not named:
        parts.append("subjects numbered as they come")
    if len(pairs) > MOST_PAIRS:
        parts.append(f"the first {MOST_PAIRS} of {len(pairs):,} listed")
    return face_figure(groups, settings_line=" · ".join(parts), width=width)


def comparison_figure(found: Comparison, *, width: float | None = None) -> Figure:
    """Two faces with their similarity before and after the map; no name of a picture is in it."""
    settings = found.settings
    scores = [
        ScoreLine(
            name,
            score.score,
            tuple((one.far, one.threshold) for one in score.decisions if math.isfinite(one.threshold)),
        )
        for name, score in _scores(found).items()
    ]
    titles = f"through {settings.source}", f"through {settings.target}"
    return two_faces_figure(found.crops, titles, scores, settings_line=_line(found), width=width)


def comparison_csv(found: Comparison) -> str:
    """A row for each similarity at each FAR that has a threshold, and one without a FAR where none has."""
    columns = ["source", "target", "map", "score", "share of impostors below", "FAR", "threshold", "accepted"]
    rows: list[list[object]] = []
    for name, score in _scores(found).items():
        share = "" if score.percentile is None else repr(score.percentile / 100)
        head = [found.settings.source, found.settings.target, name, repr(score.score), share]
        rows += [
            [*head, far_text(one.far), repr(one.threshold), "yes" if one.accepted else "no"]
            for one in score.decisions
        ] or [[*head, "", "", ""]]
    return _csv(columns, rows, _line(found))


# -- private ---------------------------------------------------------------------------------------------------------
def _line(found: Comparison) -> str:
    return f"{found.map_words} · {found.basis} · single images, unit norm"


def _scores(found: Comparison) -> Mapping[str, DecidedScore]:
    if found.score is None:
        return {"no map": found.raw}
    return {"before the map": found.raw, f"after the {MapKind(found.settings.matrix.map).value} map": found.score}


def _picture(faces: FaceImages, side: PairSide, *, aligned: bool) -> Image | None:
    if side.image < 0 or not faces.has_images:
        return None
    try:
        return thumbnail(faces, side.image, _SIDE, aligned=aligned)
    except DatasetError:
        return None


def _csv(columns: Sequence[str], rows: Sequence[Sequence[object]], settings_line: str) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([harmless(value) if isinstance(value, str) else value for value in row] for row in rows)
    text.write(f"# {' '.join(settings_line.split())}\n")
    return text.getvalue()
