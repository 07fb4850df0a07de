"""Data sets that torchvision knows where to fetch, by its addresses and hashes: whole or not at all.

Everything lies in a folder ``NAME.part`` until it is complete; then that becomes `DatasetSpec.downloaded`.
"""

from __future__ import annotations

import os
import shutil
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import IO

from cnnviz.core import download
from cnnviz.core.errors import Cancelled, UserError
from cnnviz.core.files import claimed, disk_errors
from cnnviz.core.formats import bytes_text
from cnnviz.datasets.registry import DatasetSpec

MIRROR = "CNNVIZ_DATA_URL"
"""The environment variable that names another folder on the web to fetch from: a school's own server."""
SIZES: Mapping[str, int] = MappingProxyType({"mnist": 11_594_722, "fashion_mnist": 30_878_645, "cifar10": 170_498_071})
"""Bytes that are fetched for each data set; about as many are on disk afterwards, and of CIFAR-10 both at a time."""
LARGEST_MEMBER = 64 * 2**20


@dataclass(frozen=True)
class Remote:
    """A file to fetch.

    Attributes
    ----------
    name, md5
        The file's name and its MD5, the hash that is published.
    addresses
        Folders on the web that have it, each with a slash at its end; the first that answers is taken.
    folder, inside
        Of an archive: its folder, and name and MD5 of each file in there that is needed.
    """

    name: str
    md5: str
    addresses: tuple[str, ...]
    folder: str = ""
    inside: tuple[tuple[str, str], ...] = ()


def published(name: str) -> tuple[Remote, ...]:
    """Return the files of a data set as torchvision states them; torchvision is imported."""
    from torchvision import datasets as known

    if name == "cifar10":
        kind = known.CIFAR10
        listed = (*kind.train_list, *kind.test_list, (kind.meta["filename"], kind.meta["md5"]))
        inside = tuple((name, md5) for name, md5 in listed)
        address = kind.url.rpartition("/")[0] + "/"
        return (Remote(kind.filename, kind.tgz_md5, (address,), kind.base_folder, inside),)
    digits = {"mnist": known.MNIST, "fashion_mnist": known.FashionMNIST}[name]
    return tuple(Remote(file, md5, tuple(digits.mirrors)) for file, md5 in digits.resources)


def staging(spec: DatasetSpec) -> Path:
    """Return the folder that holds what came of a data set until all of it is there."""
    return spec.downloaded().with_name(f"{spec.name}.part")


def is_here(spec: DatasetSpec) -> bool:
    """Return whether a data set was downloaded."""
    return spec.can_download and spec.downloaded().is_dir()


def kept_bytes(spec: DatasetSpec) -> int:
    """Return how many bytes came before a download was interrupted."""
    try:
        return sum(path.stat().st_size for path in staging(spec).iterdir() if path.is_file())
    except OSError:
        return 0


def fetch(
    spec: DatasetSpec,
    progress: download.Progress = lambda done, total, rate: None,
    stopped: download.Stopped = lambda: False,
    *,
    mirror: str | None = None,
) -> Path:
    """Fetch a data set and return its folder; one that is here already is not fetched again.

    Parameters
    ----------
    spec
        What to fetch.
    progress, stopped
        As `core.download.download` has them; bytes are those of all files together.
    mirror
        Address of a folder whose sub-folder of the data set's name has the same files; by default what the environment
        variable CNNVIZ_DATA_URL says.

    Raises
    ------
    Cancelled
        When `stopped` said so; what came is kept.
    UserError
        When it cannot be downloaded, the download fails, or another program fetches it.
    """
    if not spec.can_download:
        raise UserError(f"{spec.title} cannot be downloaded.", suggestion="Choose a folder that holds it.")
    target = spec.downloaded()
    if target.is_dir():
        return target
    with disk_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with claimed(target, download.fetched_elsewhere(spec.title)):
            if not target.is_dir():  # another program may just have been done
                _fetch_all(spec, mirror or os.environ.get(MIRROR, ""), progress, stopped)
                staging(spec).replace(target)
    return target


def _fetch_all(spec: DatasetSpec, mirror: str, progress: download.Progress, stopped: download.Stopped) -> None:
    """Bring all files of a data set to where they are staged; those that are there are not fetched again."""
    part = staging(spec)
    done = 0
    for remote in published(spec.name):
        addresses = (f"{mirror.rstrip('/')}/{spec.name}/",) if mirror else remote.addresses
        counted = _Counted(progress, done, SIZES.get(spec.name, 0))
        path = part / remote.name
        if not path.is_file() or download.md5_of(path, stopped) != remote.md5:
            _fetch_one(addresses, path, remote.md5, counted, stopped)
        done += path.stat().st_size
        if remote.inside:
            _unpack(path, remote, stopped)
    progress(done, done, 0.0)


def _fetch_one(
    addresses: tuple[str, ...], path: Path, md5: str, progress: download.Progress, stopped: download.Stopped
) -> None:
    """Fetch a file from the first address that can deliver it; where none can, what the first said is the error."""
    first: UserError | None = None
    for address in addresses:
        try:
            download.download(f"{address}{path.name}", path, md5=md5, progress=progress, stopped=stopped)
        except Cancelled:
            raise
        except UserError as error:
            first = first or error
        else:
            return
    assert first is not None
    raise first


@dataclass(frozen=True)
class _Counted:
    """Reports a file's progress as that of the whole data set."""

    report: download.Progress
    before: int
    size: int

    def __call__(self, done: int, total: int | None, rate: float) -> None:
        self.report(self.before + done, max(self.size, self.before + (total or done)), rate)


def _unpack(archive: Path, remote: Remote, stopped: download.Stopped) -> None:
    """Take the files that are needed out of an archive, and nothing else; then it is deleted.

    No name in the archive decides where anything is written: a file goes to the name that it was asked for by.
    """
    wanted = {f"{remote.folder}/{name}": md5 for name, md5 in remote.inside}
    folder = archive.parent / remote.folder
    try:
        folder.mkdir(exist_ok=True)
        with tarfile.open(archive, "r|gz") as tar:  # read once, from the beginning to the end
            for member in tar:
                name = str(PurePosixPath(member.name))
                if name not in wanted or not member.isreg() or member.size > LARGEST_MEMBER:
                    continue
                source, path = tar.extractfile(member), folder / PurePosixPath(name).name
                assert source is not None  # a regular file has contents
                _copy(source, path, stopped)
                if download.md5_of(path, stopped) == wanted[name]:
                    del wanted[name]
        if wanted:
            raise _not_whole(archive, f"Missing or damaged: {', '.join(sorted(wanted))}")
        archive.unlink()
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise _not_whole(archive, repr(error)) from error


def _copy(source: IO[bytes], path: Path, stopped: download.Stopped) -> None:
    with path.open("wb") as file:
        while block := source.read(4 * download.BLOCK):
            if stopped():
                raise Cancelled("The unpacking was cancelled.", suggestion="What came is kept.")
            file.write(block)


def _not_whole(archive: Path, details: str) -> UserError:
    shutil.rmtree(archive.parent, ignore_errors=True)
    return UserError(
        f"'{archive.name}' does not hold what it should, and was thrown away.",
        suggestion="Try again, or copy the data set from another machine and choose its folder.",
        details=details,
    )


def words_of(spec: DatasetSpec) -> str:
    """Return for people what there is of a data set."""
    if not spec.files:
        return "ships with cnnviz"
    if is_here(spec):
        return f"here: {spec.downloaded()}"
    if not spec.can_download:
        return f"needs a folder with {spec.files}"
    kept = kept_bytes(spec)
    came = f"; {bytes_text(kept)} of it came already" if kept else ""
    return f"can be fetched: {bytes_text(SIZES[spec.name])}{came}"
