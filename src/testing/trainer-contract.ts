import assert from 'node:assert/strict'
import { openRuntime } from '../config/runtime.ts'
import { isMillraceError } from '../errors/index.ts'
import { scoreDistance, scoreScale } from '../math/metrics/score-distance.ts'
import type { Task } from '../math/task.ts'
import { parity, verifyModel } from '../onnx/index.ts'
import type { LoadedModel } from '../ports/inference-runtime.ts'
import type { InputRows, ModelTrainer, TrainingResult, Trainer } from '../ports/trainer.ts'
import { batchOf, scoreRows } from '../stages/evaluate/subject.ts'
import { type ContractCase, type Skips, withSkips } from './contract.ts'
import { contractInputs, type ContractRequest, type FrameOptions, withRequest } from './trainer-frame.ts'

export interface TrainerSubject {
  /** The adapter. */
  open(): Promise<ModelTrainer>
  /** What it is asked to train with for a request; undefined for a task that it cannot learn. */
  trainer(request: ContractRequest): Trainer | undefined | Promise<Trainer | undefined>
}

const tasks: readonly Task[] = ['binary', 'multiclass', 'regression', 'quantile', 'count']
/** Of scores, in units of what is usual among them: what `reproducible: 'tolerance'` says of two trainings. */
const tolerance = 1e-4

/** What every trainer must do, whatever it trains: a few cases for each task. */
export function trainerContract(subject: TrainerSubject, skips: Skips = {}): readonly ContractCase[] {
  return withSkips([...tasks.flatMap(task => casesOf(task, subject)), ...otherCases(subject)], skips)
}

/** Trains, and gives what came of it; undefined for a task that the trainer cannot learn. */
async function trained(subject: TrainerSubject, request: ContractRequest): Promise<TrainingResult | undefined> {
  const trainer = await subject.trainer(request)
  return trainer && (await (await subject.open()).train({ ...request, trainer }))
}

/** The graph of what was trained, by the runtime that serves it. */
async function loaded<T>({ onnx, card }: TrainingResult, look: (model: LoadedModel) => Promise<T>): Promise<T> {
  const model = await (await openRuntime()).load(onnx, card.binding)
  try {
    return await look(model)
  } finally {
    await model.close()
  }
}

const scoresOf = (made: TrainingResult, { inputs, rows }: InputRows): Promise<Float32Array> =>
  loaded(made, model => scoreRows({ loaded: model, inputs: made.card.inputs }, inputs, rows))

/** Largest difference of the scores of two trainings on the held-out rows, in units of what is usual among them. */
async function differ(task: Task, one: TrainingResult, other: TrainingResult, rows: InputRows): Promise<number> {
  const [first, second] = [await scoresOf(one, rows), await scoresOf(other, rows)]
  assert.equal(first.length, second.length)
  const scale = scoreScale(task, first)
  return first.reduce((most, value, i) => Math.max(most, scoreDistance(second[i] as number, value, scale)), 0)
}

/** As alike as its card says that two trainings are. */
async function assertAlike(
  task: Task,
  one: TrainingResult,
  other: TrainingResult,
  rows: InputRows,
  why: string,
): Promise<void> {
  if (one.card.reproducible === 'none') return
  if (one.card.reproducible === 'bitwise') assert.deepEqual(Buffer.from(other.onnx), Buffer.from(one.onnx), why)
  else assert.ok((await differ(task, one, other, rows)) <= tolerance, why)
}

function assertScores(task: Task, scores: Float32Array, outputs: number): void {
  assert.ok(scores.every(Number.isFinite), 'every score is a finite number')
  if (task === 'binary' || task === 'multiclass')
    assert.ok(
      scores.every(score => score >= 0 && score <= 1),
      'probabilities are from 0 to 1',
    )
  if (task === 'count')
    assert.ok(
      scores.every(score => score >= 0),
      'no rate is below 0',
    )
  if (task !== 'multiclass') return
  for (let row = 0; row < scores.length / outputs; row++) {
    const sum = scores.subarray(row * outputs, (row + 1) * outputs).reduce((all, one) => all + one, 0)
    assert.ok(Math.abs(sum - 1) < 1e-4, `the probabilities of row ${row} add up to ${sum}`)
  }
}

function casesOf(task: Task, subject: TrainerSubject): readonly ContractCase[] {
  const on = (name: string, look: (made: TrainingResult, request: ContractRequest) => Promise<void>): ContractCase => ({
    name: `${task}: ${name}`,
    run: () =>
      withRequest({ task }, async request => {
        const made = await trained(subject, request)
        if (made) await look(made, request)
      }),
  })
  return [
    on('gives a valid ONNX file, which answers every held-out row', async (made, { frame, classes }) => {
      const broken = verifyModel(made.onnx).filter(check => check.severity === 'critical' && check.status === 'fail')
      assert.deepEqual(broken, [])
      const held = await frame.rows('test')
      const outputs = await loaded(made, model => Promise.resolve(model.outputs))
      assert.equal(outputs, task === 'multiclass' ? classes.length : 1)
      assertScores(task, await scoresOf(made, held), outputs)
    }),
    on('gives a card that says what it is', async ({ card }, { classes }) => {
      assert.deepEqual([card.kind, card.schema, card.task], ['model card', 1, task])
      assert.deepEqual(card.classes, classes)
      assert.deepEqual(
        card.inputs.map(one => [one.name, one.kind]),
        contractInputs.map(one => [one.name, one.type === 'text' ? 'text' : 'number']),
      )
      assert.ok(['bitwise', 'tolerance', 'none'].includes(card.reproducible))
      assert.notEqual(card.trainer, '')
      assert.ok([0, contractInputs.length].includes(card.importance.length), 'an importance for each input, or none')
      const sum = card.importance.reduce((all, one) => all + one, 0)
      assert.ok(card.importance.length === 0 || sum === 0 || Math.abs(sum - 1) < 1e-6, 'shares add up to 1')
      assert.ok(card.importance.every(one => one >= 0))
      assert.deepEqual(JSON.parse(JSON.stringify(card)), card, 'it is plain JSON')
      return Promise.resolve()
    }),
    on('answers as its file does, where it says what it answers', async made => {
      const { reference, card } = made
      if (!reference) return
      const all = Int32Array.from({ length: reference.rows }, (_, row) => row)
      const check = await loaded(made, model =>
        parity(
          task,
          reference.scores,
          model,
          batchOf(card.inputs, reference.inputs, all),
          0.5,
          card.binding !== undefined,
        ),
      )
      assert.equal(check.status, 'pass', check.message)
    }),
    on('trains again what its card says that it does', async (made, request) => {
      const again = await trained(subject, request)
      assert.ok(again)
      await assertAlike(
        task,
        made,
        again,
        await request.frame.rows('test'),
        'the same rows and seed give the same model',
      )
    }),
    on('learns nothing from the truth of held-out rows', async (made, request) => {
      const held = await request.frame.rows('test')
      const other = await withRequest({ task, strangeTruths: true }, strange => trained(subject, strange))
      assert.ok(other)
      await assertAlike(task, made, other, held, 'other labels of held-out rows change nothing')
    }),
    on('answers what is missing, and texts that it has never seen', async made => {
      const nothing: InputRows = {
        rows: 3,
        inputs: [
          Float32Array.of(Number.NaN, 1e6, -1e6),
          Float32Array.of(Number.NaN, 0, 1),
          ['', 'never seen', 'north'],
        ],
      }
      const outputs = await loaded(made, model => Promise.resolve(model.outputs))
      assertScores(task, await scoresOf(made, nothing), outputs)
    }),
  ]
}

/** The first task that the trainer learns. */
async function withAny(
  subject: TrainerSubject,
  more: Omit<FrameOptions, 'task'>,
  look: (...given: [ContractRequest, Trainer, ...Parameters<Parameters<typeof withRequest>[1]>]) => Promise<void>,
): Promise<void> {
  for (const task of tasks) {
    const done = await withRequest({ task, ...more }, async (request, heard, stop) => {
      const trainer = await subject.trainer(request)
      if (trainer) await look(request, trainer, request, heard, stop)
      return trainer !== undefined
    })
    if (done) return
  }
  assert.fail('it learns no task at all')
}

function otherCases(subject: TrainerSubject): readonly ContractCase[] {
  return [
    {
      name: 'tells progress as a share, and metrics as finite numbers',
      run: () =>
        withAny(subject, {}, async (request, trainer, _, heard) => {
          await (await subject.open()).train({ ...request, trainer })
          assert.ok(heard.fractions.every(one => one >= 0 && one <= 1))
          assert.ok(heard.metrics.every(([key, value]) => key !== '' && Number.isFinite(value)))
        }),
    },
    {
      name: 'does not train where the run was cancelled',
      run: () =>
        withAny(subject, {}, async (request, trainer, _, __, stop) => {
          stop.abort(new Error('the run was cancelled'))
          const adapter = await subject.open()
          await assert.rejects(adapter.train({ ...request, trainer }))
        }),
    },
    {
      name: 'learns from rows of one label, or says in words that it cannot',
      run: () =>
        withAny(subject, { oneLabel: true }, async (request, trainer) => {
          try {
            const made = await (await subject.open()).train({ ...request, trainer })
            assertScores(request.task, await scoresOf(made, await request.frame.rows('test')), 1)
          } catch (error) {
            assert.ok(isMillraceError(error), String(error))
          }
        }),
    },
  ]
}
