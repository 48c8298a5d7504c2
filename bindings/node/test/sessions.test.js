'use strict';

// Several facades in one process: sessions, beside each other and beside the default facade.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { inspect } = require('node:util');

const pims = require('libpims');

const { ACCOUNT, ACTIVATED, DEADLINE, PHONE, PIN, SilentService, enroll, failsWith, folderOf, smsCode } = require('./support');

const options = { timeout: DEADLINE };
const DONE = { done: true, value: undefined };

test.afterEach(() => pims.free());

/** Opens a session with a folder of its own, which is closed after the test. */
async function opened(t, folder = folderOf(t)) {
  const session = await pims.open({ storage: { path: folder } });
  t.after(() => session.close());
  return session;
}

test('two accounts in one process, at the same time', options, async (t) => {
  const folders = [folderOf(t), folderOf(t)];
  const sessions = await Promise.all(folders.map((folder) => opened(t, folder)));
  const numbers = ['+33612345678', '+33698765432'];
  const pins = ['1234', '9876'];
  const events = sessions.map(({ device }) => device.watch());
  await Promise.all(
    sessions.map(async ({ device }, index) => {
      await enroll(device, folders[index], numbers[index]);
      if (pins[index] !== PIN) await device.changePin(PIN, pins[index]);
    }),
  );
  const [first, second] = sessions.map(({ device }) => device);
  assert.deepEqual(await Promise.all([first.trustedPhoneNumber(), second.trustedPhoneNumber()]), numbers);
  for (const one of events) assert.deepEqual(await one.next(), { done: false, value: { isDeviceActivated: true } });
  // Each account has its own PIN, its own tries, and its own passwords.
  await assert.rejects(first.otp(pins[1]), { code: pims.Code.ACCESS_REFUSED, attemptsLeft: 4 });
  const passwords = await Promise.all([first.otp(pins[0]), second.otp(pins[1])]);
  assert.equal(first.wrongPins.count, 1);
  assert.equal(second.wrongPins, undefined);
  assert.equal(await second.verify(passwords[0]), false);
  assert.equal(await first.verify(passwords[0]), true);
  await first.removeEnrollments();
  assert.deepEqual(await Promise.all([first.isActivated(), second.isActivated()]), [false, true]);
  assert.deepEqual(await events[0].next(), { done: false, value: { isDeviceActivated: false } });
  // The end of one is not the end of the other.
  await sessions[0].close();
  assert.deepEqual(await events[0].next(), DONE);
  assert.match(await second.otp(pins[1]), /^[0-9a-z]{1,8}$/);
});

/** Opens two devices of an account whose new ones need an approval. The first one is enrolled. */
async function ofOneAccount(t) {
  const folder = folderOf(t);
  const policy = { activationApproval: true, deviceNotices: true };
  const embedded = { database: path.join(folder, 'authority.db'), policy };
  const folders = ['old', 'new'].map((name) => path.join(folder, name));
  const [{ device: old }, { device }] = await Promise.all(
    folders.map(async (one) => {
      const session = await pims.open({ storage: { path: one }, account: { username: 'jane' }, embedded });
      t.after(() => session.close());
      return session;
    }),
  );
  await enroll(old, folders[0]);
  /** Enrolls the new device, which then waits. Returns its number. */
  const wait = async () => {
    await device.requestEnrollmentCode();
    await device.enroll(PIN, () => smsCode(folders[1]));
    return (await device.approval()).number;
  };
  return { old, device, wait };
}

test('a new device is approved by another one, and its changes are notices', options, async (t) => {
  const { old, device, wait } = await ofOneAccount(t);
  const nobody = { state: pims.ApprovalState.NONE, deviceId: null, name: null, since: null, number: null, lifetimeSeconds: null };
  assert.deepEqual({ ...(await old.approval()) }, nobody);
  assert.deepEqual(await old.notices(), []);
  const number = await wait();
  assert.match(number, /^\d\d$/);
  await failsWith(pims.Code.WRONG_STATE, device.otp(PIN));
  assert.equal((await device.approval()).state, pims.ApprovalState.WAITING);
  const asked = await old.approval();
  assert.equal(asked.state, pims.ApprovalState.ASKED);
  assert.ok(asked.number === null && asked.lifetimeSeconds > 0 && new Date(asked.since).getFullYear() > 2000);
  for await (const { approval } of old.watch({ approval: true })) {
    if (approval === undefined) continue;
    assert.equal(approval.deviceId, asked.deviceId);
    break;
  }
  await old.approveNewDevice(asked.deviceId, number, PIN);
  await device.changePin(PIN, '4321');
  assert.deepEqual(
    (await old.notices()).map(({ event, deviceId }) => [event, deviceId]),
    [['pinChange', null]],
  );
  for await (const { notices } of old.watch({ notices: true })) {
    if (notices === undefined) continue;
    assert.deepEqual(
      notices.map(({ event }) => event),
      ['pinChange'],
    );
    break;
  }
});

test('a new device ends by a wrong number, or is rejected', options, async (t) => {
  const { old, device, wait } = await ofOneAccount(t);
  const number = await wait();
  const { deviceId } = await old.approval();
  const wrong = String((Number(number) + 1) % 100).padStart(2, '0');
  await failsWith(pims.Code.WRONG_STATE, old.approveNewDevice(deviceId, wrong, PIN));
  await failsWith(pims.Code.DEVICE_UNKNOWN, device.otp(PIN));
  await wait();
  await old.rejectNewDevice((await old.approval()).deviceId);
  assert.equal(await old.accountState(), pims.AccountState.PIN_BLOCKED);
  await failsWith(pims.Code.DEVICE_UNKNOWN, device.otp(PIN));
});

test('a call that the service holds does not hold another session', options, async (t) => {
  const service = await SilentService.listen(t);
  const slow = await pims.open(service.config(folderOf(t)));
  const quick = await opened(t);
  const held = failsWith(pims.Code.NO_INTERNET, slow.get(PHONE));
  await service.waitForCall();
  for (let call = 0; call < 20; call += 1) assert.equal(await quick.device.isActivated(), false);
  // The close ends the wait for the service.
  await slow.close();
  await held;
});

test('sessions and the default facade are apart', options, async (t) => {
  const session = await opened(t);
  await failsWith(pims.Code.NOT_INITIALIZED, pims.device.isActivated());
  await pims.init({ storage: { path: folderOf(t) } });
  await pims.free();
  assert.equal(await session.device.isActivated(), false);
  await failsWith(pims.Code.NOT_INITIALIZED, pims.device.isActivated());
});

test('a closed session says so, and its storage is free', options, async (t) => {
  const folder = folderOf(t);
  const session = await opened(t, folder);
  await failsWith(pims.Code.CORE_NOT_CONFIGURED, pims.open({ storage: { path: folder } }));
  const events = session.device.watch();
  const waiting = events.next();
  await events.ready;
  // This call is in the queue: it has its reply or the library's refusal.
  const behind = session.get(ACCOUNT, ACTIVATED).then(
    (result) => assert.deepEqual(result, { isDeviceActivated: false }),
    (error) => assert.equal(error.code, pims.Code.NOT_INITIALIZED),
  );
  const closed = session.close();
  assert.equal(session.close(), closed);
  for (const call of [
    () => session.get(ACCOUNT, ACTIVATED),
    () => session.set('pims.sdk.configuration', {}),
    () => session.unsubscribe(ACCOUNT),
    () => session.device.otp(PIN),
    () => session.device.watch().ready,
    () => session.device.watch().next(),
  ]) {
    await assert.rejects(call(), {
      name: 'PimsError',
      code: pims.Code.NOT_INITIALIZED,
      message: '2001 Facade not initialized: this session was closed: open another one',
    });
  }
  await closed;
  assert.deepEqual(await waiting, DONE);
  assert.deepEqual(await events.return(), DONE);
  await behind;
  await (await opened(t, folder)).close();
});

test('a session that cannot be opened says why, and others open', options, async (t) => {
  await failsWith(pims.Code.CONFIGURATION_INVALID, pims.open({ storage: { path: 1 } }));
  await assert.rejects(pims.open({ storage: { path: Symbol('a') } }), { message: 'storage.path: a symbol has no form in JSON' });
  const secret = 'no key is this';
  const error = await pims.open({ storage: { path: folderOf(t), key: secret } }).catch((refused) => refused);
  assert.doesNotMatch(inspect(error, { showHidden: true }), new RegExp(secret));
  await opened(t);
});

test('a session can be disposed of', {
  ...options,
  skip: Symbol.asyncDispose === undefined && 'this Node.js has no Symbol.asyncDispose',
}, async (t) => {
  const session = await opened(t);
  const events = session.device.watch();
  await events.ready;
  await events[Symbol.asyncDispose]();
  await session.device.watch().ready;
  await session[Symbol.asyncDispose]();
  await failsWith(pims.Code.NOT_INITIALIZED, session.get(ACCOUNT, ACTIVATED));
});

test('ten sessions, opened and closed in a mixed order', options, async (t) => {
  const sessions = await Promise.all(Array.from({ length: 10 }, () => opened(t)));
  const replies = sessions.map((session, index) => session.get(ACCOUNT, index % 2 ? ACTIVATED : {}));
  const told = await Promise.allSettled(replies);
  for (const [index, { value, reason }] of told.entries()) {
    if (index % 2) assert.deepEqual(value, { isDeviceActivated: false });
    else assert.equal(reason.code, pims.Code.MISSING_PARAMETER);
  }
  await Promise.all(sessions.filter((_, index) => index % 2).map((session) => session.close()));
  for (const [index, session] of sessions.entries()) {
    if (index % 2) await failsWith(pims.Code.NOT_INITIALIZED, session.device.isActivated());
    else assert.equal(await session.device.isActivated(), false);
  }
});

test('each session has its own log', options, async (t) => {
  const folders = [folderOf(t), folderOf(t)];
  const sessions = await Promise.all(folders.map((folder) => pims.open({ storage: { path: folder }, monitoring: { logLevel: 'high' } })));
  await sessions[0].get(PHONE).catch(() => {});
  await Promise.all(sessions.map((session) => session.close()));
  const logs = folders.map((folder) =>
    fs
      .readdirSync(path.join(folder, 'logs'))
      .map((name) => fs.readFileSync(path.join(folder, 'logs', name), 'utf8'))
      .join(''),
  );
  assert.match(logs[0], /trustedphonenumber/);
  assert.doesNotMatch(logs[1], /trustedphonenumber/);
});
