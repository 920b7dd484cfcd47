// Writes the sample data of the expectations reference: made-up orders of three shops. Same rows each time.
import { writeFileSync } from 'node:fs'

let state = 20010101
const random = () => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0
  return state / 2 ** 32
}
const shops = ['north', 'south', 'harbour']
const money = value => value.toFixed(2)
const quoted = text => `"${text.replaceAll('"', '""')}"`

function order(id, at) {
  const shop = shops[Math.floor(random() * 3)]
  const quantity = 1 + Math.floor(random() * 5)
  const net = Math.round(quantity * (500 + random() * 4500)) / 100
  const tax = Math.round(net * 19) / 100
  const returned = random() < 0.15
  return {
    id,
    placed: new Date(at).toISOString(),
    day: `${new Date(at).toISOString().slice(0, 10)}T00:00:00Z`,
    shop,
    customer: `customer${id % 97}@example.com`,
    sku: `${['AB', 'CD', 'EF'][Math.floor(random() * 3)]}-${1000 + Math.floor(random() * 9000)}`,
    quantity,
    quantity_text: String(quantity),
    net: money(net),
    tax: money(tax),
    amount: money(Math.round((net + tax) * 100) / 100),
    stock: 5000 - id,
    coupon: '',
    note: returned ? 'came back' : random() < 0.1 ? 'gift' : '',
    details: quoted(JSON.stringify({ size: ['S', 'M', 'L'][Math.floor(random() * 3)] })),
    returned,
  }
}

function write(name, rows) {
  const columns = Object.keys(rows[0])
  const lines = rows.map(row => columns.map(column => row[column]).join(','))
  writeFileSync(new URL(`data/${name}.csv`, import.meta.url), `${columns.join(',')}\n${lines.join('\n')}\n`)
}

const start = Date.UTC(2001, 0, 1, 8)
const hour = 3_600_000
const archive = Array.from({ length: 400 }, (_, i) => order(1 + i, start + i * 3 * hour))
const orders = Array.from({ length: 400 }, (_, i) => order(401 + i, start + (400 + i) * 3 * hour))
write('archive', archive)
write('orders', orders)
write(
  'ledger',
  orders.map(({ id, amount }) => ({ id, amount })),
)
write(
  'shops',
  shops.map(name => ({ name, opened: `${1990 + name.length}-01-01T00:00:00Z` })),
)
