"""Conformance: compares an implementation, in any language, with the reference. The rules: data/conformance/v1/SPEC.md.

    vectors.py      the recorded cases, read from their files
    operations/     the operations of the spec, a file for each chapter of the book: the answer, the answer in C, the
                    formula of every number
    subjects.py     who is asked: the C core, a registered implementation
    program.py      or a program, which may crash, hang, or write without end
    compare.py      an answer and the recorded one: exact, rounding or wrong, and the first number that differs
    rounding/       how far off a right answer may be that rounds otherwise
    precision.py    finds the precision of a program
    trainings.py    judges the rounding of a training, step by step
    mutants.py      common mistakes, as changed functions of the reference; more of them: *_mutants.py, families.py
    spoil.py        the reference with such functions in it
    diagnosis.py    the mutants that explain an answer; screening.py: those that a training refutes at its start
    locate.py       the step at which a training run goes wrong
    effort.py       the time for looking into failures, and the rungs that depend on others
    run.py          a rung: asks its cases, and looks into failures
    hints.py        how numbers are sent that JSON does not have, for a program that did not know
    own.py          questions about a network of the asker's own
    grading.py      scores, what is next, JUnit's XML, annotations for GitHub; progress.py: while a check runs
    starters.py     programs to begin with; formulas.py: the formulas in them
    report.py       the result, for people and for programs
"""
