/* The requests of the typed operations, and the enumerations of their results. Included by
 * strong_authentication.hpp: include pims.hpp.
 * Printed from tests/spec/api.json and operations.json by `make generate`: do not edit.
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#ifndef PIMS_OPERATIONS_HPP
#define PIMS_OPERATIONS_HPP

#ifndef PIMS_STRONG_AUTHENTICATION_HPP
#error "include pims.hpp: this header is a part of it"
#endif

#include <chrono>
#include <future>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "component.hpp"

namespace pims {

/* The state of the account, which the service reports with an accepted code. */
enum class EnrollmentStatus {
    /* The account has no PIN: the user chooses one. */
    not_enrolled,
    /* The account has a PIN, which the user enters. */
    already_enrolled,
};

/* The block of the account: of its PIN or of the account itself. */
enum class AccountState { not_blocked, pin_blocked, account_blocked, unknown };

/* The place of a device's storage key, by its own statement. Nobody checks it. */
enum class Keystore {
    /* A security chip holds the key. */
    hardware,
    /* Software alone holds the key. */
    software,
};

/* The state of the approval of a new device. */
enum class ApprovalState {
    /* No device waits. */
    none,
    /* A new device waits for the decision of another one: this one may decide. */
    asked,
    /* This device is the new one, and waits. */
    waiting,
};

/* A device of the account. */
struct AccountDevice {
    /* The beginning of its id, which names it among the devices of the account. */
    std::string device_id;
    /* The name that its user gave it. It is text, never markup. */
    std::string name;
    /* The time of its enrollment. */
    std::chrono::system_clock::time_point since;
    /* The time of its last use, if it was used. */
    std::optional<std::chrono::system_clock::time_point> last_used;
    /* True for the device that makes the call. */
    bool this_device;
    /* The place of its storage key, if it told one. */
    std::optional<Keystore> keystore;
};

/* An event of the account, which the service keeps for its devices. */
struct AccountNotice {
    /* The kind of the event, such as newDevice (docs/api.md has them all). A newer service may have
     * others. */
    std::string event;
    /* The time of the event. */
    std::chrono::system_clock::time_point at;
    /* The beginning of the id of the device that the event is about, if it is about one. */
    std::optional<std::string> device_id;
    /* The name that this device had then. It is text, never markup. */
    std::optional<std::string> name;
};

/* The approval of a new device: its state, and what is known of the device. */
struct Approval {
    /* The state. The other members belong to it. */
    ApprovalState state;
    /* The two digits that this device must show, if it is the one that waits. */
    std::optional<std::string> number;
    /* The id of the device that waits, if this device may decide. */
    std::optional<std::string> device_id;
    /* The name of the device that waits. It is text, never markup. */
    std::optional<std::string> name;
    /* The time of its enrollment. */
    std::optional<std::chrono::system_clock::time_point> since;
    /* The seconds that are left for a decision, if a device waits. */
    std::optional<std::chrono::seconds> lifetime_seconds;
};

namespace detail {

/* Returns the value of a word. Throws UnexpectedMessage if it is none. */
inline EnrollmentStatus enrollment_status_of(std::string_view word)
{
    if (word == "NotEnrolled") {
        return EnrollmentStatus::not_enrolled;
    }
    if (word == "AlreadyEnrolled") {
        return EnrollmentStatus::already_enrolled;
    }
    throw UnexpectedMessage();
}

/* Returns the value of a word. Throws UnexpectedMessage if it is none. */
inline AccountState account_state_of(std::string_view word)
{
    if (word == "NotBlocked") {
        return AccountState::not_blocked;
    }
    if (word == "PinBlocked") {
        return AccountState::pin_blocked;
    }
    if (word == "AccountBlocked") {
        return AccountState::account_blocked;
    }
    if (word == "Unknown") {
        return AccountState::unknown;
    }
    throw UnexpectedMessage();
}

/* Returns the value of a word. Throws UnexpectedMessage if it is none. */
inline Keystore keystore_of(std::string_view word)
{
    if (word == "hardware") {
        return Keystore::hardware;
    }
    if (word == "software") {
        return Keystore::software;
    }
    throw UnexpectedMessage();
}

/* Returns the value of a word. Throws UnexpectedMessage if it is none. */
inline ApprovalState approval_state_of(std::string_view word)
{
    if (word == "none") {
        return ApprovalState::none;
    }
    if (word == "asked") {
        return ApprovalState::asked;
    }
    if (word == "waiting") {
        return ApprovalState::waiting;
    }
    throw UnexpectedMessage();
}

/* Returns the record of an object. Throws UnexpectedMessage if a member is missing. */
inline AccountDevice account_device_of(std::string_view object)
{
    AccountDevice record{};
    record.device_id = as_text(Reader::member(object, "deviceId"));
    record.name = as_text(Reader::member(object, "name"));
    record.since = as_time(Reader::member(object, "since"));
    record.last_used = unless_null(Reader::member(object, "lastUsed"), as_time);
    record.this_device = as_flag(Reader::member(object, "thisDevice"));
    record.keystore = unless_null(Reader::member(object, "keystore"), as_word<keystore_of>);
    return record;
}

/* Returns the record of an object. Throws UnexpectedMessage if a member is missing. */
inline AccountNotice account_notice_of(std::string_view object)
{
    AccountNotice record{};
    record.event = as_text(Reader::member(object, "event"));
    record.at = as_time(Reader::member(object, "at"));
    record.device_id = unless_null(Reader::member(object, "deviceId"), as_text);
    record.name = unless_null(Reader::member(object, "name"), as_text);
    return record;
}

/* Returns the record of an object. Throws UnexpectedMessage if a member is missing. */
inline Approval approval_of(std::string_view object)
{
    Approval record{};
    record.state = as_word<approval_state_of>(Reader::member(object, "state"));
    record.number = unless_null(Reader::member(object, "number"), as_text);
    record.device_id = unless_null(Reader::member(object, "deviceId"), as_text);
    record.name = unless_null(Reader::member(object, "name"), as_text);
    record.since = unless_null(Reader::member(object, "since"), as_time);
    record.lifetime_seconds = unless_null(Reader::member(object, "lifetimeSeconds"), as_seconds);
    return record;
}

/* The operations of StrongAuthentication. */
class Operations : public Component {
public:
    /* Asks the service to send an SMS code for an enrollment to the trusted phone number. */
    [[nodiscard]] std::future<void> request_enrollment_code() const
    {
        return get<void>("pims.authentication.smscode", {{"type", "enrollment"}}, nothing);
    }

    /* Submits the code. The result tells if the account has a PIN. A call of enroll without a code
     * then finishes the enrollment. */
    [[nodiscard]] std::future<EnrollmentStatus> accept_enrollment_code(std::string_view sms_code) const
    {
        return set<EnrollmentStatus>("pims.authentication.smscode", {{"action", "enrollment"}, {"smsCode", sms_code}},
                                     word("status", enrollment_status_of));
    }

    /* Enrolls the device: in one step with a code, or without a code after accept_enrollment_code.
     * If another device of the account must confirm or approve it, this one does not work before:
     * pending_fingerprint or approval has what this device must show. */
    [[nodiscard]] std::future<void> enroll(std::string_view pin, std::string_view sms_code = " ") const
    {
        return change("pims.authentication.enrollment", {{"action", "enroll"}, {"pinCode", pin}, {"smsCode", sms_code}});
    }

    /* Enrolls the device and registers the trusted phone number, with a code from
     * request_phone_number_code. */
    [[nodiscard]] std::future<void> enroll_with_phone_number(std::string_view pin, std::string_view sms_code,
                                                             std::string_view phone_number) const
    {
        return change("pims.authentication.enrollment",
                      {{"action", "enrollWithPhoneNumber"}, {"pinCode", pin}, {"smsCode", sms_code}, {"phoneNumber", phone_number}});
    }

    /* Imports the enrollment of another client, whose PIN one password proves. Returns a warning:
     * the other client must stop, and its file must be removed. format is auto, pickle, homey-json,
     * e3008-json, kotlin-json or pims. A pickle is given in base64. */
    [[nodiscard]] std::future<std::string> import_enrollment(std::string_view format, std::string_view state, std::string_view pin) const
    {
        return set<std::string>("pims.authentication.enrollment",
                                {{"action", "import"}, {"format", format}, {"state", state}, {"pinCode", pin}}, text("warning"));
    }

    /* Returns the enrollment of this device as neutral JSON, with K1 in clear, which the caller
     * must wipe. One password proves the PIN. */
    [[nodiscard]] std::future<std::string> export_enrollment(std::string_view pin) const
    {
        return set<std::string>("pims.authentication.enrollment", {{"action", "export"}, {"plain", "true"}, {"pinCode", pin}},
                                text("state"));
    }

    /* Returns a code of ten letters with which another device of the account enrolls, if the
     * service permits it, and which the caller must wipe. A code before it ends. */
    [[nodiscard]] std::future<std::string> make_enrollment_code(std::string_view pin) const
    {
        return get<std::string>("pims.authentication.enrollmentcode", {{"action", "make"}, {"pinCode", pin}}, text("code"));
    }

    /* Returns the fingerprint of the device that entered the code and waits for its confirmation:
     * another device, or this one. Returns null if none waits. */
    [[nodiscard]] std::future<std::optional<std::string>> pending_fingerprint() const
    {
        return get<std::optional<std::string>>("pims.authentication.enrollmentcode", {{"action", "state"}}, text_or_null("fingerprint"));
    }

    /* Lets the device with this fingerprint work. The user has compared it on both devices. */
    [[nodiscard]] std::future<void> confirm_device(std::string_view fingerprint, std::string_view pin) const
    {
        return set<void>("pims.authentication.enrollmentcode", {{"action", "confirm"}, {"fingerprint", fingerprint}, {"pinCode", pin}},
                         nothing);
    }

    /* Ends the device with this fingerprint, which entered the code. */
    [[nodiscard]] std::future<void> reject_device(std::string_view fingerprint, std::string_view pin) const
    {
        return set<void>("pims.authentication.enrollmentcode", {{"action", "reject"}, {"fingerprint", fingerprint}, {"pinCode", pin}},
                         nothing);
    }

    /* Returns whether a new device waits for an approval: another one, or this one after enroll.
     * This one must then show its number to the user. */
    [[nodiscard]] std::future<Approval> approval() const { return get<Approval>("pims.authentication.approval", {}, whole(approval_of)); }

    /* Lets the new device work. The user has read the number on that device, and enters it here. A
     * wrong number ends that device. */
    [[nodiscard]] std::future<void> approve_new_device(std::string_view device_id, std::string_view number, std::string_view pin) const
    {
        return set<void>("pims.authentication.approval",
                         {{"action", "approve"}, {"deviceId", device_id}, {"number", number}, {"pinCode", pin}}, nothing);
    }

    /* Ends the new device, and blocks the account: the user did not enroll it. The user sets a new
     * PIN with an SMS code, see reset_pin. */
    [[nodiscard]] std::future<void> reject_new_device(std::string_view device_id) const
    {
        return set<void>("pims.authentication.approval", {{"action", "reject"}, {"deviceId", device_id}}, nothing);
    }

    /* Returns the events of the account that the service still has, the newest first. Those that
     * this device caused are not among them. */
    [[nodiscard]] std::future<std::vector<AccountNotice>> notices() const
    {
        return get<std::vector<AccountNotice>>("pims.authentication.notices", {}, records("notices", account_notice_of));
    }

    /* Removes every enrollment of the account, its PIN and a block, then this device's enrollment.
     */
    [[nodiscard]] std::future<void> remove_enrollments() const
    {
        return set<void>("pims.authentication.enrollment", {{"action", "remove"}}, nothing);
    }

    /* Asks the service to send an SMS code to a phone number that is to become the trusted one. */
    [[nodiscard]] std::future<void> request_phone_number_code(std::string_view phone_number) const
    {
        return get<void>("pims.authentication.smscode", {{"type", "phoneNumberCertification"}, {"phoneNumber", phone_number}}, nothing);
    }

    /* Registers the account's first trusted phone number. */
    [[nodiscard]] std::future<void> add_phone_number(std::string_view sms_code, std::string_view phone_number) const
    {
        return set<void>("pims.authentication.smscode",
                         {{"action", "addPhoneNumber"}, {"smsCode", sms_code}, {"phoneNumber", phone_number}}, nothing);
    }

    /* Replaces the account's trusted phone number. */
    [[nodiscard]] std::future<void> modify_phone_number(std::string_view sms_code, std::string_view phone_number) const
    {
        return set<void>("pims.authentication.smscode",
                         {{"action", "modifyPhoneNumber"}, {"smsCode", sms_code}, {"phoneNumber", phone_number}}, nothing);
    }

    /* Returns the account's trusted phone number. The failure is 2307 if there is none. */
    [[nodiscard]] std::future<std::string> trusted_phone_number() const
    {
        return get<std::string>("pims.authentication.trustedphonenumber", {}, text("phoneNumber"));
    }

    /* Changes the PIN. */
    [[nodiscard]] std::future<void> change_pin(std::string_view old_pin, std::string_view new_pin) const
    {
        return change("pims.authentication.pincode", {{"action", "update"}, {"oldPIN", old_pin}, {"newPIN", new_pin}});
    }

    /* Asks the service to send an SMS code with which the user can set a new PIN. */
    [[nodiscard]] std::future<void> request_reset_code() const
    {
        return get<void>("pims.authentication.smscode", {{"type", "resetPIN"}}, nothing);
    }

    /* Sets a new PIN with a code from request_reset_code, and lifts a block of the PIN. */
    [[nodiscard]] std::future<void> reset_pin(std::string_view new_pin, std::string_view sms_code) const
    {
        return change("pims.authentication.pincode", {{"action", "reset"}, {"pinCode", new_pin}, {"smsCode", sms_code}});
    }

    /* Returns a one-time password, which the caller must wipe. A wrong PIN is 2308, with
     * attempts_left(). */
    [[nodiscard]] std::future<std::string> otp(std::string_view pin) const
    {
        return get<std::string>("pims.authentication.otp", {{"action", "withPIN"}, {"pinCode", pin}}, text("otp"));
    }

    /* Returns a one-time password that proves the device and nothing about the user, if the service
     * allows it. */
    [[nodiscard]] std::future<std::string> otp_without_pin() const
    {
        return get<std::string>("pims.authentication.otp", {{"action", "withoutPIN"}}, text("otp"));
    }

    /* Returns the devices of the account. A device that is not enrolled needs the access token. */
    [[nodiscard]] std::future<std::vector<AccountDevice>> devices() const
    {
        return get<std::vector<AccountDevice>>("pims.authentication.devices", {}, records("devices", account_device_of));
    }

    /* Renames a device of the account. An enrolled device must give the PIN. Another one needs the
     * access token instead. */
    [[nodiscard]] std::future<void> rename_device(std::string_view device_id, std::string_view name, std::string_view pin = " ") const
    {
        return set<void>("pims.authentication.devices", {{"action", "rename"}, {"deviceId", device_id}, {"name", name}, {"pinCode", pin}},
                         nothing);
    }

    /* Removes one device of the account, this one or another. An enrolled device must give the PIN.
     * Another one needs the access token instead. */
    [[nodiscard]] std::future<void> remove_device(std::string_view device_id, std::string_view pin = " ") const
    {
        return set<void>("pims.authentication.devices", {{"action", "remove"}, {"deviceId", device_id}, {"pinCode", pin}}, nothing);
    }

    /* Returns true if this device is enrolled, according to its own state. */
    [[nodiscard]] std::future<bool> is_activated() const
    {
        return get<bool>("pims.authentication.account", {{"actionType", "strong"}, {"type", "isDeviceActivated"}},
                         flag("isDeviceActivated"));
    }

    /* Returns the block of the account. If the device is enrolled, the library asks the service. */
    [[nodiscard]] std::future<AccountState> account_state() const
    {
        return get<AccountState>("pims.authentication.account", {{"actionType", "strong"}, {"type", "isAccountBlocked"}},
                                 word("isAccountBlocked", account_state_of));
    }

    /* Replaces account.accessToken. */
    [[nodiscard]] std::future<void> set_access_token(std::string_view token) const
    {
        return set<void>("pims.authentication.token", {{"type", "cvs"}, {"token", token}}, nothing);
    }

protected:
    using Component::Component;
};

} // namespace detail

} // namespace pims

#endif /* PIMS_OPERATIONS_HPP */
