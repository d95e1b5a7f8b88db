"""The Pythons of this machine."""

import os
import shutil
import subprocess
from pathlib import Path


def interpreter(version):
    """A working Python of that version, from PATH or pyenv, or None."""
    folder = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    for path in (shutil.which(f"python{version}"), *map(str, folder.glob(f"{version}.*/bin/python"))):
        if path and subprocess.run([path, "-c", "pass"], capture_output=True).returncode == 0:
            return path
    return None
