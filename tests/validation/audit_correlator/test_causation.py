"""The causal graph is a forest: checked against a plain dict of parents."""

from hypothesis import given, settings, strategies as st

from trading_ecosystem.validation.audit_correlator.causation import STAMP, CausalGraph, Lane

Tree = list[int]  # The cause of message 1, 2, 3, ...


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    size = draw(st.integers(1, 40))
    return [draw(st.integers(0, number)) for number in range(size)]


def record(graph: CausalGraph, message_id: int, cause: int, lane: Lane) -> None:
    graph.record(message_id, cause, STAMP.pack(cause, 1_000 + message_id), lane)


@settings(max_examples=80, deadline=None)
@given(trees())
def test_every_message_leads_to_its_root(tree: Tree) -> None:
    graph = CausalGraph({})
    lanes = [graph.lane("Wake", name, "") for name in ("one", "other")]
    for message_id, cause in enumerate(tree, start=1):
        record(graph, message_id, cause, lanes[message_id % 2])
    assert len(graph) == len(tree) and graph.orphans == []
    for message_id, cause in enumerate(tree, start=1):
        assert graph.cause_of(message_id) == cause
        assert graph.sent_ns(message_id) == 1_000 + message_id
        assert graph.lane_of(message_id) is lanes[message_id % 2]
        walked = [message_id, *graph.ancestors(message_id)]
        assert walked == slow_walk(tree, message_id)
        assert walked == sorted(set(walked), reverse=True), "a cause is older, so no walk can turn in a circle"
        assert graph.root_of(message_id) == walked[-1]
        assert tree[walked[-1] - 1] == 0


def slow_walk(tree: Tree, message_id: int) -> list[int]:
    path = [message_id]
    while tree[path[-1] - 1]:
        path.append(tree[path[-1] - 1])
    return path


@settings(max_examples=80, deadline=None)
@given(trees(), st.data())
def test_late_departures_change_nothing(tree: Tree, data: st.DataObject) -> None:
    """Messages that nobody has been caused by yet may depart after younger ones."""
    childless = [number for number in range(1, len(tree) + 1) if number not in tree]
    late = data.draw(st.lists(st.sampled_from(childless), unique=True)) if childless else []
    graph = CausalGraph({})
    lane = graph.lane("Wake", "one", "")
    prompt = [number for number in range(1, len(tree) + 1) if number not in late]
    for message_id in [*prompt, *late]:
        record(graph, message_id, tree[message_id - 1], lane)
    assert [graph.cause_of(number) for number in range(1, len(tree) + 1)] == tree
    assert graph.orphans == [] and len(graph) == len(tree) == lane.count


@settings(max_examples=80, deadline=None)
@given(trees(), st.data())
def test_orphans_are_those_whose_cause_never_departed(tree: Tree, data: st.DataObject) -> None:
    withdrawn = data.draw(st.sets(st.integers(1, len(tree))))
    graph = CausalGraph({})
    lane = graph.lane("Wake", "one", "")
    departed = [number for number in range(1, len(tree) + 1) if number not in withdrawn]
    for message_id in departed:
        record(graph, message_id, tree[message_id - 1], lane)
    assert graph.orphans == [number for number in departed if tree[number - 1] in withdrawn]
    for message_id in departed:
        root = graph.root_of(message_id)
        assert root in departed and (tree[root - 1] == 0 or tree[root - 1] in withdrawn)


def test_what_never_departed_has_no_lane_and_no_cause() -> None:
    graph = CausalGraph({})
    record(graph, 3, 0, graph.lane("Wake", "one", ""))
    for message_id in (0, 1, 2, 4, 1_000):
        assert graph.lane_of(message_id) is None and graph.cause_of(message_id) == 0


def test_a_lane_is_made_once_and_knows_its_plane() -> None:
    graph = CausalGraph({"risk_monitor": "production"})
    lane = graph.lane("AlertFired", "risk_monitor", "USDT")
    assert graph.lane("AlertFired", "risk_monitor", "USDT") is lane
    assert graph.lane("AlertFired", "risk_monitor", "BTC") is not lane
    assert (lane.plane, graph.lane("Wake", "somebody", "").plane) == ("production", "outside")
    assert lane.prefix == '"production","risk_monitor","AlertFired"'


def test_impossible_messages_are_refused() -> None:
    for message_id, cause in ((5, 5), (5, 6), (5, -1), (1, 0)):
        graph = CausalGraph({})
        lane = graph.lane("Wake", "one", "")
        record(graph, 1, 0, lane)
        try:
            record(graph, message_id, cause, lane)
        except AssertionError:
            continue
        raise AssertionError((message_id, cause))
