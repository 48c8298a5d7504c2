/* The operations of docs/api.md for C++17: a typed function for each. Included by pims.hpp.
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#ifndef PIMS_STRONG_AUTHENTICATION_HPP
#define PIMS_STRONG_AUTHENTICATION_HPP

#include <functional>
#include <optional>
#include <string_view>
#include <utility>

#include "operations.hpp"

namespace pims {

/* A change of the account. Members that did not change are empty. */
struct AccountChange {
    std::optional<bool> is_activated;
    std::optional<AccountState> state;
};

namespace detail {

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

/* The operations on the default facade, or on that of a Session. A failure is the exception Failed
 * in the future. A call that is not accepted throws Refused: with no_facade if the Session was
 * closed.
 *
 * After enroll, enroll_with_phone_number, change_pin and reset_pin the failure 2316 means that the
 * change is done: these functions then succeed. Inside a callback a future is ready, like that of
 * pims::get. PINs and codes are wiped in the memory of this header. */
class StrongAuthentication : public detail::Operations {
public:
    explicit StrongAuthentication(OnWrongPins on_wrong_pins = nullptr) : Operations(PIMS_DEFAULT_FACADE, std::move(on_wrong_pins)) {}
    /* Keeps no reference to the Session, which may be moved. */
    explicit StrongAuthentication(const Session &session, OnWrongPins on_wrong_pins = nullptr)
        : Operations(session.facade(), std::move(on_wrong_pins))
    {
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
        return detail::subscribe(facade(), "pims.authentication.account", both, tell, std::move(at_the_end));
    }
};

} // namespace pims

#endif /* PIMS_STRONG_AUTHENTICATION_HPP */
