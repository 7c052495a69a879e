"""The server behind langchain-openai, as programs that are built on LangChain see it."""
import unittest

import clients  # noqa: F401
from cli_support import smollm2
from serving import TIMEOUT_S, Serving

try:
    import openai
    from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
    from langchain_core.tools import tool
    from langchain_openai import ChatOpenAI, OpenAI, OpenAIEmbeddings
    from pydantic import BaseModel, Field
except ImportError:
    openai = None

QUESTION = "What is the capital of France?"
# SmolLM2's own knows nothing of tools; this is how Hermes and Qwen write them.
TEMPLATE = """{% for m in messages %}<|im_start|>{{ m.role }}
{{ m.content or '' }}{% for call in m.tool_calls or [] %}<tool_call>
{{ call.function | tojson }}
</tool_call>{% endfor %}<|im_end|>
{% endfor %}{% if tools %}<|im_start|>system
Tools: {{ tools | tojson }}<|im_end|>
{% endif %}<|im_start|>assistant
"""


@unittest.skipIf(openai is None, "langchain-openai is not installed (scripts/test does it)")
class LangChainTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Serving("-m", smollm2(), "-a", "smol", "--max-model-len", 1024, "-c", 4096,
                             "--chat-template", TEMPLATE, "--api-key", "secret")
        cls.addClassCleanup(cls.server.stop)
        cls.server.wait_for("(ready): smol")
        cls.where = {"base_url": cls.server.url + "/v1", "api_key": "secret", "max_retries": 0,
                     "timeout": TIMEOUT_S, "model": "smol"}
        cls.chat = ChatOpenAI(temperature=0, max_tokens=48, **cls.where)

    def test_chat(self):
        answer = self.chat.invoke([SystemMessage("You answer questions."), HumanMessage(QUESTION)])
        self.assertIn("Paris", answer.content)
        self.assertEqual(answer.response_metadata["model_name"], "smol")
        self.assertEqual(answer.response_metadata["finish_reason"], "stop")
        usage = answer.usage_metadata
        self.assertEqual(usage["total_tokens"], usage["input_tokens"] + usage["output_tokens"])
        self.assertGreater(usage["output_tokens"], 1)

    def test_stream_is_the_same(self):
        whole = self.chat.invoke(QUESTION)
        total = None
        n_pieces = 0
        for piece in self.chat.stream(QUESTION, stream_usage=True):
            total = piece if total is None else total + piece
            n_pieces += 1
        self.assertGreater(n_pieces, 3)
        self.assertEqual(total.content, whole.content)
        self.assertEqual(total.usage_metadata["output_tokens"],
                         whole.usage_metadata["output_tokens"])

    def test_a_batch_is_what_each_gives_alone(self):
        questions = [QUESTION, "Count from one to five.", "Name a colour."]
        together = [answer.content for answer in self.chat.batch(questions)]
        self.assertEqual(together, [self.chat.invoke(question).content for question in questions])

    def weather(self):
        @tool
        def weather(city: str, days: int) -> str:
            """The weather of a city."""
            return f"sunny in {city} for {days} days"
        return weather

    def test_tools_are_called_and_answered(self):
        weather = self.weather()
        bound = self.chat.bind_tools([weather], tool_choice="weather")
        question = HumanMessage("What is the weather in Rome for 2 days?")
        asked = bound.invoke([question])
        self.assertEqual(len(asked.tool_calls), 1)
        call = asked.tool_calls[0]
        self.assertEqual(call["name"], "weather")
        self.assertEqual(set(call["args"]), {"city", "days"})
        self.assertIsInstance(call["args"]["city"], str)
        self.assertIsInstance(call["args"]["days"], int)
        result = weather.invoke(call)
        self.assertIsInstance(result, ToolMessage)
        self.assertIn(call["args"]["city"], result.content)
        answer = self.chat.invoke([question, asked, result])
        self.assertIsInstance(answer, AIMessage)
        self.assertTrue(answer.content)
        streamed = None
        for piece in bound.stream([question]):
            streamed = piece if streamed is None else streamed + piece
        self.assertEqual([(c["name"], c["args"]) for c in streamed.tool_calls],
                         [(c["name"], c["args"]) for c in asked.tool_calls])

    def test_structured_output(self):
        class Person(BaseModel):
            name: str = Field(max_length=20)
            age: int = Field(ge=0, le=150)
            pets: list[str] = Field(max_length=2)

        text = "Anna is 31 years old and has a cat. Tell me about her."
        for method in ("json_schema", "function_calling"):
            with self.subTest(method):
                model = ChatOpenAI(temperature=0, max_tokens=200, **self.where)
                person = model.with_structured_output(Person, method=method).invoke(text)
                self.assertIsInstance(person, Person)
                self.assertIn("Anna", person.name)

    def test_completion_and_embeddings(self):
        text = OpenAI(temperature=0, max_tokens=6, **self.where).invoke("One, two, three,")
        self.assertIn("four", text)
        embeddings = OpenAIEmbeddings(check_embedding_ctx_length=False, **self.where)
        cat, kitten, rates = embeddings.embed_documents(
            ["A cat sat on the mat.", "A kitten sat on the mat.", "Interest rates rose again."])
        self.assertAlmostEqual(sum(x * x for x in cat), 1, places=4)

        def likeness(a, b):
            return sum(x * y for x, y in zip(a, b))
        self.assertGreater(likeness(cat, kitten), likeness(cat, rates))
        for x, y in zip(embeddings.embed_query("A cat sat on the mat."), cat):
            self.assertAlmostEqual(x, y, places=6)

    def test_errors(self):
        with self.assertRaises(openai.AuthenticationError):
            ChatOpenAI(**{**self.where, "api_key": "wrong"}).invoke(QUESTION)
        with self.assertRaises(openai.BadRequestError) as caught:
            self.chat.invoke("word " * 2000)
        self.assertIn("1024", str(caught.exception))


if __name__ == "__main__":
    unittest.main()
