"""What a program most likely did not know when it failed: how numbers are sent that JSON does not have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isfinite
from typing import Any

from .compare import FAILED, Divergence
from .vectors import Case, encode, pattern

SPELLED = ("-0.0", "Infinity", "-Infinity", "NaN")
MINUS_ZERO = "8000000000000000"


def hint(case: Case, verdict: str, reason: str, first: Divergence | None, failing: Sequence[Case] = ()) -> str:
    """A hint on a failure, "" if there is none. failing: the cases of its operation in the rung that failed"""
    if verdict == FAILED and "must be" in reason:
        return of_form(case, reason)
    if verdict == FAILED and "the program ended" in reason:
        return of_reading(case)
    if first is not None:
        return of_number(case, first, failing)
    return ""


def of_form(case: Case, reason: str) -> str:
    """The answer has something else where a number belongs."""
    spelled = sorted(special(case.answer))
    if "must be hex digits" in reason or "64-bit" in reason:
        return 'a 64-bit integer is answered as a string of 16 hex digits, such as "00000000000000ff"'
    if "must be a number" not in reason:
        return ""
    if "not null" in reason and spelled:
        return (f"the right answer has {listed(spelled)}, which JSON has no number for: JavaScript's JSON.stringify "
                f"writes null. Answer the string {quoted(spelled[-1])}, or use --hex")
    if special(case.inputs):
        return as_strings(case)
    return ""


def as_strings(case: Case) -> str:
    return (f"the question has {listed(sorted(special(case.inputs)))} as strings, since JSON has no such numbers: turn "
            "them into doubles before computing, or use --hex")


def of_reading(case: Case) -> str:
    """There is no answer: the question may have what the program cannot read."""
    spelled = sorted(special(case.inputs))
    if spelled:
        return (f"the question has {listed(spelled)} as JSON strings, since JSON has no such numbers: read them as "
                "doubles, or use --hex, which sends every double as its bits")
    if "seed" in case.inputs:
        return "a seed is a string of 16 hex digits: an unsigned 64-bit integer"
    return ""


def of_number(case: Case, first: Divergence, failing: Sequence[Case]) -> str:
    """A number is wrong."""
    expected, answered = first.expected, first.answered
    if isinstance(expected, float) and isinstance(answered, float):
        if expected == answered == 0.0 and MINUS_ZERO in (pattern(expected), pattern(answered)):
            return ("-0.0 and 0.0 are different numbers. JavaScript's JSON.stringify writes -0 as 0: answer the string "
                    '"-0.0", or use --hex')
        if answered != answered and isfinite(expected) and special(case.inputs):
            return as_strings(case)
    if failing and all(int(one.inputs.get("seed", "0"), 16) >= 2**53 for one in failing):
        return ("only seeds of more than 53 bits fail: a double does not hold them. In JavaScript use "
                'BigInt("0x" + seed), elsewhere an unsigned 64-bit integer')
    return ""


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
