import { readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { inside as millrace } from '../support/inside.ts'
import { orders, predict, runningProject, startUp, until } from '../support/running.ts'

const hour = 3_600_000
/** Weights are uniform over 0…30. */
const deviation = 30 / Math.sqrt(12)

interface Alert {
  readonly name: string
  readonly state: string
  readonly summary: string
}

/** What reaches people: the bodies that the webhook gets. */
async function receiver(): Promise<{ url: string; got: { status: string; summary: string }[] }> {
  const got: { status: string; summary: string }[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (part: Buffer) => (body += part.toString()))
    request.on('end', () => {
      const { status, commonAnnotations } = JSON.parse(body) as {
        status: string
        commonAnnotations: { summary: string }
      }
      got.push({ status, summary: commonAnnotations.summary })
      response.end()
    })
  })
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  onTestFinished(() => void server.close())
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, got }
}

it('live predictions that move by 0.3 sd raise one alert that names the column; those that do not move raise none', async () => {
  const people = await receiver()
  const root = await runningProject(`notify: ['${people.url}']`)
  for (const words of [['train'], ['deploy']]) expect(await millrace(root, words)).toMatchObject({ code: 0 })
  const server = await startUp(root)
  const now = Math.floor(Date.now() / hour) * hour
  const windows = async (): Promise<number> => {
    const answer = await fetch(`${server.url}/v1/monitors/watch?series=window`)
    return ((await answer.json()) as { windows: unknown[] }).windows.length
  }
  const alerts = async (): Promise<Alert[]> =>
    ((await (await fetch(`${server.url}/v1/alerts`)).json()) as { alerts: Alert[] }).alerts

  // the first window is a part of one, and not judged; a window ends with the first row after it
  for (let i = 0; i <= 6; i++) await predict(server.url, orders(600, 50 + i), now - (20 - i) * hour, `same${i}`)
  await until('six windows', async () => (await windows()) === 5)
  expect(await alerts()).toEqual([])
  expect(people.got).toEqual([])

  for (let i = 7; i <= 13; i++)
    await predict(server.url, orders(600, 50 + i, 0.3 * deviation), now - (20 - i) * hour, `moved${i}`)
  await predict(server.url, orders(1, 99), now - 6 * hour, 'last')
  await until('thirteen windows', async () => (await windows()) === 13)
  expect(await alerts()).toEqual([expect.objectContaining({ name: 'drift', state: 'firing' })])
  expect(people.got).toEqual([
    { status: 'firing', summary: expect.stringMatching(/weight: mean \+0\.\d\d sd/) as string },
  ])
  const said = (await millrace(root, ['monitor'])).out
  expect(said.match(/drift since/g)).toHaveLength(1)
  expect(said).toMatch(/drift since .*weight: mean \+0\.\d\d sd/)
  expect(await server.end('SIGTERM')).toBe(0)
})

it('tests of what is served run by their schedule: one that is red reaches people', async () => {
  const people = await receiver()
  const root = await runningProject(`notify: ['${people.url}'], test: { schedule: '*/2 * * * * *' }`, 5)
  for (const words of [['train'], ['deploy']]) expect(await millrace(root, words)).toMatchObject({ code: 0 })
  const file = join(root, 'millrace.config.ts')
  const sound = await readFile(file, 'utf8')
  // More is asked than when the version was made
  await writeFile(file, sound.replace('min: 0.6', 'min: 0.999'))
  const strict = await startUp(root)
  await until('the alert', async () => people.got.length === 1)
  expect(people.got[0]).toEqual({
    status: 'firing',
    summary: expect.stringMatching(/^the tests of lateness@1 are red: auc is 0\.\d+ on .*0\.999/) as string,
  })
  const { alerts } = (await (await fetch(`${strict.url}/v1/alerts`)).json()) as { alerts: Alert[] }
  expect(alerts).toEqual([expect.objectContaining({ name: 'model tests', state: 'firing' })])
})
