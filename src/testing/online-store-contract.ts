import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { OnlineStore } from '../ports/online-store.ts'
import { type ContractCase, type Skips, withSkips } from './contract.ts'

/** One place of an adapter. A case opens it, opens it again, and has other processes open it. */
export interface OnlineStorePlace {
  readonly open: () => Promise<OnlineStore> | OnlineStore
  /** How a process of its own opens the same place: a module (file URL), its function, that function's argument. */
  readonly elsewhere: { readonly module: string; readonly export: string; readonly argument: string }
}

const size = 200
const keys = Array.from({ length: size }, (_, i) => `key-${i}`)
const bytes = (...values: readonly number[]): Uint8Array => Uint8Array.from(values)

/** A generation in four bytes, the same in every record of one write. */
const generationOf = (record: Uint8Array | undefined): number =>
  record === undefined ? 0 : new DataView(record.buffer, record.byteOffset).getUint32(0)

/** Writes whole generations as fast as it can, and prints each one once it is acknowledged. */
const writer = `
const [module, name, argument, count, first] = process.argv.slice(1)
const store = await (await import(module))[name](argument)
for (let generation = Number(first); ; generation++) {
  const record = new Uint8Array(400)
  new DataView(record.buffer).setUint32(0, generation)
  await store.putMany('view', Array.from({ length: Number(count) }, (_, i) => ['key-' + i, record]))
  console.log(String(generation))
}
`

/** Starts a writer; `acknowledged` resolves when that generation was, `last` tells the newest. */
function startWriter(place: OnlineStorePlace, first = 1) {
  const { module, export: name, argument } = place.elsewhere
  const child: ChildProcess = spawn(
    process.execPath,
    ['--input-type=module', '-e', writer, module, name, argument, String(size), String(first)],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  )
  let [last, errors] = [first - 1, '']
  const waiting: { generation: number; resolve: () => void }[] = []
  child.stderr?.on('data', text => (errors += String(text)))
  if (child.stdout)
    createInterface({ input: child.stdout }).on('line', line => {
      last = Number(line)
      for (const one of waiting) if (last >= one.generation) one.resolve()
    })
  const gone = new Promise<void>(resolve => child.once('close', () => resolve()))
  return {
    last: () => last,
    acknowledged: (generation: number): Promise<void> =>
      Promise.race([
        new Promise<void>(resolve => {
          if (last >= generation) resolve()
          else waiting.push({ generation, resolve })
        }),
        gone.then(() => Promise.reject(new Error(`the writer ended: ${errors}`))),
      ]),
    kill: async (): Promise<void> => {
      child.kill('SIGKILL')
      await gone
    },
  }
}

/** What every online store must do. `place` gives a fresh, empty place each time. */
export function onlineStoreContract(place: () => Promise<OnlineStorePlace>, skips?: Skips): readonly ContractCase[] {
  const given = (name: string, look: (store: OnlineStore, at: OnlineStorePlace) => Promise<void>): ContractCase => ({
    name,
    async run() {
      const at = await place()
      const store = await at.open()
      try {
        await look(store, at)
      } finally {
        await store.close()
      }
    },
  })
  const cases = [
    given('records come back by view and key, empty and large ones too', async store => {
      const large = new Uint8Array(300_000).fill(7)
      await store.putMany('a', [
        ['x', bytes(1, 2, 3)],
        ['empty', bytes()],
        ['large', large],
        ['Ünï 🐟', bytes(4)],
        ['k'.repeat(1000), bytes(5)],
        ['a\0b', bytes(6)],
        ['a', bytes(7)],
        ['', bytes(8)],
      ])
      await store.putMany('b', [['x', bytes(9)]])
      const read = (view: string, key: string): number[] | undefined => {
        const found = store.get(view, key)
        return found === undefined ? undefined : [...found]
      }
      assert.deepEqual(read('a', 'x'), [1, 2, 3])
      assert.deepEqual(read('a', 'empty'), [])
      assert.equal(Buffer.compare(store.get('a', 'large') ?? bytes(), large), 0)
      assert.deepEqual(read('a', 'Ünï 🐟'), [4])
      assert.deepEqual(read('a', 'k'.repeat(1000)), [5])
      assert.deepEqual([read('a', 'a\0b'), read('a', 'a'), read('a', '')], [[6], [7], [8]])
      assert.deepEqual(read('b', 'x'), [9])
      assert.equal(read('a', 'k'.repeat(100_000)), undefined)
      assert.equal(read('b', 'large'), undefined)
      assert.equal(read('never written', 'x'), undefined)
    }),

    given(
      'many keys come back in the order asked, with gaps where there is nothing, twice where asked twice',
      async store => {
        await store.putMany(
          'a',
          keys.map((key, i) => [key, bytes(i % 250)] as const),
        )
        const asked = ['key-3', 'none', 'key-1', 'key-3', '']
        assert.deepEqual(
          store.getMany('a', asked).map(record => record?.[0]),
          [3, undefined, 1, 3, undefined],
        )
        assert.deepEqual(store.getMany('a', []), [])
      },
    ),

    given('a record that was read stays what it was when the key is written again', async store => {
      await store.putMany('a', [['x', bytes(1, 1)]])
      const before = store.get('a', 'x')
      const [batch] = store.getMany('a', ['x'])
      await store.putMany('a', [['x', bytes(2, 2)]])
      assert.deepEqual(
        [before, batch].map(record => [...(record ?? [])]),
        [
          [1, 1],
          [1, 1],
        ],
      )
      assert.deepEqual([...(store.get('a', 'x') ?? [])], [2, 2])
    }),

    given('what the caller does to its bytes afterwards changes nothing', async store => {
      const own = bytes(1, 2, 3, 4)
      await store.putMany('a', [['x', own.subarray(1, 3)]])
      own.fill(9)
      assert.deepEqual([...(store.get('a', 'x') ?? [])], [2, 3])
    }),

    given('a write that fails half-way leaves nothing of itself', async store => {
      await store.putMany('a', [['x', bytes(1)]])
      function* broken(): Generator<readonly [string, Uint8Array]> {
        yield ['x', bytes(2)]
        yield ['y', bytes(2)]
        throw new Error('the source of the records broke')
      }
      await assert.rejects(store.putMany('a', broken()), /the source of the records broke/)
      assert.deepEqual([...(store.get('a', 'x') ?? [])], [1])
      assert.equal(store.get('a', 'y'), undefined)
      await store.putMany('a', [['y', bytes(3)]])
      assert.deepEqual([...(store.get('a', 'y') ?? [])], [3])
    }),

    given('the keys of a view are listed once each; a dropped view is empty and may be filled again', async store => {
      await store.putMany(
        'a',
        keys.map(key => [key, bytes(1)] as const),
      )
      await store.putMany(
        'a',
        keys.map(key => [key, bytes(2)] as const),
      )
      await store.putMany('b', [['other', bytes(3)]])
      assert.deepEqual([...store.keys('a')].sort(), [...keys].sort())
      await store.dropView('a')
      await store.dropView('never written')
      assert.deepEqual([...store.keys('a')], [])
      assert.equal(store.get('a', 'key-1'), undefined)
      assert.deepEqual([...store.keys('b')], ['other'])
      await store.putMany('a', [['x', bytes(4)]])
      assert.deepEqual([...store.keys('a')], ['x'])
    }),

    given('writes at the same time are all kept', async store => {
      await Promise.all(keys.map((key, i) => store.putMany('a', [[key, bytes(i % 250)]])))
      assert.deepEqual(
        store.getMany('a', keys).map(record => record?.[0]),
        keys.map((_, i) => i % 250),
      )
    }),

    given('records are there after the place is closed and opened again', async (store, at) => {
      await store.putMany('a', [['x', bytes(1)]])
      await store.close()
      const again = await at.open()
      try {
        assert.deepEqual([...(again.get('a', 'x') ?? [])], [1])
      } finally {
        await again.close()
      }
    }),

    given('a reader sees whole writes of another process, and newer ones as they come', async (store, at) => {
      const other = startWriter(at)
      try {
        await other.acknowledged(1)
        const seen = new Set<number>()
        for (let round = 0; seen.size < 5 && round < 5_000; round++) {
          // What is read without a pause is one moment: a later turn sees what was acknowledged before it
          const acknowledged = other.last()
          await new Promise(resolve => setImmediate(resolve))
          const found = store.getMany('view', keys).map(generationOf)
          assert.equal(new Set(found).size, 1, `one read gave generations ${[...new Set(found)].join(', ')}`)
          assert.ok((found[0] ?? 0) >= acknowledged, `${found[0]} was read after ${acknowledged} was acknowledged`)
          seen.add(found[0] ?? 0)
        }
        assert.ok(seen.size >= 5, `only ${seen.size} generations were seen`)
      } finally {
        await other.kill()
      }
    }),

    given('a writer killed half-way leaves its last whole write, and others go on', async (store, at) => {
      let reached = 0
      for (let round = 0; round < 3; round++) {
        const other = startWriter(at, reached + 1)
        await other.acknowledged(reached + 3 + round)
        await other.kill()
        const found = store.getMany('view', keys).map(generationOf)
        assert.equal(new Set(found).size, 1)
        assert.ok((found[0] ?? 0) >= other.last(), `${found[0]} is older than the acknowledged ${other.last()}`)
        reached = found[0] ?? 0
        await store.putMany('view', [['own', bytes(round)]])
        assert.deepEqual([...(store.get('view', 'own') ?? [])], [round])
      }
    }),
  ]
  return withSkips(cases, skips)
}
