import { formatTime } from '../../internal/time.ts'
import { fail } from '../../errors/index.ts'
import type { Alert } from '../../ports/notifier.ts'
import type { Command } from '../command.ts'
import { withWorkspace } from '../../app/with-workspace.ts'

export const command: Command = {
  summary: 'windows, drift and alerts of a monitor',
  arguments: [{ name: 'monitor', description: 'which (default: the only one)' }],
  run: ({ args, cwd, out }) =>
    withWorkspace(cwd, async ({ store, project }) => {
      const { size } = project.monitors
      if (args[0] === undefined && size > 1)
        throw fail('notNamed', { kind: 'monitor', count: size, known: [...project.monitors.keys()].join(', ') })
      const [name = [...project.monitors.keys()][0]] = args
      if (name === undefined || !project.monitors.has(name))
        throw fail('notDefined', {
          kind: 'monitor',
          name: name ?? '(none)',
          known: [...project.monitors.keys()].join(', ') || 'no monitors',
        })
      const windows = await store.listWindows(name, { limit: 5_000 })
      const alerts = (await store.listDocuments('alert'))
        .map(one => one.value as unknown as Alert)
        .filter(alert => alert.labels.monitor === name)
      out.data({ monitor: name, windows, alerts })
      const whole = windows.filter(one => one.series === 'window')
      // Windows of a day or more are told apart by their date
      const digits = (project.monitors.get(name)?.window ?? 0) % 86_400_000_000 === 0 ? 10 : 19
      if (whole.length === 0) out.line(`${name} has seen no whole window yet.`)
      else
        out.table(
          ['window', 'verdict', 'what'],
          whole.map(one => [formatTime(one.from).slice(0, digits), String(one.body.verdict), String(one.body.reason)]),
        )
      const firing = alerts.filter(one => one.state === 'firing')
      out.line()
      out.line(firing.length === 0 ? 'No alert is firing.' : 'Firing:')
      for (const one of firing) out.line(`  ${one.name} since ${formatTime(one.startsAt).slice(0, 19)}: ${one.summary}`)
    }),
}
