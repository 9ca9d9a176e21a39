"""What is said of an overlay in words: every setting behind it in one line, and how well its points meet."""

from __future__ import annotations

from collections.abc import Sequence

from canon_core.projection.kinds import OverlayMethod
from canon_core.study.overlay_results import Overlay, OverlayLevel, OverlayScore, OverlaySettings
from canon_core.study.results import FitMode, features_text


def overlay_line(result: Overlay) -> str:
    """Every setting behind an overlay in one line, as it stands under each view and figure."""
    settings = result.settings
    templates = settings.level is OverlayLevel.TEMPLATES
    fit = f"fit {settings.mode}"
    if settings.mode is FitMode.DISJOINT:
        fit += f" (seed {settings.seed}; each half of the subjects through the map fitted on the other)"
    method = str(settings.method).upper() if settings.method is not OverlayMethod.SINGULAR else "singular directions"
    if settings.method is OverlayMethod.UMAP:
        method += f" (cosine, {settings.neighbours} neighbours, min-dist {settings.min_dist:g}, seed {settings.seed})"
    parts = [
        *_shown(result),
        f"{', '.join(settings.sources)} → {settings.target}",
        f"map {settings.map}",
        fit,
        *_across(result),
        features_text(settings.features) if templates else "unit norm",
    ]
    if result.fit_pairs:
        parts.append("fit pairs " + " + ".join(f"{count:,}" for count in result.fit_pairs))
    parts += [method, *result.notes]
    if result.left_out:
        parts.append(f"{result.left_out} images left out")
    return " · ".join(parts)


def _shown(result: Overlay) -> list[str]:
    """Each dataset, and how much of it is shown."""
    if not result.parts:
        return [result.dataset_title, _subset(result.settings, result.items, result.subjects)]
    titles = (result.dataset_title, *result.added_titles)
    return [
        f"{title}: {_subset(result.settings, part.items, part.subjects)}"
        for title, part in zip(titles, result.parts, strict=True)
    ]


def _subset(settings: OverlaySettings, items: tuple[int, int], subjects: tuple[int, int]) -> str:
    shown = f"{items[0]:,} of {items[1]:,} {settings.level} of {subjects[0]:,} of {subjects[1]:,}"
    if settings.chosen:
        return f"{shown} subjects, chosen"
    if items[0] < items[1]:
        return f"{shown} subjects, drawn at random (seed {settings.seed})"
    return f"all {items[1]:,} {settings.level} of {subjects[1]:,} subjects"


def _across(result: Overlay) -> list[str]:
    """What holds where several datasets are shown: on which the maps were fitted, and who is who."""
    settings = result.settings
    if not settings.added:
        return []
    fitted = f"maps fitted on {settings.dataset} alone; {', '.join(settings.added)} through the same maps"
    if settings.mode is FitMode.DISJOINT:
        fitted += ", halves by the same split of subjects' names"
    if settings.same_names:
        return [fitted, "subjects of the same name are one person"]
    people = "subjects of different datasets are different people"
    twice = len(result.subject_names) - len(set(result.subject_names))
    if twice:
        people += f", also where names are the same ({twice:,} shown)"
    return [fitted, people]


def score_text(score: OverlayScore, level: OverlayLevel) -> str:
    """A score in words, with what it counts."""
    one = str(level).removesuffix("s")
    if not score.asked:
        return f"no {one} shown has another of its subject to find"
    before, after, source, target = (
        _percent(share) for share in (score.before, score.after, score.source_own, score.target_own)
    )
    return (
        f"nearest other target {one} shows the same subject: before {before}, after {after} of the"
        f" {score.asked:,} {level} that have one"
        f" (source alone {source}, target alone {target}, chance {_percent(score.chance, 2)})"
    )


def _percent(share: float, digits: int = 1) -> str:
    return f"{100 * share:.{digits}f}\N{NO-BREAK SPACE}%"


def scores_text(result: Overlay) -> str:
    """Every score with what it counts; what several sources have in common once, and each dataset by itself."""
    level, scores = result.settings.level, result.scores
    if len(scores) == 1 or not scores[0].asked:
        text = score_text(scores[0], level)
    else:
        each = ", ".join(
            f"{name} {100 * score.before:.1f} → {100 * score.after:.1f} % (alone {100 * score.source_own:.1f} %)"
            for name, score in zip(result.settings.sources, scores, strict=True)
        )
        text = (
            f"nearest other target {str(level).removesuffix('s')} shows the same subject, before → after, of"
            f" the {scores[0].asked:,} {level} that have one: {each}; target alone {100 * scores[0].target_own:.1f} %,"
            f" chance {100 * scores[0].chance:.2f} %"
        )
    return "; ".join([text, *(_part_text(result, place) for place in range(len(result.parts)))])


def _part_text(result: Overlay, place: int) -> str:
    """The scores of one dataset among its own points; of several sources from the least to the greatest."""
    settings, part = result.settings, result.parts[place]
    where = f"within {settings.datasets[place]}{'' if place else ', which the maps were fitted on'}"
    if not part.scores[0].asked:
        return f"{where} nobody shown has another {str(settings.level).removesuffix('s')} to find"
    first = part.scores[0]
    before, after, alone = (
        _ends([getattr(score, name) for score in part.scores]) for name in ("before", "after", "source_own")
    )
    return (
        f"{where}: {before} → {after} % of {first.asked:,} (source{'s' * (len(part.scores) > 1)} alone {alone} %,"
        f" target alone {100 * first.target_own:.1f} %, chance {100 * first.chance:.2f} %)"
    )


def _ends(shares: Sequence[float]) -> str:
    """The least and the greatest, in percent."""
    return "–".join(dict.fromkeys(f"{100 * share:.1f}" for share in (min(shares), max(shares))))
