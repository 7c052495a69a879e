"""Renders the chat templates that model makers published, by jinja2 and by us.

They come with the vocabularies (scripts/fetch-models) and aren't ours to hand on, so jinja2 runs here.
"""
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).parents[2]
SKIPPED = 77


def python_with_jinja2():
    # Debian's package is for Debian's interpreter, which may not be the one that CMake found.
    for python in (sys.executable, "/usr/bin/python3"):
        if subprocess.run([python, "-c", "import jinja2"], stderr=subprocess.DEVNULL).returncode == 0:
            return python
    return None


def main():
    templates = pathlib.Path(os.environ.get("SLIPSTREAM_TEST_MODELS", ""), "templates")
    python = python_with_jinja2()
    if "SLIPSTREAM_TEST_MODELS" not in os.environ or not templates.is_dir() or python is None:
        print("skipped: SLIPSTREAM_TEST_MODELS has no templates, or Python has no jinja2")
        return SKIPPED
    with tempfile.TemporaryDirectory(prefix="slipstream-templates-") as folder:
        golden = pathlib.Path(folder, "published.json")
        subprocess.run([python, ROOT / "tools/make-template-goldens.py", "--templates", templates,
                        "--out", golden], check=True)
        done = subprocess.run([sys.argv[1], "--gtest_filter=*Golden*/published"], check=False,
                              encoding="utf-8", stdout=subprocess.PIPE,
                              env={**os.environ, "SLIPSTREAM_TEMPLATE_GOLDENS": str(golden)})
    print(done.stdout)
    return done.returncode if "Running 1 test " in done.stdout else 1


if __name__ == "__main__":
    sys.exit(main())
