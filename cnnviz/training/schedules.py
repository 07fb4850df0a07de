"""How the learning rate changes over a run: functions of the step, so that they can be drawn before it. No torch.

L. N. Smith, N. Topin, "Super-Convergence", 2018 (one cycle); I. Loshchilov, F. Hutter, "SGDR", 2017 (cosine).
"""

from __future__ import annotations

import math

from cnnviz.training.config import TrainConfig

_START = 1 / 25
_END = 1 / 25e4


def factor(config: TrainConfig, step: int, steps: int, batches: int) -> float:
    """Return what the highest rate is multiplied by at a step.

    ``one_cycle`` rises from a 25th along half a cosine, then falls to nearly nothing; ``cosine`` only falls; ``step``
    falls at once every so many epochs; ``plateau`` and ``constant`` stay, the first until the run itself says
    otherwise. All but ``one_cycle`` rise in a straight line while they warm up.

    Parameters
    ----------
    config
        The run.
    step, steps
        From 0, and how many the run has.
    batches
        Steps in one epoch.
    """
    # At least the first two steps of a very short run: a rise of one step has no length.
    rise = max(config.warm_up * (steps + 1), 2.0) - 1 if config.schedule == "one_cycle" else config.warm_up * steps
    if config.schedule == "one_cycle":
        if step <= rise:
            return _along(_START, 1.0, step / rise)
        return _along(1.0, _END, min(1.0, (step - rise) / max(steps - rise, 1e-9)))
    if step < rise:
        return (step + 1) / (rise + 1)
    if config.schedule == "cosine":
        return _along(1.0, 0.0, (step - rise) / max(steps - rise, 1e-9))
    if config.schedule == "step":
        return float(config.step_factor ** (step // batches // config.step_epochs))
    return 1.0


def _along(start: float, end: float, share: float) -> float:
    """Return a value on half a cosine from `start` to `end`."""
    return end + (start - end) / 2 * (1 + math.cos(math.pi * share))
