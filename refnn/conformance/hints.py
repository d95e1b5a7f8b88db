"""What a program did not know when it failed: how seeds, and numbers that JSON does not have, are sent.

A hint is given only where the answers to the rung leave no other cause.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from math import isfinite
from typing import Any

from ..implementations.python import PythonImplementation
from ..network import digest
from .compare import FAILED, WRONG, NoAnswer, compare
from .operations import OPERATIONS
from .operations.explaining import dig
from .operations.models import model_of
from .run import Failure, Result
from .vectors import Case, encode, pattern

SPELLED = ("-0.0", "Infinity", "-Infinity", "NaN")
MINUS_ZERO = "8000000000000000"
FORM = re.compile(r"(?P<key>\w+)(?P<index>(\[\d+\])*) must be .*?, not (?P<given>.*)", re.S)
GLUED = re.compile(r"[\d.](-?Infinity|NaN|-0\.0)|(Infinity|NaN|-0\.0)\d")  # a sum of a number and a string
OF_STRINGS = re.compile(r"\bstr\b|\bstring\b(?! index)|\bsequence\b", re.I)  # in an error: it is about a string
ENDED = "the program ended"


def hint(failure: Failure, result: Result) -> str:
    """A hint on a failure of a rung, "" if there is none. Where a mistake is named, only one that is proven."""
    if failure.verdict == FAILED and not failure.diagnosis:
        return of_form(failure.case, failure.reason) or of_reading(failure, result)
    return of_seed(failure, result) or ("" if failure.diagnosis else of_zero(failure, result) or of_digests(failure))


def of_form(case: Case, reason: str) -> str:
    """The answer has something else where a number belongs."""
    found = FORM.match(reason)
    if not found or found["key"] not in case.answer:
        return ""
    right = dig(case.answer[found["key"]], [int(n) for n in re.findall(r"\d+", found["index"])])
    if isinstance(right, str):
        if len(right) == 16:
            return 'a 64-bit integer is answered as a string of 16 hex digits, such as "00000000000000ff"'
        return f"it is answered as a string of {len(right)} hex digits"
    if found["given"] == "null" and isinstance(right, float) and not isfinite(right):
        spelled = encode(right)
        return (f"the right number is {spelled}, which JSON has no number for: JavaScript's JSON.stringify writes "
                f"null. Answer the string {quoted(spelled)}, or use --hex")
    if special(case.inputs) and GLUED.search(found["given"]):
        return (f"the question has {listed(sorted(special(case.inputs)))} as strings, since JSON has no such numbers: "
                "turn them into doubles before computing, or use --hex")
    return ""


def of_reading(failure: Failure, result: Result) -> str:
    """The program has ended: the question may have what it cannot read, if all others that it ended at have it too."""
    case, op = failure.case, failure.case.op
    if ENDED not in failure.reason:
        return ""
    ended = [other.case for other in result.failures if other.case.op == op and other.reason.startswith(ENDED)]
    read = result.right + [other.case for other in result.failures if other.found]
    spelled = sorted(special(case.inputs))
    plain = any(other.op == op and not special(other.inputs) for other in read)
    if all(special(other.inputs) for other in [case, *ended]) and (plain or OF_STRINGS.search(failure.reason)):
        return (f"the question has {listed(spelled)} as JSON strings, since JSON has no such numbers: read them as "
                "doubles, or use --hex, which sends every double as its bits")
    if "seed" in case.inputs and "layers" not in case.inputs and not any("seed" in other.inputs for other in read):
        return "a seed is a string of 16 hex digits: an unsigned 64-bit integer"
    return ""


def of_seed(failure: Failure, result: Result) -> str:
    """Seeds that a double does not hold: the answers are those to the seeds that it rounds them to."""
    failing = [other for other in result.failures if other.case.op == failure.case.op and other.verdict == WRONG]
    if (failure in failing and all(cut(other) is not None for other in failing)
            and any(map(of_cut_seed, failing))):
        return ("only seeds of more than 53 bits fail: a double does not hold them. In JavaScript use "
                'BigInt("0x" + seed), elsewhere an unsigned 64-bit integer')
    return ""


def cut(failure: Failure) -> int | None:
    """The seed of a case as a double rounds it, if that is another one; modulo 2^64."""
    seed = int(failure.case.inputs.get("seed", "0"), 16)
    return int(float(seed)) % 2**64 if int(float(seed)) != seed else None


def of_cut_seed(failure: Failure) -> bool:
    """Whether an answer is that to the rounded seed: of a training, the first parameters."""
    case, answer = failure.case, failure.answer or {}
    inputs = {**case.inputs, "seed": f"{cut(failure):016x}"}
    if case.op == "train":
        if "parameters" in inputs:
            return False
        model = model_of(inputs["layers"], inputs["loss"], inputs.get("init", "normal"), inputs.get("input_shape"))
        first = digest(PythonImplementation(model, int(inputs["seed"], 16)).get_parameters())
        return bool(answer.get("digests") and answer["digests"][0] == first != case.answer["digests"][0])
    try:
        return compare(Case(case.id, case.op, inputs, OPERATIONS[case.op].answer(**inputs)), answer).verdict != WRONG
    except NoAnswer:
        return False


def of_digests(failure: Failure) -> str:
    """All losses of a training are exact, but no digest."""
    case, answer = failure.case, failure.answer or {}
    if case.op != "train" or repr(answer.get("losses")) != repr(case.answer["losses"]):
        return ""
    if any(map(str.__eq__, answer["digests"], case.answer["digests"])):
        return ""
    return ("every loss is exact, but no digest is. A digest is SHA-256 of the parameters as little-endian doubles, "
            "layer by layer, w row by row and then b. A -0.0 in place of 0.0 also changes it")


def of_zero(failure: Failure, result: Result) -> str:
    """A zero has the other sign. The program may not be able to write -0.0 if it never has."""
    first = failure.found and failure.found.divergence
    if not first or not isinstance(first.expected, float) or not first.expected == first.answered == 0.0:
        return ""
    said = "-0.0 and 0.0 are different numbers"
    if pattern(first.expected) != MINUS_ZERO or any("-0.0" in special(case.answer) for case in result.right):
        return said
    return f'{said}. JavaScript\'s JSON.stringify writes -0 as 0: there, answer the string "-0.0", or use --hex'


def special(value: Any) -> set[str]:
    """The doubles in inputs or an answer that are sent as strings."""
    return {text for text in texts(encode(value)) if text in SPELLED}


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from texts(item)


def listed(words: Sequence[str]) -> str:
    return " and ".join(words) if len(words) < 3 else f"{', '.join(words[:-1])} and {words[-1]}"


def quoted(word: str) -> str:
    return f'"{word}"'
