"""Put a run's best weights into resources/, with the card that says how they were made and what they reach.

    python packaging/ship_weights.py RUN DATA_DIR

The accuracy is measured by `cnnviz evaluate` on the data set's test pictures, with the file that ships.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
from dataclasses import fields, replace
from pathlib import Path

from cnnviz.datasets import registry as datasets
from cnnviz.models import registry
from cnnviz.training.config import PRETRAINED, TrainConfig, default_config
from cnnviz.training.evaluate import evaluate
from cnnviz.training.folder import read_config

WEIGHTS = Path(__file__).resolve().parent.parent / "resources" / "weights"
NAMES = ("FIRST", "SECOND", "THIRD", "FOURTH", "FIFTH", "SIXTH")
THINGS = {"digit": "digits", "photo": "photographs"}
LICENCES = {
    "mnist": "MNIST is usually given as CC BY-SA 3.0; it is not part of this file",
    "cifar10": "CIFAR-10 states none; it is not part of this file. Its pictures were stored as JPEG, which is lossy",
}


def main() -> None:
    """Copy, measure, and write the card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("data_dir", type=Path)
    options = parser.parse_args()
    config = read_config(options.run)
    facts = json.loads((options.run / "facts.json").read_text(encoding="utf-8"))
    spec, data = registry.get(config.model), datasets.get(config.data)
    target = WEIGHTS / f"{spec.name}.safetensors"
    shutil.copy(options.run / "best.safetensors", target)
    result = evaluate(spec, str(target), config.data, str(options.data_dir), "cpu")
    things = THINGS[data.holds]
    what = f"{result.accuracy:.2%}".replace("%", " %")
    if spec.gives_picture:
        summary = f"trained on {data.title} with noise, {what} of the pixels of {result.n:,} test {things} drawn right"
    else:
        summary = f"trained on {data.title}, {what} on its {result.n:,} test {things}"
    chain = named(chain_of(options.run))
    config = chain[-1][0]
    commands = [_command(one, out) for one, out in chain]
    card = {
        "summary": summary,
        "model": spec.name,
        "title": spec.title,
        "data": {
            "name": config.data,
            "use": f"all training {things} but {config.validation:,}, varied; those chose the epoch",
            "files_sha256": facts["data_sha256"],
            "licence": LICENCES[config.data],
        },
        "command": " && ".join(commands),
        "result": "RUN/best.safetensors",
        "seed": config.seed,
        "threads": facts["threads"],
        "device": "cpu",
        "configuration": json.loads(config.to_json()),
        "versions": facts["versions"],
        "evaluation": {
            "command": f"cnnviz evaluate --model {spec.name} --data {config.data} --data-dir DIR --json",
            "accuracy": result.accuracy,
            "n": result.n,
            "loss": result.loss,
        },
        "sha256": hashlib.sha256(target.read_bytes()).hexdigest(),
        "licence": "MIT, as cnnviz",
    }
    target.with_suffix(".json").write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{target.name}: {summary}")


def chain_of(run: Path) -> list[TrainConfig]:
    """Return the configurations of the runs that a run started from, the first one first, and its own."""
    found = [read_config(run)]
    while found[0].start not in ("", PRETRAINED):
        found.insert(0, read_config(Path(found[0].start)))
        if len(found) > len(NAMES):
            raise SystemExit(f"More than {len(NAMES)} runs start from one another.")
    return found


def named(chain: list[TrainConfig]) -> list[tuple[TrainConfig, str]]:
    """Return each configuration with the name that its folder has on the card, and that the next one starts from."""
    names = [*NAMES[: len(chain) - 1], "RUN"]
    first = chain[0] if chain[0].start in ("", PRETRAINED) else replace(chain[0], start="")
    later = [replace(config, start=name) for config, name in zip(chain[1:], names, strict=False)]
    plain = [replace(config, data_dir="") for config in (first, *later)]
    return list(zip(plain, names, strict=True))


def _command(config: TrainConfig, out: str) -> str:
    """Return the command of a run, with the options that it was given beside the network's own recipe.

    Raises
    ------
    SystemExit
        When a setting differs that no option of the command line changes.
    """
    usual = default_config(config.model, config.data)
    options = {
        "epochs": "--epochs",
        "seed": "--seed",
        "threads": "--threads",
        "learning_rate": "--learning-rate",
        "batch_size": "--batch-size",
        "validation": "--validation",
        "device": "--device",
        "start": "--start",
        "freeze": "--freeze",
    }
    told = {*options, "snapshots_mb", "data_dir"}
    other = [f.name for f in fields(config) if f.name not in told and getattr(config, f.name) != getattr(usual, f.name)]
    if other:
        raise SystemExit(f"No option of 'cnnviz train' sets {', '.join(other)} as this run has it.")
    given = [
        f" {flag} {getattr(config, name)}"
        for name, flag in options.items()
        if getattr(config, name) != getattr(usual, name)
    ]
    return f"cnnviz train --model {config.model} --data {config.data} --data-dir DIR{''.join(given)} --out {out}"


if __name__ == "__main__":
    main()
