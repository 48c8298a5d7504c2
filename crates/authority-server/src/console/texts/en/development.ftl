# The development console.

development-name = Development console
copied = Copied

# The entry.

entry-title = No session
entry-how = Open this console by the whole address that the service printed: it contains a key.
entry-where = It is in the first line of the output of serve --dev, or of make serve. The key is new at each start.

# The inbox.

inbox-title = SMS
inbox-newest = Newest code
inbox-no-code = There is no code yet. It appears here as soon as an app asks for one.
inbox-copy = Copy the code
inbox-list = All SMS, the newest first
inbox-time = Time
inbox-to = Number
inbox-purpose = Purpose
inbox-text = Text
inbox-kept = The console keeps the last { $count } SMS. No SMS is sent to a telephone if the gateway is the outbox.
inbox-announcement = New SMS for { $to }: { $text }
sms-purpose-enrollment = Code for an enrollment
sms-purpose-certification = Code for a phone number
sms-purpose-reset = Code for a new PIN
sms-purpose-new-device = Notice: a new device
sms-purpose-pin-reset = Notice: the PIN was reset
sms-purpose-pin-change = Notice: the PIN was changed
sms-purpose-block = Notice: the account is blocked
sms-purpose-phone-number = Notice: another phone number

# The gateway.

gateway-heading = SMS gateway
gateway-explained = Let the gateway refuse messages, to see what your app does then. The app gets the error 2204.
gateway-never = Accepts every message
gateway-next = Refuses the next message
gateway-every = Refuses every message
gateway-told-never = The gateway accepts every message.
gateway-told-next = The gateway refuses the next message.
gateway-told-every = The gateway refuses every message.

# The accounts.

accounts-title = Accounts
accounts-search = Name, phone number or device
accounts-find = Search
accounts-none = There is no account yet. An account begins to exist when its token is first shown.
accounts-not-found = No account fits.
accounts-name = Account
accounts-number = Phone number
accounts-devices = Devices
accounts-state = State
accounts-blocked = blocked
accounts-enrolled = enrolled
accounts-not-enrolled = not enrolled
accounts-more = Further accounts
dev-account-title = Account { $name }
account-all = All accounts
account-state = State
account-no-number = none
dev-account-pin = PIN
account-has-pin = set
account-no-pin = not set
dev-account-wrong-pins = Wrong PINs in a row
account-blocked-until = Blocked until
account-client-states = These are the states of the service. Each device has its own: NotActivated, ActivationStarted, Activated, Blocked, Disabled and Upgradable. docs/state-machine.md has that table.
account-unblock = Unblock, and forgive wrong tries
unblock-lifted = The account is no longer blocked.
unblock-not-blocked = The account was not blocked. Nothing was changed.
unblock-tries-forgiven = The account was not blocked. Its wrong tries are forgiven.
unblock-budget-spent = The account stays blocked: its PIN has seen too many wrong PINs. Only a new PIN lifts this block.

# Passwords.

verify-heading = Verify a one-time password
verify-explained = The service verifies it as it does for a relying party. A right password is used up.
verify-password = One-time password
verify-button = Verify
verify-accepted = Accepted. The password was right, and is now used up.
verify-refused = Refused. The password is wrong, used or expired, or it is of another account, or the account is blocked.

# Devices.

devices-heading = Devices
dev-devices-none = The account has no device.
device-made = Activated
device-used = Last use
device-serial = Serial number
device-remove = Remove this device
device-removed = The device was removed. It learns this at its next request: error 2312.

# The states.

picture-account = State machine of the account
picture-device = State machine of the device
picture-in-words = The states in words
picture-here = (present state)
picture-state-no-account = No account
picture-state-no-account-meaning = No request with its token has come yet, and no command has added it.
picture-state-no-number = No number
picture-state-no-number-meaning = The account exists. It has no trusted phone number, so it gets no code for an enrollment.
picture-state-number = Number known
picture-state-number-meaning = The account has a trusted phone number and no device. Next: a code for an enrollment.
picture-state-code = Code sent
picture-state-code-meaning = A code for an enrollment or a phone number waits to be used. Next: the enrollment with it and a PIN.
picture-state-enrolled = Enrolled
picture-state-enrolled-meaning = The account has a device.
picture-state-blocked-for-a-time = Blocked for a time
picture-state-blocked-for-a-time-meaning = Too many wrong PINs. The block ends by itself; then there is one try.
picture-state-blocked = Blocked until a reset
picture-state-blocked-meaning = Too many wrong PINs, or a rejected device. A new PIN by SMS ends the block, or an operator does.
picture-state-budget = PIN budget spent
picture-state-budget-meaning = This PIN has seen all the wrong PINs that it may. Only a new PIN ends the block.
picture-state-waiting = Waits for approval
picture-state-waiting-meaning = Another device of the account must confirm or approve this one. Until then it does nothing.
picture-state-active = Active
picture-state-active-meaning = The device makes passwords, unless the account is blocked.
picture-state-suspected = Second copy suspected
picture-state-suspected-meaning = The service saw signs of a second copy of the device. A new PIN by SMS clears the suspicion.
picture-state-suspended = Suspended
picture-state-suspended-meaning = A second copy is suspected, and the policy accepts no proof of the device until its PIN is reset.
picture-state-removed = Removed
picture-state-removed-meaning = The device is no longer in the list. Its requests get NOK:NODEVICE, error 2312.

# The clock.

clock-heading = Clock of the service
clock-ahead = It is ahead of the present:
clock-present = It shows the present.
clock-explained = Move it ahead to see codes expire and blocks end. It counts for everything in the service, except limits of requests a minute and certificates. The clock of each device and app does not move. Values of the time ahead stay in the database when you set the clock back.
clock-amount = Amount
clock-unit = Unit
clock-seconds = seconds
clock-minutes = minutes
clock-hours = hours
clock-days = days
clock-move = Move ahead
clock-reset = Back to the present
clock-told-moved = The clock was moved ahead.
clock-told-reset = The clock shows the present again.

# Errors.

errors-title = Errors
errors-explained = Each code of the reference, and how your app gets it. A button lets the next fitting request to the service fail so, once. Some codes come from the library alone: the text says how.
errors-armed = Faults that wait for a request
errors-none-armed = None: the service answers as it does.
errors-cancel = Cancel
errors-code = Code
errors-meaning = Meaning
errors-cause = How it comes about
errors-mode = Mode
errors-any-mode = any mode
errors-arm = The next request fails so
fault-any-request = any request
fault-word = { $target }: answer { $word }
fault-unavailable = { $target }: HTTP 503, the service failed
fault-limited = { $target }: HTTP 429, too many requests
fault-page = { $target }: a page of HTML, as of a hotel’s network
fault-silence = { $target }: no answer until the client gives up
fault-close = { $target }: the connection ends without an answer
fault-armed = The next fitting request fails so.
fault-cancelled = The fault was cancelled.
fault-gone = The fault had fired already, or was cancelled.
code-2000-meaning = The service sent an error word that the library does not know.
code-2000-cause = A newer service has new words.
code-2001-meaning = The library is not initialized.
code-2001-cause = Call any function before pims_init, or after pims_free.
code-2002-meaning = There is no such api or method, or the service does not offer it.
code-2002-cause = Call get pims.no.such.api with {"{"}{"}"}.
code-2003-meaning = The call needs the embedded service.
code-2003-cause = Call pims.authority.otp with the configuration for this service.
code-2004-meaning = The configuration is not valid.
code-2004-cause = Give pims_init {"{"}"storage":1{"}"}.
code-2005-meaning = The subscription exists already.
code-2005-cause = Subscribe to pims.authentication.account twice.
code-2006-meaning = The storage of the library cannot be used.
code-2006-cause = Move the folder storage.path away while the library runs.
code-2007-meaning = The library is initialized already.
code-2007-cause = Call pims_init twice.
code-2101-meaning = A required parameter is missing.
code-2101-cause = Call get pims.authentication.otp with {"{"}"action":"withPIN"{"}"}.
code-2102-meaning = A parameter is not valid, or the service refuses it.
code-2102-cause = Call an operation with true as pinCode, or choose a PIN or a number that the service refuses.
code-2201-meaning = No answer came in time.
code-2201-cause = The service is silent for longer than network.requestTimeoutMs.
code-2202-meaning = There is no connection to the service, or it broke.
code-2202-cause = Stop the service, or go offline.
code-2203-meaning = The answer is none of the service.
code-2203-cause = A page of another server comes in its place.
code-2204-meaning = The service cannot answer now, or limits the requests.
code-2204-cause = The service fails, too many codes were requested, or the SMS gateway refuses the message.
code-2208-meaning = The server’s key is none of the pinned ones.
code-2208-cause = Configure credential.pinnedCertificates with the hash of another key.
code-2301-meaning = The access token of the account is missing, or was refused.
code-2301-cause = Call an operation without account.accessToken.
code-2302-meaning = The reference has this code, but no operation returns it.
code-2302-cause = It does not come about.
code-2305-meaning = The SMS code is wrong, used or expired.
code-2305-cause = Enroll with another code than that of the SMS.
code-2306-meaning = The reference has this code, but an expired code gets 2305.
code-2306-cause = It does not come about. To see an expired code, move the clock ahead.
code-2307-meaning = The account has no trusted phone number.
code-2307-cause = Request a code for an enrollment for a new account.
code-2308-meaning = The proof of the device or the PIN is wrong.
code-2308-cause = Call withPIN with a wrong PIN.
code-2309-meaning = The service does not accept this version of the client.
code-2309-cause = This service accepts every version; another one may not.
code-2310-meaning = The account is blocked, or has its maximum number of devices.
code-2310-cause = Enter five wrong PINs.
code-2311-meaning = The service expects another step of this device.
code-2311-cause = Two programs use the same device, or the device waits for its approval.
code-2312-meaning = The service does not know the device.
code-2312-cause = Remove the device on the page of its account.
code-2313-meaning = Another tool must be activated first.
code-2313-cause = This service does not ask for it; another one may.
code-2314-meaning = The account has no service.
code-2314-cause = This service does not say so; another one may.
code-2315-meaning = The new PIN equals the previous one.
code-2315-cause = Reset the PIN to the present PIN.
code-2316-meaning = It is done, but the device could not synchronize.
code-2316-cause = Change the PIN, and break the connection in the synchronization that follows.
code-2317-meaning = The operation is not allowed in the state of the device.
code-2317-cause = Make a password on a device that is not enrolled.
code-2344-meaning = The library has no service configured.
code-2344-cause = Give pims_init a Production configuration without credential.
code-2350-meaning = The reference has this code, but no method is deprecated.
code-2350-cause = It does not come about.
code-2390-meaning = The account has a trusted phone number already.
code-2390-cause = Add a phone number to an account that has one.

# Exchanges.

exchanges-title = Exchanges
exchanges-warning = These pages show secrets: tokens, codes, encrypted PINs and keys. They are kept in memory alone, until the service ends.
exchanges-none = No request has come to the service yet.
exchanges-number = Number
exchanges-request = Request
exchanges-operation = Mode and step
exchanges-status = Status
exchanges-duration = Duration
exchange-title = Exchange { $number }
exchange-all = All exchanges
exchange-warning = This page shows secrets. Do not share it.
exchange-no-answer = no answer
exchange-fault = A fault of this console answered: code { $code }
exchange-millis = { $count } ms
exchange-cut = The exchange is longer than { $kib } KiB: the rest was not kept.
exchange-query = Query parameters
exchange-headers = Headers of the request
exchange-body = Body of the request
exchange-answer-headers = Headers of the answer
exchange-answer = Answer
exchange-name = Name
exchange-value = Value
exchange-explanation = Explanation
exchange-unexplained = The protocol does not describe this name.
exchange-raw-body = Body of the request, as it came
exchange-raw-answer = Body of the answer, as it was sent

# The values of requests and answers.

field-action = The step: ActionSetup asks for a challenge or keys, ActionFinalize sends the proofs.
field-mode = The operation.
field-id = The id of the device. It is empty before an activation.
field-lastsync = The number of the last synchronization that the device knows of.
field-version = The version of the client.
field-macid = The id of the client application: credential.macID.
field-lang = The language of the client.
field-ack = An acknowledgment, which the public clients send empty.
field-code = The SMS code, or the code of another device. It is used once.
field-ticket = The ticket of the SMS code. It says whose code it is without the account’s token.
field-phone = A phone number.
field-serial = The serial number that the device made for itself. Both sides hash it.
field-kma = A key of the device, encrypted to the service’s key Kiw. The service derives new keys with it.
field-pin = The PIN, encrypted to the service’s key Kiw.
field-newpin = The new PIN, encrypted to the service’s key Kiw.
field-name = The name of a device.
field-keystore = Where the device keeps its storage key: hardware or software. Nobody proves it.
field-r0 = The proof of K0, the device’s key.
field-r1 = The proof of K1, the key that changes with use.
field-r2 = The proof of the PIN.
field-keytype = The kind of password: 0 with the PIN, 2 without.
field-sid = The id of the service, for which the password is.
field-ms-id = The id of the service secret.
field-ms-val = The service secret that the device made, encrypted to ms_key. Passwords are made with it.
field-ms-n = The number of service secrets.
field-device = The id of a device, or its first characters.
field-number = The two digits that the new device shows.
field-reject = 1: the device rejects the new one, which blocks the account.
field-confirm = 1: the device confirms the new one. 0: it does not.
field-fingerprint = The fingerprint of the new device: eight digits that both devices show.
field-after = The number of the last notice that the device knows.
field-err = The result: OK, or an error word.
field-challenge = A random challenge. The proofs of the next step are over it.
field-kiw = The service’s key for PINs, sealed by the factory key.
field-kfact = The factory key, which the device keeps from its first activation.
field-pinmode = Whether the account has a PIN, or the activation sets one.
field-lifetime = For how many seconds the code, or the waiting device, is still valid.
field-k0 = The device’s key K0, encrypted for this device.
field-k1 = The key K1, encrypted for this device.
field-tsync = The number of this synchronization.
field-s-n = The number of services.
field-s-id = The id of the service.
field-s-name = The name of the service.
field-ms-key = The service’s key for service secrets, sealed by the factory key.
field-defi = The value from which the device makes the password, with its service secret and K1.
field-dk1 = The change of K1: the device computes its next K1 with it.
field-j = 1: the device runs the operation once more.
field-confirmed = 0: the device waits for its confirmation by another device.
field-approval = 1: the confirmation is an approval by a number of two digits.
field-state = The state of the code or of the waiting device.
field-enrollment-code = The code with which another device enrolls.
field-self = 1: this is the device that asks.
field-since = The activation of the device, in milliseconds since 1970.
field-used = The last use of the device, in milliseconds since 1970.
field-notice-number = The number of the notice within the account.
field-event = The event of the notice.
field-at = The time of the event, in milliseconds since 1970.
field-more = 1: there are further notices.
field-attempts-left = How often the PIN or the code may still be tried.
field-wrong-pins = The wrong PINs of the account since this device last proved the right one.
field-last-used = The time of that proof, in milliseconds since 1970.
field-reason = The reason of the refusal, if the word alone does not say it.
field-retry-after = The seconds until the same request can be granted.
field-blocked-until = The end of the block, in milliseconds since 1970.
field-client-id = The id of the app: credential.clientId. This service does not read it.
field-fs-action = authenticate: a relying party has a password verified.
field-service-id = The relying party.
field-user-id = The account of the password.
field-otp = The one-time password. It is used once.
field-format = The form of the answer: json.
field-type = The purpose of the SMS code.
field-detail = What is wrong with the request, in English.
field-customer = The account, as some public clients call it.
field-grant-type = What is exchanged: a password, or a refresh token.
field-refresh-token = The token that is exchanged for the next tokens. It is used once.
field-access-token = The signed token for other services.
field-token-type = How the token is shown: Bearer.
field-expires-in = The lifetime of the access token in seconds.
field-oauth-error = The error in the words of OAuth 2.0.
field-jwk = A part of a public key (JSON Web Key).
field-authorization = The access token of the account, after the word Bearer.
field-accept = The forms of answers that the client reads.
field-accept-language = The languages that the user prefers. The SMS is written in the first that has texts.
field-content-type = The form of the body.
field-user-agent = The program that sent the request.
field-realm = The realm of the public API: clients, mode and brand. This service does not read it.
field-www-authenticate = What the client must show: a token.

# The next steps.

next-title = Next steps
next-configuration = 1. Give libpims this configuration
next-token = The token of the account is account.accessToken. It is in this file:
next-demo = 2. Or run the demo, in the folder of libpims
next-commands = 3. Ask the service: the accounts, the last SMS, the audit trail
next-copy = Copy
