"""What the prediction view says. No Qt."""

from __future__ import annotations

from dataclasses import dataclass

from cnnviz.core.inspection import Inspection


@dataclass(frozen=True)
class Answer:
    """One class: its index and label, its probability, and its logit."""

    index: int
    label: str
    probability: float
    logit: float


MOST = 60
"""With more classes than this only the best are shown, so many of them at most, and always by their rank."""


def answers(inspection: Inspection, labels: tuple[str, ...], *, ranked: bool) -> tuple[Answer, ...]:
    """Return the classes, most probable first or in their own order; of many classes the best `MOST`."""
    order = inspection.ranking()[:MOST] if ranked or len(labels) > MOST else range(len(labels))
    return tuple(answer_of(inspection, labels, i) for i in order)


def answer_of(inspection: Inspection, labels: tuple[str, ...], index: int) -> Answer:
    """Return one class."""
    return Answer(index, labels[index], float(inspection.probabilities[index]), float(inspection.logits[index]))


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


def exactly(answer: Answer) -> str:
    """Return a class's numbers with all digits that are of use."""
    return f"{answer.label}: probability {answer.probability:.6g}, logit {answer.logit:.4f}".replace("-", "−")


def spoken(found: tuple[Answer, ...], *, random: bool = False) -> str:
    """Return the ranking as a sentence for a screen reader."""
    best = sorted(found, key=lambda a: -a.logit)[:3]
    ranking = "; ".join(f"{a.label}: {percent(a.probability)}, logit {a.logit:.2f}" for a in best)
    return f"{ranking}. The weights are random, so that the answer means nothing." if random else ranking
