"""How faults, notes of the engine and durations are told on screen."""

from __future__ import annotations

import re
from datetime import timedelta

from canon_core.errors import CanonError

#: Where the window has what a command of the command line does; first match first.
_COMMANDS = (
    (r"make a new one with `canon new STUDY`", "make a new one with File → New study…"),
    (r"run `canon embed`(?: with --dataset [^,;]+?)?(?=, or |\.?$| to the end|:)", "choose Study → Compute embeddings"),
    (r"`canon embed`", "Study → Compute embeddings"),
    (r"take them in again with `canon import`", "take them in again with File → Import embeddings…"),
    (r"(?:choose |use |run )?`canon import`", "File → Import embeddings…, for"),
    (r": canon locate\b", " (Study → Locate…)"),
    (r"`canon locate`", "Study → Locate…"),
    (r"`canon add-model`", "Study → Add models…"),
    (r"`canon add-dataset`", "Study → Add dataset…"),
    (r"`canon demo`", "the demo study (Help menu)"),
    (r"`canon doctor`", "Help → About"),
    (r"with `canon map apply`", "as the guide says (Help menu)"),
    (r"a file that `canon map fit` wrote", "a map that was saved (File → Save this cell's map…)"),
)
_FORMATS = {"ijbc": "IJB-C", "ijbb": "IJB-B", "nist": "NIST", "lfw": "LFW", "bin": ".bin"}
#: What the window calls an option of the command line; first match first.
_OPTIONS = (
    (r"choose another with --(?:name|out)\b", "choose another"),
    (r"say which with --array NAME", "say which under Array"),
    (r"give it with --pairs FILE", "give a list of pairs"),
    (r"--pairs between", "a number of fit pairs between"),
    (r"leave --pairs out", "leave the list of pairs out"),
    (r"--pairs(?: FILE)?", "a list of pairs"),
    (r"--max-per-subject(?= \d+ leaves)", "a limit of"),
    (r"leave --max-per-subject out", "leave the limit of images a person out"),
    (r"--max-per-subject N", "a limit of images a person"),
    (r"--max-per-subject", "a limit of images a person"),
    (r"without --aligned arcface", "without saying that its faces are aligned already"),
    (r"leave --aligned out and", "do not say that the faces are aligned already, and"),
    (r"say --aligned arcface", "say that the faces are aligned already"),
    (r"--aligned(?: arcface)?", "“They are aligned already”"),
    (r"--landmarks(?: FILE\.csv)?", "a file of landmarks"),
    (r"--detector(?: FILE\.onnx)?", "a face detector"),
    (r"--whole-image", "whole images"),
    (r"--ids FILE", "a file of ids"),
    (r"say --format", "choose --format"),
    (r"use a smaller --batch, or close", "close"),
    (r" with a smaller --batch", ""),
    (r"made with --gpu", "made for GPUs"),
    (r"use --provider (\w+)", r"let networks run on \1 (Edit → Preferences)"),
    (r"(?<=another )--seed", "seed"),
    (r"--mode\b", "fit mode"),
    (r"--out file", "file"),
    (r"--min-dist", "least distance"),
    (r"--fpir", "FPIR"),
    (r"--far", "FAR"),
)
#: One that is not among those: its own words.
_ANY_OPTION = r"--([a-z]+(?:-[a-z]+)*)"
#: Options stand by themselves: dashes within names and paths are none.
_APART = r"(?<![\w/\\.-])"


def window_words(text: str) -> str:
    """The engine's words, with its commands and options as the window has them."""
    for command, there in _COMMANDS:
        text = re.sub(command, there, text)
    if "--" not in text:
        return text
    for option, there in _OPTIONS:
        text = re.sub(_APART + option if option.startswith("--") else option, there, text)
    text = re.sub(rf"{_APART}--format (\w+)", lambda found: f"the format {_FORMATS.get(found[1], found[1])}", text)
    text = re.sub(rf"{_APART}--format\b", "the format", text)
    return re.sub(_APART + _ANY_OPTION, lambda found: found[1].replace("-", " "), text)


def fault_text(error: CanonError) -> str:
    """The error's sentence in the window's words, beginning like one where it does not begin with a path."""
    if error.path is None:
        text = window_words(error.sentence())
        return text[:1].upper() + text[1:]
    path = str(error.path)  # a file may be called like an option
    return window_words(error.sentence().replace(path, "\0")).replace("\0", path)


def duration_text(seconds: float) -> str:
    """``0.4 s``, ``12 s``, ``3 min 5 s``, ``2 h 10 min``."""
    if seconds < 1:
        return f"{seconds:.1f} s"
    whole = timedelta(seconds=round(seconds))
    minutes, rest = divmod(int(whole.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours:,} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
