// Looks at the mails in a folder with a browser and prints a line for everything that is wrong with them.
// usage: node mail.mjs FOLDER-OF-PAGES FOLDER-OF-NODE-MODULES [FOLDER-FOR-PICTURES]
import { createRequire } from 'node:module';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const [pages, modules, pictures] = process.argv.slice(2).map((path) => resolve(path));
const require = createRequire(join(modules, 'x.js'));
const { chromium } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

// Telephone and desk, bright and dark; and as mail programs show it that throw the style sheet away, or all pictures.
const views = [
  { name: 'telephone', width: 360, scheme: 'light' },
  { name: 'telephone-dark', width: 360, scheme: 'dark' },
  { name: 'desk', width: 800, scheme: 'light' },
  { name: 'desk-dark', width: 800, scheme: 'dark' },
  { name: 'telephone-bare', width: 360, scheme: 'dark', bare: true },
  { name: 'desk-bare', width: 800, scheme: 'light', bare: true },
];

async function look(browser, file, name, view) {
  const wrong = (what) => console.log(`${name}, ${view.name}: ${what}`);
  const context = await browser.newContext({
    viewport: { width: view.width, height: 780 }, colorScheme: view.scheme, deviceScaleFactor: 2,
  });
  const page = await context.newPage();
  const address = `file://${file}`;
  page.on('request', (request) => {
    if (request.url() !== address && !request.url().startsWith('data:')) wrong(`asks for ${request.url()}`);
  });
  await page.goto(address);
  if (view.bare) {
    await page.evaluate(() => {
      document.querySelectorAll('style, meta').forEach((e) => e.remove());
      document.querySelectorAll('[class]').forEach((e) => e.removeAttribute('class'));
    });
  }
  const blank = await page.evaluate(() => [...document.images].filter((i) => !i.naturalWidth).length);
  if (blank > 0) wrong(`${blank} pictures are not shown`);
  const { wide, over } = await page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    const over = [...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > width + 1);
    return {
      wide: document.documentElement.scrollWidth - width,
      over: over.slice(0, 3).map((e) => `${e.tagName} ${e.textContent.trim().slice(0, 60)}`),
    };
  });
  if (wide > 0 || over.length > 0) wrong(`${wide} px too wide: ${over}`);
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document, {
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    // A mail has no landmarks: its program is the page around it. Its own meta lines are away in the bare view.
    rules: { region: { enabled: false }, 'landmark-one-main': { enabled: false } },
  }));
  for (const { id, help, nodes } of violations) {
    wrong(`${id}: ${help}: ${nodes.slice(0, 3).map((n) => `${n.html.slice(0, 160)} ${n.failureSummary ?? ''}`).join(' | ').replace(/\s+/g, ' ')}`);
  }
  // On a telephone, what has to be done is on the first screen.
  if (view.name === 'telephone' && name.startsWith('weekly') && !/quiet|evil|trouble/.test(name)) {
    const low = await page.evaluate(() => [...document.querySelectorAll('h3')][0]?.getBoundingClientRect().bottom ?? 9999);
    if (low > 640) wrong(`what needs a person ends at ${low} px`);
  }
  if (pictures) await page.screenshot({ path: join(pictures, `${name}-${view.name}.png`), fullPage: true });
  await context.close();
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  // Root may not use the browser's own sandbox.
  args: process.getuid() === 0 ? ['--no-sandbox'] : [],
});
for (const file of readdirSync(pages).filter((n) => n.endsWith('.html')).sort()) {
  for (const view of views) await look(browser, join(pages, file), file.replace('.html', ''), view);
}
await browser.close();
