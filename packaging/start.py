#!/usr/bin/env python3
"""Set cnnviz up and open it, or test it: ``start.py [setup|run|test] [--torch default|cpu|cuda] [ARGUMENTS ...]``.

Needs nothing but Python 3.10. Makes ``.venv`` beside this folder, installs what is missing, and the second time starts
at once. ``run`` (the default) opens the window, ``test`` passes the tests without a screen, ``setup`` only installs;
``test --dev`` adds the linters. What follows is passed on.
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
VENV = Path(os.environ.get("CNNVIZ_VENV", str(ROOT / ".venv")))
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / "cnnviz-stamp"
# A separately chosen CPU torch does not fit the package index's torchvision: both come from the same place.
TORCH_INDEX = os.environ.get("CNNVIZ_TORCH_INDEX", "https://download.pytorch.org/whl")
TORCH_FOLDER = {"cpu": "cpu", "cuda": "cu130"}
PACKAGES = (
    "python3-venv libgl1 libegl1 libxkbcommon-x11-0 libdbus-1-3 libfontconfig1 libglib2.0-0 "
    "libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1 libxcb-shape0"
)
APT = f"apt-get install -y --no-install-recommends {PACKAGES}"
LIBRARIES = ("libGL.so.1", "libEGL.so.1", "libdbus-1.so.3", "libfontconfig.so.1", "libglib-2.0.so.0")
# Without these the xcb plug-in aborts the process, so they are looked for before Qt is started.
X11_LIBRARIES = (
    "libxkbcommon-x11.so.0", "libxcb-cursor.so.0", "libxcb-icccm.so.4", "libxcb-keysyms.so.1", "libxcb-shape.so.0",
)  # fmt: skip


def main(arguments):
    """Do what the command line asks and return the exit status."""
    if sys.version_info < (3, 10):  # noqa: UP036  # this file also starts on an older Python, to say so
        return say(f"cnnviz needs Python 3.10 or newer; this is {platform.python_version()}.", 1)
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("command", nargs="?", choices=("setup", "run", "test"), default="run")
    parser.add_argument("--torch", choices=("default", "cpu", "cuda"), default="default")
    parser.add_argument("--dev", action="store_true", help="install the linters too")
    options, rest = parser.parse_known_args(arguments)
    try:
        check_libraries(screen=options.command == "run")
        install(options.torch, extras(options))
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
    if os.name == "nt":
        return subprocess.call(command, env=environment)
    os.execve(command[0], command, environment)
    return 0


class SetupError(Exception):
    """What is missing, in a sentence."""


def say(text, status):
    """Print a sentence, to standard error if it is about a failure."""
    print(text, file=sys.stderr if status else sys.stdout, flush=True)
    return status


def extras(options):
    """Return which optional dependencies a command needs."""
    return (["test"] if options.command == "test" else []) + (["dev"] if options.dev else [])


def check_libraries(*, screen):
    """Find the system libraries of Qt; install them where that is allowed, else say how."""
    if not sys.platform.startswith("linux"):
        return
    has_venv = (
        subprocess.run([sys.executable, "-c", "import ensurepip"], stderr=subprocess.DEVNULL, check=False).returncode
        == 0
    )
    needs_x11 = screen and os.environ.get("DISPLAY") and not os.environ.get("WAYLAND_DISPLAY")
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    wanted = LIBRARIES + (X11_LIBRARIES if needs_x11 or is_root else ())
    missing = [name for name in wanted if not loads(name)] + ([] if has_venv or PYTHON.exists() else ["python3-venv"])
    if not missing:
        return
    if not shutil.which("apt-get"):
        raise SetupError(f"These system libraries are missing: {', '.join(missing)}. Install them and start again.")
    if not is_root:
        raise SetupError(f"These are missing: {', '.join(missing)}. Install them by:\n\n    sudo {APT}\n")
    say(f"Installing system libraries ({', '.join(missing)}) ...", 0)
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    for command in ("apt-get update", APT):
        done = subprocess.run(
            command.split(), env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        if done.returncode:
            raise SetupError(f"'{command}' failed:\n{last_lines(done.stdout)}")


def loads(library):
    """Return whether the system has a shared library."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def install(torch, wanted):
    """Make the environment and install into it, unless that was done for the same project file and choice."""
    project = (ROOT / "pyproject.toml").read_bytes()
    have = STAMP.read_text().split("\n") if STAMP.exists() and PYTHON.exists() else []
    key = hashlib.sha256(project + f"{sys.version_info[:2]}".encode()).hexdigest()
    old = have[2].split() if len(have) > 2 else []
    same_torch = len(have) > 1 and (torch == "default" or have[1] == torch)
    if have[:1] == [key] and same_torch and set(wanted) <= set(old):
        return
    if torch == "default" and len(have) > 1:
        torch = have[1]  # an earlier choice holds until another one is made
    if not PYTHON.exists() or not works():
        say(f"Making {VENV} ...", 0)
        try:
            venv.EnvBuilder(with_pip=True, clear=VENV.exists()).create(VENV)
        except (OSError, subprocess.CalledProcessError) as error:
            raise SetupError(f"The environment {VENV} could not be made: {error}") from error
    say(announcement(torch), 0)
    if torch != "default":
        index = f"{TORCH_INDEX}/{TORCH_FOLDER[torch]}"
        # A torch of the other kind satisfies the same requirement, so it must be replaced.
        pip("--index-url", index, *(["--force-reinstall"] if have and not same_torch else []), "torch", "torchvision")
    names = sorted(set(wanted) | set(old))
    pip("--editable", f"{ROOT}[{','.join(names)}]" if names else str(ROOT))
    STAMP.write_text("\n".join([key, torch, " ".join(names)]))


def works():
    """Return whether the environment's Python starts and has pip (a broken-off set-up is made again)."""
    return subprocess.run([str(PYTHON), "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0


def announcement(torch):
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


def pip(*arguments):
    """Install packages, and raise with pip's last lines if that fails."""
    command = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "--no-input", *arguments]
    environment = dict(os.environ, PIP_ROOT_USER_ACTION="ignore")
    lines = []
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        for line in process.stdout:
            lines = [*lines[-15:], line.rstrip()]
            if line.startswith(("Collecting", "Downloading", "  Downloading", "Installing collected")):
                say("  " + line.strip()[:110], 0)
    if process.returncode:
        raise SetupError("pip could not install what cnnviz needs; its last words:\n" + last_lines("\n".join(lines)))


def last_lines(text):
    """Return the end of a program's output."""
    return "\n".join(text.splitlines()[-12:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
