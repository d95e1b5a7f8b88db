"""The operations of the spec, a file for each chapter of the book. Each is defined once, in three parts:

    answer(**inputs)                        its outputs by name, from the book; the inputs are named as in the spec
    in_c(core, **inputs)                    the same from the C core
    explain(inputs, outputs, key, index)    the formula of one number of the right outputs, and the operands in it

layers.py has the operations of layers by the layer's kind, explaining.py what explanations are written with, in_c.py
the C core, models.py the networks of the spec.
"""

from . import elementary, init, layers, losses, prng, training
from .explaining import Operation

OPERATIONS: dict[str, Operation] = {
    **prng.OPERATIONS, **elementary.OPERATIONS, **init.OPERATIONS, **layers.OPERATIONS, **losses.OPERATIONS,
    **training.OPERATIONS}
