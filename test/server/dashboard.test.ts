import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { createRequire } from 'node:module'
import { chromium } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { build } from 'vite'
import { dashboardFolder } from '../../src/server/dashboard.ts'
import { paths } from './pages.ts'
import { testServer, type TestServer } from './harness.ts'
import { project } from '../../src/index.ts'
import type { Json } from '../../src/internal/canonical-json.ts'
import { createToken } from '../../src/server/index.ts'
import { advanceContest, startContest } from '../../src/stages/deploy/contest/index.ts'
import { seed, seedTraffic } from './seed.ts'

const browserPath = process.env.CHROMIUM ?? '/usr/bin/chromium'
const hasBrowser = existsSync(browserPath)
if (!hasBrowser) console.warn('SKIPPED: the dashboard in a browser; install chromium first')

let server: TestServer
beforeAll(async () => {
  await build({ configFile: 'web/vite.config.ts', logLevel: 'error' })
  server = await testServer()
  await seed(server.workspace)
  seedTraffic(server.deployment.history)
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

test.skipIf(!hasBrowser)('features show who reads them, both sides, the plan, and one vector by its key', async () => {
  const browser = await chromium.launch({ executablePath: browserPath, args: ['--no-sandbox'] })
  try {
    const page = await browser.newPage()
    await page.goto(`${server.url}/features`)
    const main = page.locator('main')
    await main.getByRole('heading', { name: 'departures' }).waitFor()
    const rows = async (caption: string): Promise<readonly string[]> =>
      (await page.getByRole('region', { name: caption }).locator('tbody tr').allInnerTexts()).map(text =>
        text.replace(/\s+/g, ' ').trim(),
      )
    expect(await main.innerText()).toContain('since the newest event, 6 h promised')
    expect(await main.innerText()).toContain('Read by lateness.')
    expect(await rows('What applying the project file changes')).toEqual([
      'departures new was not applied yet no snapshot yet',
    ])
    expect(await rows('Features of departures')).toEqual([
      'departures_1h count 1 h int the event itself',
      'mean_delay_3h mean 3 h float delay',
    ])
    expect(await rows('Offline beside online of departures')).toEqual([
      'departures_1h 0 to 64, median 6 0 to 64, median 6 0',
      'mean_delay_3h -21.5 to 311, median 4.5, 15.5 % null -21.5 to 187, median 4.5, 15.5 % null 1',
    ])
    await page.getByText('Values that differ').click()
    expect(await rows('Values of departures that differ')).toEqual(['mean_delay_3h JFK 1 h ago 12.25 14.5'])
    await page.getByText('From column to model').click()
    expect((await rows('From columns of flights through departures to models'))[0]).toMatch(
      /^delay mean_delay_3h model lateness/,
    )
    await page.getByText('One vector by its key').click()
    await page.getByLabel('origin').fill('JFK')
    await page.getByLabel('As of').fill('today')
    await page.getByRole('button', { name: 'Read' }).click()
    await page.getByText('is not a time such as').waitFor()
    await page.getByLabel('As of').fill('')
    await page.getByRole('button', { name: 'Read' }).click()
    await page.getByRole('region', { name: 'Vector of departures' }).waitFor()
    expect(await rows('Vector of departures')).toEqual(['departures_1h null', 'mean_delay_3h null'])
  } finally {
    await browser.close()
  }
})

test.skipIf(!hasBrowser)('a project without feature views says how to declare one', async () => {
  const empty = await testServer({}, undefined, project('nothing', {}))
  const browser = await chromium.launch({ executablePath: browserPath, args: ['--no-sandbox'] })
  try {
    const page = await browser.newPage()
    await page.goto(`${empty.url}/features`)
    await page.getByText('The project declares no feature views.').waitFor()
    expect(await page.getByRole('region').count()).toBe(1)
  } finally {
    await browser.close()
    await empty.end()
  }
})

interface Violation {
  readonly id: string
  readonly impact: string
  readonly nodes: readonly { readonly target: readonly string[]; readonly failureSummary: string }[]
}

test.skipIf(!hasBrowser)('axe finds nothing serious on any page, wide and narrow, light and dark', async () => {
  const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
  const browser = await chromium.launch({ executablePath: browserPath, args: ['--no-sandbox'] })
  try {
    const found: string[] = []
    let pages = 0
    for (const colorScheme of ['light', 'dark'] as const)
      for (const width of [1280, 390]) {
        const page = await browser.newPage({ colorScheme, viewport: { width, height: 900 }, reducedMotion: 'reduce' })
        for (const path of paths) {
          await page.goto(server.url + path)
          await page.locator('.skeleton').waitFor({ state: 'detached' })
          await page.locator('main h1').waitFor()
          // Through the debugger, which the page's own policy against foreign scripts does not concern
          await page.evaluate(axe)
          const violations = (await page.evaluate(
            `axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'] }).then(result => result.violations)`,
          )) as readonly Violation[]
          pages++
          for (const { id, impact, nodes } of violations)
            if (impact === 'serious' || impact === 'critical')
              for (const node of nodes)
                found.push(
                  `${path} at ${width} ${colorScheme}: ${id} at ${node.target.join(' ')}: ${node.failureSummary}`,
                )
        }
        await page.close()
      }
    expect(found).toEqual([])
    expect(pages).toBe(paths.length * 4)
  } finally {
    await browser.close()
  }
})

test.skipIf(!hasBrowser)(
  'the guardrails within segments are shown, nearest to their limits first, with the rare ones',
  async () => {
    const browser = await chromium.launch({ executablePath: browserPath, args: ['--no-sandbox'] })
    try {
      const page = await browser.newPage()
      await page.goto(`${server.url}/deployments`)
      const table = page.getByRole('region', { name: /Guardrails within segments/ })
      await table.waitFor()
      const rows = await table.getByRole('row').allInnerTexts()
      expect(rows.slice(1).map(row => row.split(/\t/).slice(0, 4).join(' '))).toEqual([
        'origin = "OSL" latency 29 36',
        'origin = "OSL" error 1 1',
        expect.stringMatching(/^(rare|origin)/),
        expect.stringMatching(/^(rare|origin)/),
        expect.stringMatching(/^(rare|origin)/),
      ])
      expect(rows.join('\n')).toContain('rare segments together')
    } finally {
      await browser.close()
    }
  },
)

test.skipIf(!hasBrowser)(
  'challengers of a contest stand beside each other, and one is taken by who asks twice',
  async () => {
    const contested = await testServer()
    const browser = await chromium.launch({ executablePath: browserPath, args: ['--no-sandbox'] })
    try {
      const configs = [3, 4].map(
        version =>
          ({
            deployment: 'lateness-api',
            challenger: `lateness@${version}`,
            stable: 'lateness@2',
            task: 'binary',
          }) as const,
      )
      const begun = startContest(configs, { now: 0, until: 1e15, seeds: [3, 4] })
      const first = begun.arms[0]?.salt ?? ''
      const { state } = advanceContest(begun, {
        type: 'arm',
        at: 1,
        arm: first,
        event: { type: 'memory', at: 1, bytes: 2 ** 40 },
      })
      await contested.workspace.store.putDocument('contest', 'lateness-api', state as unknown as Json, 1)
      const page = await browser.newPage()
      await page.goto(`${contested.url}/deployments`)
      const table = page.getByRole('region', { name: /Challengers of lateness@2/ })
      await table.waitFor()
      const rows = (await table.getByRole('row').allInnerTexts()).map(row => row.split(/\t/).slice(0, 2).join(' '))
      expect(rows).toEqual([expect.stringMatching(/challenger/i), 'lateness@3 out', 'lateness@4 open'])
      await table.getByRole('button', { name: 'Choose' }).click()
      expect(contested.deployment.commands).toEqual([])
      await table.getByRole('button', { name: 'Roll out lateness@4?' }).click()
      await expect.poll(() => contested.deployment.commands).toEqual([expect.stringMatching(/^choose 4 by /)])
    } finally {
      await browser.close()
      await contested.end()
    }
  },
)

test.skipIf(!hasBrowser)('a rollout is taken back and approved by those who may, each asked once more', async () => {
  const held = {
    phase: 'step',
    weight: 0.2,
    hold: 'approval',
    config: { challenger: 'lateness@3', stable: 'lateness@2' },
  }
  const guarded = await testServer({ auth: true }, held)
  const browser = await chromium.launch({ executablePath: browserPath, args: ['--no-sandbox'] })
  try {
    const page = await browser.newPage()
    const signIn = async (name: string, scopes: readonly ('operate' | 'approve' | 'read')[]): Promise<void> => {
      const { token } = await createToken(guarded.workspace, { name, scopes })
      await page.goto(`${guarded.url}/deployments`)
      await page.getByLabel('Made by').fill(token)
      await page.getByRole('button', { name: 'Sign in' }).click()
      await page.getByRole('button', { name: 'Sign out' }).waitFor()
      await page.getByText('waits for an approval').waitFor()
    }
    const buttons = async (): Promise<readonly string[]> =>
      page.getByRole('group', { name: 'Rollout of lateness-api' }).getByRole('button').allInnerTexts()
    await signIn('anna', ['approve'])
    expect(await buttons()).toEqual(['Approve'])
    await page.getByRole('button', { name: 'Approve' }).click()
    expect(guarded.deployment.commands).toEqual([])
    await page.getByRole('button', { name: 'Approve: sure?' }).click()
    await expect.poll(() => guarded.deployment.commands).toEqual(['approve by anna'])

    // the session ends on the server, whoever has a copy of its cookie
    const cookies = (await page.context().cookies()).map(({ name, value }) => `${name}=${value}`).join('; ')
    const status = async (): Promise<number> =>
      (await fetch(`${guarded.url}/v1/session`, { headers: { cookie: cookies } })).status
    expect(await status()).toBe(200)
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByRole('button', { name: 'Sign in' }).waitFor()
    expect(await status()).toBe(401)

    await signIn('olga', ['operate'])
    expect(await buttons()).toEqual(['Promote', 'Pause', 'Roll back'])
    await page.getByRole('button', { name: 'Roll back' }).click()
    await page.getByRole('button', { name: 'All traffic to lateness@2?' }).click()
    await expect.poll(() => guarded.deployment.commands).toEqual(['approve by anna', 'abort by olga'])
    await page.getByRole('button', { name: 'Sign out' }).click()

    await signIn('rita', ['read'])
    expect(await buttons()).toEqual([])
    await page.getByText('Your token may look, and not operate.').waitFor()
  } finally {
    await browser.close()
    await guarded.end()
  }
})
