"""The set-up script, with a real environment and a real pip against a stand-in package index on this machine."""

from __future__ import annotations

import ast
import configparser
import http.server
import importlib.util
import os
import shutil
import subprocess
import sys
import threading
import xml.etree.ElementTree as ElementTree
import zipfile
from collections import namedtuple
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "packaging" / "start.py"
BACKEND = '''
"""A build backend that needs nothing, so that the set-up can be tested without a network."""
import os, zipfile
META = """Metadata-Version: 2.1
Name: cnnviz
Version: 1.0
Requires-Dist: torch
Requires-Dist: torchvision
Provides-Extra: test
Requires-Dist: pytest; extra == "test"
"""

def build_editable(folder, config_settings=None, metadata_directory=None):
    name = "cnnviz-1.0-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as wheel:
        wheel.writestr("cnnviz.pth", os.getcwd())
        wheel.writestr("cnnviz-1.0.dist-info/METADATA", META)
        wheel.writestr("cnnviz-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any")
        wheel.writestr("cnnviz-1.0.dist-info/RECORD", "")
    return name
'''
PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "cnnviz"
version = "1.0"
dynamic = ["dependencies", "optional-dependencies"]
"""
# What the system has is tested by itself below: here nobody's system libraries are looked for, and none installed.
DRIVER = (
    "import sys; sys.path.insert(0, {folder!r}); import start; "
    "start.check_libraries = lambda **_: None; sys.exit(start.main(sys.argv[1:]))"
)
SHOW = "import os, sys\nprint('ran', {name!r}, sys.argv[1:], os.environ.get('QT_QPA_PLATFORM'), flush=True)\n"


def make_wheel(folder: Path, name: str, version: str, module: str) -> None:
    """Write a wheel whose only module, run with ``-m``, is `module`."""
    folder.mkdir(parents=True, exist_ok=True)
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}/__init__.py", f"version = {version!r}\n")
        wheel.writestr(f"{name}/__main__.py", module)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


@dataclass
class Index:
    """Three package indexes below one address: ``cpu``, ``cu130`` and ``simple``, and what was asked of them."""

    address: str = ""
    asked: list[str] = field(default_factory=list)

    def wheels(self, name: str) -> list[str]:
        """Return the wheels of one package that were fetched, each as ``INDEX/FILE``."""
        paths = [path.strip("/").split("/") for path in self.asked if path.endswith(".whl")]
        return [f"{path[0]}/{path[-1]}" for path in paths if path[-1].startswith(f"{name}-")]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    folder = tmp_path_factory.mktemp("index")
    # The general index offers higher versions, so that a mixture would be seen.
    for place, version in (("cpu", "2.9.0+cpu"), ("cu130", "2.9.0+cu130"), ("simple", "3.0.0")):
        for name in ("torch", "torchvision"):
            make_wheel(folder / place / name, name, version, "")
    make_wheel(folder / "simple" / "pytest", "pytest", "9.0", SHOW.format(name="pytest"))
    found = Index()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments, directory=str(folder))  # type: ignore[arg-type]

        def do_GET(self) -> None:
            found.asked.append(self.path)
            super().do_GET()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        found.address = f"http://127.0.0.1:{server.server_port}"
        yield found
        server.shutdown()
        thread.join()


class Checkout:
    """A small project with the real ``start.py`` in it."""

    def __init__(self, folder: Path, index: Index) -> None:
        self.folder, self.index = folder, index
        self.venv = folder / ".venv"
        (folder / "packaging").mkdir(parents=True)
        (folder / "packaging" / "start.py").write_bytes(SCRIPT.read_bytes())
        (folder / "pyproject.toml").write_text(PROJECT)
        (folder / "backend.py").write_text(BACKEND)
        (folder / "cnnviz").mkdir()
        (folder / "cnnviz" / "__init__.py").touch()
        (folder / "cnnviz" / "__main__.py").write_text(SHOW.format(name="cnnviz"))

    def start(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run the script as a user does, with pip's own configuration replaced by the stand-in."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "CNNVIZ_", "QT_"))}
        environment.update(
            PIP_CONFIG_FILE=os.devnull,
            PIP_INDEX_URL=f"{self.index.address}/simple",
            PIP_EXTRA_INDEX_URL=f"{self.index.address}/simple",
            PIP_NO_CACHE_DIR="1",
            PIP_RETRIES="0",
            CNNVIZ_TORCH_INDEX=self.index.address,
            **variables,
        )
        self.index.asked.clear()
        return subprocess.run(
            [sys.executable, "-c", DRIVER.format(folder=str(self.folder / "packaging")), *arguments],
            cwd=self.folder.parent, env=environment,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip

    def version(self, package: str) -> str:
        """Return which version the environment has."""
        python = self.venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        command = [str(python), "-c", f"import {package}; print({package}.version)"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory, index: Index) -> Checkout:
    """A project that was set up once with ``--torch cpu``."""
    project = Checkout(tmp_path_factory.mktemp("project") / "a folder", index)
    done = project.start("setup", "--torch", "cpu")
    assert done.returncode == 0, done.stderr
    assert index.wheels("torch") == ["cpu/torch-2.9.0%2Bcpu-py3-none-any.whl"]
    assert index.wheels("torchvision") == ["cpu/torchvision-2.9.0%2Bcpu-py3-none-any.whl"]
    assert "PyTorch for the CPU from PyTorch's own index, about 1.3 GB" in done.stdout
    assert done.stdout.index("1.3 GB") < done.stdout.index("Collecting"), "the size is said before it starts"
    return project


def load(monkeypatch: pytest.MonkeyPatch, **variables: str) -> ModuleType:
    """Return the script as a module."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    spec = importlib.util.spec_from_file_location("start", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_cpu_torch_and_torchvision_come_from_one_place(checkout: Checkout) -> None:
    assert (checkout.version("torch"), checkout.version("torchvision")) == ("2.9.0+cpu", "2.9.0+cpu")


def test_plain_start_runs_the_program_and_passes_its_status_and_arguments(checkout: Checkout) -> None:
    assert checkout.start().stdout == "ran cnnviz [] None\n"
    assert checkout.start("run", "predict", "a b.png", "--json").stdout == (
        "ran cnnviz ['predict', 'a b.png', '--json'] None\n"
    )
    (checkout.folder / "cnnviz" / "__main__.py").write_text("raise SystemExit(7)")
    assert checkout.start().returncode == 7
    (checkout.folder / "cnnviz" / "__main__.py").write_text(SHOW.format(name="cnnviz"))


def test_second_time_needs_neither_pip_nor_index(checkout: Checkout) -> None:
    stamp = (checkout.venv / "cnnviz-stamp").stat().st_mtime_ns
    for choice in ((), ("--torch", "cpu"), ("--torch", "default")):
        done = checkout.start("setup", *choice, PATH="")
        assert done.stdout == f"cnnviz is set up in {checkout.venv}.\n"
    assert checkout.index.asked == []
    assert (checkout.venv / "cnnviz-stamp").stat().st_mtime_ns == stamp


def test_test_installs_the_extra_and_runs_pytest_without_a_screen(checkout: Checkout) -> None:
    done = checkout.start("test", "tests/core", "-k", "mosaic", "--tb=short")
    assert done.stdout.endswith("ran pytest ['tests/core', '-k', 'mosaic', '--tb=short'] offscreen\n"), done.stderr
    assert checkout.index.wheels("pytest") == ["simple/pytest-9.0-py3-none-any.whl"]
    assert checkout.index.wheels("torch") == [], "the earlier choice of torch holds"
    assert checkout.start("setup").stdout.startswith("cnnviz is set up"), "and the extra stays"
    assert checkout.index.asked == []


def test_another_torch_replaces_both_packages(checkout: Checkout) -> None:
    done = checkout.start("setup", "--torch", "cuda")
    assert "PyTorch with CUDA 13 from PyTorch's own index, about 5.7 GB" in done.stdout
    assert (checkout.version("torch"), checkout.version("torchvision")) == ("2.9.0+cu130", "2.9.0+cu130")
    assert not [path for path in checkout.index.asked if path.startswith("/simple/torch")]


def test_a_changed_project_file_is_installed_again(checkout: Checkout) -> None:
    (checkout.folder / "pyproject.toml").write_text(PROJECT + "# changed\n")
    assert "Installing" in checkout.start("setup").stdout
    assert checkout.start("setup").stdout.startswith("cnnviz is set up")


@pytest.mark.parametrize("left", ["without pip", "empty python", "lost python"])
def test_half_made_environment_is_made_again(checkout: Checkout, left: str) -> None:
    python = checkout.venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if left == "lost python":  # the system's Python was replaced by a newer one
        python.unlink()
    else:
        (checkout.venv / "cnnviz-stamp").unlink()
        if left == "without pip":
            (pip,) = checkout.venv.glob("**/site-packages/pip")
            shutil.rmtree(pip)
        else:  # as a full disk leaves it
            python.unlink()
            python.touch()
    done = checkout.start()
    assert done.stdout.startswith("Making "), done.stderr
    assert done.stdout.endswith("ran cnnviz [] None\n"), done.stderr


def test_failing_pip_is_a_sentence_and_the_next_start_tries_again(checkout: Checkout) -> None:
    (checkout.folder / "pyproject.toml").write_text(PROJECT + "# once more\n")
    (checkout.folder / "backend.py").write_text("raise RuntimeError('the backend is broken')")
    done = checkout.start()
    assert done.returncode == 1
    assert done.stderr.startswith("pip could not install what cnnviz needs; its last words:\n")
    assert "ran cnnviz" not in done.stdout
    assert len(done.stderr.splitlines()) <= 13
    (checkout.folder / "backend.py").write_text(BACKEND)
    assert checkout.start().stdout.endswith("ran cnnviz [] None\n")


def test_default_takes_what_the_package_index_gives(tmp_path: Path, index: Index) -> None:
    project = Checkout(tmp_path / "project", index)
    done = project.start("setup", CNNVIZ_VENV=str(tmp_path / "elsewhere"))
    assert done.stdout.endswith(f"cnnviz is set up in {tmp_path / 'elsewhere'}.\n"), done.stderr
    assert index.wheels("torch") == ["simple/torch-3.0.0-py3-none-any.whl"]
    assert index.wheels("torchvision") == ["simple/torchvision-3.0.0-py3-none-any.whl"]
    assert not project.venv.exists()


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path, index: Index) -> None:
    (tmp_path / "precious.txt").write_text("mine")
    done = Checkout(tmp_path / "project", index).start("setup", CNNVIZ_VENV=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.startswith(f"{tmp_path} holds other things than a Python environment")
    assert (tmp_path / "precious.txt").read_text() == "mine"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux needs system libraries")
class TestLibraries:
    """Missing system libraries, with everything that would look or install replaced."""

    @pytest.fixture
    def start(self, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
        module = load(monkeypatch, DISPLAY=":0")
        monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
        self.commands: list[list[str]] = []
        self.status = 0

        def run(command: list[str], *_: object, **__: str) -> tuple[int, str]:
            if "-c" in command:  # has it ensurepip?
                return 0, ""
            self.commands.append(command)
            return self.status, "E: no network"

        monkeypatch.setattr(module, "run", run)
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
        monkeypatch.setattr(module.shutil, "which", lambda name: f"/usr/bin/{name}")
        monkeypatch.setattr(module, "loads", lambda name: name != "libxcb-cursor.so.0")
        return module

    def test_exact_line_for_a_user(self, start: ModuleType) -> None:
        with pytest.raises(start.SetupError, match=r"libxcb-cursor\.so\.0") as caught:
            start.check_libraries(screen=True)
        assert (
            "\n    sudo apt-get install -y --no-install-recommends python3-venv libgl1 libegl1 libxkbcommon-x11-0 "
            "libdbus-1-3 libfontconfig1 libglib2.0-0 libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1 libxcb-shape0\n"
        ) in str(caught.value)
        assert self.commands == []

    def test_not_needed_on_wayland_or_without_a_window(
        self, start: ModuleType, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        start.check_libraries(screen=False)
        monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
        start.check_libraries(screen=True)

    def test_names_of_the_libraries_without_apt(self, start: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(start.shutil, "which", lambda _: None)
        with pytest.raises(start.SetupError, match=r"^These are missing: libxcb-cursor\.so\.0\.") as caught:
            start.check_libraries(screen=True)
        assert "apt" not in str(caught.value)

    def test_root_installs_them(self, start: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "geteuid", lambda: 0)
        start.check_libraries(screen=False)
        assert [" ".join(command[:2]) for command in self.commands] == ["apt-get update", "apt-get install"]
        self.status = 100
        start.check_libraries(screen=False)  # without a window it goes on without that library
        with pytest.raises(start.SetupError, match=r"'apt-get update' failed; its last words:\nE: no network"):
            start.check_libraries(screen=True)

    def test_missing_ensurepip(self, start: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(start, "loads", lambda _: True)
        monkeypatch.setattr(start, "run", lambda *_, **__: (1, "No module named 'ensurepip'"))
        monkeypatch.setattr(start, "PYTHON", tmp_path / "no" / "python")
        with pytest.raises(start.SetupError, match=r"^These are missing: python3-venv\."):
            start.check_libraries(screen=True)


def test_a_library_that_is_there_and_one_that_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    start = load(monkeypatch)
    assert not start.loads("libthere-is-no-such-library.so.9")
    if sys.platform.startswith("linux"):
        assert start.loads("libc.so.6")


def test_old_python_gets_a_sentence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    start = load(monkeypatch)
    version = namedtuple("version", "major minor micro releaselevel serial")
    monkeypatch.setattr(start.sys, "version_info", version(3, 8, 20, "final", 0))
    assert start.main([]) == 1
    assert capsys.readouterr().err.startswith("cnnviz needs Python 3.10 or newer; this is ")


def test_the_script_can_be_read_by_an_old_python_and_uses_the_standard_library_only() -> None:
    source = SCRIPT.read_text(encoding="utf-8")
    tree = ast.parse(source, feature_version=(3, 6))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert names <= sys.stdlib_module_names
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module != "pathlib"]
    assert len(source.splitlines()) <= 200


@pytest.mark.parametrize(
    ("system", "machine", "words"),
    [
        ("Linux", "x86_64", "PyTorch with CUDA, about 5.7 GB"),
        ("Windows", "AMD64", "PyTorch for the CPU, about 1 GB on disk (for an NVIDIA GPU: --torch cuda)"),
        ("Darwin", "arm64", "PyTorch with Apple GPU support, about 1 GB"),
        ("Darwin", "x86_64", "current versions have none for Macs with Intel"),
    ],
)
def test_what_is_said_before_it_starts(monkeypatch: pytest.MonkeyPatch, system: str, machine: str, words: str) -> None:
    start = load(monkeypatch)
    monkeypatch.setattr(start.platform, "system", lambda: system)
    monkeypatch.setattr(start.platform, "machine", lambda: machine)
    monkeypatch.setattr(start.shutil, "which", lambda _: None)
    assert words in start.announcement("default")
    assert "no NVIDIA GPU was found" in start.announcement("default")


def test_desktop_entry() -> None:
    parser = configparser.RawConfigParser(strict=True, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string((ROOT / "packaging" / "cnnviz.desktop").read_text(encoding="utf-8"))
    entry = dict(parser["Desktop Entry"])
    assert (entry["Type"], entry["Terminal"], entry["StartupWMClass"]) == ("Application", "false", "cnnviz")
    assert entry["Exec"].split()[0] in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for key in ("Categories", "MimeType", "Keywords"):
        assert entry[key].endswith(";")
    assert (ROOT / "resources" / "icons" / f"{entry['Icon']}.svg").is_file()


def test_metainfo() -> None:
    component = ElementTree.parse(ROOT / "packaging" / "cnnviz.metainfo.xml").getroot()
    assert component.get("type") == "desktop-application"
    assert component.findtext("launchable") == component.findtext("id") == "cnnviz.desktop"
    assert component.findtext("metadata_license") == "CC0-1.0"
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'license = "{component.findtext("project_license")}"' in project
    release = component.find("releases/release")
    assert release is not None
    assert f'version = "{release.get("version")}"' in project


def test_the_readme_has_the_two_commands_and_what_it_shows_is_there() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = [block.strip() for block in readme.split("```")[1::2]]
    assert [block for block in blocks if block.startswith("python3")] == [
        "python3 packaging/start.py",
        "python3 packaging/start.py test",
    ]
    for command in ("predict", "inspect", "train", "evaluate", "models", "device", "bench"):
        assert f"-m cnnviz {command}" in readme
