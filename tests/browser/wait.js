'use strict';

// Waiting: for a condition, with a generous limit, and never for a fixed time.

const { setTimeout: sleep } = require('node:timers/promises');

/** The limit of each wait, in milliseconds: for machines that do much else. */
const DEADLINE = 60_000;

/** Waits until `condition` returns something, and returns it. `what` names it in a failure. */
async function until(condition, what) {
  const end = Date.now() + DEADLINE;
  for (;;) {
    const found = await condition();
    if (found) return found;
    if (Date.now() > end) throw new Error(`not within ${DEADLINE / 1000} s: ${typeof what === 'function' ? what() : what}`);
    await sleep(20);
  }
}

module.exports = { DEADLINE, until };
