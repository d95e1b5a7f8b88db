"""The implementations of a network, by name.

Each is a class with the methods of python.py's PythonImplementation, whose data and parameters come checked.
"""

import platform
from importlib import import_module

from ..checks import known_name
from ..errors import UnavailableError

SMALLEST = 5e-324  # the smallest double above 0
IMPLEMENTATIONS = {  # name: module, class
    "python": ("refnn.implementations.python", "PythonImplementation"),
    "c": ("refnn.implementations.c", "CImplementation"),
}


def load(name):
    """The class behind a name. Raises InputError for an unknown one, UnavailableError where it is not built here."""
    if SMALLEST * 1.0 == 0.0:
        raise UnavailableError("subnormal numbers are flushed to zero in this process: a library built with -ffast-math, or a "
                               "call such as torch.set_flush_denormal, has changed the processor's arithmetic")
    module, of_module = IMPLEMENTATIONS[known_name(name, IMPLEMENTATIONS, "implementation")]
    return getattr(import_module(module), of_module)


def default():
    """"c" where the core is built, else "python"."""
    return "python" if missing() else "c"


def describe(name):
    """What runs behind a name, in words."""
    if name == "c":
        return f"C ({import_module('refnn.implementations.c').build()})"
    return f"plain Python ({platform.python_implementation()} {platform.python_version()})"


def missing():
    """Why the C core cannot be had here, in a sentence; None where it can."""
    try:
        load("c")
    except UnavailableError as error:
        return str(error)
