"""The codec of those who break the world and judge it: what production speaks, and chaos and audit besides."""

from trading_ecosystem.live.codec import WireCodec
from trading_ecosystem.live.production_codec import MESSAGES, WIRE
from trading_ecosystem.messages import audit, chaos
from trading_ecosystem.wire.audit_correlator.v1 import audit_correlator_pb2
from trading_ecosystem.wire.test_coordinator.v1 import test_coordinator_pb2


def validation_codec() -> WireCodec:
    return WireCodec((*WIRE, test_coordinator_pb2, audit_correlator_pb2), (*MESSAGES, audit, chaos))
