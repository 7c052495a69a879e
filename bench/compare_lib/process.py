"""Running a program, with what can be seen of it from outside."""
import os
import select
import subprocess
import tempfile
import time
import typing

from . import Failure

TIMEOUT_S = 3600
# Settings of the caller's that would change what a contestant does.
PREFIXES = ("SLIPSTREAM_", "LLAMA_", "GGML_", "OMP_")
KEPT = ("SLIPSTREAM_PACK_CACHE", "SLIPSTREAM_PACK_CACHE_LIMIT", "SLIPSTREAM_ISA")


class Finished(typing.NamedTuple):
    output: str
    first_output_s: float  # from the start to the first byte that is no white space, or to the end
    peak_bytes: int        # resident, mapped files included


def clean_environment(changes):
    kept = {key: value for key, value in os.environ.items()
            if key in KEPT or not key.startswith(PREFIXES)}
    return {**kept, **changes}


def run(command, environment=None):
    """Runs it to its end, without input; a Failure says why it didn't end well."""
    command = [str(word) for word in command]
    with tempfile.TemporaryFile() as errors:
        start = time.perf_counter()
        try:
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                     stderr=errors, env=clean_environment(environment or {}))
        except OSError as error:
            raise Failure(f"{command[0]}: {error.strerror}") from error
        try:
            output, first = collect(child.stdout.fileno(), start)
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
        finally:
            if child.returncode is None:
                child.kill()
                child.wait()
            child.stdout.close()
        if child.returncode != 0:
            errors.seek(0)
            text = errors.read().decode(errors="replace")
            raise Failure(f"{os.path.basename(command[0])} ended with {child.returncode}: "
                          f"{last_line(text) or 'no message'}")
    return Finished(output.decode(errors="replace"), first, usage.ru_maxrss * 1024)


def collect(pipe, start):
    output, first = b"", None
    while True:
        left = start + TIMEOUT_S - time.perf_counter()
        if left <= 0 or not select.select([pipe], [], [], left)[0]:
            raise Failure(f"it ran for more than {TIMEOUT_S} s")
        data = os.read(pipe, 1 << 16)
        if first is None and (data.strip() or not data):
            first = time.perf_counter() - start
        if not data:
            return output, first
        output += data


def last_line(text):
    """The last that a program had to say: where Python or C++ put what went wrong."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else ""


def stolen_ticks():
    """(time that the hypervisor gave to others, all time), of all processors, or None."""
    try:
        with open("/proc/stat", encoding="ascii") as file:
            ticks = [int(field) for field in file.readline().split()[1:9]]
    except (OSError, ValueError):
        return None
    return (ticks[7], sum(ticks)) if len(ticks) == 8 else None


def stolen_share(before, after):
    if before is None or after is None or after[1] <= before[1]:
        return None
    return (after[0] - before[0]) / (after[1] - before[1])
