"""The circuit breaker."""

from hypothesis import given
from hypothesis import strategies as st

from fireai_analysis.collect.breaker import LEAST_COUNT, WINDOW_NS, Breaker
from fireai_analysis.units import NS_PER_S


def trips(outcomes: list[tuple[int, bool]]) -> list[bool]:
    breaker = Breaker()
    return [breaker.trips(t_ns=t_ns, ok=ok) for t_ns, ok in outcomes]


def test_half_is_not_more_than_half() -> None:
    assert not any(trips([(number, number % 2 == 0) for number in range(40)]))


def test_trips_at_the_twentieth_request_and_not_before() -> None:
    assert trips([(number, False) for number in range(20)]) == [False] * 19 + [True]


def test_old_successes_do_not_hide_a_storm() -> None:
    calm = [(number * NS_PER_S // 100, True) for number in range(1000)]
    storm = [(calm[-1][0] + WINDOW_NS + number * NS_PER_S // 100, False) for number in range(40)]
    assert not any(trips(calm))
    assert trips(calm + storm)[-1]


def test_a_slow_rate_is_judged_on_the_last_twenty() -> None:
    slow = [(number * NS_PER_S, number < 30) for number in range(60)]
    tripped = trips(slow)
    assert tripped.index(True) == 30 + LEAST_COUNT // 2


@given(st.lists(st.tuples(st.integers(0, 10 * NS_PER_S), st.booleans()), max_size=200))
def test_against_the_plain_definition(outcomes: list[tuple[int, bool]]) -> None:
    outcomes = sorted(outcomes, key=lambda outcome: outcome[0])
    for number, tripped in enumerate(trips(outcomes)):
        seen = outcomes[: number + 1]
        recent = [ok for t_ns, ok in seen if t_ns >= seen[-1][0] - WINDOW_NS]
        latest = [ok for _, ok in seen][-max(LEAST_COUNT, len(recent)) :]
        assert tripped == (len(latest) >= LEAST_COUNT and latest.count(False) * 2 > len(latest))


def test_the_reason_names_the_figures() -> None:
    breaker = Breaker()
    for number in range(20):
        breaker.trips(t_ns=number, ok=False)
    assert breaker.reason() == "circuit breaker: 20 of the last 20 requests failed"
