"""`cnnviz runs`: the list of runs. Imports no torch."""

from __future__ import annotations

import argparse
import json
import math
from datetime import datetime
from pathlib import Path

from cnnviz.training import runs


def runs_command(options: argparse.Namespace) -> None:
    """Print the runs of a folder."""
    found = runs.summaries(Path(options.folder) if options.folder else None)
    if options.json:
        print(json.dumps(runs.as_json(found), indent=2))
        return
    if not found:
        print(f"There are no runs in {options.folder or runs.folder()}; 'cnnviz train' makes one.")
        return
    width = max(len(run.name) for run in found)
    for one in found:
        when = f"{datetime.fromtimestamp(one.began):%Y-%m-%d %H:%M}" if one.began else " " * 16
        best = "" if math.isnan(one.accuracy) else f"  best {one.accuracy:.2%}"
        print(f"{one.name:<{width}}  {when}  {one.epochs} of {one.config.epochs} epochs{best}")
