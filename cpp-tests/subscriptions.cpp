/* Subscriptions: their events, and all ways to end one. */
#include "support.hpp"

#include <atomic>
#include <memory>
#include <optional>
#include <utility>

#include <dlfcn.h>

namespace {

/* Waits until all earlier events are delivered: the message of a later call comes after them. */
void let_events_pass()
{
    get(VERSION);
    get(VERSION);
}

/* Returns true if there is no subscription: another one is accepted. That one ends at once. */
bool another_is_accepted()
{
    Mailbox mailbox;
    const auto subscription = pims::subscribe(ACCOUNT, ACTIVATED, mailbox.callback());
    return mailbox.at(0).message.succeeded();
}

/* Makes calls until the queue is full. */
void fill_the_queue()
{
    try {
        for (;;) {
            pims::get(VERSION, {}, [](const pims::Message &) {});
        }
    } catch (const pims::Refused &refused) {
        REQUIRE(refused.reason() == pims::Refusal::queue_full);
    }
}

/* Returns the result of a call. Repeats the call until the queue accepts it. */
template <class Call>
auto when_accepted(Call call)
{
    for (;;) {
        try {
            return call();
        } catch (const pims::Refused &refused) {
            REQUIRE(refused.reason() == pims::Refusal::queue_full);
            std::this_thread::yield();
        }
    }
}

/* A function that the next pims_init or pims_execute("init") runs before it returns. */
std::function<void()> before_it_returns;

} // namespace

/* Replaces the library's functions. They run `before_it_returns` before they return, as if another
 * thread was faster. */
extern "C" std::int32_t pims_init(const char *config, pims_callback callback, void *ctx)
{
    static const auto in_library = reinterpret_cast<decltype(&pims_init)>(dlsym(RTLD_NEXT, "pims_init"));
    const std::int32_t status = in_library(config, callback, ctx);
    if (const auto todo = std::exchange(before_it_returns, nullptr)) {
        todo();
    }
    return status;
}

extern "C" char *pims_execute(const char *method, const char *api, const char *params)
{
    static const auto in_library = reinterpret_cast<decltype(&pims_execute)>(dlsym(RTLD_NEXT, "pims_execute"));
    char *const message = in_library(method, api, params);
    if (std::string_view(method) == "init") {
        if (const auto todo = std::exchange(before_it_returns, nullptr)) {
            todo();
        }
    }
    return message;
}

TEST_CASE("a subscription is acknowledged, tells its events, and ends with its object")
{
    const Folder folder;
    const pims::Session session(folder.config());
    Mailbox mailbox;
    {
        const auto subscription = pims::subscribe(ACCOUNT, ACTIVATED, mailbox.callback());
        CHECK(mailbox.at(0).message.succeeded());
        enroll(folder);
        CHECK(mailbox.at(1).message.status() == pims::Status::result);
        CHECK(subscription.active());
    }
    remove_enrollment();
    let_events_pass();
    CHECK(mailbox.count() == 2);
    CHECK(another_is_accepted());
}

TEST_CASE("one subscription can follow another at once")
{
    const Folder folder;
    const pims::Session session(folder.config());
    Mailbox first, second;
    auto subscription = pims::subscribe(ACCOUNT, ACTIVATED, first.callback());
    CHECK(first.at(0).message.succeeded());
    subscription.end();
    CHECK_FALSE(subscription.active());
    subscription = pims::subscribe(ACCOUNT, ACTIVATED, second.callback());
    CHECK(second.at(0).message.succeeded());
    enroll(folder);
    CHECK(second.at(1).message.status() == pims::Status::result);
    CHECK(first.count() == 1);
}

TEST_CASE("a subscription that another is moved to ends")
{
    const Folder folder;
    const pims::Session session(folder.config());
    Mailbox mailbox;
    auto subscription = pims::subscribe(ACCOUNT, ACTIVATED, mailbox.callback());
    CHECK(mailbox.at(0).message.succeeded());
    pims::Subscription other(std::move(subscription));
    CHECK(other.active());
    subscription.end();
    CHECK_FALSE(another_is_accepted());
    other = pims::Subscription();
    CHECK(another_is_accepted());
}

TEST_CASE("without a session the acknowledgment is 2001, on the calling thread")
{
    Mailbox mailbox;
    const auto subscription = pims::subscribe(ACCOUNT, ACTIVATED, mailbox.callback());
    REQUIRE(mailbox.count() == 1);
    CHECK(mailbox.at(0).message.code() == 2001);
    CHECK_FALSE(subscription.active());
}

TEST_CASE("a subscription that is not accepted is thrown, and what it captured is gone")
{
    const auto token = std::make_shared<int>();
    const auto callback = [token](const pims::Message &) {};
    CHECK_THROWS_AS(static_cast<void>(pims::subscribe("\xff", ACTIVATED, callback)), pims::Refused);
    CHECK_THROWS_AS(static_cast<void>(pims::subscribe(ACCOUNT, std::string_view("{}\0", 3), callback)), pims::Refused);
    CHECK_THROWS_AS(static_cast<void>(pims::subscribe(std::string_view("a\0b", 3), ACTIVATED, callback)), pims::Refused);
    CHECK_THROWS_AS(static_cast<void>(pims::subscribe(ACCOUNT, ACTIVATED, nullptr)), pims::Refused);
    CHECK(token.use_count() == 2);
}

TEST_CASE("a second subscription fails with 2005, and its end does not end the first")
{
    const Folder folder;
    const pims::Session session(folder.config());
    Mailbox first, second;
    const auto subscription = pims::subscribe(ACCOUNT, ACTIVATED, first.callback());
    CHECK(first.at(0).message.succeeded());
    {
        const auto failed = pims::subscribe(ACCOUNT, ACTIVATED, second.callback());
        CHECK(second.at(0).message.code() == 2005);
        CHECK_FALSE(failed.active());
    }
    enroll(folder);
    CHECK(first.at(1).message.status() == pims::Status::result);
}

TEST_CASE("a second subscription that ends before it is acknowledged does not end the first")
{
    const Folder folder;
    const pims::Session session(folder.config());
    Mailbox first, second;
    const auto subscription = pims::subscribe(ACCOUNT, ACTIVATED, first.callback());
    CHECK(first.at(0).message.succeeded());
    Held library;
    static_cast<void>(pims::subscribe(ACCOUNT, ACTIVATED, second.callback()));
    library.release();
    enroll(folder);
    CHECK(first.at(1).message.status() == pims::Status::result);
    CHECK(second.count() == 0);
}

TEST_CASE("a subscription that ends before it is acknowledged ends then, and its callback is never called")
{
    const Folder folder;
    const pims::Session session(folder.config());
    Mailbox mailbox;
    const auto token = std::make_shared<int>();
    Held library;
    {
        const auto subscription =
            pims::subscribe(ACCOUNT, ACTIVATED, [token, tell = mailbox.callback()](pims::Message message) { tell(std::move(message)); });
        CHECK(token.use_count() > 1);
    }
    CHECK(token.use_count() == 1);
    library.release();
    let_events_pass();
    CHECK(another_is_accepted());
    CHECK(mailbox.count() == 0);
}

TEST_CASE("a subscription can end inside its own callback, and what that captured lives until it returns")
{
    const Folder folder;
    const pims::Session session(folder.config());
    auto token = std::make_shared<int>(7);
    const std::weak_ptr<int> alive = token;
    std::promise<int> told;
    std::promise<bool> gone;
    std::atomic<int> events{0};
    pims::Subscription subscription;
    subscription = pims::subscribe(ACCOUNT, ACTIVATED, [&, token = std::move(token)](const pims::Message &message) {
        if (message.status() == pims::Status::result) {
            events++;
            // Runs after this callback, and before the library ends the subscription.
            pims::get(VERSION, {}, [&](const pims::Message &) { gone.set_value(alive.expired()); });
            subscription.end();
            told.set_value(*token);
        }
    });
    enroll(folder);
    CHECK(wait_for(told.get_future()) == 7);
    CHECK(wait_for(gone.get_future()));
    remove_enrollment();
    let_events_pass();
    CHECK(events == 1);
    CHECK(alive.expired());
    CHECK(another_is_accepted());
}

TEST_CASE("the end of a subscription waits for the callback that runs on another thread")
{
    const Folder folder;
    const pims::Session session(folder.config());
    Gate entered, gate;
    std::atomic<bool> left{false};
    auto subscription = pims::subscribe(ACCOUNT, ACTIVATED, [&](const pims::Message &) {
        entered.open();
        gate.pass();
        left = true;
    });
    entered.pass();
    bool had_left = false;
    std::thread other([&] {
        subscription.end();
        had_left = left;
    });
    // An end that does not wait fails nearly always within this time. An end that waits passes on
    // any machine.
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    gate.open();
    other.join();
    CHECK(had_left);
}

TEST_CASE("the end of a subscription waits until what its callback captured is gone")
{
    const Folder folder;
    const pims::Session session(folder.config());
    Gate entered, gate;
    std::atomic<bool> gone{false};
    const auto let_go = [&](const int *token) {
        delete token;
        // An end that does not wait fails nearly always within this time, as above.
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        gone = true;
    };
    std::shared_ptr<int> token(new int, let_go);
    auto subscription = pims::subscribe(ACCOUNT, ACTIVATED, [&, token = std::move(token)](const pims::Message &) {
        entered.open();
        gate.pass();
    });
    entered.pass();
    bool was_gone = false;
    std::thread other([&] {
        subscription.end();
        was_gone = gone;
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    gate.open();
    other.join();
    CHECK(was_gone);
}

TEST_CASE("the end of the session ends the subscription, and dropping it later does not end that of the next session")
{
    const Folder folder;
    Mailbox first, second;
    auto session = std::make_unique<pims::Session>(folder.config());
    auto old = pims::subscribe(ACCOUNT, ACTIVATED, first.callback());
    CHECK(first.at(0).message.succeeded());
    session.reset();
    CHECK_FALSE(old.active());

    session = std::make_unique<pims::Session>(folder.config());
    const auto subscription = pims::subscribe(ACCOUNT, ACTIVATED, second.callback());
    CHECK(second.at(0).message.succeeded());
    old.end();
    enroll(folder);
    CHECK(second.at(1).message.status() == pims::Status::result);
    CHECK(first.count() == 1);
}

TEST_CASE("after a session that ends inside a callback no event is told")
{
    const Folder folder;
    auto session = std::make_unique<pims::Session>(folder.config());
    Mailbox events;
    const auto subscription = pims::subscribe(ACCOUNT, ACTIVATED, events.callback());
    CHECK(events.at(0).message.succeeded());
    const std::string code = ask_for_enrollment(folder);
    // The event of this enrollment would come after the callback.
    std::promise<bool> enrolled;
    pims::set(ENROLLMENT, {{"action", "enroll"}, {"pinCode", PIN}, {"smsCode", code}}, [&](const pims::Message &message) {
        session.reset();
        enrolled.set_value(message.succeeded());
    });
    CHECK(wait_for(enrolled.get_future()));
    pims_free();
    CHECK(events.count() == 1);
    CHECK_FALSE(subscription.active());
}

TEST_CASE("what a subscription's callback throws goes to the handler, and the next event comes")
{
    const Folder folder;
    const pims::Session session(folder.config());
    std::atomic<int> told{0};
    Mailbox mailbox;
    const Handler handler([&](const std::exception_ptr &) { told++; });
    const auto subscription = pims::subscribe(ACCOUNT, ACTIVATED, [tell = mailbox.callback()](pims::Message message) {
        tell(std::move(message));
        throw std::runtime_error("a mistake of the app");
    });
    enroll(folder);
    remove_enrollment();
    CHECK(mailbox.at(2).message.status() == pims::Status::result);
    let_events_pass();
    CHECK(told == 3);
}

TEST_CASE("a subscription that ends while the queue is full ends once the queue takes calls again")
{
    const Folder folder;
    std::promise<bool> accepted;
    const pims::Session session(folder.config());
    Mailbox mailbox;
    auto subscription = pims::subscribe(ACCOUNT, ACTIVATED, mailbox.callback());
    CHECK(mailbox.at(0).message.succeeded());
    Held library;
    fill_the_queue();
    subscription.end();
    library.release();
    wait_for(when_accepted([] { return pims::get(VERSION); }));
    // By pims.h: its call shows the library's own state.
    const auto acknowledged = [](const char *message, void *ctx) {
        static_cast<std::promise<bool> *>(ctx)->set_value(pims::Message(std::string_view(message)).succeeded());
    };
    REQUIRE(pims_subscribe(ACCOUNT, ACTIVATED, acknowledged, &accepted) == PIMS_OK);
    CHECK(wait_for(accepted.get_future()));
    CHECK(mailbox.count() == 1);
}

TEST_CASE("a subscription that follows one which ended while the queue was full is accepted as soon as there is room")
{
    const Folder folder;
    const pims::Session session(folder.config());
    Mailbox first, second;
    auto subscription = pims::subscribe(ACCOUNT, ACTIVATED, first.callback());
    CHECK(first.at(0).message.succeeded());
    Held library;
    fill_the_queue();
    subscription.end();
    std::thread releases([&] { library.release(); });
    subscription = when_accepted([&] { return pims::subscribe(ACCOUNT, ACTIVATED, second.callback()); });
    releases.join();
    CHECK(second.at(0).message.succeeded());
}

TEST_CASE("a subscription that ends at once makes no later one a duplicate")
{
    const Folder folder;
    const pims::Session session(folder.config());
    enum class End { by_destructor, by_end, by_an_empty_one };
    for (const End end : {End::by_destructor, End::by_end, End::by_an_empty_one}) {
        for (int i = 0; i < 1000; i++) {
            Mailbox first, second;
            {
                auto subscription = pims::subscribe(ACCOUNT, ACTIVATED, first.callback());
                switch (end) {
                case End::by_destructor: break;
                case End::by_end: subscription.end(); break;
                case End::by_an_empty_one: subscription = pims::Subscription(); break;
                }
            }
            const auto next = pims::subscribe(ACCOUNT, ACTIVATED, second.callback());
            REQUIRE(second.at(0).message.code() == 0);
            REQUIRE(second.at(0).message.succeeded());
        }
    }
}

TEST_CASE("a subscription that is assigned over a living one takes its place")
{
    const Folder folder;
    const pims::Session session(folder.config());
    Mailbox mailbox;
    pims::Subscription plain;
    std::optional<pims::Subscription> maybe;
    std::unique_ptr<pims::Subscription> owned;
    const auto subscribe = [&](pims::Subscription &over) { over = pims::subscribe(ACCOUNT, ACTIVATED, mailbox.callback()); };
    for (int i = 0; i < 1000; i++) {
        subscribe(plain);
    }
    for (int i = 0; i < 1000; i++) {
        const std::size_t before = mailbox.count();
        subscribe(plain);
        mailbox.at(before);
    }
    plain.end();
    for (int i = 0; i < 1000; i++) {
        maybe = pims::subscribe(ACCOUNT, ACTIVATED, mailbox.callback());
    }
    maybe.reset();
    for (int i = 0; i < 1000; i++) {
        owned.reset(new pims::Subscription(pims::subscribe(ACCOUNT, ACTIVATED, mailbox.callback())));
    }
    // On a slow machine the queue may be full now.
    when_accepted([] { return let_events_pass(), true; });
    const std::size_t acknowledged = mailbox.count();
    REQUIRE(acknowledged > 1000);
    for (std::size_t i = 0; i < acknowledged; i++) {
        REQUIRE(mailbox.at(i).message.succeeded());
    }
    enroll(folder);
    CHECK(mailbox.at(acknowledged).message.status() == pims::Status::result);
    let_events_pass();
    CHECK(mailbox.count() == acknowledged + 1);
}

TEST_CASE("inside a callback too, a subscription can follow one that ended before its acknowledgment")
{
    const Folder folder;
    const pims::Session session(folder.config());
    for (const bool over_the_other : {false, true}) {
        for (int i = 0; i < 1000; i++) {
            Mailbox first, second;
            pims::Subscription subscription;
            pims::get(VERSION, {}, [&](const pims::Message &) {
                if (over_the_other) {
                    subscription = pims::subscribe(ACCOUNT, ACTIVATED, first.callback());
                } else {
                    static_cast<void>(pims::subscribe(ACCOUNT, ACTIVATED, first.callback()));
                }
                subscription = pims::subscribe(ACCOUNT, ACTIVATED, second.callback());
            });
            REQUIRE(second.at(0).message.succeeded());
            REQUIRE(first.count() == 0);
        }
    }
}

TEST_CASE("a subscription can be replaced inside its own callback, at its acknowledgment and at an event")
{
    const Folder folder;
    const pims::Session session(folder.config());
    Mailbox second, third;
    pims::Subscription subscription;
    Gate assigned;
    subscription = pims::subscribe(ACCOUNT, ACTIVATED, [&](const pims::Message &) {
        assigned.pass();
        subscription = pims::subscribe(ACCOUNT, ACTIVATED, [&, tell = second.callback()](pims::Message message) {
            const bool is_event = message.status() == pims::Status::result;
            tell(std::move(message));
            if (is_event) {
                subscription = pims::subscribe(ACCOUNT, ACTIVATED, third.callback());
            }
        });
    });
    assigned.open();
    CHECK(second.at(0).message.succeeded());
    enroll(folder);
    CHECK(second.at(1).message.status() == pims::Status::result);
    CHECK(third.at(0).message.succeeded());
    remove_enrollment();
    CHECK(third.at(1).message.status() == pims::Status::result);
    CHECK(second.count() == 2);
}

TEST_CASE("a subscription that takes another's place while the queue is full begins once there is room")
{
    const Folder folder;
    const pims::Session session(folder.config());
    Mailbox first, second;
    auto subscription = pims::subscribe(ACCOUNT, ACTIVATED, first.callback());
    CHECK(first.at(0).message.succeeded());
    Held library;
    fill_the_queue();
    subscription = pims::subscribe(ACCOUNT, ACTIVATED, second.callback());
    library.release();
    CHECK(second.at(0).message.succeeded());
    when_accepted([&] { return enroll(folder), true; });
    CHECK(second.at(1).message.status() == pims::Status::result);
    CHECK(first.count() == 1);
}

TEST_CASE("beside a living subscription too, a text that is not accepted is thrown")
{
    const Folder folder;
    const pims::Session session(folder.config());
    Mailbox first;
    const auto subscription = pims::subscribe(ACCOUNT, ACTIVATED, first.callback());
    const auto reason = [](const std::string &params) {
        try {
            static_cast<void>(pims::subscribe(ACCOUNT, params, [](const pims::Message &) {}));
        } catch (const pims::Refused &refused) {
            return refused.reason();
        }
        return pims::Refusal::null_api;
    };
    CHECK(reason("\xff") == pims::Refusal::not_utf8);
    CHECK(reason(std::string(PIMS_MAX_TEXT + 1, ' ')) == pims::Refusal::too_long);
    CHECK(reason(std::string("{}\0", 3)) == pims::Refusal::embedded_nul);
    CHECK(first.at(0).message.succeeded());
    CHECK_FALSE(another_is_accepted());
}

TEST_CASE("threads that subscribe, end, call and open sessions at once leave nothing behind")
{
    const Folder folder;
    const auto token = std::make_shared<int>();
    std::atomic<bool> stop{false};
    std::atomic<int> acknowledged{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; i++) {
        threads.emplace_back([&] {
            while (!stop) {
                auto subscription = pims::subscribe(
                    ACCOUNT, ACTIVATED, [&, token](const pims::Message &message) { acknowledged += message.succeeded() ? 1 : 0; });
                pims::get(VERSION, {}, [token](const pims::Message &) {});
                wait_for(pims::get(VERSION));
            }
        });
    }
    for (int i = 0; i < 30 || acknowledged == 0; i++) {
        const pims::Session session(folder.config());
        get(VERSION);
        get(VERSION);
    }
    stop = true;
    for (auto &thread : threads) {
        thread.join();
    }
    pims_free();
    CHECK(token.use_count() == 1);
}

TEST_CASE("a subscription of a facade that is gone ends none of the next")
{
    const Folder folder, other;
    Mailbox first, second;
    std::optional<pims::Subscription> subscription;
    const auto make = [&](const Folder &where) { REQUIRE(pims::execute("init", {}, where.config()).succeeded()); };
    make(folder);
    subscription = pims::subscribe(ACCOUNT, ACTIVATED, first.callback());
    CHECK(first.at(0).message.succeeded());
    SUBCASE("released by execute")
    {
        REQUIRE(pims::execute("free").succeeded());
    }
    SUBCASE("released by pims.h")
    {
        pims_free();
    }
    make(other);
    {
        const auto next = pims::subscribe(ACCOUNT, ACTIVATED, second.callback());
        CHECK(second.at(0).message.succeeded());
        subscription.reset();
        let_events_pass();
        CHECK(next.active());
        CHECK_FALSE(another_is_accepted());
    }
    CHECK(another_is_accepted());
    REQUIRE(pims::execute("free").succeeded());
}

TEST_CASE("a subscription that is acknowledged before execute returns belongs to the facade that it makes")
{
    const Folder folder;
    Mailbox mailbox;
    pims::Subscription subscription;
    before_it_returns = [&] {
        subscription = pims::subscribe(ACCOUNT, ACTIVATED, mailbox.callback());
        CHECK(mailbox.at(0).message.succeeded());
    };
    REQUIRE(pims::execute("init", {}, folder.config()).succeeded());
    REQUIRE(mailbox.count() == 1);
    CHECK(subscription.active());
    subscription.end();
    CHECK(another_is_accepted());
    REQUIRE(pims::execute("free").succeeded());
    CHECK_FALSE(subscription.active());
}
