"""python -m refnn.check: holds an implementation of the spec against the reference, to the bit, and says where it first goes wrong.

Without --impl and --cmd: the Python reference and the C core on this machine. Exit status 0: every number asked for is exact.
"""

import fnmatch
import shutil
import sys
import textwrap
from collections import Counter
from dataclasses import replace
from fnmatch import fnmatchcase

from .checks import known_name, positive_number
from .cli import Parser, check_writable, command, number, printer, write_json
from .conformance import subjects, vectors
from .conformance.compare import EXACT, FAILED, UNKNOWN, histogram, ulps
from .conformance.run import VERDICTS, run
from .errors import InputError


def options():
    parser = Parser(prog="python -m refnn.check", description=__doc__, allow_abbrev=False)
    parser.add_argument("rungs", nargs="*", metavar="RUNG", help=f"{', '.join(vectors.RUNGS)} (default: all)")
    parser.add_argument("--impl", metavar="NAME", help="c, python, or one registered under the entry-point group " + subjects.GROUP)
    parser.add_argument("--cmd", metavar="PROGRAM", help='a program with its arguments, such as "node mine.mjs": it reads a case a '
                        "line and writes an answer a line")
    parser.add_argument("--rung", action="append", default=[], metavar="RUNG", help="the same as RUNG; may be repeated")
    parser.add_argument("--case", metavar="ID", help="only cases with this id, in which * stands for anything")
    parser.add_argument("--long", action="store_true", help="whole trainings too: a minute in a fast language, an hour in plain Python")
    parser.add_argument("--timeout", type=number, default=60.0, metavar="S", help="seconds that a program has for an answer (default: 60)")
    parser.add_argument("--hex", action="store_true", help="send every double as the 16 hex digits of its bits")
    parser.add_argument("--known-failures", metavar="FILE", help="ids of cases that are known to fail, one a line, in which * stands for "
                        "anything: they do not count, until they pass")
    parser.add_argument("--list", action="store_true", help="print the questions, as a program gets them, and ask nobody")
    parser.add_argument("--json", metavar="FILE", help="write a record for programs; - for standard output")
    parser.add_argument("--quiet", action="store_true", help="print nothing but mistakes")
    return parser


def main(arguments=None):
    """Runs the command line; returns its exit status: 0 exact, 1 not, 2 for a mistake in the arguments."""
    conforms = []
    status = command("refnn.check", lambda: conforms.append(check(options().parse_args(arguments))))
    return status or (0 if conforms[0] else 1)


def check(given):
    """-> whether everything that was asked for is exact."""
    named = list(dict.fromkeys(known_name(name, vectors.RUNGS, "rung") for name in given.rungs + given.rung))
    names = named or vectors.RUNGS
    if given.list:
        for _, cases in chosen(names, given, lambda line: print(line, file=sys.stderr)):
            for case in cases:
                print(vectors.question(case, given.hex))
        return True
    if given.json is not None:
        check_writable(given.json)
    known = known_failures(given.known_failures)
    say = printer(given)
    asked = those_asked(given)
    results, ids = [], []
    try:
        say(f"refnn.check, spec {vectors.VERSION}: {' and '.join(subject.description for _, subject in asked)}")
        say(f"{'rung':13}cases  " + "".join(f"{title:20}" for title, _ in asked).rstrip())
        for name, cases in chosen(names, given, say):
            ids += [case.id for case in cases]
            row = [run(name if len(asked) == 1 else f"{name} in {title}",
                       [case for case in cases if title != "python" or "long" not in case.flags], subject) for title, subject in asked]
            say(f"{name:13}{len(cases):5d}  " + "".join(f"{summary(result, known):20}" for result in row).rstrip())
            results += [result for result in row if result.counts]
    finally:
        for _, subject in asked:
            subject.close()
    if not results:
        raise InputError(f"no case {given.case!r}{' in ' + ', '.join(named) if named else ''}; --list prints them all" if given.case else "nothing could be run")
    failures = [failure for result in results for failure in result.failures]
    stale = [pattern for pattern in known if fnmatch.filter(ids, pattern)
             and not any(fnmatchcase(failure.case.id, pattern) for failure in failures)]
    exact = not stale and all(is_known(failure, known) for failure in failures)
    tell = printer(given, always=True)
    report(tell, results, known)
    for pattern in stale:
        tell(f"\n{pattern} is known to fail, but nothing of that name did; take it off the list")
    cases, right = (sum(counted) for counted in zip(*((result.counts.total(), result.counts[EXACT]) for result in results)))
    outcome = "Conforms" if exact else "Does not conform" if right < cases else "The list of known failures is out of date"
    (say if exact else tell)(f"\n{outcome}: {right} of {cases} answers are exact.")
    if given.json is not None:
        write_json(given.json, record(results, known, stale, exact))
    return exact


def those_asked(given):
    """(title of the column, subject) of each that is asked."""
    if given.impl is not None and given.cmd is not None:
        raise InputError("--impl and --cmd exclude each other")
    if given.cmd is not None:
        return [("verdict", subjects.Program(given.cmd, positive_number(given.timeout, "--timeout"), given.hex))]
    if given.impl is not None:
        return [("verdict", subjects.named(given.impl))]
    return [(name, subjects.named(name)) for name in ("python", "c")]


def chosen(names, given, say):
    """(rung, its cases that are to be asked) each; a long case only with --long, or where --case is its very id."""
    for name in names:
        try:
            cases = [case for case in vectors.load(name) if fnmatchcase(case.id, given.case or "*")
                     and (given.long or "long" not in case.flags or case.id == given.case)]
        except InputError as error:
            if given.case is None or fnmatchcase(name, given.case.split("/")[0]):
                say(f"{name:13}    -  not run: {error}")
            continue
        if cases:
            yield name, cases


def known_failures(path):
    """The patterns in a file of known failures."""
    if path is None:
        return []
    try:
        with open(path, encoding="utf-8") as file:
            lines = [line.split("#")[0].strip() for line in file]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"--known-failures {path!r} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    return [line for line in lines if line]


def is_known(failure, known):
    return any(fnmatchcase(failure.case.id, pattern) for pattern in known)


def summary(result, known):
    """exact; or how many cases have which verdict, the worst first."""
    if result.verdict in (None, EXACT):
        return result.verdict or "not asked"
    parts = [f"{result.counts[verdict]} {verdict}" for verdict in reversed(VERDICTS) if result.counts[verdict]]
    listed = sum(is_known(failure, known) for failure in result.failures)
    return (", ".join(parts) if len(parts) > 1 else result.verdict) + (f" ({listed} known)" if listed else "")


def report(say, results, known):
    """What failed: the first rung in full, the others in a line."""
    failing = [replace(result, failures=[failure for failure in result.failures if failure.verdict != UNKNOWN and not is_known(failure, known)])
               for result in results]
    for n, result in enumerate([result for result in failing if result.failures]):
        worst = result.worst
        mistake = result.diagnosis(worst)
        if n == 0:
            say("\n" + wrapped(f"{result.name}: {worst.verdict}" + (f": {mistake.says}" if mistake else "")))
            for line in in_full(worst):
                say(line)
            silent = next((failure for failure in result.failures if failure.verdict == FAILED and failure is not worst), None)
            if silent:
                say(titled("also", f"no answer to {silent.case.id}: {silent.reason}"))
            if any(distance != 0 for distance in result.ulps):
                say(titled("numbers", histogram(result.ulps)))
        else:
            if n == 1:
                say("\nAnd after it:")
            say(wrapped(f"{result.name}: {worst.verdict}, {worst.case.id}" + (f": {mistake.says.split(':')[0]}" if mistake else "")))
    missing = Counter(failure.case.op for result in results for failure in result.failures if failure.verdict == UNKNOWN)
    if missing:
        say("\n" + wrapped("Not implemented: " + ", ".join(f"{op} ({count})" for op, count in missing.items())))


def in_full(failure):
    """All that is known of a failure, a line each."""
    yield titled("case", failure.case.id)
    if failure.reason:
        yield titled("reason", failure.reason)
    if failure.located:
        where = failure.located
        samples = ", ".join(map(str, where.samples[:10])) + (", ..." if len(where.samples) > 10 else "")
        yield titled("where", f"epoch {where.epoch}, step {where.step} (samples {samples})" if where.step else
                      f"epoch {where.epoch}: each step by itself is right, so the order of samples, the batches or the rate are wrong")
    if failure.found:
        first = failure.found.divergence
        distance = ulps(first.expected, first.answered) if isinstance(first.expected, float) else None
        yield titled("first", first.place)
        yield titled("expected", shown(first.expected))
        yield titled("answered", shown(first.answered) + (f", {distance:,} ulp{'s' * (distance > 1)} off" if distance else ""))
        yield titled("formula", first.formula)
        yield titled("operands", first.operands)


def shown(value):
    """A number with its bits."""
    return f"{value!r} (bits {vectors.pattern(value)})" if isinstance(value, float) else str(value)


def titled(title, text):
    return wrapped(text, f"  {title:10}", " " * 12)


def wrapped(text, first="", rest="  "):
    """A text in the width of the terminal, its lines indented so."""
    width = max(60, shutil.get_terminal_size().columns - 1)
    return textwrap.fill(text, width, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False)


def record(results, known, stale, exact):
    """All of it, for programs."""
    return {"spec": vectors.VERSION, "conforms": exact, "stale_known_failures": stale, "rungs": [{
        "rung": result.name, "verdict": result.verdict, "cases": result.counts.total(), "verdicts": dict(result.counts),
        "ulps": {str(distance): number for distance, number in sorted(result.ulps.items(), key=lambda item: (item[0] is None, item[0]))},
        "diagnosis": diagnosis_of(result),
        "failures": [of_failure(failure, known) for failure in result.failures]} for result in results]}


def diagnosis_of(result):
    mistake = result.worst and result.diagnosis(result.worst)
    return mistake and mistake.name


def of_failure(failure, known):
    found = failure.found and failure.found.divergence
    return {"id": failure.case.id, "verdict": failure.verdict, "known": is_known(failure, known), "reason": failure.reason or None,
            "epoch": failure.located and failure.located.epoch, "step": failure.located and failure.located.step,
            "diagnosis": [mutant.name for mutant in failure.diagnosis or []],
            "first": found and dict(found._asdict(), expected=vectors.encode(found.expected), answered=vectors.encode(found.answered),
                                    ulps=ulps(found.expected, found.answered) if isinstance(found.expected, float) else None)}


if __name__ == "__main__":
    sys.exit(main())
