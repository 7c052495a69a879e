/** The server's HTTP interface, as far as the page uses it. */
import { ApiError, errorOfResponse } from "./errors.js";
import { readEvents } from "./sse.js";

let apiKey = "";

/** The key that requests carry from now on; empty: none. */
export function setApiKey(key) {
  apiKey = key.trim();
}

/**
 * A response of status 2xx. The path is relative to the page's own address, so that the server
 * may stand behind a prefix. Throws ApiError, and AbortError behind `signal`.
 */
async function request(path, { method = "GET", body, signal } = {}) {
  const headers = {};
  if (apiKey) headers.Authorization = `Bearer ${apiKey}`;
  if (body) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(new URL(path, document.baseURI), {
      method, headers, signal, cache: "no-store", body: body && JSON.stringify(body),
    });
  } catch (error) {
    if (["AbortError", "TimeoutError"].includes(error.name)) throw error;
    throw new ApiError({ status: 0 });
  }
  if (!response.ok) throw await errorOfResponse(response, apiKey !== "");
  return response;
}

/** The names of the models that are served. @returns {Promise<string[]>} */
export async function listModels() {
  const { data } = await (await request("v1/models")).json();
  return (data ?? []).map((model) => String(model.id));
}

/** The text of /metrics. @returns {Promise<string>} */
export async function fetchMetrics(signal) {
  return (await request("metrics", { signal })).text();
}

/** The events of the last requests. @returns {Promise<Object[]>} */
export async function fetchTrace(nRequests, signal) {
  const trace = await (await request(`debug/trace?requests=${nRequests}`, { signal })).json();
  return Array.isArray(trace) ? trace : trace.traceEvents ?? [];
}

function throwStreamed(error) {
  throw new ApiError({
    status: Number(error.code) || 500,
    message: String(error.message ?? ""),
    type: String(error.type ?? ""),
    details: error,
    hadKey: apiKey !== "",
  });
}

const cutOff = () => new ApiError({ status: 0, type: "incomplete" });

/** The data of the events, parsed, up to [DONE]; a connection that breaks is an ApiError. */
async function* readChunks(body) {
  try {
    for await (const event of readEvents(body)) {
      if (event.data === "[DONE]") return;
      yield JSON.parse(event.data);
    }
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw cutOff();
  }
  throw cutOff();
}

/**
 * Streams a chat completion.
 * @param {Object} fields of the request, without those about streaming
 * @param {{signal: AbortSignal, onText: function({content: string, reasoning: string})}} options
 * @returns {Promise<{finishReason: string, usage: Object|null}>}
 */
export async function streamChat(fields, { signal, onText }) {
  const body = { ...fields, stream: true, stream_options: { include_usage: true } };
  const response = await request("v1/chat/completions", { method: "POST", body, signal });
  let finishReason = "";
  let usage = null;
  for await (const chunk of readChunks(response.body)) {
    if (chunk.error) throwStreamed(chunk.error);
    usage = chunk.usage ?? usage;
    const choice = chunk.choices?.[0];
    if (!choice) continue;
    const content = choice.delta?.content ?? "";
    const reasoning = choice.delta?.reasoning_content ?? "";
    if (content || reasoning) onText({ content, reasoning });
    finishReason = choice.finish_reason ?? finishReason;
  }
  return { finishReason, usage };
}
