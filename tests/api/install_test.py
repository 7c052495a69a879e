"""Installs the build into a folder of its own and builds examples/ against it, as a user would."""
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).parents[2]
CMAKE = os.environ.get("CMAKE", "cmake")


def run(*command, code=0):
    done = subprocess.run([str(part) for part in command], encoding="utf-8", capture_output=True)
    if done.returncode != code:
        sys.exit(f"{command} ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    return done


def main():
    build = pathlib.Path(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix="slipstream-install-") as folder:
        prefix, examples = pathlib.Path(folder, "prefix"), pathlib.Path(folder, "examples")
        run(CMAKE, "--install", build, "--prefix", prefix)
        assert "slipstream" in run(prefix / "bin/slipstream", "--version").stdout
        run(CMAKE, "-S", ROOT / "examples", "-B", examples, f"-DCMAKE_PREFIX_PATH={prefix}",
            f"-DCMAKE_CXX_COMPILER={os.environ.get('CXX', 'c++')}")
        run(CMAKE, "--build", examples)
        assert "usage" in run(examples / "hello", code=2).stderr
        assert "nothing.gguf" in run(examples / "hello", "nothing.gguf", code=1).stderr
        models = os.environ.get("SLIPSTREAM_TEST_MODELS")
        if models:
            model = pathlib.Path(models, "SmolLM2-135M-Instruct.Q4_1.gguf")
            assert "The capital of France is Paris." in run(examples / "hello", model).stdout


if __name__ == "__main__":
    main()
