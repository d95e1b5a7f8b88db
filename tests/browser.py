"""A headless Chromium, driven by its DevTools protocol over two pipes.

python tests/browser.py PAGE FOLDER takes screenshots of a page.
"""

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
from itertools import product
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
WAIT = 60.0  # seconds for an answer
PIPES = """
import fcntl, os, sys
ends = [fcntl.fcntl(int(number), fcntl.F_DUPFD, 10) for number in sys.argv[1:3]]
for number, end in zip((3, 4), ends):
    os.dup2(end, number)
os.execv(sys.argv[3], sys.argv[3:])
"""  # starts a program with the pipes as its files 3 and 4, as the protocol wants them


def found():
    """The path of a browser, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """One page. `errors` are the exceptions in it, and what it wrote to the console."""

    def __init__(self, program):
        self.folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        (their_in, our_out), (our_in, their_out) = os.pipe(), os.pipe()
        self.process = subprocess.Popen(
            [sys.executable, "-c", PIPES, str(their_in), str(their_out), program, "--headless=new", "--no-sandbox",
             "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe",
             f"--user-data-dir={self.folder.name}"],
            pass_fds=(their_in, their_out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(their_in)
        os.close(their_out)
        self.input, self.output, self.pending = our_in, os.fdopen(our_out, "wb"), b""
        self.number, self.session, self.errors = 0, None, []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.output.close()
        self.process.terminate()
        self.process.wait()
        os.close(self.input)
        self.folder.cleanup()

    def call(self, method, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        self.output.write(json.dumps(message).encode() + b"\0")
        self.output.flush()
        while True:
            answer = self.message()
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]

    def message(self):
        """The next message of the browser; an event is noted."""
        while b"\0" not in self.pending:
            if not select.select([self.input], [], [], WAIT)[0]:
                raise RuntimeError(f"the browser has not answered for {WAIT} seconds")
            block = os.read(self.input, 65536)
            if not block:
                raise RuntimeError("the browser has ended")
            self.pending += block
        text, _, self.pending = self.pending.partition(b"\0")
        message = json.loads(text)
        details = message.get("params", {})
        if message.get("method") == "Runtime.exceptionThrown":
            self.errors.append(details["exceptionDetails"].get("exception", details["exceptionDetails"]))
        elif message.get("method") == "Runtime.consoleAPICalled":
            self.errors.append(details["args"])
        elif message.get("method") == "Log.entryAdded":
            self.errors.append(details["entry"])
        elif message.get("method") == "Network.requestWillBeSent":
            url = details["request"]["url"]
            if not url.startswith(("file:", "data:", "about:")):
                self.errors.append(f"a request to {url}")
        return message

    def open(self, path):
        self.call("Page.navigate", url=path.as_uri())
        self.run("new Promise((done) => document.readyState === 'complete' ? done() : addEventListener('load', done))")

    def run(self, code):
        """The value of an expression in the page; a promise is awaited."""
        answer = self.call("Runtime.evaluate", expression=code, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"]["exception"].get("description"))
        return answer["result"].get("value")

    def size(self, width, height=900, dark=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def key(self, name):
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=name, code=name)

    def pointer(self, x, y, kind="mouseMoved"):
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="none" if kind == "mouseMoved" else "left",
                  clickCount=0 if kind == "mouseMoved" else 1)

    def screenshot(self, path):
        """Writes the whole page to a PNG file."""
        taken = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(taken["data"]))


def main(page, folder):
    """Screenshots of a page, narrow and wide, light and dark."""
    with Browser(found()) as browser:
        for width, dark in product((360, 1400), (False, True)):
            browser.size(width, dark=dark)
            browser.open(Path(page).resolve())
            browser.size(width, browser.run("document.documentElement.scrollHeight"), dark)
            browser.screenshot(Path(folder) / f"{width}-{'dark' if dark else 'light'}.png")


if __name__ == "__main__":
    main(*sys.argv[1:])
