'use strict';

// The programs of docs/quickstart-node.md and of the package's README.

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');

const { DEADLINE, PIN, REPOSITORY, folderOf, smsCode } = require('./support');

const options = { timeout: DEADLINE };

/** Returns the programs of a page. */
function programs(page) {
  const text = fs.readFileSync(path.join(REPOSITORY, page), 'utf8');
  return [...text.matchAll(/^```js\n(.*?)^```$/gms)].map(([, program]) => program);
}

/** Runs a program in a folder, and answers its questions. Returns what it printed. */
function converse(program, folder, answers) {
  return new Promise((resolve, reject) => {
    // Imports are looked for beside this file, before the program goes to the folder.
    const text = `process.chdir(process.env.FOLDER);\n${program}`;
    const env = { ...process.env, FOLDER: folder };
    const child = spawn(process.execPath, ['--input-type=module', '-e', text], { cwd: __dirname, env, timeout: DEADLINE });
    let printed = '';
    let answered = 0;
    const listen = (chunk) => {
      printed += chunk;
      for (const [question, answer] of Object.entries(answers)) {
        if (!printed.slice(answered).endsWith(question)) continue;
        answered = printed.length;
        child.stdin.write(`${answer()}\n`);
      }
    };
    child.stdout.setEncoding('utf8').on('data', listen);
    child.stderr.setEncoding('utf8').on('data', listen);
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, printed }));
  });
}

test('the quickstart enrolls, and makes a password; the second run asks for the PIN only', options, async (t) => {
  const folder = folderOf(t);
  const [program] = programs('docs/quickstart-node.md');
  const answers = {
    'Choose a PIN: ': () => PIN,
    'Code of the SMS: ': () => smsCode(path.join(folder, 'pims-state')),
    'PIN: ': () => PIN,
  };
  const first = await converse(program, folder, answers);
  assert.equal(first.code, 0, first.printed);
  assert.match(first.printed, /^Choose a PIN: Code of the SMS: PIN: One-time password: [0-9a-z]{1,8}\n$/);
  const second = await converse(program, folder, answers);
  assert.match(second.printed, /^PIN: One-time password: [0-9a-z]{1,8}\n$/);
  const wrong = await converse(program, folder, { 'PIN: ': () => '9999' });
  assert.equal(wrong.code, 0, wrong.printed);
  assert.match(wrong.printed, /^PIN: 2308 .* Tries left: 4\n$/);
});

test('each program of the README runs', options, async (t) => {
  const its = programs('bindings/node/README.md');
  assert.ok(its.length >= 2);
  for (const program of its) {
    const told = await converse(program, folderOf(t), {});
    assert.equal(told.code, 0, told.printed);
    // A comment behind a line that prints is what it prints.
    for (const [, shown] of program.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)) {
      if (!shown.startsWith('{')) assert.ok(told.printed.includes(`${shown}\n`), told.printed);
    }
  }
});
