"""The real program on a real X server, started, drawn on and closed as a user does it."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PROGRAMS = ("Xvfb", "openbox", "xdotool")
WAIT_S = 120

pytestmark = [
    pytest.mark.x11,
    pytest.mark.skipif(
        not all(shutil.which(p) for p in PROGRAMS), reason=f"needs {', '.join(PROGRAMS)} (Debian packages of that name)"
    ),
]


class Desktop:
    """A virtual screen with a window manager, and hands on its mouse and keyboard."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []
        read, write = os.pipe()
        self.log = (folder / "log.txt").open("wb")
        self.processes.append(
            subprocess.Popen(
                ["Xvfb", "-displayfd", str(write), "-screen", "0", "1600x1000x24", "-nolisten", "tcp"],
                pass_fds=(write,),
                stdout=self.log,
                stderr=self.log,
            )
        )
        os.close(write)
        with os.fdopen(read) as pipe:  # the server writes its number when it takes connections
            number = pipe.readline().strip()
        self.environment = dict(os.environ, DISPLAY=f":{number}")
        self.environment.pop("QT_QPA_PLATFORM", None)
        self.environment.pop("WAYLAND_DISPLAY", None)
        for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
            self.environment[name] = str(folder / name.lower())
        self.start("openbox")

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(command, env=self.environment, stdout=self.log, stderr=self.log)
        self.processes.append(process)
        return process

    def do(self, *arguments: object) -> str:
        done = subprocess.run(
            ["xdotool", *map(str, arguments)],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.stdout.strip()

    def until(self, condition: Callable[[], bool]) -> None:
        """Ask another process again and again; there is no event to wait for."""
        end = time.monotonic() + WAIT_S
        while not condition():
            assert time.monotonic() < end, (self.folder / "log.txt").read_text(errors="replace")[-3000:]
            self.do("sleep", 0.1)

    def window(self) -> str:
        self.until(lambda: bool(self.do("search", "--onlyvisible", "--name", "cnnviz")))
        return self.do("search", "--onlyvisible", "--name", "cnnviz").splitlines()[-1]

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.terminate()
            process.wait(30)
        self.log.close()


@pytest.fixture
def desktop(tmp_path: Path) -> Iterator[Desktop]:
    desktop = Desktop(tmp_path)
    yield desktop
    desktop.stop()


def test_start_draw_a_seven_undo_go_full_screen_and_quit(desktop: Desktop) -> None:
    program = desktop.start(sys.executable, "-m", "cnnviz")
    window = desktop.window()
    desktop.do("windowactivate", "--sync", window)
    desktop.do("windowsize", "--sync", window, 1440, 900)
    desktop.do("windowmove", "--sync", window, 20, 40)

    def drag(*points: tuple[int, int]) -> None:
        desktop.do("mousemove", "--window", window, *points[0])
        desktop.do("mousedown", 1)
        for (x0, y0), (x1, y1) in itertools.pairwise(points):
            for step in range(1, 9):
                desktop.do("mousemove", "--window", window, x0 + (x1 - x0) * step // 8, y0 + (y1 - y0) * step // 8)
        desktop.do("mouseup", 1)

    # The board fills the column right of the rail, below the tabs; a stroke well inside it.
    drag((170, 200), (300, 200), (220, 370))
    desktop.until(lambda: "looks like 7" in desktop.do("getwindowname", window))
    desktop.do("key", "--window", window, "ctrl+z")
    desktop.until(lambda: desktop.do("getwindowname", window) == "cnnviz")
    desktop.do("key", "--window", window, "ctrl+shift+z")
    desktop.until(lambda: "looks like 7" in desktop.do("getwindowname", window))
    desktop.do("key", "--window", window, "F11")
    desktop.until(lambda: "1600x1000" in desktop.do("getwindowgeometry", window))
    desktop.do("key", "--window", window, "F11")
    desktop.until(lambda: "1600x1000" not in desktop.do("getwindowgeometry", window))
    desktop.do("key", "--window", window, "ctrl+q")
    assert program.wait(60) == 0
    assert (desktop.folder / "xdg_data_home" / "cnnviz" / "last_board.png").stat().st_size > 0


def test_a_picture_on_the_command_line_is_opened(desktop: Desktop, tmp_path: Path) -> None:
    from PIL import Image

    from cnnviz.datasets.starter import load_starter

    picture = tmp_path / "five.png"
    Image.fromarray(load_starter().images_nhw[2700]).save(picture)
    program = desktop.start(sys.executable, "-m", "cnnviz", str(picture))
    window = desktop.window()
    desktop.until(lambda: "five.png – looks like 5" in desktop.do("getwindowname", window))
    desktop.do("windowclose", window)
    desktop.do("windowquit", window)
    program.terminate()
    program.wait(60)
