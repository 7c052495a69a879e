"""Clients that misbehave: after each, the server answers others as before, and at the end it has
lost no descriptor and leaves with code 0.
"""
import contextlib
import json
import os
import resource
import socket
import struct
import time
import unittest
import urllib.error
import urllib.request

from cli_support import smollm2
from serving import TIMEOUT_S, Serving

KEY = "secret"
N_RUNNING, N_WAITING = 2, 4
LONG_PROMPT = "The history of the steam engine is long. " * 180
MAX_CONNECTIONS = 4096  # ServerOptions::max_connections


def message(path, body, *headers):
    """A request as bytes; `body` a JSON value, or bytes as they are."""
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    lines = [f"POST {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {KEY}",
             f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def endless(prompt="Once upon a time", **fields):
    """A request that ends when the context does."""
    return message("/v1/completions", {"prompt": prompt, "max_tokens": 2048, "ignore_eos": True,
                                       "stream": True, **fields})


def read_all(connection):
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := connection.recv(65536):
            received += piece
    return received


def status_of(answer):
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else None


class FaultsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Serving("-m", smollm2(), "-a", "smol", "--max-model-len", 2048, "-c", 16384,
                             "--temp", 0, "-np", N_RUNNING, "--queue", N_WAITING, "--api-key", KEY)
        cls.server.wait_for("(ready): smol")
        host, _, port = cls.server.url.rpartition("//")[2].rpartition(":")
        cls.address = (host, int(port))
        cls.expected = cls.normal_answer()
        cls.n_open = cls.metric("process_open_fds")

    @classmethod
    def tearDownClass(cls):
        cls.wait_until(lambda: cls.metric("process_open_fds") <= cls.n_open)
        code = cls.server.stop()
        assert code == 0, f"the server left with code {code}"

    def tearDown(self):
        self.wait_for_idle()
        self.assertEqual(self.normal_answer(), self.expected)

    @classmethod
    def ask(cls, path, body=None, key=KEY):
        """Status, headers and text of a well-behaved client's answer."""
        request = urllib.request.Request(cls.server.url + path, body,
                                         {"Authorization": f"Bearer {key}"})
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
                return answer.status, answer.headers, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, error.read().decode()

    @classmethod
    def normal_answer(cls):
        body = {"prompt": "One, two, three,", "max_tokens": 12, "logprobs": 2}
        status, _, text = cls.ask("/v1/completions", json.dumps(body).encode())
        return status, json.loads(text)["choices"] if status == 200 else text

    @classmethod
    def metric(cls, name, label=""):
        _, _, text = cls.ask("/metrics")
        return sum(float(line.rpartition(" ")[2]) for line in text.splitlines()
                   if line.partition("{")[0].partition(" ")[0] == name and label in line)

    @staticmethod
    def wait_until(holds):
        deadline = time.monotonic() + TIMEOUT_S
        while not holds():
            assert time.monotonic() < deadline, "waited in vain"
            time.sleep(0.02)

    def wait_for_idle(self):
        self.wait_until(lambda: self.metric("slipstream_num_requests_running") +
                        self.metric("slipstream_num_requests_waiting") == 0)

    def n_aborted(self):
        return self.metric("slipstream_request_success_total", 'finished_reason="abort"')

    def connect(self):
        connection = socket.create_connection(self.address, timeout=TIMEOUT_S)
        self.addCleanup(connection.close)
        return connection

    def send(self, data):
        connection = self.connect()
        connection.sendall(data)
        return connection

    def answer_to(self, data):
        """All that the server says until it closes the connection."""
        return read_all(self.send(data))

    def begin_stream(self, **fields):
        """A connection whose answer is under way."""
        connection = self.send(endless(**fields))
        received = b""
        while b"data: " not in received:
            piece = connection.recv(4096)
            self.assertTrue(piece, received)
            received += piece
        return connection

    def vanish(self, connection, how):
        if how == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    def test_vanishing_before_a_request_is_whole(self):
        whole = endless()
        head_end = whole.index(b"\r\n\r\n") + 4
        for how in ("close", "reset"):
            for n_sent in (0, 1, 30, head_end - 1, head_end, head_end + 10, len(whole) - 1):
                with self.subTest(how=how, n_sent=n_sent):
                    before = self.metric("slipstream_generation_tokens_total")
                    self.vanish(self.send(whole[:n_sent]), how)
                    self.assertEqual(self.metric("slipstream_generation_tokens_total"), before)

    def test_vanishing_while_answered_drops_the_work(self):
        for how in ("close", "reset"):
            for stage in ("prefill", "decoding", "whole"):
                with self.subTest(how=how, stage=stage):
                    before = self.n_aborted()
                    if stage == "decoding":
                        connection = self.begin_stream()
                    else:
                        prompt = LONG_PROMPT if stage == "prefill" else "Once"
                        connection = self.send(endless(f"{how} {prompt}", stream=False))
                        self.wait_until(
                            lambda: self.metric("slipstream_num_requests_running") == 1)
                    self.vanish(connection, how)
                    self.wait_for_idle()
                    self.wait_until(lambda: self.n_aborted() == before + 1)

    def test_vanishing_in_the_queue(self):
        running = [self.begin_stream() for _ in range(N_RUNNING)]
        waiting = [self.send(endless()) for _ in range(N_WAITING)]
        self.wait_until(
            lambda: self.metric("slipstream_num_requests_waiting") == N_WAITING)
        for connection in waiting:
            connection.close()
        self.wait_until(lambda: self.metric("slipstream_num_requests_waiting") == 0)
        self.assertEqual(self.metric("slipstream_num_requests_running"), N_RUNNING)
        for connection in running:
            self.assertTrue(connection.recv(65536))
            connection.close()

    def test_a_full_queue(self):
        held = [self.begin_stream() for _ in range(N_RUNNING)]
        held += [self.send(endless()) for _ in range(N_WAITING)]
        self.wait_until(
            lambda: self.metric("slipstream_num_requests_waiting") == N_WAITING)
        status, headers, text = self.ask("/v1/completions", b'{"prompt": "a"}')
        self.assertEqual(status, 429)
        self.assertIn(int(headers["Retry-After"]), range(1, 61))
        self.assertEqual(json.loads(text)["error"]["type"], "rate_limit_error")
        self.assertEqual(self.ask("/health")[0], 200)
        for connection in held:
            connection.close()

    def test_half_closed_and_slow_clients(self):
        silent = self.connect()
        slow = self.send(b"GET /v1/models HTTP/1.1\r\n")
        half = self.send(endless()[:40])
        half.shutdown(socket.SHUT_WR)
        self.assertIn(status_of(read_all(half)), (None, 400, 408))
        # One that has sent its request and closes its half looks like one that has left.
        whole = self.send(endless())
        whole.shutdown(socket.SHUT_WR)
        read_all(whole)
        self.wait_for_idle()
        slow.settimeout(1)
        received = b""
        for i in range(TIMEOUT_S):  # a header a second doesn't move the deadline
            with contextlib.suppress(TimeoutError, BrokenPipeError, ConnectionResetError):
                slow.sendall(b"X-%d: x\r\n" % i)
                received = slow.recv(65536)
            if received:
                break
        self.assertEqual(status_of(received), 408)
        self.assertEqual(read_all(silent), b"")

    def test_malformed_http(self):
        for data, status in [
                (b"nonsense\r\n\r\n", 400), (b"\0\1\2\3\r\n\r\n", 400),
                (b"GET / HTTP/3.0\r\n\r\n", 505), (b"GET  HTTP/1.1\r\n\r\n", 400),
                (b"GET /\x01 HTTP/1.1\r\n\r\n", 400), (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
                (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
                (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
                (b"POST / HTTP/1.1\r\nContent-Length: 1\r\n"
                 b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
                (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
                (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: br\r\n\r\n", 501),
                (b"GET /" + b"a" * 40000 + b" HTTP/1.1\r\n\r\n", 431),
                (b"GET / HTTP/1.1\r\n" + b"X-Many: x\r\n" * 4000 + b"\r\n", 431)]:
            with self.subTest(data[:60]):
                answer = self.answer_to(data)
                self.assertEqual(status_of(answer), status, answer)
                self.assertIn("message", json.loads(answer.partition(b"\r\n\r\n")[2])["error"])

    def test_malformed_json(self):
        for body in [b"", b"{", b"[]", b"1", b"null", b'"a"', b"\xff\xfe", b"{\"prompt\": \"\xff\"}",
                     b'{"prompt": "a"} {}', b'{"prompt": "a", }', b'{"prompt": NaN}',
                     b'{"prompt": "\\ud800"}', b'{"prompt": "a", "temperature": 1e999}',
                     b'{"a": ' + b"[" * 100_000, b'{"prompt": ' + b'[' * 300 + b']' * 300 + b'}',
                     b'{"prompt": "a", "n": 99999999999999999999}', b'{"prompt": [[[1]]]}']:
            for path in ("/v1/completions", "/v1/chat/completions", "/v2/models/smol/infer",
                         "/v2/models/smol/generate"):
                with self.subTest(path=path, body=body[:40]):
                    status, _, text = self.ask(path, body)
                    self.assertEqual(status, 400, text)
                    self.assertTrue(json.loads(text)["error"])

    def test_a_prompt_of_10_mb_is_refused_while_others_decode(self):
        with self.begin_stream() as stream:
            n_pieces = 0
            text = "".join(f"Line {i} of a file that does not end. " for i in range(270_000))
            big = self.send(message("/v1/completions", {"prompt": text[:10_000_000]},
                                    "Connection: close"))
            big.setblocking(False)
            answer = b""
            while b"\r\n\r\n" not in answer:
                self.assertTrue(stream.recv(65536))
                n_pieces += 1
                with contextlib.suppress(BlockingIOError):
                    answer += big.recv(65536)
        big.setblocking(True)
        answer += read_all(big)
        self.assertEqual(status_of(answer), 400)
        error = json.loads(answer.partition(b"\r\n\r\n")[2])["error"]
        self.assertEqual(error["type"], "exceed_context_size_error")
        self.assertEqual(error["n_ctx"], 2048)
        self.assertGreater(error["n_prompt_tokens"], 1_000_000)
        self.assertGreater(n_pieces, 3)

    def test_bodies_over_the_limit(self):
        head = b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer secret\r\n"
        answer = self.answer_to(head + b"Content-Length: 33554433\r\n\r\n")
        self.assertEqual(status_of(answer), 413)
        connection = self.send(head + b"Transfer-Encoding: chunked\r\n\r\n")
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for _ in range(34):
                connection.sendall(b"100000\r\n" + b" " * 0x100000 + b"\r\n")
        self.assertEqual(status_of(read_all(connection)), 413)

    def open_many(self, n):
        """Opens n connections at once; those over the bound are turned away."""
        connections = []
        try:
            for _ in range(n):
                connections.append(socket.create_connection(self.address, timeout=TIMEOUT_S))
            answers = [read_all(connection) for connection in connections[MAX_CONNECTIONS:]]
        finally:
            for connection in connections:
                connection.close()
        told = [answer for answer in answers if answer]
        for answer in told:
            self.assertEqual(status_of(answer), 503, answer)
            self.assertIn(b"Retry-After: 1\r\n", answer)
        self.assertGreaterEqual(len(told), 64)  # the rest, hundreds at once, without a word

    def test_ten_thousand_connections(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        n = min(10_000, hard - 100)
        if n <= MAX_CONNECTIONS or self.metric("process_max_fds") < MAX_CONNECTIONS + 500:
            self.skipTest("the system allows too few open files")
        memory = []
        for _ in range(3):
            self.open_many(n)
            self.wait_until(lambda: self.ask("/health")[0] == 200)
            memory.append(self.metric("process_resident_memory_bytes"))
        if "ASAN_OPTIONS" not in os.environ:  # that sanitizer keeps for a while what was freed
            self.assertLess(memory[2], memory[0] + (8 << 20))

    def test_keys_and_unknown_fields(self):
        for key in ("", "wrong", KEY + "x", KEY[:-1], "x" * 10_000):
            status, headers, text = self.ask("/v1/models", key=key)
            self.assertEqual(status, 401)
            self.assertEqual(headers["WWW-Authenticate"], "Bearer")
            self.assertEqual(json.loads(text)["error"]["code"], "invalid_api_key")
        body = {"prompt": "One, two, three,", "max_tokens": 12, "logprobs": 2, "user": "me",
                "no_such_field": [{"a": [1, None]}], "prompt ": 5}
        status, _, text = self.ask("/v1/completions", json.dumps(body).encode())
        self.assertEqual((status, json.loads(text)["choices"]), self.expected)


if __name__ == "__main__":
    unittest.main()
