"""What a check found, in words for people and as a record for programs."""

import shutil
import textwrap
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import asdict, replace
from fnmatch import fnmatchcase
from math import isfinite
from typing import Any, NamedTuple

from ..checks import printable
from .compare import EXACT, FAILED, ROUNDING, UNKNOWN, WRONG, Divergence, brief, histogram, ulps
from .diagnosis import Mistake
from .hints import hint
from .locate import Located
from .rounding import LIMIT
from .run import VERDICTS, Failure, Result, badness
from .variants import Variant
from .vectors import encode, pattern



class Listed(NamedTuple):
    """A known failure: a pattern of ids, and the worst verdict that is known; None for any."""

    pattern: str
    verdict: str | None = None

    def covers(self, failure: Failure) -> bool:
        worst = VERDICTS[-1] if self.verdict is None else self.verdict
        return fnmatchcase(failure.case.id, self.pattern) and VERDICTS.index(failure.verdict) <= VERDICTS.index(worst)


Known = list[Listed]
FEW = 1000  # ulps, from which on an error is shown as a part of the number


def is_known(failure: Failure, known: Known) -> bool:
    return any(listed.covers(failure) for listed in known)


def summary(result: Result, known: Known) -> str:
    """A cell of the table: exact, or the number of cases with each verdict, the worst first."""
    if result.verdict in (None, EXACT):
        return result.verdict or "not asked"
    parts = [f"{result.counts[verdict]} {verdict}" for verdict in reversed(VERDICTS) if result.counts[verdict]]
    listed = sum(is_known(failure, known) for failure in result.failures)
    return (", ".join(parts) if len(parts) > 1 else result.verdict) + (f" ({listed} known)" if listed else "")


def report(say: Callable[[str], Any], results: list[Result], known: Known, without: Collection[str] = ()) -> None:
    """Says what failed: the first rung in full, the others in a line, and what is not implemented.

    without: verdicts that are not reported

    Rungs with answers that rounding does not explain come before those that are rounding; of these rungs, those whose
    mistake has a name before the others. A rung without answers comes first if no rung before it is wrong.
    """
    reported = [to_report(result, known, {UNKNOWN, *without}) for result in results]
    failing = [(result, result.worst) for result in reported if result.worst]
    verdicts = [VERDICTS[badness(worst)[0]] for _, worst in failing]
    order = sorted(range(len(failing)), key=lambda n: (
        verdicts[n] == ROUNDING, WRONG in verdicts[:n + 1] and not failing[n][1].diagnosis))
    failing = [failing[n] for n in order]
    for n, (result, worst) in enumerate(failing):
        if n == 1:
            say("\nAnd after it:")
        for line in rung_in_brief(result, worst) if n else rung_in_full(result, worst):
            say(line)
    failures = [failure for result in results for failure in result.failures]
    missing = Counter(failure.case.op for failure in failures if failure.verdict == UNKNOWN)
    if missing:
        say("\n" + wrapped("Not implemented: " + ", ".join(f"{op} ({count})" for op, count in missing.items())))


def to_report(result: Result, known: Known, without: Collection[str]) -> Result:
    """The result with the failures that are to be reported: neither known nor of a verdict that is left out."""
    return replace(result, failures=[
        failure for failure in result.failures if failure.verdict not in without and not is_known(failure, known)])


def rung_in_brief(result: Result, worst: Failure) -> Iterator[str]:
    mistake = worst.mistake
    reason = worst.reason if worst.verdict == WRONG else ""
    said = mistake.says.split(":")[0] if mistake else reason
    named = f": {said}" if said else ""
    yield wrapped(f"{result.name}: {worst.verdict}, {worst.case.id}{variants_of(worst)}{named}")
    yield from changed_lines([mistake])


def rung_in_full(result: Result, worst: Failure) -> Iterator[str]:
    """The lines about the worst failure of a rung."""
    yield "\n" + wrapped(": ".join([result.name, worst.verdict, *said_of(worst)]))
    yield from changed_lines(worst.diagnosis or [])
    yield from failure_in_full(worst)
    said = hint(worst, result)
    if said:
        yield titled("hint", said)
    for failure in result.failures:
        if failure.verdict == FAILED and failure is not worst:
            yield titled("also", f"no answer to {failure.case.id}{variants_of(failure)}: {failure.reason}")
            break
    if result.undecided:
        yield titled("undecided", f"{result.undecided:,} numbers of the rung were not judged: a decision hangs on "
                     "rounding, or they are out of range")
    if any(distance != 0 for distance in result.ulps):
        yield titled("numbers", histogram(result.ulps))


def said_of(failure: Failure) -> Iterator[str]:
    """The likeliest mistake in words."""
    mistake = failure.mistake
    if mistake:
        yield "rounds otherwise, and " * (failure.verdict == ROUNDING and isinstance(mistake, Variant)) + mistake.says


def changed_lines(mistakes: Sequence[Mistake | None]) -> Iterator[str]:
    """The lines of the reference that are changed, where that is the mistake."""
    variants = [mistake for mistake in mistakes if isinstance(mistake, Variant)]
    for n, variant in enumerate(variants):
        yield f"  {'or ' * (n > 0)}{variant.place}"
        yield from (f"    {line}" for line in variant.lines)


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
    if failure.found and failure.found.note:
        yield titled("training", failure.found.note)
    if failure.found and failure.found.divergence:
        first = failure.found.divergence
        yield titled("farthest" if failure.verdict == ROUNDING else "first", first.place)
        yield titled("expected", shown(first.expected))
        yield titled("answered", shown(first.answered) + off(first))
        yield titled("formula", first.formula)
        yield titled("operands", first.operands)
    if failure.pattern:
        yield titled("pattern", failure.pattern)


def off(first: Divergence) -> str:
    """How far off a number is: in ulps, where it is near; as a part of the right one; in deviations."""
    distance = distance_of(first)
    if not distance:
        return ""
    parts = [f"{distance:,} ulp{'s' * (distance > 1)}"] if distance < FEW else []
    error = abs(first.answered - first.expected)
    if isfinite(error) and first.expected and distance >= FEW:
        parts.append(f"{error / abs(first.expected):.2g} of it")
    if first.deviation and isfinite(error):
        parts.append(f"{error / first.deviation:.2g} standard deviations of rounding; {LIMIT:g} are rounding")
    return f", off by {', '.join(parts)}" if parts else ""


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
    """A number with its bits; hex digits, or whatever came in their place, in one short line."""
    if isinstance(value, float):
        return f"{value!r} (bits {pattern(value)})"
    return printable(value if isinstance(value, str) else brief(value), 200)


def titled(title: str, text: str) -> str:
    return wrapped(text, f"  {title:10}", " " * 12)


def wrapped(text: str, first: str = "", rest: str = "  ") -> str:
    """A text in lines as wide as the terminal, with these indents."""
    width = max(60, shutil.get_terminal_size().columns - 1)
    return textwrap.fill(text, width, initial_indent=first, subsequent_indent=rest, break_long_words=False,
                         break_on_hyphens=False)


def record(spec: str, results: list[Result], known: Known, stale: Known, exact: bool) -> dict[str, Any]:
    """The same for programs, as JSON takes it."""
    return {"spec": spec, "conforms": exact, "stale_known_failures": [listed.pattern for listed in stale],
            "rungs": [of_rung(result, known) for result in results]}


def of_rung(result: Result, known: Known) -> dict[str, Any]:
    mistake = result.worst and result.worst.mistake
    distances = sorted(result.ulps.items(), key=lambda item: (item[0] is None, item[0]))
    return {"rung": result.name, "verdict": result.verdict, "cases": result.counts.total(),
            "verdicts": dict(result.counts), "ulps": {str(distance): number for distance, number in distances},
            "precision": result.precision, "undecided": result.undecided, "diagnosis": mistake and mistake.name,
            "changes": changes_of(result.worst) if result.worst else [],
            "failures": [of_failure(failure, known) for failure in result.failures]}


def changes_of(failure: Failure) -> list[dict[str, Any]]:
    """The changes of the reference that explain a failure."""
    return [{"place": mistake.place, "lines": mistake.lines} for mistake in failure.diagnosis or []
            if isinstance(mistake, Variant)]


def of_failure(failure: Failure, known: Known) -> dict[str, Any]:
    first = failure.found and failure.found.divergence
    located = failure.located
    return {"id": failure.case.id, "variants": list(filter(None, failure.variants)), "verdict": failure.verdict,
            "known": is_known(failure, known), "reason": failure.reason or None,
            "epoch": located and located.epoch, "step": located and located.step,
            "undecided": failure.found.undecided if failure.found else 0,
            "diagnosis": [mistake.name for mistake in failure.diagnosis or []], "pattern": failure.pattern or None,
            "first": first and dict(asdict(first), expected=encode(first.expected), answered=encode(first.answered),
                                    ulps=distance_of(first))}
