import { existsSync, mkdirSync } from 'node:fs'
import { chromium } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { build } from 'vite'
import { startUp, type Server } from '../support/command.ts'
import { ridesProject } from '../support/rides.ts'

const browserPath = process.env.CHROMIUM ?? '/usr/bin/chromium'
const hasBrowser = existsSync(browserPath)
if (!hasBrowser) console.warn('SKIPPED: jobs in a browser; install chromium first')

/** Long enough for a busy machine. */
const patient = { timeout: 60_000 }
const made = ridesProject(30_000)
let server: Server
beforeAll(async () => {
  await build({ configFile: 'web/vite.config.ts', logLevel: 'error' })
  server = await startUp(made.root)
})
afterAll(async () => {
  expect(await server.end()).toBe(0)
  made.remove()
})

const ask = async (path: string, body: unknown = {}): Promise<{ id: string }> => {
  const answer = await fetch(`${server.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  expect(answer.status, await answer.clone().text()).toBe(202)
  return (await answer.json()) as { id: string }
}

test.skipIf(!hasBrowser)('jobs are listed under runs; each tells its way and its end, and can be ended', async () => {
  const browser = await chromium.launch({ executablePath: browserPath, args: ['--no-sandbox'] })
  try {
    const page = await browser.newPage()
    const said: string[] = []
    page.on('console', message => message.type() === 'error' && said.push(message.text()))
    page.on('pageerror', error => said.push(String(error)))
    const main = page.locator('main')
    await page.goto(`${server.url}/runs`)
    await main.getByRole('heading', { name: 'All runs' }).waitFor()
    expect(await main.getByRole('heading', { name: 'Jobs' }).count()).toBe(0)

    const train = await ask('/v1/models/fare:train')
    // the page that is open shows it by itself
    await main.getByRole('link', { name: `train ${train.id.slice(-6)}` }).click()
    // what was told before somebody looked is there too
    await main.locator('.told li', { hasText: 'train-fare' }).first().waitFor()
    await main.getByRole('heading', { name: 'Answer' }).waitFor()
    expect(await main.innerText()).not.toMatch(/undefined|NaN|\[object/)
    expect(await main.innerText()).toMatch(/steps\n\d+ entries/)
    expect(await main.getByRole('button', { name: 'Cancel' }).count()).toBe(0)
    await expect.poll(() => main.locator('.mark').innerText(), patient).toBe('done')
    if (process.env.MILLRACE_SHOTS !== undefined) {
      mkdirSync(process.env.MILLRACE_SHOTS, { recursive: true })
      await page.screenshot({ path: `${process.env.MILLRACE_SHOTS}/job-done.png`, fullPage: true })
    }

    const [first, second] = [await ask('/v1/models/fare:train'), await ask('/v1/models/fare:train')]
    await page.goto(`${server.url}/jobs/${second.id}`)
    await main.getByRole('button', { name: 'Cancel' }).click()
    await main.getByRole('button', { name: 'End it and what it started?' }).click()
    await expect.poll(() => main.locator('.mark').innerText(), patient).toBe('cancelled')
    await page.getByRole('navigation').getByRole('link', { name: 'Runs' }).click()
    const jobs = main.getByRole('region', { name: 'Jobs, newest first' })
    await expect
      .poll(
        async () => (await jobs.getByRole('row').allInnerTexts()).slice(1).map(row => row.split('\t')[0]?.trim()),
        patient,
      )
      .toEqual(['cancelled', 'done', 'done'])
    expect(await jobs.innerText()).toContain(first.id.slice(-6))
    if (process.env.MILLRACE_SHOTS !== undefined)
      await page.screenshot({ path: `${process.env.MILLRACE_SHOTS}/jobs.png`, fullPage: true })

    await page.goto(`${server.url}/jobs/none`)
    await main.getByRole('alert').waitFor()
    expect(said.filter(text => !text.includes('404'))).toEqual([])
  } finally {
    await browser.close()
  }
})
