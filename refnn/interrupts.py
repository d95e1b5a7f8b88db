"""Ctrl-C while the modules of a command are imported: one line, and the exit status 130."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType


def expect() -> None:
    """Called before the other modules of refnn are imported. Acts only if this process is a command of refnn."""
    words = sys.orig_argv[1:] if hasattr(sys, "orig_argv") else []
    as_module = "-m" in words and words[words.index("-m") + 1:][:1] and words[words.index("-m") + 1].startswith("refnn")
    as_command = any(os.path.basename(word).split(".")[0] == "refnn" for word in words[:1])
    if (as_module or as_command) and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, leave)


def leave(number: int, frame: FrameType | None) -> None:
    try:
        os.write(2, b"refnn: interrupted\n")
    finally:
        os._exit(130)


def raise_them() -> None:
    """From here on, Ctrl-C raises KeyboardInterrupt again."""
    if signal.getsignal(signal.SIGINT) is leave:
        signal.signal(signal.SIGINT, signal.default_int_handler)
