"""A server as a process, for tests that ask it."""
import json
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

from cli_support import PROGRAM

TIMEOUT_S = 300


class Serving:
    """A server of its own for a test class."""

    def __init__(self, *options):
        self.folder = tempfile.TemporaryDirectory(prefix="slipstream-serve-")
        home = pathlib.Path(self.folder.name)
        environment = {k: v for k, v in os.environ.items()
                       if not k.startswith("SLIPSTREAM_") or k == "SLIPSTREAM_ISA"}
        environment.update(HOME=str(home), XDG_CONFIG_HOME=str(home), XDG_CACHE_HOME=str(home))
        self.log = open(home / "log", "w+")
        self.process = subprocess.Popen([PROGRAM, "serve", "--port", "0", *map(str, options)],
                                        stderr=self.log, stdout=subprocess.PIPE, env=environment)
        self.url = self.wait_for(r"listening on (\S+)")

    def text(self):
        self.log.seek(0)
        return self.log.read()

    def wait_for(self, pattern):
        deadline = time.monotonic() + TIMEOUT_S
        while not (found := re.search(pattern, self.text())):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(self.text())
            time.sleep(0.05)
        return found[1]

    def request(self, path, body=None):
        """Status and JSON (or text) of the answer."""
        data = None if body is None else json.dumps(body).encode()
        try:
            with urllib.request.urlopen(self.url + path, data, timeout=TIMEOUT_S) as answer:
                status, text = answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read().decode()
        return status, json.loads(text) if text[:1] in "{[" else text

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def wait(self):
        code = self.process.wait(TIMEOUT_S)
        self.process.stdout.close()
        self.log.close()
        self.folder.cleanup()
        return code
