"""A race: lock step, the same pictures in every lane, each lane as if it ran alone, one that ends early."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from cnnviz.core.errors import UserError
from cnnviz.datasets.images import LabelledImages
from cnnviz.training import runs
from cnnviz.training.config import TrainConfig
from cnnviz.training.events import BatchesDone, EpochDone, Finished, Started
from cnnviz.training.folder import read_state
from cnnviz.training.loop import Run
from cnnviz.training.parts import order_of
from cnnviz.training.race import LaneEnded, LaneEvent, Race
from cnnviz.training.session import Session
from tests.training.few import SMALL, few_digits

FIRST = replace(SMALL, validation=25, pictures=100, epochs=2, average=0.0)  # 5 steps an epoch
PAIR = (FIRST, replace(FIRST, model="lenet5_original"))


def load(config: TrainConfig) -> LabelledImages:
    return few_digits()


def raced(race: Race) -> list[LaneEvent]:
    try:
        return list(race.events())
    finally:
        race.close()


def test_at_most_so_many_pictures_are_learned_from() -> None:
    train, held = order_of(few_digits(), replace(SMALL, pictures=100))
    whole, same = order_of(few_digits(), SMALL)
    assert len(train) == 100
    assert torch.equal(held, same)
    assert set(train.tolist()) <= set(whole.tolist())
    assert len(order_of(few_digits(), replace(SMALL, pictures=10_000))[0]) == len(whole) == 200


def test_lanes_are_never_more_than_a_step_apart(tmp_path: Path) -> None:
    race = Race.begin(PAIR, tmp_path, "race", load)
    events = raced(race)
    steps = [0, 0]
    for lane, event in events:
        if isinstance(event, BatchesDone):
            assert len(event.losses) == 1
            assert event.layers
            steps[lane] = event.step
            assert abs(steps[0] - steps[1]) <= 1
    assert steps == [10, 10]
    for lane in (0, 1):
        kinds = [type(event) for at, event in events if at == lane]
        assert kinds[0] is Started
        assert kinds[-1] is Finished
        assert kinds.count(EpochDone) == 2


def test_every_lane_is_given_the_same_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, list[list[int]]] = {}
    forward = Run.forward

    def note(self: Run, network: object, chosen: torch.Tensor) -> object:
        seen.setdefault(self.config.model, []).append(chosen.tolist())
        return forward(self, network, chosen)  # type: ignore[arg-type]

    monkeypatch.setattr(Run, "forward", note)
    race = Race.begin((*PAIR, replace(FIRST, model="plain20", epochs=1)), tmp_path, "race", load)
    parts = [session.run.train_part.images_nchw for session in race.sessions]
    assert torch.equal(parts[0], parts[1])
    assert torch.equal(parts[0], parts[2])  # grey until they are given to it
    events = race.events()
    while len(seen.get("plain20", ())) < 1:
        next(events)
    events.close()
    race.close()
    assert seen["lenet5"][0] == seen["lenet5_original"][0] == seen["plain20"][0]


def test_a_lane_learns_what_it_would_learn_alone(tmp_path: Path) -> None:
    race = Race.begin(PAIR, tmp_path, "race", load)
    raced(race)
    for session in race.sessions:
        alone = Run(session.run.config, few_digits())
        alone.read_s = 0.0
        for _ in alone.events():
            pass
        weights = session.run.weights()
        assert all(torch.equal(value, weights[name]) for name, value in alone.weights().items())


def test_each_lane_is_a_run_that_goes_on_alone(tmp_path: Path) -> None:
    race = Race.begin(PAIR, tmp_path, "race", load)
    seen: list[int] = []
    for lane, event in race.events(lambda: len(seen) >= 3):
        if isinstance(event, BatchesDone):
            seen.append(lane)
    assert race.is_level
    assert [session.run.step for session in race.sessions] == [2, 2]  # the third made the other lane follow
    race.close()
    assert {run.name for run in runs.summaries(tmp_path)} == {"race-lenet5", "race-lenet5_original"}
    session = Session.resume(tmp_path / "race-lenet5", load)
    assert session.run.step == 2
    assert isinstance(list(session.events())[-1], Finished)
    session.close()
    whole = Run(session.run.config, few_digits())
    for _ in whole.events():
        pass
    weights = session.run.weights()
    assert all(torch.equal(value, weights[name]) for name, value in whole.weights().items())


def test_a_lane_whose_loss_is_no_number_ends_and_the_others_go_on(tmp_path: Path) -> None:
    race = Race.begin(PAIR, tmp_path, "race", load)
    broken: list[str] = []
    finished: list[int] = []
    for lane, event in race.events():
        if isinstance(event, BatchesDone) and event.step == 2 and lane == 0:
            with torch.no_grad():
                race.sessions[0].run.network.get_parameter("conv1.weight").fill_(torch.nan)
        if isinstance(event, LaneEnded):
            assert lane == 0
            broken.append(event.error.sentence)
        if isinstance(event, Finished):
            finished.append(lane)
    race.close()
    assert len(broken) == 1
    assert "no longer a number" in broken[0]
    assert finished == [1]
    assert [session.run.step for session in race.sessions] == [2, 10]
    assert Session.resume(tmp_path / "race-lenet5", load).run.step == 0  # what was saved at its beginning


def test_at_most_a_tenth_is_set_aside(tmp_path: Path) -> None:
    race = Race.begin([replace(FIRST, validation=100)], tmp_path, "race", load)
    race.close()
    assert race.sessions[0].run.config.validation == 25


def test_a_race_that_cannot_begin_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Another program is writing"):
        Race.begin((*PAIR, FIRST), tmp_path, "race", load)  # the third lane has the folder of the first
    assert not list(tmp_path.iterdir())


def test_a_full_disk_stops_the_race_where_it_is_and_it_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    race = Race.begin(PAIR, tmp_path, "race", load)
    folder = race.sessions[0].folder
    assert folder is not None
    record, full = folder.record, [False]

    def write(event: object) -> None:
        if full[0]:
            raise UserError("The disk is full.") from OSError(28, "No space left on device")
        record(event)  # type: ignore[arg-type]

    monkeypatch.setattr(folder, "record", write)

    def until_full() -> None:
        for lane, event in race.events():
            full[0] = full[0] or (lane == 1 and isinstance(event, BatchesDone) and event.step == 3)

    with pytest.raises(UserError, match="full"):
        until_full()
    full[0] = False
    steps = [0, 0]
    for lane, event in race.events():
        if isinstance(event, BatchesDone):
            steps[lane] = event.step
            assert event.step > 3
    race.close()
    assert steps == [10, 10]


def test_a_disk_that_is_full_at_the_end_is_said_and_the_end_is_written_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    race = Race.begin(PAIR, tmp_path, "race", load)
    folder = race.sessions[0].folder
    assert folder is not None
    record, full = folder.record, [True]

    def write(event: object) -> None:
        if full[0] and isinstance(event, Finished):
            raise UserError("The disk is full.") from OSError(28, "No space left on device")
        record(event)  # type: ignore[arg-type]

    monkeypatch.setattr(folder, "record", write)
    with pytest.raises(UserError, match="full"):
        list(race.events())
    full[0] = False
    raced(race)
    for session in race.sessions:
        assert session.folder is not None
        saved = read_state(session.folder.path)
        assert saved is not None
        assert (saved.step, saved.rest["epoch"]) == (10, 3)
