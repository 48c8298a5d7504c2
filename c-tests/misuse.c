/* Misuse of the interface: the return value refuses it, no message comes, and nothing breaks. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "files.h"
#include "message.h"

typedef int32_t (*Method)(const char *api, const char *params, pims_callback callback, void *ctx);

static const Method methods[] = {pims_get, pims_set, pims_subscribe, pims_unsubscribe};
enum { METHODS = 4 };

/*
 * Text that is not UTF-8: a lone continuation, an overlong slash, a surrogate, beyond the last
 * plane, cut short, Latin-1.
 */
static const char *const not_utf8[] = {"\x80",     "\xc0\xaf",         "\xed\xa0\x80", "\xf4\x90\x80\x80",
                                       "\xe2\x82", "{\"a\":\"\xe9\"}", "\xff\xfe{}"};
enum { NOT_UTF8 = sizeof not_utf8 / sizeof *not_utf8 };

static void still_works(void)
{
    assert_succeeded(get(SDK_VERSION, "{}"), NULL);
}

static void a_null_callback_is_refused(void **state)
{
    int unused;

    (void)state;
    assert_int_equal(pims_init("{}", NULL, &unused), PIMS_ERROR_NULL_CALLBACK);
    assert_int_equal(pims_init(NULL, NULL, NULL), PIMS_ERROR_NULL_CALLBACK);
    for (int i = 0; i < METHODS; i++) {
        assert_int_equal(methods[i](SDK_VERSION, "{}", NULL, &unused), PIMS_ERROR_NULL_CALLBACK);
        assert_int_equal(methods[i](NULL, NULL, NULL, NULL), PIMS_ERROR_NULL_CALLBACK);
    }
    /* The refused calls made no facade. */
    assert_failed(get(SDK_VERSION, "{}"), 2001);
    restart("");
    for (int i = 0; i < METHODS; i++) {
        assert_int_equal(methods[i](SDK_VERSION, "{}", NULL, &unused), PIMS_ERROR_NULL_CALLBACK);
    }
    still_works();
}

static void a_null_api_is_refused(void **state)
{
    Mailbox *mailbox = mailbox_new();

    (void)state;
    for (int i = 0; i < METHODS; i++) {
        assert_int_equal(methods[i](NULL, "{}", mailbox_callback, mailbox), PIMS_ERROR_NULL_API);
        assert_int_equal(methods[i](NULL, NULL, mailbox_callback, mailbox), PIMS_ERROR_NULL_API);
    }
    restart("");
    for (int i = 0; i < METHODS; i++) {
        assert_int_equal(methods[i](NULL, "{}", mailbox_callback, mailbox), PIMS_ERROR_NULL_API);
    }
    still_works();
    assert_int_equal(mailbox_count(mailbox), 0);
    mailbox_free(mailbox);
}

static void what_is_not_utf8_is_refused(void **state)
{
    Mailbox *mailbox = mailbox_new();

    (void)state;
    for (int i = 0; i < NOT_UTF8; i++) {
        assert_int_equal(pims_init(not_utf8[i], mailbox_callback, mailbox), PIMS_ERROR_NOT_UTF8);
        for (int j = 0; j < METHODS; j++) {
            assert_int_equal(methods[j](not_utf8[i], "{}", mailbox_callback, mailbox), PIMS_ERROR_NOT_UTF8);
            assert_int_equal(methods[j](SDK_VERSION, not_utf8[i], mailbox_callback, mailbox), PIMS_ERROR_NOT_UTF8);
        }
        assert_null(pims_execute(not_utf8[i], SDK_VERSION, "{}"));
        assert_null(pims_execute("get", not_utf8[i], "{}"));
        assert_null(pims_execute("get", SDK_VERSION, not_utf8[i]));
        assert_null(pims_execute("init", NULL, not_utf8[i]));
    }
    still_works();
    assert_int_equal(mailbox_count(mailbox), 0);
    mailbox_free(mailbox);
}

static void a_text_of_more_than_a_mebibyte_is_refused(void **state)
{
    Mailbox *mailbox = mailbox_new();
    char *text = repeat(' ', PIMS_MAX_TEXT + 1);
    /* It need not even be UTF-8: the library reads no byte beyond the limit. */
    char *junk = repeat('\xff', 2 * PIMS_MAX_TEXT);

    (void)state;
    assert_int_equal(pims_init(text, mailbox_callback, mailbox), PIMS_ERROR_TOO_LONG);
    for (int i = 0; i < METHODS; i++) {
        assert_int_equal(methods[i](text, "{}", mailbox_callback, mailbox), PIMS_ERROR_TOO_LONG);
        assert_int_equal(methods[i](SDK_VERSION, text, mailbox_callback, mailbox), PIMS_ERROR_TOO_LONG);
        assert_int_equal(methods[i](SDK_VERSION, junk, mailbox_callback, mailbox), PIMS_ERROR_TOO_LONG);
    }
    assert_null(pims_execute(text, SDK_VERSION, "{}"));
    assert_null(pims_execute("get", text, "{}"));
    assert_null(pims_execute("get", SDK_VERSION, text));
    assert_null(pims_execute("init", NULL, text));
    still_works();
    assert_int_equal(mailbox_count(mailbox), 0);
    mailbox_free(mailbox);
    free(text);
    free(junk);
}

static void a_text_of_a_mebibyte_is_judged(void **state)
{
    char *blank = repeat(' ', PIMS_MAX_TEXT);
    char *name = repeat('p', PIMS_MAX_TEXT);
    char *lists = repeat('[', PIMS_MAX_TEXT);

    (void)state;
    assert_invalid(request("get", SDK_VERSION, blank), "parameters");
    assert_failed(request("get", name, "{}"), 2002);
    /* Deeply nested text does not exhaust the stack. */
    assert_invalid(request("get", SDK_VERSION, lists), "parameters");
    memcpy(lists, "{\"a\":", 5);
    assert_invalid(request("set", ENROLLMENT, lists), "parameters");
    for (size_t i = 0; i + 5 <= PIMS_MAX_TEXT; i += 5) {
        memcpy(lists + i, "{\"a\":", 5);
    }
    assert_invalid(request("set", ENROLLMENT, lists), "parameters");
    /* One object that fills the whole text. */
    memcpy(blank, "{}", 2);
    assert_succeeded(request("get", SDK_VERSION, blank), NULL);
    pims_free();
    assert_failed(request("init", "", lists), 2004);
    free(blank);
    free(name);
    free(lists);
}

static void execute_without_a_method_is_null(void **state)
{
    (void)state;
    assert_null(pims_execute(NULL, SDK_VERSION, "{}"));
    assert_null(pims_execute(NULL, NULL, NULL));
    still_works();
}

static void releasing_null_is_harmless(void **state)
{
    (void)state;
    pims_string_free(NULL);
    pims_string_free(NULL);
    still_works();
}

static void freeing_without_a_facade_is_harmless(void **state)
{
    (void)state;
    assert_int_equal(pims_free(), PIMS_OK);
    assert_int_equal(pims_free(), PIMS_OK);
    restart("");
    still_works();
}

static void freeing_twice_is_harmless(void **state)
{
    (void)state;
    assert_int_equal(pims_free(), PIMS_OK);
    assert_int_equal(pims_free(), PIMS_OK);
    assert_failed(get(SDK_VERSION, "{}"), 2001);
    restart("");
    still_works();
}

static void a_second_init_is_2007_and_leaves_the_first_facade_alone(void **state)
{
    (void)state;
    assert_failed(init("{'storage':{'path':'%s'}}", folder()), 2007);
    assert_failed(init("{'storage':{'path':'%s/another'}}", folder()), 2007);
    assert_false(exists(in_folder("another")));
    /* The same holds for any second configuration. */
    assert_failed(init("nonsense"), 2007);
    assert_succeeded(get(OTP, "{'action':'withPIN','pinCode':'1234'}"), NULL);
    pims_free();
    assert_failed(get(SDK_VERSION, "{}"), 2001);
}

static void the_facade_can_be_made_and_freed_many_times(void **state)
{
    (void)state;
    for (int i = 0; i < 30; i++) {
        restart("");
        still_works();
    }
}

static const struct CMUnitTest tests[] = {
    TEST(a_null_callback_is_refused, with_folder),
    TEST(a_null_api_is_refused, with_folder),
    TEST(what_is_not_utf8_is_refused, with_facade),
    TEST(a_text_of_more_than_a_mebibyte_is_refused, with_facade),
    TEST(a_text_of_a_mebibyte_is_judged, with_facade),
    TEST(execute_without_a_method_is_null, with_facade),
    TEST(releasing_null_is_harmless, with_facade),
    TEST(freeing_without_a_facade_is_harmless, with_folder),
    TEST(freeing_twice_is_harmless, with_facade),
    TEST(a_second_init_is_2007_and_leaves_the_first_facade_alone, with_enrollment),
    TEST(the_facade_can_be_made_and_freed_many_times, with_facade),
};

SUITE_MAIN(tests)
