#!/usr/bin/env python3
"""Layout check: every C++ file is as clang-format leaves it. --fix rewrites those that are not."""
import argparse
import os
import pathlib
import shutil
import subprocess
import sys

from cxx_source import cxx_files, report

SKIPPED = 77  # what ctest takes for "not run"


def batches(items, size):
    for start in range(0, len(items), size):
        yield items[start:start + size]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).parents[1])
    parser.add_argument("--fix", action="store_true")
    arguments = parser.parse_args()
    program = shutil.which(os.environ.get("CLANG_FORMAT", "clang-format"))
    if not program:
        print("skipped: clang-format is not installed")
        return SKIPPED
    root = arguments.root.resolve()
    mode = ["-i"] if arguments.fix else ["--dry-run", "-Werror"]
    problems = []
    for batch in batches([str(path) for path in cxx_files(root) if "data" not in path.parts], 50):
        done = subprocess.run([program, "--style=file", *mode, *batch], check=False, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        problems += [line.replace(f"{root}/", "") for line in done.stdout.splitlines()
                     if "error:" in line]
        if done.returncode != 0 and not problems:
            problems.append(done.stdout.strip() or f"{program} failed")
    if problems:
        print("run tools/check_format.py --fix")
    return report(problems)


if __name__ == "__main__":
    sys.exit(main())
