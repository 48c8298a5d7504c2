'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const pims = require('libpims');

const { ACCOUNT, ACTIVATED, DEADLINE, PHONE, SilentService, enroll, failsWith, folderOf } = require('./support');

const options = { timeout: DEADLINE };
const DONE = { done: true, value: undefined };

test.afterEach(() => pims.free());

test('a loop gets the changes, and its end ends the subscription', options, async (t) => {
  const folder = folderOf(t);
  await pims.init({ storage: { path: folder } });
  const events = pims.device.watch();
  await enroll(pims.device, folder);
  const seen = [];
  for await (const event of events) {
    seen.push(event);
    if (seen.length === 1) await pims.device.removeEnrollments();
    if (seen.length === 2) break;
  }
  assert.deepEqual(seen, [{ isDeviceActivated: true }, { isDeviceActivated: false }]);
  assert.deepEqual(await events.next(), DONE);
  // The library has no subscription: it accepts another one at once.
  await pims.device.watch().ready;
});

test('an exception in the loop ends the subscription', options, async (t) => {
  const folder = folderOf(t);
  await pims.init({ storage: { path: folder } });
  const events = pims.device.watch();
  await enroll(pims.device, folder);
  await assert.rejects(async () => {
    for await (const event of events) throw new Error(JSON.stringify(event));
  }, /isDeviceActivated/);
  await pims.device.watch().ready;
});

test('a subscription may be ended at once, and begun again at once', options, async (t) => {
  await pims.init({ storage: { path: folderOf(t) } });
  for (let round = 0; round < 200; round += 1) {
    const events = pims.device.watch();
    if (round % 2) await events.ready;
    const ended = events.return();
    if (round % 3) await ended;
  }
  await pims.device.watch().ready;
});

test('a second subscription is refused, and the first one goes on', options, async (t) => {
  const folder = folderOf(t);
  await pims.init({ storage: { path: folder } });
  const first = pims.device.watch();
  const second = pims.device.watch();
  await failsWith(pims.Code.DUPLICATE, second.next());
  assert.deepEqual(await second.next(), DONE);
  await failsWith(pims.Code.DUPLICATE, second.ready);
  await second.return();
  await enroll(pims.device, folder);
  assert.deepEqual(await first.next(), { done: false, value: { isDeviceActivated: true } });
});

test('a refused subscription fails a loop that waits already, once', options, async (t) => {
  await pims.init({ storage: { path: folderOf(t) } });
  const events = pims.subscribe(ACCOUNT, { actionType: 'strong', type: 'unknown' });
  const [first, second] = await Promise.allSettled([events.next(), events.next()]);
  assert.equal(first.reason.code, pims.Code.INVALID_PARAMETER);
  assert.deepEqual(second.value, DONE);
  await assert.rejects(
    async () => {
      for await (const event of pims.subscribe('pims.sdk.version')) assert.fail(JSON.stringify(event));
    },
    { code: pims.Code.NOT_SUPPORTED },
  );
});

test('waiting readers get one event each, in order', options, async (t) => {
  const folder = folderOf(t);
  await pims.init({ storage: { path: folder } });
  const events = pims.device.watch();
  const waiting = [events.next(), events.next()];
  await enroll(pims.device, folder);
  await pims.device.removeEnrollments();
  assert.deepEqual(
    (await Promise.all(waiting)).map(({ value }) => value),
    [{ isDeviceActivated: true }, { isDeviceActivated: false }],
  );
});

test('the release of the facade ends the loop', options, async (t) => {
  await pims.init({ storage: { path: folderOf(t) } });
  const events = pims.device.watch();
  const waiting = events.next();
  await events.ready;
  await pims.free();
  assert.deepEqual(await waiting, DONE);
  assert.deepEqual(await events.return(), DONE);
});

test('unsubscribe without the object ends the loop', options, async (t) => {
  await pims.init({ storage: { path: folderOf(t) } });
  const events = pims.device.watch();
  const waiting = events.next();
  await pims.unsubscribe(ACCOUNT);
  assert.deepEqual(await waiting, DONE);
  const next = pims.device.watch();
  await next.ready;
  // The end of the first one is not the end of the next one.
  await events.return();
  await failsWith(pims.Code.DUPLICATE, pims.device.watch().ready);
});

test('a subscription is ended in its turn, also while the queue is full', options, async (t) => {
  const service = await SilentService.listen(t);
  await pims.init(service.config(folderOf(t)));
  const events = pims.device.watch();
  await events.ready;
  const held = Promise.allSettled(Array.from({ length: 1100 }, () => pims.get(PHONE)));
  await service.waitForCall();
  const ended = events.return();
  await pims.free();
  await ended;
  await held;
});

test('no event comes after the end, and the parameters may come later', options, async (t) => {
  const folder = folderOf(t);
  await pims.init({ storage: { path: folder } });
  const events = pims.subscribe(ACCOUNT, { actionType: async () => 'strong', type: 'isDeviceActivated' });
  await events.ready;
  const ended = events.return();
  await enroll(pims.device, folder);
  await ended;
  assert.deepEqual(await events.next(), DONE);
  assert.deepEqual(await pims.get(ACCOUNT, ACTIVATED), { isDeviceActivated: true });
});

test('a subscription may be ended while a parameter never comes', options, async (t) => {
  const folder = folderOf(t);
  await pims.init({ storage: { path: folder } });
  const never = pims.subscribe(ACCOUNT, { actionType: 'strong', type: () => new Promise(() => {}) });
  const waiting = never.next();
  const begun = never.ready;
  assert.deepEqual(await never.return(), DONE);
  assert.deepEqual(await waiting, DONE);
  for (const ready of [begun, never.ready]) await assert.rejects(ready, /^Error: the subscription was ended before it began$/);
  // The next one does not wait for it, and it waits for the end of the one before.
  for (let round = 0; round < 20; round += 1) {
    const events = pims.device.watch();
    await events.ready;
    events.return();
    pims.subscribe(ACCOUNT, { type: () => new Promise(() => {}) }).return();
    await pims.device.watch().return();
  }
  const next = pims.device.watch();
  await enroll(pims.device, folder);
  assert.deepEqual(await next.next(), { done: false, value: { isDeviceActivated: true } });
});

test('a subscription that was ended before it began never becomes ready', options, async (t) => {
  await pims.init({ storage: { path: folderOf(t) } });
  let give;
  const given = new Promise((resolve) => {
    give = resolve;
  });
  const events = pims.subscribe(ACCOUNT, { actionType: 'strong', type: () => given });
  const ended = events.return();
  give('isDeviceActivated');
  await ended;
  await assert.rejects(events.ready, /ended before it began/);
  // The end of one that began is no failure of its beginning.
  const begun = pims.device.watch();
  const end = begun.return();
  await begun.ready;
  await end;
});

test('a parameter that is refused after the end is no failure of the loop', options, async (t) => {
  await pims.init({ storage: { path: folderOf(t) } });
  let refuse;
  const refused = new Promise((_, reject) => {
    refuse = reject;
  });
  const events = pims.subscribe(ACCOUNT, { actionType: 'strong', type: () => refused });
  await events.return();
  refuse(new Error('the user left'));
  await assert.rejects(events.ready, /ended before it began/);
  assert.deepEqual(await events.next(), DONE);
});

test('a subscription whose facade is closed before it began ends', options, async (t) => {
  for (let round = 0; round < 20; round += 1) {
    const session = await pims.open({ storage: { path: folderOf(t) } });
    const events = session.device.watch();
    const waiting = [events.next(), events.next()];
    await session.close();
    assert.deepEqual(await Promise.all(waiting), [DONE, DONE]);
    assert.deepEqual(await events.return(), DONE);
    await pims.init({ storage: { path: folderOf(t) } });
    const its = pims.device.watch().next();
    await pims.free();
    assert.deepEqual(await its, DONE);
  }
  // Without a facade, it is refused.
  await failsWith(pims.Code.NOT_INITIALIZED, pims.device.watch().next());
});
