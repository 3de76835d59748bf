"""What the services of validation say, as it stands in their proto files."""

from trading_ecosystem.live.speech import Speech
from trading_ecosystem.validation.wire_codec import validation_codec
from trading_ecosystem.wire.audit_correlator.v1 import audit_correlator_pb2
from trading_ecosystem.wire.test_coordinator.v1 import test_coordinator_pb2

CODEC = validation_codec()
TEST_COORDINATOR = Speech(test_coordinator_pb2, "TestCoordinator", CODEC)
AUDIT_CORRELATOR = Speech(audit_correlator_pb2, "AuditCorrelator", CODEC)
