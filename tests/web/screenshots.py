#!/usr/bin/env python3
"""Pictures of the page, to look at after a change: screenshots.py FOLDER [URL]

Of the files of web/ with canned answers; with a URL, of the page and the answers of that server.
"""
import pathlib
import sys

from web_support import Browser  # first: it may start another Python
from fake_server import FakeServer
from playwright.sync_api import TimeoutError

DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 360, "height": 740}


def converse(page):
    for text in ("Show me the markdown that you know.", "And in one sentence?"):
        page.get_by_label("Message", exact=True).fill(text)
        page.keyboard.press("Enter")
        send = page.get_by_role("button", name="Send")
        try:
            send.wait_for(timeout=10_000)
        except TimeoutError:  # a real model may have more to say than fits in a picture
            page.keyboard.press("Escape")
            send.wait_for()


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    server = None if len(sys.argv) > 2 else FakeServer().start()
    url = server.url if server else sys.argv[2]
    with Browser() as browser:
        for scheme in ("light", "dark"):
            for kind, size in (("desktop", DESKTOP), ("phone", PHONE)):
                page = browser.page(url, color_scheme=scheme, viewport=size)
                page.screenshot(path=folder / f"empty-{kind}-{scheme}.png")
                converse(page)
                page.screenshot(path=folder / f"chat-end-{kind}-{scheme}.png")
                page.locator("#scroller").evaluate("(e) => { e.scrollTop = 0; }")
                page.screenshot(path=folder / f"chat-{kind}-{scheme}.png")
                page.get_by_role("button", name="Settings").click()
                page.screenshot(path=folder / f"settings-{kind}-{scheme}.png")
                page.keyboard.press("Escape")
                page.get_by_role("link", name="Dashboard").click()
                page.wait_for_timeout(12_000)
                page.screenshot(path=folder / f"dashboard-{kind}-{scheme}.png")
                page.locator("#dashboard").evaluate("(e) => { e.scrollTop = e.scrollHeight; }")
                page.screenshot(path=folder / f"requests-{kind}-{scheme}.png")
                page.context.close()
    if server:
        server.stop()


if __name__ == "__main__":
    main()
