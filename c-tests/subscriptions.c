/* Events: one acknowledgment, then one RESULT a change, until the subscription is ended. */
#include "fixture.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "call.h"
#include "message.h"
#include "service.h"

#define BOTH "{'actionType':'strong','type':['isDeviceActivated','isAccountBlocked']}"
#define ACTIVATED "{'actionType':'strong','type':'isDeviceActivated'}"
#define BLOCKED "{'actionType':'strong','type':['isAccountBlocked']}"

typedef int32_t (*Method)(const char *api, const char *params, pims_callback callback, void *ctx);

static void call(Method method, const char *api, const char *params, Mailbox *mailbox)
{
    char text[256];

    assert_int_equal(method(api, quoted(params, text, sizeof text), mailbox_callback, mailbox), PIMS_OK);
}

/* Makes one call and returns its first message. */
static Answer ask(Method method, const char *api, const char *params)
{
    Mailbox *mailbox = mailbox_new();

    call(method, api, params, mailbox);
    Answer answer = mailbox_take(mailbox);
    mailbox_free(mailbox);
    return answer;
}

/* Waits for the earlier events: the message of a later call comes after them. */
static void let_events_pass(void)
{
    assert_succeeded(get(SDK_VERSION, "{}"), NULL);
    assert_succeeded(get(SDK_VERSION, "{}"), NULL);
}

static Answer assert_event(Mailbox *mailbox, const char *result)
{
    char expected[MAX_MESSAGE];
    Answer answer = mailbox_take(mailbox);

    assert_int_equal(answer.status, RESULT);
    assert_value(answer, "result", quoted(result, expected, sizeof expected));
    return answer;
}

static void changes_are_told_under_one_transaction(void **state)
{
    Mailbox *mailbox = mailbox_new();

    (void)state;
    call(pims_subscribe, ACCOUNT, BOTH, mailbox);
    Answer acknowledgment = assert_succeeded(mailbox_take(mailbox), "null");
    enroll(PIN);
    Answer enrolled = assert_event(mailbox, "{'isDeviceActivated':true}");
    assert_succeeded(get(ACCOUNT, IS_ACCOUNT_BLOCKED), "{'isAccountBlocked':'NotBlocked'}");
    Answer not_blocked = assert_event(mailbox, "{'isAccountBlocked':'NotBlocked'}");
    for (int i = 0; i < 5; i++) {
        assert_int_equal(get(OTP, "{'action':'withPIN','pinCode':'9999'}").status, FAILED);
    }
    Answer blocked = assert_event(mailbox, "{'isAccountBlocked':'PinBlocked'}");
    assert_succeeded(set(ENROLLMENT, "{'action':'remove'}"), "null");
    Answer removed = assert_event(mailbox, "{'isDeviceActivated':false,'isAccountBlocked':'Unknown'}");
    const Answer *all[] = {&enrolled, &not_blocked, &blocked, &removed};
    for (int i = 0; i < 4; i++) {
        assert_string_equal(all[i]->transaction, acknowledgment.transaction);
    }
    let_events_pass();
    assert_int_equal(mailbox_count(mailbox), 0);
    pims_free();
    mailbox_free(mailbox);
}

static void the_message_of_the_call_comes_before_the_event_that_it_caused(void **state)
{
    Mailbox *mailbox = mailbox_new();
    char params[128];

    (void)state;
    call(pims_subscribe, ACCOUNT, ACTIVATED, mailbox);
    assert_succeeded(mailbox_take(mailbox), "null");
    snprintf(params, sizeof params, "{'action':'enroll','pinCode':'" PIN "','smsCode':'%s'}", new_enrollment_code());
    call(pims_set, ENROLLMENT, params, mailbox);
    assert_succeeded(mailbox_take(mailbox), "null");
    assert_event(mailbox, "{'isDeviceActivated':true}");
    pims_free();
    mailbox_free(mailbox);
}

static void only_what_was_asked_for_is_told(void **state)
{
    Mailbox *mailbox = mailbox_new();

    (void)state;
    call(pims_subscribe, ACCOUNT, BLOCKED, mailbox);
    assert_succeeded(mailbox_take(mailbox), "null");
    enroll(PIN);
    assert_succeeded(get(ACCOUNT, IS_ACCOUNT_BLOCKED), "{'isAccountBlocked':'NotBlocked'}");
    assert_event(mailbox, "{'isAccountBlocked':'NotBlocked'}");
    assert_succeeded(set(ENROLLMENT, "{'action':'remove'}"), "null");
    assert_event(mailbox, "{'isAccountBlocked':'Unknown'}");
    let_events_pass();
    assert_int_equal(mailbox_count(mailbox), 0);
    pims_free();
    mailbox_free(mailbox);
}

static void what_changes_nothing_is_no_event(void **state)
{
    Mailbox *mailbox = mailbox_new();

    (void)state;
    assert_succeeded(get(ACCOUNT, IS_ACCOUNT_BLOCKED), "{'isAccountBlocked':'NotBlocked'}");
    call(pims_subscribe, ACCOUNT, BOTH, mailbox);
    assert_succeeded(mailbox_take(mailbox), "null");
    assert_succeeded(get(ACCOUNT, IS_ACCOUNT_BLOCKED), "{'isAccountBlocked':'NotBlocked'}");
    assert_succeeded(get(ACCOUNT, IS_DEVICE_ACTIVATED), "{'isDeviceActivated':true}");
    assert_true(verifies(new_otp(PIN)));
    assert_succeeded(set(PINCODE, "{'action':'update','oldPIN':'" PIN "','newPIN':'" OTHER_PIN "'}"), "null");
    assert_failed(get(OTP, "{'action':'withPIN','pinCode':'9999'}"), 2308);
    assert_failed(set(ENROLLMENT, "{'action':'enroll','pinCode':'1234','smsCode':' '}"), 2317);
    let_events_pass();
    assert_int_equal(mailbox_count(mailbox), 0);
    pims_free();
    mailbox_free(mailbox);
}

static void what_execute_changes_is_told_by_the_librarys_thread(void **state)
{
    const struct timespec moment = {0, 50000000};
    Mailbox *mailbox = mailbox_new();

    (void)state;
    call(pims_subscribe, ACCOUNT, BOTH, mailbox);
    assert_succeeded(mailbox_take(mailbox), "null");
    /* By then that thread nearly always sleeps: the call must wake it. */
    nanosleep(&moment, NULL);
    assert_succeeded(execute("set", ENROLLMENT, "{\"action\":\"remove\"}"), "null");
    assert_event(mailbox, "{'isDeviceActivated':false}");
    pims_free();
    mailbox_free(mailbox);
}

static void a_second_subscription_is_2005_and_the_first_goes_on(void **state)
{
    Mailbox *first = mailbox_new();
    Mailbox *second = mailbox_new();

    (void)state;
    call(pims_subscribe, ACCOUNT, ACTIVATED, first);
    assert_succeeded(mailbox_take(first), "null");
    call(pims_subscribe, ACCOUNT, BLOCKED, second);
    assert_failed(mailbox_take(second), 2005);
    call(pims_subscribe, ACCOUNT, ACTIVATED, second);
    assert_failed(mailbox_take(second), 2005);
    assert_succeeded(set(ENROLLMENT, "{'action':'remove'}"), "null");
    assert_event(first, "{'isDeviceActivated':false}");
    let_events_pass();
    assert_int_equal(mailbox_count(second), 0);
    pims_free();
    mailbox_free(first);
    mailbox_free(second);
}

static void after_unsubscribing_nothing_is_told(void **state)
{
    static const char *const ends[] = {"", "{}", ACTIVATED, BOTH};

    (void)state;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        Mailbox *mailbox = mailbox_new();
        call(pims_subscribe, ACCOUNT, BOTH, mailbox);
        assert_succeeded(mailbox_take(mailbox), "null");
        assert_succeeded(ask(pims_unsubscribe, ACCOUNT, ends[i]), "null");
        restart(",'embedded':{'policy':{'codesPerHour':100}}");
        call(pims_subscribe, ACCOUNT, BOTH, mailbox);
        assert_succeeded(mailbox_take(mailbox), "null");
        assert_succeeded(ask(pims_unsubscribe, ACCOUNT, ends[i]), "null");
        enroll(PIN);
        assert_succeeded(set(ENROLLMENT, "{'action':'remove'}"), "null");
        let_events_pass();
        assert_int_equal(mailbox_count(mailbox), 0);
        mailbox_free(mailbox);
    }
}

static void after_unsubscribing_one_may_subscribe_again(void **state)
{
    Mailbox *mailbox = mailbox_new();

    (void)state;
    call(pims_subscribe, ACCOUNT, BLOCKED, mailbox);
    Answer first = assert_succeeded(mailbox_take(mailbox), "null");
    assert_succeeded(ask(pims_unsubscribe, ACCOUNT, "{}"), "null");
    call(pims_subscribe, ACCOUNT, ACTIVATED, mailbox);
    Answer second = assert_succeeded(mailbox_take(mailbox), "null");
    assert_string_not_equal(first.transaction, second.transaction);
    assert_succeeded(set(ENROLLMENT, "{'action':'remove'}"), "null");
    Answer event = assert_event(mailbox, "{'isDeviceActivated':false}");
    assert_string_equal(event.transaction, second.transaction);
    pims_free();
    mailbox_free(mailbox);
}

static void a_subscription_ends_with_its_facade(void **state)
{
    Mailbox *mailbox = mailbox_new();

    (void)state;
    call(pims_subscribe, ACCOUNT, BOTH, mailbox);
    assert_succeeded(mailbox_take(mailbox), "null");
    restart("");
    assert_succeeded(set(ENROLLMENT, "{'action':'remove'}"), "null");
    let_events_pass();
    assert_int_equal(mailbox_count(mailbox), 0);
    /* The new facade has none. */
    assert_succeeded(ask(pims_subscribe, ACCOUNT, BOTH), "null");
    /* That mailbox is gone, so its subscription must be gone, too. */
    assert_succeeded(ask(pims_unsubscribe, ACCOUNT, "{}"), "null");
    mailbox_free(mailbox);
}

static void unsubscribing_without_a_subscription_succeeds(void **state)
{
    (void)state;
    assert_succeeded(ask(pims_unsubscribe, ACCOUNT, ""), "null");
    assert_succeeded(ask(pims_unsubscribe, ACCOUNT, BOTH), "null");
    assert_succeeded(ask(pims_unsubscribe, ACCOUNT, BOTH), "null");
}

static void a_subscription_is_judged_as_every_request(void **state)
{
    static const char *const bad_types[] = {"'nonsense'", "['isDeviceActivated','nonsense']", "[]", "1", "{}", "[['isDeviceActivated']]"};
    char params[128];

    (void)state;
    assert_failed(ask(pims_subscribe, "pims.nonsense", BOTH), 2002);
    assert_failed(ask(pims_subscribe, OTP, BOTH), 2002);
    assert_failed(ask(pims_unsubscribe, "pims.nonsense", BOTH), 2002);
    assert_invalid(ask(pims_subscribe, ACCOUNT, "[]"), "parameters");
    assert_invalid(ask(pims_unsubscribe, ACCOUNT, "no JSON"), "parameters");
    assert_missing(ask(pims_subscribe, ACCOUNT, "{}"), "type");
    assert_missing(ask(pims_subscribe, ACCOUNT, "{'actionType':'strong','type':null}"), "type");
    assert_missing(ask(pims_subscribe, ACCOUNT, "{'type':'isDeviceActivated'}"), "actionType");
    assert_invalid(ask(pims_subscribe, ACCOUNT, "{'actionType':'weak','type':'isDeviceActivated'}"), "actionType");
    for (size_t i = 0; i < sizeof bad_types / sizeof *bad_types; i++) {
        snprintf(params, sizeof params, "{'actionType':'strong','type':%s}", bad_types[i]);
        assert_invalid(ask(pims_subscribe, ACCOUNT, params), "type");
    }
    /* None of these left a subscription behind. */
    Mailbox *mailbox = mailbox_new();
    call(pims_subscribe, ACCOUNT, BOTH, mailbox);
    assert_succeeded(mailbox_take(mailbox), "null");
    pims_free();
    mailbox_free(mailbox);
}

/* ---- Events and the facade's life ------------------------------------------------------------ */

static void freeing_on_event_callback(const char *message, void *ctx)
{
    if (strstr(message, "\"status\":\"RESULT\"") != NULL) {
        pims_free();
    }
    mailbox_callback(message, ctx);
}

static void the_facade_may_be_freed_inside_an_event(void **state)
{
    Mailbox *mailbox = mailbox_new();
    char params[128];

    (void)state;
    assert_int_equal(pims_subscribe(ACCOUNT, quoted(BOTH, params, sizeof params), freeing_on_event_callback, mailbox), PIMS_OK);
    assert_succeeded(mailbox_take(mailbox), "null");
    assert_succeeded(set(ENROLLMENT, "{'action':'remove'}"), "null");
    assert_event(mailbox, "{'isDeviceActivated':false}");
    for (Poll poll = poll_begin(); init("{'storage':{'path':'%s'}}", folder()).status != SUCCEEDED;) {
        poll_wait(poll);
    }
    assert_int_equal(mailbox_count(mailbox), 0);
    mailbox_free(mailbox);
}

typedef struct Resubscription {
    Mailbox *events;
    Mailbox *others;
} Resubscription;

static void resubscribing_callback(const char *message, void *ctx)
{
    Resubscription *both = ctx;

    mailbox_callback(message, both->events);
    if (strstr(message, "\"status\":\"RESULT\"") != NULL) {
        char params[128] = "{\"actionType\":\"strong\",\"type\":\"isDeviceActivated\"}";
        pims_unsubscribe(ACCOUNT, "", mailbox_callback, both->others);
        pims_subscribe(ACCOUNT, params, resubscribing_callback, both);
    }
}

static void one_may_unsubscribe_and_subscribe_inside_an_event(void **state)
{
    Resubscription both = {mailbox_new(), mailbox_new()};
    char params[128];

    (void)state;
    assert_int_equal(pims_subscribe(ACCOUNT, quoted(ACTIVATED, params, sizeof params), resubscribing_callback, &both), PIMS_OK);
    Answer first = assert_succeeded(mailbox_take(both.events), "null");
    assert_succeeded(set(ENROLLMENT, "{'action':'remove'}"), "null");
    assert_string_equal(assert_event(both.events, "{'isDeviceActivated':false}").transaction, first.transaction);
    assert_succeeded(mailbox_take(both.others), "null");
    Answer second = assert_succeeded(mailbox_take(both.events), "null");
    assert_string_not_equal(first.transaction, second.transaction);
    enroll(PIN);
    assert_string_equal(assert_event(both.events, "{'isDeviceActivated':true}").transaction, second.transaction);
    pims_free();
    mailbox_free(both.events);
    mailbox_free(both.others);
}

typedef struct Ending {
    Mailbox *ended;
    Mailbox *executed;
    Mailbox *next;
} Ending;

static void ending_callback(const char *message, void *ctx)
{
    Ending *ending = ctx;

    mailbox_callback(message, ending->ended);
    char *answer = pims_execute("unsubscribe", ACCOUNT, "");
    mailbox_callback(answer, ending->executed);
    pims_string_free(answer);
}

static void subscribing_twice_callback(const char *message, void *ctx)
{
    Ending *ending = ctx;

    (void)message;
    pims_subscribe(ACCOUNT, "{\"actionType\":\"strong\",\"type\":\"isDeviceActivated\"}", ending_callback, ending);
    call(pims_subscribe, ACCOUNT, ACTIVATED, ending->next);
}

static void execute_ends_a_subscription_before_the_calls_that_wait(void **state)
{
    Ending ending = {mailbox_new(), mailbox_new(), mailbox_new()};

    (void)state;
    assert_int_equal(pims_get(SDK_VERSION, "", subscribing_twice_callback, &ending), PIMS_OK);
    assert_succeeded(mailbox_take(ending.ended), "null");
    assert_succeeded(mailbox_take(ending.executed), "null");
    assert_succeeded(mailbox_take(ending.next), "null");
    assert_succeeded(set(ENROLLMENT, "{'action':'remove'}"), "null");
    assert_event(ending.next, "{'isDeviceActivated':false}");
    let_events_pass();
    assert_int_equal(mailbox_count(ending.ended), 0);
    pims_free();
    mailbox_free(ending.ended);
    mailbox_free(ending.executed);
    mailbox_free(ending.next);
}

static void execute_ends_no_subscription_outside_a_callback(void **state)
{
    Mailbox *events = mailbox_new();

    (void)state;
    call(pims_subscribe, ACCOUNT, ACTIVATED, events);
    assert_succeeded(mailbox_take(events), "null");
    assert_failed(execute("unsubscribe", ACCOUNT, ""), 2002);
    assert_failed(execute("unsubscribe", SDK_VERSION, ""), 2002);
    assert_succeeded(set(ENROLLMENT, "{'action':'remove'}"), "null");
    assert_event(events, "{'isDeviceActivated':false}");
    pims_free();
    assert_failed(execute("unsubscribe", ACCOUNT, ""), 2001);
    mailbox_free(events);
}

static const char *ending(Answer acknowledgment, char *text, size_t size)
{
    snprintf(text, size, "{'transactionId':'%s'}", acknowledgment.transaction);
    return text;
}

static void a_transaction_id_ends_that_subscription_and_no_other(void **state)
{
    Mailbox *first = mailbox_new();
    Mailbox *second = mailbox_new();
    char end_of_first[64];

    (void)state;
    call(pims_subscribe, ACCOUNT, ACTIVATED, first);
    ending(assert_succeeded(mailbox_take(first), "null"), end_of_first, sizeof end_of_first);
    assert_succeeded(ask(pims_unsubscribe, ACCOUNT, "{'transactionId':'00000000-0000'}"), "null");
    assert_failed(ask(pims_subscribe, ACCOUNT, ACTIVATED), 2005);
    assert_succeeded(ask(pims_unsubscribe, ACCOUNT, end_of_first), "null");
    call(pims_subscribe, ACCOUNT, ACTIVATED, second);
    assert_succeeded(mailbox_take(second), "null");
    assert_succeeded(ask(pims_unsubscribe, ACCOUNT, end_of_first), "null");
    assert_succeeded(set(ENROLLMENT, "{'action':'remove'}"), "null");
    assert_event(second, "{'isDeviceActivated':false}");
    let_events_pass();
    assert_int_equal(mailbox_count(first), 0);
    assert_invalid(ask(pims_unsubscribe, ACCOUNT, "{'transactionId':'it'}"), "transactionId");
    pims_free();
    mailbox_free(first);
    mailbox_free(second);
}

static void its_end_by_its_transaction_id_never_meets_a_full_queue(void **state)
{
    Gate *gate = gate_new();
    Mailbox *events = mailbox_new();
    Mailbox *others = mailbox_new();
    Mailbox *ended = mailbox_new();
    int waiting = 0;
    char text[64];
    char params[64];

    (void)state;
    call(pims_subscribe, ACCOUNT, ACTIVATED, events);
    ending(assert_succeeded(mailbox_take(events), "null"), text, sizeof text);
    assert_int_equal(pims_get(SDK_VERSION, NULL, gate_callback, gate), PIMS_OK);
    gate_wait_entered(gate);
    while (pims_get(SDK_VERSION, NULL, mailbox_callback, others) == PIMS_OK) {
        waiting++;
    }
    assert_int_equal(pims_unsubscribe(ACCOUNT, NULL, mailbox_callback, others), PIMS_ERROR_QUEUE_FULL);
    call(pims_unsubscribe, ACCOUNT, text, ended);
    /* The queue has only one reserved place. */
    assert_int_equal(pims_unsubscribe(ACCOUNT, quoted(text, params, sizeof params), mailbox_callback, others), PIMS_ERROR_QUEUE_FULL);
    gate_open(gate);
    assert_succeeded(mailbox_take(ended), "null");
    /* The call has its turn: the calls that waited have their messages. */
    assert_int_equal(mailbox_count(others), waiting);
    assert_succeeded(set(ENROLLMENT, "{'action':'remove'}"), "null");
    let_events_pass();
    assert_int_equal(mailbox_count(events), 0);
    mailbox_free(events);
    mailbox_free(others);
    mailbox_free(ended);
}

/* ---- News of the account, for which the library asks ----------------------------------------- */

#define NEWS "{'actionType':'strong','type':['notices','approval']}"
#define NEW_DEVICE "<notice><number>5</number><event>newDevice</event><at>17</at><device>a8f3c1d0</device><name>Tablet</name></notice>"
#define RESET "<notice><number>7</number><event>reset</event><at>18</at></notice>"
#define ASKED(lifetime) \
    "<err>OK</err><state>asked</state><device>a8f3c1d0</device><name>Tablet</name><since>17</since><lifetime>" lifetime "</lifetime>"

static void begin(void)
{
    assert_succeeded(init("{" LOUD ",'storage':{'path':'%s'},'credential':{'inWeboURL':'%s','macID':'0123456789abcdef0123456789abcdef'},"
                          "'account':{'accessToken':'the-token-of-a-test-1'}}",
                          folder(), service_url()),
                     "null");
}

/* Enrolls the device at the scripted service, which has no news. */
static void begin_with_news(void)
{
    service_start();
    service_answers(STEP("Setup", "messages"), 200, "<err>OK</err><challenge>c</challenge>");
    service_answers(STEP("Finalize", "messages"), 200, "<err>OK</err>");
    service_answers(STEP("Setup", "checkpush"), 200, "<err>OK</err><challenge>c</challenge>");
    service_answers(STEP("Finalize", "checkpush"), 200, "<err>OK</err><state>none</state>");
    begin();
    assert_succeeded(set(ENROLLMENT, "{'action':'enroll','pinCode':'" PIN "','smsCode':'24240001'}"), "null");
}

/* Waits until so many requests with this text came, and until the library has read the answers. */
static void wait_until_asked(const char *request, int count)
{
    for (Poll poll = poll_begin(); service_asked(request) < count;) {
        poll_wait(poll);
    }
    let_events_pass();
}

/* A configuration lets the library ask at once. Waits until it has. */
static void let_it_ask(const char *request)
{
    int asked = service_asked(request);

    assert_succeeded(set(SDK_CONFIGURATION, "{}"), "null");
    wait_until_asked(request, asked + 1);
}

static Mailbox *subscribe(const char *params)
{
    Mailbox *mailbox = mailbox_new();

    call(pims_subscribe, ACCOUNT, params, mailbox);
    assert_succeeded(mailbox_take(mailbox), "null");
    return mailbox;
}

static void nothing_is_asked_without_a_topic_that_needs_it(void **state)
{
    (void)state;
    begin_with_news();
    Mailbox *mailbox = subscribe(BOTH);
    assert_succeeded(get(ACCOUNT, IS_ACCOUNT_BLOCKED), "{'isAccountBlocked':'NotBlocked'}");
    assert_event(mailbox, "{'isAccountBlocked':'NotBlocked'}");
    assert_succeeded(set(SDK_CONFIGURATION, "{}"), "null");
    let_events_pass();
    assert_int_equal(service_asked("mode=messages") + service_asked("mode=checkpush"), 0);
    pims_free();
    mailbox_free(mailbox);

    begin();
    mailbox = subscribe("{'actionType':'strong','type':'notices'}");
    wait_until_asked(STEP("Finalize", "messages"), 1);
    assert_int_equal(service_asked("mode=checkpush"), 0);
    pims_free();
    mailbox_free(mailbox);
}

static void a_notice_is_told_once_also_after_a_restart(void **state)
{
    (void)state;
    begin_with_news();
    service_answers(STEP("Finalize", "messages"), 200, "<err>OK</err>" NEW_DEVICE RESET);
    service_answers("&after=7 ", 200, "<err>OK</err>");
    Mailbox *mailbox = subscribe("{'actionType':'strong','type':['notices','isAccountBlocked']}");
    assert_event(mailbox, "{'notices':[{'event':'newDevice','at':17,'deviceId':'a8f3c1d0','name':'Tablet'},"
                          "{'event':'reset','at':18,'deviceId':null,'name':null}]}");
    let_it_ask("&after=7 ");
    assert_int_equal(mailbox_count(mailbox), 0);
    pims_free();
    begin();
    mailbox_free(mailbox);
    mailbox = subscribe("{'actionType':'strong','type':['notices']}");
    wait_until_asked("&after=7 ", 2);
    assert_int_equal(mailbox_count(mailbox), 0);
    /* The call tells all of them, the newest first. */
    assert_succeeded(get(NOTICES, "{}"), "{'notices':[{'event':'reset','at':18,'deviceId':null,'name':null},"
                                         "{'event':'newDevice','at':17,'deviceId':'a8f3c1d0','name':'Tablet'}]}");
    pims_free();
    mailbox_free(mailbox);
}

static void a_device_that_waits_is_told_once_and_when_it_waits_no_more(void **state)
{
    const char *asked = "{'state':'asked','deviceId':'a8f3c1d0','name':'Tablet','since':17,'number':null,'lifetimeSeconds':%s}";
    const char *none = "{'state':'none','deviceId':null,'name':null,'since':null,'number':null,'lifetimeSeconds':null}";
    char result[MAX_MESSAGE], event[MAX_MESSAGE + 32];

    (void)state;
    begin_with_news();
    Mailbox *mailbox = subscribe("{'actionType':'strong','type':'approval'}");
    wait_until_asked(STEP("Finalize", "checkpush"), 1);
    assert_int_equal(mailbox_count(mailbox), 0);
    service_answers(STEP("Finalize", "checkpush"), 200, ASKED("240"));
    let_it_ask(STEP("Finalize", "checkpush"));
    snprintf(result, sizeof result, asked, "240");
    snprintf(event, sizeof event, "{'approval':%s}", result);
    assert_event(mailbox, event);
    service_answers(STEP("Finalize", "checkpush"), 200, ASKED("180"));
    let_it_ask(STEP("Finalize", "checkpush"));
    assert_int_equal(mailbox_count(mailbox), 0);
    snprintf(result, sizeof result, asked, "180");
    assert_succeeded(get(APPROVAL, "{}"), quoted(result, result, sizeof result));
    service_answers(STEP("Finalize", "checkpush"), 200, "<err>OK</err><state>none</state>");
    let_it_ask(STEP("Finalize", "checkpush"));
    snprintf(event, sizeof event, "{'approval':%s}", none);
    assert_event(mailbox, event);
    assert_succeeded(get(APPROVAL, "{}"), quoted(none, result, sizeof result));
    pims_free();
    mailbox_free(mailbox);
}

static void a_service_without_news_is_asked_once_a_subscription_or_configuration(void **state)
{
    (void)state;
    begin_with_news();
    service_answers(STEP("Setup", "messages"), 200, "<err>NOK:SN</err>");
    service_answers(STEP("Setup", "checkpush"), 200, "<err>NOK:SN</err>");
    Mailbox *mailbox = subscribe(NEWS);
    wait_until_asked(STEP("Setup", "messages"), 1);
    wait_until_asked(STEP("Setup", "checkpush"), 1);
    let_it_ask(STEP("Setup", "messages"));
    wait_until_asked(STEP("Setup", "checkpush"), 2);
    assert_succeeded(ask(pims_unsubscribe, ACCOUNT, "{}"), "null");
    Mailbox *second = subscribe(NEWS);
    wait_until_asked(STEP("Setup", "messages"), 3);
    wait_until_asked(STEP("Setup", "checkpush"), 3);
    assert_int_equal(service_asked(STEP("Setup", "messages")), 3);
    assert_int_equal(service_asked(STEP("Setup", "checkpush")), 3);
    assert_int_equal(mailbox_count(mailbox) + mailbox_count(second), 0);
    pims_free();
    mailbox_free(mailbox);
    mailbox_free(second);
}

static void without_an_answer_nothing_is_told_and_the_next_time_comes(void **state)
{
    (void)state;
    begin_with_news();
    service_answers(STEP("Finalize", "messages"), 200, "<err>OK</err>" NEW_DEVICE);
    service_fails(STEP("Setup", "messages"), CUT);
    Mailbox *mailbox = subscribe("{'actionType':'strong','type':'notices'}");
    wait_until_asked(STEP("Setup", "messages"), 1);
    assert_int_equal(mailbox_count(mailbox), 0);
    service_answers(STEP("Setup", "messages"), 200, "<err>OK</err><challenge>c</challenge>");
    let_it_ask(STEP("Finalize", "messages"));
    assert_event(mailbox, "{'notices':[{'event':'newDevice','at':17,'deviceId':'a8f3c1d0','name':'Tablet'}]}");
    pims_free();
    mailbox_free(mailbox);
}

static void the_facade_ends_while_a_question_waits_for_its_answer(void **state)
{
    Mailbox *others = mailbox_new();

    (void)state;
    begin_with_news();
    /* Only the end of the facade ends the wait. */
    assert_succeeded(set(SDK_CONFIGURATION, "{'network':{'requestTimeoutMs':4294967295}}"), "null");
    service_fails(STEP("Finalize", "messages"), SILENCE);
    Mailbox *mailbox = subscribe("{'actionType':'strong','type':'notices'}");
    for (Poll poll = poll_begin(); service_asked(STEP("Finalize", "messages")) < 1;) {
        poll_wait(poll);
    }
    call(pims_get, SDK_VERSION, "{}", others);
    pims_free();
    assert_failed(mailbox_take(others), 2001);
    assert_int_equal(mailbox_count(mailbox), 0);
    mailbox_free(mailbox);
    mailbox_free(others);
}

static void unsubscribing_on_notices_callback(const char *message, void *ctx)
{
    if (strstr(message, "\"notices\"") != NULL) {
        char *answer = pims_execute("unsubscribe", ACCOUNT, "");
        assert_non_null(answer);
        pims_string_free(answer);
    }
    mailbox_callback(message, ctx);
}

static void one_may_unsubscribe_inside_a_notice_which_counts_as_told(void **state)
{
    Mailbox *mailbox = mailbox_new();
    char params[128];

    (void)state;
    begin_with_news();
    service_answers(STEP("Finalize", "messages"), 200, "<err>OK</err>" NEW_DEVICE);
    service_answers("&after=5 ", 200, "<err>OK</err>");
    assert_int_equal(pims_subscribe(ACCOUNT, quoted(NEWS, params, sizeof params), unsubscribing_on_notices_callback, mailbox), PIMS_OK);
    assert_succeeded(mailbox_take(mailbox), "null");
    assert_event(mailbox, "{'notices':[{'event':'newDevice','at':17,'deviceId':'a8f3c1d0','name':'Tablet'}]}");
    let_events_pass();
    Mailbox *second = subscribe(NEWS);
    wait_until_asked("&after=5 ", 1);
    assert_int_equal(mailbox_count(mailbox) + mailbox_count(second), 0);
    pims_free();
    mailbox_free(mailbox);
    mailbox_free(second);
}

static const struct CMUnitTest tests[] = {
    TEST(changes_are_told_under_one_transaction, with_phone_number),
    TEST(the_message_of_the_call_comes_before_the_event_that_it_caused, with_phone_number),
    TEST(only_what_was_asked_for_is_told, with_phone_number),
    TEST(what_changes_nothing_is_no_event, with_enrollment),
    TEST(what_execute_changes_is_told_by_the_librarys_thread, with_enrollment),
    TEST(a_second_subscription_is_2005_and_the_first_goes_on, with_enrollment),
    TEST(after_unsubscribing_nothing_is_told, with_phone_number),
    TEST(after_unsubscribing_one_may_subscribe_again, with_enrollment),
    TEST(a_subscription_ends_with_its_facade, with_enrollment),
    TEST(unsubscribing_without_a_subscription_succeeds, with_facade),
    TEST(a_subscription_is_judged_as_every_request, with_facade),
    TEST(the_facade_may_be_freed_inside_an_event, with_enrollment),
    TEST(one_may_unsubscribe_and_subscribe_inside_an_event, with_enrollment),
    TEST(execute_ends_a_subscription_before_the_calls_that_wait, with_enrollment),
    TEST(execute_ends_no_subscription_outside_a_callback, with_enrollment),
    TEST(a_transaction_id_ends_that_subscription_and_no_other, with_enrollment),
    TEST(its_end_by_its_transaction_id_never_meets_a_full_queue, with_enrollment),
    TEST(nothing_is_asked_without_a_topic_that_needs_it, with_folder),
    TEST(a_notice_is_told_once_also_after_a_restart, with_folder),
    TEST(a_device_that_waits_is_told_once_and_when_it_waits_no_more, with_folder),
    TEST(a_service_without_news_is_asked_once_a_subscription_or_configuration, with_folder),
    TEST(without_an_answer_nothing_is_told_and_the_next_time_comes, with_folder),
    TEST(the_facade_ends_while_a_question_waits_for_its_answer, with_folder),
    TEST(one_may_unsubscribe_inside_a_notice_which_counts_as_told, with_folder),
};

SUITE_MAIN(tests)
