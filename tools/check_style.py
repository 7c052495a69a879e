#!/usr/bin/env python3
"""Style check: the rules of CONTRIBUTING.md that a formatter and a compiler don't see."""
import argparse
import pathlib
import re
import sys

from cxx_source import CXX_FOLDERS, cxx_files, report, strip_comments_and_strings

MAX_LINES = 500
MAX_COLUMNS = 100
MAX_WEB_LINES = 300
# Longer than MAX_LINES, each with its reason.
LONG_FILES = {}
TEXT_SUFFIXES = {".h", ".cpp", ".py", ".sh", ".cmake", ".txt", ".md", ".js", ".css", ".html", ""}
TEXT_FOLDERS = CXX_FOLDERS + ["cmake", "scripts", "tools", "docs", "web"]

UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX)\b")
# The library reports, it never prints or ends the process; src/cli does both.
PRINTS = re.compile(r"(?<![\w.>:])(?:std\s*::\s*|::\s*)?"
                    r"(printf|fprintf|vprintf|vfprintf|puts|fputs|putchar|perror)\s*\("
                    r"|std\s*::\s*(cout|cerr|clog)\b|\bfmt\s*::\s*(print|println)\b")
ENDS = re.compile(r"(?<![\w.>:])(?:std\s*::\s*|::\s*)?"
                  r"(exit|_exit|_Exit|quick_exit|abort|terminate)\s*\(")
CONDITIONAL = re.compile(r"^\s*#\s*(if|ifdef|ifndef|elif)\b")
USING_NAMESPACE = re.compile(r"^\s*using\s+namespace\b", re.MULTILINE)
FILE_NAME = re.compile(r"[a-z0-9_]+\.(h|cpp)")
# What would make markup or code of a string, which the page's policy forbids.
MAKES_MARKUP = re.compile(r"\b(innerHTML|outerHTML|insertAdjacentHTML|srcdoc|DOMParser|eval|Function)\b"
                          r"|document\.write")


def may_use_conditionals(inside):
    """OS differences and instruction sets live in these folders, nowhere else."""
    return inside.parts[:3] == ("src", "base", "os") or inside.parts[:2] == ("src", "kernels")


BLOCK_BEFORE = re.compile(r"(?:[);:{}\]]|\b(?:else|do|try|const|mutable|noexcept|override))$"
                          r"|->[\w\s:<>,*&]+$")


def begins_block(before):
    """Whether a brace behind this code begins a block, not a list of initialisers."""
    return not before or BLOCK_BEFORE.search(before) is not None


def tries_in_braces(code):
    """Line numbers of SLIP_TRY among initialisers in braces."""
    nesting = []  # of open brackets: "(", "[", "{" for a block, "=" for initialisers
    for match in re.finditer(r"[()\[\]{}]|\bSLIP_TRY\b|^\s*#define(?:.*\\\n)*.*$", code, re.MULTILINE):
        token = match.group()
        if token in ")]}":
            if nesting:
                nesting.pop()
        elif token == "{":
            before = code[max(0, match.start() - 200):match.start()].rstrip()
            nesting.append("{" if begins_block(before) else "=")
        elif token in "([":
            nesting.append(token)
        elif token == "SLIP_TRY":
            for bracket in reversed(nesting):
                if bracket == "=":
                    yield code.count("\n", 0, match.start()) + 1
                if bracket in "{=":
                    break


def check_code(inside, code):
    """Rules on the code without comments and strings; yields (line number, message)."""
    for number in tries_in_braces(code):
        yield number, "no SLIP_TRY in braces: what was initialised before it leaks when it returns"
    in_library = inside.parts[0] == "src" and inside.parts[1] != "cli"
    for number, line in enumerate(code.splitlines(), 1):
        if in_library and PRINTS.search(line):
            yield number, "the library never prints"
        if in_library and ENDS.search(line):
            yield number, "the library never ends the process"
        if inside.parts[0] == "src" and CONDITIONAL.match(line) and not may_use_conditionals(inside):
            yield number, "no conditional compilation outside base/os and kernels"
        if inside.suffix == ".h" and USING_NAMESPACE.match(line):
            yield number, "no using-directive in a header"


def check_cxx(root, path):
    inside = path.relative_to(root)
    text = path.read_text()
    lines = text.splitlines()
    if not FILE_NAME.fullmatch(path.name):
        yield f"{inside}: file names are snake_case"
    if len(lines) > MAX_LINES and str(inside) not in LONG_FILES:
        yield f"{inside}: {len(lines)} lines, the limit is {MAX_LINES}; split it"
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_COLUMNS:
            yield f"{inside}:{number}: {len(line)} columns, the limit is {MAX_COLUMNS}"
    code = strip_comments_and_strings(text)
    if path.suffix == ".h":
        if not re.search(r"^#pragma once$", code, re.MULTILINE):
            yield f"{inside}: a header needs #pragma once"
        if not text.startswith(("//", "/*")):
            yield f"{inside}: a header begins with a comment that says what it is for"
    for number, message in check_code(inside, code):
        yield f"{inside}:{number}: {message}"


def check_web(root, path):
    inside = path.relative_to(root)
    lines = path.read_text().splitlines()
    if len(lines) > MAX_WEB_LINES:
        yield f"{inside}: {len(lines)} lines, the limit is {MAX_WEB_LINES}; split it"
    if path.suffix != ".js":
        return
    if not lines[0].startswith(("/**", "//")):
        yield f"{inside}: a module begins with a comment that says what it is for"
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_COLUMNS:
            yield f"{inside}:{number}: {len(line)} columns, the limit is {MAX_COLUMNS}"
        if MAKES_MARKUP.search(line):
            yield f"{inside}:{number}: no markup or code from strings"


def check_unfinished(root):
    for folder in TEXT_FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix not in TEXT_SUFFIXES or not path.is_file() or "data" in path.parts or \
                    "corpus" in path.parts or "__pycache__" in path.parts:
                continue
            text = path.read_text(errors="replace")
            for number, line in enumerate(text.splitlines(), 1):
                if UNFINISHED.search(line):
                    yield f"{path.relative_to(root)}:{number}: finish it, or file an issue"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).parents[1])
    root = parser.parse_args().root.resolve()
    problems = list(check_unfinished(root))
    for path in cxx_files(root):
        if "data" not in path.parts:
            problems += check_cxx(root, path)
    for path in sorted((root / "web").glob("*")):
        problems += check_web(root, path)
    return report(problems)


if __name__ == "__main__":
    sys.exit(main())
