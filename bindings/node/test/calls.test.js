'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { inspect } = require('node:util');
const vm = require('node:vm');

const pims = require('libpims');

const {
  ACCOUNT,
  ACTIVATED,
  DEADLINE,
  PHONE,
  PHONE_NUMBER,
  PIN,
  SilentService,
  enroll,
  failsWith,
  folderOf,
  smsCode,
} = require('./support');

const options = { timeout: DEADLINE };

test.afterEach(() => pims.free());

test('a device goes the whole way', options, async (t) => {
  const folder = folderOf(t);
  const code = async () => smsCode(folder);
  await pims.init({ storage: { path: folder } });
  const { device } = pims;
  assert.equal(await device.isActivated(), false);
  assert.equal(await device.requestPhoneNumberCode(PHONE_NUMBER), undefined);
  await device.addPhoneNumber(code, PHONE_NUMBER);
  await device.requestEnrollmentCode();
  assert.equal(await device.acceptEnrollmentCode(code), pims.EnrollmentStatus.NOT_ENROLLED);
  await device.enroll(PIN);
  await device.changePin(PIN, '4321');
  await device.requestResetCode();
  await device.resetPin('567890', code);
  assert.equal(await device.trustedPhoneNumber(), PHONE_NUMBER);
  assert.equal(await device.accountState(), pims.AccountState.NOT_BLOCKED);
  assert.equal(await device.verify(await device.otp('567890')), true);
  assert.match(await device.exportEnrollment('567890'), /^\{/);
  await assert.rejects(device.otp('9999'), { code: pims.Code.ACCESS_REFUSED, attemptsLeft: 4, nextAction: pims.NextAction.RETRY_PIN });
  assert.equal(device.wrongPins, undefined);
  await device.otp('567890');
  assert.equal(device.wrongPins.count, 1);
  assert.ok(device.wrongPins.since instanceof Date);
  await device.removeEnrollments();
  assert.equal(await device.isActivated(), false);
});

test('the devices of the account are listed, renamed and removed', options, async (t) => {
  const folder = folderOf(t);
  await pims.init({ storage: { path: folder, keystore: pims.Keystore.HARDWARE } });
  const { device } = pims;
  assert.deepEqual(await device.devices(), []);
  await device.requestPhoneNumberCode(PHONE_NUMBER);
  await device.enrollWithPhoneNumber(PIN, () => smsCode(folder), PHONE_NUMBER);
  const [own, ...others] = await device.devices();
  assert.deepEqual(others, []);
  assert.equal(own.thisDevice, true);
  assert.equal(own.keystore, pims.Keystore.HARDWARE);
  assert.ok(own.since <= own.lastUsed && new Date(own.since).getFullYear() > 2000);
  await assert.rejects(device.renameDevice(own.deviceId, 'Car'), { code: pims.Code.MISSING_PARAMETER });
  await device.renameDevice(own.deviceId, 'Zoë’s 🚗', PIN);
  assert.equal((await device.devices())[0].name, 'Zoë’s 🚗');
  await device.removeDevice(own.deviceId, PIN);
  assert.equal(await device.isActivated(), false);
  await assert.rejects(device.removeDevice(own.deviceId), { code: pims.Code.INVALID_PARAMETER });
});

test('calls that wait together get their own messages', options, async (t) => {
  await pims.init({ storage: { path: folderOf(t) } });
  const calls = Array.from({ length: 400 }, (_, number) => pims.get(ACCOUNT, number % 2 ? ACTIVATED : undefined));
  for (const [number, told] of (await Promise.allSettled(calls)).entries()) {
    if (number % 2) assert.deepEqual(told.value, { isDeviceActivated: false });
    else assert.equal(told.reason.code, pims.Code.MISSING_PARAMETER);
  }
});

test('calls begin in the order in which the program makes them', options, async (t) => {
  await pims.init({ storage: { path: folderOf(t) } });
  const order = [];
  const parameters = [ACTIVATED, { actionType: () => 'strong', type: 'isDeviceActivated' }, {}];
  await Promise.allSettled(parameters.map((one, index) => pims.get(ACCOUNT, one).finally(() => order.push(index))));
  assert.deepEqual(order, [0, 1, 2]);
});

test('a queue that is full says so, and later there is room', options, async (t) => {
  const service = await SilentService.listen(t);
  await pims.init(service.config(folderOf(t)));
  const calls = Array.from({ length: 1100 }, () => pims.get(PHONE));
  const settled = Promise.allSettled(calls);
  await service.waitForCall();
  await pims.free();
  const reasons = (await settled).map(({ reason }) => reason);
  const full = reasons.filter((reason) => reason instanceof pims.QueueFullError);
  assert.ok(full.length >= 1100 - 1024 - 1);
  for (const reason of reasons) assert.ok(reason instanceof pims.QueueFullError || [2001, 2202].includes(reason.code), inspect(reason));
});

test('an error has what the message has, and its stack has the caller', options, async (t) => {
  await pims.init({ storage: { path: folderOf(t) } });
  const error = await (async function theCaller() {
    await pims.device.otp(PIN);
  })().catch((caught) => caught);
  assert.ok(error instanceof pims.PimsError && error instanceof Error);
  assert.equal(error.code, pims.Code.FORBIDDEN);
  assert.equal(error.nextAction, 'requestSmsCode');
  assert.equal(error.message, `2317 ${error.label}: ${error.detail}`);
  assert.equal(error.attemptsLeft, undefined);
  assert.equal(error.wrongPins, undefined);
  assert.match(error.stack, /theCaller/);
});

test('calls without a facade fail, and a second release has no effect', options, async () => {
  await failsWith(pims.Code.NOT_INITIALIZED, pims.get(ACCOUNT, ACTIVATED));
  await failsWith(pims.Code.NOT_INITIALIZED, pims.device.otp(PIN));
  await failsWith(pims.Code.NOT_INITIALIZED, pims.unsubscribe(ACCOUNT));
  await pims.free();
  await pims.free();
});

test('the configuration fails as the library says', options, async (t) => {
  await failsWith(pims.Code.CONFIGURATION_INVALID, pims.init({ storage: { path: 1 } }));
  const config = { storage: { path: folderOf(t) } };
  await pims.init(config);
  await failsWith(pims.Code.ALREADY_INITIALIZED, pims.init(config));
});

test('all forms of values arrive', options, async (t) => {
  const folder = folderOf(t);
  await pims.init({ storage: { path: Buffer.from(folder) }, network: { callTimeoutMs: 5000n, proxy: undefined } });
  assert.deepEqual(await pims.get(ACCOUNT, { actionType: () => Buffer.from('strong'), type: async () => 'isDeviceActivated' }), {
    isDeviceActivated: false,
  });
  assert.deepEqual(await pims.get(ACCOUNT, Object.assign(Object.create(null), ACTIVATED)), { isDeviceActivated: false });
  const messageOf = (value) => pims.get(ACCOUNT, { actionType: value, type: 'isDeviceActivated' }).catch((error) => error.message);
  // The library reads each of these, and expects another text.
  for (const value of [null, true, 1, -0.5, 2n ** 70n, [1, ['a']], { a: { b: [] } }]) {
    assert.match(await messageOf(value), /^210[12] /, inspect(value));
  }
  for (const value of ['\u0000"\\\u001f', '\u{1f512}', '\u2028', 'é'.repeat(5000)]) {
    const told = [];
    for (const form of [value, Buffer.from(value)]) told.push(await messageOf(form));
    assert.match(told[0], /^2102 /);
    assert.equal(told[0], told[1]);
  }
});

test('a value without a form in JSON is refused by its place, and its value is not repeated', options, async (t) => {
  await pims.init({ storage: { path: folderOf(t) } });
  const endless = {};
  endless.itself = endless;
  const secret = 'aSecretValue';
  for (const [parameters, message] of [
    [{ a: { b: [1, Symbol(secret)] } }, 'a.b[1]: a symbol has no form in JSON'],
    [{ a: new Map([[secret, secret]]) }, 'a: a value of type Map has no form in JSON'],
    [{ a: Number.NaN }, 'a: NaN and infinity have no form in JSON'],
    [{ a: [undefined] }, 'a[0]: undefined has no form in JSON'],
    [{ a: Buffer.from([0xff]) }, 'a: the bytes are not UTF-8'],
    [{ a: () => () => secret }, 'a: a function returns a value, not another function'],
    [{ a: async () => Symbol(secret) }, 'a: a symbol has no form in JSON'],
    [endless, 'the parameters are nested too deeply'],
    [secret, 'parameters are an object, not a string'],
    [[secret], 'parameters are an object, not a value of type Array'],
  ]) {
    await assert.rejects(pims.get(ACCOUNT, parameters), (error) => {
      assert.equal(error.constructor, TypeError);
      assert.equal(error.message, message);
      assert.doesNotMatch(inspect(error, { showHidden: true, depth: 9 }), new RegExp(secret));
      return true;
    });
  }
  await assert.rejects(pims.get(5), { name: 'TypeError', message: 'the name of an api is a string, not number' });
  assert.throws(() => pims.subscribe(), { name: 'TypeError', message: 'the name of an api is a string, not undefined' });
});

test('an error of a function among the parameters is the error of the call', options, async (t) => {
  await pims.init({ storage: { path: folderOf(t) } });
  const mine = new Error('the store is locked');
  const later = Promise.reject(mine);
  for (const fetch of [
    () => {
      throw mine;
    },
    () => later,
  ]) {
    await assert.rejects(pims.device.otp(fetch), (error) => error === mine);
    await assert.rejects(
      pims.device.changePin(async () => PIN, fetch),
      (error) => error === mine,
    );
  }
});

test('the functions among the parameters are called one after the other', options, async (t) => {
  await pims.init({ storage: { path: folderOf(t) } });
  const order = [];
  const slow = async () => {
    order.push('first');
    await new Promise((resolve) => setImmediate(resolve));
    order.push('answered');
    return PIN;
  };
  const next = () => {
    order.push('second');
    return '4321';
  };
  await failsWith(pims.Code.FORBIDDEN, pims.device.changePin(slow, next));
  assert.deepEqual(order, ['first', 'answered', 'second']);
});

test('neither an error nor a printed object shows a secret', options, async (t) => {
  const folder = folderOf(t);
  await pims.init({ storage: { path: folder } });
  await enroll(pims.device, folder);
  const printed = [];
  const show = (value) => printed.push(inspect(value, { showHidden: true, showProxy: true, depth: 9, getters: true }), String(value));
  const wrong = '864219';
  for (const call of [
    () => pims.device.otp(wrong),
    () => pims.device.changePin(wrong, '1357'),
    () => pims.set('pims.authentication.pincode', { action: wrong, oldPIN: wrong }),
    () => pims.device.addPhoneNumber(wrong, PHONE_NUMBER),
    () => pims.get(wrong, { pinCode: wrong }),
  ]) {
    const promise = call();
    show(promise);
    show(await promise.catch((error) => error));
  }
  for (const text of printed) assert.doesNotMatch(text, new RegExp(wrong));

  const result = await pims.get('pims.authentication.otp', { action: 'withPIN', pinCode: PIN });
  assert.match(result.otp, /^[0-9a-z]{1,8}$/);
  for (const shown of [inspect(result), inspect([{ result }]), inspect(pims.device)]) assert.ok(!shown.includes(result.otp));
  assert.equal(inspect(result), "{ otp: '<not shown>' }");
  assert.deepEqual({ ...result }, { otp: result.otp });
  assert.deepEqual(result, { otp: result.otp });
  assert.equal(JSON.stringify(result), JSON.stringify({ otp: result.otp }));
  assert.deepEqual(Object.keys(pims.info(result)), ['wrongPinsSince']);
});

test('bytes are read and not kept', options, async (t) => {
  const folder = folderOf(t);
  await pims.init({ storage: { path: folder } });
  await enroll(pims.device, folder);
  const pin = new TextEncoder().encode(PIN);
  const password = pims.device.otp(pin);
  // The call is in the queue: it has a copy.
  pin.fill(0);
  assert.match(await password, /^[0-9a-z]{1,8}$/);
});

test('values of another realm are read', options, async (t) => {
  const folder = folderOf(t);
  await pims.init({ storage: { path: folder } });
  await enroll(pims.device, folder);
  const there = vm.createContext({ PIN });
  const pin = vm.runInContext('Uint8Array.from(PIN, (digit) => digit.charCodeAt(0))', there);
  assert.ok(!(pin instanceof Uint8Array));
  assert.match(await pims.device.otp(pin), /^[0-9a-z]{1,8}$/);
  const parameters = vm.runInContext("({ actionType: 'strong', type: async () => 'isDeviceActivated' })", there);
  assert.deepEqual(await pims.get(ACCOUNT, parameters), { isDeviceActivated: true });
  // A refused promise behind a value without a form, and a thenable, end nothing.
  const unhandled = t.mock.fn();
  process.on('unhandledRejection', unhandled);
  t.after(() => process.off('unhandledRejection', unhandled));
  for (const fetch of [
    vm.runInContext("async () => { throw new Error('locked'); }", there),
    // biome-ignore lint/suspicious/noThenProperty: a thenable is what this tries.
    () => ({ then: (_, reject) => reject(new Error('locked')) }),
  ]) {
    await assert.rejects(pims.get(ACCOUNT, { type: fetch, other: Symbol('a') }), /^TypeError: other: a symbol/);
    await assert.rejects(pims.get(ACCOUNT, { type: fetch }), { message: 'locked' });
  }
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(unhandled.mock.callCount(), 0);
});

test('the names of the package are there for import, too', options, async () => {
  const imported = await import('libpims');
  for (const name of Object.keys(pims)) assert.equal(imported[name], pims[name], name);
  assert.match(pims.version, /^\d+\.\d+\.\d+/);
});
