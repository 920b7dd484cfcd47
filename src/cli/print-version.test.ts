import { expect, it } from 'vitest'
import { baseline, csv, dataset, deployment, model, project, t } from '../index.ts'
import { printVersion } from './print-version.ts'

const orders = dataset('orders', { source: csv('orders.csv'), columns: { late: t.bool(), price: t.float() } })
const named = (name: string) =>
  model(name, {
    task: 'binary',
    from: orders,
    label: c => c.late,
    inputs: c => ({ price: c.price }),
    split: { by: 'random', test: 0.2 },
    train: baseline(),
  })
const [late, later] = [named('late'), named('later')]
const [api, other] = [deployment('api', { model: late }), deployment('other', { model: later })]

it.each([
  ['no deployment', project('p', { late }), 'models show late@1'],
  ['the only deployment', project('p', { late, api }), 'deploy'],
  ['one of two deployments', project('p', { late, later, api, other }), 'deploy api'],
  ['a deployment of another model', project('p', { late, later, other }), 'models show late@1'],
])('says what is done with a version that is served by %s', (_, made, next) => {
  const lines: string[] = []
  const out = { line: (text = '') => lines.push(text), table: () => undefined, note: () => undefined }
  const answer = { model: 'late', run: 'r', status: 'succeeded', steps: [], version: 1, metrics: { auc: 0.5 } }
  printVersion(answer as never, made, out as never)
  expect(lines.at(-1)).toBe(`Next:  npx millrace ${next}`)
})
