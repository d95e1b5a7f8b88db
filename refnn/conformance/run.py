"""Asks a subject the cases of a rung: the verdict on each, and of a failure its place and, if known, the mistake."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from math import inf
from time import monotonic
from typing import Any, NamedTuple, Optional
from warnings import catch_warnings, simplefilter

from .. import implementations
from .compare import EXACT, FAILED, ROUNDING, UNKNOWN, WRONG, Comparison, NoAnswer, compare, fitted, is_of_kind
from .diagnosis import Answered, Mistake, diagnose, explains, uses, work
from .effort import Effort
from .locate import Located, locate
from .operations.training import computed_by
from .patterns import common, of_another, of_arguments, of_pixels
from .precision import precision_of
from .rounding import Double
from .subjects import Subject
from .trainings import takes_long, weigh
from .vectors import Case

VERDICTS = (EXACT, ROUNDING, UNKNOWN, FAILED, WRONG)  # from best to worst
UNJUDGED = "its steps were not judged, since it depends on a wrong rung"
LOOKED_INTO = 5  # failing trainings of a rung
FIRST = 0.5  # of the time for the search that is left, which a wrong operation gets if others follow
ROUNDED = 0.1  # of the time for the search that an operation gets whose answers are all rounding
LOCATED = {"c": 1_000_000_000, "python": 10_000_000}  # multiply-adds that an implementation may take to find a step


@dataclass
class Failure:
    """A case that is not exact.

    reason:    why there is no answer, or not always the right one
    answer:    the answer, if it has a form of its own or that of the right one
    said:      the last lines of standard error of a program that gives none
    found:     the comparison, with the first divergence
    diagnosis: the mistakes that explain it and all others of its operation, the likeliest first; None if it was not
               looked into
    located:   of a training run, the step that goes wrong; found and diagnosis are then about this step
    variants:  the variants of the subject that fail, the one that all of this is about first
    pattern:   where no mistake is named, what the wrong numbers of the operation have in common
    """

    case: Case
    verdict: str
    reason: str = ""
    found: Comparison | None = None
    diagnosis: list[Mistake] | None = None
    located: Located | None = None
    variants: tuple[str, ...] = ("",)
    said: Sequence[str] = ()
    answer: dict[str, Any] | None = None
    pattern: str = ""

    @property
    def mistake(self) -> Mistake | None:
        """The likeliest one."""
        return self.diagnosis[0] if self.diagnosis else None


@dataclass
class Result:
    """The result of a rung.

    name:      of the rung, and of the subject if several are asked
    counts:    the number of cases by verdict
    ulps:      the number of answered numbers by their distance from the right ones
    precision: that of the subject, by name; None as long as no answer needed it
    right:     the cases that are exact
    seconds:   the shortest time that an answer took, by operation
    """

    name: str
    counts: Counter[str] = field(default_factory=Counter)
    ulps: Counter[int | None] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)
    precision: str | None = None
    right: list[Case] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def undecided(self) -> int:
        """The number of numbers that were not judged."""
        return sum(failure.found.undecided for failure in self.failures if failure.found)

    @property
    def verdict(self) -> str | None:
        """The worst of its cases; None if none was asked."""
        return max(self.counts, key=VERDICTS.index, default=None)

    @property
    def worst(self) -> Failure | None:
        """The first failure of the worst verdict, one that has a name if any has; None if all are exact."""
        return max(self.failures, key=badness, default=None)


def badness(failure: Failure) -> tuple[int, bool]:
    """How bad a failure is. An answer of another form is as bad as a wrong number: the computation goes wrong there."""
    of_other_form = failure.verdict == FAILED and failure.answer is not None
    return VERDICTS.index(WRONG if of_other_form else failure.verdict), bool(failure.diagnosis)


Evidence = list[tuple[Answered, Optional[Failure]]]  # the answers to an operation


class Judgement(NamedTuple):
    """The verdict on one answer.

    reason: why there is none; said: on standard error; answer: with floats where the right one has them, or as it
    came if it has another form
    """

    verdict: str
    reason: str = ""
    found: Comparison | None = None
    answer: dict[str, Any] | None = None
    said: Sequence[str] = ()


def run(name: str, cases: Iterable[Case], subject: Subject, effort: Effort | None = None,
        settled: Callable[[Failure], bool] = lambda failure: False) -> Result:
    """Asks a subject the cases of a rung.

    effort: for looking into failures; with none left, they are only counted
    settled: whether a failure is known or accepted: nobody asks for its mistake
    """
    with effort or Effort(inf) as spare, catch_warnings():
        simplefilter("ignore")  # of data that a mistake makes
        return asked(name, cases, subject, spare, settled)


def asked(name: str, cases: Iterable[Case], subject: Subject, effort: Effort,
          settled: Callable[[Failure], bool]) -> Result:
    result = Result(name)
    trainings = 0
    answers: dict[str, Evidence] = {}  # by operation
    variants = subject.variants
    for case in cases:
        begin = monotonic()
        judged = {variant: judge(case, variants[variant]) for variant in variants}
        result.seconds[case.op] = min(result.seconds.get(case.op, inf), monotonic() - begin)
        failing = sorted((variant for variant in variants if judged[variant].verdict != EXACT),
                         key=lambda variant: -VERDICTS.index(judged[variant].verdict))
        asked_of = failing[0] if failing else next(iter(variants))
        worst = judged[asked_of]
        if worst.found:
            result.ulps += worst.found.ulps
        failure = None
        if failing:
            failure = Failure(case, worst.verdict, worst.reason, worst.found, variants=tuple(failing), said=worst.said,
                              answer=worst.answer)
            result.failures.append(failure)
        else:
            result.right.append(case)
        if worst.answer and (worst.verdict != FAILED or is_of_kind(case.answer, worst.answer)):
            answered = Answered(case, worst.answer, worst.verdict, variants[asked_of].precision or Double,
                                first=first_of(case, worst.found))
            if failure and case.op == "train" and worst.verdict != FAILED:
                trainings += 1
                spare = effort if trainings <= LOOKED_INTO else None
                answered = look_into(failure, answered, variants[asked_of], spare)
            answers.setdefault(answered.case.op, []).append((answered, failure))
        result.counts[failure.verdict if failure else EXACT] += 1
    name_mistakes(answers, effort, settled)
    find_patterns(answers, settled)
    result.precision = subject.precision.name if subject.precision else None
    return result


def first_of(case: Case, found: Comparison | None) -> str:
    """The operation that computes the first wrong number: of a step, one of a layer."""
    if case.op != "step" or found is None or found.divergence is None:
        return "" if case.op == "train" else case.op
    return str(computed_by(case.inputs["layers"], found.divergence.key, found.divergence.index))


def name_mistakes(answers: dict[str, Evidence], effort: Effort,
                  settled: Callable[[Failure], bool]) -> None:
    """Adds the diagnosis to the failures: those of wrong operations before those that are merely rounding.

    A known failure is no evidence of a mistake, unless it is rounding: it has a cause of its own.
    """
    evidence = [[(item, failure) for item, failure in every
                 if not failure or failure.verdict == ROUNDING or not settled(failure)] for every in answers.values()]
    wrong: list[Evidence] = []
    rounding: list[Evidence] = []
    for answered in evidence:
        verdicts = {failure.verdict for _, failure in answered if failure and not settled(failure)}
        if verdicts:
            (rounding if verdicts == {ROUNDING} else wrong).append(answered)
    all_found: list[Mistake] = []
    alone = not wrong and 2 * len(rounding) < len(evidence)  # no library is behind it: others would be rounding, too
    for n, answered in enumerate(wrong + rounding):
        of_rounding = FIRST if alone else ROUNDED
        share = max(FIRST, 1.0 / (len(wrong) - n)) if n < len(wrong) else of_rounding / (len(wrong + rounding) - n)
        with effort.search(share) as spent:
            if spent():
                return
            found = diagnose([item for item, _ in answered], spent, all_found)
        found = found and consistent(found, answered, [*filter(None, evidence), *effort.failing])
        all_found += found or []
        for _, failure in answered:
            if failure:
                failure.diagnosis = found
    effort.failing += [every for every in wrong + rounding if every[0][0].case.op not in ("step", "train")]


def find_patterns(answers: dict[str, Evidence], settled: Callable[[Failure], bool]) -> None:
    """Adds what wrong numbers have in common to the failures of operations without a named mistake."""
    for answered in answers.values():
        failing = [(item, failure) for item, failure in answered
                   if failure and failure.verdict in (WRONG, FAILED) and not settled(failure)]
        if not failing or any(failure.verdict == FAILED or failure.diagnosis for _, failure in failing):
            continue
        said = (common([(item, failure.found and failure.found.divergence) for item, failure in failing])
                or of_arguments([item for item, _ in answered]))
        cases = [item.case for item, _ in answered]
        for item, failure in failing:
            before = cases[:cases.index(item.case)]
            failure.pattern = of_pixels(item) or said or of_another(item, before)


def consistent(found: list[Mistake], answered: Evidence, others: Iterable[Evidence]) -> list[Mistake]:
    """The mistakes of an operation that also explain the answers to the operations that are parts of it.

    The right answers count, too, but not for a step or a training, whose layers may be programs of their own. A name
    for rounding means the same bits, also in the parts.
    """
    whole = next(item for item, failure in answered if failure)
    of_layers, exactly = whole.case.op in ("step", "train"), whole.verdict == ROUNDING
    counted = (WRONG, ROUNDING) if exactly else (WRONG,)
    parts = [item for other in others if uses(whole, other[0][0]) for item, failure in other
             if (failure.verdict in counted if failure else not of_layers)]
    return [mistake for mistake in found if explains(mistake, parts, exactly)]


def agree(results: Sequence[Result]) -> None:
    """Where several mistakes explain the same answers, puts those first that explain answers in the most rungs."""
    rungs = Counter(mistake for result in results for mistake in {
        mistake for failure in result.failures for mistake in failure.diagnosis or ()})
    for result in results:
        for failure in result.failures:
            failure.diagnosis = failure.diagnosis and sorted(failure.diagnosis, key=lambda mistake: -rungs[mistake])


def judge(case: Case, subject: Subject) -> Judgement:
    """Asks one subject one case."""
    answer = None
    try:
        answer = subject.ask(case)
        if answer is None:
            return Judgement(UNKNOWN)
        found = compare(case, answer, subject.precision or Double)
        if found.verdict != EXACT:
            answer = fitted(case.answer, answer, "the answer")
            if found.verdict == WRONG and subject.precision is None:
                subject.precision = precision_of(subject, answer)
                found = compare(case, answer, subject.precision)
        return Judgement(found.verdict, "", found, answer)
    except NoAnswer as error:  # perhaps an answer of another form
        answer = answer if isinstance(answer, dict) else None
        return Judgement(FAILED, str(error), answer=answer, said=getattr(error, "said", []))


def look_into(failure: Failure, answered: Answered, subject: Subject, effort: Effort | None) -> Answered:
    """Adds the verdict on a training and the step where it goes wrong. Returns the answer to this step, or that to the
    training.
    """
    try:
        if effort and effort.any:
            return look_into_training(failure, answered, subject, effort)
    except NoAnswer:
        pass  # the case has its verdict; the step stays unknown
    return answered


def look_into_training(failure: Failure, answered: Answered, subject: Subject, effort: Effort) -> Answered:
    """A program all of whose steps are exact has one step that is not, or another order; others are rounding or wrong.

    What the verdict needs is done however long it takes: the first step is judged, and if all are exact, the one that
    is not is looked for.
    """
    answer, precision = answered.answer, answered.precision
    if not effort.searching and takes_long(failure.case):
        failure.reason = UNJUDGED
        return answered
    weighed = weigh(failure.case, answer, subject.ask, precision, effort.spent)
    oracle = "python" if implementations.missing() else "c"
    needed = weighed.found.verdict == ROUNDING
    if weighed.exact and work(failure.case) <= LOCATED[oracle] and (needed or not effort.spent()):
        found = look_for_step(failure, answer, subject, (lambda: False) if needed else effort.spent, oracle)
        if failure.located:
            return found or Answered(failure.case, answer, answered.verdict, precision, steps_right=True)
    failure.found, failure.located = weighed.found, weighed.located
    failure.verdict = weighed.found.verdict
    if weighed.found.divergence is None and failure.verdict == WRONG:
        failure.found = compare(failure.case, answer)._replace(note=weighed.found.note)
    if weighed.located and weighed.located.case and weighed.answer:
        return Answered(weighed.located.case, weighed.answer, failure.verdict, precision,
                        first=first_of(weighed.located.case, weighed.found))
    return Answered(failure.case, answer, failure.verdict, precision, weighed.steps_right, losses=weighed.losses)


def look_for_step(failure: Failure, answer: dict[str, Any], subject: Subject, spent: Callable[[], bool],
                  oracle: str) -> Answered | None:
    """Adds the first step that is not exact, and the verdict on it. Returns the answer to it."""
    precision = subject.precision or Double

    def ask(case: Case) -> dict[str, Any] | None:
        if spent():
            raise NoAnswer("not asked, since looking for the step takes too long")
        given = subject.ask(case)
        return None if given is None else fitted(case.answer, given, "the answer")

    failure.located = locate(failure.case, answer, ask, implementations.load(oracle))
    if failure.located and failure.located.case:
        given = ask(failure.located.case)
        found = compare(failure.located.case, given, precision) if given else None
        if given and found and found.verdict != EXACT:
            failure.found, failure.verdict = found, found.verdict
            return Answered(failure.located.case, given, found.verdict, precision,
                            first=first_of(failure.located.case, found))
    return None
