/*
 * A list of functions that run at the end of a test. A module registers its own clean-up when it
 * creates something, so that the fixture need not know the module.
 */
#ifndef CLEANUP_H
#define CLEANUP_H

/*
 * The fixture calls pims_free between the two stages. pims_free waits for callbacks, so a callback
 * that waits for the test is released in the first stage.
 */
typedef enum Stage { BEFORE_FREE, AFTER_FREE } Stage;

/* Registers a function for the end of this test. It runs once, however often it is registered. */
void cleanup_register(Stage stage, void (*function)(void));
/* Runs the functions of a stage, the last one first, and empties its list. */
void cleanup_run(Stage stage);

#endif
