"""Random templates, for tools/make-template-goldens.py: what nobody thought of.

What they set has names that the context doesn't have: jinja2 hides a variable of the context in a
whole block when the block sets one of that name first, even before it does; ours goes by time.
"""
import random

CONTEXT = {"a": 7, "b": -3, "f": 2.5, "g": -0.125, "t": True, "s": "Hello, Wörld", "e": "", "u": "aXbXc", "n": None, "l": [3, -1, 2, 3],
           "w": ["pear", "Fig", "apple"], "d": {"x": 1, "y": [1, 2], "z": "zed"}, "r": [{"k": "b", "v": 2}, {"k": "a", "v": 1}, {"k": "b"}]}

NUMBERS = ["a", "b", "f", "g", "t", "0", "1", "2", "-4", "10", "0.5", "3.0", "l|length", "l|first", "l|max", "d.x", "s|length", "loop.index", "v"]
STRINGS = ["s", "e", "u", "'X'", "'a,b,c'", "'  pad '", "\"it's\"", "'%s'", "'é'", "d.z", "w[0]", "w|last", "'{}'", "'<b>'", "'12'", "'3.5'", "c"]
LISTS = ["l", "w", "r", "[]", "[1, 'a', none]", "range(4)", "d.y", "(1, 2)", "s.split()", "u.split('X')", "d.items()", "d.keys()", "[[1, 2], [3]]"]
OTHERS = ["n", "d", "missing", "d.nope", "{}", "{'q': s}", "none", "true", "r[0]"]
BINARY = ["+", "-", "*", "/", "//", "%", "~", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "and", "or"]
STRING_FILTERS = ["upper", "lower", "capitalize", "title", "trim", "length", "first", "last", "reverse", "string", "tojson", "escape", "safe", "int", "float",
                  "list", "replace('X', '-')", "replace('l', 'LL', 1)", "indent(2)", "truncate(5)", "wordcount", "default('D')", "center(9)", "join('.')", "urlencode", "e", "abs", "round"]
LIST_FILTERS = ["length", "first", "last", "join", "join('-')", "sort", "reverse|list", "unique|list", "list", "sum", "min", "max", "tojson", "map('string')|list", "select|list", "reject|list",
                "map('upper')|join(',')", "batch(2)|list", "slice(2)|list", "select('odd')|list", "map(attribute='k')|list", "selectattr('v')|list", "selectattr('k', 'eq', 'b')|list", "sort(reverse=true)",
                "string", "sort(attribute='k')", "groupby('k')|list|length", "map('length')|list", "select('string')|list", "reject('none')|list", "tojson(indent=1)", "count", "items|list", "dictsort"]
NUMBER_FILTERS = ["abs", "int", "float", "round", "round(1)", "string", "tojson", "default(1)", "round(1, 'floor')", "round(0, 'ceil')", "trim", "length", "upper"]
METHODS = ["upper()", "lower()", "strip()", "title()", "split()", "split('X')", "split(',', 1)", "rsplit('X', 1)", "startswith('H')", "endswith('c')", "replace('X', 'yy')", "find('o')", "count('X')", "lstrip('a')", "rstrip('c')",
           "isdigit()", "isupper()", "capitalize()", "partition('X')", "splitlines()", "zfill(6)", "center(7, '*')", "format(a, s)", "join(w)", "swapcase()", "removeprefix('a')", "rjust(4)", "index('X')", "encode_nope()"]
TESTS = ["defined", "undefined", "none", "string", "number", "integer", "float", "boolean", "mapping", "sequence", "iterable", "odd", "even", "true", "false", "divisibleby 3", "eq 1", "in l", "lower", "upper", "callable", "gt 2", "sameas none", "in s"]


class Generator:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def pick(self, items):
        return self.random.choice(items)

    def atom(self):
        return self.pick(self.pick([NUMBERS, STRINGS, LISTS, OTHERS]))

    def number(self, depth):
        if depth <= 0 or self.random.random() < 0.4:
            return self.pick(NUMBERS)
        return self.pick([lambda: f"({self.number(depth - 1)} {self.pick(['+', '-', '*', '//', '%', '/'])} {self.number(depth - 1)})",
                          lambda: f"(-{self.number(depth - 1)})", lambda: f"{self.number(depth - 1)}|{self.pick(NUMBER_FILTERS)}",
                          lambda: f"({self.text(depth - 1)})|length"])()

    def text(self, depth):
        if depth <= 0 or self.random.random() < 0.3:
            return self.pick(STRINGS)
        return self.pick([lambda: f"({self.text(depth - 1)} ~ {self.any(depth - 1)})", lambda: f"({self.text(depth - 1)} + {self.text(depth - 1)})",
                          lambda: f"({self.text(depth - 1)})|{self.pick(STRING_FILTERS)}", lambda: f"({self.text(depth - 1)}).{self.pick(METHODS)}",
                          lambda: f"({self.text(depth - 1)})[{self.slice()}]", lambda: f"{self.pick(STRINGS)}.{self.pick(METHODS)}"])()

    def slice(self):
        part = lambda: self.pick(["", "", "0", "1", "2", "-1", "-2", "5"])
        return self.pick([lambda: self.pick(["0", "1", "-1", "9"]), lambda: f"{part()}:{part()}", lambda: f"{part()}:{part()}:{self.pick(['', '1', '2', '-1', '-2'])}"])()

    def sequence(self, depth):
        if depth <= 0 or self.random.random() < 0.3:
            return self.pick(LISTS)
        return self.pick([lambda: f"({self.sequence(depth - 1)})|{self.pick(LIST_FILTERS)}", lambda: f"({self.sequence(depth - 1)})[{self.slice()}]",
                          lambda: f"[{self.any(depth - 1)}, {self.any(depth - 1)}]", lambda: f"({self.sequence(depth - 1)} + {self.sequence(depth - 1)})"])()

    def any(self, depth):
        if depth <= 0:
            return self.atom()
        return self.pick([lambda: self.number(depth), lambda: self.text(depth), lambda: self.text(depth), lambda: self.sequence(depth), lambda: self.sequence(depth), lambda: self.logic(depth), self.atom,
                          lambda: f"{{'k': {self.any(depth - 1)}, {self.pick(STRINGS)}: {self.any(depth - 1)}}}"])()

    def logic(self, depth):
        return self.pick([lambda: f"({self.any(depth - 1)} {self.pick(BINARY)} {self.any(depth - 1)})", lambda: f"(not {self.any(depth - 1)})",
                          lambda: f"({self.any(depth - 1)} is {self.pick(['', 'not '])}{self.pick(TESTS)})", lambda: f"({self.any(depth - 1)} if {self.any(depth - 1)} else {self.any(depth - 1)})",
                          lambda: f"({self.number(depth - 1)} {self.pick(['<', '==', '>='])} {self.number(depth - 1)} {self.pick(['<', '!=', '>'])} {self.number(depth - 1)})"])()

    def space(self):
        return self.pick(["", "", " ", "\n", "\n  ", "  \n", "x", " y "])

    def tag(self, body):
        return "{%" + self.pick(["", "", "-", "+"]) + f" {body} " + self.pick(["", "", "-"]) + "%}"

    def statement(self, depth):
        inner = lambda: self.body(depth - 1)
        return self.pick([
            lambda: self.tag(f"if {self.any(1)}") + inner() + self.tag("else") + inner() + self.tag("endif"),
            lambda: self.tag(f"for i in {self.sequence(1)}") + inner() + "{{ loop.index }}{{ i }}" + self.tag("endfor"),
            lambda: self.tag(f"for i in {self.sequence(1)} if i") + inner() + self.tag("else") + "E" + self.tag("endfor"),
            lambda: self.tag(f"set v = {self.any(1)}") + "{{ v }}", lambda: self.tag("set c") + inner() + self.tag("endset") + "{{ c }}",
            lambda: self.tag(f"filter {self.pick(['upper', 'trim', 'length', 'indent(1)', 'title'])}") + inner() + self.tag("endfilter"),
            lambda: self.tag("macro m(p, q=a)") + "{{ p }}{{ q }}" + self.space() + self.tag("endmacro") + f"{{{{ m({self.any(1)}) }}}}",
            lambda: self.tag(f"with v = {self.any(1)}") + "{{ v }}" + inner() + self.tag("endwith"), lambda: "{#" + self.pick(["", "-", "+"]) + " c " + self.pick(["", "-", "+"]) + "#}"])()

    def body(self, depth):
        parts = [self.space()]
        for _ in range(self.random.randint(1, 3)):
            parts.append(self.statement(depth) if depth > 0 and self.random.random() < 0.6 else "{{" + self.pick(["", "", "-"]) + f" {self.any(1)} " + self.pick(["", "", "-"]) + "}}")
            parts.append(self.space())
        return "".join(parts)


def snippets(seed, count):
    generator = Generator(seed)
    for i in range(count):
        yield generator.body(3) if i % 3 == 0 else "{{ " + generator.any(generator.pick([1, 2, 2, 3])) + " }}"
