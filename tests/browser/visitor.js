'use strict';

// A visitor of a console: a browser with cookies of its own. Each page that it loads is checked, in
// light and dark, wide and narrow. A page that a test loads and does not check fails the test.

const assert = require('node:assert/strict');

const axe = require('axe-core');
const { chromium } = require('playwright-core');

const { foreignTo, languages } = require('./texts');
const { DEADLINE } = require('./wait');

const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

const WIDE = { width: 1280, height: 800 };
/** The width at which WCAG 2.2 (1.4.10) allows no scrolling in two directions. */
const NARROW = { width: 320, height: 640 };

const FOREIGN = Object.fromEntries(languages().map((language) => [language, foreignTo(language)]));

/** The browser of all tests of a file. Chromium refuses its sandbox to root. */
let launched;
function browser() {
  const args = process.getuid() === 0 ? ['--no-sandbox'] : [];
  launched ??= chromium.launch({ executablePath: process.env.PIMS_BROWSER, args });
  return launched;
}

/** Closes the browser after the tests of a file. */
async function closeBrowser() {
  await (await launched)?.close();
  launched = undefined;
}

/** The pages that were inspected and are good. */
const inspected = new Set();

class Visitor {
  /** The present tab. */
  page;
  /** The language of the pages. */
  language;
  #base;
  #script;
  #context;
  /** What a page may not do, and did. */
  #faults = [];
  /** The pages that were loaded and not checked, by their tabs. */
  #unchecked = new Map();
  /** What the browser wrote to its console: errors and warnings. */
  #messages = [];
  /** The URLs whose answer is an error that the test wants. */
  #refused = new Set();

  /**
   * Opens a browser for the console at `base`. `options`: `language`; `script: false` turns
   * JavaScript off; further ones are Playwright's.
   */
  static async open(t, base, { language = 'en', script = true, ...options } = {}) {
    const visitor = new Visitor();
    visitor.#base = new URL(base);
    visitor.language = language;
    visitor.#script = script;
    const context = await (await browser()).newContext({ javaScriptEnabled: script, locale: language, viewport: WIDE, ...options });
    visitor.#context = context;
    context.setDefaultTimeout(DEADLINE);
    await context.exposeBinding('pimsViolation', (_, text) => visitor.#faults.push(`content security policy: ${text}`));
    await context.addInitScript(() => {
      document.addEventListener('securitypolicyviolation', (event) => {
        globalThis.pimsViolation(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
      });
    });
    await context.addInitScript(axe.source);
    context.on('page', (page) => visitor.#watch(page));
    context.on('request', (request) => {
      const url = new URL(request.url());
      if (url.protocol !== 'data:' && url.origin !== visitor.#base.origin) {
        visitor.#faults.push(`a request to another host: ${request.url()}`);
      }
    });
    visitor.page = await context.newPage();
    t.after(() => visitor.close());
    return visitor;
  }

  #watch(page) {
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) this.#messages.push({ text: message.text(), url: message.location().url });
    });
    page.on('pageerror', (error) => this.#faults.push(`script: ${error.stack}`));
    page.on('response', (response) => {
      if (isDocument(response, page)) {
        if (this.#unchecked.has(page)) this.#faults.push(`a page was not checked: ${this.#unchecked.get(page).url()}`);
        this.#unchecked.set(page, response);
      }
    });
  }

  /** Returns the URL of a path below the base. */
  url(path) {
    return new URL(path, this.#base).href;
  }

  /** Opens another tab. `act`, `go` and `check` use the tab that `page` names. */
  async tab() {
    this.page = await this.#context.newPage();
    return this.page;
  }

  /** Loads a page, which has this status. */
  go(path, options) {
    const url = this.url(path);
    return this.act(() => this.page.goto(url, { waitUntil: 'commit' }), options);
  }

  /** Does something that loads a page with this status, and checks the page. */
  async act(action, { status = 200 } = {}) {
    const page = this.page;
    const loaded = page.waitForEvent('load');
    const answered = page.waitForResponse((response) => isDocument(response, page));
    const [response] = await Promise.all([answered, loaded, action()]);
    if (response.status() !== status) assert.fail(`${response.url()}: ${response.status()}\n${this.#taken().join('\n')}`);
    if (status >= 400) this.#refused.add(response.url());
    await this.check();
    return response;
  }

  /** Returns the faults since the last call. */
  #taken() {
    const isWanted = ({ text, url }) => text.startsWith('Failed to load resource') && this.#refused.has(url);
    const messages = this.#messages.splice(0).filter((message) => !isWanted(message));
    return [...this.#faults.splice(0), ...messages.map(({ text, url }) => `browser: ${text} (${url})`)];
  }

  /** Sends a form by a script of the page, as code of another page could. Returns the status. */
  async post(path, fields) {
    const url = this.url(path);
    this.#refused.add(url);
    return this.page.evaluate(
      async ([target, body]) => {
        const response = await fetch(target, { method: 'POST', body: new URLSearchParams(body), redirect: 'manual' });
        return { status: response.status, redirected: response.type === 'opaqueredirect', kind: response.headers.get('content-type') };
      },
      [url, fields],
    );
  }

  /** Checks the page of the present tab. */
  async check() {
    const page = this.page;
    const response = this.#unchecked.get(page);
    this.#unchecked.delete(page);
    const faults = this.#faults;
    if (response) {
      const headers = await response.allHeaders();
      if (!headers['content-security-policy']?.includes("default-src 'none'")) faults.push('no content security policy');
      if (headers['x-content-type-options'] !== 'nosniff') faults.push('no x-content-type-options');
    }
    const language = await page.locator('html').getAttribute('lang');
    if (language !== this.language) faults.push(`the page is in ${language}, and not in ${this.language}`);
    if ((await page.locator('h1').count()) !== 1) faults.push('not one h1');
    const text = plain(await page.locator('body').evaluate(ownText));
    for (const sentence of FOREIGN[this.language] ?? []) {
      if (text.includes(sentence)) faults.push(`a text of another language: ${sentence}`);
    }
    // The same page is inspected once: that of signing in comes in most tests.
    const content = this.#script ? withoutTokens(await page.content()) : '';
    if (this.#script && !inspected.has(content)) await this.#inspect(page);
    const taken = this.#taken();
    assert.deepEqual(taken, [], [page.url(), ...taken].join('\n'));
    if (this.#script) inspected.add(content);
  }

  /** Checks accessibility, in light and dark, and the width on a phone. */
  async #inspect(page) {
    const [scheme, size] = await page.evaluate(() => [
      matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light',
      { width: innerWidth, height: innerHeight },
    ]);
    for (const [colorScheme, viewport] of [
      ['light', WIDE],
      ['dark', NARROW],
    ]) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize(viewport);
      const found = await page.evaluate(async (values) => {
        const { violations } = await globalThis.axe.run({ runOnly: { type: 'tag', values }, resultTypes: ['violations'] });
        return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html}: ${node.failureSummary}`));
      }, RULES);
      this.#faults.push(...found.map((fault) => `accessibility, ${colorScheme}: ${fault}`));
      const wide = await page.evaluate(() => {
        const { scrollWidth, clientWidth } = document.documentElement;
        if (scrollWidth <= clientWidth) return [];
        const beyond = [...document.querySelectorAll('body *')].filter((element) => element.getBoundingClientRect().right > clientWidth);
        return [
          `${scrollWidth} of ${clientWidth} px: ${beyond
            .slice(0, 3)
            .map((element) => element.outerHTML.slice(0, 200))
            .join('\n')}`,
        ];
      });
      this.#faults.push(...wide.map((fault) => `wider than the window: ${fault}`));
    }
    await page.emulateMedia({ colorScheme: scheme });
    await page.setViewportSize(size);
  }

  /** Presses a key, without the mouse. */
  press(key) {
    return this.page.keyboard.press(key);
  }

  /** Moves the focus by Tab until `selector` has it. The focus must be visible on its way. */
  async tabTo(selector) {
    const last = await this.page.evaluate(
      () => document.querySelectorAll('a, button, input, select, textarea, [tabindex], summary').length,
    );
    for (let steps = 0; steps <= last + 2; steps += 1) {
      await this.press('Tab');
      const focus = await this.page.evaluate((wanted) => {
        const element = document.activeElement;
        if (!element || element === document.body) return { isThere: false, isVisible: true };
        const { outlineStyle, outlineWidth } = getComputedStyle(element);
        const { top, bottom, left, right } = element.getBoundingClientRect();
        const isInWindow = bottom > 0 && top < innerHeight && right > 0 && left < innerWidth;
        const isVisible = outlineStyle !== 'none' && Number.parseFloat(outlineWidth) >= 2 && isInWindow;
        return { isThere: element.matches(wanted), isVisible, html: element.outerHTML.slice(0, 200) };
      }, selector);
      assert.ok(focus.isVisible, `the focus is not visible: ${focus.html}`);
      if (focus.isThere) return;
    }
    assert.fail(`Tab does not reach ${selector}`);
  }

  /** Returns a mark of the contract with tests: `data-test`. */
  mark(name) {
    return this.page.locator(`[data-test="${name}"]`);
  }

  /** Closes the browser. Fails if something was not checked, or wrong since the last check. */
  async close() {
    await this.#context.close();
    const left = [...this.#unchecked.values()].map((response) => `a page was not checked: ${response.url()}`);
    assert.deepEqual([...this.#taken(), ...left], []);
  }
}

/** Returns whether a response is a page in the window of a tab. */
function isDocument(response, page) {
  const request = response.request();
  const isRedirect = response.status() >= 300 && response.status() < 400;
  return request.isNavigationRequest() && request.frame() === page.mainFrame() && !isRedirect;
}

/** Returns a page without the token of its session. */
function withoutTokens(html) {
  return html.replace(/(name="csrf" value=")[^"]*/g, '$1');
}

/** Returns the text of an element in the language of its page: parts in another one say so. */
function ownText(element) {
  const own = element.cloneNode(true);
  for (const part of own.querySelectorAll('[lang], template')) part.remove();
  const attributes = [...own.querySelectorAll('*')].flatMap((one) =>
    ['aria-label', 'title', 'placeholder', 'data-copied'].map((name) => one.getAttribute(name)),
  );
  return [own.textContent, ...attributes].join('\n');
}

/** Returns a text without the marks that Fluent sets around arguments. */
function plain(text) {
  return text.replace(/[\u2066-\u2069]/g, '').replace(/\s+/g, ' ');
}

module.exports = { Visitor, browser, closeBrowser, plain };
