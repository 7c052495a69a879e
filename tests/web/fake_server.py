#!/usr/bin/env python3
"""A stand-in for `slipstream serve`: the page of web/, with canned answers to what it asks.

The words of the last message's last paragraph choose what happens (see REPLIES and FAILURES).
Alone it serves until it is stopped: fake_server.py [PORT]
"""
import http.server
import json
import pathlib
import socket
import sys
import threading
import time

WEB = pathlib.Path(__file__).resolve().parents[2] / "web"
MEDIA_TYPES = {".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8",
               ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}

MARKDOWN = """## A short tour

The prompt is read at once, in **prefill**; then each pass gives *one* token. See
[the paper](https://example.org/paper "title") or https://example.org/b.

1. Read the prompt
   - in chunks of `512` tokens
   - pages of the KV cache fill up
2. Draw tokens until the end

> Latency is what a reader feels.

| phase | bound by | tokens/s |
|:------|:--------:|---------:|
| prefill | arithmetic | 879 |
| decode | bandwidth | 222 |

```python
def decode(session, token):
    while token != session.end:
        yield token
        token = session.next(token)  # one pass through all layers, and a line that is long
```
"""
HOSTILE = """<script>window.hacked = 1</script><img src=x onerror="window.hacked = 1">

[click](javascript:window.hacked=1) [data](data:text/html,<script>1</script>)
[x](https://example.org/"onmouseover="window.hacked=1)
![picture](https://tracker.example/pixel.png)

| <b onclick="window.hacked=1">a</b> | b |
|---|---|
| <svg onload=window.hacked=1> | <iframe src="https://evil.example"></iframe> |

```html"><script>window.hacked = 1</script>
</code></pre><script>window.hacked = 1</script>
```
"""
REPLIES = {"markdown": MARKDOWN, "hostile": HOSTILE}

# Words of a message, and the response's status, error and further headers.
FAILURES = {
    "busy": (429, {"type": "rate_limit_error", "message": "too many requests"},
             {"Retry-After": "7"}),
    "loading": (503, {"type": "unavailable_error", "message": "Loading model"}, {}),
    "overlong": (400, {"type": "exceed_context_size_error", "n_prompt_tokens": 9000,
                       "n_ctx": 4096, "message": "too long"}, {}),
    "broken": (500, {"type": "server_error", "message": "a page is missing"}, {}),
}


def pieces(text, size=4):
    return [text[begin:begin + size] for begin in range(0, len(text), size)]


class State:
    """What the server's users set and look at."""

    def __init__(self):
        self.api_key = ""
        self.delay_s = 0.0
        self.has_metrics = True
        self.requests = []  # the bodies of all completions
        self.n_stopped = 0  # clients that left before the end
        self.started = time.monotonic()
        self.n_polls = 0


def metrics_text(state):
    """Numbers that grow from poll to poll, in the shape of docs/web.md."""
    state.n_polls += 1
    n = state.n_polls
    wave = [0, 1, 3, 4, 6, 5, 3, 2][n // 2 % 8]
    label = '{model_name="tiny",engine="0"}'
    lines = ["# HELP slipstream_num_requests_running Requests in a batch.",
             "# TYPE slipstream_num_requests_running gauge"]
    for name, value in {
            "num_requests_running": 2 + wave, "num_requests_waiting": max(0, wave - 3),
            "kv_cache_usage_perc": 0.25 + wave / 12, "num_preemptions_total": n // 9,
            "prefix_cache_queries_total": 400 * n, "prefix_cache_hits_total": 260 * n,
            "prompt_tokens_total": 400 * n + 60 * wave,
            "generation_tokens_total": 180 * n + 20 * wave}.items():
        lines.append(f"slipstream_{name}{label} {value}")
    lines.append('slipstream_cache_config_info{block_size="32",num_cpu_blocks="2048",'
                 'num_bytes="402653184"} 1')
    lines.append("process_resident_memory_bytes 7.1e+08")
    for name, bounds, shares in (
            ("time_to_first_token_seconds", (0.05, 0.1, 0.25, 0.5), (1, 4, 5)),
            ("inter_token_latency_seconds", (0.004, 0.008, 0.025, 0.1), (40, 90, 8))):
        total = 0
        for bound, share in zip(bounds, (*shares, 1)):
            total += share * n + wave * (share > 3)
            lines.append(f'slipstream_{name}_bucket{{engine="0",le="{bound}"}} {total}')
        lines.append(f'slipstream_{name}_bucket{{engine="0",le="+Inf"}} {total}')
    return "\n".join(lines) + "\n"


def trace_events(n_requests=12):
    events = []
    for i in range(n_requests):
        begin = 1_000_000 + 400_000 * i
        for name, ms in (("queued", (i * 37) % 90), ("prefill", 60 + (i * 53) % 300),
                         ("decode", 400 + (i * 311) % 1500)):
            events.append({"ph": "X", "name": name, "ts": begin, "dur": ms * 1000, "pid": 1,
                           "tid": i, "args": {"request_id": f"chatcmpl-{0xa3f1 + 977 * i:x}"}})
            begin += ms * 1000
    return events + [{"ph": "M", "name": "process_name", "args": {"name": "slipstream"}}]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def state(self):
        return self.server.state

    def log_message(self, *_):
        pass

    def answer(self, status, body, media_type="application/json", headers=()):
        data = body if isinstance(body, bytes) else body.encode()
        self.send_response(status)
        for name, value in (("Content-Type", media_type), ("Content-Length", str(len(data))),
                            *headers):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def fail(self, status, error, headers=()):
        self.answer(status, json.dumps({"error": error}), headers=headers)

    def is_let_in(self):
        wanted = self.state.api_key
        if not wanted or self.headers.get("Authorization") == f"Bearer {wanted}":
            return True
        self.fail(401, {"type": "authentication_error", "message": "Invalid API key"})
        return False

    def do_GET(self):
        path = self.path.split("?")[0]
        if path in ("/v1/models", "/metrics", "/debug/trace") and not self.is_let_in():
            return
        if path == "/v1/models":
            names = ("tiny-instruct", "tiny-coder")
            data = [{"id": name, "object": "model"} for name in names]
            self.answer(200, json.dumps({"object": "list", "data": data}))
        elif path == "/metrics" and self.state.has_metrics:
            self.answer(200, metrics_text(self.state), "text/plain; version=0.0.4")
        elif path == "/debug/trace":
            self.answer(200, json.dumps({"traceEvents": trace_events()}))
        else:
            self.answer_file(path)

    def answer_file(self, path):
        file = WEB / ("index.html" if path == "/" else path.lstrip("/"))
        if file.parent != WEB or file.suffix not in MEDIA_TYPES or not file.is_file():
            self.fail(404, {"type": "not_found_error", "message": f"no {path}"})
            return
        lines = (WEB / "headers.txt").read_text().splitlines()
        self.answer(200, file.read_bytes(), MEDIA_TYPES[file.suffix],
                    [line.split(": ", 1) for line in lines])

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.state.requests.append(body)
        if not self.is_let_in():
            return
        message = body["messages"][-1]["content"].split("\n\n")[-1]
        for word, (status, error, headers) in FAILURES.items():
            if word in message:
                self.fail(status, error, headers.items())
                return
        try:
            self.stream(message)
        except (BrokenPipeError, ConnectionResetError):
            self.state.n_stopped += 1

    def send_chunk(self, data, end="\n\n"):
        payload = f"data: {data if isinstance(data, str) else json.dumps(data)}{end}".encode()
        self.wfile.write(f"{len(payload):x}\r\n".encode() + payload + b"\r\n")
        self.wfile.flush()

    def stream(self, message):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        endless = "endless" in message
        reply = next((text for word, text in REPLIES.items() if word in message), None)
        texts = pieces(reply or f"You said: {message}") if not endless else ["word "] * 2000
        self.send_chunk({"choices": [{"delta": {"role": "assistant", "content": ""}}]})
        if "tagged" in message:
            texts = pieces("<think>\nHm, let me see.</think>\n\nDone.")
        elif "think" in message:
            self.send_chunk({"choices": [{"delta": {"reasoning_content": "Let me see."}}]})
        for i, text in enumerate(texts):
            if "cut" in message and i == 3:
                self.close_connection = True
                return
            if "fails late" in message and i == 3:
                self.send_chunk({"error": {"code": 500, "message": "the engine stopped"}})
                break
            self.send_chunk({"choices": [{"delta": {"content": text}, "finish_reason": None}]})
            time.sleep(self.state.delay_s or (0.01 if endless else 0))
        reason = "length" if "at length" in message else "stop"
        self.send_chunk({"choices": [{"delta": {}, "finish_reason": reason}]})
        self.send_chunk({"choices": [], "usage": {"completion_tokens": len(texts)}})
        self.send_chunk("[DONE]")
        self.wfile.write(b"0\r\n\r\n")


class FakeServer(http.server.ThreadingHTTPServer):
    """Runs on a thread between start() and stop(); may be started again on the same port."""
    daemon_threads = True

    def __init__(self, port=0):
        self.state = State()
        self.connections = set()
        super().__init__(("127.0.0.1", port), Handler)

    def process_request(self, request, client_address):
        self.connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request):
        self.connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], ConnectionError):  # browsers leave without a word
            super().handle_error(request, client_address)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/"

    def start(self):
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def stop(self):
        self.shutdown()
        self.server_close()
        for connection in list(self.connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # closed meanwhile


def main():
    server = FakeServer(int(sys.argv[1]) if len(sys.argv) > 1 else 8080)
    server.state.delay_s = 0.02
    print(server.url, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
