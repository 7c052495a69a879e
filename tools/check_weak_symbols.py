#!/usr/bin/env python3
"""No weak symbols in objects that are compiled for one instruction set.

The linker keeps one copy of an inline function or template. Were it the one compiled with
-mavx512f, every caller on an older CPU would crash. So kernel objects define none.
"""
import argparse
import pathlib
import re
import subprocess
import sys

from cxx_source import report

# Data that the compiler adds for exception tables, the same in every object.
HARMLESS = {"DW.ref.__gxx_personality_v0"}


def weak_symbols(nm, path):
    """Names of the weak symbols (W, V: defined; w, v undefined don't matter) of one object."""
    listing = subprocess.run([nm, "--defined-only", "--demangle", str(path)], check=True, text=True,
                             stdout=subprocess.PIPE).stdout
    found = re.findall(r"^[0-9a-f]* [WVu] (.*)$", listing, re.MULTILINE)
    return [name for name in found if name not in HARMLESS]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("objects", type=pathlib.Path, nargs="+", help="objects of one ISA")
    parser.add_argument("--nm", default="nm")
    arguments = parser.parse_args()
    problems = [f"{path.name}: weak symbol {name}" for path in arguments.objects
                for name in weak_symbols(arguments.nm, path)]
    return report(problems)


if __name__ == "__main__":
    sys.exit(main())
