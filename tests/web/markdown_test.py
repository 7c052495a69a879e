"""Markdown as the page renders it: what is made of it, and that nothing in it can do harm."""
import unittest

from web_support import PageCase, expect

# Texts that make careless parsers slow; each a few hundred kilobytes at most.
SLOW = {"brackets": "[" * 100_000, "stars": "*a " * 50_000, "mixed": "*a_ " * 30_000,
        "ticks": "`" * 100_000, "links": "[a](" * 20_000, "url": "https://" + "." * 100_000 + "x",
        "code": "` " + "a" * 100_000 + "`", "quotes": "> " * 50_000 + "x",
        "items": "- " * 50_000 + "x", "list": "- a\n" * 10_000, "deep": "\n".join(
            "  " * i + "- a" for i in range(300)),
        "table": "|a" * 20_000 + "\n" + "|-" * 20_000, "blanks": " " * 100_000 + "x",
        "rules": "-" * 19_000 + "x", "images": "![" * 50_000, "emphasis": "**a *b " * 20_000}

RENDER = """async (text) => {
    const { MarkdownView } = await import("./markdown.js");
    const root = document.createElement("div");
    document.body.append(root);
    const begin = performance.now();
    new MarkdownView(root).show(text);
    const ms = performance.now() - begin;
    const html = root.innerHTML;
    root.remove();
    return { html, ms };
}"""


class Markdown(PageCase):
    def html(self, text):
        return self.page.evaluate(RENDER, text)["html"]

    def expect_html(self, cases):
        for text, html in cases.items():
            with self.subTest(text):
                self.assertEqual(self.html(text), html)

    def test_inline(self):
        self.expect_html({
            "a **b** *c* `d*e*` ~~f~~": "<p>a <strong>b</strong> <em>c</em> <code>d*e*</code> "
                                        "<del>f</del></p>",
            "***a*** **b *c* d**": "<p><em><strong>a</strong></em> <strong>b <em>c</em> d"
                                   "</strong></p>",
            "snake_case_name, 2 * 3 * 4, **open": "<p>snake_case_name, 2 * 3 * 4, **open</p>",
            "\\*a\\* ``b`c`` a<br>b": "<p>*a* <code>b`c</code> a<br>b</p>",
            "one\ntwo": "<p>one<br>two</p>",
            "&amp; & <b>": "<p>&amp;amp; &amp; &lt;b&gt;</p>"})

    def test_blocks(self):
        self.expect_html({
            "# a\n## b #\n###### c": "<h3>a</h3><h4>b</h4><h6>c</h6>",
            "- a\n  - b\n- c": "<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>",
            "3. a\n4. b\n\ntext": '<ol start="3"><li>a</li><li>b</li></ol><p>text</p>',
            "1. a\n\n   more\n2. b": "<ol><li>a<p>more</p></li><li>b</li></ol>",
            "> a\nb\n\nc": "<blockquote><p>a<br>b</p></blockquote><p>c</p>",
            "a\n\n---\nb": "<p>a</p><hr><p>b</p>",
            "#no heading": "<p>#no heading</p>"})

    def test_table(self):
        html = self.html("| a | b |\n|:-:|--:|\n| `x` | 1 \\| 2 |\n| y |\n\nend")
        self.assertIn('<th class="align-center" scope="col">a</th>', html)
        self.assertIn('<td class="align-center"><code>x</code></td><td class="align-right">1 | 2'
                      '</td>', html)
        self.assertIn('<td class="align-center">y</td><td class="align-right"></td>', html)
        self.assertTrue(html.endswith("<p>end</p>"))

    def test_code_block(self):
        html = self.html("```c++\nif (a < b && c) {\n  *d = \"e\";\n}\n```\nafter")
        self.assertIn("<code>if (a &lt; b &amp;&amp; c) {\n  *d = \"e\";\n}</code>", html)
        self.assertIn("<span>c++</span>", html)
        self.assertTrue(html.endswith("<p>after</p>"))
        # While it streams in, its end isn't there yet.
        self.assertIn("<code>x\n\ny</code>", self.html("~~~\nx\n\ny"))

    def test_links(self):
        link = '<a href="{0}" target="_blank" rel="noopener noreferrer nofollow">{1}</a>'
        self.expect_html({
            "[a *b*](https://e.org/x_(y))": "<p>" + link.format("https://e.org/x_(y)",
                                                                "a <em>b</em>") + "</p>",
            "(https://e.org/a).": "<p>(" + link.format("https://e.org/a", "https://e.org/a")
                                  + ").</p>",
            "<mailto:a@e.org>": "<p>" + link.format("mailto:a@e.org", "mailto:a@e.org") + "</p>",
            "[[x](https://e.org/1)](https://e.org/2)": "<p>" + link.format("https://e.org/2", "x")
                                                       + "</p>",
            "![pic](https://e.org/p.png)": "<p>" + link.format("https://e.org/p.png", "pic")
                                           + "</p>"})
        for url in ("javascript:alert(1)", "JaVaScRiPt:alert(1)", " javascript:alert(1)",
                    "java\tscript:alert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd",
                    "//e.org/x", "/v1/models", "blob:x", "&#106;avascript:alert(1)"):
            with self.subTest(url):
                self.assertNotIn("href", self.html(f"[a]({url}) <{url}>"))

    def test_hostile_answer_does_nothing(self):
        answer = self.ask("hostile")
        allowed = self.page.evaluate("""() => {
            const tags = "P H3 H4 H5 H6 CODE PRE FIGURE FIGCAPTION SPAN BUTTON A EM STRONG DEL BR" +
                " UL OL LI TABLE THEAD TBODY TR TH TD DIV HR BLOCKQUOTE";
            const found = [];
            for (const node of document.querySelectorAll(".assistant .text *")) {
                if (!tags.split(" ").includes(node.tagName)) found.push(node.tagName);
                for (const { name, value } of node.attributes) {
                    if (name.startsWith("on") || /javascript:|data:/.test(value)) found.push(name);
                }
            }
            return found;
        }""")
        self.assertEqual(allowed, [])
        expect(answer).to_contain_text("<script>window.hacked = 1</script>")
        for link in answer.get_by_role("link").all():
            self.assertTrue(link.get_attribute("href").startswith("https://"))
        self.assertIsNone(self.page.evaluate("() => window.hacked ?? null"))

    def test_no_text_of_the_user_is_markup(self):
        self.ask("<img src=x onerror='window.hacked=1'> **not bold**")
        self.page.reload()
        expect(self.page.get_by_role("article").first).to_contain_text("<img src=x")
        self.assertEqual(self.page.locator("img, strong").count(), 1)  # the answer's strong
        self.assertIsNone(self.page.evaluate("() => window.hacked ?? null"))

    def test_even_a_hole_would_be_plugged(self):
        """The browser itself refuses markup from strings, inline scripts and foreign origins."""
        refused = self.page.evaluate("""async () => {
            const refused = [];
            try { document.body.innerHTML += "<p>x</p>"; } catch { refused.push("markup"); }
            const script = document.createElement("script");
            try { script.text = "window.hacked = 1"; } catch { refused.push("script"); }
            try { await fetch("http://127.0.0.1:1/"); } catch { refused.push("fetch"); }
            return refused;
        }""")
        self.assertEqual(refused, ["markup", "script", "fetch"])
        self.assertTrue(self.page.problems)
        self.page.problems.clear()
        self.page.foreign.clear()

    def test_takes_time_in_proportion(self):
        # Quadratic time would be minutes.
        for name, text in SLOW.items():
            with self.subTest(name):
                self.assertLess(self.page.evaluate(RENDER, text)["ms"], 10_000)

    def test_blocks_that_do_not_change_keep_their_elements(self):
        kept = self.page.evaluate("""async () => {
            const { MarkdownView } = await import("./markdown.js");
            const root = document.createElement("div");
            const view = new MarkdownView(root);
            view.show("# a\\n\\nb");
            const [heading, paragraph] = root.children;
            view.show("# a\\n\\nb c\\n\\nd");
            return [heading === root.children[0], paragraph === root.children[1],
                    root.textContent];
        }""")
        self.assertEqual(kept, [True, False, "ab cd"])


class EventStream(PageCase):
    def test_any_cut_gives_the_same_events(self):
        events = self.page.evaluate("""async () => {
            const { SseParser } = await import("./sse.js");
            const text = ": ping\\r\\n\\r\\ndata: a\\r\\ndata:b\\r\\n\\r\\n" +
                "event: error\\ndata\\n\\nid: 1\\n\\ndata: c\\r\\rdata: unfinished";
            const seen = new Set();
            for (let cut = 0; cut <= text.length; ++cut) {
                const parser = new SseParser();
                seen.add(JSON.stringify([...parser.feed(text.slice(0, cut)),
                                         ...parser.feed(text.slice(cut))]));
            }
            return [...seen];
        }""")
        self.assertEqual(events, ['[{"type":"message","data":"a\\nb"},{"type":"error","data":""},'
                                  '{"type":"message","data":"c"}]'])

    def test_retry_after(self):
        seconds = self.page.evaluate("""async () => {
            const { parseRetryAfter } = await import("./errors.js");
            const now = Date.UTC(2025, 0, 1, 0, 0, 0);
            return ["12", "Wed, 01 Jan 2025 00:00:09 GMT", "soon", null].map(
                (text) => parseRetryAfter(text, now));
        }""")
        self.assertEqual(seconds, [12, 9, None, None])


if __name__ == "__main__":
    unittest.main()
