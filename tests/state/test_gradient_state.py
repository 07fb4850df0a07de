"""The gradient that is known is said once."""

from __future__ import annotations

import numpy as np

from cnnviz.core.inspection import ModelRequest
from cnnviz.state.app_state import AppState, Gradient, Place


def test_a_gradient_is_said_once() -> None:
    state = AppState()
    seen: list[object] = []
    state.gradient_changed.connect(seen.append)
    state.set_gradient(None)
    found = Gradient(ModelRequest("lenet5"), 3, Place("conv1", 2, (0, 0)), np.zeros((28, 28), np.float32))
    for gradient in (found, found, None, None):
        state.set_gradient(gradient)
    assert seen == [found, None]
    assert state.gradient is None
