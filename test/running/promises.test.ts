import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { type Server } from '../support/command.ts'
import { inside as millrace } from '../support/inside.ts'
import { label, type Order, orders, predict, runningProject, startUp, until } from '../support/running.ts'

// Every sentence of docs/guide/monitoring.md that says what happens, made to happen through HTTP and the command line, each
// beside a case in which it just does not. (Statistics with stated rates: src/stages/watch/power.test.ts. Restarts: memory.test.ts.)

// dozens of hours are played: that is long where the machine is busy
vi.setConfig({ testTimeout: 300_000 })

const hour = 3_600_000
/** Standard deviation of the weights, uniform over 0…30, and of the distances, over 0…40. */
const [weights, distances] = [30 / Math.sqrt(12), 40 / Math.sqrt(12)]

interface Told {
  readonly status: string
  readonly summary: string
}

async function receiver(): Promise<{ url: string; got: Told[] }> {
  const got: Told[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (part: Buffer) => (body += part.toString()))
    request.on('end', () => {
      const { status, commonAnnotations } = JSON.parse(body) as { status: string; commonAnnotations: Told }
      got.push({ status, summary: commonAnnotations.summary })
      response.end()
    })
  })
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  onTestFinished(() => void server.close())
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, got }
}

interface Decision {
  readonly verdict: string
  readonly reason: string
  readonly rule: { readonly name: string }
}

/** A served model whose hours are played one after another: they lie in the past, and end with the first row of the next. */
class Played {
  readonly root: string
  readonly server: Server
  /** Hours that were begun; the first one is a part of one, and not judged. */
  #hours = 0
  readonly #first = Math.floor(Date.now() / hour) * hour - 60 * hour

  private constructor(root: string, server: Server) {
    this.root = root
    this.server = server
  }

  static async begin(monitor: string): Promise<Played> {
    const root = await runningProject(monitor)
    for (const words of [['train'], ['deploy']]) expect(await millrace(root, words)).toMatchObject({ code: 0 })
    const played = new Played(root, await startUp(root))
    await played.hour(orders(10, 1))
    return played
  }

  /** Gives the prefix of the ids. */
  async hour(list: readonly Order[]): Promise<string> {
    const prefix = `hour${this.#hours}`
    await predict(this.server.url, list, this.#first + this.#hours++ * hour, prefix)
    return prefix
  }

  async hours(count: number, rows: number, seed: number, change = (order: Order): Order => order): Promise<void> {
    for (let i = 0; i < count; i++) await this.hour(orders(rows, seed + i).map(change))
  }

  async get<T>(path: string): Promise<T> {
    return (await (await fetch(`${this.server.url}${path}`)).json()) as T
  }

  /** Ends the open hour with the first row of the next, and gives the verdicts of all. */
  async verdicts(): Promise<string[]> {
    await predict(this.server.url, orders(1, 99), this.#first + this.#hours * hour, `first-of-${this.#hours}`)
    return until(`${this.#hours - 1} windows`, async () => {
      const path = '/v1/monitors/watch?series=window'
      const { windows } = await this.get<{ windows: { body: { verdict: string } }[] }>(path)
      return windows.length === this.#hours - 1 && windows.map(one => one.body.verdict)
    })
  }

  /** Waits for a retrain that gives the same file. An hour that lies in the past ends when nobody has asked for ten seconds. */
  async retrained(): Promise<void> {
    let asked = 0
    await until('its end', async () => {
      await predict(
        this.server.url,
        orders(1, 98),
        this.#first + this.#hours * hour,
        `meanwhile-${this.#hours}-${asked++}`,
      )
      return (await millrace(this.root, ['decisions', '--kind', 'gate'])).out.includes('is the same file as')
    })
  }

  async alert(): Promise<string | undefined> {
    const { alerts } = await this.get<{ alerts: { name: string; state: string }[] }>('/v1/alerts')
    return alerts.find(one => one.name === 'drift')?.state
  }

  /** Choices about retrains, oldest first, as the command line tells them. */
  async triggers(): Promise<Decision[]> {
    const { out } = await millrace(this.root, ['decisions', '--kind', 'trigger', '--json'])
    return (JSON.parse(out) as Decision[]).reverse()
  }
}

/** Orders that are heavier by so many deviations. */
const heavier =
  (by: number) =>
  (order: Order): Order => ({ ...order, weight: order.weight + by * weights })

describe('an alert', () => {
  it('waits for a second bad window, tells one cause once with the worst first, and is over after three clean ones', async () => {
    const people = await receiver()
    const played = await Played.begin(`notify: ['${people.url}']`)
    await played.hours(2, 600, 100)
    expect(await played.verdicts()).toEqual(['ok', 'ok'])
    expect(await played.alert()).toBeUndefined()

    // one odd hour: shown as pending, nobody is told, and the next hour does not suffer from it
    await played.hours(1, 600, 110, heavier(2))
    expect((await played.verdicts()).at(-1)).toBe('drift')
    expect(await played.alert()).toBe('pending')
    await played.hours(1, 600, 120)
    await played.verdicts()
    expect(await played.alert()).toBe('resolved')
    expect(people.got).toEqual([])

    // 199 rows say nothing, 200 do
    await played.hours(1, 198, 121, heavier(2))
    await played.hours(1, 199, 122)
    await played.hours(1, 200, 123)
    expect((await played.verdicts()).slice(-3)).toEqual(['insufficient', 'insufficient', 'ok'])

    // weight moves by one deviation, distance by half of one: one alert
    const both = (order: Order): Order => ({ ...heavier(1)(order), distance: order.distance + 0.5 * distances })
    await played.hours(3, 600, 130, both)
    await played.verdicts()
    expect(await played.alert()).toBe('firing')
    const summary = expect.stringMatching(/weight: mean \+\d\.\d\d sd.*, distance: mean \+0\.\d\d sd/) as string
    expect(people.got).toEqual([{ status: 'firing', summary }])
    expect((await millrace(played.root, ['monitor'])).out).toMatch(/Firing:\n {2}drift since .*weight: mean/)
    expect(played.server.said()).toMatch(/"alert":"drift","state":"firing"/)
    const metrics = await (await fetch(`${played.server.url}/metrics`)).text()
    const change = /millrace_drift_change\{monitor="watch",series="column:weight"\} ([\d.]+)/.exec(metrics)?.[1]
    expect(Number(change)).toBeGreaterThan(5)

    await played.hours(2, 600, 140)
    await played.verdicts()
    expect(await played.alert()).toBe('firing')
    await played.hours(1, 600, 150)
    await played.verdicts()
    expect(await played.alert()).toBe('resolved')
    expect(people.got.map(one => one.status)).toEqual(['firing', 'resolved'])
    // the monitor retrains by nothing
    expect(await played.triggers()).toEqual([])
    expect(await played.server.end()).toBe(0)
  })

  it('is of what matters: half of it, however certain, only warns; a column more than seven windows later is told anew', async () => {
    const people = await receiver()
    const played = await Played.begin(`notify: ['${people.url}'], retrain: { on: ['drift'] }`)
    // 0.13 deviations, between 0.07 and 0.14, and so near the upper end that 3,000 rows are sure of it
    await played.hours(4, 3_000, 200, heavier(0.13))
    const warned = await played.verdicts()
    expect(warned).toContain('warn')
    expect(warned).not.toContain('drift')
    expect([await played.alert(), await played.triggers()]).toEqual([undefined, []])

    // the alert fires with the second hour; what joins it within seven hours shows the same cause
    const both = (order: Order): Order => ({ ...heavier(1)(order), distance: order.distance + distances })
    await played.hours(2 + 6, 600, 210, heavier(1))
    await played.hours(1, 600, 220, both)
    await played.hours(3, 600, 230)
    await played.verdicts()
    expect(people.got.map(one => one.status)).toEqual(['firing', 'resolved'])
    expect(people.got[0]?.summary).not.toContain('distance')

    await played.hours(2 + 7, 600, 240, heavier(1))
    await played.verdicts()
    expect(people.got).toHaveLength(3)
    await played.hours(1, 600, 250, both)
    await played.verdicts()
    expect(people.got.slice(3)).toEqual([{ status: 'firing', summary: expect.stringContaining('distance') as string }])
    expect(await played.server.end()).toBe(0)
  })
})

describe('a retrain', () => {
  const late = (order: Order): Order => ({ ...order, late: !order.late })

  it('by drift takes two windows and 1,000 labelled rows, and then a cool-down', async () => {
    const played = await Played.begin("retrain: { on: ['drift'], cooldown: '24h' }")
    const told = async (): Promise<string[]> => (await played.triggers()).map(one => `${one.verdict}: ${one.rule.name}`)
    const first = orders(999, 300, 2 * weights)
    const prefix = await played.hour(first)
    expect(await label(played.server.url, first, prefix)).toBe(999)
    await played.verdicts()
    expect(await told()).toEqual(['suppressed: persistence'])
    await played.hour(orders(600, 301, 2 * weights))
    await played.verdicts()
    expect(await told()).toEqual(['suppressed: persistence', 'suppressed: new labels'])
    const last = orders(600, 302, 2 * weights)
    expect(await label(played.server.url, last.slice(0, 1), await played.hour(last))).toBe(1)
    await played.verdicts()
    expect((await told()).slice(2)).toEqual(['fired: drift'])
    const model = async () => played.get<{ rollout: object | null }>('/v1/deployments/orders-api')
    // nothing new is to be learnt: the same file again is no challenger
    await played.retrained()
    expect((await model()).rollout).toBeNull()
    await played.hour(orders(600, 303, 2 * weights))
    await played.verdicts()
    expect((await told()).slice(3)).toEqual(['suppressed: cooldown'])
    expect(await played.server.end()).toBe(0)
  })

  it('by performance is of labels that are certainly worse, at most so often in a week, and no drift starts it', async () => {
    const played = await Played.begin("retrain: { on: ['performance'], cooldown: '1s', maxPerWeek: 1 }")
    const told = async (): Promise<string[]> => (await played.triggers()).map(one => `${one.verdict}: ${one.rule.name}`)
    const play = async (seed: number, change: (order: Order) => Order): Promise<void> => {
      const list = orders(600, seed).map(change)
      expect(await label(played.server.url, list, await played.hour(list))).toBe(600)
    }
    for (let i = 0; i < 2; i++) await play(400 + i, order => order)
    await played.verdicts()
    expect(await told()).toEqual([])
    await play(410, late)
    await played.verdicts()
    expect(await told()).toEqual(['fired: performance'])
    await played.retrained()
    await play(411, late)
    await played.verdicts()
    expect((await told()).slice(1)).toEqual(['suppressed: storm guard'])
    await played.hours(2, 600, 420, heavier(2))
    await played.verdicts()
    expect((await told()).slice(2)).toEqual(['suppressed: trigger', 'suppressed: trigger'])
    expect(await played.server.end()).toBe(0)
  })
})
