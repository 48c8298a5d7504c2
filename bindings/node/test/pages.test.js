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

// Runs a command with a terminal of its own, and passes on what it prints and reads.
const TERMINAL = 'import os, pty, sys; sys.exit(os.WEXITSTATUS(pty.spawn(sys.argv[1:])))';

/**
 * Runs a program in a folder, and answers its questions. An answer `undefined` ends the input.
 * Returns what it printed.
 */
function converse(program, folder, answers, { hasTerminal = false } = {}) {
  return new Promise((resolve, reject) => {
    // Imports are looked for beside this file, before the program goes to the folder.
    const text = `process.chdir(process.env.FOLDER);\n${program}`;
    const env = { ...process.env, FOLDER: folder };
    const command = [process.execPath, '--input-type=module', '-e', text];
    if (hasTerminal) command.unshift('python3', '-c', TERMINAL);
    const child = spawn(command[0], command.slice(1), { cwd: __dirname, env, timeout: DEADLINE });
    let printed = '';
    let answered = 0;
    const listen = (chunk) => {
      printed += chunk;
      for (const [question, answer] of Object.entries(answers)) {
        if (!printed.slice(answered).endsWith(question)) continue;
        answered = printed.length;
        const its = answer();
        if (its === undefined) child.stdin.end();
        else child.stdin.write(its);
      }
    };
    child.stdout.setEncoding('utf8').on('data', listen);
    child.stderr.setEncoding('utf8').on('data', listen);
    child.on('error', reject);
    // The program may end before it reads.
    child.stdin.on('error', () => {});
    child.on('close', (code) => resolve({ code, printed }));
  });
}

test('the quickstart enrolls, and makes a password; the second run asks for the PIN only', options, async (t) => {
  const folder = folderOf(t);
  const [program] = programs('docs/quickstart-node.md');
  const answers = {
    'Choose a PIN: ': () => `${PIN}\n`,
    'Code of the SMS: ': () => `${smsCode(path.join(folder, 'pims-state'))}\n`,
    'PIN: ': () => `${PIN}\n`,
  };
  assert.ok(program.split('\n').length <= 30);
  const first = await converse(program, folder, answers);
  assert.equal(first.code, 0, first.printed);
  assert.match(first.printed, /^Choose a PIN: \nCode of the SMS: \nPIN: \nOne-time password: [0-9a-z]{1,8}\n$/);
  const second = await converse(program, folder, answers);
  assert.equal(second.code, 0, second.printed);
  assert.match(second.printed, /^PIN: \nOne-time password: [0-9a-z]{1,8}\n$/);
  const wrong = await converse(program, folder, { 'PIN: ': () => '9999\n' });
  assert.equal(wrong.code, 0, wrong.printed);
  assert.match(wrong.printed, /^PIN: \n2308 .* Tries left: 4\n$/);
  const ended = await converse(program, folder, { 'PIN: ': () => undefined });
  assert.equal(ended.code, 1, ended.printed);
  assert.match(ended.printed, /^PIN: \n.*Error: the input has ended\n/s);
});

test('the quickstart shows nothing of what is typed into a terminal, and ends at Ctrl-D', options, async (t) => {
  const folder = folderOf(t);
  const [program] = programs('docs/quickstart-node.md');
  const answers = {
    'Choose a PIN: ': () => `${PIN}\r`,
    'Code of the SMS: ': () => `${smsCode(path.join(folder, 'pims-state'))}\r`,
    'PIN: ': () => `${PIN}\r`,
  };
  const first = await converse(program, folder, answers, { hasTerminal: true });
  assert.match(first.printed, /^Choose a PIN: \r\nCode of the SMS: \r\nPIN: \r\nOne-time password: [0-9a-z]{1,8}\r\n$/);
  assert.equal(first.code, 0);
  for (const key of ['\x04', '\x03']) {
    const ended = await converse(program, folder, { 'PIN: ': () => key }, { hasTerminal: true });
    assert.match(ended.printed, /^PIN: \r\n.*Error: the input has ended\r\n/s);
    assert.equal(ended.code, 1);
  }
});

test('each program of the README runs', options, async (t) => {
  const its = programs('bindings/node/README.md');
  assert.ok(its.length >= 2);
  for (const program of its) {
    const told = await converse(program, folderOf(t), {});
    assert.equal(told.code, 0, told.printed);
    // A comment behind a line that prints is what it prints.
    for (const [, shown] of program.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)) {
      assert.ok(told.printed.includes(`${shown}\n`), told.printed);
    }
  }
});
