#!/usr/bin/env python3
"""Writes tests/data/templates: what jinja2, set up as transformers does, makes of templates.

Needs the Python package jinja2; the results are committed, so the tests need nothing.
Usage: tools/make-template-goldens.py [--templates DIRECTORY --out FILE.json]
With --templates, renders the *.jinja files of another directory instead; SLIPSTREAM_TEMPLATE_GOLDENS=FILE.json
makes test_text_template check that file too, as tests/text_template/published_test.py does.
"""
import argparse
import datetime
import functools
import json
import pathlib
import re

import jinja2
import jinja2.ext
from jinja2.sandbox import ImmutableSandboxedEnvironment

import template_conversations
import template_features
import template_random

NOW = datetime.datetime(2024, 7, 26, 13, 5, 9)
DATA = pathlib.Path(__file__).parent.parent / "tests" / "data" / "templates"


class GenerationTag(jinja2.ext.Extension):
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_pass_on"), [], [], body).set_lineno(line)

    def _pass_on(self, caller):
        return caller()


class ChatNamespace(jinja2.utils.Namespace):
    def __init__(*args, **kwargs):
        self, args = args[0], args[1:]
        attributes = dict(*args, **kwargs)
        for name in attributes:
            ChatNamespace.check(name)
        jinja2.utils.Namespace.__init__(self, attributes)

    def __setitem__(self, name, value):
        ChatNamespace.check(name)
        jinja2.utils.Namespace.__setitem__(self, name, value)

    @staticmethod
    def check(name):
        if isinstance(name, str) and name.startswith("_"):
            raise jinja2.exceptions.SecurityError(name)


class ChatDict:
    def __call__(self, *args, **kwargs):
        return dict(*args, **kwargs)


def environment():
    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)

    def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True,
                                        extensions=[GenerationTag, jinja2.ext.loopcontrols])
    env.filters["tojson"] = tojson
    env.globals.update(raise_exception=raise_exception, strftime_now=NOW.strftime, namespace=ChatNamespace, dict=ChatDict())
    return env


ENVIRONMENT = environment()


@functools.lru_cache(maxsize=None)
def compiled(source):
    return ENVIRONMENT.from_string(source)


def render(source, context):
    """The text, or None when the template can't be parsed or rendered."""
    try:
        return compiled(source).render(**json.loads(json.dumps(context)))
    except Exception:
        return None


def has_address(text):
    """Whether Python printed an object that has no text of its own."""
    return text is not None and re.search(r"<[^<>]* at 0x[0-9a-f]+|<(built-in|bound) method|<class |\bTemplateReference", text) is not None


def write(path, sources, contexts, cases):
    cases = [case for case in cases if not has_address(case[2])]
    if len(contexts) == 1:
        sources = {case[0]: sources[case[0]] for case in cases}
    dump = lambda value: json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    # One case a line, so that a change shows in a diff.
    lines = ",\n".join(dump(case) for case in cases)
    path.write_text(f'{{"sources":{dump(sources)},\n"contexts":{dump(contexts)},\n"cases":[\n{lines}]}}\n')
    errors = sum(case[2] is None for case in cases)
    print(f"{path}: {len(cases)} cases, {errors} of them errors, {path.stat().st_size} bytes")


def snippets(path, items, context):
    sources = {str(i): source for i, source in enumerate(items)}
    write(path, sources, {"all": context}, [[i, "all", render(source, context)] for i, source in sources.items()])


def chats(path, directory, embed):
    sources = {file.stem: file.read_text() for file in sorted(directory.glob("*.jinja"))}
    contexts = template_conversations.contexts()
    cases = [[name, key, render(source, context)] for name, source in sources.items() for key, context in contexts.items()]
    write(path, sources if embed else {}, contexts, cases)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--templates", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path)
    args = parser.parse_args()
    if args.templates:
        chats(args.out, args.templates, embed=True)
        return
    snippets(DATA / "features.json", list(template_features.snippets()), template_features.CONTEXT)
    snippets(DATA / "random.json", list(template_random.snippets(seed=1, count=1500)), template_random.CONTEXT)
    chats(DATA / "chat.json", DATA / "models", embed=False)


if __name__ == "__main__":
    main()
