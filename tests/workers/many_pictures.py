"""A folder of more pictures than anybody wants to wait for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from cnnviz.training.config import TrainConfig


@dataclass
class ManyPictures:
    """What learns from the folder, how many pictures were read, and what the third one waits for."""

    config: TrainConfig
    read: int = 0
    wait: Callable[[], object] = lambda: None
    reached: threading.Event = field(default_factory=threading.Event)
