import type { TrainAnswer } from '../app/train.ts'
import type { Project } from '../define/project.ts'
import { parametersInWords } from '../stages/pipeline/winner.ts'
import type { Output } from './command.ts'

const short = (text: string): string => (text.length > 100 ? `${text.slice(0, 99)}…` : text)

/** What is done with a new version: it is deployed, where a deployment serves its model, else looked at. */
function nextOf({ deployments }: Project, model: string, version: number): string {
  const serving = [...deployments.values()].filter(one => one.model.name === model)
  if (serving[0] === undefined) return `models show ${model}@${version}`
  return deployments.size === 1 ? 'deploy' : `deploy ${serving[0].name}`
}

export function printVersion(
  { model, run, status, steps, version, metrics, chosen, error, uncommitted }: TrainAnswer,
  project: Project,
  out: Output,
): number {
  out.table(
    ['step', '', 'why'],
    steps.map(step => [step.step, step.status, short(step.reason ?? '')]),
  )
  out.line()
  if (version === null) {
    out.line(`Run ${run} ${status}: ${error?.reason ?? 'no reason was recorded'}`)
    out.line(`Next:  npx millrace runs show ${run}`)
    return error?.exit ?? 1
  }
  if (uncommitted) {
    const files = uncommitted.files.join(', ')
    out.note(
      uncommitted.kept
        ? `made of uncommitted code; ${files} is kept with the version, so that it can be rebuilt`
        : `made of uncommitted code that is too large to be kept with the version: ${files}`,
    )
  }
  if (chosen) out.line(`chosen by ${chosen.trials} trials: ${parametersInWords(chosen.parameters)}`)
  const figures = Object.entries(metrics ?? {}).map(([name, value]) => `${name} ${Number(value).toPrecision(4)}`)
  out.line(`${model}@${version}  ${figures.join('  ')}`)
  out.line(`Next:  npx millrace ${nextOf(project, model, version)}`)
  return 0
}
