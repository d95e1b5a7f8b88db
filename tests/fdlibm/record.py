"""Records the results of two other implementations of fdlibm: python tests/fdlibm/record.py. Needs java and node.

Writes java.txt (StrictMath of OpenJDK 17) and node.txt (Math of Node 20, V8 11.3) beside this file. They have 1,000
inputs of each function, over its whole range and close to its borders, as lines "NAME X Y" with the 16 hex digits of
the doubles. node.txt omits two places where V8 differs from fdlibm on purpose: exp(1), which V8 rounds correctly, and
tanh(x) for |x| < 2^-28, where V8 returns x.
"""

import struct
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent))

from refnn.reference.prng import SplitMix64

COUNT = 1000


def inputs(name, count):
    """Random inputs of a function: over its range, of every magnitude near 0, and near the borders of its cases."""
    random = SplitMix64(len(name) + ord(name[0]))

    def between(low, high):
        return low + (high - low) * random.uniform()

    def any_size(low, high):
        return (1.0 if random.next() % 2 else -1.0) * between(1.0, 2.0) * 2.0 ** int(between(low, high))

    def near(borders):
        border = borders[random.below(len(borders))]
        return border * (1.0 + any_size(-52, -20))

    half_pi = 1.5707963267948966
    kinds = {
        "exp": [lambda: between(-750.0, 710.0), lambda: between(-3.0, 3.0), lambda: any_size(-60, 8),
                lambda: near([0.34657359, 1.03972077, 2.0**-28, -745.1332191, 709.7827128, -708.3964185])],
        "log": [lambda: abs(any_size(-1074, 1023)), lambda: between(0.5, 2.0), lambda: 1.0 + any_size(-52, -2),
                lambda: near([1.4142135, 0.70710678, 1.0, 1.38, 1.42, 2.0])],
        "tanh": [lambda: between(-25.0, 25.0), lambda: between(-1.5, 1.5), lambda: any_size(-70, 4),
                 lambda: near([1.0, 22.0, 0.1732868, 0.5198604])],
        "sin": [lambda: between(-10.0, 10.0), lambda: any_size(-40, 18), lambda: near([0.78539816, 2.35619449]),
                lambda: (1 + random.below(500000)) * half_pi * (1.0 + any_size(-52, -45))],
    }
    kinds["cos"] = kinds["sin"]
    return [kinds[name][k % len(kinds[name])]() for k in range(count)]


def main():
    lines = [f"{name} {struct.pack('>d', x).hex()}\n"
             for name in ("exp", "log", "tanh", "sin", "cos") for x in inputs(name, COUNT)]
    of_v8 = [line for line in lines if not departs(line)]
    for output, command, given in (("java.txt", ["java", str(HERE / "Record.java")], lines),
                                   ("node.txt", ["node", str(HERE / "record.mjs")], of_v8)):
        done = subprocess.run(command, input="".join(given), capture_output=True, text=True, check=True)
        (HERE / output).write_text(done.stdout)


def departs(line):
    name, digits = line.split()
    x = struct.unpack(">d", bytes.fromhex(digits))[0]
    return (name, x) == ("exp", 1.0) or name == "tanh" and abs(x) < 2.0**-28


if __name__ == "__main__":
    main()
