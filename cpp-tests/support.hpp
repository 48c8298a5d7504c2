/* The common parts of the tests of pims.hpp: a folder for each test, calls with a deadline, and a
 * box that collects messages. */
#ifndef SUPPORT_HPP
#define SUPPORT_HPP

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "pims.hpp"

inline constexpr const char *ACCOUNT = "pims.authentication.account";
inline constexpr const char *SMSCODE = "pims.authentication.smscode";
inline constexpr const char *ENROLLMENT = "pims.authentication.enrollment";
inline constexpr const char *OTP = "pims.authentication.otp";
inline constexpr const char *VERSION = "pims.sdk.version";
inline constexpr const char *ACTIVATED = R"({"actionType":"strong","type":"isDeviceActivated"})";
inline constexpr const char *PIN = "1234";
inline constexpr const char *PHONE_NUMBER = "+33612345678";

/* The longest wait of a test. A test that waits so long has failed. */
inline constexpr std::chrono::seconds DEADLINE{300};

/* Ends the program because an expected event did not come. It does not unwind: callbacks may still
 * come. */
[[noreturn]] inline void give_up(const char *what)
{
    std::fprintf(stderr, "waited in vain for %s\n", what);
    std::abort();
}

template <class T>
T wait_for(std::future<T> future)
{
    if (future.wait_for(DEADLINE) != std::future_status::ready) {
        give_up("a future");
    }
    return future.get();
}

/* Returns why a call was not accepted. The test fails if it was. */
template <class Call>
pims::Refusal refusal_of(Call call)
{
    try {
        call();
    } catch (const pims::Refused &refused) {
        return refused.reason();
    }
    FAIL("the call was accepted");
    return {};
}

/* Returns the code that a call throws, or 0 if it throws nothing. */
template <class Call>
int failure_of(Call call)
{
    try {
        call();
    } catch (const pims::Failed &failed) {
        return failed.code();
    }
    return 0;
}

/* An empty folder, which is deleted at the end. */
class Folder {
public:
    Folder()
    {
        std::string pattern = (std::filesystem::temp_directory_path() / "pims-cpp-XXXXXX").string();
        if (mkdtemp(pattern.data()) == nullptr) {
            throw std::runtime_error("no temporary folder");
        }
        path_ = pattern;
    }
    Folder(const Folder &) = delete;
    Folder &operator=(const Folder &) = delete;
    ~Folder()
    {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    const std::filesystem::path &path() const { return path_; }
    pims::Params config() const { return {{"storage", pims::Params{{"path", path_.string()}}}}; }

    /* Returns the code of the last SMS. */
    std::string sms_code() const
    {
        std::ifstream outbox(path_ / "sms-outbox.jsonl");
        std::string last;
        for (std::string line; std::getline(outbox, line);) {
            last = line;
        }
        const std::string name = "\"code\":\"";
        const auto begin = last.find(name);
        REQUIRE(begin != std::string::npos);
        return last.substr(begin + name.size(), last.find('"', begin + name.size()) - begin - name.size());
    }

private:
    std::filesystem::path path_;
};

inline pims::Message get(const char *api, const pims::Params &params = {})
{
    return wait_for(pims::get(api, params));
}
inline pims::Message set(const char *api, const pims::Params &params)
{
    return wait_for(pims::set(api, params));
}

/* Adds a phone number to the account and asks for an enrollment. Returns the SMS code. */
inline std::string ask_for_enrollment(const Folder &folder)
{
    get(SMSCODE, {{"type", "phoneNumberCertification"}, {"phoneNumber", PHONE_NUMBER}}).or_throw();
    set(SMSCODE, {{"action", "addPhoneNumber"}, {"smsCode", folder.sms_code()}, {"phoneNumber", PHONE_NUMBER}}).or_throw();
    get(SMSCODE, {{"type", "enrollment"}}).or_throw();
    return folder.sms_code();
}

/* Enrolls the device of a new account. */
inline void enroll(const Folder &folder)
{
    set(ENROLLMENT, {{"action", "enroll"}, {"pinCode", PIN}, {"smsCode", ask_for_enrollment(folder)}}).or_throw();
}

inline void remove_enrollment()
{
    set(ENROLLMENT, {{"action", "remove"}}).or_throw();
}

/* A box that collects messages, with the thread of each one. */
class Mailbox {
public:
    struct Letter {
        pims::Message message;
        std::thread::id thread;
    };

    pims::Callback callback()
    {
        return [this](pims::Message message) {
            const std::lock_guard<std::mutex> lock(mutex_);
            letters_.push_back({std::move(message), std::this_thread::get_id()});
            arrived_.notify_all();
        };
    }
    /* Waits for the letter with this number and returns it. */
    Letter at(std::size_t number)
    {
        std::unique_lock<std::mutex> lock(mutex_);
        if (!arrived_.wait_for(lock, DEADLINE, [&] { return letters_.size() > number; })) {
            give_up("a message");
        }
        return letters_[number];
    }
    std::size_t count() const
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        return letters_.size();
    }

private:
    mutable std::mutex mutex_;
    std::condition_variable arrived_;
    std::vector<Letter> letters_;
};

/* A gate at which threads wait. */
class Gate {
public:
    void open() { opened_.set_value(); }
    void pass() const
    {
        if (future_.wait_for(DEADLINE) != std::future_status::ready) {
            give_up("a gate");
        }
    }

private:
    std::promise<void> opened_;
    std::shared_future<void> future_ = opened_.get_future().share();
};

/* A scope that keeps the library's thread inside a callback, from the constructor's end until
 * `release`. */
class Held {
public:
    Held()
    {
        pims::get(VERSION, {}, [this](const pims::Message &) {
            entered_.open();
            gate_.pass();
            left_.open();
        });
        entered_.pass();
    }
    Held(const Held &) = delete;
    Held &operator=(const Held &) = delete;
    ~Held() { release(); }
    void release()
    {
        if (!released_) {
            released_ = true;
            gate_.open();
            left_.pass();
        }
    }

private:
    Gate entered_, gate_, left_;
    bool released_ = false;
};

/* A scope with an exception handler. */
class Handler {
public:
    explicit Handler(pims::ExceptionHandler handler) : before_(pims::set_exception_handler(std::move(handler))) {}
    Handler(const Handler &) = delete;
    Handler &operator=(const Handler &) = delete;
    ~Handler() { pims::set_exception_handler(before_); }

private:
    pims::ExceptionHandler before_;
};

#endif
