import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { OnlineRecord, OnlineStore, Revision } from '../ports/online-store.ts'
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

const found = (record: OnlineRecord | 'unchanged' | undefined): OnlineRecord | undefined =>
  record === 'unchanged' ? assert.fail('nothing was said to be had already') : record

async function read(store: OnlineStore, view: string, key: string): Promise<OnlineRecord | undefined> {
  const [record] = await store.getMany(view, [{ key }])
  return found(record)
}

async function numbers(store: OnlineStore, view: string, key: string): Promise<number[] | undefined> {
  const record = await read(store, view, key)
  return record && [...record.bytes]
}

/** Writes a record whatever is there. */
async function put(store: OnlineStore, view: string, key: string, value: Uint8Array): Promise<Revision> {
  for (;;) {
    const [written] = await store.writeMany(view, [
      { key, bytes: value, after: (await read(store, view, key))?.revision ?? 0 },
    ])
    if (written !== undefined) return written
  }
}

async function keysOf(store: OnlineStore, view: string): Promise<string[]> {
  const list: string[] = []
  for await (const key of store.keys(view)) list.push(key)
  return list.sort()
}

/**
 * Appends its own name and a number to one record, again and again, as everybody must: read, change, write after what was read. Prints
 * each number once it is flushed.
 */
const appender = `
const [module, made, argument, name, first] = process.argv.slice(1)
const store = await (await import(module))[made](argument)
for (let number = Number(first); ; number++) {
  for (;;) {
    const [record] = await store.getMany('view', [{ key: 'shared' }])
    const before = record ? Buffer.from(record.bytes).toString() : ''
    const bytes = Buffer.from(before + name + number + ' ')
    const [written] = await store.writeMany('view', [{ key: 'shared', bytes, after: record ? record.revision : 0 }])
    if (written !== undefined) break
  }
  await store.flush()
  console.log(String(number))
}
`

/** Starts a program that prints numbers; `acknowledged` resolves when that one was, `last` tells the newest. */
function startWriter(place: OnlineStorePlace, program: string, first = 1, name = 'writer') {
  const { module, export: made, argument } = place.elsewhere
  const child: ChildProcess = spawn(
    process.execPath,
    ['--input-type=module', '-e', program, module, made, argument, name, String(first)],
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
      const names = ['x', 'empty', 'Ünï 🐟', 'k'.repeat(1000), 'a\0b', 'a', '', 'a:b', '{a}', 'a/b']
      const written = await store.writeMany('a', [
        ...names.map((key, i) => ({ key, bytes: key === 'empty' ? bytes() : bytes(i, 255), after: 0 })),
        { key: 'large', bytes: large, after: 0 },
      ])
      assert.equal(new Set(written).size, names.length + 1)
      await put(store, 'b', 'x', bytes(9))
      for (const [i, key] of names.entries())
        assert.deepEqual(await numbers(store, 'a', key), key === 'empty' ? [] : [i, 255], key)
      assert.equal(Buffer.compare((await read(store, 'a', 'large'))?.bytes ?? bytes(), large), 0)
      assert.deepEqual(await numbers(store, 'b', 'x'), [9])
      assert.equal(await read(store, 'a', 'k'.repeat(100_000)), undefined)
      assert.equal(await read(store, 'b', 'large'), undefined)
      assert.equal(await read(store, 'never written', 'x'), undefined)
    }),

    given('views whose names and keys run together are kept apart', async store => {
      await put(store, 'ab', 'c', bytes(1))
      await put(store, 'a', 'bc', bytes(2))
      await put(store, 'a:b', 'c', bytes(3))
      await put(store, 'a', 'b:c', bytes(4))
      await put(store, 'a_b%', 'c', bytes(5))
      assert.deepEqual(await numbers(store, 'ab', 'c'), [1])
      assert.deepEqual(await numbers(store, 'a', 'bc'), [2])
      assert.deepEqual(await numbers(store, 'a:b', 'c'), [3])
      assert.deepEqual(await numbers(store, 'a', 'b:c'), [4])
      await store.dropView('a')
      assert.deepEqual([await keysOf(store, 'a'), await keysOf(store, 'ab')], [[], ['c']])
      assert.deepEqual([await keysOf(store, 'a:b'), await keysOf(store, 'a_b%')], [['c'], ['c']])
    }),

    given(
      'many keys come back in the order asked, with gaps where there is nothing, twice where asked twice',
      async store => {
        await store.writeMany(
          'a',
          keys.map((key, i) => ({ key, bytes: bytes(i % 250), after: 0 })),
        )
        const asked = ['key-3', 'none', 'key-1', 'key-3', ''].map(key => ({ key }))
        assert.deepEqual(
          (await store.getMany('a', asked)).map(record => found(record)?.bytes[0]),
          [3, undefined, 1, 3, undefined],
        )
        assert.deepEqual(await store.getMany('a', []), [])
        assert.deepEqual(await store.writeMany('a', []), [])
      },
    ),

    given(
      'a change is made only after the revision that it follows; another writer is never overwritten',
      async store => {
        const first = await put(store, 'a', 'x', bytes(1))
        assert.ok(first > 0)
        assert.deepEqual(await store.writeMany('a', [{ key: 'x', bytes: bytes(2), after: 0 }]), [undefined])
        assert.deepEqual(await store.writeMany('a', [{ key: 'x', bytes: bytes(2), after: first + 1_000_000 }]), [
          undefined,
        ])
        const [second, other] = await store.writeMany('a', [
          { key: 'x', bytes: bytes(2), after: first },
          { key: 'y', bytes: bytes(3), after: 0 },
        ])
        assert.notEqual(second, undefined)
        assert.notEqual(second, first)
        const again = await store.writeMany('a', [
          { key: 'x', bytes: bytes(4), after: first },
          { key: 'y', bytes: bytes(5), after: other ?? 0 },
          { key: 'z', bytes: bytes(6), after: 7 },
        ])
        assert.deepEqual([again[0], again[2]], [undefined, undefined])
        assert.deepEqual([await numbers(store, 'a', 'x'), await numbers(store, 'a', 'y')], [[2], [5]])
        assert.equal(await read(store, 'a', 'z'), undefined)
        assert.equal((await read(store, 'a', 'x'))?.revision, second)
      },
    ),

    given('what one has already is not sent again, until it is another one', async store => {
      const revision = await put(store, 'a', 'x', bytes(1))
      assert.deepEqual(await store.getMany('a', [{ key: 'x', have: revision }]), ['unchanged'])
      assert.deepEqual(await store.getMany('a', [{ key: 'y', have: revision }]), [undefined])
      const next = await put(store, 'a', 'x', bytes(2))
      const [record] = await store.getMany('a', [{ key: 'x', have: revision }])
      assert.deepEqual([[...(found(record)?.bytes ?? [])], found(record)?.revision], [[2], next])
      await store.writeMany('a', [{ key: 'x', bytes: undefined, after: next }])
      assert.deepEqual(await store.getMany('a', [{ key: 'x', have: next }]), [undefined])
    }),

    given('a record that was taken away is gone, and made again has a revision that it never had', async store => {
      const seen = new Set<Revision>()
      for (let round = 0; round < 5; round++) {
        const revision = await put(store, 'a', 'x', bytes(round))
        assert.ok(!seen.has(revision), `revision ${revision} came twice`)
        seen.add(revision)
        assert.deepEqual(await store.writeMany('a', [{ key: 'x', bytes: undefined, after: 0 }]), [undefined])
        assert.deepEqual(await store.writeMany('a', [{ key: 'x', bytes: undefined, after: revision }]), [0])
        assert.equal(await read(store, 'a', 'x'), undefined)
        assert.deepEqual(await keysOf(store, 'a'), [])
      }
      await put(store, 'a', 'x', bytes(1))
      await store.dropView('a')
      assert.ok(!seen.has(await put(store, 'a', 'x', bytes(1))))
    }),

    given('a record is gone when its time is over, and others stay', async store => {
      await store.writeMany('a', [
        { key: 'short', bytes: bytes(1), after: 0, keepMs: 30 },
        { key: 'long', bytes: bytes(2), after: 0, keepMs: 3_600_000 },
        { key: 'for ever', bytes: bytes(3), after: 0 },
      ])
      const [short] = await store.writeMany('a', [{ key: 'again', bytes: bytes(4), after: 0, keepMs: 30 }])
      // Written anew without a time it is kept
      const [kept] = await store.writeMany('a', [{ key: 'again', bytes: bytes(5), after: short ?? -1 }])
      for (let tries = 0; tries < 200 && (await read(store, 'a', 'short')); tries++)
        await new Promise(resolve => setTimeout(resolve, 10))
      assert.equal(await read(store, 'a', 'short'), undefined)
      assert.deepEqual(await numbers(store, 'a', 'long'), [2])
      if (kept !== undefined) assert.deepEqual(await numbers(store, 'a', 'again'), [5])
      assert.deepEqual((await keysOf(store, 'a')).includes('short'), false)
      assert.equal((await store.writeMany('a', [{ key: 'short', bytes: bytes(6), after: 0 }]))[0] === undefined, false)
      assert.deepEqual(await numbers(store, 'a', 'short'), [6])
    }),

    given('a record that was read stays what it was when the key is written again', async store => {
      await put(store, 'a', 'x', bytes(1, 1))
      const before = await read(store, 'a', 'x')
      await put(store, 'a', 'x', bytes(2, 2))
      assert.deepEqual([...(before?.bytes ?? [])], [1, 1])
      assert.deepEqual(await numbers(store, 'a', 'x'), [2, 2])
    }),

    given('what the caller does to its bytes afterwards changes nothing', async store => {
      const own = bytes(1, 2, 3, 4)
      await put(store, 'a', 'x', own.subarray(1, 3))
      own.fill(9)
      assert.deepEqual(await numbers(store, 'a', 'x'), [2, 3])
    }),

    given('the keys of a view are listed once each; a dropped view is empty and may be filled again', async store => {
      for (let round = 0; round < 2; round++) for (const key of keys) await put(store, 'a', key, bytes(round))
      await put(store, 'b', 'other', bytes(3))
      assert.deepEqual(await keysOf(store, 'a'), [...keys].sort())
      await store.dropView('a')
      await store.dropView('never written')
      assert.deepEqual(await keysOf(store, 'a'), [])
      assert.equal(await read(store, 'a', 'key-1'), undefined)
      assert.deepEqual(await keysOf(store, 'b'), ['other'])
      await put(store, 'a', 'x', bytes(4))
      assert.deepEqual(await keysOf(store, 'a'), ['x'])
    }),

    given('of changes at the same time to one record one is made, and those to others all are', async store => {
      const racing = await Promise.all(
        keys.map((key, i) =>
          store.writeMany('a', [
            { key, bytes: bytes(i % 250), after: 0 },
            { key: 'shared', bytes: bytes(i % 250), after: 0 },
          ]),
        ),
      )
      assert.ok(racing.every(([own]) => own !== undefined))
      assert.equal(racing.filter(([, shared]) => shared !== undefined).length, 1)
      const winner = racing.findIndex(([, shared]) => shared !== undefined)
      assert.deepEqual(await numbers(store, 'a', 'shared'), [winner % 250])
    }),

    given('records are there after the place is closed and opened again', async (store, at) => {
      const revision = await put(store, 'a', 'x', bytes(1))
      await store.flush()
      await store.close()
      const again = await at.open()
      try {
        assert.deepEqual(await numbers(again, 'a', 'x'), [1])
        assert.equal((await read(again, 'a', 'x'))?.revision, revision)
        assert.notEqual(await put(again, 'a', 'x', bytes(2)), revision)
      } finally {
        await again.close()
      }
    }),

    given(
      'several processes append to one record, and none loses what another wrote, nor one that is killed',
      async (store, at) => {
        const text = async (): Promise<string> =>
          Buffer.from((await read(store, 'view', 'shared'))?.bytes ?? []).toString()
        let reached = 0
        const writers = ['a', 'b'].map(name => startWriter(at, appender, 1, name))
        try {
          // This process is the third writer and the reader of all
          for (let own = 1; own <= 20; own++) {
            const acknowledged = writers.map(writer => writer.last())
            for (;;) {
              const record = await read(store, 'view', 'shared')
              const before = Buffer.from(record?.bytes ?? []).toString()
              for (const [i, last] of acknowledged.entries())
                assert.ok(
                  last === 0 || before.includes(`${i === 0 ? 'a' : 'b'}${last} `),
                  `${last} was acknowledged and is not seen`,
                )
              const change = { key: 'shared', bytes: Buffer.from(`${before}own${own} `), after: record?.revision ?? 0 }
              if ((await store.writeMany('view', [change]))[0] !== undefined) break
            }
            await new Promise(resolve => setTimeout(resolve, 5))
          }
          await writers[0]?.acknowledged(3)
          await writers[1]?.acknowledged(3)
        } finally {
          reached = writers[0]?.last() ?? 0
          for (const writer of writers) await writer.kill()
        }
        const list = (await text()).trim().split(' ')
        assert.equal(new Set(list).size, list.length, 'something was appended twice')
        for (const [name, last] of [
          ['a', reached],
          ['own', 20],
        ] as const)
          for (let number = 1; number <= last; number++)
            assert.ok(list.includes(`${name}${number}`), `${name}${number} is lost`)
        await put(store, 'view', 'after', bytes(1))
        assert.deepEqual(await numbers(store, 'view', 'after'), [1])
      },
    ),
  ]
  return withSkips(cases, skips)
}
