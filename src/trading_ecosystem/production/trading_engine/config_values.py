"""Values that more than one part of a desk's configuration has."""

from decimal import Decimal

from trading_ecosystem.configuration.document import Node, Section
from trading_ecosystem.reference import Instrument, ReferenceData

MILLISECOND_NS = 1_000_000
LARGEST_SHARE_PPM = 500_000


def amount_minor(node: Node, asset: str, reference: ReferenceData) -> int:
    amount = node.positive()
    try:
        return reference.assets[asset].to_minor(amount)
    except ValueError:
        node.fail(f"{amount} is finer than the smallest unit of {asset}")


def lots(node: Node, instrument: Instrument) -> int:
    amount = node.positive()
    if amount % instrument.lot != Decimal(0):
        node.fail(f"{amount} is not a multiple of the lot of {instrument.symbol}, {instrument.lot}")
    return instrument.to_lots(amount)


def share_ppm(node: Node) -> int:
    ppm = node.fraction_ppm()
    if not 0 < ppm <= LARGEST_SHARE_PPM:
        node.fail("a share above 0% and up to 50% is expected")
    return ppm


def duration(section: Section, key: str, otherwise_ns: int) -> int:
    return section[key].duration_ns(MILLISECOND_NS) if key in section else otherwise_ns


def non_empty(node: Node, what: str) -> list[Node]:
    items = node.items()
    if not items:
        node.fail(f"at least one {what} is needed")
    return items


def unique(values: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))
