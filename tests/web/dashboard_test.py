"""The dashboard: what it reads of /metrics and /debug/trace, and how it outlives failures."""
import re
import unittest

from web_support import PageCase, expect

TEXT = r"""# TYPE slipstream_x_seconds histogram
slipstream_x_seconds_bucket{engine="0",le="0.1"} 2
slipstream_x_seconds_bucket{engine="0",le="0.2"} 6
slipstream_x_seconds_bucket{engine="0",le="+Inf"} 8
slipstream_x_seconds_bucket{engine="1",le="0.1"} 2
slipstream_x_seconds_bucket{engine="1",le="0.2"} 2
slipstream_x_seconds_bucket{engine="1",le="+Inf"} 2
slipstream_y{model_name="a \"b\" } \\n\n",engine="0"} 1.5e+1 1700000000000
vllm:y{engine="1"} 2
nothing here
z NaN
"""


class Reading(PageCase):
    def evaluate(self, body, argument=None):
        return self.page.evaluate(f"async (text) => {{ {body} }}", argument)

    def test_prometheus_text(self):
        self.assertEqual(self.evaluate("""
            const { Metrics } = await import("./prometheus.js");
            const metrics = new Metrics(text);
            return [metrics.sum("y"), metrics.max("y"), metrics.sum("none"),
                    metrics.sumLabel("y", "engine"), metrics.buckets("none"),
                    metrics.buckets("x_seconds").map(({ count }) => count)];
        """, TEXT), [17, 15, None, 1, [], [4, 8, 10]])

    def test_quantiles_are_prometheus_ones(self):
        self.assertEqual(self.evaluate("""
            const { quantile, bucketsBetween } = await import("./prometheus.js");
            const at = (...counts) =>
                [1, 2, Infinity].map((bound, i) => ({ bound, count: counts[i] }));
            return [quantile(at(4, 8, 8), 0.5), quantile(at(4, 8, 8), 0.75),
                    quantile(at(0, 0, 3), 0.5), quantile(at(0, 0, 0), 0.5), quantile([], 0.5),
                    quantile(bucketsBetween(at(4, 4, 4), at(4, 8, 8)), 0.5)];
        """), [1, 1.5, 2, None, None, 1.5])

    def test_rates_gaps_and_restarts(self):
        self.assertEqual(self.evaluate("""
            const { MetricsHistory } = await import("./metrics_history.js");
            const { Metrics } = await import("./prometheus.js");
            const history = new MetricsHistory();
            const poll = (time, tokens) => history.add(time,
                new Metrics(`slipstream_generation_tokens_total ${tokens}\\n`)).generated;
            const rates = [poll(0, 100), poll(1000, 150), poll(2000, 250)];
            rates.push(poll(3000, 10), poll(4000, 30));
            history.addGap(5000);
            rates.push(history.points.at(-1).generated, poll(6000, 50), poll(7000, 60));
            for (let time = 8000; time < 300000; time += 1000) poll(time, 60);
            return [...rates, history.points.length];
        """), [None, 50, 75, None, 20, None, None, 10, 121])

    def test_spans_of_requests(self):
        events = [{"ph": "X", "name": name, "ts": ts, "dur": dur, "tid": ord(who),
                   "args": {"request_id": who if who != "d" else "a"}}
                  for name, ts, dur, who in (
                      ("queued", 0, 5, "a"), ("prefill", 5, 10, "a"), ("decode", 15, 20, "a"),
                      ("queued", 35, 5, "a"), ("decode", 40, 5, "a"), ("queued", 7, 1, "b"),
                      ("other", 0, 900, "a"), ("decode", 0, -1, "c"), ("decode", 90, 1, "d"))]
        events += [{"ph": "M", "name": "queued"}, {"ph": "X", "name": "queued", "args": None}]
        requests = self.evaluate("""
            const { requestsOf } = await import("./requests_table.js");
            return requestsOf(text).map(
                ({ id, begin, end, spans }) => [id, begin, end, spans.length]);
        """, events)
        self.assertEqual(requests, [["a", 90, 91, 1], ["b", 7, 8, 1], ["a", 0, 45, 5]])

    def test_numbers_are_short(self):
        self.assertEqual(self.evaluate("""
            const format = await import("./format.js");
            return [...[0.00532, 1.7, 0, null].map(format.formatSeconds), format.formatShare(0.657),
                    format.formatBytes(402653184), format.formatCount(12345),
                    format.formatNumber(7383.2), format.formatNumber(NaN)];
        """), ["5.32 ms", "1.7 s", "0 ms", "–", "65.7 %", "384 MiB", "12,345", "7383", "–"])


class Dashboard(PageCase):
    def setUp(self):
        super().setUp()
        self.page.get_by_role("link", name="Dashboard").click()
        self.status = self.page.locator("#connection")

    def panel(self, title):
        return self.page.locator(".panel", has=self.page.get_by_role("heading", name=title))

    def test_shows_every_figure(self):
        expect(self.status).to_have_text("Live, updated every second.")
        number = r"[\d.,]+"
        for title, pattern in (
                ("Time to first token", rf"median{number} ms.*95 %{number} ms"),
                ("Inter-token latency", rf"median{number} ms.*95 %{number} ms"),
                ("Tokens per second", rf"generated{number}.*prompt{number}"),
                ("Requests", rf"running{number}.*queued{number}"),
                ("KV cache", rf"in use{number} %.*prefix hits65 %.*{number} of 2,048 pages, "
                             rf"{number} MiB of 384 MiB"),
                ("Pre-emptions", r"since the server started\d+.*677 MiB of memory")):
            expect(self.panel(title)).to_have_text(re.compile(pattern))
        expect(self.panel("Tokens per second").get_by_role("img")).to_have_attribute(
            "aria-label", re.compile(r"^Tokens per second over the last two minutes: now generated "
                                     r"\d+, prompt \d+; the highest is \d+\.$"))
        drawn = self.panel("Requests").locator(".line-0")
        expect(drawn).to_have_attribute("d", re.compile("M.*L"))

    def test_requests_have_timelines(self):
        rows = self.page.locator(".requests tbody tr")
        expect(rows).to_have_count(12)
        expect(rows.first).to_contain_text("chatcmpl-cdec")
        expect(rows.first).to_contain_text("47 ms")
        self.assertEqual(rows.first.locator("rect").evaluate_all(
            "(all) => all.map((one) => one.classList[0])"), ["queued", "prefill", "decode"])

    def test_connects_again(self):
        expect(self.status).to_have_text("Live, updated every second.")
        port = self.server.server_address[1]
        self.server.stop()
        expect(self.status).to_have_text(re.compile("The server cannot be reached.* Trying again"))
        self.server = type(self.server)(port).start()
        expect(self.status).to_have_text("Live, updated every second.")

    def test_needs_the_key(self):
        self.server.state.api_key = "sesame"
        expect(self.status).to_contain_text("The server asks for an API key.")
        self.page.get_by_role("button", name="Settings").click()
        self.page.get_by_label("API key").fill("sesame")
        self.page.get_by_role("button", name="Close").click()
        expect(self.status).to_have_text("Live, updated every second.")

    def test_server_without_metrics(self):
        self.server.state.has_metrics = False
        expect(self.status).to_have_text("This server has no metrics.")

    def test_polls_only_while_it_is_shown(self):
        expect(self.status).to_have_text("Live, updated every second.")
        self.page.go_back()
        expect(self.page.get_by_role("textbox", name="Message", exact=True)).to_be_visible()
        self.page.wait_for_timeout(300)
        n_polls = self.server.state.n_polls
        self.page.wait_for_timeout(2500)
        self.assertEqual(self.server.state.n_polls, n_polls)
        self.page.go_forward()
        expect(self.panel("Requests")).to_be_visible()
        self.page.wait_for_timeout(2500)
        self.assertGreater(self.server.state.n_polls, n_polls)


if __name__ == "__main__":
    unittest.main()
