'use strict';

// The common parts of the tests.

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');

const REPOSITORY = process.env.PIMS_REPOSITORY ?? path.join(__dirname, '../../..');
const PHONE_NUMBER = '+33612345678';
const PIN = '1234';

// The longest time that a test may take, on the slowest machine.
const DEADLINE = 300_000;

const ACCOUNT = 'pims.authentication.account';
const ACTIVATED = { actionType: 'strong', type: 'isDeviceActivated' };
const PHONE = 'pims.authentication.trustedphonenumber';

/** Returns a folder that is removed after the test. */
function folderOf(t) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pims-node-'));
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Returns the code of the last SMS of the embedded authority. */
function smsCode(folder) {
  const lines = fs.readFileSync(path.join(folder, 'sms-outbox.jsonl'), 'utf8').trimEnd().split('\n');
  return JSON.parse(lines.at(-1)).code;
}

/** Enrolls a device with the PIN. */
async function enroll(device, folder, phoneNumber = PHONE_NUMBER) {
  await device.requestPhoneNumberCode(phoneNumber);
  await device.enrollWithPhoneNumber(PIN, () => smsCode(folder), phoneNumber);
}

/** A service that accepts connections and never answers, until it closes them. */
class SilentService {
  static async listen(t) {
    const server = net.createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const service = new SilentService(server);
    t.after(() => service.hangUp());
    return service;
  }

  #server;
  #connections = [];

  constructor(server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${server.address().port}`;
  }

  async waitForCall() {
    const [connection] = await once(this.#server, 'connection');
    connection.on('error', () => {});
    this.#connections.push(connection);
  }

  hangUp() {
    this.#server.close();
    for (const connection of this.#connections) connection.destroy();
  }

  /** Returns a configuration that names this service. */
  config(folder) {
    return {
      storage: { path: folder },
      credential: { inWeboURL: this.url, macID: '0123456789abcdef0123456789abcdef' },
      account: { accessToken: 'a-token' },
    };
  }
}

/** Runs a program. Returns its exit code and what it printed. */
function run(program, folder, { args = [], env = {} } = {}) {
  return new Promise((resolve) => {
    const options = { cwd: __dirname, env: { ...process.env, NODE_TEST_CONTEXT: '', FOLDER: folder, ...env }, timeout: DEADLINE };
    execFile(process.execPath, [...args, '-e', program], options, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : (error.code ?? error.signal), stdout, stderr });
    });
  });
}

/** Asserts that a promise fails with a code. */
async function failsWith(code, promise) {
  await assert.rejects(promise, (error) => {
    assert.equal(error.name, 'PimsError');
    assert.equal(error.code, code);
    return true;
  });
}

module.exports = {
  ACCOUNT,
  ACTIVATED,
  DEADLINE,
  PHONE,
  PHONE_NUMBER,
  PIN,
  REPOSITORY,
  SilentService,
  enroll,
  failsWith,
  folderOf,
  run,
  smsCode,
};
