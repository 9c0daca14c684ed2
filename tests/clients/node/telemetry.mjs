// What the Node clients here share: a provider that exports OTLP/HTTP JSON in batches. Where
// to, and how, comes from the standard OTEL_* variables, as it does for any program.

import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, NodeTracerProvider } from "@opentelemetry/sdk-trace-node";

export function provider(service) {
  const made = new NodeTracerProvider({
    resource: resourceFromAttributes({ "service.name": service }),
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
  });
  made.register();
  return made;
}
