'use strict';

// The native part that is missing, or that is another system's.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');

const { DEADLINE, folderOf, run } = require('./support');
const { version } = require('libpims');

const options = { timeout: DEADLINE };
const PACKAGE = path.dirname(require.resolve('libpims'));
const LOAD = "try { require('libpims'); console.log('loaded'); } catch (error) { console.log(error.code + ' ' + error.message); }";

/** Returns a copy of the package without its native part, in a folder of its own. */
function copied(folder) {
  fs.cpSync(PACKAGE, path.join(folder, 'node_modules/libpims'), {
    recursive: true,
    filter: (name) => !path.relative(PACKAGE, name).includes('node_modules'),
  });
}

/** Returns the error of a program that loads the copy. */
async function failure(folder, { before = '', env = {} } = {}) {
  const program = `process.chdir(process.env.FOLDER); ${before} const require = module.constructor.createRequire(process.env.FOLDER + '/'); ${LOAD}`;
  const told = await run(program, folder, { env: { PIMS_NODE_ADDON: '', ...env } });
  assert.equal(told.stderr, '');
  return told.stdout.trim();
}

const SYSTEM = require(path.join(PACKAGE, 'lib/native.js')).systemName();

test('a native package that is not installed', options, async (t) => {
  const folder = folderOf(t);
  copied(folder);
  assert.equal(
    await failure(folder),
    `ERR_PIMS_NATIVE the package libpims-${SYSTEM} is not installed: install libpims on this system, with its optional dependencies`,
  );
});

test('a system that has no native package', options, async (t) => {
  const folder = folderOf(t);
  copied(folder);
  assert.equal(
    await failure(folder, {
      before: "Object.defineProperty(process, 'platform', { value: 'sunos' }); Object.defineProperty(process, 'arch', { value: 'sparc' });",
    }),
    'ERR_PIMS_NATIVE libpims has no native library for sunos-sparc: it has linux-arm64-gnu, linux-arm64-musl, linux-x64-gnu, linux-x64-musl',
  );
});

/** Puts a native package into the folder. */
function put(folder, files, main = 'pims.node') {
  const its = path.join(folder, `node_modules/libpims-${SYSTEM}`);
  fs.mkdirSync(its);
  fs.writeFileSync(path.join(its, 'package.json'), JSON.stringify({ name: `libpims-${SYSTEM}`, version: '0.0.1', main }));
  for (const [name, content] of Object.entries(files)) fs.writeFileSync(path.join(its, name), content);
}

test('a native package of another processor', options, async (t) => {
  const folder = folderOf(t);
  copied(folder);
  // The head of a shared library, of a processor that no machine has.
  const head = Buffer.alloc(4096);
  fs.readSync(fs.openSync(process.execPath, 'r'), head);
  head.writeUInt16LE(0xfffe, 18);
  put(folder, { 'pims.node': head });
  assert.match(
    await failure(folder),
    new RegExp(`^ERR_PIMS_NATIVE the native library of the package libpims-${SYSTEM} cannot be loaded: [^\\n]+$`),
  );
});

test('a native package that is damaged', options, async (t) => {
  const folder = folderOf(t);
  copied(folder);
  put(folder, { 'pims.node': 'no library' });
  assert.match(
    await failure(folder),
    new RegExp(`^ERR_PIMS_NATIVE the native library of the package libpims-${SYSTEM} cannot be loaded: [^\\n]+$`),
  );
});

test('a native package without its library', options, async (t) => {
  const folder = folderOf(t);
  copied(folder);
  put(folder, {});
  assert.match(await failure(folder), new RegExp(`^ERR_PIMS_NATIVE the package libpims-${SYSTEM} is not installed: [^\\n]+$`));
});

test('a native package of another version, and another package of this name', options, async (t) => {
  const folder = folderOf(t);
  copied(folder);
  put(folder, { 'index.js': "exports.version = () => '0.0.1'; exports.Port = class {};" }, 'index.js');
  assert.equal(
    await failure(folder),
    `ERR_PIMS_NATIVE the native library of the package libpims-${SYSTEM} has version 0.0.1, and libpims has ${version}: install libpims again`,
  );
  fs.writeFileSync(path.join(folder, `node_modules/libpims-${SYSTEM}/index.js`), "exports.hello = 'world';");
  assert.equal(
    await failure(folder),
    `ERR_PIMS_NATIVE the native library of the package libpims-${SYSTEM} is not one of libpims: install libpims again`,
  );
});

test('a file that the environment names and that is not there', options, async (t) => {
  const folder = folderOf(t);
  copied(folder);
  assert.match(
    await failure(folder, { env: { PIMS_NODE_ADDON: '/nowhere/pims.node' } }),
    /^ERR_PIMS_NATIVE the native library \/nowhere\/pims\.node cannot be loaded: [^\n]+$/,
  );
});

test('a program of musl is known by its loader', options, (t) => {
  const { isMusl } = require(path.join(PACKAGE, 'lib/native.js'));
  assert.equal(isMusl(process.execPath), SYSTEM.endsWith('musl'));
  const program = path.join(folderOf(t), 'node');
  for (const [loader, expected] of [
    ['/lib/ld-musl-x86_64.so.1', true],
    ['/lib/ld-musl-aarch64.so.1', true],
    ['/lib64/ld-linux-x86-64.so.2', false],
  ]) {
    fs.writeFileSync(program, programWith(loader));
    assert.equal(isMusl(program), expected, loader);
  }
});

/** Returns the head of a program: its first segment is another one, its second one names the
 *  loader. */
function programWith(loader) {
  const name = Buffer.from(`${loader}\0`);
  const head = Buffer.alloc(64 + 2 * 56);
  head.write('\x7fELF');
  head.writeBigUInt64LE(64n, 32);
  head.writeUInt16LE(56, 54);
  head.writeUInt16LE(2, 56);
  head.writeUInt32LE(6, 64);
  head.writeUInt32LE(3, 64 + 56);
  head.writeBigUInt64LE(10_000n, 64 + 56 + 8);
  head.writeBigUInt64LE(BigInt(name.length), 64 + 56 + 32);
  return Buffer.concat([head, Buffer.alloc(10_000 - head.length), name]);
}
