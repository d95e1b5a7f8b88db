"""Conformance: any implementation, in any language, held against the reference. The rules: data/conformance/v1/SPEC.md.

    vectors.py      the recorded cases, read from their files
    operations.py   each operation of the spec: the reference's answer, and any number's formula with its operands
    images.py       those of layers of images; formulas.py has what explanations are written with
    core.py         the same operations by the C core
    subjects.py     who is asked: the C core, a registered implementation, a program
    compare.py      an answer against the recorded one: exact, close or wrong, and where first
    mutants.py      the reference as people commonly get it wrong
    diagnosis.py    which of these gives an answer
    locate.py       from a training run that is wrong to the step where it goes wrong
    run.py          a rung's cases, asked of a subject, with all of that
"""
