"""The settings of a run as a table, one line a control: plain data. No Qt, no torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from cnnviz.datasets import registry as datasets
from cnnviz.training.config import LIMITS, OWN
from cnnviz.training.variation import LIMITS as VARIATION_LIMITS

Value = str | int | float | bool
Values = Mapping[str, Value]
Kind = Literal["choice", "whole", "number", "flag", "network", "data", "start", "freeze"]
VARIED = "variation."
SECTIONS = ("Network", "Data", "Pre-processing", "Variation", "Learning", "Advanced")


@dataclass(frozen=True)
class Field:
    """A control.

    Attributes
    ----------
    name
        The field of `TrainConfig`; that of its variation with ``variation.`` before it.
    label, sentence
        What it is called, and what it does.
    kind
        What it is set with.
    section
        Under which heading it stands.
    words
        Of a choice: its values and what they are called.
    special
        A number that is written as a word, and that word.
    only
        Whether it has a meaning beside the other values; without one it is not shown.
    """

    name: str
    label: str
    kind: Kind
    section: str
    sentence: str
    words: tuple[tuple[str, str], ...] = ()
    special: tuple[float, str] | None = None
    only: Callable[[Values], bool] = lambda values: True

    @property
    def limits(self) -> tuple[float, float]:
        """The least and the most that a number may be."""
        return VARIATION_LIMITS[self.name[len(VARIED) :]] if self.name.startswith(VARIED) else LIMITS[self.name]


_OPTIMISERS = (("adamw", "AdamW"), ("adam", "Adam"), ("sgd", "SGD with momentum"), ("adadelta", "Adadelta"),
               ("rmsprop", "RMSprop"))  # fmt: skip
_SCHEDULES = (("one_cycle", "One cycle"), ("cosine", "Cosine"), ("step", "Steps"), ("plateau", "On a plateau"),
              ("constant", "Constant"))  # fmt: skip
_FIRST = (("own", "its own"), ("kaiming", "Kaiming (He)"), ("xavier", "Xavier (Glorot)"),
          ("normal", "normal, 0.01"), ("zeros", "zeros"))  # fmt: skip
_MEANS = (("network", "network's own"), ("data", "from the data"))
_DEVICES = (("auto", "the fastest here"), ("cpu", "CPU"), ("cuda", "CUDA GPU"), ("mps", "Apple GPU"))
_PRECISIONS = (("float32", "float32"), ("bfloat16", "bfloat16 (mixed)"), ("float16", "float16 (mixed, GPU)"))
_LOSSES = (("cross_entropy", "Cross entropy"), ("squared_error", "Squared error"))


def _is(name: str, *wanted: str) -> Callable[[Values], bool]:
    return lambda values: values[name] in wanted


def _digits(values: Values) -> bool:
    return datasets.get(str(values["data"])).holds == "digit"


def _varied(name: str, label: str, sentence: str, only: Callable[[Values], bool] = lambda values: True) -> Field:
    return Field(f"{VARIED}{name}", label, "number", "Variation", sentence, only=only)


FIELDS: tuple[Field, ...] = (
    Field("model", "Network", "network", "Network",
          "The network that learns; its last layer is fitted to the classes of the pictures."),
    Field("start", "Start from", "start", "Network",
          "The first weights: random ones, published ones (transfer learning), or those of a file or an earlier run."),
    Field("freeze", "Freeze line", "freeze", "Network",
          "Layers left of the line keep their weights, those right of it learn. Drag it, or press Left and Right."),
    Field("initialisation", "Random weights", "choice", "Network",
          "How the first weights of convolutions and dense layers are drawn.", _FIRST, only=_is("start", "")),
    Field("dropout", "Dropout", "number", "Network",
          "The share of the values that dropout layers set to zero while the network learns.",
          special=(OWN, "own")),
    Field("data", "Pictures", "data", "Data", "What the network learns from."),
    Field("validation", "Validation part", "whole", "Data",
          "So many pictures are not learned from; they choose the best epoch. 0: the last epoch is taken."),
    Field("pictures", "Training pictures", "whole", "Data",
          "At most so many pictures are learned from: few make a quick trial.", special=(0, "all")),
    Field("seed", "Seed", "whole", "Data",
          "The same seed gives the same validation part, first weights, order and variation."),
    Field("size", "Size in pixels", "whole", "Pre-processing",
          "The side of the pictures that the network is given; others are padded or resized.", special=(0, "own")),
    Field("normalisation", "Mean and deviation", "choice", "Pre-processing",
          "What is subtracted from every pixel, and by what it is divided then.", _MEANS),
    Field("variation.pens", "Other pens and hands", "flag", "Variation",
          "Digits are bent, moved, turned and drawn with other pens, as people draw on a screen.", only=_digits),
    _varied("mirror", "Mirror", "The share of the pictures that are mirrored, left and right."),
    _varied("shift", "Shift", "How far a picture is moved at most, as a share of its side."),
    _varied("rotation_deg", "Rotation in °", "How far a picture is turned at most, to either side."),
    _varied("skew_deg", "Skew in °", "How far a picture is slanted at most, to either side."),
    _varied("scale", "Scale", "How much larger or smaller a picture becomes at most, as a fraction."),
    _varied("brightness", "Brightness", "How much brighter or darker a picture becomes at most, as a fraction."),
    _varied("contrast", "Contrast", "How much the contrast changes at most, as a fraction."),
    _varied("colour", "Colour", "How much saturation and hue change at most, as a fraction.",
            lambda values: not _digits(values)),
    _varied("noise", "Noise", "The largest standard deviation of the noise, where black is 0 and white is 1."),
    _varied("mixup", "Mixup", "Two pictures and their classes are blended; small values blend little. 0: none are."),
    Field("optimiser", "Optimiser", "choice", "Learning", "How a step follows from the gradient.", _OPTIMISERS),
    Field("momentum", "Momentum", "number", "Learning",
          "The share of the last step that the next one keeps.", only=_is("optimiser", "sgd", "rmsprop")),
    Field("nesterov", "Nesterov", "flag", "Learning",
          "The gradient is taken where the momentum leads to, not where the weights are.",
          only=lambda values: values["optimiser"] == "sgd" and values["momentum"] != 0),
    Field("weight_decay", "Weight decay", "number", "Learning", "How strongly every step pulls the weights to zero."),
    Field("learning_rate", "Learning rate", "number", "Learning", "How long a step is: the highest rate of the run."),
    Field("schedule", "Schedule", "choice", "Learning", "How the learning rate changes over the run.", _SCHEDULES),
    Field("warm_up", "Warm-up", "number", "Learning", "The share of the run in which the rate rises."),
    Field("step_epochs", "Epochs per fall", "whole", "Learning",
          "The rate falls every so many epochs, or after so many without progress.",
          only=_is("schedule", "step", "plateau")),
    Field("step_factor", "Factor of a fall", "number", "Learning", "By what the rate is multiplied when it falls.",
          only=_is("schedule", "step", "plateau")),
    Field("batch_size", "Batch size", "whole", "Learning", "Pictures whose gradients are averaged for one step."),
    Field("epochs", "Epochs", "whole", "Learning", "How many times all training pictures are gone through."),
    Field("loss", "Loss", "choice", "Learning", "What is made smaller: the error that the gradient is taken of.",
          _LOSSES),
    Field("label_smoothing", "Label smoothing", "number", "Learning",
          "The share of the target that is spread over all classes, so that the network is less sure of itself."),
    Field("clip", "Longest gradient", "number", "Advanced", "A longer gradient is shortened to this length.",
          special=(0, "any")),
    Field("average", "Average of weights", "number", "Advanced",
          "The share of the old average that each step keeps; the averaged weights are the result.",
          special=(0, "none")),
    Field("precision", "Precision", "choice", "Advanced",
          "In what numbers layers multiply; mixed precision is quicker, weights and sums stay float32.", _PRECISIONS),
    Field("device", "Device", "choice", "Advanced", "Where the network learns.", _DEVICES),
    Field("threads", "Threads", "whole", "Advanced",
          "On how many threads the processor computes; by itself the fastest number is measured.",
          special=(0, "measured")),
    Field("snapshots_mb", "Recording in MB", "whole", "Advanced",
          "Room on the disk for recorded steps, to which you can go back.", special=(0, "none")),
)  # fmt: skip
BY_NAME: Mapping[str, Field] = {field.name: field for field in FIELDS}
