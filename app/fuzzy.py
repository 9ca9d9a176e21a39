"""Finding commands by a few of their letters. No Qt."""

from __future__ import annotations

#: Points of a letter that follows the one before at once, and of one that begins a word.
_NEXT, _WORD = 3.0, 4.0
#: Points lost with every letter passed over between two that were found.
_GAP = 0.1


def match(query: str, text: str) -> float | None:
    """How well the letters of ``query`` are found in ``text`` in their order; None where they are not.

    Every word of the query is looked for by itself, so that their order does not matter. Letters that follow each other
    and letters that begin words count more, and of two texts with the same letters the shorter is better.

    >>> match("cpm", "Compute matrix") > match("cpm", "Show captions of images")
    True
    >>> match("xyz", "Compute matrix") is None
    True
    """
    total = 0.0
    for word in query.casefold().split():
        points = _word_points(word, text.casefold())
        if points is None:
            return None
        total += points
    return total - 0.01 * len(text)


def _word_points(word: str, text: str) -> float | None:
    """The best points over every place where the word's first letter stands."""
    best: float | None = None
    at = text.find(word[0])
    while at >= 0:
        points = _points_from(word, text, at)
        if points is not None and (best is None or points > best):
            best = points
        at = text.find(word[0], at + 1)
    return best


def _points_from(word: str, text: str, start: int) -> float | None:
    points, before = 0.0, start - 1
    for number, letter in enumerate(word):
        at = text.find(letter, before + 1)
        if at < 0:
            return None
        if number and at == before + 1:
            points += _NEXT
        elif at == 0 or not text[at - 1].isalnum():
            points += _WORD
        else:  # where the letter also begins a later word, that one was more likely meant
            begins = next((i for i in range(at + 1, len(text)) if text[i] == letter and not text[i - 1].isalnum()), -1)
            if number and begins >= 0:
                at, points = begins, points + _WORD
        points += 1.0 - (_GAP * (at - before - 1) if number else 0.0)
        before = at
    return points
