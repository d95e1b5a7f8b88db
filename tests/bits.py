"""Comparison to the bit: 0.0 differs from -0.0, all NaNs are equal, and a difference names its place."""

import struct


def pattern(x):
    """The 16 hex digits of a double; the same for all NaNs."""
    return "nan" if x != x else struct.pack(">d", x).hex()


def difference(a, b, path=""):
    """None if two nested structures agree to the bit; else the place and the values of the first difference."""
    if isinstance(a, float) and isinstance(b, float):
        if pattern(a) == pattern(b):
            return None
        return f"{path or 'value'}: {a!r} ({pattern(a)}) is not {b!r} ({pattern(b)})"
    if isinstance(a, dict) or isinstance(b, dict):
        if type(a) is not type(b):
            return f"{path or 'value'}: {a!r} is not {b!r}"
        if a.keys() != b.keys():
            return f"{path or 'value'}: keys {sorted(a)} are not {sorted(b)}"
        pairs = [(f"{path}.{key}", a[key], b[key]) for key in a]
    elif hasattr(a, "__len__") and hasattr(b, "__len__") and not isinstance(a, str) and not isinstance(b, str):
        if len(a) != len(b):
            return f"{path or 'value'}: {len(a)} items are not {len(b)}"
        pairs = [(f"{path}[{n}]", *pair) for n, pair in enumerate(zip(a, b))]
    else:
        return None if type(a) is type(b) and a == b else f"{path or 'value'}: {a!r} is not {b!r}"
    return next((found for place, *pair in pairs if (found := difference(*pair, place))), None)


def assert_same_bits(a, b):
    found = difference(a, b)
    assert found is None, found
