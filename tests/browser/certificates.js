'use strict';

// Certificates for a listener whose clients must show one: an authority, a server, clients.

const fs = require('node:fs');
const path = require('node:path');

const { folderOf, run } = require('./service');

const openssl = (...args) => run('openssl', args);

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/** Makes an authority and certificates by it. Returns a function that makes one by its name. */
async function authority(t) {
  const folder = folderOf(t);
  const file = (name) => path.join(folder, name);
  await openssl(
    'req',
    '-x509',
    ...KEY,
    '-days',
    '30',
    '-subj',
    '/CN=Authority of the tests',
    '-keyout',
    file('ca.key'),
    '-out',
    file('ca.pem'),
  );
  const make = async (name, purpose) => {
    const [key, request, certificate, extensions] = ['key', 'csr', 'pem', 'ext'].map((ending) => file(`${name}.${ending}`));
    fs.writeFileSync(extensions, `subjectAltName=IP:127.0.0.1\nextendedKeyUsage=${purpose}\n`);
    await openssl('req', ...KEY, '-subj', `/CN=${name}`, '-keyout', key, '-out', request);
    const by = ['-CA', file('ca.pem'), '-CAkey', file('ca.key'), '-CAcreateserial', '-extfile', extensions];
    await openssl('x509', '-req', '-days', '30', '-in', request, ...by, '-out', certificate);
    const printed = await openssl('x509', '-noout', '-fingerprint', '-sha256', '-in', certificate);
    fs.chmodSync(key, 0o600);
    return { key, certificate, fingerprint: printed.trim().split('=')[1] };
  };
  return { ca: file('ca.pem'), make };
}

module.exports = { authority };
