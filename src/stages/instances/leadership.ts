import type { Json } from '../../internal/canonical-json.ts'
import { ulid } from '../../internal/ids.ts'
import { isAlive, ownIdentity } from '../../internal/process-identity.ts'
import type { Micros } from '../../internal/time.ts'
import type { Clock } from '../../ports/clock.ts'
import type { ProcessIdentity } from '../../ports/executor.ts'
import type { Document, Fence, MetadataStore } from '../../ports/metadata-store.ts'

const instanceKind = 'instance'
const leader = { kind: 'leader', id: 'serving' } as const

/** One process that serves the project, as it has written itself down. */
export interface Instance {
  readonly id: string
  /** Where the other instances reach it. */
  readonly url: string
  readonly process: ProcessIdentity
  /** Says which state folder it works in, whatever path that has there. */
  readonly folder: string
  readonly since: Micros
}

interface Leader {
  readonly instance: string
  /** How many led before. */
  readonly term: number
}

/**
 * Milliseconds without a sign of life after which another takes over, and for which a leader may be sure of its lead from the
 * moment before its last sign was written. Both are measured by clocks that never go back: no two machines need agree on the time.
 */
export const leaseMs = 5_000

/** A sign of life that nobody has renewed is removed after so long: nothing that its instance wrote down is waited for. */
const forgottenMs = 60_000

const instanceOf = ({ id, value }: Document): Instance => ({ id, ...(value as unknown as Omit<Instance, 'id'>) })

interface Services {
  readonly store: MetadataStore
  readonly clock: Clock
}

/** Who serves the project: those that have given a sign of life of late. What others left behind names nobody. */
export async function instances({ store, clock }: Services): Promise<readonly Instance[]> {
  const late = clock.now() - 3 * leaseMs * 1000
  const documents = (await store.listDocuments(instanceKind)).filter(one => one.at > late)
  return documents.map(instanceOf).filter(one => isAlive(one.process) !== false)
}

/** The instance that leads, if there is one that has given a sign of life of late. */
export async function leadingInstance(services: Services): Promise<Instance | undefined> {
  const said = (await services.store.getDocument<never>(leader.kind, leader.id))?.value as Leader | undefined
  return said && (await instances(services)).find(one => one.id === said.instance)
}

/**
 * Takes the lead whoever has it: for the only process that may serve. Gives what its writes are fenced with.
 */
export async function seizeLead(store: MetadataStore, at: Micros): Promise<Fence> {
  for (;;) {
    const before = await store.getDocument<never>(leader.kind, leader.id)
    const term = ((before?.value as Leader | undefined)?.term ?? 0) + 1
    const value = { instance: ulid(), term }
    const revision = await store.putDocument(leader.kind, leader.id, value, at, before?.revision ?? 0)
    if (revision !== undefined) return { ...leader, revision }
  }
}

/** Lets the lead go, if it is still held: nobody needs to wait. */
export const releaseLead = (store: MetadataStore, { kind, id, revision }: Fence): Promise<void> =>
  store.removeDocument(kind, id, revision)

/** A sign of life of another as this one saw it. */
interface Sign {
  readonly revision: number
  /** By the clock that never goes back. */
  readonly seen: number
}

/**
 * One process among those that serve a project: gives signs of life, knows who leads, and takes over where nobody does. The
 * lead is one document; whoever takes over writes it anew, and every write of the one before is refused from then on.
 */
export class Membership {
  readonly id = ulid()
  readonly #store: MetadataStore
  readonly #clock: Clock
  readonly #mayLead: boolean
  #about: Omit<Instance, 'id'>
  readonly #signs = new Map<string, Sign>()
  /** A lead whose holder gives no signs of life. */
  #lead: Sign | undefined
  #beats = 0
  /** The lead is sure until then, by the clock that never goes back. */
  #sureUntil = Number.NEGATIVE_INFINITY
  #fence: Fence | undefined
  #leader: Instance | undefined

  /** `mayLead`: whether it takes over where nobody leads. */
  constructor({ store, clock }: Services, folder: string, mayLead = true) {
    this.#mayLead = mayLead
    this.#store = store
    this.#clock = clock
    this.#about = { url: '', folder, process: ownIdentity(), since: clock.now() }
  }

  /** Where the others reach it, from its next sign of life on. */
  reachedAt(url: string): void {
    this.#about = { ...this.#about, url }
  }

  /** What the writes of this one are fenced with while it leads. */
  get fence(): Fence | undefined {
    return this.#fence
  }

  /** Nobody else can have taken over yet. */
  get leads(): boolean {
    return this.#fence !== undefined && this.#clock.elapsed() < this.#sureUntil
  }

  /** Who leads, if it is another and known. */
  get leader(): Instance | undefined {
    return this.#leader
  }

  /** Those that have given a sign of life of late, this one among them. */
  get alive(): ReadonlySet<string> {
    return new Set([this.id, ...this.#signs.keys()])
  }

  /** Gives a sign of life, and looks who leads: takes over where nobody does. Call it every second. */
  async beat(): Promise<void> {
    const before = this.#clock.elapsed()
    const value = { ...this.#about, beat: ++this.#beats } as unknown as Json
    await this.#store.putDocument(instanceKind, this.id, value, this.#clock.now(), undefined, true)
    const others = (await this.#store.listDocuments(instanceKind)).filter(one => one.id !== this.id)
    await this.#follow(others)
    const document = await this.#store.getDocument<never>(leader.kind, leader.id)
    const said = document?.value as Leader | undefined
    if (document && said?.instance === this.id && document.revision === this.#fence?.revision) {
      this.#sureUntil = before + leaseMs
      return
    }
    this.#fence = undefined
    const holder = others.find(one => one.id === said?.instance)
    this.#leader = holder && instanceOf(holder)
    if (!this.#mayLead) return
    // Who has no sign of life (a command, or who was forgotten) is waited for like others, by the lead itself
    if (document && !(holder ? this.#isGone(holder) : this.#isOver(document))) return
    const next: Leader = { instance: this.id, term: (said?.term ?? 0) + 1 }
    const revision = await this.#store.putDocument(
      leader.kind,
      leader.id,
      { ...next },
      this.#clock.now(),
      document?.revision ?? 0,
    )
    if (revision === undefined) return
    this.#fence = { ...leader, revision }
    this.#leader = undefined
    this.#sureUntil = before + leaseMs
  }

  async #follow(others: readonly Document[]): Promise<void> {
    const now = this.#clock.elapsed()
    const known = new Set(others.map(one => one.id))
    for (const id of this.#signs.keys()) if (!known.has(id)) this.#signs.delete(id)
    for (const one of others) {
      const sign = this.#signs.get(one.id)
      if (sign?.revision !== one.revision) this.#signs.set(one.id, { revision: one.revision, seen: now })
      else if (now - sign.seen > forgottenMs || isAlive(instanceOf(one).process) === false) {
        await this.#store.removeDocument(instanceKind, one.id, one.revision)
        this.#signs.delete(one.id)
      }
    }
  }

  #isOver({ revision }: Document): boolean {
    const now = this.#clock.elapsed()
    if (this.#lead?.revision !== revision) this.#lead = { revision, seen: now }
    return now - this.#lead.seen > leaseMs
  }

  #isGone(one: Document): boolean {
    if (isAlive(instanceOf(one).process) === false) return true
    const sign = this.#signs.get(one.id)
    return sign !== undefined && this.#clock.elapsed() - sign.seen > leaseMs
  }

  /** Leaves: who leads lets go, so that nobody waits. */
  async leave(): Promise<void> {
    const fence = this.#fence
    this.#fence = undefined
    if (fence) await releaseLead(this.#store, fence)
    await this.#store.removeDocument(instanceKind, this.id)
  }
}
