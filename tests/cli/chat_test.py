"""Typing at a chat: keys, pasted text, commands."""
import json
import os
import unittest

from cli_support import TINY, CliTest


class Keys(CliTest):
    def system_message(self, typed, terminal="xterm"):
        """What a chat takes for the system message when `typed` comes from a terminal."""
        saved = self.home / "saved.json"
        process, master = self.at_a_terminal("chat", "-m", TINY, TERM=terminal)
        seen = self.read_until(master, b"> ")
        os.write(master, typed + b"\n")
        seen += self.read_until(master, b"> ", after=b"(new conversation)")
        os.write(master, f"/save {saved}\n".encode())
        seen += self.read_until(master, b"> ", after=b"saved)")
        os.write(master, b"\x04")
        self.assertEqual(process.wait(timeout=60), 0)
        self.seen = seen + self.read_until(master, b"\n")
        return json.loads(saved.read_text())["messages"][0]["content"]

    def test_keys_move_the_cursor(self):
        for terminal in ("xterm", "dumb"):
            with self.subTest(terminal=terminal):
                self.assertEqual(self.system_message(
                    b"system two\x1b[1;5D" b"one \x1b[4~ three\x1b[1~/\x1b[F!\x1b[D\x1b[D\x1b[3~",
                    terminal), "one two thre!")
        self.assertEqual(self.system_message(
            "/system äb\x1b[1;5Dü \x1b[1;5C\x1b[8~c\x1b[7~\x1b[Hx\x08".encode()), "ü äbc")

    def test_unknown_keys_insert_nothing(self):
        keys = [b"[15~", b"[3;2~", b"[1;2P", b"[[A", b"[24;5~", b"[<0;1;2M", b"[>1 q", b"OP"]
        self.assertEqual(self.system_message(b"/system a" + b"".join(b"\x1b" + k for k in keys) + b"b"),
                         "ab")

    def test_what_is_pasted_is_one_message(self):
        pasted = "\x1b[200~/system one\rtwö\x1b[15~\n\n/exit\x1b[201~ three".encode()
        self.assertEqual(self.system_message(pasted), "one\ntwö\x1b[15~\n\n/exit three")
        marks = self.seen
        pasted = b"/system \x1b[200~one\x1b[201~\x1b[200~\x1b[201~\x1b[1~\x1b[4~\x1b[200~ two\n\x1b[201~"
        self.assertEqual(self.system_message(pasted), "one two\n")
        self.seen = marks
        self.assertEqual(self.seen.count(b"\x1b[?2004h"), 3)
        self.assertEqual(self.seen.count(b"\x1b[?2004l"), 3)
        self.assertNotIn(b"2004", self.system_message(b"/system a", "dumb").encode() + self.seen)


class Commands(CliTest):
    def test_stats_forget_what_reset_forgets(self):
        self.write("saved.json", '{"model": "x", "messages": [{"role": "user", "content": "a"}]}')
        for forget in ("/reset", "/system b", f"/load {self.home / 'saved.json'}"):
            with self.subTest(forget=forget):
                done = self.run_cli("chat", "-m", TINY, "-n", "4", "--ignore-eos",
                                    stdin=f"abc\n/stats\n{forget}\n/stats\n")
                contexts = [line.split()[1] for line in done.stderr.splitlines()
                            if line.startswith("context: ")]
                self.assertGreater(int(contexts[0]), 4)
                self.assertEqual(contexts[1:], ["0"])


if __name__ == "__main__":
    unittest.main()
