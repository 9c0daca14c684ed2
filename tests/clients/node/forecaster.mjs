// A Vercel AI SDK agent with one tool and a scripted model, reported by the SDK's own telemetry.
//
//     OTEL_EXPORTER_OTLP_ENDPOINT=URL node forecaster.mjs MAJOR [SCENARIO]...
//
// MAJOR is that of the `ai` package, 4 to 7. What a run says is the same for all of them. Each
// scenario is one run, and one service.

import { z } from "zod";
import { provider } from "./telemetry.mjs";

const major = Number(process.argv[2]);
const SCENARIOS = ["generated", "streamed", "object", "failing-tool", "embedded"];
if (major >= 7) SCENARIOS.push("older-spans"); // the names of before 7, still on offer

const ai = await import(`ai${major}`);
const mocks = await import(`ai${major}/test`);
const Mock = { 4: "ModelV1", 5: "ModelV2", 6: "ModelV3", 7: "ModelV4" }[major];
const { simulateReadableStream } = mocks;

const SYSTEM = "You are a terse weather assistant.";
const QUESTION = "What is the weather in Lisbon?";
const ANSWER = "It is 19 degrees celsius and sunny in Lisbon.";
const ARGUMENTS = { city: "Lisbon", unit: "celsius" };
const WEATHER = { city: "Lisbon", temperature: 19, conditions: "sunny" };
const TURNS = [
  { reason: "tool-calls", tokens: [112, 21] },
  { reason: "stop", tokens: [158, 14] },
];

function usage([input, output]) {
  if (major === 4) return { promptTokens: input, completionTokens: output };
  if (major === 5)
    return { inputTokens: input, outputTokens: output, totalTokens: input + output };
  return {
    inputTokens: { total: input, noCache: input, cacheRead: 0, cacheWrite: 0 },
    outputTokens: { total: output, text: output, reasoning: 0 },
  };
}

function finish({ reason, tokens }) {
  const finishReason = major >= 6 ? { unified: reason, raw: undefined } : reason;
  return { finishReason, usage: usage(tokens) };
}

const request = { toolCallId: "call_1", toolName: "get_weather" };
const response = { id: "answer-1", modelId: "gpt-4o-mini-2024-07-18", timestamp: new Date(0) };

function generated(turn, scenario) {
  const last = TURNS[turn].reason === "stop";
  const text = scenario === "object" ? JSON.stringify(WEATHER) : ANSWER;
  const args = JSON.stringify(ARGUMENTS);
  const common = { ...finish(TURNS[turn]), response, warnings: [] };
  if (major === 4) {
    const call = { toolCallType: "function", ...request, args };
    const said = last ? { text } : { toolCalls: [call] };
    return { rawCall: { rawPrompt: null, rawSettings: {} }, ...common, ...said };
  }
  const part = last ? { type: "text", text } : { type: "tool-call", ...request, input: args };
  return { ...common, content: [part] };
}

function streamed(turn) {
  const last = TURNS[turn].reason === "stop";
  const args = JSON.stringify(ARGUMENTS);
  const end = { type: "finish", ...finish(TURNS[turn]) };
  const words = ANSWER.match(/\S+ ?/g);
  let chunks;
  if (major === 4) {
    chunks = last
      ? words.map((textDelta) => ({ type: "text-delta", textDelta }))
      : [{ type: "tool-call", toolCallType: "function", ...request, args }];
  } else {
    chunks = last
      ? [
          { type: "text-start", id: "t" },
          ...words.map((delta) => ({ type: "text-delta", id: "t", delta })),
          { type: "text-end", id: "t" },
        ]
      : [{ type: "tool-call", ...request, input: args }];
    chunks = [{ type: "stream-start", warnings: [] }, ...chunks];
  }
  const told = { type: "response-metadata", ...response };
  const stream = simulateReadableStream({
    chunks: [...chunks, told, end],
    initialDelayInMs: null,
    chunkDelayInMs: null,
  });
  return { rawCall: { rawPrompt: null, rawSettings: {} }, stream };
}

function scripted(scenario) {
  let turn = scenario === "object" ? 1 : 0;
  return new mocks[`MockLanguage${Mock}`]({
    provider: "openai",
    modelId: "gpt-4o-mini",
    defaultObjectGenerationMode: "json",
    doGenerate: async () => generated(turn++, scenario),
    doStream: async () => streamed(turn++),
  });
}

const embedding = () =>
  new mocks[`MockEmbedding${Mock}`]({
    provider: "openai",
    modelId: "text-embedding-3-small",
    doEmbed: async () => ({ embeddings: [[0.1, 0.2]], usage: { tokens: 8 }, warnings: [] }),
  });

async function reportedBy(tracer, scenario) {
  if (major < 7)
    return { experimental_telemetry: { isEnabled: true, functionId: "forecaster", tracer } };
  const { LegacyOpenTelemetry, OpenTelemetry } = await import("@ai-sdk/otel");
  const Integration = scenario === "older-spans" ? LegacyOpenTelemetry : OpenTelemetry;
  return { telemetry: { functionId: "forecaster", integrations: [new Integration({ tracer })] } };
}

const city = z.object({ city: z.string(), unit: z.enum(["celsius", "fahrenheit"]) });
const report = z.object({ city: z.string(), temperature: z.number(), conditions: z.string() });

function tools(scenario) {
  const execute = async () => {
    if (scenario === "failing-tool") throw new Error("the weather service is down");
    return WEATHER;
  };
  const described = { description: "Current weather of a city", execute };
  const schema = major === 4 ? { parameters: city } : { inputSchema: city };
  const until = major === 4 ? { maxSteps: 3 } : { stopWhen: ai.stepCountIs(3) };
  return { tools: { get_weather: ai.tool({ ...described, ...schema }) }, ...until };
}

async function run(scenario) {
  const telemetry = provider(scenario);
  const options = {
    model: scripted(scenario),
    [major >= 7 ? "instructions" : "system"]: SYSTEM,
    prompt: QUESTION,
    ...(await reportedBy(telemetry.getTracer("ai"), scenario)),
  };
  try {
    if (scenario === "embedded")
      await ai.embed({ ...options, model: embedding(), value: QUESTION });
    else if (scenario === "object") await ai.generateObject({ ...options, schema: report });
    else if (scenario === "streamed")
      await ai.streamText({ ...options, ...tools(scenario) }).consumeStream();
    else await ai.generateText({ ...options, ...tools(scenario) });
  } catch (error) {
    if (scenario !== "failing-tool") throw error; // 4 gives up, later ones tell the model
  }
  await telemetry.shutdown();
}

const wanted = process.argv.slice(3);
for (const scenario of wanted.length ? wanted : SCENARIOS) await run(scenario);
