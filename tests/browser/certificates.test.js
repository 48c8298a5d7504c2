'use strict';

// The operators' console over TLS, with a certificate of the client.

const assert = require('node:assert/strict');
const { after, test } = require('node:test');

const { authority } = require('./certificates');
const { accountPage, signIn, signOut, unblock } = require('./operators');
const { Service } = require('./service');
const { text } = require('./texts');
const { Visitor, closeBrowser, plain } = require('./visitor');
const { DEADLINE } = require('./wait');

const options = { timeout: 10 * DEADLINE };

after(closeBrowser);

test('an operator signs in with a token and a certificate', options, async (t) => {
  const { ca, make } = await authority(t);
  const [server, chief, other] = [await make('server', 'serverAuth'), await make('chief', 'clientAuth'), await make('other', 'clientAuth')];
  const service = await Service.production(t, {
    operators: { chief: ['read', 'unblock'] },
    certificates: { chief: chief.fingerprint },
    settings: `certificate_file = "${server.certificate}"\nkey_file = "${server.key}"\nclient_ca_file = "${ca}"`,
    https: true,
  });
  const [device] = await service.accountWith('alice');
  await device.block();
  const { origin } = new URL(service.console);
  const open = ({ certificate, key }) => {
    const clientCertificates = [{ origin, certPath: certificate, keyPath: key }];
    return Visitor.open(t, service.console, { ignoreHTTPSErrors: true, clientCertificates });
  };

  // Another certificate of the same authority, with the right token.
  const stranger = await open(other);
  await stranger.go('');
  await signIn(stranger, service.tokens.chief, { status: 401 });

  const visitor = await open(chief);
  await visitor.go('');
  await signIn(visitor, 'wrong', { status: 401 });
  await signIn(visitor, service.tokens.chief);
  const cookies = await visitor.page.context().cookies();
  for (const { name, httpOnly, sameSite, secure } of cookies) assert.deepEqual([httpOnly, sameSite, secure], [true, 'Strict', true], name);
  await visitor.go(accountPage('alice'));
  await unblock(visitor, 'the user called');
  assert.equal(plain(await visitor.page.locator('.flash').textContent()), text('en', 'done-unblocked'));
  await visitor.go('health');
  assert.equal(await visitor.mark('certificate').count(), 1);

  // The session of one certificate is none for another one.
  await stranger.page.context().addCookies(cookies);
  await stranger.go(accountPage('alice'));
  assert.equal(stranger.page.url(), stranger.url('sign-in'));
  await visitor.go('audit');
  await signOut(visitor);
});
