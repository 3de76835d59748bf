"""How things are broken on purpose, on audit ports alone. No service of production imports this."""

from trading_ecosystem.live.codec import WireCodec
from trading_ecosystem.live.production_codec import MESSAGES, WIRE
from trading_ecosystem.live.speech import Speech
from trading_ecosystem.messages import chaos
from trading_ecosystem.wire.test_coordinator.v1 import test_coordinator_pb2

CODEC = WireCodec((*WIRE, test_coordinator_pb2), (*MESSAGES, chaos))
CHAOS = Speech(test_coordinator_pb2, "Chaos", CODEC)
