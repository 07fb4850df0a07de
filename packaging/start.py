#!/usr/bin/env python3
"""Set cnnviz up and open it, or test it: ``start.py [setup|run|test] [--torch default|cpu|cuda] [ARGUMENTS ...]``.

Needs nothing but Python 3.10. Makes ``.venv`` beside this folder, installs what is missing, and the second time starts
at once. ``run`` (the default) opens the window, ``test`` passes the tests without a screen, ``setup`` only installs;
``--dev`` adds the linters. What follows is passed on. CNNVIZ_VENV names another folder than ``.venv``, and
CNNVIZ_TORCH_INDEX another place than PyTorch's own, with the folders ``cpu`` and ``cu130`` in it.
"""

import argparse
import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = Path(os.environ.get("CNNVIZ_VENV") or ROOT / ".venv")
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / "cnnviz-stamp"
# A separately chosen CPU torch does not fit the package index's torchvision: both come from the same place.
TORCH_INDEX = os.environ.get("CNNVIZ_TORCH_INDEX") or "https://download.pytorch.org/whl"
TORCH_FOLDER = {"cpu": "cpu", "cuda": "cu130"}
APT = (
    "apt-get install -y --no-install-recommends python3-venv libgl1 libegl1 libxkbcommon-x11-0 libdbus-1-3 "
    "libfontconfig1 libglib2.0-0 libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1 libxcb-shape0"
)
LIBRARIES = ("libGL.so.1", "libEGL.so.1", "libxkbcommon.so.0", "libdbus-1.so.3", "libfontconfig.so.1")
LIBRARIES += ("libglib-2.0.so.0",)
# Without these the xcb plug-in aborts the process, so they are looked for before Qt is started.
XCB = ("libxcb-cursor.so.0", "libxkbcommon-x11.so.0", "libxcb-icccm.so.4", "libxcb-keysyms.so.1", "libxcb-shape.so.0")


class SetupError(Exception):
    """What is missing, in a sentence."""


def main(arguments: "list[str]") -> int:
    """Do what the command line asks and return the exit status."""
    if sys.version_info < (3, 10):  # noqa: UP036  # this file also starts on an older Python, to say so
        return say(f"cnnviz needs Python 3.10 or newer; this is {platform.python_version()}.", 1)
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0], allow_abbrev=False)
    parser.add_argument("command", nargs="?", choices=("setup", "run", "test"), default="run")
    parser.add_argument("--torch", choices=("default", "cpu", "cuda"), default="default")
    parser.add_argument("--dev", action="store_true", help="install the linters too")
    options, rest = parser.parse_known_args(arguments)
    try:
        check_libraries(screen=options.command == "run")
        install(options.torch, ["test"] * (options.command == "test") + ["dev"] * options.dev)
    except SetupError as error:
        return say(str(error), 1)
    if options.command == "setup":
        return say(f"cnnviz is set up in {VENV}.", 0)
    command = [str(PYTHON), "-m", "cnnviz", *rest]
    environment = dict(os.environ)
    if options.command == "test":
        command = [str(PYTHON), "-m", "pytest", *rest]
        environment["QT_QPA_PLATFORM"] = "offscreen"
        os.chdir(ROOT)
    if os.name == "nt":  # exec returns to the prompt at once there
        return subprocess.call(command, env=environment)
    return os.execve(command[0], command, environment)


def say(text: str, status: int) -> int:
    """Print a sentence, to standard error if it is about a failure, and return the status."""
    print(text, file=sys.stderr if status else sys.stdout, flush=True)
    return status


def check_libraries(*, screen: bool) -> None:
    """Find the system libraries of Qt; install them where that is allowed, else say how."""
    if not sys.platform.startswith("linux"):
        return
    can_install = os.geteuid() == 0 and shutil.which("apt-get") is not None
    needs_x11 = screen and os.environ.get("DISPLAY") and not os.environ.get("WAYLAND_DISPLAY")
    required = LIBRARIES + (XCB if needs_x11 else ())
    missing = [name for name in (LIBRARIES + XCB if can_install else required) if not loads(name)]
    if not PYTHON.exists() and run([sys.executable, "-c", "import ensurepip"])[0]:
        missing.append("python3-venv")
    if not missing:
        return
    if can_install:
        say(f"Installing system libraries, for {', '.join(missing)} is missing ...", 0)
        words = apt("apt-get update") or apt(APT)
        if words and not set(missing).isdisjoint([*required, "python3-venv"]):
            raise SetupError(words)
    elif shutil.which("apt-get"):
        raise SetupError(f"These are missing: {', '.join(missing)}. Install them by:\n\n    sudo {APT}\n")
    else:
        raise SetupError(f"These are missing: {', '.join(missing)}. Install them by your system's means; start again.")


def apt(command: str) -> str:
    """Run a command of Debian's package manager; return nothing, or a sentence and its last lines if it fails."""
    status, log = run(command.split(), DEBIAN_FRONTEND="noninteractive")
    return f"'{command}' failed; its last words:\n{log}" if status else ""


def run(command: "list[str]", show: "tuple[str, ...]" = (), **variables: str) -> "tuple[int, str]":
    """Run a program, print its lines that begin with one of `show`, and return its status and its last lines."""
    lines, environment = [], {**os.environ, **variables}
    nothing, pipe, same = subprocess.DEVNULL, subprocess.PIPE, subprocess.STDOUT
    with subprocess.Popen(
        command, env=environment, stdin=nothing, stdout=pipe, stderr=same, text=True, errors="replace"
    ) as process:
        for line in process.stdout or ():
            lines.append(line.rstrip())
            if show and line.lstrip().startswith(show):
                say("  " + line.strip()[:110], 0)
    return process.returncode, "\n".join(lines[-12:])


def loads(library: str) -> bool:
    """Return whether the system has a shared library."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def install(torch: str, wanted: "list[str]") -> None:
    """Make the environment and install into it, unless that was done for the same project file and choice."""
    have = [*STAMP.read_text().split("\n"), "", ""] if STAMP.exists() and PYTHON.exists() else ["", "", ""]
    key = hashlib.sha256((ROOT / "pyproject.toml").read_bytes() + repr(sys.version_info[:2]).encode()).hexdigest()
    if torch == "default" and have[1]:
        torch = have[1]  # an earlier choice holds until another one is made
    names = sorted({*wanted, *have[2].split()})
    if have[:3] == [key, torch, " ".join(names)]:
        return
    used = works()
    if not used:
        make_environment()
    STAMP.write_text("\n".join(["", have[1], " ".join(names)]))  # no key until all is there
    say(announcement(torch), 0)
    if torch != "default":
        # A torch of the other kind satisfies the same requirement, so in a used environment it must be replaced.
        again = ["--force-reinstall"] if used and torch != have[1] else []
        pip(*again, "torch", "torchvision", index=f"{TORCH_INDEX}/{TORCH_FOLDER[torch]}")
    pip("--editable", f"{ROOT}[{','.join(names)}]" if names else str(ROOT))
    STAMP.write_text("\n".join([key, torch, " ".join(names)]))


def works() -> bool:
    """Return whether the environment's Python starts and has pip (a broken-off set-up is made again)."""
    try:
        return run([str(PYTHON), "-m", "pip", "--version"])[0] == 0
    except OSError:
        return False


def make_environment() -> None:
    """Make the virtual environment, over what is left of an earlier one but over nothing else."""
    if VENV != ROOT / ".venv" and VENV.exists() and any(VENV.iterdir()) and not (VENV / "pyvenv.cfg").exists():
        raise SetupError(f"{VENV} holds other things than a Python environment; name an empty folder in CNNVIZ_VENV.")
    say(f"Making {VENV} ...", 0)
    try:
        venv.EnvBuilder(with_pip=True, clear=VENV.exists(), symlinks=os.name != "nt").create(VENV)
    except (OSError, subprocess.CalledProcessError) as error:
        raise SetupError(f"The environment {VENV} could not be made: {error}") from error


def announcement(torch: str) -> str:
    """Return which torch is about to be installed and how large it is."""
    system, machine = platform.system(), platform.machine().lower()
    gpu = "an NVIDIA GPU was found" if shutil.which("nvidia-smi") else "no NVIDIA GPU was found"
    if torch == "cpu":
        what = "PyTorch for the CPU from PyTorch's own index, about 1.3 GB on disk"
    elif torch == "cuda":
        what = "PyTorch with CUDA 13 from PyTorch's own index, about 5.7 GB on disk"
    elif system == "Linux":
        what = "PyTorch with CUDA, about 5.7 GB on disk (it runs without a GPU too; --torch cpu takes 1.3 GB)"
    elif system == "Windows":
        what = "PyTorch for the CPU, about 1 GB on disk (for an NVIDIA GPU: --torch cuda)"
    elif machine == "arm64":
        what = "PyTorch with Apple GPU support, about 1 GB on disk"
    else:
        what = "PyTorch, about 1 GB on disk (current versions have none for Macs with Intel processors)"
    return f"Installing {what}; {gpu}. This is done once."


def pip(*arguments: str, index: str = "") -> None:
    """Install packages, from one index alone if it is given, and raise with pip's last lines if that fails."""
    command = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "--no-input", *arguments]
    variables = {"PIP_ROOT_USER_ACTION": "ignore"}
    if index:  # also in place of further indexes of pip's configuration, or torch and torchvision could be mixed
        variables.update(PIP_INDEX_URL=index, PIP_EXTRA_INDEX_URL=index)
    status, log = run(command, ("Collecting", "Downloading", "Installing collected"), **variables)
    if status:
        raise SetupError("pip could not install what cnnviz needs; its last words:\n" + log)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
