/*
 * A program with an SQLite of its own and the static libpims, which has another one. Both must
 * work, whatever the order of linking.
 *
 *     own_sqlite FOLDER OPTION
 *
 * FOLDER is empty. OPTION is a compile option that the program's SQLite has and that of libpims
 * does not.
 */
#include <pims.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void fail(const char *what, const char *detail)
{
    fprintf(stderr, "%s: %s\n", what, detail);
    exit(1);
}

static long allocations;

static void *counted_malloc(int bytes)
{
    allocations++;
    return malloc((size_t)bytes);
}

static void *counted_realloc(void *memory, int bytes)
{
    allocations++;
    return realloc(memory, (size_t)bytes);
}

static int round_up(int bytes)
{
    return (bytes + 7) & ~7;
}

/* Allocates a block, which begins with its size. */
static void *sized_malloc(int bytes)
{
    char *memory = counted_malloc(bytes + 16);
    if (memory == NULL) return NULL;
    memcpy(memory, &bytes, sizeof bytes);
    return memory + 16;
}

static void sized_free(void *memory)
{
    if (memory != NULL) free((char *)memory - 16);
}

static void *sized_realloc(void *memory, int bytes)
{
    char *again = counted_realloc((char *)memory - 16, bytes + 16);
    if (again == NULL) return NULL;
    memcpy(again, &bytes, sizeof bytes);
    return again + 16;
}

static int size_of(void *memory)
{
    int bytes;
    memcpy(&bytes, (char *)memory - 16, sizeof bytes);
    return bytes;
}

static int begin(void *state)
{
    (void)state;
    return SQLITE_OK;
}

static void end(void *state)
{
    (void)state;
}

/* Gives the program's allocator to its SQLite. If the process had only one SQLite, libpims would
   use this allocator, too. */
static void configure_own(void)
{
    static const sqlite3_mem_methods methods = {
        sized_malloc, sized_free, sized_realloc, size_of, round_up, begin, end, NULL,
    };
    if (sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) != SQLITE_OK) fail("sqlite3_config", "refused");
}

static int count_rows(void *count, int columns, char **values, char **names)
{
    (void)columns, (void)values, (void)names;
    ++*(int *)count;
    return 0;
}

static void use_own(const char *folder)
{
    char path[4096];
    sqlite3 *database;
    int rows = 0;

    snprintf(path, sizeof path, "%s/own.db", folder);
    if (sqlite3_open(path, &database) != SQLITE_OK) fail("sqlite3_open", sqlite3_errmsg(database));
#ifdef SQLCIPHER
    if (sqlite3_exec(database, "PRAGMA key = 'a key'", NULL, NULL, NULL) != SQLITE_OK) fail("key", sqlite3_errmsg(database));
#endif
    if (sqlite3_exec(database, "CREATE TABLE IF NOT EXISTS t (a); INSERT INTO t VALUES (1)", NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_exec(database, "SELECT a FROM t", count_rows, &rows, NULL) != SQLITE_OK) {
        fail("own database", sqlite3_errmsg(database));
    }
    sqlite3_close(database);
    if (rows < 1) fail("own database", "has no row");
#ifdef SQLCIPHER
    char head[16] = "";
    FILE *file = fopen(path, "rb");
    if (file == NULL || fread(head, 1, sizeof head, file) != sizeof head) fail("own database", "cannot be read");
    fclose(file);
    if (memcmp(head, "SQLite format 3", sizeof head) == 0) fail("own database", "is not encrypted");
#endif
}

static void run(const char *method, const char *api, const char *params, char *result, size_t size)
{
    char *message = pims_execute(method, api, params);
    if (message == NULL || strstr(message, "\"status\":\"SUCCEEDED\"") == NULL) fail(method, message == NULL ? "no message" : message);
    if (result != NULL) snprintf(result, size, "%s", message);
    pims_string_free(message);
}

/* Reads the last code in the outbox of the embedded service. */
static void read_code(const char *folder, char code[13])
{
    char path[4096], line[4096];
    snprintf(path, sizeof path, "%s/state/sms-outbox.jsonl", folder);
    FILE *outbox = fopen(path, "r");
    if (outbox == NULL) fail(path, "is not there");
    while (fgets(line, sizeof line, outbox) != NULL) {
        const char *at = strstr(line, "\"code\":\"");
        if (at != NULL) sscanf(at, "\"code\":\"%12[0-9A-Za-z]", code);
    }
    fclose(outbox);
}

static void enroll(const char *folder)
{
    char params[4096], code[13] = "", message[1024];

    snprintf(params, sizeof params, "{\"storage\":{\"path\":\"%s/state\"}}", folder);
    run("init", NULL, params, NULL, 0);
    run("get", "pims.authentication.smscode", "{\"type\":\"phoneNumberCertification\",\"phoneNumber\":\"+33612345678\"}", NULL, 0);
    read_code(folder, code);
    snprintf(params, sizeof params,
             "{\"action\":\"enrollWithPhoneNumber\",\"pinCode\":\"2580\",\"smsCode\":\"%s\",\"phoneNumber\":\"+33612345678\"}", code);
    run("set", "pims.authentication.enrollment", params, NULL, 0);
    use_own(folder);
    run("get", "pims.authentication.otp", "{\"action\":\"withPIN\",\"pinCode\":\"2580\"}", message, sizeof message);
    if (strstr(message, "\"result\":{\"otp\":\"") == NULL) fail("otp", "none was made");
    pims_free();
}

int main(int count, char **arguments)
{
    if (count != 3) fail("usage", "own_sqlite FOLDER OPTION");
    if (!sqlite3_compileoption_used(arguments[2])) fail(arguments[2], "the program runs with another SQLite than its own");
    configure_own();
    use_own(arguments[1]);
    const long before = allocations;
    if (before == 0) fail("allocator", "the program's SQLite does not use it");
    char params[4096];
    snprintf(params, sizeof params, "{\"storage\":{\"path\":\"%s/other\"}}", arguments[1]);
    run("init", NULL, params, NULL, 0);
    run("get", "pims.authentication.smscode", "{\"type\":\"phoneNumberCertification\",\"phoneNumber\":\"+33612345678\"}", NULL, 0);
    pims_free();
    if (allocations != before) fail("allocator", "libpims runs with the program's SQLite");
    enroll(arguments[1]);
    use_own(arguments[1]);
    puts("both work");
    return 0;
}
