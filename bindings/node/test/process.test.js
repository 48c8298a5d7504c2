'use strict';

// The end of the program, and worker threads.

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { DEADLINE, folderOf, run } = require('./support');

const options = { timeout: DEADLINE };

const BEGIN = `
  const pims = require('libpims');
  const path = process.env.FOLDER;
  const activated = { actionType: 'strong', type: 'isDeviceActivated' };
  const account = 'pims.authentication.account';
`;

/** Runs an async program. Asserts that it ends with a code by itself, and printed these words. */
async function ends(t, program, words, code = 0) {
  const told = await run(`${BEGIN} (async () => { ${program} })();`, folderOf(t));
  assert.deepEqual({ code: told.code, words: told.stdout.split(/\s+/).filter(Boolean), stderr: told.stderr }, { code, words, stderr: '' });
}

test('a program that only loads the package ends', options, (t) => ends(t, 'console.log("end");', ['end']));

test('a program ends with a facade', options, (t) =>
  ends(t, 'await pims.init({ storage: { path } }); await pims.get(account, activated); console.log("end");', ['end']),
);

test('a program ends after the release', options, (t) =>
  ends(t, 'await pims.init({ storage: { path } }); await pims.get(account, activated); await pims.free(); console.log("end");', ['end']),
);

test('a reply is not lost at the end of the program', options, (t) =>
  // Nothing but the calls keeps the program from ending: first one, then many, and no await.
  ends(
    t,
    `await pims.init({ storage: { path } });
     for (let round = 0; round < 3; round += 1) await pims.get(account, activated);
     let replies = 0;
     for (let call = 0; call < 200; call += 1) {
       pims.get(account, activated).then(() => { replies += 1; if (replies === 200) console.log("all"); });
     }`,
    ['all'],
  ),
);

test('a reply is not lost after an idle time, and no await holds it', options, (t) =>
  ends(
    t,
    `await pims.init({ storage: { path } });
     setTimeout(() => pims.get(account, activated).then(() => console.log("reply")), 50);`,
    ['reply'],
  ),
);

test('the release that nobody awaits is finished', options, (t) =>
  ends(t, 'await pims.init({ storage: { path } }); pims.free().then(() => console.log("released"));', ['released']),
);

test('a subscription that nobody reads does not keep the program', options, (t) =>
  ends(t, 'await pims.init({ storage: { path } }); const events = pims.device.watch(); await events.ready; console.log("end");', ['end']),
);

test('a loop over a subscription keeps the program until it ends', options, (t) =>
  ends(
    t,
    `await pims.init({ storage: { path } });
     const events = pims.device.watch();
     // This timer keeps nothing: the loop below does.
     setTimeout(() => pims.unsubscribe(account), 100).unref();
     for await (const event of events) console.log(event);
     console.log("end");`,
    ['end'],
  ),
);

test('a program ends with open sessions, and their storage is free', options, (t) =>
  ends(
    t,
    `for (const name of ['a', 'b']) {
       const session = await pims.open({ storage: { path: path + '/' + name } });
       session.device.isActivated().then((activated) => console.log(name, activated));
       session.device.watch();
     }
     process.on('exit', () => console.log('end'));`,
    ['a', 'false', 'b', 'false', 'end'],
  ),
);

test('process.exit ends the program at once, also in the middle of calls', options, (t) =>
  ends(
    t,
    `await pims.init({ storage: { path } });
     for (let call = 0; call < 500; call += 1) pims.get(account, activated).then(() => { if (call === 5) process.exit(7); });`,
    [],
    7,
  ),
);

test('process.exit ends a program that waits for the service', options, (t) =>
  ends(
    t,
    `const server = require('node:net').createServer(() => process.exit(9)).listen(0, '127.0.0.1', async () => {
       const inWeboURL = 'http://127.0.0.1:' + server.address().port;
       const credential = { inWeboURL, macID: '0123456789abcdef0123456789abcdef' };
       await pims.init({ storage: { path }, credential, account: { accessToken: 'a-token' } });
       pims.get('pims.authentication.trustedphonenumber');
     });`,
    [],
    9,
  ),
);

test('a failure that nobody handles is reported by Node.js, without a secret', options, async (t) => {
  const program = `${BEGIN} pims.init({ storage: { path } }).then(() => pims.device.otp('864219'));`;
  const told = await run(program, folderOf(t));
  assert.equal(told.code, 1);
  assert.match(told.stderr, /PimsError: 2317/);
  assert.doesNotMatch(told.stderr + told.stdout, /864219/);
});

test('several workers use the facade of the process', options, (t) =>
  ends(
    t,
    `const { Worker } = require('node:worker_threads');
     await pims.init({ storage: { path } });
     const program = \`
       const pims = require('libpims');
       const calls = Array.from({ length: 50 }, () => pims.get('pims.authentication.account', { actionType: 'strong', type: 'isDeviceActivated' }));
       Promise.all(calls).then((all) => require('node:worker_threads').parentPort.postMessage(all.length));
     \`;
     const counts = await Promise.all(Array.from({ length: 4 }, () => new Promise((resolve, reject) => {
       const worker = new Worker(program, { eval: true });
       let count;
       worker.on('message', (value) => { count = value; });
       worker.on('error', reject);
       // It ends by itself.
       worker.on('exit', (code) => resolve([code, count]));
     })));
     console.log(JSON.stringify(counts));
     console.log((await pims.get(account, activated)).isDeviceActivated);`,
    ['[[0,50],[0,50],[0,50],[0,50]]', 'false'],
  ),
);

test('workers may be terminated in the middle of calls and subscriptions', options, (t) =>
  ends(
    t,
    `const { Worker } = require('node:worker_threads');
     const { once } = require('node:events');
     await pims.init({ storage: { path } });
     const program = \`
       const pims = require('libpims');
       const get = () => pims.get('pims.authentication.account', { actionType: 'strong', type: 'isDeviceActivated' }).then(get, get);
       for (let call = 0; call < 20; call += 1) get();
       require('node:worker_threads').parentPort.postMessage('runs');
       (async () => { for (;;) { for await (const event of pims.device.watch()) break; } })().catch(() => {});
     \`;
     for (let round = 0; round < 5; round += 1) {
       const workers = Array.from({ length: 3 }, () => new Worker(program, { eval: true }));
       await Promise.all(workers.map((worker) => once(worker, 'message')));
       for (let call = 0; call < round * 10; call += 1) await pims.get(account, activated);
       await Promise.all(workers.map((worker) => worker.terminate()));
       // A subscription of a worker that is gone is gone, too.
       const events = pims.device.watch();
       await events.ready;
       await events.return();
     }
     console.log((await pims.get(account, activated)).isDeviceActivated);
     await pims.free();`,
    ['false'],
  ),
);

test('a worker may make the facade and be terminated meanwhile', options, (t) =>
  ends(
    t,
    `const { Worker } = require('node:worker_threads');
     const program = \`require('libpims').init({ storage: { path: process.env.FOLDER } }); setInterval(() => {}, 1000);\`;
     for (let round = 0; round < 5; round += 1) {
       const worker = new Worker(program, { eval: true });
       await new Promise((resolve) => worker.on('online', () => setTimeout(resolve, round * 20)));
       await worker.terminate();
       await pims.free();
     }
     await pims.init({ storage: { path } });
     console.log((await pims.get(account, activated)).isDeviceActivated);`,
    ['false'],
  ),
);

test('the sessions of a worker that is terminated are closed', options, (t) =>
  ends(
    t,
    `const { Worker } = require('node:worker_threads');
     const { once } = require('node:events');
     const program = \`
       const pims = require('libpims');
       const { parentPort, workerData } = require('node:worker_threads');
       const path = workerData;
       (async () => {
         const session = await pims.open({ storage: { path } });
         const get = () => session.device.isActivated().then(get, get);
         for (let call = 0; call < 20; call += 1) get();
         session.device.watch();
         parentPort.postMessage('runs');
         setInterval(() => {}, 1000);
       })();
     \`;
     for (let round = 0; round < 3; round += 1) {
       const paths = ['a', 'b', 'c'].map((name) => path + '/' + name);
       const workers = paths.map((workerData) => new Worker(program, { eval: true, workerData }));
       await Promise.all(workers.map((worker) => once(worker, 'message')));
       await Promise.all(workers.map((worker) => worker.terminate()));
       // If a session were left, its storage would be in use.
       const sessions = await Promise.all(paths.map((its) => pims.open({ storage: { path: its } })));
       for (const session of sessions) console.log(await session.device.isActivated());
       await Promise.all(sessions.map((session) => session.close()));
     }`,
    Array(9).fill('false'),
  ),
);

test('a worker may be terminated while it opens a session', options, (t) =>
  ends(
    t,
    `const { Worker } = require('node:worker_threads');
     const program = \`require('libpims').open({ storage: { path: process.env.FOLDER } }); setInterval(() => {}, 1000);\`;
     for (let round = 0; round < 6; round += 1) {
       const worker = new Worker(program, { eval: true });
       await new Promise((resolve) => worker.on('online', () => setTimeout(resolve, round * 15)));
       await worker.terminate();
       // The session that was being opened is closed before the worker has ended.
       const session = await pims.open({ storage: { path } });
       await session.close();
     }
     console.log('end');`,
    ['end'],
  ),
);
