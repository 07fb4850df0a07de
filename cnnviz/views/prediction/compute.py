"""What the prediction view says. No Qt."""

from __future__ import annotations

from dataclasses import dataclass

from cnnviz.core.inspection import Inspection


@dataclass(frozen=True)
class Answer:
    """One class: its index and label, its probability, its logit, and its rank from 1; 0 where nobody asked."""

    index: int
    label: str
    probability: float
    logit: float
    rank: int = 0


FEW = 20
"""With more classes than this only the best are shown, always by their rank."""
TOPS = (5, 10, 20)


def answers(inspection: Inspection, labels: tuple[str, ...], *, ranked: bool) -> tuple[Answer, ...]:
    """Return all classes, most probable first or in their own order."""
    order = inspection.ranking() if ranked else range(len(labels))
    return tuple(answer_of(inspection, labels, i) for i in order)


def answer_of(inspection: Inspection, labels: tuple[str, ...], index: int, rank: int = 0) -> Answer:
    """Return one class."""
    return Answer(index, labels[index], float(inspection.probabilities[index]), float(inspection.logits[index]), rank)


@dataclass(frozen=True)
class Leaders:
    """Some of many classes.

    Attributes
    ----------
    best
        The most probable class.
    rows
        The classes that are shown first: the best, or those that were searched for, most probable first.
    pinned
        The pinned ones that are not among them, most probable first.
    matches
        How many classes were found; all of them where nothing was searched for.
    """

    best: Answer
    rows: tuple[Answer, ...]
    pinned: tuple[Answer, ...]
    matches: int


def leaders(
    inspection: Inspection, labels: tuple[str, ...], top: int, pinned: frozenset[str] = frozenset(), search: str = ""
) -> Leaders:
    """Return the best of many classes, those that match a search, and those that are pinned.

    Parameters
    ----------
    inspection, labels
        The answer, and the names of the classes.
    top
        How many.
    pinned
        Names of classes that are kept in the list; names, so that another network of the same classes has them too.
    search
        A part of a name, in capitals or not; a name that begins with it, or a word in it, comes before others.
    """
    ranking = inspection.ranking()

    def row(rank: int) -> Answer:
        return answer_of(inspection, labels, ranking[rank], rank + 1)

    best = row(0)
    wanted = search.strip().casefold()
    if wanted:
        found = [rank for rank, index in enumerate(ranking) if wanted in labels[index].casefold()]
        found.sort(key=lambda rank: not f" {labels[ranking[rank]].casefold()}".count(f" {wanted}"))
        matches = len(found)
        found = found[:top]
    else:
        found, matches = list(range(min(top, len(ranking)))), len(ranking)
    taken = frozenset(found)
    kept = [n for n, index in enumerate(ranking) if labels[index] in pinned and n not in taken] if pinned else []
    return Leaders(best, tuple(row(n) for n in found), tuple(row(n) for n in kept), matches)


def foot(found: Leaders, total: int, search: str) -> str:
    """Return the line under the rows."""
    kept = f", and {len(found.pinned)} pinned" if found.pinned else ""
    if not search.strip():
        return f"the best {len(found.rows)} of {total:,} classes{kept}"
    if not found.rows:
        return f"no class is called '{search.strip()}'{kept}"
    shown = f"the best {len(found.rows)} of " if found.matches > len(found.rows) else ""
    return f"{shown}{found.matches:,} found in {total:,} classes{kept}"


def verdict(best: Answer, label: str | None, labels: tuple[str, ...]) -> str:
    """Return whether the answer is right, where that is known and the network has that class."""
    if label is None or label not in labels:
        return ""
    return "right" if best.label == label else f"wrong: it is a {label}"


def percent(probability: float) -> str:
    """Write a probability so that neither certainty nor impossibility is claimed by rounding."""
    if probability >= 0.9995:
        return "> 99.9 %"
    if probability < 0.0005:
        return "< 0.1 %"
    return f"{probability * 100:.1f} %"


def logit_text(logit: float) -> str:
    """Write a logit for its column; those of a network that nobody has trained may be very large."""
    if abs(logit) >= 1e5:
        return f"{logit:.0e}".replace("-", "−")
    return f"{logit:.2f}".replace("-", "−") if abs(logit) < 1000 else f"{logit:.0f}".replace("-", "−")


def exactly(answer: Answer) -> str:
    """Return a class's numbers with all digits that are of use."""
    rank = f", rank {answer.rank:,}" if answer.rank else ""
    numbers = f"probability {answer.probability:.6g}, logit {answer.logit:.4f}".replace("-", "−")
    return f"{answer.label}: {numbers}{rank}"


def spoken(found: tuple[Answer, ...], *, random: bool = False) -> str:
    """Return the ranking as a sentence for a screen reader."""
    best = sorted(found, key=lambda a: -a.logit)[:3]
    ranking = "; ".join(f"{a.label}: {percent(a.probability)}, logit {a.logit:.2f}" for a in best)
    return f"{ranking}. The weights are random, so that the answer means nothing." if random else ranking
