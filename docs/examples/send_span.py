"""Sends a span to the audit correlator of a running ecosystem with a stock OpenTelemetry exporter.

.venv/bin/python docs/examples/send_span.py ADDRESS     # gRPC of `audit_correlator`, as `tse status` shows it
"""

import sys

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

provider = TracerProvider(resource=Resource.create({"service.name": "my-bot"}))
provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(endpoint=sys.argv[1], insecure=True)))
with provider.get_tracer("my-bot").start_as_current_span("decide", attributes={"signal": "buy"}):
    pass  # What is measured stands here.
provider.shutdown()
