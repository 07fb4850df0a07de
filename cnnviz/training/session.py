"""A run with its folder: what the command line and the window both do to train, to go on, and to record."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

from cnnviz.core.errors import UserError
from cnnviz.datasets import registry as datasets
from cnnviz.datasets.images import LabelledImages
from cnnviz.training import folder as folders
from cnnviz.training.config import TrainConfig
from cnnviz.training.diagnosis import memory_errors
from cnnviz.training.distributed import ALONE, World
from cnnviz.training.events import BatchesDone, Event, Finished, Started
from cnnviz.training.folder import RunFolder, Saved
from cnnviz.training.loop import Run
from cnnviz.training.tensorboard import TensorBoard
from cnnviz.training.time_machine import Recorder

Load = Callable[[TrainConfig], LabelledImages]


def load_data(config: TrainConfig, *, stopped: Callable[[], bool] = lambda: False) -> LabelledImages:
    """Return the training pictures of a configuration.

    Parameters
    ----------
    config
        It names the data set, its folder, and the side of pictures.
    stopped
        Asked between two pictures; true means give up.

    Raises
    ------
    Cancelled
        When `stopped` said so.
    UserError
        When they cannot be read.
    """
    spec = datasets.get(config.data)
    folder = Path(config.data_dir) if config.data_dir else None
    return spec.load(folder, "train", config.picture_side, stopped=stopped)


@dataclass(eq=False)
class Session:
    """A run, and where it is written; in all but the first of several processes nothing is written.

    Use `begin` or `resume`, iterate `events`, and `close`.
    """

    run: Run
    data: LabelledImages
    folder: RunFolder | None
    saved: Saved | None = None
    started: bool = False
    _newest: BatchesDone | None = None

    @classmethod
    def begin(
        cls, config: TrainConfig, data: LabelledImages, path: Path, *, overwrite: bool = False, world: World = ALONE
    ) -> Session:
        """Prepare a new run in a folder.

        Raises
        ------
        UserError
            When the folder, the data, the device or the weights to start from cannot be used.
        """
        folder = RunFolder.create(path, config, overwrite=overwrite) if world.is_first else None
        try:
            with memory_errors(config):
                run = Run(config, data, world)
            return cls(run, data, folder)
        except BaseException:
            if folder is not None:
                folder.close(unused=True)
            raise

    @classmethod
    def resume(
        cls,
        path: Path,
        load: Load | None = None,
        *,
        world: World = ALONE,
        stopped: Callable[[], bool] = lambda: False,
    ) -> Session:
        """Prepare the run of a folder to go on from where it was saved last, or from its beginning.

        Parameters
        ----------
        path
            The run's folder.
        load
            Reads the pictures instead of `load_data`.
        world
            The processes that train together.
        stopped
            Asked between two pictures; true means give up.

        Raises
        ------
        Cancelled
            When `stopped` said so.
        UserError
            When it is no run's folder, another program writes it, its data changed or its state is damaged.
        """
        config = folders.read_config(path)
        folder = RunFolder.reopen(path) if world.is_first else None
        try:
            data = load(config) if load is not None else load_data(config, stopped=stopped)
            folders.check_data(path, data)
            saved = folders.read_state(path)
            with memory_errors(config):
                run = Run(config, data, world)
                if saved is not None:
                    run.restore(saved.tensors, saved.rest)
            return cls(run, data, folder, saved)
        except BaseException:
            if folder is not None:
                folder.close()
            raise

    def events(self, stop: Callable[[], bool] = lambda: False) -> Generator[Event, None, None]:
        """Train, write what happens, and hand it on.

        Between two events the run may be changed and `save`d. Where writing failed, the event is handed on all the same
        before the error is raised, and a further call goes on.

        Raises
        ------
        UserError
            When the loss is no longer a number, or a disk or a memory is full.
        """
        recorder = Recorder(self.folder.path, self.run.config.snapshots_mb) if self.folder is not None else None
        board = TensorBoard(self.folder.path) if self.folder is not None else None
        try:
            for event in self.run.events(stop):
                problem: UserError | None = None
                if self.folder is not None and recorder is not None:
                    try:
                        self._write(self.folder, recorder, event)
                    except UserError as error:
                        problem = error
                yield event
                if problem is not None:
                    raise problem
                if board is not None:
                    board.write(event)  # after the event is told: the first one imports the package
        finally:
            if board is not None:
                board.close()

    def save(self) -> None:
        """Save where the run is.

        Raises
        ------
        UserError
            When the disk is full.
        """
        if self.folder is not None and self.started:
            self.folder.save(self.run)

    def close(self) -> None:
        """Let go of the folder."""
        if self.folder is not None:
            self.folder.close(unused=not self.started)

    def _write(self, folder: RunFolder, recorder: Recorder, event: Event) -> None:
        if isinstance(event, Started):
            if not self.started:
                recorder.cut(0 if self.saved is None else self.saved.step)
                folder.start(event, self.data, self.run.spec, self.saved)
                self.started = True
                folder.save(self.run)  # from the first moment on it can be opened, and goes on after a crash
            return
        folder.record(event)
        ends = isinstance(event, Finished)
        if ends or folder.is_due:
            folder.save(self.run)
        if isinstance(event, BatchesDone):
            self._newest = event
        newest = self._newest
        if newest is not None and recorder.is_due(newest.step, at_end=ends):
            recorder.record(self.run, folder.about(self.run, newest.epoch), newest)
