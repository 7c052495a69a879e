#!/usr/bin/env python3
"""Layer check: a folder of src/ includes only folders before it in LAYERS.

Further rules: cache/ sees of model/ only kv_store.h; a kernel file compiled for one ISA sees only
intrinsics, C headers without inline functions, kernels/ and quant/, directly or through headers
(an inline function compiled for AVX-512 and kept by the linker would crash an older CPU); the
public headers see only each other and the standard library; of sockets and TLS only the sources of
net/ and the headers of net/io/ know, which others don't see; src/ never sees tests/.
"""
import argparse
import pathlib
import re
import sys

from cxx_source import cxx_files, includes, report

LAYERS = ["base", "tensor", "quant", "kernels", "ops", "formats", "text", "model", "cache", "engine",
          "api", "parallel", "accel", "net", "prepare", "measure", "compress", "optimize", "serve",
          "cli", "distill"]
# Pairs that the order would allow, and that are not wanted.
FORBIDDEN = {"formats": {"kernels", "ops"}, "text": {"kernels", "ops", "quant"}}
ISA_FOLDERS = {"avx2", "avx512", "avx512_bf16", "neon"}
PLAIN_HEADERS = {"stddef.h", "stdint.h", "string.h", "immintrin.h", "arm_neon.h"}
PLAIN_FOLDERS = {"kernels", "quant"}
# Libraries that take seconds to include.
NETWORK = re.compile(r"(boost/(asio|beast)|openssl)[/.]")


def check_folder_order(source, folder, name):
    target = name.split("/")[0]
    if target == "slipstream":
        if folder in ("api", "serve", "cli"):
            return None
        return f"{folder}/ includes the public API ({name})"
    if target not in LAYERS:
        return f"includes \"{name}\", which is in no folder of src/"
    if target == folder:
        return None
    if name.startswith("net/io/"):
        return f"{folder}/ must not include what is net/'s own ({name})"
    if LAYERS.index(target) > LAYERS.index(folder):
        if folder == "cache" and name == "model/kv_store.h":
            return None
        return f"{folder}/ must not include {target}/ ({name}): it is above"
    if target in FORBIDDEN.get(folder, ()):
        return f"{folder}/ must not include {target}/ ({name})"
    if folder == "cache" and target == "model" and name != "model/kv_store.h":
        return f"cache/ may include of model/ only kv_store.h, not {name}"
    return None


def check_network(source, name):
    if source.parts[0] == "net" and (source.suffix == ".cpp" or source.parts[1] == "io"):
        return None
    return f"must not see <{name}>: only net/'s sources and net/io/ do" if NETWORK.match(name) else None


def check_plain(root, path, trail, problems, seen):
    """The transitive includes of a file that is compiled for one ISA."""
    for number, name, quoted in includes(path.read_text()):
        where = f"{path.relative_to(root)}:{number}"
        via = f" (reached from {trail[0]})" if trail else ""
        if not quoted:
            if name not in PLAIN_HEADERS and not name.startswith("simde/"):
                problems.add(f"{where}: a kernel must not see <{name}>{via}")
            continue
        if name.split("/")[0] not in PLAIN_FOLDERS:
            problems.add(f"{where}: a kernel must not see \"{name}\"{via}")
            continue
        header = root / "src" / name
        if header not in seen and header.is_file():
            seen.add(header)
            check_plain(root, header, trail or [path.relative_to(root)], problems, seen)


def check(root):
    problems = set()
    for path in cxx_files(root, ["src"]):
        inside = path.relative_to(root / "src")
        folder = inside.parts[0]
        if folder not in LAYERS:
            problems.add(f"src/{inside}: unknown folder {folder}/; add it to LAYERS in its place")
            continue
        for number, name, quoted in includes(path.read_text()):
            if re.match(r"(\.\./|tests/|support/)", name):
                problems.add(f"src/{inside}:{number}: includes {name}")
                continue
            problem = (check_folder_order(inside, folder, name) if quoted
                       else check_network(inside, name))
            if problem:
                problems.add(f"src/{inside}:{number}: {problem}")
        if folder == "kernels" and len(inside.parts) > 2 and inside.parts[1] in ISA_FOLDERS:
            check_plain(root, path, [], problems, set())
    for path in cxx_files(root, ["include"]):
        for number, name, quoted in includes(path.read_text()):
            if quoted and not name.startswith("slipstream/") or not quoted and "." in name:
                problems.add(f"{path.relative_to(root)}:{number}: a public header includes {name}")
    return sorted(problems)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).parents[1])
    return report(check(parser.parse_args().root.resolve()))


if __name__ == "__main__":
    sys.exit(main())
