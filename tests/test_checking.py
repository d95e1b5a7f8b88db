"""docs/checking.md: its commands are run in their order, and print what the page shows."""

import os
import re
import shlex

import pytest
from documents import ROOT, blocks, run_block, shell
from refnn.check import options

pytestmark = pytest.mark.slow

PAGE = (ROOT / "docs" / "checking.md").read_text()


def write(folder, code):
    """Saves a block of Python: a file that its first line names, or a function of mine.py in the place of the old."""
    named = re.match(r"# (\w+\.py)\n", code)
    if named:
        (folder / named[1]).write_text(code)
        return
    source = (folder / "mine.py").read_text()
    function = re.escape(code.split("(")[0])
    made, count = re.subn(rf"^{function}\(.*?(?=\n\n\n)", lambda _: code.rstrip("\n"), source, flags=re.M | re.S)
    assert count == 1, code
    (folder / "mine.py").write_text(made)


@pytest.mark.skipif(os.name == "nt", reason="a shell of Unix")
def test_every_command_prints_what_the_page_shows(tmp_path):
    ran = 0
    run = shell(tmp_path)
    for language, block in blocks(PAGE):
        if language == "python":
            write(tmp_path, block)
        if language == "console":
            ran += run_block(block, run, tmp_path)
    assert ran >= 12


def test_the_commands_that_are_not_run_have_arguments_that_exist():
    text = PAGE.replace("\\\n", " ")
    commands = re.findall(r"^(?:    |      - run: )refnn check (.*)$", text, re.M)
    assert len(commands) == 4
    for command in commands:
        assert options().parse_args(shlex.split(command)).cmd
    for path in re.findall(r"\btests/[\w/]+\.\w+", PAGE):
        assert (ROOT / path).exists(), path


def test_the_figures_are_of_the_corpus():
    rows = re.findall(r"^\| (JavaScript|Java|NumPy, single precision) \| (\d+) \|", PAGE, re.M)
    files = {"JavaScript": "javascript", "Java": "java", "NumPy, single precision": "single"}
    assert len(rows) == len(files)
    for name, count in rows:
        text = (ROOT / "tests" / "corpus" / f"{files[name]}.txt").read_text()
        heads = re.findall(r"^[\w.-]+ \| .*", text, re.M)
        assert sum(" | equal: " not in head for head in heads) == int(count)
