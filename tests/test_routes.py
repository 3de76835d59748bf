"""The table of routes is complete, and nothing of the test reaches the production plane."""

from trading_ecosystem import routes
from trading_ecosystem.messages import audit, chaos, codec
from trading_ecosystem.messages.message import Private, Published


def listeners(message_type: type) -> tuple[str, ...]:
    return routes.PUBLISHED.get(message_type) or routes.PRIVATE.get(message_type) or ()


def test_every_event_has_a_route_of_its_kind() -> None:
    for message_type in codec.MESSAGE_TYPES.values():
        if issubclass(message_type, Published):
            assert message_type in routes.PUBLISHED, message_type
        if issubclass(message_type, Private):
            assert message_type in routes.PRIVATE, message_type


def test_every_listener_is_a_service() -> None:
    for table in (routes.PUBLISHED, routes.PRIVATE):
        for roles in table.values():
            assert set(roles) <= set(routes.SERVICES)
            assert len(set(roles)) == len(roles)


def test_no_word_of_the_test_is_routed_to_production() -> None:
    for module in (chaos, audit):
        for message_type in vars(module).values():
            if isinstance(message_type, type):
                assert not set(listeners(message_type)) & set(routes.PRODUCTION), message_type
