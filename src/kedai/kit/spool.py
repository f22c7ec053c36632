"""Small files that must survive a power cut: room is taken before it is needed, and what is saved is saved whole.

What is in them is the caller's business; they are readable by us alone, and no name or content is trusted when read.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from kedai.kit.ids import new_id

MAX_BYTES = 64 * 1024
_ROOM_BYTES = 4096
_SAVED, _ROOM, _ASIDE = ".answer", ".room", ".set-aside"
_READING = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_MAKING = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_flush = os.fsync


class Slot:
    """Room on the disk for one file. What was not saved is gone when the block ends; what was saved stays."""

    def __init__(self, directory: Path) -> None:
        """Take room: once this has worked, only a disk that breaks can keep `save` from working.

        Raises:
            OSError: the directory cannot be made or written, the disk is full, or does not keep what it is given.
        """
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._room = directory / f"{new_id().hex}{_ROOM}"
        self._saved = self._room.with_suffix(_SAVED)
        self._descriptor = os.open(self._room, _MAKING, 0o600)
        try:
            _write(self._descriptor, bytes(_ROOM_BYTES))
            _flush(self._descriptor)
            _flush_directory(directory)
        except OSError:
            self.close()
            raise

    def save(self, data: bytes) -> None:
        """Keep these bytes: under their final name whole, or not at all.

        Raises:
            OSError: they may not have been kept.
        """
        _write(self._descriptor, data)
        os.ftruncate(self._descriptor, len(data))
        _flush(self._descriptor)
        self._room.rename(self._saved)
        _flush_directory(self._saved.parent)

    def forget(self) -> None:
        """What was saved is needed no more."""
        remove(self._saved)

    def close(self) -> None:
        """Give back what was not used."""
        os.close(self._descriptor)
        remove(self._room)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def list_saved(directory: Path) -> Sequence[Path]:
    """What was saved and not forgotten, the latest first.

    Raises:
        OSError: the directory cannot be read (one that is not there is empty).
    """
    try:
        return sorted((one for one in directory.iterdir() if one.suffix == _SAVED), reverse=True)
    except FileNotFoundError:
        return ()


def sweep(directory: Path, *, before: float) -> None:
    """Remove the room that somebody took before that Unix time and never gave back: it was killed since.

    Raises:
        OSError: the directory cannot be read.
    """
    for room in directory.glob(f"*{_ROOM}"):
        with suppress(FileNotFoundError):
            if room.lstat().st_mtime < before:
                remove(room)


def read_saved(path: Path) -> bytes:
    """The bytes of one file.

    Raises:
        FileNotFoundError: somebody was faster.
        OSError: it cannot be read.
        ValueError: it is no plain file of the size that we write.
    """
    descriptor = os.open(path, _READING)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError("no plain file")
        data = os.read(descriptor, MAX_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(data) > MAX_BYTES:
        raise ValueError("too large")
    return data


def remove(path: Path) -> None:
    """Take a file away; one that cannot be is read again later, and means nothing new then."""
    with suppress(OSError):
        path.unlink()


def set_aside(path: Path) -> None:
    """Keep a file for a person to look at, under a name that is not read again."""
    with suppress(OSError):
        path.rename(path.with_suffix(_ASIDE))


def _write(descriptor: int, data: bytes) -> None:
    if os.pwrite(descriptor, data, 0) != len(data):
        raise OSError("the disk took a part only")


def _flush_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _flush(descriptor)
    finally:
        os.close(descriptor)
