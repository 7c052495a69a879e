"""Processes that end with the block they are for, whatever ends it."""
import http.client
import os
import socket
import subprocess
import tempfile
import time

from . import Failure
from .process import clean_environment, last_line

GRACE_S = 10  # from asking to end to ending by force


class Child:
    """A process without input whose output goes to files."""

    def __init__(self, command):
        command = [str(word) for word in command]
        self.name = os.path.basename(command[0])
        self.output, self.errors = tempfile.TemporaryFile(), tempfile.TemporaryFile()
        try:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.output,
                                            stderr=self.errors, env=clean_environment({}))
        except OSError as error:
            self.close()
            raise Failure(f"{command[0]}: {error.strerror}") from error

    def close(self):
        self.output.close()
        self.errors.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(GRACE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.close()

    def is_running(self):
        return self.process.poll() is None

    def said(self):
        """The last that it had to say."""
        self.errors.seek(0)
        return last_line(self.errors.read().decode(errors="replace")) or "no message"

    def finish(self, timeout_s):
        """What it wrote, once it has ended well."""
        try:
            code = self.process.wait(timeout_s)
        except subprocess.TimeoutExpired as error:
            raise Failure(f"{self.name} ran for more than {timeout_s} s") from error
        if code != 0:
            raise Failure(f"{self.name} ended with {code}: {self.said()}")
        self.output.seek(0)
        return self.output.read().decode(errors="replace")

    def memory(self):
        """Resident bytes: now, and at most so far."""
        found = {}
        try:
            with open(f"/proc/{self.process.pid}/status", encoding="ascii", errors="replace") as file:
                for line in file:
                    key, _, value = line.partition(":")
                    if key in ("VmRSS", "VmHWM"):
                        found[key] = int(value.split()[0]) * 1024
        except OSError:
            pass
        if len(found) < 2:
            raise Failure(f"{self.name} has ended: {self.said()}")
        return found["VmRSS"], found["VmHWM"]


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


class Server(Child):
    """An HTTP server on a port of 127.0.0.1 that is ready when its /health says so."""

    def __init__(self, command, port):
        super().__init__(command)
        self.port = port

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def wait_until_ready(self, timeout_s=120):
        deadline = time.monotonic() + timeout_s
        while not self.is_ready():
            if not self.is_running():
                raise Failure(f"{self.name} ended at its start: {self.said()}")
            if time.monotonic() > deadline:
                raise Failure(f"{self.name} wasn't ready within {timeout_s} s: {self.said()}")
            time.sleep(0.05)

    def is_ready(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
