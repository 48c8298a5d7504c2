/* Several sessions at once: each has its own account, storage, queue and thread. */
#include "support.hpp"

#include <atomic>
#include <memory>
#include <optional>

#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

constexpr const char *OTHER_PIN = "2468";

/* Enrolls the device of a session whose storage is this folder. */
void enroll(const pims::Session &session, const Folder &folder, const char *pin)
{
    const pims::StrongAuthentication device(session);
    wait_for(device.request_phone_number_code(PHONE_NUMBER));
    wait_for(device.enroll_with_phone_number(pin, folder.sms_code(), PHONE_NUMBER));
}

/* Opens a device of an account whose new devices need an approval. */
pims::Session of_one_account(const Folder &service, const Folder &folder)
{
    const pims::Params policy{{"activationApproval", true}, {"deviceNotices", true}};
    return pims::Session::open({{"storage", pims::Params{{"path", folder.path()}}},
                                {"account", pims::Params{{"username", "jane"}}},
                                {"embedded", pims::Params{{"database", service.path() / "authority.db"}, {"policy", policy}}}});
}

/* Enrolls a device, which then waits. Returns its number. */
std::string enroll_and_wait(const pims::StrongAuthentication &device, const Folder &folder)
{
    wait_for(device.request_enrollment_code());
    wait_for(device.enroll(PIN, folder.sms_code()));
    const pims::Approval own = wait_for(device.approval());
    REQUIRE(own.state == pims::ApprovalState::waiting);
    return own.number.value();
}

/* Checks that nothing accepts a call of this session, and that no callback is called. */
void check_no_facade(const pims::Session &session)
{
    const auto never = [](const pims::Message &) { give_up("nothing: a callback that must not be called ran"); };
    CHECK(refusal_of([&] { session.get(VERSION, {}, never); }) == pims::Refusal::no_facade);
    CHECK(refusal_of([&] { session.set(VERSION, {}, never); }) == pims::Refusal::no_facade);
    CHECK(refusal_of([&] { session.get(VERSION).get(); }) == pims::Refusal::no_facade);
    CHECK(refusal_of([&] { session.set(VERSION).get(); }) == pims::Refusal::no_facade);
    CHECK(refusal_of([&] { session.execute("get", VERSION); }) == pims::Refusal::no_facade);
    CHECK(refusal_of([&] { const auto none = session.subscribe(ACCOUNT, ACTIVATED, never); }) == pims::Refusal::no_facade);
    CHECK(refusal_of([&] { session.facade(); }) == pims::Refusal::no_facade);
    CHECK(refusal_of([&] { const pims::StrongAuthentication device(session); }) == pims::Refusal::no_facade);
}

} // namespace

TEST_CASE("two accounts work at once and know nothing of each other")
{
    const Folder folder, other_folder;
    std::optional<pims::Session> one(pims::Session::open(folder.config()));
    const auto other = pims::Session::open(other_folder.config());
    const pims::StrongAuthentication device(*one);
    const pims::StrongAuthentication other_device(other);
    enroll(*one, folder, PIN);
    CHECK(wait_for(device.is_activated()));
    CHECK_FALSE(wait_for(other_device.is_activated()));
    enroll(other, other_folder, OTHER_PIN);
    CHECK_FALSE(wait_for(device.otp(PIN)).empty());
    CHECK_FALSE(wait_for(other_device.otp(OTHER_PIN)).empty());
    CHECK(failure_of([&] { wait_for(other_device.otp(PIN)); }) == pims::Code::access_refused);
    // No session is the default facade.
    CHECK(get(VERSION).code() == pims::Code::not_initialized);
    one.reset();
    CHECK(refusal_of([&] { device.otp(PIN).get(); }) == pims::Refusal::no_facade);
    CHECK_FALSE(wait_for(other_device.otp(OTHER_PIN)).empty());
    // The storage of the closed one is free.
    const auto again = pims::Session::open(folder.config());
    CHECK_FALSE(wait_for(pims::StrongAuthentication(again).otp(PIN)).empty());
}

TEST_CASE("a new device is approved by another one, and its changes are notices")
{
    const Folder service, folder, other_folder;
    const auto session = of_one_account(service, folder);
    const auto other = of_one_account(service, other_folder);
    const pims::StrongAuthentication device(session), new_device(other);
    enroll(session, folder, PIN);
    const pims::Approval nobody = wait_for(device.approval());
    CHECK(nobody.state == pims::ApprovalState::none);
    CHECK_FALSE(nobody.device_id);
    CHECK(wait_for(device.notices()).empty());
    const std::string number = enroll_and_wait(new_device, other_folder);
    CHECK(failure_of([&] { wait_for(new_device.otp(PIN)); }) == pims::Code::wrong_state);
    const pims::Approval asked = wait_for(device.approval());
    CHECK(asked.state == pims::ApprovalState::asked);
    CHECK_FALSE(asked.number);
    CHECK(asked.lifetime_seconds > std::chrono::seconds(0));
    CHECK(asked.since <= std::chrono::system_clock::now());
    std::promise<pims::Approval> approval;
    {
        const auto watch = device.watch(pims::Topics{false, true}, [&](const pims::AccountChange &change) {
            if (change.approval) {
                approval.set_value(*change.approval);
            }
        });
        CHECK(wait_for(approval.get_future()).device_id == asked.device_id);
    }
    wait_for(device.approve_new_device(asked.device_id.value(), number, PIN));
    wait_for(new_device.change_pin(PIN, OTHER_PIN));
    const auto notices = wait_for(device.notices());
    REQUIRE(notices.size() == 1);
    CHECK(notices.front().event == "pinChange");
    CHECK_FALSE(notices.front().device_id);
    CHECK(notices.front().at >= asked.since);
    std::promise<std::vector<pims::AccountNotice>> told;
    const auto watch = device.watch(pims::Topics{true, false}, [&](const pims::AccountChange &change) {
        if (change.notices) {
            told.set_value(*change.notices);
        }
    });
    CHECK(wait_for(told.get_future()).size() == 1);
}

TEST_CASE("a new device ends by a wrong number, or is rejected")
{
    const Folder service, folder, other_folder;
    const auto session = of_one_account(service, folder);
    const auto other = of_one_account(service, other_folder);
    const pims::StrongAuthentication device(session), new_device(other);
    enroll(session, folder, PIN);
    std::string number = enroll_and_wait(new_device, other_folder);
    number.back() = number.back() == '9' ? '0' : static_cast<char>(number.back() + 1);
    const std::string id = wait_for(device.approval()).device_id.value();
    CHECK(failure_of([&] { wait_for(device.approve_new_device(id, number, PIN)); }) == pims::Code::wrong_state);
    CHECK(failure_of([&] { wait_for(new_device.otp(PIN)); }) == pims::Code::device_unknown);
    enroll_and_wait(new_device, other_folder);
    wait_for(device.reject_new_device(wait_for(device.approval()).device_id.value()));
    CHECK(wait_for(device.account_state()) == pims::AccountState::pin_blocked);
}

TEST_CASE("sessions work beside the default one, whose members and free functions are those of the default facade")
{
    const Folder folder, other_folder;
    const auto other = pims::Session::open(other_folder.config());
    {
        const pims::Session session(folder.config());
        CHECK(session.facade() == PIMS_DEFAULT_FACADE);
        CHECK(other.facade() > PIMS_DEFAULT_FACADE);
        enroll(session, folder, PIN);
        CHECK(wait_for(pims::StrongAuthentication().is_activated()));
        CHECK_FALSE(wait_for(pims::StrongAuthentication(other).is_activated()));
        CHECK(wait_for(session.get(VERSION)).succeeded());
        CHECK(session.execute("get", VERSION).succeeded());
        CHECK(session.execute("init", "").code() == pims::Code::not_supported);
        CHECK(failure_of([&] { const pims::Session second(folder.config()); }) == pims::Code::already_initialized);
    }
    CHECK(get(VERSION).code() == pims::Code::not_initialized);
    CHECK(wait_for(other.get(VERSION)).succeeded());
}

TEST_CASE("a session that cannot be opened throws, and leaves the others alone")
{
    const Folder folder;
    CHECK(failure_of([] { const auto none = pims::Session::open("[]"); }) == pims::Code::configuration_invalid);
    CHECK(refusal_of([] { const auto none = pims::Session::open("\xff"); }) == pims::Refusal::not_utf8);
    const auto session = pims::Session::open(folder.config());
    CHECK(failure_of([&] { const auto none = pims::Session::open(folder.config()); }) == pims::Code::core_not_configured);
    CHECK(wait_for(session.get(VERSION)).succeeded());
}

TEST_CASE("a session that was closed or moved from refuses each call")
{
    const Folder folder, other_folder;
    auto session = pims::Session::open(folder.config());
    const pims::StrongAuthentication device(session);
    pims::Session moved(std::move(session));
    check_no_facade(session);
    CHECK(wait_for(moved.get(VERSION)).succeeded());
    CHECK_FALSE(wait_for(device.is_activated()));
    auto other = pims::Session::open(other_folder.config());
    const pims::StrongAuthentication other_device(other);
    // The assignment closes the session on its left.
    moved = std::move(other);
    CHECK(refusal_of([&] { device.is_activated().get(); }) == pims::Refusal::no_facade);
    CHECK_FALSE(wait_for(other_device.is_activated()));
    moved.close();
    moved.close();
    check_no_facade(moved);
    CHECK(refusal_of([&] { const auto none = other_device.watch([](const pims::AccountChange &) {}); }) == pims::Refusal::no_facade);
    // Inside a callback, too, where a future's request runs at once.
    const auto third = pims::Session::open(folder.config());
    std::promise<pims::Refusal> told;
    third.get(VERSION, {}, [&](const pims::Message &) { told.set_value(refusal_of([&] { other_device.is_activated().get(); })); });
    CHECK(wait_for(told.get_future()) == pims::Refusal::no_facade);
    pims::Session default_one(other_folder.config());
    default_one.close();
    check_no_facade(default_one);
}

TEST_CASE("the session of a default facade that other code replaced does not call the new one")
{
    const Folder folder;
    const pims::Session first(folder.config());
    CHECK(pims::execute("free").succeeded());
    const pims::Session second(folder.config());
    check_no_facade(first);
    CHECK(wait_for(second.get(VERSION)).succeeded());
}

TEST_CASE("each session has its own subscription, queue and events")
{
    const Folder folder, other_folder;
    auto session = pims::Session::open(folder.config());
    const auto other = pims::Session::open(other_folder.config());
    Mailbox events, other_events, second;
    const auto subscription = session.subscribe(ACCOUNT, ACTIVATED, events.callback());
    const auto other_subscription = other.subscribe(ACCOUNT, ACTIVATED, other_events.callback());
    CHECK(events.at(0).message.succeeded());
    CHECK(other_events.at(0).message.succeeded());
    const auto rival = session.subscribe(ACCOUNT, ACTIVATED, second.callback());
    CHECK(second.at(0).message.code() == pims::Code::duplicate);
    enroll(other, other_folder, PIN);
    CHECK(other_events.at(1).message.status() == pims::Status::result);
    enroll(session, folder, PIN);
    CHECK(events.at(1).message.status() == pims::Status::result);
    CHECK(events.at(1).thread != other_events.at(1).thread);
    CHECK(events.count() == 2);
    CHECK(other_events.count() == 2);
    session.close();
    CHECK_FALSE(subscription.active());
    CHECK(other_subscription.active());
    std::promise<bool> changed;
    const auto watched = pims::Session::open(folder.config());
    const auto watch = pims::StrongAuthentication(watched).watch([&](const pims::AccountChange &change) {
        if (change.is_activated) {
            changed.set_value(*change.is_activated);
        }
    });
    wait_for(pims::StrongAuthentication(watched).remove_enrollments());
    CHECK_FALSE(wait_for(changed.get_future()));
}

TEST_CASE("a callback that blocks delays its own session alone, and its subscription waits for room in its own queue")
{
    const Folder folder, other_folder;
    auto session = pims::Session::open(folder.config());
    const auto other = pims::Session::open(other_folder.config());
    Mailbox first, second, calls;
    auto subscription = session.subscribe(ACCOUNT, ACTIVATED, first.callback());
    CHECK(first.at(0).message.succeeded());
    Gate entered, gate;
    session.get(VERSION, {}, [&](const pims::Message &) {
        entered.open();
        gate.pass();
    });
    entered.pass();
    const auto fill = [&] {
        for (;;) {
            session.get(VERSION, {}, calls.callback());
        }
    };
    CHECK(refusal_of(fill) == pims::Refusal::queue_full);
    // Ends the first subscription. The second one waits for room.
    subscription = session.subscribe(ACCOUNT, ACTIVATED, second.callback());
    CHECK(wait_for(other.get(VERSION)).succeeded());
    CHECK(second.count() == 0);
    std::thread closer([&] { session.close(); });
    try {
        for (;;) {
            session.facade();
            std::this_thread::yield();
        }
    } catch (const pims::Refused &refused) {
        CHECK(refused.reason() == pims::Refusal::no_facade);
    }
    gate.open();
    closer.join();
    CHECK(calls.count() == 1024);
    // Acknowledged before the end, or told of it; never left without a message.
    CHECK(second.at(0).message.status() != pims::Status::result);
    CHECK_FALSE(subscription.active());
}

TEST_CASE("threads that call while another one closes get a message or a refusal")
{
    const Folder folder, other_folder;
    const auto other = pims::Session::open(other_folder.config());
    for (int round = 0; round < 5; round++) {
        auto session = pims::Session::open(folder.config());
        std::atomic<int> begun{0}, accepted{0}, told{0}, wrong{0};
        std::vector<std::thread> threads;
        for (int i = 0; i < 4; i++) {
            threads.emplace_back([&] {
                try {
                    for (;;) {
                        try {
                            session.get(VERSION, {}, [&](const pims::Message &message) {
                                told++;
                                wrong += message.succeeded() || message.code() == pims::Code::not_initialized ? 0 : 1;
                            });
                            accepted++;
                        } catch (const pims::Refused &refused) {
                            if (refused.reason() != pims::Refusal::queue_full) {
                                throw;
                            }
                        }
                        begun++;
                    }
                } catch (const pims::Refused &refused) {
                    wrong += refused.reason() == pims::Refusal::no_facade ? 0 : 1;
                }
            });
        }
        while (begun < 100) {
            std::this_thread::yield();
        }
        session.close();
        for (auto &thread : threads) {
            thread.join();
        }
        CHECK(told == accepted);
        CHECK(wrong == 0);
        CHECK(wait_for(other.get(VERSION)).succeeded());
    }
}

TEST_CASE("two callbacks that close each other's session do not wait for each other")
{
    const Folder folder, other_folder;
    auto one = pims::Session::open(folder.config());
    auto other = pims::Session::open(other_folder.config());
    Gate first, second;
    std::promise<void> one_done, other_done;
    one.get(VERSION, {}, [&](const pims::Message &) {
        first.open();
        second.pass();
        other.close();
        one_done.set_value();
    });
    other.get(VERSION, {}, [&](const pims::Message &) {
        second.open();
        first.pass();
        one.close();
        other_done.set_value();
    });
    wait_for(one_done.get_future());
    wait_for(other_done.get_future());
    check_no_facade(one);
    check_no_facade(other);
}

TEST_CASE("inside a callback, a future of another session is ready, and another session can be opened")
{
    const Folder folder, other_folder, third_folder;
    const auto one = pims::Session::open(folder.config());
    const auto other = pims::Session::open(other_folder.config());
    std::promise<std::vector<bool>> told;
    one.get(VERSION, {}, [&](const pims::Message &) {
        std::vector<bool> found;
        auto reply = other.get(VERSION);
        found.push_back(reply.wait_for(std::chrono::seconds(0)) == std::future_status::ready && reply.get().succeeded());
        const auto third = pims::Session::open(third_folder.config());
        found.push_back(third.get(VERSION).get().succeeded());
        told.set_value(found);
    });
    CHECK(wait_for(told.get_future()) == std::vector<bool>{true, true});
}

TEST_CASE("a forked child cannot use its parent's sessions, may end them, and opens its own")
{
    const Folder folder, other_folder, child_folder;
    std::optional<pims::Session> session(pims::Session::open(folder.config()));
    const pims::Session default_one(other_folder.config());
    const pims::StrongAuthentication device(*session);
    Mailbox mailbox;
    auto subscription = session->subscribe(ACCOUNT, ACTIVATED, mailbox.callback());
    CHECK(mailbox.at(0).message.succeeded());
    // The embedded authority does not survive a fork. The child's session names another service,
    // and sends it nothing.
    const pims::Params elsewhere{{"storage", {{"path", child_folder.path().string()}}},
                                 {"credential", {{"macID", std::string(32, '0')}, {"inWeboURL", "https://127.0.0.1:9"}}}};
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        alarm(static_cast<unsigned>(DEADLINE.count()));
        int end = 6;
        try {
            const auto refused = [](const auto &call) { return refusal_of(call) == pims::Refusal::no_facade; };
            bool is_right = refused([&] { session->get(VERSION).get(); }) && refused([&] { default_one.get(VERSION).get(); });
            is_right = is_right && refused([&] { device.is_activated().get(); }) && !subscription.active();
            const pims_facade stale = pims::Session::open(elsewhere).facade();
            const auto own = pims::Session::open(elsewhere);
            is_right = is_right && own.facade() > stale && wait_for(own.get(VERSION)).succeeded();
            subscription.end();
            session.reset();
            end = is_right && wait_for(own.get(VERSION)).succeeded() ? 5 : 7;
        } catch (const std::exception &error) {
            std::fprintf(stderr, "%s\n", error.what());
        }
        _exit(end);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 5);
    CHECK(wait_for(session->get(VERSION)).succeeded());
    CHECK(subscription.active());
}
