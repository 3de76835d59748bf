"""From the injection to the alert, drawn as a row of cards with the time between them."""

from trading_ecosystem.report.markup import Markup, folded, join, tag
from trading_ecosystem.report.words import DETECTION_WORDS, duration, figure, moment
from trading_ecosystem.validation.results import AlertOutcome, ChainLink, Detection, RunResult

KIND_SYMBOLS = {
    "injection": "▼",
    "market": "◆",
    "quote": "◆",
    "breach": "◇",
    "order": "▪",
    "trade": "▪",
    "settlement": "▣",
    "alert": "▲",
    "crash": "✗",
    "restart": "↻",
    "loss": "✂",
    "halt": "■",
}


def chains(result: RunResult) -> Markup:
    """One chain per alert; those that were only allowed are folded away."""
    told = [alert for alert in result.judgement.alerts if alert.detection is not Detection.ALLOWED]
    allowed = [alert for alert in result.judgement.alerts if alert.detection is Detection.ALLOWED]
    if not told and not allowed:
        return tag("p", "No alert was raised.")
    shown = join(*(chain(alert, result.chains.get(alert.alert_id, ())) for alert in told))
    rest = (chain(alert, result.chains.get(alert.alert_id, ())) for alert in allowed)
    return join(shown, folded(f"Alerts that the scenario allows ({len(allowed)})", *rest)) if allowed else shown


def chain(alert: AlertOutcome, links: tuple[ChainLink, ...]) -> Markup:
    return tag(
        "article",
        tag("h3", f"{alert.severity} {alert.rule} on {alert.subject}"),
        tag("p", summary(alert, links), class_="note"),
        cards(links) if links else tag("p", "No causal chain was kept for this alert."),
        class_="alert",
        id=f"chain-{alert.alert_id}",
    )


def summary(alert: AlertOutcome, links: tuple[ChainLink, ...]) -> str:
    reached = f"Reached {figure(alert.value, alert.unit)} against a limit of {figure(alert.limit, alert.unit)}"
    words = [f"{reached}: {DETECTION_WORDS[alert.detection]}."]
    if len(links) > 1:
        words.append(f"{duration(links[-1].at_ns - links[0].at_ns)} from first cause to alert.")
    words.append(f"Resolved at {moment(alert.resolved_ns)}." if alert.resolved_ns else "Not resolved in this run.")
    return " ".join(words)


def cards(links: tuple[ChainLink, ...]) -> Markup:
    before = (None, *(link.at_ns for link in links))
    return tag("ol", *(card(link, earlier) for link, earlier in zip(links, before, strict=False)), class_="chain")


def card(link: ChainLink, earlier: int | None) -> Markup:
    symbol = KIND_SYMBOLS.get(link.kind, "•")
    return tag(
        "li",
        tag("span", "start" if earlier is None else f"+ {duration(link.at_ns - earlier)}", class_="delta"),
        tag("span", tag("span", f"{symbol} ", aria_hidden="true"), link.kind, class_="kind"),
        tag("span", link.text, class_="what"),
        tag("span", f"{moment(link.at_ns)} UTC", class_="when"),
        tag("span", f"message {link.message_id}", class_="when") if link.message_id else None,
        class_=f"card kind-{link.kind}" if link.kind in KIND_SYMBOLS else "card",
    )
