"""What a run would be given: counts, samples, numbers and varied pictures."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cnnviz.core.errors import UserError
from cnnviz.datasets.starter import load_starter
from cnnviz.models.preparation import to_input
from cnnviz.training import parts
from cnnviz.training.config import TrainConfig, default_config
from cnnviz.training.look import DRAWN, DRAWS, EACH, MOST_CLASSES, look
from cnnviz.training.session import load_data
from cnnviz.training.variation import DIGITS, NONE, Variation

STARTER = default_config("lenet5", "starter")


def paint(folder: Path, counts: dict[str, int], side: int = 40) -> Path:
    """Fill a folder with pictures of random colours, a sub-folder for each class."""
    random = np.random.default_rng(0)
    for name, count in counts.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for i in range(count):
            Image.fromarray(random.integers(0, 256, (side, side, 3), np.uint8)).save(folder / name / f"{i}.png")
    return folder


def test_the_parts_are_those_of_the_run_and_all_pictures_are_counted() -> None:
    seen = look(STARTER)
    train, held = parts.split(load_starter(), STARTER, 1, torch.device("cpu"))
    assert seen.classes == tuple("0123456789")
    assert seen.train_k.tolist() == np.bincount(train.labels_n.numpy()).tolist()
    assert seen.held_k.tolist() == np.bincount(held.labels_n.numpy()).tolist()
    assert seen.count == 5000
    assert seen.batches == -(-4500 // 64)
    assert (seen.height, seen.width, seen.given_height, seen.given_width) == (28, 28, 28, 28)
    assert seen.problems == ()
    other = look(replace(STARTER, seed=1))
    assert other.held_k.sum() == 500
    assert other.held_k.tolist() != seen.held_k.tolist()


def test_samples_are_of_the_training_part_and_of_each_class() -> None:
    seen = look(STARTER)
    assert seen.samples_nhw.shape == (10 * EACH, 28, 28)
    assert seen.sample_labels_n.tolist() == sorted(list(range(10)) * EACH)
    train, _ = parts.split(load_starter(), STARTER, 1, torch.device("cpu"))
    pairs = zip(train.images_nchw, train.labels_n, strict=True)
    known = {(image.numpy().tobytes(), int(label)) for image, label in pairs}
    assert all(
        (image.tobytes(), int(label)) in known
        for image, label in zip(seen.samples_nhw, seen.sample_labels_n, strict=True)
    )
    assert (look(STARTER).samples_nhw == seen.samples_nhw).all()
    assert (look(STARTER, page=1).samples_nhw != seen.samples_nhw).any()


def test_mean_and_deviation_before_and_after_are_those_of_the_pixels() -> None:
    config = replace(STARTER, normalisation="data")
    train, _ = parts.split(load_starter(), config, 1, torch.device("cpu"))
    pixels = train.pictures().double()
    for asked in (STARTER, config):
        seen = look(asked)
        assert seen.before.mean == pytest.approx([float(pixels.mean())])
        assert seen.before.std == pytest.approx([float(pixels.std(correction=0))])
        given = to_input(train.pictures(), parts.spec_for(asked, load_starter()).input).double()
        assert seen.after.mean == pytest.approx([float(given.mean())], abs=1e-5)
        assert seen.after.std == pytest.approx([float(given.std(correction=0))], abs=1e-5)
    assert seen.after.mean == pytest.approx([0], abs=1e-9)
    assert seen.after.std == pytest.approx([1])


def test_the_first_row_is_not_varied_and_every_draw_is_another() -> None:
    seen = look(replace(STARTER, variation=DIGITS))
    assert seen.drawn_dnhw.shape == (1 + DRAWS, DRAWN, 28, 28)
    digits = {image.tobytes(): label for image, label in zip(seen.samples_nhw, seen.sample_labels_n, strict=True)}
    for image, label in zip(seen.drawn_dnhw[0], seen.drawn_labels_n, strict=True):
        assert digits[image.tobytes()] == label
    rows = {row.tobytes() for row in seen.drawn_dnhw}
    assert len(rows) == 1 + DRAWS
    plain = look(replace(STARTER, variation=NONE))
    assert (plain.drawn_dnhw == plain.drawn_dnhw[0]).all()
    assert (plain.drawn_dnhw[0] == seen.drawn_dnhw[0]).all()


@pytest.mark.parametrize(
    "variation",
    [
        Variation(mirror=1), Variation(shift=0.3), Variation(rotation_deg=30), Variation(skew_deg=30),
        Variation(scale=0.5), Variation(brightness=0.8), Variation(contrast=0.8), Variation(noise=0.5),
        Variation(mixup=5),
    ],
    ids=lambda v: next(name for name, value in vars(v).items() if value),
)  # fmt: skip
def test_each_kind_of_variation_is_seen(variation: Variation) -> None:
    seen = look(replace(STARTER, variation=variation))
    changed = (seen.drawn_dnhw[1:] != seen.drawn_dnhw[0]).any(axis=(2, 3))
    assert changed.mean() > 0.7


def test_a_mirrored_picture_is_the_mirrored_picture() -> None:
    seen = look(replace(STARTER, variation=Variation(mirror=1)))
    assert (seen.drawn_dnhw[1:] == seen.drawn_dnhw[0, :, :, ::-1]).all()


def test_a_network_that_takes_noise_off_is_shown_the_noise() -> None:
    seen = look(default_config("autoencoder", "starter"))
    assert (seen.drawn_dnhw[1:] != seen.drawn_dnhw[0]).any(axis=(2, 3)).all()


def test_pictures_of_a_folder_keep_their_colours_and_problems(tmp_path: Path) -> None:
    folder = paint(tmp_path / "pets", {"cat": 6, "dog": 2})
    (folder / "cat" / "broken.png").write_bytes(b"no picture")
    config = TrainConfig("resnet20", "folder", str(folder), validation=2, variation=Variation(colour=1))
    seen = look(config)
    assert seen.classes == ("cat", "dog")
    assert seen.count == 8
    assert seen.samples_nhw.shape[1:] == (32, 32, 3)
    assert len(seen.samples_nhw) == min(EACH, int(seen.train_k[0])) + int(seen.train_k[1])
    assert seen.drawn_dnhw.shape[2:] == (32, 32, 3)
    assert len(seen.before.mean) == 3
    assert [problem.split(":")[0] for problem in seen.problems] == ["cat/broken.png"]
    (folder / "cat" / "broken.png").unlink()
    paint(folder, {"dog": 5})
    assert (look(config).count, look(config).problems) == (11, ())  # a folder that changed is read again
    assert look(replace(config, size=48)).width == 48


def test_a_grey_network_sees_a_folder_in_grey(tmp_path: Path) -> None:
    folder = paint(tmp_path, {"a": 3, "b": 3})
    seen = look(TrainConfig("lenet5", "folder", str(folder), validation=0))
    assert seen.samples_nhw.shape[1:] == (28, 28, 3)
    assert seen.drawn_dnhw.shape[2:] == (28, 28)
    assert len(seen.before.mean) == 1


def test_of_many_classes_the_first_are_shown(tmp_path: Path) -> None:
    folder = paint(tmp_path, {f"kind{i:02}": 1 for i in range(MOST_CLASSES + 3)}, side=8)
    seen = look(TrainConfig("resnet20", "folder", str(folder), validation=0))
    assert len(seen.classes) == MOST_CLASSES + 3
    assert seen.sample_labels_n.tolist() == list(range(MOST_CLASSES))


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        (replace(STARTER, validation=5000), "'validation' is 5,000, but there are 5,000"),
        (replace(STARTER, size=9), "LeNet-5 cannot take pictures of 9×9"),
        (replace(STARTER, freeze="nowhere"), "no layer 'nowhere'"),
        (replace(STARTER, freeze="fc3"), "With all layers frozen"),
        (TrainConfig("resnet20", "folder", "/nowhere"), "There is no folder '/nowhere'"),
        (TrainConfig("resnet20", "cifar10", "/nowhere"), "holds neither"),
    ],
    ids=["validation", "size", "freeze", "all frozen", "no folder", "no data"],
)
def test_what_cannot_be_used_is_said(config: TrainConfig, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        look(config)


def test_the_records_need_no_torch() -> None:
    code = "import sys, cnnviz.training.look; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_looking_alters_no_pictures() -> None:
    before = load_data(STARTER).images_nhw.copy()
    look(replace(STARTER, variation=Variation(noise=0.5, pens=True, brightness=0.5)))
    assert (load_data(STARTER).images_nhw == before).all()
