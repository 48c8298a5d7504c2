"""The component, for threads: its methods wait for the service."""

from __future__ import annotations

from typing import Callable, Optional, TypeVar

from ._bridge import bridge
from ._errors import PimsError
from ._library import DEFAULT_FACADE
from ._parameters import encode
from ._request import ACCOUNT, Request, topics
from ._subscription import Subscription
from ._typed import Operations
from .results import Account, WrongPins
from .results import wrong_pins as wrong_pins_of

T = TypeVar("T")


class StrongAuthentication(Operations):
    """The operations of docs/api.md, on the default facade of this process. A
    :class:`libpims.Session` has them on a facade of its own.

    After ``enroll``, ``enroll_with_phone_number``, ``change_pin`` and ``reset_pin``, error 2316
    means that the change is done: these methods then return.
    """

    _facade = DEFAULT_FACADE

    #: Wrong PINs for the account, from the last operation with a PIN, see docs/guide-security.md.
    #: ``None`` if it reported none.
    wrong_pins: Optional[WrongPins] = None

    def watch(self, on_event: Callable[[Account], None], *, notices: bool = False, approval: bool = False) -> Subscription:
        """Passes changes of ``isDeviceActivated`` and ``isAccountBlocked`` to a function, on the
        library's thread, until the program closes or drops the subscription.

        It does so with ``notices`` and the ``approval`` of a new device, too, if they are wanted.
        For each of these two, the library asks the service now and then (``account.askSeconds`` of
        docs/configuration.md)."""
        return Subscription(ACCOUNT, topics(notices, approval), on_event, self._facade)

    def _run(self, request: Request[T]) -> T:
        result, wrong_pins = None, None
        try:
            answer = bridge.execute(request.method, request.api, encode(request.parameters), self._facade)
            result, wrong_pins = answer.result, wrong_pins_of(answer.info)
        except PimsError as error:
            wrong_pins = error.wrong_pins
            if error.code != request.done:
                raise
        finally:
            if request.proves_pin:
                self.wrong_pins = wrong_pins
        return request.read(result)
