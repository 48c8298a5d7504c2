/*
 * A crowd: many devices of one account at once, each a process with a storage of its own, over one
 * database.
 *
 * PIMS_TEST_PEERS is the number of devices (16). PIMS_TEST_SECONDS is how long they work if no
 * number of requests ends the work (5). On a slow machine, fewer devices and seconds test the same
 * code.
 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "call.h"
#include "files.h"
#include "message.h"
#include "peer.h"
#include "secrets.h"

#define WITH_PIN "{'action':'withPIN','pinCode':'%s'}"
#define WRONG_PIN "9999"

/* Limits for every policy here: no limit that a test does not test may affect it. */
#define NO_LIMITS "'codesPerHour':1000,'codesPerDay':1000,'maxDevices':100,'pinBudget':100000,'otpLifetimeSeconds':86400"

/* The bounds of the number of devices. Each of the tests needs four. */
enum { FEWEST = 4, MOST = 64 };

typedef struct Crowd {
    size_t size;
    Peer *peers[MOST];
    /*
     * The members of `embedded.policy`. Each process has its own rules, so all get the same ones.
     */
    char policy[MAX_MESSAGE / 4];
} Crowd;

static size_t setting(const char *variable, size_t otherwise)
{
    const char *text = getenv(variable);
    long number = text != NULL ? strtol(text, NULL, 10) : 0;

    return number > 0 ? (size_t)number : otherwise;
}

static size_t crowd_size(void)
{
    size_t size = setting("PIMS_TEST_PEERS", 16);

    return size < FEWEST ? FEWEST : size > MOST ? MOST : size;
}

/* ---- The devices ----------------------------------------------------------------------------- */

/* Starts the device with this number, or restarts it. */
static void start(Crowd *crowd, size_t number)
{
    Answer told;

    crowd->peers[number] = peer_start(&told, "{'storage':{'path':'%s/%zu'},'embedded':{'database':'%s/authority.db','policy':{%s}}}",
                                      folder(), number, folder(), crowd->policy);
    assert_succeeded(told, "null");
}

/* Starts this many devices, and restarts this process under the same rules. */
static void gather(Crowd *crowd, size_t size, const char *policy)
{
    char more[MAX_MESSAGE / 2];

    crowd->size = size;
    snprintf(crowd->policy, sizeof crowd->policy, "%s", policy);
    snprintf(more, sizeof more, ",'embedded':{'policy':{%s}}", policy);
    restart(more);
    for (size_t i = 0; i < size; i++) {
        start(crowd, i);
    }
}

static void dismiss(Crowd *crowd)
{
    for (size_t i = 0; i < crowd->size; i++) {
        peer_stop(crowd->peers[i]);
    }
}

/* Returns the last code that this device was sent. */
static const char *code_sent_to(size_t number)
{
    char name[MAX_WORD];

    snprintf(name, sizeof name, "%zu", number);
    return code_of(in_folder(name), "enrollment");
}

/* Enrolls a device from the first step to the last. */
static void join(const Crowd *crowd, size_t number, const char *pin)
{
    Peer *peer = crowd->peers[number];

    assert_succeeded(peer_get(peer, SMSCODE, "{'type':'enrollment'}"), "{}");
    assert_succeeded(peer_set(peer, ENROLLMENT, "{'action':'enroll','pinCode':'%s','smsCode':'%s'}", pin, code_sent_to(number)), "null");
}

/* Enrolls the devices one after the other: a new code replaces the last one. */
static void gather_enrolled(Crowd *crowd, size_t size, const char *policy)
{
    gather(crowd, size, policy);
    for (size_t i = 0; i < size; i++) {
        join(crowd, i, PIN);
    }
}

static void ask_for_password(Peer *peer, const char *pin)
{
    peer_send(peer, "get", OTP, WITH_PIN, pin);
}

static Answer password_of(Peer *peer, const char *pin)
{
    return peer_get(peer, OTP, WITH_PIN, pin);
}

static bool is_right(Answer password)
{
    char otp[MAX_WORD];

    assert_succeeded(password, NULL);
    snprintf(otp, sizeof otp, "%s", value_of(password, "result.otp"));
    return verifies(otp);
}

/* Sends a process the password of another one. */
static void show(Peer *peer, const char *otp)
{
    peer_send(peer, "set", VERIFY, "{'action':'verify','otp':'%s'}", otp);
}

static bool next_is_verified(Peer *peer)
{
    Answer answer = assert_succeeded(peer_receive(peer), NULL);

    return strcmp(value_of(answer, "result.verified"), "true") == 0;
}

/* Asserts that all devices make a password with this PIN, at once. */
static void assert_pin_of_all(const Crowd *crowd, const char *pin)
{
    for (size_t i = 0; i < crowd->size; i++) {
        ask_for_password(crowd->peers[i], pin);
    }
    for (size_t i = 0; i < crowd->size; i++) {
        assert_true(is_right(peer_receive(crowd->peers[i])));
    }
}

/*
 * Returns whether the audit trail has this event. Every process must have closed the database,
 * above all this one: reading the file would release the locks that SQLite holds on it.
 */
static bool was_audited(const char *event)
{
    size_t size;
    char *bytes = read_file(in_folder("authority.db"), &size);
    size_t length = strlen(event);
    bool found = false;

    assert_false(exists(in_folder("authority.db-wal")));
    for (size_t i = 0; i + length <= size && !found; i++) {
        found = memcmp(bytes + i, event, length) == 0;
    }
    free(bytes);
    return found;
}

/* ---- Passwords ------------------------------------------------------------------------------- */

/*
 * The number of rounds of requests that a device has in advance, so that it need not wait for a
 * slower one, and the number of rounds after which a password is known.
 */
enum { AHEAD = 2, LAG = AHEAD + 1 };

/* The number of passwords after which the secrets are searched for. */
enum { SECRETS = 2048 };

typedef struct Password {
    char text[MAX_WORD];
    int accepted;
} Password;

/*
 * In each round, each device makes a password and shows the service the password of its neighbour
 * of some rounds ago. In every fourth round, the device before it shows the same password, too.
 */
typedef struct Work {
    const Crowd *crowd;
    /* The password of a device in a round is at round * size + device. */
    Password *passwords;
    /* The number of rounds that make passwords. It is known when the time is over. */
    size_t rounds;
} Work;

static size_t showings_in(const Work *work, size_t round)
{
    if (round < LAG || round - LAG >= work->rounds) {
        return 0;
    }
    return round % 4 == 0 ? 2 : 1;
}

static Password *shown_by(const Work *work, size_t peer, size_t round, size_t showing)
{
    size_t size = work->crowd->size;

    return &work->passwords[(round - LAG) * size + (peer + 1 + showing) % size];
}

static void hand_in(const Work *work, size_t peer, size_t round)
{
    Peer *device = work->crowd->peers[peer];

    if (round < work->rounds) {
        ask_for_password(device, PIN);
    }
    for (size_t i = 0; i < showings_in(work, round); i++) {
        show(device, shown_by(work, peer, round, i)->text);
    }
}

/* Takes the answers to the requests of a round. */
static void collect(const Work *work, size_t peer, size_t round)
{
    Peer *device = work->crowd->peers[peer];

    if (round < work->rounds) {
        Answer answer = assert_succeeded(peer_receive(device), NULL);
        Password *made = &work->passwords[round * work->crowd->size + peer];
        snprintf(made->text, sizeof made->text, "%s", value_of(answer, "result.otp"));
        made->accepted = 0;
    }
    for (size_t i = 0; i < showings_in(work, round); i++) {
        shown_by(work, peer, round, i)->accepted += next_is_verified(device);
    }
}

/*
 * Searches the logs for the secrets so far and then forgets them, because the list of secrets is
 * limited. A secret that is shown again is remembered again.
 */
static void look_for_secrets(void)
{
    assert_true(secrets_were_kept(folder()));
    secrets_forget();
}

static long long milliseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return 1000LL * now.tv_sec + now.tv_nsec / 1000000;
}

/*
 * Has all devices work until the time is over and every password was shown. Returns how many
 * passwords were made.
 */
static size_t work_for(Work *work, long long seconds)
{
    long long until = milliseconds() + 1000 * seconds;
    size_t size = work->crowd->size;

    work->rounds = SIZE_MAX;
    for (size_t peer = 0; peer < size; peer++) {
        for (size_t round = 0; round < AHEAD; round++) {
            hand_in(work, peer, round);
        }
    }
    for (size_t round = 0; work->rounds == SIZE_MAX || round < work->rounds + LAG; round++) {
        if (work->rounds == SIZE_MAX) {
            work->passwords = realloc(work->passwords, (round + AHEAD) * size * sizeof *work->passwords);
            if (work->passwords == NULL) {
                abort();
            }
            work->rounds = milliseconds() < until ? SIZE_MAX : round + AHEAD;
        }
        if ((round + 1) % (SECRETS / size) == 0) {
            look_for_secrets();
        }
        for (size_t peer = 0; peer < size; peer++) {
            collect(work, peer, round);
            hand_in(work, peer, round + AHEAD);
        }
    }
    return work->rounds * size;
}

static int by_text(const void *left, const void *right)
{
    return strcmp(((const Password *)left)->text, ((const Password *)right)->text);
}

static size_t pairs_alike(Password *passwords, size_t count)
{
    size_t alike = 0;

    qsort(passwords, count, sizeof *passwords, by_text);
    for (size_t i = 1; i < count; i++) {
        alike += by_text(&passwords[i - 1], &passwords[i]) == 0;
    }
    return alike;
}

static void sixteen_devices_work_at_once_and_nothing_is_lost(void **state)
{
    Crowd crowd;
    Work work = {&crowd, NULL, 0};

    (void)state;
    gather_enrolled(&crowd, crowd_size(), NO_LIMITS ",'evolveK1Every':2");
    size_t made = work_for(&work, (long long)setting("PIMS_TEST_SECONDS", 5));
    /* Each password was accepted once, also if two devices showed it at the same time. */
    for (size_t i = 0; i < made; i++) {
        assert_int_equal(work.passwords[i].accepted, 1);
    }
    /*
     * The passwords differ. With 38 bits each, those of a minute have one equal pair once in
     * thousands of runs, and two far more rarely.
     */
    assert_in_range(pairs_alike(work.passwords, made), 0, 1);
    free(work.passwords);
    /* The records of each device agree with the service. */
    dismiss(&crowd);
    for (size_t i = 0; i < crowd.size; i++) {
        start(&crowd, i);
    }
    assert_pin_of_all(&crowd, PIN);
    /* All those accepted passwords used up no try. */
    assert_value(password_of(crowd.peers[0], WRONG_PIN), "error.info.attemptsLeft", "4");
    assert_pin_of_all(&crowd, PIN);
    dismiss(&crowd);
    assert_int_equal(pims_free(), PIMS_OK);
    /*
     * A device repairs stale keys by itself, so the audit trail is asked: no keys were stale,
     * though they evolved all the time.
     */
    assert_true(was_audited("device.k1.evolved"));
    assert_false(was_audited("device.desynchronized"));
}

static void a_password_that_all_show_at_once_is_right_once(void **state)
{
    enum { ROUNDS = 10 };
    Crowd crowd;
    char otp[MAX_WORD];

    (void)state;
    gather(&crowd, crowd_size(), NO_LIMITS);
    enroll(PIN);
    for (int round = 0; round < ROUNDS; round++) {
        int accepted = 0;
        snprintf(otp, sizeof otp, "%s", new_otp(PIN));
        for (size_t i = 0; i < crowd.size; i++) {
            show(crowd.peers[i], otp);
        }
        for (size_t i = 0; i < crowd.size; i++) {
            accepted += next_is_verified(crowd.peers[i]);
        }
        assert_int_equal(accepted, 1);
    }
    dismiss(&crowd);
}

/* ---- Wrong PINs ------------------------------------------------------------------------------ */

/* The counts of answers, by the number of tries left in them. */
typedef struct Told {
    int left[4 * MOST];
} Told;

static void note(Told *told, Answer answer)
{
    assert_failed(answer, 2308);
    long left = strtol(value_of(answer, "error.info.attemptsLeft"), NULL, 10);
    assert_in_range(left, 1, sizeof told->left / sizeof *told->left - 1);
    told->left[left]++;
}

/*
 * Asserts that each number from the first to the last occurs once, and no other. So no try was
 * free, and none was charged twice.
 */
static void assert_each_was_told_once(const Told *told, size_t first, size_t last)
{
    for (size_t i = 0; i < sizeof told->left / sizeof *told->left; i++) {
        assert_int_equal(told->left[i], i >= first && i <= last);
    }
}

/* Sends this many wrong PINs from each device, all at once. */
static void guess(const Crowd *crowd, size_t each)
{
    for (size_t i = 0; i < each * crowd->size; i++) {
        ask_for_password(crowd->peers[i % crowd->size], WRONG_PIN);
    }
}

static void wrong_pins_of_sixteen_devices_at_once_cost_exactly_their_number(void **state)
{
    /*
     * The default number of tries, and enough guesses that each device learns of the block from its
     * own answers.
     */
    enum { TRIES = 5, ROUNDS = 2, EACH = 3 };
    Crowd crowd;
    Told told = {{0}};
    bool knows[MOST] = {false};

    (void)state;
    gather_enrolled(&crowd, crowd_size(), NO_LIMITS);
    /* The device of this process takes no part. */
    enroll(PIN);
    for (int round = 0; round < ROUNDS; round++) {
        guess(&crowd, EACH);
        for (size_t i = 0; i < EACH * crowd.size; i++) {
            size_t peer = i % crowd.size;
            Answer answer = peer_receive(crowd.peers[peer]);
            if (knows[peer]) {
                assert_failed(answer, 2317);
            } else if (answer.code == 2310) {
                knows[peer] = true;
            } else {
                note(&told, answer);
            }
        }
    }
    assert_each_was_told_once(&told, 1, TRIES - 1);
    /* The service told each device of the block once. After that, the device itself refuses. */
    for (size_t i = 0; i < crowd.size; i++) {
        assert_true(knows[i]);
        assert_failed(password_of(crowd.peers[i], PIN), 2317);
    }
    assert_failed(get(OTP, WITH_PIN, PIN), 2310);
    assert_failed(get(OTP, WITH_PIN, PIN), 2317);
    dismiss(&crowd);
}

static void fewer_wrong_pins_than_the_limit_at_once_are_all_counted(void **state)
{
    enum { EACH = 2, SPARE = 8 };
    Crowd crowd;
    Told told = {{0}};
    char policy[MAX_MESSAGE / 4];
    char number[MAX_WORD];

    (void)state;
    size_t guesses = EACH * crowd_size();
    size_t tries = guesses + SPARE;
    snprintf(policy, sizeof policy, NO_LIMITS ",'maxPinTries':%zu", tries);
    gather_enrolled(&crowd, crowd_size(), policy);
    guess(&crowd, EACH);
    for (size_t i = 0; i < guesses; i++) {
        note(&told, peer_receive(crowd.peers[i % crowd.size]));
    }
    assert_each_was_told_once(&told, SPARE, tries - 1);
    snprintf(number, sizeof number, "%d", SPARE - 1);
    assert_value(password_of(crowd.peers[0], WRONG_PIN), "error.info.attemptsLeft", number);
    /* The right PIN gives the tries of its own device back, and no others. */
    assert_true(is_right(password_of(crowd.peers[1], PIN)));
    snprintf(number, sizeof number, "%d", SPARE - 1 + EACH - 1);
    assert_value(password_of(crowd.peers[2], WRONG_PIN), "error.info.attemptsLeft", number);
    dismiss(&crowd);
}

/* ---- Codes and enrollments ------------------------------------------------------------------- */

static void codes_asked_for_at_once_are_as_many_as_allowed_and_one_of_them_counts(void **state)
{
    Crowd crowd;
    char policy[MAX_MESSAGE / 4];
    bool was_sent[MOST];
    size_t sent = 0;
    size_t right = 0;

    (void)state;
    size_t allowed = crowd_size() / 2;
    /* One more: the phone number was certified by a code. */
    snprintf(policy, sizeof policy, "'codesPerHour':%zu,'codesPerDay':1000,'codeTries':%zu", allowed + 1, allowed);
    gather(&crowd, crowd_size(), policy);
    for (size_t i = 0; i < crowd.size; i++) {
        peer_send(crowd.peers[i], "get", SMSCODE, "{'type':'enrollment'}");
    }
    for (size_t i = 0; i < crowd.size; i++) {
        Answer answer = peer_receive(crowd.peers[i]);
        was_sent[i] = answer.status == SUCCEEDED;
        sent += was_sent[i];
        if (!was_sent[i]) {
            assert_failed(answer, 2204);
            assert_true(strtol(value_of(answer, "error.info.retryAfterSeconds"), NULL, 10) > 0);
        }
    }
    assert_int_equal(sent, allowed);
    /* Each code replaced the one before it, from whichever device the request came. */
    for (size_t i = 0; i < crowd.size; i++) {
        if (was_sent[i]) {
            Answer answer = peer_set(crowd.peers[i], SMSCODE, "{'action':'enrollment','smsCode':'%s'}", code_sent_to(i));
            right += answer.status == SUCCEEDED;
            assert_true(answer.status == SUCCEEDED || answer.code == 2305);
        }
    }
    assert_int_equal(right, 1);
    dismiss(&crowd);
}

/* Returns a PIN of its own for each device in each round. */
static const char *own_pin(size_t round, size_t peer)
{
    static char pin[MAX_WORD];

    snprintf(pin, sizeof pin, "%zu", 700000 + 1000 * round + peer);
    return pin;
}

/*
 * Returns the one device whose next answer is a success. The answers of all others are this error.
 */
static size_t only_winner(const Crowd *crowd, int code)
{
    size_t winner = crowd->size;

    for (size_t i = 0; i < crowd->size; i++) {
        Answer answer = peer_receive(crowd->peers[i]);
        if (answer.status == SUCCEEDED) {
            assert_int_equal(winner, crowd->size);
            winner = i;
        } else {
            assert_failed(answer, code);
        }
    }
    assert_true(winner < crowd->size);
    return winner;
}

/*
 * Has each device submit the one code of an account without a device, then enroll with it. Returns
 * the device that is enrolled.
 */
static size_t race_for_a_code(const Crowd *crowd, size_t round)
{
    const char *code = new_enrollment_code();

    for (size_t i = 0; i < crowd->size; i++) {
        peer_send(crowd->peers[i], "set", SMSCODE, "{'action':'enrollment','smsCode':'%s'}", code);
    }
    for (size_t i = 0; i < crowd->size; i++) {
        assert_succeeded(peer_receive(crowd->peers[i]), "{'status':'NotEnrolled'}");
    }
    for (size_t i = 0; i < crowd->size; i++) {
        peer_send(crowd->peers[i], "set", ENROLLMENT, "{'action':'enroll','pinCode':'%s','smsCode':' '}", own_pin(round, i));
    }
    return only_winner(crowd, 2305);
}

static void codes_and_enrollments_at_once_make_the_devices_that_they_should(void **state)
{
    enum { ROUNDS = 3 };
    Crowd crowd;
    char pin[MAX_WORD];
    size_t winner = 0;

    (void)state;
    gather(&crowd, crowd_size() < 8 ? crowd_size() : 8, "'codesPerHour':1000,'codesPerDay':1000,'maxDevices':2");
    for (size_t round = 0; round < ROUNDS; round++) {
        if (round > 0) {
            assert_succeeded(peer_set(crowd.peers[winner], ENROLLMENT, "{'action':'remove'}"), "null");
        }
        winner = race_for_a_code(&crowd, round);
        /*
         * The account has the PIN that came with the code, and accepts only the device that sent
         * it.
         */
        snprintf(pin, sizeof pin, "%s", own_pin(round, winner));
        assert_true(is_right(password_of(crowd.peers[winner], pin)));
        for (size_t i = 0; i < crowd.size; i++) {
            assert_succeeded(peer_get(crowd.peers[i], ACCOUNT, IS_DEVICE_ACTIVATED),
                             i == winner ? "{'isDeviceActivated':true}" : "{'isDeviceActivated':false}");
        }
    }
    /* The late devices left no device behind: there is room for just one more. */
    size_t second = (winner + 1) % crowd.size;
    size_t third = (winner + 2) % crowd.size;
    join(&crowd, second, pin);
    assert_true(is_right(password_of(crowd.peers[second], pin)));
    assert_succeeded(peer_get(crowd.peers[third], SMSCODE, "{'type':'enrollment'}"), "{}");
    Answer answer = peer_set(crowd.peers[third], SMSCODE, "{'action':'enrollment','smsCode':'%s'}", code_sent_to(third));
    assert_succeeded(answer, "{'status':'AlreadyEnrolled'}");
    answer = peer_set(crowd.peers[third], ENROLLMENT, "{'action':'enroll','pinCode':'%s','smsCode':' '}", pin);
    assert_failed(answer, 2310);
    assert_value(answer, "error.info.word", "NOK:MAXNBTOOLS");
    dismiss(&crowd);
}

/* ---- PIN changes ----------------------------------------------------------------------------- */

static void pin_changes_at_once_leave_one_pin_that_all_devices_can_use(void **state)
{
    enum { ROUNDS = 6, DEVICES = 4 };
    Crowd crowd;
    char pin[MAX_WORD] = PIN;

    (void)state;
    gather_enrolled(&crowd, DEVICES, NO_LIMITS ",'maxPinTries':100");
    for (size_t round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < DEVICES; i++) {
            peer_send(crowd.peers[i], "set", PINCODE, "{'action':'update','oldPIN':'%s','newPIN':'%s'}", pin, own_pin(round, i));
        }
        /* To the later devices the old PIN is a wrong one. */
        size_t winner = only_winner(&crowd, 2308);
        for (size_t i = 0; i < DEVICES; i++) {
            assert_failed(password_of(crowd.peers[i], pin), 2308);
            for (size_t j = 0; j < DEVICES; j++) {
                if (j != winner) {
                    assert_failed(password_of(crowd.peers[i], own_pin(round, j)), 2308);
                }
            }
        }
        snprintf(pin, sizeof pin, "%s", own_pin(round, winner));
        /* Each of the others gets its new keys, all at once. Then the keys are there. */
        assert_pin_of_all(&crowd, pin);
        assert_pin_of_all(&crowd, pin);
    }
    dismiss(&crowd);
    assert_int_equal(pims_free(), PIMS_OK);
    assert_true(was_audited("device.desynchronized"));
}

static const struct CMUnitTest tests[] = {
    TEST(sixteen_devices_work_at_once_and_nothing_is_lost, with_phone_number),
    TEST(a_password_that_all_show_at_once_is_right_once, with_phone_number),
    TEST(wrong_pins_of_sixteen_devices_at_once_cost_exactly_their_number, with_phone_number),
    TEST(fewer_wrong_pins_than_the_limit_at_once_are_all_counted, with_phone_number),
    TEST(codes_asked_for_at_once_are_as_many_as_allowed_and_one_of_them_counts, with_phone_number),
    TEST(codes_and_enrollments_at_once_make_the_devices_that_they_should, with_phone_number),
    TEST(pin_changes_at_once_leave_one_pin_that_all_devices_can_use, with_phone_number),
};

SUITE_MAIN(tests)
