'use strict';

// The checks of visitor.js can fail: a bad page is reported, and a good one is not.

const assert = require('node:assert/strict');
const http = require('node:http');
const { after, test } = require('node:test');

const { Visitor, closeBrowser } = require('./visitor');
const { DEADLINE } = require('./wait');
const { foreignTo, messages } = require('./texts');

const options = { timeout: 5 * DEADLINE };

const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'";

after(closeBrowser);

/** Serves pages with the policy of the consoles. Returns their address. */
async function serve(t, pages) {
  const server = http.createServer((request, response) => {
    const page = { '/icon': '', ...pages }[request.url];
    const headers = { 'content-type': 'text/html; charset=utf-8', 'x-content-type-options': 'nosniff', 'content-security-policy': POLICY };
    response.writeHead(page === undefined ? 404 : 200, headers).end(page ?? frame('<p>Gone</p>'));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  return `http://127.0.0.1:${server.address().port}/`;
}

function frame(content, language = 'en') {
  return `<!DOCTYPE html><html lang="${language}"><head><title>Page</title><link rel="icon" href="/icon"></head>
<body><main><h1>Page</h1>${content}</main></body></html>`;
}

/** Opens a page of a server alone. Returns the message of its check. */
async function reported(t, content, language) {
  const base = await serve(t, { '/': frame(content, language) });
  const visitor = await Visitor.open(t, base);
  const error = await visitor.go('').then(
    () => undefined,
    (failure) => failure,
  );
  return error?.message ?? '';
}

test('a good page is accepted', options, async (t) => {
  assert.equal(await reported(t, '<p>Good</p>'), '');
});

test('each fault of a page is reported', options, async (t) => {
  const [sentence] = foreignTo('en');
  for (const [content, expected, language] of [
    ['<img src="/icon">', /accessibility, light: image-alt/],
    ['<button></button>', /accessibility, dark: button-name/],
    ['<p style="color: red">red</p>', /content security policy: style-src-attr inline/],
    ['<script>1</script>', /content security policy: script-src-elem inline/],
    ['<button onclick="x()">press</button>', /content security policy: script-src-attr inline/],
    ['<img alt="" src="http://127.0.0.1:1/">', /content security policy: img-src http:\/\/127.0.0.1:1\//],
    [`<p>${'wide'.repeat(200)}</p>`, /wider than the window: /],
    ['<h1>Second</h1>', /not one h1/],
    ['<p>Bonjour</p>', /the page is in fr, and not in en/, 'fr'],
    [`<p>${sentence}</p>`, /a text of another language: /],
    ['<img alt="" src="/missing">', /browser: Failed to load resource/],
  ]) {
    assert.match(await reported(t, content, language), expected, content);
  }
});

test('a page in the dark scheme with too little contrast is reported', options, async (t) => {
  const style = '@media (prefers-color-scheme: dark) { body { background: #222; color: #333 } }';
  const base = await serve(t, { '/': frame('<link rel="stylesheet" href="/style">'), '/style': style });
  // A style sheet has its own type: the server above says otherwise.
  const visitor = await Visitor.open(t, base);
  await visitor.page.route('**/style', (route) => route.fulfill({ body: style, contentType: 'text/css' }));
  await assert.rejects(visitor.go(''), /accessibility, dark: color-contrast/);
});

test('a page without a check fails the test', options, async (t) => {
  const base = await serve(t, { '/': frame('') });
  const after = [];
  const visitor = await Visitor.open({ after: (close) => after.push(close) }, base);
  await visitor.page.goto(base);
  await assert.rejects(after[0](), /a page was not checked/);
});

test('an error is refused unless the test wants it', options, async (t) => {
  const base = await serve(t, {});
  const visitor = await Visitor.open(t, base);
  await visitor.go('', { status: 404 });
  await assert.rejects(visitor.go('again'), /404/);
  await visitor.check();
});

test('the messages of the languages are read', () => {
  assert.equal(messages('en').get('layout-sign-out'), 'Sign out');
  assert.ok(foreignTo('fr').includes('Skip to the content'));
  assert.ok(foreignTo('en').length > 10);
});
