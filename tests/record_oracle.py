"""Records the reference's full runs: python tests/record_oracle.py [NAME ...], from a checkout; takes an hour in all.

Each file of data/conformance/ is what `python -m refnn.train ... --impl python --json FILE` writes, without the seconds.
MNIST needs REFNN_DATA. The C core must reproduce them in every test run.
"""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "data" / "conformance"

RUNS = {
    "truth-table": ["truth-table"],
    "alice-bob": ["alice-bob"],
    "sin-cos": ["sin-cos"],
    "digits": ["mnist", "--data", "digits"],
    "mnist": ["mnist", "--epochs", "1"],
}


def strip(record):
    """A record without what may differ from run to run: who computed it, and how fast."""
    kept = {key: value for key, value in record.items() if key != "impl"}
    kept["epochs"] = [{key: value for key, value in epoch.items() if key != "seconds"} for epoch in record["epochs"]]
    return kept


def recorded(name):
    return json.loads((FOLDER / f"{name}.json").read_text())


def dump(record):
    """One line an epoch."""
    lines = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in record.items() if key != "epochs"]
    epochs = ",\n".join("  " + json.dumps(epoch) for epoch in record["epochs"])
    return "{\n" + ",\n".join([*lines, f' "epochs": [\n{epochs}\n ]']) + "\n}\n"


def main(names):
    for name in names or RUNS:
        done = subprocess.run([sys.executable, "-m", "refnn.train", *RUNS[name], "--impl", "python", "--json", "-"], cwd=ROOT,
                              stdout=subprocess.PIPE, check=True)
        (FOLDER / f"{name}.json").write_text(dump(strip(json.loads(done.stdout))))


if __name__ == "__main__":
    main(sys.argv[1:])
