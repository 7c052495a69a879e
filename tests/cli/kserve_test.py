"""KServe v2 as its clients see it: the stock tritonclient over HTTP and gRPC."""
import json
import os
import pathlib
import queue
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest

import clients  # noqa: F401
from cli_support import PROGRAM, CliTest, smollm2
from serving import TIMEOUT_S, Serving

try:
    import numpy
    import tritonclient.grpc
    import tritonclient.http
    from google.protobuf import descriptor_pb2
    from tritonclient.grpc import model_config_pb2, service_pb2
    from tritonclient.utils import InferenceServerException
except ImportError:
    tritonclient = None

PROTO = pathlib.Path(__file__).parents[2] / "src/serve/grpc/inference.proto"
PROMPT = "One, two, three,"


def bytes_tensor(module, name, values, shape):
    tensor = module.InferInput(name, shape, "BYTES")
    tensor.set_data_from_numpy(numpy.array([v.encode() for v in values], object).reshape(shape))
    return tensor


def inputs(module, texts, stream=None, **sampling):
    tensors = [bytes_tensor(module, "text_input", texts, [len(texts)])]
    if sampling:
        tensors.append(bytes_tensor(module, "sampling_parameters", [json.dumps(sampling)], [1]))
    if stream is not None:
        flag = module.InferInput("stream", [1], "BOOL")
        flag.set_data_from_numpy(numpy.array([stream]))
        tensors.append(flag)
    return tensors


def texts_of(result):
    return [text.decode() for text in result.as_numpy("text_output").reshape(-1)]


@unittest.skipIf(tritonclient is None, "tritonclient is not installed (scripts/test does it)")
class TritonClientTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Serving("-m", smollm2(), "-a", "smol", "--max-model-len", 1024, "-c", 4096,
                             "--grpc-port", 0)
        cls.addClassCleanup(cls.server.stop)
        cls.server.wait_for("(ready): smol")
        cls.grpc_address = cls.server.wait_for(r"listening on grpc://(\S+)")
        cls.http = tritonclient.http.InferenceServerClient(
            cls.server.url.removeprefix("http://"), network_timeout=TIMEOUT_S,
            connection_timeout=TIMEOUT_S)
        cls.grpc = tritonclient.grpc.InferenceServerClient(cls.grpc_address)
        cls.addClassCleanup(cls.http.close)
        cls.addClassCleanup(cls.grpc.close)

    def both(self):
        for client, module in [(self.http, tritonclient.http), (self.grpc, tritonclient.grpc)]:
            with self.subTest(module.__name__):
                yield client, module

    def expected(self, prompt, n):
        _, answer = self.server.request("/v1/completions", {
            "prompt": prompt, "max_tokens": n, "temperature": 0})
        return answer["choices"][0]["text"]

    def test_health_metadata_and_configuration(self):
        for client, module in self.both():
            as_json = {} if module is tritonclient.http else {"as_json": True}
            self.assertTrue(client.is_server_live())
            self.assertTrue(client.is_server_ready())
            self.assertTrue(client.is_model_ready("smol"))
            self.assertTrue(client.is_model_ready("smol", "1"))
            self.assertEqual(client.get_server_metadata(**as_json)["name"], "slipstream")
            model = client.get_model_metadata("smol", **as_json)
            self.assertEqual(model["versions"], ["1"])
            self.assertEqual(model["inputs"][0]["name"], "text_input")
            config = client.get_model_config("smol", **as_json)
            config = config.get("config", config)
            self.assertEqual(config["input"][0]["data_type"], "TYPE_STRING")
            self.assertTrue(config["model_transaction_policy"]["decoupled"])
        self.assertFalse(self.http.is_model_ready("none"))

    def test_answers_equal_those_of_completions(self):
        expected = [self.expected(PROMPT, 8), self.expected("A, B, C,", 8)]
        self.assertIn("four", expected[0])
        for client, module in self.both():
            result = client.infer("smol", inputs(module, [PROMPT, "A, B, C,"], max_tokens=8,
                                                 temperature="0"), request_id="r1")
            self.assertEqual(texts_of(result), expected)
            response = result.get_response()
            self.assertEqual(response["id"] if isinstance(response, dict) else response.id, "r1")
            # Parameters of the request instead of the tensor, and outputs by name.
            wanted = [module.InferRequestedOutput(name) for name in
                      ("text_output", "finish_reason", "num_output_tokens")]
            result = client.infer("smol", inputs(module, [PROMPT]), outputs=wanted,
                                  parameters={"max_tokens": 8, "temperature": 0})
            self.assertEqual(texts_of(result), expected[:1])
            self.assertEqual(result.as_numpy("finish_reason")[0], b"length")
            self.assertEqual(result.as_numpy("num_output_tokens").tolist(), [8])

    def test_json_tensors(self):
        text = tritonclient.http.InferInput("text_input", [1], "BYTES")
        text.set_data_from_numpy(numpy.array([PROMPT], object), binary_data=False)
        output = tritonclient.http.InferRequestedOutput("text_output", binary_data=False)
        result = self.http.infer("smol", [text], outputs=[output],
                                 parameters={"max_tokens": 8, "temperature": 0})
        self.assertEqual(result.get_response()["outputs"][0]["data"], [self.expected(PROMPT, 8)])

    def test_generate(self):
        body = {"text_input": PROMPT, "parameters": {"max_tokens": 8, "temperature": 0}}
        status, answer = self.server.request("/v2/models/smol/generate", body)
        self.assertEqual(status, 200)
        self.assertEqual(answer, {"model_name": "smol", "model_version": "1",
                                  "text_output": self.expected(PROMPT, 8)})
        _, events = self.server.request("/v2/models/smol/generate_stream", body)
        pieces = [json.loads(event.removeprefix("data: "))
                  for event in events.strip().split("\n\n")]
        self.assertGreater(len(pieces), 4)
        self.assertEqual("".join(piece["text_output"] for piece in pieces), answer["text_output"])

    def test_grpc_stream(self):
        responses = queue.Queue()
        client = tritonclient.grpc.InferenceServerClient(self.grpc_address)
        client.start_stream(callback=lambda result, error: responses.put((result, error)))
        prompts = {"0": PROMPT, "1": "A, B, C,"}
        for number, prompt in prompts.items():
            client.async_stream_infer(
                "smol", inputs(tritonclient.grpc, [prompt], stream=True, max_tokens=8,
                               temperature=0), request_id=number,
                enable_empty_final_response=True)
        texts, n_pieces, ended = {"0": "", "1": ""}, 0, set()
        while len(ended) < 2:
            result, error = responses.get(timeout=TIMEOUT_S)
            self.assertIsNone(error)
            response = result.get_response()
            if response.outputs:
                texts[response.id] += texts_of(result)[0]
                n_pieces += 1
            if response.parameters["triton_final_response"].bool_param:
                ended.add(response.id)
        self.assertEqual(texts, {n: self.expected(p, 8) for n, p in prompts.items()})
        self.assertGreater(n_pieces, 8)
        client.async_stream_infer("none", inputs(tritonclient.grpc, [PROMPT]))
        _, error = responses.get(timeout=TIMEOUT_S)
        self.assertIn("'none' is not served here", str(error))
        client.stop_stream()
        client.close()

    def test_statistics(self):
        for client, module in self.both():
            as_json = {} if module is tritonclient.http else {"as_json": True}
            client.infer("smol", inputs(module, ["x"], max_tokens=1))
            stats = client.get_inference_statistics("smol", **as_json)["model_stats"][0]
            self.assertGreater(int(stats["inference_count"]), 0)
            self.assertGreater(int(stats["inference_stats"]["success"]["ns"]), 0)
        _, metrics = self.server.request("/metrics")
        self.assertRegex(metrics, r'nv_inference_request_success\{model="smol",version="1"\} [1-9]')

    def test_errors(self):
        for client, module in self.both():
            for sampling, message in [({"temprature": 1}, "temprature: "),
                                      ({"temperature": 9}, "temperature: expected 0 … 2, got 9"),
                                      ({"stream": True}, "stream: expected false")]:
                with self.assertRaisesRegex(InferenceServerException, message):
                    client.infer("smol", inputs(module, [PROMPT], **sampling))
            with self.assertRaisesRegex(InferenceServerException, "'none' is not served here"):
                client.infer("none", inputs(module, [PROMPT]))
            with self.assertRaisesRegex(InferenceServerException, "exceed the context"):
                client.infer("smol", inputs(module, ["word " * 2000]))

    def test_unloading_and_loading(self):
        expected = self.expected(PROMPT, 8)
        for client, module in self.both():
            as_json = {} if module is tritonclient.http else {"as_json": True}
            client.unload_model("smol")
            self.assertFalse(client.is_model_ready("smol"))
            with self.assertRaisesRegex(InferenceServerException, "unloaded"):
                client.infer("smol", inputs(module, [PROMPT]))
            client.load_model("smol")
            self.assertTrue(client.is_model_ready("smol"))
            index = client.get_model_repository_index(**as_json)
            index = index if isinstance(index, list) else index["models"]
            self.assertEqual(index[0]["state"], "READY")
            result = client.infer("smol", inputs(module, [PROMPT], max_tokens=8, temperature=0))
            self.assertEqual(texts_of(result), [expected])
            with self.assertRaisesRegex(InferenceServerException, "'none' is not served here"):
                client.load_model("none")

    def test_our_proto_is_that_of_the_client(self):
        """Names, numbers, types and labels of all fields, and the service's methods."""
        with tempfile.TemporaryDirectory() as folder:
            out = pathlib.Path(folder) / "set"
            subprocess.run(["protoc", f"-I{PROTO.parent}", f"--descriptor_set_out={out}",
                            PROTO.name], check=True)
            ours = descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes()).file[0]
        theirs = {}
        for module in (service_pb2, model_config_pb2):
            file = descriptor_pb2.FileDescriptorProto()
            module.DESCRIPTOR.CopyToProto(file)
            self.collect(file.message_type, "", theirs)
            for enum in file.enum_type:
                theirs[enum.name] = {v.name: v.number for v in enum.value}
            for service in file.service:
                theirs[service.name] = {m.name: self.method(m) for m in service.method}
        mine = {}
        self.collect(ours.message_type, "", mine)
        for name, fields in mine.items():
            self.assertLessEqual(fields.items(), theirs[name].items(), name)
        self.assertEqual({v.name: v.number for v in ours.enum_type[0].value}, theirs["DataType"])
        methods = {m.name: self.method(m) for m in ours.service[0].method}
        self.assertEqual(len(methods), 12)
        self.assertLessEqual(methods.items(), theirs["GRPCInferenceService"].items())
        self.assertEqual(ours.package, "inference")

    @staticmethod
    def method(m):
        return m.input_type, m.output_type, m.client_streaming, m.server_streaming

    def collect(self, messages, prefix, into):
        for message in messages:
            name = prefix + message.name
            into[name] = {f.name: (f.number, f.type, f.label, f.type_name) for f in message.field}
            self.collect(message.nested_type, name + ".", into)


class GrpcTest(CliTest):
    def test_keys_and_draining(self):
        server = Serving("-m", smollm2(), "--max-model-len", 1024, "--grpc-port", 0, "--api-key",
                         "secret", "-a", "smol")
        server.wait_for("(ready):")
        if tritonclient is None:
            server.stop()
            self.skipTest("tritonclient is not installed")
        client = tritonclient.grpc.InferenceServerClient(
            server.wait_for(r"listening on grpc://(\S+)"))
        self.addCleanup(client.close)
        self.assertTrue(client.is_server_ready())
        with self.assertRaisesRegex(InferenceServerException, "API key"):
            client.get_model_metadata("smol")
        responses = queue.Queue()
        client.start_stream(callback=lambda result, error: responses.put((result, error)),
                            headers={"authorization": "Bearer secret"})
        client.async_stream_infer("smol", inputs(tritonclient.grpc, ["Once"], stream=True,
                                                 max_tokens=60, ignore_eos=True))
        responses.get(timeout=TIMEOUT_S)
        server.process.send_signal(signal.SIGTERM)
        while True:
            result, error = responses.get(timeout=TIMEOUT_S)
            self.assertIsNone(error)
            if result.get_response().parameters["triton_final_response"].bool_param:
                break
        self.assertEqual(server.wait(), 0)
        client.stop_stream()

    def test_garbage(self):
        server = Serving("-m", smollm2(), "--max-model-len", 256, "--grpc-port", 0)
        server.wait_for("(ready):")
        host, port = server.wait_for(r"listening on grpc://(\S+)").rsplit(":", 1)
        preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
        for data in [b"GET / HTTP/1.1\r\n\r\n", os.urandom(5000), preface + os.urandom(5000),
                     preface + b"\0\0\0\4\0\0\0\0\0" + os.urandom(500)]:
            with socket.create_connection((host, int(port))) as connection:
                connection.settimeout(TIMEOUT_S)
                connection.sendall(data)
                connection.recv(100)
        self.assertEqual(server.request("/health")[0], 200)
        self.assertEqual(server.stop(), 0)

    def test_without_the_module(self):
        """The program alone runs, and says what is missing when it is asked for gRPC."""
        alone = self.home / "bin" / "slipstream"
        alone.parent.mkdir()
        shutil.copy2(PROGRAM, alone)
        done = subprocess.run([alone, "serve", "-m", smollm2(), "--port", "0", "--grpc-port", "0"],
                              capture_output=True, encoding="utf-8", timeout=TIMEOUT_S,
                              env=self.environment)
        self.assertEqual(done.returncode, 1)
        self.assertIn("gRPC: expected the module slipstream-grpc.so", done.stderr)

    def test_a_taken_port_is_an_error(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            self.assert_fails(1, "gRPC cannot listen there", "serve", "-m", smollm2(), "--port", 0,
                              "--grpc-port", taken.getsockname()[1])


if __name__ == "__main__":
    unittest.main()
