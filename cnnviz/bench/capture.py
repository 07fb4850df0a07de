"""The captured forward pass against the bare one, LeNet-5, medians of interleaved runs."""

from __future__ import annotations

import json
import time

import torch

from cnnviz.bench.stats import median
from cnnviz.core.capture import Capture
from cnnviz.models import checkpoints, registry

ROUNDS = 400
WARM_UP = 50


def main() -> None:
    """Print the ratio as JSON."""
    torch.set_num_threads(1)
    module = checkpoints.load_model(registry.get("lenet5"), None)[0].eval()
    capture = Capture(module, (1, 28, 28))
    batch_nchw = torch.rand(1, 1, 28, 28)
    bare_s, captured_s = [], []
    with torch.inference_mode():
        for count in range(ROUNDS + WARM_UP):
            begin = time.perf_counter()
            module(batch_nchw)
            middle = time.perf_counter()
            capture(batch_nchw)
            end = time.perf_counter()
            if count >= WARM_UP:
                bare_s.append(middle - begin)
                captured_s.append(end - middle)
    print(json.dumps({"ratio": median(captured_s) / median(bare_s), "bare_ms": median(bare_s) * 1000}))


if __name__ == "__main__":
    main()
