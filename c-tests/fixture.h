/*
 * The fixtures of the suites: a folder for each test, a facade in it, the SMS outbox, and the main
 * function of a test program.
 */
#ifndef FIXTURE_H
#define FIXTURE_H

#include <stdbool.h>

#include "testing.h"

/* ---- Fixtures -------------------------------------------------------------------------------- */

/* Returns the folder of the test that runs, without a slash at its end. It may not exist yet. */
const char *folder(void);
/* Returns a path in that folder. It is valid for the next three calls. */
const char *in_folder(const char *name);

/* Creates the folder, with an authority that has made its keys already: making them is slow. */
int with_folder(void **state);
/* The same with a facade. */
int with_facade(void **state);
/* The same with a trusted phone number. */
int with_phone_number(void **state);
/* The same with an enrolled device, whose PIN is PIN. */
int with_enrollment(void **state);
/*
 * Frees the facade, runs the clean-up that is registered, and deletes the folder. The test fails if
 * a secret stands in a log or in an error.
 */
int without_anything(void **state);

#define TEST(name, fixture) cmocka_unit_test_setup_teardown(name, fixture, without_anything)

/* ---- Steps ----------------------------------------------------------------------------------- */

/*
 * Frees the facade and creates it again on the same folder, with more members of the configuration,
 * such as ",'embedded':{…}".
 */
void restart(const char *more);

/* Registers a phone number, the first step of an enrollment. The step must succeed. */
void register_phone_number(void);
/* Requests a code for an enrollment and reads it. */
const char *new_enrollment_code(void);
void enroll(const char *pin);

/* Returns a one-time password of this device. */
const char *new_otp(const char *pin);
bool verifies(const char *otp);

/*
 * Returns the code of the last SMS in this folder's outbox, which must have been sent for this
 * purpose. It is valid until the next call.
 */
const char *code_of(const char *in, const char *purpose);
const char *last_code(const char *purpose);
/* Returns another code of the same length. It is valid until the next call. */
const char *wrong_code(const char *right);

/* Returns how many bytes reach the standard streams of this process during the call. */
long bytes_written_by(void (*work)(void));

/* ---- The program ----------------------------------------------------------------------------- */

/*
 * Runs the group as the main function of a test program, or serves as the peer of another process.
 */
int suite_main(int argc, char **argv, int (*run)(void));

#define SUITE_MAIN(tests) \
    static int run_group(void) \
    { \
        return cmocka_run_group_tests(tests, NULL, NULL); \
    } \
    int main(int argc, char **argv) \
    { \
        return suite_main(argc, argv, run_group); \
    }

#endif
