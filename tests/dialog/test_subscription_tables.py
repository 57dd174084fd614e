"""The two machines of a subscription, every (state, input) pair, written from RFC 6665 s.4.1 and s.4.2."""

from __future__ import annotations

import pytest

from voxlab.dialog.subscription_tables import NOTIFIER, SUBSCRIBER, Action, Input, State

A, I, S = Action, Input, State  # noqa: E741
NOTIFIED = {
    I.NOTIFY_PENDING: (A.TAKE_STATE, S.PENDING),
    I.NOTIFY_ACTIVE: (A.TAKE_STATE, S.ACTIVE),
    I.NOTIFY_TERMINATED: (A.TELL_ENDED, S.TERMINATED),
    I.UNSUBSCRIBE: (A.UNSUBSCRIBE, None),
}
STANDING = NOTIFIED | {
    I.REFUSED: (A.TELL_REFUSED, S.TERMINATED),
    I.REFRESH_DUE: (A.REFRESH, None),
    I.EXPIRED: (A.GIVE_UP, S.TERMINATED),
    I.NOTIFY_OVERDUE: (A.GIVE_UP, S.TERMINATED),
}
OF_SUBSCRIBER: dict[State, dict[Input, tuple[Action, State | None]]] = {
    S.NOTIFY_WAIT: NOTIFIED | {I.REFUSED: (A.TELL_REFUSED, S.TERMINATED), I.NOTIFY_OVERDUE: (A.GIVE_UP, S.TERMINATED)},
    S.PENDING: STANDING,
    S.ACTIVE: STANDING,
    S.TERMINATED: dict.fromkeys((I.NOTIFY_PENDING, I.NOTIFY_ACTIVE, I.NOTIFY_TERMINATED), (A.NO_SUCH, S.TERMINATED)),
}
TELLING: dict[Input, tuple[Action, State | None]] = {
    I.SUBSCRIBE: (A.RENEW, None),
    I.UNSUBSCRIBE: (A.NOTIFY_EXPIRED, S.TERMINATED),
    I.CHANGE: (A.NOTIFY, S.ACTIVE),
    I.CLOSE: (A.NOTIFY_LAST, S.TERMINATED),
    I.EXPIRED: (A.NOTIFY_EXPIRED, S.TERMINATED),
    I.NOTIFY_REFUSED: (A.FORGET, S.TERMINATED),
}
OF_NOTIFIER: dict[State, dict[Input, tuple[Action, State | None]]] = {
    S.NOTIFY_WAIT: TELLING | {I.SUBSCRIBE: (A.RENEW, S.ACTIVE)},
    S.PENDING: TELLING,
    S.ACTIVE: TELLING,
    S.TERMINATED: {I.SUBSCRIBE: (A.NO_SUCH, S.TERMINATED)},
}


@pytest.mark.parametrize(
    ("table", "expected"), [(SUBSCRIBER, OF_SUBSCRIBER), (NOTIFIER, OF_NOTIFIER)], ids=["subscriber", "notifier"]
)
@pytest.mark.parametrize("given", Input, ids=lambda given: given.name)
@pytest.mark.parametrize("state", State, ids=lambda state: state.name)
def test_each_input_in_each_state_has_the_effect_that_rfc_6665_gives_it(
    table: dict[tuple[State, Input], tuple[Action, State, str]],
    expected: dict[State, dict[Input, tuple[Action, State | None]]],
    state: State,
    given: Input,
) -> None:
    action, after, why = table[state, given]
    wanted, next_state = expected[state].get(given, (A.IGNORE, None))
    assert (action, after) == (wanted, state if next_state is None else next_state)
    assert why
