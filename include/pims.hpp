/* libpims for C++17: RAII, std::function and std::future over pims.h.
 * SPDX-License-Identifier: MIT OR Apache-2.0
 * Documentation: docs/quickstart-cpp.md. Operations and results: docs/api.md, docs/c-abi.md.
 *
 * The headers depend on libpims alone. They contain no JSON parser: they accept and return the JSON
 * type of your program (json_adapter).
 *
 * A process has one default facade: Session(config) creates it, and the free functions call it.
 * Session::open(config) makes a facade of its own, for another account: the members of that Session
 * call it. Each facade has one thread for its callbacks. They run in the order of the calls, never
 * two at once. The failure of a call without a facade, 2001, arrives on the calling thread. An
 * exception that a callback throws goes to the exception handler, never through the library.
 *
 * The state of this header exists once a process. Shared objects of the process share it, even with
 * hidden symbols, if GCC or Clang compiled them with this same header and the dynamic linker joins
 * their symbols. An object may have a state of its own on Windows, behind a linker script that
 * hides all symbols, or if dlopen opened it with RTLD_LOCAL or beside a program without -rdynamic.
 * In these cases let one object own sessions, subscriptions and the handler.
 */
#ifndef PIMS_HPP
#define PIMS_HPP

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <future>
#include <iterator>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>

#if defined(__unix__) || defined(__APPLE__)
#include <unistd.h>
#endif

#include "pims.h"
#include "pims/message.hpp"

/* Marks the state that exists once a process: all its shared objects see it, even with
 * -fvisibility=hidden. */
#if defined(__GNUC__) && !defined(_WIN32)
#define PIMS_HPP_ONE __attribute__((visibility("default")))
#else
#define PIMS_HPP_ONE
#endif

namespace pims {

using Callback = std::function<void(Message)>;
using ExceptionHandler = std::function<void(std::exception_ptr)>;

/* Sets the handler of exceptions that callbacks throw, and returns the previous handler. The
 * library calls the handler on the thread of the callback. With an empty handler, as at the start,
 * such an exception ends the program by std::terminate. The handler itself must not throw. */
inline ExceptionHandler set_exception_handler(ExceptionHandler handler);

/* Calls one of the library's functions, on the default facade. Throws Refused if the call is not
 * accepted. The callback is called exactly once.
 *
 * Without a callback the message is in the future. Exactly one message comes, even if the facade is
 * released first, so no promise is broken. On the library's thread, that is inside a callback, the
 * request runs at once, before the requests in the queue, and the future is ready: waiting for it
 * causes no deadlock. Waiting inside a callback for the future of a call that was made elsewhere
 * causes a deadlock. */
inline void get(detail::Name api, const Params &params, Callback callback);
inline void set(detail::Name api, const Params &params, Callback callback);
[[nodiscard]] inline std::future<Message> get(detail::Name api, const Params &params = {});
[[nodiscard]] inline std::future<Message> set(detail::Name api, const Params &params = {});

/* Runs one request to the default facade on this thread, outside the queue: "init", "get", "set" or
 * "free". */
inline Message execute(detail::Name method, detail::Name api = {}, const Params &params = {});

inline std::string version()
{
    return pims_version();
}

namespace detail {

/* Returns the number of this process. A forked child must not touch data that a thread of its
 * parent may have locked at the fork. */
inline std::int64_t this_process() noexcept
{
#if defined(__unix__) || defined(__APPLE__)
    return static_cast<std::int64_t>(getpid());
#else
    return 0;
#endif
}

/* A subscription, as the library's thread and its owner see it. The hub's mutex guards all members
 * that change. */
struct Feed {
    /* `held`: the library has not received the subscription yet. */
    enum class Phase { held, asked, active, ending, over };

    Feed(pims_facade facade_handle, std::string_view api_name, const Params &given, Callback function)
        : handle(facade_handle), api(api_name), params(given.text()), callback(std::move(function))
    {
    }

    const pims_facade handle;
    const Text api;
    const Text params;
    const std::int64_t process = this_process();
    Callback callback;
    Phase phase = Phase::asked;
    /* The queue was full at the last try. The next message starts another try. */
    bool waits = false;
    bool dropped = false;
    /* The owner ended the subscription inside its callback. Then the callback's return releases the
     * captured values; else the owner does. */
    bool ended_inside = false;
    /* The number of the default facade that acknowledged the subscription, and the parameters that
     * end this subscription and no other one. */
    std::uint64_t facade = 0;
    std::string ending;
    /* The thread on which the callback runs. */
    std::thread::id running;
    std::uintptr_t id = 0;
};

/* The state of this header that exists once a process. It is never destroyed: the library's thread
 * may use it until the very end of the process. */
struct Hub {
    explicit Hub(std::int64_t process_id) : process(process_id) {}

    const std::int64_t process;
    std::mutex mutex;
    std::condition_variable on_idle;
    std::unordered_map<std::uintptr_t, std::shared_ptr<Feed>> feeds;
    std::uintptr_t last_id = 0;
    /* The number of the default facades so far. */
    std::uint64_t facade = 0;

    /* Guards `handler`. A thread holds it only to copy or replace the handler. */
    std::mutex handling;
    std::shared_ptr<const ExceptionHandler> handler;

    /* The hub of a child that this process forked. */
    std::atomic<Hub *> child{nullptr};
};

/* Returns the hub of this process. It waits for no lock. A forked child gets a hub of its own. It
 * inherits the exception handler and nothing else: a thread that the child does not have may hold a
 * mutex of the parent's hub. */
PIMS_HPP_ONE inline Hub &hub()
{
    static Hub *const first = new Hub(this_process());
    const std::int64_t process = this_process();
    Hub *found = first;
    // The last hub belongs to the youngest process: the system may have reused an older number.
    for (Hub *next = nullptr; (next = found->child.load(std::memory_order_acquire)) != nullptr;) {
        found = next;
    }
    while (found->process != process) {
        auto made = std::make_unique<Hub>(process);
        if (found->handling.try_lock()) {
            made->handler = found->handler;
            found->handling.unlock();
        }
        Hub *other = nullptr;
        found = found->child.compare_exchange_strong(other, made.get(), std::memory_order_acq_rel) ? made.release() : other;
    }
    return *found;
}

/* True on a library's thread. `callbacks_running` counts the callbacks that run on this thread.
 */
PIMS_HPP_ONE inline thread_local bool is_library_thread = false;
PIMS_HPP_ONE inline thread_local int callbacks_running = 0;

/* Passes the exception that is being handled to the exception handler. Without one, ends the
 * program. */
inline void report() noexcept
{
    std::shared_ptr<const ExceptionHandler> handler;
    {
        const std::lock_guard<std::mutex> lock(hub().handling);
        handler = hub().handler;
    }
    if (!handler) {
        std::terminate();
    }
    (*handler)(std::current_exception());
}

/* Runs the body of a function that C calls. No exception leaves it. */
template <class Body>
void guarded(Body body) noexcept
{
    callbacks_running++;
    try {
        body();
    } catch (...) {
        report();
    }
    callbacks_running--;
}

inline void hand_in_waiting() noexcept;
extern "C" inline void pims_hpp_on_event(const char *message, void *ctx) noexcept;

extern "C" inline void pims_hpp_on_message(const char *message, void *ctx) noexcept
{
    const std::unique_ptr<Callback> callback(static_cast<Callback *>(ctx));
    guarded([&] { (*callback)(Message(std::string_view(message))); });
    hand_in_waiting();
}

/* Calls `function` with a context. A function that accepts passes the context to
 * pims_hpp_on_message. */
template <class Function>
void hand_in(Callback callback, Function function)
{
    if (!callback) {
        throw Refused(Refusal::null_callback);
    }
    auto ctx = std::make_unique<Callback>(std::move(callback));
    const std::int32_t status = function(static_cast<void *>(ctx.get()));
    if (status != PIMS_OK) {
        throw Refused(static_cast<Refusal>(status));
    }
    static_cast<void>(ctx.release());
}

/* A method of a facade. */
struct Method {
    const char *name;
    decltype(&pims_facade_get) function;
};
inline constexpr Method get_method{"get", &pims_facade_get};
inline constexpr Method set_method{"set", &pims_facade_set};

inline void call(pims_facade facade, const Method &method, Name api, const Params &params, Callback callback)
{
    const Text name(api.text());
    hand_in(std::move(callback),
            [&](void *ctx) { return method.function(facade, name.for_c(), params.c_str(), &pims_hpp_on_message, ctx); });
}

/* Runs one request to a facade on this thread. Throws Refused, also if the handle has no facade. */
inline Message execute_on(pims_facade facade, Name method, Name api, const Params &params)
{
    const Text verb(method.text());
    const Text name(api.text());
    const std::unique_ptr<char, decltype(&pims_string_free)> text(pims_facade_execute(facade, verb.for_c(), name.for_c(), params.c_str()),
                                                                  &pims_string_free);
    if (!text) {
        const bool is_long =
            verb.string().size() > PIMS_MAX_TEXT || name.string().size() > PIMS_MAX_TEXT || params.text().size() > PIMS_MAX_TEXT;
        throw Refused(is_long ? Refusal::too_long : Refusal::not_utf8);
    }
    Message message{std::string_view(text.get())};
    if (facade != PIMS_DEFAULT_FACADE && message.code() == Code::not_initialized) {
        throw Refused(Refusal::no_facade);
    }
    return message;
}

inline std::future<Message> ask(pims_facade facade, const Method &method, Name api, const Params &params)
{
    const auto promise = std::make_shared<std::promise<Message>>();
    auto future = promise->get_future();
    if (is_library_thread || callbacks_running > 0) {
        promise->set_value(execute_on(facade, method.name, api, params));
    } else {
        call(facade, method, api, params, [promise](Message message) { promise->set_value(std::move(message)); });
    }
    return future;
}

/* Requires the hub's mutex, as does finish. */
inline std::shared_ptr<Feed> find(std::uintptr_t id)
{
    const auto found = hub().feeds.find(id);
    return found != hub().feeds.end() ? found->second : nullptr;
}

inline void finish(Feed &feed)
{
    feed.phase = Feed::Phase::over;
    hub().feeds.erase(feed.id);
}

/* Returns the parameters that end the subscription with this acknowledgment:
 * `{"transactionId":"…"}`, as the message itself begins. */
inline std::string parameters_of_end(std::string_view acknowledgment)
{
    return std::string(acknowledgment.substr(0, acknowledgment.find(','))) + '}';
}

/* Finishes a subscription that ended or whose facade is released. */
extern "C" inline void pims_hpp_on_end(const char *, void *ctx) noexcept
{
    const std::lock_guard<std::mutex> lock(hub().mutex);
    if (const auto feed = find(reinterpret_cast<std::uintptr_t>(ctx))) {
        finish(*feed);
    }
}

/* Ends a subscription before the calls in the queue, and returns true if it ended. Only the
 * thread of its facade can do so, inside a callback. */
inline bool end_at_once(const Feed &feed) noexcept
{
    if (callbacks_running == 0) {
        return false;
    }
    const std::unique_ptr<char, decltype(&pims_string_free)> text(
        pims_facade_execute(feed.handle, "unsubscribe", feed.api.string().c_str(), feed.ending.c_str()), &pims_string_free);
    return text && Message(std::string_view(text.get())).succeeded();
}

/* Ends a subscription that its owner dropped, and no other one. This is not possible before its
 * acknowledgment; then the acknowledgment ends it. The library's queue has a place reserved for
 * this call. If the library does not accept it, the subscription has ended, or
 * another call that ends it waits already. */
inline void unsubscribe(Feed &feed) noexcept
{
    {
        const std::lock_guard<std::mutex> lock(hub().mutex);
        if (feed.phase == Feed::Phase::held) {
            return finish(feed);
        }
        if (feed.phase != Feed::Phase::active) {
            return;
        }
        feed.phase = Feed::Phase::ending;
    }
    void *const ctx = reinterpret_cast<void *>(feed.id);
    // Inside a callback at once: the next subscription may be in the queue already.
    if (end_at_once(feed) ||
        pims_facade_unsubscribe(feed.handle, feed.api.string().c_str(), feed.ending.c_str(), &pims_hpp_on_end, ctx) != PIMS_OK) {
        pims_hpp_on_end(nullptr, ctx);
    }
}

/* Hands a held subscription to the library, which may answer before this function returns. If the
 * queue is full, the subscription stays held. If its facade was closed, the callback gets the
 * failure 2001. */
inline void hand_in(const std::shared_ptr<Feed> &feed) noexcept
{
    {
        const std::lock_guard<std::mutex> lock(hub().mutex);
        if (feed->phase != Feed::Phase::held) {
            return;
        }
        if (feed->dropped) {
            return finish(*feed);
        }
        feed->phase = Feed::Phase::asked;
        feed->waits = false;
    }
    void *const ctx = reinterpret_cast<void *>(feed->id);
    const char *const api = feed->api.string().c_str();
    const auto status = pims_facade_subscribe(feed->handle, api, feed->params.string().c_str(), &pims_hpp_on_event, ctx);
    if (status == PIMS_ERROR_NO_FACADE) {
        const std::unique_ptr<char, decltype(&pims_string_free)> failure(pims_facade_execute(feed->handle, "get", api, ""),
                                                                         &pims_string_free);
        if (failure) {
            pims_hpp_on_event(failure.get(), ctx);
        }
    } else if (status != PIMS_OK) {
        const std::lock_guard<std::mutex> lock(hub().mutex);
        feed->phase = Feed::Phase::held;
        feed->waits = true;
    }
}

/* Returns the waiting subscription with the lowest id above this one. */
inline std::shared_ptr<Feed> find_waiting(std::uintptr_t after) noexcept
{
    const std::lock_guard<std::mutex> lock(hub().mutex);
    std::shared_ptr<Feed> first;
    for (const auto &entry : hub().feeds) {
        if (entry.second->waits && entry.first > after && (!first || entry.first < first->id)) {
            first = entry.second;
        }
    }
    return first;
}

/* Hands in the waiting subscriptions. It runs after each message: a full queue has messages to
 * come. The queue of one facade may be full while that of another one is not. */
inline void hand_in_waiting() noexcept
{
    for (auto feed = find_waiting(0); feed; feed = find_waiting(feed->id)) {
        hand_in(feed);
    }
}

/* Returns the reason why the library does not accept a text, or PIMS_OK. The library reads the text
 * as the parameters of a call that needs none. */
inline std::int32_t check_text(const std::string &text)
{
    if (text.size() > PIMS_MAX_TEXT) {
        return PIMS_ERROR_TOO_LONG;
    }
    const std::unique_ptr<char, decltype(&pims_string_free)> message(pims_execute("get", "pims.sdk.version", text.c_str()),
                                                                     &pims_string_free);
    return message ? PIMS_OK : PIMS_ERROR_NOT_UTF8;
}

/* A held subscription that is handed in at the end of the expression that asks for it. By then
 * `subscription = subscribe(…)` has ended the previous subscription. */
class AtTheEnd {
public:
    AtTheEnd() = default;
    AtTheEnd(const AtTheEnd &) = delete;
    AtTheEnd &operator=(const AtTheEnd &) = delete;
    ~AtTheEnd()
    {
        if (feed_) {
            hand_in(feed_);
        }
    }
    void take(std::shared_ptr<Feed> feed) noexcept { feed_ = std::move(feed); }

private:
    std::shared_ptr<Feed> feed_;
};

/* A scope in which the callback of a subscription runs on this thread. At its end it wakes the
 * threads that wait for the callback. */
class Running {
public:
    /* Requires the hub's mutex. */
    explicit Running(Feed &feed) : feed_(feed) { feed.running = std::this_thread::get_id(); }
    Running(const Running &) = delete;
    Running &operator=(const Running &) = delete;
    ~Running()
    {
        Callback unwanted;
        const std::lock_guard<std::mutex> lock(hub().mutex);
        feed_.running = std::thread::id();
        if (feed_.ended_inside) {
            unwanted.swap(feed_.callback);
        }
        hub().on_idle.notify_all();
    }

private:
    Feed &feed_;
};

extern "C" inline void pims_hpp_on_event(const char *message, void *ctx) noexcept
{
    guarded([&] {
        const Message event{std::string_view(message)};
        std::unique_lock<std::mutex> lock(hub().mutex);
        const auto feed = find(reinterpret_cast<std::uintptr_t>(ctx));
        if (!feed) {
            return;
        }
        if (event.status() != Status::result && !event.succeeded()) {
            finish(*feed);
        } else if (feed->phase == Feed::Phase::asked) {
            feed->phase = Feed::Phase::active;
            feed->facade = feed->handle == PIMS_DEFAULT_FACADE ? hub().facade : 0;
            feed->ending = parameters_of_end(message);
        }
        if (!feed->dropped) {
            const Running running(*feed);
            lock.unlock();
            feed->callback(event);
        } else {
            // Before the calls in the queue: the owner may have asked for another subscription by
            // now.
            lock.unlock();
            unsubscribe(*feed);
        }
    });
    hand_in_waiting();
}

inline std::uint64_t facade_of_this_process()
{
    const std::lock_guard<std::mutex> lock(hub().mutex);
    return hub().facade;
}

/* Creates the default facade and waits for its message. A success comes with the facade's number.
 * The library's new thread raises the number before all else, so every later acknowledgment carries
 * it. Inside a callback, on that facade's thread, nothing has to be waited for: a facade exists
 * while a callback runs, and that failure arrives at once. */
inline std::pair<Message, std::uint64_t> make_facade(const Params &config)
{
    const auto promise = std::make_shared<std::promise<std::pair<Message, std::uint64_t>>>();
    auto future = promise->get_future();
    const auto on_message = [promise](const Message &message) {
        std::uint64_t facade = 0;
        if (message.succeeded()) {
            is_library_thread = true;
            const std::lock_guard<std::mutex> lock(hub().mutex);
            facade = ++hub().facade;
        }
        promise->set_value({message, facade});
    };
    hand_in(on_message, [&](void *ctx) { return pims_init(config.c_str(), &pims_hpp_on_message, ctx); });
    return future.get();
}

/* Creates a facade beside the others and waits for its message. Returns its handle. The new facade
 * has a thread of its own, so a callback of another facade may wait here. */
inline pims_facade open_facade(const Params &config)
{
    const auto promise = std::make_shared<std::promise<Message>>();
    auto future = promise->get_future();
    const auto on_message = [promise](const Message &message) {
        is_library_thread = is_library_thread || message.succeeded();
        promise->set_value(message);
    };
    pims_facade facade = PIMS_NO_FACADE;
    hand_in(on_message, [&](void *ctx) { return pims_open(config.c_str(), &pims_hpp_on_message, ctx, &facade); });
    future.get().or_throw();
    return facade;
}

/* Finishes the subscriptions that were active in a released facade: no event comes for them any
 * more. A subscription without an acknowledgment gets a failure as its acknowledgment. Of the
 * default facades, `number` is the last one that was released. */
inline void finish_all_of(pims_facade handle, std::uint64_t number) noexcept
{
    const std::lock_guard<std::mutex> lock(hub().mutex);
    for (auto entry = hub().feeds.begin(); entry != hub().feeds.end();) {
        Feed &feed = *entry->second;
        const bool was_active = feed.phase == Feed::Phase::active || feed.phase == Feed::Phase::ending;
        const bool mine = was_active && feed.handle == handle && feed.facade <= number;
        if (mine) {
            feed.phase = Feed::Phase::over;
        }
        entry = mine ? hub().feeds.erase(entry) : std::next(entry);
    }
}

/* Throws Refused if the loaded library has another interface than this header. */
inline void check_abi()
{
    if (pims_abi_version() != PIMS_ABI_VERSION) {
        throw Refused(Refusal::wrong_abi);
    }
}

} // namespace detail

class Subscription;

namespace detail {

inline Subscription subscribe(pims_facade facade, Name api, const Params &params, Callback callback, AtTheEnd &&at_the_end);

} // namespace detail

/* A facade, from its creation to its release.
 *
 * Session(config) is the default facade, which the free functions call, too. A process has one: a
 * second one throws Failed with 2007. Session::open(config) is a facade of its own, with its own
 * storage, account, log, queue and thread. A process may have any number of them at once.
 *
 * Any thread may call, and close, while others call. The members throw Refused with no_facade after
 * close, in an object that was moved from, and in a child process that was forked after the Session
 * was made. A call that close overtakes fails with 2001. To move a Session while another thread
 * uses it is a data race. */
class Session {
public:
    /* Creates the default facade from a configuration (docs/configuration.md). Throws Failed (2004,
     * 2006, 2007) or Refused. */
    explicit Session(const Params &config = {})
    {
        detail::check_abi();
        const auto [message, number] = detail::make_facade(config);
        message.or_throw();
        number_ = number;
        handle_ = PIMS_DEFAULT_FACADE;
    }
    Session(Session &&other) noexcept : process_(other.process_), handle_(other.take()), number_(other.number_) {}
    Session &operator=(Session &&other) noexcept
    {
        if (this != &other) {
            close();
            process_ = other.process_;
            number_ = other.number_;
            handle_ = other.take();
        }
        return *this;
    }
    ~Session() { close(); }

    /* Creates a facade beside the others, for another account. Its `storage.path` must be its own.
     * Throws Failed (2004, 2006) or Refused. */
    [[nodiscard]] static Session open(const Params &config)
    {
        detail::check_abi();
        return Session(Opened{detail::open_facade(config)});
    }

    /* Calls this facade, like the free functions of the same name. */
    void get(detail::Name api, const Params &params, Callback callback) const
    {
        detail::call(facade(), detail::get_method, api, params, std::move(callback));
    }
    void set(detail::Name api, const Params &params, Callback callback) const
    {
        detail::call(facade(), detail::set_method, api, params, std::move(callback));
    }
    [[nodiscard]] std::future<Message> get(detail::Name api, const Params &params = {}) const
    {
        return detail::ask(facade(), detail::get_method, api, params);
    }
    [[nodiscard]] std::future<Message> set(detail::Name api, const Params &params = {}) const
    {
        return detail::ask(facade(), detail::set_method, api, params);
    }

    /* Runs one request to this facade on this thread, outside the queue: "get" or "set". */
    Message execute(detail::Name method, detail::Name api, const Params &params = {}) const
    {
        return detail::execute_on(facade(), method, api, params);
    }

    /* Asks this facade for events, like the free function of the same name. Each facade has
     * subscriptions of its own. */
    [[nodiscard]] inline Subscription subscribe(detail::Name api, const Params &params, Callback callback,
                                                detail::AtTheEnd &&at_the_end = detail::AtTheEnd()) const;

    /* Returns the handle for the functions of pims.h. Throws Refused with no_facade if there is
     * none. */
    pims_facade facade() const
    {
        const pims_facade handle = handle_;
        const bool is_other_default = handle == PIMS_DEFAULT_FACADE && detail::facade_of_this_process() != number_;
        if (handle == PIMS_NO_FACADE || process_ != detail::this_process() || is_other_default) {
            throw Refused(Refusal::no_facade);
        }
        return handle;
    }

    /* Releases the facade. When close returns, every callback has been called and none runs; calls
     * that had not begun failed with 2001. Inside a callback of any facade, close returns at once,
     * and the facade is released when its running callback returns. A second call has no effect. In
     * a child process that was forked after the Session was made, close has no effect: the facade
     * belongs to the parent. */
    void close() noexcept
    {
        const pims_facade handle = take();
        if (handle == PIMS_NO_FACADE || process_ != detail::this_process()) {
            return;
        }
        // If the process has another default facade by now, other code released this one.
        if (handle != PIMS_DEFAULT_FACADE || detail::facade_of_this_process() == number_) {
            pims_close(handle);
        }
        detail::finish_all_of(handle, number_);
    }

private:
    struct Opened {
        pims_facade handle;
    };
    explicit Session(Opened opened) : handle_(opened.handle) {}

    pims_facade take() noexcept { return handle_.exchange(PIMS_NO_FACADE); }

    std::int64_t process_ = detail::this_process();
    std::atomic<pims_facade> handle_{PIMS_NO_FACADE};
    /* The number of a default facade, see Hub. */
    std::uint64_t number_ = 0;
};

/* A subscription to events, which ends with this object. */
class Subscription {
public:
    /* An empty subscription. */
    Subscription() = default;
    Subscription(Subscription &&other) noexcept : feed_(std::exchange(other.feed_, nullptr)) {}
    Subscription &operator=(Subscription &&other) noexcept
    {
        if (this != &other) {
            end();
            feed_ = std::exchange(other.feed_, nullptr);
        }
        return *this;
    }
    ~Subscription() { end(); }

    /* Returns true from a successful acknowledgment until the subscription or the Session ends. */
    bool active() const
    {
        if (!feed_ || feed_->process != detail::this_process()) {
            return false;
        }
        const std::lock_guard<std::mutex> lock(detail::hub().mutex);
        return feed_->phase == detail::Feed::Phase::active;
    }

    /* Ends the subscription. When end returns, the callback does not run and will not run, and the
     * values that it captured are gone. The function waits for a callback that runs on another
     * thread: hold no lock or other resource that the callback waits for. Inside that callback, end
     * returns at once. The program may subscribe to the api again at once, even if this
     * subscription was not yet acknowledged. In a child process that was forked after the
     * subscription was made, end has no effect. */
    void end() noexcept
    {
        const auto feed = std::exchange(feed_, nullptr);
        if (!feed || feed->process != detail::this_process()) {
            return;
        }
        Callback unwanted;
        {
            std::unique_lock<std::mutex> lock(detail::hub().mutex);
            feed->dropped = true;
            feed->ended_inside = feed->running == std::this_thread::get_id();
            if (!feed->ended_inside) {
                detail::hub().on_idle.wait(lock, [&] { return feed->running == std::thread::id(); });
                unwanted.swap(feed->callback);
            }
        }
        detail::unsubscribe(*feed);
    }

private:
    friend Subscription detail::subscribe(pims_facade facade, detail::Name api, const Params &params, Callback callback,
                                          detail::AtTheEnd &&at_the_end);
    explicit Subscription(std::shared_ptr<detail::Feed> feed) : feed_(std::move(feed)) {}

    std::shared_ptr<detail::Feed> feed_;
};

/* Asks for events: the callback gets the acknowledgment, then each event. A facade has one
 * subscription an api: the acknowledgment of a second one is the failure 2005.
 * `subscription = pims::subscribe(…)` is no second one: it ends the previous subscription, and the
 * new one begins. Do not set the last parameter. If another subscription to the api exists, its
 * default hands the new one to the library at the end of the full expression. So a function that
 * returns `subscribe(…)` causes 2005 if the caller's old subscription still exists. */
[[nodiscard]] inline Subscription subscribe(detail::Name api, const Params &params, Callback callback,
                                            detail::AtTheEnd &&at_the_end = detail::AtTheEnd())
{
    return detail::subscribe(PIMS_DEFAULT_FACADE, api, params, std::move(callback), std::move(at_the_end));
}

inline Subscription Session::subscribe(detail::Name api, const Params &params, Callback callback, detail::AtTheEnd &&at_the_end) const
{
    return detail::subscribe(facade(), api, params, std::move(callback), std::move(at_the_end));
}

/* Asks a facade for events. If the facade has another subscription to the api, `at_the_end` gets
 * the new one. */
inline Subscription detail::subscribe(pims_facade facade, Name api, const Params &params, Callback callback, AtTheEnd &&at_the_end)
{
    if (!callback) {
        throw Refused(Refusal::null_callback);
    }
    const auto feed = std::make_shared<Feed>(facade, api.text(), params, std::move(callback));
    const char *const name = feed->api.for_c();
    const char *const text = feed->params.for_c();
    bool has_rival = false;
    {
        const std::lock_guard<std::mutex> lock(hub().mutex);
        for (const auto &entry : hub().feeds) {
            const Feed &other = *entry.second;
            has_rival = has_rival || (!other.dropped && other.handle == facade && other.api.string() == feed->api.string());
        }
        feed->phase = has_rival ? Feed::Phase::held : Feed::Phase::asked;
        feed->id = ++hub().last_id;
        hub().feeds.emplace(feed->id, feed);
    }
    std::int32_t status = PIMS_OK;
    if (!has_rival) {
        status = pims_facade_subscribe(facade, name, text, &pims_hpp_on_event, reinterpret_cast<void *>(feed->id));
    } else if (const auto refusal = check_text(feed->params.string()); refusal != PIMS_OK) {
        status = refusal;
    } else {
        at_the_end.take(feed);
    }
    if (status != PIMS_OK) {
        const std::lock_guard<std::mutex> lock(hub().mutex);
        finish(*feed);
        throw Refused(static_cast<Refusal>(status));
    }
    return Subscription(feed);
}

inline void get(detail::Name api, const Params &params, Callback callback)
{
    detail::call(PIMS_DEFAULT_FACADE, detail::get_method, api, params, std::move(callback));
}

inline void set(detail::Name api, const Params &params, Callback callback)
{
    detail::call(PIMS_DEFAULT_FACADE, detail::set_method, api, params, std::move(callback));
}

inline std::future<Message> get(detail::Name api, const Params &params)
{
    return detail::ask(PIMS_DEFAULT_FACADE, detail::get_method, api, params);
}

inline std::future<Message> set(detail::Name api, const Params &params)
{
    return detail::ask(PIMS_DEFAULT_FACADE, detail::set_method, api, params);
}

inline Message execute(detail::Name method, detail::Name api, const Params &params)
{
    const detail::Text verb(method.text());
    const detail::Text name(api.text());
    if (verb.string() == "init") {
        static_cast<void>(name.for_c());
        return detail::make_facade(params).first;
    }
    const std::uint64_t number = detail::facade_of_this_process();
    const std::unique_ptr<char, decltype(&pims_string_free)> text(pims_execute(verb.for_c(), name.for_c(), params.c_str()),
                                                                  &pims_string_free);
    if (!text) {
        const bool is_long =
            verb.string().size() > PIMS_MAX_TEXT || name.string().size() > PIMS_MAX_TEXT || params.text().size() > PIMS_MAX_TEXT;
        throw Refused(is_long ? Refusal::too_long : Refusal::not_utf8);
    }
    const Message message{std::string_view(text.get())};
    if (message.succeeded() && verb.string() == "free") {
        detail::finish_all_of(PIMS_DEFAULT_FACADE, number);
    }
    return message;
}

inline ExceptionHandler set_exception_handler(ExceptionHandler handler)
{
    auto next = handler ? std::make_shared<const ExceptionHandler>(std::move(handler)) : nullptr;
    {
        const std::lock_guard<std::mutex> lock(detail::hub().handling);
        detail::hub().handler.swap(next);
    }
    return next ? *next : ExceptionHandler();
}

} // namespace pims

#undef PIMS_HPP_ONE

#include "pims/strong_authentication.hpp"

#endif /* PIMS_HPP */
