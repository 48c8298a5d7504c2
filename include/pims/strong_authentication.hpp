/* The operations of docs/api.md for C++17: a typed function for each. Included by pims.hpp.
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#ifndef PIMS_STRONG_AUTHENTICATION_HPP
#define PIMS_STRONG_AUTHENTICATION_HPP

#include <functional>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "operations.hpp"

namespace pims {

/* A change of the account. Members that did not change are empty. */
struct AccountChange {
    std::optional<bool> is_activated;
    std::optional<AccountState> state;
    /* New events of the account, the oldest first. Never empty if there is a list. */
    std::optional<std::vector<AccountNotice>> notices;
    std::optional<Approval> approval;
};

/* The topics of a watch beside the activation and the block of the account. For each of these, the
 * library asks the service now and then (account.askSeconds of docs/configuration.md). */
struct Topics {
    bool notices = false;
    bool approval = false;
};

namespace detail {

/* Returns the names of the topics of a watch. */
inline list names_of(Topics topics)
{
    std::vector<std::string_view> names{"isDeviceActivated", "isAccountBlocked"};
    if (topics.notices) {
        names.emplace_back("notices");
    }
    if (topics.approval) {
        names.emplace_back("approval");
    }
    return list(names);
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
    if (const std::string_view notices = Reader::member(result, "notices"); !notices.empty()) {
        change.notices = as_list(notices, account_notice_of);
    }
    if (const std::string_view approval = Reader::member(result, "approval"); !approval.empty()) {
        change.approval = approval_of(approval);
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
        return watch(Topics{}, std::move(on_change), std::move(on_failure), std::move(at_the_end));
    }

    /* Does the same with further topics: watch(pims::Topics{true, true}, …). */
    [[nodiscard]] Subscription watch(Topics topics, std::function<void(const AccountChange &)> on_change,
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
        const Params params{{"actionType", "strong"}, {"type", detail::names_of(topics)}};
        return detail::subscribe(facade(), "pims.authentication.account", params, tell, std::move(at_the_end));
    }
};

} // namespace pims

#endif /* PIMS_STRONG_AUTHENTICATION_HPP */
