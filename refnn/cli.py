"""What the command lines share: a mistake is one line and exit status 2, never a traceback."""

import argparse
import json
import os
import sys
from difflib import get_close_matches

from .errors import InputError, RefnnError


def command(name, run):
    """Calls run() and returns the exit status; what a user can mend is told in one line under the command's name."""
    try:
        run()
        sys.stdout.flush()
        return 0
    except RefnnError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 2
    except MemoryError:
        print(f"{name}: not enough memory for this network and these data", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nobody reads on: leave without a word
        return 1


def check_writable(path):
    """Refuses a --json file that cannot be written, before the training rather than after."""
    if path != "-":
        try:
            existed = os.path.exists(path)
            open(path, "a").close()
            if not existed:
                os.remove(path)
        except OSError as error:
            raise InputError(f"--json {path!r} cannot be written: {error.strerror}") from None


def write_json(path, record):
    text = json.dumps(record, indent=1) + "\n"
    if path == "-":
        sys.stdout.write(text)
    else:
        try:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            raise InputError(f"--json {path!r} could not be written: {error.strerror}") from None


def printer(given, always=False):
    """A print for progress: to standard error where standard output takes the record, nowhere with --quiet unless `always`."""
    stream = sys.stderr if given.json == "-" else sys.stdout
    return lambda line: print(line, file=stream, flush=True) if always or not given.quiet else None


class Parser(argparse.ArgumentParser):
    """argparse, but a mistake is one line."""

    def error(self, message):
        if message.startswith("unrecognized arguments: "):
            word = message.split(": ", 1)[1].split(" ")[0]
            near = get_close_matches(word.split("=")[0], self._option_string_actions, n=1)
            hint = f"did you mean {near[0]}?" if near else "--help lists the options"
            message = f"unknown option {word}; {hint}" if word.startswith("-") else f"one task at a time, not {word!r} as well"
        raise InputError(message)


def integer(text):
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None


def number(text):
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None


def sizes(text):
    try:
        return () if text == "none" else tuple(int(size) for size in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of sizes such as 100,80,50") from None
