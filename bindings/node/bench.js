'use strict';

// The cost of a call from Node.js. `make bench` prints it beside the other languages; nothing is
// asserted.

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const pims = require('libpims');

const API = 'pims.authentication.account';
const PARAMETERS = { actionType: 'strong', type: 'isDeviceActivated' };
const BATCHES = 31;
const CALLS = 2000;

/** Returns the nanoseconds of a call: the median over batches. */
async function median(batch) {
  const times = [];
  for (let number = 0; number < BATCHES; number += 1) {
    const begin = process.hrtime.bigint();
    await batch();
    times.push(Number(process.hrtime.bigint() - begin) / CALLS);
  }
  return times.sort((a, b) => a - b)[(BATCHES - 1) / 2];
}

async function oneByOne() {
  for (let call = 0; call < CALLS; call += 1) await pims.get(API, PARAMETERS);
}

async function together() {
  // The queue has room for 1,024.
  for (let calls = CALLS; calls > 0; calls -= 500) {
    await Promise.all(Array.from({ length: 500 }, () => pims.get(API, PARAMETERS)));
  }
}

async function main() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pims-bench-'));
  await pims.init({ storage: { path: folder } });
  for (const [name, batch] of [
    ['Node.js: await pims.get, one after the other', oneByOne],
    ['Node.js: pims.get, 500 at once', together],
  ]) {
    console.log(`  ${name.padEnd(52)} ${(await median(batch)).toFixed(0).padStart(10)}`);
  }
  await pims.free();
  fs.rmSync(folder, { recursive: true });
}

main();
