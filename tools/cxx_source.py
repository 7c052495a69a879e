"""What the house checks share: the files of the tree, and C++ text without comments and strings."""
import pathlib
import re

CXX_SUFFIXES = {".h", ".cpp"}
CXX_FOLDERS = ["src", "include", "tests", "fuzz", "bench", "examples"]

_TOKEN = re.compile(
    r'//[^\n]*'                                       # line comment
    r'|/\*.*?\*/'                                     # block comment
    r'|R"(?P<delimiter>[^()\s\\]{0,16})\(.*?\)(?P=delimiter)"'  # raw string
    r'|"(?:[^"\\\n]|\\.)*"'                           # string
    r"|(?<![0-9A-Za-z_])'(?:[^'\\\n]|\\.)+'",         # character; not a digit separator
    re.DOTALL)


def cxx_files(root, folders=None):
    """Every C++ file under root's folders, sorted, as paths."""
    found = []
    for folder in folders or CXX_FOLDERS:
        found += [path for path in (pathlib.Path(root) / folder).rglob("*")
                  if path.suffix in CXX_SUFFIXES and path.is_file()]
    return sorted(found)


def strip_comments_and_strings(text):
    """The code alone: comments vanish, strings become empty ones, line numbers stay."""
    def blank(match):
        token = match.group(0)
        newlines = "\n" * token.count("\n")
        if token.startswith("/"):
            return newlines or " "
        return token[0].replace("R", '"') + newlines + token[-1]
    return _TOKEN.sub(blank, text)


def includes(text):
    """(line number, name, is_quoted) of every #include."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if match:
            found.append((number, match.group(2), match.group(1) == '"'))
    return found


def report(problems):
    """Prints the problems; the exit status of a check."""
    for problem in problems:
        print(problem)
    if problems:
        print(f"{len(problems)} problem(s)")
    return 1 if problems else 0
