"""A support agent whose carrier times out once; it tries again and answers.

OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=URL python support_agent.py
"""

import otel

QUESTION = "Where is my order A-2207? It should have been here on Monday."
ANSWER = (
    "Your order A-2207 left the depot in Zaragoza this morning and arrives tomorrow before 14:00."
)
ARGUMENTS = {"order_id": "A-2207", "carrier": "Rapida"}


def track(attempt: int) -> dict[str, str]:
    """The carrier's answer; the first time it does not come."""
    otel.wait(2.0 if attempt == 1 else 0.46)
    if attempt == 1:
        raise TimeoutError("carrier Rapida did not answer within 2 s")
    return {"order_id": "A-2207", "state": "in transit", "eta": "tomorrow before 14:00"}


def main() -> None:
    provider = otel.provider("support-desk")
    tracer = provider.get_tracer("support-desk", "2.3.0")
    with otel.agent(tracer, "Support Agent", QUESTION) as root:
        root.set_attribute("http.response.status_code", 200)
        otel.chat(tracer, (164, 22), 0.74)
        for attempt in (1, 2):
            try:
                with otel.tool(tracer, "track_order", ARGUMENTS) as span:
                    span.set_attribute("attempt", attempt)
                    otel.result(span, track(attempt))
                break
            except TimeoutError:
                otel.wait(0.25)
        otel.chat(tracer, (231, 38), 1.12, ANSWER)
        otel.answer(root, ANSWER)
    provider.shutdown()


if __name__ == "__main__":
    main()
