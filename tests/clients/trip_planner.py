"""Two services and one trace: a planner exports each span as it ends, so that children
arrive long before their root; the fare service it calls exports on its own.

    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=URL python trip_planner.py
"""

import otel
from opentelemetry.propagate import extract, inject
from opentelemetry.trace import SpanKind, Tracer

QUESTION = "Find me a train from Madrid to Valencia on Friday morning, under 40 euros."
ANSWER = "The 08:40 AVE arrives in Valencia at 10:32 and costs 34.50 euros. Shall I hold it?"
SEARCH = {"from": "Madrid", "to": "Valencia", "day": "friday", "before": "12:00"}
FARE = {"train": "AVE 5090", "departs": "08:40", "price_eur": 34.5}


def fares(tracer: Tracer, headers: dict[str, str]) -> dict[str, object]:
    """The other service: its spans hang under the caller's, known from the headers."""
    parent = extract(headers)
    with tracer.start_as_current_span("GET /fares", context=parent, kind=SpanKind.SERVER) as span:
        span.set_attribute("http.request.method", "GET")
        span.set_attribute("http.response.status_code", 200)
        with tracer.start_as_current_span("SELECT fares") as query:
            query.set_attribute("db.system.name", "postgresql")
            otel.wait(0.09)
        otel.wait(0.12)
    return FARE


def main() -> None:
    planner = otel.provider("trip-planner", batch=False)
    fare_service = otel.provider("fare-service")
    tracer = planner.get_tracer("trip-planner", "0.9.1")
    with otel.agent(tracer, "Trip Planner", QUESTION) as root:
        otel.chat(tracer, (142, 27), 0.66)
        with otel.tool(tracer, "search_fares", SEARCH) as span:
            headers: dict[str, str] = {}
            inject(headers)
            otel.result(span, fares(fare_service.get_tracer("fares"), headers))
        fare_service.force_flush()
        otel.chat(tracer, (208, 34), 0.88, ANSWER)
        otel.answer(root, ANSWER)
    for provider in (planner, fare_service):
        provider.shutdown()


if __name__ == "__main__":
    main()
