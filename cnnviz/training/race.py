"""Several runs in lock step: the same pictures in the same order, one step of each network in turn."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from cnnviz.core.errors import UserError
from cnnviz.datasets.images import LabelledImages
from cnnviz.training.config import TrainConfig
from cnnviz.training.diagnosis import Diverged
from cnnviz.training.events import BatchesDone, Event, Finished
from cnnviz.training.session import Load, Session, load_data


@dataclass(frozen=True)
class LaneEnded:
    """A lane cannot go on while the others do: its loss is no longer a number."""

    error: UserError


LaneEvent = tuple[int, Event | LaneEnded]
"""The number of a lane, and what happened there."""


class Race:
    """Networks that learn side by side; each is a run with a folder of its own, which can go on alone.

    Whatever they are, they are given the same pictures in the same order: both follow from the seed.

    Parameters
    ----------
    sessions
        The lanes; of the same seed, number of pictures and batch size.
    """

    def __init__(self, sessions: Sequence[Session]) -> None:
        self.sessions = tuple(sessions)
        self._over: set[int] = set()
        for session in sessions:
            session.run.read_s = 0.0

    @classmethod
    def begin(cls, configs: Sequence[TrainConfig], parent: Path, name: str, load: Load = load_data) -> Race:
        """Prepare a new run of each configuration, in folders ``NAME-NETWORK``.

        Pictures are read once for all networks that take them in one size; at most a tenth of them is set aside. The
        number of threads is measured with the first network and kept for all: it is the same in the whole program.

        Raises
        ------
        UserError
            When the pictures, a folder or the device cannot be used; nothing is left of the others then.
        """
        read: dict[int, LabelledImages] = {}
        sessions: list[Session] = []
        try:
            for config in configs:
                data = read.get(config.picture_side) or read.setdefault(config.picture_side, load(config))
                threads = torch.get_num_threads() if sessions else config.threads
                config = replace(config, validation=min(config.validation, len(data) // 10), threads=threads)
                sessions.append(Session.begin(config, data, parent / f"{name}-{config.model}"))
        except BaseException:
            for session in sessions:
                session.close()
            raise
        return cls(sessions)

    @property
    def is_level(self) -> bool:
        """Whether all lanes that are not over have done the same number of steps."""
        return len({session.run.step for lane, session in enumerate(self.sessions) if lane not in self._over}) <= 1

    def events(self, stop: Callable[[], bool] = lambda: False) -> Iterator[LaneEvent]:
        """Train to the end, or until asked to stop, when all lanes are level, and are saved.

        Between two events the race may be saved. Where writing failed, a further call goes on.

        Yields
        ------
        tuple
            The number of a lane, and an event of its run or `LaneEnded`.

        Raises
        ------
        UserError
            When a disk or a memory is full.
        """
        going = {lane: session.events() for lane, session in enumerate(self.sessions) if lane not in self._over}
        try:
            yield from self._in_step(going, stop)
        finally:
            for events in going.values():
                events.close()

    def _in_step(self, going: dict[int, Generator[Event, None, None]], stop: Callable[[], bool]) -> Iterator[LaneEvent]:
        """Let the lane go that is behind the others; those that are over are taken out of `going`."""
        while going:
            if self.is_level and stop():
                yield from self._stopped(sorted(going))
                return
            lane = min(going, key=lambda at: self.sessions[at].run.step)
            try:
                for event in going[lane]:
                    yield lane, event
                    if isinstance(event, BatchesDone):
                        break
                else:  # its end is written, too
                    self._over.add(lane)
                    del going[lane]
            except Diverged as error:
                self._over.add(lane)
                del going[lane]
                yield lane, LaneEnded(error)

    def _stopped(self, lanes: Sequence[int]) -> Iterator[LaneEvent]:
        for lane in lanes:
            session = self.sessions[lane]
            session.save()
            run = session.run
            yield lane, Finished(run.epoch - 1, run.best_epoch, 0.0, stopped=True)

    def save(self) -> None:
        """Save where each lane is.

        Raises
        ------
        UserError
            When the disk is full.
        """
        for lane, session in enumerate(self.sessions):
            if lane not in self._over:
                session.save()

    def close(self) -> None:
        """Let go of the folders."""
        for session in self.sessions:
            session.close()
