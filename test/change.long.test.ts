import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { seeded } from '../src/math/random/seeded.ts'
import {
  asked,
  before,
  begin,
  changed,
  changes,
  done,
  end,
  goesOn,
  original,
  type Parts,
  plain,
  scores,
  serve,
} from './support/changing-project.ts'
import { inside } from './support/inside.ts'

// Two changes of the project file at once, drawn anew each time: what runs goes on, whatever the next version is like.

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 })

const seed = Number(process.env['MILLRACE_SEED'] ?? Date.now() % 1_000_000)
const random = seeded(seed)
const names = Object.keys(changes)
const parts = (pair: readonly string[]): Parts =>
  Object.assign({ ...original }, ...pair.map(name => changes[name]?.parts)) as Parts
/** Of all pairs these alone are no project: parts that read what the other change takes away, or that do not fit its type or task. */
const consistent = (pair: readonly string[]): boolean => {
  const { inputs, views, columns, task, threshold, tests } = parts(pair)
  return (
    (views !== '' || !inputs.includes('recent')) &&
    (columns.includes('seats') || !inputs.includes('seats')) &&
    !(columns.includes('seats: t.text()') && inputs.includes('seats.gt(')) &&
    !(task.includes('regression') && (threshold !== '' || tests.includes('auc')))
  )
}
const drawn: string[][] = []
while (drawn.length < 12) {
  const pair = [names[random.below(names.length)] as string, names[random.below(names.length)] as string]
  if (pair[0] !== pair[1] && consistent(pair)) drawn.push(pair)
}

beforeAll(begin)
afterAll(end)

it.each(drawn)(`with %s and %s (MILLRACE_SEED=${seed})`, async (...pair) => {
  const both = pair.map(name => changes[name])
  const root = await changed(...both.map(change => change?.parts ?? {}))
  await goesOn(root)
  if (both.some(change => change?.gone)) return
  const model = both.map(change => change?.parts.name).find(name => name !== undefined) ?? 'late'
  const trained = await inside(root, ['train', model])
  expect(trained.said).not.toContain('bug in Millrace')
  expect([0, 1], trained.said).toContain(trained.code)
  if (trained.code === 1) return
  const deployed = await inside(root, ['deploy', 'api'])
  // another task is refused by name; anything else challenges
  if (deployed.code !== 0) expect(deployed).toMatchObject({ code: 2, said: expect.stringContaining('MR4110') })
  const server = await serve(root)
  try {
    const rows = asked.map(row => ({ ...row, ...both[0]?.request, ...both[1]?.request, seats: row.seats }))
    expect(plain(await scores(server.url, 'api', rows))).toEqual(before.api)
  } finally {
    await server.close()
  }
  expect(await done(root, 'rollout', 'status', 'api')).toContain('stable is late@1')
})
