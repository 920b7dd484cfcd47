import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { chromium } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { build } from 'vite'
import { dashboardFolder } from '../../src/server/dashboard.ts'
import { testServer, type TestServer } from './harness.ts'
import { seed } from './seed.ts'

const browserPath = process.env.CHROMIUM ?? '/usr/bin/chromium'
const hasBrowser = existsSync(browserPath)
if (!hasBrowser) console.warn('SKIPPED: the dashboard in a browser; install chromium first')

let server: TestServer
beforeAll(async () => {
  await build({ configFile: 'web/vite.config.ts', logLevel: 'error' })
  server = await testServer()
  await seed(server.workspace)
})
afterAll(() => server.end())

test('the first load is small', () => {
  const assets = readdirSync(`${dashboardFolder}/assets`).filter(name => name.startsWith('index-'))
  const bytes = assets.reduce(
    (sum, name) => sum + gzipSync(readFileSync(`${dashboardFolder}/assets/${name}`)).length,
    0,
  )
  console.info(`first load: ${(bytes / 1024).toFixed(1)} KiB gzip`)
  expect(bytes).toBeLessThan(60 * 1024)
})

test('files carry an ETag and a strict policy, and pages open by their address', async () => {
  const page = await fetch(`${server.url}/models/lateness/3`)
  expect(page.headers.get('content-security-policy')).toContain("default-src 'none'")
  expect(page.headers.get('content-type')).toContain('text/html')
  const etag = page.headers.get('etag') ?? ''
  const again = await fetch(`${server.url}/`, { headers: { 'if-none-match': etag } })
  expect(again.status).toBe(304)
  expect((await fetch(`${server.url}/assets/none.js`)).status).toBe(404)
})

test.skipIf(!hasBrowser)('every page works, wide and narrow, without a sound in the console', async () => {
  const browser = await chromium.launch({ executablePath: browserPath, args: ['--no-sandbox'] })
  try {
    for (const width of [1280, 390]) {
      const page = await browser.newPage({ viewport: { width, height: 900 } })
      const said: string[] = []
      page.on('console', message => message.type() === 'error' && said.push(message.text()))
      page.on('pageerror', error => said.push(String(error)))
      await page.goto(server.url)
      for (const name of ['Data', 'Features', 'Runs', 'Models', 'Deployments', 'Monitors', 'Decisions', 'Loop']) {
        await page.getByRole('navigation').getByRole('link', { name }).click()
        await page.locator('.skeleton').waitFor({ state: 'detached' })
        await page.locator('main h1').waitFor()
        const tooWide = await page.evaluate('document.documentElement.scrollWidth - innerWidth')
        expect([name, tooWide]).toEqual([name, 0])
        expect([name, await page.locator('main').innerText()]).toEqual([
          name,
          expect.not.stringMatching(/undefined|NaN|\[object/),
        ])
      }
      expect(await page.locator('.stage').count()).toBe(9)
      // shows by itself what another process decided
      await server.workspace.store.addDecision({
        id: `seen-${width}`,
        kind: 'gate',
        subject: 'dataset flights',
        at: Date.now() * 1000,
        verdict: 'passed',
        reason: `seen at ${width}`,
        rule: { name: 'validation gate' },
        inputs: {},
        evidence: [],
        actor: 'system',
      })
      await page.locator('.decision', { hasText: `seen at ${width}` }).waitFor({ timeout: 5000 })
      expect(said).toEqual([])
      await page.close()
    }
  } finally {
    await browser.close()
  }
})
