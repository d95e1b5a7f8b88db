"""Downloads one file into a partial file, which a later call continues. The caller checks the content."""

from __future__ import annotations

import os
import queue
import threading
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from typing import IO, Literal, Union
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from .progress import Report, silent

TIMEOUT = 20.0  # seconds without a byte
PERIOD = 0.5  # seconds without a byte until progress is reported
SLOWEST = 1000  # bytes per second, on average after the first TIMEOUT
LARGEST = 2**24  # bytes of a file
ABANDONED = 60.0  # seconds without a change, after which a partial file of another process is taken over

Message = Union["Start", bytes, Exception, None]  # from the thread that reads: first Start, then blocks, last None


class Start:
    """The head of an answer. offset: of its first byte in the file; total: the size of the file, or 0"""

    def __init__(self, offset: int, total: int) -> None:
        self.offset = offset
        self.total = total


class SameScheme(urllib.request.HTTPRedirectHandler):
    """Follows redirections that keep the scheme, or go from http to https."""

    def redirect_request(self, request: urllib.request.Request, fp: IO[bytes], code: int, message: str,
                         headers: HTTPMessage, target: str) -> urllib.request.Request | None:
        schemes = urlsplit(request.full_url).scheme, urlsplit(target).scheme
        if schemes[0] != schemes[1] and schemes != ("http", "https"):
            raise URLError(f"redirected from {schemes[0]} to {schemes[1]}")
        return super().redirect_request(request, fp, code, message, headers, target)


def fetch(url: str, path: Path, report: Report = silent) -> None:
    """Appends what is missing of the file at a URL to `path`.

    Raises OSError or HTTPException; `path` then holds what has arrived.
    """
    size = path.stat().st_size if path.exists() else 0
    messages: queue.Queue[Message] = queue.Queue(64)
    ended = threading.Event()
    threading.Thread(target=receive, args=(url, size, messages, ended), daemon=True).start()
    begin = time.monotonic()
    received = total = 0

    def show() -> None:
        report(f"downloading {url.rsplit('/', 1)[-1]}", size + received, total, "bytes")

    try:
        with open(path, "ab") as file:
            while (message := next_message(messages, show)) is not None:
                if isinstance(message, Start):
                    file.truncate(message.offset)
                    size, total = message.offset, message.total
                    continue
                file.write(message)
                received += len(message)
                show()
                if size + received > LARGEST:
                    file.truncate(0)
                    raise URLError("the file has no end")
                if received < SLOWEST * (time.monotonic() - begin - TIMEOUT):
                    raise URLError(f"slower than {SLOWEST} bytes per second")
        if total and size + received != total:
            raise URLError(f"only {size + received} of {total} bytes arrived")
    finally:
        ended.set()


def next_message(messages: queue.Queue[Message], waiting: Callable[[], None]) -> Start | bytes | None:
    """The next message; `waiting` is called while there is none. Raises URLError."""
    until = time.monotonic() + TIMEOUT
    message: Message | Literal[False] = False
    while message is False:
        waiting()
        try:
            message = messages.get(timeout=min(PERIOD, TIMEOUT))
        except queue.Empty:
            if time.monotonic() >= until:
                raise URLError(f"no byte within {TIMEOUT:g} s") from None
    if isinstance(message, Exception):
        raise message
    return message


def receive(url: str, offset: int, messages: queue.Queue[Message], ended: threading.Event) -> None:
    """Puts the answer into the queue. It runs in a thread of its own: names and headers may take any time, too."""
    def put(message: Message) -> None:
        while not ended.is_set():
            with suppress(queue.Full):
                return messages.put(message, timeout=1.0)

    try:
        request = urllib.request.Request(url, headers={"Range": f"bytes={offset}-"} if offset else {})
        with open_url(request) as response:
            start = range_start(response.headers.get("Content-Range")) if response.status == 206 else 0
            if start not in (0, offset):
                raise URLError("the answer is another part of the file")
            length = int(response.headers.get("Content-Length") or 0)
            put(Start(start, start + length if length else 0))
            while not ended.is_set() and (block := response.read1(1 << 16)):
                put(block)
        put(None)
    except (URLError, HTTPException) as error:
        put(error)
    except Exception as error:
        put(URLError(error))  # not an error of the file that is written


def open_url(request: urllib.request.Request) -> urllib.request._UrlopenRet:
    """The answer to a request; of a part that the server does not have, the answer to a request for the whole file."""
    opener = urllib.request.build_opener(SameScheme)
    try:
        return opener.open(request, timeout=TIMEOUT)
    except HTTPError as error:
        if error.code != 416:  # range not satisfiable: the partial file is no part of this file
            raise
    request.remove_header("Range")
    return opener.open(request, timeout=TIMEOUT)


def range_start(content_range: str | None) -> int:
    """The 100 of "bytes 100-199/200"."""
    try:
        return int((content_range or "").removeprefix("bytes ").split("-")[0])
    except ValueError:
        raise HTTPException(f"invalid Content-Range {content_range!r}") from None


def claim(path: Path) -> Path:
    """A partial file for `path`, which no other process writes: an abandoned one, or a new one. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    own = path.with_name(f"{path.name}.{os.getpid()}.part")
    for other in [path.with_name(f"{path.name}.part"), *path.parent.glob(f"{path.name}.*.part")]:
        with suppress(OSError):  # it does not exist, or another process was faster
            if other.name == f"{path.name}.part" or time.time() - other.stat().st_mtime > ABANDONED:
                other.replace(own)
                break
    with open(own, "ab"):
        return own


def abandon(own: Path, path: Path) -> None:
    """Leaves a partial file to the next call; an empty one is removed, and the folder if nothing else is in it."""
    with suppress(OSError):
        if own.stat().st_size:
            own.replace(path.with_name(f"{path.name}.part"))
        else:
            own.unlink()
            path.parent.rmdir()


def keep(own: Path, path: Path) -> None:
    """Gives the complete file its name. Raises OSError."""
    with open(own, "rb+") as file:
        os.fsync(file.fileno())
    own.replace(path)


def reason(error: Exception) -> str:
    """Why a download failed, in a few words."""
    return " ".join(str(getattr(error, "reason", None) or error).split())[:200] or type(error).__name__
