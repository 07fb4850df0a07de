"""Watching one weight while a run does its steps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from cnnviz.core.errors import UserError
from cnnviz.training.weight_step import WeightStep

if TYPE_CHECKING:
    from cnnviz.training.loop import Run


@dataclass(frozen=True)
class Watched:
    """A weight: the parameter's name, and where in it.

    Raises
    ------
    UserError
        By its methods, when the network has no such weight.
    """

    name: str
    index: tuple[int, ...]

    def is_in(self, run: Run) -> bool:
        """Return whether the network has this weight."""
        found = dict(run.network.named_parameters()).get(self.name)
        if found is None or len(self.index) != found.ndim:
            return False
        return all(0 <= i < n for i, n in zip(self.index, found.shape, strict=True))

    def before(self, run: Run) -> WeightStep | None:
        """Return gradient, weight and the optimiser's memory before the step; ``None`` where the weight is frozen."""
        parameter = self._parameter(run)
        if parameter.grad is None:
            return None
        group = run.optimiser.param_groups[0]
        settings = {key: float(value) for key, value in group.items() if isinstance(value, (int, float))}
        if "betas" in group:
            settings["beta1"], settings["beta2"] = map(float, group["betas"])
        gradient = float(parameter.grad[self.index])
        weight = float(parameter.detach()[self.index])
        memory = self._memory(run, parameter)
        return WeightStep(
            self.name, self.index, run.step + 1, run.config.optimiser, settings, gradient, gradient, weight, weight,
            memory, memory,
        )  # fmt: skip

    def clipped(self, run: Run, step: WeightStep) -> WeightStep:
        """Add the gradient as it is after it was shortened."""
        gradient = self._parameter(run).grad
        return step if gradient is None else replace(step, clipped=float(gradient[self.index]))

    def after(self, run: Run, step: WeightStep) -> WeightStep:
        """Add what came of it."""
        parameter = self._parameter(run)
        return replace(step, after=float(parameter.detach()[self.index]), remembered=self._memory(run, parameter))

    def _parameter(self, run: Run) -> nn.Parameter:
        if not self.is_in(run):
            raise UserError(f"The network has no weight {self.name}[{', '.join(map(str, self.index))}].")
        return run.network.get_parameter(self.name)

    def _memory(self, run: Run, parameter: nn.Parameter) -> dict[str, float]:
        slots = run.optimiser.state.get(parameter, {})
        found: dict[str, float] = {}
        for key, value in slots.items():
            if isinstance(value, Tensor):
                found[key] = float(value if value.ndim == 0 else value[self.index])
            elif isinstance(value, (int, float)):
                found[key] = float(value)
        return {key: value for key, value in found.items() if torch.isfinite(torch.tensor(value))}
