"""python -m refnn.check: compares an implementation with the reference, bit by
bit, and reports the first difference.

Without --impl and --cmd it checks the Python reference and the C core of this
machine.
"""

from __future__ import annotations

import argparse
import os
import sys
import textwrap
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase

from . import files
from .checks import known_name, positive_number
from .cli import Parser, add_setting, check_writable, command, integer, number, option, printer, write_json
from .conformance import grading, report, starters, subjects, vectors
from .conformance.again import Again
from .conformance.compare import EXACT, FAILED, ROUNDING, WRONG
from .conformance.effort import Effort, cause
from .conformance.own import DEFAULTS, own, questions
from .conformance.program import Program
from .conformance.watching import StatusLine, files_of, state, wait_for_change
from .conformance.rounding import PRECISIONS
from .conformance.run import VERDICTS, Failure, agree, run
from .errors import InputError
from .tasks import SETTINGS

EXAMPLES = """\
exit status:
  0    every answer is exact, or right as --accept says, or a known failure
  1    an answer is missing, wrong or not implemented, or a known failure passes
  2    a mistake in the arguments, or a program that cannot be started
  130  interrupted

examples:
  python -m refnn.check --starter javascript > mine.mjs
  python -m refnn.check --cmd "node mine.mjs" product --watch
  python -m refnn.check --cmd ./mine --case step/step/alice
  python -m refnn.check --cmd ./mine --accept rounding --junit report.xml
  python -m refnn.check --cmd ./mine --network 784-30-10 --batch-size 10 --lr 3
"""


def options() -> Parser:
    parser = Parser(prog="python -m refnn.check", description=__doc__, epilog=EXAMPLES, allow_abbrev=False,
                    formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rungs", nargs="*", metavar="RUNG", help=f"{', '.join(vectors.RUNGS)} (default: all)")
    parser.add_argument("--rung", action="append", default=[], metavar="RUNG", help="the same as RUNG; may be repeated")
    parser.add_argument("--starter", metavar="LANGUAGE",
                        help=f"print a program to begin with: {', '.join(starters.LANGUAGES)}")
    add_subject(parser.add_argument_group("the implementation"))
    add_questions(parser.add_argument_group("the questions"))
    add_judgement(parser.add_argument_group("what counts as right"))
    defaults = ", ".join(f"{option(name)} {value}" for name, value in DEFAULTS.items() if not isinstance(value, bool))
    add_network(parser.add_argument_group("your own network", textwrap.fill(
        f"Questions about a network of yours instead of the rungs. Defaults: {defaults}, --bias, --shuffle; --output "
        "is --activation, for cross_entropy identity.", 76)))
    add_output(parser.add_argument_group("output"))
    return parser


def add_subject(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--impl", metavar="NAME",
                       help="c, python, or one registered under the entry-point group " + subjects.GROUP)
    group.add_argument("--cmd", metavar="PROGRAM",
                       help='a program with its arguments, such as "node mine.mjs": it reads one case '
                            "per line and writes one answer per line")
    group.add_argument("--timeout", type=number, metavar="S",
                       help="seconds for each answer of a program (default: 5 for an operation, 10 to 30 "
                            "for a training)")
    group.add_argument("--hex", action="store_true", help="send every double as the 16 hex digits of its bits")
    group.add_argument("--watch", action="store_true", help="check again whenever a file that --cmd names changes")


def add_questions(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--case", metavar="ID", help="only cases with this id; * matches any text")
    group.add_argument("--spec", default=vectors.VERSION, metavar="VERSION",
                       help="the version of the spec that the program "
                            f"answers: only its cases are asked (default: {vectors.VERSION})")
    group.add_argument("--long", action="store_true",
                       help="also whole trainings: a minute in a fast language, an hour in plain Python")
    group.add_argument("--list", action="store_true",
                       help="print the questions as a program receives them, and ask none")


def add_judgement(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--accept", choices=["exact", "rounding"], default="exact",
                       help="rounding: an answer that is right up to rounding counts as right (default: exact)")
    group.add_argument("--precision", choices=list(PRECISIONS),
                       help="the precision of the program's arithmetic (default: found from its answers)")
    group.add_argument("--known-failures", metavar="FILE",
                       help="ids of cases that are known to fail, one per line; * matches any text; "
                            "they do not count until they pass. After an id, the worst verdict that is known may "
                            "follow: rounding, wrong, ...")


def add_network(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--network", metavar="N-N-...", help="sizes of a multilayer perceptron, such as 784-30-10")
    group.add_argument("--model", metavar="FILE", help="layers as JSON, as in SPEC.md, sections 5 and 12")
    group.add_argument("--seed", type=integer, default=0, metavar="N",
                       help="of the first parameters, the samples and their order (default: 0)")
    for name in SETTINGS:
        if name != "hidden":
            add_setting(group, name)


def add_output(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--json", metavar="FILE", help="write a record for programs; - for standard output")
    group.add_argument("--junit", metavar="FILE", help="write the outcome of each case in JUnit's XML")
    group.add_argument("--github", action="store_true", default=os.environ.get("GITHUB_ACTIONS") == "true",
                       help="print annotations for GitHub Actions (default: if GITHUB_ACTIONS is true)")
    group.add_argument("--quiet", action="store_true", help="print nothing but what is not right")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns its exit status, as --help lists them."""
    return command("refnn.check", lambda: status(options().parse_args(arguments)))


def status(given: Namespace) -> int:
    if given.starter:
        print(starters.starter(given.starter), end="")
        return 0
    if given.list:
        for _, cases in chosen(rungs_of(given), given, lambda line: print(line, file=sys.stderr)):
            for case in cases:
                print(vectors.question(case, given.hex))
        return 0
    return watch(given) if given.watch else 0 if check(given) else 1


def watch(given: Namespace) -> int:
    """Checks again and again, until it is interrupted."""
    if given.cmd is None:
        raise InputError("--watch is for --cmd: it looks at the files that this names")
    named = files_of(given.cmd)
    while True:
        before = state(named)
        try:
            check(given)
        except InputError as error:
            print(f"refnn.check: {error}", file=sys.stderr)
        printer(given)(f"\nWaiting for a change of {', '.join(map(str, named))}; Ctrl-C ends.\n")
        wait_for_change(named, before)


def check(given: Namespace) -> bool:
    """Does what the command line asks. Returns whether every answer is right, apart from known failures."""
    rungs = rungs_of(given)
    check_writable(given.json)
    if given.junit is not None:
        files.check_writable(given.junit, "--junit")
    known = known_failures(given.known_failures)
    asked = ask(rungs, given, known)
    if not asked:
        if not given.case:
            raise InputError("nothing could be run")
        among = f" in {', '.join(rungs)}" if given.rungs + given.rung else ""
        raise InputError(f"no case {given.case!r}{among}; --list prints them all")
    failed = [failure for result, _ in asked for failure in result.failures]
    ids = [case.id for _, cases in asked for case in cases]
    stale = [listed for listed in known if any(fnmatchcase(name, listed.pattern) for name in ids)
             and not any(fnmatchcase(failure.case.id, listed.pattern) for failure in failed)]
    allowed = accepted(given)
    exact = not stale and all(failure.verdict in allowed or report.is_known(failure, known) for failure in failed)
    conclude(given, asked, known, stale, exact)
    return exact


def accepted(given: Namespace) -> tuple[str, ...]:
    """The verdicts that count as right, beside exact."""
    return (ROUNDING,) if given.accept == ROUNDING else ()


def rungs_of(given: Namespace) -> list[str]:
    """The rungs that the command line names, or all of them. Raises InputError."""
    known_name(given.spec, vectors.VERSIONS, "version of the spec")
    own_network = given.network is not None or given.model is not None
    if own_network and given.rungs + given.rung:
        raise InputError("--network and --model ask questions of their own: no RUNG with them")
    for name in ("seed", *SETTINGS):
        if not own_network and getattr(given, name, None) not in (None, 0):
            raise InputError(f"{option(name)} is for --network and --model")
    named = list(dict.fromkeys(known_name(name, vectors.RUNGS, "rung") for name in given.rungs + given.rung))
    for name in named:
        since = vectors.RUNGS[name].since
        if vectors.numbers(since) > vectors.numbers(given.spec):
            raise InputError(f"the rung {name} came with spec {since}, not {given.spec}")
    return named or list(vectors.RUNGS)


def ask(rungs: list[str], given: Namespace, known: report.Known) -> list[grading.Asked]:
    """Asks the subjects and prints a line for each rung."""
    say = printer(given)
    progress = StatusLine(sys.stderr, not given.quiet)
    columns = subjects_of(given)
    for _, subject in columns:
        subject.precision = PRECISIONS.get(given.precision)
    found: list[grading.Asked] = []

    def settled(failure: Failure) -> bool:
        return failure.verdict in accepted(given) or report.is_known(failure, known)

    effort = {title: Effort() for title, _ in columns}
    again = Again()
    wrong: dict[str, set[str]] = {title: set() for title, _ in columns}  # rungs
    try:
        say(f"refnn.check, spec {given.spec}: {' and '.join(subject.description for _, subject in columns)}")
        say(f"{'rung':13}cases  " + "".join(f"{title:20}" for title, _ in columns).rstrip())
        for name, cases in chosen(rungs, given, say):
            row = []
            for title, subject in columns:
                asked = [case for case in cases if title != "python" or "long" not in case.flags]
                titled = name if len(columns) == 1 else f"{name} in {title}"
                effort[title].searching = cause(name, wrong[title]) is None
                result = run(titled, progress.over(titled, asked), subject, effort[title], settled)
                if given.cmd is not None and not given.case:
                    again.ask(result, subject)
                row.append((result, asked))
                if any(failure.verdict in (FAILED, WRONG) and not settled(failure) for failure in row[-1][0].failures):
                    wrong[title].add(name)
            cells = "".join(f"{report.summary(result, known):20}" for result, _ in row)
            say(f"{name:13}{len(cases):5d}  {cells.rstrip()}")
            found += [(result, asked) for result, asked in row if result.counts]
        for _, subject in columns:
            if subject.precision and not given.precision:
                say(f"precision: {subject.precision.name}, found from the answers (--precision states it)")
    finally:
        for _, subject in columns:
            subject.close()
    return found


def conclude(given: Namespace, asked: list[grading.Asked], known: report.Known, stale: report.Known,
             exact: bool) -> None:
    """Reports what failed, the outcome and what is next; writes the files."""
    results = [result for result, _ in asked]
    agree(results)
    tell = printer(given, always=True)

    def tell_all() -> None:
        report.report(tell, results, known, accepted(given) if given.quiet else ())
        for listed in stale:
            tell(f"\n{listed.pattern} is listed as a known failure but passes; remove it from the list")

    if given.github and not exact:
        grading.without_commands(tell, tell_all)
        for line in grading.workflow_commands(asked, known, accepted(given)):
            tell(line)
    else:
        tell_all()
    cases = sum(result.counts.total() for result in results)
    right = sum(result.counts[EXACT] for result in results)
    rounded = sum(result.counts[ROUNDING] for result in results)
    wrong = "Does not conform" if right < cases else "The list of known failures is out of date"
    up_to = f", {rounded} are right up to rounding" if rounded else ""
    outcome = wrong if not exact else "Conforms up to rounding" if rounded and given.accept == ROUNDING else "Conforms"
    printer(given, always=not exact)(f"\n{outcome}: {right} of {cases} answers are exact{up_to}.")
    following = grading.next_step(results, known, accepted(given)) if given.cmd or given.impl else ""
    if following and not given.case:
        printer(given)(report.wrapped(following))
    record = report.record(given.spec, results, known, stale, exact)
    write_json(given.json, grading.add_scores(record, results, accepted(given)))
    if given.junit is not None:
        files.write_file(given.junit, grading.junit(asked, known, accepted(given)).encode(), "--junit")


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
    if given.network is not None or given.model is not None:
        changes = {name: getattr(given, name) for name in SETTINGS if getattr(given, name, None) is not None}
        for name, cases in questions(own(given.network, given.model, changes, given.seed)).items():
            cases = [case for case in cases if fnmatchcase(case.id, given.case or "*")]
            if cases:
                yield name, cases
        return
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
        text = files.read_bytes(path, "--known-failures").decode()
        lines = [line.split("#")[0].strip() for line in text.splitlines()]
    except UnicodeDecodeError as error:
        raise InputError(f"--known-failures {path!r} cannot be read: {error}") from None
    return [listed(line) for line in lines if line]


def listed(line: str) -> report.Listed:
    """A line of a file of known failures: a pattern, and perhaps a verdict."""
    pattern, _, verdict = line.partition(" ")
    return report.Listed(pattern, known_name(verdict.strip(), VERDICTS, "verdict") if verdict.strip() else None)


if __name__ == "__main__":
    sys.exit(main())
