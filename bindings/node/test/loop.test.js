'use strict';

// The event loop goes on while the library works. These tests count what the loop does; they
// measure no time.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const { test } = require('node:test');
const { setImmediate: turn, setTimeout: pause } = require('node:timers/promises');

const pims = require('libpims');

const { ACCOUNT, ACTIVATED, DEADLINE, PHONE, SilentService, failsWith, folderOf } = require('./support');

const options = { timeout: DEADLINE };

test.afterEach(() => pims.free());

test('the loop runs while a call is held by the service, and while other calls wait behind it', options, async (t) => {
  const service = await SilentService.listen(t);
  await pims.init(service.config(folderOf(t)));
  let settled = 0;
  const calls = [pims.get(PHONE), pims.get(ACCOUNT, ACTIVATED)].map((call) => call.finally(() => (settled += 1)));
  const results = Promise.allSettled(calls);
  // The service runs on this loop, too: it accepts the connection only if the loop is free.
  await service.waitForCall();
  for (let turns = 0; turns < 1000; turns += 1) await turn();
  for (let timers = 0; timers < 20; timers += 1) await pause(1);
  assert.match(await fs.promises.readFile(__filename, 'utf8'), /the loop runs/);
  assert.equal(settled, 0);
  service.hangUp();
  const [held, behind] = await results;
  assert.equal(held.reason.code, pims.Code.NO_INTERNET);
  assert.deepEqual(behind.value, { isDeviceActivated: false });
});

test('the loop runs while a facade is made and released', options, async (t) => {
  const folder = folderOf(t);
  for (const work of [() => pims.init({ storage: { path: folder } }), () => pims.free()]) {
    let isDone = false;
    const done = work().then(() => (isDone = true));
    // The promise is not kept in the same turn: another thread does the work.
    await turn();
    assert.equal(isDone, false);
    await done;
  }
});

test('a release ends a call that waits for the service', options, async (t) => {
  const service = await SilentService.listen(t);
  await pims.init(service.config(folderOf(t)));
  const held = failsWith(pims.Code.NO_INTERNET, pims.get(PHONE));
  const behind = failsWith(pims.Code.NOT_INITIALIZED, pims.get(ACCOUNT, ACTIVATED));
  await service.waitForCall();
  await pims.free();
  await Promise.all([held, behind]);
});
