"""Fields of CSV: names come from files that nobody vouches for, and spreadsheets run what looks like a formula."""

from __future__ import annotations

from typing import Final

#: What a field begins with that a spreadsheet takes for a formula, spaces before it or not.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


def harmless(field: str) -> str:
    """A field with an apostrophe before what a spreadsheet would run; numbers stay as they are.

    >>> harmless("=cmd"), harmless("-0.5"), harmless("-0.5+cmd")
    ("'=cmd", '-0.5', "'-0.5+cmd")
    """
    begins = field.startswith(_FORMULA) or field.lstrip().startswith(_FORMULA)
    return "'" + field if begins and not _is_number(field) else field


def quoted(field: str) -> str:
    """A harmless field, in quotes where a reader of CSV might take something in it for more than a letter.

    >>> quoted("Mary, Q."), quoted("=cmd"), quoted("# 1")
    ('"Mary, Q."', "'=cmd", '"# 1"')
    """
    text = harmless(field)
    special = any(letter in text for letter in ',"#\r\n') or text != text.strip()  # "#" begins our comments
    return '"' + text.replace('"', '""') + '"' if special else text


# -- private ---------------------------------------------------------------------------------------------------------
def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
