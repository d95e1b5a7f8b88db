"""The C core before it is built: its sources, their digest, and the compiler that it needs.

The digest is compiled into the core, so that an old core is recognised.

build_ext.py runs this file by its path: it must import nothing of refnn.
"""

from __future__ import annotations

import sys
from hashlib import sha256
from pathlib import Path

RECORD = "_core.txt"  # beside the core: the result of the build


def sources(root: Path) -> list[Path]:
    """The files that the core depends on, in a checkout or an sdist: csrc and build_ext.py, which has the flags."""
    return [root / "build_ext.py", *sorted(path for path in (root / "csrc").rglob("*") if path.suffix in (".c", ".h"))]


def digest(root: Path) -> str:
    """SHA-256 of the sources, their names and contents; "" where there are none."""
    if not (root / "csrc" / "refnn.h").is_file() or not (root / "build_ext.py").is_file():
        return ""
    total = sha256()
    for path in sources(root):
        content = path.read_bytes().replace(b"\r\n", b"\n")
        total.update(f"{path.relative_to(root).as_posix()} {len(content)}\n".encode() + content)
    return total.hexdigest()


def compiler_to_install() -> str:
    """How to install a C compiler on this system."""
    if sys.platform == "darwin":
        return "xcode-select --install"
    if sys.platform == "win32":
        return "Visual Studio Build Tools, with C++"
    return "Debian: apt install gcc python3-dev; Fedora: dnf install gcc python3-devel"
