"""python -m refnn.check: compares an implementation with the reference, bit by bit, and reports the first difference.

Without --impl and --cmd it checks the Python reference and the C core of this machine. The exit status is 0 if every
answer is exact, or with --accept rounding right up to rounding.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase

from .checks import known_name, positive_number
from .cli import Parser, check_writable, command, number, printer, write_json
from .conformance import report, starters, subjects, vectors
from .conformance.compare import EXACT, FAILED, ROUNDING, WRONG
from .conformance.effort import Effort, cause
from .conformance.program import Program
from .conformance.rounding import PRECISIONS
from .conformance.run import VERDICTS, Result, run
from .errors import InputError
from .files import read_bytes


def options() -> Parser:
    parser = Parser(prog="python -m refnn.check", description=__doc__, allow_abbrev=False)
    parser.add_argument("rungs", nargs="*", metavar="RUNG", help=f"{', '.join(vectors.RUNGS)} (default: all)")
    parser.add_argument("--impl", metavar="NAME",
                        help="c, python, or one registered under the entry-point group " + subjects.GROUP)
    parser.add_argument("--cmd", metavar="PROGRAM",
                        help='a program with its arguments, such as "node mine.mjs": it reads one case '
                             "per line and writes one answer per line")
    parser.add_argument("--rung", action="append", default=[], metavar="RUNG", help="the same as RUNG; may be repeated")
    parser.add_argument("--case", metavar="ID", help="only cases with this id; * matches any text")
    parser.add_argument("--spec", default=vectors.VERSION, metavar="VERSION",
                        help="the version of the spec that the program "
                             f"answers: only its cases are asked (default: {vectors.VERSION})")
    parser.add_argument("--long", action="store_true",
                        help="also whole trainings: a minute in a fast language, an hour in plain Python")
    parser.add_argument("--timeout", type=number, metavar="S",
                        help="seconds for each answer of a program (default: 5 for an operation, 10 to 30 "
                             "for a training)")
    parser.add_argument("--hex", action="store_true", help="send every double as the 16 hex digits of its bits")
    parser.add_argument("--accept", choices=["exact", "rounding"], default="exact",
                        help="rounding: an answer that is right up to rounding counts as right (default: exact)")
    parser.add_argument("--precision", choices=list(PRECISIONS),
                        help="the precision of the program's arithmetic (default: found from its answers)")
    parser.add_argument("--known-failures", metavar="FILE",
                        help="ids of cases that are known to fail, one per line; * matches any text; "
                             "they do not count until they pass. After an id, the worst verdict that is known may "
                             "follow: rounding, wrong, ...")
    parser.add_argument("--list", action="store_true",
                        help="print the questions as a program receives them, and ask none")
    parser.add_argument("--starter", metavar="LANGUAGE",
                        help=f"print a program to begin with: {', '.join(starters.LANGUAGES)}")
    parser.add_argument("--json", metavar="FILE", help="write a record for programs; - for standard output")
    parser.add_argument("--quiet", action="store_true", help="print nothing but mistakes")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns its exit status: 0 exact, 1 not, 2 for a mistake in the arguments."""
    return command("refnn.check", lambda: 0 if check(options().parse_args(arguments)) else 1)


def check(given: Namespace) -> bool:
    """Does what the command line asks. Returns whether every answer is exact, apart from known failures."""
    if given.starter:
        print(starters.starter(given.starter), end="")
        return True
    rungs = rungs_of(given)
    if given.list:
        for _, cases in chosen(rungs, given, lambda line: print(line, file=sys.stderr)):
            for case in cases:
                print(vectors.question(case, given.hex))
        return True
    check_writable(given.json)
    known = known_failures(given.known_failures)
    results, ids = ask(rungs, given, known)
    if not results:
        if not given.case:
            raise InputError("nothing could be run")
        among = f" in {', '.join(rungs)}" if given.rungs + given.rung else ""
        raise InputError(f"no case {given.case!r}{among}; --list prints them all")
    failed = [failure for result in results for failure in result.failures]
    stale = [listed for listed in known if any(fnmatchcase(name, listed.pattern) for name in ids)
             and not any(fnmatchcase(failure.case.id, listed.pattern) for failure in failed)]
    accepted = (ROUNDING,) if given.accept == ROUNDING else ()
    exact = not stale and all(failure.verdict in accepted or report.is_known(failure, known) for failure in failed)
    conclude(given, results, known, stale, exact)
    return exact


def rungs_of(given: Namespace) -> list[str]:
    """The rungs that the command line names, or all of them. Raises InputError."""
    known_name(given.spec, vectors.VERSIONS, "version of the spec")
    named = list(dict.fromkeys(known_name(name, vectors.RUNGS, "rung") for name in given.rungs + given.rung))
    for name in named:
        since = vectors.RUNGS[name].since
        if vectors.numbers(since) > vectors.numbers(given.spec):
            raise InputError(f"the rung {name} came with spec {since}, not {given.spec}")
    return named or list(vectors.RUNGS)


def ask(rungs: list[str], given: Namespace, known: report.Known) -> tuple[list[Result], list[str]]:
    """Asks the subjects and prints a line for each rung. Returns the results, and the ids of all cases."""
    say = printer(given)
    columns = subjects_of(given)
    for _, subject in columns:
        subject.precision = PRECISIONS.get(given.precision)
    results, ids = [], []
    effort = {title: Effort() for title, _ in columns}
    wrong: dict[str, set[str]] = {title: set() for title, _ in columns}  # rungs
    try:
        say(f"refnn.check, spec {given.spec}: {' and '.join(subject.description for _, subject in columns)}")
        say(f"{'rung':13}cases  " + "".join(f"{title:20}" for title, _ in columns).rstrip())
        for name, cases in chosen(rungs, given, say):
            ids += [case.id for case in cases]
            row = []
            for title, subject in columns:
                asked = [case for case in cases if title != "python" or "long" not in case.flags]
                titled = name if len(columns) == 1 else f"{name} in {title}"
                red = cause(name, wrong[title])
                row.append(run(titled, asked, subject, Effort(0.0) if red else effort[title]))
                if row[-1].verdict in (FAILED, WRONG):
                    wrong[title].add(name)
            cells = "".join(f"{report.summary(result, known):20}" for result in row)
            say(f"{name:13}{len(cases):5d}  {cells.rstrip()}")
            results += [result for result in row if result.counts]
        for _, subject in columns:
            if subject.precision and not given.precision:
                say(f"precision: {subject.precision.name}, found from the answers (--precision states it)")
    finally:
        for _, subject in columns:
            subject.close()
    return results, ids


def conclude(given: Namespace, results: list[Result], known: report.Known, stale: report.Known, exact: bool) -> None:
    """Reports what failed, and the outcome; writes the record."""
    tell = printer(given, always=True)
    report.report(tell, results, known)
    for listed in stale:
        tell(f"\n{listed.pattern} is listed as a known failure but passes; remove it from the list")
    cases = sum(result.counts.total() for result in results)
    right = sum(result.counts[EXACT] for result in results)
    rounded = sum(result.counts[ROUNDING] for result in results)
    wrong = "Does not conform" if right < cases else "The list of known failures is out of date"
    up_to = f", {rounded} are right up to rounding" if rounded else ""
    outcome = wrong if not exact else "Conforms up to rounding" if rounded and given.accept == ROUNDING else "Conforms"
    printer(given, always=not exact)(f"\n{outcome}: {right} of {cases} answers are exact{up_to}.")
    write_json(given.json, report.record(given.spec, results, known, stale, exact))


def subjects_of(given: Namespace) -> list[tuple[str, subjects.Subject]]:
    """The title of each column of the table, and its subject."""
    if given.impl is not None and given.cmd is not None:
        raise InputError("--impl and --cmd exclude each other")
    if given.timeout is not None:
        positive_number(given.timeout, "--timeout")
    if given.cmd is not None:
        return [("verdict", Program(given.cmd, given.timeout, given.hex))]
    if given.impl is not None:
        return [("verdict", subjects.named(given.impl))]
    return [(name, subjects.named(name)) for name in ("python", "c")]


def chosen(rungs: list[str], given: Namespace, say: Callable[[str], None]) -> Iterator[tuple[str, list[vectors.Case]]]:
    """Each rung and its cases to ask; a long case only with --long, or if --case is its very id."""
    for name in rungs:
        try:
            cases = vectors.load(name, given.case or "*", given.spec, given.long)
        except InputError as error:
            say(f"{name:13}    -  not run: {error}")
            continue
        if cases:
            yield name, cases


def known_failures(path: str | None) -> report.Known:
    """The patterns in a file of known failures."""
    if path is None:
        return []
    try:
        lines = [line.split("#")[0].strip() for line in read_bytes(path, "--known-failures").decode().splitlines()]
    except UnicodeDecodeError as error:
        raise InputError(f"--known-failures {path!r} cannot be read: {error}") from None
    return [listed(line) for line in lines if line]


def listed(line: str) -> report.Listed:
    """A line of a file of known failures: a pattern, and perhaps a verdict."""
    pattern, _, verdict = line.partition(" ")
    return report.Listed(pattern, known_name(verdict.strip(), VERDICTS, "verdict") if verdict.strip() else None)


if __name__ == "__main__":
    sys.exit(main())
