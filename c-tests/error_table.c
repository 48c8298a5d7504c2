/*
 * The error table: every error that the reference lists for an operation, and those that this
 * library documents besides. Each is produced by its cause and compared with its error.info. The
 * table is error_table.def; each line of it is a test.
 *
 * Causes are real: wrong PINs, other devices, a service that is gone or silent, a storage that was
 * taken away. A server on a loopback port gives the answers that the embedded authority never
 * gives.
 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "files.h"
#include "message.h"
#include "peer.h"
#include "service.h"

typedef enum State { FRESH, ENROLLED } State;

typedef struct Operation {
    const char *method;
    const char *api;
    const char *params;
    /* A parameter that the operation requires. */
    const char *parameter;
    /* The first request of the operation to the service. */
    const char *request;
    /* The state of the device that the request needs. */
    State state;
} Operation;

typedef struct Cell {
    Operation operation;
    int code;
    void (*arrange)(void);
    /* error.info: "" if there is none, "*" if it differs each time. */
    const char *info;
} Cell;

/* The cell that runs, and its parameters, which a cause may change. */
static const Cell *cell;
static char params[MAX_MESSAGE];

/* ---- The library in one state or another ----------------------------------------------------- */

#define CODE "24240001"
#define ACCESS_TOKEN "access-token-of-the-tests-0f3b"

static void begin(const char *more)
{
    assert_succeeded(init("{'storage':{'path':'%s/device'}," LOUD "%s}", folder(), more), "null");
}

/* Initializes the library over the embedded authority of the test's folder. */
static void begin_embedded(const char *more)
{
    char members[MAX_PATH + 256];

    snprintf(members, sizeof members, ",'embedded':{'database':'%s/authority.db'%s}", folder(), more);
    begin(members);
}

static const char *device_code(const char *purpose)
{
    return code_of(in_folder("device"), purpose);
}

static void register_number(void)
{
    assert_succeeded(get(SMSCODE, "{'type':'phoneNumberCertification','phoneNumber':'" PHONE_NUMBER "'}"), "{}");
    assert_succeeded(set(SMSCODE, "{'action':'addPhoneNumber','smsCode':'%s','phoneNumber':'" PHONE_NUMBER "'}",
                         device_code("phoneNumberCertification")),
                     "null");
}

static void begin_enrolled(const char *more)
{
    begin_embedded(more);
    register_number();
    assert_succeeded(get(SMSCODE, "{'type':'enrollment'}"), "{}");
    assert_succeeded(set(ENROLLMENT, "{'action':'enroll','pinCode':'" PIN "','smsCode':'%s'}", device_code("enrollment")), "null");
}

/*
 * Initializes the library over the server on the loopback port, with additional members of
 * `account`.
 */
static void begin_remote(const char *account)
{
    char members[MAX_PATH + 256];

    service_start();
    snprintf(members, sizeof members,
             ",'credential':{'inWeboURL':'%s','clientId':'tests','macID':'0123456789abcdef0123456789abcdef'},'account':{%s}", service_url(),
             account);
    begin(members);
    if (cell->operation.state == ENROLLED) {
        assert_succeeded(set(ENROLLMENT, "{'action':'enroll','pinCode':'" PIN "','smsCode':'" CODE "'}"), "null");
    }
}

static void begin_with_service(void)
{
    begin_remote("'accessToken':'" ACCESS_TOKEN "'");
}

/* Starts another device of the account, in another process. */
static Peer *another_device(const char *more)
{
    Answer told;
    Peer *peer =
        peer_start(&told, "{'storage':{'path':'%s/other'}," LOUD ",'embedded':{'database':'%s/authority.db'%s}}", folder(), folder(), more);

    assert_succeeded(told, "null");
    return peer;
}

static Peer *another_enrolled_device(const char *more)
{
    Peer *peer = another_device(more);

    assert_succeeded(peer_get(peer, SMSCODE, "{'type':'enrollment'}"), "{}");
    assert_succeeded(
        peer_set(peer, ENROLLMENT, "{'action':'enroll','pinCode':'" PIN "','smsCode':'%s'}", code_of(in_folder("other"), "enrollment")),
        "null");
    return peer;
}

/* Puts another text in place of one of the parameters. */
static void replace(const char *old, const char *new)
{
    char changed[MAX_MESSAGE];
    char *place = strstr(params, old);

    assert_non_null(place);
    snprintf(changed, sizeof changed, "%.*s%s%s", (int)(place - params), params, new, place + strlen(old));
    strcpy(params, changed);
}

/* ---- Causes: the call itself ----------------------------------------------------------------- */

static void before_pims_init(void) {}

static void a_missing_parameter(void)
{
    char name[MAX_WORD];

    begin_embedded("");
    snprintf(name, sizeof name, "'%s'", cell->operation.parameter);
    replace(name, "'-'");
}

static void an_invalid_parameter(void)
{
    char bad[MAX_WORD];

    begin_embedded("");
    /* If a name is repeated, the last one counts. */
    snprintf(bad, sizeof bad, ",'%s':true}", cell->operation.parameter);
    replace("}", bad);
}

static void a_bad_configuration(void)
{
    begin_embedded("");
    replace("B2B", "B2D");
}

/* ---- Causes: the configuration and the storage ----------------------------------------------- */

static void no_service_configured(void)
{
    begin(",'environnement':'Production'");
}

static void a_storage_that_was_taken_away(void)
{
    if (cell->operation.state == ENROLLED) {
        begin_enrolled("");
    } else {
        begin_embedded("");
    }
    assert_int_equal(rename(in_folder("device"), in_folder("elsewhere")), 0);
}

static void another_factory_key(void)
{
    char key[257];

    memset(key, 'f', sizeof key - 1);
    key[sizeof key - 1] = '\0';
    if (cell->operation.state == ENROLLED) {
        begin_enrolled("");
        assert_succeeded(get(SMSCODE, "{'type':'resetPIN'}"), "{}");
        replace(CODE, device_code("resetPIN"));
    } else if (strstr(params, "phoneNumber") != NULL) {
        begin_embedded("");
        assert_succeeded(get(SMSCODE, "{'type':'phoneNumberCertification','phoneNumber':'" PHONE_NUMBER "'}"), "{}");
        replace(CODE, device_code("phoneNumberCertification"));
    } else {
        begin_embedded("");
        register_number();
        assert_succeeded(get(SMSCODE, "{'type':'enrollment'}"), "{}");
        replace(CODE, device_code("enrollment"));
    }
    assert_succeeded(set(SDK_CONFIGURATION, "{'credential':{'factoryKey':'%s'}}", key), "null");
}

/* ---- Causes: the network --------------------------------------------------------------------- */

static void nobody_listens(void)
{
    begin_with_service();
    service_stop();
}

static void no_answer_in_time(void)
{
    begin_with_service();
    service_fails(cell->operation.request, SILENCE);
    assert_succeeded(set(SDK_CONFIGURATION, "{'network':{'requestTimeoutMs':200}}"), "null");
}

static void a_failing_server(void)
{
    begin_with_service();
    service_answers(cell->operation.request, 503, "");
}

static void a_page_of_something_else(void)
{
    begin_with_service();
    service_answers(cell->operation.request, 200, "<html><p>Welcome to the hotel's network");
}

static void no_access_token(void)
{
    begin_remote("");
}

static void a_refused_access_token(void)
{
    begin_with_service();
    service_answers(cell->operation.request, 401, "");
}

/* Cuts off the step that follows a change of the account. */
static void a_killed_synchronization(void)
{
    begin_with_service();
    service_fails(STEP("Setup", "synchro"), CUT);
}

static void a_killed_synchronization_before(void)
{
    a_killed_synchronization();
    assert_failed(set(PINCODE, "{'action':'update','oldPIN':'" PIN "','newPIN':'" OTHER_PIN "'}"), 2316);
}

static void a_killed_registration_of_the_secret(void)
{
    begin_with_service();
    service_fails(STEP("Finalize", "ms"), CUT);
}

/* ---- Causes: answers of the service ---------------------------------------------------------- */

static void an_answer_of_the_service(void)
{
    static const struct {
        int code;
        const char *word;
    } words[] = {
        {2000, "NOK:NEWWORD"}, {2305, "NOK:CODE"},          {2308, "NOK:ACCESS"},    {2309, "NOK:VERSION"},
        {2310, "NOK_BLOCKED"}, {2311, "NOK:STATE"},         {2312, "NOK:NODEVICE"},  {2313, "NOK:NOCA"},
        {2314, "NOK:NOSRV"},   {2316, "NOK:SYNCHROFAILED"}, {2317, "NOK:FORBIDDEN"},
    };
    char body[MAX_WORD];
    size_t i = 0;

    while (words[i].code != cell->code) {
        i++;
        assert_in_range(i, 0, sizeof words / sizeof *words - 1);
    }
    begin_with_service();
    if (strncmp(cell->operation.request, "?", 1) == 0) {
        snprintf(body, sizeof body, "<err>%s</err>", words[i].word);
        service_answers(cell->operation.request, 200, body);
    } else {
        snprintf(body, sizeof body, "{'err':'%s'}", words[i].word);
        service_answers(cell->operation.request, 403, body);
    }
}

static void a_device_that_cannot_be_synchronized(void)
{
    begin_with_service();
    service_answers(STEP("Finalize", "otp"), 200, "<err>NOK:DESYNCHRONIZED</err>");
}

/* ---- Causes: PINs and codes ------------------------------------------------------------------ */

static void a_wrong_pin(void)
{
    begin_enrolled("");
    replace(PIN, "9999");
}

static void five_wrong_pins(void)
{
    a_wrong_pin();
    for (int left = 4; left > 0; left--) {
        char number[MAX_WORD];
        snprintf(number, sizeof number, "%d", left);
        Answer answer = get(OTP, "{'action':'withPIN','pinCode':'9999'}");
        assert_failed(answer, 2308);
        assert_value(answer, "error.info.attemptsLeft", number);
    }
}

static void the_only_wrong_pin_before_a_block_that_ends_by_itself(void)
{
    begin_enrolled(",'policy':{'maxPinTries':1,'pinBlockSeconds':60}");
    replace(PIN, "9999");
}

/* Gives a device without an enrollment a code for an account that another device enrolled in. */
static void a_code_of_an_account_with_a_pin(Peer **peer)
{
    begin_embedded("");
    register_number();
    *peer = another_enrolled_device("");
    assert_succeeded(get(SMSCODE, "{'type':'enrollment'}"), "{}");
    replace(CODE, device_code("enrollment"));
}

static void a_wrong_pin_of_a_second_device(void)
{
    Peer *peer;

    a_code_of_an_account_with_a_pin(&peer);
    replace(PIN, "9999");
}

static void guess_five_times(Peer *peer)
{
    for (int i = 0; i < 5; i++) {
        assert_failed(peer_get(peer, OTP, "{'action':'withPIN','pinCode':'9999'}"), i < 4 ? 2308 : 2310);
    }
}

static void an_account_blocked_from_another_device(void)
{
    Peer *peer;

    a_code_of_an_account_with_a_pin(&peer);
    guess_five_times(peer);
}

static void a_block_made_by_another_device(void)
{
    begin_enrolled(",'policy':{'otpWithoutPin':true}");
    guess_five_times(another_enrolled_device(",'policy':{'otpWithoutPin':true}"));
}

static void a_policy_that_wants_a_pin(void)
{
    begin_enrolled("");
}

static void a_wrong_code(void)
{
    const char *purpose = "enrollment";

    if (strcmp(cell->operation.api, PINCODE) == 0) {
        begin_enrolled("");
        assert_succeeded(get(SMSCODE, "{'type':'resetPIN'}"), "{}");
        purpose = "resetPIN";
    } else if (strstr(params, "phoneNumber") == NULL) {
        begin_embedded("");
        register_number();
        assert_succeeded(get(SMSCODE, "{'type':'enrollment'}"), "{}");
    } else {
        begin_embedded("");
        if (strstr(params, "modify") != NULL) {
            register_number();
        }
        assert_succeeded(get(SMSCODE, "{'type':'phoneNumberCertification','phoneNumber':'" PHONE_NUMBER "'}"), "{}");
        purpose = "phoneNumberCertification";
    }
    replace(CODE, wrong_code(device_code(purpose)));
}

static void a_clock_past_the_life_of_the_code(void)
{
    begin_embedded("");
    register_number();
    assert_succeeded(get(SMSCODE, "{'type':'enrollment'}"), "{}");
    replace(CODE, device_code("enrollment"));
    assert_succeeded(set(SDK_CONFIGURATION, "{'embedded':{'clockOffsetSeconds':601}}"), "null");
}

static void too_many_codes(void)
{
    begin_embedded(",'policy':{'codesPerHour':2}");
    register_number();
    assert_succeeded(get(SMSCODE, "{'type':'enrollment'}"), "{}");
}

static void equal_pins(void)
{
    begin_embedded("");
    replace(OTHER_PIN, PIN);
}

static void the_present_pin(void)
{
    begin_enrolled("");
    assert_succeeded(get(SMSCODE, "{'type':'resetPIN'}"), "{}");
    replace(CODE, device_code("resetPIN"));
    replace(OTHER_PIN, PIN);
}

/* ---- Causes: the state of the account and its devices ---------------------------------------- */

static void no_phone_number(void)
{
    begin_embedded("");
}

static void a_registered_phone_number(void)
{
    begin_embedded("");
    register_number();
    assert_succeeded(get(SMSCODE, "{'type':'phoneNumberCertification','phoneNumber':'" PHONE_NUMBER "'}"), "{}");
    replace(CODE, device_code("phoneNumberCertification"));
}

static void a_device_without_enrollment(void)
{
    begin_embedded("");
}

static void an_enrolled_device(void)
{
    begin_enrolled("");
}

static void a_blank_code_before_any(void)
{
    begin_embedded("");
    replace(CODE, " ");
}

static void an_account_with_its_most_devices(void)
{
    begin_embedded(",'policy':{'maxDevices':1}");
    register_number();
    another_enrolled_device(",'policy':{'maxDevices':1}");
    assert_succeeded(get(SMSCODE, "{'type':'enrollment'}"), "{}");
    replace(CODE, device_code("enrollment"));
}

static void a_device_removed_from_another_one(void)
{
    begin_enrolled("");
    if (strcmp(cell->operation.params, params) == 0 && strstr(params, "'reset'") != NULL) {
        assert_succeeded(get(SMSCODE, "{'type':'resetPIN'}"), "{}");
        replace(CODE, device_code("resetPIN"));
    }
    assert_succeeded(peer_set(another_enrolled_device(""), ENROLLMENT, "{'action':'remove'}"), "null");
}

static void a_device_that_waits_for_its_approval(void)
{
    begin_embedded(",'policy':{'activationApproval':true}");
    register_number();
    another_enrolled_device(",'policy':{'activationApproval':true}");
    assert_succeeded(get(SMSCODE, "{'type':'enrollment'}"), "{}");
    assert_succeeded(set(ENROLLMENT, "{'action':'enroll','pinCode':'" PIN "','smsCode':'%s'}", device_code("enrollment")), NULL);
}

/* ---- The table ------------------------------------------------------------------------------- */

enum {
#define OPERATION(name, method, api, operation, parameters, parameter, request, state) OPERATION_##name,
#define CELL(name, code, arrange, cause, info)
#define BEYOND CELL
#include "error_table.def"
#undef OPERATION
#undef CELL
};

static const Operation operations[] = {
#define OPERATION(name, method, api, operation, parameters, parameter, request, state) {method, api, parameters, parameter, request, state},
#define CELL(name, code, arrange, cause, info)
#include "error_table.def"
#undef OPERATION
#undef CELL
};

static const struct {
    const char *name;
    int operation;
    int code;
    void (*arrange)(void);
    const char *info;
} cells[] = {
#define OPERATION(name, method, api, operation, parameters, parameter, request, state)
#define CELL(name, code, arrange, cause, info) {#name ": " #code ", " #arrange, OPERATION_##name, code, arrange, info},
#include "error_table.def"
#undef OPERATION
#undef CELL
};

enum { CELLS = sizeof cells / sizeof *cells };

static Cell told;

/*
 * Asserts that the operation fails with this code and this error.info. Afterwards the library still
 * works.
 */
static void the_operation_fails_as_the_table_says(void **state)
{
    char expected[MAX_MESSAGE];
    size_t i = *(size_t *)*state;

    told = (Cell){operations[cells[i].operation], cells[i].code, cells[i].arrange, cells[i].info};
    cell = &told;
    strcpy(params, cell->operation.params);
    cell->arrange();
    Answer answer = (strcmp(cell->operation.method, "get") == 0 ? get : set)(cell->operation.api, "%s", params);
    assert_failed(answer, cell->code);
    if (cell->code == 2101 || cell->code == 2102) {
        snprintf(expected, sizeof expected, "%s %s parameter", cell->code == 2101 ? "Missing" : "Invalid", cell->operation.parameter);
        assert_value(answer, "error.label", expected);
    }
    if (cell->info[0] == '\0') {
        assert_null(strstr(answer.message, "\"info\""));
    } else if (strcmp(cell->info, "*") != 0) {
        assert_value(answer, "error.info", quoted(cell->info, expected, sizeof expected));
    }
    if (cell->code != 2001) {
        assert_succeeded(get(SDK_VERSION, "{}"), NULL);
    }
}

static int run_group(void)
{
    static size_t numbers[CELLS];
    static struct CMUnitTest tests[CELLS];

    for (size_t i = 0; i < CELLS; i++) {
        numbers[i] = i;
        tests[i] = (struct CMUnitTest){cells[i].name, the_operation_fails_as_the_table_says, with_folder, without_anything, &numbers[i]};
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
    return suite_main(argc, argv, run_group);
}
