"""Fetching one large file: what came is kept, a broken connection is taken up again, the hash has the last word."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import http.client
import os
import queue
import re
import shutil
import socket
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from urllib.parse import urlsplit

from cnnviz.core.errors import Cancelled, UserError
from cnnviz.core.files import claimed
from cnnviz.core.formats import bytes_text

Progress = Callable[[int, "int | None", float], None]
"""Called with the bytes that are here, those there will be (``None``: not known) and bytes per second."""
Stopped = Callable[[], bool]

BLOCK = 2**18
WAITING_BLOCKS = 16
TIMEOUT_S = 20.0
PAUSES_S = (0.5, 1.0, 2.0, 4.0)
"""How long to wait before each new try; there are as many tries as pauses, and one."""
WORTH_A_TRY = 2**20
"""So many new bytes earn all tries again: a line that breaks every minute still ends one day."""
POLL_S = 0.1
REPORT_S = 0.1
RATE_S = 5.0
ROUNDING = 0.01
"""How far a length may be from the expected one, which is rounded."""
_PASSING = (408, 425, 429, 500, 502, 503, 504)
_FULL = (errno.ENOSPC, errno.EDQUOT)


class _Broken(Exception):
    """The connection ended early; another try may go on from there."""

    def __init__(self, cause: BaseException | None) -> None:
        super().__init__(str(cause))
        self.cause = cause


def part_of(path: Path) -> Path:
    """Return where a file is while it is on its way."""
    return path.with_name(f"{path.name}.part")


def kept_bytes(path: Path) -> int:
    """Return how many bytes of a file came before its download was interrupted."""
    try:
        return part_of(path).stat().st_size
    except OSError:
        return 0


def fetched_elsewhere(name: str) -> UserError:
    """Return what to tell the user when something is on its way already."""
    return UserError(f"Another program is fetching '{name}'.", suggestion="Wait until it is done.")


def _md5() -> hashlib._Hash:
    return hashlib.md5(usedforsecurity=False)


def sha256_of(path: Path, stopped: Stopped = lambda: False) -> str:
    """Return the SHA-256 of a file as hexadecimal digits.

    Raises
    ------
    Cancelled
        When `stopped` said so.
    UserError
        When it cannot be read.
    """
    return _digits_of(path, stopped, hashlib.sha256)


def md5_of(path: Path, stopped: Stopped = lambda: False) -> str:
    """Return the MD5 of a file as `sha256_of` returns its SHA-256.

    Raises
    ------
    Cancelled
        When `stopped` said so.
    UserError
        When it cannot be read.
    """
    return _digits_of(path, stopped, _md5)


def _digits_of(path: Path, stopped: Stopped, hashing: Callable[[], hashlib._Hash]) -> str:
    try:
        with path.open("rb", buffering=0) as file:
            return _hash_of(file, path.name, stopped, hashing)[0].hexdigest()
    except OSError as error:
        raise UserError(f"'{path}' could not be read: {(error.strerror or str(error)).lower()}.") from error


def download(
    url: str,
    path: Path,
    *,
    sha256_prefix: str = "",
    md5: str = "",
    size: int | None = None,
    progress: Progress = lambda done, total, rate: None,
    stopped: Stopped = lambda: False,
) -> None:
    """Fetch a file, beside its place at first, and move it there once its hash is right.

    Whatever came before an interruption is kept in `part_of(path)` and is not fetched again, if the server can begin
    in the middle.

    Parameters
    ----------
    url
        http or https.
    path
        Where it goes; its folder is made.
    sha256_prefix
        Hexadecimal digits, eight or more, that the SHA-256 of the file begins with.
    md5
        All of its MD5 instead, for files whose publisher states no other.
    size
        About how many bytes there are, to one part in a hundred.
    progress
        Called from this thread, ten times a second at most, and at the end.
    stopped
        Asked ten times a second; true means give up.

    Raises
    ------
    Cancelled
        When `stopped` said so.
    UserError
        When the address, the network, the server, the disk or the hash is at fault, or another program fetches it.
    """
    wanted = (md5 or sha256_prefix).lower()
    if re.fullmatch(r"[0-9a-f]{32}" if md5 else r"[0-9a-f]{8,64}", wanted) is None:
        raise ValueError(f"'{wanted}' is too little of a hash")
    hashing = _md5 if md5 else hashlib.sha256
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UserError(
            f"'{url}' is no address to download from.", suggestion="It must begin with http:// or https://."
        )
    part = part_of(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with claimed(path, fetched_elsewhere(path.name)):
            try:
                with part.open("ab+", buffering=0) as file:
                    whole = _Download(url, path, file, hashing, wanted, size, progress, stopped).run()
                    os.fsync(file.fileno())
            finally:
                if kept_bytes(path) == 0:
                    part.unlink(missing_ok=True)
            if not whole:
                part.unlink()
                raise _wrong(path.name, wanted, parts.hostname)
            part.replace(path)
    except OSError as error:
        raise _disk_sentence(path, error) from error


class _Download:
    """One call of `download`: the file, how much of it is there, and how often it broke off."""

    def __init__(
        self,
        url: str,
        path: Path,
        file: FileIO,
        hashing: Callable[[], hashlib._Hash],
        prefix: str,
        size: int | None,
        progress: Progress,
        stopped: Stopped,
    ) -> None:
        self._url, self._path, self._file, self._prefix, self._size = url, path, file, prefix, size
        self._progress, self._stopped = progress, stopped
        self._host = urlsplit(url).hostname or url
        self._hashing, self._hash = hashing, hashing()
        self._have = 0
        self._total: int | None = None
        self._etag = ""
        self._answered = False
        self._rate = _Rate()
        self._reported_s = 0.0

    def run(self) -> bool:
        """Fetch what is missing; return whether the file is the right one."""
        self._file.seek(0)
        self._hash, self._have = _hash_of(self._file, self._path.name, self._stopped, self._hashing)
        if self._have and self._is_right():  # interrupted between the last byte and the move
            return True
        self._report(at_once=True)
        tries, reached = 0, self._have
        while True:
            try:
                self._receive()
            except _Broken as broken:
                if self._have >= reached + WORTH_A_TRY:
                    tries, reached = 0, self._have
                if tries == len(PAUSES_S):
                    raise self._sentence(broken.cause) from broken.cause
                self._pause(PAUSES_S[tries])
                tries += 1
            else:
                self._report(at_once=True)
                return self._is_right()

    def _is_right(self) -> bool:
        return self._hash.hexdigest().startswith(self._prefix)

    def _receive(self) -> None:
        """Ask for the rest once, and write what comes.

        Raises
        ------
        _Broken
            When less came than was announced.
        """
        reader = _Reader(self._url, self._have, self._etag)
        reader.start()
        try:
            head = self._next(reader)
            assert isinstance(head, _Head)
            self._accept(head)
            while block := self._next(reader):
                assert isinstance(block, bytes)
                self._write(block)
        finally:
            reader.leave()
        wanted = self._total if self._total is not None else (self._size or 0) * (1 - ROUNDING)
        if self._have < wanted:
            raise _Broken(None)

    def _next(self, reader: _Reader) -> _Head | bytes:
        """Return what comes next: the head, a block, or nothing at the end."""
        while True:
            if self._stopped():
                raise _cancelled(self._path.name)
            try:
                found = reader.arrived.get(timeout=POLL_S)
            except queue.Empty:
                self._report()
                continue
            if isinstance(found, Exception):
                self._judge(found)
            else:
                return found

    def _judge(self, error: Exception) -> None:
        """Raise what an error of the reader means: another try, or the end."""
        if isinstance(error, urllib.error.HTTPError):
            error.close()
            if error.code == 416:  # there is nothing behind what is here, and that is not the file
                self._begin_anew()
            elif error.code not in _PASSING:
                raise self._sentence(error) from error
            raise _Broken(error)
        if isinstance(error, urllib.error.URLError) and not self._answered:
            raise self._sentence(error) from error  # not reached at all: trying on would only keep the user waiting
        if isinstance(error, (http.client.InvalidURL, ValueError)):
            raise UserError(f"'{self._url}' is no address to download from.", details=repr(error)) from error
        if isinstance(error, (OSError, http.client.HTTPException)):
            raise _Broken(error)
        raise error

    def _accept(self, head: _Head) -> None:
        """Prepare for what a server is about to send."""
        self._answered = True
        if head.start and (head.start != self._have or self._total not in (None, head.total)):
            self._begin_anew()  # it goes on with something else than what is here
            raise _Broken(None)
        if head.is_page:
            raise UserError(
                f"A web page came instead of '{self._path.name}'.",
                suggestion="Perhaps the network wants a log-in: open a web page, then try again.",
            )
        if head.total is not None and self._size is not None and _differ(head.total, self._size):
            raise UserError(
                f"'{self._host}' offers {bytes_text(head.total)} as '{self._path.name}', which should have "
                f"{bytes_text(self._size)}.",
                suggestion="Check the address.",
            )
        if not head.start and self._have:
            self._begin_anew()  # it cannot begin in the middle, or the file has changed
        self._total, self._etag = head.total, head.etag
        expected = head.total if head.total is not None else self._size
        if expected is not None:
            self._check_room(expected - self._have)

    def _check_room(self, wanted: int) -> None:
        free = shutil.disk_usage(self._path.parent).free
        if wanted > free:
            raise UserError(
                f"There is no room for '{self._path.name}': {bytes_text(wanted)} are missing and {bytes_text(free)} "
                f"are free in '{self._path.parent}'.",
                suggestion="Make room and try again.",
            )

    def _begin_anew(self) -> None:
        self._file.truncate(0)
        self._hash, self._have, self._total, self._etag = self._hashing(), 0, None, ""
        self._rate = _Rate()

    def _write(self, block: bytes) -> None:
        if os.fstat(self._file.fileno()).st_size != self._have:
            raise fetched_elsewhere(self._path.name)  # the disk is one that does not lock
        if self._size is not None and self._have + len(block) > self._size * (1 + ROUNDING) + BLOCK:
            self._begin_anew()
            raise UserError(
                f"'{self._host}' sends more than the {bytes_text(self._size)} that '{self._path.name}' should have.",
                suggestion="Try again, or take it from another address.",
            )
        view = memoryview(block)
        while view:
            written = _write_some(self._file, view)
            self._hash.update(view[:written])
            self._have += written
            view = view[written:]
        self._report()

    def _report(self, *, at_once: bool = False) -> None:
        now_s = time.monotonic()
        if at_once or now_s - self._reported_s >= REPORT_S:
            self._reported_s = now_s
            self._progress(self._have, self._total, self._rate.after(self._have, now_s))

    def _pause(self, seconds: float) -> None:
        end_s = time.monotonic() + seconds
        while True:
            if self._stopped():
                raise _cancelled(self._path.name)
            self._report()
            left_s = end_s - time.monotonic()
            if left_s <= 0:
                return
            time.sleep(min(POLL_S, left_s))

    def _sentence(self, error: BaseException | None) -> UserError:
        """Return what to tell the user when there is no point in trying on."""
        name, host = self._path.name, self._host
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        by_hand = f"or copy '{name}' from another machine to '{self._path.parent}'"
        details = repr(error) if error is not None else ""
        if isinstance(error, urllib.error.HTTPError):
            if error.code in (404, 410):
                sentence, suggestion = f"'{host}' does not have '{name}'.", f"Check the address, {by_hand}."
            elif error.code in _PASSING:
                sentence, suggestion = (
                    f"'{host}' cannot deliver '{name}' at the moment.",
                    f"Try again later, {by_hand}.",
                )
            else:
                sentence = f"'{host}' refused to send '{name}' (status {error.code})."
                suggestion = f"Check the address and the network's proxy, {by_hand}."
            return UserError(sentence, suggestion=suggestion, details=f"{self._url}\n{details}")
        if isinstance(reason, ssl.SSLError):
            sentence = f"'{host}' could not prove who it is, so that nothing was downloaded."
            suggestion = f"Check date, time and network of this machine, {by_hand}."
        elif isinstance(reason, socket.gaierror):
            sentence = f"'{host}' was not found: there seems to be no network."
            suggestion = f"Check the connection, {by_hand}."
        elif self._answered:
            of = f" of {bytes_text(self._total)}" if self._total is not None else ""
            sentence = f"The connection to '{host}' broke off again and again at {bytes_text(self._have)}{of}."
            suggestion = "What came is kept; try again to fetch the rest."
        elif isinstance(reason, TimeoutError):
            sentence, suggestion = f"'{host}' does not answer.", f"Check the connection, {by_hand}."
        else:
            sentence, suggestion = f"'{host}' could not be reached.", f"Check the connection, {by_hand}."
        return UserError(sentence, suggestion=suggestion, details=f"{self._url}\n{details}")


@dataclass(frozen=True)
class _Head:
    """What a server is about to send.

    Attributes
    ----------
    start
        From which byte on; −1 where it does not say.
    total
        How many the whole file has, where that is known.
    etag
        Changes with the file.
    is_page
        It is a web page.
    """

    start: int
    total: int | None
    etag: str
    is_page: bool


class _Reader(threading.Thread):
    """Opens an address and hands on what comes.

    In a thread that can be left to itself: neither the search for a host's name nor a read from a silent server can be
    interrupted. It has no part in the file, and ends at the next byte or after `TIMEOUT_S`.
    """

    def __init__(self, url: str, start: int, etag: str) -> None:
        super().__init__(name="download", daemon=True)
        self.arrived: queue.Queue[_Head | bytes | Exception] = queue.Queue(WAITING_BLOCKS)
        self._left = threading.Event()
        headers = {"User-Agent": "cnnviz", "Accept-Encoding": "identity"}
        if start:
            headers["Range"] = f"bytes={start}-"
            if etag:
                headers["If-Range"] = etag
        self._url, self._headers = url, headers

    def leave(self) -> None:
        """Say that nobody listens any more."""
        self._left.set()

    def run(self) -> None:
        """Read to the end, or until nobody listens."""
        try:
            request = urllib.request.Request(self._url, headers=self._headers)
            with urllib.request.build_opener().open(request, timeout=TIMEOUT_S) as response:
                self._put(_head_of(response))
                while not self._left.is_set() and (block := response.read1(BLOCK)):
                    self._put(block)
            self._put(b"")
        except Exception as error:  # noqa: BLE001  # judged by the one who listens
            self._put(error)

    def _put(self, item: _Head | bytes | Exception) -> None:
        while not self._left.is_set():
            with contextlib.suppress(queue.Full):
                self.arrived.put(item, timeout=POLL_S)
                return


def _head_of(response: http.client.HTTPResponse) -> _Head:
    etag = response.headers.get("ETag", "")
    etag = "" if etag.startswith("W/") else etag  # a weak one does not promise the same bytes
    is_page = response.headers.get_content_type() == "text/html"
    if response.status == 206:
        found = re.fullmatch(
            r"bytes (\d{1,18})-\d{1,18}/(\d{1,18}|\*)", response.headers.get("Content-Range", "").strip()
        )
        if found is None:
            return _Head(-1, None, etag, is_page)
        return _Head(int(found[1]), None if found[2] == "*" else int(found[2]), etag, is_page)
    return _Head(0, response.length, etag, is_page)


class _Rate:
    """Bytes per second over the last seconds."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def after(self, have: int, now_s: float) -> float:
        """Note how many bytes there are now, and return the rate."""
        self._seen.append((now_s, have))
        while len(self._seen) > 2 and self._seen[1][0] <= now_s - RATE_S:
            self._seen.popleft()
        then_s, before = self._seen[0]
        return (have - before) / (now_s - then_s) if now_s > then_s else 0.0


def _differ(total: int, size: int) -> bool:
    return abs(total - size) > size * ROUNDING


def _wrong(name: str, wanted: str, host: str) -> UserError:
    return UserError(
        f"'{name}' came with wrong contents and was thrown away: its hash does not begin with {wanted}.",
        suggestion=f"Try again; if it stays so, '{host}' has another file than the one published.",
    )


def _cancelled(name: str) -> Cancelled:
    return Cancelled(f"The download of '{name}' was cancelled.", suggestion="What came is kept for the next time.")


def _hash_of(
    file: FileIO, name: str, stopped: Stopped, hashing: Callable[[], hashlib._Hash] = hashlib.sha256
) -> tuple[hashlib._Hash, int]:
    """Read a file from where it stands to its end; return the hash and how many bytes there were."""
    found, count = hashing(), 0
    while block := file.read(4 * BLOCK):
        if stopped():
            raise _cancelled(name)
        found.update(block)
        count += len(block)
    return found, count


def _write_some(file: FileIO, view: memoryview) -> int:
    """Write as much as the system takes at once."""
    return file.write(view)


def _disk_sentence(path: Path, error: OSError) -> UserError:
    if error.errno in _FULL:
        return UserError(
            f"'{path.name}' could not be saved: the disk is full.",
            suggestion="What came is kept; make room and try again.",
        )
    reason = (error.strerror or str(error)).lower()
    return UserError(
        f"'{path.name}' could not be saved in '{path.parent}': {reason}.",
        suggestion="Check the folder's permissions.",
        details=repr(error),
    )
