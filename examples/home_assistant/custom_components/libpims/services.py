"""The action `libpims.one_time_password`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import voluptuous as vol
from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.service import async_get_config_entry, async_register_admin_service

from libpims import Code, NextAction, PimsError, QueueFull

from .account import PinRefusedBefore
from .const import CONF_PIN_MODE, DOMAIN, PinMode
from .errors import sentence
from .pins import Pins

if TYPE_CHECKING:
    from .account import LibpimsConfigEntry

SERVICE_ONE_TIME_PASSWORD = "one_time_password"
ATTR_ACCOUNT = "config_entry_id"
ATTR_PIN = "pin"

#: The next actions that a person takes in the flow of the entry.
NEEDS_A_PERSON = (
    NextAction.REQUEST_SMS_CODE,
    NextAction.RESET_PIN,
    NextAction.REMOVE_ENROLLMENTS,
    NextAction.AUTHENTICATE,
    NextAction.ENROLL,
)

# The PIN is any value here. An error of the schema would show the value in the log.
SCHEMA = vol.Schema({vol.Required(ATTR_ACCOUNT): cv.string, vol.Optional(ATTR_PIN): object})


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Registers the action. A user who calls it must be an administrator; an automation may call
    it."""

    async def one_time_password(call: ServiceCall) -> ServiceResponse:
        return await _one_time_password(hass, call)

    async_register_admin_service(
        hass,
        DOMAIN,
        SERVICE_ONE_TIME_PASSWORD,
        one_time_password,
        schema=SCHEMA,
        supports_response=SupportsResponse.ONLY,
    )


async def _one_time_password(hass: HomeAssistant, call: ServiceCall) -> ServiceResponse:
    entry: LibpimsConfigEntry = async_get_config_entry(hass, DOMAIN, call.data[ATTR_ACCOUNT])
    account = entry.runtime_data
    given = call.data.get(ATTR_PIN)
    if given is not None and not isinstance(given, str):
        # YAML reads 0123 as a number: such a PIN would lose its zero.
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="pin_not_text")
    # A kept PIN is read in turn, too: the call before this one may have removed it.
    return {"otp": await account.in_turn(lambda: _proved(hass, entry, given))}


async def _proved(hass: HomeAssistant, entry: LibpimsConfigEntry, given: str | None) -> str:
    """Returns a password, by the PIN of the call or the kept one."""
    account = entry.runtime_data
    pins = Pins(hass, account.name)
    pin = given if given is not None else await pins.get()
    if pin is None:
        if entry.options.get(CONF_PIN_MODE, PinMode.ASK) != PinMode.ASK:
            entry.async_start_reauth(hass)
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="pin_missing")
    try:
        return await account.prove(pin, account.device.otp)
    except PinRefusedBefore as error:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="pin_refused_before") from error
    except QueueFull as error:
        raise HomeAssistantError(translation_domain=DOMAIN, translation_key="busy") from error
    except PimsError as error:
        told = sentence(error)
        is_pin_useless = given is None and told.key in ("pin_wrong", "pin_form")
        if is_pin_useless:
            # Each further try of the kept PIN would count.
            await pins.forget()
        if is_pin_useless or error.next_action in NEEDS_A_PERSON:
            entry.async_start_reauth(hass)
        kind = ServiceValidationError if error.code in (Code.ACCESS_REFUSED, Code.INVALID_PARAMETER) else HomeAssistantError
        raise kind(translation_domain=DOMAIN, translation_key=told.key, translation_placeholders=dict(told.placeholders)) from error
