"""The versions of the package, and of the contract that decides its bits."""

__version__ = "0.1.0"
SPEC = 1
