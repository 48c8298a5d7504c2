'use strict';

// The programs behind the consoles: the service `pims-authority`, and devices of its accounts,
// which the program `pims` plays by real exchanges.

const assert = require('node:assert/strict');
const { execFile, spawn } = require('node:child_process');
const { randomBytes } = require('node:crypto');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { promisify } = require('node:util');

const { DEADLINE, until } = require('./wait');

const AUTHORITY = program('PIMS_AUTHORITY');
const DEVICE = program('PIMS_PROGRAM');

const PHONE_NUMBER = '+33612345678';
const PIN = '1234';
const WRONG_PIN = '9999';

function program(variable) {
  const file = process.env[variable];
  if (!file) throw new Error(`${variable} names no program: run tools/test-browser.sh`);
  return file;
}

/** Returns a folder that is removed after the test. */
function folderOf(t) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pims-browser-'));
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Runs a program to its end. Returns what it printed. */
async function run(file, args, input = '', env = {}) {
  const running = promisify(execFile)(file, args, { timeout: DEADLINE, env: { ...process.env, ...env } });
  // A program that ends without a look at its input closes it.
  running.child.stdin.on('error', () => {}).end(input);
  const { stdout } = await running;
  return stdout;
}

/** A service that runs: a process with a folder of its own. */
class Service {
  /** The address of the public listener. */
  url;
  /** The file of its configuration. */
  configuration;
  #process;
  #output = '';
  #folder;
  #accounts = 0;

  /**
   * Starts `serve --dev` with a console for development. `url` of the result is the public
   * listener, `console` the page that lets a browser in.
   */
  static async development(t, { port = 0 } = {}) {
    const service = new Service(folderOf(t));
    service.configuration = path.join(service.#folder, 'dev/pims-authority.toml');
    service.#start(t, ['serve', '--dev', '--folder', path.dirname(service.configuration), '--port', String(port)]);
    service.url = await service.#said(/^ *service +(https:\S+)$/m);
    service.console = await service.#said(/(http:\/\/\S+\/\?key=\S+)/);
    service.operators = await service.#said(/^ *operators +(http:\S+)/m);
    return service;
  }

  /**
   * Starts `serve` with the operators' console. `operators` are names with roles, `certificates`
   * the fingerprints that some of them must show, `settings` further lines of `[admin]`. `console`
   * of the result is the address of the console, `tokens` has the operators' tokens.
   */
  static async production(t, { operators, certificates = {}, settings = '', https = false }) {
    const service = new Service(folderOf(t));
    service.configuration = path.join(service.#folder, 'pims-authority.toml');
    service.tokens = Object.fromEntries(Object.keys(operators).map((name) => [name, token()]));
    const list = Object.entries(operators).map(([name, roles]) => {
      const certificate = certificates[name] ? `certificate = "${certificates[name]}", ` : '';
      return `${name} = { token = "${service.tokens[name]}", ${certificate}roles = ${JSON.stringify(roles)} }`;
    });
    fs.writeFileSync(
      service.configuration,
      `development = true
[listen]
address = "127.0.0.1:0"
[admin]
address = "127.0.0.1:0"
console = true
${settings}
[admin.operators]
${list.join('\n')}
[database]
url = "sqlite:authority.db"
[master_key]
hex = "${'07'.repeat(32)}"
[tokens.static]
nobody = "${token()}"
[sms]
gateway = "outbox"
outbox_file = "sms-outbox.jsonl"
[activation]
proof = "token"
[pin]
denied = false
history = 0
[policy]
codes_per_hour = 100
codes_per_day = 1000
[limits]
codes_per_number_and_hour = 1000
sms_per_minute = 100000
sms_per_day = 100000
sms_per_prefix_and_hour = 100000
unknown_operators_per_minute = 1000
[relying_parties.services]
demo = { open = true }
[process]
lock_memory = "no"
[log]
format = "json"
`,
      { mode: 0o600 },
    );
    service.#start(t, ['-c', service.configuration, 'serve']);
    service.url = `http://${await service.#said(/"message":"listening","address":"([^"]+)"/)}`;
    const address = await service.#said(/"message":"admin API listening","address":"([^"]+)"/);
    service.console = `${https ? 'https' : 'http'}://${address}/console/`;
    return service;
  }

  constructor(folder) {
    this.#folder = folder;
  }

  get folder() {
    return this.#folder;
  }

  #start(t, args) {
    this.#process = spawn(AUTHORITY, args, { stdio: ['ignore', 'pipe', 'pipe'], cwd: this.#folder });
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        this.#output += text;
      });
    }
    t.after(() => this.stop());
  }

  /** Waits for a line of the program. Returns its first group. */
  async #said(pattern) {
    const found = await until(
      () => {
        assert.equal(this.#process.exitCode, null, this.#output);
        return pattern.exec(this.#output);
      },
      () => `${pattern} in the output:\n${this.#output}`,
    );
    return found[1];
  }

  /** Stops the process, and waits for its end. */
  async stop() {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#process.once('exit', resolve));
    this.#process.kill();
    await ended;
  }

  /** Runs a command of the program with the configuration of this service. */
  command(...args) {
    return run(AUTHORITY, ['-c', this.configuration, ...args]);
  }

  /** Makes an account. Returns its access token. */
  async account(name) {
    const text = await this.command('account', 'add', '--token', '--', name);
    return JSON.parse(text.slice(text.lastIndexOf('\n  {'))).account.accessToken;
  }

  /** Makes an account with a device for each name. Returns the devices. */
  async accountWith(name, deviceNames = ['Phone'], phoneNumber = PHONE_NUMBER) {
    const accessToken = await this.account(name);
    const devices = [];
    for (const deviceName of deviceNames) {
      const device = this.device(name, accessToken);
      await device.enroll(devices.length === 0 ? phoneNumber : undefined);
      await device.rename(deviceName);
      devices.push(device);
    }
    return devices;
  }

  /** Returns a device of an account, which is not enrolled yet. */
  device(account, accessToken) {
    this.#accounts += 1;
    return new Device(this, path.join(this.#folder, `device${this.#accounts}`), account, accessToken);
  }

  /** Verifies a one-time password as a relying party does. Returns whether it is right. */
  async verify(account, otp) {
    const query = new URLSearchParams({ action: 'authenticate', serviceId: 'demo', userId: account, token: otp, format: 'json' });
    const answer = await fetch(`${this.url}/FS?${query}`);
    return (await answer.json()).err === 'OK';
  }

  /** Returns the SMS so far, the oldest first. */
  sms() {
    const file = path.join(path.dirname(this.configuration), 'sms-outbox.jsonl');
    const text = fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
    return text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line));
  }

  /** Returns the code of the newest SMS. */
  code() {
    return this.sms().at(-1).code;
  }

  /** Returns the certificate of the service, if its listener has TLS. */
  get certificate() {
    const file = path.join(path.dirname(this.configuration), 'certificate.pem');
    return fs.existsSync(file) ? file : undefined;
  }
}

/** A device of an account: the program `pims` with a folder. */
class Device {
  #service;
  #folder;

  constructor(service, folder, username, accessToken) {
    this.#service = service;
    this.#folder = folder;
    fs.mkdirSync(folder, { mode: 0o700 });
    const credential = {
      ...(service.certificate && { caFile: service.certificate }),
      inWeboURL: service.url,
      macID: '0123456789abcdef0123456789abcdef',
      clientId: 'demo',
      clientSecret: 'demo',
    };
    const configuration = {
      environnement: 'Production',
      account: { username, accessToken },
      storage: { path: path.join(folder, 'state') },
      credential,
    };
    fs.writeFileSync(path.join(folder, 'config.json'), JSON.stringify(configuration), { mode: 0o600 });
  }

  /** Runs the program with these lines of standard input. */
  pims(args, ...lines) {
    return run(DEVICE, ['--folder', this.#folder, ...args], lines.map((line) => `${line}\n`).join(''));
  }

  /** Requests an SMS code. */
  requestCode(phoneNumber) {
    return this.pims(['enroll', '--request-only', ...(phoneNumber ? ['--phone', phoneNumber] : [])]);
  }

  /** Enrolls. The account gets the phone number, if there is one. */
  async enroll(phoneNumber) {
    await this.requestCode(phoneNumber);
    const args = ['enroll', '--no-request', ...(phoneNumber ? ['--phone', phoneNumber] : [])];
    await this.pims(args, this.#service.code(), PIN);
  }

  /** Returns the short id of this device. */
  async id() {
    const { result } = JSON.parse(await this.pims(['devices', '--json']));
    return result.devices.find((device) => device.thisDevice).deviceId;
  }

  async rename(name) {
    await this.pims(['devices', 'rename', '--', await this.id(), name], PIN);
  }

  /** Makes a one-time password. */
  async otp(pin = PIN) {
    return (await this.pims(['otp'], pin)).trim();
  }

  /** Tries wrong PINs until the account is blocked. */
  async block() {
    for (let tries = 0; tries < 20; tries += 1) {
      const status = await this.pims(['otp'], WRONG_PIN).then(
        () => 0,
        (error) => error.code,
      );
      if (status === 7) return;
      assert.equal(status, 6, 'a wrong PIN is refused');
    }
    assert.fail('the account is not blocked');
  }
}

/** Returns a token with as much entropy as the service wants. */
function token() {
  return randomBytes(32).toString('hex');
}

module.exports = { AUTHORITY, PHONE_NUMBER, PIN, Service, folderOf, run };
