"""A rung's cases, asked of a subject: the verdict on each, and of those that fail where, and what the mistake is."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Optional

from ..implementations.python import PythonImplementation
from .compare import CLOSE, EXACT, FAILED, UNKNOWN, WRONG, Comparison, NoAnswer, compare, fitted
from .locate import Located, locate
from .diagnosis import diagnose, work
from .vectors import Case

VERDICTS = (EXACT, CLOSE, UNKNOWN, FAILED, WRONG)  # from best to worst
PATIENCE = 2  # so many cases of an operation without an answer, and the others of the rung are not asked
DIAGNOSED = 5  # failing cases of an operation that are looked into
LOCATED = 100_000_000  # multiply-adds that the reference may take to find a step


@dataclass
class Failure:
    """A case that is not exact.

    reason:    why there is no answer
    found:     the comparison, with the first divergence
    diagnosis: mutants that give this answer, the likeliest first; None where it was not looked into
    located:   of a training run, the step that goes wrong; found and diagnosis are then of this step
    """

    case: Case
    verdict: str
    reason: str = ""
    found: Optional[Comparison] = None
    diagnosis: Optional[list] = None
    located: Optional[Located] = None


@dataclass
class Result:
    """What came of a rung. name: of it, and of who was asked where several are; counts: verdict -> cases; ulps: distance -> numbers."""

    name: str
    counts: Counter = field(default_factory=Counter)
    ulps: Counter = field(default_factory=Counter)
    failures: list = field(default_factory=list)

    @property
    def verdict(self):
        """The worst of its cases; None where none was asked."""
        return max(self.counts, key=VERDICTS.index, default=None)

    @property
    def worst(self):
        """The first failure of the worst verdict; None where all are exact."""
        return max(self.failures, key=lambda failure: VERDICTS.index(failure.verdict), default=None)

    def diagnosis(self, failure):
        """The mutant that explains a failure and all others of its operation that were looked into, the likeliest; or None."""
        others = [other.diagnosis for other in self.failures if other.case.op == failure.case.op and other.diagnosis is not None]
        shared = [mutant for mutant in failure.diagnosis or [] if all(mutant in found for found in others)]
        return min(shared, key=lambda mutant: sum(found.index(mutant) for found in others), default=None)


def run(name, cases, subject):
    """Asks a subject the cases of a rung."""
    result = Result(name)
    silent = Counter()
    looked_into = Counter()
    for case in cases:
        failure = None
        try:
            if silent[case.op] == PATIENCE:
                raise NoAnswer(f"not asked, since {PATIENCE} cases of {case.op} had no answer")
            answer = subject.ask(case)
            if answer is None:
                failure = Failure(case, UNKNOWN)
            else:
                found = compare(case, answer)
                result.ulps += found.ulps
                if found.verdict != EXACT:
                    failure = Failure(case, found.verdict, found=found)
                    looked_into[case.op] += 1
                    if looked_into[case.op] <= DIAGNOSED:
                        look_into(failure, fitted(case.answer, answer, "the answer"), subject)
        except NoAnswer as error:
            silent[case.op] += 1
            failure = Failure(case, FAILED, str(error))
        result.counts[failure.verdict if failure else EXACT] += 1
        if failure:
            result.failures.append(failure)
    return result


def look_into(failure, answer, subject):
    """Adds the diagnosis, and of a training run the step where it goes wrong."""
    failure.diagnosis = diagnose(failure.case, answer)
    if failure.case.op != "train" or work(failure.case) > LOCATED:
        return

    def ask(case):
        given = subject.ask(case)
        return None if given is None else fitted(case.answer, given, "the answer")

    try:
        failure.located = locate(failure.case, answer, ask, PythonImplementation)
        if failure.located and failure.located.case:
            given = ask(failure.located.case)
            found = given and compare(failure.located.case, given)
            if found and found.verdict != EXACT:
                failure.found = found
                failure.verdict = max(failure.verdict, found.verdict, key=VERDICTS.index)  # digests alone do not say how far off
                failure.diagnosis = failure.diagnosis or diagnose(failure.located.case, given)
    except NoAnswer:
        pass  # the case has its verdict; where the step is remains unknown
