"""An implementation of refnn's spec in Python. Fill in the functions in their order. To check it:

    python -m refnn.check --cmd "python mine.py"

A function that returns None does not implement its operation. Doubles arrive as floats, seeds as integers, matrices as
lists of rows. Return a dictionary of the outputs; hex64 writes 64-bit integers.
"""

import json
import sys

# :functions:
OPERATIONS = {
    # :table:
}
SPECIAL = ("-0.0", "Infinity", "-Infinity", "NaN")  # doubles that JSON numbers do not have arrive as strings
WORDS = ("integers", "digests", "pixels")  # strings that are no doubles


def hex64(n):
    """A 64-bit integer as 16 hex digits."""
    return f"{n:016x}"


def decode(value, key=None):
    """A value of a question, with numbers where it has strings for them."""
    if isinstance(value, dict):
        return {name: decode(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [decode(item, key) for item in value]
    if isinstance(value, str):
        if key == "seed":
            return int(value, 16)
        if value in SPECIAL:
            return float(value)
        if len(value) == 16 and key not in WORDS and all(digit in "0123456789abcdef" for digit in value):
            return double_of(int(value, 16))
    return value


def double_of(bits):
    """The double with these 64 bits (--hex sends doubles so)."""
    import struct
    return struct.unpack("<d", struct.pack("<Q", bits))[0]


for line in sys.stdin:
    question = json.loads(line)
    operation = OPERATIONS.get(question["op"])
    out = operation(**decode(question["in"])) if operation else None
    print(json.dumps({"id": question["id"], "out": out}), flush=True)  # Infinity and -0.0 may be written as they are
