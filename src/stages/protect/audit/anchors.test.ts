import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { type Anchor, type AnchorRecord, signAnchored } from './anchor.ts'
import { disagreement, type HeldAnchors } from './anchors.ts'
import { GrowingTree } from './merkle.ts'
import { lossOf, type Position } from './position.ts'

// What the places of an audit log say against each other, and against the log: pure verdicts on what each holds.

const { privateKey: key } = generateKeyPairSync('ed25519')
const { privateKey: another } = generateKeyPairSync('ed25519')
const pem = String(createPublicKey(key).export({ format: 'pem', type: 'spki' }))
const current: Anchor = {
  log: 'a',
  records: 6,
  head: 'head of 6',
  at: 1,
  publicKey: pem,
  checkpoints: 3,
  note: 'note',
}
const [file, branch] = ['anchors.jsonl', 'the ref']
/** An anchor as places besides the store have it. */
const copy = (over: Partial<Anchor> = {}): AnchorRecord =>
  signAnchored({ current: { ...current, ...over }, lost: [] }, key)
const held = (
  store: Partial<AnchorRecord> | undefined,
  inFile: AnchorRecord | undefined,
  inBranch = copy(),
): HeldAnchors => ({
  store: {
    place: 'the metadata store',
    anchored: store && { current, lost: [], places: [file, branch], ...store },
  },
  others: [
    { place: file, anchored: inFile },
    { place: branch, anchored: inBranch },
  ],
})

describe('places of a log', () => {
  it.each<[string, HeldAnchors]>([
    ['all hold the last checkpoint', held({}, copy())],
    ['the log and a place are at the checkpoint that was being signed', held({ signing: 4 }, copy({ checkpoints: 4 }))],
    ['a place was named in the settings only now', held({ places: [branch] }, undefined)],
    ['a place that was named only now has an older anchor', held({ places: [branch] }, copy({ checkpoints: 1 }))],
    [
      'no checkpoint was signed yet',
      held({ current: { ...current, checkpoints: 0 } }, undefined, copy({ checkpoints: 0 })),
    ],
  ])('agree where %s', (_, places) => {
    expect(disagreement(places)).toBeUndefined()
  })

  it.each<[string, HeldAnchors, string, string]>([
    ['one was put back', held({}, copy({ checkpoints: 2 })), file, 'its last anchor is of checkpoint 2, 3 were signed'],
    ['one was emptied', held({}, undefined), file, 'it holds no anchor of this log any more'],
    [
      'one was altered',
      held({}, { ...copy(), current: { ...current, records: 5 } }),
      file,
      'its last anchor is not signed by the key that it names',
    ],
    [
      'one is not signed',
      held({}, { current, lost: [] }),
      file,
      'its last anchor is not signed by the key that it names',
    ],
    [
      'the store was put back',
      held({}, copy({ checkpoints: 4 })),
      'the metadata store',
      `its anchor is of checkpoint 3, that of ${file} is of 4`,
    ],
    [
      'the store was put back to while a checkpoint was signed',
      held({ signing: 4 }, copy(), copy({ checkpoints: 5 })),
      'the metadata store',
      `its anchor is of checkpoint 3, that of ${branch} is of 5`,
    ],
    [
      'the store is new',
      held(undefined, copy()),
      'the metadata store',
      `it holds no anchor of this log, but ${file} does`,
    ],
    [
      'one cannot be read',
      { ...held({}, copy()), others: [{ place: file, anchored: undefined, unreadable: 'line 2 is no anchor' }] },
      file,
      'it cannot be read: line 2 is no anchor',
    ],
  ])('disagree where %s', (_, places, place, reason) => {
    expect(disagreement(places)).toEqual({ place, reason })
    expect(lossOf(places, at(), key)).toBeDefined()
  })
})

/** Where a log is that is as it was anchored. */
const at = (over: Partial<Position> & { readonly records?: number } = {}): Position => {
  const tree = new GrowingTree()
  for (let i = 0; i < (over.records ?? 6); i++) tree.add(Buffer.alloc(32, i))
  const heads = new Map([
    [5, 'head of 5'],
    [6, 'head of 6'],
  ])
  return { tree, previous: 'head of 6', segment: 1, bytes: 1, signed: 6, checkpoints: 3, heads, ...over }
}

describe('a log', () => {
  const whole = held({}, copy())
  it('is whole where it is as it was anchored, or has grown since', () => {
    expect(lossOf(whole, at(), key)).toBeUndefined()
    expect(lossOf(whole, at({ records: 9 }), key)).toBeUndefined()
  })

  it.each<[string, HeldAnchors, Position, typeof key, string]>([
    ['was cut', whole, at({ records: 5 }), key, '6 records were anchored, 5 are left'],
    [
      'has another last record',
      whole,
      at({ heads: new Map([[6, 'forged']]) }),
      key,
      'record 5 is not the one that was anchored',
    ],
    ['is signed by another key', whole, at(), another, 'the key that signs it is another one'],
    [
      'was cut by less than one place knows of',
      held({}, copy({ records: 7, head: 'head of 7' })),
      at(),
      key,
      '7 records were anchored, 6 are left',
    ],
    [
      'is known to no place',
      { store: { place: 'the metadata store', anchored: undefined }, others: [] },
      at(),
      key,
      'the metadata store held no anchor of it',
    ],
  ])('is not where it %s', (_, places, position, signer, reason) => {
    expect(lossOf(places, position, signer)).toBe(reason)
  })

  it('that nothing was written to yet is known to nobody', () => {
    const nowhere = { store: { place: 'the metadata store', anchored: undefined }, others: [] }
    expect(lossOf(nowhere, at({ records: 0, checkpoints: 0 }), key)).toBeUndefined()
    expect(lossOf(nowhere, at({ records: 0, checkpoints: 1 }), key)).toBe('the metadata store held no anchor of it')
  })
})
