"""Makes the pictures of README.md beside this file: python docs/images/make.py

Needs refnn[plot] and Chromium. The browser and matplotlib decide single pixels, so no test compares them.
"""

import runpy
import tempfile
from pathlib import Path

from PIL import Image
from refnn import explain, train

FOLDER = Path(__file__).resolve().parent
BROWSER = runpy.run_path(str(FOLDER.parent.parent / "tests" / "browser.py"))
TRAINED = """new Promise((done) => {
  document.getElementById("play").click();
  const paused = () => document.getElementById("play").textContent === "Play";
  const timer = setInterval(() => paused() && (clearInterval(timer), done()), 20);
})"""  # until the page pauses
WIDTH = 1250  # pixels of the page
COLOURS = 160  # of a picture; more take more bytes


def small(source, target):
    """Saves a picture with few colours."""
    Image.open(source).convert("RGB").quantize(COLOURS).save(target, optimize=True)


def main():
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder)
        train.main(["sin-cos", "--epochs", "5", "--plot", folder, "--quiet"])
        small(made / "surface.png", FOLDER / "surface.png")
        explain.main(["alice-bob", "--html", str(made / "page.html"), "--quiet"])
        with BROWSER["Browser"](BROWSER["found"]()) as browser:
            browser.size(WIDTH)
            browser.open(made / "page.html")
            browser.run(TRAINED)
            browser.screenshot(made / "page.png")
        small(made / "page.png", FOLDER / "page.png")


if __name__ == "__main__":
    main()
