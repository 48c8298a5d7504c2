"""The flows of an account: the first enrollment or import, a later repair, and the options.

What the user may do twice, the flow does once:

- The folder of an account has a fixed name, so a flow that begins anew goes on where the one before
  it ended. The library keeps the state.
- A code is requested only by a form that says so, and once for each showing of it.
- After a lost answer the user submits the same form again: the library finds out how the first call
  ended.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import voluptuous as vol
from homeassistant.config_entries import (
    SOURCE_REAUTH,
    SOURCE_RECONFIGURE,
    ConfigEntryState,
    ConfigFlow,
    ConfigFlowResult,
    OptionsFlowWithReload,
)
from homeassistant.core import callback
from homeassistant.data_entry_flow import AbortFlow
from homeassistant.helpers.selector import (
    FileSelector,
    FileSelectorConfig,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)

import libpims

from . import states
from .account import Account, LibraryMissing, PinRefusedBefore, account_id
from .const import (
    BRANDS,
    CONF_ACTIVATIONS,
    CONF_BRAND,
    CONF_CA_FILE,
    CONF_CLIENT_ID,
    CONF_CVS_URL,
    CONF_INWEBO_URL,
    CONF_KIND,
    CONF_LOG_LEVEL,
    CONF_MAC_ID,
    CONF_PASSWORDS_PER_DAY,
    CONF_PIN_MODE,
    CONF_USERNAME,
    DEFAULT_ACTIVATIONS,
    DEFAULT_LOG_LEVEL,
    DEFAULT_PASSWORDS_PER_DAY,
    DOMAIN,
    LOG_LEVELS,
    Kind,
    PinMode,
)
from .errors import sentence
from .pins import Pins

if TYPE_CHECKING:
    from .account import LibpimsConfigEntry

_LOGGER = logging.getLogger(__name__)

T = TypeVar("T")

FIELD_TOKEN = "access_token"
FIELD_PHONE_NUMBER = "phone_number"
FIELD_CODE = "sms_code"
FIELD_PIN = "pin"
FIELD_PIN_AGAIN = "pin_again"
FIELD_FOUND = "found"
FIELD_FILE = "file"
FIELD_TEXT = "text"

TEXT = TextSelector()
URL = TextSelector(TextSelectorConfig(type=TextSelectorType.URL))
SECRET = TextSelector(TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="off"))
PHONE_NUMBER = TextSelector(TextSelectorConfig(type=TextSelectorType.TEL))
LINES = TextSelector(TextSelectorConfig(multiline=True))
FILE = FileSelector(FileSelectorConfig(accept=".bin,.pickle,.json,.txt"))
PIN_MODE = SelectSelector(SelectSelectorConfig(options=list(PinMode), translation_key=CONF_PIN_MODE))
BRAND = SelectSelector(SelectSelectorConfig(options=list(BRANDS), mode=SelectSelectorMode.DROPDOWN))
LOG_LEVEL = SelectSelector(SelectSelectorConfig(options=list(LOG_LEVELS), translation_key=CONF_LOG_LEVEL))

EMBEDDED_SCHEMA = vol.Schema({vol.Required(CONF_USERNAME, default="local"): TEXT})
SERVICE_SCHEMA = vol.Schema(
    {
        vol.Required(CONF_USERNAME): TEXT,
        vol.Required(CONF_INWEBO_URL): URL,
        vol.Required(CONF_MAC_ID): TEXT,
        vol.Optional(CONF_CVS_URL): URL,
        vol.Optional(CONF_CLIENT_ID): TEXT,
        vol.Optional(CONF_BRAND): BRAND,
        vol.Optional(CONF_CA_FILE): TEXT,
    }
)
TOKEN_SCHEMA = vol.Schema({vol.Required(FIELD_TOKEN): SECRET})
NOTHING = vol.Schema({})
PHONE_SCHEMA = vol.Schema({vol.Required(FIELD_PHONE_NUMBER): PHONE_NUMBER})
CODE_SCHEMA = vol.Schema({vol.Required(FIELD_CODE): TEXT})
PIN_SCHEMA = vol.Schema({vol.Required(FIELD_PIN): SECRET, vol.Required(CONF_PIN_MODE, default=PinMode.ASK): PIN_MODE})
NEW_PIN_SCHEMA = vol.Schema({vol.Required(FIELD_PIN): SECRET, vol.Required(FIELD_PIN_AGAIN): SECRET}).extend(
    {vol.Required(CONF_PIN_MODE, default=PinMode.ASK): PIN_MODE}
)


def limit(most: int) -> NumberSelector:
    """Returns the field of a limit. 0 is no limit."""
    return NumberSelector(NumberSelectorConfig(min=0, max=most, step=1, mode=NumberSelectorMode.BOX))


class LibpimsConfigFlow(ConfigFlow, domain=DOMAIN):  # type: ignore[call-arg, unused-ignore]
    """The enrollment of an account, and its repair."""

    VERSION = 1
    MINOR_VERSION = 1

    def __init__(self) -> None:
        self._data: dict[str, Any] = {}
        self._options: dict[str, Any] = {}
        self._opened: Account | None = None
        self._is_ours = False
        self._is_removed = False
        # A form that is submitted twice at once: the second one waits, and sees what the first did.
        self._lock = asyncio.Lock()
        self._is_ended = False
        self._sent_to: str | None = None
        self._state: str | None = None
        self._placeholders = {"account": "", "phone_number": "", "attempts_left": "?", "minutes": "?", "code": "", "detail": ""}

    @staticmethod
    @callback
    def async_get_options_flow(config_entry: LibpimsConfigEntry) -> OptionsFlow:
        """Returns the flow of the options."""
        return OptionsFlow()

    # The beginning: which account.

    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Asks for the kind of the service."""
        return self._menu("user", ["service", "embedded"])

    async def async_step_embedded(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Asks for a name, and uses the service inside the library."""
        return await self._begin("embedded", Kind.EMBEDDED, EMBEDDED_SCHEMA, user_input)

    async def async_step_service(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Asks for the addresses and ids of a service."""
        return await self._begin("service", Kind.SERVICE, SERVICE_SCHEMA, user_input)

    async def _begin(self, step: str, kind: Kind, schema: vol.Schema, user_input: dict[str, Any] | None) -> ConfigFlowResult:
        errors: dict[str, str] = {}
        if user_input is not None:
            data = {CONF_KIND: kind.value, **{key: value.strip() for key, value in user_input.items() if value.strip()}}
            name = account_id(data)
            await self.async_set_unique_id(name, raise_on_progress=False)
            self._abort_if_unique_id_configured()
            self._data = data
            self._placeholders["account"] = data[CONF_USERNAME]
            # A form of this account that the user has left open in another window ends.
            for other in self._async_in_progress():
                if other["context"].get("unique_id") == name:
                    self.hass.config_entries.flow.async_abort(other["flow_id"])
            is_open, _ = await self._attempt(errors, self._open(data, {}))
            if is_open:
                return await self._where_it_ended()
        return self._form(step, self.add_suggested_values_to_schema(schema, user_input), errors)

    async def _where_it_ended(self) -> ConfigFlowResult:
        """Goes on from the state of the device, which an earlier flow may have left."""
        if await self._device.is_activated():
            return await self._finish(None, None)
        if await self._account.is_started():
            return await self.async_step_account_pin()
        return await self.async_step_choose()

    # A repair, by Home Assistant's wish or the user's.

    async def async_step_reauth(self, entry_data: Mapping[str, Any]) -> ConfigFlowResult:
        """Begins a repair, because an operation failed or the device was removed."""
        return await self.async_step_reauth_confirm()

    async def async_step_reauth_confirm(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Asks what to do."""
        return await self._repair("reauth_confirm")

    async def async_step_reconfigure(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Asks what to do."""
        return await self._repair("reconfigure")

    async def async_step_closed(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Opens the session once more, after it could not be opened."""
        return await self._repair("reauth_confirm" if self.source == SOURCE_REAUTH else "reconfigure")

    async def _repair(self, step: str) -> ConfigFlowResult:
        entry = self._entry
        self._data, self._options = dict(entry.data), dict(entry.options)
        self._placeholders["account"] = entry.title
        errors: dict[str, str] = {}
        if entry.state is ConfigEntryState.LOADED:
            self._opened, self._is_ours = entry.runtime_data, False
        elif not (await self._attempt(errors, self._open(self._data, self._options)))[0]:
            return self._form("closed", NOTHING, errors)
        if await self._device.is_activated():
            options = ["pin", "reset_pin", "enroll"]
        elif await self._account.is_started():
            options = ["account_pin", "enroll", "import_state"]
        else:
            options = ["enroll", "import_state"]
        return self._menu(step, options)

    async def async_step_pin(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Asks for the PIN that Home Assistant is to keep. The next password proves it."""
        if user_input is not None:
            return await self._finish(PinMode(user_input[CONF_PIN_MODE]), user_input[FIELD_PIN])
        return self._form("pin", self._with_mode(PIN_SCHEMA), {})

    # The enrollment by SMS.

    async def async_step_choose(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Asks whether to enroll or to import."""
        return self._menu("choose", ["enroll", "import_state"])

    async def async_step_enroll(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Asks for the access token, and looks for the trusted phone number."""
        errors: dict[str, str] = {}
        if user_input is None and self._needs_token:
            return self._form("enroll", TOKEN_SCHEMA, errors)
        if not await self._use_token(errors, user_input):
            return self._form("enroll", self._token_schema, errors)
        return await self._look_for_number(errors)

    async def _look_for_number(self, errors: dict[str, str]) -> ConfigFlowResult:
        has_number, number = await self._attempt(errors, self._account.run(self._device.trusted_phone_number()))
        if has_number:
            self._placeholders["phone_number"] = number
            return await self.async_step_trusted()
        if errors["base"] == "no_phone_number":
            return await self.async_step_untrusted()
        return self._form("enroll", self._token_schema, errors)

    async def async_step_trusted(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Asks whether the user has a code already. The account has a phone number."""
        return self._menu("trusted", ["send_code", "code"])

    async def async_step_untrusted(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Asks whether the user has a code already. The account has no phone number."""
        return self._menu("untrusted", ["phone", "phone_code"])

    async def async_step_send_code(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Requests a code for the trusted phone number, after the user has agreed."""
        errors: dict[str, str] = {}
        if user_input is not None:
            number = self._placeholders["phone_number"]
            async with self._lock:
                if self._sent_to == number:
                    return await self.async_step_code()
                is_sent, ended = await self._attempt(errors, self._account.run(self._device.request_enrollment_code()))
                if is_sent:
                    self._sent_to = number
                    return await self.async_step_code()
            if ended is not None:
                return ended
        return self._form("send_code", NOTHING, errors)

    async def async_step_code(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Submits the code. The service says which PIN it expects."""
        errors: dict[str, str] = {}
        if user_input is not None:
            async with self._lock:
                is_right, status = await self._attempt(
                    errors, self._account.run(self._device.accept_enrollment_code(user_input[FIELD_CODE]))
                )
            if is_right and status is libpims.EnrollmentStatus.NOT_ENROLLED:
                return await self.async_step_new_pin()
            if is_right:
                return await self.async_step_account_pin()
            if status is not None:
                return status
            if errors["base"] == "code_used":
                return self._new_code(errors)
        return self._form("code", CODE_SCHEMA, errors)

    async def async_step_new_pin(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Asks for a new PIN, twice, and finishes the enrollment."""
        return await self._enroll("new_pin", NEW_PIN_SCHEMA, user_input)

    async def async_step_account_pin(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Asks for the PIN of the account, and finishes the enrollment."""
        return await self._enroll("account_pin", PIN_SCHEMA, user_input)

    async def _enroll(self, step: str, schema: vol.Schema, user_input: dict[str, Any] | None) -> ConfigFlowResult:
        errors: dict[str, str] = {}
        if user_input is not None and self._is_typed_twice(errors, user_input):
            done = await self._prove(errors, user_input, self._device.enroll)
            if done is not None:
                return done
            if errors["base"] == "code_used":
                return self._new_code(errors)
        return self._form(step, self._with_mode(schema), errors)

    async def async_step_phone(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Asks for a phone number, and requests a code for it."""
        errors: dict[str, str] = {}
        if user_input is not None:
            number = user_input[FIELD_PHONE_NUMBER]
            self._placeholders["phone_number"] = number
            async with self._lock:
                if self._sent_to == number:
                    return await self.async_step_phone_code()
                is_sent, ended = await self._attempt(errors, self._account.run(self._device.request_phone_number_code(number)))
                if is_sent:
                    self._sent_to = number
                    return await self.async_step_phone_code()
            if ended is not None:
                return ended
            if errors["base"] == "phone_number_registered":
                return await self._look_for_number(errors)
        return self._form("phone", self.add_suggested_values_to_schema(PHONE_SCHEMA, user_input), errors)

    async def async_step_phone_code(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Asks for the code and a PIN. One call registers the number and enrolls the device."""
        errors: dict[str, str] = {}
        if user_input is not None and self._is_typed_twice(errors, user_input):
            code, number = user_input[FIELD_CODE], user_input[FIELD_PHONE_NUMBER]
            done = await self._prove(errors, user_input, lambda pin: self._device.enroll_with_phone_number(pin, code, number))
            if done is not None:
                return done
            if errors["base"] == "phone_number_registered":
                return await self._look_for_number(errors)
            if errors["base"] == "code_used":
                self._sent_to = None
                return self._form("phone", self.add_suggested_values_to_schema(PHONE_SCHEMA, user_input), errors)
        schema = PHONE_SCHEMA.extend(CODE_SCHEMA.schema).extend(NEW_PIN_SCHEMA.schema)
        given = {FIELD_PHONE_NUMBER: (user_input or {}).get(FIELD_PHONE_NUMBER, self._placeholders["phone_number"])}
        return self._form("phone_code", self.add_suggested_values_to_schema(self._with_mode(schema), given), errors)

    # The import of another client's enrollment.

    async def async_step_import_state(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Asks for the state of another client and its PIN. One password proves it."""
        errors: dict[str, str] = {}
        if user_input is not None:
            await self._read_state(errors, user_input)
            if not errors and self._state is None:
                errors["base"] = "state_missing"
            if not errors:
                state = self._state
                done = await self._prove(errors, user_input, lambda pin: self._device.import_enrollment("auto", lambda: state or "", pin))
                if done is not None:
                    return done
                if errors["base"] == "state_unfit":
                    self._state = None
        found = await self.hass.async_add_executor_job(states.found, self.hass)
        fields: dict[Any, Any] = {}
        if found:
            fields[vol.Optional(FIELD_FOUND)] = SelectSelector(SelectSelectorConfig(options=found, mode=SelectSelectorMode.DROPDOWN))
        fields |= {vol.Optional(FIELD_FILE): FILE, vol.Optional(FIELD_TEXT): LINES}
        return self._form("import_state", self._with_mode(vol.Schema(fields).extend(PIN_SCHEMA.schema)), errors)

    async def _read_state(self, errors: dict[str, str], user_input: dict[str, Any]) -> None:
        """Reads the state that the form names. After an error that is not the state's, the one of
        the form before is used again: Home Assistant has removed an uploaded file by then."""
        given = [field for field in (FIELD_FOUND, FIELD_FILE, FIELD_TEXT) if user_input.get(field)]
        if len(given) > 1:
            errors["base"] = "state_twice"
        elif given == [FIELD_FOUND] and states.is_other_running(self.hass):
            errors["base"] = "other_client_runs"
        elif given == [FIELD_TEXT]:
            self._state = user_input[FIELD_TEXT].strip()
        elif given:
            read = states.read_found if given == [FIELD_FOUND] else states.read_uploaded
            try:
                self._state = await self.hass.async_add_executor_job(read, self.hass, user_input[given[0]])
            except FileNotFoundError:
                errors["base"] = "state_missing"
            except (OSError, states.TooLarge):
                errors["base"] = "state_unreadable"

    # A new PIN by SMS.

    async def async_step_reset_pin(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Requests a code for a new PIN, after the user has agreed."""
        errors: dict[str, str] = {}
        if user_input is not None and await self._use_token(errors, user_input):
            async with self._lock:
                if self._sent_to == "reset":
                    return await self.async_step_reset_code()
                is_sent, _ = await self._attempt(errors, self._account.run(self._device.request_reset_code()))
                if is_sent:
                    self._sent_to = "reset"
                    return await self.async_step_reset_code()
        return self._form("reset_pin", self._token_schema, errors)

    async def async_step_reset_code(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Asks for the code and a new PIN."""
        errors: dict[str, str] = {}
        if user_input is not None and self._is_typed_twice(errors, user_input):
            code = user_input[FIELD_CODE]
            done = await self._prove(errors, user_input, lambda pin: self._device.reset_pin(pin, code))
            if done is not None:
                return done
            if errors["base"] == "code_used":
                self._sent_to = None
                return self._form("reset_pin", self._token_schema, errors)
        return self._form("reset_code", self._with_mode(CODE_SCHEMA.extend(NEW_PIN_SCHEMA.schema)), errors)

    # The end.

    async def _finish(self, mode: PinMode | None, pin: str | None, warning: str | None = None) -> ConfigFlowResult:
        """Keeps the PIN where the user wants it, and makes or reloads the entry, whose setup opens
        the folder again. Without a mode, that of the entry stays."""
        if mode is not None:
            self._options[CONF_PIN_MODE] = mode.value
        kept = PinMode(self._options.setdefault(CONF_PIN_MODE, PinMode.ASK.value))
        await Pins(self.hass, account_id(self._data)).keep(kept, pin)
        await self._close()
        self._is_ended = True
        if self.source in (SOURCE_REAUTH, SOURCE_RECONFIGURE):
            reason = "reauth_successful" if self.source == SOURCE_REAUTH else "reconfigure_successful"
            return self.async_update_reload_and_abort(self._entry, options=self._options, reason=reason)
        self._abort_if_unique_id_configured()
        options = {
            CONF_PASSWORDS_PER_DAY: DEFAULT_PASSWORDS_PER_DAY,
            CONF_ACTIVATIONS: DEFAULT_ACTIVATIONS,
            CONF_LOG_LEVEL: DEFAULT_LOG_LEVEL,
            **self._options,
        }
        return self.async_create_entry(
            title=self._data[CONF_USERNAME],
            data=self._data,
            options=options,
            description="imported" if warning is not None else "enrolled",
            description_placeholders={"warning": warning or ""},
        )

    @callback
    def async_remove(self) -> None:
        """Closes the session of a flow that ended, or that the user left."""
        self._is_removed = True
        if self._is_ours and self._opened is not None:
            self.hass.async_create_task(self._close())

    # The session, and the errors of its operations.

    @property
    def _entry(self) -> LibpimsConfigEntry:
        return self._get_reauth_entry() if self.source == SOURCE_REAUTH else self._get_reconfigure_entry()

    @property
    def _account(self) -> Account:
        if self._opened is None:
            # The flow has finished, and its last form was submitted once more.
            raise AbortFlow("already_in_progress")
        return self._opened

    @property
    def _device(self) -> libpims.aio.Session:
        return self._account.device

    @property
    def _needs_token(self) -> bool:
        return bool(self._data[CONF_KIND] == Kind.SERVICE)

    @property
    def _token_schema(self) -> vol.Schema:
        return TOKEN_SCHEMA if self._needs_token else NOTHING

    async def _open(self, data: Mapping[str, Any], options: Mapping[str, Any]) -> None:
        account = Account(self.hass, data, options)
        await account.open()
        if self._is_removed:
            # The user has left meanwhile, and no other code of this flow would close it.
            await account.close()
            raise AbortFlow("already_in_progress")
        self._opened, self._is_ours = account, True

    async def _close(self) -> None:
        account, self._opened = self._opened, None
        if account is not None and self._is_ours:
            await account.close()

    async def _use_token(self, errors: dict[str, str], user_input: dict[str, Any] | None) -> bool:
        """Gives the token to the library, for as long as its session is open. Nothing stores it."""
        if not self._needs_token:
            return True
        token = (user_input or {})[FIELD_TOKEN].strip()
        return (await self._attempt(errors, self._account.run(self._device.set_access_token(token))))[0]

    async def _attempt(self, errors: dict[str, str], operation: Awaitable[T]) -> tuple[bool, Any]:
        """Awaits an operation. Returns true and its answer; or false, with the sentence in
        `errors`, and the next form if the device turns out to be further than this flow."""
        try:
            return True, await operation
        except libpims.PimsError as error:
            told = sentence(error)
            errors["base"] = told.key
            self._placeholders.update(told.placeholders)
            return False, await self._further(error)
        except LibraryMissing:
            raise AbortFlow("library_missing") from None
        except PinRefusedBefore:
            errors["base"] = "pin_refused_before"
        except libpims.QueueFull:
            errors["base"] = "busy"
        return False, None

    async def _further(self, error: libpims.PimsError) -> ConfigFlowResult | None:
        """Returns the form of a device that is enrolled already, or that waits for its PIN."""
        if error.code == libpims.Code.POST_SYNCHRONIZATION or sentence(error).key == "already_enrolled":
            if await self._device.is_activated():
                return await self._finish(None, None)
            if await self._account.is_started():
                return await self.async_step_account_pin()
        return None

    async def _prove(self, errors: dict[str, str], user_input: dict[str, Any], operation: Any) -> ConfigFlowResult | None:
        """Runs an operation that proves the PIN of a form. Returns the end of the flow, or the next
        form, or ``None`` with the sentence in `errors`."""
        pin = user_input[FIELD_PIN]
        async with self._lock:
            if self._is_ended:
                # The other one of two forms at once. To end the flow is the part of the first one.
                errors["base"] = "already_enrolled"
                return None
            is_done, answer = await self._attempt(errors, self._account.with_pin(pin, operation))
            if not is_done:
                return answer
            warning = answer if isinstance(answer, str) else None
            return await self._finish(PinMode(user_input[CONF_PIN_MODE]), pin, warning)

    def _is_typed_twice(self, errors: dict[str, str], user_input: dict[str, Any]) -> bool:
        if user_input.get(FIELD_PIN_AGAIN, user_input[FIELD_PIN]) == user_input[FIELD_PIN]:
            return True
        errors["base"] = "pins_differ"
        return False

    def _new_code(self, errors: dict[str, str]) -> ConfigFlowResult:
        """Offers a new code after one that is of no use any more."""
        self._sent_to = None
        if self._placeholders["phone_number"]:
            return self._form("send_code", NOTHING, errors)
        return self._form("enroll", self._token_schema, errors)

    def _with_mode(self, schema: vol.Schema) -> vol.Schema:
        return self.add_suggested_values_to_schema(schema, {CONF_PIN_MODE: self._options.get(CONF_PIN_MODE, PinMode.ASK.value)})

    def _menu(self, step: str, options: list[str]) -> ConfigFlowResult:
        return self.async_show_menu(step_id=step, menu_options=options, description_placeholders=self._placeholders)

    def _form(self, step: str, schema: vol.Schema, errors: dict[str, str]) -> ConfigFlowResult:
        return self.async_show_form(step_id=step, data_schema=schema, errors=errors, description_placeholders=self._placeholders)


class OptionsFlow(OptionsFlowWithReload):
    """The place of the PIN, the limits, and the log."""

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Asks for the options. A change loads the entry anew."""
        entry = self.config_entry
        if user_input is not None:
            pin = user_input.pop(FIELD_PIN, None)
            for key in (CONF_PASSWORDS_PER_DAY, CONF_ACTIVATIONS):
                user_input[key] = int(user_input[key])
            await Pins(self.hass, account_id(entry.data)).keep(PinMode(user_input[CONF_PIN_MODE]), pin)
            return self.async_create_entry(data=user_input)
        schema = vol.Schema(
            {
                vol.Required(CONF_PIN_MODE, default=PinMode.ASK): PIN_MODE,
                vol.Optional(FIELD_PIN): SECRET,
                vol.Required(CONF_PASSWORDS_PER_DAY, default=DEFAULT_PASSWORDS_PER_DAY): limit(100),
                vol.Required(CONF_ACTIVATIONS, default=DEFAULT_ACTIVATIONS): limit(1000),
                vol.Required(CONF_LOG_LEVEL, default=DEFAULT_LOG_LEVEL): LOG_LEVEL,
            }
        )
        return self.async_show_form(
            step_id="init",
            data_schema=self.add_suggested_values_to_schema(schema, entry.options),
            description_placeholders={"account": entry.title},
        )
