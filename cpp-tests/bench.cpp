/* The cost of a call from C++. `make bench` prints it beside that of other languages. */
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <filesystem>

#include "pims.hpp"

namespace {

constexpr const char *API = "pims.authentication.account";
constexpr const char *PARAMETERS = R"({"actionType":"strong","type":"isDeviceActivated"})";
constexpr int BATCHES = 31;
constexpr int CALLS = 2000;

/* Returns the nanoseconds of a call: the median over batches. */
template <class Call>
double median_of(Call call)
{
    std::array<double, BATCHES> times{};
    for (double &time : times) {
        const auto begin = std::chrono::steady_clock::now();
        for (int i = 0; i < CALLS; i++) {
            call();
        }
        time = std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - begin).count() / CALLS;
    }
    std::sort(times.begin(), times.end());
    return times[BATCHES / 2];
}

} // namespace

int main(int argc, char **argv)
{
    if (argc != 2) {
        return 2;
    }
    const pims::Session session({{"storage", pims::Params{{"path", argv[1]}}}});
    std::printf("  %-52s %10.0f\n", "C++: pims::get(...).get()", median_of([] { pims::get(API, PARAMETERS).get().or_throw(); }));
    std::printf("  %-52s %10.0f\n", "C++: pims::execute", median_of([] { pims::execute("get", API, PARAMETERS).or_throw(); }));
    return 0;
}
