'use strict';

// Sessions and subscriptions that the program drops, and those that it still needs.

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { DEADLINE, folderOf, run } = require('./support');

const options = { timeout: DEADLINE };

// A function whose objects are dropped is not the one that goes on: a frame may keep them.
const BEGIN = `
  const pims = require('libpims');
  const path = process.env.FOLDER;
  const fs = require('node:fs');
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  const warnings = [];
  process.on('warning', ({ name, code, message }) => warnings.push(name + ' ' + code + ' ' + message.split(',')[0]));
  async function warned(text) {
    while (!warnings.includes('ResourceWarning PIMS_DROPPED ' + text)) {
      gc();
      await turn();
    }
    warnings.length = 0;
    console.log(text);
  }
  async function collect() {
    for (let round = 0; round < 20; round += 1) {
      gc();
      await turn();
    }
    console.log(warnings.length, 'warnings');
  }
`;

/** Runs an async program with a garbage collector that it can call. Asserts what it prints. */
async function prints(t, program, lines) {
  const args = ['--expose-gc', '--no-warnings'];
  const told = await run(`${BEGIN} (async () => { ${program} })();`, folderOf(t), { args });
  assert.deepEqual({ ...told, stdout: told.stdout.trimEnd().split('\n') }, { code: 0, stdout: lines, stderr: '' });
}

test('a dropped session is closed with a warning, and its storage is free', options, (t) =>
  prints(
    t,
    `await (async () => (await pims.open({ storage: { path } })).close())();
     await collect();
     for (const isWatched of [false, true]) {
       await (async () => {
         const session = await pims.open({ storage: { path } });
         console.log(await session.device.isActivated());
         if (isWatched) await session.device.watch().ready;
       })();
       await warned('a session was dropped');
       await (await pims.open({ storage: { path } })).close();
     }`,
    ['0 warnings', 'false', 'a session was dropped', 'false', 'a session was dropped'],
  ),
);

test('a dropped subscription is ended with a warning, and the next one begins', options, (t) =>
  prints(
    t,
    `const session = await pims.open({ storage: { path } });
     await (async () => { await session.device.watch().ready; })();
     await warned('a subscription to pims.authentication.account was dropped');
     const events = session.device.watch();
     await events.ready;
     await events.return();
     // The end of these events is noted: they are dropped without a warning.
     await (async () => { await session.device.watch().return(); })();
     await collect();
     await session.close();`,
    ['a subscription to pims.authentication.account was dropped', '0 warnings'],
  ),
);

test('a waiting loop keeps its subscription', options, (t) =>
  prints(
    t,
    `const { device, close } = await (async () => {
       const session = await pims.open({ storage: { path } });
       return { device: session.device, close: () => session.close() };
     })();
     const looped = (async () => { for await (const event of device.watch()) { console.log(JSON.stringify(event)); break; } })();
     await device.isActivated();
     await collect();
     await device.requestPhoneNumberCode('+33612345678');
     const { code } = JSON.parse(fs.readFileSync(path + '/sms-outbox.jsonl', 'utf8').trim());
     await device.enrollWithPhoneNumber('1234', code, '+33612345678');
     await looped;
     await close();`,
    ['0 warnings', '{"isDeviceActivated":true}'],
  ),
);

test('a waiting loop keeps its session', options, (t) =>
  prints(
    t,
    `await (async () => {
       const events = (await pims.open({ storage: { path } })).device.watch();
       await events.ready;
       (async () => { for await (const event of events) console.log(event); })();
     })();
     const isOpen = () => pims.open({ storage: { path } }).then((session) => session.close(), () => true);
     await collect();
     console.log(await isOpen());
     process.exit();`,
    ['0 warnings', 'true'],
  ),
);

test('a call that is under way keeps its session', options, (t) =>
  prints(
    t,
    `const server = require('node:net').createServer(async (connection) => {
       await collect();
       connection.destroy();
       server.close();
     });
     await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
     const inWeboURL = 'http://127.0.0.1:' + server.address().port;
     const credential = { inWeboURL, macID: '0123456789abcdef0123456789abcdef' };
     const called = (async () => {
       const session = await pims.open({ storage: { path }, credential, account: { accessToken: 'a-token' } });
       return session.get('pims.authentication.trustedphonenumber');
     })();
     await called.catch(({ code }) => console.log(code));`,
    ['0 warnings', '2202'],
  ),
);
