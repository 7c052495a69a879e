"""Getting what a comparison needs: the peers, built or installed from packages, and the models."""
import contextlib
import fcntl
import hashlib
import importlib.machinery
import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile

from . import Failure
from .works import MODELS

ROOT = pathlib.Path(__file__).resolve().parents[2]
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or
                     pathlib.Path.home() / ".cache") / "slipstream"
PEERS, MODEL_FOLDER = CACHE / "peers", CACHE / "models"

OPENVINO = "openvino-genai==2026.4.1.0"
LLAMA_TARGETS = ["llama-bench", "llama-batched-bench", "llama-perplexity", "llama-completion"]
LLAMA_OPTIONS = ["-DCMAKE_BUILD_TYPE=Release", "-DLLAMA_CURL=OFF", "-DLLAMA_OPENSSL=OFF",
                 "-DLLAMA_BUILD_TESTS=OFF", "-DLLAMA_BUILD_EXAMPLES=OFF"]
PAST = 1577836800  # 2020-01-01


def log(message):
    print(f"==> {message}", file=sys.stderr, flush=True)


def fetch_models_script():
    """scripts/fetch-models as a module: it has the pinned source package and how to get it."""
    path = str(ROOT / "scripts/fetch-models")
    loader = importlib.machinery.SourceFileLoader("fetch_models", path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    keep, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = keep
    return module


@contextlib.contextmanager
def locked():
    PEERS.mkdir(parents=True, exist_ok=True)
    with open(PEERS / ".lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def logged(command, log_path, what):
    """Runs a command whose output goes to the end of a file; a Failure names that file."""
    with open(log_path, "a", encoding="utf-8") as out:
        out.write(f"$ {' '.join(map(str, command))}\n")
        out.flush()
        try:
            code = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL,
                                  stdout=out, stderr=subprocess.STDOUT, check=False).returncode
        except OSError as error:
            raise Failure(f"{what}: {command[0]}: {error.strerror}") from error
    if code != 0:
        errors = [line for line in log_path.read_text(errors="replace").splitlines()
                  if "error" in line.lower()]
        raise Failure("\n  ".join([f"{what} failed", *errors[-3:],
                                   f"the whole output: {log_path}"]))


def cpu_identity():
    """The instruction sets of this CPU: a native build serves no other."""
    try:
        text = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        text = ""
    flags = next((line for line in text.splitlines() if line.startswith(("flags", "Features"))), "")
    return hashlib.sha256(flags.encode()).hexdigest()[:16]


def unpack(sdist, folder):
    """Extracts llama.cpp's tree; time stamps ahead of the clock would make CMake run for ever."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    options = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
    with tarfile.open(sdist) as archive:
        members = [member for member in archive if "/vendor/llama.cpp/" in member.name]
        for member in members:
            member.name = member.name.partition("/vendor/llama.cpp/")[2]
            member.mtime = PAST
        archive.extractall(folder, members, **options)


def llama_cpp():
    """The folder of llama.cpp's programs, built for this CPU if they aren't yet."""
    script = fetch_models_script()
    requirement, sha256 = script.VOCABULARIES["requirement"], script.VOCABULARIES["sha256"]
    folder = PEERS / requirement.replace("==", "-")
    programs, stamp = folder / "build/bin", folder / "complete"
    identity = f"{sha256} {cpu_identity()}"
    with locked():
        if stamp.is_file() and stamp.read_text().strip() == identity:
            return programs
        missing = [name for name in ("cmake", "make", "c++") if not shutil.which(name)]
        if missing:
            raise Failure(f"llama.cpp can't be built: install {', '.join(missing)}")
        log(f"fetching llama.cpp in the source of {requirement}")
        with tempfile.TemporaryDirectory(dir=PEERS, prefix=".fetch-") as scratch:
            sdist = pathlib.Path(scratch) / "sdist"
            try:
                script.download_sdist(requirement, sdist)
            except script.Failure as failure:
                raise Failure(str(failure)) from failure
            found = script.digest(sdist)
            if found != sha256:
                raise Failure(f"{requirement}: expected sha256 {sha256}, got {found}")
            unpack(sdist, folder)
        build_llama_cpp(folder)
        stamp.write_text(identity + "\n")
    return programs


def build_llama_cpp(folder):
    log_path = PEERS / "llama.cpp.log"
    log_path.unlink(missing_ok=True)
    log(f"building llama.cpp, which takes some ten minutes; its output: {log_path}")
    build, what = folder / "build", "building llama.cpp"
    logged(["cmake", "-S", folder, "-B", build, "-G", "Unix Makefiles", *LLAMA_OPTIONS],
           log_path, what)
    logged(["cmake", "--build", build, "--parallel", os.cpu_count() or 1, "--target",
            *LLAMA_TARGETS], log_path, what)


def llama_server():
    """llama-server in the same tree, built when it is first asked for."""
    programs = llama_cpp()
    server = programs / "llama-server"
    with locked():
        if not server.is_file():
            log_path = PEERS / "llama-server.log"
            log(f"building llama-server; its output: {log_path}")
            logged(["cmake", "--build", programs.parent, "--parallel", os.cpu_count() or 1,
                    "--target", server.name], log_path, "building llama-server")
    return server


def openvino():
    """The Python of an environment that has OpenVINO GenAI, made if there is none yet."""
    folder, log_path = PEERS / OPENVINO.replace("==", "-"), PEERS / "openvino-genai.log"
    python, stamp = folder / "bin/python", folder / "complete"
    with locked():
        if stamp.is_file():
            return python
        log(f"installing {OPENVINO}; its output: {log_path}")
        shutil.rmtree(folder, ignore_errors=True)
        log_path.unlink(missing_ok=True)
        what = f"installing {OPENVINO}"
        logged([sys.executable, "-m", "venv", "--without-pip", folder], log_path, what)
        logged([sys.executable, "-m", "pip", "--python", python, "install", "--no-input",
                "--disable-pip-version-check", "--only-binary", ":all:", OPENVINO], log_path, what)
        stamp.touch()
    return python


def models(names):
    """Fetches or makes those that aren't there; gives their folder."""
    fetched = sorted({MODELS[name].fetch for name in names})
    command = [sys.executable, ROOT / "scripts/fetch-models", "--dir", MODEL_FOLDER, *fetched]
    if subprocess.run(list(map(str, command)), check=False).returncode != 0:
        raise Failure("scripts/fetch-models could not fetch the models")
    for name in names:
        path = MODEL_FOLDER / MODELS[name].file
        if not MODELS[name].synthetic or path.is_file():
            continue
        shape, mix = MODELS[name].synthetic
        log(f"making {path.name}")
        command = [sys.executable, ROOT / "tools/make-synthetic-model", "--shape", shape, "--mix",
                   mix, "--vocab", MODEL_FOLDER / "ggml-vocab-llama-bpe.gguf", path]
        if subprocess.run(list(map(str, command)), check=False).returncode != 0:
            raise Failure(f"tools/make-synthetic-model could not make {path}")
    return MODEL_FOLDER
