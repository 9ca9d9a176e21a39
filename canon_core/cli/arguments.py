"""What an option's value may be, checked before any work begins."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path

import typer

from canon_core.datasets.options import FORMATS
from canon_core.errors import CanonError

#: Preparations that images can come with.
ALIGNMENTS = ("arcface",)


def listed(text: str) -> tuple[str, ...]:
    """The parts of ``a,b,…``."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def either(model: str | None, dataset: str | None) -> None:
    """Refuse both and neither."""
    if (model is None) == (dataset is None):
        raise typer.BadParameter("name either --model or --dataset")


def fars(text: str, option: str = "--far") -> tuple[float, ...]:
    """Target rates (FARs, or what ``option`` says), each once.

    Raises
    ------
    typer.BadParameter
        When one is no number or no rate.
    """
    values = numbers(text, option)
    if not values or not all(0 < value <= 1 for value in values):
        what = option.removeprefix("--").upper()
        raise typer.BadParameter(f"a {what} target lies above 0 and is at most 1", param_hint=option)
    return values


def numbers(text: str, option: str) -> tuple[float, ...]:
    """Numbers given as ``a,b,…``, each once.

    Raises
    ------
    typer.BadParameter
        When one is none.
    """
    try:
        return tuple(dict.fromkeys(float(part) for part in listed(text)))
    except ValueError:
        raise typer.BadParameter(f"'{text}' is not a list of numbers such as 1e-2,1e-3", param_hint=option) from None


def counts(text: str, option: str) -> tuple[int, ...]:
    """Whole numbers, each once.

    Raises
    ------
    typer.BadParameter
        When one is none, or negative.
    """
    try:
        values = tuple(dict.fromkeys(int(part) for part in listed(text)))
    except ValueError:
        raise typer.BadParameter(f"'{text}' is not a list of whole numbers such as 32,64", param_hint=option) from None
    if not values or min(values) < 0:
        raise typer.BadParameter("give whole numbers from 0 on", param_hint=option)
    return values


def cells(text: str, option: str, *, singles: bool = False) -> tuple[tuple[str, str], ...]:
    """Cells given as ``source:target,…``, each once; ``singles`` lets one be a model by itself.

    Raises
    ------
    typer.BadParameter
        When one is none, or a model by itself where that makes no sense.
    """
    pairs = [tuple(name.strip() for name in part.split(":")) for part in listed(text)]
    if not pairs or any(len(pair) != 2 or not all(pair) or (pair[0] == pair[1] and not singles) for pair in pairs):
        raise typer.BadParameter(f"'{text}' is not a list of cells such as A:B,B:A", param_hint=option)
    return tuple(dict.fromkeys((source, target) for source, target in pairs))


def dataset_format(value: str) -> str:
    """A format of datasets that is known."""
    return _known((value,), FORMATS, value)


def alignment(value: str | None) -> str | None:
    """An alignment that is known."""
    return None if value is None else _known((value,), ALIGNMENTS, value)


def provider(value: str) -> str:
    """A provider that is known, whether or not it runs here."""
    from canon_core.models.providers import PROVIDERS

    return _known((value,), ("auto", *PROVIDERS), value)


def figure_formats(value: str) -> str:
    """A list of file formats that figures can have."""
    from canon_core.figures.save import FORMATS as FIGURE_FORMATS

    return _known(listed(value), tuple(FIGURE_FORMATS), value)


def figure_width(value: str) -> float:
    """Inches: ``column``, ``page``, or a length such as ``85mm`` or ``3.5in``.

    Raises
    ------
    typer.BadParameter
        When it is none of these, or no width of a figure.
    """
    from canon_core.figures.style import COLUMN_WIDTH, MM, NARROWEST, PAGE_WIDTH, WIDEST

    text = value.strip().casefold()
    if text in ("column", "page"):
        return COLUMN_WIDTH if text == "column" else PAGE_WIDTH
    unit = {"mm": MM, "cm": 10 * MM, "in": 1.0}.get(text[-2:])
    try:
        inches = float(text[:-2]) * (unit if unit is not None else math.nan)
    except ValueError:
        inches = math.nan
    if not NARROWEST <= inches <= WIDEST:
        known = f"column, page, or {NARROWEST / MM:.0f}mm to {WIDEST / MM:.0f}mm, or inches such as 3.5in"
        raise typer.BadParameter(f"'{value}' is no width: give {known}", param_hint="--width")
    return inches


def table_formats(value: str) -> str:
    """A list of forms that tables can have."""
    from canon_core.figures.tables import TABLE_FORMATS

    return _known(listed(value), TABLE_FORMATS, value)


def _known(given: Sequence[str], known: Sequence[str], value: str) -> str:
    unknown = [name for name in given if name not in known]
    if unknown:
        raise typer.BadParameter(f"'{unknown[0]}' is none of {', '.join(known)}")
    return value


def json_target(value: str | None) -> str | None:
    """``-``, or a file that can be written."""
    if value == "":
        raise typer.BadParameter("give a file, or - for standard output")
    if value is not None and value != "-":
        if value.endswith(("/", os.sep)):
            raise CanonError("this is a folder's name", path=value, remedy="name the file to write")
        file_to_write(Path(value))
    return value


def file_to_write(path: Path | None) -> Path | None:
    """A file that can be written, as far as that shows before the work.

    Raises
    ------
    CanonError
        When it is a folder, a disk or a socket, or the folder it is to lie in is a file or must not be written to.
    """
    from canon_core.store.output import output_place

    if path is None:
        return None
    if path.is_dir():
        raise CanonError("this is a folder", path=path, remedy="name the file to write")
    place, stream = output_place(path)
    if stream:  # a pipe or device: nothing comes to lie beside it
        if not os.access(path, os.W_OK):
            raise CanonError("permission denied", path=path, remedy="name another file to write")
        return path
    folder = next(parent for parent in place.parents if parent.exists())
    if not folder.is_dir():
        raise CanonError("this is a file, so nothing can lie below it", path=folder, remedy="name another folder")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise CanonError("permission denied", path=folder, remedy="change its permissions or choose another folder")
    return path


def map_file(path: Path) -> Path:
    """A file that a map can be written to."""
    from canon_core.models.map_file import MAP_SUFFIXES

    return _ending(path, MAP_SUFFIXES)


def embeddings_file(path: Path) -> Path:
    """A file that mapped embeddings can be written to."""
    from canon_core.experiments.conversion import OUTPUT_SUFFIXES

    return _ending(path, OUTPUT_SUFFIXES)


def scores_file(path: Path) -> Path:
    """A file that scores can be written to."""
    from canon_core.experiments.scores import SCORE_SUFFIXES

    return _ending(path, SCORE_SUFFIXES)


def figure_file(path: Path | None) -> Path | None:
    """A file that a figure can be written to."""
    from canon_core.figures.save import FORMATS as FIGURE_FORMATS

    return None if path is None else _ending(path, [f".{name}" for name in FIGURE_FORMATS])


def _ending(path: Path, known: Sequence[str]) -> Path:
    if path.suffix.casefold() not in known:
        raise typer.BadParameter(f"'{path.name}' ends with none of {', '.join(known)}")
    file_to_write(path)
    return path


def recordable(path: Path) -> Path:
    """The absolute path, in letters that a study can remember: its document is UTF-8, names on a disk are any bytes.

    Raises
    ------
    CanonError
        Naming what has to be renamed.
    """
    whole = Path(os.path.abspath(path))
    for part in whole.parts:
        try:
            part.encode("utf-8")
        except UnicodeEncodeError:
            raise CanonError(
                f"the name '{_bytes_shown(part)}' is not UTF-8, so a study cannot remember it",
                path=_bytes_shown(str(whole)),
                remedy="rename that file or folder and add it again",
            ) from None
    return whole


def _bytes_shown(name: str) -> str:
    return os.fsencode(name).decode("utf-8", "backslashreplace")
