"""What a check found, in words for people and as a record for programs."""

import shutil
import textwrap
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from fnmatch import fnmatchcase
from typing import Any

from .compare import EXACT, FAILED, UNKNOWN, Divergence, histogram, ulps
from .locate import Located
from .run import VERDICTS, Failure, Result
from .vectors import encode, pattern

Known = list[str]  # patterns of the ids of known failures


def is_known(failure: Failure, known: Known) -> bool:
    return any(fnmatchcase(failure.case.id, listed) for listed in known)


def summary(result: Result, known: Known) -> str:
    """A cell of the table: exact, or the number of cases with each verdict, the worst first."""
    if result.verdict in (None, EXACT):
        return result.verdict or "not asked"
    parts = [f"{result.counts[verdict]} {verdict}" for verdict in reversed(VERDICTS) if result.counts[verdict]]
    listed = sum(is_known(failure, known) for failure in result.failures)
    return (", ".join(parts) if len(parts) > 1 else result.verdict) + (f" ({listed} known)" if listed else "")


def report(say: Callable[[str], Any], results: list[Result], known: Known) -> None:
    """Says what failed: the first rung in full, the others in a line, and what is not implemented."""
    reported = [without_known(result, known) for result in results]
    failing = [(result, result.worst) for result in reported if result.worst]
    for n, (result, worst) in enumerate(failing):
        if n == 1:
            say("\nAnd after it:")
        for line in rung_in_brief(result, worst) if n else rung_in_full(result, worst):
            say(line)
    failures = [failure for result in results for failure in result.failures]
    missing = Counter(failure.case.op for failure in failures if failure.verdict == UNKNOWN)
    if missing:
        say("\n" + wrapped("Not implemented: " + ", ".join(f"{op} ({count})" for op, count in missing.items())))


def without_known(result: Result, known: Known) -> Result:
    """The result with the failures that are to be reported: neither known nor merely not implemented."""
    return replace(result, failures=[
        failure for failure in result.failures if failure.verdict != UNKNOWN and not is_known(failure, known)])


def rung_in_brief(result: Result, worst: Failure) -> Iterator[str]:
    mistake = result.diagnosis(worst)
    named = f": {mistake.says.split(':')[0]}" if mistake else ""
    yield wrapped(f"{result.name}: {worst.verdict}, {worst.case.id}{variants_of(worst)}{named}")


def rung_in_full(result: Result, worst: Failure) -> Iterator[str]:
    """The lines about the worst failure of a rung."""
    mistake = result.diagnosis(worst)
    yield "\n" + wrapped(f"{result.name}: {worst.verdict}" + (f": {mistake.says}" if mistake else ""))
    yield from failure_in_full(worst)
    for failure in result.failures:
        if failure.verdict == FAILED and failure is not worst:
            yield titled("also", f"no answer to {failure.case.id}{variants_of(failure)}: {failure.reason}")
            break
    if any(distance != 0 for distance in result.ulps):
        yield titled("numbers", histogram(result.ulps))


def failure_in_full(failure: Failure) -> Iterator[str]:
    """All that is known of a failure, a line each."""
    yield titled("case", failure.case.id + variants_of(failure))
    if failure.reason:
        yield titled("reason", failure.reason)
    if len(failure.said) > 1:
        yield "  its standard error ends with:"
        yield from (f"    | {line}" for line in failure.said)
    if failure.located:
        yield titled("where", where(failure.located))
    if failure.found and failure.found.divergence:
        first = failure.found.divergence
        distance = distance_of(first)
        off = f", {distance:,} ulp{'s' * (distance > 1)} off" if distance else ""
        yield titled("first", first.place)
        yield titled("expected", shown(first.expected))
        yield titled("answered", shown(first.answered) + off)
        yield titled("formula", first.formula)
        yield titled("operands", first.operands)


def variants_of(failure: Failure) -> str:
    """The variants that fail, in brackets, the one that the report is about first; "" if the subject has none."""
    return f" ({', '.join(failure.variants)})" if any(failure.variants) else ""


def where(located: Located) -> str:
    """The place of a failure in a training run."""
    if located.step is None:
        return (f"epoch {located.epoch}: each step by itself is right, so the order of samples, the batches or the "
                "rate are wrong")
    samples = ", ".join(map(str, located.samples[:10])) + (", ..." if len(located.samples) > 10 else "")
    return f"epoch {located.epoch}, step {located.step} (samples {samples})"


def distance_of(first: Divergence) -> int | None:
    """How far off the first number is, in ulps; None if that is not to be said."""
    return ulps(first.expected, first.answered) if isinstance(first.expected, float) else None


def shown(value: Any) -> str:
    """A number with its bits."""
    return f"{value!r} (bits {pattern(value)})" if isinstance(value, float) else str(value)


def titled(title: str, text: str) -> str:
    return wrapped(text, f"  {title:10}", " " * 12)


def wrapped(text: str, first: str = "", rest: str = "  ") -> str:
    """A text in lines as wide as the terminal, with these indents."""
    width = max(60, shutil.get_terminal_size().columns - 1)
    return textwrap.fill(text, width, initial_indent=first, subsequent_indent=rest, break_long_words=False,
                         break_on_hyphens=False)


def record(spec: str, results: list[Result], known: Known, stale: Known, exact: bool) -> dict[str, Any]:
    """The same for programs, as JSON takes it."""
    return {"spec": spec, "conforms": exact, "stale_known_failures": stale,
            "rungs": [of_rung(result, known) for result in results]}


def of_rung(result: Result, known: Known) -> dict[str, Any]:
    mistake = result.worst and result.diagnosis(result.worst)
    distances = sorted(result.ulps.items(), key=lambda item: (item[0] is None, item[0]))
    return {"rung": result.name, "verdict": result.verdict, "cases": result.counts.total(),
            "verdicts": dict(result.counts), "ulps": {str(distance): number for distance, number in distances},
            "diagnosis": mistake and mistake.name,
            "failures": [of_failure(failure, known) for failure in result.failures]}


def of_failure(failure: Failure, known: Known) -> dict[str, Any]:
    first = failure.found and failure.found.divergence
    located = failure.located
    return {"id": failure.case.id, "variants": list(filter(None, failure.variants)), "verdict": failure.verdict,
            "known": is_known(failure, known), "reason": failure.reason or None,
            "epoch": located and located.epoch, "step": located and located.step,
            "diagnosis": [mutant.name for mutant in failure.diagnosis or []],
            "first": first and dict(asdict(first), expected=encode(first.expected), answered=encode(first.answered),
                                    ulps=distance_of(first))}
