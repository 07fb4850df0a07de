"""Downloads from a server that breaks off, sends wrong bytes, is slow, or is not there."""

from __future__ import annotations

import errno
import hashlib
import os
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from io import FileIO
from pathlib import Path

import pytest

from cnnviz.core import download as downloading
from cnnviz.core.download import download, kept_bytes, part_of, sha256_of
from cnnviz.core.errors import Cancelled, UserError
from tests.weights_server import WeightsServer, serving

DATA = random.Random(1).randbytes(3_000_000)
PREFIX = hashlib.sha256(DATA).hexdigest()[:8]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[WeightsServer]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(downloading, "PAUSES_S", (0.0, 0.0, 0.0))
    with serving() as running:
        yield running


@pytest.fixture
def get(server: WeightsServer, tmp_path: Path) -> Callable[..., Path]:
    """Return a function that serves DATA, downloads it, and returns where it is."""
    name = server.add(DATA)

    def run(**changed: object) -> Path:
        path = tmp_path / "cache" / name
        download(f"{server.url}/{name}", path, **{"sha256_prefix": PREFIX, "size": len(DATA), **changed})  # type: ignore[arg-type]
        return path

    return run


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return where `get` puts the file, in its folder."""
    (tmp_path / "cache").mkdir()
    return tmp_path / "cache" / f"small-{PREFIX}.pth"


def test_a_file_comes_whole_and_its_folder_is_made(get: Callable[..., Path]) -> None:
    seen: list[tuple[int, int | None, float]] = []
    path = get(progress=lambda *now: seen.append(now))
    assert path.read_bytes() == DATA
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    assert seen[0] == (0, None, 0.0)
    assert seen[-1][:2] == (len(DATA), len(DATA))
    assert seen[-1][2] > 0
    assert [done for done, _, _ in seen] == sorted(done for done, _, _ in seen)


def test_progress_comes_ten_times_a_second_at_most(get: Callable[..., Path]) -> None:
    start_s, calls = time.monotonic(), 0

    def count(done: int, total: int | None, rate: float) -> None:
        nonlocal calls
        calls += 1

    get(progress=count)
    assert calls <= 3 + (time.monotonic() - start_s) / downloading.REPORT_S


def test_a_broken_connection_is_taken_up_where_it_broke(server: WeightsServer, get: Callable[..., Path]) -> None:
    server.breaks = [1_000_000, 500_000]
    assert get().read_bytes() == DATA
    assert server.asked == [None, "bytes=1000000-", "bytes=1500000-"]


def test_a_server_that_cannot_begin_in_the_middle_is_asked_for_all(
    server: WeightsServer, get: Callable[..., Path]
) -> None:
    server.ranges, server.breaks = False, [1_000_000]
    assert get().read_bytes() == DATA
    assert len(server.asked) == 2


def test_a_file_that_changed_meanwhile_is_fetched_from_the_start(
    server: WeightsServer, get: Callable[..., Path]
) -> None:
    name = next(iter(server.files))
    server.files[name], server.etag, server.breaks = bytes(len(DATA)), '"old"', [1_000_000]

    def change(before: int) -> None:
        if before == 1:
            server.files[name], server.etag = DATA, '"new"'

    server.on_asked = change
    assert get().read_bytes() == DATA
    assert server.asked == [None, "bytes=1000000-"]


def test_a_file_of_another_length_is_fetched_from_the_start(server: WeightsServer, get: Callable[..., Path]) -> None:
    name = next(iter(server.files))
    server.files[name], server.breaks = bytes(len(DATA) - 1000), [1_000_000]  # near enough to be let in

    def change(before: int) -> None:
        if before == 1:
            server.files[name] = DATA

    server.on_asked = change
    assert get().read_bytes() == DATA
    assert server.asked == [None, "bytes=1000000-", None]


@pytest.mark.parametrize("said", ["nonsense", "bytes 5-9/10", "bytes 999999-2999999/3000000"])
def test_a_server_that_sends_another_part_is_asked_for_all(
    said: str, server: WeightsServer, get: Callable[..., Path], place: Path
) -> None:
    part_of(place).write_bytes(DATA[:1_000_000])
    server.place = said
    assert get().read_bytes() == DATA
    assert server.asked == ["bytes=1000000-", None]


def test_what_a_broken_off_call_left_is_not_fetched_again(
    server: WeightsServer, get: Callable[..., Path], place: Path
) -> None:
    part_of(place).write_bytes(DATA[:2_000_000])
    assert kept_bytes(place) == 2_000_000
    seen: list[int] = []
    get(progress=lambda done, total, rate: seen.append(done))
    assert place.read_bytes() == DATA
    assert server.asked == ["bytes=2000000-"]
    assert seen[0] == 2_000_000
    assert kept_bytes(place) == 0


def test_a_part_that_is_whole_needs_no_server(place: Path) -> None:
    part_of(place).write_bytes(DATA)
    download("http://127.0.0.1:1/none", place, sha256_prefix=PREFIX)
    assert place.read_bytes() == DATA
    assert not part_of(place).exists()


def test_a_part_that_is_too_long_is_thrown_away(server: WeightsServer, get: Callable[..., Path], place: Path) -> None:
    part_of(place).write_bytes(bytes(len(DATA) + 5))
    assert get().read_bytes() == DATA
    assert server.asked == [f"bytes={len(DATA) + 5}-", None]


def test_wrong_bytes_are_thrown_away_and_said(server: WeightsServer, get: Callable[..., Path], place: Path) -> None:
    place.write_bytes(b"older")
    name = next(iter(server.files))
    server.files[name] = DATA[:-1] + bytes([DATA[-1] ^ 1])
    with pytest.raises(UserError, match="wrong contents") as caught:
        get()
    assert PREFIX in caught.value.sentence
    assert "127.0.0.1" in caught.value.suggestion
    assert place.read_bytes() == b"older"
    assert list(place.parent.iterdir()) == [place]


def test_wrong_bytes_behind_a_resumed_part_are_thrown_away(get: Callable[..., Path], place: Path) -> None:
    part_of(place).write_bytes(bytes(1000))
    with pytest.raises(UserError, match="wrong contents"):
        get()
    assert list(place.parent.iterdir()) == []
    assert get().read_bytes() == DATA  # the next try begins anew


def test_an_answer_of_another_size_is_refused_before_it_comes(
    server: WeightsServer, get: Callable[..., Path], place: Path
) -> None:
    part_of(place).write_bytes(DATA[:1000])
    server.ranges = False
    server.files[next(iter(server.files))] = bytes(9_000_000)
    with pytest.raises(UserError, match=r"offers 8\.6 MB .* should have 2\.9 MB"):
        get()
    assert part_of(place).read_bytes() == DATA[:1000]  # what came before is not lost


def test_an_answer_without_length_that_does_not_end_is_cut_off(
    server: WeightsServer, get: Callable[..., Path], tmp_path: Path
) -> None:
    server.lengths = False
    server.files[next(iter(server.files))] = bytes(9_000_000)
    with pytest.raises(UserError, match="sends more than"):
        get()
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_length_need_not_be_known(server: WeightsServer, get: Callable[..., Path]) -> None:
    server.lengths = False
    seen: list[int | None] = []
    assert get(size=None, progress=lambda done, total, rate: seen.append(total)).read_bytes() == DATA
    assert set(seen) == {None}


def test_the_page_of_a_network_that_wants_a_log_in_is_no_file(
    server: WeightsServer, get: Callable[..., Path], place: Path
) -> None:
    part_of(place).write_bytes(DATA[:1000])
    server.kind, server.ranges, server.lengths = "text/html; charset=utf-8", False, False
    server.files[next(iter(server.files))] = b"<html>log in</html>"
    with pytest.raises(UserError, match="web page") as caught:
        get()
    assert "log-in" in caught.value.suggestion
    assert kept_bytes(place) == 1000


@pytest.mark.parametrize(("status", "words"), [(404, "does not have"), (410, "does not have"), (403, "refused")])
def test_a_refusal_is_said_at_once(
    status: int, words: str, server: WeightsServer, get: Callable[..., Path], tmp_path: Path
) -> None:
    server.statuses = [status]
    with pytest.raises(UserError, match=words) as caught:
        get()
    assert caught.value.suggestion
    assert str(tmp_path / "cache") in caught.value.suggestion  # where to put it by hand
    assert len(server.asked) == 1
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_busy_server_is_asked_again(server: WeightsServer, get: Callable[..., Path]) -> None:
    server.statuses = [503, 429]
    assert get().read_bytes() == DATA
    assert len(server.asked) == 3


def test_a_server_that_stays_busy_is_given_up(server: WeightsServer, get: Callable[..., Path]) -> None:
    server.statuses = [503] * 9
    with pytest.raises(UserError, match="cannot deliver"):
        get()
    assert len(server.asked) == 4


def test_a_line_that_breaks_again_and_again_is_given_up_and_what_came_is_kept(
    server: WeightsServer, get: Callable[..., Path], place: Path
) -> None:
    server.breaks = [300_000, 10, 10, 10, 10, 10]
    with pytest.raises(UserError, match=r"broke off again and again at 293 kB of 2\.9 MB") as caught:
        get()
    assert "kept" in caught.value.suggestion
    assert part_of(place).read_bytes() == DATA[:300_030]
    server.breaks = []
    assert get().read_bytes() == DATA


def test_a_line_that_breaks_but_gets_on_is_not_given_up(
    server: WeightsServer, get: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloading, "WORTH_A_TRY", 250_000)
    server.breaks = [250_000] * 11  # more than there are tries
    assert get().read_bytes() == DATA


def test_a_silent_server_is_given_up(
    server: WeightsServer, get: Callable[..., Path], place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloading, "TIMEOUT_S", 0.2)
    monkeypatch.setattr(downloading, "PAUSES_S", (0.0,))
    server.stall_after = 400_000
    with pytest.raises(UserError, match=r"broke off again and again"):
        get()
    assert kept_bytes(place) == 800_000


def test_a_server_that_says_nothing_at_all_is_given_up(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloading, "TIMEOUT_S", 0.2)
    monkeypatch.setattr(downloading, "PAUSES_S", (0.0,))
    listener = socket.create_server(("127.0.0.1", 0))  # takes calls, never speaks
    with listener, pytest.raises(UserError, match="does not answer"):
        download(f"http://127.0.0.1:{listener.getsockname()[1]}/x", place, sha256_prefix=PREFIX)
    assert list(place.parent.iterdir()) == []


def test_a_server_that_speaks_something_else_is_given_up(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloading, "PAUSES_S", ())

    def speak(listener: socket.socket) -> None:
        with listener.accept()[0] as call:
            call.recv(4096)
            call.sendall(b"220 ready\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=speak, args=[listener])
        thread.start()
        with pytest.raises(UserError, match="could not be reached"):
            download(f"http://127.0.0.1:{listener.getsockname()[1]}/x", place, sha256_prefix=PREFIX)
        thread.join()


def test_nobody_there_is_said_at_once(place: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    start_s = time.monotonic()
    with pytest.raises(UserError, match=r"'127\.0\.0\.1' could not be reached") as caught:
        download(f"http://127.0.0.1:{port}/x", place, sha256_prefix=PREFIX)
    assert str(place.parent) in caught.value.suggestion
    assert time.monotonic() - start_s < 5
    assert list(place.parent.iterdir()) == []


def test_no_network_is_said(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*arguments: object, **more: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(UserError, match="there seems to be no network"):
        download("https://weights.example/x", place, sha256_prefix=PREFIX)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://x/y", "weights", "http://", "http:// /x", "http://x:y/z"])
def test_an_address_that_is_none_is_said(url: str, place: Path) -> None:
    with pytest.raises(UserError, match="no address"):
        download(url, place, sha256_prefix=PREFIX)


def test_too_little_of_a_hash_is_a_fault_of_the_program(place: Path) -> None:
    for prefix in ("", "1234567", "nonsense"):
        with pytest.raises(ValueError, match="hash"):
            download("http://x/y", place, sha256_prefix=prefix)


def test_cancelling_a_slow_download_takes_no_time_and_keeps_what_came(
    server: WeightsServer, get: Callable[..., Path], place: Path
) -> None:
    server.stall_after = 1_000_000
    cancelled_s: list[float] = []

    def stopped() -> bool:
        if kept_bytes(place) < 1_000_000:
            return False
        cancelled_s.append(time.monotonic())
        return True

    with pytest.raises(Cancelled, match="cancelled"):
        get(stopped=stopped)
    assert time.monotonic() - cancelled_s[0] < 0.5
    assert part_of(place).read_bytes() == DATA[:1_000_000]
    server.go_on.set()
    server.stall_after = None
    assert get().read_bytes() == DATA
    assert server.asked == [None, "bytes=1000000-"]


def test_cancelling_while_waiting_for_the_next_try(
    server: WeightsServer, get: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloading, "PAUSES_S", (60.0,))
    server.statuses = [503] * 9
    asked: list[float] = []

    def stopped() -> bool:
        asked.append(time.monotonic())
        return len(asked) > 3 and bool(server.asked)

    start_s = time.monotonic()
    with pytest.raises(Cancelled):
        get(stopped=stopped)
    assert time.monotonic() - start_s < 10


def test_no_room_is_said_before_anything_comes(
    get: Callable[..., Path], place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage:
        free = 1_000_000

    monkeypatch.setattr(downloading.shutil, "disk_usage", lambda folder: Usage)
    with pytest.raises(UserError, match=r"no room .* 2\.9 MB are missing and 977 kB are free") as caught:
        get()
    assert "Make room" in caught.value.suggestion
    assert list(place.parent.iterdir()) == []
    part_of(place).write_bytes(DATA[:2_500_000])  # what is here counts
    assert get().read_bytes() == DATA


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_fills_up_keeps_what_came(
    number: int, get: Callable[..., Path], place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(file: FileIO, view: memoryview) -> int:
        if file.tell() > 1_000_000:
            raise OSError(number, "full")
        return file.write(view[:1000])  # the system may take less than it is given

    with monkeypatch.context() as patch:
        patch.setattr(downloading, "_write_some", write)
        with pytest.raises(UserError, match="the disk is full") as caught:
            get()
    assert "kept" in caught.value.suggestion
    kept = part_of(place).read_bytes()
    assert len(kept) > 1_000_000
    assert kept == DATA[: len(kept)]
    assert get().read_bytes() == DATA


def test_a_folder_that_cannot_be_made_is_said(server: WeightsServer, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UserError, match="could not be saved"):
        download(f"{server.url}/x", tmp_path / "file" / "folder" / "x.pth", sha256_prefix=PREFIX)


def test_two_programs_do_not_mix_their_bytes(server: WeightsServer, get: Callable[..., Path], place: Path) -> None:
    server.stall_after = 1_000_000

    def progress(done: int, total: int | None, rate: float) -> None:
        if done == 1_000_000 and not server.go_on.is_set():
            with part_of(place).open("ab") as other:
                other.write(b"other")
            server.go_on.set()

    with pytest.raises(UserError, match="Another program"):
        get(progress=progress)


_OTHER = """
import sys
from pathlib import Path
from cnnviz.core.download import download
url, path, prefix = sys.argv[1:]
def progress(done, total, rate):
    if done >= 1_000_000:
        print("waits", flush=True)
download(url, Path(path), sha256_prefix=prefix, progress=progress)
"""


def test_two_programs_do_not_fetch_one_file(server: WeightsServer, get: Callable[..., Path], place: Path) -> None:
    server.stall_after = 1_000_000
    order = [sys.executable, "-c", _OTHER, f"{server.url}/{place.name}", str(place), PREFIX]
    root = Path(__file__).resolve().parents[2]
    for killed in (True, False):
        with subprocess.Popen(
            order, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(root)}
        ) as other:
            assert other.stdout is not None
            assert other.stdout.readline() == "waits\n"
            with pytest.raises(UserError, match=f"Another program is fetching '{place.name}'. Wait until it is done."):
                get()
            assert not place.exists()
            if killed:  # what it locked is free again
                other.kill()
            else:
                server.go_on.set()
            other.communicate()
    assert other.returncode == 0
    assert place.read_bytes() == DATA
    assert [entry.name for entry in place.parent.iterdir()] == [place.name]


def test_the_rate_is_that_of_the_last_seconds() -> None:
    rate = downloading._Rate()
    assert rate.after(500, 0.0) == 0.0  # what was here before counts for nothing
    assert rate.after(1500, 1.0) == pytest.approx(1000)
    for second in range(2, 20):
        found = rate.after(1500 + 50 * (second - 1), float(second))
    assert found == pytest.approx(50)


def test_the_hash_of_a_file_and_cancelling_it(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(DATA)
    assert sha256_of(path) == hashlib.sha256(DATA).hexdigest()
    with pytest.raises(Cancelled):
        sha256_of(path, lambda: True)
    with pytest.raises(UserError, match="could not be read"):
        sha256_of(tmp_path)
