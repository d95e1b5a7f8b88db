"""Asks a program some cases again, after the others of their rung, and a wrong one in a new process: an answer must not
depend on questions before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import monotonic

from .compare import EXACT, FAILED, ROUNDING, WRONG
from .diagnosis import Answered, work
from .effort import Effort
from .rounding import Double
from .run import VERDICTS, Failure, Result, judge, look_into
from .subjects import Subject
from .vectors import Case

SHARE = 0.15  # of the time that a check has taken, which asking again may take
AFTER = ("right at first, but not when asked again after the others: the program keeps something between questions, or "
         "is not deterministic")
ALONE = "wrong after the questions before it, but right in a new process: the program keeps something between questions"


class Again:
    """Asks again during a check. off: whether the program has crashed or hung, so that nothing is asked again"""

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self.now = now
        self.begin = now()
        self.taken = 0.0
        self.off = False

    def ask(self, result: Result, subject: Subject) -> None:
        """Asks the cheapest right case of each operation of a rung again. The failures are added to the result."""
        self.off = self.off or any(failure.verdict == FAILED and not failure.answer for failure in result.failures)
        for case, first in list(cheapest(result)):
            begin = self.now()
            if self.off or self.taken + result.seconds[case.op] > SHARE * (begin - self.begin):
                continue
            failure = failed_again(case, first, subject)
            self.taken += self.now() - begin
            if failure:
                self.off = failure.verdict == FAILED
                replace(result, case, first, failure)
        self.ask_alone(result, subject)

    def ask_alone(self, result: Result, subject: Subject) -> None:
        """Asks the first wrong case without a named mistake in a new process."""
        wrong = [failure for failure in result.failures if failure.verdict == WRONG and not failure.reason]
        begin = self.now()
        if self.off or not wrong or wrong[0].diagnosis:
            return
        if self.taken + (subject.starting or 0.0) + result.seconds[wrong[0].case.op] > SHARE * (begin - self.begin):
            return
        subject.close()
        alone = judged_again(wrong[0].case, subject, wrong[0])
        self.taken += self.now() - begin
        if alone is None or alone.verdict == ROUNDING:
            wrong[0].reason = ALONE


def cheapest(result: Result) -> Iterator[tuple[Case, Failure | None]]:
    """Of each operation of a rung the first right case with the least work, and its failure if it is rounding."""
    right: list[tuple[Case, Failure | None]] = [(case, None) for case in result.right]
    right += [(failure.case, failure) for failure in result.failures if failure.verdict == ROUNDING]
    for op in dict.fromkeys(case.op for case, _ in right):
        yield min((item for item in right if item[0].op == op), key=lambda item: work(item[0]))


def failed_again(case: Case, first: Failure | None, subject: Subject) -> Failure | None:
    """The failure of an answer that is worse than the first one. Both may be rounding: threads add in any order."""
    failure = judged_again(case, subject, first)
    if failure is None or first and failure.answer == first.answer:
        return None
    if VERDICTS.index(failure.verdict) <= VERDICTS.index(first.verdict if first else EXACT):
        return None
    failure.reason = f"{AFTER}{failure.reason and ': '}{failure.reason}"
    return failure


def judged_again(case: Case, subject: Subject, first: Failure | None = None) -> Failure | None:
    """The failure of another answer to a case, None if it is exact.

    first: that of the first answer, if this failed, too; the steps of a training with the same answer are not judged
    again
    """
    judged = judge(case, subject)
    if judged.verdict == EXACT:
        return None
    failure = Failure(case, judged.verdict, judged.reason, judged.found, said=judged.said, answer=judged.answer)
    changed = first is None or judged.answer != first.answer
    if changed and case.op == "train" and judged.answer and judged.verdict != FAILED:
        with Effort() as effort:
            answered = Answered(case, judged.answer, judged.verdict, subject.precision or Double)
            look_into(failure, answered, subject, effort)
    return failure


def replace(result: Result, case: Case, first: Failure | None, failure: Failure) -> None:
    """Makes a right case of a result a failing one."""
    if first:
        result.failures.remove(first)
    else:
        result.right.remove(case)
    result.counts[first.verdict if first else EXACT] -= 1
    result.counts[failure.verdict] += 1
    result.failures.append(failure)
