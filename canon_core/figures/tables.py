"""The TAR matrix as text: CSV for programs, LaTeX (booktabs) for papers, Markdown for notes; settings with each."""

from __future__ import annotations

import csv
import io

from canon_core.errors import SettingsError
from canon_core.figures import numbers
from canon_core.figures.csv_fields import harmless
from canon_core.study.results import Matrix, far_text, settings_line
from canon_core.verification.roc import FarRule

TABLE_FORMATS = ("csv", "latex", "md")

_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "·": r"$\cdot$",
    "–": "--",
    "−": "$-$",
    "→": r"$\to$",
}
_MARKDOWN_SPECIAL = "\\`*_[]<>|"


def matrix_table(
    matrix: Matrix,
    far: float,
    rule: FarRule,
    format: str,  # noqa: A002 - the contract's word
    *,
    difference: bool = False,
) -> str:
    """A matrix at one FAR as a table: rows are sources, columns targets, sorted by single-model TAR.

    Parameters
    ----------
    matrix : Matrix
    far, rule :
        Where the ROC of every cell is read; ``far`` is one of the matrix's.
    format : str
        ``csv``: every digit, missing cells empty, settings in a last line that begins with ``#``. ``latex``: a whole
        ``table`` for the package booktabs, settings in the caption. ``md``: settings in a line below.
    difference : bool
        Off the diagonal each TAR minus that of the weaker of its two models.

    Raises
    ------
    SettingsError
        For another format.
    ValueError
        When the matrix was not computed for that FAR.
    """
    writers = {"csv": _csv, "latex": _latex, "md": _markdown}
    if format not in writers:
        raise SettingsError(f"no table format '{format}'", remedy=f"choose among {', '.join(TABLE_FORMATS)}")
    return writers[format](matrix, far, rule, difference)


def _title(far: float, difference: bool) -> str:
    return f"{'TAR − weaker single model (single models: TAR)' if difference else 'TAR'} at FAR {far_text(far)}"


def _number(matrix: Matrix, source: str, target: str, far: float, rule: FarRule, difference: bool) -> str:
    if not difference or source == target:
        return numbers.cell_text(matrix, source, target, far, rule)
    text = numbers.difference_text(numbers.difference(matrix, source, target, far, rule))
    return text + "*" if matrix.unresolved(source, target, far, rule) else text


def _csv(matrix: Matrix, far: float, rule: FarRule, difference: bool) -> str:
    order = numbers.display_order(matrix, far, rule)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["source \\ target", *map(harmless, order)])
    for source in order:
        values = [
            numbers.difference(matrix, source, target, far, rule)
            if difference and source != target
            else matrix.tar(source, target, far, rule)
            for target in order
        ]
        writer.writerow([harmless(source), *("" if value is None else repr(float(value)) for value in values)])
    text.write(f"# {_title(far, difference)} · {_one_line(settings_line(matrix, rule, far))}\n")
    return text.getvalue()


def _latex(matrix: Matrix, far: float, rule: FarRule, difference: bool) -> str:
    order = numbers.display_order(matrix, far, rule)
    names = [_escape_latex(name) for name in order]
    rows = [
        f"    {name} & "
        + " & ".join(_latex_number(matrix, source, target, far, rule, difference) for target in order)
        + r" \\"
        for name, source in zip(names, order, strict=True)
    ]
    settings = settings_line(matrix, rule, far)
    caption = f"{_title(far, difference)}, rows source, columns target; single models in italics. {settings}."
    return "\n".join(
        [
            r"% needs \usepackage{booktabs}",
            r"\begin{table}",
            r"  \centering",
            f"  \\caption{{{_escape_latex(caption)}}}",
            f"  \\begin{{tabular}}{{l{'r' * len(order)}}}",
            r"    \toprule",
            "    source & " + " & ".join(names) + r" \\",
            r"    \midrule",
            *rows,
            r"    \bottomrule",
            r"  \end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def _latex_number(matrix: Matrix, source: str, target: str, far: float, rule: FarRule, difference: bool) -> str:
    text = _escape_latex(_number(matrix, source, target, far, rule, difference))
    return rf"\textit{{{text}}}" if source == target else text


def _markdown(matrix: Matrix, far: float, rule: FarRule, difference: bool) -> str:
    order = numbers.display_order(matrix, far, rule)
    names = [_escape_markdown(name) for name in order]
    lines = [
        "| source \\\\ target | " + " | ".join(names) + " |",
        "|---|" + "---:|" * len(order),
    ]
    for name, source in zip(names, order, strict=True):
        values = [_escape_markdown(_number(matrix, source, target, far, rule, difference)) for target in order]
        lines.append(f"| {name} | " + " | ".join(values) + " |")
    settings = _escape_markdown(settings_line(matrix, rule, far))
    return "\n".join([*lines, "", f"{_title(far, difference)} · {settings}", ""])


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _escape_latex(text: str) -> str:
    return "".join(_LATEX.get(character, character) for character in _one_line(text))


def _escape_markdown(text: str) -> str:
    return "".join(f"\\{character}" if character in _MARKDOWN_SPECIAL else character for character in _one_line(text))
