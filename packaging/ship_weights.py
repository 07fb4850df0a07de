"""Put a run's best weights into resources/, with the card that says how they were made and what they reach.

    python packaging/ship_weights.py RUN DATA_DIR

The accuracy is measured by `cnnviz evaluate` on the data set's test pictures, with the file that ships.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

from cnnviz.datasets import registry as datasets
from cnnviz.models import registry
from cnnviz.training.config import TrainConfig, default_config
from cnnviz.training.evaluate import evaluate

WEIGHTS = Path(__file__).resolve().parent.parent / "resources" / "weights"
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
    config = TrainConfig.from_json((options.run / "config.json").read_text(encoding="utf-8"), "config.json")
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
    commands = [_command(config, "RUN")]
    if config.start:
        first = TrainConfig.from_json((Path(config.start) / "config.json").read_text(encoding="utf-8"), "config.json")
        commands.insert(0, _command(first, "FIRST"))
        config = replace(config, start="FIRST")
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


def _command(config: TrainConfig, out: str) -> str:
    """Return the command of a run, with the options that it was given beside the network's own recipe."""
    usual = default_config(config.model, config.data)
    options = {
        "epochs": "--epochs",
        "seed": "--seed",
        "threads": "--threads",
        "learning_rate": "--learning-rate",
    }
    given = [
        f" {flag} {getattr(config, name)}"
        for name, flag in options.items()
        if getattr(config, name) != getattr(usual, name)
    ]
    start = " --start FIRST" if config.start else ""
    return f"cnnviz train --model {config.model} --data {config.data} --data-dir DIR{''.join(given)}{start} --out {out}"


if __name__ == "__main__":
    main()
