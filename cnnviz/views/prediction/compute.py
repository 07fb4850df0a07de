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


def answers(inspection: Inspection, labels: tuple[str, ...], *, ranked: bool) -> tuple[Answer, ...]:
    """Return all classes, most probable first or in their own order."""
    order = inspection.ranking() if ranked else range(len(labels))
    return tuple(Answer(i, labels[i], float(inspection.probabilities[i]), float(inspection.logits[i])) for i in order)


def verdict(best: Answer, label: str | None) -> str:
    """Return whether the answer is right, where that is known."""
    if label is None:
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


def spoken(found: tuple[Answer, ...]) -> str:
    """Return the ranking as a sentence for a screen reader."""
    best = sorted(found, key=lambda a: -a.logit)[:3]
    return "; ".join(f"{a.label}: {percent(a.probability)}, logit {a.logit:.2f}" for a in best)
