"""What both comparisons do: asking the program who it is, writing files, ending when told to."""
import json
import os
import subprocess
import tempfile

from . import Failure


def check_program(program):
    try:
        done = subprocess.run([program, "version", "--json"], stdout=subprocess.PIPE, text=True,
                              check=True)
        version = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        raise Failure(f"{program} can't be run: {error}\n  build it: scripts/quickstart") from error
    return (f"slipstream {version['version']} {version['commit']} ({version['isa']})",
            version["cpu"])


def write_whole(path, text):
    """Writes a file that is there as a whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, encoding="utf-8", delete=False) as out:
        out.write(text)
    os.chmod(out.name, 0o644)
    os.replace(out.name, path)


def write_json(path, found):
    if path:
        write_whole(path, json.dumps(found, indent=1, ensure_ascii=False) + "\n")


def stop(number, frame):
    raise KeyboardInterrupt
