"""Measures what refnn.check says of programs with one planted mistake each: those in the .txt files beside this.

    python tests/corpus/measure.py [--program NAME] [--only ID] [--jobs N]

ID may contain * for any text. A mistake is *red* if the check fails; *placed* if the first wrong number that it shows
is one that the mistake computes; *named* if it names the mistake in words or by a line of the book, and the name is one
of those that are right. Any other name is *misnamed* until somebody has judged it: it is printed.

A mistake in a file is a line `ID | FAMILY | WHERE | NAMES`, and the lines of the program that it takes out (-) and puts
in their place (+); "..." stands between two places. WHERE: the operations of which one must have the first wrong
number, of a step with the tensor after a colon. NAMES: a regular expression that finds the right names, which are words
of the report or functions of the book whose line it shows; or `equal: ` and why no answer differs: no mistake, then.
"""

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from functools import cache, partial
from pathlib import Path
from statistics import median
from typing import NamedTuple

from refnn.conformance import vectors

HERE = Path(__file__).resolve().parent
TESTS = HERE.parent
SERVED = """

import json, sys, warnings
sys.path.insert(0, {tests!r})
from refnn.conformance.vectors import decode, encode
warnings.simplefilter("ignore")
program = NumPy({dtype})
for line in sys.stdin:
    case = json.loads(line)
    function = getattr(program, case["op"], None)
    answer = encode(function(**decode(case["in"]))) if function else None
    print(json.dumps({{"id": case["id"], "out": answer}}), flush=True)
"""
FLAT = [rung for rung in vectors.RUNGS if rung not in ("images", "mnist", "mnist-cnn")]  # without images
IMAGES = [rung for rung in vectors.RUNGS if rung not in ("prng", "mnist")]  # the programs have no prng but uniform
RED, PLACED, WORDS, LINE, MISNAMED = "red", "placed", "named in words", "named by line", "misnamed or not judged"
CHANGED = "changed"  # a name by a line of the book has this


class Mistake(NamedTuple):
    """A planted mistake. edits: consecutive lines of the program, and those in their place"""

    name: str
    family: str
    at: str
    named: str
    edits: list[tuple[list[str], list[str]]]

    @property
    def equal(self):
        return self.named.startswith("equal: ")

    def planted(self, source):
        """The source with this mistake. Raises ValueError if its lines are not there exactly once."""
        lines = source.split("\n")
        places = []
        for old, _ in self.edits:
            found = [n for n in range(len(lines)) if lines[n:n + len(old)] == old]
            if len(found) != 1:
                raise ValueError(f"{self.name}: {len(found)} times in the program: {old}")
            places += found
        for n, (old, new) in sorted(zip(places, self.edits), reverse=True):
            lines[n:n + len(old)] = new
        return "\n".join(lines)


def read(path):
    """The mistakes in a file."""
    for block in re.split(r"\n\n(?=\w)", path.read_text())[1:]:
        head, *lines = block.rstrip("\n").split("\n")
        edits = [([], [])]
        for line in lines:
            if line == "...":
                edits.append(([], []))
            else:
                edits[-1]["-+".index(line[0])].append(line[1:])
        yield Mistake(*head.split(" | ", 3), edits)


class Program(NamedTuple):
    """A right program, the command that runs it, and what is asked.

    ending: added to its source; library: a file that it imports, which stands before it in the source
    """

    path: Path
    command: str
    arguments: list[str]
    ending: str = ""
    library: Path | None = None

    def source(self):
        text = self.path.read_text() + self.ending
        if self.library:
            text = self.library.read_text() + re.sub(r'^import \w+ from "\..*?} = \w+;\n', "", text, flags=re.M | re.S)
        return text


PROGRAMS = {
    "javascript": Program(TESTS / "implementations" / "refnn.mjs", "node", FLAT,
                          library=TESTS.parent / "refnn" / "web" / "refnn.js"),
    "java": Program(TESTS / "implementations" / "Refnn.java", "java", FLAT),
    "numpy": Program(TESTS / "implementations" / "with_numpy.py", sys.executable, [*FLAT, "--accept", "rounding"]),
    **{precision: Program(TESTS / "right_programs.py", sys.executable,
                          [*IMAGES, "--accept", "rounding", "--known-failures", str(HERE / "known.txt")],
                          SERVED.format(dtype=precision.upper(), tests=str(TESTS)))
       for precision in ("single", "double")},
}
MISTAKES = {name: list(read(HERE / f"{name}.txt")) for name in PROGRAMS}


class Found(NamedTuple):
    """What a check says. seconds: processor time of check and program; name: in words or by lines; place: the operation
    of the first wrong number, and of a step its tensor
    """

    status: int
    seconds: float
    name: str
    place: str
    said: str


def check(program, mistake):
    """Runs the check on a program with a planted mistake."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / program.path.name
        path.write_text(mistake.planted(program.source()))
        command = shlex.join([program.command, str(path)])
        with open(Path(folder) / "said", "w+") as said:
            process = subprocess.Popen([sys.executable, "-m", "refnn.check", "--cmd", command, *program.arguments],
                                       cwd=TESTS.parent, stdout=said, env=dict(os.environ, COLUMNS="500"))
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            said.seek(0)
            text = said.read()
    if process.returncode not in (0, 1):
        raise RuntimeError(f"{mistake.name}: {text}")
    return Found(process.returncode, usage.ru_utime + usage.ru_stime, *headline(text), text)


def headline(said):
    """The name in the first report of a rung, and the place of the first wrong number."""
    found = re.search(r"^[\w-]+: [a-z ]+(?:: (.*))?\n((?:.*\n)*?)  case +(\S+).*\n((?:  .*\n)*)", said, re.M)
    if not found:
        return "", ""
    name, lines, case, below = found.groups(default="")
    first = re.search(r"^  (?:first|farthest) +(\w+)", below, re.M)
    op = operations().get(case, case)
    return f"{name}\n{lines}".strip(), f"step:{first[1]}" if op == "step" and first else op


@cache
def operations():
    """id -> operation"""
    return {case.id: case.op for rung in {*FLAT, *IMAGES} for case in vectors.load(rung)}


def judged(mistake, found):
    """The words that hold of a mistake that was found."""
    if found.status == 0:
        return []
    words = [RED]
    if {found.place, found.place.split(":")[0]} & set(mistake.at.split()):
        words.append(PLACED)
    if found.name:
        right = re.search(mistake.named, found.name)
        words.append((LINE if CHANGED in found.name else WORDS) if right else MISNAMED)
    return words


def measure(names, only, jobs):
    """Prints a line for each mistake, and the figures."""
    figures = {}
    for name in names:
        asked = [mistake for mistake in MISTAKES[name] if fnmatchcase(mistake.name, only)]
        if shutil.which(PROGRAMS[name].command) is None:
            print(f"not run: {name}, for want of {PROGRAMS[name].command}")
            continue
        counts, seconds = figures[name] = Counter(), []
        with ThreadPoolExecutor(jobs) as pool:
            for mistake, found in zip(asked, pool.map(partial(check, PROGRAMS[name]), asked)):
                print(shown(mistake, found), flush=True)
                if mistake.equal:
                    counts["equal"] += 1
                else:
                    counts.update(["mistakes", *judged(mistake, found)])
                    seconds.append(found.seconds)
    for name, (counts, seconds) in figures.items():
        print(summary(name, counts, seconds))
    if len(figures) > 1:
        print(summary("all", sum((counts for counts, _ in figures.values()), Counter()),
                      [value for _, values in figures.values() for value in values]))


def shown(mistake, found):
    if mistake.equal:
        return f"{mistake.name:40} {mistake.named}" + (", BUT RED" if found.status else "")
    words = judged(mistake, found)
    missing = ", ".join(word for word in (RED, PLACED) if word not in words)
    place = f"NOT {missing} at {found.place}" if missing else PLACED
    naming = next((word for word in words if word in (WORDS, LINE, MISNAMED)), "-")
    return f"{mistake.name:40} {found.seconds:5.1f} s  {place:28} {naming}: {' / '.join(found.name.splitlines())}"


def summary(name, counts, seconds):
    parts = ", ".join(f"{counts[word]} {word}" for word in (RED, PLACED, WORDS, LINE, MISNAMED))
    time = f"; {median(seconds):.1f} s each (median), {max(seconds):.1f} s at most" if seconds else ""
    return f"{name}: of {counts['mistakes']} mistakes {parts}{time}; {counts['equal']} more are equal"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", action="append", choices=PROGRAMS)
    parser.add_argument("--only", default="*", metavar="ID")
    parser.add_argument("--jobs", type=int, default=1)
    given = parser.parse_args()
    measure(given.program or PROGRAMS, given.only, given.jobs)


if __name__ == "__main__":
    main()
