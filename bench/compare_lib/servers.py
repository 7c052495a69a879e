"""Who is compared by bench/serve-compare: how each is started."""
import typing

from .children import Server, free_port


class Needs(typing.NamedTuple):
    """What a scenario asks of a server."""
    slots: int            # requests that are answered together
    context: int          # tokens of one of them, its answer included
    queue: int = 1024     # that may wait; a server without such a limit lets all wait
    restarts: bool = False


class Slipstream:
    peer = False
    name = "Slipstream"

    def __init__(self, program, threads, activations):
        self.program, self.threads, self.activations = program, threads, activations
        self.configuration = f"--activations {activations}"

    def command(self, model, needs, port):
        return [self.program, "serve", "-q", "-m", model, "-t", self.threads, "--port", port,
                "-np", needs.slots, "--queue", needs.queue, "-c", needs.slots * needs.context,
                "--max-model-len", needs.context, "--activations", self.activations]

    def start(self, model, needs):
        return start(self, model, needs)


class LlamaServer:
    peer = True
    name = "llama-server"

    def __init__(self, program, threads, flags):
        self.program, self.threads, self.flags = program, threads, flags
        self.configuration = " ".join(flags) or "defaults"

    def command(self, model, needs, port):
        return [self.program, "-m", model, "-t", self.threads, "-tb", self.threads,
                "--host", "127.0.0.1", "--port", port, "-np", needs.slots,
                "-c", needs.slots * needs.context, "--no-webui", *self.flags]

    def start(self, model, needs):
        return start(self, model, needs)


def start(contestant, model, needs):
    port = free_port()
    return Server(contestant.command(model, needs, port), port)
