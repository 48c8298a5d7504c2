/*
 * The life of an enrollment in C++, with the steps of examples/c/enroll.c:
 *
 *     enroll [FOLDER]
 *
 * The program registers a phone number, enrolls this device with a PIN, makes and verifies a
 * one-time password, and removes the enrollment. A subscription reports the activation of the
 * device. The service is the one that the library embeds; its SMS are lines of
 * FOLDER/sms-outbox.jsonl. FOLDER must be empty or missing. Without FOLDER the program makes a
 * temporary folder and deletes it again.
 *
 * The program prints every request and every message, the one-time password included: this is a
 * demonstration. It ends with 0 if each step went as it should. nlohmann/json reads the messages;
 * another JSON type needs a pims::json_adapter.
 *
 *     c++ -std=c++17 enroll.cpp -lpims -pthread
 */
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <future>
#include <iostream>
#include <stdexcept>
#include <string>
#include <system_error>

#include <nlohmann/json.hpp>

#include "pims.hpp"

namespace {

using nlohmann::json;

constexpr const char *phone_number = "+33612345678";
constexpr const char *pin = "1234";

/* The folder of the demo. If the demo made the folder, the destructor deletes it. */
class Folder {
public:
    explicit Folder(const char *given) : owned_(given == nullptr), path_(owned_ ? make() : std::filesystem::path(given))
    {
        if (std::filesystem::exists(path_) && !std::filesystem::is_empty(path_)) {
            throw std::runtime_error(path_.string() + " is not empty: the demo begins with an account that has nothing");
        }
    }
    Folder(const Folder &) = delete;
    Folder &operator=(const Folder &) = delete;
    ~Folder()
    {
        std::error_code ignored;
        if (owned_) {
            std::filesystem::remove_all(path_, ignored);
        }
    }
    const std::filesystem::path &path() const { return path_; }

private:
    static std::filesystem::path make()
    {
        std::string pattern = (std::filesystem::temp_directory_path() / "pims-demo-XXXXXX").string();
        if (mkdtemp(pattern.data()) == nullptr) {
            throw std::runtime_error("no temporary folder can be made");
        }
        return pattern;
    }

    bool owned_;
    std::filesystem::path path_;
};

/* Waits for the message of a call. Returns the result of a success. */
json result_of(const std::string &request, std::future<pims::Message> reply)
{
    std::cout << "-> " << request << '\n';
    const pims::Message message = reply.get();
    std::cout << "<- " << message.text() << '\n';
    return message.or_throw().json<json>().at("result");
}

json get(const char *api, const json &params)
{
    return result_of("get " + std::string(api) + ' ' + params.dump(), pims::get(api, params));
}

json set(const char *api, const json &params)
{
    return result_of("set " + std::string(api) + ' ' + params.dump(), pims::set(api, params));
}

void expect(const json &found, const json &expected)
{
    if (found != expected) {
        throw std::runtime_error("expected " + expected.dump());
    }
}

/* Returns the code of the last SMS, which must be for this purpose. */
std::string read_code(const std::filesystem::path &folder, const std::string &purpose)
{
    std::ifstream outbox(folder / "sms-outbox.jsonl");
    std::string last;
    for (std::string line; std::getline(outbox, line);) {
        last = line;
    }
    std::cout << "   SMS: " << last << '\n';
    const json sms = json::parse(last);
    expect(sms.at("purpose"), purpose);
    return sms.at("code");
}

void run(const std::filesystem::path &folder)
{
    const pims::Session session(json{{"storage", {{"path", folder.string()}}}});

    /* Runs on the library's thread: the acknowledgment, then an event for each change. */
    std::promise<pims::Message> activated;
    auto subscription = pims::subscribe("pims.authentication.account", {{"actionType", "strong"}, {"type", "isDeviceActivated"}},
                                        [&](const pims::Message &message) {
                                            if (!message.succeeded()) {
                                                activated.set_value(message);
                                            }
                                        });

    std::cout << "\n== The phone number ==\n";
    get("pims.authentication.smscode", {{"type", "phoneNumberCertification"}, {"phoneNumber", phone_number}});
    set("pims.authentication.smscode",
        {{"action", "addPhoneNumber"}, {"smsCode", read_code(folder, "phoneNumberCertification")}, {"phoneNumber", phone_number}});

    std::cout << "\n== The enrollment ==\n";
    get("pims.authentication.smscode", {{"type", "enrollment"}});
    expect(set("pims.authentication.smscode", {{"action", "enrollment"}, {"smsCode", read_code(folder, "enrollment")}}),
           {{"status", "NotEnrolled"}});
    /* The blank stands for the code that was just accepted. */
    set("pims.authentication.enrollment", {{"action", "enroll"}, {"pinCode", pin}, {"smsCode", " "}});
    expect(result_of("subscribe: the first event", activated.get_future()), {{"isDeviceActivated", true}});
    /* Otherwise the subscription would report the removal, too. */
    subscription.end();

    std::cout << "\n== A one-time password ==\n";
    const std::string otp = get("pims.authentication.otp", {{"action", "withPIN"}, {"pinCode", pin}}).at("otp");
    expect(set("pims.authority.otp", {{"action", "verify"}, {"otp", otp}}), {{"verified", true}});
    expect(set("pims.authority.otp", {{"action", "verify"}, {"otp", otp}}), {{"verified", false}});

    std::cout << "\n== The end ==\n";
    set("pims.authentication.enrollment", {{"action", "remove"}});
}

} // namespace

int main(int argc, char **argv)
{
    try {
        const Folder folder(argc > 1 ? argv[1] : nullptr);
        std::cout << "libpims " << pims::version() << ", storage in " << folder.path() << '\n';
        run(folder.path());
        std::cout << "\nEvery step went as it should.\n";
        return EXIT_SUCCESS;
    } catch (const std::exception &error) {
        std::cerr << "\nThe last step did NOT go as it should: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
