"""Right answers that round otherwise: how far off they may be. The rules are in data/conformance/v1/SPEC.md, section
13.

    numbers.py     numbers with a standard deviation, in double and in single precision; sums of products as a unit
    operations.py  the operations of the spec on such numbers, by the functions of the book
    tensors.py     an answer's tensors as they should be, those of a step from the program's own answers before them
    judge.py       an answer against them
"""

from .judge import Judgement, Off, judge
from .numbers import LIMIT, PRECISIONS, SPREAD, Double, Number, Single
from .operations import OPERATIONS as OF_ONE
from .tensors import Tensor, expected

OPERATIONS = {*OF_ONE, "step"}  # all whose numbers can be rounded

__all__ = ["LIMIT", "OPERATIONS", "PRECISIONS", "SPREAD", "Double", "Judgement", "Number", "Off", "Single", "Tensor",
           "expected", "judge"]
