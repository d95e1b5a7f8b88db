"""Builds the C core. This file is both cffi's builder of refnn/_core and the PEP 517 backend that calls it.

setuptools accepts `cffi_modules` only as an argument of setup(), and pyproject.toml cannot set it. The backend is
therefore that of setuptools with this one argument added. cffi runs this file under another name, so the backend is
defined only under the name build_ext.
"""

import os
import subprocess
import sysconfig
import tempfile
from pathlib import Path

from cffi import FFI

HERE = Path(__file__).resolve().parent
SOURCES, HEADERS = (
    sorted(path.relative_to(HERE).as_posix() for path in (HERE / "csrc").rglob(f"*.{end}")) for end in "ch"
)


def has_openmp():
    """Whether the compiler builds and links with -fopenmp."""
    compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "try.c")
        source.write_text("#include <omp.h>\nint f(void) { return omp_get_max_threads(); }\n")
        command = [*compiler, "-shared", "-fPIC", "-fopenmp", str(source), "-o", str(Path(folder, "try.so"))]
        try:
            return subprocess.run(command, capture_output=True).returncode == 0
        except OSError:
            return False


if os.name == "nt":
    FLAGS, LINK_FLAGS = ["/O2", "/fp:precise"], []
else:
    # -ffp-contract=off: no fused multiply-add. gcc ignores the pragma of the standard and needs the flag.
    FLAGS = ["-std=gnu99", "-O3", "-ffp-contract=off", "-fno-math-errno", "-fno-fast-math"]
    # With -ffast-math from $CFLAGS at link time, loading the core would flush subnormals to zero in the whole process.
    LINK_FLAGS = ["-fno-fast-math"]
    if has_openmp():
        FLAGS.append("-fopenmp")
        LINK_FLAGS.append("-fopenmp")

ffibuilder = FFI()
ffibuilder.cdef((HERE / "csrc" / "refnn.h").read_text())
ffibuilder.set_source(
    "refnn._core",
    "#include <stdint.h>\n#include <refnn.h>\n",
    sources=SOURCES,
    include_dirs=["csrc"],
    depends=HEADERS + ["build_ext.py"],
    extra_compile_args=FLAGS,
    extra_link_args=LINK_FLAGS,
    optional=True,  # without a compiler, the Python implementation is installed; --impl c reports an error
)

if __name__ == "build_ext":
    import setuptools
    from setuptools.build_meta import *  # noqa: F403  the hooks of the backend

    _setup = setuptools.setup

    def _setup_with_core(**arguments):
        return _setup(**arguments, cffi_modules=["build_ext.py:ffibuilder"])

    setuptools.setup = _setup_with_core
