"""What to type to send a first trace."""

SENDING_EXAMPLES = """\
curl -s {url}/public/traces {header}-H 'Content-Type: application/json' \
-d '{"data": {"text": "Hello"}}'

export OTEL_EXPORTER_OTLP_ENDPOINT={url}
export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
export OTEL_SERVICE_NAME=my-agent
"""
NO_KEY_YET = """
A key is demanded here: A, then n, makes one; so does tracedesk keys create NAME.
"""


def examples(url: str, *, keys_demanded: bool) -> str:
    """A curl line and the variables of OpenTelemetry, with the address of this desk."""
    header, told = "", ""
    if keys_demanded:
        header = '-H "x-api-key: $MIBO_API_KEY" '
        told = 'export OTEL_EXPORTER_OTLP_HEADERS="x-api-key=$MIBO_API_KEY"\n' + NO_KEY_YET
    return SENDING_EXAMPLES.replace("{url}", url).replace("{header}", header) + told
