# The operators' console.

operators-name = Operators’ console
operators-search = Search
operators-proposals = Proposals
operators-trail = Audit trail
operators-health = Health

# Signing in.

sign-in-title = Sign in
sign-in-token = Your token
sign-in-button = Sign in
sign-in-wrong = No operator has this token with this connection. Nobody is signed in.
sign-in-certificate-help = Your browser shows a certificate. If it is all that your operator needs, sign in with it alone.
sign-in-certificate = Sign in with the certificate
sign-in-no-certificate = Operators of this service need a certificate, and your browser shows none.
sign-in-audited = The audit trail records each sign-in and each sign-out.

# Words for cells.

none = none
unknown = unknown
yes = yes
no = no

# The heads of tables.

head-account = Account
head-action = Action
head-actor = Actor
head-by = Proposed by
head-changed = File changed
head-count = Count
head-decision = Decision
head-device = Device
head-devices = Devices
head-ends = Ends
head-event = Event
head-found = Found by
head-key = Key
head-keystore = Storage key
head-left = Left
head-listener = Listener
head-made = Made
head-number = Phone number
head-operator = Operator
head-reason = Reason
head-state = State
head-subject = Subject
head-time = Time
head-used = Last used

# The search.

search-title = Search an account
search-label = Name, phone number or device id
search-button = Search
search-help = You can search by the name of an account or its beginning, by a trusted phone number with its country code, and by the id of a device or its first eight or more characters.
search-nothing = Nothing was found.
search-results = Accounts found
search-full = There may be more accounts. Only the first 50 are shown.
found-by-name = its name
found-by-number = its phone number
found-by-device = a device
found-by-prefix = the beginning of its name

# An account.

account-title = Account { $name }
account-unknown = There is no account of this name.
account-findings = Why the user cannot log in
account-no-obstacle = Nothing stands in the way of a login.
account-proposals = { $count ->
    [one] A proposal for this account waits for an operator:
   *[other] { $count } proposals for this account wait for an operator:
}
account-facts = The account
account-pin = Has a PIN
account-wrong-pins = Wrong PINs, not forgiven
account-wrong-pins-all = Wrong PINs since this PIN was set
state-blocked = blocked
state-not-blocked = not blocked

# Devices.

devices-title = Devices
devices-caption = Devices of the account, the newest first
devices-none = The account has no device.
device-works = works
device-waits-approval = waits for an approval
device-waits-confirmation = waits for a confirmation
device-suspended = suspended
device-suspected = a second copy is suspected
keystore-hardware = security chip
keystore-software = software
keystore-unknown = not told

# Actions.

reason-label = Reason
reason-rule = A reason has 3 to 200 characters in one line. Nothing was changed.
unblock-title = Unblock
unblock-help = Lifts the block, and forgives the wrong PINs that are not forgiven yet. The PIN stays the same.
unblock-button = Unblock
unblock-propose = Propose to unblock
remove-title = Remove
remove-help = A removed device cannot log in any more. The user can enroll it again with an SMS code.
remove-button = Remove the device
remove-propose = Propose to remove
four-eyes-help = Another operator must approve it.
done-unblocked = The account was unblocked.
done-not-blocked = The account was not blocked. Nothing was changed.
done-tries-forgiven = The account was not blocked. The unproved tries of its devices were forgiven.
done-budget-spent = The account stays blocked: its budget of wrong PINs is spent. Only a new PIN by SMS ends this block.
done-device-removed = The device was removed.
done-device-gone = The device was removed before. Nothing was left to do.
done-proposed = The proposal was made. Another operator must approve it within a day.
done-withdrawn = The proposal was withdrawn.
done-rejected = The proposal was rejected.
too-many-proposals = The account has 20 open proposals, or you have made 100. Wait until they are decided, or withdraw some.
no-such-device = The account has no such device. Nothing was changed.

# Proposals.

proposals-title = Proposals
proposals-help = To unblock an account or to remove a device needs two operators: one proposes, another approves.
proposals-off = The configuration does not require a second operator. Proposals that are still open can be decided here.
proposals-none = No proposal is open.
proposals-caption = Open proposals, the oldest first
action-unblock = Unblock the account
action-remove-device = Remove a device
proposal-approve = Approve
proposal-reject = Reject
proposal-withdraw = Withdraw
proposal-no-role = You do not have the role for this action.
proposal-ended = This proposal is not open any more. Nothing was changed.
own-proposal = You made this proposal yourself. Another operator must approve it. Nothing was changed.

# The findings.

weight-obstacle = Obstacle:
weight-warning = Warning:
weight-note = Note:
code-for-enrollment = the enrollment of a device
code-for-number = a phone number
code-for-reset = a new PIN
cause-no-number = The account has no trusted phone number, so it gets no SMS code.
remedy-no-number = The user adds a phone number in the app. An operator cannot add one.
cause-number-not-permitted = No SMS may go to the account’s phone number: the service does not permit its country, or it is no phone number.
remedy-number-not-permitted = The user changes the number in the app. Which countries are permitted is in the configuration of the service.
cause-number-cooling = The phone number was changed. It gets no codes before { $until }.
cause-new-account = The account is new. It can add no phone number before { $until }.
remedy-wait-protection = Wait until then. This protects against a thief of the account, and no operator can shorten it.
cause-no-device = The account has no device.
cause-no-pin = The account has no PIN.
remedy-enroll = The user enrolls a device with an SMS code, and chooses a PIN there.
cause-blocked = The account is blocked: there were too many wrong PINs, or the user rejected a new device.
remedy-blocked = The user resets the PIN with an SMS code. Or an operator with the role unblock unblocks the account, if the user still knows the PIN.
cause-blocked-until = The account is blocked until { $until }, because of wrong PINs.
remedy-blocked-until = Wait until then: the user has one try afterwards. Or the user resets the PIN with an SMS code. Or an operator with the role unblock unblocks the account.
cause-budget-spent = The account is blocked: this PIN has seen all the wrong PINs that its budget permits.
remedy-budget-spent = Only the user can help: a reset of the PIN with an SMS code. An operator cannot lift this block.
cause-waits-approval = The device { $device } waits for its approval. If nobody approves it, it is removed: { $until }.
remedy-waits-approval = The user approves it on another device of the account, with the number that the new device shows and the PIN.
cause-waits-confirmation = The device { $device } waits for its confirmation. If nobody confirms it, it is removed: { $until }.
remedy-waits-confirmation = The user confirms it on the device that made its code.
cause-suspended = The device { $device } is suspended, because somebody may have a second copy of it.
remedy-suspended = The user resets the PIN with an SMS code on the device that stays. That shuts the other copy out.
cause-second-copy = The device { $device } may have a second copy, or was restored from a backup. The last sign of it: { $at }.
remedy-second-copy = Ask the user. A reset of the PIN with an SMS code, on the device that stays, shuts the other copy out.
cause-day-spent = The device { $device } made all the one-time passwords of this day. The next day begins: { $until }.
remedy-day-spent = Wait until then, or use another device of the account.
cause-too-many-devices = The account has as many devices as it may have ({ $max }), so no other one can be enrolled.
remedy-too-many-devices = The user removes a device in the app. Or an operator with the role remove removes one.
cause-codes-spent = The account requested as many SMS codes as it may, or tried wrong ones too often. It gets the next code: { $until }.
remedy-codes-spent = Wait until then. An operator cannot shorten it.
cause-code-sent = An SMS code for { $purpose } was made: { $at }. It ends: { $until }. { $left ->
    [one] One wrong try is left.
   *[other] { $left } wrong tries are left.
}
remedy-code-sent = The user enters the code in the app. Only the user knows it.
cause-sms-waiting = An SMS of the account waits for the gateway since { $since }. { $tries ->
    [one] There was one try to send it.
   *[other] There were { $tries } tries to send it.
}
remedy-sms-waiting = The service tries again by itself. If other accounts wait, too, look at the SMS gateway.
cause-pin-tries = { $tries ->
    [one] There was one wrong PIN
   *[other] There were { $tries } wrong PINs
} that no right one forgave. { $left ->
    [one] One more blocks the account.
   *[other] { $left } more block the account.
}
remedy-pin-tries = The user enters the right PIN, or resets it with an SMS code before the account is blocked.
cause-unproved-tries = { $tries ->
    [one] A device of the account proved an older key, once.
   *[other] Devices of the account proved an older key, { $tries } times.
}
remedy-unproved-tries = A password with the right PIN forgives this. Or an operator with the role unblock does.
cause-refusals = { $count ->
    [one] A refusal of the last day
   *[other] { $count } refusals of the last day
}: { $event } The last one: { $last }.
cause-refusals-device = { $count ->
    [one] A refusal of the last day
   *[other] { $count } refusals of the last day
} for the device { $device }: { $event } The last one: { $last }.
remedy-refusals = The audit trail below has the details.
cause-passwords-forbidden = The policy of the service permits no one-time password, or none without the PIN.
remedy-passwords-forbidden = The user enters the PIN. The policy itself is in the configuration of the service.

# The audit trail.

trail-title = Audit trail
trail-caption = Events, the newest first
trail-empty = There are no events.
trail-older = Older events
event-account-created = The account was made.
event-account-removed = The account was removed.
event-account-blocked = The account was blocked.
event-account-blocked_for_a_time = The block ends by itself.
event-account-unblocked = The account was unblocked.
event-code-sent = An SMS code was made and sent.
event-code-withdrawn = An SMS code was withdrawn, because its SMS could not be sent.
event-code-limited = A code was refused: the account had requested as many as it may.
event-code-refused = A wrong, used or expired code was refused.
event-code-accepted = A code was accepted.
event-device-activated = A device was activated.
event-device-code-made = A device made a code for another device.
event-device-confirmed = A device was confirmed by another one.
event-device-approved = A new device was approved.
event-device-rejected = A new device was rejected.
event-device-not_confirmed = A device was removed, because nobody confirmed it in time.
event-device-redelivered = The answer to an activation was sent again.
event-device-replaced = A device took the place of an earlier one.
event-device-removed = A device was removed.
event-device-renamed = A device got another name.
event-device-refused = A request of a device was refused.
event-device-synchronized = A device was synchronized: it has fresh keys.
event-device-clone_suspected = A second copy of a device is suspected.
event-device-suspended = A device was suspended.
event-device-resumed = A suspended device works again.
event-device-k0-renewed = A device got another key K0.
event-device-desynchronized = A device lost the step with the service.
event-device-k1-evolving = The next key K1 of a device was announced.
event-device-k1-evolved = A device has its next key K1.
event-device-k1-not_evolving = A device keeps its key K1: it does not know the next one.
event-device-secret-stored = A device stored its service secret.
event-pin-set = A PIN was set.
event-pin-changed = The PIN was changed.
event-pin-reset = The PIN was reset.
event-pin-refused = A wrong PIN was refused.
event-pin-forgiven = A right PIN forgave wrong ones.
event-pin-budget_half_spent = The PIN has seen half of the wrong PINs that its budget permits.
event-pin-budget_spent = The PIN has seen all the wrong PINs that its budget permits.
event-password-granted = A device got what it needs for a one-time password.
event-password-forbidden = A one-time password was refused by the policy.
event-password-accepted = A one-time password was accepted.
event-password-refused = A one-time password was refused.
event-phoneNumber-added = A trusted phone number was added.
event-phoneNumber-modified = The trusted phone number was changed.
event-enrollments-removed = All devices of the account were removed.
event-sms-limited = An SMS was not sent: the budget of SMS is spent.
event-notice-queued = A notice waits for the gateway.
event-notice-dropped = A notice was not sent.
event-sms-dropped = An SMS was not sent: the gateway did not accept it.
event-token-granted = Tokens were granted for a one-time password.
event-token-rotated = A refresh token was replaced.
event-token-refused = A refresh token or a password for tokens was refused.
event-token-reused = A refresh token was used twice: all its successors ended.
event-secret-made = The service made a secret of its own.
event-keys-rotated = Values were sealed under another master key.
event-rows-authenticated = Rows of an earlier release were given MACs.
event-row-altered = A row of the database was changed by another program. The service refuses it.
event-operator-refused = A request of an operator was refused.
event-operator-signed_in = An operator signed in to the console.
event-operator-signed_out = An operator signed out of the console.
event-operator-proposed = An operator proposed an action.
event-operator-approved = An operator approved a proposal.
event-operator-rejected = A proposal was withdrawn or rejected.
actor-host = the embedding program
actor-app = the app with the account’s token
actor-device = a device
actor-service = the service
actor-command = a command on the machine
actor-operator-named = operator { $name }
actor-party-named = relying party { $name }
actor-anybody-named = a client of the open relying party { $name }
actor-device-named = device { $name }

# Health.

health-title = Health
health-state = This instance now
health-ready = The database is ready.
health-not-ready = The database is not ready.
health-trail-unchecked = The audit trail was not checked yet: that happens each minute.
health-trail-intact = The newest part of the audit trail is as the service wrote it.
health-trail-broken = The audit trail was changed by another program. The log has the details; check --connect reads the whole trail.
health-version = Version
health-sms = SMS that wait
health-steps = Database steps that run
health-connections = Open connections
health-database-used = Database connections in use
health-database-idle = Database connections that are idle
health-retries = Database steps that ran again
health-seal = Newest seal of the audit trail
health-hour = The last hour
health-hour-help = Each instance counts its own requests, every 10 seconds, since its start.
chart-requests = Requests
chart-errors = Errors of the service
chart-accepted = One-time passwords accepted
chart-refused = One-time passwords refused
chart-median = Duration of half of the database steps
chart-slowest = Duration of 99 in 100 database steps
chart-rate = now { $last } a second, at most { $most } a second
chart-millis = now { $last } ms, at most { $most } ms
chart-empty = no value yet
health-ages = Certificates, tokens and keys
certificates-title = Certificates of the listeners
certificates-none = The listeners have no certificates.
certificate-left = { $count ->
    [one] { $count } day
   *[other] { $count } days
}
certificate-ended = ended
certificate-urgent = Renew it now.
tokens-title = Tokens of operators
keys-title = Keys and secrets in the database
keys-unknown = The ages of the keys are not known now: the database does not answer.
