// The examples of the expectations reference as one project: every kind's own declaration, on the sample orders.
import { kinds } from '../dist/define/expectation/index.js'

const columns = `{
  id: t.int(),
  placed: t.timestamp('UTC'),
  day: t.timestamp('UTC'),
  shop: t.text(),
  customer: t.text(),
  sku: t.text(),
  quantity: t.int(),
  quantity_text: t.text(),
  net: t.float(),
  tax: t.float(),
  amount: t.float(),
  stock: t.int(),
  coupon: t.nullable(t.text()),
  note: t.nullable(t.text()),
  details: t.text(),
  returned: t.bool(),
}`

export function examplesProject() {
  const lines = [...kinds.values()].map(kind => `    ${kind.example},`)
  return `import { csv, dataset, expect, project, sql, t } from 'millrace'

// Made by scripts/make-reference.mjs from the kinds themselves: one example of each.
const columns = ${columns}

const shops = dataset('shops', { source: csv('data/shops.csv'), columns: { name: t.text(), opened: t.timestamp('UTC') } })
const ledger = dataset('ledger', { source: csv('data/ledger.csv'), columns: { id: t.int(), amount: t.float() } })
const archive = dataset('archive', { source: csv('data/archive.csv'), columns })

export const orders = dataset('orders', {
  source: csv('data/orders.csv'),
  columns,
  key: ['id'],
  expect: c => [
${lines.join('\n')}
  ],
})

export default project('expectations', { orders, archive, ledger, shops })
`
}
