import { fork } from 'node:child_process'
import type { RowRule } from '../../../define/expectation/rule.ts'
import type { ExpectationSpec } from '../../../define/expectation/spec.ts'
import { fail } from '../../../errors/index.ts'
import { rowColumn, type Column } from '../../../ports/data-engine.ts'
import { badTable, numberedIn, type RuleContext, type RuleOutcome } from './context.ts'

type BatchRule = Extract<RowRule, { by: 'batch' }>

/** What the process answers: bad rows of the batch by their place in it, or why it could not. */
type Answer = { readonly bad: readonly number[] } | { readonly error: string }

/** A column as structured clone carries it to another process. */
function plainColumn(column: Column): readonly unknown[] {
  const { values, nulls, type } = column
  return Array.from({ length: values.length }, (_, i) => {
    if (nulls?.[i]) return null
    const value = values[i]
    if (type === 'bool') return value === 1
    return typeof value === 'bigint' && Number.isSafeInteger(Number(value)) ? Number(value) : value
  })
}

/** The answer of a process that may have been made to say anything. */
function answerOf(said: unknown, rows: number): Answer {
  const { bad, error } = (said ?? {}) as { readonly bad?: unknown; readonly error?: unknown }
  if (error !== undefined) return { error: String(error) }
  const isPlace = (at: unknown) => Number.isInteger(at) && (at as number) >= 0 && (at as number) < rows
  return Array.isArray(bad) && bad.every(isPlace) && new Set(bad).size === bad.length
    ? { bad: bad as number[] }
    : { error: 'its process gave no answer of rows' }
}

class BatchProcess {
  readonly #child
  readonly #ended: Promise<string>
  #why = ''

  constructor(context: RuleContext, spec: ExpectationSpec, memoryBytes: number) {
    const { userCode } = context
    if (!userCode)
      throw fail('userCheckFailed', { check: spec.says, reason: 'it needs a project file to be loaded from' })
    this.#child = fork(userCode.script, [userCode.root, context.dataset.name, spec.id, String(memoryBytes)], {
      cwd: userCode.root,
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env: { PATH: process.env.PATH, HOME: process.env.HOME },
      execArgv: [`--max-old-space-size=${Math.floor(memoryBytes / 2 ** 20)}`],
    })
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#why = (this.#why + text).slice(-4000)
    })
    this.#ended = new Promise(done => {
      this.#child.once('error', error => done(error.message))
      this.#child.once('exit', (code, signal) =>
        done(
          /out of memory/i.test(this.#why)
            ? `it used more than ${Math.floor(memoryBytes / 1e6)} MB`
            : `its process ended with ${signal ?? `code ${code}`}${this.#why ? `: ${this.#why.trim().split('\n')[0]}` : ''}`,
        ),
      )
    })
  }

  async ask(batch: Readonly<Record<string, readonly unknown[]>>, remaining: number): Promise<Answer> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<Answer>(done => {
      timer = setTimeout(() => done({ error: 'it took longer than its timeout' }), Math.max(0, remaining))
    })
    const rows = Object.values(batch)[0]?.length ?? 0
    const answered = new Promise<Answer>(done => this.#child.once('message', said => done(answerOf(said, rows))))
    this.#child.send(batch, () => undefined)
    try {
      return await Promise.race([answered, late, this.#ended.then(error => ({ error }))])
    } finally {
      clearTimeout(timer)
    }
  }

  stop(): void {
    this.#child.kill('SIGKILL')
  }
}

/** Puts batches of columns to a user's function in a process of its own, within limits of time and memory. */
export async function batchRule(context: RuleContext, spec: ExpectationSpec, rule: BatchRule): Promise<RuleOutcome> {
  const { engine, found } = context
  const { dialect } = engine
  const row = dialect.identifier(rowColumn)
  const table = badTable()
  const columns = rule.columns.map(dialect.identifier).join(', ')
  const numbers: bigint[] = []
  let evaluated = 0
  const child = new BatchProcess(context, spec, rule.memoryBytes)
  const until = Date.now() + rule.timeoutMicros / 1000
  try {
    for await (const batch of engine.stream(`SELECT ${row}, ${columns} FROM (${found.numbered})`)) {
      const place = batch.get(rowColumn)?.values as BigInt64Array
      const body = Object.fromEntries(rule.columns.map(name => [name, plainColumn(batch.get(name) as Column)]))
      const answer = await child.ask(body, until - Date.now())
      if ('error' in answer) throw fail('userCheckFailed', { check: spec.says, reason: answer.error })
      evaluated += place.length
      for (const at of answer.bad) numbers.push(place[at] as bigint)
    }
  } finally {
    child.stop()
  }
  const counts = { bad: numbers.length, evaluated, excludedNull: 0, excludedFilter: 0 }
  if (numbers.length === 0) return { counts, bad: undefined }
  await engine.load(table, [{ name: rowColumn, type: 'int', values: BigInt64Array.from(numbers) }])
  return { counts, bad: numberedIn(engine, table), numbers: table, tables: [table] }
}
