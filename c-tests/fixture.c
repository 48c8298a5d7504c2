#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "json.h"
#include "peer.h"
#include "secrets.h"
#include "service.h"

static void fail_at(const char *file, int line, const char *format, ...) PRINTF(3, 4);

/* ---- Time ---------------------------------------------------------------------------------------------------------------------------- */

static long number_from(const char *variable, long otherwise)
{
    const char *text = getenv(variable);
    long number = text != NULL ? strtol(text, NULL, 10) : 0;

    return number > 0 ? number : otherwise;
}

/* How long a message is waited for: nothing depends on it but how long a failure takes. */
static long deadline_seconds(void)
{
    return number_from("PIMS_TEST_DEADLINE", 300);
}

size_t many_calls(void)
{
    return (size_t)number_from("PIMS_TEST_CALLS", 100000);
}

static long long now_in_milliseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return 1000LL * now.tv_sec + now.tv_nsec / 1000000;
}

Poll poll_begin(void)
{
    Poll poll = {now_in_milliseconds() + 1000LL * deadline_seconds()};

    return poll;
}

void poll_wait(Poll poll)
{
    const struct timespec moment = {0, 1000000};

    if (now_in_milliseconds() > poll.until) {
        fail_msg("waited for %ld seconds", deadline_seconds());
    }
    nanosleep(&moment, NULL);
}

/* Waits on a condition; false when the deadline of this wait is over. */
static bool timed_wait(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *until)
{
    return pthread_cond_timedwait(condition, mutex, until) != ETIMEDOUT;
}

/* A condition whose waits are measured by a clock that nobody sets. */
static void make_condition(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

static struct timespec deadline(void)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += deadline_seconds();
    return until;
}

/* ---- Mailboxes ----------------------------------------------------------------------------------------------------------------------- */

struct Mailbox {
    pthread_mutex_t mutex;
    pthread_cond_t arrived;
    char **messages;
    size_t count;
    size_t room;
    size_t taken;
};

Mailbox *mailbox_new(void)
{
    Mailbox *mailbox = calloc(1, sizeof *mailbox);

    if (mailbox == NULL) {
        abort();
    }
    pthread_mutex_init(&mailbox->mutex, NULL);
    make_condition(&mailbox->arrived);
    return mailbox;
}

void mailbox_free(Mailbox *mailbox)
{
    /* The callback that brought the last message may still hold it. */
    pthread_mutex_lock(&mailbox->mutex);
    pthread_mutex_unlock(&mailbox->mutex);
    for (size_t i = mailbox->taken; i < mailbox->count; i++) {
        free(mailbox->messages[i]);
    }
    free(mailbox->messages);
    pthread_cond_destroy(&mailbox->arrived);
    pthread_mutex_destroy(&mailbox->mutex);
    free(mailbox);
}

void mailbox_callback(const char *message, void *ctx)
{
    Mailbox *mailbox = ctx;
    char *copy = strdup(message);

    pthread_mutex_lock(&mailbox->mutex);
    if (mailbox->count == mailbox->room) {
        mailbox->room = mailbox->room == 0 ? 4 : 2 * mailbox->room;
        mailbox->messages = realloc(mailbox->messages, mailbox->room * sizeof *mailbox->messages);
    }
    if (copy == NULL || mailbox->messages == NULL) {
        abort();
    }
    mailbox->messages[mailbox->count++] = copy;
    pthread_cond_signal(&mailbox->arrived);
    pthread_mutex_unlock(&mailbox->mutex);
}

/* The next message, which the caller frees, or NULL where none comes. */
static char *take_raw(Mailbox *mailbox)
{
    struct timespec until = deadline();
    bool in_time = true;
    char *message = NULL;

    pthread_mutex_lock(&mailbox->mutex);
    while (in_time && mailbox->taken == mailbox->count) {
        in_time = timed_wait(&mailbox->arrived, &mailbox->mutex, &until);
    }
    if (mailbox->taken < mailbox->count) {
        message = mailbox->messages[mailbox->taken++];
    }
    pthread_mutex_unlock(&mailbox->mutex);
    return message;
}

Answer mailbox_take(Mailbox *mailbox)
{
    char *message = take_raw(mailbox);

    if (message == NULL) {
        fail_msg("no message came in %ld seconds", deadline_seconds());
    }
    Answer answer = read_answer(message);
    free(message);
    return answer;
}

size_t mailbox_count(Mailbox *mailbox)
{
    pthread_mutex_lock(&mailbox->mutex);
    size_t count = mailbox->count - mailbox->taken;
    pthread_mutex_unlock(&mailbox->mutex);
    return count;
}

/* ---- Reading messages ---------------------------------------------------------------------------------------------------------------- */

/* The catalogue of the reference: each label that a message may have. */
static const struct {
    int code;
    const char *label;
} catalogue[] = {
    {2000, "Unknown error"},
    {2001, "Facade not initialized"},
    {2002, "API not supported"},
    {2003, "[Component] not loaded"},
    {2004, "Configuration file invalid"},
    {2005, "Duplicate command"},
    {2006, "Core not well configured"},
    {2007, "Facade already initialized"},
    {2101, "Missing [PARAMETER] parameter"},
    {2102, "Invalid [PARAMETER] parameter"},
    {2201, "Timeout"},
    {2202, "Network problem : No internet"},
    {2203, "Invalid return"},
    {2204, "Server Error"},
    {2208, "Certificat pinning failed"},
    {2301, "Need Basic Authentication (to get CVS token)"},
    {2302, "Need Strong Authentication"},
    {2305, "The sms code is invalid"},
    {2306, "The sms code is expired"},
    {2307, "User dont have a phone number"},
    {2308, "inwebo: access refused"},
    {2309, "inwebo: version error"},
    {2310, "inwebo: account is blocked"},
    {2311, "inwebo: internal state not correct"},
    {2312, "inwebo: device is disabled or unknown"},
    {2313, "inwebo: User must activate inWebo helium or inWebo Desktop Token before achieving this operation"},
    {2314, "inwebo: No service is available"},
    {2315, "inwebo: the new password equals the previous one"},
    {2316, "inwebo: the operation succeeded but it required a post-synchronization which failed"},
    {2317, "inwebo: forbidden operation (due to activated state/blocked state/upgradable state)"},
    {2344, "[Component] not configured"},
    {2350, "[Method] is deprecated since [version]"},
    {2390, "Phone number allready registered"},
};

/* Whether a label is that of the catalogue, its placeholder filled in. */
static bool is_label(int code, const char *label)
{
    const char *known = NULL;

    for (size_t i = 0; i < sizeof catalogue / sizeof *catalogue; i++) {
        known = catalogue[i].code == code ? catalogue[i].label : known;
    }
    if (known == NULL) {
        return false;
    }
    const char *open = strchr(known, '[');
    if (open == NULL) {
        return strcmp(known, label) == 0;
    }
    const char *after = strchr(known, ']') + 1;
    size_t before = (size_t)(open - known);
    size_t length = strlen(label);
    return length > before + strlen(after) && strncmp(known, label, before) == 0 && strchr(label, '[') == NULL
        && strcmp(label + length - strlen(after), after) == 0;
}

static bool is_transaction_id(const char *text)
{
    for (int i = 0; i < 13; i++) {
        if (i == 8 ? text[i] != '-' : strchr("0123456789abcdef", text[i]) == NULL || text[i] == '\0') {
            return false;
        }
    }
    return true;
}

static bool is_next_action(const char *word)
{
    static const char *const known[] = {"retryPin", "requestSmsCode", "removeEnrollments", "resetPin", "authenticate", "update"};

    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(word, known[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* The error that a FAILED message tells; 0 where it is not of the documented form. */
static int read_error(const char *message, const char *error)
{
    char number[MAX_WORD];
    char label[MAX_MESSAGE];
    char begin[MAX_MESSAGE + 64];
    char word[MAX_MESSAGE];

    if (!json_find(message, "error.code", number, sizeof number) || !json_find(message, "error.label", label, sizeof label)) {
        return 0;
    }
    int code = (int)strtol(number, NULL, 10);
    int length = snprintf(begin, sizeof begin, "{\"code\":%d,\"label\":\"%s\"", code, label);
    if (strncmp(error, begin, (size_t)length) != 0 || !is_label(code, label)) {
        return 0;
    }
    /* What may follow: detail, then info. An empty one is left out. */
    const char *rest = error + length;
    if (strncmp(rest, ",\"detail\":\"", 11) == 0) {
        if (!json_find(message, "error.detail", word, sizeof word) || word[0] == '\0') {
            return 0;
        }
        rest += 12 + strlen(word);
    }
    if (strncmp(rest, ",\"info\":{\"", 10) == 0) {
        if (!json_find(message, "error.info", word, sizeof word)) {
            return 0;
        }
        rest += 8 + strlen(word);
    }
    if (json_find(message, "error.info.nextAction", word, sizeof word) && !is_next_action(word)) {
        return 0;
    }
    return strcmp(rest, "}") == 0 ? code : 0;
}

/* Whether this is what may follow the result of a SUCCEEDED message: the note of wrong PINs, and nothing else. */
static bool is_note(const char *message, const char *rest)
{
    char count[MAX_WORD];
    char since[MAX_WORD];
    char expected[2 * MAX_WORD + 64];

    if (!json_find(message, "info.wrongPinsSince.count", count, sizeof count)
        || !json_find(message, "info.wrongPinsSince.since", since, sizeof since) || strtol(count, NULL, 10) < 1
        || strtoll(since, NULL, 10) < 1) {
        return false;
    }
    snprintf(expected, sizeof expected, ",\"info\":{\"wrongPinsSince\":{\"count\":%s,\"since\":%s}}}", count, since);
    return strcmp(rest, expected) == 0;
}

Answer read_answer(const char *message)
{
    static const char *const names[] = {"SUCCEEDED", "FAILED", "RESULT"};
    static const char *const members[] = {"result", "error", "result"};
    char begin[128];
    char value[MAX_MESSAGE];
    Answer answer;

    memset(&answer, 0, sizeof answer);
    if (strlen(message) >= sizeof answer.message || !json_is_compact_object(message)) {
        fail_msg("this is not one compact JSON object: %s", message);
    }
    secrets_in_message(message);
    strcpy(answer.message, message);
    if (!json_find(message, "transactionId", answer.transaction, sizeof answer.transaction) || !is_transaction_id(answer.transaction)) {
        fail_msg("this has no transactionId of two groups of a UUID: %s", message);
    }
    for (int i = 0; i < 3; i++) {
        int length = snprintf(begin, sizeof begin, "{\"transactionId\":\"%s\",\"status\":\"%s\",\"%s\":", answer.transaction, names[i],
                              members[i]);
        if (strncmp(message, begin, (size_t)length) != 0) {
            continue;
        }
        answer.status = (Status)i;
        /* The third member is the last, but for the note of wrong PINs. */
        if (!json_find(message, members[i], value, sizeof value) || (size_t)length + strlen(value) >= strlen(message)) {
            fail_msg("this has another form than documented: %s", message);
        }
        const char *rest = message + length + strlen(value);
        if (strcmp(rest, "}") != 0 && (answer.status != SUCCEEDED || !is_note(message, rest))) {
            fail_msg("this has another form than documented: %s", message);
        }
        if (answer.status == FAILED) {
            answer.code = read_error(message, value);
            if (answer.code == 0) {
                fail_msg("this error is not of the documented form: %s", message);
            }
        }
        return answer;
    }
    fail_msg("these members are not those of a message, in their order: %s", message);
    return answer;
}

/* ---- Requests ------------------------------------------------------------------------------------------------------------------------ */

char *quoted(const char *text, char *copy, size_t size)
{
    if (strlen(text) >= size) {
        fail_msg("the text is too long for a test: %s", text);
    }
    for (size_t i = 0; i <= strlen(text); i++) {
        copy[i] = text[i] == '\'' ? '"' : text[i];
    }
    return copy;
}

char *raw_request(const char *method, const char *api, const char *params, int32_t *returned)
{
    Mailbox *mailbox = mailbox_new();
    char *message = NULL;

    if (params != NULL) {
        secrets_in_params(params);
    }
    if (strcmp(method, "init") == 0) {
        *returned = pims_init(params, mailbox_callback, mailbox);
    } else {
        *returned = (strcmp(method, "get") == 0 ? pims_get : pims_set)(api, params, mailbox_callback, mailbox);
    }
    if (*returned == PIMS_OK) {
        message = take_raw(mailbox);
        if (message == NULL) {
            /* The message may yet come: the mailbox is left to it. */
            return NULL;
        }
    }
    mailbox_free(mailbox);
    return message;
}

Answer request(const char *method, const char *api, const char *params)
{
    int32_t returned;
    char *message = raw_request(method, api, params, &returned);

    if (message == NULL) {
        fail_msg("%s %s returned %d and brought no message", method, api, (int)returned);
    }
    Answer answer = read_answer(message);
    free(message);
    return answer;
}

Answer execute(const char *method, const char *api, const char *params)
{
    char *message = pims_execute(method, api, params);

    secrets_in_params(params != NULL ? params : "");
    assert_non_null(message);
    Answer answer = read_answer(message);
    pims_string_free(message);
    return answer;
}

void format_params(const char *format, va_list values, char *params, size_t size)
{
    int length = vsnprintf(params, size, format, values);

    if (length < 0 || (size_t)length >= size) {
        fail_msg("the parameters are too long for a test: %s", format);
    }
    quoted(params, params, size);
    secrets_in_params(params);
}

static Answer request_with(const char *method, const char *api, const char *format, va_list values)
{
    char params[MAX_MESSAGE];

    format_params(format, values, params, sizeof params);
    return request(method, api, params);
}

Answer get(const char *api, const char *format, ...)
{
    va_list values;

    va_start(values, format);
    Answer answer = request_with("get", api, format, values);
    va_end(values);
    return answer;
}

Answer set(const char *api, const char *format, ...)
{
    va_list values;

    va_start(values, format);
    Answer answer = request_with("set", api, format, values);
    va_end(values);
    return answer;
}

Answer init(const char *format, ...)
{
    va_list values;

    va_start(values, format);
    Answer answer = request_with("init", "", format, values);
    va_end(values);
    return answer;
}

/* ---- Assertions on messages ---------------------------------------------------------------------------------------------------------- */

static void fail_at(const char *file, int line, const char *format, ...)
{
    char text[2 * MAX_MESSAGE];
    va_list values;

    va_start(values, format);
    vsnprintf(text, sizeof text, format, values);
    va_end(values);
    print_error("%s\n", text);
    _fail(file, line);
}

const char *value_at(const Answer *answer, const char *path, const char *file, int line)
{
    static char value[MAX_MESSAGE];

    if (!json_find(answer->message, path, value, sizeof value)) {
        fail_at(file, line, "there is no %s in %s", path, answer->message);
    }
    return value;
}

Answer check_succeeded(Answer answer, const char *result, const char *file, int line)
{
    char expected[MAX_MESSAGE];

    if (answer.status != SUCCEEDED) {
        fail_at(file, line, "expected SUCCEEDED, got %s", answer.message);
    }
    if (result != NULL) {
        quoted(result, expected, sizeof expected);
        if (strcmp(value_at(&answer, "result", file, line), expected) != 0) {
            fail_at(file, line, "expected the result %s, got %s", expected, answer.message);
        }
    }
    return answer;
}

Answer check_failed(Answer answer, int code, const char *file, int line)
{
    if (answer.status != FAILED || answer.code != code) {
        fail_at(file, line, "expected FAILED %d, got %s", code, answer.message);
    }
    return answer;
}

Answer check_labelled(Answer answer, int code, const char *label, const char *file, int line)
{
    check_failed(answer, code, file, line);
    check_value(answer, "error.label", label, file, line);
    return answer;
}

void check_value(Answer answer, const char *path, const char *expected, const char *file, int line)
{
    if (strcmp(value_at(&answer, path, file, line), expected) != 0) {
        fail_at(file, line, "expected %s to be %s in %s", path, expected, answer.message);
    }
}

void check_detail(Answer answer, const char *words, const char *file, int line)
{
    if (strstr(value_at(&answer, "error.detail", file, line), words) == NULL) {
        fail_at(file, line, "expected \"%s\" in the detail of %s", words, answer.message);
    }
}

/* ---- Gates --------------------------------------------------------------------------------------------------------------------------- */

struct Gate {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool entered;
    bool open;
    bool left;
    Gate *next;
};

static Gate *gates;

Gate *gate_new(void)
{
    Gate *gate = calloc(1, sizeof *gate);

    if (gate == NULL) {
        abort();
    }
    pthread_mutex_init(&gate->mutex, NULL);
    make_condition(&gate->changed);
    gate->next = gates;
    gates = gate;
    return gate;
}

void gate_callback(const char *message, void *ctx)
{
    Gate *gate = ctx;

    (void)message;
    pthread_mutex_lock(&gate->mutex);
    gate->entered = true;
    pthread_cond_broadcast(&gate->changed);
    while (!gate->open) {
        pthread_cond_wait(&gate->changed, &gate->mutex);
    }
    gate->left = true;
    pthread_mutex_unlock(&gate->mutex);
}

void gate_wait_entered(Gate *gate)
{
    struct timespec until = deadline();
    bool in_time = true;

    pthread_mutex_lock(&gate->mutex);
    while (in_time && !gate->entered) {
        in_time = timed_wait(&gate->changed, &gate->mutex, &until);
    }
    bool entered = gate->entered;
    pthread_mutex_unlock(&gate->mutex);
    assert_true(entered);
}

void gate_open(Gate *gate)
{
    pthread_mutex_lock(&gate->mutex);
    gate->open = true;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->mutex);
}

bool gate_was_left(Gate *gate)
{
    pthread_mutex_lock(&gate->mutex);
    bool left = gate->left;
    pthread_mutex_unlock(&gate->mutex);
    return left;
}

static void open_gates(void)
{
    for (Gate *gate = gates; gate != NULL; gate = gate->next) {
        gate_open(gate);
    }
}

/* After pims_free: nobody waits at a gate any more. */
static void free_gates(void)
{
    while (gates != NULL) {
        Gate *gate = gates;
        gates = gate->next;
        pthread_cond_destroy(&gate->changed);
        pthread_mutex_destroy(&gate->mutex);
        free(gate);
    }
}

/* ---- Standard streams ---------------------------------------------------------------------------------------------------------------- */

long bytes_written_by(void (*work)(void))
{
    struct stat written;
    int output = dup(STDOUT_FILENO);
    int errors = dup(STDERR_FILENO);
    int file = open(in_folder("streams"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    assert_true(output >= 0 && errors >= 0 && file >= 0);
    fflush(NULL);
    dup2(file, STDOUT_FILENO);
    dup2(file, STDERR_FILENO);
    work();
    fflush(NULL);
    dup2(output, STDOUT_FILENO);
    dup2(errors, STDERR_FILENO);
    close(output);
    close(errors);
    assert_int_equal(fstat(file, &written), 0);
    close(file);
    return (long)written.st_size;
}

/* ---- Files --------------------------------------------------------------------------------------------------------------------------- */

bool exists(const char *path)
{
    struct stat status;

    return lstat(path, &status) == 0;
}

char *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    char *bytes = NULL;
    size_t room = 0;

    if (file == NULL) {
        fail_msg("%s cannot be read: %s", path, strerror(errno));
    }
    *size = 0;
    do {
        room += 1 << 16;
        bytes = realloc(bytes, room + 1);
        if (bytes == NULL) {
            abort();
        }
        *size += fread(bytes + *size, 1, room - *size, file);
    } while (*size == room);
    fclose(file);
    bytes[*size] = '\0';
    return bytes;
}

void write_file(const char *path, const void *bytes, size_t size)
{
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (file < 0 || write(file, bytes, size) != (ssize_t)size || close(file) != 0) {
        fail_msg("%s cannot be written: %s", path, strerror(errno));
    }
}

static void copy_file(const char *from, const char *to)
{
    size_t size;
    char *bytes = read_file(from, &size);

    write_file(to, bytes, size);
    free(bytes);
}

void make_folder(const char *path)
{
    if (mkdir(path, 0700) != 0) {
        fail_msg("%s cannot be made: %s", path, strerror(errno));
    }
}

static int delete_entry(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status;
    (void)type;
    (void)place;
    return remove(path);
}

void delete_tree(const char *path)
{
    nftw(path, delete_entry, 16, FTW_DEPTH | FTW_PHYS);
}

char *repeat(char character, size_t times)
{
    char *text = malloc(times + 1);

    if (text == NULL) {
        abort();
    }
    memset(text, character, times);
    text[times] = '\0';
    return text;
}

/* ---- Fixtures ------------------------------------------------------------------------------------------------------------------------ */

static char root[MAX_PATH - 64];
static char storage[MAX_PATH - 32];
static int storages;

const char *folder(void)
{
    return storage;
}

const char *in_folder(const char *name)
{
    static char paths[4][MAX_PATH];
    static int next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof paths[0], "%s/%s", storage, name);
    return path;
}

/* An authority that has made its keys, which every test copies: it takes a while. The service makes them before it judges a code. */
static void make_template(const char *path)
{
    char config[MAX_PATH + 64];
    char params[MAX_WORD];

    make_folder(path);
    snprintf(config, sizeof config, "{\"storage\":{\"path\":\"%s\"}}", path);
    assert_succeeded(request("init", "", config), "null");
    assert_failed(request("set", SMSCODE, quoted("{'action':'enrollment','smsCode':'0000'}", params, sizeof params)), 2305);
    pims_free();
}

int with_folder(void **state)
{
    char template[MAX_PATH];
    char from[MAX_PATH + 32];

    (void)state;
    /* Nothing hangs for ever. */
    alarm((unsigned)(20 * deadline_seconds()));
    snprintf(template, sizeof template, "%s/template", root);
    if (!exists(template)) {
        make_template(template);
    }
    snprintf(storage, sizeof storage, "%s/%d", root, ++storages);
    make_folder(storage);
    snprintf(from, sizeof from, "%s/authority.db", template);
    copy_file(from, in_folder("authority.db"));
    snprintf(from, sizeof from, "%s/authority.key", template);
    copy_file(from, in_folder("authority.key"));
    return 0;
}

int with_facade(void **state)
{
    with_folder(state);
    assert_succeeded(init("{" LOUD ",'storage':{'path':'%s'}}", storage), "null");
    return 0;
}

int with_phone_number(void **state)
{
    with_facade(state);
    register_phone_number();
    return 0;
}

int with_enrollment(void **state)
{
    with_phone_number(state);
    enroll(PIN);
    return 0;
}

int without_anything(void **state)
{
    (void)state;
    open_gates();
    pims_free();
    free_gates();
    peers_stop();
    service_stop();
    bool kept = secrets_were_kept(storage);
    secrets_forget();
    delete_tree(storage);
    alarm(0);
    return kept ? 0 : -1;
}

void restart(const char *more)
{
    assert_int_equal(pims_free(), PIMS_OK);
    assert_succeeded(init("{" LOUD ",'storage':{'path':'%s'}%s}", storage, more), "null");
}

void register_phone_number(void)
{
    assert_succeeded(get(SMSCODE, "{'type':'phoneNumberCertification','phoneNumber':'%s'}", PHONE_NUMBER), "{}");
    assert_succeeded(set(SMSCODE, "{'action':'addPhoneNumber','smsCode':'%s','phoneNumber':'%s'}", last_code("phoneNumberCertification"),
                         PHONE_NUMBER), "null");
}

const char *new_enrollment_code(void)
{
    assert_succeeded(get(SMSCODE, "{'type':'enrollment'}"), "{}");
    return last_code("enrollment");
}

void enroll(const char *pin)
{
    assert_succeeded(set(SMSCODE, "{'action':'enrollment','smsCode':'%s'}", new_enrollment_code()), NULL);
    assert_succeeded(set(ENROLLMENT, "{'action':'enroll','pinCode':'%s','smsCode':' '}", pin), "null");
}

const char *new_otp(const char *pin)
{
    static char otp[MAX_WORD];
    Answer answer = assert_succeeded(get(OTP, "{'action':'withPIN','pinCode':'%s'}", pin), NULL);

    snprintf(otp, sizeof otp, "%s", value_of(answer, "result.otp"));
    return otp;
}

bool verifies(const char *otp)
{
    Answer answer = assert_succeeded(set(VERIFY, "{'action':'verify','otp':'%s'}", otp), NULL);
    const char *verified = value_of(answer, "result.verified");

    assert_true(strcmp(verified, "true") == 0 || strcmp(verified, "false") == 0);
    return strcmp(verified, "true") == 0;
}

const char *code_of(const char *in, const char *purpose)
{
    static char code[MAX_WORD];
    char path[MAX_PATH];
    char found[MAX_WORD] = "";
    size_t size;

    snprintf(path, sizeof path, "%s/sms-outbox.jsonl", in);
    char *lines = read_file(path, &size);
    assert_true(size > 0 && lines[size - 1] == '\n');
    lines[size - 1] = '\0';
    char *last = strrchr(lines, '\n');
    last = last != NULL ? last + 1 : lines;
    bool read = json_find(last, "code", code, sizeof code) && json_find(last, "purpose", found, sizeof found);
    free(lines);
    assert_true(read);
    assert_string_equal(found, purpose);
    return code;
}

const char *last_code(const char *purpose)
{
    return code_of(storage, purpose);
}

const char *wrong_code(const char *right)
{
    static char wrong[MAX_WORD];

    snprintf(wrong, sizeof wrong, "%s", right);
    wrong[0] = right[0] == '9' ? '0' : (char)(right[0] + 1);
    return wrong;
}

int suite_main(int argc, char **argv, int (*run)(void))
{
    if (argc == 3 && strcmp(argv[1], PEER_ARGUMENT) == 0) {
        alarm((unsigned)(20 * deadline_seconds()));
        return peer_main(argv[2]);
    }
    /* A peer that died is told by what it does not answer. */
    signal(SIGPIPE, SIG_IGN);
    strcpy(root, "/tmp/pims-c-tests-XXXXXX");
    if (mkdtemp(root) == NULL) {
        perror(root);
        return EXIT_FAILURE;
    }
    int failures = run();
    delete_tree(root);
    return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
