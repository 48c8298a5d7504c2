/* The suite of all languages, see tests/conformance/README.md. It runs through pims.hpp, with
 * nlohmann::json. */
#include "support.hpp"

#include <deque>
#include <map>
#include <optional>
#include <regex>

#include <nlohmann/json.hpp>

using nlohmann::json;

namespace {

/* Throws the error of a step that is wrong in the suite itself. */
[[noreturn]] void wrong_suite(const std::string &what)
{
    throw std::runtime_error("tests/conformance/suite.json: " + what);
}

/* The values of earlier steps that a step needs, and the check of its message. */
class Scene {
public:
    json fill(const json &value) const
    {
        if (value.is_string()) {
            return filled(value.get<std::string>());
        }
        json copy = value;
        if (value.is_structured()) {
            for (auto &member : copy) {
                member = fill(member);
            }
        }
        return copy;
    }

    void remember(const json *config, const json &message)
    {
        if (config != nullptr && config->contains("storage") && config->at("storage").is_object()) {
            const json path = config->at("storage").value("path", json());
            storage_ = path.is_string() ? path.get<std::string>() : storage_;
        }
        const json result = message.value("result", json());
        keep(otp_, result, "otp");
        keep(state_, result, "state");
        keep(number_, result, "number");
        keep(device_id_, result, "deviceId");
        if (result.is_object() && !result.value("devices", json::array()).empty()) {
            keep(device_id_, result.at("devices").at(0), "deviceId");
        }
    }

    bool matches(const json &expected, const json &actual) const
    {
        if (expected == "$time") {
            return actual.is_number_integer() && actual.dump().size() == 13;
        }
        if (expected == "$seconds") {
            return actual.is_number_integer() && actual >= 1 && actual <= 86400;
        }
        if (expected.is_string() && actual.is_string()) {
            return matches_text(expected.get<std::string>(), actual.get<std::string>());
        }
        if (expected.type() != actual.type() && !(expected.is_number_integer() && actual.is_number_integer())) {
            return false;
        }
        if (!expected.is_structured()) {
            return expected == actual;
        }
        if (expected.size() != actual.size()) {
            return false;
        }
        for (const auto &[name, member] : expected.items()) {
            const bool has = expected.is_object() ? actual.contains(name) : true;
            if (!has || !matches(member, expected.is_object() ? actual.at(name) : actual.at(std::stoul(name)))) {
                return false;
            }
        }
        return true;
    }

private:
    /* Keeps a member of a result that is text. */
    static void keep(std::string &kept, const json &result, const char *name)
    {
        if (result.is_object() && result.contains(name) && result.at(name).is_string()) {
            kept = result.at(name).get<std::string>();
        }
    }

    /* Returns digits with the last one increased by one; 9 becomes 0. */
    static std::string increased(std::string digits)
    {
        digits.back() = digits.back() == '9' ? '0' : static_cast<char>(digits.back() + 1);
        return digits;
    }

    std::string filled(const std::string &text) const
    {
        std::string done;
        std::size_t at = 0;
        for (std::size_t begin; (begin = text.find("${", at)) != std::string::npos;) {
            const std::size_t end = text.find('}', begin);
            done += text.substr(at, begin - at) + value(text.substr(begin + 2, end - begin - 2));
            at = end + 1;
        }
        return done + text.substr(at);
    }

    std::string value(const std::string &name) const
    {
        if (name == "folder") {
            return folder_.path().string();
        }
        if (name == "otp") {
            return otp_;
        }
        if (name == "state") {
            return state_;
        }
        if (name == "deviceId") {
            return device_id_;
        }
        if (name == "number" || name == "wrongNumber") {
            return name == "number" ? number_ : increased(number_);
        }
        if (name != "smsCode" && name != "wrongSmsCode") {
            wrong_suite("the placeholder " + name);
        }
        std::ifstream outbox(storage_ + "/sms-outbox.jsonl");
        std::string last;
        for (std::string line; std::getline(outbox, line);) {
            last = line;
        }
        const std::string code = json::parse(last).at("code").get<std::string>();
        return name == "smsCode" ? code : increased(code);
    }

    bool matches_text(const std::string &expected, const std::string &actual) const
    {
        const auto has_form = [&](const char *form) { return std::regex_match(actual, std::regex(form)); };
        if (expected == "$otp") {
            return has_form("[0-9a-z]{1,8}");
        }
        if (expected == "$path") {
            return actual.rfind(folder_.path().string() + "/", 0) == 0;
        }
        if (expected == "$version") {
            return has_form("[0-9]+\\.[0-9]+\\.[0-9]+.*");
        }
        return expected == "$text" ? !actual.empty() : expected == actual;
    }

    Folder folder_;
    std::string storage_;
    std::string otp_;
    std::string state_;
    std::string device_id_;
    std::string number_;
};

extern "C" void on_unsubscribed(const char *message, void *ctx)
{
    static_cast<std::promise<json> *>(ctx)->set_value(json::parse(message));
}

/* The caller of the library. */
class Caller {
public:
    /* Runs a step and returns its message; none for `free`. */
    std::optional<json> perform(const std::string &call, const std::string &api, const std::optional<json> &parameters)
    {
        const auto params = [&] { return parameters ? pims::Params(*parameters) : pims::Params(); };
        if (call == "init") {
            return init(params());
        }
        if (call == "get" || call == "set") {
            return wait_for(call == "get" ? pims::get(api, params()) : pims::set(api, params())).json<json>();
        }
        if (call == "subscribe") {
            return subscribe(api, params());
        }
        if (call == "unsubscribe") {
            if (!parameters || !parameters->contains("transactionId")) {
                subscriptions_.erase(api);
            }
            return unsubscribe(api, params());
        }
        if (call == "event") {
            return events_.at(taken_++).message.json<json>();
        }
        if (call != "free") {
            wrong_suite("the call " + call);
        }
        session_.reset();
        subscriptions_.clear();
        CHECK(events_.count() == taken_);
        return std::nullopt;
    }

private:
    /* Returns a success if the Session is made; else the message of its failure. */
    json init(const pims::Params &config)
    {
        try {
            pims::Session session(config);
            session_ = std::move(session);
        } catch (const pims::Failed &failed) {
            return failed.message().json<json>();
        }
        return {{"transactionId", "00000000-0000"}, {"status", "SUCCEEDED"}, {"result", nullptr}};
    }

    json subscribe(const std::string &api, const pims::Params &params)
    {
        const auto promise = std::make_shared<std::promise<json>>();
        const auto on_event = events_.callback();
        auto subscription = pims::subscribe(api, params, [promise, on_event](const pims::Message &message) {
            if (message.status() == pims::Status::result) {
                on_event(message);
            } else {
                promise->set_value(message.json<json>());
            }
        });
        json message = wait_for(promise->get_future());
        if (message.at("status") == "SUCCEEDED") {
            subscriptions_.insert_or_assign(api, std::move(subscription));
        }
        return message;
    }

    /* Asks for the end once more, by pims.h: the end of a Subscription has no message. */
    static json unsubscribe(const std::string &api, const pims::Params &params)
    {
        std::promise<json> promise;
        auto message = promise.get_future();
        REQUIRE(pims_unsubscribe(api.c_str(), params.c_str(), &on_unsubscribed, &promise) == PIMS_OK);
        return wait_for(std::move(message));
    }

    std::optional<pims::Session> session_;
    std::map<std::string, pims::Subscription> subscriptions_;
    Mailbox events_;
    std::size_t taken_ = 0;
};

bool is_right(Scene &scene, Caller &caller, const json &step)
{
    const std::string call = step.at("call");
    std::optional<json> parameters;
    if (step.contains("parameters")) {
        parameters = scene.fill(step.at("parameters"));
    }
    auto message = caller.perform(call, step.value("api", ""), parameters);
    if (call == "free") {
        return !message;
    }
    scene.remember(call == "init" && parameters ? &*parameters : nullptr, *message);
    const json id = message->value("transactionId", json());
    message->erase("transactionId");
    // The report of wrong PINs contains a time.
    message->erase("info");
    const json expected = scene.fill(step.at("expect"));
    const bool right = id.is_string() && std::regex_match(id.get<std::string>(), std::regex("[0-9a-f]{8}-[0-9a-f]{4}")) &&
                       scene.matches(expected, *message);
    if (!right) {
        MESSAGE("expected " << expected.dump() << ", got " << message->dump());
    }
    return right;
}

TEST_CASE("every step of the suite of all languages has its message")
{
    std::ifstream file(SUITE);
    const json suite = json::parse(file);
    REQUIRE(suite.at("format") == 1);
    Scene scene;
    Caller caller;
    int steps = 0;
    for (const json &one : suite.at("cases")) {
        int number = 0;
        for (const json &step : one.at("steps")) {
            steps++;
            INFO(one.at("name").get<std::string>() << ", step " << ++number);
            CHECK(is_right(scene, caller, step));
        }
    }
    CHECK(steps == suite.at("steps"));
}

} // namespace
