// An agent instrumented by hand with the OpenTelemetry SDK: a model call, a tool call that
// fails once with its exception recorded, and an answer.
//
//     OTEL_EXPORTER_OTLP_ENDPOINT=URL node concierge.mjs

import { SpanStatusCode } from "@opentelemetry/api";
import { provider } from "./telemetry.mjs";

const QUESTION = "Book a table for 4 tomorrow at 20:00, under Zoë.";
const ANSWER = "Your table for 4 is booked under Zoë.";

const telemetry = provider("concierge");
const tracer = telemetry.getTracer("concierge", "2.0.0");

function message(role, text) {
  return JSON.stringify([{ role, parts: [{ type: "text", content: text }] }]);
}

function chat(input, output, text) {
  tracer.startActiveSpan("chat gpt-4o-mini", (span) => {
    span.setAttributes({
      "gen_ai.operation.name": "chat",
      "gen_ai.request.model": "gpt-4o-mini",
      "gen_ai.usage.input_tokens": input,
      "gen_ai.usage.output_tokens": output,
      "gen_ai.request.temperature": 1.0,
    });
    if (text) span.setAttribute("gen_ai.output.messages", message("assistant", text));
    span.end();
  });
}

function book(attempt) {
  tracer.startActiveSpan("execute_tool create_booking", (span) => {
    span.setAttributes({
      "gen_ai.operation.name": "execute_tool",
      "gen_ai.tool.name": "create_booking",
      "gen_ai.tool.call.arguments": JSON.stringify({ party: 4, vip: false, name: "Zoë" }),
    });
    if (attempt === 1) {
      span.recordException(new Error("the book is locked"));
      span.setStatus({ code: SpanStatusCode.ERROR, message: "the book is locked" });
    } else {
      span.setAttribute("gen_ai.tool.call.result", JSON.stringify({ reference: "CL-5821" }));
    }
    span.end();
  });
}

tracer.startActiveSpan("invoke_agent Concierge", (root) => {
  root.setAttributes({
    "gen_ai.operation.name": "invoke_agent",
    "gen_ai.agent.name": "Concierge",
    "gen_ai.input.messages": message("user", QUESTION),
    "http.response.status_code": 200,
  });
  chat(120, 18);
  book(1);
  book(2);
  chat(171, 22, ANSWER);
  root.setAttribute("gen_ai.output.messages", message("assistant", ANSWER));
  root.end();
});

await telemetry.shutdown();
