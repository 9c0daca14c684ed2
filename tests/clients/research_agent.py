"""A research agent that fans out over many readers at once: more than a thousand spans.

Pages are read in parallel; some are gone, one host is slow enough to be given up.

    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=URL python research_agent.py [QUESTIONS]
"""

import contextvars
import random
import sys
from concurrent.futures import ThreadPoolExecutor

import otel
from opentelemetry.trace import SpanKind, Tracer

TOPIC = "What is known about reed beds as filters for farm run-off in southern Europe?"
ANSWER = (
    "Reed beds remove 40 to 80 % of nitrates from farm run-off; results depend on the "
    "retention time and fall in cold months. Southern European trials are few but agree."
)
ASPECTS = ("nitrate removal", "phosphate removal", "cold months", "costs", "upkeep", "wildlife")
PLACES = ("the Ebro delta", "Sicily", "the Po valley", "Alentejo", "Thessaly")
HOSTS = ("journal.example", "agency.example", "archive.example", "forum.example")
PAGES = 8
"""Pages read for each question."""


def read_page(tracer: Tracer, question: int, page: int, dice: random.Random) -> None:
    """Fetch one page and take notes from it."""
    host = HOSTS[(question + page) % len(HOSTS)]
    url = f"https://{host}/papers/{question * 100 + page}"
    with otel.tool(tracer, "fetch_page", {"url": url}) as span:
        with tracer.start_as_current_span("GET", kind=SpanKind.CLIENT) as get:
            slow = dice.random() < 0.03
            otel.wait(4.0 if slow else dice.uniform(0.08, 0.9))
            status = 504 if slow else 404 if dice.random() < 0.05 else 200
            get.set_attribute("http.response.status_code", status)
            get.set_attribute("url.full", url)
            if status != 200:
                otel.failed(get, f"HTTP {status}")
        if status != 200:
            otel.failed(span, f"{host} answered {status}")
            return
        with tracer.start_as_current_span("extract_text") as text:
            text.set_attribute("text.characters", dice.randrange(2_000, 40_000))
            otel.wait(0.02)
    otel.chat(tracer, (dice.randrange(900, 4_000), dice.randrange(60, 240)), dice.uniform(0.5, 1.9))


def answer_question(tracer: Tracer, number: int) -> None:
    """One reader: search, read the pages one after the other, sum up."""
    dice = random.Random(number)
    question = f"{ASPECTS[number % len(ASPECTS)]} in {PLACES[number % len(PLACES)]}"
    with otel.agent(tracer, f"Reader {number + 1}", question) as span:
        with otel.tool(tracer, "search", {"query": question, "limit": PAGES}) as search:
            otel.wait(dice.uniform(0.2, 0.7))
            otel.result(search, {"hits": PAGES})
        for page in range(PAGES):
            read_page(tracer, number, page, dice)
        summary = f"Notes on {question}."
        otel.chat(tracer, (3_100, 210), dice.uniform(0.9, 2.2), summary)
        otel.answer(span, summary)


def main() -> None:
    questions = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    provider = otel.provider("research-agent")
    tracer = provider.get_tracer("research-agent", "0.4.0")
    with otel.agent(tracer, "Research Agent", TOPIC) as root:
        otel.chat(tracer, (240, 310), 1.6)
        with ThreadPoolExecutor(max_workers=10) as readers:
            running = [
                readers.submit(contextvars.copy_context().run, answer_question, tracer, number)
                for number in range(questions)
            ]
            for future in running:
                future.result()
        otel.chat(tracer, (6_900, 420), 3.1, ANSWER)
        otel.answer(root, ANSWER)
    provider.shutdown()


if __name__ == "__main__":
    main()
