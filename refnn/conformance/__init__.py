"""Conformance: any implementation, in any language, held against the reference. The rules: data/conformance/v1/SPEC.md.

    vectors.py      the recorded cases, read from their files
    operations.py   each operation of the spec: the reference's answer, and any number's formula with its operands
    subjects.py     who is asked: the C core, a registered implementation, a program
    compare.py      an answer against the recorded one: exact, close or wrong, and where first
    mutants.py      the operations as people commonly get them wrong, to name a mistake by its results
    locate.py       from a training run that is wrong to the step where it goes wrong
"""
