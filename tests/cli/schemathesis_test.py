"""What schemathesis makes of /openapi.json: requests that the document allows and requests that it
doesn't; no answer may be one that the document doesn't have, and none 5xx.
"""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

import clients  # noqa: F401
from cli_support import TINY
from serving import TIMEOUT_S, Serving

try:
    import schemathesis
except ImportError:
    schemathesis = None

KEY = "secret"


TEMPLATE = ("{% for m in messages %}<|im_start|>{{ m.role }} {{ m.content }}<|im_end|>{% endfor %}"
            "{{ tools }}<|im_start|>assistant ")


def narrowed(document):
    """The document for what this server has: its model, without what would take that away."""
    schemas = document["components"]["schemas"]
    for name in ("ChatRequest", "CompletionRequest", "EmbeddingRequest"):
        schemas[name]["properties"]["model"]["enum"] = ["", "tiny", None]
    for path, operations in list(document["paths"].items()):
        if path.endswith("load"):  # unload as well
            del document["paths"][path]
        for operation in operations.values():
            for parameter in operation.get("parameters", []):
                known = {"model": "tiny", "id": "tiny", "version": "1"}.get(parameter["name"])
                if known:
                    parameter["schema"]["enum"] = [known]
    return document


@unittest.skipIf(schemathesis is None, "schemathesis is not installed (scripts/test does it)")
class SchemathesisTest(unittest.TestCase):
    def test_answers_are_those_of_the_document(self):
        server = Serving("-m", TINY, "-a", "tiny", "--max-model-len", 256, "-c", 65536,
                         "--chat-template", TEMPLATE, "--api-key", KEY)
        self.addCleanup(server.stop)
        server.wait_for("(ready): tiny")
        with tempfile.TemporaryDirectory() as folder:
            document = pathlib.Path(folder) / "openapi.json"
            document.write_text(json.dumps(narrowed(server.request("/openapi.json")[1])))
            done = subprocess.run(
                [pathlib.Path(sys.executable).parent / "schemathesis", "run", document, "--url",
                 server.url, "--header", f"Authorization: Bearer {KEY}", "--seed", "1",
                 "--max-examples", "25", "--phases", "coverage,fuzzing", "--checks", "all",
                 # What a context, a template or a grammar takes can't be written as a schema.
                 "--exclude-checks", "positive_data_acceptance", "--suppress-health-check", "all",
                 "--generation-database", "none", "--warnings", "off", "--no-color"],
                cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_S)
        self.assertEqual(done.returncode, 0, done.stdout[-8000:] + done.stderr)
        # It did reach what it was to try.
        text = server.text()
        for path in ("/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v2/models"):
            self.assertRegex(text, rf"POST {path}\S* 200 ")


if __name__ == "__main__":
    unittest.main()
