'use strict';

// The suite of all languages, see tests/conformance/README.md. It runs through the functions of the
// default facade, and through sessions.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');

const pims = require('libpims');

const { DEADLINE, REPOSITORY, folderOf } = require('./support');

const SUITE = JSON.parse(fs.readFileSync(path.join(REPOSITORY, 'tests/conformance/suite.json'), 'utf8'));

/** The runner of the steps: it keeps their values for later steps, and checks their messages. */
class Runner {
  #folder;
  #storage = '';
  #otp = '';
  #state = '';
  #deviceId = '';
  #number = '';

  constructor(folder) {
    this.#folder = folder;
  }

  fill(value) {
    if (typeof value === 'string') return value.replace(/\$\{(\w+)\}/g, (_, name) => this.#value(name));
    if (Array.isArray(value)) return value.map((member) => this.fill(member));
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, this.fill(member)]));
  }

  remember(step, parameters, message) {
    const storage = step.call === 'init' ? parameters?.storage?.path : undefined;
    if (typeof storage === 'string') this.#storage = storage;
    this.#otp = message.result?.otp ?? this.#otp;
    this.#state = message.result?.state ?? this.#state;
    this.#number = message.result?.number ?? this.#number;
    this.#deviceId = message.result?.devices?.[0]?.deviceId ?? message.result?.deviceId ?? this.#deviceId;
  }

  matches(expected, actual) {
    if (Array.isArray(expected) || Array.isArray(actual)) {
      return (
        Array.isArray(expected) &&
        Array.isArray(actual) &&
        expected.length === actual.length &&
        expected.every((member, index) => this.matches(member, actual[index]))
      );
    }
    if (isObject(expected) && isObject(actual)) {
      const names = Object.keys(expected);
      return (
        names.length === Object.keys(actual).length && names.every((name) => name in actual && this.matches(expected[name], actual[name]))
      );
    }
    const form = { $otp: /^[0-9a-z]{1,8}$/, $version: /^\d+\.\d+\.\d+/, $text: /^.+$/s }[expected];
    if (form !== undefined) return typeof actual === 'string' && form.test(actual);
    if (expected === '$time') return Number.isInteger(actual) && String(actual).length === 13;
    if (expected === '$seconds') return Number.isInteger(actual) && actual >= 1 && actual <= 86400;
    if (expected === '$path') return typeof actual === 'string' && actual.startsWith(`${this.#folder}/`);
    return expected === actual;
  }

  #value(name) {
    if (name === 'smsCode' || name === 'wrongSmsCode') {
      const lines = fs.readFileSync(path.join(this.#storage, 'sms-outbox.jsonl'), 'utf8').trimEnd().split('\n');
      const { code } = JSON.parse(lines.at(-1));
      return name === 'smsCode' ? code : increased(code);
    }
    if (name === 'wrongNumber') return increased(this.#number);
    return { folder: this.#folder, otp: this.#otp, state: this.#state, deviceId: this.#deviceId, number: this.#number }[name];
  }
}

/** Returns digits with the last one increased by one; 9 becomes 0. */
function increased(digits) {
  return digits.slice(0, -1) + ((Number(digits.at(-1)) + 1) % 10);
}

function isObject(value) {
  return value !== null && typeof value === 'object';
}

/** The calls of an interface, as the suite names them. */
class Performer {
  #events = [];

  async perform(call, api, parameters) {
    if (call === 'event') {
      const { value, done } = await this.#events.at(-1).next();
      assert.equal(done, false);
      return { status: 'RESULT', result: value };
    }
    if (call === 'free') {
      await this.free();
      for (const events of this.#events.splice(0)) for await (const event of events) assert.fail(JSON.stringify(event));
      return undefined;
    }
    try {
      return { status: 'SUCCEEDED', result: (await this.#call(call, api, parameters)) ?? null };
    } catch (error) {
      if (!(error instanceof pims.PimsError)) throw error;
      const { code, label, detail, info } = error;
      const told = { code, label };
      if (detail !== undefined) told.detail = detail;
      if (Object.keys(info).length > 0) told.info = info;
      return { status: 'FAILED', error: told };
    }
  }

  async #call(call, api, parameters) {
    if (call === 'init') return this.init(parameters);
    if (call !== 'subscribe') return this.calls[call](api, parameters);
    const events = this.calls.subscribe(api, parameters);
    await events.ready;
    this.#events.push(events);
    return null;
  }
}

class DefaultFacade extends Performer {
  calls = pims;

  init(config) {
    return pims.init(config);
  }

  free() {
    return pims.free();
  }
}

/** A session for each facade. Calls without one go to the default facade, which is not there. */
class Sessions extends Performer {
  calls = pims;

  async init(config) {
    this.calls = await pims.open(config);
  }

  async free() {
    const { calls } = this;
    this.calls = pims;
    if (calls !== pims) await calls.close();
  }
}

/** Returns true if a case makes a facade beside another one, which only the default one refuses. */
function isOfDefaultFacade({ steps }) {
  const made = steps.filter(
    ({ call, expect }) => call === 'free' || (call === 'init' && (expect.status === 'SUCCEEDED' || expect.error.code === 2007)),
  );
  return made.some(({ call }, index) => call === 'init' && made[index + 1]?.call === 'init');
}

for (const Interface of [DefaultFacade, Sessions]) {
  test(`every message of the suite is the same (${Interface.name})`, { timeout: DEADLINE }, async (t) => {
    assert.equal(SUITE.format, 1);
    const runner = new Runner(folderOf(t));
    let steps = 0;
    for (const one of SUITE.cases) {
      const performer = isOfDefaultFacade(one) ? new DefaultFacade() : new Interface();
      for (const [index, step] of one.steps.entries()) {
        const parameters = runner.fill(step.parameters);
        const expected = runner.fill(step.expect);
        const message = await performer.perform(step.call, step.api, parameters);
        assert.ok(
          runner.matches(expected, message),
          `${one.name}, step ${index + 1}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(message)}`,
        );
        if (message !== undefined) runner.remember(step, parameters, message);
        steps += 1;
      }
    }
    assert.equal(steps, SUITE.steps);
    assert.equal(SUITE.cases.filter(isOfDefaultFacade).length, 1);
  });
}

test('a message that differs does not match', () => {
  const runner = new Runner('/folder');
  for (const [expected, actual] of [
    [{ a: 1 }, { a: 1, b: 2 }],
    [{ a: 1, b: 2 }, { a: 1 }],
    [{ a: 1 }, { a: true }],
    [{ a: [1, 2] }, { a: [2, 1] }],
    [{ a: null }, {}],
    [{ 0: 1 }, [1]],
    ['$otp', '47NCKOXB'],
    ['$otp', ''],
    ['$path', '/somewhere/else'],
    ['$version', '1.2'],
    ['$text', ''],
    ['$time', '1700000000000'],
    ['$time', 1700000000],
    ['$seconds', '300'],
    ['$seconds', 0],
    ['$seconds', 1.5],
    ['text', '$text'],
  ]) {
    assert.equal(runner.matches(expected, actual), false, JSON.stringify([expected, actual]));
  }
});
