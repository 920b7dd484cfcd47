import type { ScalarType } from '../../define/expression/node.ts'
import type { EdgeColumn, EdgeDescription } from './description.ts'

export type EdgeTarget = 'web' | 'node'

const typesOf: Readonly<Record<ScalarType, string>> = {
  int: 'number | bigint',
  float: 'number',
  text: 'string',
  bool: 'boolean',
  timestamp: 'Date | string | number',
  vector: 'readonly number[]',
}

/** The module that is imported: it finds the files beside it. */
export const entryModule: Readonly<Record<EdgeTarget, string>> = {
  web: `import { edgeModel } from './lib/stages/edge/scorer.js'

/** Loads the model. Without a runtime the one in runtime/ is used. */
export async function load(runtime) {
  const here = name => new URL(name, import.meta.url)
  const ort = runtime ?? (await import('./runtime/ort.wasm.min.mjs'))
  ort.env.wasm.numThreads = 1
  const [description, onnx] = await Promise.all([
    fetch(here('./model.json')).then(answer => answer.json()),
    fetch(here('./model.onnx')).then(answer => answer.arrayBuffer()),
  ])
  return edgeModel(ort, description, new Uint8Array(onnx))
}
`,
  node: `import { readFile } from 'node:fs/promises'
import { edgeModel } from './lib/stages/edge/scorer.js'

/** Loads the model. Without a runtime onnxruntime-node is used. */
export async function load(runtime) {
  const here = name => new URL(name, import.meta.url)
  const ort = runtime ?? (await import('onnxruntime-node')).default
  const [description, onnx] = await Promise.all([readFile(here('./model.json'), 'utf8'), readFile(here('./model.onnx'))])
  return edgeModel(ort, JSON.parse(description), onnx)
}
`,
}

export function declarations({ columns, task, classes }: EdgeDescription): string {
  const members = columns.map(
    ({ name, type, nullable, feature }) =>
      `${feature ? '  /** A feature of a view, as the feature store has it now. */\n' : ''}  readonly ${JSON.stringify(name)}: ${typesOf[type]}${nullable ? ' | null' : ''}`,
  )
  const label = classes.length > 0 ? classes.map(one => JSON.stringify(one)).join(' | ') : 'string'
  const score =
    task === 'binary'
      ? '  /** Probability. */\n  readonly score: number\n  /** Whether it reaches the threshold. */\n  readonly label: boolean'
      : task === 'multiclass'
        ? `  readonly score: number\n  readonly label: ${label}\n  readonly probabilities: Readonly<Record<${label}, number>>`
        : '  readonly score: number'
  return `export interface Row {\n${members.join('\n')}\n}\n\nexport interface Score {\n${score}\n}\n\nexport interface Model {\n  /** Throws an Error that names row and column for what cannot be scored. */\n  score(rows: readonly Row[]): Promise<Score[]>\n}\n\n/** Loads the model; \`runtime\` is ONNX Runtime where another one is to be used. */\nexport function load(runtime?: object): Promise<Model>\n`
}

const sampleOf = ({ type, nullable }: EdgeColumn): unknown =>
  nullable ? null : { int: 0, float: 0, text: '', bool: false, timestamp: '2001-01-01T00:00:00Z', vector: [] }[type]

export function demoPage({ model, version, columns }: EdgeDescription): string {
  const row = JSON.stringify(Object.fromEntries(columns.map(column => [column.name, sampleOf(column)])), null, 2)
  const title = escaped(`${model} ${version}`)
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>${title}</title>
<style>body { font: 16px system-ui; max-width: 40rem; margin: 2rem auto; padding: 0 1rem } textarea { width: 100%; font: 14px monospace } </style>
<h1>${title}</h1>
<p>One row as JSON; it is scored here, and goes nowhere.</p>
<form><textarea rows="${columns.length + 4}" aria-label="row">${escaped(row)}</textarea><p><button>Score</button></p></form>
<pre role="status"></pre>
<script type="module">
import { load } from './model.js'
const model = await load()
const said = document.querySelector('pre')
document.querySelector('form').addEventListener('submit', async event => {
  event.preventDefault()
  try {
    said.textContent = JSON.stringify((await model.score([JSON.parse(document.querySelector('textarea').value)]))[0], null, 2)
  } catch (error) {
    said.textContent = error.message
  }
})
document.body.dataset.ready = 'yes'
</script>
</html>
`
}

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')

export function readMe(description: EdgeDescription, target: EdgeTarget): string {
  const { model, version, digest, columns } = description
  const features = columns.filter(column => column.feature).map(column => `- \`${column.name}\``)
  const use =
    target === 'web'
      ? 'Serve this folder as files; `index.html` is a page to try it. In a page of yours:'
      : 'Install `onnxruntime-node` beside it, then:'
  const given =
    features.length === 0
      ? ''
      : `\nFeatures of views are computed from history, which is not here. Give them with each row, as the feature store has them now\n(\`null\` where it has none):\n\n${features.join('\n')}\n`
  return `# ${model} ${version}

The model \`${digest}\`, with everything that scoring a row needs: the graph, its inputs as data (\`model.json\`), and the evaluator of
their expressions (\`lib/\`). Scores are those of the server, to the precision of float32.

${use}

    import { load } from './model.js'
    const model = await load()
    const [{ score }] = await model.score([{ … }])

\`model.d.ts\` has the type of a row. A time is a Date, a text with a zone, or microseconds since 1970.
${given}`
}
