"""Conversations that every chat template is rendered with, for tools/make-template-goldens.py."""

WEATHER = {"type": "function", "function": {
    "name": "get_weather", "description": "Get the current weather.\nFor any place.",
    "parameters": {"type": "object", "properties": {
        "city": {"type": "string", "description": "City & country, e.g. \"Paris\""},
        "unit": {"type": "string", "enum": ["celsius", "fahrenheit"], "default": "celsius"},
        "days": {"type": ["integer", "null"], "minimum": 1}}, "required": ["city"]}}}
ADD = {"type": "function", "function": {
    "name": "add", "description": "Add numbers.", "parameters": {"type": "object", "properties": {
        "numbers": {"type": "array", "items": {"type": "number"}, "description": "What to add."},
        "options": {"type": "object", "properties": {"exact": {"type": "boolean"}}}}, "required": ["numbers"]},
    "return": {"type": "number"}}}


def call(name, arguments, number):
    return {"id": f"call{number:05d}", "type": "function", "function": {"name": name, "arguments": arguments}}


CONVERSATIONS = {
    "hello": [{"role": "user", "content": "Hello"}],
    "system": [{"role": "system", "content": "You are a pirate."}, {"role": "user", "content": "  Who are you?\n"}],
    "turns": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello! How can I help?"},
              {"role": "user", "content": "Tell me a joke."}],
    "long": [{"role": "system", "content": ""}, {"role": "user", "content": "1"}, {"role": "assistant", "content": "one"},
             {"role": "user", "content": "2"}, {"role": "assistant", "content": " two \n"}, {"role": "user", "content": "3"},
             {"role": "assistant", "content": "three"}],
    "unicode": [{"role": "system", "content": "Antworte auf Deutsch. 🇩🇪"}, {"role": "user", "content": "Grüße, 日本語 🎉 <b>&amp;\"'</b>"}],
    "empty": [{"role": "user", "content": ""}],
    "none": [],
    "alternation": [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}],
    "unknown role": [{"role": "narrator", "content": "Once upon a time"}],
    "thinking": [{"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "<think>\nEasy.\n</think>\n\n4"},
                 {"role": "user", "content": "3+3?"}, {"role": "assistant", "reasoning_content": "Also easy.", "content": "6"},
                 {"role": "user", "content": "4+4?"}],
    "parts": [{"role": "user", "content": [{"type": "text", "text": "Part one. "}, {"type": "text", "text": "Part two."}]}],
}
TOOL_CONVERSATIONS = {
    "tools offered": [{"role": "system", "content": "Use tools."}, {"role": "user", "content": "Weather in Paris?"}],
    "tool call": [{"role": "user", "content": "Weather in Paris?"},
                  {"role": "assistant", "content": "", "tool_calls": [call("get_weather", {"city": "Paris", "days": 3}, 1)]},
                  {"role": "tool", "name": "get_weather", "tool_call_id": "call00001", "content": "{\"temperature\": 22.5}"},
                  {"role": "assistant", "content": "It is 22.5 °C."}, {"role": "user", "content": "And 1+2.5?"}],
    "tool calls": [{"role": "system", "content": "Use tools."}, {"role": "user", "content": "Paris and Rome?"},
                   {"role": "assistant", "content": "I'll look.", "tool_calls": [
                       call("get_weather", {"city": "Paris"}, 1), call("get_weather", {"city": "Rome", "unit": "celsius"}, 2)]},
                   {"role": "tool", "name": "get_weather", "tool_call_id": "call00001", "content": "22"},
                   {"role": "tool", "name": "get_weather", "tool_call_id": "call00002", "content": "25"}],
    "no content": [{"role": "user", "content": "1+1?"},
                   {"role": "assistant", "content": None, "tool_calls": [call("add", {"numbers": [1, 1.0]}, 1)]},
                   {"role": "tool", "name": "add", "tool_call_id": "call00001", "content": "2"}],
    "text arguments": [{"role": "user", "content": "1+1?"},
                       {"role": "assistant", "tool_calls": [call("add", "{\"numbers\": [1, 1]}", 1)]},
                       {"role": "tool", "name": "add", "tool_call_id": "call00001", "content": "2"}],
}


def context(messages, prompt, **more):
    return {"messages": messages, "add_generation_prompt": prompt, "bos_token": "<s>", "eos_token": "</s>", **more}


def contexts():
    """Name → variables. As transformers does, `tools` and `documents` are there, none unless given."""
    result = {}
    for name, messages in CONVERSATIONS.items():
        result[f"{name}, prompt"] = context(messages, True, tools=None, documents=None)
        if name in ("turns", "long", "thinking"):
            result[name] = context(messages, False, tools=None, documents=None)
    for name, messages in TOOL_CONVERSATIONS.items():
        result[f"{name}, prompt"] = context(messages, True, tools=[WEATHER, ADD], documents=None)
    result["no thinking"] = context(CONVERSATIONS["thinking"], True, tools=None, documents=None, enable_thinking=False)
    result["thinking on"] = context(CONVERSATIONS["system"], True, tools=None, documents=None, enable_thinking=True, thinking=True, reasoning_effort="high")
    result["tools in user message"] = context(TOOL_CONVERSATIONS["tools offered"], True, tools=[ADD], documents=None, tools_in_user_message=False, date_string="26 Jul 2024")
    return result
