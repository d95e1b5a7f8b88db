"""A check's outcome for a course or a CI: scores, what is next, JUnit's XML, annotations for GitHub."""

from __future__ import annotations

import secrets
import xml.etree.ElementTree as ET
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from ..checks import printable
from .compare import EXACT, UNKNOWN
from .report import Known, is_known, variants_of
from .run import Failure, Result, badness
from .vectors import RUNGS, Case, load

Asked = tuple[Result, list[Case]]  # a rung's result, and the cases that were asked
ANNOTATIONS = 10  # GitHub shows no more of a step


def right(result: Result, accepted: Collection[str]) -> int:
    """The number of cases with an accepted verdict."""
    return sum(result.counts[verdict] for verdict in {EXACT, *accepted})


def score(results: Sequence[Result], accepted: Collection[str]) -> float:
    """The part of the cases that are right, 0 to 1."""
    cases = sum(result.counts.total() for result in results)
    return sum(right(result, accepted) for result in results) / cases if cases else 0.0


def add_scores(record: dict[str, Any], results: Sequence[Result], accepted: Collection[str]) -> dict[str, Any]:
    """The record of a check with the score of each rung and of all."""
    for rung, result in zip(record["rungs"], results):
        rung["score"] = score([result], accepted)
    return {**record, "score": score(results, accepted)}


def next_step(results: Sequence[Result], known: Known, accepted: Collection[str]) -> str:
    """What to do next, in a sentence; "" if all rungs are done."""
    left = [replace(result, failures=[failure for failure in result.failures if failure.verdict not in accepted
                                      and not is_known(failure, known)]) for result in results]
    for result in left:
        if result.worst and result.worst.verdict != UNKNOWN:
            return f"Next: {result.name}. --case {result.worst.case.id} asks its worst case alone."
    done = [number for number, result in enumerate(left) if not result.failures]
    last = left[done[-1]] if done else None
    said = f"{last.name} is {EXACT if last.verdict == EXACT else 'right'}; next" if last else "Next"
    waiting = [result for result in left[done[-1] if done else 0:] if result.failures] or [
        result for result in left if result.failures]
    if waiting:
        return f"{said}: {waiting[0].name}, {operations(failure.case.op for failure in waiting[0].failures)}."
    rungs = list(RUNGS)
    for rung in rungs[rungs.index(left[-1].name) + 1:] if left[-1].name in rungs else []:
        if rung != "mnist":
            return f"{said}: {rung}, {operations(case.op for case in load(rung, long=False))}."
    return ""


def operations(of: Iterable[str]) -> str:
    names = list(dict.fromkeys(of))
    return f"{len(names)} operation{'s' * (len(names) != 1)} ({', '.join(names)})"


def message(failure: Failure) -> str:
    """A failure in a line."""
    said = failure.reason
    first = failure.found and failure.found.divergence
    if first:
        said = f"{first.place}: expected {first.expected!r}, answered {first.answered!r}; {first.formula}"
    return printable(f"{failure.verdict}{variants_of(failure)}" + (f": {said}" if said else ""), 1000)


def junit(asked: Sequence[Asked], known: Known, accepted: Collection[str]) -> str:
    """JUnit's XML: a suite for each rung, a test for each case. What is not implemented or known is skipped."""
    suites = ET.Element("testsuites", name="refnn.check")
    for result, cases in asked:
        failures = {failure.case.id: failure for failure in result.failures}
        suite = ET.SubElement(suites, "testsuite", name=result.name, tests=str(len(cases)))
        counts = {"failures": 0, "skipped": 0, "errors": 0}
        for case in cases:
            test = ET.SubElement(suite, "testcase", classname=f"refnn.{result.name}", name=case.id)
            failure = failures.get(case.id)
            if failure is None or failure.verdict in accepted:
                continue
            if failure.verdict == UNKNOWN or is_known(failure, known):
                counts["skipped"] += 1
                ET.SubElement(test, "skipped", message=message(failure))
                continue
            counts["failures"] += 1
            found = ET.SubElement(test, "failure", message=message(failure), type=failure.verdict)
            found.text = "\n".join(failure.said)
        for name, count in counts.items():
            suite.set(name, str(count))
    ET.indent(suites)
    return ET.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def workflow_commands(asked: Sequence[Asked], known: Known, accepted: Collection[str]) -> Iterator[str]:
    """Workflow commands of GitHub Actions: an error for each rung that is not right, a notice of what is missing."""
    errors = 0
    missing: list[str] = []
    for result, _ in asked:
        failures = [failure for failure in result.failures if not is_known(failure, known)]
        missing += [failure.case.op for failure in failures if failure.verdict == UNKNOWN]
        failures = [failure for failure in failures if failure.verdict not in {UNKNOWN, *accepted}]
        if failures and errors < ANNOTATIONS:
            errors += 1
            worst = max(failures, key=badness)
            title = f"refnn: {result.name} is not right ({len(failures)} of {result.counts.total()})"
            yield f"::error title={escaped(title, ':,')}::{escaped(f'{worst.case.id}: {message(worst)}')}"
    if missing:
        names = ", ".join(dict.fromkeys(missing))
        yield f"::notice title=refnn%3A not implemented::{escaped(names)}"


def escaped(text: str, more: str = "") -> str:
    return "".join(f"%{ord(c):02X}" if c in "%\r\n" + more else c for c in text)


def without_commands(say: Callable[[str], None], tell: Callable[[], None]) -> None:
    """Calls tell() while GitHub takes no command from the output: text of the checked program is in it."""
    token = secrets.token_hex(16)
    say(f"::stop-commands::{token}")
    try:
        tell()
    finally:
        say(f"::{token}::")
