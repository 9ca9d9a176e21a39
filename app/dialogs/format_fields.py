"""Which fields of the dataset dialog make sense for which format, and why the others do not. No Qt."""

from __future__ import annotations

from enum import IntEnum


class Way(IntEnum):
    """What says where the faces lie in the images."""

    AUTO = 0
    ALIGNED = 1
    LANDMARKS = 2
    DETECTOR = 3
    WHOLE = 4


WAYS = {
    Way.AUTO: "Find out from the images",
    Way.ALIGNED: "They are aligned already",
    Way.LANDMARKS: "Five landmarks from a file",
    Way.DETECTOR: "A face detector finds them",
    Way.WHOLE: "Feed whole images",
}
_WORDS = {
    Way.AUTO: "Images that all are 112 × 112 are taken as aligned; else a landmarks.csv in the folder is used. Without"
    " either, networks that want aligned faces refuse these images.",
    Way.ALIGNED: "Every image is a 112 × 112 crop on the ArcFace template, as face-recognition sets usually come.",
    Way.LANDMARKS: "A CSV with the image's path below the folder, five x, y pairs (eyes, nose, mouth corners) and, if"
    " there is one, the detector's score.",
    Way.DETECTOR: "YuNet as an ONNX file. Images without a face are left out, and named.",
    Way.WHOLE: "For images that show nothing but the face in a way the networks know. Whole photographs give numbers"
    " that mean nothing.",
}
_FOUND = {
    "ijbc": "The set brings five landmarks of each face.",
    "ijbb": "The set brings five landmarks of each face.",
    "nist": "The set brings a box around each face: enough for networks that want a detector's box; others need"
    " landmarks, from a file or from a detector that looks into the boxes.",
    "bin": "Images that all are 112 × 112 are taken as aligned, and in such sets they are as a rule.",
}
_DETECTOR_IN_BOXES = "YuNet as an ONNX file finds five points in each face box."
_POINTS = "The set brings five landmarks of each face already."
_BOXES = "These are photographs, with a box around each face."
#: Formats with a protocol of their own.
_TEMPLATES = ("ijbc", "ijbb", "nist", "bin")


def why_no_way(way: Way, format: str) -> str:  # noqa: A002
    """Why this cannot say where the faces lie; empty where it can. ``format`` is empty while it is not known."""
    if format in ("ijbc", "ijbb") and way is not Way.AUTO:
        return _POINTS
    if format == "nist" and way is Way.ALIGNED:
        return _BOXES
    if format == "bin" and way is Way.LANDMARKS:
        return "The images have no names that a list of landmarks could go by."
    return ""


def way_words(way: Way, format: str) -> str:  # noqa: A002
    """What a choice means for a format."""
    if way is Way.AUTO:
        return _FOUND.get(format, _WORDS[way])
    if way is Way.DETECTOR and format == "nist":
        return _DETECTOR_IN_BOXES
    return why_no_way(way, format) or _WORDS[way]


def why_no_pairs(format: str, chosen: str) -> str:  # noqa: A002
    """Why no list of pairs can be given; empty where it can. ``chosen`` is the format the user insists on, if any."""
    if format in _TEMPLATES:
        return "The set brings its pairs."
    return "A folder is compared in all pairs; choose LFW as the format to use a list." if chosen == "folder" else ""


def why_no_limit(format: str) -> str:  # noqa: A002
    """Why images of a person cannot be limited; empty where they can."""
    return "The set says which images are compared." if format in _TEMPLATES else ""
