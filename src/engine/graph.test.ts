import fc from 'fast-check'
import { expect, it } from 'vitest'
import { digestBytes } from '../internal/digest.ts'
import { isArtifact, planOf } from './graph.ts'
import type { StepDefinition } from './step.ts'

const step = (name: string, over: Partial<StepDefinition> = {}): StepDefinition => ({
  name,
  inputs: {},
  parameters: null,
  code: digestBytes(name),
  environment: null,
  runsIn: 'inline',
  run: () => ({ outputs: {} }),
  ...over,
})
const from = (name: string, output = 'out') => ({ from: { step: name, output } })

it('a plan holds every step after all that it depends on, by inputs or by `after`, and knows what is relied on', () => {
  // of each step: which other ones it takes an output of, and which it only comes after
  const link = fc.record({ of: fc.nat(7), how: fc.constantFrom('after', 'a', 'b') })
  const graph = fc.array(fc.array(link, { maxLength: 4 }), { minLength: 1, maxLength: 8 })
  fc.assert(
    fc.property(graph, fc.integer(), (lists, turn) => {
      const links = lists.map((list, i) => list.filter(({ of }) => of < i))
      const steps = links.map((list, i) =>
        step(`s${i}`, {
          after: list.filter(({ how }) => how === 'after').map(({ of }) => `s${of}`),
          inputs: Object.fromEntries(
            list.filter(({ how }) => how !== 'after').map(({ of, how }, at) => [`in${at}`, from(`s${of}`, how)]),
          ),
        }),
      )
      // in whatever order they are given
      const given = steps.map((one, i) => ({ one, at: (i * 7 + turn) % 11 })).sort((a, b) => a.at - b.at)
      const plan = planOf(
        given.map(({ one }) => one),
        'run',
      )
      const order = [...plan.keys()]
      expect([...order].sort()).toEqual(steps.map(({ name }) => name).sort())
      links.forEach((list, i) => {
        const planned = plan.get(`s${i}`)
        expect(planned?.definition).toBe(steps[i])
        expect([...(planned?.upstream ?? [])].sort()).toEqual([...new Set(list.map(({ of }) => `s${of}`))].sort())
        for (const { of } of list) expect(order.indexOf(`s${of}`)).toBeLessThan(order.indexOf(`s${i}`))
        const relied = links.flat().filter(({ of, how }) => of === i && how !== 'after')
        expect([...(planned?.promised ?? [])].sort()).toEqual([...new Set(relied.map(({ how }) => how))].sort())
      })
    }),
  )
})

it('any circle is refused with just the steps that cannot begin', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 6 }), fc.nat(3), (length, others) => {
      const circle = Array.from({ length }, (_, i) => step(`c${i}`, { after: [`c${(i + 1) % length}`] }))
      const free = Array.from({ length: others }, (_, i) => step(`f${i}`))
      const words = `in a circle: ${circle.map(({ name }) => name).join(', ')}`
      const refused = expect.objectContaining({
        code: 'MR3040',
        message: expect.stringMatching(new RegExp(`${words}\\.?$`)),
      })
      expect(() => planOf([...free, ...circle], 'run')).toThrow(refused)
    }),
  )
})

it('an artifact that exists already is no step to wait for', () => {
  const artifact = { type: 'json', digest: digestBytes('x'), size: 1 } as const
  expect([isArtifact(artifact), isArtifact({ step: 'a', output: 'b' })]).toEqual([true, false])
  const plan = planOf([step('a', { inputs: { given: { from: artifact } } })], 'run')
  expect(plan.get('a')?.upstream.size).toBe(0)
})

it.each(['a', 'A-1', 'validate-flights', 'a.b_c@3', '0', 'x'.repeat(128)])('%s is a name for a step', name => {
  expect([...planOf([step(name)], 'run').keys()]).toEqual([name])
})

it.each(['', '-a', '.a', '../a', 'a/b', 'a b', 'ä', 'a\n', 'x'.repeat(129)])('%j is no name for a step', name => {
  expect(() => planOf([step(name)], 'run')).toThrow(/is no name for a step/)
})

it('a step needs what it runs in', () => {
  const module = { file: 'a.ts', export: 'run' }
  expect(planOf([step('a', { runsIn: 'process', module })], 'run').size).toBe(1)
  const { run: _run, ...without } = step('a')
  expect(() => planOf([without], 'run')).toThrow(/step a has nothing to run/)
  expect(() => planOf([{ ...without, module }], 'run')).toThrow(/nothing to run/)
  expect(() => planOf([step('a', { runsIn: 'process' })], 'run')).toThrow(/nothing to run/)
})
