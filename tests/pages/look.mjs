// Looks at the pages in a folder with a browser and prints a line for everything that is wrong with them.
// usage: node look.mjs FOLDER-OF-PAGES FOLDER-OF-NODE-MODULES
import { createRequire } from 'node:module';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const [pages, modules] = process.argv.slice(2).map((path) => resolve(path));
const require = createRequire(join(modules, 'x.js'));
const { chromium } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

// As readers meet them: bright, dark, on a telephone, at a zoom of 400 %, with scripts off.
const views = [
  { name: 'light', width: 1280, scheme: 'light' },
  { name: 'dark', width: 1280, scheme: 'dark' },
  { name: 'tablet', width: 800, scheme: 'light' },
  { name: '320 px', width: 320, scheme: 'light' },
  { name: '320 px, dark', width: 320, scheme: 'dark' },
  { name: 'no scripts', width: 1280, scheme: 'light', scripts: false },
  { name: 'no scripts, 320 px', width: 320, scheme: 'dark', scripts: false },
];

const unfold = () => document.querySelectorAll('details').forEach((fold) => { fold.open = true; });
const visible = (selector) => [...document.querySelectorAll(selector)].filter((e) => e.checkVisibility()).length;

/** Presses Tab until the element with this id has the focus; false when it never gets it. */
async function tabTo(page, id) {
  for (let n = 0; n < 400; n += 1) {
    await page.keyboard.press('Tab');
    if (await page.evaluate((wanted) => document.activeElement.id === wanted, id)) return true;
  }
  return false;
}

async function look(browser, file, view, wrong) {
  const context = await browser.newContext({
    viewport: { width: view.width, height: 900 }, colorScheme: view.scheme, javaScriptEnabled: view.scripts !== false,
  });
  const page = await context.newPage();
  const address = `file://${file}`;
  page.on('request', (request) => {
    if (request.url() !== address && !request.url().startsWith('data:')) wrong(`asks for ${request.url()}`);
  });
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) wrong(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => wrong(`script: ${error.message}`));
  await page.goto(address);
  const blank = await page.evaluate(() => [...document.images].filter((i) => !i.naturalWidth).length);
  if (blank > 0) wrong(`${blank} pictures are not shown`);

  for (const unfolded of [false, true]) {
    if (unfolded) await page.evaluate(unfold);
    const state = unfolded ? 'unfolded' : 'folded';
    const { wide, over } = await page.evaluate(() => {
      const width = document.documentElement.clientWidth;
      const name = (e) => `${e.tagName}.${e.getAttribute('class') ?? ''}`;
      const over = [...document.querySelectorAll('body *')]
        .filter((e) => e.checkVisibility() && e.getBoundingClientRect().right > width + 1 && !e.closest('.skip'));
      return { wide: document.documentElement.scrollWidth - width, over: over.slice(0, 3).map(name) };
    });
    if (wide > 0 || over.length > 0) wrong(`${state}: ${wide} px too wide: ${over}`);
    // Without scripts its timers do not run either; the elements are the same.
    if (view.scripts === false) continue;
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => window.axe.run(document, {
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    }));
    for (const { id, help, nodes } of violations) {
      wrong(`${state}: ${id}: ${help}: ${nodes.slice(0, 3).map((n) => `${n.html.slice(0, 160)} ${n.failureSummary ?? ''}`).join(' | ').replace(/\s+/g, ' ')}`);
    }
  }
  const tools = await page.evaluate(visible, '.tools');
  if (view.scripts === false && tools > 0) wrong('a filter is shown that cannot work');
  await context.close();
}

/** With the keyboard alone. */
async function use(browser, file, wrong) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  await page.goto(`file://${file}`);
  const check = (right, what) => { if (!right) wrong(`keyboard: ${what}`); };

  await page.keyboard.press('Tab');
  check(await page.evaluate(() => document.activeElement.className === 'skip'), 'the first stop is no skip link');
  await page.keyboard.press('Enter');
  check(await page.evaluate(() => location.hash === '#main'), 'the skip link leads nowhere');

  const rows = await page.evaluate(visible, '.problem');
  if (rows > 0) {
    const folds = page.locator('section.problems summary').first();
    await folds.focus();
    const ring = await folds.evaluate((e) => getComputedStyle(e).outlineStyle);
    check(ring !== 'none', 'the focus cannot be seen');
    await page.keyboard.press('Enter');
    check(await folds.evaluate((e) => e.parentElement.open), 'Enter does not open a problem');
    await page.keyboard.press('Space');
    check(await folds.evaluate((e) => !e.parentElement.open), 'Space does not close a problem');
  }
  const tools = await page.evaluate(visible, '.tools');
  check(rows < 7 || tools > 0, 'there is no filter');
  if (tools > 0) {
    const all = await page.evaluate(() => document.getElementById('f-count').textContent);
    await page.evaluate(() => { document.activeElement.blur(); });
    check(await tabTo(page, 'f-text'), 'Tab does not reach the filter');
    await page.keyboard.type('password');
    const found = await page.evaluate(visible, '.problem');
    check(found > 0 && found < rows, `${found} of ${rows} problems speak of passwords`);
    const told = await page.evaluate(() => document.getElementById('f-count').textContent);
    check(told === `${found} of ${all}`, `the count says ${told}`);
    check(await page.evaluate(() => document.getElementById('f-count').getAttribute('role') === 'status'), 'the count is silent');
    await page.keyboard.press('Escape');
    check(await page.evaluate(visible, '.problem') === rows, 'Escape does not clear the filter');
    await page.keyboard.type('qqzzqq');
    check(await page.evaluate(visible, '.part') === 0, 'a heading stands over nothing');
    await page.keyboard.press('Escape');
    await page.focus('#f-when');
    await page.keyboard.press('ArrowDown');
    const urgent = await page.evaluate(visible, '.problem');
    check(urgent > 0 && urgent < rows, 'urgency does not filter');
    await page.keyboard.press('ArrowUp');
    const folds = () => page.evaluate(() => [...document.querySelectorAll('section.problems details')].map((d) => d.open));
    await page.focus('#open-all');
    await page.keyboard.press('Enter');
    check((await folds()).every(Boolean), 'not all is opened');
    await page.focus('#close-all');
    await page.keyboard.press('Space');
    check(!(await folds()).some(Boolean), 'not all is closed');
    // A link from the cover opens what it leads to, even where the filter hides it.
    await page.focus('#f-text');
    await page.keyboard.type('qqzzqq');
    await page.evaluate(() => { location.hash = `#${document.querySelector('details.problem').id}`; });
    await page.waitForTimeout(50);
    check(await page.evaluate(() => { const d = document.querySelector('details.problem'); return d.open && d.checkVisibility(); }), 'a link does not open its problem');
  }
  // On paper: no filter, the first problems open, nothing hidden by the filter.
  if (tools > 0) await page.fill('#f-text', 'qqzzqq');
  await page.emulateMedia({ media: 'print' });
  check(await page.evaluate(() => [...document.querySelectorAll('.card .seen')].every((e) => e.checkVisibility())), 'the first problems are folded on paper');
  check(await page.evaluate(visible, '.tools') === 0, 'the filter is printed');
  check(await page.evaluate(visible, '.problem') === rows, 'the filter hides problems on paper');
  await context.close();
}

/** All that can be read is there with scripts off as well. */
async function same(browser, file, wrong) {
  const texts = [];
  for (const javaScriptEnabled of [true, false]) {
    const context = await browser.newContext({ javaScriptEnabled });
    const page = await context.newPage();
    await page.goto(`file://${file}`);
    await page.evaluate(unfold);
    texts.push(await page.evaluate(() => [...document.querySelectorAll('header, section, footer')]
      .map((part) => { part.querySelector('.tools')?.remove(); return part.innerText; }).join('\n')));
    await context.close();
  }
  if (texts[0] !== texts[1] || texts[0].length < 500) wrong('reads otherwise with scripts off');
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  // Root may not use the browser's own sandbox.
  args: process.getuid() === 0 ? ['--no-sandbox'] : [],
});
for (const name of readdirSync(pages).filter((n) => n.endsWith('.html')).sort()) {
  const file = join(pages, name);
  for (const view of views) await look(browser, file, view, (what) => console.log(`${name}, ${view.name}: ${what}`));
  await use(browser, file, (what) => console.log(`${name}: ${what}`));
  await same(browser, file, (what) => console.log(`${name}: ${what}`));
}
await browser.close();
