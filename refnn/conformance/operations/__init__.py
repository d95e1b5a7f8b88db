"""The operations of the spec, a file for each chapter of the book. Each is defined once, in three parts:

    answer(**inputs)                        its outputs by name, from the book; the inputs are named as in the spec
    in_c(core, **inputs)                    the same from the C core
    explain(inputs, outputs, key, index)    the formula of one number of the right outputs, and the operands in it

explaining.py has what explanations are written with, in_c.py the C core, models.py the networks of the spec.
"""

from . import activations, batchnorm, conv, elementary, init, linear, losses, pool, prng, training
from .explaining import Operation

OPERATIONS: dict[str, Operation] = {
    **prng.OPERATIONS, **elementary.OPERATIONS, **init.OPERATIONS, **linear.OPERATIONS, **activations.OPERATIONS,
    **losses.OPERATIONS, **conv.OPERATIONS, **pool.OPERATIONS, **batchnorm.OPERATIONS, **training.OPERATIONS}
