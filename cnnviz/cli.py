"""The command line: the same core without a window. Errors are one sentence and a non-zero exit."""

from __future__ import annotations

import argparse
import io
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnviz.core.errors import UserError

if TYPE_CHECKING:
    from cnnviz.core.inspection import Inspection, ModelRequest
    from cnnviz.models.engine import Engine


def main(arguments: list[str]) -> int:
    """Run one subcommand and return the exit status: 0, 1 for an error the user can mend, 2 for wrong usage."""
    for stream in (sys.stdout, sys.stderr):  # a name that the terminal cannot write is no reason to stop
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help()
        return 0
    try:
        status = COMMANDS[options.command][1](options)
    except UserError as error:
        print(f"cnnviz: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("cnnviz: stopped.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        return 1
    except OSError as error:
        where = f" '{error.filename}'" if error.filename is not None else ""
        print(f"cnnviz: {error.strerror or error}{where}.", file=sys.stderr)
        return 1
    return status or 0


def _parser() -> argparse.ArgumentParser:
    from importlib.metadata import PackageNotFoundError, version

    parser = argparse.ArgumentParser(
        prog="cnnviz", description="See every number inside a convolutional network. Without a command: the window."
    )
    try:
        number = version("cnnviz")
    except PackageNotFoundError:
        number = "of a source tree"
    parser.add_argument("--version", action="version", version=f"cnnviz {number}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name, (add, _, words) in COMMANDS.items():
        add(commands.add_parser(name, help=words, description=words))
    return parser


def _add_picture(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("image", metavar="IMAGE", help="a picture file")
    _add_model(parser, required=False)
    parser.add_argument("--classes", metavar="FILE", help="class names: a text file, or a folder of folders")
    parser.add_argument("--trust", action="store_true", help="run the code in a .py or .pt2 file given by --weights")
    parser.add_argument(
        "--invert",
        choices=("auto", "yes", "no"),
        default="auto",
        help="dark on light is inverted (auto: by the border)",
    )
    parser.add_argument("--no-centre", action="store_true", help="do not scale and centre the digit")


def _add_model(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    left_out = "" if required else "; without it the file of --weights tells"
    parser.add_argument("--model", required=required, help=f"a name that 'cnnviz models' lists{left_out}")
    parser.add_argument(
        "--weights",
        metavar="FILE_OR_RUN",
        help="weights other than those that ship; 'random' for none" + ("" if required else "; or a whole network"),
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")


def _add_data(parser: argparse.ArgumentParser, default: str | None, *, required: bool | None = None) -> None:
    parser.add_argument(
        "--data",
        default=default,
        required=default is None if required is None else required,
        help="mnist, fashion_mnist, cifar10, folder, or starter: the digits that ship",
    )
    parser.add_argument("--data-dir", metavar="DIR", help="the folder that holds the files of the data set")


def _add_predict(parser: argparse.ArgumentParser) -> None:
    _add_picture(parser)
    _add_json(parser)


def _add_inspect(parser: argparse.ArgumentParser) -> None:
    _add_picture(parser)
    parser.add_argument("--out", required=True, metavar="FILE.npz", help="where the values go")


def _add_explain(parser: argparse.ArgumentParser) -> None:
    _add_picture(parser)
    parser.add_argument("--layer", required=True, metavar="PATH", help="the layer, such as conv1 or layer1.0.conv2")
    parser.add_argument("--unit", required=True, type=int, metavar="K", help="which map or element, from 0")
    parser.add_argument(
        "--at", type=_cell, metavar="ROW,COL", help="which value of the map, from 0; a vector needs none"
    )
    parser.add_argument("--all", action="store_true", help="print every channel, not only the largest")
    _add_json(parser)


def _add_compare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("image", metavar="IMAGE", help="a picture file")
    parser.add_argument(
        "--models", required=True, metavar="NAME,NAME", help="networks that 'cnnviz models' lists, with commas between"
    )
    parser.add_argument("--random", action="store_true", help="random weights, also where others are here")
    parser.add_argument("--runs", type=_at_least_one, default=7, help="forward passes that are timed (default: 7)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    _add_json(parser)
    parser.add_argument("--csv", action="store_true", help="print comma-separated values")


def _at_least_one(text: str) -> int:
    """Read a whole number from 1 to 1000."""
    if not re.fullmatch("[0-9]{1,4}", text) or not 1 <= int(text) <= 1000:
        raise argparse.ArgumentTypeError(f"'{text}' is no number from 1 to 1000")
    return int(text)


def _add_weights(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    words = "say for every network whether its weights ship, are here, or can be fetched"
    _add_json(actions.add_parser("list", help=words, description=words))
    words = "fetch published weights into torch's cache (TORCH_HOME moves it), as for a classroom without a network"
    fetch = actions.add_parser("fetch", help=words, description=words)
    fetch.add_argument("names", nargs="+", metavar="NAME", help="a network that 'cnnviz weights list' lists")
    fetch.add_argument("--check", action="store_true", help="check the hash of those that are here already")
    fetch.add_argument(
        "--url",
        metavar="BASE",
        help="a school's own server: BASE/FILE is fetched instead of the published address (or set CNNVIZ_WEIGHTS_URL)",
    )


def _add_data_sets(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    words = "say for every data set whether it ships, is here, or can be fetched"
    _add_json(actions.add_parser("list", help=words, description=words))
    words = "fetch data sets from where torchvision has them, as for a classroom without a network"
    fetch = actions.add_parser("fetch", help=words, description=words)
    fetch.add_argument("names", nargs="+", metavar="NAME", help="mnist, fashion_mnist or cifar10")
    fetch.add_argument(
        "--url",
        metavar="BASE",
        help="a school's own server: BASE/NAME/FILE is fetched instead (or set CNNVIZ_DATA_URL)",
    )


def _cell(text: str) -> tuple[int, int]:
    """Read ROW,COL."""
    found = re.fullmatch(r"\s*(-?[0-9]{1,9})\s*,\s*(-?[0-9]{1,9})\s*", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"'{text}' is not two numbers such as 3,14")
    return int(found[1]), int(found[2])


def _add_train(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", help="a name that 'cnnviz models' lists")
    parser.add_argument("--config", metavar="FILE", help="a run's config.json; the other options change it")
    _add_data(parser, None, required=False)
    parser.add_argument("--epochs", type=int, help="times through the data (default: the network's own recipe)")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--batch-size", type=int)
    parser.add_argument("--learning-rate", type=float)
    parser.add_argument("--validation", type=int, help="pictures that choose the best epoch (default: at most a tenth)")
    parser.add_argument("--device", help="auto, cpu, cuda or mps")
    parser.add_argument("--threads", type=int, help="torch threads (default: measured on the first batches)")
    parser.add_argument(
        "--start", metavar="FILE_OR_RUN", help="weights to start from, or 'pretrained' (default: random ones)"
    )
    parser.add_argument("--freeze", metavar="LAYER", help="this layer and all before it keep their weights")
    parser.add_argument("--out", metavar="RUN", help="the run's folder (default: a new one among those of the window)")
    parser.add_argument("--overwrite", action="store_true", help="replace an older run in that folder")
    parser.add_argument("--json", action="store_true", help="print what happens, a line of JSON each")


def _add_resume(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="a run's folder, or its name in the list of runs")
    parser.add_argument("--learning-rate", type=float, metavar="RATE", help="another highest rate from here on")
    parser.add_argument("--json", action="store_true", help="print what happens, a line of JSON each")


def _add_runs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", nargs="?", metavar="DIR", help="where they are (default: those of the window)")
    _add_json(parser)


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    _add_model(parser)
    _add_data(parser, "starter")
    _add_json(parser)


def _request(options: argparse.Namespace) -> ModelRequest:
    """Return which network is meant; a wrong name is said before torch is imported."""
    from cnnviz.core.inspection import ModelRequest
    from cnnviz.models import registry
    from cnnviz.models.sources import RANDOM

    name = options.model or "auto"
    if name != "auto":
        registry.get(name)
    elif options.weights is None or options.weights == RANDOM:
        raise UserError(
            "It is not said which network.", suggestion="Give --model NAME, or a file that tells it: --weights FILE."
        )
    else:
        name = registry.name_of_file(options.weights)
    return ModelRequest(name, options.weights, options.device, trusted=options.trust, classes_path=options.classes)


def _inspection(options: argparse.Namespace) -> tuple[Engine, Inspection]:
    """Load network and picture as the window does, and run the one on the other."""
    import numpy as np

    from cnnviz.core import digit, image, ink

    request = _request(options)
    picture = image.load_picture(Path(options.image))
    from cnnviz.models.engine import Engine

    engine = Engine(request)
    spec = engine.spec
    if spec.input.preparation == "photo" and (options.no_centre or options.invert != "auto"):
        raise UserError(f"{spec.title} is for photographs: --invert and --no-centre are for digits.")
    if spec.input.preparation == "photo":
        return engine, engine.inspect(photo=picture.best_hwc)
    board_hw = ink.to_board(picture, options.invert)  # in whole grey levels, as the window has it
    prepared = digit.prepare_digit(board_hw.astype(np.float32) / np.float32(255), centre=not options.no_centre)
    if prepared.blank:
        raise UserError(f"'{options.image}' is blank: there is nothing to recognise.", suggestion="Try --invert yes.")
    return engine, engine.inspect(prepared.image_hw)


def _predict(options: argparse.Namespace) -> None:
    engine, inspection = _inspection(options)
    labels = engine.loaded.labels
    if not labels:
        raise UserError(
            f"{engine.loaded.title} answers with a picture, not with a class.",
            suggestion="'cnnviz inspect' writes it, with every other value.",
        )
    top = [
        {
            "index": index,
            "label": labels[index],
            "probability": float(inspection.probabilities[index]),
            "logit": float(inspection.logits[index]),
        }
        for index in inspection.ranking()
    ]
    if options.json:
        found = {"model": engine.spec.name, "weights": engine.loaded.weights_note, "image": options.image, "top": top}
        print(json.dumps(found, indent=2))
        return
    shown = top if len(top) <= FEW else top[:10]
    width = max(4, max(len(str(row["label"])) for row in shown))
    for row in shown:
        print(f"{row['label']:>{width}}  {row['probability']:8.2%}  logit {row['logit']:9.4f}")
    if len(shown) < len(top):
        print(f"The best {len(shown)} of {len(top):,} classes; --json prints all.")
    if engine.loaded.is_random:
        print("The weights are random, so that the answer means nothing.")


def _inspect(options: argparse.Namespace) -> None:
    import numpy as np

    from cnnviz.core.files import write_atomically

    _, inspection = _inspection(options)
    arrays: dict[str, Any] = {name: inspection.values[name] for name in inspection.values}
    arrays["probabilities"] = inspection.probabilities
    with write_atomically(Path(options.out)) as file:
        np.savez(file, **arrays)
    print(f"{len(arrays)} arrays in {options.out}")


def _explain(options: argparse.Namespace) -> None:
    engine, inspection = _inspection(options)
    from cnnviz.models import explaining

    found = explaining.explain_value(engine.loaded, inspection, options.layer, options.unit, options.at)
    if options.json:
        print(json.dumps(explaining.as_json(found), indent=2, allow_nan=False))
        return
    print(explaining.as_text(found, everything=options.all))
    if engine.loaded.is_random:
        print("The weights are random: nobody has trained this network.")


def _train(options: argparse.Namespace) -> None:
    from cnnviz.datasets import registry as datasets
    from cnnviz.models import registry
    from cnnviz.training.config import check_fits

    if options.model is not None:
        check_fits(registry.get(options.model), datasets.get(options.data or "starter"))  # before torch is imported
    from cnnviz.training.command import train_command

    train_command(options)


def _resume(options: argparse.Namespace) -> None:
    from cnnviz.training.command import resume_command

    resume_command(options)


def _runs(options: argparse.Namespace) -> None:
    from cnnviz.training.runs_command import runs_command

    runs_command(options)


def _evaluate(options: argparse.Namespace) -> None:
    from cnnviz.datasets import registry as datasets
    from cnnviz.models import registry
    from cnnviz.training.config import check_fits

    spec = registry.get(options.model)
    check_fits(spec, datasets.get(options.data))  # before torch is imported
    from cnnviz.training.evaluate import evaluate

    result = evaluate(spec, options.weights, options.data, options.data_dir, options.device)
    if options.json:
        print(json.dumps({"accuracy": result.accuracy, "n": result.n, "loss": result.loss}))
    else:
        print(f"{result.accuracy:.2%} of {result.n:,} pictures, loss {result.loss:.4f}")


def _models(options: argparse.Namespace) -> None:
    from cnnviz.models.registry import MODELS

    names = ("name", "title", "family", "summary", "weights")
    rows = [{name: getattr(model, name) for name in names} for model in MODELS]
    if options.json:
        print(json.dumps(rows, indent=2))
        return
    width = max(len(m.name) for m in MODELS)
    family = ""
    for model in MODELS:
        if model.family != family:
            family = model.family
            print(family)
        weights = " Weights ship." if model.weights else " Weights can be fetched." if model.is_torchvision else ""
        print(f"  {model.name:<{width}}  {model.title}: {model.summary}{weights}")


def _compare(options: argparse.Namespace) -> int:
    import numpy as np

    from cnnviz.core import digit, image, ink
    from cnnviz.core.inspection import ModelRequest
    from cnnviz.models import comparing, registry
    from cnnviz.models.sources import RANDOM

    names = list(dict.fromkeys(filter(None, (name.strip() for name in options.models.split(",")))))
    if not names:
        raise UserError("It is not said which networks.", suggestion="Give --models vgg19,resnet50.")
    specs = [registry.get(name) for name in names]  # a wrong name is said before torch is imported
    picture = image.load_picture(Path(options.image))
    prepared = digit.prepare_digit(ink.to_board(picture).astype(np.float32) / np.float32(255))
    if prepared.blank and any(spec.input.preparation == "digit" for spec in specs):
        raise UserError(f"'{options.image}' is blank: there is nothing to recognise.")
    weights = RANDOM if options.random else None
    models = tuple(ModelRequest(name, weights, options.device) for name in names)
    question = comparing.Question(models, prepared.image_hw, picture.best_hwc, options.image)
    rows = comparing.compare(
        question, runs=options.runs, begin=lambda request: print(f"{request.name} …", file=sys.stderr, flush=True)
    )
    if options.json:
        print(json.dumps([comparing.record(row) for row in rows], indent=2))
    else:
        print(comparing.as_csv(rows) if options.csv else comparing.as_text(rows), end="" if options.csv else "\n")
    return 1 if all(row.error for row in rows) else 0


def _weights(options: argparse.Namespace) -> int:
    from cnnviz.models import weights_command  # torch follows, with the first network that needs it

    if options.action == "list":
        weights_command.list_command(as_json=options.json)
        return 0
    return weights_command.fetch_command(options.names, check=options.check, mirror=options.url)


def _data(options: argparse.Namespace) -> int:
    from cnnviz.datasets import data_command

    if options.action == "list":
        data_command.list_command(as_json=options.json)
        return 0
    return data_command.fetch_command(options.names, mirror=options.url)


def _device(options: argparse.Namespace) -> None:
    from cnnviz.core import device

    report = device.report()
    if options.json:
        print(json.dumps(report, indent=2))
        return
    for key, value in report.items():
        lines = [f"{name}: {words}" for name, words in value.items()] if isinstance(value, dict) else [str(value)]
        print(f"{key:>8}  " + "; ".join(lines))


def _bench(options: argparse.Namespace) -> int:
    from cnnviz.bench.table import run_bench

    return run_bench(as_json=options.json)


FEW = 20  # classes that are all printed
Add = Callable[[argparse.ArgumentParser], None]
Run = Callable[[argparse.Namespace], int | None]
COMMANDS: dict[str, tuple[Add, Run, str]] = {
    "predict": (_add_predict, _predict, "rank the classes for a picture"),
    "inspect": (_add_inspect, _inspect, "write every value of every layer for a picture"),
    "explain": (_add_explain, _explain, "write one value out: every number that it was added up from"),
    "train": (_add_train, _train, "train a network; writes a run folder"),
    "resume": (_add_resume, _resume, "let a run go on that was ended or interrupted"),
    "runs": (_add_runs, _runs, "list the runs"),
    "evaluate": (_add_evaluate, _evaluate, "measure accuracy and loss on a data set"),
    "models": (_add_json, _models, "list the networks"),
    "weights": (_add_weights, _weights, "list or fetch weights"),
    "data": (_add_data_sets, _data, "list or fetch data sets"),
    "compare": (_add_compare, _compare, "compare networks on one picture: sizes, times here, accuracies, answers"),
    "device": (_add_json, _device, "say which devices there are"),
    "bench": (_add_json, _bench, "measure the speeds that cnnviz promises"),
}
