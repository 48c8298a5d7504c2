// A C++ program with an SQLite of its own and the static libpims. Exceptions pass through the
// frames of the program, and libpims catches panics. Each has a personality routine of its own.
//
//     exceptions FOLDER OPTION          as own_sqlite.c has them
#include <pims.hpp>
#include <sqlite3.h>
#include <cstdio>
#include <stdexcept>
#include <string>

static int count_in_own(const std::string &path)
{
    sqlite3 *database = nullptr;
    int rows = 0;
    const auto count = [](void *found, int, char **, char **) { return ++*static_cast<int *>(found), 0; };

    if (sqlite3_open(path.c_str(), &database) != SQLITE_OK ||
        sqlite3_exec(database, "CREATE TABLE IF NOT EXISTS t (a); INSERT INTO t VALUES (1)", nullptr, nullptr, nullptr) != SQLITE_OK ||
        sqlite3_exec(database, "SELECT a FROM t", count, &rows, nullptr) != SQLITE_OK) {
        const std::string told = sqlite3_errmsg(database);
        sqlite3_close(database);
        throw std::runtime_error(told);
    }
    sqlite3_close(database);
    return rows;
}

int main(int count, char **arguments)
{
    if (count != 3 || !sqlite3_compileoption_used(arguments[2])) {
        std::fputs("the program runs with another SQLite than its own\n", stderr);
        return 1;
    }
    const std::string folder = arguments[1];
    int caught = 0;
    {
        const pims::Session session("{\"storage\":{\"path\":\"" + folder + "/state\"}}");
        pims::StrongAuthentication device;
        device.request_phone_number_code("+33612345678").get();
        try {
            device.otp("2580").get();
        } catch (const pims::Failed &) {
            caught++;
        }
        try {
            count_in_own("/nowhere/own.db");
        } catch (const std::runtime_error &) {
            caught++;
        }
        caught += count_in_own(folder + "/own.db");
    }
    if (caught != 3) {
        std::fprintf(stderr, "%d of 3\n", caught);
        return 1;
    }
    std::puts("both work");
    return 0;
}
