/* Sessions, calls, futures, and the exceptions of callbacks. */
#include "support.hpp"

#include <atomic>
#include <exception>
#include <memory>

#include <csignal>
#include <optional>
#include <sys/resource.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

/* The path of this program. */
extern std::string program;

namespace {

const pims::Callback NEVER = [](const pims::Message &) { FAIL("a callback that must not be called"); };

} // namespace

TEST_CASE("without a session a call fails with 2001 on the calling thread, before it returns")
{
    Mailbox mailbox;
    pims::get(VERSION, {}, mailbox.callback());
    pims::set(VERSION, {}, mailbox.callback());
    REQUIRE(mailbox.count() == 2);
    for (std::size_t i = 0; i < 2; i++) {
        CHECK(mailbox.at(i).message.code() == 2001);
        CHECK(mailbox.at(i).thread == std::this_thread::get_id());
    }
    CHECK(get(VERSION).code() == 2001);
    CHECK(pims::execute("get", VERSION).code() == 2001);
}

TEST_CASE("a session creates the facade and releases it")
{
    const Folder folder;
    for (int i = 0; i < 3; i++) {
        const pims::Session session(folder.config());
        CHECK(get(VERSION).succeeded());
    }
    CHECK(get(VERSION).code() == 2001);
}

TEST_CASE("a session that fails throws the code and leaves the one that is there alone")
{
    const Folder folder;
    CHECK(failure_of([] { const pims::Session session("[]"); }) == 2004);
    const pims::Session session(folder.config());
    CHECK(failure_of([&] { const pims::Session second(folder.config()); }) == 2007);
    CHECK(get(VERSION).succeeded());
}

TEST_CASE("a session moves, and what was moved from releases nothing")
{
    const Folder folder;
    pims::Session first(folder.config());
    {
        pims::Session second(std::move(first));
        first.close();
        CHECK(get(VERSION).succeeded());
        first = std::move(second);
    }
    CHECK(get(VERSION).succeeded());
    first.close();
    first.close();
    CHECK(get(VERSION).code() == 2001);
}

TEST_CASE("a session whose facade was released by other means does not release the next one")
{
    const Folder folder;
    pims::Session first(folder.config());
    CHECK(pims::execute("free").succeeded());
    const pims::Session second(folder.config());
    first.close();
    CHECK(get(VERSION).succeeded());
}

TEST_CASE("each call has one message, on the library's thread, in the order of the calls")
{
    const Folder folder;
    constexpr std::size_t calls = 1000;
    Mailbox mailbox;
    std::atomic<std::size_t> next{0};
    std::atomic<bool> ordered{true};
    {
        const pims::Session session(folder.config());
        for (std::size_t i = 0; i < calls; i++) {
            pims::get(VERSION, {}, [&, i, tell = mailbox.callback()](pims::Message message) {
                ordered = ordered && next++ == i;
                tell(std::move(message));
            });
        }
        const auto library = mailbox.at(calls - 1).thread;
        CHECK(library != std::this_thread::get_id());
        for (std::size_t i = 0; i < calls; i++) {
            CHECK(mailbox.at(i).message.succeeded());
            CHECK(mailbox.at(i).thread == library);
        }
    }
    CHECK(ordered);
    CHECK(mailbox.count() == calls);
}

TEST_CASE("calls that had not begun when the session ends fail with 2001, and no promise is broken")
{
    const Folder folder;
    std::vector<std::future<pims::Message>> replies;
    Mailbox mailbox;
    {
        pims::Session session(folder.config());
        Held library;
        for (int i = 0; i < 100; i++) {
            replies.push_back(pims::get(VERSION));
            pims::get(VERSION, {}, mailbox.callback());
        }
        std::thread closer([&] { session.close(); });
        // From the moment that the facade closes, calls fail with 2001 at once.
        const auto begin = std::chrono::steady_clock::now();
        while (pims::execute("get", VERSION).code() != 2001) {
            if (std::chrono::steady_clock::now() - begin > DEADLINE) {
                give_up("the end of the session");
            }
            std::this_thread::yield();
        }
        library.release();
        closer.join();
    }
    CHECK(mailbox.count() == 100);
    for (auto &reply : replies) {
        REQUIRE(reply.wait_for(std::chrono::seconds(0)) == std::future_status::ready);
        CHECK(reply.get().code() == 2001);
    }
}

TEST_CASE("a future that is asked for inside a callback is ready: waiting for it is no deadlock")
{
    const Folder folder;
    const pims::Session session(folder.config());
    std::promise<std::vector<int>> codes;
    pims::get(VERSION, {}, [&](const pims::Message &) {
        std::vector<int> found;
        for (const char *api : {VERSION, "no.such.api"}) {
            auto reply = pims::get(api);
            if (reply.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
                give_up("a future inside a callback");
            }
            found.push_back(reply.get().code());
        }
        found.push_back(pims::set("no.such.api").get().code());
        codes.set_value(found);
    });
    CHECK(wait_for(codes.get_future()) == std::vector<int>{0, 2002, 2002});
}

TEST_CASE("a future is ready too inside a callback that C was given")
{
    const Folder folder;
    const pims::Session session(folder.config());
    std::promise<pims::Message> reply;
    const auto callback = [](const char *, void *ctx) {
        static_cast<std::promise<pims::Message> *>(ctx)->set_value(wait_for(pims::get(VERSION)));
    };
    REQUIRE(pims_get(VERSION, "", callback, &reply) == PIMS_OK);
    CHECK(wait_for(reply.get_future()).succeeded());
}

TEST_CASE("a session that ends inside a callback is released when that callback returns")
{
    const Folder folder;
    auto session = std::make_unique<pims::Session>(folder.config());
    std::promise<std::pair<int, int>> codes;
    pims::get(VERSION, {}, [&](const pims::Message &) {
        session.reset();
        const int call = pims::get(VERSION).get().code();
        codes.set_value({call, failure_of([&] { const pims::Session next(folder.config()); })});
    });
    CHECK(wait_for(codes.get_future()) == std::pair{2001, 2007});
    pims_free();
    const pims::Session next(folder.config());
    CHECK(get(VERSION).succeeded());
}

TEST_CASE("execute makes a facade also inside a callback on the calling thread, and is told 2007 on the library's")
{
    const Folder folder;
    int made = -1;
    pims::get(VERSION, {}, [&](const pims::Message &) { made = pims::execute("init", {}, folder.config()).code(); });
    CHECK(made == 0);
    std::promise<std::pair<int, int>> again;
    pims::get(VERSION, {}, [&](const pims::Message &) {
        const int open = pims::execute("init", {}, folder.config()).code();
        pims::execute("free");
        again.set_value({open, pims::execute("init", {}, folder.config()).code()});
    });
    CHECK(wait_for(again.get_future()) == std::pair{2007, 2007});
    pims_free();
    CHECK(pims::execute("init", {}, "[]").code() == 2004);
    CHECK(refusal_of([] { pims::execute("init", {}, "\xff"); }) == pims::Refusal::not_utf8);
    CHECK(refusal_of([] { pims::execute("init", {}, std::string(PIMS_MAX_TEXT + 1, 'x')); }) == pims::Refusal::too_long);
}

TEST_CASE("what a callback captured is gone once it was called, and at once where the call was not accepted")
{
    const Folder folder;
    const auto token = std::make_shared<int>();
    {
        const pims::Session session(folder.config());
        pims::get(VERSION, {}, [token](const pims::Message &) {});
        CHECK(refusal_of([&] { pims::get("\xff", {}, [token](const pims::Message &) {}); }) == pims::Refusal::not_utf8);
    }
    CHECK(token.use_count() == 1);
}

TEST_CASE("what is not accepted is thrown, and its callback is never called")
{
    using pims::Refusal;
    const Folder folder;
    const pims::Session session(folder.config());
    const std::string too_long(PIMS_MAX_TEXT + 1, 'x');
    const std::string_view with_nul("pims.sdk\0.version", 17);

    CHECK(refusal_of([] { pims::get(VERSION, {}, nullptr); }) == Refusal::null_callback);
    CHECK(refusal_of([] { pims::get("\xff", {}, NEVER); }) == Refusal::not_utf8);
    CHECK(refusal_of([] { pims::set(VERSION, "\xff", NEVER); }) == Refusal::not_utf8);
    CHECK(refusal_of([&] { pims::get(too_long, {}, NEVER); }) == Refusal::too_long);
    CHECK(refusal_of([&] { pims::get(VERSION, too_long, NEVER); }) == Refusal::too_long);
    CHECK(refusal_of([&] { pims::get(with_nul, {}, NEVER); }) == Refusal::embedded_nul);
    CHECK(refusal_of([] { pims::get(VERSION, std::string_view("{}\0{", 4), NEVER); }) == Refusal::embedded_nul);
    CHECK(refusal_of([] { pims::get("\xff").get(); }) == Refusal::not_utf8);
    CHECK(refusal_of([&] { pims::execute("get", with_nul); }) == Refusal::embedded_nul);
    CHECK(refusal_of([] { pims::execute("get", "\xff"); }) == Refusal::not_utf8);
    CHECK(refusal_of([&] { pims::execute("get", VERSION, too_long); }) == Refusal::too_long);
    CHECK(refusal_of([] { const pims::Session second("\xff"); }) == Refusal::not_utf8);
    CHECK(get(VERSION).succeeded());
}

TEST_CASE("a full queue refuses, and takes calls again later")
{
    const Folder folder;
    const pims::Session session(folder.config());
    Mailbox mailbox;
    Held library;
    std::size_t accepted = 0;
    const auto fill = [&] {
        for (;; accepted++) {
            pims::get(VERSION, {}, mailbox.callback());
        }
    };
    CHECK(refusal_of(fill) == pims::Refusal::queue_full);
    CHECK(accepted == 1024);
    library.release();
    CHECK(mailbox.at(accepted - 1).message.succeeded());
    CHECK(get(VERSION).succeeded());
    CHECK(mailbox.count() == accepted);
}

TEST_CASE("what a callback throws goes to the handler, and the next call works")
{
    const Folder folder;
    const pims::Session session(folder.config());
    std::promise<std::string> told;
    const Handler handler([&](std::exception_ptr thrown) {
        try {
            std::rethrow_exception(thrown);
        } catch (const std::runtime_error &error) {
            told.set_value(error.what());
        }
    });
    pims::get(VERSION, {}, [](const pims::Message &) { throw std::runtime_error("a mistake of the app"); });
    CHECK(wait_for(told.get_future()) == "a mistake of the app");
    CHECK(get(VERSION).succeeded());
}

TEST_CASE("the handler is told also what is thrown on the calling thread")
{
    int told = 0;
    const Handler handler([&](const std::exception_ptr &) { told++; });
    pims::get(VERSION, {}, [](const pims::Message &) { throw 1; });
    CHECK(told == 1);
}

/* The part of the next test that runs in a process of its own. */
TEST_CASE("child: a callback throws and nobody handles it" * doctest::skip())
{
    std::set_terminate([] { _exit(std::current_exception() ? 42 : 43); });
    pims::get(VERSION, {}, [](const pims::Message &) { throw std::runtime_error("nobody handles this"); });
    _exit(0);
}

TEST_CASE("child: a callback of C throws" * doctest::skip())
{
    const rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    /* Without doctest's handler, which would report the signal. */
    signal(SIGABRT, SIG_DFL);
    try {
        pims_get(VERSION, "", [](const char *, void *) { throw 1; }, nullptr);
    } catch (...) {
        _exit(43);
    }
    _exit(0);
}

TEST_CASE("an exception out of a callback of C does not go through the library: it ends the process")
{
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        execl(program.c_str(), program.c_str(), "--no-skip", "--test-case=child: a callback of C*", static_cast<char *>(nullptr));
        _exit(1);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == SIGABRT);
}

TEST_CASE("without a handler, what a callback throws ends the program by std::terminate")
{
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        execl(program.c_str(), program.c_str(), "--no-skip", "--test-case=child: a callback throws*", static_cast<char *>(nullptr));
        _exit(1);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 42);
}

namespace {

/* Ends a child process that hangs, by SIGALRM. */
void limit_this_process()
{
    alarm(static_cast<unsigned>(DEADLINE.count()));
}

/* Returns the exit code of a child, or a number below 0 if a signal ended it. */
int end_of(pid_t child)
{
    REQUIRE(child > 0);
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* Runs a test of this program in a process of its own. Returns its exit code. */
int end_of_test(const char *name)
{
    const pid_t child = fork();
    if (child == 0) {
        limit_this_process();
        // A forked child lacks the parent's threads. LeakSanitizer reports their memory as leaks.
        setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
        execl(program.c_str(), program.c_str(), "--no-skip", name, static_cast<char *>(nullptr));
        _exit(1);
    }
    return end_of(child);
}

} // namespace

TEST_CASE("a forked child with a Session and a Subscription ends, whatever the parent's threads do")
{
    const Folder folder;
    std::optional<pims::Session> session(folder.config());
    Mailbox mailbox;
    auto subscription = pims::subscribe("pims.authentication.account", ACTIVATED, mailbox.callback());
    CHECK(mailbox.at(0).message.succeeded());
    const Handler handler([](const std::exception_ptr &) {});
    std::atomic<bool> stop{false};
    // Keeps the hub's mutexes busy, so that some forks find one locked.
    std::thread busy([&] {
        while (!stop) {
            wait_for(pims::get(VERSION));
            pims::set_exception_handler([](const std::exception_ptr &) {});
        }
    });
    for (int i = 0; i < 100; i++) {
        const pid_t child = fork();
        if (child == 0) {
            limit_this_process();
            bool is_right = pims::execute("get", VERSION).code() == 2001 && pims::get(VERSION).get().code() == 2001;
            is_right = is_right && !subscription.active();
            subscription.end();
            session.reset();
            _exit(is_right ? 5 : 6);
        }
        REQUIRE(end_of(child) == 5);
    }
    stop = true;
    busy.join();
    CHECK(get(VERSION).succeeded());
    CHECK(subscription.active());
    enroll(folder);
    CHECK(mailbox.at(1).message.status() == pims::Status::result);
}

TEST_CASE("a child that is forked while a subscription's callback runs may end that subscription")
{
    const Folder folder;
    const pims::Session session(folder.config());
    Gate entered, gate;
    auto subscription = pims::subscribe("pims.authentication.account", ACTIVATED, [&](const pims::Message &) {
        entered.open();
        gate.pass();
    });
    entered.pass();
    const pid_t child = fork();
    if (child == 0) {
        limit_this_process();
        subscription.end();
        _exit(5);
    }
    const int ended = end_of(child);
    gate.open();
    CHECK(ended == 5);
}

TEST_CASE("a forked child makes a session of its own, with its parent's exception handler, and leaves its parent's alone")
{
    const Folder folder, other;
    // The embedded authority does not survive a fork. The child's session names another service,
    // and sends it nothing.
    const pims::Params elsewhere{{"storage", {{"path", other.path().string()}}},
                                 {"credential", {{"macID", std::string(32, '0')}, {"inWeboURL", "https://127.0.0.1:9"}}}};
    std::atomic<int> told{0};
    const Handler handler([&](const std::exception_ptr &) { told++; });
    pims::Session session(folder.config());
    const pid_t child = fork();
    if (child == 0) {
        limit_this_process();
        int end = 5;
        try {
            const pims::Session own(elsewhere);
            // The child's own facade has the same number as the parent's.
            session.close();
            end = get(VERSION).succeeded() ? end : 6;
            pims::get(VERSION, {}, [](const pims::Message &) { throw 1; });
            get(VERSION);
            end = told == 1 ? end : 7;
        } catch (const std::exception &error) {
            std::fprintf(stderr, "%s\n", error.what());
            end = 8;
        }
        _exit(end);
    }
    CHECK(end_of(child) == 5);
    CHECK(get(VERSION).succeeded());
}

TEST_CASE("child: a static Session, and a child that ends by exit" * doctest::skip())
{
    static const Folder folder;
    static const pims::Session session(folder.config());
    const pid_t child = fork();
    if (child == 0) {
        limit_this_process();
        std::exit(5);
    }
    _exit(end_of(child) == 5 ? 42 : 43);
}

TEST_CASE("child: exit in a callback, and a static Session" * doctest::skip())
{
    static const Folder folder;
    static const pims::Session session(folder.config());
    pims::get(VERSION, {}, [](const pims::Message &) { std::exit(42); });
    // Waits for its own end, inside a function that a handler of exit would call, too.
    pims_free();
    for (;;) {
        pause();
    }
}

TEST_CASE("a static Session ends a forked child that calls exit, and a program that calls exit in a callback")
{
    CHECK(end_of_test("--test-case=child: a static Session*") == 42);
    CHECK(end_of_test("--test-case=child: exit in a callback*") == 42);
}
