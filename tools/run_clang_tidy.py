#!/usr/bin/env python3
"""Runs clang-tidy with the allow-list of .clang-tidy over every file of src/ in a build directory."""
import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import time


def sources_of(build, root):
    commands = json.loads((build / "compile_commands.json").read_text())
    files = {(pathlib.Path(entry["directory"]) / entry["file"]).resolve() for entry in commands}
    return sorted(path for path in files if path.is_relative_to(root / "src"))


def tidy(program, build, path):
    done = subprocess.run([program, "-p", str(build), "--quiet", str(path)], check=False, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    found = [line for line in done.stdout.splitlines() if re.search(r": (warning|error): ", line)]
    if done.returncode != 0 and not found:
        found = [f"{path}: clang-tidy failed: {done.stderr.strip()[-500:]}"]
    return found


def main():
    root = pathlib.Path(__file__).resolve().parents[1]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--program", default="clang-tidy")
    parser.add_argument("--only", default="", help="a regular expression of paths")
    arguments = parser.parse_args()
    paths = [path for path in sources_of(arguments.build, root)
             if re.search(arguments.only, str(path))]
    began = time.monotonic()
    problems = set()
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        for found in pool.map(lambda p: tidy(arguments.program, arguments.build, p), paths):
            problems.update(line.replace(f"{root}/", "") for line in found)
    for problem in sorted(problems):
        print(problem)
    print(f"clang-tidy: {len(paths)} files, {len(problems)} problem(s), "
          f"{time.monotonic() - began:.0f} s")
    return 1 if problems or not paths else 0


if __name__ == "__main__":
    sys.exit(main())
