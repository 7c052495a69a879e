"""Running the program as its users do."""
import fcntl
import json
import os
import pathlib
import pty
import select
import subprocess
import tempfile
import termios
import time
import unittest

PROGRAM = os.environ["SLIPSTREAM_PROGRAM"]
DATA = pathlib.Path(__file__).parents[1] / "data"
TINY = DATA / "golden/llama/model.gguf"
TIMEOUT_S = 300


def smollm2():
    """The real model's path; skips the test where it isn't to be had."""
    folder = os.environ.get("SLIPSTREAM_TEST_MODELS")
    path = pathlib.Path(folder or "") / "SmolLM2-135M-Instruct.Q4_1.gguf"
    if not folder or not path.is_file():
        raise unittest.SkipTest("SLIPSTREAM_TEST_MODELS has no SmolLM2")
    return path


class CliTest(unittest.TestCase):
    """Each test has an empty home of its own and none of the caller's settings."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="slipstream-cli-")
        self.addCleanup(self.folder.cleanup)
        self.home = pathlib.Path(self.folder.name)
        self.environment = {k: v for k, v in os.environ.items()
                            if not k.startswith("SLIPSTREAM_") or k == "SLIPSTREAM_ISA"}
        self.environment.update(HOME=str(self.home), XDG_CONFIG_HOME=str(self.home / "config"),
                                XDG_CACHE_HOME=str(self.home / "cache"),
                                XDG_STATE_HOME=str(self.home / "state"))

    def write(self, name, text):
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def run_cli(self, *args, stdin=None, code=0, **environment):
        """The finished process; `stdin` None is an empty input."""
        done = subprocess.run([PROGRAM, *map(str, args)], input=stdin or "", encoding="utf-8",
                              capture_output=True, timeout=TIMEOUT_S,
                              env={**self.environment, **environment})
        self.assertEqual(done.returncode, code, f"{args}: {done.stdout[-500:]}{done.stderr[-2000:]}")
        return done

    def json(self, *args, **kwargs):
        return json.loads(self.run_cli(*args, "--json", **kwargs).stdout)

    def assert_fails(self, code, text, *args, **kwargs):
        done = self.run_cli(*args, code=code, **kwargs)
        self.assertEqual(done.stdout, "")
        self.assertTrue(done.stderr.startswith("slipstream: error: "), done.stderr)
        self.assertIn(text, done.stderr)

    def at_a_terminal(self, *args, **environment):
        """The process, and the terminal's other end."""
        master, slave = pty.openpty()
        process = subprocess.Popen([PROGRAM, *map(str, args)], stdin=slave, stdout=slave,
                                   stderr=slave, start_new_session=True,
                                   preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
                                   env={**self.environment, "TERM": "dumb", **environment})
        self.addCleanup(os.close, master)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        os.close(slave)
        return process, master

    def read_until(self, fd, text, after=b""):
        """Everything up to `text`, which must come behind `after`."""
        seen = b""
        deadline = time.monotonic() + 60
        while text not in (seen.partition(after)[2] if after else seen):
            ready, _, _ = select.select([fd], [], [], 3)
            if ready:
                seen += os.read(fd, 65536)
            self.assertLess(time.monotonic(), deadline, seen)
        return seen
