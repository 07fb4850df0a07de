"""Capturing all values against the bare forward pass, in turn, so that both see the same machine."""

from __future__ import annotations

import json
import sys
import time

import torch

from cnnviz.bench.stats import median
from cnnviz.core.capture import Capture
from cnnviz.core.memory import keep_freed_memory
from cnnviz.models import checkpoints, registry
from cnnviz.models.building import build

RUNS = {"lenet5": 400, "vgg16": 15, "resnet50": 25}
WARM_UP = {"lenet5": 50, "vgg16": 3, "resnet50": 4}


def ratio(name: str) -> float:
    """Return the median time of a captured run over that of a bare one, on one thread."""
    torch.set_num_threads(1)
    spec = registry.get(name)
    module = checkpoints.load_model(spec, None).module.eval()
    shape = (spec.input.channels, spec.input.height, spec.input.width)
    bare = build(spec).eval()  # as it was written, overwriting what it does not need; its weights are the same memory
    bare.load_state_dict(module.state_dict(), assign=True)
    capture = Capture(module, shape)
    batch_nchw = torch.rand(1, *shape)
    bare_s, captured_s = [], []
    with torch.inference_mode():
        for count in range(RUNS[name] + WARM_UP[name]):
            start = time.perf_counter()
            bare(batch_nchw)
            middle = time.perf_counter()
            capture(batch_nchw)
            end = time.perf_counter()
            if count >= WARM_UP[name]:
                bare_s.append(middle - start)
                captured_s.append(end - middle)
    return median(captured_s) / median(bare_s)


def main() -> None:
    """Print the ratios of the networks named in the arguments as JSON."""
    keep_freed_memory()
    print(json.dumps({name: ratio(name) for name in sys.argv[1:]}))


if __name__ == "__main__":
    main()
