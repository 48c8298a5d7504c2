/* The operations of docs/api.md for C++17: a typed function for each. Included by pims.hpp.
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#ifndef PIMS_STRONG_AUTHENTICATION_HPP
#define PIMS_STRONG_AUTHENTICATION_HPP

#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "../pims.hpp"

namespace pims {

/* The state of the account, which the library reports with an accepted SMS code. */
enum class EnrollmentStatus {
    /* The account has no PIN: the user chooses one. */
    not_enrolled,
    /* The account has a PIN, which the user enters. */
    already_enrolled,
};

/* The block of the account: of its PIN or of the account itself. */
enum class AccountState { not_blocked, pin_blocked, account_blocked, unknown };

/* A change of the account. Members that did not change are empty. */
struct AccountChange {
    std::optional<bool> is_activated;
    std::optional<AccountState> state;
};

namespace detail {

/* Does the same as ask, for one type of result. An exception of the reader is in the future. */
template <class Result, class Read>
std::future<Result> ask_for(Function function, const char *method, Name api, const Params &params, Read read)
{
    const auto promise = std::make_shared<std::promise<Result>>();
    auto future = promise->get_future();
    const auto settle = [promise, read = std::move(read)](const Message &message) {
        try {
            if constexpr (std::is_void_v<Result>) {
                read(message);
                promise->set_value();
            } else {
                promise->set_value(read(message));
            }
        } catch (...) {
            promise->set_exception(std::current_exception());
        }
    };
    if (is_library_thread || callbacks_running > 0) {
        settle(execute(method, api, params));
    } else {
        call(function, api, params, settle);
    }
    return future;
}

/* Returns a member of a message's result, as text. Throws UnexpectedMessage if it is no text. */
inline std::string text_of(const Message &message, std::string_view name)
{
    auto text = Reader::text(Reader::member(Reader::member(message.text(), "result"), name));
    return text ? *std::move(text) : throw UnexpectedMessage();
}

inline bool flag_of(const Message &message, std::string_view name)
{
    const std::string_view value = Reader::member(Reader::member(message.text(), "result"), name);
    return value == "true" || (value == "false" ? false : throw UnexpectedMessage());
}

inline EnrollmentStatus enrollment_status_of(std::string_view word)
{
    return word == "NotEnrolled"       ? EnrollmentStatus::not_enrolled
           : word == "AlreadyEnrolled" ? EnrollmentStatus::already_enrolled
                                       : throw UnexpectedMessage();
}

inline AccountState account_state_of(std::string_view word)
{
    return word == "NotBlocked"       ? AccountState::not_blocked
           : word == "PinBlocked"     ? AccountState::pin_blocked
           : word == "AccountBlocked" ? AccountState::account_blocked
           : word == "Unknown"        ? AccountState::unknown
                                      : throw UnexpectedMessage();
}

inline AccountChange account_change_of(const Message &message)
{
    const std::string_view result = Reader::member(message.text(), "result");
    AccountChange change;
    if (!Reader::member(result, "isDeviceActivated").empty()) {
        change.is_activated = flag_of(message, "isDeviceActivated");
    }
    if (!Reader::member(result, "isAccountBlocked").empty()) {
        change.state = account_state_of(text_of(message, "isAccountBlocked"));
    }
    return change;
}

} // namespace detail

/* The operations on the facade of this process. A failure is the exception Failed in the future. A
 * call that is not accepted throws Refused.
 *
 * After enroll, enroll_with_phone_number, change_pin and reset_pin the failure 2316 means that the
 * change is done: these functions then succeed. Inside a callback a future is ready, like that of
 * pims::get. PINs and codes are wiped in the memory of this header. */
class StrongAuthentication {
public:
    /* The receiver of wrong PINs (docs/api.md). It runs on the library's thread, before the future
     * of the operation is ready. */
    using OnWrongPins = std::function<void(const WrongPins &)>;

    explicit StrongAuthentication(OnWrongPins on_wrong_pins = nullptr) : on_wrong_pins_(std::move(on_wrong_pins)) {}

    /* Asks the service to send an SMS code for an enrollment to the trusted phone number. */
    [[nodiscard]] std::future<void> request_enrollment_code() const { return request({{"type", "enrollment"}}); }

    /* Submits the code. A call of enroll without a code then finishes the enrollment. */
    [[nodiscard]] std::future<EnrollmentStatus> accept_enrollment_code(std::string_view sms_code) const
    {
        return set<EnrollmentStatus>(smscode, {{"action", "enrollment"}, {"smsCode", sms_code}}, [](const Message &message) {
            return detail::enrollment_status_of(detail::text_of(message, "status"));
        });
    }

    /* Enrolls the device: in one step with a code, or without a code after accept_enrollment_code.
     */
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

    /* Removes every enrollment of the account, its PIN and a block, then this device's enrollment.
     */
    [[nodiscard]] std::future<void> remove_enrollments() const
    {
        return set<void>("pims.authentication.enrollment", {{"action", "remove"}}, nothing);
    }

    /* Asks the service to send an SMS code to a phone number that is to become the trusted one. */
    [[nodiscard]] std::future<void> request_phone_number_code(std::string_view phone_number) const
    {
        return request({{"type", "phoneNumberCertification"}, {"phoneNumber", phone_number}});
    }

    /* Registers the account's first trusted phone number. */
    [[nodiscard]] std::future<void> add_phone_number(std::string_view sms_code, std::string_view phone_number) const
    {
        return change_number("addPhoneNumber", sms_code, phone_number);
    }

    /* Replaces the account's trusted phone number. */
    [[nodiscard]] std::future<void> modify_phone_number(std::string_view sms_code, std::string_view phone_number) const
    {
        return change_number("modifyPhoneNumber", sms_code, phone_number);
    }

    /* Returns the account's trusted phone number. The failure is 2307 if there is none. */
    [[nodiscard]] std::future<std::string> trusted_phone_number() const
    {
        return get<std::string>("pims.authentication.trustedphonenumber", {},
                                [](const Message &message) { return detail::text_of(message, "phoneNumber"); });
    }

    [[nodiscard]] std::future<void> change_pin(std::string_view old_pin, std::string_view new_pin) const
    {
        return change("pims.authentication.pincode", {{"action", "update"}, {"oldPIN", old_pin}, {"newPIN", new_pin}});
    }

    /* Asks the service to send an SMS code with which the user can set a new PIN. */
    [[nodiscard]] std::future<void> request_reset_code() const { return request({{"type", "resetPIN"}}); }

    /* Sets a new PIN with a code from request_reset_code, and lifts a block of the PIN. */
    [[nodiscard]] std::future<void> reset_pin(std::string_view new_pin, std::string_view sms_code) const
    {
        return change("pims.authentication.pincode", {{"action", "reset"}, {"pinCode", new_pin}, {"smsCode", sms_code}});
    }

    /* Returns a one-time password, which the caller must wipe. A wrong PIN is 2308, with
     * attempts_left(). */
    [[nodiscard]] std::future<std::string> otp(std::string_view pin) const { return make_otp({{"action", "withPIN"}, {"pinCode", pin}}); }

    /* Returns a one-time password that proves the device and nothing about the user, if the service
     * allows it. */
    [[nodiscard]] std::future<std::string> otp_without_pin() const { return make_otp({{"action", "withoutPIN"}}); }

    /* Returns true if this device is enrolled, according to its own state. */
    [[nodiscard]] std::future<bool> is_activated() const
    {
        return get<bool>(account, {{"actionType", "strong"}, {"type", "isDeviceActivated"}},
                         [](const Message &message) { return detail::flag_of(message, "isDeviceActivated"); });
    }

    /* Returns the block of the account. If the device is enrolled, the library asks the service. */
    [[nodiscard]] std::future<AccountState> account_state() const
    {
        return get<AccountState>(account, {{"actionType", "strong"}, {"type", "isAccountBlocked"}}, [](const Message &message) {
            return detail::account_state_of(detail::text_of(message, "isAccountBlocked"));
        });
    }

    /* Replaces account.accessToken. */
    [[nodiscard]] std::future<void> set_access_token(std::string_view token) const
    {
        return set<void>("pims.authentication.token", {{"type", "cvs"}, {"token", token}}, nothing);
    }

    /* Asks for changes of the account, like subscribe; the last parameter is the same. Both
     * functions run on the library's thread: on_change for each change, on_failure if the
     * subscription did not begin (2001, 2005). */
    [[nodiscard]] Subscription watch(std::function<void(const AccountChange &)> on_change,
                                     std::function<void(const Failed &)> on_failure = nullptr,
                                     detail::AtTheEnd &&at_the_end = detail::AtTheEnd()) const
    {
        if (!on_change) {
            throw Refused(Refusal::null_callback);
        }
        const auto tell = [on_change = std::move(on_change), on_failure = std::move(on_failure)](const Message &message) {
            if (message.status() == Status::result) {
                on_change(detail::account_change_of(message));
            } else if (!message.succeeded() && on_failure) {
                on_failure(Failed(message));
            }
        };
        const Params both{{"actionType", "strong"}, {"type", list{"isDeviceActivated", "isAccountBlocked"}}};
        return subscribe(account, both, tell, std::move(at_the_end));
    }

private:
    static constexpr const char *account = "pims.authentication.account";
    static constexpr const char *smscode = "pims.authentication.smscode";

    static void nothing(const Message &) {}

    template <class Result, class Read>
    std::future<Result> get(const char *api, const Params &params, Read read) const
    {
        return detail::ask_for<Result>(&pims_get, "get", api, params, judged(std::move(read)));
    }

    template <class Result, class Read>
    std::future<Result> set(const char *api, const Params &params, Read read) const
    {
        return detail::ask_for<Result>(&pims_set, "set", api, params, judged(std::move(read)));
    }

    /* Returns the reader with a check of wrong PINs and failures before it. The failure `done`
     * counts as a success. */
    template <class Read>
    auto judged(Read read, int done = 0) const
    {
        return [read = std::move(read), done, on_wrong_pins = on_wrong_pins_](const Message &message) {
            if (const auto wrong = message.wrong_pins_since(); wrong && on_wrong_pins) {
                detail::guarded([&] { on_wrong_pins(*wrong); });
            }
            if (done == 0 || message.code() != done) {
                message.or_throw();
            }
            return read(message);
        };
    }

    std::future<void> request(const Params &params) const { return get<void>(smscode, params, nothing); }

    std::future<void> change(const char *api, const Params &params) const
    {
        return detail::ask_for<void>(&pims_set, "set", api, params, judged(nothing, Code::post_synchronization));
    }

    std::future<void> change_number(const char *action, std::string_view sms_code, std::string_view phone_number) const
    {
        return set<void>(smscode, {{"action", action}, {"smsCode", sms_code}, {"phoneNumber", phone_number}}, nothing);
    }

    std::future<std::string> make_otp(const Params &params) const
    {
        return get<std::string>("pims.authentication.otp", params, [](const Message &message) { return detail::text_of(message, "otp"); });
    }

    OnWrongPins on_wrong_pins_;
};

} // namespace pims

#endif /* PIMS_STRONG_AUTHENTICATION_HPP */
