"""Computing with other functions than the book's: a mutant names functions, and what replaces them.

A function of the book has its name in its own module, in each module that imports it, in tables and in classes. All of
these places are found in the modules themselves: there is no list of them.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pkgutil import iter_modules
from types import FunctionType, ModuleType
from typing import Any

from .. import reference
from ..implementations import python
from . import operations

Variant = dict[Callable[..., Any], Callable[..., Any]]  # a function -> its replacement
Place = tuple[Any, str]  # a module, class or dictionary, and a name in it


@contextmanager
def spoiled(variant: Variant) -> Iterator[None]:
    """While it lasts, the book, the operations and the Python implementation compute with a variant's functions.

    Raises LookupError if these do not use a function that the variant replaces.
    """
    for function in variant:
        if function not in PLACES:
            raise LookupError(f"{function.__module__}.{function.__qualname__} is not a function that the book uses")
    chosen = {(id(holder), name): (holder, name) for function in variant for holder, name in PLACES[function]}
    before = [(holder, name, value_of(holder, name)) for holder, name in chosen.values()]
    try:
        for holder, name, value in before:
            put(holder, name, replaced(value, variant))
        yield
    finally:
        for holder, name, value in before:
            put(holder, name, value)


def places() -> dict[Callable[..., Any], list[Place]]:
    """Every function's places at present."""
    found: dict[Callable[..., Any], list[Place]] = {}
    for module in modules():
        for holder in [module, *holders(module)]:
            for name in names(holder):
                for function in functions_in(value_of(holder, name)):
                    found.setdefault(function, []).append((holder, name))
    return found


def modules() -> list[ModuleType]:
    """The book, the operations and the Python implementation."""
    found = [module.name for package in (reference, operations)
             for module in iter_modules(package.__path__, package.__name__ + ".")]
    return [python, operations, *(import_module(name) for name in found if not name.endswith(".__main__"))]


def holders(module: ModuleType) -> Iterator[Any]:
    """The tables of a module, and the classes that it defines."""
    for name, value in vars(module).items():
        if isinstance(value, type) and value.__module__ == module.__name__:
            yield value
        elif type(value) is dict and not name.startswith("__"):
            yield value


def names(holder: Any) -> list[Any]:
    return list(holder if isinstance(holder, dict) else vars(holder))


def value_of(holder: Any, name: Any) -> Any:
    return holder[name] if isinstance(holder, dict) else vars(holder)[name]


def put(holder: Any, name: Any, value: Any) -> None:
    if isinstance(holder, dict):
        holder[name] = value
    else:
        setattr(holder, name, value)


def functions_in(value: Any) -> Iterator[Callable[..., Any]]:
    """A value that is a function, or the functions in a tuple or a static method."""
    if isinstance(value, FunctionType):
        yield value
    elif isinstance(value, staticmethod):
        yield value.__func__
    elif isinstance(value, tuple):
        for item in value:
            yield from functions_in(item)


def replaced(value: Any, variant: Variant) -> Any:
    """The same value with a variant's functions in it."""
    if isinstance(value, FunctionType):
        return variant.get(value, value)
    if isinstance(value, staticmethod):
        return staticmethod(replaced(value.__func__, variant))
    if isinstance(value, tuple):
        items = [replaced(item, variant) for item in value]
        return value._make(items) if hasattr(value, "_make") else tuple(items)
    return value


PLACES = places()  # taken now, since other functions are in the modules later for a while
